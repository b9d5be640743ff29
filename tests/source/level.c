// SPDX-License-Identifier: GPL-2.0
/* Tests the default: an event is repeated as long as its condition holds. */
#include "kinds.h"

TEST_KINDS_BACK(repeats_while_ready)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	thing_raise(&t);
	for (i = 0; i < 4; i++)
		thing_take(q, &t);
	thing_lower(&t);
	take_none(q);
	take_none(q);
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}

/* What the result of ADD said holds, too. */
TEST_KINDS_BACK(repeats_after_result)
{
	struct thing t;

	thing_make(&t, k);
	thing_raise(&t);
	CHECK(thing_add(q, &t, 0).ret_flags & KEVENT_RET_DONE);
	thing_take(q, &t);
	thing_take(q, &t);
	thing_lower(&t);
	take_none(q);
	thing_drop(&t);
}

TEST_KINDS_BACK(wakes_again)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	for (i = 0; i < 20; i++) {
		thing_raise(&t);
		thing_take(q, &t);
		thing_lower(&t);
		take_none(q);
	}
	thing_drop(&t);
}

static void partial_read(int kind)
{
	int q = kev_queue(NULL, 0);
	struct thing t;
	char c;

	thing_make(&t, &kinds[kind]);
	thing_add(q, &t, 0);
	thing_raise(&t);
	thing_raise(&t);
	wait_poll(t.fd, POLLIN);
	thing_take(q, &t);
	CHECK_EQ(read(t.fd, &c, 1), 1);
	wait_poll(t.fd, POLLIN);
	thing_take(q, &t);
	CHECK_EQ(read(t.fd, &c, 1), 1);
	take_none(q);
	thing_drop(&t);
}

TEST(partial_read)
{
	static const int some[] = {
		KIND_PIPE, KIND_TCP, KIND_UDP, KIND_STREAM, KIND_DGRAM,
		KIND_SEQPACKET, KIND_SOCKET_TCP, KIND_PIPE_RECV,
	};
	unsigned int i;

	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		partial_read(some[i]);
}

/* ---- In the ring ---------------------------------------------------------- */

TEST_KINDS_RING(repeats_in_place)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	kev_expect_none(ring);
	thing_raise(&t);
	CHECK_EQ(kevent_ring_wait(ring, NULL), 1);
	for (i = 0; i < 4; i++)
		kev_expect(ring, t.fd, k->event);
	thing_lower(&t);
	kev_expect_none(ring);
	thing_raise(&t);
	CHECK_EQ(kevent_ring_wait(ring, NULL), 1);
	kev_expect(ring, t.fd, k->event);
	thing_drop(&t);
}

/* Its entry is enough: no second one before somebody has claimed the first. */
TEST(unclaimed_is_not_repeated)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), i;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, 0);
	thing_raise(&t);
	for (i = 0; i < 5; i++) {
		CHECK_OK(kevent_wait(q, 0, 0, NULL, 0));
		CHECK_EQ(kev_tail(&ring), 1);
	}
	kev_expect(&ring, t.fd, POLLIN);
	thing_drop(&t);
	kev_close(q, &ring);
}

static void reask_by_wait(int q, struct kevent_ring *ring)
{
	(void)ring;
	CHECK_OK(kevent_wait(q, 0, 0, NULL, 0));
}

static void reask_by_commit(int q, struct kevent_ring *ring)
{
	CHECK_OK(kevent_commit(q, kev_seen(ring), ring->kernel->over));
}

/* A full WAIT, sleeping at once if the level were forgotten. */
static void reask_by_sleep(int q, struct kevent_ring *ring)
{
	CHECK_EQ(kevent_wait(q, 1, kev_seen(ring), NULL, 0), 1);
}

static void reasked(void (*call)(int q, struct kevent_ring *ring))
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	struct thing t;
	uint32_t i;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, 0);
	thing_raise(&t);
	CHECK_EQ(kev_tail(&ring), 1);
	for (i = 1; i < 6; i++) {
		kev_claim_to(&ring, i);
		CHECK(kev_flags(&ring) & KEVENT_RING_LEVEL);
		CHECK_EQ(kev_tail(&ring), i);
		kev_free_to(&ring, i);
		call(q, &ring);
		CHECK_EQ(kev_tail(&ring), i + 1);
	}
	thing_lower(&t);
	kev_claim_to(&ring, i);
	kev_free_to(&ring, i);
	CHECK_EQ(kevent_wait(q, 0, 0, NULL, 0), 0);
	CHECK_EQ(kev_tail(&ring), i);
	CHECK_EQ(kev_flags(&ring) & KEVENT_RING_LEVEL, 0);
	thing_drop(&t);
	kev_close(q, &ring);
}

TEST(wait_asks_again)
{
	reasked(reask_by_wait);
}

TEST(commit_asks_again)
{
	reasked(reask_by_commit);
}

TEST(sleeping_wait_asks_again)
{
	reasked(reask_by_sleep);
}

/* ---- More than one -------------------------------------------------------- */

/* Nobody starves: each ready watch has its turn before any has a second. */
static void rotation(int q)
{
	struct thing t[4];
	int seen[4] = { 0 }, round, i, j;

	for (i = 0; i < 4; i++) {
		thing_make(&t[i], &kinds[KIND_EVENTFD]);
		thing_add(q, &t[i], 0);
		thing_raise(&t[i]);
	}
	for (round = 1; round < 6; round++) {
		for (i = 0; i < 4; i++) {
			int fd = take(q).ptr;

			for (j = 0; j < 4; j++)
				if (t[j].fd == fd)
					CHECK_EQ(++seen[j], round);
		}
	}
	for (i = 0; i < 4; i++)
		thing_drop(&t[i]);
}

TEST(takes_turns)
{
	struct kevent_ring ring;
	int q = kev_queue(NULL, 0);

	rotation(q);
	kev_close(q, NULL);
	q = kev_queue(&ring, 16);
	rotation(q);
	kev_close(q, &ring);
}

/*
 * GET_EVENTS of one, with a ring: a file that only a task can ask, beside one that has an
 * entry each time.  Neither waits for the other to be quiet.
 */
static void asked_beside_entries(unsigned int flags, bool edge)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), asked = 0, i;
	struct thing t, busy;

	thing_make(&t, &kinds[KIND_UDP]);
	thing_make(&busy, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, flags);
	thing_add(q, &busy, edge ? KEVENT_REQ_ET : 0);
	thing_raise(&t);
	wait_poll(t.fd, POLLIN);
	thing_raise(&busy);
	for (i = 0; i < 100; i++) {
		if (edge)
			thing_raise(&busy);
		asked += take(q).ptr == (uint64_t)t.fd;
	}
	CHECK_GE(asked, 40);
	CHECK_LE(asked, 60);
	thing_drop(&t);
	thing_drop(&busy);
	kev_close(q, &ring);
}

TEST(asked_beside_level)	{ asked_beside_entries(0, false); }
TEST(asked_beside_edge)		{ asked_beside_entries(0, true); }
TEST(last_check_beside_level)	{ asked_beside_entries(KEVENT_REQ_LAST_CHECK, false); }
TEST(last_check_beside_edge)	{ asked_beside_entries(KEVENT_REQ_LAST_CHECK, true); }

/* It has its turn, and is not ready: the entries are taken all the same. */
TEST(asked_in_vain_beside_entries)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	struct ukevent uk[4];
	struct thing t;

	thing_make(&t, &kinds[KIND_UDP]);
	thing_add(q, &t, 0);
	kev_add_user(q, 1000);
	kev_add_user(q, 1001);
	kev_fire(q, 1000, 1);
	take(q);
	thing_raise(&t);
	wait_poll(t.fd, POLLIN);
	thing_lower(&t);
	kev_fire(q, 1000, 1);
	kev_fire(q, 1001, 1);
	CHECK_EQ(kevent_get_events(q, 2, 2, NULL, uk, 0), 2);
	CHECK_EQ(uk[0].ptr, 1000);
	CHECK_EQ(uk[1].ptr, 1001);
	thing_drop(&t);
	kev_close(q, &ring);
}

/* A busy edge watch must not keep a level watch from being asked. */
TEST(level_beside_busy_edge)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), levels = 0, i;
	const struct ukevent *uk;
	struct thing t, busy;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_make(&busy, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, 0);
	thing_add(q, &busy, KEVENT_REQ_ET);
	thing_raise(&t);
	for (i = 0; i < 100; i++) {
		thing_raise(&busy);
		uk = kevent_ring_next(&ring);
		CHECK(uk);
		levels += uk->ptr == (uint64_t)t.fd;
	}
	CHECK_GE(levels, 20);
	thing_drop(&t);
	thing_drop(&busy);
	kev_close(q, &ring);
}

/* A check that finds it ready and a wake-up at the same time: none is lost. */
static void *lower_and_raise(void *arg)
{
	struct thing *t = arg;
	uint64_t v;
	int i;

	pin_to_cpu(1);
	for (i = 0; i < 20000; i++) {
		if (read(t->fd, &v, 8) < 0)
			CHECK_EQ(errno, EAGAIN);
		thing_raise(t);
	}
	return NULL;
}

TEST_TIMEOUT(asking_races_wakeups, 60)
{
	int q = kev_queue(NULL, 0);
	struct test_thread thread;
	struct ukevent uk;
	struct thing t;
	int i;

	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, 0);
	pin_to_cpu(0);
	thread_start(&thread, lower_and_raise, &t);
	for (i = 0; i < 20000; i++)
		kevent_get_events(q, 0, 1, NULL, &uk, 0);
	thread_join(&thread);
	for (i = 0; i < 10; i++)
		thing_take(q, &t);
	thing_lower(&t);
	if (kevent_get_events(q, 0, 1, NULL, &uk, 0) == 1)
		take_none(q);
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}
