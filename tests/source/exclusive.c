// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_REQ_EXCLUSIVE: one of the queues that watch a file gets it. */
#include "kinds.h"

static int events_of(int q)
{
	struct ukevent uk[8];

	return CHECK_OK(kevent_get_events(q, 0, 8, NULL, uk, 0));
}

/* Two queues; returns how many events one change brought in both together. */
static int one_change(int q, int other, struct thing *t)
{
	int n = 0;

	thing_change(t);
	CHECK_SOON((n += events_of(q) + events_of(other)) > 0);
	return n + events_of(q) + events_of(other);
}

TEST_KINDS_BACK(all_without)
{
	int other = kev_queue(NULL, 0), i;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	thing_add(other, &t, KEVENT_REQ_ET);
	for (i = 0; i < 4; i++) {
		thing_change(&t);
		thing_take(q, &t);
		thing_take(other, &t);
		take_none(q);
		take_none(other);
	}
	thing_drop(&t);
	kev_close(other, NULL);
}

TEST_KINDS_BACK(one_with)
{
	int other = kev_queue(NULL, 0), i;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	thing_add(other, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	for (i = 0; i < 6; i++)
		CHECK_EQ(one_change(q, other, &t), 1);
	thing_drop(&t);
	kev_close(other, NULL);
}

/* The one that is left gets all. */
TEST_KINDS_BACK(one_leaves)
{
	int other = kev_queue(NULL, 0), i;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	thing_add(other, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	thing_change(&t);
	CHECK_SOON(events_of(q) + events_of(other) > 0);
	thing_remove(other, &t);
	for (i = 0; i < 4; i++) {
		thing_change(&t);
		thing_take(q, &t);
	}
	thing_add(other, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	thing_remove(q, &t);
	take_none(q);
	while (events_of(other))
		;
	for (i = 0; i < 4; i++) {
		thing_change(&t);
		thing_take(other, &t);
	}
	thing_drop(&t);
	kev_close(other, NULL);
}

/* A watch that does not say so gets each event beside those that do. */
TEST_KINDS_BACK(others_get_all)
{
	int a = kev_queue(NULL, 0), b = kev_queue(NULL, 0), i;
	struct thing t;

	thing_make(&t, k);
	thing_add(a, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	thing_add(q, &t, KEVENT_REQ_ET);
	thing_add(b, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	for (i = 0; i < 4; i++) {
		CHECK_EQ(one_change(a, b, &t), 1);
		thing_take(q, &t);
		take_none(q);
	}
	thing_drop(&t);
	kev_close(a, NULL);
	kev_close(b, NULL);
}

/* What nobody can be woken for any more must not swallow the others' event. */
TEST_KINDS_BACK(fired_oneshot_passes_it_on)
{
	int other = kev_queue(NULL, 0);
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_EXCLUSIVE | KEVENT_REQ_DISPATCH);
	thing_raise(&t);
	thing_take(q, &t);
	thing_lower(&t);
	thing_add(other, &t, KEVENT_REQ_EXCLUSIVE | KEVENT_REQ_ET);
	thing_raise(&t);
	thing_take(other, &t);
	take_none(q);
	thing_drop(&t);
	kev_close(other, NULL);
}

TEST(add_only)
{
	int q = kev_queue(NULL, 0);
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_ET);
	CHECK_EQ(thing_try(q, KEVENT_CTL_MODIFY, &t, KEVENT_REQ_EXCLUSIVE),
		 EINVAL);
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}

/* Many queues, each with a sleeper: no herd. */
enum { HERD = 5 };

TEST(no_herd)
{
	struct kevent_ring ring[HERD];
	struct kev_sleeper s[HERD];
	int q[HERD], over = 0, i;
	struct thing t;

	thing_make(&t, &kinds[KIND_SOCKET_LISTENER]);
	for (i = 0; i < HERD; i++) {
		q[i] = kev_queue(&ring[i], 16);
		thing_add(q[i], &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
		kev_sleeper_prep(&s[i], q[i]);
		kev_sleeper_start(&s[i]);
	}
	thing_raise(&t);
	for (i = 0; !over; i = (i + 1) % HERD)
		over = kev_sleeper_over(&s[i]);
	for (over = 0, i = 0; i < HERD; i++) {
		if (kev_sleeper_over(&s[i])) {
			over++;
			continue;
		}
		wait_blocked(s[i].thread.tid);
		CHECK_EQ(kevent_wake(q[i], 1), 1);
	}
	CHECK_EQ(over, 1);
	for (i = 0; i < HERD; i++)
		kev_sleeper_join(&s[i]);
	thing_drop(&t);
}

/* Nor is one that has fired made exclusive: it is hooked as it was added. */
TEST(not_of_a_fired_one)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_ONESHOT);
	thing_raise(&t);
	CHECK_EQ(kev_tail(&ring), 1);
	CHECK_EQ(thing_try(q, KEVENT_CTL_ADD, &t, KEVENT_REQ_EXCLUSIVE), EEXIST);
	thing_take(q, &t);
	CHECK_EQ(thing_try(q, KEVENT_CTL_ADD, &t, KEVENT_REQ_EXCLUSIVE), 0);
	thing_drop(&t);
}
