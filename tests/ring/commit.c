// SPDX-License-Identifier: GPL-2.0
/* COMMIT: what may be freed by whom, ranges out of turn, the guard. */
#include "kev.h"

/* A ring of 8 with num events, of which the first seen are claimed. */
static int queue_with(struct kevent_ring *ring, unsigned int num, uint32_t seen)
{
	int q = kev_queue(ring, 8);
	unsigned int i;

	for (i = 0; i < num; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	kev_claim_to(ring, seen);
	return q;
}

static int commit(int q, uint32_t head, uint32_t over, uint32_t flags)
{
	struct kevent_ioc_commit arg = {
		.head = head, .over = over, .flags = flags,
	};

	return ioctl(q, KEVENT_IOC_COMMIT, &arg);
}

static int commit_range(int q, uint32_t from, uint32_t to)
{
	struct kevent_ioc_commit arg = {
		.from = from, .head = to, .flags = KEVENT_COMMIT_RANGE,
	};

	return ioctl(q, KEVENT_IOC_COMMIT, &arg);
}

TEST(frees_what_is_claimed)
{
	struct kevent_ioc_commit arg = { .head = 3 };
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 4);

	CHECK_EQ(ioctl(q, KEVENT_IOC_COMMIT, &arg), 3);
	CHECK_EQ(arg.head, 3);
	CHECK_EQ(arg.over, 0);
	CHECK_EQ(kev_head(&ring), 3);
	CHECK_EQ(kev_seen(&ring), 4);
	CHECK_EQ(kevent_commit(q, 4, 0), 1);
	CHECK_EQ(kev_head(&ring), 4);
	/* Nothing to do is no error. */
	CHECK_EQ(kevent_commit(q, 4, 0), 0);
}

TEST(refuses_what_nobody_has_claimed)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 4);

	CHECK_ERRNO(kevent_commit(q, 5, 0), EINVAL);
	CHECK_ERRNO(kevent_commit(q, 6, 0), EINVAL);
	CHECK_EQ(kev_head(&ring), 0);
	CHECK_EQ(kev_seen(&ring), 4);
}

TEST(refuses_what_is_out_of_range)
{
	static const uint32_t bad[] = {
		7, 8, 9, 16, 0x7fffffff, 0x80000000, 0xffffffff,
	};
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 6);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_ERRNO(kevent_commit(q, bad[i], 0), EOVERFLOW);
		CHECK_ERRNO(commit(q, bad[i], 0, KEVENT_COMMIT_FORCE),
			    EOVERFLOW);
	}
	CHECK_EQ(kevent_commit(q, 4, 0), 4);
	CHECK_ERRNO(kevent_commit(q, 3, 0), EOVERFLOW);
	CHECK_ERRNO(kevent_commit(q, 0, 0), EOVERFLOW);
	CHECK_EQ(kev_head(&ring), 4);
}

/* The index is right, but it is that of another time round. */
TEST(refuses_other_times_round)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 6);

	CHECK_ERRNO(kevent_commit(q, 4, 1), EOVERFLOW);
	CHECK_ERRNO(kevent_commit(q, 4, 0xffffffff), EOVERFLOW);
	CHECK_ERRNO(commit(q, 4, 1, KEVENT_COMMIT_FORCE), EOVERFLOW);
	CHECK_EQ(kev_head(&ring), 0);
	CHECK_EQ(kevent_commit(q, 4, 0), 4);
}

TEST(force_frees_what_others_claimed)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 4);

	CHECK_EQ(commit(q, 4, 0, KEVENT_COMMIT_FORCE), 4);
	CHECK_EQ(kev_head(&ring), 4);
	CHECK_EQ(kev_seen(&ring), 4);
}

TEST(force_frees_what_nobody_claimed)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 4);

	CHECK_EQ(commit(q, 6, 0, KEVENT_COMMIT_FORCE), 6);
	CHECK_EQ(kev_head(&ring), 6);
	CHECK_EQ(kev_seen(&ring), 6);
	/* The watches are alive. */
	ring.pos = 6;
	ring.end = 6;
	kev_expect_none(&ring);
	kev_fire(q, 5, 2);
	kev_expect(&ring, 5, 2);
}

TEST(force_frees_a_full_ring)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 10, 0);

	CHECK(kev_flags(&ring) & KEVENT_RING_OVERFLOW);
	CHECK_EQ(commit(q, 8, 0, KEVENT_COMMIT_FORCE), 8);
	CHECK_EQ(kev_tail(&ring), 10);
	ring.pos = 8;
	ring.end = 8;
	kev_expect(&ring, 8, 1);
	kev_expect(&ring, 9, 1);
	kev_expect_none(&ring);
}

/* ---- Ranges ------------------------------------------------------------ */

TEST(range_in_turn)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 6);

	CHECK_EQ(commit_range(q, 0, 2), 2);
	CHECK_EQ(commit_range(q, 2, 6), 4);
	CHECK_EQ(kev_head(&ring), 6);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_HEAD));
}

TEST(range_out_of_turn)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 6);

	CHECK_OK(commit_range(q, 4, 6));
	CHECK_OK(commit_range(q, 1, 3));
	CHECK_EQ(kev_head(&ring), 0);
	CHECK(kev_flags(&ring) & KEVENT_RING_HEAD);
	CHECK_OK(commit_range(q, 0, 1));
	CHECK_EQ(kev_head(&ring), 3);
	CHECK(kev_flags(&ring) & KEVENT_RING_HEAD);
	CHECK_OK(commit_range(q, 3, 4));
	CHECK_EQ(kev_head(&ring), 6);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_HEAD));
}

/* A range that has to wait has not been freed yet. */
TEST(range_counts_what_is_freed)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 6);

	CHECK_EQ(commit_range(q, 1, 3), 0);
	CHECK_EQ(commit_range(q, 0, 1), 3);
	CHECK_EQ(commit_range(q, 4, 5), 0);
	CHECK_EQ(kevent_commit(q, 4, 0), 2);
}

/* Who frees by a store sees the flag and makes the call. */
TEST(range_behind_a_store)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 6);

	CHECK_OK(commit_range(q, 2, 6));
	kev_free_to(&ring, 2);
	CHECK(kev_flags(&ring) & KEVENT_RING_HEAD);
	CHECK_OK(kevent_ring_call(&ring));
	CHECK_EQ(kev_head(&ring), 6);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_HEAD));
}

TEST(range_behind_a_commit)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 6);

	CHECK_OK(commit_range(q, 2, 5));
	CHECK_OK(kevent_commit(q, 2, 0));
	CHECK_EQ(kev_head(&ring), 5);
	CHECK_EQ(kevent_commit(q, 6, 0), 1);
}

/* Freed by a store to its end, or beyond: the memory of it must go. */
TEST(range_overtaken_by_a_store)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 6);
	uint32_t i;

	CHECK_OK(commit_range(q, 2, 4));
	kev_free_to(&ring, 6);
	CHECK_OK(kevent_ring_call(&ring));
	CHECK_EQ(kev_head(&ring), 6);
	/* Next time round these slots are not finished. */
	for (i = 0; i < 6; i++)
		kev_fire(q, i, 2);
	CHECK_EQ(kev_tail(&ring), 12);
	kev_claim_to(&ring, 12);
	CHECK_EQ(kevent_commit(q, 10, 0), 4);
	CHECK_EQ(kev_head(&ring), 10);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_HEAD));
}

TEST(range_hands_over)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 10, 8);

	CHECK_EQ(kev_tail(&ring), 8);
	CHECK_OK(commit_range(q, 1, 2));
	CHECK_EQ(kev_tail(&ring), 8);
	CHECK_OK(commit_range(q, 0, 1));
	CHECK_EQ(kev_tail(&ring), 10);
}

TEST(range_refused)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 4);

	CHECK_ERRNO(commit_range(q, 2, 5), EINVAL);
	CHECK_ERRNO(commit_range(q, 4, 6), EINVAL);
	CHECK_ERRNO(commit_range(q, 2, 7), EOVERFLOW);
	CHECK_ERRNO(commit_range(q, 0xffffffff, 2), EOVERFLOW);
	CHECK_EQ(kevent_commit(q, 2, 0), 2);
	CHECK_ERRNO(commit_range(q, 0, 2), EOVERFLOW);
	CHECK_ERRNO(commit_range(q, 1, 3), EOVERFLOW);
	CHECK_EQ(kev_head(&ring), 2);
	/* Nothing of these has been remembered. */
	CHECK_EQ(commit_range(q, 2, 3), 1);
	CHECK_EQ(kev_head(&ring), 3);
}

/* Head moves forward only, whatever COMMIT is told. */
TEST(forward_only)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 6);

	CHECK_EQ(kevent_commit(q, 5, 0), 5);
	CHECK_ERRNO(commit(q, 4, 0, KEVENT_COMMIT_FORCE), EOVERFLOW);
	CHECK_ERRNO(commit_range(q, 4, 5), EOVERFLOW);
	CHECK_EQ(kev_head(&ring), 5);
}

/* The program moves head past what was remembered: what comes then is, too. */
TEST(range_behind_the_programs_head)
{
	struct kevent_ring ring;
	int q = queue_with(&ring, 8, 8);

	CHECK_EQ(commit_range(q, 1, 3), 0);
	kev_free_to(&ring, 5);
	CHECK_EQ(commit_range(q, 6, 8), 0);
	CHECK(kev_flags(&ring) & KEVENT_RING_HEAD);
	CHECK_EQ(commit_range(q, 5, 6), 3);
	CHECK_EQ(kev_head(&ring), 8);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_HEAD));
}
