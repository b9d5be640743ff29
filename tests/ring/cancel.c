// SPDX-License-Identifier: GPL-2.0
/* A watch that ends, or is modified, cancels its entries in place, claimed ones too. */
#include "kev.h"

static bool cancelled(const struct kevent_ring *ring, uint32_t index)
{
	return kev_entry(ring, index)->ret_flags & KEVENT_RET_CANCELLED;
}

/* What the result of REMOVE or MODIFY says of outstanding events. */
static unsigned int outstanding(struct ukevent uk)
{
	return uk.ret_flags & KEVENT_RET_CANCELLED;
}

static unsigned int remove_user(int q, uint64_t id)
{
	return outstanding(kev_remove(q, KEVENT_UNOTIFY, id));
}

TEST(nothing_outstanding)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	CHECK_EQ(remove_user(q, 1), 0);
	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	kev_expect(&ring, 1, 1);
	kev_expect_none(&ring);
	CHECK_EQ(remove_user(q, 1), 0);
}

TEST(unclaimed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK(!cancelled(&ring, 0));
	CHECK_EQ(remove_user(q, 1), KEVENT_RET_CANCELLED);
	CHECK(cancelled(&ring, 0));
	CHECK_EQ(kev_tail(&ring), 1);
	kev_expect_none(&ring);
}

TEST(unclaimed_not_given_by_get_events)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_add_user(q, 2);
	kev_fire(q, 1, 1);
	kev_fire(q, 2, 1);
	CHECK_EQ(remove_user(q, 1), KEVENT_RET_CANCELLED);
	kev_expect_get(q, 2, 1);
	kev_expect_get_none(q);
}

TEST(unclaimed_without_ring)
{
	int q = kev_queue(NULL, 0);

	kev_add_user(q, 1);
	kev_add_user(q, 2);
	kev_fire(q, 1, 1);
	kev_fire(q, 2, 1);
	CHECK_EQ(remove_user(q, 1), KEVENT_RET_CANCELLED);
	kev_expect_get(q, 2, 1);
	kev_expect_get_none(q);
	CHECK_EQ(remove_user(q, 2), 0);
}

TEST(claimed_until_freed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_add_user(q, 2);
	kev_fire(q, 1, 1);
	kev_fire(q, 2, 1);
	kev_claim_to(&ring, 2);
	kev_free_to(&ring, 1);
	CHECK_EQ(remove_user(q, 1), 0);
	CHECK_EQ(remove_user(q, 2), 0);
	CHECK(cancelled(&ring, 1));
}

/* One entry in somebody's hands, a newer one not: both are cancelled. */
TEST(claimed_and_unclaimed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	kev_claim_to(&ring, 1);
	kev_fire(q, 1, 2);
	CHECK_EQ(kev_tail(&ring), 2);
	CHECK_EQ(remove_user(q, 1), KEVENT_RET_CANCELLED);
	CHECK(cancelled(&ring, 0));
	CHECK(cancelled(&ring, 1));
}

/* However many entries a watch has: a chain of claims without freeing. */
TEST(many_claimed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	uint32_t i;

	kev_add_user(q, 1);
	kev_add_user(q, 2);
	for (i = 0; i < 14; i++) {
		kev_fire(q, 1 + i % 2, 1);
		kev_claim_to(&ring, i + 1);
	}
	kev_free_to(&ring, 3);
	CHECK_EQ(remove_user(q, 1), 0);
	for (i = 3; i < 14; i++)
		CHECK_EQ(cancelled(&ring, i), i % 2 == 0);
	CHECK_EQ(remove_user(q, 2), 0);
	for (i = 3; i < 14; i++)
		CHECK(cancelled(&ring, i));
}

/* A slot that has been freed and filled again belongs to somebody else. */
TEST(slot_of_another_watch)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2);
	unsigned int i;

	for (i = 0; i < 4; i++)
		kev_add_user(q, i);
	for (i = 0; i < 4; i++) {
		kev_fire(q, i, 1);
		if (i < 2) {
			kev_claim_to(&ring, i + 1);
			kev_free_to(&ring, i + 1);
		}
	}
	CHECK_EQ(kev_tail(&ring), 4);
	CHECK_EQ(remove_user(q, 0), 0);
	CHECK_EQ(remove_user(q, 1), 0);
	CHECK(!cancelled(&ring, 2));
	CHECK(!cancelled(&ring, 3));
	kev_expect_get(q, 2, 1);
	kev_expect_get(q, 3, 1);
}

TEST(later_in_the_batch_in_hand)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	kev_expect(&ring, 0, 1);
	CHECK_EQ(kev_seen(&ring), 4);
	CHECK_EQ(remove_user(q, 1), 0);
	CHECK_EQ(remove_user(q, 3), 0);
	kev_expect(&ring, 2, 1);
	kev_expect_none(&ring);
}

TEST(closed_later_in_the_batch_in_hand)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fd[3], i;
	const uint64_t one = 1;

	for (i = 0; i < 3; i++) {
		fd[i] = CHECK_OK(eventfd(0, 0));
		kev_add_poll(q, fd[i], POLLIN, KEVENT_REQ_ET);
		CHECK_EQ(write(fd[i], &one, 8), 8);
	}
	kev_expect(&ring, fd[0], POLLIN);
	CHECK_OK(close(fd[1]));
	kev_expect(&ring, fd[2], POLLIN);
	kev_expect_none(&ring);
}

TEST(closed_before_the_claim)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fd = CHECK_OK(eventfd(0, 0));
	const uint64_t one = 1;

	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(write(fd, &one, 8), 8);
	CHECK_OK(close(fd));
	CHECK_EQ(kev_tail(&ring), 1);
	CHECK(cancelled(&ring, 0));
	kev_expect_none(&ring);
}

/* A cancelled entry keeps its slot until head has passed. */
TEST(keeps_its_slot)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2);
	unsigned int i;

	for (i = 0; i < 3; i++)
		kev_add_user(q, i);
	kev_fire(q, 0, 1);
	kev_fire(q, 1, 1);
	remove_user(q, 0);
	remove_user(q, 1);
	kev_fire(q, 2, 1);
	CHECK_EQ(kev_tail(&ring), 2);
	CHECK(kev_flags(&ring) & KEVENT_RING_OVERFLOW);
	kev_expect(&ring, 2, 1);
	kev_expect_none(&ring);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_OVERFLOW));
}

TEST(added_again)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct ukevent first, second;
	const struct ukevent *uk;

	first = kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(remove_user(q, 1), KEVENT_RET_CANCELLED);
	second = kev_add_user(q, 1);
	CHECK_NE(first.cookie, second.cookie);
	kev_fire(q, 1, 2);
	CHECK_EQ(kev_tail(&ring), 2);
	uk = kev_expect(&ring, 1, 2);
	CHECK_EQ(uk->cookie, second.cookie);
	CHECK_EQ(uk->ret_data[1], 1);
	kev_expect_none(&ring);
}

TEST(removed_by_cookie)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct ukevent uk = kev_add_user(q, 1);
	uint64_t cookie = uk.cookie;

	kev_fire(q, 1, 1);
	kevent_prep(&uk, 0, 0, 0, KEVENT_REQ_COOKIE, 0);
	uk.cookie = cookie;
	kev_change(q, KEVENT_CTL_REMOVE, &uk);
	CHECK_EQ(outstanding(uk), KEVENT_RET_CANCELLED);
	kev_expect_none(&ring);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, KEVENT_UNOTIFY, 1, 0, 0),
		 ENOENT);
}

TEST(results_of_a_batch)
{
	struct kevent_ring ring;
	struct ukevent uk[4];
	int q = kev_queue(&ring, 8);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		kev_add_user(q, i);
		kevent_prep(&uk[i], KEVENT_UNOTIFY, i, 0, 0, i);
	}
	kevent_prep(&uk[3], KEVENT_UNOTIFY, 99, 0, 0, 3);
	kev_fire(q, 0, 1);
	kev_claim_to(&ring, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(kevent_ctl(q, KEVENT_CTL_REMOVE, 4, uk), 1);
	CHECK_EQ(outstanding(uk[0]), 0);
	CHECK_EQ(outstanding(uk[1]), KEVENT_RET_CANCELLED);
	CHECK_EQ(outstanding(uk[2]), 0);
	CHECK_EQ(kevent_error(&uk[3]), ENOENT);
}

/* ---- MODIFY ------------------------------------------------------------ */

TEST(modify_cancels_unclaimed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct ukevent uk;

	kev_add(q, KEVENT_UNOTIFY, 1, 0xff, 0);
	kev_fire(q, 1, 1);
	uk = kev_modify(q, KEVENT_UNOTIFY, 1, 0xf0, 0);
	CHECK_EQ(outstanding(uk), KEVENT_RET_CANCELLED);
	CHECK(cancelled(&ring, 0));
	kev_fire(q, 1, 0x11);
	CHECK_EQ(kev_expect(&ring, 1, 0x10)->event, 0xf0);
	kev_expect_none(&ring);
}

TEST(modify_cancels_claimed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct ukevent uk;

	kev_add(q, KEVENT_UNOTIFY, 1, 0xff, 0);
	kev_add_user(q, 2);
	kev_fire(q, 2, 1);
	kev_fire(q, 1, 1);
	kev_expect(&ring, 2, 1);
	uk = kev_modify(q, KEVENT_UNOTIFY, 1, 0xff, 0);
	CHECK_EQ(outstanding(uk), 0);
	kev_expect_none(&ring);
}

TEST(modify_asks_again)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fd = CHECK_OK(eventfd(0, 0));
	const uint64_t one = 1;
	struct ukevent uk;

	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(write(fd, &one, 8), 8);
	CHECK_EQ(kev_tail(&ring), 1);
	uk = kev_modify(q, KEVENT_POLL, fd, POLLIN | POLLOUT,
			KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(outstanding(uk), KEVENT_RET_CANCELLED);
	CHECK(cancelled(&ring, 0));
	kev_expect(&ring, fd, POLLIN | POLLOUT);
	kev_expect_none(&ring);
}

/* Without ALWAYS_QUEUE what is ready is in the result. */
TEST(modify_answers)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fd = CHECK_OK(eventfd(0, 0));
	const uint64_t one = 1;
	struct ukevent uk;

	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(write(fd, &one, 8), 8);
	uk = kev_modify(q, KEVENT_POLL, fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(outstanding(uk), KEVENT_RET_CANCELLED);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], POLLIN);
	kev_expect_none(&ring);
}

TEST(modify_changes_user)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct ukevent uk = kev_add_user(q, 1);
	uint64_t cookie = uk.cookie;

	kev_fire(q, 1, 1);
	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 0xff, 0, 4711);
	kev_change(q, KEVENT_CTL_MODIFY, &uk);
	kev_fire(q, 1, 2);
	uk = *kev_expect(&ring, 4711, 2);
	CHECK_EQ(uk.cookie, cookie);
	/* READYs since ADD. */
	CHECK_EQ(uk.ret_data[1], 2);
}
