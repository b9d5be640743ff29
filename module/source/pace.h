/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often timers report.  Every expiry is counted; reports, which cost an
 * interrupt each, are bounded.  A queue's timers of one clock report together, and so
 * does a POSIX timer: at most once per floor.  All of a user report at most
 * KEV_PACE_SHARE times per floor, and take at most 1 / KEV_PACE_YIELD of a CPU: a
 * report reserves KEV_PACE_YIELD times what a report takes on average, behind what
 * reports before it have reserved; what has reported waits until the end of that.
 * A timer whose last event nobody has claimed backs off, to 2^KEV_PACE_BACKOFF
 * intervals, but no further than KEV_PACE_BACK: a consumer that is late does not
 * wait for several long intervals.
 */
#ifndef KEV_PACE_H
#define KEV_PACE_H

#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/time64.h>
#include <linux/types.h>

struct kev_user;

#define KEV_PACE_SHARE		16
#define KEV_PACE_BACKOFF	4
#define KEV_PACE_BACK		(10 * NSEC_PER_MSEC)
#define KEV_PACE_YIELD		4

u64 kev_timer_floor(void);
ktime_t kev_pace_due(const struct hrtimer *timer, ktime_t clock);
ktime_t kev_pace_rest(ktime_t start, struct kev_user *user, bool more);
u64 kev_pace_back(u32 backoff, u64 interval);

/*
 * A timer was reported: into an entry of its own, or an unclaimed one.  backoff: how
 * often in a row the latter.
 */
static inline void kev_pace_told(u32 *backoff, bool new)
{
	if (new)
		*backoff = 0;
	else if (*backoff < KEV_PACE_BACKOFF)
		++*backoff;
}

#endif /* KEV_PACE_H */
