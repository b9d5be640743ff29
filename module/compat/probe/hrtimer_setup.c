// SPDX-License-Identifier: GPL-2.0
// 6.13, 908a1d775422: hrtimer_init() and the function in one.
#include <linux/hrtimer.h>
void probe(struct hrtimer *timer, enum hrtimer_restart (*f)(struct hrtimer *));
void probe(struct hrtimer *timer, enum hrtimer_restart (*f)(struct hrtimer *))
{
#ifndef KEV_PROBE_OTHER
	hrtimer_setup(timer, f, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	timer->function = f;
#endif
}
