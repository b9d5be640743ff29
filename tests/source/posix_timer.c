// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_POSIX_TIMER: expiries as events, counts, settings, signals after. */
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
	pt_set(id, 0, 20 * MS, 0);
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

/* ---- Requests ----------------------------------------------------------------- */

TEST(value)
{
	int q = kev_queue(NULL, 0), id;
	struct ukevent uk;

	CHECK_OK(pt_try_create(CLOCK_MONOTONIC, SIGEV_SIGNAL, PT_SIGNAL,
			       0x123456789abcdefull, &id));
	pt_prep(&uk, id, 0, KEVENT_POSIX_TIMER_VALUE);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	pt_set(id, 0, MS, 0);
	CHECK_EQ(take(q).ptr, 0x123456789abcdefull);
	CHECK_EQ(pt_try(q, KEVENT_CTL_MODIFY, id, 0, 0), 0);
	pt_set(id, 0, MS, 0);
	CHECK_EQ(pt_event(q, id), 2);
	CHECK_EQ(pt_try(q, KEVENT_CTL_MODIFY, id, 0, KEVENT_POSIX_TIMER_VALUE), 0);
	pt_set(id, 0, MS, 0);
	CHECK_EQ(take(q).ptr, 0x123456789abcdefull);
}

static void *create_one(void *arg)
{
	*(int *)arg = pt_create(CLOCK_MONOTONIC);
	return NULL;
}

TEST(of_another_thread)
{
	int q = kev_queue(NULL, 0), id;
	struct test_thread t;

	pt_block();
	thread_start(&t, create_one, &id);
	thread_join(&t);
	pt_add(q, id, 0);
	pt_set(id, 0, MS, 0);
	CHECK_EQ(pt_event(q, id), 1);
}

TEST(refused)
{
	int q = kev_queue(NULL, 0), q2 = kev_queue(NULL, 0), id, none;
	const unsigned int cmd = KEVENT_CTL_ADD;
	struct ukevent uk;

	CHECK_OK(pt_try_create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0, &none));
	CHECK_EQ(pt_try(q, cmd, none, 0, 0), EINVAL);
	id = pt_create(CLOCK_PROCESS_CPUTIME_ID);
	CHECK_EQ(pt_try(q, cmd, id, 0, 0), EOPNOTSUPP);
	id = pt_create(CLOCK_THREAD_CPUTIME_ID);
	CHECK_EQ(pt_try(q, cmd, id, 0, 0), EOPNOTSUPP);
	if (pt_try_create(CLOCK_BOOTTIME_ALARM, SIGEV_SIGNAL, PT_SIGNAL, 0, &id) == 0)
		CHECK_EQ(pt_try(q, cmd, id, 0, 0), EOPNOTSUPP);
	id = pt_create(CLOCK_MONOTONIC);
	CHECK_EQ(pt_try(q, cmd, id + 1, 0, 0), EINVAL);
	CHECK_EQ(pt_try(q, cmd, -1, 0, 0), EINVAL);
	CHECK_EQ(kev_try(q, cmd, KEVENT_POSIX_TIMER, 1ull << 32 | id, 1, 0), EINVAL);
	CHECK_EQ(kev_try(q, cmd, KEVENT_POSIX_TIMER, id, 2, 0), EINVAL);
	CHECK_EQ(kev_try(q, cmd, KEVENT_POSIX_TIMER, id, 0, 0), EINVAL);
	CHECK_EQ(pt_try(q, cmd, id, 0, 2), EINVAL);
	CHECK_EQ(pt_try(q, cmd, id, 0, 1ull << 40), EINVAL);
	CHECK_EQ(pt_try(q, cmd, id, KEVENT_REQ_LAST_CHECK, 0), EINVAL);
	CHECK_EQ(pt_try(q, cmd, id, KEVENT_REQ_EXCLUSIVE, 0), EINVAL);
	CHECK_EQ(pt_try(q, cmd, id, KEVENT_REQ_ONESHOT | KEVENT_REQ_DISPATCH, 0), EINVAL);
	pt_prep(&uk, id, 0, 0);
	uk.param[1] = 1;
	CHECK_ERRNO(kevent_ctl_one(q, cmd, &uk), EINVAL);
	pt_prep(&uk, id, 0, 0);
	uk.param[2] = 1;
	CHECK_ERRNO(kevent_ctl_one(q, cmd, &uk), EINVAL);
	CHECK_EQ(watches_of(q), 0);

	pt_add(q, id, 0);
	CHECK_EQ(pt_try(q, cmd, id, 0, 0), EEXIST);
	CHECK_EQ(pt_try(q2, cmd, id, 0, 0), EBUSY);
	CHECK_EQ(pt_try(q, KEVENT_CTL_MODIFY, id, 0, 2), EINVAL);
	CHECK_EQ(watches_of(q2), 0);
	CHECK_EQ(watches_of(q), 1);
	/* nothing of what was refused is left behind */
	kev_remove(q, KEVENT_POSIX_TIMER, id);
	pt_add(q2, id, 0);
	close(q2);
	pt_add(q, id, 0);
	pt_delete(id);
	CHECK_EQ(pt_try(q, cmd, id, 0, 0), EINVAL);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, KEVENT_POSIX_TIMER, id, 0, 0), ENOENT);
	CHECK_EQ(watches_of(q), 0);
}

TEST(oneshot)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	uint64_t start = now_ns() + MS, after;
	uint32_t total;
	siginfo_t info;

	pt_block();
	pt_add(q, id, KEVENT_REQ_ONESHOT);
	pt_set(id, TIMER_ABSTIME, start, 2 * MS);
	total = pt_event(q, id);
	CHECK_GE(total, 1);
	/* the watch has ended, the timer has not */
	CHECK(pt_take(5000 * MS, &info));
	after = now_ns();
	CHECK_EQ(info.si_code, SI_TIMER);
	CHECK_EQ(info.si_value.sival_int, 0xfeed);
	CHECK_LE(total + 1 + info.si_overrun, pt_expiries(start, 2 * MS, after));
	take_none(q);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, KEVENT_POSIX_TIMER, id, 0, 0), ENOENT);
	CHECK_EQ(watches_of(q), 0);
}

/* Added again while its event is in the ring: the timer is taken again. */
TEST(oneshot_again)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), id = pt_create(CLOCK_MONOTONIC);
	siginfo_t info;

	pt_block();
	pt_add(q, id, KEVENT_REQ_ONESHOT);
	pt_set(id, 0, MS, MS);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), 1);
	CHECK_SOON(pt_pending());
	pt_add(q, id, 0);
	CHECK_EQ(watches_of(q), 1);
	/* the signal waits, the timer does not wait for it */
	CHECK_SOON(kev_tail(&ring) >= 2);
	kev_expect(&ring, id + 1000, KEVENT_POSIX_TIMER_FIRED);
	kev_expect(&ring, id + 1000, KEVENT_POSIX_TIMER_FIRED);
	while (pt_take(0, &info))
		;
	CHECK_SOON(kev_tail(&ring) >= 3);
	CHECK(!pt_pending());
}

/* A one-shot that READY has fired has ended as well. */
TEST(oneshot_fired_by_ready)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	siginfo_t info;

	pt_block();
	pt_add(q, id, KEVENT_REQ_ONESHOT);
	CHECK_EQ(pt_try(q, KEVENT_CTL_READY, id, 0, 0), 0);
	pt_set(id, 0, MS, 0);
	CHECK(pt_take(5000 * MS, &info));
	CHECK_EQ(info.si_overrun, 0);
	CHECK_EQ(take(q).ret_data[0], KEVENT_POSIX_TIMER_FIRED);
	take_none(q);
}

/* Disarmed: still no signals, still counted, told by MODIFY. */
TEST(dispatch)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	uint64_t start = now_ns() + MS, mark;
	uint32_t total;

	pt_block();
	pt_add(q, id, KEVENT_REQ_DISPATCH);
	pt_set(id, TIMER_ABSTIME, start, MS);
	pt_event(q, id);
	pt_pause(30 * MS);
	take_none(q);
	CHECK(!pt_pending());
	CHECK_EQ(pt_try(q, KEVENT_CTL_MODIFY, id, KEVENT_REQ_DISPATCH, 0), 0);
	CHECK_GE(pt_event(q, id), 2);
	mark = now_ns();
	CHECK_EQ(pt_try(q, KEVENT_CTL_MODIFY, id, 0, 0), 0);
	pt_event(q, id);
	total = pt_event(q, id);
	CHECK_GE(total, pt_expiries(start, MS, mark));
	CHECK_LE(total, pt_expiries(start, MS, now_ns()));
}

/* What expired while it was disarmed is not lost, if nothing else comes. */
TEST(dispatch_misses_nothing)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);

	pt_block();
	pt_add(q, id, KEVENT_REQ_DISPATCH);
	pt_set(id, 0, MS, 0);
	CHECK_EQ(pt_event(q, id), 1);
	pt_set(id, 0, MS, 0);
	CHECK_SOON(!pt_ns(pt_get(id).it_value));
	take_none(q);
	CHECK_EQ(pt_try(q, KEVENT_CTL_MODIFY, id, KEVENT_REQ_DISPATCH, 0), 0);
	CHECK_EQ(pt_event(q, id), 2);
	CHECK_EQ(pt_try(q, KEVENT_CTL_MODIFY, id, KEVENT_REQ_DISPATCH, 0), 0);
	take_none(q);
}

TEST(ready)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);

	CHECK_EQ(pt_add(q, id, KEVENT_REQ_READY).ret_data[0], KEVENT_POSIX_TIMER_FIRED);
	take_none(q);
	CHECK_EQ(pt_try(q, KEVENT_CTL_READY, id, 0, 0), 0);
	CHECK_EQ(take(q).ret_data[0], KEVENT_POSIX_TIMER_FIRED);
	pt_set(id, 0, MS, 0);
	CHECK_EQ(pt_event(q, id), 1);
}

/* ---- Signals before and after ---------------------------------------------------- */

TEST(signals_after_remove)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	siginfo_t info;

	pt_block();
	pt_add(q, id, 0);
	pt_set(id, 0, MS, 0);
	pt_event(q, id);
	kev_remove(q, KEVENT_POSIX_TIMER, id);
	pt_set(id, 0, 5 * MS, 0);
	CHECK(pt_take(5000 * MS, &info));
	CHECK_EQ(info.si_overrun, 0);
	pt_set(id, 0, MS, MS);
	CHECK(pt_take(5000 * MS, &info));
	CHECK(pt_take(5000 * MS, &info));
	take_none(q);
	/* and back */
	pt_add(q, id, 0);
	while (pt_take(0, &info))
		;
	CHECK_GE(pt_event(q, id), 1);
	CHECK_GE(pt_event(q, id), 2);
	CHECK(!pt_pending());
}

TEST(signals_after_close)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), id = pt_create(CLOCK_MONOTONIC);
	siginfo_t info;

	pt_block();
	pt_add(q, id, 0);
	pt_set(id, 0, MS, MS);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), 1);
	CHECK(!pt_pending());
	kev_close(q, &ring);
	CHECK(pt_take(5000 * MS, &info));
	CHECK(pt_take(5000 * MS, &info));
}

/* Each expiry is an event's or a signal's, and none is both. */
static void handed_back(uint64_t interval)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC), i, done = 0;
	uint64_t start, before, after;
	uint32_t total, ret;
	siginfo_t info, rest;

	pt_block();
	for (i = 0; i < 200 && done < 20; i++) {
		pt_add(q, id, 0);
		start = now_ns() + 500 * US;
		pt_set(id, TIMER_ABSTIME, start, interval);
		total = pt_event(q, id);
		total = pt_event(q, id);
		ret = kev_remove(q, KEVENT_POSIX_TIMER, id).ret_flags;
		before = now_ns();
		CHECK(pt_take(5000 * MS, &info));
		after = now_ns();
		pt_set(id, 0, 0, 0);
		while (pt_take(0, &rest))
			;
		if (ret & KEVENT_RET_CANCELLED)
			continue;	/* some went with the watch */
		done++;
		CHECK_LE(total + 1 + info.si_overrun, pt_expiries(start, interval, after));
		CHECK_GE(total + 1 + info.si_overrun, pt_expiries(start, interval, before));
	}
	CHECK_GE(done, 1);
	CHECK_EQ(watches_of(q), 0);
}

TEST(handed_back)
{
	handed_back(20 * US);
	handed_back(300 * US);
	handed_back(1);
}

/*
 * Blocked, so it is never taken: the timer goes on all the same. The signal is
 * for one expiry, the watch for the rest.
 */
TEST(pending_before_add)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC), i;
	uint64_t start, mark;
	uint32_t total;
	siginfo_t info;

	pt_block();
	for (i = 0; i < 5; i++) {
		start = now_ns() + MS;
		pt_set(id, TIMER_ABSTIME, start, MS);
		CHECK_SOON(pt_pending());
		pt_pause(5 * MS);
		if (i & 1)
			pt_get(id);
		pt_add(q, id, 0);
		CHECK(pt_pending());
		pt_event(q, id);
		mark = now_ns();
		pt_event(q, id);
		total = pt_event(q, id);
		info.si_overrun = 0;
		if (pt_take(0, &info))
			total++;
		CHECK_EQ(info.si_overrun, 0);
		CHECK_GE(total, pt_expiries(start, MS, mark));
		CHECK_LE(total, pt_expiries(start, MS, now_ns()));
		/* taking it has not disturbed anything */
		pt_event(q, id);
		pt_event(q, id);
		CHECK(!pt_pending());
		kev_remove(q, KEVENT_POSIX_TIMER, id);
		pt_set(id, 0, 0, 0);
		while (pt_take(0, &info))
			;
		take_none(q);
	}
}

TEST(pending_once_before_add)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	siginfo_t info;

	pt_block();
	pt_set(id, 0, MS, 0);
	CHECK_SOON(pt_pending());
	pt_add(q, id, 0);
	take_none(q);
	CHECK(pt_take(0, &info));
	CHECK_EQ(info.si_code, SI_TIMER);
	take_none(q);
	pt_set(id, 0, MS, 0);
	CHECK_EQ(pt_event(q, id), 1);
}
