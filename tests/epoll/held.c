// SPDX-License-Identifier: GPL-2.0
/* --fast: a thread is held while it takes an event from the ring; nothing is lost by that. */
#include "epoll.h"
#include "seccomp.h"

static int ep, fd;
static void *page;
static volatile bool held, released, other_at_work;

/* The array can't be written: for as long as we want. */
static void hold(int signal)
{
	held = signal;
	while (!released)
		sched_yield();
	mprotect(page, 1, PROT_READ | PROT_WRITE);
}

/* An epoll with an event, which the thread that runs this is to take. */
static pthread_t start_held(void *(*run)(void *arg))
{
	pthread_t thread;

	if (!on_fast())
		SKIP("no ring");
	page = fault_after(0);
	CHECK(signal(SIGSEGV, hold) != SIG_ERR);
	ep = new_epoll();
	fd = CHECK_OK(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	add(ep, fd, EPOLLIN | EPOLLET);
	CHECK_OK(eventfd_write(fd, 1));
	CHECK_EQ(pthread_create(&thread, NULL, run, NULL), 0);
	while (!held)
		usleep(50);
	return thread;
}

/* More events come than any ring has slots. */
static void check_all_come(void)
{
	struct epoll_event ev;
	eventfd_t value;
	int i;

	for (i = 0; i < 6000; i++) {
		CHECK_OK(eventfd_write(fd, 1));
		CHECK_EQ(epoll_wait(ep, &ev, 1, 3000), 1);
		CHECK_OK(eventfd_read(fd, &value));
	}
}

static void *cancelled_run(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	epoll_wait(ep, page, 1, -1);
	pthread_testcancel();
	return arg;
}

/* It may be cancelled at any moment, and is. */
TEST(cancelled)
{
	pthread_t thread = start_held(cancelled_run);
	void *ret;

	CHECK_EQ(pthread_cancel(thread), 0);
	released = true;
	CHECK_EQ(pthread_join(thread, &ret), 0);
	CHECK(ret == PTHREAD_CANCELED);
	check_all_come();
}

static void *forbidden_run(void *arg)
{
	forbid(SYS_ioctl, EPERM);
	CHECK_EQ(epoll_wait(ep, page, 1, -1), 1);
	return arg;
}

static void *other_run(void *arg)
{
	struct epoll_event ev;

	forbid(SYS_ioctl, EPERM);
	other_at_work = true;
	CHECK_EQ(epoll_wait(ep, &ev, 1, -1), 1);
	return arg;
}

/* Another one takes the next event meanwhile, and may not make the call that says so. */
TEST(ioctl_forbidden)
{
	pthread_t thread = start_held(forbidden_run), other;

	CHECK_OK(eventfd_write(fd, 1));
	CHECK_EQ(pthread_create(&other, NULL, other_run, NULL), 0);
	while (!other_at_work)
		usleep(50);
	usleep(20000);
	released = true;
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(pthread_join(other, NULL), 0);
	check_all_come();
}
