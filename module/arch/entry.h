/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the entries, in the .S files of an architecture, and the hooks that send
 * tasks there know of each other: where the probe sends the task, what that calls,
 * and where it then goes on.
 *
 * A folder beside this file has an architecture's entries.  They are all that is
 * written for one: a probe finds arguments, and sends tasks elsewhere, by functions
 * that the kernel has for each (compat/ftrace.h).
 */
#ifndef KEV_ARCH_ENTRY_H
#define KEV_ARCH_ENTRY_H

#include <linux/linkage.h>

struct file;
struct k_itimer;

void kev_close_entry(void);
asmlinkage void kev_close_watched(struct file *file);
extern unsigned long kev_close_resume;

void kev_ptimer_delete_entry(void);
asmlinkage void kev_ptimer_delete(struct k_itimer *k);
extern unsigned long kev_ptimer_delete_resume;

#endif /* KEV_ARCH_ENTRY_H */
