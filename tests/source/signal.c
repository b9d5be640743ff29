// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_SIGNAL: which signals count, records, flags, ends of processes. */
#include "signals.h"

#include <sys/resource.h>

/* ---- Whatever becomes of the signal ----------------------------------------- */

TEST(handled)
{
	int q = kev_queue(NULL, 0);

	handle_signal(SIGUSR1, count_handled);
	CHECK_EQ(add_signal(q, SIGUSR1, 0).ret_flags, 0);
	take_none(q);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 1);
	CHECK_EQ(handled_now(), 1);
	CHECK_OK(kill(getpid(), SIGUSR1));
	take_signal(q, SIGUSR1, 2);
	take_none(q);
	CHECK_EQ(watches_of(q), 1);
}

TEST(blocked_and_merged)
{
	int q = kev_queue(NULL, 0), i;
	struct ukevent uk;

	block_signal(SIGUSR1);
	add_signal(q, SIGUSR1, 0);
	for (i = 0; i < 5; i++)
		CHECK_OK(kill(getpid(), SIGUSR1));
	uk = take_signal(q, SIGUSR1, 5);
	CHECK_EQ(uk.merged, 4);
	take_none(q);
	CHECK(is_pending(SIGUSR1));
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 6);
}

TEST(ignored)
{
	int q = kev_queue(NULL, 0);

	handle_signal(SIGTERM, SIG_IGN);
	add_signal(q, SIGTERM, 0);
	CHECK_OK(kill(getpid(), SIGTERM));
	CHECK_OK(kill(getpid(), SIGTERM));
	take_signal(q, SIGTERM, 2);
}

TEST(ignored_by_default)
{
	int q = kev_queue(NULL, 0), i;
	static const int sigs[] = { SIGURG, SIGWINCH, SIGCHLD, SIGCONT };

	for (i = 0; i < 4; i++) {
		add_signal(q, sigs[i], 0);
		CHECK_OK(kill(getpid(), sigs[i]));
		take_signal(q, sigs[i], 1);
	}
	take_none(q);
}

/* Every number that there is; none is pending before. */
TEST(all_numbers)
{
	int q = kev_queue(NULL, 0), sig;

	for (sig = 1; sig <= 64; sig++) {
		add_signal(q, sig, 0);
		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		if (sig == 32 || sig == 33)
			continue;	/* the C library's */
		handle_signal(sig, SIG_IGN);
		CHECK_OK(kill(getpid(), sig));
		take_signal(q, sig, 1);
	}
	take_none(q);
	CHECK_EQ(watches_of(q), 64);
}

/* Queued ones are counted one by one, and stay for sigwaitinfo. */
TEST(queued)
{
	struct kevent_record_signal r[20];
	int q = kev_queue(NULL, 0), i, sig = SIGRTMIN + 3;
	struct ukevent uk;
	siginfo_t info;
	sigset_t set;
	uint32_t lost;

	block_signal(sig);
	uk = add_signal(q, sig, 0);
	for (i = 0; i < 10; i++)
		send_value(sig, 100 + i);
	take_signal(q, sig, 10);
	take_none(q);
	CHECK_EQ(read_records(q, uk.cookie, r, 4, &lost), 4);
	CHECK_EQ(read_records(q, uk.cookie, r + 4, 16, &lost), 6);
	CHECK_EQ(lost, 0);
	sigemptyset(&set);
	sigaddset(&set, sig);
	for (i = 0; i < 10; i++) {
		CHECK_EQ(r[i].signo, sig);
		CHECK_EQ(r[i].code, SI_QUEUE);
		CHECK_EQ(r[i].pid, getpid());
		CHECK_EQ(r[i].uid, getuid());
		CHECK_EQ(r[i].tid, 0);
		CHECK_EQ((uint32_t)r[i].value, 100 + i);
		CHECK_EQ(sigwaitinfo(&set, &info), sig);
		CHECK_EQ(info.si_int, 100 + i);
	}
	CHECK_EQ(read_records(q, uk.cookie, r, 4, NULL), 0);
}

/* One that the sender was refused is none. */
TEST(refused_to_sender)
{
	struct rlimit none = { 0, 0 };
	int q = kev_queue(NULL, 0), sig = SIGRTMIN + 3;
	union sigval v = { 0 };

	block_signal(sig);
	add_signal(q, sig, 0);
	send_value(sig, 0);
	CHECK_OK(setrlimit(RLIMIT_SIGPENDING, &none));
	CHECK_ERRNO(sigqueue(getpid(), sig, v), EAGAIN);
	take_signal(q, sig, 1);
	/* kill() goes without details */
	CHECK_OK(kill(getpid(), sig));
	take_signal(q, sig, 2);
}

TEST(pending_before_add)
{
	int q = kev_queue(NULL, 0);

	block_signal(SIGUSR1);
	raise(SIGUSR1);
	CHECK_EQ(add_signal(q, SIGUSR1, KEVENT_REQ_ALWAYS_QUEUE).ret_flags, 0);
	take_none(q);
}

/* ---- Who sent it --------------------------------------------------------------- */

static void *sleeps(void *arg)
{
	char c;

	CHECK_EQ(read(*(int *)arg, &c, 1), 1);
	return NULL;
}

TEST(to_threads)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct kevent_record_signal r;
	struct test_thread t;
	struct ukevent uk;

	handle_signal(SIGUSR2, count_handled);
	CHECK_OK(pipe(fds));
	thread_start(&t, sleeps, &fds[0]);
	uk = add_signal(q, SIGUSR2, 0);
	thread_kill(t.tid, SIGUSR2);
	take_signal(q, SIGUSR2, 1);
	r = read_one(q, uk.cookie);
	CHECK_EQ(r.code, SI_TKILL);
	CHECK_EQ(r.tid, t.tid);
	CHECK_EQ(r.pid, getpid());
	thread_kill(getpid(), SIGUSR2);
	take_signal(q, SIGUSR2, 2);
	CHECK_EQ(read_one(q, uk.cookie).tid, getpid());
	CHECK_OK(kill(getpid(), SIGUSR2));
	take_signal(q, SIGUSR2, 3);
	r = read_one(q, uk.cookie);
	CHECK_EQ(r.tid, 0);
	CHECK_EQ(r.code, SI_USER);
	CHECK_EQ(r.value, 0);
	send_byte(fds[1]);
	thread_join(&t);
}

/* A thread adds for the whole process. */
static void *adds(void *arg)
{
	add_signal(*(int *)arg, SIGUSR2, 0);
	return NULL;
}

TEST(added_by_a_thread)
{
	int q = kev_queue(NULL, 0);
	struct test_thread t;

	handle_signal(SIGUSR2, count_handled);
	thread_start(&t, adds, &q);
	thread_join(&t);
	raise(SIGUSR2);
	take_signal(q, SIGUSR2, 1);
	CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, SIGUSR2, 0), EEXIST);
	kev_remove(q, KEVENT_SIGNAL, SIGUSR2);
}

TEST(from_a_child)
{
	int q = kev_queue(NULL, 0), status;
	struct kevent_record_signal r;
	struct ukevent uk, chld;
	pid_t pid;

	block_signal(SIGUSR1);
	uk = add_signal(q, SIGUSR1, 0);
	chld = add_signal(q, SIGCHLD, 0);
	pid = CHECK_OK(fork());
	if (!pid) {
		kill(getppid(), SIGUSR1);
		_exit(7);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WEXITSTATUS(status), 7);
	take_signal(q, SIGUSR1, 1);
	take_signal(q, SIGCHLD, 1);
	r = read_one(q, uk.cookie);
	CHECK_EQ(r.pid, pid);
	CHECK_EQ(r.code, SI_USER);
	r = read_one(q, chld.cookie);
	CHECK_EQ(r.signo, SIGCHLD);
	CHECK_EQ(r.pid, pid);
	CHECK_EQ(r.code, CLD_EXITED);
	CHECK_EQ(r.value, 0);
}

TEST(from_the_kernel)
{
	struct itimerval it = { .it_value.tv_usec = 1 };
	struct sigevent sev = { .sigev_notify = SIGEV_SIGNAL };
	struct itimerspec its = { .it_value.tv_nsec = 1 };
	int q = kev_queue(NULL, 0), fds[2];
	struct kevent_record_signal r;
	struct ukevent uk;
	timer_t timer;

	handle_signal(SIGALRM, count_handled);
	uk = add_signal(q, SIGALRM, 0);
	CHECK_OK(setitimer(ITIMER_REAL, &it, NULL));
	take_signal(q, SIGALRM, 1);
	r = read_one(q, uk.cookie);
	CHECK_EQ(r.code, SI_KERNEL);
	CHECK_EQ(r.pid, 0);

	handle_signal(SIGPIPE, SIG_IGN);
	CHECK_OK(pipe(fds));
	close(fds[0]);
	uk = add_signal(q, SIGPIPE, 0);
	CHECK_ERRNO(write(fds[1], "", 1), EPIPE);
	take_signal(q, SIGPIPE, 1);
	CHECK_EQ(read_one(q, uk.cookie).pid, getpid());

	handle_signal(SIGUSR1, count_handled);
	uk = add_signal(q, SIGUSR1, 0);
	sev.sigev_signo = SIGUSR1;
	sev.sigev_value.sival_ptr = &timer;
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &sev, &timer));
	CHECK_OK(timer_settime(timer, 0, &its, NULL));
	take_signal(q, SIGUSR1, 1);
	r = read_one(q, uk.cookie);
	CHECK_EQ(r.code, SI_TIMER);
	CHECK_EQ(r.pid, 0);
	CHECK_EQ(r.value, (uintptr_t)&timer);
	CHECK_OK(timer_delete(timer));
}

TEST_USER(of_a_user)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	handle_signal(SIGUSR1, SIG_IGN);
	uk = add_signal(q, SIGUSR1, 0);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(read_one(q, uk.cookie).uid, TEST_USER_ID);
}

/* In a pid namespace: who is outside has no number there. */
TEST(namespaces)
{
	struct kevent_record_signal r;
	struct turn there, back;
	struct ukevent uk;
	pid_t pid;
	int q;

	turn_make(&there);
	turn_make(&back);
	CHECK_OK(unshare(CLONE_NEWPID));
	pid = CHECK_OK(fork());
	if (!pid) {
		CHECK_EQ(getpid(), 1);
		handle_signal(SIGUSR1, count_handled);
		q = kev_queue(NULL, 0);
		uk = add_signal(q, SIGUSR1, 0);
		raise(SIGUSR1);
		r = read_one(q, uk.cookie);
		CHECK_EQ(r.pid, 1);
		CHECK_EQ(r.tid, 1);
		turn_give(&back);
		turn_take(&there);
		r = read_one(q, uk.cookie);
		CHECK_EQ(r.pid, 0);
		CHECK_EQ(r.uid, 0);
		_exit(0);
	}
	turn_take(&back);
	CHECK_OK(kill(pid, SIGUSR1));
	turn_give(&there);
	wait_child(pid);
}

/* ---- Records ------------------------------------------------------------------ */

static struct ukevent add_with_buffer(int q, int sig, uint64_t bytes)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_SIGNAL, sig, KEVENT_SIGNAL_DELIVERY, 0, sig);
	uk.param[0] = bytes;
	kev_change(q, KEVENT_CTL_ADD, &uk);
	return uk;
}

#define MANY 3000

static void lose_some(int q, uint64_t bytes)
{
	static struct kevent_record_signal r[MANY];
	struct ukevent uk;
	uint32_t lost;
	int i, n;

	uk = add_with_buffer(q, SIGUSR1, bytes);
	for (i = 0; i < MANY; i++)
		CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(take_signal(q, SIGUSR1, MANY).ret_flags,
		 KEVENT_RET_DATA | KEVENT_RET_LOST);
	n = read_records(q, uk.cookie, r, MANY, &lost);
	CHECK_EQ(n + lost, MANY);
	CHECK_GE(n, bytes / 64);
	CHECK_LE(n, bytes / sizeof(r[0]));
	CHECK_EQ(read_records(q, uk.cookie, r, MANY, &lost), 0);
	CHECK_EQ(lost, 0);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(take_signal(q, SIGUSR1, MANY + 1).ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(read_records(q, uk.cookie, r, MANY, &lost), 1);
	kev_remove(q, KEVENT_SIGNAL, SIGUSR1);
}

TEST(lost)
{
	int q = kev_queue(NULL, 0);

	handle_signal(SIGUSR1, SIG_IGN);
	lose_some(q, 4096);
	lose_some(q, 65536);
}

TEST(room_for_all)
{
	static struct kevent_record_signal r[MANY];
	int q = kev_queue(NULL, 0), i;
	struct ukevent uk;
	uint32_t lost;

	handle_signal(SIGUSR1, SIG_IGN);
	uk = add_with_buffer(q, SIGUSR1, 1 << 20);
	for (i = 0; i < MANY; i++)
		CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(take_signal(q, SIGUSR1, MANY).ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(read_records(q, uk.cookie, r, MANY, &lost), MANY);
	CHECK_EQ(lost, 0);
}

/* ---- What is refused ------------------------------------------------------------ */

TEST(refused)
{
	static const uint64_t ids[] = {
		0, 65, 1ull << 32, SIGUSR1 | 1ull << 32, SIGUSR1 | 1ull << 62,
		~0ull, NOMASK, NOMASK | 65, NOMASK | SIGKILL, NOMASK | SIGSTOP,
		NOMASK | SIGCONT,
	};
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, ids[i], 0), EINVAL);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_SIGNAL, 10, 0, 0), EINVAL);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_SIGNAL, 10, 2, 0), EINVAL);
	CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, 10, KEVENT_REQ_LAST_CHECK),
		 EINVAL);
	CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, 10, KEVENT_REQ_EXCLUSIVE),
		 EINVAL);
	for (i = 0; i < 3; i++) {
		kevent_prep(&uk, KEVENT_SIGNAL, 10, 1, 0, 0);
		uk.param[i] = i ? 1 : (1 << 20) + 1;
		CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), EINVAL);
	}
	CHECK_EQ(try_signal(q, KEVENT_CTL_REMOVE, 10, 0), ENOENT);
	CHECK_EQ(try_signal(q, KEVENT_CTL_MODIFY, 10, 0), ENOENT);
	CHECK_EQ(watches_of(q), 0);
	add_signal(q, 10, 0);
	CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, 10, 0), EEXIST);
	add_signal(q, 10 | NOMASK, 0);
	CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, 10 | NOMASK, 0), EEXIST);
	CHECK_EQ(watches_of(q), 2);
}

TEST(too_many)
{
	int q[70], i;

	handle_signal(SIGUSR1, SIG_IGN);
	for (i = 0; i < 70; i++)
		q[i] = kev_queue(NULL, 0);
	for (i = 0; i < 64; i++)
		add_signal(q[i], SIGUSR1, 0);
	for (; i < 70; i++) {
		CHECK_EQ(try_signal(q[i], KEVENT_CTL_ADD, SIGUSR1, 0), ENOSPC);
		CHECK_EQ(watches_of(q[i]), 0);
	}
	add_signal(q[69], SIGUSR2, 0);
	raise(SIGUSR1);
	for (i = 0; i < 64; i++)
		take_signal(q[i], SIGUSR1, 1);
	kev_remove(q[5], KEVENT_SIGNAL, SIGUSR1);
	add_signal(q[69], SIGUSR1, 0);
	raise(SIGUSR1);
	take_none(q[5]);
	take_signal(q[6], SIGUSR1, 2);
	take_signal(q[69], SIGUSR1, 1);
}

/* ---- Flags ------------------------------------------------------------------------ */

TEST(ring)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), i;
	const struct ukevent *uk;

	handle_signal(SIGUSR1, SIG_IGN);
	add_signal(q, SIGUSR1, KEVENT_REQ_ET | KEVENT_REQ_TIMESTAMP);
	for (i = 0; i < 3; i++)
		raise(SIGUSR1);
	uk = kev_expect(&ring, SIGUSR1, KEVENT_SIGNAL_DELIVERY);
	check_signal(uk, SIGUSR1, 3);
	CHECK(uk->time && uk->time <= now_ns());
	kev_expect_none(&ring);
	raise(SIGUSR1);
	check_signal(kev_expect(&ring, SIGUSR1, 1), SIGUSR1, 4);
	kev_close(q, &ring);
}

/* More signals than slots: nothing is lost. */
TEST(overflow)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2), i;
	unsigned int seen = 0;
	struct ukevent uk;

	for (i = 40; i < 60; i++) {
		handle_signal(i, SIG_IGN);
		add_signal(q, i, 0);
		raise(i);
		raise(i);
	}
	for (i = 0; i < 20; i++) {
		uk = take(q);
		check_signal(&uk, uk.ptr, 2);
		seen |= 1u << (uk.ptr - 40);
	}
	CHECK_EQ(seen, (1u << 20) - 1);
	take_none(q);
	kev_close(q, &ring);
}

TEST(oneshot)
{
	int q = kev_queue(NULL, 0);

	handle_signal(SIGUSR1, SIG_IGN);
	add_signal(q, SIGUSR1, KEVENT_REQ_ONESHOT);
	raise(SIGUSR1);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 1);
	raise(SIGUSR1);
	take_none(q);
	CHECK_EQ(try_signal(q, KEVENT_CTL_REMOVE, SIGUSR1, 0), ENOENT);
	add_signal(q, SIGUSR1, KEVENT_REQ_ONESHOT);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 1);
}

/* What comes while it is disarmed is kept for MODIFY. */
TEST(dispatch)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	struct kevent_record_signal r[8];

	handle_signal(SIGUSR1, SIG_IGN);
	uk = add_signal(q, SIGUSR1, KEVENT_REQ_DISPATCH);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 1);
	raise(SIGUSR1);
	raise(SIGUSR1);
	take_none(q);
	kev_modify(q, KEVENT_SIGNAL, SIGUSR1, 1, KEVENT_REQ_DISPATCH);
	take_signal(q, SIGUSR1, 3);
	take_none(q);
	kev_modify(q, KEVENT_SIGNAL, SIGUSR1, 1, KEVENT_REQ_DISPATCH);
	take_none(q);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 4);
	CHECK_EQ(read_records(q, uk.cookie, r, 8, NULL), 4);
}

/* MODIFY takes back what nobody has seen, and tells it again. */
TEST(modify)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);

	handle_signal(SIGUSR1, SIG_IGN);
	add_signal(q, SIGUSR1, 0);
	CHECK_EQ(kev_modify(q, KEVENT_SIGNAL, SIGUSR1, 1, 0).ret_flags, 0);
	kev_expect_none(&ring);
	raise(SIGUSR1);
	CHECK_EQ(kev_modify(q, KEVENT_SIGNAL, SIGUSR1, 1, 0).ret_flags,
		 KEVENT_RET_CANCELLED);
	check_signal(kev_expect(&ring, SIGUSR1, 1), SIGUSR1, 1);
	kev_expect_none(&ring);
	raise(SIGUSR1);
	CHECK_EQ(kev_remove(q, KEVENT_SIGNAL, SIGUSR1).ret_flags,
		 KEVENT_RET_CANCELLED);
	raise(SIGUSR1);
	kev_expect_none(&ring);
	CHECK_EQ(watches_of(q), 0);
	kev_close(q, &ring);
}

TEST(ready)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	handle_signal(SIGUSR1, SIG_IGN);
	uk = add_signal(q, SIGUSR1, KEVENT_REQ_READY);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DONE);
	CHECK_EQ(try_signal(q, KEVENT_CTL_READY, SIGUSR1, 0), 0);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], 1);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 1);
}

/* A sleeping thread is woken, also by one that it handles itself. */
TEST(wakes)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct kev_sleeper s;

	handle_signal(SIGUSR1, SIG_IGN);
	add_signal(q, SIGUSR1, 0);
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	raise(SIGUSR1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	check_signal(kev_expect(&ring, SIGUSR1, 1), SIGUSR1, 1);
	kev_close(q, &ring);
}

/* ---- Whose it is ------------------------------------------------------------------ */

/* A child has signals of its own, and may watch those in the same queue. */
TEST(fork)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk, own;
	pid_t pid;

	handle_signal(SIGUSR1, SIG_IGN);
	uk = add_signal(q, SIGUSR1, 0);
	pid = CHECK_OK(fork());
	if (!pid) {
		raise(SIGUSR1);
		take_none(q);
		CHECK_EQ(try_signal(q, KEVENT_CTL_REMOVE, SIGUSR1, 0), ENOENT);
		own = add_signal(q, SIGUSR1, 0);
		CHECK_EQ(watches_of(q), 2);
		raise(SIGUSR1);
		CHECK_EQ(take_signal(q, SIGUSR1, 1).cookie, own.cookie);
		_exit(0);
	}
	wait_child(pid);
	CHECK_SOON(watches_of(q) == 1);
	raise(SIGUSR1);
	CHECK_EQ(take_signal(q, SIGUSR1, 1).cookie, uk.cookie);

	pid = CHECK_OK(fork());
	if (!pid) {
		kevent_prep(&own, 0, 0, 0, KEVENT_REQ_COOKIE, 0);
		own.cookie = uk.cookie;
		kev_change(q, KEVENT_CTL_REMOVE, &own);
		_exit(0);
	}
	wait_child(pid);
	CHECK_EQ(watches_of(q), 0);
}

static void add_and_end(int q, unsigned int flags, bool by_signal)
{
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		add_signal(q, SIGUSR1, flags);
		add_signal(q, SIGUSR2, 0);
		if (by_signal)
			raise(SIGKILL);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(exit)
{
	int q = kev_queue(NULL, 0), i;
	struct ukevent uk;

	for (i = 0; i < 4; i++) {
		add_and_end(q, 0, i & 1);
		CHECK_SOON(watches_of(q) == 0);
		take_none(q);
	}
	add_and_end(q, KEVENT_REQ_CLOSED, false);
	uk = take(q);
	CHECK_EQ(uk.ptr, SIGUSR1);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	take_none(q);
	CHECK_SOON(watches_of(q) == 0);
}

/* The queue goes with its process. */
TEST(exit_with_queue)
{
	pid_t pid = CHECK_OK(fork());
	int q;

	if (!pid) {
		q = kev_queue(NULL, 0);
		add_signal(q, SIGUSR1, 0);
		add_signal(q, SIGUSR2 | NOMASK, KEVENT_REQ_CLOSED);
		_exit(0);
	}
	wait_child(pid);
}

static void *exits(void *arg)
{
	wait_blocked(getpid());
	add_signal(*(int *)arg, SIGUSR1, 0);
	CHECK_EQ(watches_of(*(int *)arg), 1);
	syscall(SYS_exit, 0);
	return NULL;
}

/* A thread's end, even the leader's, is not the process's. */
TEST(thread_exits)
{
	int q = kev_queue(NULL, 0);
	struct test_thread t;
	pid_t pid;

	pid = CHECK_OK(fork());
	if (!pid) {
		handle_signal(SIGUSR1, SIG_IGN);
		CHECK_EQ(pthread_create(&t.thread, NULL, exits, &q), 0);
		for (;;)
			pause();
	}
	CHECK_SOON(watches_of(q) == 1);
	for (unsigned int i = 1; i < 20; i++) {
		CHECK_OK(kill(pid, SIGUSR1));
		take_signal(q, SIGUSR1, i);
	}
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_SOON(watches_of(q) == 0);
}

/* ---- exec -------------------------------------------------------------------------- */

/* The part of the program after exec: adds anew, at once. */
static void __attribute__((constructor)) after_exec(void)
{
	const char *fd = getenv("KEVENT_TEST_QUEUE");

	if (!fd)
		return;
	handle_signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	CHECK_EQ(try_signal(atoi(fd), KEVENT_CTL_REMOVE, SIGUSR1, 0), ENOENT);
	add_signal(atoi(fd), SIGUSR1, 0);
	raise(SIGUSR1);
	take_signal(atoi(fd), SIGUSR1, 1);
	_exit(0);
}

static void exec_again(int q)
{
	char fd[16];

	snprintf(fd, sizeof(fd), "%d", q);
	CHECK_OK(setenv("KEVENT_TEST_QUEUE", fd, 1));
	CHECK_OK(fcntl(q, F_SETFD, 0));
	execl("/proc/self/exe", "signal", NULL);
	FAIL("exec");
}

static void *execs(void *arg)
{
	exec_again(*(int *)arg);
	return NULL;
}

static void exec_child(int q, bool by_thread)
{
	struct test_thread t;

	add_signal(q, SIGUSR1, 0);
	add_signal(q, SIGUSR1 | NOMASK, 0);
	if (!by_thread)
		exec_again(q);
	CHECK_EQ(pthread_create(&t.thread, NULL, execs, &q), 0);
	for (;;)
		pause();
}

TEST(exec)
{
	int q = kev_queue(NULL, 0), i;
	pid_t pid;

	for (i = 0; i < 10; i++) {
		pid = CHECK_OK(fork());
		if (!pid)
			exec_child(q, i & 1);
		wait_child(pid);
		CHECK_SOON(watches_of(q) == 0);
		take_none(q);
	}
}

/* One that fails ends nothing. */
TEST(exec_fails)
{
	int q = kev_queue(NULL, 0);

	handle_signal(SIGUSR1, SIG_IGN);
	add_signal(q, SIGUSR1, 0);
	CHECK_ERRNO(execl("/none", "none", NULL), ENOENT);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 1);
}

/* ---- Races ------------------------------------------------------------------------- */

static bool stop;

static void *sends(void *arg)
{
	uint64_t n = 0;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		CHECK_OK(kill(getpid(), SIGUSR1));
		n++;
	}
	return (void *)(uintptr_t)n;
}

/* Watches come and go; one that stays misses nothing. */
TEST(race_add_remove)
{
	int q = kev_queue(NULL, 0), all = kev_queue(NULL, 0), i;
	struct test_thread t[2];
	uint64_t sent = 0;
	struct ukevent uk;

	handle_signal(SIGUSR1, SIG_IGN);
	add_signal(all, SIGUSR1, 0);
	for (i = 0; i < 2; i++)
		thread_start(&t[i], sends, NULL);
	for (i = 0; i < 1000; i++) {
		add_signal(q, SIGUSR1, 0);
		if (i & 1)
			take(q);
		kev_remove(q, KEVENT_SIGNAL, SIGUSR1);
		take_none(q);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++)
		sent += (uintptr_t)thread_join(&t[i]);
	uk = take(all);
	CHECK_EQ(uk.ret_data[1], (uint32_t)sent);
	take_none(all);
	CHECK_EQ(watches_of(q), 0);
}

/* Processes end while their queue does. */
TEST_TIMEOUT(race_exit_release, 60)
{
	int i, n, q;
	pid_t pid[4];

	for (i = 0; i < 200; i++) {
		q = kev_queue(NULL, 0);
		for (n = 0; n < 4; n++) {
			pid[n] = CHECK_OK(fork());
			if (!pid[n]) {
				handle_signal(SIGUSR1, SIG_IGN);
				add_signal(q, SIGUSR1, KEVENT_REQ_CLOSED);
				add_signal(q, SIGUSR2, 0);
				raise(SIGUSR1);
				_exit(0);
			}
		}
		if (i & 1)
			close(q);
		for (n = 0; n < 4; n++)
			wait_child(pid[n]);
		if (i & 1)
			continue;
		CHECK_SOON(kevent_get_events(q, 0, 1, NULL,
					     &(struct ukevent){}, 0) == 0 &&
			   watches_of(q) == 0);
		close(q);
	}
}
