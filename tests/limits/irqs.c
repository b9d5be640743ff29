// SPDX-License-Identifier: GPL-2.0
/* vm: --icount --smp 2 */
/* Tests that full rings and many sleepers keep interrupts off for a moment only. */
#define PROBE_SPACING 25000	/* ns */
#include "probe.h"

/*
 * What keeps interrupts off for all of the call makes a timer as late as the call is
 * long.  A machine that counts instructions takes its time from them, so a busy host
 * makes nothing late.  The best of some tries counts, or most of them: who else has the CPU
 * may still come in between.
 */
enum {
	SLOTS = 262144,			/* the largest ring */
	BATCH = 8192,
	TRIES = 12,
	SLEEPERS = 2000,
};

/* A slow kernel needs no million to be slow. */
static uint32_t slots;

/* ---- What is measured ------------------------------------------------------------------- */

struct work {
	struct kevent_ring ring;
	int q;
	int fd;
	uint32_t ret_flags;
};

/* A ring in which nothing merges. */
static void work_queue(struct work *w)
{
	w->q = kev_queue_at(&w->ring, slots, 0, KEVENT_WAKE_FIFO,
			    KEVENT_INIT_NO_SEEN);
	w->fd = -1;
}

static void fire_all(int q)
{
	static struct ukevent uk[BATCH];
	uint32_t i, n;

	for (n = 0; n < slots; n += BATCH) {
		for (i = 0; i < BATCH; i++)
			kevent_prep(&uk[i], KEVENT_UNOTIFY, 1, 1, 0, 0);
		CHECK_EQ(kevent_ctl(q, KEVENT_CTL_READY, BATCH, uk), 0);
	}
}

static void fill(struct work *w)
{
	work_queue(w);
	kev_add_user(w->q, 1);
	fire_all(w->q);
	CHECK_EQ(kev_tail(&w->ring), slots);
}

static void expect_cancelled(const struct work *w)
{
	uint32_t i;

	for (i = 0; i < slots; i++)
		CHECK(kevent_is_cancelled(kev_entry(&w->ring, i)));
}

static void end_cancelled(struct work *w)
{
	if (w->fd < 0)
		CHECK_EQ(w->ret_flags, KEVENT_RET_CANCELLED);
	expect_cancelled(w);
	kev_close(w->q, &w->ring);
}

static void end(struct work *w)
{
	kev_close(w->q, &w->ring);
}

static void do_remove(struct work *w)
{
	w->ret_flags = kev_remove(w->q, KEVENT_UNOTIFY, 1).ret_flags;
}

static void do_modify(struct work *w)
{
	w->ret_flags = kev_modify(w->q, KEVENT_UNOTIFY, 1, 1,
				  KEVENT_REQ_ET).ret_flags &
		       KEVENT_RET_CANCELLED;
}

static void fill_file(struct work *w)
{
	uint64_t one = 1;
	uint32_t i;

	work_queue(w);
	w->fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	kev_add_poll(w->q, w->fd, POLLIN, KEVENT_REQ_ET);
	for (i = 0; i < slots; i++) {
		CHECK_EQ(write(w->fd, &one, 8), 8);
		/* for RCU-tasks: on a slow kernel no tick finds it in user mode */
		if (!(i % 1024))
			sched_yield();
	}
	CHECK_EQ(kev_tail(&w->ring), slots);
}

static void do_close_file(struct work *w)
{
	CHECK_EQ(close(w->fd), 0);
}

static void do_close_queue(struct work *w)
{
	kev_close(w->q, &w->ring);
}

static void end_nothing(struct work *w)
{
	(void)w;
}

/* A one-shot that was added again for each event, and all of them are freed. */
static void fill_spent(struct work *w)
{
	static struct ukevent uk[BATCH];
	uint32_t i, n;

	work_queue(w);
	/* each is a watch, of which the user may not have so many as slots */
	for (n = 0; n < slots / 4; n += BATCH / 2) {
		for (i = 0; i < BATCH; i += 2) {
			kevent_prep(&uk[i], KEVENT_UNOTIFY, 1, 1,
				    KEVENT_REQ_ONESHOT |
				    KEVENT_REQ_CMD(KEVENT_CTL_ADD), 0);
			kevent_prep(&uk[i + 1], KEVENT_UNOTIFY, 1, 1,
				    KEVENT_REQ_CMD(KEVENT_CTL_READY), 0);
		}
		CHECK_EQ(kevent_ctl(w->q, KEVENT_CTL_MIXED, BATCH, uk), 0);
	}
	CHECK_EQ(kev_tail(&w->ring), slots / 4);
	kev_free_to(&w->ring, slots / 4);
}

static uint64_t watches(int q)
{
	struct kevent_ioc_info info;

	CHECK_OK(kevent_info(q, &info));
	return info.queue_watches;
}

static void do_reap(struct work *w)
{
	uint64_t left = watches(w->q), before;

	/* so many in a call */
	while (left) {
		before = left;
		CHECK_EQ(kevent_ring_call(&w->ring), 0);
		left = watches(w->q);
		CHECK_LT(left, before);
	}
}

static void do_range(struct work *w)
{
	struct kevent_ioc_commit commit = {
		.from = 1,
		.head = slots,
		.flags = KEVENT_COMMIT_RANGE,
	};

	CHECK_EQ(ioctl(w->q, KEVENT_IOC_COMMIT, &commit), 0);
}

static void end_range(struct work *w)
{
	struct kevent_ioc_commit commit = {
		.head = 1,
		.flags = KEVENT_COMMIT_RANGE,
	};

	CHECK_EQ(ioctl(w->q, KEVENT_IOC_COMMIT, &commit), slots);
	CHECK_EQ(kev_head(&w->ring), slots);
	kev_close(w->q, &w->ring);
}

/* ---- Measuring -------------------------------------------------------------------------- */

static bool is_short(void (*prepare)(struct work *), void (*run)(struct work *),
		     void (*end)(struct work *))
{
	uint64_t from, to, worst;
	struct work w = { 0 };
	struct probe p;

	prepare(&w);
	probe_start(&p);
	from = now_ns();
	run(&w);
	to = now_ns();
	worst = probe_worst(&p, from, to);
	end(&w);
	NOTE("%llu us, a timer at most %llu us late",
	     (unsigned long long)(to - from) / 1000,
	     (unsigned long long)worst / 1000);
	return worst < (to - from) / 4;
}

static void check_short(void (*prepare)(struct work *),
			void (*run)(struct work *), void (*end)(struct work *))
{
	int i;

	slots = test_scale() > 1 ? SLOTS / 8 : SLOTS;
	pin_to_cpu(0);
	for (i = 0; i < TRIES; i++)
		if (is_short(prepare, run, end))
			return;
	FAIL("interrupts are off for as long as the call takes");
}

TEST_TIMEOUT(remove, 120)
{
	check_short(fill, do_remove, end_cancelled);
}

TEST_TIMEOUT(modify, 120)
{
	check_short(fill, do_modify, end_cancelled);
}

TEST_TIMEOUT(close_of_the_file, 120)
{
	check_short(fill_file, do_close_file, end_cancelled);
}

TEST_TIMEOUT(close_of_the_queue, 120)
{
	check_short(fill, do_close_queue, end_nothing);
}

TEST_TIMEOUT(one_shot_is_reaped, 120)
{
	check_short(fill_spent, do_reap, end);
}

TEST_TIMEOUT(range_out_of_order, 120)
{
	check_short(fill, do_range, end_range);
}

/* ---- Timers of one instant ------------------------------------------------------------- */

enum { TIMERS = 8192 };

/* Returns when they are due; 0: adding them took longer than this. */
static uint64_t add_timers(struct work *w, uint64_t lead)
{
	static struct ukevent uk[TIMERS];
	uint64_t at = now_ns() + lead;
	int i;

	w->q = kev_queue(&w->ring, TIMERS);
	for (i = 0; i < TIMERS; i++) {
		kevent_prep_timer(&uk[i], i, at, 0, CLOCK_MONOTONIC,
				  KEVENT_REQ_ONESHOT, i);
		uk[i].param[2] |= KEVENT_TIMER_ABSTIME;
	}
	CHECK_EQ(kevent_ctl(w->q, KEVENT_CTL_ADD, TIMERS, uk), 0);
	return now_ns() + test_scale() * 150 * MS < at ? at : 0;
}

static void wait_until(uint64_t ns)
{
	while (now_ns() < ns)
		;
}

/* They take many interrupts, and others' timers come in between. */
static bool timers_are_short(uint64_t lead)
{
	struct work w = { 0 };
	uint64_t at, to, worst;
	struct probe p;
	bool before;

	at = add_timers(&w, lead);
	if (!at) {
		kev_close(w.q, &w.ring);
		return false;
	}
	/* the others begin before, if there is the time for that */
	before = probe_add(&p, at - 20 * MS - now_ns());
	wait_until(at);
	while (kev_tail(&w.ring) < TIMERS)
		;
	to = now_ns();
	worst = probe_worst(&p, at, to);
	NOTE("%llu us, a timer at most %llu us late",
	     (unsigned long long)(to - at) / 1000,
	     (unsigned long long)worst / 1000);
	kev_close(w.q, &w.ring);
	return before && worst < (to - at) / 4;
}

TEST_TIMEOUT(timers_of_one_instant, 120)
{
	uint64_t lead = test_scale() * 500 * MS;
	int i;

	pin_to_cpu(0);
	for (i = 0; i < TRIES; i++, lead += lead / 2)
		if (timers_are_short(lead))
			return;
	FAIL("interrupts are off until all have been reported");
}

/* ---- Many sleepers ---------------------------------------------------------------------- */

/* Threads that sleep in one queue, again and again, on another CPU if there is one. */
struct crowd {
	struct kevent_ring ring;
	int q;
	uint32_t num;
	uint32_t min;
	uint32_t up;		/* how often one of them came back */
	bool over;
	struct test_thread thread[SLEEPERS];
};

static void *crowd_run(void *arg)
{
	struct crowd *c = arg;

	pin_to_cpu(cpu_count() - 1);
	while (!__atomic_load_n(&c->over, __ATOMIC_ACQUIRE)) {
		struct kevent_ioc_wait wait = { .min = c->min };

		CHECK_OK(ioctl(c->q, KEVENT_IOC_WAIT, &wait));
		__atomic_add_fetch(&c->up, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void crowd_settle(struct crowd *c)
{
	uint32_t i;

	for (i = 0; i < c->num; i++)
		wait_blocked_in(c->thread[i].tid, SYS_ioctl);
}

/* In a queue with a watch of which each event has an entry of its own. */
static struct crowd *crowd_start(uint32_t num, uint32_t min, uint32_t ring_size,
				 unsigned int flags)
{
	struct crowd *c = calloc(1, sizeof(*c));
	uint32_t i;

	CHECK(c);
	c->q = kev_queue_at(&c->ring, ring_size, 0, KEVENT_WAKE_FIFO,
			    KEVENT_INIT_NO_SEEN);
	kev_add(c->q, KEVENT_UNOTIFY, 1, ~0u, KEVENT_REQ_ET | flags);
	c->num = num;
	c->min = min;
	for (i = 0; i < num; i++)
		thread_start(&c->thread[i], crowd_run, c);
	crowd_settle(c);
	return c;
}

static void crowd_end(struct crowd *c)
{
	uint32_t i;

	__atomic_store_n(&c->over, true, __ATOMIC_RELEASE);
	CHECK_EQ(kevent_wake(c->q, c->num), c->num);
	for (i = 0; i < c->num; i++)
		thread_join(&c->thread[i]);
	kev_close(c->q, &c->ring);
	free(c);
}

/* WAKE of all; returns how long it takes, and the same for how late a timer was. */
static uint64_t crowd_wake(struct crowd *c, uint64_t *late)
{
	uint64_t from, to;
	struct probe p;

	probe_start(&p);
	from = now_ns();
	CHECK_EQ(kevent_wake(c->q, c->num), c->num);
	to = now_ns();
	*late = probe_worst(&p, from, to);
	crowd_settle(c);
	return to - from;
}

static void wake_many(uint32_t min)
{
	struct crowd *c;
	uint64_t took, late;
	int i, good = 0;

	pin_to_cpu(0);
	c = crowd_start(SLEEPERS, min, 16, 0);
	for (i = 0; i < TRIES; i++) {
		took = crowd_wake(c, &late);
		NOTE("%llu us, a timer at most %llu us late",
		     (unsigned long long)took / 1000,
		     (unsigned long long)late / 1000);
		/* all in one go: late by nearly all of it, most times */
		good += late < took / 2;
	}
	if (good < TRIES * 3 / 4)
		FAIL("interrupts are off for as long as WAKE takes");
	crowd_end(c);
}

TEST_TIMEOUT(wake_of_many, 120)
{
	wake_many(1);
}

TEST_TIMEOUT(wake_of_many_that_wait_for_more, 120)
{
	wake_many(5);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Events until all are to be woken: how long the last one takes. */
static uint64_t crowd_fire(struct crowd *c)
{
	uint32_t up = __atomic_load_n(&c->up, __ATOMIC_ACQUIRE) + c->num, i;
	uint64_t from, took;

	for (i = 1; i < c->min; i++)
		kev_fire(c->q, 1, 1);
	from = now_ns();
	kev_fire(c->q, 1, 1);
	took = now_ns() - from;
	/* all of them come back, and find it still there until it is freed */
	CHECK_SOON((int32_t)(__atomic_load_n(&c->up, __ATOMIC_ACQUIRE) - up) >= 0);
	kev_free_to(&c->ring, kev_tail(&c->ring));
	crowd_settle(c);
	return took;
}

/*
 * An event for all is made with interrupts off, maybe in an interrupt: it must not
 * take as long as waking all does, but leave that to those who are woken.
 */
static void fire_for_many(uint32_t min, unsigned int flags)
{
	uint64_t fire = ~0ull, wake = ~0ull, late;
	struct crowd *c;
	int i;

	pin_to_cpu(0);
	c = crowd_start(SLEEPERS, min, 16, flags);
	for (i = 0; i < TRIES; i++) {
		wake = least(wake, crowd_wake(c, &late));
		fire = least(fire, crowd_fire(c));
		NOTE("the event takes %llu us, WAKE of all %llu us",
		     (unsigned long long)fire / 1000,
		     (unsigned long long)wake / 1000);
		if (i && fire < wake / 50)
			break;
	}
	if (i == TRIES)
		FAIL("an event takes as long as waking all");
	crowd_end(c);
}

TEST_TIMEOUT(event_for_all, 120)
{
	fire_for_many(1, KEVENT_REQ_WAKEUP_ALL);
}

TEST_TIMEOUT(event_that_is_enough_for_many, 120)
{
	fire_for_many(3, 0);
}

/* The best time of a batch of events, while so many wait for more than there are. */
static uint64_t events_beside(uint32_t num)
{
	struct crowd *c = crowd_start(num, SLOTS, SLOTS, 0);
	static struct ukevent uk[BATCH];
	uint64_t best = ~0ull, from;
	int i;

	for (i = 0; i < BATCH; i++)
		kevent_prep(&uk[i], KEVENT_UNOTIFY, 1, 1, 0, 0);
	for (i = 0; i < TRIES; i++) {
		from = now_ns();
		CHECK_EQ(kevent_ctl(c->q, KEVENT_CTL_READY, BATCH, uk), 0);
		best = least(best, now_ns() - from);
	}
	CHECK_EQ(c->up, 0);
	crowd_end(c);
	return best;
}

/* With interrupts off, so it must not depend on how many there are. */
TEST_TIMEOUT(events_beside_many_that_wait_for_more, 120)
{
	uint64_t few, many;

	pin_to_cpu(0);
	few = events_beside(1);
	many = events_beside(SLEEPERS);
	NOTE("%u events: %llu us beside one, %llu us beside %u", BATCH,
	     (unsigned long long)few / 1000, (unsigned long long)many / 1000,
	     SLEEPERS);
	CHECK_LT(many, 4 * few);
}
