/* SPDX-License-Identifier: GPL-2.0 */
/* A thread on the same CPU that notes for how long it did not get on. */
#ifndef NEIGHBOUR_H
#define NEIGHBOUR_H

#include "kev.h"

struct neighbour {
	struct test_thread thread;
	uint64_t gap;		/* longest, ns */
	uint64_t rounds;
	bool stop;
};

static inline void *neighbour_run(void *arg)
{
	uint64_t last = now_ns(), now, gap;
	struct neighbour *n = arg;

	while (!__atomic_load_n(&n->stop, __ATOMIC_RELAXED)) {
		now = now_ns();
		gap = now - last;
		last = now;
		if (gap > __atomic_load_n(&n->gap, __ATOMIC_RELAXED))
			__atomic_store_n(&n->gap, gap, __ATOMIC_RELAXED);
		__atomic_store_n(&n->rounds, n->rounds + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* On the caller's CPU, to which that is pinned. */
static inline void neighbour_start(struct neighbour *n)
{
	memset(n, 0, sizeof(*n));
	thread_start(&n->thread, neighbour_run, n);
	CHECK_SOON(__atomic_load_n(&n->rounds, __ATOMIC_RELAXED) > 1000);
	__atomic_store_n(&n->gap, 0, __ATOMIC_RELAXED);
}

/* Returns the longest gap. */
static inline uint64_t neighbour_stop(struct neighbour *n)
{
	uint64_t gap = __atomic_load_n(&n->gap, __ATOMIC_RELAXED);

	__atomic_store_n(&n->stop, true, __ATOMIC_RELAXED);
	thread_join(&n->thread);
	return gap;
}

#endif
