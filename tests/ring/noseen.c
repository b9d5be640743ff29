// SPDX-License-Identifier: GPL-2.0
/* KEVENT_INIT_NO_SEEN: nothing is merged once it is posted; freeing is all a consumer does. */
#include "kev.h"

static int no_seen_queue(struct kevent_ring *ring, unsigned int num)
{
	return kev_queue_at(ring, num, 0, 0, KEVENT_INIT_NO_SEEN);
}

TEST(an_entry_for_each_event)
{
	struct kevent_ring ring;
	int q = no_seen_queue(&ring, 8);
	uint32_t i;

	kev_add_user(q, 1);
	for (i = 0; i < 5; i++)
		kev_fire(q, 1, 1u << i);
	CHECK_EQ(kev_tail(&ring), 5);
	for (i = 0; i < 5; i++) {
		CHECK_EQ(kev_entry(&ring, i)->ret_data[0], 1u << i);
		CHECK_EQ(kev_entry(&ring, i)->ret_data[1], i + 1);
		CHECK_EQ(kev_entry(&ring, i)->merged, 0);
	}
}

/* Read, act, free: no edge is lost between reading and freeing. */
TEST(only_head)
{
	struct kevent_ring ring;
	int q = no_seen_queue(&ring, 4);
	uint32_t i;

	kev_add_user(q, 1);
	for (i = 0; i < 100; i++) {
		kev_fire(q, 1, i + 1);
		CHECK_EQ(kev_tail(&ring), i + 1);
		CHECK_EQ(kev_entry(&ring, i)->ret_data[0], i + 1);
		kev_free_to(&ring, i + 1);
	}
	CHECK(!(kev_flags(&ring) & KEVENT_RING_OVERFLOW));
}

/* What waits for a slot is not posted yet, and is merged. */
TEST(overflow)
{
	struct kevent_ring ring;
	int q = no_seen_queue(&ring, 2);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	kev_fire(q, 1, 2);
	kev_fire(q, 1, 4);
	kev_fire(q, 1, 8);
	CHECK_EQ(kev_tail(&ring), 2);
	CHECK(kev_flags(&ring) & KEVENT_RING_OVERFLOW);
	kev_free_to(&ring, 2);
	CHECK_OK(kevent_ring_call(&ring));
	CHECK_EQ(kev_tail(&ring), 3);
	CHECK_EQ(kev_entry(&ring, 2)->ret_data[0], 0xc);
	CHECK_EQ(kev_entry(&ring, 2)->ret_data[1], 4);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_OVERFLOW));
}

TEST(commit_needs_no_claim)
{
	struct kevent_ring ring;
	int q = no_seen_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	kev_fire(q, 1, 2);
	CHECK_EQ(kevent_commit(q, 1, 0), 1);
	CHECK_EQ(kev_head(&ring), 1);
	CHECK_ERRNO(kevent_commit(q, 3, 0), EOVERFLOW);
	CHECK_EQ(kevent_commit(q, 2, 0), 1);
	CHECK_EQ(kev_head(&ring), 2);
}

TEST(wait_sleeps_when_all_is_freed)
{
	const struct timespec zero = { 0, 0 };
	struct kevent_ring ring;
	int q = no_seen_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	kev_fire(q, 1, 2);
	CHECK_EQ(kevent_wait(q, 1, 0, &zero, 0), 2);
	kev_free_to(&ring, 2);
	CHECK_EQ(kevent_wait(q, 1, 2, &zero, 0), 0);
}

TEST(cancel)
{
	struct kevent_ring ring;
	int q = no_seen_queue(&ring, 4);
	uint32_t i;

	kev_add_user(q, 1);
	for (i = 0; i < 3; i++)
		kev_fire(q, 1, 1);
	kev_free_to(&ring, 1);
	/* Who knows what is in whose hands. */
	CHECK(kev_remove(q, KEVENT_UNOTIFY, 1).ret_flags &
	      KEVENT_RET_CANCELLED);
	for (i = 1; i < 3; i++)
		CHECK(kev_entry(&ring, i)->ret_flags & KEVENT_RET_CANCELLED);
}

TEST(get_events)
{
	struct kevent_ring ring;
	int q = no_seen_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	kev_fire(q, 1, 2);
	kev_expect_get(q, 1, 1);
	kev_expect_get(q, 1, 2);
	kev_expect_get_none(q);
	CHECK_EQ(kev_head(&ring), 2);
}
