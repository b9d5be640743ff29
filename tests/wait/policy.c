// SPDX-License-Identifier: GPL-2.0
/* Who of several sleepers is woken, and that it is exactly one. */
#include "kev.h"

#define SLEEPERS 3

struct bed {
	struct kevent_ring ring;
	int q;
	struct kev_sleeper s[SLEEPERS];
};

static void make_bed(struct bed *b, unsigned int policy)
{
	int i;

	b->q = kev_queue_at(&b->ring, 8, 0, policy, 0);
	for (i = 0; i < SLEEPERS; i++) {
		kev_add_user(b->q, i);
		kev_sleeper_prep(&b->s[i], b->q);
	}
}

static void start_all(struct bed *b)
{
	int i;

	for (i = 0; i < SLEEPERS; i++)
		kev_sleeper_start(&b->s[i]);
}

static int up(const struct bed *b)
{
	int i, n = 0;

	for (i = 0; i < SLEEPERS; i++)
		n += kev_sleeper_over(&b->s[i]);
	return n;
}

/*
 * After the event number n (from 1) this sleeper comes back, and nobody else:
 * one that was woken by mistake would tell another tail.
 */
static void check_woken(struct bed *b, int who, int n)
{
	int i;

	CHECK_EQ(kev_sleeper_join(&b->s[who]), n);
	CHECK_EQ(b->s[who].wait.tail, n);
	for (i = 0; i < SLEEPERS; i++)
		if (!kev_sleeper_over(&b->s[i]))
			wait_blocked_in(b->s[i].thread.tid, SYS_ioctl);
	CHECK_EQ(up(b), n);
}

TEST(fifo)
{
	struct bed b;
	int i;

	make_bed(&b, KEVENT_WAKE_FIFO);
	start_all(&b);
	for (i = 0; i < SLEEPERS; i++) {
		kev_fire(b.q, i, 1);
		check_woken(&b, i, i + 1);
	}
}

TEST(lifo)
{
	struct bed b;
	int i;

	make_bed(&b, KEVENT_WAKE_LIFO);
	start_all(&b);
	for (i = 0; i < SLEEPERS; i++) {
		kev_fire(b.q, i, 1);
		check_woken(&b, SLEEPERS - 1 - i, i + 1);
	}
}

TEST(same_cpu)
{
	struct bed b;

	if (cpu_count() < 2)
		SKIP("one CPU");
	make_bed(&b, KEVENT_WAKE_SAME_CPU);
	b.s[0].cpu = 0;
	b.s[1].cpu = 1;
	b.s[2].cpu = 0;
	start_all(&b);
	pin_to_cpu(1);
	kev_fire(b.q, 0, 1);
	check_woken(&b, 1, 1);
	/* Nobody is left there: who has slept longest. */
	kev_fire(b.q, 1, 1);
	check_woken(&b, 0, 2);
	pin_to_cpu(0);
	kev_fire(b.q, 2, 1);
	check_woken(&b, 2, 3);
}

TEST(same_cpu_is_first_in_first_out)
{
	struct bed b;

	if (cpu_count() < 2)
		SKIP("one CPU");
	make_bed(&b, KEVENT_WAKE_SAME_CPU);
	b.s[0].cpu = 1;
	b.s[1].cpu = 0;
	b.s[2].cpu = 0;
	start_all(&b);
	pin_to_cpu(0);
	kev_fire(b.q, 0, 1);
	check_woken(&b, 1, 1);
	kev_fire(b.q, 1, 1);
	check_woken(&b, 2, 2);
	kev_fire(b.q, 2, 1);
	check_woken(&b, 0, 3);
}

TEST(wakeup_all)
{
	struct bed b;
	int i;

	make_bed(&b, KEVENT_WAKE_FIFO);
	kev_add(b.q, KEVENT_UNOTIFY, 77, 1, KEVENT_REQ_WAKEUP_ALL);
	start_all(&b);
	kev_fire(b.q, 77, 1);
	for (i = 0; i < SLEEPERS; i++)
		CHECK_EQ(kev_sleeper_join(&b.s[i]), 1);
}

/* Who waits for more than there is is passed over, and his turn is kept. */
TEST(minimum_not_met)
{
	struct bed b;

	make_bed(&b, KEVENT_WAKE_FIFO);
	b.s[0].wait.min = 3;
	b.s[2].wait.min = 2;
	start_all(&b);
	kev_fire(b.q, 0, 1);
	check_woken(&b, 1, 1);
	kev_fire(b.q, 1, 1);
	check_woken(&b, 2, 2);
	kev_fire(b.q, 2, 1);
	check_woken(&b, 0, 3);
}

/*
 * One sleeps all the time, while another does so again and again: it is woken like any
 * other.  In a module with delays sleepers are numbered in steps that wrap in 32 bits here.
 */
static void parked(unsigned int policy)
{
	const struct timespec limit = { .tv_nsec = 100000 };
	struct ukevent uk;
	struct bed b;
	int i, j;

	make_bed(&b, policy);
	start_all(&b);
	for (i = 0; i < SLEEPERS; i++) {
		for (j = 0; j < 140; j++)
			CHECK_EQ(kevent_get_events(b.q, 1, 1, &limit, &uk, 0), 0);
		if (i)
			kev_fire(b.q, i, 1);
		else
			CHECK_EQ(kevent_wake(b.q, 1), 1);
		CHECK_SOON(up(&b) == i + 1);
		kev_claim_to(&b.ring, i);
	}
	for (i = 0; i < SLEEPERS; i++)
		kev_sleeper_join(&b.s[i]);
}

TEST(parked_fifo)	{ parked(KEVENT_WAKE_FIFO); }
TEST(parked_lifo)	{ parked(KEVENT_WAKE_LIFO); }
TEST(parked_same_cpu)	{ parked(KEVENT_WAKE_SAME_CPU); }

/* A merge is no event for sleepers: nobody is woken for it. */
TEST(merge_wakes_nobody)
{
	struct bed b;

	make_bed(&b, KEVENT_WAKE_FIFO);
	start_all(&b);
	kev_fire(b.q, 0, 1);
	check_woken(&b, 0, 1);
	kev_fire(b.q, 0, 2);
	wait_blocked_in(b.s[1].thread.tid, SYS_ioctl);
	wait_blocked_in(b.s[2].thread.tid, SYS_ioctl);
	CHECK_EQ(up(&b), 1);
	kev_fire(b.q, 1, 1);
	check_woken(&b, 1, 2);
}

/* WAIT and GET_EVENTS stand in one line. */
struct getter {
	struct test_thread thread;
	int q;
	struct ukevent uk;
};

static void *get(void *arg)
{
	struct getter *g = arg;

	CHECK_EQ(kevent_get_events(g->q, 1, 1, NULL, &g->uk, 0), 1);
	return NULL;
}

TEST(get_events_in_line)
{
	struct getter first, second;
	struct kev_sleeper s;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), i;

	for (i = 0; i < 3; i++)
		kev_add_user(q, i);
	first.q = q;
	second.q = q;
	thread_start(&first.thread, get, &first);
	wait_blocked_in(first.thread.tid, SYS_read);
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	thread_start(&second.thread, get, &second);
	wait_blocked_in(second.thread.tid, SYS_read);

	kev_fire(q, 0, 1);
	thread_join(&first.thread);
	CHECK_EQ(first.uk.ptr, 0);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	kev_claim_to(&ring, 2);
	kev_fire(q, 2, 1);
	thread_join(&second.thread);
	CHECK_EQ(second.uk.ptr, 2);
}
