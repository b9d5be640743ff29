// SPDX-License-Identifier: GPL-2.0
/*
 * How often timers report: see pace.h.
 */
#include <linux/minmax.h>
#include <linux/module.h>

#include "../source.h"
#include "pace.h"

static unsigned int timer_floor_ns = 50 * NSEC_PER_USEC;
module_param(timer_floor_ns, uint, 0444);
MODULE_PARM_DESC(timer_floor_ns,
		 "A timer reports at most once in so many ns (default 50000)");

u64 kev_timer_floor(void)
{
	return timer_floor_ns;
}

/* A report is about to be made. */
void kev_pace_due(struct kev_pace *pace, struct kev_user *user)
{
	bool many = kev_user_add_timers(user, 0) > KEV_PACE_SHARE;

	pace->start = many ? ktime_get() : 0;
}

/* The least time, ns, between two reports of one of so many timers. */
static u64 kev_pace_share(const struct kev_pace *pace, struct kev_user *user,
			  u32 timers)
{
	u64 cost = ktime_to_ns(ktime_sub(ktime_get(), pace->start));

	return kev_user_timer_cost(user, cost) * timers * KEV_PACE_YIELD;
}

/* The report was made: the least time, ns, until the next one. */
u64 kev_pace_pause(const struct kev_pace *pace, struct kev_user *user,
		   u64 interval)
{
	u32 timers = kev_user_add_timers(user, 0);
	u64 pause = timer_floor_ns, back;

	pause += pause * timers / KEV_PACE_SHARE;
	if (pace->start)
		pause = max(pause, kev_pace_share(pace, user, timers));
	if (pace->backoff) {
		back = clamp_t(u64, interval, timer_floor_ns, KEV_PACE_BACK);
		back = min_t(u64, back << pace->backoff, KEV_PACE_BACK);
		pause = max(pause, back);
	}
	return pause;
}
