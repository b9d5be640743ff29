// SPDX-License-Identifier: GPL-2.0
// 6.11, 30f3bd5a5b5d: a process' POSIX timers are on an hlist.
#include <linux/posix-timers.h>
#include <linux/sched/signal.h>
struct hlist_node *probe(struct signal_struct *signal);
struct hlist_node *probe(struct signal_struct *signal)
{
	return signal->posix_timers.first;
}
