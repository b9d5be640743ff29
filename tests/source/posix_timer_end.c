// SPDX-License-Identifier: GPL-2.0
/*
 * Tests how a watch of a POSIX timer ends with the timer: deleted, by exit and
 * exec; and what becomes of the timer when the queue ends, elsewhere, or at the
 * same time.
 */
#include "posix_timer.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- Deleted ------------------------------------------------------------------ */

TEST(deleted_in_silence)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), id = pt_create(CLOCK_MONOTONIC);

	pt_add(q, id, 0);
	pt_set(id, 0, MS, 0);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), 1);
	pt_delete(id);
	/* at once: what was outstanding is cancelled, the watch is gone */
	CHECK_EQ(watches_of(q), 0);
	CHECK(kev_entry(&ring, 0)->ret_flags & KEVENT_RET_CANCELLED);
	kev_expect_none(&ring);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, KEVENT_POSIX_TIMER, id, 0, 0), ENOENT);
	CHECK_EQ(kev_tail(&ring), 1);
}

TEST(deleted_with_a_last_event)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	struct ukevent uk;

	pt_add(q, id, KEVENT_REQ_CLOSED);
	pt_set(id, 0, MS, MS);
	pt_event(q, id);
	pt_delete(id);
	uk = take(q);
	CHECK_EQ(uk.ptr, id + 1000);
	CHECK_EQ(uk.ret_data[0], 0);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	take_none(q);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, KEVENT_POSIX_TIMER, id, 0, 0), ENOENT);
	id = pt_create(CLOCK_MONOTONIC);
	pt_add(q, id, 0);
	CHECK_EQ(watches_of(q), 1);
}

/* Fast ones are between two expiries of their own and of the pacer. */
TEST(deleted_while_fast)
{
	static const uint64_t intervals[] = { 1, US, 30 * US, 60 * US, MS };
	int q = kev_queue(NULL, 0), id, i;
	struct ukevent uk;

	pt_block();
	for (i = 0; i < 300; i++) {
		id = pt_create(CLOCK_MONOTONIC);
		pt_add(q, id, i & 1 ? KEVENT_REQ_CLOSED : 0);
		pt_set(id, 0, 1, intervals[i % 5]);
		if (i & 2)
			take(q);
		pt_delete(id);
		if (i & 1)
			CHECK(take(q).ret_flags & KEVENT_RET_CLOSED);
		CHECK_EQ(kevent_get_events(q, 0, 1, NULL, &uk, 0), 0);
	}
	pt_add(q, pt_create(CLOCK_MONOTONIC), 0);
	CHECK_EQ(watches_of(q), 1);
	CHECK(!pt_pending());
}

/* A one-shot that has fired, and one that is disarmed. */
TEST(deleted_while_disarmed)
{
	static const unsigned int flags[] = {
		KEVENT_REQ_ONESHOT, KEVENT_REQ_ONESHOT | KEVENT_REQ_CLOSED,
		KEVENT_REQ_DISPATCH, KEVENT_REQ_DISPATCH | KEVENT_REQ_CLOSED,
	};
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), id;
	unsigned int i;

	pt_block();
	for (i = 0; i < 4; i++) {
		id = pt_create(CLOCK_MONOTONIC);
		pt_add(q, id, flags[i]);
		pt_set(id, 0, MS, MS);
		CHECK_GE(kevent_ring_wait(&ring, NULL), 1);
		pt_delete(id);
		if (i == 3)
			CHECK(kevent_ring_next(&ring)->ret_flags & KEVENT_RET_CLOSED);
		kev_expect_none(&ring);
		kevent_ring_wait(&ring, &(struct timespec){ 0 });
	}
	pt_add(q, pt_create(CLOCK_MONOTONIC), 0);
	CHECK_EQ(watches_of(q), 1);
}

/* ---- Exit and exec -------------------------------------------------------------- */

struct child {
	int q;
	int pipe[2];
	unsigned int flags;
	uint64_t interval;
	int how;
};

enum { EXIT, KILL, EXEC, THREADS, HOW_MAX };

static void *forever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* Adds a timer of its own to the parent's queue, says so, and ends. */
static void end_in_child(void *arg)
{
	struct child *c = arg;
	struct test_thread t;
	int id = pt_create(CLOCK_MONOTONIC);

	pt_block();
	if (c->how == THREADS)
		thread_start(&t, forever, NULL);
	pt_add(c->q, id, c->flags);
	pt_set(id, 0, 1, c->interval);
	CHECK_EQ(write(c->pipe[1], &id, sizeof(id)), sizeof(id));
	if (c->how == KILL)
		forever(NULL);
	if (c->how == EXEC) {
		execl("/bin/busybox", "sleep", "1000", NULL);
		FAIL("exec: %s", test_errno_name(errno));
	}
	_exit(0);
}

static void wait_ended(pid_t pid, int how)
{
	if (how == KILL)
		wait_killed(pid);
	else
		wait_child(pid);
}

static void check_end(int how, unsigned int flags, uint64_t interval)
{
	struct child c = { .flags = flags, .interval = interval, .how = how };
	struct ukevent uk;
	int id;
	pid_t pid;

	if (how == EXEC && access("/bin/busybox", X_OK) < 0)
		SKIP("no /bin/busybox");
	c.q = kev_queue(NULL, 0);
	CHECK_OK(pipe(c.pipe));
	pid = start_child(end_in_child, &c);
	CHECK_EQ(read(c.pipe[0], &id, sizeof(id)), sizeof(id));
	if (how == KILL)
		CHECK_OK(kill(pid, SIGKILL));
	if (how == EXEC) {
		CHECK_SOON(watches_of(c.q) == 0 || flags);
	} else {
		wait_ended(pid, how);
		CHECK(flags || watches_of(c.q) == 0);
	}
	if (flags) {
		do {
			uk = take(c.q);
		} while (!(uk.ret_flags & KEVENT_RET_CLOSED));
		CHECK_EQ(uk.id.raw_u64, id);
	}
	take_none(c.q);
	if (how == EXEC) {
		CHECK_OK(kill(pid, SIGKILL));
		wait_killed(pid);
	}
	close(c.q);
	close(c.pipe[0]);
	close(c.pipe[1]);
}

TEST_TIMEOUT(owner_ends, 60)
{
	int how, i;

	for (i = 0; i < 3; i++) {
		for (how = 0; how < HOW_MAX; how++) {
			check_end(how, 0, 10 * MS);
			check_end(how, KEVENT_REQ_CLOSED, 10 * MS);
			check_end(how, 0, 1);
			check_end(how, KEVENT_REQ_CLOSED, 1);
		}
	}
}

/* The queue goes when the owner goes. */
static void only_child(void *arg)
{
	int q = kev_queue(NULL, 0), i;

	(void)arg;
	pt_block();
	for (i = 0; i < 10; i++) {
		int id = pt_create(CLOCK_MONOTONIC);

		pt_add(q, id, i & 1 ? KEVENT_REQ_CLOSED : 0);
		pt_set(id, 0, 1, i & 2 ? 1 : MS);
	}
}

TEST(owner_ends_with_the_queue)
{
	int i;

	for (i = 0; i < 10; i++)
		wait_child(start_child(only_child, NULL));
}

/* ---- Fork ------------------------------------------------------------------------ */

static void add_own(void *arg)
{
	int q = *(int *)arg, id = pt_create(CLOCK_MONOTONIC);
	struct ukevent uk;

	/* the parent's timers are not this process', whatever their ids */
	CHECK_EQ(id, 0);
	CHECK_EQ(pt_try(q, KEVENT_CTL_ADD, 1, 0, 0), EINVAL);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, KEVENT_POSIX_TIMER, id, 0, 0), ENOENT);
	pt_prep(&uk, id, 0, 0);
	uk.ptr = 77;
	kev_change(q, KEVENT_CTL_ADD, &uk);
	CHECK_EQ(watches_of(q), 3);
	pt_set(id, 0, 1, 0);
	CHECK_EQ(take(q).ptr, 77);
}

TEST(forked)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	int other = pt_create(CLOCK_MONOTONIC);

	if (id != 0 || other != 1)
		SKIP("timers are not numbered from 0");
	pt_add(q, id, 0);
	pt_add(q, other, 0);
	wait_child(start_child(add_own, &q));
	CHECK_EQ(watches_of(q), 2);
	pt_set(id, 0, MS, 0);
	CHECK_EQ(pt_event(q, id), 1);
}

static void remove_by_cookie(void *arg)
{
	struct ukevent *add = arg, uk;
	int q = add->ret_data[0];

	kevent_prep(&uk, KEVENT_POSIX_TIMER, 0, 0, KEVENT_REQ_COOKIE, 0);
	uk.cookie = add->cookie;
	CHECK_OK(kevent_ctl_one(q, KEVENT_CTL_REMOVE, &uk));
}

/* Another process removes it: the owner gets signals again. */
TEST(removed_by_another_process)
{
	int q = kev_queue(NULL, 0), id = pt_create(CLOCK_MONOTONIC);
	struct ukevent uk;
	siginfo_t info;

	pt_block();
	uk = pt_add(q, id, 0);
	pt_set(id, 0, MS, MS);
	pt_event(q, id);
	uk.ret_data[0] = q;
	wait_child(start_child(remove_by_cookie, &uk));
	CHECK(pt_take(5000 * MS, &info));
	CHECK(pt_take(5000 * MS, &info));
	CHECK_EQ(watches_of(q), 0);
}

/* The last to have the queue is not the timer's owner. */
static void owner(void *arg)
{
	struct child *c = arg;
	int id = pt_create(CLOCK_MONOTONIC);
	siginfo_t info;

	pt_block();
	pt_add(c->q, id, c->flags);
	pt_set(id, 0, MS, c->interval);
	close(c->q);
	CHECK_EQ(write(c->pipe[1], &id, sizeof(id)), sizeof(id));
	CHECK(pt_take(10000 * MS, &info));
	CHECK(pt_take(10000 * MS, &info));
}

static void released_elsewhere(uint64_t interval)
{
	struct child c = { .interval = interval };
	pid_t pid;
	int id;

	c.q = kev_queue(NULL, 0);
	CHECK_OK(pipe(c.pipe));
	pid = start_child(owner, &c);
	CHECK_EQ(read(c.pipe[0], &id, sizeof(id)), sizeof(id));
	pt_event(c.q, id);
	pt_event(c.q, id);
	close(c.q);
	wait_child(pid);
	close(c.pipe[0]);
	close(c.pipe[1]);
}

TEST(released_elsewhere)
{
	released_elsewhere(MS);
	released_elsewhere(US);
	released_elsewhere(1);
}

/* ---- Races ------------------------------------------------------------------------ */

/* The owner exits while its queue is released by another process. */
TEST_TIMEOUT(exit_against_release, 60)
{
	int i;

	for (i = 0; i < 150; i++) {
		struct child c = {
			.interval = i & 1 ? 1 : 50 * US,
			.flags = i & 2 ? KEVENT_REQ_CLOSED : 0,
			.how = i & 4 ? KILL : EXIT,
		};
		pid_t pid;
		int id;

		c.q = kev_queue(NULL, 0);
		CHECK_OK(pipe(c.pipe));
		pid = start_child(end_in_child, &c);
		CHECK_EQ(read(c.pipe[0], &id, sizeof(id)), sizeof(id));
		if (c.how == KILL)
			CHECK_OK(kill(pid, SIGKILL));
		close(c.q);
		wait_ended(pid, c.how);
		close(c.pipe[0]);
		close(c.pipe[1]);
	}
}

struct racer {
	struct test_thread thread;
	int q;
	int *id;
	int *stop;
	unsigned int seed;
};

/* Everything that can be done to a timer, at random, until it is time. */
static void *race(void *arg)
{
	struct racer *r = arg;
	struct itimerspec its;
	struct ukevent uk;
	int id;

	while (!__atomic_load_n(r->stop, __ATOMIC_RELAXED)) {
		id = __atomic_load_n(r->id, __ATOMIC_RELAXED);
		switch (rand_r(&r->seed) / 256 % 10) {
		case 0:
			pt_try(r->q, KEVENT_CTL_ADD, id, 0, 0);
			break;
		case 1:
			pt_try(r->q, KEVENT_CTL_ADD, id, KEVENT_REQ_CLOSED, 0);
			break;
		case 2:
			pt_try(r->q, KEVENT_CTL_ADD, id, KEVENT_REQ_ONESHOT, 0);
			break;
		case 3:
			pt_try(r->q, KEVENT_CTL_REMOVE, id, 0, 0);
			break;
		case 4:
			pt_try(r->q, KEVENT_CTL_MODIFY, id, KEVENT_REQ_DISPATCH,
			       KEVENT_POSIX_TIMER_VALUE);
			break;
		case 5:
			its.it_value = pt_ts(1);
			its.it_interval = pt_ts(rand_r(&r->seed) / 256 % 3 * 20 * US);
			syscall(SYS_timer_settime, id, 0, &its, &its);
			break;
		case 6:
			syscall(SYS_timer_gettime, id, &its);
			syscall(SYS_timer_getoverrun, id);
			break;
		case 7:
			if (rand_r(&r->seed) / 256 % 4)
				break;
			if (syscall(SYS_timer_delete, id) < 0)
				break;
			id = pt_create(CLOCK_MONOTONIC);
			__atomic_store_n(r->id, id, __ATOMIC_RELAXED);
			break;
		case 8:
			pt_try(r->q, KEVENT_CTL_READY, id, 0, 0);
			break;
		default:
			kevent_get_events(r->q, 0, 1, NULL, &uk, 0);
		}
	}
	return NULL;
}

/* All threads share one timer; two queues fight for it. */
static void all_at_once(void *arg)
{
	enum { THREADS_OF_RACE = 4 };
	int id = pt_create(CLOCK_MONOTONIC), stop = 0, i;
	struct racer r[THREADS_OF_RACE];
	int q[2] = { kev_queue(NULL, 0), kev_queue(NULL, 0) };
	struct ukevent uk;
	siginfo_t info;

	pt_block();
	for (i = 0; i < THREADS_OF_RACE; i++) {
		r[i] = (struct racer){
			.q = q[i == 3], .id = &id, .stop = &stop,
			.seed = *(unsigned int *)arg + i,
		};
		thread_start(&r[i].thread, race, &r[i]);
	}
	pt_pause(2000 * MS);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS_OF_RACE; i++)
		thread_join(&r[i].thread);

	/* it works as ever */
	pt_set(id, 0, 0, 0);
	for (i = 0; i < 2; i++) {
		pt_try(q[i], KEVENT_CTL_REMOVE, id, 0, 0);
		while (kevent_get_events(q[i], 0, 1, NULL, &uk, 0) == 1)
			;
	}
	while (pt_take(0, &info))
		;
	pt_set(id, 0, MS, MS);
	CHECK(pt_take(5000 * MS, &info));
	pt_add(q[0], id, 0);
	while (pt_take(0, &info))
		;
	CHECK_GE(pt_event(q[0], id), 1);
	pt_delete(id);
	/* 1: a last event of a watch that nobody took; reaped by this */
	for (i = 0; i < 2; i++) {
		while (kevent_get_events(q[i], 0, 1, NULL, &uk, 0) == 1)
			;
		kev_add_user(q[i], 1);
		CHECK_LE(watches_of(q[i]), 1);
	}
}

TEST_TIMEOUT(all_at_once, 60)
{
	unsigned int seed;

	for (seed = 1; seed < 4; seed++)
		wait_child(start_child(all_at_once, &seed));
}

/* ... and the process is killed in the middle of it. */
static void killed_at_once(void *arg)
{
	static const unsigned int seed = 99;

	(void)arg;
	all_at_once((void *)&seed);
}

TEST_TIMEOUT(killed_in_a_race, 60)
{
	unsigned int i;
	pid_t pid;

	for (i = 0; i < 8; i++) {
		pid = start_child(killed_at_once, NULL);
		pt_pause((50 + i * 30) * MS);
		CHECK_OK(kill(pid, SIGKILL));
		wait_killed(pid);
	}
}
