// SPDX-License-Identifier: GPL-2.0
// 6.16: sched_process_exit tells if the whole process has ended.
#include <trace/events/sched.h>
void probe_exit(void *data, struct task_struct *p, bool group_dead);
void probe(void);
void probe(void)
{
	check_trace_callback_type_sched_process_exit(probe_exit);
}
