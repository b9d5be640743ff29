// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what does the whole life of a timer cost?
 *
 * Model: n one-shot timers are created and armed for a point in time, all for
 * the same ("instant") or k microseconds apart ("spread"). Meanwhile the
 * program spins: what the expiry takes is what is missing between two looks
 * at the clock. Then the events are collected and checked and everything is
 * given back. epoll has a timerfd for each, io_uring a timeout request,
 * kevent a timer that ends with its event.
 *
 * Metric: a timer: arming + what was missing + collecting and deleting. What
 * is missing while nothing is armed (the timer tick) is subtracted as bare.
 *
 * Does not show: interval timers, timers that are removed before they expire
 * (most timeouts), sleeping until an expiry.
 */

#include "bench.h"

#define LEAD_NS		40000000u	/* until the first one, all armed */
#define TRAIL_NS	2000000u	/* after the last one */
#define LIVES		5u
#define QUIET		3u		/* times the shortest look: not stolen */

static uint64_t shortest_look(void)
{
	uint64_t best = UINT64_MAX, last = clock_now();
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		uint64_t now = clock_now();

		best = min(best, now - last);
		last = now;
	}
	return best;
}

/* Spins until a point of CLOCK_MONOTONIC; returns what others took. */
static uint64_t spin_until(uint64_t end)
{
	uint64_t look = shortest_look(), last = clock_now(), stolen = 0;
	unsigned int i = 0;

	for (;;) {
		uint64_t now = clock_now();

		if (now - last > QUIET * look)
			stolen += now - last - look;
		last = now;
		if (++i % 4096)
			continue;
		if (clock_monotonic() >= end)
			return stolen;
		last = clock_now();
	}
}

static uint64_t one_life(struct mech *m, struct source *s, uint64_t *at,
			 const struct work_case *size)
{
	uint64_t start, armed, stolen, begin = clock_monotonic() + LEAD_NS;
	struct tally t = { .want = size->n };
	unsigned int i;

	for (i = 0; i < size->n; i++) {
		at[i] = begin + (uint64_t)i * size->k * 1000;
		s[i].armed = 1;
	}
	start = clock_begin();
	m->ops->timers(m, s, at, size->n);
	armed = clock_end(start);
	if (clock_monotonic() >= begin)
		die("arming took longer than %u ns", LEAD_NS);
	start = clock_begin();
	stolen = spin_until(at[size->n - 1] + TRAIL_NS);
	clock_end(start);
	start = clock_begin();
	m->ops->expired(m, &t);
	tally_check(&t);
	return armed + stolen + clock_end(start);
}

static void timer_run(const struct job *job, struct results *res)
{
	unsigned int i, n = job->size->n;
	struct mech *m = job->ops->open(job->ops, n);
	struct source *s = xcalloc(n, sizeof(*s));
	uint64_t *at = xcalloc(n, sizeof(*at));
	struct samples samples;

	samples_init(&samples, LIVES);
	for (i = 0; i < LIVES + 1; i++) {
		uint64_t ticks;

		clock_settle();
		ticks = one_life(m, s, at, job->size);
		if (i)
			samples_add(&samples, ticks, n);
	}
	result_add(res, "timer", NULL, clock_name(), samples_median(&samples));
	samples_free(&samples);
	m->ops->close(m);
}

static const struct work_case sizes[] = {
	{ .n = 1000, .mode = "instant", .level = LEVEL_QUICK },
	{ .n = 1000, .k = 20, .mode = "spread", .level = LEVEL_DEFAULT },
	{ 0 }
};

const struct work work_timer = {
	.names = { "timer" },
	.help = "n one-shot timers from arming to the end, k us apart",
	.caps = MECH_TIMER,
	.bare = true,
	.cases = sizes,
	.run = timer_run,
};
