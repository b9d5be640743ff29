/* SPDX-License-Identifier: GPL-2.0 */
/* Signals and the ends of processes, as of 6.12. */
#ifndef KEV_COMPAT_SIGNAL_H
#define KEV_COMPAT_SIGNAL_H

#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/types.h>

#include <trace/events/sched.h>
#include <trace/events/signal.h>

/* A function for the tracepoint sched_process_exit. */
#ifdef KEV_HAVE_PROCESS_EXIT_GROUP_DEAD
#define KEV_PROCESS_EXIT_FUNC(name) \
	void name(void *data, struct task_struct *task, bool group_dead)
#else
#define KEV_PROCESS_EXIT_FUNC(name) \
	void name(void *data, struct task_struct *task)
#endif

/*
 * Must this signal be queued, whoever wants it not to be?  From 6.13 on the
 * kernel warns when a timer's signal is ignored and an older one of the same
 * timer is pending.  Context: siglock held.
 */
static inline bool kev_signal_must_queue(const struct task_struct *task,
					 int sig)
{
#ifdef KEV_HAVE_IGNORED_POSIX_TIMERS
	if (hlist_empty(&task->signal->posix_timers))
		return false;
	return sigismember((sigset_t *)&task->pending.signal, sig) ||
	       sigismember(&task->signal->shared_pending.signal, sig);
#else
	return false;
#endif
}

#endif /* KEV_COMPAT_SIGNAL_H */
