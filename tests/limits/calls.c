// SPDX-License-Identifier: GPL-2.0
/* Tests that the longest calls there are, and the end of 100,000 watches, let others on. */
/* vm: --icount --append preempt=none */
/* kernel: 6.12 6.1 6.12-rt */
#include "neighbour.h"

#include <sys/resource.h>

#define MS 1000000ull

enum {
	MANY = 100000,
	FILES = 20000,		/* of them */
	TIMERS = 20000,
	BATCH = 65536,
	TRIES = 6,
};

/* Bound of the time for one watch when its queue is closed; an instruction takes 1 ns. */
#define TEARDOWN_NS 2000ull
/* Of a turn: the tick that ends it may come so late. */
#define SLACK_NS MS

static int files[FILES];
static struct ukevent uk[BATCH];

struct work {
	struct kevent_ring ring;
	int q;
};

static void allow_files(rlim_t n)
{
	struct rlimit limit = { .rlim_cur = n, .rlim_max = n };

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void prep_users(int num)
{
	int i;

	for (i = 0; i < num; i++)
		kevent_prep(&uk[i], KEVENT_UNOTIFY, i, 1, KEVENT_REQ_ET, i);
}

static uint64_t watches_of_user(void)
{
	struct kevent_ioc_info info;
	int q = kev_queue(NULL, 0);

	CHECK_EQ(kevent_info(q, &info), 0);
	close(q);
	return info.watches;
}

/* ---- The calls -------------------------------------------------------------------------- */

static void empty_queue(struct work *w)
{
	w->q = kev_queue(NULL, 0);
	prep_users(BATCH);
}

static void do_add(struct work *w)
{
	CHECK_EQ(kevent_ctl(w->q, KEVENT_CTL_ADD, BATCH, uk), 0);
}

static void users_queue(struct work *w)
{
	empty_queue(w);
	do_add(w);
}

static void do_remove(struct work *w)
{
	CHECK_EQ(kevent_ctl(w->q, KEVENT_CTL_REMOVE, BATCH, uk), 0);
}

static void do_fire(struct work *w)
{
	CHECK_EQ(kevent_ctl(w->q, KEVENT_CTL_READY, BATCH, uk), 0);
}

static void fired_queue(struct work *w)
{
	users_queue(w);
	do_fire(w);
}

static void do_get(struct work *w)
{
	CHECK_EQ(kevent_get_events(w->q, 0, BATCH, NULL, uk, 0), BATCH);
}

/* The same through a ring, where most had to wait for a slot. */
static void full_ring(struct work *w)
{
	w->q = kev_queue(&w->ring, BATCH / 2);
	prep_users(BATCH);
	do_add(w);
	do_fire(w);
}

static void do_hand_over(struct work *w)
{
	CHECK_EQ(kev_tail(&w->ring), BATCH / 2);
	kev_claim_to(&w->ring, BATCH / 2);
	CHECK_EQ(kevent_commit(w->q, BATCH / 2, 0), BATCH / 2);
	CHECK_EQ(kev_tail(&w->ring), BATCH);
}

/* Level watches that are all ready, and were all claimed: asked again. */
static void level_ring(struct work *w)
{
	int i;

	w->q = kev_queue(&w->ring, 65536);
	for (i = 0; i < FILES; i++)
		kevent_prep(&uk[i], KEVENT_POLL, files[i], POLLOUT,
			    KEVENT_REQ_ALWAYS_QUEUE, i);
	CHECK_EQ(kevent_ctl(w->q, KEVENT_CTL_ADD, FILES, uk), 0);
	CHECK_EQ(kev_tail(&w->ring), FILES);
	kev_claim_to(&w->ring, FILES);
	kev_free_to(&w->ring, FILES);
}

static void do_ask(struct work *w)
{
	CHECK_EQ(kevent_ring_call(&w->ring), 0);
	CHECK_EQ(kev_tail(&w->ring), 2 * FILES);
}

static void end(struct work *w)
{
	kev_close(w->q, w->ring.kernel ? &w->ring : NULL);
}

/* ---- A hundred thousand ----------------------------------------------------------------- */

static void add_all(int q, int first, int num)
{
	int i;

	for (i = 0; i < num; i++)
		uk[i].ptr = first + i;
	CHECK_EQ(kevent_ctl(q, KEVENT_CTL_ADD, num, uk), 0);
}

/* Files, timers, private events; each with an event. */
static void everything(struct work *w)
{
	uint64_t one = 1;
	int i, num;

	w->q = kev_queue(&w->ring, 262144);
	for (i = 0; i < FILES; i++)
		kevent_prep(&uk[i], KEVENT_POLL, files[i], POLLIN,
			    KEVENT_REQ_ET, 0);
	add_all(w->q, 0, FILES);
	for (i = 0; i < TIMERS; i++)
		kevent_prep_timer(&uk[i], i, 1000 * MS * 3600, 0,
				  CLOCK_MONOTONIC, 0, 0);
	add_all(w->q, FILES, TIMERS);
	num = MANY - FILES - TIMERS;
	prep_users(num);
	add_all(w->q, FILES + TIMERS, num);
	CHECK_EQ(kevent_ctl(w->q, KEVENT_CTL_READY, num, uk), 0);
	for (i = 0; i < FILES; i++)
		CHECK_EQ(write(files[i], &one, 8), 8);
	CHECK_EQ(kev_stat(w->q, "watches"), MANY);
}

static void do_close(struct work *w)
{
	kev_close(w->q, &w->ring);
}

static void end_nothing(struct work *w)
{
	(void)w;
}

/* ---- Measuring -------------------------------------------------------------------------- */

typedef void work_func(struct work *w);

/* The caller's own time. */
static uint64_t cpu_ns(void)
{
	struct timespec ts;

	CHECK_EQ(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts), 0);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Returns the time of the call itself; *gap: for how long the other stood still. */
static uint64_t measure(work_func *prepare, work_func *run, work_func *finish,
			uint64_t *gap)
{
	struct work w = { 0 };
	struct neighbour n;
	uint64_t spent;

	prepare(&w);
	neighbour_start(&n);
	spent = cpu_ns();
	run(&w);
	spent = cpu_ns() - spent;
	*gap = neighbour_stop(&n);
	finish(&w);
	NOTE("%llu us, the neighbour stood still for %llu us",
	     (unsigned long long)spent / 1000, (unsigned long long)*gap / 1000);
	return spent;
}

static void prepare_nothing(struct work *w)
{
	w->q = -1;
}

/* In user mode, where anything may come in between. */
static void do_compute(struct work *w)
{
	uint64_t end = cpu_ns() + 100 * MS;

	while (cpu_ns() < end)
		;
	(void)w;
}

/* The scheduler gives each of two that are busy so long in turn: one tick, or two on 6.1. */
static uint64_t turn_ns(void)
{
	uint64_t gap, turn = 0;
	int i;

	NOTE("turns of two that compute:");
	for (i = 0; i < TRIES; i++) {
		measure(prepare_nothing, do_compute, end_nothing, &gap);
		if (gap > turn)
			turn = gap;
	}
	CHECK(turn >= MS);
	return turn;
}

/* A call that does not let go is seen by a gap as long as it. */
static void check_lets_on(work_func *prepare, work_func *run, work_func *finish)
{
	uint64_t spent, gap, turn;
	int i;

	pin_to_cpu(0);
	turn = turn_ns();
	for (i = 0; i < TRIES; i++) {
		spent = measure(prepare, run, finish, &gap);
		if (gap < spent / 2 || gap < turn + SLACK_NS)
			return;
	}
	FAIL("a neighbour on the same CPU stands still while the call lasts");
}

static void open_files(void)
{
	int i;

	allow_files(FILES + 100);
	for (i = 0; i < FILES; i++)
		CHECK_OK(files[i] = eventfd(0, EFD_CLOEXEC));
}

TEST_TIMEOUT(largest_batches, 120)
{
	check_lets_on(empty_queue, do_add, end);
	check_lets_on(users_queue, do_remove, end);
	check_lets_on(users_queue, do_fire, end);
	check_lets_on(fired_queue, do_get, end);
}

TEST_TIMEOUT(hand_over, 60)
{
	check_lets_on(full_ring, do_hand_over, end);
}

TEST_TIMEOUT(level_watches_asked_again, 60)
{
	open_files();
	check_lets_on(level_ring, do_ask, end);
}

TEST_TIMEOUT(close_of_100000_watches, 120)
{
	uint64_t before = watches_of_user();

	open_files();
	check_lets_on(everything, do_close, end_nothing);
	CHECK_SOON(watches_of_user() == before);
}

/* The same by the wall, alone. */
TEST_TIMEOUT(close_takes_no_longer_than_stated, 120)
{
	struct work w = { 0 };
	uint64_t spent;
	int i;

	open_files();
	for (i = 0; i < TRIES; i++) {
		everything(&w);
		spent = now_ns();
		do_close(&w);
		spent = now_ns() - spent;
		NOTE("%llu ns a watch", (unsigned long long)spent / MANY);
		if (spent / MANY < TEARDOWN_NS)
			return;
	}
	FAIL("too long");
}
