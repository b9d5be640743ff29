/* SPDX-License-Identifier: GPL-2.0 */
/* Timers of this CPU, one behind the other: how late were they while something was done? */
#ifndef PROBE_H
#define PROBE_H

#include "kev.h"

enum {
	PROBES = 1500,
#ifdef PROBE_SPACING
	SPACING = PROBE_SPACING,
#else
	SPACING = 250000,	/* ns */
#endif
};

#define MS 1000000ull

struct probe {
	struct kevent_ring ring;
	int q;
	uint64_t start;
};

/* Timers that are due after so long.  False: adding them took longer. */
static inline bool probe_add(struct probe *p, uint64_t lead)
{
	static struct ukevent uk[PROBES];
	int i;

	p->q = kev_queue(&p->ring, 2048);
	p->start = now_ns() + lead;
	for (i = 0; i < PROBES; i++) {
		kevent_prep_timer(&uk[i], i, p->start + i * SPACING, 0,
				  CLOCK_MONOTONIC, KEVENT_REQ_TIMESTAMP, i);
		uk[i].param[2] |= KEVENT_TIMER_ABSTIME;
	}
	CHECK_EQ(kevent_ctl(p->q, KEVENT_CTL_ADD, PROBES, uk), 0);
	return now_ns() < p->start;
}

static inline void probe_start(struct probe *p)
{
	static uint64_t lead = 30 * MS;

	while (!probe_add(p, lead)) {
		kev_close(p->q, &p->ring);
		lead *= 2;
	}
	while (now_ns() < p->start)
		;
}

/* How late each was of those that were due from start to end; returns of how many. */
static inline int probe_end(struct probe *p, uint64_t start, uint64_t end,
			    uint64_t late[PROBES])
{
	int i, some = 0;
	uint64_t due;

	CHECK_SOON(kev_tail(&p->ring) == PROBES);
	for (i = 0; i < PROBES; i++) {
		const struct ukevent *uk = kev_entry(&p->ring, i);

		due = p->start + uk->ptr * SPACING;
		if (due >= start && due < end)
			late[some++] = uk->time > due ? uk->time - due : 0;
	}
	CHECK_GT(some, 0);
	kev_close(p->q, &p->ring);
	return some;
}

/* How late the latest was. */
static inline uint64_t probe_worst(struct probe *p, uint64_t start, uint64_t end)
{
	static uint64_t late[PROBES];
	int n = probe_end(p, start, end, late);
	uint64_t worst = 0;

	while (n--)
		if (late[n] > worst)
			worst = late[n];
	return worst;
}

static inline int probe_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* How late half of them were at least. */
static inline uint64_t probe_median(struct probe *p, uint64_t start, uint64_t end)
{
	static uint64_t late[PROBES];
	int n = probe_end(p, start, end, late);

	qsort(late, n, sizeof(late[0]), probe_compare);
	return late[n / 2];
}

#endif
