/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Delays where two things may get in each other's way: KEV_DELAY(point) stands
 * between a look and what is done about it.  Nothing, unless the module was
 * built with KEVENT_DEBUG_DELAYS=1, as make check-race does; delay.c is left out
 * then.  The name of a point is in capitals: scripts/check-race.sh looks for it.
 */
#ifndef KEV_DELAY_H
#define KEV_DELAY_H

#ifdef KEVENT_DEBUG_DELAYS

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/llist.h>

/**
 * struct kev_delay_point - one point
 * @name: its name; a point in an inline function is there more than once.
 * @count: how often it was passed.
 * @node: with the others that were passed.
 */
struct kev_delay_point {
	const char *name;
	atomic64_t count;
	struct llist_node node;
};

void kev_delay(struct kev_delay_point *p);

/* Numbers of sleepers are so far apart: what wraps does so in a test. */
#define KEV_SLEPT_STEP	BIT(24)

#define KEV_DELAY(point)						\
	do {								\
		static struct kev_delay_point p_ = { .name = #point };	\
		kev_delay(&p_);						\
	} while (0)

#else
#define KEV_SLEPT_STEP	1
#define KEV_DELAY(point)	((void)#point)
#endif

#endif /* KEV_DELAY_H */
