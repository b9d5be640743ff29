// SPDX-License-Identifier: GPL-2.0
/* Fewer slots than watches: order is kept, nothing is lost, the flag tells the truth. */
#include "kev.h"

#define WATCHES 100

static bool overflowed(const struct kevent_ring *ring)
{
	return kev_flags(ring) & KEVENT_RING_OVERFLOW;
}

static void add_users(int q, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num; i++)
		kev_add_user(q, i);
}

static void fire_users(int q, unsigned int num, unsigned int bits)
{
	unsigned int i;

	for (i = 0; i < num; i++)
		kev_fire(q, i, bits);
}

static void in_order(unsigned int slots)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, slots);
	unsigned int i, round;

	add_users(q, WATCHES);
	for (round = 1; round <= 3; round++) {
		fire_users(q, WATCHES, round);
		CHECK(overflowed(&ring));
		for (i = 0; i < WATCHES; i++)
			CHECK_EQ(kev_expect(&ring, i, round)->ret_data[1],
				 round);
		kev_expect_none(&ring);
		CHECK(!overflowed(&ring));
		CHECK_EQ(kev_tail(&ring), round * WATCHES);
	}
	kev_close(q, &ring);
}

TEST(order)
{
	unsigned int slots;

	for (slots = 1; slots <= 8; slots *= 2)
		in_order(slots);
}

TEST(no_overflow_up_to_the_last_slot)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);

	add_users(q, 9);
	fire_users(q, 8, 1);
	CHECK(!overflowed(&ring));
	/* Merging needs no slot. */
	fire_users(q, 8, 2);
	CHECK(!overflowed(&ring));
	kev_fire(q, 8, 1);
	CHECK(overflowed(&ring));
	CHECK_EQ(kev_tail(&ring), 8);
}

/* What waits collects its bits and counts, and keeps its place. */
TEST(merged_while_waiting)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2);
	const struct ukevent *uk;
	unsigned int i;

	add_users(q, 6);
	fire_users(q, 6, 1);
	fire_users(q, 6, 2);
	kev_fire(q, 3, 4);
	for (i = 0; i < 6; i++) {
		uk = kev_expect(&ring, i, i == 3 ? 7 : 3);
		CHECK_EQ(uk->ret_data[1], i == 3 ? 3 : 2);
	}
	kev_expect_none(&ring);
}

TEST(merged_counts_while_waiting)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1);
	unsigned int i;

	add_users(q, 2);
	fire_users(q, 2, 1);
	for (i = 0; i < 5; i++)
		kev_fire(q, 1, 1);
	CHECK_EQ(kev_expect(&ring, 0, 1)->merged, 0);
	CHECK_EQ(kev_expect(&ring, 1, 1)->merged, 5);
	/* And not once more. */
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_expect(&ring, 1, 1)->merged, 0);
	kev_expect_none(&ring);
}

/* Room made by a store alone: who comes now must not overtake who waits. */
TEST(not_overtaken)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);
	unsigned int i;

	add_users(q, 8);
	fire_users(q, 6, 1);
	kev_claim_to(&ring, 3);
	kev_free_to(&ring, 3);
	kev_fire(q, 6, 1);
	kev_fire(q, 7, 1);
	ring.pos = 3;
	ring.end = 3;
	for (i = 3; i < 8; i++)
		kev_expect(&ring, i, 1);
	kev_expect_none(&ring);
	CHECK(!overflowed(&ring));
}

/* ---- Who hands over ---------------------------------------------------- */

/* A ring of 4, full, with 4 more waiting; the first two have been claimed. */
static int full_queue(struct kevent_ring *ring)
{
	int q = kev_queue(ring, 4);

	add_users(q, 8);
	fire_users(q, 8, 1);
	CHECK(overflowed(ring));
	kev_claim_to(ring, 2);
	return q;
}

TEST(commit_hands_over)
{
	struct kevent_ring ring;
	int q = full_queue(&ring);

	CHECK_EQ(kevent_commit(q, 2, 0), 2);
	CHECK_EQ(kev_tail(&ring), 6);
	CHECK_EQ(kev_entry(&ring, 4)->ptr, 4);
	CHECK_EQ(kev_entry(&ring, 5)->ptr, 5);
	CHECK(overflowed(&ring));
	kev_claim_to(&ring, 6);
	CHECK_EQ(kevent_commit(q, 4, 0), 2);
	CHECK_EQ(kev_tail(&ring), 8);
	CHECK(!overflowed(&ring));
}

TEST(wait_hands_over)
{
	struct kevent_ring ring;
	int q = full_queue(&ring);

	kev_free_to(&ring, 2);
	CHECK_OK(kevent_ring_call(&ring));
	CHECK_EQ(kev_tail(&ring), 6);
	kev_claim_to(&ring, 6);
	kev_free_to(&ring, 6);
	CHECK_EQ(kevent_wait(q, 1, 6, NULL, 0), 2);
	CHECK_EQ(kev_tail(&ring), 8);
	CHECK(!overflowed(&ring));
}

TEST(commit_in_wait_hands_over)
{
	struct kevent_ioc_wait wait = {
		.flags = KEVENT_FLAGS_COMMIT, .commit = 2,
	};
	struct kevent_ring ring;
	int q = full_queue(&ring);

	CHECK_OK(ioctl(q, KEVENT_IOC_WAIT, &wait));
	CHECK_EQ(wait.head, 2);
	CHECK_EQ(wait.tail, 6);
	CHECK_EQ(kev_tail(&ring), 6);
}

TEST(get_events_hands_over)
{
	struct kevent_ring ring;
	struct ukevent uk[16];
	int q = kev_queue(&ring, 4), got = 0, n;
	unsigned int i;

	add_users(q, 20);
	fire_users(q, 20, 1);
	while ((n = CHECK_OK(kevent_get_events(q, 0, 16, NULL, uk, 0)))) {
		for (i = 0; i < (unsigned int)n; i++)
			CHECK_EQ(uk[i].ptr, got + i);
		got += n;
	}
	CHECK_EQ(got, 20);
	CHECK(!overflowed(&ring));
}

TEST(take_hands_over)
{
	struct kevent_ring ring;
	struct ukevent uk;
	int q = kev_queue(&ring, 4);
	unsigned int i;

	add_users(q, 20);
	fire_users(q, 20, 1);
	for (i = 0; i < 20; i++) {
		CHECK_EQ(kevent_ring_take(&ring, &uk, 1), 1);
		CHECK_EQ(uk.ptr, i);
	}
	CHECK_EQ(kevent_ring_take(&ring, &uk, 1), 0);
	CHECK(!overflowed(&ring));
}

/* ---- Ends while waiting ------------------------------------------------ */

TEST(removed_while_waiting)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2);
	unsigned int i;

	add_users(q, 6);
	fire_users(q, 6, 1);
	CHECK_EQ(kev_remove(q, KEVENT_UNOTIFY, 3).ret_flags,
		 KEVENT_RET_CANCELLED);
	CHECK_EQ(kev_remove(q, KEVENT_UNOTIFY, 5).ret_flags,
		 KEVENT_RET_CANCELLED);
	for (i = 0; i < 5; i++)
		if (i != 3)
			kev_expect(&ring, i, 1);
	kev_expect_none(&ring);
	CHECK(!overflowed(&ring));
}

TEST(all_removed_while_waiting)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1);
	unsigned int i;

	add_users(q, 4);
	fire_users(q, 4, 1);
	for (i = 1; i < 4; i++)
		kev_remove(q, KEVENT_UNOTIFY, i);
	kev_expect(&ring, 0, 1);
	kev_expect_none(&ring);
	CHECK(!overflowed(&ring));
	kev_fire(q, 0, 2);
	kev_expect(&ring, 0, 2);
}

TEST(modified_while_waiting)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1);

	add_users(q, 2);
	fire_users(q, 2, 1);
	CHECK_EQ(kev_modify(q, KEVENT_UNOTIFY, 1, 0xf0, 0).ret_flags,
		 KEVENT_RET_CANCELLED);
	kev_expect(&ring, 0, 1);
	kev_expect_none(&ring);
	kev_fire(q, 1, 0x11);
	kev_expect(&ring, 1, 0x10);
}

TEST(closed_while_waiting)
{
	const uint64_t one = 1;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1), fd[3], i;

	for (i = 0; i < 3; i++) {
		fd[i] = CHECK_OK(eventfd(0, 0));
		kev_add_poll(q, fd[i], POLLIN, KEVENT_REQ_ET);
		CHECK_EQ(write(fd[i], &one, 8), 8);
	}
	CHECK_OK(close(fd[1]));
	kev_expect(&ring, fd[0], POLLIN);
	kev_expect(&ring, fd[2], POLLIN);
	kev_expect_none(&ring);
}

/* Queue closed with events waiting, and with the ring full. */
TEST(closed_queue)
{
	struct kevent_ring ring;
	int q = full_queue(&ring);

	kev_close(q, &ring);
}

TEST(ring_of_one)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1);
	uint32_t i;

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	/* Claimed, not freed: the next one must wait. */
	kev_claim_to(&ring, 1);
	kev_fire(q, 1, 2);
	CHECK_EQ(kev_tail(&ring), 1);
	CHECK(overflowed(&ring));
	CHECK_EQ(kev_entry(&ring, 0)->ret_data[0], 1);
	CHECK_EQ(kevent_commit(q, 1, 0), 1);
	CHECK_EQ(kev_tail(&ring), 2);
	CHECK_EQ(kev_entry(&ring, 1)->ret_data[0], 2);
	kev_claim_to(&ring, 2);
	kev_free_to(&ring, 2);
	ring.pos = 2;
	ring.end = 2;
	for (i = 3; i < 50; i++) {
		kev_fire(q, 1, i);
		CHECK_EQ(kev_expect(&ring, 1, i)->ret_data[1], i);
	}
	kev_expect_none(&ring);
}

/* ---- Under load -------------------------------------------------------- */

struct load {
	struct kevent_ring ring;
	int q;
	unsigned int rounds;
	uint64_t end;
};

/* Each watch in turn, as often as the others. */
static void *fire_all(void *arg)
{
	struct load *load = arg;
	unsigned int round;

	for (round = 0; round < 500 && now_ns() < load->end; round++)
		fire_users(load->q, 16, 1);
	__atomic_store_n(&load->rounds, round, __ATOMIC_RELEASE);
	return NULL;
}

static bool all_there(const struct load *load, const uint32_t total[16])
{
	uint32_t rounds = __atomic_load_n(&load->rounds, __ATOMIC_ACQUIRE);
	unsigned int i;

	if (!rounds)
		return false;
	for (i = 0; i < 16; i++)
		if (total[i] != rounds)
			return false;
	return true;
}

static void load(unsigned int slots)
{
	const struct timespec limit = { 10, 0 };
	struct load load = { .end = now_ns() + 2000000000ull };
	struct test_thread thread;
	uint32_t total[16] = { 0 };
	const struct ukevent *uk;

	load.q = kev_queue(&load.ring, slots);
	add_users(load.q, 16);
	thread_start(&thread, fire_all, &load);
	while (!all_there(&load, total)) {
		uk = kevent_ring_next(&load.ring);
		if (!uk) {
			/* The last event may come before rounds is told. */
			if (!__atomic_load_n(&load.rounds, __ATOMIC_ACQUIRE))
				sched_yield();
			else if (!kevent_ring_wait(&load.ring, &limit))
				CHECK(all_there(&load, total));
			continue;
		}
		/* The same again if a merge met the claim. */
		CHECK_GE((int32_t)(uk->ret_data[1] - total[uk->ptr]), 0);
		total[uk->ptr] = uk->ret_data[1];
	}
	thread_join(&thread);
	while ((uk = kevent_ring_next(&load.ring)))
		CHECK_EQ(uk->ret_data[1], total[uk->ptr]);
	CHECK(!overflowed(&load.ring));
	kev_close(load.q, &load.ring);
}

TEST_TIMEOUT(under_load, 60)
{
	unsigned int slots;

	for (slots = 1; slots <= 8; slots *= 2)
		load(slots);
}

/*
 * A file that is ready still, and no slot for it, as all are claimed: poll(2) does
 * not send the consumer round and round for what it can't get.
 */
TEST(level_and_all_claimed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1), fd = CHECK_OK(eventfd(1, 0)), i, n = 0;
	struct pollfd p = { .fd = q, .events = POLLIN };
	struct kevent_read r;

	CHECK_OK(fcntl(q, F_SETFL, O_RDWR | O_NONBLOCK));
	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ALWAYS_QUEUE);
	kev_claim_to(&ring, 1);
	for (i = 0; i < 20; i++) {
		n += CHECK_OK(poll(&p, 1, 0));
		CHECK_ERRNO(read(q, &r, sizeof(r)), EAGAIN);
	}
	CHECK_LE(n, 1);
	kev_free_to(&ring, 1);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(read(q, &r, sizeof(r)), sizeof(r));
	CHECK_EQ(r.num, 1);
	kev_expect(&ring, fd, POLLIN);
}

/* Entries that are cancelled make room for what waits, and GET_EVENTS takes that at once. */
TEST(room_of_cancelled_ones)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2), i;

	for (i = 1; i <= 3; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	for (i = 1; i <= 2; i++)
		kev_remove(q, KEVENT_UNOTIFY, i);
	kev_expect_get(q, 3, 1);
	kev_expect_get_none(q);
}
