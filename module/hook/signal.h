/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooking the generation of signals, and the ends of processes.
 */
#ifndef KEV_HOOK_SIGNAL_H
#define KEV_HOOK_SIGNAL_H

#include <linux/types.h>

struct kernel_siginfo;
struct task_struct;

int kev_signal_hook_init(void);
int kev_signal_hook_get(bool redirect);
void kev_signal_hook_put(bool redirect);
void kev_signal_hook_exit(void);

/*
 * What the source has for them.  Any context but NMI; the target's siglock is
 * held for the first two: no sleeping lock, no allocation.
 *
 * kev_signal_generated(): a signal was generated; result is one of
 * TRACE_SIGNAL_*.  Comes for redirected ones, too, under the same siglock.
 * kev_signal_redirects(): is it to be taken away from the process?
 * kev_signal_process_ends(): by exit, when its last thread calls it, or exec.
 */
void kev_signal_generated(int sig, struct kernel_siginfo *info,
			  struct task_struct *task, bool group, int result);
bool kev_signal_redirects(int sig, struct task_struct *task);
void kev_signal_process_ends(struct task_struct *task);

#endif /* KEV_HOOK_SIGNAL_H */
