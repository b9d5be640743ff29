// SPDX-License-Identifier: GPL-2.0
/* The queue's fd in poll, select and epoll: readable while events are unclaimed. */
#include "kev.h"

#include <sys/epoll.h>
#include <sys/select.h>

#define FOREVER (-1)

static bool readable(int q)
{
	struct pollfd pfd = { .fd = q, .events = POLLIN };
	int n = CHECK_OK(poll(&pfd, 1, 0));

	if (n)
		CHECK_EQ(pfd.revents, POLLIN);
	return n;
}

static int queue_of(struct kevent_ring *ring, unsigned int slots,
		    unsigned int watches)
{
	int q = kev_queue(ring, slots);
	unsigned int i;

	for (i = 0; i < watches; i++)
		kev_add_user(q, i);
	return q;
}

TEST(while_unclaimed)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 4, 2);

	CHECK(!readable(q));
	kev_fire(q, 0, 1);
	CHECK(readable(q));
	kev_fire(q, 1, 1);
	kev_claim_to(&ring, 1);
	CHECK(readable(q));
	kev_claim_to(&ring, 2);
	CHECK(!readable(q));
	kev_free_to(&ring, 2);
	CHECK(!readable(q));
}

TEST(get_events_claims)
{
	int q = queue_of(NULL, 0, 1);

	CHECK(!readable(q));
	kev_fire(q, 0, 1);
	CHECK(readable(q));
	kev_expect_get(q, 0, 1);
	CHECK(!readable(q));
}

TEST(events_that_wait_for_a_slot)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 1, 2);

	kev_fire(q, 0, 1);
	kev_claim_to(&ring, 1);
	CHECK(!readable(q));
	kev_fire(q, 1, 1);
	CHECK(!readable(q));		/* nobody could take it */
	kev_free_to(&ring, 1);
	CHECK(readable(q));
}

TEST(never_writable)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 4, 1);
	struct pollfd pfd = { .fd = q, .events = POLLOUT };

	kev_fire(q, 0, 1);
	CHECK_EQ(poll(&pfd, 1, 0), 0);
}

struct poller {
	struct test_thread thread;
	int q;
	int ret;
};

static void *poll_forever(void *arg)
{
	struct poller *p = arg;
	struct pollfd pfd = { .fd = p->q, .events = POLLIN };

	p->ret = poll(&pfd, 1, FOREVER);
	CHECK_EQ(pfd.revents, POLLIN);
	return NULL;
}

static void *select_forever(void *arg)
{
	struct poller *p = arg;
	fd_set set;

	FD_ZERO(&set);
	FD_SET(p->q, &set);
	p->ret = select(p->q + 1, &set, NULL, NULL, NULL);
	CHECK(FD_ISSET(p->q, &set));
	return NULL;
}

static void woken(void *(*fn)(void *arg))
{
	struct kevent_ring ring;
	struct poller p;
	int i;

	p.q = queue_of(&ring, 4, 1);
	for (i = 0; i < 20; i++) {
		thread_start(&p.thread, fn, &p);
		wait_blocked(p.thread.tid);
		kev_fire(p.q, 0, 1);
		thread_join(&p.thread);
		CHECK_EQ(p.ret, 1);
		kev_expect(&ring, 0, 1);
		kev_expect_none(&ring);
	}
}

TEST(poll_is_woken)
{
	woken(poll_forever);
}

TEST(select_is_woken)
{
	woken(select_forever);
}

/* ---- epoll ------------------------------------------------------------- */

static int epoll_on(int q, uint32_t flags)
{
	struct epoll_event ev = { .events = EPOLLIN | flags, .data.u32 = 77 };
	int ep = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));

	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, q, &ev));
	return ep;
}

static int epoll_get(int ep, int timeout)
{
	struct epoll_event ev;
	int n = CHECK_OK(epoll_wait(ep, &ev, 1, timeout));

	if (n) {
		CHECK_EQ(ev.events, EPOLLIN);
		CHECK_EQ(ev.data.u32, 77);
	}
	return n;
}

/* Who only looks at the ring must know that somebody polls. */
TEST(told_to_the_consumer)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 4, 1);

	CHECK(!(kev_flags(&ring) & KEVENT_RING_POLLED));
	epoll_on(q, 0);
	CHECK(kev_flags(&ring) & KEVENT_RING_POLLED);
}

TEST(epoll_level)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 4, 1), ep = epoll_on(q, 0), i;

	CHECK_EQ(epoll_get(ep, 0), 0);
	for (i = 0; i < 10; i++) {
		kev_fire(q, 0, 1);
		CHECK_EQ(epoll_get(ep, FOREVER), 1);
		CHECK_EQ(epoll_get(ep, FOREVER), 1);
		kev_expect(&ring, 0, 1);
		kev_expect_none(&ring);
		CHECK_EQ(epoll_get(ep, 0), 0);
	}
}

TEST(epoll_edge)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 4, 1), ep, i;

	kev_fire(q, 0, 1);
	ep = epoll_on(q, EPOLLET);
	CHECK_EQ(epoll_get(ep, FOREVER), 1);
	CHECK_EQ(epoll_get(ep, 0), 0);
	for (i = 0; i < 10; i++) {
		kev_expect_get(q, 0, 1);
		kev_fire(q, 0, 1);
		CHECK_EQ(epoll_get(ep, FOREVER), 1);
	}
}

/*
 * One thread makes events, one lives in epoll_wait() and empties the ring when
 * told to.  Each event is waited for before the next: one that is not told
 * hangs the test.
 */
struct outer {
	struct kevent_ring ring;
	int q;
	int ep;
	uint32_t got;
	bool with_calls;
};

#define ROUNDS 3000

static uint32_t empty_ring(struct outer *o)
{
	const struct ukevent *uk;
	uint32_t total = 0;

	while ((uk = kevent_ring_next(&o->ring)))
		total = uk->ret_data[1];
	return total;
}

static uint32_t empty_by_call(struct outer *o)
{
	struct ukevent uk;
	uint32_t total = 0;

	while (CHECK_OK(kevent_get_events(o->q, 0, 1, NULL, &uk, 0)))
		total = uk.ret_data[1];
	return total;
}

static uint32_t empty(struct outer *o)
{
	uint32_t total, more;

	if (o->with_calls)
		return empty_by_call(o);
	total = empty_ring(o);
	/* As KEVENT_RING_POLLED asks for, before going back to the poller. */
	if (kev_flags(&o->ring) & KEVENT_RING_POLLED) {
		CHECK_OK(kevent_ring_call(&o->ring));
		more = empty_ring(o);
		if (more)
			total = more;
	}
	return total;
}

static void *live_in_epoll(void *arg)
{
	struct outer *o = arg;
	uint32_t total = 0;

	while (total < ROUNDS) {
		uint32_t now;

		CHECK_EQ(epoll_get(o->ep, FOREVER), 1);
		now = empty(o);
		if (!now)
			continue;
		total = now;
		__atomic_store_n(&o->got, total, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void outer(uint32_t flags, bool with_calls)
{
	struct outer o = { .with_calls = with_calls };
	struct test_thread thread;
	uint32_t round, spin;
	volatile int x = 0;

	o.q = queue_of(&o.ring, 4, 1);
	o.ep = epoll_on(o.q, flags);
	thread_start(&thread, live_in_epoll, &o);
	for (round = 1; round <= ROUNDS; round++) {
		kev_fire(o.q, 0, 1);
		while (__atomic_load_n(&o.got, __ATOMIC_ACQUIRE) != round)
			sched_yield();
		for (spin = 0; spin < round % 64 * 50; spin++)
			x++;
	}
	thread_join(&thread);
}

TEST_TIMEOUT(epoll_edge_with_ring, 60)
{
	outer(EPOLLET, false);
}

TEST_TIMEOUT(epoll_edge_with_get_events, 60)
{
	outer(EPOLLET, true);
}

TEST_TIMEOUT(epoll_level_with_ring, 60)
{
	outer(0, false);
}

/* Who polled before INIT is woken by the first event. */
TEST(epoll_before_init)
{
	struct kevent_ioc_init init = { .ring_size = 4 };
	struct epoll_event ev;
	int q = CHECK_OK(kevent_open()), ep = epoll_on(q, EPOLLET);

	CHECK_OK(ioctl(q, KEVENT_IOC_INIT, &init));
	kev_add_user(q, 1);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	kev_fire(q, 1, 1);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 5000 * test_scale()), 1);
	close(ep);
	close(q);
}
