// SPDX-License-Identifier: GPL-2.0
// 6.11, 30f3bd5a5b5d: a process' POSIX timers are on an hlist.  Before: a list.
#include <linux/posix-timers.h>
#include <linux/sched/signal.h>
void *probe(struct signal_struct *signal);
void *probe(struct signal_struct *signal)
{
#ifndef KEV_PROBE_OTHER
	return signal->posix_timers.first;
#else
	return signal->posix_timers.next;
#endif
}
