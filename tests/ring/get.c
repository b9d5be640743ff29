// SPDX-License-Identifier: GPL-2.0
/* GET_EVENTS as one more consumer: what it could not copy is put back. */
#include "kev.h"

static void fire_users(int q, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
}

static int get(int q, unsigned int max, struct ukevent *buf)
{
	return kevent_get_events(q, 0, max, NULL, buf, 0);
}

/* room entries fit, and cut bytes of one more. */
static void fault_after(unsigned int room, size_t cut)
{
	struct ukevent *buf = kev_fault_after(room * sizeof(*buf) + cut,
					      PROT_NONE);
	struct kevent_ring ring;
	struct ukevent uk;
	int q = kev_queue(&ring, 8);
	unsigned int i;

	fire_users(q, 5);
	if (room)
		CHECK_EQ(get(q, 5, buf), room);
	else
		CHECK_ERRNO(get(q, 5, buf), EFAULT);
	for (i = 0; i < room; i++)
		CHECK_EQ(buf[i].ptr, i);
	for (i = room; i < 5; i++) {
		CHECK_EQ(kevent_ring_take(&ring, &uk, 1), 1);
		CHECK_EQ(uk.ptr, i);
		CHECK_EQ(uk.ret_data[0], 1);
		CHECK_EQ(uk.ret_data[1], 1);
	}
	CHECK_EQ(kevent_ring_take(&ring, &uk, 1), 0);
	CHECK_EQ(kev_head(&ring), kev_tail(&ring));
	kev_close(q, &ring);
}

TEST(fault)
{
	unsigned int room;

	for (room = 0; room < 5; room++)
		fault_after(room, 0);
}

TEST(fault_inside_entry)
{
	fault_after(0, 8);
	fault_after(2, 32);
	fault_after(4, 63);
}

static void fault_without_ring(unsigned int room)
{
	struct ukevent *buf = kev_fault_after(room * sizeof(*buf), PROT_NONE);
	int q = kev_queue(NULL, 0);
	unsigned int i;

	fire_users(q, 5);
	if (room)
		CHECK_EQ(get(q, 5, buf), room);
	else
		CHECK_ERRNO(get(q, 5, buf), EFAULT);
	for (i = 0; i < room; i++)
		CHECK_EQ(buf[i].ptr, i);
	for (i = room; i < 5; i++)
		kev_expect_get(q, i, 1);
	kev_expect_get_none(q);
	close(q);
}

TEST(fault_in_queue_without_ring)
{
	unsigned int room;

	for (room = 0; room < 5; room++)
		fault_without_ring(room);
}

/* What was put back is unclaimed: it is merged into. */
TEST(merged_after_a_fault)
{
	struct ukevent *buf = kev_fault_after(sizeof(*buf), PROT_NONE);
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);

	fire_users(q, 3);
	CHECK_EQ(get(q, 3, buf), 1);
	kev_fire(q, 2, 2);
	kev_expect_get(q, 1, 1);
	kev_expect_get(q, 2, 3);
	kev_expect_get_none(q);
}

TEST(cancelled_after_a_fault)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);

	fire_users(q, 2);
	CHECK_ERRNO(get(q, 2, NULL), EFAULT);
	CHECK_EQ(kev_remove(q, KEVENT_UNOTIFY, 0).ret_flags,
		 KEVENT_RET_CANCELLED);
	kev_expect_get(q, 1, 1);
	kev_expect_get_none(q);
}

TEST(at_most_so_many)
{
	struct kevent_ring ring;
	struct ukevent buf[8];
	int q = kev_queue(&ring, 8);

	fire_users(q, 7);
	memset(buf, 0x5a, sizeof(buf));
	CHECK_EQ(get(q, 3, buf), 3);
	CHECK_EQ(buf[2].ptr, 2);
	CHECK_EQ(buf[3].type, 0x5a5a5a5a);
	CHECK_EQ(get(q, 8, buf), 4);
	CHECK_EQ(buf[3].ptr, 6);
	CHECK_EQ(get(q, 8, buf), 0);
}

TEST(more_than_the_ring_holds)
{
	struct kevent_ring ring;
	struct ukevent buf[64];
	int q = kev_queue(&ring, 2);
	unsigned int got = 0, i, n;

	fire_users(q, 20);
	while ((n = CHECK_OK(get(q, 64, buf))))
		for (i = 0; i < n; i++)
			CHECK_EQ(buf[i].ptr, got++);
	CHECK_EQ(got, 20);
}

/* It does not wait for a consumer that has not freed what it claimed. */
TEST(behind_a_claim)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	fire_users(q, 4);
	kev_claim_to(&ring, 2);
	kev_expect_get(q, 2, 1);
	kev_expect_get(q, 3, 1);
	kev_expect_get_none(q);
	CHECK_EQ(kev_head(&ring), 0);
	CHECK_EQ(kev_seen(&ring), 4);
	CHECK(kev_flags(&ring) & KEVENT_RING_HEAD);
	/* Its slots are freed when the other's are. */
	CHECK_OK(kevent_commit(q, 2, 0));
	CHECK_EQ(kev_head(&ring), 4);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_HEAD));
}

/* Over and over, with no room in the ring: nothing is lost or made twice. */
TEST(faults_in_a_full_ring)
{
	struct ukevent *buf = kev_fault_after(sizeof(*buf), PROT_NONE);
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2), i;
	unsigned int got = 0;

	fire_users(q, 5);
	for (i = 0; i < 20; i++)
		CHECK_ERRNO(get(q, 2, buf + 1), EFAULT);
	for (i = 0; i < 5; i++) {
		CHECK_EQ(get(q, 2, buf), 1);
		CHECK_EQ(buf->ret_data[1], 1);
		CHECK(!(got & 1u << buf->ptr));
		got |= 1u << buf->ptr;
	}
	CHECK_EQ(get(q, 2, buf), 0);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_CALL));
}

/* A full ring all of which somebody has claimed: no event, and no hang. */
TEST(all_claimed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2);

	fire_users(q, 3);
	kev_claim_to(&ring, 2);
	kev_expect_get_none(q);
	kev_free_to(&ring, 1);
	kev_expect_get(q, 2, 1);
	kev_expect_get_none(q);
}

TEST(cancelled_entries_are_skipped)
{
	struct kevent_ring ring;
	struct ukevent buf[8];
	int q = kev_queue(&ring, 8);
	unsigned int i;

	fire_users(q, 6);
	for (i = 0; i < 6; i += 2)
		kev_remove(q, KEVENT_UNOTIFY, i);
	CHECK_EQ(get(q, 8, buf), 3);
	for (i = 0; i < 3; i++)
		CHECK_EQ(buf[i].ptr, 2 * i + 1);
	CHECK_EQ(kev_head(&ring), 6);
}

/* min counts events, not slots: cancelled ones are none. */
TEST(sleeps_behind_cancelled_entries)
{
	const struct timespec limit = { 0, 20000000 };
	struct kevent_ring ring;
	struct ukevent uk;
	int q = kev_queue(&ring, 8);

	fire_users(q, 2);
	kev_remove(q, KEVENT_UNOTIFY, 0);
	kev_remove(q, KEVENT_UNOTIFY, 1);
	CHECK_EQ(kevent_get_events(q, 1, 1, &limit, &uk, 0), 0);
	kev_add_user(q, 7);
	kev_fire(q, 7, 1);
	CHECK_EQ(kevent_get_events(q, 1, 1, NULL, &uk, 0), 1);
	CHECK_EQ(uk.ptr, 7);
}
