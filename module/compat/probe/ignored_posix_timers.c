// SPDX-License-Identifier: GPL-2.0
// 6.13: timers whose signals are ignored are kept on a list.  Before, the signal of a
// timer was allocated apart.
#include <linux/posix-timers.h>
#include <linux/sched/signal.h>
void *probe(struct signal_struct *signal, struct k_itimer *timer);
void *probe(struct signal_struct *signal, struct k_itimer *timer)
{
#ifndef KEV_PROBE_OTHER
	return &signal->ignored_posix_timers;
#else
	return &timer->sigq->info;
#endif
}
