// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_UNOTIFY: private events, fired by KEVENT_CTL_READY. */
#include "kinds.h"

static struct ukevent add(int q, uint64_t id, unsigned int event,
			  unsigned int flags)
{
	return kev_add(q, KEVENT_UNOTIFY, id, event, flags);
}

static void expect(int q, uint64_t id, unsigned int bits, uint32_t total)
{
	struct ukevent uk = take(q);

	CHECK_EQ(uk.type, KEVENT_UNOTIFY);
	CHECK_EQ(uk.id.raw_u64, id);
	CHECK_EQ(uk.ret_data[0], bits);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(uk.ret_data[1], total);
}

TEST(bits_and_total)
{
	int q = kev_queue(NULL, 0);

	CHECK_EQ(add(q, 1, 0xff0, 0).ret_flags, 0);
	take_none(q);
	kev_fire(q, 1, 0x10);
	expect(q, 1, 0x10, 1);
	take_none(q);		/* an edge, whatever the flags */
	kev_fire(q, 1, 0xffff);
	expect(q, 1, 0xff0, 2);
	kev_fire(q, 1, 0);
	expect(q, 1, 0xff0, 3);
	take_none(q);
}

TEST(merging)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	const struct ukevent *uk;

	add(q, 1, 0xff, 0);
	kev_fire(q, 1, 0x1);
	kev_fire(q, 1, 0x2);
	kev_fire(q, 1, 0x8);
	CHECK_EQ(kev_tail(&ring), 1);
	uk = kev_expect(&ring, 1, 0xb);
	CHECK_EQ(uk->ret_data[1], 3);
	CHECK_EQ(uk->merged, 2);
	kev_fire(q, 1, 0x4);
	uk = kev_expect(&ring, 1, 0x4);
	CHECK_EQ(uk->ret_data[1], 4);
	CHECK_EQ(uk->merged, 0);
}

TEST(whole_id)
{
	const uint64_t high = 1ull << 40;
	int q = kev_queue(NULL, 0);

	add(q, 5, 1, 0);
	add(q, 5 | high, 1, 0);
	add(q, ~0ull, 1, 0);
	CHECK_EQ(watches_of(q), 3);
	kev_fire(q, 5 | high, 0);
	expect(q, 5 | high, 1, 1);
	kev_fire(q, ~0ull, 0);
	expect(q, ~0ull, 1, 1);
	take_none(q);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_UNOTIFY, 6, 0, 0), ENOENT);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_UNOTIFY, 5, 1, 0), EEXIST);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_UNOTIFY, 7, 0, 0), EINVAL);
}

/* The same number is another watch in another type and another queue. */
TEST(number_of_its_own)
{
	int q = kev_queue(NULL, 0), other = kev_queue(NULL, 0);
	struct ukevent uk;

	add(q, 9, 1, 0);
	add(other, 9, 1, 0);
	kevent_prep_timer(&uk, 9, 1, 0, CLOCK_MONOTONIC, 0, 9);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	CHECK_EQ(watches_of(q), 2);
	CHECK_EQ(take(q).type, KEVENT_TIMER);
	take_none(q);
	kev_fire(q, 9, 0);
	expect(q, 9, 1, 1);
	take_none(other);
}

TEST(oneshot)
{
	int q = kev_queue(NULL, 0);

	add(q, 1, 0x3, KEVENT_REQ_ONESHOT);
	kev_fire(q, 1, 0x1);
	/* Fired and unclaimed: it has had its event. */
	kev_try(q, KEVENT_CTL_READY, KEVENT_UNOTIFY, 1, 0x2, 0);
	CHECK_EQ(take(q).ret_data[0], 0x1);
	take_none(q);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_UNOTIFY, 1, 0, 0), ENOENT);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, KEVENT_UNOTIFY, 1, 0, 0),
		 ENOENT);
	add(q, 1, 0x3, KEVENT_REQ_ONESHOT);
	kev_fire(q, 1, 0);
	expect(q, 1, 0x3, 1);
}

TEST(dispatch)
{
	int q = kev_queue(NULL, 0);

	add(q, 1, 1, KEVENT_REQ_DISPATCH);
	kev_fire(q, 1, 0);
	CHECK_EQ(take(q).ret_data[0], 1);
	kev_fire(q, 1, 0);
	take_none(q);
	kev_modify(q, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_DISPATCH);
	while (kevent_get_events(q, 0, 1, NULL, &(struct ukevent){ 0 }, 0))
		;
	kev_modify(q, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_DISPATCH);
	kev_fire(q, 1, 0);
	CHECK_EQ(take(q).ret_data[0], 1);
}

/* What is fired while it is disarmed comes when it is armed again. */
static void fired_while_disarmed(int q)
{
	struct ukevent uk;

	add(q, 1, 0x7, KEVENT_REQ_DISPATCH);
	kev_fire(q, 1, 1);
	expect(q, 1, 1, 1);
	kev_fire(q, 1, 2);
	kev_fire(q, 1, 4);
	take_none(q);
	uk = kev_modify(q, KEVENT_UNOTIFY, 1, 0x7, KEVENT_REQ_DISPATCH |
			KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(uk.ret_flags, 0);
	expect(q, 1, 6, 3);
	take_none(q);
	kev_fire(q, 1, 1);
	uk = kev_modify(q, KEVENT_UNOTIFY, 1, 0x7, KEVENT_REQ_DISPATCH);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DONE | KEVENT_RET_DATA);
	CHECK_EQ(uk.ret_data[0], 1);
	CHECK_EQ(uk.ret_data[1], 4);
	take_none(q);
	/* that was its event; and this one is told once */
	kev_fire(q, 1, 2);
	kev_modify(q, KEVENT_UNOTIFY, 1, 0x7, KEVENT_REQ_ALWAYS_QUEUE);
	expect(q, 1, 2, 5);
	uk = kev_modify(q, KEVENT_UNOTIFY, 1, 0x7, KEVENT_REQ_DISPATCH);
	CHECK_EQ(uk.ret_flags, 0);
	take_none(q);
}

TEST(fired_while_disarmed)
{
	struct kevent_ring ring;

	fired_while_disarmed(kev_queue(NULL, 0));
	fired_while_disarmed(kev_queue(&ring, 4));
}

TEST(ready_at_add)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	uk = add(q, 1, 0x6, KEVENT_REQ_READY);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], 0x6);
	take_none(q);
	add(q, 2, 0x6, KEVENT_REQ_READY | KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(take(q).ret_data[0], 0x6);
	take_none(q);
}

TEST(removed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);

	add(q, 1, 1, 0);
	kev_fire(q, 1, 0);
	CHECK_EQ(kev_remove(q, KEVENT_UNOTIFY, 1).ret_flags,
		 KEVENT_RET_CANCELLED);
	kev_expect_none(&ring);
	CHECK_EQ(watches_of(q), 0);
}

TEST(time_and_user)
{
	int q = kev_queue(NULL, 0);
	uint64_t before;
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, 3, 1, KEVENT_REQ_TIMESTAMP, 0xabcdef);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	before = now_ns();
	kev_fire(q, 3, 0);
	uk = take(q);
	CHECK_EQ(uk.ptr, 0xabcdef);
	CHECK_GE(uk.time, before);
	CHECK_LE(uk.time, now_ns());
}

TEST(wakes_a_sleeper)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	struct kev_sleeper s;

	add(q, 1, 1, 0);
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	kev_fire(q, 1, 0);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	kev_expect(&ring, 1, 1);
}

/* ---- From many threads ----------------------------------------------------- */

enum { FIRERS = 2, SHOTS = 10000 };

static void *fire_many(void *arg)
{
	int *q = arg, i;

	for (i = 0; i < SHOTS; i++)
		kev_fire(*q, 1, 1u << (i % 8));
	return NULL;
}

static void count_all(int q, struct kevent_ring *ring)
{
	uint32_t last = 0, total = 0, bits = 0;
	struct test_thread t[FIRERS];
	const struct ukevent *uk;
	struct ukevent copy;
	int i;

	add(q, 1, 0xff, 0);
	for (i = 0; i < FIRERS; i++)
		thread_start(&t[i], fire_many, &q);
	while (total < FIRERS * SHOTS) {
		uk = ring ? kevent_ring_next(ring) : &copy;
		if (!ring)
			copy = take(q);
		if (!uk) {
			CHECK_GE(kevent_ring_wait(ring, NULL), 0);
			continue;
		}
		total += kevent_delta(&last, uk->ret_data[1]);
		bits |= uk->ret_data[0];
	}
	for (i = 0; i < FIRERS; i++)
		thread_join(&t[i]);
	CHECK_EQ(total, FIRERS * SHOTS);
	CHECK_EQ(last, FIRERS * SHOTS);
	CHECK_EQ(bits, 0xff);
}

TEST_TIMEOUT(many_threads, 60)
{
	int q = kev_queue(NULL, 0);

	count_all(q, NULL);
}

TEST_TIMEOUT(many_threads_in_place, 60)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);

	count_all(q, &ring);
}
