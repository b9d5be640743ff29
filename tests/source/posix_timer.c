// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_POSIX_TIMER: expiries as events, their count, the timer's own calls. */
#include "posix_timer.h"

/* ---- Expiries -------------------------------------------------------------- */

TEST(once)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	uint64_t start = now_ns();

	pt_block();
	CHECK_EQ(pt_add(q, id, 0).ret_flags, 0);
	take_none(q);
	pt_set(id, 0, 20 * MS, 0);
	CHECK_EQ(pt_event(q, id), 1);
	CHECK_GE(now_ns() - start, 20 * MS);
	CHECK_EQ(pt_ns(pt_get(id).it_value), 0);
	take_none(q);
	CHECK(!pt_pending());
	CHECK_EQ(watches_of(q), 1);
}

TEST(armed_before_add)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);

	pt_block();
	/* not before ADD is through, however busy the machine is */
	pt_set(id, 0, 200 * MS * test_scale(), 0);
	pt_add(q, id, 0);
	CHECK_EQ(pt_event(q, id), 1);
	pt_set(id, 0, 2 * MS, 0);
	CHECK_EQ(pt_event(q, id), 2);
	CHECK(!pt_pending());
}

TEST(each_clock)
{
	static const int clocks[] = {
		CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI,
	};
	int q = kev_queue(NULL, 0);
	unsigned int i;

	pt_block();
	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		int id = pt_create(clocks[i]);
		uint64_t when = pt_now(clocks[i]) + 10 * MS;

		pt_add(q, id, 0);
		pt_set(id, TIMER_ABSTIME, when, 0);
		pt_event(q, id);
		CHECK_GE(pt_now(clocks[i]), when);
		when = now_ns() + 5 * MS;
		pt_set(id, 0, 5 * MS, 5 * MS);
		CHECK_GE(pt_event(q, id), 2);
		CHECK_GE(now_ns(), when);
		CHECK_GE(pt_event(q, id), 3);
		pt_set(id, 0, 0, 0);
		kev_remove(q, KEVENT_POSIX_TIMER, id);
		pt_delete(id);
	}
	CHECK_EQ(watches_of(q), 0);
	CHECK(!pt_pending());
}

/* New kernels do not start such a timer at all. */
TEST(armed_in_the_past)
{
	static const int clocks[] = {
		CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI,
	};
	int q = kev_queue(NULL, 0);
	unsigned int i, n;

	pt_block();
	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		int id = pt_create(clocks[i]);

		pt_add(q, id, 0);
		for (n = 1; n <= 20; n++) {
			pt_set(id, TIMER_ABSTIME, 1, 0);
			CHECK_EQ(pt_event(q, id), n);
			CHECK_EQ(pt_ns(pt_get(id).it_value), 0);
		}
		pt_set(id, 0, 2 * MS, 0);
		CHECK_EQ(pt_event(q, id), n);
		take_none(q);
		pt_delete(id);
	}
	CHECK(!pt_pending());
}

/* What has passed is counted, and it goes on. */
TEST(armed_in_the_past_periodic)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	uint64_t start = now_ns() - 100 * MS;
	uint32_t total;

	pt_block();
	pt_add(q, id, 0);
	pt_set(id, TIMER_ABSTIME, start, 5 * MS);
	total = pt_event(q, id);
	CHECK_GE(total, 20);
	CHECK_LE(total, pt_expiries(start, 5 * MS, now_ns()));
	CHECK_GT(pt_ns(pt_get(id).it_value), 0);
	do {
		CHECK_GT(pt_event(q, id), total);
		total++;
	} while (total < 30);
	CHECK(!pt_pending());
}

/* Too fast to be started again at once. */
TEST(armed_in_the_past_fast)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	uint32_t total = 0, last;
	uint64_t start;
	int i;

	pt_block();
	pt_add(q, id, 0);
	for (i = 0; i < 50; i++) {
		start = now_ns();
		last = total;
		pt_set(id, TIMER_ABSTIME, start, 1000);
		total = pt_event(q, id);
		CHECK_GT(total, last);
		CHECK_GT(pt_event(q, id), total);
		pt_set(id, TIMER_ABSTIME, 1, 0);
		total = pt_event(q, id);
	}
	pt_set(id, TIMER_ABSTIME, 1, 1);
	pt_delete(id);
	CHECK_EQ(watches_of(q), 0);
	CHECK(!pt_pending());
}

/* Whose watch has had its only event, or is gone. */
TEST(armed_in_the_past_unwatched)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	siginfo_t info;

	pt_block();
	pt_add(q, id, KEVENT_REQ_ONESHOT);
	pt_set(id, TIMER_ABSTIME, 1, 0);
	CHECK_EQ(pt_event(q, id), 1);
	pt_set(id, TIMER_ABSTIME, 1, 0);
	CHECK(pt_take(1000 * MS, &info));
	CHECK_EQ(info.si_overrun, 0);
	pt_add(q, id, 0);
	kev_remove(q, KEVENT_POSIX_TIMER, id);
	pt_set(id, TIMER_ABSTIME, 1, 0);
	CHECK(pt_take(1000 * MS, &info));
	take_none(q);
}

/* All ways of signalling are replaced, an ignored signal as well. */
TEST(each_way_of_signalling)
{
	static const int notify[] = { SIGEV_SIGNAL, SIGEV_THREAD_ID, 2 };
	int q = kev_queue(NULL, 0), id;
	unsigned int i;

	pt_block();
	for (i = 0; i < ARRAY_SIZE(notify); i++) {
		CHECK_OK(pt_try_create(CLOCK_MONOTONIC, notify[i], PT_SIGNAL, 0, &id));
		pt_add(q, id, 0);
		pt_set(id, 0, MS, MS);
		CHECK_GE(pt_event(q, id), 1);
		pt_delete(id);
	}
	CHECK(!pt_pending());
	CHECK_OK(pt_try_create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGCHLD, 0, &id));
	signal(SIGCHLD, SIG_IGN);
	pt_set(id, 0, MS, MS);
	pt_pause(5 * MS);
	pt_add(q, id, 0);
	CHECK_GE(pt_event(q, id), 1);
	CHECK_GE(pt_event(q, id), 2);
	pt_delete(id);
	CHECK_OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
	pt_add(q, id, 0);
	pt_set(id, 0, MS, 0);
	CHECK_EQ(pt_event(q, id), 1);
}

/* The total never says more than has passed, and in the end not less. */
static void count(uint64_t interval, uint64_t time)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	uint64_t start = now_ns() + MS, mark;
	uint32_t total = 0, last;

	pt_block();
	pt_add(q, id, 0);
	pt_set(id, TIMER_ABSTIME, start, interval);
	do {
		last = total;
		total = pt_event(q, id);
		CHECK_GT(total, last);
		mark = now_ns();
		CHECK_LE(total, pt_expiries(start, interval, mark));
	} while (mark < start + time);
	pt_event(q, id);		/* may be from before mark */
	CHECK_GE(pt_event(q, id), pt_expiries(start, interval, mark));
	CHECK(!pt_pending());
}

TEST(every_10_ms)
{
	count(10 * MS, 200 * MS);
}

TEST(every_100_us)
{
	count(100 * US, 200 * MS);
}

TEST(every_10_us)
{
	count(10 * US, 200 * MS);
}

TEST_USER(every_ns)
{
	count(1, 200 * MS);
}

/* An ordinary user, 1 ns, one who reads and one who does not: bounded. */
TEST_USER(no_storm)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	struct kevent_ioc_info info;
	unsigned long long n;
	uint64_t start, time;

	CHECK_OK(kevent_info(q, &info));
	CHECK_GT(info.timer_floor, 0);
	pt_block();
	pt_add(q, id, 0);
	start = now_ns();
	pt_set(id, 0, 1, 1);
	while (now_ns() < start + 100 * MS)
		pt_event(q, id);
	n = kev_stat(q, "posted") + kev_stat(q, "merged");
	time = now_ns() - start;
	CHECK_LE(n, time / info.timer_floor + 2);
	CHECK_GE(n, 10);

	start = now_ns();
	pt_pause(200 * MS);
	n = kev_stat(q, "posted") + kev_stat(q, "merged") - n;
	time = now_ns() - start;
	CHECK_LE(n, time / (info.timer_floor * 8) + 8);
}

/* What this thread gets done in 300 ms. */
static uint64_t work(void)
{
	uint64_t end = now_ns() + 300 * MS, n = 0;

	while (now_ns() < end)
		n++;
	return n;
}

/* Hundreds of them take no more of a CPU than hundreds of KEVENT_TIMER. */
TEST_USER_TIMEOUT(no_storm_of_many, 60)
{
	enum { MANY = 300 };
	int q = kev_queue(NULL, 0), ids[MANY], i;
	uint64_t alone, timers, posix_timers;
	struct ukevent uk;

	pt_block();
	pin_to_cpu(0);
	alone = work();
	for (i = 0; i < MANY; i++) {
		kevent_prep_timer(&uk, i, 0, 1, CLOCK_MONOTONIC, 0, i);
		kev_change(q, KEVENT_CTL_ADD, &uk);
	}
	timers = work();
	close(q);
	q = kev_queue(NULL, 0);
	for (i = 0; i < MANY; i++) {
		ids[i] = pt_create(CLOCK_MONOTONIC);
		pt_add(q, ids[i], 0);
		pt_set(ids[i], 0, 1, 1);
	}
	posix_timers = work();
	NOTE("work: %llu alone, %llu beside timers, %llu beside POSIX timers",
	     (unsigned long long)alone, (unsigned long long)timers,
	     (unsigned long long)posix_timers);
	CHECK_GT(posix_timers, timers / 4);
	for (i = 0; i < MANY; i++)
		pt_delete(ids[i]);
	CHECK_EQ(watches_of(q), 0);
}

TEST(many)
{
	enum { MANY = 300 };
	int q = kev_queue(NULL, 0), ids[MANY], seen[MANY] = { 0 };
	int left = MANY, i;

	pt_block();
	for (i = 0; i < MANY; i++) {
		ids[i] = pt_create(CLOCK_MONOTONIC);
		pt_add(q, ids[i], 0);
		pt_set(ids[i], 0, 20 * MS, 20 * MS);
	}
	CHECK_EQ(watches_of(q), MANY);
	while (left) {
		struct ukevent uk = take(q);

		for (i = 0; i < MANY && ids[i] != (int)uk.id.raw[0]; i++)
			;
		CHECK_LT(i, MANY);
		pt_check(&uk, ids[i]);
		left -= ++seen[i] == 3;
	}
	for (i = 0; i < MANY; i++)
		pt_delete(ids[i]);
	CHECK_EQ(watches_of(q), 0);
	CHECK(!pt_pending());
}

TEST(wakes_a_sleeper)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), id = pt_create(CLOCK_MONOTONIC);

	pt_add(q, id, KEVENT_REQ_TIMESTAMP);
	pt_set(id, 0, 10 * MS, 0);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), 1);
	CHECK_LE(kev_expect(&ring, id + 1000, KEVENT_POSIX_TIMER_FIRED)->time, now_ns());
}

/* ---- The timer's own calls --------------------------------------------------- */

/* Whatever the pace of reports, the next expiry is the next expiry. */
static void true_remaining(uint64_t interval, bool take_them)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	uint64_t start = now_ns() + MS, before, after, rest;
	struct itimerspec its;
	struct ukevent uk;
	int i;

	pt_block();
	pt_add(q, id, 0);
	pt_set(id, TIMER_ABSTIME, start, interval);
	pt_pause(5 * MS);
	for (i = 0; i < 300; i++) {
		before = now_ns() - start;
		its = pt_get(id);
		after = now_ns() - start;
		rest = pt_ns(its.it_value);
		CHECK_EQ(pt_ns(its.it_interval), interval);
		CHECK_GE(rest, 1);
		/* one that is just being handled may seem to be now */
		CHECK_LE(rest, interval);
		if (rest > 1)
			CHECK_NE((before + rest - 1) / interval,
				 (after + rest) / interval);
		if (take_them)
			kevent_get_events(q, 0, 1, NULL, &uk, 0);
		if (i % 16 == 0)
			pt_pause(MS);
	}
	CHECK_EQ(syscall(SYS_timer_getoverrun, id), 0);
}

TEST(gettime)
{
	true_remaining(3 * MS, true);
}

TEST(gettime_while_nobody_takes)
{
	true_remaining(3 * MS, false);
}

TEST(gettime_of_a_fast_one)
{
	true_remaining(20 * US, true);
	true_remaining(300 * US, false);
}

TEST(gettime_of_a_slow_one)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	struct itimerspec its;

	pt_add(q, id, 0);
	its = pt_get(id);
	CHECK_EQ(pt_ns(its.it_value) + pt_ns(its.it_interval), 0);
	pt_set(id, 0, HOUR, 2 * HOUR);
	its = pt_get(id);
	CHECK_EQ(pt_ns(its.it_interval), 2 * HOUR);
	CHECK_LE(pt_ns(its.it_value), HOUR);
	CHECK_GT(pt_ns(its.it_value), HOUR - 1000 * MS);
}

/* Stops, and what had expired until then is told, however fast it was. */
static void stopped(uint64_t interval, uint64_t time)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC), i;
	uint64_t before, after, start;
	uint32_t total, last = 0;

	pt_block();
	pt_add(q, id, 0);
	for (i = 0; i < 10; i++) {
		start = now_ns() + MS;
		pt_set(id, TIMER_ABSTIME, start, interval);
		pt_pause(time);
		before = now_ns();
		pt_set(id, 0, 0, 0);
		after = now_ns();
		total = pt_event(q, id) - last;
		last += total;
		CHECK_GE(total, pt_expiries(start, interval, before));
		CHECK_LE(total, pt_expiries(start, interval, after));
		CHECK_EQ(pt_ns(pt_get(id).it_value), 0);
		take_none(q);
	}
	CHECK_EQ(watches_of(q), 1);
}

TEST(settime_stops)
{
	stopped(MS, 20 * MS);
}

TEST(settime_stops_a_fast_one)
{
	stopped(7 * US, 20 * MS);
	stopped(1, 20 * MS);
}

TEST(settime_tells_the_old_setting)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	struct itimerspec its, old;

	pt_add(q, id, 0);
	pt_set(id, 0, MS, 3 * MS);
	pt_pause(40 * MS);
	memset(&its, 0, sizeof(its));
	CHECK_OK(syscall(SYS_timer_settime, id, 0, &its, &old));
	CHECK_EQ(pt_ns(old.it_interval), 3 * MS);
	CHECK_GT(pt_ns(old.it_value), 0);
	CHECK_LE(pt_ns(old.it_value), 3 * MS);
}

/* Setting the wall clock moves what waits for a point on it. */
TEST(clock_is_set)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_REALTIME);
	struct timespec ts;

	pt_add(q, id, 0);
	pt_set(id, TIMER_ABSTIME, pt_now(CLOCK_REALTIME) + HOUR, 0);
	ts = pt_ts(pt_now(CLOCK_REALTIME) + HOUR + 1000 * MS);
	if (clock_settime(CLOCK_REALTIME, &ts) < 0)
		SKIP("may not set the clock");
	CHECK_EQ(pt_event(q, id), 1);
	ts = pt_ts(pt_now(CLOCK_REALTIME) - HOUR - 1000 * MS);
	CHECK_OK(clock_settime(CLOCK_REALTIME, &ts));
}
