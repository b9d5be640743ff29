// SPDX-License-Identifier: GPL-2.0
/* Tests that timers of tiny intervals count in full and stall nobody. */
/* vm: --append kcsan.skip_watch=4000 */
#include "kinds.h"

#define MS 1000000ull

static uint64_t timer_floor(int q)
{
	struct kevent_ioc_info info;

	CHECK_OK(kevent_info(q, &info));
	CHECK_GT(info.timer_floor, 0);
	return info.timer_floor;
}

static void add_timer(int q, uint64_t id, uint64_t interval)
{
	struct ukevent uk;

	kevent_prep_timer(&uk, id, 0, interval, CLOCK_MONOTONIC,
			  KEVENT_REQ_TIMESTAMP, id);
	kev_change(q, KEVENT_CTL_ADD, &uk);
}

/* Somebody takes each event at once: no more than the floor allows. */
TEST(reported_no_more_often_than_the_floor)
{
	int q = kev_queue(NULL, 0), events = 0;
	uint64_t start = now_ns(), end = start + 200 * MS;

	add_timer(q, 1, 1);
	while (now_ns() < end) {
		take(q);
		events++;
	}
	CHECK_LE(events, (now_ns() - start) / timer_floor(q) + 1);
	CHECK_GE(events, 10);
}

TEST(counted_in_full)
{
	int q = kev_queue(NULL, 0), i;
	uint64_t before = now_ns(), after, last;
	struct ukevent uk;

	add_timer(q, 1, 1);
	after = last = now_ns();
	for (i = 0; i < 100; i++) {
		uk = take(q);
		CHECK(uk.ret_flags & KEVENT_RET_DATA);
		CHECK_LE(uk.ret_data[1], now_ns() - before);
		/* One a nanosecond from ADD until after the last event. */
		CHECK_GE(uk.ret_data[1], last - after);
		last = uk.time;
	}
}

/* It is found again when somebody looks after a long time. */
TEST(counted_while_nobody_looks)
{
	struct timespec pause = { .tv_nsec = 300 * MS };
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	uint64_t start = now_ns();

	add_timer(q, 1, 1000);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	CHECK_EQ(kev_tail(&ring), 1);
	while (take(q).ret_data[1] < 300000)
		CHECK_LT(now_ns(), start + 10000 * MS);
}

/* What is taken of a timer of 1 ms in 200 ms. */
static int events_in_time(int q)
{
	uint64_t end = now_ns() + 200 * MS;
	int events = 0;

	add_timer(q, 1, 1 * MS);
	while (now_ns() < end) {
		take(q);
		events++;
	}
	kev_remove(q, KEVENT_TIMER, 1);
	return events;
}

/* Timers that repeat seldom, of hundreds of queues, take no time from one that does often. */
TEST(seldom_beside_often)
{
	int q = kev_queue(NULL, 0), alone = events_in_time(q), beside, i;

	for (i = 0; i < 400; i++)
		add_timer(kev_queue(NULL, 0), 1, 3600000 * MS);
	beside = events_in_time(q);
	NOTE("%d of 200 alone, %d beside 400 others", alone, beside);
	CHECK_GT(beside, alone / 3);
}

/* ---- Thousands, and a neighbour on the same CPU ------------------------------ */

struct neighbour {
	uint64_t work;
	int stop;
};

static void *work_on(void *arg)
{
	struct neighbour *n = arg;

	pin_to_cpu(0);
	while (!__atomic_load_n(&n->stop, __ATOMIC_RELAXED))
		__atomic_store_n(&n->work, n->work + 1, __ATOMIC_RELAXED);
	return NULL;
}

/* What the neighbour gets done in this time, by the wall. */
static uint64_t work_in(struct neighbour *n, uint64_t ns)
{
	uint64_t start = now_ns(), from, spent;
	struct timespec pause = { .tv_nsec = ns };

	from = __atomic_load_n(&n->work, __ATOMIC_RELAXED);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	spent = now_ns() - start;
	return (__atomic_load_n(&n->work, __ATOMIC_RELAXED) - from) * 1000 /
	       (spent / 1000);
}

struct taker {
	struct kevent_ring *ring;
	int stop;
	uint64_t events;
};

static void *take_all(void *arg)
{
	struct timespec limit = { .tv_nsec = 10 * MS };
	struct taker *t = arg;

	pin_to_cpu(cpu_count() - 1);
	while (!__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
		if (kevent_ring_next(t->ring))
			t->events++;
		else
			CHECK_GE(kevent_ring_wait(t->ring, &limit), 0);
	}
	return NULL;
}

enum { MANY = 10000, BATCH = 500 };

static void add_many(int q)
{
	static struct ukevent uk[BATCH];
	int i, j;

	for (i = 0; i < MANY; i += BATCH) {
		for (j = 0; j < BATCH; j++)
			kevent_prep_timer(&uk[j], i + j, 0, 1, CLOCK_MONOTONIC,
					  0, i + j);
		CHECK_EQ(kevent_ctl(q, KEVENT_CTL_ADD, BATCH, uk), 0);
	}
}

/*
 * A twentieth of what it did alone is far from fair, and far from a stall.  KCSAN
 * at its densest is no measure: it stops the module alone, hence the parameter.
 */
static void goes_on(int q)
{
	struct neighbour n = { 0 };
	struct test_thread thread;
	uint64_t alone, beside;

	pin_to_cpu(0);
	thread_start(&thread, work_on, &n);
	alone = work_in(&n, 300 * MS);
	add_many(q);
	beside = work_in(&n, 900 * MS);
	NOTE("neighbour: %llu of %llu per ms", (unsigned long long)beside,
	     (unsigned long long)alone);
	CHECK_GT(beside, alone / 20);
	__atomic_store_n(&n.stop, 1, __ATOMIC_RELAXED);
	thread_join(&thread);
	CHECK_EQ(watches_of(q), MANY);
}

TEST_USER_TIMEOUT(neighbour_goes_on, 60)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 32768);

	goes_on(q);
	kev_close(q, &ring);
}

/* The ring is too small by far. */
TEST_USER_TIMEOUT(neighbour_goes_on_beside_full_ring, 60)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 64);

	goes_on(q);
	kev_close(q, &ring);
}

/* Somebody else takes all events as fast as they come. */
TEST_USER_TIMEOUT(neighbour_goes_on_beside_taker, 60)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 32768);
	struct taker t = { .ring = &ring };
	struct test_thread thread;

	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	thread_start(&thread, take_all, &t);
	goes_on(q);
	__atomic_store_n(&t.stop, 1, __ATOMIC_RELAXED);
	thread_join(&thread);
	NOTE("%llu events taken", (unsigned long long)t.events);
	kev_close(q, &ring);
}
