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
 * share.  Returns when it began, CLOCK_MONOTONIC: start, below.
 */
ktime_t kev_pace_due(const struct hrtimer *timer, ktime_t clock)
{
	ktime_t late = ktime_sub(clock, hrtimer_get_expires(timer));
	ktime_t now = ktime_get(), end = this_cpu_read(kev_pace_end);

	if (ktime_before(ktime_sub(now, late), end) && ktime_before(end, now))
		return end;
	return now;
}

/*
 * Reserves the report's share of the user's time, behind what is reserved already;
 * timers that report seldom reserve nothing meanwhile.  Returns the end of the share.
 */
static ktime_t kev_pace_take(ktime_t start, struct kev_user *user)
{
	s64 old = atomic64_read(&user->reported), new;
	ktime_t now = ktime_get();
	u64 share = kev_user_timer_cost(user, ktime_to_ns(ktime_sub(now, start)));

	share = max_t(u64, share * KEV_PACE_YIELD, timer_floor_ns / KEV_PACE_SHARE);
	do {
		new = max_t(s64, old, start) + share;
	} while (!atomic64_try_cmpxchg(&user->reported, &old, new));
	this_cpu_write(kev_pace_end, now);
	return new;
}

/*
 * The report was made: when the next one may begin, CLOCK_MONOTONIC.  more: it is not
 * whole.
 */
ktime_t kev_pace_rest(ktime_t start, struct kev_user *user, bool more)
{
	ktime_t rest = kev_pace_take(start, user);

	return more ? rest : max_t(ktime_t, rest, ktime_add_ns(start, timer_floor_ns));
}

/* The least time, ns, until a timer reports again whose event nobody has claimed. */
u64 kev_pace_back(u32 backoff, u64 interval)
{
	u64 back = clamp_t(u64, interval, timer_floor_ns, KEV_PACE_BACK);

	return min_t(u64, back << backoff, KEV_PACE_BACK);
}
