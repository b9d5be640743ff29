// SPDX-License-Identifier: GPL-2.0
/* WAKE and READY of nothing: sleepers come back with 0. */
#include "kev.h"

#define SLEEPERS 3

struct bed {
	struct kevent_ring ring;
	int q;
	struct kev_sleeper s[SLEEPERS];
};

static void put_to_bed(struct bed *b, unsigned int min)
{
	int i;

	b->q = kev_queue(&b->ring, 8);
	for (i = 0; i < SLEEPERS; i++) {
		kev_sleeper_prep(&b->s[i], b->q);
		b->s[i].wait.min = min;
		kev_sleeper_start(&b->s[i]);
	}
}

static int up(const struct bed *b)
{
	int i, n = 0;

	for (i = 0; i < SLEEPERS; i++)
		n += kev_sleeper_over(&b->s[i]);
	return n;
}

static void join_all(struct bed *b)
{
	int i;

	for (i = 0; i < SLEEPERS; i++)
		CHECK_EQ(kev_sleeper_join(&b->s[i]), 0);
}

TEST(some)
{
	struct bed b;

	put_to_bed(&b, 1);
	CHECK_EQ(kevent_wake(b.q, 2), 2);
	CHECK_SOON(up(&b) == 2);
	CHECK_EQ(kevent_wake(b.q, 10), 1);
	join_all(&b);
	CHECK_EQ(kevent_wake(b.q, 10), 0);
}

TEST(all)
{
	struct bed b;

	put_to_bed(&b, 1);
	CHECK_EQ(kevent_wake(b.q, ~0u), 3);
	join_all(&b);
}

TEST(none)
{
	struct bed b;
	int i;

	put_to_bed(&b, 1);
	CHECK_EQ(kevent_wake(b.q, 0), 0);
	for (i = 0; i < SLEEPERS; i++)
		wait_blocked_in(b.s[i].thread.tid, SYS_ioctl);
	CHECK_EQ(up(&b), 0);
	CHECK_EQ(kevent_wake(b.q, 3), 3);
	join_all(&b);
}

/* Whatever they wait for. */
TEST(minimum_does_not_matter)
{
	struct bed b;

	put_to_bed(&b, 5);
	CHECK_EQ(kevent_wake(b.q, 3), 3);
	join_all(&b);
}

TEST(ready_of_nothing)
{
	struct bed b;

	put_to_bed(&b, 2);
	CHECK_EQ(kevent_ctl(b.q, KEVENT_CTL_READY, 0, NULL), 0);
	join_all(&b);
}

/* A thread that was woken dies with the event, and hands it on. */
TEST(handed_on_by_a_dying_thread)
{
	struct kevent_ring ring;
	struct kev_sleeper first, second;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_sleeper_prep(&first, q);
	kev_sleeper_prep(&second, q);
	kev_sleeper_start(&first);
	kev_sleeper_start(&second);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_sleeper_join(&first), 1);	/* and takes nothing */
	wait_blocked_in(second.thread.tid, SYS_ioctl);
	CHECK_EQ(kevent_ctl(q, KEVENT_CTL_READY, 0, NULL), 0);
	CHECK_EQ(kev_sleeper_join(&second), 1);
	kev_expect(&ring, 1, 1);
	kev_close(q, &ring);
}

/* It is for those who sleep now. */
TEST(not_remembered)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	CHECK_EQ(kevent_wake(q, 5), 0);
	CHECK_EQ(kevent_ctl(q, KEVENT_CTL_READY, 0, NULL), 0);
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	CHECK_EQ(kevent_wake(q, 1), 1);
	CHECK_EQ(kev_sleeper_join(&s), 0);
}

static void *get(void *arg)
{
	static struct ukevent uk[4];

	return (void *)(intptr_t)kevent_get_events(*(int *)arg, 1, 4, NULL, uk,
						   0);
}

static void wakes_get_events(unsigned int slots)
{
	struct kevent_ring ring;
	struct test_thread thread;
	int q = kev_queue(&ring, slots);

	thread_start(&thread, get, &q);
	wait_blocked_in(thread.tid, SYS_read);
	CHECK_EQ(kevent_wake(q, 5), 1);
	CHECK_EQ((intptr_t)thread_join(&thread), 0);
}

TEST(get_events)
{
	wakes_get_events(4);
	wakes_get_events(0);
}

/* The queue's fd is closed by another thread: who sleeps sleeps on. */
TEST(sleeper_keeps_the_queue)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4), copy;

	kev_add_user(q, 1);
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	copy = CHECK_OK(dup(q));
	CHECK_OK(close(q));
	kev_fire(copy, 1, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
}
