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

/* The least time, ns, until the next report of a periodic timer. */
u64 kev_pace_pause(const struct kev_pace *pace, struct kev_user *user,
		   u64 interval)
{
	u32 timers = kev_user_add_timers(user, 0);
	u64 pause = timer_floor_ns, back;

	pause += pause * timers / KEV_PACE_SHARE;
	/* many, and this CPU can't keep up: leave it to others for longer */
	if (timers > KEV_PACE_SHARE && pace->late > 0)
		pause = max_t(u64, pause, pace->late * KEV_PACE_YIELD);
	if (pace->backoff) {
		back = clamp_t(u64, interval, timer_floor_ns, KEV_PACE_BACK);
		back = min_t(u64, back << pace->backoff, KEV_PACE_BACK);
		pause = max(pause, back);
	}
	return pause;
}
