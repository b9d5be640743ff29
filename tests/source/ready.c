// SPDX-License-Identifier: GPL-2.0
/* Tests that an event that comes before, during or after ADD is reported. */
#include "kinds.h"

TEST_KINDS(before_in_result)
{
	struct ukevent uk;
	struct thing t;

	thing_make(&t, k);
	thing_raise(&t);
	uk = thing_add(q, &t, KEVENT_REQ_ET);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_BROKEN, 0);
	CHECK_EQ(uk.ret_data[0], k->event);
	take_none(q);
	CHECK_EQ(watches_of(q), 1);
	thing_drop(&t);
}

TEST_KINDS(before_into_queue)
{
	struct ukevent uk;
	struct thing t;

	thing_make(&t, k);
	thing_raise(&t);
	uk = thing_add(q, &t, KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_DONE, 0);
	thing_take(q, &t);
	take_none(q);
	CHECK_EQ(watches_of(q), 1);
	thing_drop(&t);
}

TEST_KINDS(after)
{
	struct ukevent uk;
	struct thing t;

	thing_make(&t, k);
	uk = thing_add(q, &t, 0);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_DONE, 0);
	take_none(q);
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}

/* Either way the watch stays: what comes later is reported, too. */
TEST_KINDS_BACK(after_before)
{
	struct thing t;

	thing_make(&t, k);
	thing_raise(&t);
	CHECK(thing_add(q, &t, KEVENT_REQ_ET).ret_flags & KEVENT_RET_DONE);
	thing_lower(&t);
	take_none(q);
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}

/* ---- During ADD ----------------------------------------------------------- */

struct racer {
	struct thing t;
	int round;	/* what the thread may do */
	int done;	/* what it has done */
	int last;
	unsigned int seed;
};

static void *raise_rounds(void *arg)
{
	struct racer *r = arg;
	int i;

	pin_to_cpu(1);
	for (i = 1; i <= r->last; i++) {
		SPIN_UNTIL(__atomic_load_n(&r->round, __ATOMIC_ACQUIRE) >= i);
		spin(rand_r(&r->seed) % 3000);
		thing_raise(&r->t);
		__atomic_store_n(&r->done, i, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* It may have been found by ADD, brought by the wake-up, or both. */
static void expect_some(int q, const struct thing *t)
{
	struct ukevent uk;

	thing_take(q, t);
	if (kevent_get_events(q, 0, 1, NULL, &uk, 0) == 1)
		take_none(q);
}

static void race_add(const struct kind *k, int q, int rounds)
{
	struct racer r = { .last = rounds, .seed = 1 };
	unsigned int seed = 2;
	struct test_thread thread;
	int i;

	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	thing_make(&r.t, k);
	pin_to_cpu(0);
	thread_start(&thread, raise_rounds, &r);
	for (i = 1; i <= rounds; i++) {
		__atomic_store_n(&r.round, i, __ATOMIC_RELEASE);
		spin(rand_r(&seed) % 3000);
		thing_add(q, &r.t, KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE);
		SPIN_UNTIL(__atomic_load_n(&r.done, __ATOMIC_ACQUIRE) >= i);
		expect_some(q, &r.t);
		thing_remove(q, &r.t);
		thing_lower(&r.t);
	}
	thread_join(&thread);
	take_none(q);
	thing_drop(&r.t);
}

TEST_KINDS_BACK(during)
{
	race_add(k, q, 250);
}

TEST_TIMEOUT(during_long_EVENTFD, 60)
{
	int q = kev_queue(NULL, 0);

	race_add(&kinds[KIND_EVENTFD], q, 5000);
	kev_close(q, NULL);
}

TEST_TIMEOUT(during_long_UDP, 60)
{
	int q = kev_queue(NULL, 0);

	race_add(&kinds[KIND_UDP], q, 5000);
	kev_close(q, NULL);
}
