// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_TIMER: first expiry, interval, clocks, counts, changes. */
#include "kinds.h"

#define MS 1000000ull
#define HOUR (3600 * 1000 * MS)

static struct ukevent add(int q, uint64_t id, uint64_t value, uint64_t interval,
			  uint64_t clock, unsigned int flags)
{
	struct ukevent uk;

	kevent_prep_timer(&uk, id, value, interval, 0, flags, id);
	uk.param[2] = clock;
	kev_change(q, KEVENT_CTL_ADD, &uk);
	return uk;
}

static int change(int q, unsigned int cmd, uint64_t id, uint64_t value,
		  uint64_t interval, uint64_t clock, unsigned int flags)
{
	struct ukevent uk;

	kevent_prep_timer(&uk, id, value, interval, 0, flags, id);
	uk.param[2] = clock;
	return kevent_ctl_one(q, cmd, &uk) < 0 ? errno : 0;
}

static struct ukevent take_timer(int q, uint64_t id)
{
	struct ukevent uk = take(q);

	CHECK_EQ(uk.type, KEVENT_TIMER);
	CHECK_EQ(uk.id.raw_u64, id);
	CHECK_EQ(uk.ptr, id);
	CHECK_EQ(uk.ret_data[0], KEVENT_TIMER_FIRED);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DATA);
	return uk;
}

static uint64_t clock_ns(int clock)
{
	struct timespec ts;

	CHECK_OK(clock_gettime(clock, &ts));
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* ---- Once ------------------------------------------------------------------ */

TEST(relative)
{
	int q = kev_queue(NULL, 0);
	uint64_t start = now_ns();

	CHECK_EQ(add(q, 7, 20 * MS, 0, CLOCK_MONOTONIC, 0).ret_flags, 0);
	take_none(q);
	CHECK_EQ(take_timer(q, 7).ret_data[1], 1);
	CHECK_GE(now_ns() - start, 20 * MS);
	take_none(q);
	CHECK_EQ(watches_of(q), 1);
}

TEST(absolute)
{
	static const int clocks[] = {
		CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI,
	};
	int q = kev_queue(NULL, 0);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		uint64_t when = clock_ns(clocks[i]) + 20 * MS;

		add(q, i, when, 0,
		    KEVENT_TIMER_CLOCK(clocks[i]) | KEVENT_TIMER_ABSTIME, 0);
		take_timer(q, i);
		CHECK_GE(clock_ns(clocks[i]), when);
	}
}

TEST(relative_on_each_clock)
{
	static const int clocks[] = {
		CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI,
	};
	int q = kev_queue(NULL, 0);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		uint64_t start = now_ns();

		add(q, i, 10 * MS, 0, KEVENT_TIMER_CLOCK(clocks[i]), 0);
		take_timer(q, i);
		CHECK_GE(now_ns() - start, 10 * MS);
	}
}

/* At once, be it in the result or a moment later. */
TEST(absolute_in_the_past)
{
	static const uint64_t past[] = { 1, 1000, 1000000000 };
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		uk = add(q, i, now_ns() - past[i], 0,
			 CLOCK_MONOTONIC | KEVENT_TIMER_ABSTIME, 0);
		if (!(uk.ret_flags & KEVENT_RET_DONE))
			uk = take_timer(q, i);
		CHECK_EQ(uk.ret_data[0], KEVENT_TIMER_FIRED);
		CHECK_EQ(uk.ret_data[1], 1);
		take_none(q);
	}
	add(q, 9, 1, 0, CLOCK_REALTIME | KEVENT_TIMER_ABSTIME,
	    KEVENT_REQ_ALWAYS_QUEUE);
	take_timer(q, 9);
}

TEST(far_away)
{
	int q = kev_queue(NULL, 0);

	add(q, 1, HOUR, 0, CLOCK_MONOTONIC, 0);
	add(q, 2, INT64_MAX, 0, CLOCK_MONOTONIC, 0);
	add(q, 3, INT64_MAX, 0, CLOCK_MONOTONIC | KEVENT_TIMER_ABSTIME, 0);
	add(q, 4, 0, INT64_MAX, CLOCK_MONOTONIC, 0);
	add(q, 5, 20 * MS, 0, CLOCK_MONOTONIC, 0);
	take_timer(q, 5);
	take_none(q);
	CHECK_EQ(watches_of(q), 5);
}

/* The second expiry is beyond all time. */
TEST(interval_far_away)
{
	int q = kev_queue(NULL, 0);

	add(q, 1, 1, INT64_MAX, CLOCK_MONOTONIC, 0);
	add(q, 2, clock_ns(CLOCK_REALTIME) + MS, 250 * 365 * 24 * HOUR,
	    CLOCK_REALTIME | KEVENT_TIMER_ABSTIME, 0);
	take(q);
	take(q);
	add(q, 5, 50 * MS, 0, CLOCK_MONOTONIC, 0);
	take_timer(q, 5);
	take_none(q);
}

TEST(refused)
{
	int q = kev_queue(NULL, 0), cmd = KEVENT_CTL_ADD;

	CHECK_EQ(change(q, cmd, 1, MS, 0, CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
	CHECK_EQ(change(q, cmd, 1, MS, 0, CLOCK_MONOTONIC_RAW, 0), EINVAL);
	CHECK_EQ(change(q, cmd, 1, MS, 0, 1000, 0), EINVAL);
	CHECK_EQ(change(q, cmd, 1, MS, 0, 1ull << 33, 0), EINVAL);
	CHECK_EQ(kev_try(q, cmd, KEVENT_TIMER, 1, 2, 0), EINVAL);
	CHECK_EQ(watches_of(q), 0);
	add(q, 1, HOUR, 0, 0, 0);
	CHECK_EQ(change(q, cmd, 1, MS, 0, 0, 0), EEXIST);
}

/* ---- Again and again ------------------------------------------------------- */

/* The total never says more than has passed. */
TEST(interval)
{
	uint64_t start = now_ns();
	int q = kev_queue(NULL, 0);
	uint32_t total = 0;

	add(q, 1, 5 * MS, 5 * MS, CLOCK_MONOTONIC, 0);
	while (total < 20) {
		uint32_t now = take_timer(q, 1).ret_data[1];

		CHECK_GT(now, total);
		total = now;
		CHECK_LE(total, (now_ns() - start) / (5 * MS));
	}
}

TEST(first_expiry_is_one_interval)
{
	uint64_t start = now_ns();
	int q = kev_queue(NULL, 0);

	add(q, 1, 0, 20 * MS, CLOCK_MONOTONIC, 0);
	take_none(q);
	CHECK_EQ(take_timer(q, 1).ret_data[1], 1);
	CHECK_GE(now_ns() - start, 20 * MS);
	take_timer(q, 1);
	CHECK_GE(now_ns() - start, 40 * MS);
}

/* Nobody looks for a while: one entry, and nothing uncounted. */
TEST(merged_while_nobody_looks)
{
	struct timespec pause = { .tv_nsec = 100 * MS };
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	uint64_t start = now_ns();
	uint32_t total = 0;

	add(q, 1, MS, MS, CLOCK_MONOTONIC, 0);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	CHECK_EQ(kev_tail(&ring), 1);
	while (total < 100) {
		total = take_timer(q, 1).ret_data[1];
		CHECK_LE(total, (now_ns() - start) / MS);
	}
}

/* Who comes late gets the next one in time: long intervals don't back off. */
TEST(claimed_late)
{
	struct timespec pause = { .tv_sec = 1, .tv_nsec = 50 * MS };
	int q = kev_queue(NULL, 0);
	uint64_t start = now_ns();
	uint32_t total;

	add(q, 1, 100 * MS, 100 * MS, CLOCK_MONOTONIC, 0);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	total = take_timer(q, 1).ret_data[1];
	CHECK_GE(total, 9);
	CHECK_EQ(take_timer(q, 1).ret_data[1], total + 1);
	CHECK_LE(total + 1, (now_ns() - start) / (100 * MS));
}

TEST(many_of_one_period)
{
	enum { MANY = 500 };
	int q = kev_queue(NULL, 0), seen[MANY] = { 0 }, left = MANY, i;
	struct ukevent uk;

	for (i = 0; i < MANY; i++)
		add(q, i, 10 * MS, 10 * MS, CLOCK_MONOTONIC, 0);
	CHECK_EQ(watches_of(q), MANY);
	while (left) {
		uk = take(q);
		CHECK_LT(uk.ptr, MANY);
		left -= ++seen[uk.ptr] == 3;
	}
}

/* In the order of their times, whatever the order they were added in. */
TEST(order)
{
	int q = kev_queue(NULL, 0), i;
	uint64_t base = now_ns() + 50 * MS;

	for (i = 9; i >= 0; i--)
		add(q, i, base + i * 2 * MS, 0,
		    CLOCK_MONOTONIC | KEVENT_TIMER_ABSTIME, 0);
	for (i = 0; i < 10; i++)
		take_timer(q, i);
}

/* Those of a queue report together, but none before its time, nor much after. */
TEST(close_together)
{
	enum { MANY = 200 };
	int q = kev_queue(NULL, 0), i;
	uint64_t base = now_ns() + 100 * MS, late, most = 0;
	struct ukevent uk;

	for (i = 0; i < MANY; i++)
		add(q, i, base + i * 20000ull, 0,
		    CLOCK_MONOTONIC | KEVENT_TIMER_ABSTIME,
		    KEVENT_REQ_TIMESTAMP);
	for (i = 0; i < MANY; i++) {
		uk = take(q);
		CHECK_EQ(uk.ptr, i);
		CHECK_GE(uk.time, base + i * 20000ull);
		late = uk.time - base - i * 20000ull;
		if (late > most)
			most = late;
	}
	NOTE("at most %llu us late", (unsigned long long)most / 1000);
	CHECK_LT(most, test_scale() * 50 * MS);
}

/* The first is taken away, and another is first. */
TEST(first_is_removed)
{
	int q = kev_queue(NULL, 0), i;

	for (i = 0; i < 3; i++)
		add(q, i, 1000 * MS - i * 400 * MS, 0, CLOCK_MONOTONIC, 0);
	kev_remove(q, KEVENT_TIMER, 2);
	take_timer(q, 1);
	kev_remove(q, KEVENT_TIMER, 0);
	add(q, 3, 1 * MS, 0, CLOCK_MONOTONIC, 0);
	take_timer(q, 3);
	take_none(q);
}

/* ---- Flags and changes ----------------------------------------------------- */

TEST(oneshot)
{
	struct timespec pause = { .tv_nsec = 10 * MS };
	int q = kev_queue(NULL, 0);

	add(q, 1, 2 * MS, 2 * MS, CLOCK_MONOTONIC, KEVENT_REQ_ONESHOT);
	CHECK_GE(take_timer(q, 1).ret_data[1], 1);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	take_none(q);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, KEVENT_TIMER, 1, 0, 0), ENOENT);
	CHECK_EQ(watches_of(q), 0);
}

TEST(dispatch)
{
	struct timespec pause = { .tv_nsec = 10 * MS };
	int q = kev_queue(NULL, 0);

	add(q, 1, 2 * MS, 2 * MS, CLOCK_MONOTONIC, KEVENT_REQ_DISPATCH);
	take_timer(q, 1);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	take_none(q);
	CHECK_EQ(change(q, KEVENT_CTL_MODIFY, 1, 2 * MS, 2 * MS, 0,
			KEVENT_REQ_DISPATCH), 0);
	take_timer(q, 1);
	take_none(q);
}

TEST(modify_arms)
{
	int q = kev_queue(NULL, 0);

	add(q, 1, HOUR, 0, CLOCK_MONOTONIC, 0);
	CHECK_EQ(change(q, KEVENT_CTL_MODIFY, 1, 5 * MS, 0, 0, 0), 0);
	CHECK_EQ(take_timer(q, 1).ret_data[1], 1);
	take_none(q);
	CHECK_EQ(change(q, KEVENT_CTL_MODIFY, 1, 5 * MS, 0, 0, 0), 0);
	CHECK_EQ(take_timer(q, 1).ret_data[1], 2);
	CHECK_EQ(watches_of(q), 1);
}

/* From often to hardly ever: what was outstanding goes, nothing more comes. */
TEST(modify_stops)
{
	struct timespec pause = { .tv_nsec = 10 * MS };
	int q = kev_queue(NULL, 0);

	add(q, 1, MS, MS, CLOCK_MONOTONIC, 0);
	take_timer(q, 1);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	CHECK_EQ(change(q, KEVENT_CTL_MODIFY, 1, HOUR, 0, 0, 0), 0);
	take_none(q);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	take_none(q);
}

TEST(modify_clock)
{
	int q = kev_queue(NULL, 0);
	uint64_t when;

	add(q, 1, HOUR, 0, CLOCK_MONOTONIC, 0);
	when = clock_ns(CLOCK_REALTIME) + 10 * MS;
	CHECK_EQ(change(q, KEVENT_CTL_MODIFY, 1, when, 0,
			CLOCK_REALTIME | KEVENT_TIMER_ABSTIME, 0), 0);
	take_timer(q, 1);
	CHECK_GE(clock_ns(CLOCK_REALTIME), when);
}

TEST(modify_by_cookie_is_refused)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk, add_uk = add(q, 1, HOUR, 0, 0, 0);

	kevent_prep(&uk, KEVENT_TIMER, 1, KEVENT_TIMER_FIRED,
		    KEVENT_REQ_COOKIE, 0);
	uk.cookie = add_uk.cookie;
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_MODIFY, &uk), EINVAL);
	kevent_prep(&uk, KEVENT_TIMER, 1, 0, KEVENT_REQ_COOKIE, 0);
	uk.cookie = add_uk.cookie;
	CHECK_OK(kevent_ctl_one(q, KEVENT_CTL_REMOVE, &uk));
	CHECK_EQ(watches_of(q), 0);
}

TEST(removed)
{
	struct timespec pause = { .tv_nsec = 10 * MS };
	int q = kev_queue(NULL, 0), i;

	for (i = 0; i < 20; i++) {
		add(q, 1, MS, MS, CLOCK_MONOTONIC, 0);
		if (i & 1)
			take_timer(q, 1);
		kev_remove(q, KEVENT_TIMER, 1);
		take_none(q);
	}
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
}

TEST(ready_command)
{
	int q = kev_queue(NULL, 0);

	add(q, 1, HOUR, 0, CLOCK_MONOTONIC, 0);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_TIMER, 1, 0, 0), 0);
	CHECK_EQ(take(q).ret_data[0], KEVENT_TIMER_FIRED);
	take_none(q);
}

TEST(time_stamp)
{
	int q = kev_queue(NULL, 0);
	uint64_t when = now_ns() + 10 * MS;
	struct ukevent uk;

	add(q, 1, when, 0, CLOCK_MONOTONIC | KEVENT_TIMER_ABSTIME,
	    KEVENT_REQ_TIMESTAMP);
	uk = take_timer(q, 1);
	CHECK_GE(uk.time, when);
	CHECK_LE(uk.time, now_ns());
}

TEST(wakes_a_sleeper)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);

	add(q, 1, 10 * MS, 0, CLOCK_MONOTONIC, 0);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), 1);
	kev_expect(&ring, 1, KEVENT_TIMER_FIRED);
}

/* Setting the wall clock moves what waits for a point on it, and nothing else. */
TEST(clock_is_set)
{
	int q = kev_queue(NULL, 0);
	struct timespec old, ts;

	CHECK_OK(clock_gettime(CLOCK_REALTIME, &old));
	add(q, 1, clock_ns(CLOCK_REALTIME) + HOUR, 0,
	    CLOCK_REALTIME | KEVENT_TIMER_ABSTIME, 0);
	add(q, 2, HOUR, 0, CLOCK_MONOTONIC, 0);
	add(q, 3, HOUR, 0, CLOCK_REALTIME, 0);
	ts = old;
	ts.tv_sec += 3601;
	if (clock_settime(CLOCK_REALTIME, &ts) < 0)
		SKIP("may not set the clock");
	take_timer(q, 1);
	CHECK_OK(clock_gettime(CLOCK_REALTIME, &ts));
	ts.tv_sec -= 3601;
	CHECK_OK(clock_settime(CLOCK_REALTIME, &ts));
	take_none(q);
}

/* ---- Numbers ------------------------------------------------------------------ */

/* Any 64 bits will do, and more of them than one file may have watches. */
TEST_TIMEOUT(any_number, 60)
{
	static const unsigned int shifts[] = { 0, 20, 32, 48 };
	int q = kev_queue(NULL, 0);
	unsigned int i, n;

	for (n = 0; n < ARRAY_SIZE(shifts); n++) {
		for (i = 1; i <= 5000; i++)
			add(q, (uint64_t)i << shifts[n], HOUR, 0,
			    CLOCK_MONOTONIC, 0);
		CHECK_EQ(watches_of(q), 5000);
		for (i = 1; i <= 5000; i++)
			kev_remove(q, KEVENT_TIMER, (uint64_t)i << shifts[n]);
		CHECK_EQ(watches_of(q), 0);
	}
}
