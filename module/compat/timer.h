/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/hrtimer.h> as of 6.15. */
#ifndef KEV_COMPAT_TIMER_H
#define KEV_COMPAT_TIMER_H

#include <linux/hrtimer.h>

#ifndef KEV_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#endif /* KEV_COMPAT_TIMER_H */
