// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_SIGNAL: which signals count, who sent them, and their records. */
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
