// SPDX-License-Identifier: GPL-2.0
/* Timeouts: relative and absolute, on each clock; never early. */
#include "kev.h"

#define MSEC 1000000ll
#define SEC 1000000000ll

static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };

static int64_t clock_ns(int clock)
{
	struct timespec ts;

	CHECK_OK(clock_gettime(clock, &ts));
	return ts.tv_sec * SEC + ts.tv_nsec;
}

static struct __kernel_timespec spec(int64_t ns)
{
	struct __kernel_timespec ts = { ns / SEC, ns % SEC };

	return ts;
}

/* One of the two calls that wait, with ns on a clock. */
static int wait_for(int q, bool get, int clock, uint32_t flags, int64_t ns)
{
	struct ukevent uk;

	if (get) {
		struct kevent_ioc_get arg = {
			.events = (uintptr_t)&uk, .min = 1, .max = 1,
			.flags = flags | KEVENT_FLAGS_TIMEOUT,
			.clockid = clock, .timeout = spec(ns),
		};

		return ioctl(q, KEVENT_IOC_GET_EVENTS, &arg);
	} else {
		struct kevent_ioc_wait arg = {
			.min = 1, .flags = flags | KEVENT_FLAGS_TIMEOUT,
			.clockid = clock, .timeout = spec(ns),
		};

		return ioctl(q, KEVENT_IOC_WAIT, &arg);
	}
}

static void expires(int q, bool get, int clock, uint32_t flags, int64_t ns)
{
	int64_t start = clock_ns(clock);

	CHECK_EQ(wait_for(q, get, clock, flags,
			  flags & KEVENT_FLAGS_ABSTIME ? start + ns : ns), 0);
	CHECK_GE(clock_ns(clock), start + ns);
	/* Generous: the machine may be busy. */
	CHECK_LT(clock_ns(clock), start + ns + 5 * SEC * test_scale());
}

#define for_each_way(clock, get)					\
	for (clock = 0; clock < 3; clock++)				\
		for (get = 0; get < 2; get++)

TEST(zero)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), clock, get;

	for_each_way(clock, get)
		expires(q, get, clocks[clock], 0, 0);
}

TEST(relative)
{
	static const int64_t times[] = { 1, 1000, 300000, 5 * MSEC, 50 * MSEC };
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), clock, get;
	unsigned int i;

	for_each_way(clock, get)
		for (i = 0; i < 5; i++)
			expires(q, get, clocks[clock], 0, times[i]);
}

TEST(absolute)
{
	static const int64_t times[] = { 1, 300000, 20 * MSEC };
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), clock, get;
	unsigned int i;

	for_each_way(clock, get)
		for (i = 0; i < 3; i++)
			expires(q, get, clocks[clock], KEVENT_FLAGS_ABSTIME,
				times[i]);
}

TEST(absolute_in_the_past)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), clock, get;

	for_each_way(clock, get) {
		CHECK_EQ(wait_for(q, get, clocks[clock], KEVENT_FLAGS_ABSTIME,
				  0), 0);
		CHECK_EQ(wait_for(q, get, clocks[clock], KEVENT_FLAGS_ABSTIME,
				  1), 0);
		CHECK_EQ(wait_for(q, get, clocks[clock], KEVENT_FLAGS_ABSTIME,
				  clock_ns(clocks[clock]) - 1), 0);
	}
}

/* REALTIME's now is far in the future of the others. */
TEST(clocks_differ)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);
	int64_t now = clock_ns(CLOCK_MONOTONIC);

	if (clock_ns(CLOCK_REALTIME) < now + 1000 * SEC)
		SKIP("the real-time clock has not been set");
	CHECK_EQ(wait_for(q, false, CLOCK_REALTIME, KEVENT_FLAGS_ABSTIME,
			  now + 100 * SEC), 0);
}

TEST(without_ring)
{
	int q = kev_queue(NULL, 0), clock;

	for (clock = 0; clock < 3; clock++) {
		expires(q, true, clocks[clock], 0, 2 * MSEC);
		expires(q, true, clocks[clock], KEVENT_FLAGS_ABSTIME, 2 * MSEC);
	}
}

TEST(what_is_there_needs_no_time)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), clock;

	for (clock = 0; clock < 3; clock++) {
		kev_add_user(q, 1);
		kev_fire(q, 1, 1);
		CHECK_EQ(wait_for(q, false, clocks[clock], 0, 0), 1);
		CHECK_EQ(wait_for(q, false, clocks[clock],
				  KEVENT_FLAGS_ABSTIME, 1), 1);
		CHECK_EQ(wait_for(q, true, clocks[clock], 0, 0), 1);
		kev_remove(q, KEVENT_UNOTIFY, 1);
	}
}

/* Only a minimum that was not reached is given up. */
TEST(minimum_not_reached)
{
	const struct timespec limit = { 0, 10 * MSEC };
	struct kevent_ring ring;
	struct ukevent uk[2];
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(kevent_wait(q, 2, 0, &limit, 0), 0);
	/* What there is is not withheld. */
	CHECK_EQ(kevent_get_events(q, 2, 2, &limit, uk, 0), 1);
	CHECK_EQ(uk[0].ptr, 1);
	kev_expect_get_none(q);
}

static void woken_before(uint32_t flags, int64_t sec)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_sleeper_prep(&s, q);
	s.wait.flags = flags;
	s.wait.timeout.tv_sec = sec;
	kev_sleeper_start(&s);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	kev_close(q, &ring);
}

TEST(infinite)
{
	woken_before(0, 0);
}

/* Longer than the kernel can count. */
TEST(huge)
{
	woken_before(KEVENT_FLAGS_TIMEOUT, 1000000000ll);
	woken_before(KEVENT_FLAGS_TIMEOUT, 10000000000ll);
	woken_before(KEVENT_FLAGS_TIMEOUT, INT64_MAX);
	woken_before(KEVENT_FLAGS_TIMEOUT | KEVENT_FLAGS_ABSTIME, 10000000000ll);
	woken_before(KEVENT_FLAGS_TIMEOUT | KEVENT_FLAGS_ABSTIME, INT64_MAX);
}

/* Without KEVENT_FLAGS_TIMEOUT what is in timeout does not count. */
TEST(time_without_flag)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_sleeper_prep(&s, q);
	s.wait.timeout.tv_nsec = 1;
	kev_sleeper_start(&s);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
}

TEST(short_ones_many_times)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), i;

	for (i = 0; i < 300; i++)
		expires(q, i & 1, CLOCK_MONOTONIC, 0, i * 1000);
}

/* ---- O_NONBLOCK -------------------------------------------------------- */

static int nonblocking_queue(struct kevent_ring *ring, unsigned int num)
{
	int q = kev_queue(ring, num);

	CHECK_OK(fcntl(q, F_SETFL, O_RDWR | O_NONBLOCK));
	return q;
}

TEST(nonblocking_wait)
{
	const struct timespec limit = { 100, 0 };
	struct kevent_ring ring;
	int q = nonblocking_queue(&ring, 4);

	CHECK_ERRNO(kevent_wait(q, 1, 0, NULL, 0), EAGAIN);
	CHECK_ERRNO(kevent_wait(q, 1, 0, &limit, 0), EAGAIN);
	CHECK_EQ(kevent_wait(q, 0, 0, NULL, 0), 0);
	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(kevent_wait(q, 1, 0, NULL, 0), 1);
	CHECK_OK(fcntl(q, F_SETFL, O_RDWR));
	kev_claim_to(&ring, 1);
	CHECK_EQ(kevent_wait(q, 1, 1, &(struct timespec){ 0, 1000 }, 0), 0);
}

static void nonblocking_get(unsigned int slots)
{
	struct kevent_ring ring;
	struct ukevent uk[2];
	int q = nonblocking_queue(&ring, slots);

	CHECK_ERRNO(kevent_get_events(q, 1, 2, NULL, uk, 0), EAGAIN);
	CHECK_EQ(kevent_get_events(q, 0, 2, NULL, uk, 0), 0);
	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(kevent_get_events(q, 1, 2, NULL, uk, 0), 1);
	/* Something is there, though it is less than min. */
	kev_fire(q, 1, 1);
	CHECK_EQ(kevent_get_events(q, 2, 2, NULL, uk, 0), 1);
	CHECK_ERRNO(kevent_get_events(q, 1, 2, NULL, uk, 0), EAGAIN);
}

TEST(nonblocking_get_events)
{
	nonblocking_get(4);
	nonblocking_get(0);
}

/* Opened so, not set so. */
TEST(opened_nonblocking)
{
	struct kevent_ioc_init init;
	struct ukevent uk;
	int q = CHECK_OK(open("/dev/kevent", O_RDWR | O_CLOEXEC | O_NONBLOCK));

	memset(&init, 0, sizeof(init));
	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
	CHECK_ERRNO(kevent_get_events(q, 1, 1, NULL, &uk, 0), EAGAIN);
}

/* ---- A clock that is set meanwhile ------------------------------------- */

static void set_realtime(int64_t ahead)
{
	struct timespec ts;
	int64_t ns = clock_ns(CLOCK_REALTIME) + ahead;

	ts.tv_sec = ns / SEC;
	ts.tv_nsec = ns % SEC;
	if (clock_settime(CLOCK_REALTIME, &ts) < 0)
		SKIP("may not set the clock: %s", test_errno_name(errno));
}

/* A point of CLOCK_REALTIME comes when the clock says so. */
TEST(absolute_follows_a_clock_that_is_set)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	kev_sleeper_prep(&s, q);
	s.wait.flags = KEVENT_FLAGS_TIMEOUT | KEVENT_FLAGS_ABSTIME;
	s.wait.clockid = CLOCK_REALTIME;
	s.wait.timeout = spec(clock_ns(CLOCK_REALTIME) + 3600 * SEC);
	kev_sleeper_start(&s);
	set_realtime(7200 * SEC);
	CHECK_EQ(kev_sleeper_join(&s), 0);
	set_realtime(-7200 * SEC);
	kev_close(q, &ring);
}

/* A span does not, on whichever clock. */
TEST(relative_does_not)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	kev_sleeper_prep(&s, q);
	s.wait.flags = KEVENT_FLAGS_TIMEOUT;
	s.wait.clockid = CLOCK_REALTIME;
	s.wait.timeout = spec(3600 * SEC);
	kev_sleeper_start(&s);
	set_realtime(7200 * SEC);
	wait_blocked_in(s.thread.tid, SYS_ioctl);
	CHECK(!kev_sleeper_over(&s));
	set_realtime(-7200 * SEC);
	CHECK_EQ(kevent_wake(q, 1), 1);
	CHECK_EQ(kev_sleeper_join(&s), 0);
	kev_close(q, &ring);
}
