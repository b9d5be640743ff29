// SPDX-License-Identifier: GPL-2.0
// 6.16: sched_process_exit tells if the whole process has ended.
#include <linux/mm.h>
#include <linux/sched.h>
#include <trace/events/sched.h>
#ifndef KEV_PROBE_OTHER
void probe_exit(void *data, struct task_struct *p, bool group_dead);
#else
void probe_exit(void *data, struct task_struct *p);
#endif
void probe(void);
void probe(void)
{
	check_trace_callback_type_sched_process_exit(probe_exit);
}
