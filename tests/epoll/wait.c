// SPDX-License-Identifier: GPL-2.0
/* Waiting: time, signals, masks, bad arguments, several threads. */
#include "epoll.h"

#define EVENTS_MAX	((int)(INT32_MAX / sizeof(struct epoll_event)))

/* ---- Time -------------------------------------------------------------- */

TEST(no_time)
{
	struct timespec zero = {};
	struct epoll_event ev;
	int ep = new_epoll();

	CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	CHECK_EQ(epoll_pwait(ep, &ev, 1, 0, NULL), 0);
	CHECK_EQ(epoll_pwait2(ep, &ev, 1, &zero, NULL), 0);
}

TEST(some_time)
{
	struct timespec ts = { .tv_nsec = 15 * MSEC };
	struct epoll_event ev;
	int ep = new_epoll();
	uint64_t start = now_ns();

	CHECK_EQ(epoll_wait(ep, &ev, 1, 15), 0);
	CHECK_GE(now_ns() - start, 15 * MSEC);
	start = now_ns();
	CHECK_EQ(epoll_pwait2(ep, &ev, 1, &ts, NULL), 0);
	CHECK_GE(now_ns() - start, 15 * MSEC);
	start = now_ns();
	ts.tv_nsec = 1;
	CHECK_EQ(epoll_pwait2(ep, &ev, 1, &ts, NULL), 0);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 1001), 0);
	CHECK_GE(now_ns() - start, 1001 * MSEC);
}

/* Less than -1 is for ever, too; and NULL. */
TEST(all_the_time)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), i;
	struct waiter w;

	add(ep, e.fd[0], EPOLLIN | EPOLLET);
	for (i = 0; i < 3; i++) {
		memset(&w, 0, sizeof(w));
		w.ep = ep;
		w.max = 1;
		w.timeout = i ? i == 1 ? -2 : INT32_MIN : INT32_MAX;
		thread_start(&w.thread, waiter_run, &w);
		wait_blocked(w.thread.tid);
		put_byte(e);
		CHECK_EQ(waiter_join(&w), 1);
	}
}

TEST(bad_times)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN | EPOLLET);
	refuses_bad_times(ep, e);
}

/* What is there comes, whatever the time. */
TEST(ready_whatever_the_time)
{
	static const int times[] = { 0, 1, 1000, -1, INT32_MAX };
	struct ends e = new_pipe();
	struct epoll_event ev;
	int ep = new_epoll();
	size_t i;

	add(ep, e.fd[0], EPOLLIN);
	put_byte(e);
	for (i = 0; i < ARRAY_SIZE(times); i++) {
		CHECK_EQ(epoll_wait(ep, &ev, 1, times[i]), 1);
		CHECK_EQ(ev.events, EPOLLIN);
	}
}

/* O_NONBLOCK of the epoll's own fd means nothing. */
TEST(nonblocking_epoll)
{
	struct epoll_event ev;
	int ep = new_epoll();
	uint64_t start = now_ns();

	CHECK_OK(fcntl(ep, F_SETFL, O_NONBLOCK));
	CHECK_EQ(epoll_wait(ep, &ev, 1, 15), 0);
	CHECK_GE(now_ns() - start, 15 * MSEC);
}

/* ---- Bad arguments ----------------------------------------------------- */

TEST(bad_maximum)
{
	static const int bad[] = { 0, -1, INT32_MIN, EVENTS_MAX + 1, INT32_MAX };
	struct ends e = new_pipe();
	struct epoll_event ev;
	int ep = new_epoll();
	size_t i;

	add(ep, e.fd[0], EPOLLIN | EPOLLET);
	put_byte(e);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_ERRNO(epoll_wait(ep, &ev, bad[i], 0), EINVAL);
		CHECK_ERRNO(epoll_pwait(ep, &ev, bad[i], -1, NULL), EINVAL);
		CHECK_ERRNO(epoll_pwait2(ep, &ev, bad[i], NULL, NULL), EINVAL);
	}
	expect(ep, e.fd[0], EPOLLIN);
}

TEST(huge_maximum)
{
	static struct epoll_event ev;	/* 2 GB below the end of memory */
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN);
	put_byte(e);
	CHECK_EQ(epoll_wait(ep, &ev, EVENTS_MAX, 0), 1);
	check_event_at(__FILE__, __LINE__, &ev, e.fd[0], EPOLLIN);
	CHECK_EQ(epoll_wait(ep, &ev, 1 << 20, -1), 1);
}

TEST(bad_fds)
{
	int bad[] = { new_pipe().fd[0], new_sockets(SOCK_STREAM).fd[0],
		      open("/dev/null", O_RDWR), open("/proc/self/exe", O_RDONLY),
		      eventfd(0, 0) };
	struct epoll_event ev;
	size_t i;

	CHECK_ERRNO(epoll_wait(-1, &ev, 1, 0), EBADF);
	CHECK_ERRNO(epoll_wait(999, &ev, 1, 0), EBADF);
	CHECK_ERRNO(epoll_pwait2(999, &ev, 1, NULL, NULL), EBADF);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_ERRNO(epoll_wait(bad[i], &ev, 1, 0), EINVAL);
		CHECK_ERRNO(epoll_wait(bad[i], &ev, 1, -1), EINVAL);
	}
}

/* Nothing is lost if it can't be copied; what can be is. */
static void fault(uint32_t flags)
{
	struct epoll_event *room = fault_after(sizeof(*room));
	struct ends e[3];
	int ep = new_epoll(), i;

	EXACT_ONLY();
	for (i = 0; i < 3; i++) {
		e[i] = new_pipe();
		put_byte(e[i]);
		add(ep, e[i].fd[0], EPOLLIN | flags);
	}
	CHECK_ERRNO(epoll_wait(ep, NULL, 3, 0), EFAULT);
	CHECK_ERRNO(epoll_wait(ep, NULL, 3, -1), EFAULT);
	CHECK_ERRNO(epoll_wait(ep, room + 1, 3, 0), EFAULT);
	CHECK_ERRNO(epoll_wait(ep, (void *)((char *)room + 6), 3, 0), EFAULT);
	CHECK_EQ(epoll_wait(ep, room, 3, 0), 1);
	check_event_at(__FILE__, __LINE__, room, e[0].fd[0], EPOLLIN);
	CHECK_EQ(epoll_wait(ep, room, 1, 0), 1);
	check_event_at(__FILE__, __LINE__, room, e[1].fd[0], EPOLLIN);
	CHECK_EQ(epoll_wait(ep, room, 3, 0), 1);
	check_event_at(__FILE__, __LINE__, room, e[2].fd[0], EPOLLIN);
}

TEST(fault_level)
{
	fault(0);
}

TEST(fault_edge)
{
	fault(EPOLLET);
}

TEST(fault_oneshot)
{
	fault(EPOLLONESHOT);
}

/* Read-only memory; and where nothing is ready it is not touched. */
TEST(fault_of_other_kinds)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	struct ends e = new_pipe();
	int ep = new_epoll();

	EXACT_ONLY();
	add(ep, e.fd[0], EPOLLIN);
	CHECK_EQ(epoll_wait(ep, NULL, 1, 0), 0);
	CHECK_EQ(epoll_wait(ep, page, 1, 1), 0);
	CHECK_ERRNO(epoll_wait(ep, (void *)-4096l, 1, 0), EFAULT);
	/* which ends in the first page */
	CHECK_ERRNO(epoll_wait(ep, (void *)-8l, 1, 0), EFAULT);
	put_byte(e);
	CHECK_ERRNO(epoll_wait(ep, page, 1, 0), EFAULT);
	expect(ep, e.fd[0], EPOLLIN);
}

/* So many and no more; the others next, in turn. */
TEST(a_few_at_a_time)
{
	struct epoll_event ev[3];
	struct ends e[4];
	int ep = new_epoll(), i;

	for (i = 0; i < 4; i++) {
		e[i] = new_pipe();
		add(ep, e[i].fd[0], EPOLLIN);
		put_byte(e[i]);
	}
	memset(ev, 0x55, sizeof(ev));
	for (i = 0; i < 8; i++) {
		CHECK_EQ(epoll_wait(ep, ev, 1, -1), 1);
		check_event_at(__FILE__, __LINE__, ev, e[i % 4].fd[0], EPOLLIN);
		CHECK_EQ(ev[1].data.u64, 0x5555555555555555);
	}
	CHECK_EQ(epoll_wait(ep, ev, 3, -1), 3);
	for (i = 0; i < 3; i++)
		check_event_at(__FILE__, __LINE__, &ev[i], e[i].fd[0], EPOLLIN);
	CHECK_EQ(epoll_wait(ep, ev, 3, -1), 3);
	check_event_at(__FILE__, __LINE__, &ev[0], e[3].fd[0], EPOLLIN);
}

/* ---- Signals ----------------------------------------------------------- */

static volatile sig_atomic_t handled;

static void handle(int signo)
{
	handled = signo;
}

static void handle_with(int flags)
{
	struct sigaction sa = { .sa_handler = handle, .sa_flags = flags };

	CHECK_OK(sigaction(SIGUSR1, &sa, NULL));
}

static sigset_t set_of(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	if (signo)
		sigaddset(&set, signo);
	return set;
}

static void *signal_run(void *arg)
{
	pid_t pid = getpid();

	wait_blocked(pid);
	CHECK_OK(syscall(SYS_tgkill, pid, pid, SIGUSR1));
	return arg;
}

/* SA_RESTART makes no difference. */
static void interrupted(int flags, int timeout)
{
	struct test_thread t;
	struct epoll_event ev;
	int ep = new_epoll();

	handle_with(flags);
	handled = 0;
	thread_start(&t, signal_run, NULL);
	CHECK_ERRNO(epoll_wait(ep, &ev, 1, timeout), EINTR);
	CHECK_EQ(handled, SIGUSR1);
	thread_join(&t);
}

TEST(interrupted_by_a_signal)
{
	interrupted(0, -1);
	interrupted(SA_RESTART, -1);
	interrupted(SA_RESTART, 10000);
}

/* A time that ends after the clock does is no time. */
TEST(longest_time)
{
	struct timespec ts = { .tv_sec = INT64_MAX };
	struct test_thread t;
	struct epoll_event ev;
	int ep = new_epoll();

	handle_with(0);
	thread_start(&t, signal_run, NULL);
	CHECK_ERRNO(epoll_pwait2(ep, &ev, 1, &ts, NULL), EINTR);
	thread_join(&t);
}

/* The mask holds while it waits, and no longer. */
static void masked(bool precise, int signo)
{
	sigset_t blocked = set_of(SIGUSR1), during = set_of(signo), now;
	struct timespec ts = { .tv_sec = 0, .tv_nsec = 5 * MSEC };
	struct epoll_event ev;
	int ep = new_epoll(), ret;

	handle_with(0);
	handled = 0;
	CHECK_OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
	CHECK_OK(raise(SIGUSR1));
	errno = 0;
	if (precise)
		ret = epoll_pwait2(ep, &ev, 1, &ts, &during);
	else
		ret = epoll_pwait(ep, &ev, 1, 5, &during);
	if (signo == SIGUSR1) {
		CHECK_EQ(ret, 0);
		CHECK_EQ(handled, 0);
	} else {
		CHECK_EQ(ret, -1);
		CHECK_EQ(errno, EINTR);
		CHECK_EQ(handled, SIGUSR1);
	}
	CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &now));
	CHECK(sigismember(&now, SIGUSR1));
}

TEST(mask_lets_it_in)
{
	masked(false, 0);
	masked(true, SIGUSR2);
}

TEST(mask_keeps_it_out)
{
	masked(false, SIGUSR1);
	masked(true, SIGUSR1);
}

/* What is ready comes first: the signal stays pending. */
TEST(event_before_signal)
{
	sigset_t blocked = set_of(SIGUSR1), none = set_of(0), pending;
	struct ends e = new_pipe();
	struct epoll_event ev;
	int ep = new_epoll();

	handle_with(0);
	add(ep, e.fd[0], EPOLLIN);
	put_byte(e);
	CHECK_OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(epoll_pwait(ep, &ev, 1, -1, &none), 1);
	CHECK_EQ(handled, 0);
	CHECK_OK(sigpending(&pending));
	CHECK(sigismember(&pending, SIGUSR1));
	get_byte(e);
	/* with no time to wait it is not looked at */
	CHECK_EQ(epoll_pwait(ep, &ev, 1, 0, &none), 0);
	CHECK_EQ(handled, 0);
	CHECK_ERRNO(epoll_pwait(ep, &ev, 1, 1000, &none), EINTR);
	CHECK_EQ(handled, SIGUSR1);
}

/* Nor does it keep what is ready behind many that no longer are. */
TEST(event_behind_others_before_signal)
{
	sigset_t blocked = set_of(SIGUSR1), none = set_of(0);
	struct epoll_event ev = { .data.u64 = 0 };
	int ep = new_epoll(), i;
	struct ends e;

	handle_with(0);
	handled = 0;
	CHECK_OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
	CHECK_OK(raise(SIGUSR1));
	for (i = 0; i < 50; i++) {
		e = new_pipe();
		add(ep, e.fd[0], EPOLLIN);
		put_byte(e);
		if (i < 49)
			get_byte(e);
	}
	CHECK_EQ(epoll_pwait(ep, &ev, 1, 0, &none), 1);
	CHECK_EQ(epoll_pwait(ep, &ev, 1, 1000, &none), 1);
	CHECK_EQ(handled, 0);
}

/* ---- Several threads --------------------------------------------------- */

/* One event wakes one of them: the one that came last. */
TEST(one_is_woken)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), i;
	struct waiter w[3];

	add(ep, e.fd[0], EPOLLIN | EPOLLET);
	for (i = 0; i < 3; i++)
		waiter_start(&w[i], ep);
	for (i = 2; i >= 0; i--) {
		put_byte(e);
		CHECK_SOON(waiter_over(&w[i]));
		CHECK_EQ(waiter_join(&w[i]), 1);
		if (i)
			CHECK(!waiter_over(&w[i - 1]));
	}
	expect_none(ep);
}

/* Level-triggered: it is ready still, so the others are woken, too. */
TEST(all_are_woken_by_level)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), i;
	struct waiter w[3];

	add(ep, e.fd[0], EPOLLIN);
	for (i = 0; i < 3; i++)
		waiter_start(&w[i], ep);
	put_byte(e);
	for (i = 0; i < 3; i++)
		CHECK_EQ(waiter_join(&w[i]), 1);
}

/* Who has room for one leaves the other events to others. */
TEST(events_for_two)
{
	struct ends e[2] = { new_pipe(), new_pipe() };
	int ep = new_epoll(), i;
	struct waiter w[2];

	for (i = 0; i < 2; i++) {
		add(ep, e[i].fd[0], EPOLLIN | EPOLLET);
		waiter_start(&w[i], ep);
	}
	put_byte(e[0]);
	put_byte(e[1]);
	for (i = 0; i < 2; i++)
		CHECK_EQ(waiter_join(&w[i]), 1);
	CHECK_NE(w[0].ev[0].data.u64, w[1].ev[0].data.u64);
}

/* A thread that sleeps sees what is added meanwhile, changed, or ready by that. */
TEST(added_while_one_waits)
{
	struct ends e = new_pipe();
	int ep = new_epoll();
	struct waiter w;

	put_byte(e);
	waiter_start(&w, ep);
	add(ep, e.fd[0], 0);
	usleep(5000);
	CHECK(!waiter_over(&w));
	modify(ep, e.fd[0], EPOLLIN);
	CHECK_EQ(waiter_join(&w), 1);
}

/* The fd of the epoll is closed, and the call goes on. */
TEST(closed_while_one_waits)
{
	struct ends e = new_pipe();
	int ep = new_epoll();
	struct waiter w;

	add(ep, e.fd[0], EPOLLIN);
	waiter_start(&w, ep);
	CHECK_OK(close(ep));
	put_byte(e);
	CHECK_EQ(waiter_join(&w), 1);
	check_event_at(__FILE__, __LINE__, w.ev, e.fd[0], EPOLLIN);
}

static void *exits_run(void *arg)
{
	struct epoll_event ev;

	epoll_wait(*(int *)arg, &ev, 1, -1);
	return NULL;
}

static void exit_with_waiters(void *arg)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&thread, NULL, exits_run, arg), 0);
	usleep(10000);
	exit(0);
}

/* A process ends while its threads wait in an epoll that others have as well. */
TEST(exit_while_threads_wait)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN | EPOLLET);
	wait_child(start_child(exit_with_waiters, &ep));
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	expect_none(ep);
}

static void *pong_run(void *arg)
{
	struct ends *e = arg;
	struct epoll_event ev;
	int ep = new_epoll(), i;

	add(ep, e[0].fd[0], EPOLLIN | EPOLLET);
	for (i = 0; i < 2000; i++) {
		CHECK_EQ(epoll_wait(ep, &ev, 1, -1), 1);
		get_byte(e[0]);
		put_byte(e[1]);
	}
	return NULL;
}

/* Nothing is lost between looking and sleeping. */
TEST(back_and_forth)
{
	struct ends e[2] = { new_pipe(), new_pipe() };
	struct epoll_event ev;
	struct test_thread t;
	int ep = new_epoll(), i;

	add(ep, e[1].fd[0], EPOLLIN | EPOLLET);
	thread_start(&t, pong_run, e);
	for (i = 0; i < 2000; i++) {
		put_byte(e[0]);
		CHECK_EQ(epoll_wait(ep, &ev, 1, -1), 1);
		get_byte(e[1]);
	}
	thread_join(&t);
}
