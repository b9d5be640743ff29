// SPDX-License-Identifier: GPL-2.0
/* The minimum and the index last seen: when WAIT sleeps and when it comes back. */
#include "kev.h"

static const struct timespec zero;

static int queue_of(struct kevent_ring *ring, unsigned int slots,
		    unsigned int watches)
{
	int q = kev_queue(ring, slots);
	unsigned int i;

	for (i = 0; i < watches; i++)
		kev_add_user(q, i);
	return q;
}

static int do_wait(int q, struct kevent_ioc_wait wait)
{
	return ioctl(q, KEVENT_IOC_WAIT, &wait);
}

TEST(nothing_to_wait_for)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 4, 2);

	CHECK_EQ(do_wait(q, (struct kevent_ioc_wait){ 0 }), 0);
	kev_fire(q, 0, 1);
	CHECK_EQ(do_wait(q, (struct kevent_ioc_wait){ 0 }), 0);
}

TEST(tells_indices)
{
	struct kevent_ioc_wait wait = { 0 };
	struct kevent_ring ring;
	int q = queue_of(&ring, 4, 2);

	CHECK_OK(ioctl(q, KEVENT_IOC_WAIT, &wait));
	CHECK_EQ(wait.head, 0);
	CHECK_EQ(wait.tail, 0);
	kev_fire(q, 0, 1);
	kev_fire(q, 1, 1);
	kev_claim_to(&ring, 1);
	kev_free_to(&ring, 1);
	CHECK_OK(ioctl(q, KEVENT_IOC_WAIT, &wait));
	CHECK_EQ(wait.head, 1);
	CHECK_EQ(wait.tail, 2);
}

TEST(returns_what_is_unclaimed)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 4, 3), i;

	for (i = 0; i < 3; i++)
		kev_fire(q, i, 1);
	CHECK_EQ(do_wait(q, (struct kevent_ioc_wait){ .min = 1 }), 3);
	kev_claim_to(&ring, 1);
	CHECK_EQ(do_wait(q, (struct kevent_ioc_wait){ .min = 1 }), 2);
	CHECK_EQ(do_wait(q, (struct kevent_ioc_wait){ .min = 2 }), 2);
}

TEST(woken_by_an_event)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = queue_of(&ring, 4, 1);

	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	kev_fire(q, 0, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	CHECK_EQ(s.wait.tail, 1);
	CHECK_EQ(s.wait.head, 0);
}

/* Comes back with n only if it has slept until the last one. */
TEST(sleeps_for_so_many)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = queue_of(&ring, 8, 4);
	unsigned int i;

	kev_sleeper_prep(&s, q);
	s.wait.min = 4;
	kev_sleeper_start(&s);
	for (i = 0; i < 3; i++) {
		kev_fire(q, i, 1);
		wait_blocked_in(s.thread.tid, SYS_ioctl);
		CHECK(!kev_sleeper_over(&s));
	}
	kev_fire(q, 3, 1);
	CHECK_EQ(kev_sleeper_join(&s), 4);
}

TEST(counts_from_last)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = queue_of(&ring, 8, 4);
	unsigned int i;

	kev_fire(q, 0, 1);
	kev_claim_to(&ring, 1);
	kev_sleeper_prep(&s, q);
	s.wait.flags = KEVENT_FLAGS_LAST;
	s.wait.last = 1;
	s.wait.min = 3;
	kev_sleeper_start(&s);
	for (i = 1; i < 3; i++) {
		kev_fire(q, i, 1);
		wait_blocked_in(s.thread.tid, SYS_ioctl);
	}
	kev_fire(q, 3, 1);
	CHECK_EQ(kev_sleeper_join(&s), 3);
}

/* Merged events take no slot, cancelled ones keep theirs. */
TEST(merges_do_not_count)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 8, 2);

	kev_fire(q, 0, 1);
	kev_fire(q, 0, 2);
	kev_fire(q, 0, 4);
	CHECK_EQ(kevent_wait(q, 2, 0, &zero, 0), 0);
	kev_fire(q, 1, 1);
	CHECK_EQ(kevent_wait(q, 2, 0, &zero, 0), 2);
}

TEST(merges_do_not_wake)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = queue_of(&ring, 8, 3);
	unsigned int i;

	kev_sleeper_prep(&s, q);
	s.wait.min = 2;
	kev_sleeper_start(&s);
	for (i = 0; i < 10; i++)
		kev_fire(q, 0, 1u << i);
	wait_blocked_in(s.thread.tid, SYS_ioctl);
	CHECK(!kev_sleeper_over(&s));
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_sleeper_join(&s), 2);
}

TEST(cancelled_count)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 8, 2);

	kev_fire(q, 0, 1);
	kev_remove(q, KEVENT_UNOTIFY, 0);
	CHECK_EQ(kevent_wait(q, 2, 0, &zero, 0), 0);
	kev_fire(q, 1, 1);
	CHECK_EQ(kevent_wait(q, 2, 0, &zero, 0), 2);
}

/* A minimum that can't be reached for want of slots ends early. */
TEST(ends_early_when_full)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 4, 4), i;

	for (i = 0; i < 3; i++)
		kev_fire(q, i, 1);
	kev_claim_to(&ring, 3);
	CHECK_EQ(kevent_wait(q, 3, 3, &zero, 0), 0);
	kev_fire(q, 3, 1);
	CHECK_EQ(kevent_wait(q, 3, 3, NULL, 0), 1);
}

TEST(woken_early_when_full)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = queue_of(&ring, 4, 5), i;

	for (i = 0; i < 2; i++)
		kev_fire(q, i, 1);
	kev_claim_to(&ring, 2);
	kev_sleeper_prep(&s, q);
	s.wait.min = 4;
	kev_sleeper_start(&s);
	kev_fire(q, 2, 1);
	wait_blocked_in(s.thread.tid, SYS_ioctl);
	kev_fire(q, 3, 1);
	CHECK_EQ(kev_sleeper_join(&s), 2);
}

TEST(whole_ring)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = queue_of(&ring, 4, 4), i;

	kev_sleeper_prep(&s, q);
	s.wait.min = 4;
	kev_sleeper_start(&s);
	for (i = 0; i < 4; i++)
		kev_fire(q, i, 1);
	CHECK_EQ(kev_sleeper_join(&s), 4);
}

/* ---- The index last seen ----------------------------------------------- */

TEST(stale_index_returns_at_once)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 4, 2);

	kev_fire(q, 0, 1);
	CHECK_EQ(kevent_wait(q, 1, 0, NULL, 0), 1);
	/* Even if somebody else has taken it meanwhile. */
	kev_claim_to(&ring, 1);
	CHECK_EQ(kevent_wait(q, 1, 0, NULL, 0), 1);
	kev_free_to(&ring, 1);
	CHECK_EQ(kevent_wait(q, 1, 0, NULL, 0), 1);
	CHECK_EQ(kevent_wait(q, 1, 1, &zero, 0), 0);
}

TEST(current_index_sleeps)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = queue_of(&ring, 4, 2);

	kev_fire(q, 0, 1);
	kev_claim_to(&ring, 1);
	kev_sleeper_prep(&s, q);
	s.wait.flags = KEVENT_FLAGS_LAST;
	s.wait.last = 1;
	kev_sleeper_start(&s);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
}

/* What is in last without the flag does not count. */
TEST(index_without_flag)
{
	struct kevent_ioc_wait wait = {
		.min = 1, .last = 77, .flags = KEVENT_FLAGS_TIMEOUT,
	};
	struct kevent_ring ring;
	int q = queue_of(&ring, 4, 2);

	CHECK_EQ(do_wait(q, wait), 0);
}

struct gap {
	struct kevent_ring ring;
	int q;
	uint32_t turn;
};

static void *post_in_the_gap(void *arg)
{
	struct gap *g = arg;
	uint32_t round;

	for (round = 1; round <= 2000; round++) {
		while (__atomic_load_n(&g->turn, __ATOMIC_ACQUIRE) != round)
			sched_yield();
		kev_fire(g->q, 0, 1);
	}
	return NULL;
}

/*
 * The thread looks at the ring, finds it empty, and goes to sleep; the event
 * comes before, while or after it does.  Another consumer may take the event:
 * the thread must come back all the same.
 */
TEST_TIMEOUT(no_wakeup_is_lost, 60)
{
	struct test_thread thread;
	uint32_t round, spin, tail;
	struct gap g = { 0 };
	volatile int x = 0;

	g.q = queue_of(&g.ring, 4, 1);
	thread_start(&thread, post_in_the_gap, &g);
	for (round = 1; round <= 2000; round++) {
		tail = kev_tail(&g.ring);
		CHECK_EQ(tail, round - 1);
		__atomic_store_n(&g.turn, round, __ATOMIC_RELEASE);
		for (spin = 0; spin < round % 32 * 100; spin++)
			x++;
		CHECK_EQ(kevent_wait(g.q, 1, tail, NULL, 0), 1);
		kev_expect(&g.ring, 0, 1);
		kev_expect_none(&g.ring);
	}
	thread_join(&thread);
}

/* ---- GET_EVENTS -------------------------------------------------------- */

struct getter {
	struct test_thread thread;
	int q;
	unsigned int min;
	int ret;
	struct ukevent uk[8];
};

static void *get(void *arg)
{
	struct getter *g = arg;

	g->ret = kevent_get_events(g->q, g->min, 8, NULL, g->uk, 0);
	return NULL;
}

static void gets_so_many(unsigned int slots)
{
	struct kevent_ring ring;
	struct getter g = { .min = 3 };
	unsigned int i;

	g.q = queue_of(&ring, slots, 3);
	thread_start(&g.thread, get, &g);
	wait_blocked_in(g.thread.tid, SYS_ioctl);
	for (i = 0; i < 3; i++) {
		kev_fire(g.q, i, 1);
		if (i < 2)
			wait_blocked_in(g.thread.tid, SYS_ioctl);
	}
	thread_join(&g.thread);
	CHECK_EQ(g.ret, 3);
	for (i = 0; i < 3; i++)
		CHECK_EQ(g.uk[i].ptr, i);
}

TEST(get_events)
{
	gets_so_many(4);
}

TEST(get_events_without_ring)
{
	gets_so_many(0);
}

TEST(get_events_as_many_as_slots)
{
	struct kevent_ring ring;
	struct getter g = { .min = 4 };
	unsigned int i;

	g.q = queue_of(&ring, 4, 4);
	thread_start(&g.thread, get, &g);
	wait_blocked_in(g.thread.tid, SYS_ioctl);
	for (i = 0; i < 4; i++)
		kev_fire(g.q, i, 1);
	thread_join(&g.thread);
	CHECK_EQ(g.ret, 4);
}

/*
 * The first in line wants two, and is woken to ask a file: the one event that
 * comes of it is for the second.
 */
TEST(asks_for_others)
{
	struct kev_sleeper two, one;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	uint64_t value = 1;

	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ET);
	kev_sleeper_prep(&two, q);
	two.wait.min = 2;
	kev_sleeper_start(&two);
	kev_sleeper_prep(&one, q);
	kev_sleeper_start(&one);
	CHECK_EQ(write(fd, &value, 8), 8);
	CHECK_EQ(kev_sleeper_join(&one), 1);
	CHECK(!kev_sleeper_over(&two));
	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_sleeper_join(&two), 2);
}
