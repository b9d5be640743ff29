// SPDX-License-Identifier: GPL-2.0
// 6.13: timers whose signals are ignored are kept on a list.
#include <linux/sched/signal.h>
struct hlist_head *probe(struct signal_struct *signal);
struct hlist_head *probe(struct signal_struct *signal)
{
	return &signal->ignored_posix_timers;
}
