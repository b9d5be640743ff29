// SPDX-License-Identifier: GPL-2.0
/* Threads that are cancelled: where that may be, and what they leave to others. */
#include "epoll.h"

static int cancel_ep;

static void *cancelled_run(void *arg)
{
	struct epoll_event ev;

	epoll_wait(cancel_ep, &ev, 1, -1);
	return arg;
}

TEST(cancelled_while_it_waits)
{
	int i;

	cancel_ep = new_epoll();
	for (i = 0; i < 3; i++)
		expect_cancelled(cancelled_run, NULL);
}

static void *cancelled_before_run(void *arg)
{
	struct epoll_event ev;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cancel(pthread_self());
	CHECK_EQ(epoll_wait(cancel_ep, &ev, 1, 1), 0);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	epoll_wait(cancel_ep, &ev, 1, 0);
	return arg;
}

static void *cancelled_at_once(void *arg)
{
	struct epoll_event ev;

	pthread_cancel(pthread_self());
	epoll_wait(cancel_ep, &ev, 1, -1);
	return arg;
}

/* Not while that is disabled; and even if it would not wait. */
TEST(cancelled_before_it_waits)
{
	struct ends e = new_pipe();

	cancel_ep = new_epoll();
	CHECK(thread_result(cancelled_before_run, NULL) == PTHREAD_CANCELED);
	/* also if there is an event, which stays for others */
	add(cancel_ep, e.fd[0], EPOLLIN | EPOLLET);
	put_byte(e);
	CHECK(thread_result(cancelled_at_once, NULL) == PTHREAD_CANCELED);
	expect(cancel_ep, e.fd[0], EPOLLIN);
}

static void *not_cancelled_run(void *arg)
{
	int ep, in;

	pthread_cancel(pthread_self());
	ep = new_epoll();
	in = new_epoll();
	add(ep, in, EPOLLIN);
	CHECK_ERRNO(try_ctl(in, EPOLL_CTL_ADD, ep, EPOLLIN), ELOOP);
	CHECK_ERRNO(try_ctl(in, EPOLL_CTL_DEL, ep, 0), ENOENT);
	return arg;
}

/* Not by the calls that don't wait, whatever is said or looked up meanwhile. */
TEST(not_cancelled_unless_it_waits)
{
	int arg;

	CHECK(thread_result(not_cancelled_run, &arg) == &arg);
}

static int cancel_fd;
static volatile bool cancel_at_work;

static void *cancelled_at_work(void *arg)
{
	struct epoll_event ev;
	uint64_t value;

	for (cancel_at_work = true;;)
		if (epoll_wait(cancel_ep, &ev, 1, -1) == 1)
			read(cancel_fd, &value, sizeof(value));
	return arg;
}

/* At any moment of it: those who wait afterwards have their events. */
TEST_TIMEOUT(cancelled_at_any_moment, 60)
{
	uint64_t one = 1, value;
	struct epoll_event ev;
	volatile int delay;
	pthread_t thread;
	int i;

	cancel_ep = new_epoll();
	cancel_fd = CHECK_OK(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	add(cancel_ep, cancel_fd, EPOLLIN | EPOLLET);
	for (i = 0; i < 600; i++) {
		cancel_at_work = false;
		CHECK_EQ(pthread_create(&thread, NULL, cancelled_at_work, NULL), 0);
		while (!cancel_at_work)
			usleep(50);
		usleep(300);
		CHECK_EQ(write(cancel_fd, &one, sizeof(one)), sizeof(one));
		for (delay = 0; delay < i % 60 * 40; delay++)
			;
		CHECK_EQ(pthread_cancel(thread), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
	read(cancel_fd, &value, sizeof(value));
	while (epoll_wait(cancel_ep, &ev, 1, 0) > 0)
		;
	/* more than any ring has slots */
	for (i = 0; i < 6000; i++) {
		CHECK_EQ(write(cancel_fd, &one, sizeof(one)), sizeof(one));
		CHECK_EQ(epoll_wait(cancel_ep, &ev, 1, 3000), 1);
		CHECK_EQ(read(cancel_fd, &value, sizeof(value)), sizeof(value));
	}
}

static void *deferred_run(void *arg)
{
	struct epoll_event ev;
	int type;

	CHECK_EQ(epoll_wait(cancel_ep, &ev, 1, 1), 0);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	CHECK_EQ(type, PTHREAD_CANCEL_DEFERRED);
	return arg;
}

TEST(cancelling_is_deferred_afterwards)
{
	struct test_thread t;

	cancel_ep = new_epoll();
	thread_start(&t, deferred_run, NULL);
	thread_join(&t);
}
