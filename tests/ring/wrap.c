// SPDX-License-Identifier: GPL-2.0
/* Indices that come round 2^32. */
#include "kev.h"

/* first indices such that 2^32 is passed early, late, at a slot's edge */
static const uint32_t starts[] = {
	0xfffffff0, 0xfffffff5, 0xfffffffc, 0xfffffffe, 0xffffffff,
	0x7ffffff0, 0x7fffffff,
};

#define for_each_start(i) \
	for (i = 0; i < ARRAY_SIZE(starts); i++)

static void one_by_one(uint32_t first, unsigned int num)
{
	struct kevent_ring ring;
	int q = kev_queue_at(&ring, num, first, 0, 0);
	uint32_t i;

	kev_add_user(q, 1);
	for (i = 1; i <= 64; i++) {
		kev_fire(q, 1, i);
		CHECK_EQ(kev_tail(&ring), first + i);
		CHECK_EQ(ring.kernel->over,
			 (first + (uint64_t)i) >> 32);
		CHECK_EQ(kev_expect(&ring, 1, i)->ret_data[1], i);
		kev_expect_none(&ring);
	}
	kev_close(q, &ring);
}

TEST(next)
{
	unsigned int i, num;

	for_each_start(i)
		for (num = 1; num <= 16; num *= 2)
			one_by_one(starts[i], num);
}

/* A ring that is always full, merges, and claims that straddle 2^32. */
static void in_batches(uint32_t first)
{
	struct kevent_ring ring;
	int q = kev_queue_at(&ring, 8, first, 0, 0);
	uint32_t i, round;

	for (i = 0; i < 5; i++)
		kev_add_user(q, i);
	for (round = 1; round < 16; round++) {
		for (i = 0; i < 5; i++)
			kev_fire(q, i, 1);
		for (i = 0; i < 5; i++)
			kev_fire(q, 4 - i, 2);
		CHECK_EQ(kev_tail(&ring), first + 5 * round);
		for (i = 0; i < 5; i++) {
			const struct ukevent *uk = kev_expect(&ring, i, 3);

			CHECK_EQ(uk->merged, 1);
			CHECK_EQ(uk->ret_data[1], 2 * round);
		}
		kev_expect_none(&ring);
	}
	kev_close(q, &ring);
}

TEST(batches)
{
	unsigned int i;

	for_each_start(i)
		in_batches(starts[i]);
}

static void overflow(uint32_t first, unsigned int num)
{
	struct kevent_ring ring;
	int q = kev_queue_at(&ring, num, first, 0, 0);
	uint32_t i;

	for (i = 0; i < 40; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	CHECK_EQ(kev_tail(&ring), first + num);
	CHECK(kev_flags(&ring) & KEVENT_RING_OVERFLOW);
	for (i = 0; i < 40; i++)
		kev_expect(&ring, i, 1);
	kev_expect_none(&ring);
	CHECK_EQ(kev_tail(&ring), first + 40);
	kev_close(q, &ring);
}

TEST(overflows)
{
	unsigned int i, num;

	for_each_start(i)
		for (num = 1; num <= 8; num *= 2)
			overflow(starts[i], num);
}

static void taken(uint32_t first)
{
	struct kevent_ring ring;
	int q = kev_queue_at(&ring, 8, first, 0, 0);
	struct ukevent uk[8];
	uint32_t i, round;

	for (i = 0; i < 3; i++)
		kev_add_user(q, i);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 3; i++)
			kev_fire(q, i, 1);
		if (round & 1) {
			CHECK_EQ(kevent_get_events(q, 0, 8, NULL, uk, 0), 3);
		} else {
			CHECK_EQ(kevent_ring_take(&ring, uk, 2), 2);
			CHECK_EQ(kevent_ring_take(&ring, uk + 2, 2), 1);
		}
		for (i = 0; i < 3; i++)
			CHECK_EQ(uk[i].ptr, i);
		CHECK_EQ(kev_head(&ring), first + 3 * (round + 1));
	}
	kev_close(q, &ring);
}

TEST(take_and_get_events)
{
	unsigned int i;

	for_each_start(i)
		taken(starts[i]);
}

TEST(cancel)
{
	struct kevent_ring ring;
	int q = kev_queue_at(&ring, 8, 0xfffffffe, 0, 0);
	uint32_t i;

	for (i = 0; i < 5; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	kev_expect(&ring, 0, 1);
	for (i = 1; i < 4; i++)
		CHECK_EQ(kev_remove(q, KEVENT_UNOTIFY, i).ret_flags, 0);
	kev_expect(&ring, 4, 1);
	kev_expect_none(&ring);
}

/* COMMIT: head and over name an index together. */
TEST(commit_guard)
{
	struct kevent_ioc_commit commit = { 0 };
	struct kevent_ring ring;
	int q = kev_queue_at(&ring, 8, 0xfffffffe, 0, 0);
	uint32_t i;

	for (i = 0; i < 5; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	CHECK_EQ(kev_tail(&ring), 3);
	CHECK_EQ(ring.kernel->over, 1);
	kev_claim_to(&ring, 3);
	/* Before 2^32 with over of after, and the other way round. */
	CHECK_ERRNO(kevent_commit(q, 0xffffffff, 1), EOVERFLOW);
	CHECK_ERRNO(kevent_commit(q, 1, 0), EOVERFLOW);
	CHECK_ERRNO(kevent_commit(q, 0, 0), EOVERFLOW);
	CHECK_ERRNO(kevent_commit(q, 1, 2), EOVERFLOW);
	CHECK_EQ(kev_head(&ring), 0xfffffffe);

	commit.head = 0xffffffff;
	CHECK_EQ(ioctl(q, KEVENT_IOC_COMMIT, &commit), 1);
	CHECK_EQ(commit.head, 0xffffffff);
	CHECK_EQ(commit.over, 0);
	commit.head = 0;
	commit.over = 1;
	CHECK_EQ(ioctl(q, KEVENT_IOC_COMMIT, &commit), 1);
	CHECK_EQ(commit.head, 0);
	CHECK_EQ(commit.over, 1);
	CHECK_EQ(kevent_commit(q, 3, 1), 3);
	CHECK_EQ(kev_head(&ring), 3);
	/* What was head is so no more. */
	CHECK_ERRNO(kevent_commit(q, 0xffffffff, 0), EOVERFLOW);
	CHECK_ERRNO(kevent_commit(q, 2, 1), EOVERFLOW);
}

TEST(commit_range)
{
	struct kevent_ioc_commit commit = { .flags = KEVENT_COMMIT_RANGE };
	struct kevent_ring ring;
	int q = kev_queue_at(&ring, 8, 0xfffffffe, 0, 0);
	uint32_t i;

	for (i = 0; i < 5; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	kev_claim_to(&ring, 3);
	commit.from = 0xffffffff;
	commit.head = 2;
	CHECK_OK(ioctl(q, KEVENT_IOC_COMMIT, &commit));
	CHECK_EQ(kev_head(&ring), 0xfffffffe);
	commit.from = 0xfffffffe;
	commit.head = 0xffffffff;
	CHECK_OK(ioctl(q, KEVENT_IOC_COMMIT, &commit));
	CHECK_EQ(kev_head(&ring), 2);
}

TEST(wait_counts)
{
	const struct timespec zero = { 0, 0 };
	struct kevent_ring ring;
	int q = kev_queue_at(&ring, 8, 0xfffffffe, 0, 0);
	uint32_t i;

	for (i = 0; i < 4; i++) {
		kev_add_user(q, i);
		CHECK_EQ(kevent_wait(q, i + 1, 0xfffffffe, &zero, 0), 0);
		kev_fire(q, i, 1);
		CHECK_EQ(kevent_wait(q, i + 1, 0xfffffffe, &zero, 0), i + 1);
	}
}
