// SPDX-License-Identifier: GPL-2.0
/*
 * EVFILT_TIMER: units, absolute times, periods that are counted, EV_ONESHOT, EV_DISPATCH,
 * disabled ones, those that are added again; bad times.
 */
#include "kqueue.h"

static uint64_t real_ns(void)
{
	struct timespec now;

	CHECK_OK(clock_gettime(CLOCK_REALTIME, &now));
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* Fires once, at least so late. */
static void once(unsigned int fflags, int64_t data, uint64_t ns)
{
	uint64_t start = now_ns();
	int kq = new_kqueue();
	struct kevent kev;

	set(kq, 7, EVFILT_TIMER, EV_ADD | EV_ONESHOT, fflags, data, &kev);
	kev = await(kq, 7, EVFILT_TIMER);
	CHECK_GE(now_ns() - start, ns);
	CHECK_EQ(kev.data, 1);
	CHECK_EQ(kev.fflags, 0);
	expect_none(kq);
	CHECK_ERRNO(try_set(kq, 7, EVFILT_TIMER, EV_DELETE, 0, 0, NULL), ENOENT);
}

TEST(milliseconds) { once(0, 30, 30 * MSEC); }
TEST(milliseconds_named) { once(NOTE_MSECONDS, 30, 30 * MSEC); }
TEST(seconds) { once(NOTE_SECONDS, 1, 1000 * MSEC); }
TEST(microseconds) { once(NOTE_USECONDS, 30000, 30 * MSEC); }
TEST(nanoseconds) { once(NOTE_NSECONDS, 30000000, 30 * MSEC); }

/* At once; a period is one unit. */
TEST(zero)
{
	uint64_t start = now_ns();
	int kq = new_kqueue();

	once(NOTE_SECONDS, 0, 0);
	CHECK_LT(now_ns() - start, 1000 * MSEC);
	start = now_ns();
	set(kq, 1, EVFILT_TIMER, EV_ADD, NOTE_SECONDS, 0, NULL);
	await(kq, 1, EVFILT_TIMER);
	CHECK_GE(now_ns() - start, 1000 * MSEC);
}

TEST(period)
{
	uint64_t start = now_ns(), got = 0;
	int kq = new_kqueue();
	struct kevent kev;

	set(kq, 1, EVFILT_TIMER, EV_ADD, 0, 10, NULL);
	while (got < 5) {
		kev = await(kq, 1, EVFILT_TIMER);
		CHECK_GE(kev.data, 1);
		CHECK(kev.flags & EV_CLEAR);
		got += kev.data;
		/* never too early */
		CHECK_GE(now_ns() - start, got * 10 * MSEC);
	}
}

/* All that nobody took are in one. */
TEST(period_counted)
{
	int kq = new_kqueue();
	uint64_t start = now_ns();

	set(kq, 1, EVFILT_TIMER, EV_ADD, NOTE_MSECONDS, 5, NULL);
	usleep(50000);
	/* a busy machine may be late in counting */
	CHECK_GE(await(kq, 1, EVFILT_TIMER).data, 5);
	CHECK_GE(now_ns() - start, 45 * MSEC);
	CHECK_LE(await(kq, 1, EVFILT_TIMER).data, (int64_t)((now_ns() - start) / (5 * MSEC)));
}

static void absolute(unsigned int fflags, uint64_t unit)
{
	uint64_t when = real_ns() / unit + 1000 * MSEC / unit;
	int kq = new_kqueue();

	set(kq, 1, EVFILT_TIMER, EV_ADD, fflags | NOTE_ABSTIME, when, NULL);
	CHECK_EQ(await(kq, 1, EVFILT_TIMER).data, 1);
	CHECK_GE(real_ns() / unit, when);
	/* it is still there, and does not come again */
	expect_none(kq);
	set(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
}

TEST(absolute_seconds) { absolute(NOTE_SECONDS, 1000 * MSEC); }
TEST(absolute_milliseconds) { absolute(NOTE_MSECONDS, MSEC); }
TEST(absolute_microseconds) { absolute(NOTE_USECONDS, 1000); }
TEST(absolute_nanoseconds) { absolute(NOTE_NSECONDS, 1); }

TEST(absolute_past)
{
	int kq = new_kqueue();

	set(kq, 1, EVFILT_TIMER, EV_ADD, NOTE_SECONDS | NOTE_ABSOLUTE, 1000, NULL);
	CHECK_EQ(await(kq, 1, EVFILT_TIMER).data, 1);
	expect_none(kq);
}

TEST(again)
{
	uint64_t start = now_ns();
	int kq = new_kqueue();

	set(kq, 1, EVFILT_TIMER, EV_ADD, 0, 1, NULL);
	usleep(10000);
	set(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 100, NULL);
	/* what had come is forgotten */
	expect_none(kq);
	CHECK_EQ(await(kq, 1, EVFILT_TIMER).data, 1);
	CHECK_GE(now_ns() - start, 110 * MSEC);
	expect_none(kq);
}

/* It goes on, and is counted. */
TEST(disabled)
{
	int kq = new_kqueue();

	set(kq, 1, EVFILT_TIMER, EV_ADD, 0, 5, NULL);
	set(kq, 1, EVFILT_TIMER, EV_DISABLE, 0, 0, NULL);
	usleep(50000);
	expect_none(kq);
	usleep(10000);
	expect_none(kq);
	set(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 0, NULL);
	CHECK_GE(await(kq, 1, EVFILT_TIMER).data, 6);
}

/* What came of the old one while it was disabled is forgotten as well. */
TEST(again_after_disabled)
{
	int kq = new_kqueue();

	set(kq, 1, EVFILT_TIMER, EV_ADD | EV_DISABLE, 0, 1, NULL);
	usleep(20000);
	expect_none(kq);
	set(kq, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 20, NULL);
	CHECK_EQ(await(kq, 1, EVFILT_TIMER).data, 1);
}

TEST(dispatch)
{
	int kq = new_kqueue();

	set(kq, 1, EVFILT_TIMER, EV_ADD | EV_DISPATCH, 0, 5, NULL);
	await(kq, 1, EVFILT_TIMER);
	usleep(20000);
	expect_none(kq);
	set(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 0, NULL);
	CHECK_GE(await(kq, 1, EVFILT_TIMER).data, 2);
	expect_none(kq);
}

TEST(deleted)
{
	int kq = new_kqueue();

	set(kq, 1, EVFILT_TIMER, EV_ADD, 0, 5, NULL);
	usleep(20000);
	set(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
	expect_none(kq);
}

/* The ident is a number of the program's, all bits of it. */
TEST(idents)
{
	const uintptr_t idents[] = { 0, 1, (uintptr_t)-1, (uintptr_t)1 << 63 };
	int kq = new_kqueue(), seen = 0, n, i;
	struct kevent kev[8];
	unsigned int j;

	for (j = 0; j < ARRAY_SIZE(idents); j++)
		set(kq, idents[j], EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1, (void *)(uintptr_t)j);
	while (seen != 15) {
		n = CHECK_OK(kevent(kq, NULL, 0, kev, 8, &long_time));
		for (i = 0; i < n; i++) {
			CHECK_EQ(kev[i].ident, idents[(uintptr_t)kev[i].udata]);
			seen |= 1 << (uintptr_t)kev[i].udata;
		}
	}
}

TEST(bad)
{
	int kq = new_kqueue();

	CHECK_ERRNO(try_set(kq, 1, EVFILT_TIMER, EV_ADD, 0, -1, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, 1, EVFILT_TIMER, EV_ADD, NOTE_SECONDS | NOTE_USECONDS, 1, NULL),
		    EINVAL);
	CHECK_ERRNO(try_set(kq, 1, EVFILT_TIMER, EV_ADD, 0x20, 1, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, 1, EVFILT_TIMER, EV_ENABLE, 0, 1, NULL), ENOENT);
	CHECK_ERRNO(try_set(kq, 1, EVFILT_TIMER, EV_DELETE, 0, 1, NULL), ENOENT);
}

/* Longer than the clock can tell: for ever. */
TEST(huge)
{
	int kq = new_kqueue();

	set(kq, 1, EVFILT_TIMER, EV_ADD, 0, INT64_MAX, NULL);
	set(kq, 2, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS, INT64_MAX, NULL);
	set(kq, 3, EVFILT_TIMER, EV_ADD, NOTE_SECONDS | NOTE_ABSTIME, INT64_MAX, NULL);
	usleep(10000);
	expect_none(kq);
}
