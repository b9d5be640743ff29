// SPDX-License-Identifier: GPL-2.0
/* Tests a queue's fd in poll, select and epoll, and an epoll in a queue. */
#include "../source/kinds.h"

#include <sys/select.h>

static int poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	CHECK_OK(poll(&p, 1, 0));
	return p.revents & POLLIN;
}

static int select_now(int fd)
{
	struct timeval zero = { 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return CHECK_OK(select(fd + 1, &set, NULL, NULL, &zero));
}

/* ---- poll and select ------------------------------------------------------- */

TEST_KINDS_BACK(readable)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	CHECK_EQ(poll_now(q), 0);
	CHECK_EQ(select_now(q), 0);
	thing_raise(&t);
	wait_poll(q, POLLIN);
	CHECK_EQ(select_now(q), 1);
	thing_take(q, &t);
	CHECK_EQ(poll_now(q), 0);
	CHECK_EQ(select_now(q), 0);
	thing_drop(&t);
}

TEST(ring_only_consumer)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), i;

	kev_add_user(q, 1);
	for (i = 0; i < 10; i++) {
		CHECK_EQ(poll_now(q), 0);
		kev_fire(q, 1, 0);
		CHECK_EQ(poll_now(q), POLLIN);
		kev_expect(&ring, 1, ~0u);
		kev_expect_none(&ring);
	}
	CHECK_EQ(poll_now(q), 0);
}

/* While a level watch holds, so does the queue. */
TEST_KINDS_BACK(level)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	thing_raise(&t);
	for (i = 0; i < 3; i++) {
		wait_poll(q, POLLIN);
		thing_take(q, &t);
	}
	wait_poll(q, POLLIN);
	thing_lower(&t);
	/* One readiness too many is allowed, as nobody was asked; no more. */
	take_none(q);
	CHECK_EQ(poll_now(q), 0);
	thing_drop(&t);
}

TEST(before_init)
{
	int q = kevent_open();
	struct pollfd p = { .fd = q, .events = POLLIN };

	CHECK_OK(q);
	/* Readable it is not; whether it is an error is not told. */
	CHECK_OK(poll(&p, 1, 0));
	CHECK_EQ(p.revents & POLLIN, 0);
}

struct poller {
	int fd;
	int ret;
};

static void *poll_for_ever(void *arg)
{
	struct poller *p = arg;
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };

	p->ret = poll(&pfd, 1, 15000);
	return NULL;
}

TEST_KINDS(wakes_poll)
{
	struct test_thread thread;
	struct poller p = { .fd = q };
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	thread_start(&thread, poll_for_ever, &p);
	wait_blocked(thread.tid);
	thing_raise(&t);
	thread_join(&thread);
	CHECK_EQ(p.ret, 1);
	thing_take(q, &t);
	thing_drop(&t);
}

/* ---- A queue in epoll ------------------------------------------------------ */

static int epoll_of(int fd, unsigned int events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };
	int ep = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));

	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	return ep;
}

static int epoll_now(int ep)
{
	struct epoll_event ev;

	return CHECK_OK(epoll_wait(ep, &ev, 1, 0));
}

static void epoll_soon(int ep)
{
	struct epoll_event ev;

	CHECK_EQ(epoll_wait(ep, &ev, 1, 10000), 1);
}

TEST_KINDS_BACK(epoll_level)
{
	int ep = epoll_of(q, EPOLLIN), i;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (i = 0; i < 5; i++) {
		CHECK_EQ(epoll_now(ep), 0);
		thing_change(&t);
		epoll_soon(ep);
		epoll_soon(ep);
		thing_take(q, &t);
	}
	CHECK_EQ(epoll_now(ep), 0);
	close(ep);
	thing_drop(&t);
}

TEST_KINDS_BACK(epoll_edge)
{
	int ep = epoll_of(q, EPOLLIN | EPOLLET), i;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (i = 0; i < 5; i++) {
		thing_change(&t);
		epoll_soon(ep);
		CHECK_EQ(epoll_now(ep), 0);
		thing_take(q, &t);
		take_none(q);
	}
	close(ep);
	thing_drop(&t);
}

/* A consumer of the ring makes one call before it goes back to sleep. */
TEST(epoll_edge_in_place)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), ep = epoll_of(q, EPOLLIN | EPOLLET), i;

	kev_add_user(q, 1);
	for (i = 0; i < 20; i++) {
		kev_fire(q, 1, 0);
		epoll_soon(ep);
		kev_expect(&ring, 1, ~0u);
		kev_expect_none(&ring);
		if (kev_flags(&ring) & KEVENT_RING_POLLED)
			CHECK_OK(kevent_wait(q, 0, 0, NULL, 0));
	}
}

/* The flag says when it is needed: an outer sleeper misses nothing. */
static void *fire_slowly(void *arg)
{
	int *q = arg, i;

	pin_to_cpu(cpu_count() - 1);
	for (i = 0; i < 3000; i++)
		kev_fire(*q, 1, 0);
	return NULL;
}

static void outer_misses_nothing(unsigned int events)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), ep = epoll_of(q, events);
	uint32_t total = 0, last = 0;
	struct test_thread thread;
	const struct ukevent *uk;

	kev_add_user(q, 1);
	thread_start(&thread, fire_slowly, &q);
	while (total < 3000) {
		epoll_soon(ep);
		do {
			while ((uk = kevent_ring_next(&ring)))
				total += kevent_delta(&last, uk->ret_data[1]);
			if (kev_flags(&ring) & KEVENT_RING_POLLED)
				CHECK_OK(kevent_wait(q, 0, 0, NULL, 0));
		} while (kev_tail(&ring) != kev_seen(&ring));
	}
	thread_join(&thread);
	CHECK_EQ(total, 3000);
	close(ep);
	kev_close(q, &ring);
}

TEST_TIMEOUT(outer_misses_nothing, 60)
{
	outer_misses_nothing(EPOLLIN);
	outer_misses_nothing(EPOLLIN | EPOLLET);
}

TEST(epoll_oneshot_rearmed)
{
	int q = kev_queue(NULL, 0), ep, i;
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };

	kev_add_user(q, 1);
	ep = epoll_of(q, EPOLLIN | EPOLLONESHOT);
	for (i = 0; i < 5; i++) {
		kev_fire(q, 1, 0);
		epoll_soon(ep);
		CHECK_EQ(epoll_now(ep), 0);
		CHECK_OK(epoll_ctl(ep, EPOLL_CTL_MOD, q, &ev));
		epoll_soon(ep);
		take(q);
		CHECK_OK(epoll_ctl(ep, EPOLL_CTL_MOD, q, &ev));
		CHECK_EQ(epoll_now(ep), 0);
	}
}

/* Closing a queue that an epoll watches, and the epoll first. */
TEST(closed_in_epoll)
{
	int q, ep, i;

	for (i = 0; i < 50; i++) {
		q = kev_queue(NULL, 0);
		ep = epoll_of(q, EPOLLIN);
		kev_add_user(q, 1);
		kev_fire(q, 1, 0);
		if (i & 2)
			epoll_soon(ep);
		close(i & 1 ? q : ep);
		if (i & 1)
			CHECK_EQ(epoll_now(ep), 0);
		close(i & 1 ? ep : q);
	}
}

/* ---- An epoll in a queue ---------------------------------------------------- */

TEST(epoll_in_queue)
{
	int q = kev_queue(NULL, 0), ep, i;
	struct ukevent uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_UDP]);
	ep = epoll_of(t.fd, EPOLLIN);
	kev_add_poll(q, ep, POLLIN, 0);
	for (i = 0; i < 10; i++) {
		thing_raise(&t);
		uk = take(q);
		CHECK_EQ(uk.ret_data[0], POLLIN);
		epoll_soon(ep);
		thing_lower(&t);
		CHECK_EQ(epoll_now(ep), 0);
		while (kevent_get_events(q, 0, 1, NULL, &uk, 0))
			;
	}
	/* The file goes away under the epoll that the queue watches. */
	thing_raise(&t);
	thing_drop(&t);
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0))
		;
	close(ep);
	CHECK_EQ(watches_of(q), 0);
}
