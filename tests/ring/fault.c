// SPDX-License-Identifier: GPL-2.0
/* What GET_EVENTS took and could not copy: nothing is lost, and who waits is told. */
#include "../source/kinds.h"
#include "pager.h"

#include <sys/epoll.h>

/* A thread in GET_EVENTS for one event. */
struct getter {
	struct test_thread thread;
	struct ukevent *buf;
	struct ukevent uk;
	int q;
	int ret;
	int error;
};

static void *get(void *arg)
{
	struct getter *g = arg;

	g->ret = kevent_get_events(g->q, 1, 1, NULL, g->buf, 0);
	g->error = errno;
	return NULL;
}

static void getter_start(struct getter *g, int q, struct ukevent *buf)
{
	g->q = q;
	g->buf = buf;
	thread_start(&g->thread, get, g);
}

static void getter_got(struct getter *g, uint64_t ptr)
{
	thread_join(&g->thread);
	CHECK_EQ(g->ret, 1);
	CHECK_EQ(g->uk.ptr, ptr);
}

static void getter_failed(struct getter *g)
{
	thread_join(&g->thread);
	CHECK_EQ(g->ret, -1);
	CHECK_EQ(g->error, EFAULT);
}

/* ---- Who waits is told ------------------------------------------------------- */

#define TEST_BOTH(name)							\
	static void name##_on(int q);					\
	TEST(name)							\
	{								\
		struct kevent_ring ring;				\
									\
		name##_on(kev_queue(&ring, 4));				\
	}								\
	TEST(name##_without_ring)					\
	{								\
		name##_on(kev_queue(NULL, 0));				\
	}								\
	static void name##_on(int q)

/* The first in line is chosen, and fails. */
TEST_BOTH(next_in_line)
{
	struct getter bad, good;

	kev_add_user(q, 1);
	getter_start(&bad, q, kev_fault_after(0, PROT_NONE));
	wait_blocked(bad.thread.tid);
	getter_start(&good, q, &good.uk);
	wait_blocked(good.thread.tid);
	kev_fire(q, 1, 1);
	getter_failed(&bad);
	getter_got(&good, 1);
	take_none(q);
}

/* A getter that has taken the event 1 and is copying it. */
static void getter_in_copy(struct getter *g, int q, struct pager *pager)
{
	pager_make(pager);
	getter_start(g, q, (void *)pager->page);
	pager_await(pager);
}

/* Who polls while it is copied sees nothing, and is woken when it is back. */
TEST_BOTH(outer_poller)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
	struct pager pager;
	struct getter g;

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	getter_in_copy(&g, q, &pager);
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, q, &ev));
	CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	pager_fail(&pager);
	getter_failed(&g);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 5000 * test_scale()), 1);
	CHECK_EQ(take(q).ptr, 1);
	close(ep);
}

/* ---- What happens meanwhile, without a ring ---------------------------------- */

/* A one-shot that is being copied is not reaped. */
TEST(one_shot)
{
	int q = kev_queue(NULL, 0);
	struct pager pager;
	struct ukevent uk;
	struct getter g;

	kev_add(q, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_ONESHOT);
	kev_fire(q, 1, 1);
	getter_in_copy(&g, q, &pager);
	CHECK_EQ(kevent_get_events(q, 0, 1, NULL, &uk, 0), 0);
	pager_fail(&pager);
	getter_failed(&g);
	CHECK_EQ(take(q).ptr, 1);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
}

/* What was posted under older terms does not come under the new ones. */
TEST(modified)
{
	int q = kev_queue(NULL, 0);
	struct pager pager;
	struct getter g;

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	getter_in_copy(&g, q, &pager);
	kev_modify(q, KEVENT_UNOTIFY, 1, 6, 0);
	pager_fail(&pager);
	getter_failed(&g);
	take_none(q);
	kev_fire(q, 1, 6);
	CHECK_EQ(take(q).ret_data[0], 6);
}

/* A file that is to be asked is asked, although its event came back. */
TEST(to_be_asked)
{
	int q = kev_queue(NULL, 0), fds[2];
	unsigned int bits = 0;
	struct pager pager;
	struct ukevent uk;
	struct getter g;

	unix_pair(SOCK_STREAM, fds);
	kev_add_poll(q, fds[0], POLLIN | POLLOUT, KEVENT_REQ_ET |
		     KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ALWAYS_QUEUE);
	getter_in_copy(&g, q, &pager);
	send_byte(fds[1]);
	pager_fail(&pager);
	getter_failed(&g);
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0) == 1)
		bits |= uk.ret_data[0];
	CHECK_EQ(bits, POLLIN | POLLOUT);
}
