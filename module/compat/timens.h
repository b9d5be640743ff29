/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/time_namespace.h>: what is not exported, do_timens_ktime_to_host(). */
#ifndef KEV_COMPAT_TIMENS_H
#define KEV_COMPAT_TIMENS_H

#include <linux/ktime.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/time_namespace.h>

/* What the caller's clock is ahead of the machine's, ns. */
static inline s64 kev_timens_offset(clockid_t clock)
{
#ifdef CONFIG_TIME_NS
	const struct timens_offsets *offsets;

	offsets = &current->nsproxy->time_ns->offsets;
	if (clock == CLOCK_MONOTONIC)
		return timespec64_to_ns(&offsets->monotonic);
	if (clock == CLOCK_BOOTTIME)
		return timespec64_to_ns(&offsets->boottime);
#endif
	return 0;
}

/* A point of the caller's clock on the machine's.  What was before is now. */
static inline ktime_t kev_timens_to_host(clockid_t clock, ktime_t t)
{
	s64 offset = kev_timens_offset(clock);

	if (offset >= 0)
		return t > offset ? t - offset : 0;
	return ktime_add_safe(t, -offset);
}

/* And back.  What is never, is never. */
static inline ktime_t kev_timens_from_host(clockid_t clock, ktime_t t)
{
	s64 offset = kev_timens_offset(clock);

	if (offset < 0)
		return t == KTIME_MAX ? t : max_t(s64, t + offset, 0);
	return ktime_add_safe(t, offset);
}

#endif /* KEV_COMPAT_TIMENS_H */
