// SPDX-License-Identifier: GPL-2.0
/* What GET_EVENTS could not copy: nothing is lost, and who waits is told. */
#include "../source/kinds.h"
#include "pager.h"

#include <sys/epoll.h>

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

static void getter_got(struct kev_getter *g, uint64_t ptr)
{
	CHECK_EQ(kev_getter_join(g), 1);
	CHECK_EQ(g->uk[0].ptr, ptr);
}

static void getter_failed(struct kev_getter *g)
{
	CHECK_ERRNO(kev_getter_join(g), EFAULT);
}

/* The first in line is chosen, and fails. */
TEST_BOTH(next_in_line)
{
	struct kev_getter bad, good;

	kev_add_user(q, 1);
	kev_getter_prep(&bad, q);
	bad.buf = kev_fault_after(0, PROT_NONE);
	kev_getter_start(&bad);
	kev_getter_prep(&good, q);
	kev_getter_start(&good);
	kev_fire(q, 1, 1);
	getter_failed(&bad);
	getter_got(&good, 1);
	take_none(q);
}

/* ---- What happens meanwhile -------------------------------------------------- */

/* A getter that would take an event, and waits for its memory. */
static void getter_in_copy(struct kev_getter *g, int q, struct pager *pager)
{
	pager_make(pager);
	kev_getter_prep(g, q);
	g->buf = (void *)pager->page;
	thread_start(&g->thread, kev_getter_run, g);
	pager_await(pager);
}

/* The event is there still, for who polls and for who takes it. */
TEST_BOTH(outer_poller)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
	struct pager pager;
	struct kev_getter g;

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	getter_in_copy(&g, q, &pager);
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, q, &ev));
	CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	CHECK_EQ(take(q).ptr, 1);
	pager_fail(&pager);
	/* nothing is left that it could not copy: it would wait for more */
	kev_fire(q, 1, 1);
	getter_failed(&g);
	CHECK_EQ(take(q).ptr, 1);
	close(ep);
}

TEST_BOTH(one_shot)
{
	struct pager pager;
	struct kev_getter g;

	kev_add(q, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_ONESHOT);
	kev_fire(q, 1, 1);
	getter_in_copy(&g, q, &pager);
	pager_fail(&pager);
	getter_failed(&g);
	CHECK_EQ(take(q).ptr, 1);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
}

/* What was posted under older terms does not come under the new ones. */
TEST_BOTH(modified)
{
	struct pager pager;
	struct kev_getter g;

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	getter_in_copy(&g, q, &pager);
	kev_modify(q, KEVENT_UNOTIFY, 1, 6, 0);
	pager_fail(&pager);
	kev_fire(q, 1, 6);
	getter_failed(&g);
	CHECK_EQ(take(q).ret_data[0], 6);
	take_none(q);
}

TEST_BOTH(removed)
{
	struct pager pager;
	struct kev_getter g;

	kev_add_user(q, 1);
	kev_add_user(q, 2);
	kev_fire(q, 1, 1);
	getter_in_copy(&g, q, &pager);
	CHECK_EQ(kev_remove(q, KEVENT_UNOTIFY, 1).ret_flags,
		 KEVENT_RET_CANCELLED);
	pager_fail(&pager);
	kev_fire(q, 2, 1);
	getter_failed(&g);
	CHECK_EQ(take(q).ptr, 2);
	take_none(q);
}

/* A file that is to be asked is asked, although its event could not be copied. */
TEST_BOTH(to_be_asked)
{
	unsigned int bits = 0;
	struct pager pager;
	struct ukevent uk;
	struct kev_getter g;
	int fds[2];

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

/* The end of a pipe that was not copied is over when there is a writer again. */
static void end_is_over(int q, unsigned int flags)
{
	struct ukevent *nowhere = kev_fault_after(0, PROT_NONE);
	int fd, peer;

	unlink("/tmp/kevent-fifo");
	CHECK_OK(mkfifo("/tmp/kevent-fifo", 0600));
	fd = CHECK_OK(open("/tmp/kevent-fifo", O_RDONLY | O_NONBLOCK));
	kev_add_poll(q, fd, POLLIN, flags);
	close(CHECK_OK(open("/tmp/kevent-fifo", O_WRONLY)));
	CHECK_ERRNO(kevent_get_events(q, 1, 1, NULL, nowhere, 0), EFAULT);
	CHECK_EQ(take(q).ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_EOF |
				    KEVENT_RET_HUP);
	peer = CHECK_OK(open("/tmp/kevent-fifo", O_WRONLY));
	send_byte(peer);
	CHECK_EQ(kev_expect_get(q, fd, POLLIN).ret_flags, 0);
	drain(fd);
	take_none(q);
	send_byte(peer);
	CHECK_EQ(kev_expect_get(q, fd, POLLIN).ret_flags, 0);
	close(fd);
	close(peer);
}

TEST_BOTH(broken_does_not_stick)
{
	end_is_over(q, 0);
	end_is_over(q, KEVENT_REQ_ET);
	end_is_over(q, KEVENT_REQ_LAST_CHECK);
	end_is_over(q, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ET);
}
