// SPDX-License-Identifier: GPL-2.0
/* A program that stores what it likes into its page hurts nobody but itself. */
#include "kev.h"

#define RUN_NS 2000000000ull

static const uint32_t strange[] = {
	0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 0x7fffffff, 0x80000000, 0x80000001,
	0xfffffff0, 0xfffffffe, 0xffffffff,
};

#define STRANGE ARRAY_SIZE(strange)

static void store(const struct kevent_ring *ring, uint32_t seen, uint32_t head)
{
	__atomic_store_n(&ring->user->seen, seen, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->user->head, head, __ATOMIC_SEQ_CST);
}

/* Every call that looks at the page; what they return is nobody's business. */
static void call_all(int q, const struct kevent_ring *ring)
{
	const struct timespec zero = { 0, 0 };
	struct pollfd pfd = { .fd = q, .events = POLLIN };
	struct kevent_ioc_commit commit = { 0 };
	struct ukevent uk[4];
	unsigned int i;

	kevent_wait(q, 1, kev_tail(ring), &zero, 0);
	kevent_ring_call(ring);
	kevent_get_events(q, 0, 4, NULL, uk, 0);
	poll(&pfd, 1, 0);
	for (i = 0; i < 4; i++) {
		commit.head = kev_tail(ring) - i;
		commit.from = i & 1 ? commit.head - 1 : 0;
		commit.flags = i;
		if (!(i & KEVENT_COMMIT_RANGE))
			commit.from = 0;
		ioctl(q, KEVENT_IOC_COMMIT, &commit);
	}
}

static void restore(int q, struct kevent_ring *ring)
{
	uint32_t tail = kev_tail(ring);

	store(ring, tail, tail);
	ring->pos = tail;
	ring->end = tail;
	kevent_ring_call(ring);
	while (kevent_ring_next(ring))
		;
	kev_expect_get_none(q);
}

static void check_works(int q, struct kevent_ring *ring)
{
	unsigned int i;

	restore(q, ring);
	for (i = 0; i < 8; i++)
		kev_fire(q, i, 0x100);
	for (i = 0; i < 8; i++)
		kev_expect(ring, i, 0x100);
	kev_expect_none(ring);
	CHECK(!(kev_flags(ring) & KEVENT_RING_OVERFLOW));
	CHECK(!(kev_flags(ring) & KEVENT_RING_HEAD));
}

static int queue_of_8(struct kevent_ring *ring, unsigned int slots)
{
	int q = kev_queue(ring, slots);
	unsigned int i;

	for (i = 0; i < 8; i++)
		kev_add_user(q, i);
	return q;
}

TEST_USER(each_pair_of_strange_indices)
{
	struct kevent_ring ring;
	int q = queue_of_8(&ring, 4);
	unsigned int s, h, i;

	for (s = 0; s < STRANGE; s++) {
		for (h = 0; h < STRANGE; h++) {
			uint32_t tail = kev_tail(&ring);

			store(&ring, tail + strange[s], tail + strange[h]);
			for (i = 0; i < 8; i++)
				kev_fire(q, i, 1);
			call_all(q, &ring);
			kev_modify(q, KEVENT_UNOTIFY, s % 8, ~0u, 0);
			kev_remove(q, KEVENT_UNOTIFY, h % 8);
			kev_add_user(q, h % 8);
			call_all(q, &ring);
			check_works(q, &ring);
		}
	}
}

/* Head and seen go backwards: what was freed once is not somebody else's. */
TEST_USER(backwards)
{
	struct kevent_ring ring;
	int q = queue_of_8(&ring, 16);
	unsigned int round, i;

	for (round = 0; round < 200; round++) {
		for (i = 0; i < 8; i++)
			kev_fire(q, i, 1);
		store(&ring, kev_tail(&ring), kev_tail(&ring));
		kev_fire(q, 0, 1);
		store(&ring, kev_tail(&ring) - 12, kev_tail(&ring) - 14);
		kev_fire(q, 1, 1);
		kev_remove(q, KEVENT_UNOTIFY, round % 8);
		call_all(q, &ring);
		kev_add_user(q, round % 8);
	}
	check_works(q, &ring);
}

/* ---- While events flow ------------------------------------------------- */

struct flow {
	struct kevent_ring ring;
	struct kevent_ring quiet;
	int q;
	int quiet_q;
	uint64_t end;
	uint32_t made;
};

static bool going(const struct flow *f)
{
	return now_ns() < f->end;
}

static void *scribble(void *arg)
{
	struct flow *f = arg;
	unsigned int i, x = 12345;

	while (going(f)) {
		for (i = 0; i < 1000; i++) {
			x = x * 1664525 + 1013904223;
			store(&f->ring,
			      x & 1 ? x : kev_tail(&f->ring) + strange[x >> 28],
			      x & 2 ? x * 7 : kev_tail(&f->ring) -
					     strange[x >> 24 & 15]);
		}
	}
	return NULL;
}

/* The same events for the queue of the vandal and for an honest one. */
static void *make_events(void *arg)
{
	struct flow *f = arg;
	uint32_t made = 0;

	while (going(f)) {
		kev_fire(f->q, made % 8, 1);
		kev_fire(f->quiet_q, 0, 1);
		made++;
	}
	__atomic_store_n(&f->made, made, __ATOMIC_RELEASE);
	return NULL;
}

static void *make_calls(void *arg)
{
	const struct timespec limit = { 0, 200000 };
	struct flow *f = arg;
	unsigned int round;

	for (round = 0; going(f); round++) {
		call_all(f->q, &f->ring);
		kevent_wait(f->q, 1 + round % 4, kev_tail(&f->ring), &limit, 0);
		kev_modify(f->q, KEVENT_UNOTIFY, round % 8, ~0u, 0);
	}
	return NULL;
}

static void flow(unsigned int slots)
{
	struct flow f = { .end = now_ns() + RUN_NS };
	struct test_thread thread[3];
	const struct ukevent *uk;
	uint32_t last = 0;

	f.q = queue_of_8(&f.ring, slots);
	f.quiet_q = kev_queue(&f.quiet, 2);
	kev_add_user(f.quiet_q, 0);
	thread_start(&thread[0], scribble, &f);
	thread_start(&thread[1], make_events, &f);
	thread_start(&thread[2], make_calls, &f);
	while (!__atomic_load_n(&f.made, __ATOMIC_ACQUIRE)) {
		while ((uk = kevent_ring_next(&f.quiet)))
			last = uk->ret_data[1];
		sched_yield();
	}
	thread_join(&thread[0]);
	thread_join(&thread[1]);
	thread_join(&thread[2]);
	while ((uk = kevent_ring_next(&f.quiet)))
		last = uk->ret_data[1];
	CHECK_EQ(last, f.made);
	check_works(f.q, &f.ring);
	kev_close(f.q, &f.ring);
}

TEST_USER(scribbling_in_a_small_ring)
{
	flow(2);
}

TEST_USER(scribbling_in_a_large_ring)
{
	flow(64);
}

/* Closed with the page in any state. */
TEST_USER(closed_in_disorder)
{
	struct kevent_ring ring;
	unsigned int s, i;

	for (s = 0; s < STRANGE; s++) {
		int q = queue_of_8(&ring, 4);

		for (i = 0; i < 8; i++)
			kev_fire(q, i, 1);
		store(&ring, strange[s], strange[STRANGE - 1 - s]);
		kev_close(q, &ring);
	}
}
