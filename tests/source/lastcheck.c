// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_REQ_LAST_CHECK: it is asked again when it is handed out. */
#include "kinds.h"

TEST_KINDS_BACK(not_ready_any_more)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK);
	for (i = 0; i < 5; i++) {
		thing_raise(&t);
		thing_lower(&t);
		take_none(q);
	}
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}

TEST_KINDS_RING(not_posted_by_wakeup)
{
	struct timespec limit = { .tv_sec = 10 };
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK);
	thing_raise(&t);
	CHECK_EQ(kev_tail(ring), 0);
	CHECK_EQ(kevent_wait(q, 1, 0, &limit, 0), 1);
	CHECK_EQ(kev_tail(ring), 1);
	kev_expect(ring, t.fd, k->event);
	thing_drop(&t);
}

/* A consumer that looks at the ring's flags is told to call. */
TEST_KINDS_RING(in_place)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ET);
	for (i = 0; i < 5; i++) {
		thing_change(&t);
		CHECK_SOON(kev_flags(ring) & KEVENT_RING_NEED_CHECK);
		kev_expect(ring, t.fd, k->event);
		kev_expect_none(ring);
	}
	thing_drop(&t);
}

TEST_KINDS_BACK(level_repeats)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK);
	thing_raise(&t);
	for (i = 0; i < 3; i++)
		thing_take(q, &t);
	thing_lower(&t);
	take_none(q);
	thing_drop(&t);
}

TEST_KINDS_BACK(edge_does_not)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ET);
	for (i = 0; i < 3; i++) {
		thing_change(&t);
		thing_take(q, &t);
		take_none(q);
	}
	thing_drop(&t);
}

TEST_KINDS_BACK(oneshot)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ONESHOT);
	thing_raise(&t);
	thing_lower(&t);
	take_none(q);		/* that was no event */
	thing_raise(&t);
	thing_take(q, &t);
	thing_change(&t);
	take_none(q);
	thing_drop(&t);
}

/* ---- With a sleeper -------------------------------------------------------- */

struct getter {
	int q;
	struct ukevent uk;
	int ret;
};

static void *get_one(void *arg)
{
	struct getter *g = arg;
	struct timespec limit = { .tv_sec = 10 };

	g->ret = kevent_get_events(g->q, 1, 1, &limit, &g->uk, 0);
	return NULL;
}

TEST_KINDS_BACK(wakes_a_sleeper)
{
	struct test_thread thread;
	struct getter g = { .q = q };
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK);
	thread_start(&thread, get_one, &g);
	wait_blocked(thread.tid);
	thing_raise(&t);
	thread_join(&thread);
	CHECK_EQ(g.ret, 1);
	CHECK_EQ(g.uk.ptr, t.fd);
	CHECK_EQ(g.uk.ret_data[0], k->event);
	thing_drop(&t);
}

/* READY fires a one-shot that was to be asked: it ends with that event. */
TEST(one_shot_fired_before_it_is_asked)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ONESHOT);
	thing_raise(&t);
	kevent_prep(&uk, t.kind->type, t.fd, 0, 0, 0);
	kev_change(q, KEVENT_CTL_READY, &uk);
	take(q);
	take_none(q);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
	thing_drop(&t);
}
