// SPDX-License-Identifier: GPL-2.0
/* What threads and children share with who made an epoll: its number, its memory, its state. */
#include "epoll.h"

#include <sys/ioctl.h>

/* ---- The number, used again while a thread is in a call ------------------ */

static int shared_ep = -1;
static volatile bool wait_stop;

static void *wait_all_the_time(void *arg)
{
	struct epoll_event ev;

	while (!wait_stop)
		epoll_wait(shared_ep, &ev, 1, 0);
	return arg;
}

/*
 * What has become of it is another file, and not read from.  On one CPU, so that the
 * thread is stopped anywhere when the other one goes on.
 */
TEST_TIMEOUT(number_taken_by_a_pipe, 60)
{
	uint64_t end = now_ns() + 3000 * MSEC;
	int outer = new_epoll(), pending, i;
	struct ends e = new_pipe();
	struct test_thread t;

	pin_to_cpu(0);
	for (i = 0; i < 64; i++)
		put_byte(e);
	thread_start(&t, wait_all_the_time, NULL);
	while (now_ns() < end) {
		shared_ep = new_epoll();
		/* as somebody polls it, a wait makes calls although there is nothing */
		add(outer, shared_ep, EPOLLIN | EPOLLET);
		sched_yield();
		CHECK_EQ(dup2(e.fd[0], shared_ep), shared_ep);
		sched_yield();
		CHECK_OK(ioctl(e.fd[0], FIONREAD, &pending));
		CHECK_EQ(pending, 64);
		CHECK_OK(close(shared_ep));
	}
	wait_stop = true;
	thread_join(&t);
}
