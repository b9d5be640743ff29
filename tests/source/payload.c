// SPDX-License-Identifier: GPL-2.0
/* KEVENT_REQ_PAYLOAD: each READY of a private event is an event, with its ptr. */
#include "kinds.h"

#include <sys/wait.h>

static struct ukevent add(int q, uint64_t id, uint64_t room, unsigned int flags)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, id, ~0u, KEVENT_REQ_PAYLOAD | flags,
		    id);
	uk.param[0] = room;
	kev_change(q, KEVENT_CTL_ADD, &uk);
	return uk;
}

static int try_add(int q, uint64_t room, uint64_t other, unsigned int flags)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, 9, ~0u, flags, 9);
	uk.param[0] = room;
	uk.param[1] = other;
	return kevent_ctl_one(q, KEVENT_CTL_ADD, &uk) < 0 ? errno : 0;
}

static int post(int q, uint64_t id, uint64_t payload, unsigned int bits)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, id, bits, 0, payload);
	return kevent_ctl_one(q, KEVENT_CTL_READY, &uk) < 0 ? errno : 0;
}

static void expect(int q, uint64_t id, uint64_t payload, unsigned int bits,
		   uint32_t total)
{
	struct ukevent uk = take(q);

	CHECK_EQ(uk.type, KEVENT_UNOTIFY);
	CHECK_EQ(uk.id.raw_u64, id);
	CHECK_EQ(uk.ptr, payload);
	CHECK_EQ(uk.ret_data[0], bits);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(uk.ret_data[1], total);
	CHECK_EQ(uk.merged, 0);
}

TEST(bad_requests)
{
	int q = kev_queue(NULL, 0);

	CHECK_EQ(try_add(q, 1, 0, 0), EINVAL);
	CHECK_EQ(try_add(q, 65537, 0, KEVENT_REQ_PAYLOAD), EINVAL);
	CHECK_EQ(try_add(q, 1, 1, KEVENT_REQ_PAYLOAD), EINVAL);
	CHECK_EQ(try_add(q, 1, 0, KEVENT_REQ_PAYLOAD | KEVENT_REQ_ONESHOT),
		 EINVAL);
	CHECK_EQ(try_add(q, 1, 0, KEVENT_REQ_PAYLOAD | KEVENT_REQ_DISPATCH),
		 EINVAL);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_TIMER, 1, 1,
			 KEVENT_REQ_PAYLOAD), EINVAL);
	CHECK_EQ(watches_of(q), 0);
}

/* Not merged, in order, each with its own. */
static void each(int q)
{
	uint64_t high = 0xfedcba9876543210;

	add(q, 5, 0, 0);
	CHECK_EQ(post(q, 5, 1, 1), 0);
	CHECK_EQ(post(q, 5, high, 2), 0);
	CHECK_EQ(post(q, 5, 0, 0x80000000), 0);
	expect(q, 5, 1, 1, 1);
	expect(q, 5, high, 2, 2);
	expect(q, 5, 0, 0x80000000, 3);
	take_none(q);
}

TEST(each_has_its_own)
{
	each(kev_queue(NULL, 0));
}

TEST(each_has_its_own_in_the_ring)
{
	struct kevent_ring ring;

	each(kev_queue(&ring, 8));
}

/* A consumer that reads the ring sees the same. */
TEST(in_the_ring)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	unsigned int i;

	add(q, 5, 0, 0);
	for (i = 0; i < 20; i++) {
		CHECK_EQ(post(q, 5, 2 * i, 1), 0);
		CHECK_EQ(post(q, 5, 2 * i + 1, 2), 0);
		kev_expect(&ring, 2 * i, 1);
		kev_expect(&ring, 2 * i + 1, 2);
	}
	kev_expect_none(&ring);
	kev_close(q, &ring);
}

/* Twice as many as have room. */
static void backlog(int q, unsigned int slots)
{
	unsigned int i, room = slots + 4;

	add(q, 5, 4, 0);
	for (i = 0; i < room; i++)
		CHECK_EQ(post(q, 5, i, 1), 0);
	CHECK_EQ(post(q, 5, 99, 1), EAGAIN);
	CHECK_EQ(post(q, 5, 99, 1), EAGAIN);
	expect(q, 5, 0, 1, 1);
	CHECK_EQ(post(q, 5, 100, 4), 0);
	for (i = 1; i < room; i++)
		expect(q, 5, i, 1, i + 1);
	expect(q, 5, 100, 4, room + 1);
	take_none(q);
	CHECK_EQ(post(q, 5, 101, 1), 0);
	expect(q, 5, 101, 1, room + 2);
}

TEST(backlog_without_ring)
{
	backlog(kev_queue(NULL, 0), 0);
}

TEST(backlog_behind_full_ring)
{
	struct kevent_ring ring;

	backlog(kev_queue(&ring, 2), 2);
}

/* Two that wait take turns, and one that merges is not forgotten. */
TEST(turns)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1);

	add(q, 5, 4, 0);
	add(q, 6, 4, 0);
	kev_add_user(q, 7);
	CHECK_EQ(post(q, 5, 50, 1), 0);		/* the slot */
	CHECK_EQ(post(q, 5, 51, 1), 0);
	CHECK_EQ(post(q, 5, 52, 1), 0);
	CHECK_EQ(post(q, 6, 61, 1), 0);
	CHECK_EQ(post(q, 6, 62, 1), 0);
	kev_fire(q, 7, 1);
	kev_fire(q, 7, 2);
	expect(q, 5, 50, 1, 1);
	expect(q, 5, 51, 1, 2);
	expect(q, 6, 61, 1, 1);
	CHECK_EQ(take(q).ret_data[0], 3);
	expect(q, 5, 52, 1, 3);
	expect(q, 6, 62, 1, 2);
	take_none(q);
	kev_close(q, &ring);
}

/* min counts those that wait, one by one. */
TEST(minimum_without_ring)
{
	struct timespec limit = { .tv_sec = 10 };
	struct ukevent uk[4];
	int q = kev_queue(NULL, 0);

	add(q, 5, 0, 0);
	CHECK_EQ(post(q, 5, 1, 1), 0);
	CHECK_EQ(post(q, 5, 2, 1), 0);
	CHECK_EQ(post(q, 5, 3, 1), 0);
	CHECK_EQ(kevent_get_events(q, 3, 4, &limit, uk, 0), 3);
	CHECK_EQ(uk[2].ptr, 3);
}

TEST(removed_with_some_waiting)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1);
	struct ukevent uk;

	add(q, 5, 4, 0);
	kev_add_user(q, 7);
	CHECK_EQ(post(q, 5, 1, 1), 0);
	CHECK_EQ(post(q, 5, 2, 1), 0);
	CHECK_EQ(post(q, 5, 3, 1), 0);
	kev_fire(q, 7, 1);
	uk = kev_remove(q, KEVENT_UNOTIFY, 5);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_CANCELLED);
	CHECK_EQ(take(q).ptr, 7);
	take_none(q);
	CHECK_EQ(watches_of(q), 1);
	kev_close(q, &ring);
}

static void two_to_a_bad_address(int q)
{
	add(q, 5, 4, 0);
	CHECK_EQ(post(q, 5, 1, 1), 0);
	CHECK_EQ(post(q, 5, 2, 2), 0);
	CHECK_ERRNO(syscall(SYS_read, q, 8, sizeof(struct ukevent)), EFAULT);
}

/* What could not be copied comes first the next time. */
TEST(bad_address_without_ring)
{
	int q = kev_queue(NULL, 0);

	two_to_a_bad_address(q);
	expect(q, 5, 1, 1, 1);
	expect(q, 5, 2, 2, 2);
	take_none(q);
}

/* The order may change there, but nothing is lost. */
TEST(bad_address_with_ring)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);
	uint64_t sum;

	two_to_a_bad_address(q);
	sum = take(q).ptr;
	sum += take(q).ptr;
	CHECK_EQ(sum, 3);
	take_none(q);
	kev_close(q, &ring);
}

TEST(modify)
{
	int q = kev_queue(NULL, 0);

	add(q, 5, 0, 0);
	CHECK_EQ(kev_try(q, KEVENT_CTL_MODIFY, KEVENT_UNOTIFY, 5, 1, 0), EINVAL);
	kev_modify(q, KEVENT_UNOTIFY, 5, 4, KEVENT_REQ_PAYLOAD);
	CHECK_EQ(post(q, 5, 1, 3), EINVAL);
	CHECK_EQ(post(q, 5, 2, 7), 0);
	expect(q, 5, 2, 4, 1);
	kev_add_user(q, 6);
	CHECK_EQ(kev_try(q, KEVENT_CTL_MODIFY, KEVENT_UNOTIFY, 6, 1,
			 KEVENT_REQ_PAYLOAD), EINVAL);
}

/* Payloads are no terms: those that wait stay, whatever becomes of the rest. */
static void modify_keeps_what_waits(int q)
{
	struct ukevent uk;
	unsigned int i;

	add(q, 5, 0, 0);
	for (i = 1; i <= 5; i++)
		CHECK_EQ(post(q, 5, 100 + i, i), 0);
	uk = kev_modify(q, KEVENT_UNOTIFY, 5, 8, KEVENT_REQ_PAYLOAD);
	CHECK_EQ(uk.ret_flags, 0);
	CHECK_EQ(post(q, 5, 200, 8), 0);
	for (i = 1; i <= 5; i++)
		expect(q, 5, 100 + i, i, i);
	expect(q, 5, 200, 8, 6);
	take_none(q);
}

TEST(modify_keeps_what_waits)
{
	struct kevent_ring ring;

	modify_keeps_what_waits(kev_queue(NULL, 0));
	modify_keeps_what_waits(kev_queue(&ring, 2));
}

/* READY in MODIFY is an event, too: either all of it is done, or nothing. */
TEST(modify_with_no_room)
{
	unsigned int flags = KEVENT_REQ_PAYLOAD | KEVENT_REQ_READY |
			     KEVENT_REQ_ALWAYS_QUEUE;
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	add(q, 5, 1, 0);
	CHECK_EQ(post(q, 5, 101, 1), 0);
	kevent_prep(&uk, KEVENT_UNOTIFY, 5, 2, flags, 0);
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_MODIFY, &uk), EAGAIN);
	CHECK_EQ(post(q, 5, 102, 1), EAGAIN);
	expect(q, 5, 101, 1, 1);
	/* of the old terms still */
	CHECK_EQ(post(q, 5, 103, 1), 0);
	expect(q, 5, 103, 1, 2);
	kevent_prep(&uk, KEVENT_UNOTIFY, 5, 2, flags, 9);
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_MODIFY, &uk), 0);
	expect(q, 5, 9, 2, 3);
	take_none(q);
}

TEST(ready_at_add)
{
	struct kevent_ring ring;
	struct ukevent uk;
	int q = kev_queue(&ring, 4);

	uk = add(q, 5, 0, KEVENT_REQ_READY);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DONE | KEVENT_RET_DATA);
	CHECK_EQ(uk.ret_data[1], 1);
	take_none(q);
	add(q, 6, 0, KEVENT_REQ_READY | KEVENT_REQ_ALWAYS_QUEUE);
	expect(q, 6, 6, ~0u, 1);
	kev_close(q, &ring);
}

TEST(time_stamps)
{
	struct ukevent a, b;
	int q = kev_queue(NULL, 0);
	uint64_t start = now_ns();

	add(q, 5, 0, KEVENT_REQ_TIMESTAMP);
	CHECK_EQ(post(q, 5, 1, 1), 0);
	CHECK_EQ(post(q, 5, 2, 1), 0);
	a = take(q);
	b = take(q);
	CHECK_GE(a.time, start);
	CHECK_GE(b.time, a.time);
	CHECK_LE(b.time, now_ns());
}

/* Whoever holds the queue may post, and knows nothing but the number. */
TEST(from_another_process)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), status;
	const struct ukevent *uk;
	unsigned int i;
	pid_t pid;

	add(q, 5, 0, 0);
	pid = CHECK_OK(fork());
	if (!pid) {
		for (i = 0; i < 1000; i++)
			while (post(q, 5, i, 1))
				sched_yield();
		_exit(0);
	}
	for (i = 0; i < 1000; i++) {
		while (!(uk = kevent_ring_next(&ring)))
			CHECK_OK(kevent_ring_wait(&ring, NULL));
		CHECK_EQ(uk->ptr, i);
		CHECK_EQ(uk->ret_data[1], i + 1);
	}
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK_EQ(status, 0);
	kev_close(q, &ring);
}

/* Several post and several take: each payload once. */
struct crowd {
	int q;
	uint32_t next;
	uint32_t taken;
	uint8_t seen[20000];
};

static void *poster(void *arg)
{
	struct crowd *c = arg;
	uint32_t i;

	while ((i = __atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED)) <
	       ARRAY_SIZE(c->seen))
		while (post(c->q, 5, i, 1))
			sched_yield();
	return NULL;
}

static void *taker(void *arg)
{
	struct timespec limit = { .tv_nsec = 20000000 };
	struct crowd *c = arg;
	struct ukevent uk[8];
	int i, n;

	while (__atomic_load_n(&c->taken, __ATOMIC_RELAXED) <
	       ARRAY_SIZE(c->seen)) {
		n = CHECK_OK(kevent_get_events(c->q, 1, 8, &limit, uk, 0));
		for (i = 0; i < n; i++)
			CHECK_EQ(__atomic_fetch_add(&c->seen[uk[i].ptr], 1,
						    __ATOMIC_RELAXED), 0);
		__atomic_fetch_add(&c->taken, n, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void crowd(int q)
{
	struct test_thread threads[4];
	static struct crowd c;
	unsigned int i;

	memset(&c, 0, sizeof(c));
	c.q = q;
	add(q, 5, 16, 0);
	for (i = 0; i < 4; i++)
		thread_start(&threads[i], i & 1 ? poster : taker, &c);
	for (i = 0; i < 4; i++)
		thread_join(&threads[i]);
	CHECK_EQ(c.taken, ARRAY_SIZE(c.seen));
	take_none(q);
}

TEST(crowd_without_ring)
{
	crowd(kev_queue(NULL, 0));
}

TEST(crowd_with_small_ring)
{
	struct kevent_ring ring;

	crowd(kev_queue(&ring, 4));
}

/* ---- Beside a one-shot of that name ---------------------------------------- */

/* Its event is still there, and another kind of watch takes its name. */
static void after_a_fired_one(int q)
{
	struct ukevent uk;

	kev_add(q, KEVENT_UNOTIFY, 9, 1, KEVENT_REQ_ONESHOT);
	kev_fire(q, 9, 1);
	CHECK_EQ(try_add(q, 0, 0, KEVENT_REQ_PAYLOAD), 0);
	CHECK_EQ(post(q, 9, 77, 1), 0);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], 1);
	CHECK_EQ(uk.ret_data[1], 1);
	expect(q, 9, 77, 1, 1);
	take_none(q);
	CHECK_EQ(watches_of(q), 1);
}

TEST(after_a_fired_one)
{
	struct kevent_ring ring;

	after_a_fired_one(kev_queue(NULL, 0));
	after_a_fired_one(kev_queue(&ring, 4));
}

/* The one-shot waits for a slot. */
TEST(after_a_fired_one_that_waits)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	kev_claim_to(&ring, 1);
	kev_add(q, KEVENT_UNOTIFY, 9, 1, KEVENT_REQ_ONESHOT);
	kev_fire(q, 9, 1);
	CHECK_EQ(try_add(q, 0, 0, KEVENT_REQ_PAYLOAD), 0);
	kev_remove(q, KEVENT_UNOTIFY, 9);
	kev_free_to(&ring, 1);
	take_none(q);
	CHECK_EQ(watches_of(q), 1);
}
