// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_REQ_ONESHOT (one event, then the watch ends) and _DISPATCH. */
#include "kinds.h"

/* ---- ONESHOT ---------------------------------------------------------------- */

TEST_KINDS(one_event)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ONESHOT);
	CHECK_EQ(watches_of(q), 1);
	thing_raise(&t);
	thing_take(q, &t);
	if (!k->once)
		thing_change(&t);
	take_none(q);
	CHECK_EQ(thing_try(q, KEVENT_CTL_REMOVE, &t, 0), ENOENT);
	CHECK_EQ(watches_of(q), 0);
	thing_drop(&t);
}

TEST_KINDS_BACK(one_event_of_many)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ONESHOT);
	for (i = 0; i < 4; i++)
		thing_change(&t);
	thing_take(q, &t);
	take_none(q);
	thing_drop(&t);
}

/* That was its event. */
TEST_KINDS_BACK(one_result)
{
	struct thing t;

	thing_make(&t, k);
	thing_raise(&t);
	CHECK(thing_add(q, &t, KEVENT_REQ_ONESHOT).ret_flags & KEVENT_RET_DONE);
	take_none(q);
	thing_change(&t);
	take_none(q);
	thing_drop(&t);
}

TEST_KINDS_BACK(one_event_always_queued)
{
	struct thing t;

	thing_make(&t, k);
	thing_raise(&t);
	thing_add(q, &t, KEVENT_REQ_ONESHOT | KEVENT_REQ_ALWAYS_QUEUE);
	thing_take(q, &t);
	thing_change(&t);
	take_none(q);
	CHECK_EQ(thing_try(q, KEVENT_CTL_REMOVE, &t, 0), ENOENT);
	thing_drop(&t);
}

TEST_KINDS(removed_before)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ONESHOT);
	CHECK_EQ(thing_try(q, KEVENT_CTL_ADD, &t, KEVENT_REQ_ONESHOT), EEXIST);
	CHECK_EQ(thing_remove(q, &t).ret_flags, 0);
	CHECK_EQ(watches_of(q), 0);
	thing_raise(&t);
	take_none(q);
	thing_drop(&t);
}

/* A wake-up is not at once everywhere; the watch has fired when it was seen. */
static void raise_into(struct thing *t, const struct kevent_ring *ring)
{
	uint32_t tail = kev_tail(ring);

	thing_raise(t);
	CHECK_EQ(kevent_wait(ring->fd, 1, tail, NULL, 0), 1);
	CHECK_EQ(kev_tail(ring), tail + 1);
}

TEST_KINDS_RING(removed_unclaimed)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ONESHOT);
	raise_into(&t, ring);
	CHECK_EQ(thing_remove(q, &t).ret_flags, KEVENT_RET_CANCELLED);
	CHECK(kev_entry(ring, 0)->ret_flags & KEVENT_RET_CANCELLED);
	take_none(q);
	kev_expect_none(ring);
	CHECK_EQ(thing_try(q, KEVENT_CTL_REMOVE, &t, 0), ENOENT);
	thing_drop(&t);
}

TEST_KINDS_RING(removed_claimed)
{
	const struct ukevent *uk;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ONESHOT);
	raise_into(&t, ring);
	uk = kev_expect(ring, t.fd, k->event);
	CHECK_EQ(thing_remove(q, &t).ret_flags, 0);
	CHECK(uk->ret_flags & KEVENT_RET_CANCELLED);
	kev_expect_none(ring);
	CHECK_EQ(thing_try(q, KEVENT_CTL_REMOVE, &t, 0), ENOENT);
	thing_drop(&t);
}

TEST_KINDS_RING(gone_when_freed)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ONESHOT);
	raise_into(&t, ring);
	kev_expect(ring, t.fd, k->event);
	kev_expect_none(ring);		/* frees */
	CHECK_EQ(thing_try(q, KEVENT_CTL_REMOVE, &t, 0), ENOENT);
	thing_drop(&t);
}

TEST_KINDS_RING(close_cancels)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ONESHOT);
	raise_into(&t, ring);
	close(t.fd);
	CHECK(kev_entry(ring, 0)->ret_flags & KEVENT_RET_CANCELLED);
	take_none(q);
	thing_drop_rest(&t);
}

/* ADD of what has fired and is still in the ring arms it once more. */
TEST_KINDS_RING(added_again)
{
	struct ukevent uk;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ONESHOT);
	raise_into(&t, ring);
	thing_lower(&t);
	uk = thing_add(q, &t, KEVENT_REQ_ONESHOT);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_DONE, 0);
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0) == 1)
		;
	CHECK_EQ(watches_of(q), 1);
	thing_raise(&t);
	thing_take(q, &t);
	thing_change(&t);
	take_none(q);
	thing_drop(&t);
}

TEST_KINDS_BACK(added_after)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	for (i = 0; i < 5; i++) {
		thing_add(q, &t, KEVENT_REQ_ONESHOT);
		thing_raise(&t);
		thing_take(q, &t);
		thing_lower(&t);
	}
	thing_drop(&t);
}

/* ---- DISPATCH -------------------------------------------------------------- */

TEST_KINDS_BACK(dispatch_disarms)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_DISPATCH);
	thing_raise(&t);
	thing_take(q, &t);
	for (i = 0; i < 3; i++) {
		thing_change(&t);
		take_none(q);
	}
	CHECK_EQ(watches_of(q), 1);
	CHECK_EQ(thing_try(q, KEVENT_CTL_ADD, &t, 0), EEXIST);
	thing_remove(q, &t);
	thing_drop(&t);
}

static struct ukevent rearm(int q, struct thing *t, unsigned int flags)
{
	return kev_modify(q, t->kind->type, t->fd, t->kind->event,
			  KEVENT_REQ_DISPATCH | flags);
}

TEST_KINDS_BACK(dispatch_modify_asks)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_DISPATCH);
	thing_raise(&t);
	thing_take(q, &t);
	CHECK_EQ(rearm(q, &t, KEVENT_REQ_ALWAYS_QUEUE).ret_flags &
		 KEVENT_RET_DONE, 0);
	thing_take(q, &t);
	take_none(q);
	CHECK(rearm(q, &t, 0).ret_flags & KEVENT_RET_DONE);
	take_none(q);
	thing_drop(&t);
}

TEST_KINDS_BACK(dispatch_modify_arms)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_DISPATCH);
	for (i = 0; i < 5; i++) {
		thing_raise(&t);
		thing_take(q, &t);
		thing_lower(&t);
		CHECK_EQ(rearm(q, &t, 0).ret_flags & KEVENT_RET_DONE, 0);
		take_none(q);
	}
	thing_drop(&t);
}

/* Its one event was in the result. */
TEST_KINDS_BACK(dispatch_result_disarms)
{
	struct thing t;

	thing_make(&t, k);
	thing_raise(&t);
	CHECK(thing_add(q, &t, KEVENT_REQ_DISPATCH).ret_flags &
	      KEVENT_RET_DONE);
	thing_change(&t);
	take_none(q);
	thing_drop(&t);
}

/* ---- ADD while the event is still there -------------------------------------- */

static void add_with(int q, uint64_t ptr, unsigned int event)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, 1, event, KEVENT_REQ_ONESHOT, ptr);
	kev_change(q, KEVENT_CTL_ADD, &uk);
}

/* Two registrations, two events, each with its own. */
TEST(added_again_before_it_is_claimed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);
	const struct ukevent *uk;

	add_with(q, 100, 1);
	kev_fire(q, 1, 0);
	add_with(q, 200, 2);
	kev_fire(q, 1, 0);
	uk = kevent_ring_next(&ring);
	CHECK(uk);
	CHECK_EQ(uk->ptr, 100);
	CHECK_EQ(uk->ret_data[0], 1);
	uk = kevent_ring_next(&ring);
	CHECK(uk);
	CHECK_EQ(uk->ptr, 200);
	CHECK_EQ(uk->ret_data[0], 2);
	CHECK_EQ(uk->merged, 0);
	kev_expect_none(&ring);
	CHECK_EQ(kevent_ring_call(&ring), 0);
	CHECK_EQ(watches_of(q), 0);
}

/* The end takes back both. */
TEST(added_again_and_removed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	add_with(q, 100, 1);
	kev_fire(q, 1, 0);
	add_with(q, 200, 2);
	kev_fire(q, 1, 0);
	CHECK_EQ(kev_remove(q, KEVENT_UNOTIFY, 1).ret_flags,
		 KEVENT_RET_CANCELLED);
	kev_expect_none(&ring);
}

/* Also where it waits for a slot, or, without a ring, for somebody who takes it. */
static void added_again_while_it_waits(int q)
{
	struct ukevent uk;

	add_with(q, 100, 1);
	kev_fire(q, 1, 0);
	add_with(q, 200, 2);
	kev_fire(q, 1, 0);
	add_with(q, 300, 4);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_UNOTIFY, 1, 2, 0), EEXIST);
	uk = take(q);
	CHECK_EQ(uk.ptr, 100);
	CHECK_EQ(uk.ret_data[0], 1);
	uk = take(q);
	CHECK_EQ(uk.ptr, 200);
	CHECK_EQ(uk.ret_data[0], 2);
	take_none(q);
	kev_fire(q, 1, 0);
	CHECK_EQ(take(q).ptr, 300);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
}

TEST(added_again_without_ring)
{
	added_again_while_it_waits(kev_queue(NULL, 0));
}

TEST(added_again_with_a_full_ring)
{
	struct kevent_ring ring;

	added_again_while_it_waits(kev_queue(&ring, 1));
}
