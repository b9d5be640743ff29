// SPDX-License-Identifier: GPL-2.0
/* Tests that a ring full of one watch's events keeps interrupts off for a moment only. */
#include "probe.h"

/*
 * What keeps interrupts off for all of the call makes a timer as late as the call is
 * long.  A busy host may stop the machine at any time, so this is compared with the
 * length of the call, and the best of some tries counts.
 */
enum {
	SLOTS = 262144,			/* the largest ring */
	BATCH = 8192,
	TRIES = 12,
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
