// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_POSIX_TIMER: requests, and the signals before and after a watch. */
#include "posix_timer.h"

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

/* Also what comes before the first expiry. */
TEST(value_before_it_expires)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	struct ukevent uk;

	pt_prep(&uk, id, KEVENT_REQ_CLOSED | KEVENT_REQ_ET, KEVENT_POSIX_TIMER_VALUE);
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), 0);
	CHECK_EQ(pt_try(q, KEVENT_CTL_READY, id, 0, 0), 0);
	CHECK_EQ(take(q).ptr, 0xfeed);
	pt_delete(id);
	uk = take(q);
	CHECK(uk.ret_flags & KEVENT_RET_CLOSED);
	CHECK_EQ(uk.ptr, 0xfeed);
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
	/* the one that has fired is there as long as its event */
	CHECK_EQ(watches_of(q), 2);
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
#define AGAIN	(KEVENT_REQ_DISPATCH | KEVENT_REQ_ALWAYS_QUEUE)

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
	CHECK_EQ(pt_try(q, KEVENT_CTL_MODIFY, id, AGAIN, 0), 0);
	CHECK_GE(pt_event(q, id), 2);
	mark = now_ns();
	CHECK_EQ(pt_try(q, KEVENT_CTL_MODIFY, id, KEVENT_REQ_ALWAYS_QUEUE, 0), 0);
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
	CHECK_EQ(pt_try(q, KEVENT_CTL_MODIFY, id, AGAIN, 0), 0);
	CHECK_EQ(pt_event(q, id), 2);
	CHECK_EQ(pt_try(q, KEVENT_CTL_MODIFY, id, AGAIN, 0), 0);
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
