// SPDX-License-Identifier: GPL-2.0
// by 7.2: a timer that has expired already is not started, and the starter is told.
// Before, there is no such function: its name is free.
#include <linux/hrtimer.h>
bool probe(struct hrtimer *timer);
#ifdef KEV_PROBE_OTHER
static bool hrtimer_start_expires_user(struct hrtimer *timer, char mode)
{
	hrtimer_start_expires(timer, HRTIMER_MODE_ABS);
	return true;
}
#endif
bool probe(struct hrtimer *timer)
{
	return hrtimer_start_expires_user(timer, HRTIMER_MODE_ABS);
}
