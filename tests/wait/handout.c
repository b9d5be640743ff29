// SPDX-License-Identifier: GPL-2.0
/* As many sleepers come back as there are events for, and no more. */
#include "caller.h"

#include <poll.h>
#include <sys/timerfd.h>

/* ---- As many as there are entries -------------------------------------- */

enum { WAITING = 9, CROWD = 12, CROWD_SLOTS = 16 };

struct crowd {
	struct kevent_ring ring;
	int q;
	struct caller c[CROWD];
};

/* Nine events wait, with all slots free, and nobody has been told. */
static void crowd_gather(struct crowd *c, enum caller_way way)
{
	unsigned int i;

	c->q = full_queue(&c->ring, CROWD_SLOTS, CROWD_SLOTS + WAITING + 1);
	for (i = 0; i < CROWD; i++) {
		caller_prep(&c->c[i], c->q, way);
		caller_start(&c->c[i]);
	}
	for (i = 0; i < WAITING; i++)
		kev_fire(c->q, CROWD_SLOTS + i, 1);
	CHECK_EQ(kev_tail(&c->ring), CROWD_SLOTS);
	kev_free_to(&c->ring, CROWD_SLOTS);
}

static unsigned int crowd_up(const struct crowd *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < CROWD; i++)
		n += caller_over(&c->c[i]);
	return n;
}

/* So many come back, first in, first out; the others sleep on. */
static void crowd_expect(struct crowd *c, unsigned int num)
{
	uint64_t end = now_ns() + test_scale() * 5000000000ull;
	unsigned int i;

	while (crowd_up(c) < num) {
		if (now_ns() > end)
			FAIL("%u in %s came back for %u events", crowd_up(c),
			     names[c->c[0].way], num);
		usleep(1000);
	}
	for (i = num; i < CROWD; i++)
		wait_blocked(c->c[i].thread.tid);
	CHECK_EQ(crowd_up(c), num);
	CHECK_EQ(kevent_wake(c->q, CROWD), CROWD - num);
	for (i = 0; i < CROWD; i++) {
		thread_join(&c->c[i].thread);
		if (i < num)
			expect_success(&c->c[i]);
		else
			caller_free(&c->c[i]);
	}
	kev_close(c->q, &c->ring);
}

/* One more event is posted, and lets the others in. */
static void let_in_by_a_post(enum caller_way way, unsigned int slots)
{
	struct crowd c;

	(void)slots;
	crowd_gather(&c, way);
	kev_fire(c.q, CROWD_SLOTS + WAITING, 1);
	CHECK_EQ(kev_tail(&c.ring), CROWD_SLOTS + WAITING + 1);
	crowd_expect(&c, WAITING + 1);
}

TEST(woken_by_a_post_that_lets_in)
{
	over_all_ways(let_in_by_a_post, CROWD_SLOTS);
}

/* The consumer that freed the slots makes its call. */
static void let_in_by_a_call(enum caller_way way, unsigned int slots)
{
	struct crowd c;

	(void)slots;
	crowd_gather(&c, way);
	CHECK_EQ(kevent_ring_call(&c.ring), 0);
	CHECK_EQ(kev_tail(&c.ring), CROWD_SLOTS + WAITING);
	crowd_expect(&c, WAITING);
}

TEST(woken_by_a_call_that_lets_in)
{
	over_all_ways(let_in_by_a_call, CROWD_SLOTS);
}

/* Somebody takes an event, and lets in all: the other eight are for others. */
static void let_in_by_a_taker(enum caller_way way, unsigned int slots)
{
	struct ukevent uk;
	struct crowd c;

	(void)slots;
	crowd_gather(&c, way);
	CHECK_EQ(kevent_get_events(c.q, 0, 1, NULL, &uk, 0), 1);
	crowd_expect(&c, WAITING - 1);
}

TEST(woken_by_a_taker_that_lets_in)
{
	over_all_ways(let_in_by_a_taker, CROWD_SLOTS);
}

/* Without a ring each event goes to the list, and wakes one. */
static void listed(enum caller_way way, unsigned int slots)
{
	struct crowd c = { .q = queue_of(NULL, slots, WAITING) };
	unsigned int i;

	for (i = 0; i < CROWD; i++) {
		caller_prep(&c.c[i], c.q, way);
		caller_start(&c.c[i]);
	}
	for (i = 0; i < WAITING; i++)
		kev_fire(c.q, i, 1);
	CHECK_SOON(crowd_up(&c) == WAITING);
	CHECK_EQ(kevent_wake(c.q, CROWD), CROWD - WAITING);
	for (i = 0; i < CROWD; i++)
		thread_join(&c.c[i].thread);
}

TEST(woken_without_ring)
{
	over_all_ways(listed, 0);
}

/* ---- Files that stay ready --------------------------------------------- */

enum { READERS = 5 };

struct level {
	struct kevent_ring ring;
	int q;
	int fd;
	struct caller c[READERS];
};

/* As a program with several consumers does: take one, and the call if it is due. */
static void *take_run(void *arg)
{
	struct caller *c = arg;
	struct kevent_ring ring;
	struct ukevent uk;

	CHECK_EQ(kevent_attach(&ring, c->queue), 0);
	do {
		CHECK_GE(call(c), 1);
	} while (!kevent_ring_take(&ring, &uk, 1));
	kevent_ring_unmap(&ring);
	__atomic_store_n(&c->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void level_start(struct level *l, enum caller_way way, unsigned int flags)
{
	unsigned int i;

	for (i = 0; i < READERS; i++) {
		caller_prep(&l->c[i], l->q, way);
		if (way == BY_WAIT)
			memcpy(l->c[i].page, &l->c[i].wait,
			       sizeof(l->c[i].wait));
		thread_start(&l->c[i].thread,
			     leaves_it(way) ? take_run : caller_run, &l->c[i]);
		wait_blocked(l->c[i].thread.tid);
	}
	kev_add_poll(l->q, l->fd, POLLIN, flags | KEVENT_REQ_ALWAYS_QUEUE);
}

static unsigned int level_up(const struct level *l)
{
	unsigned int i, n = 0;

	for (i = 0; i < READERS; i++)
		n += caller_over(&l->c[i]);
	return n;
}

/* Each gets it, one after the other, although nobody reads. */
static void level_expect(struct level *l)
{
	uint64_t end = now_ns() + test_scale() * 5000000000ull;
	unsigned int i;

	while (level_up(l) < READERS) {
		if (now_ns() > end)
			FAIL("%u of %u in %s have the file that is ready",
			     level_up(l), READERS, names[l->c[0].way]);
		usleep(1000);
	}
	for (i = 0; i < READERS; i++) {
		thread_join(&l->c[i].thread);
		if (!leaves_it(l->c[i].way))
			CHECK_EQ(((struct ukevent *)l->c[i].page)->ptr, l->fd);
		caller_free(&l->c[i]);
	}
}

static void level_of(int fd, enum caller_way way, unsigned int slots,
		     unsigned int flags)
{
	struct level l = { .fd = fd };

	l.q = queue_of(&l.ring, slots, 0);
	level_start(&l, way, flags);
	level_expect(&l);
	close_queue(l.q, &l.ring, slots);
	close(fd);
}

/* One that a wake-up can look at. */
static void level_looked_at(enum caller_way way, unsigned int slots)
{
	level_of(CHECK_OK(eventfd(1, EFD_CLOEXEC)), way, slots, 0);
}

TEST(ready_for_all)
{
	over_all_ways(level_looked_at, 4);
}

TEST(ready_for_all_without_ring)
{
	over_all_ways(level_looked_at, 0);
}

static int expired_timer(void)
{
	struct itimerspec spec = { .it_value.tv_nsec = 1 };
	int fd = CHECK_OK(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK_OK(timerfd_settime(fd, 0, &spec, NULL));
	CHECK_EQ(poll(&p, 1, -1), 1);
	return fd;
}

/* One that only a task can ask. */
static void level_asked(enum caller_way way, unsigned int slots)
{
	level_of(expired_timer(), way, slots, 0);
}

TEST(asked_for_all)
{
	over_all_ways(level_asked, 4);
}

TEST(asked_for_all_without_ring)
{
	over_all_ways(level_asked, 0);
}

static void level_last_check(enum caller_way way, unsigned int slots)
{
	level_of(CHECK_OK(eventfd(1, EFD_CLOEXEC)), way, slots,
		 KEVENT_REQ_LAST_CHECK);
}

TEST(last_check_for_all)
{
	over_all_ways(level_last_check, 4);
}

TEST(last_check_for_all_without_ring)
{
	over_all_ways(level_last_check, 0);
}

/* ---- A ring that is full ----------------------------------------------- */

static unsigned long switches(pid_t tid)
{
	unsigned long n = ~0ul;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	f = fopen(path, "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
			break;
	fclose(f);
	CHECK_NE(n, ~0ul);
	return n;
}

/* An event that has to wait for a slot is for nobody yet. */
static void overflow(enum caller_way way, unsigned int min)
{
	enum { SLOTS = 4, MORE = 50, SLEEPERS = 3 };
	unsigned long before[SLEEPERS];
	struct caller c[SLEEPERS];
	struct kevent_ring ring;
	int q = full_queue(&ring, SLOTS, SLOTS + MORE), i;

	for (i = 0; i < SLEEPERS; i++) {
		caller_prep(&c[i], q, way);
		c[i].wait.min = min;
		caller_start(&c[i]);
		before[i] = switches(c[i].thread.tid);
	}
	for (i = 0; i < MORE; i++)
		kev_fire(q, SLOTS + i, 1);
	CHECK_EQ(kev_stat(q, "overflowed"), MORE);
	for (i = 0; i < SLEEPERS; i++) {
		/* it sleeps again, and that counts, if it was woken */
		wait_blocked(c[i].thread.tid);
		CHECK_EQ(switches(c[i].thread.tid), before[i]);
	}
	CHECK_EQ(kevent_wake(q, SLEEPERS), SLEEPERS);
	for (i = 0; i < SLEEPERS; i++)
		thread_join(&c[i].thread);
	kev_close(q, &ring);
}

static void overflow_for_one(enum caller_way way, unsigned int slots)
{
	(void)slots;
	overflow(way, 1);
}

TEST(overflow_wakes_nobody)
{
	over_all_ways(overflow_for_one, 4);
	overflow(BY_WAIT, 2);
}

/* What merges into an event that waits is told to nobody, either. */
TEST(merge_into_what_waits_wakes_nobody)
{
	struct kevent_ring ring;
	unsigned long before;
	struct caller c;
	int q = full_queue(&ring, 2, 3), i;

	kev_fire(q, 2, 1);
	caller_prep(&c, q, BY_READ);
	caller_start(&c);
	before = switches(c.thread.tid);
	for (i = 0; i < 50; i++)
		kev_fire(q, 2, 1);
	wait_blocked(c.thread.tid);
	CHECK_EQ(switches(c.thread.tid), before);
	kev_free_to(&ring, 2);
	CHECK_EQ(kevent_ring_call(&ring), 0);
	expect_event(&c, 2);
	kev_close(q, &ring);
}
