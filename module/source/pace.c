// SPDX-License-Identifier: GPL-2.0
/*
 * How often timers report: see pace.h.
 */
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/percpu.h>

#include "../quota.h"
#include "pace.h"

static unsigned int timer_floor_ns = 50 * NSEC_PER_USEC;
module_param(timer_floor_ns, uint, 0444);
MODULE_PARM_DESC(timer_floor_ns,
		 "A timer reports at most once in so many ns (default 50000)");

u64 kev_timer_floor(void)
{
	return timer_floor_ns;
}

/* When the last report on this CPU was over, CLOCK_MONOTONIC. */
static DEFINE_PER_CPU(ktime_t, kev_pace_end);

/*
 * A report is about to be made: this timer has expired, and clock is what its
 * clock says.  If it had to wait for the report before, all that lies between is
 * the price of reports: hrtimer's own work, the interrupt, and who else got a
 * share.
 */
void kev_pace_due(struct kev_pace *pace, const struct hrtimer *timer,
		  ktime_t clock)
{
	ktime_t late = ktime_sub(clock, hrtimer_get_expires(timer));
	ktime_t now = ktime_get(), end = this_cpu_read(kev_pace_end);

	pace->start = now;
	if (ktime_before(ktime_sub(now, late), end) && ktime_before(end, now))
		pace->start = end;
}

/* The least time, ns, between two reports of one of so many. */
static u64 kev_pace_share(const struct kev_pace *pace, struct kev_user *user,
			  u32 timers)
{
	ktime_t now = ktime_get();
	u64 cost = ktime_to_ns(ktime_sub(now, pace->start));

	this_cpu_write(kev_pace_end, now);
	return kev_user_timer_cost(user, cost) * max(timers, 1u) *
	       KEV_PACE_YIELD;
}

/*
 * The report was made: the least time, ns, from its beginning until the next one.
 * more: it is not whole.
 */
u64 kev_pace_rest(const struct kev_pace *pace, struct kev_user *user,
		  bool more)
{
	u32 timers = atomic_read(&user->timers);
	u64 rest = kev_pace_share(pace, user, timers);

	if (more)
		return rest;
	return max(rest, (u64)timer_floor_ns +
			 (u64)timer_floor_ns * timers / KEV_PACE_SHARE);
}

/* The least time, ns, until a timer reports again whose event nobody has claimed. */
u64 kev_pace_back(u32 backoff, u64 interval)
{
	u64 back = clamp_t(u64, interval, timer_floor_ns, KEV_PACE_BACK);

	return min_t(u64, back << backoff, KEV_PACE_BACK);
}
