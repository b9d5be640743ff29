/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooking the generation of signals, and the ends of processes.
 */
#ifndef KEV_HOOK_SIGNAL_H
#define KEV_HOOK_SIGNAL_H

#include <linux/types.h>

struct kernel_siginfo;
struct task_struct;

/**
 * struct kev_signal_ops - what the source does with signals
 * @generated: one was generated; result is one of TRACE_SIGNAL_*.  Comes for those
 *	that were taken away, too, under the same siglock.
 * @redirects: is it to be taken away from the process?
 * @process_ends: by exit, when its last thread calls it, or exec.
 *
 * Any context but NMI; the target's siglock is held for the first two: no sleeping
 * lock, no allocation.
 */
struct kev_signal_ops {
	void (*generated)(int sig, struct kernel_siginfo *info,
			  struct task_struct *task, bool group, int result);
	bool (*redirects)(int sig, struct task_struct *task);
	void (*process_ends)(struct task_struct *task);
};

int kev_signal_hook_init(const struct kev_signal_ops *ops);
int kev_signal_hook_get(bool redirect);
void kev_signal_hook_put(bool redirect);
void kev_signal_hook_exit(void);

#endif /* KEV_HOOK_SIGNAL_H */
