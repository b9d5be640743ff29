/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What *_x86_64.S and the hooks that send tasks there know of each other: where
 * the probe sends the task, what that calls, and where it then goes on.
 */
#ifndef KEV_HOOK_ENTRY_H
#define KEV_HOOK_ENTRY_H

#include <linux/linkage.h>

struct file;
struct k_itimer;

void kev_close_entry(void);
asmlinkage void kev_close_watched(struct file *file);
extern unsigned long kev_close_resume;

void kev_ptimer_delete_entry(void);
asmlinkage void kev_ptimer_delete(struct k_itimer *k);
extern unsigned long kev_ptimer_delete_resume;

#endif /* KEV_HOOK_ENTRY_H */
