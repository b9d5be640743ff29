// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_SIGNAL: fork, the end of threads and processes, exec, and races. */
#include "signals.h"

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
	if (by_signal)
		wait_killed(pid);
	else
		wait_child(pid);
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

struct exiting {
	struct test_thread t;
	int q, added;
};

static void *exits(void *arg)
{
	struct exiting *e = arg;

	wait_blocked(getpid());
	add_signal(e->q, SIGUSR1, 0);
	CHECK_EQ(watches_of(e->q), 1);
	/* a watch is counted before it is hooked: the parent must not look */
	CHECK_OK(eventfd_write(e->added, 1));
	syscall(SYS_exit, 0);
	return NULL;
}

/* A thread's end, even the leader's, is not the process's. */
TEST(thread_exits)
{
	struct exiting e = {
		.q = kev_queue(NULL, 0),
		.added = CHECK_OK(eventfd(0, EFD_CLOEXEC)),
	};
	eventfd_t value;
	pid_t pid;

	pid = CHECK_OK(fork());
	if (!pid) {
		handle_signal(SIGUSR1, SIG_IGN);
		CHECK_EQ(pthread_create(&e.t.thread, NULL, exits, &e), 0);
		for (;;)
			pause();
	}
	CHECK_OK(eventfd_read(e.added, &value));
	for (unsigned int i = 1; i < 20; i++) {
		CHECK_OK(kill(pid, SIGUSR1));
		take_signal(e.q, SIGUSR1, i);
	}
	CHECK_OK(kill(pid, SIGKILL));
	wait_killed(pid);
	CHECK_SOON(watches_of(e.q) == 0);
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
