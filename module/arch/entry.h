/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the entries, in an architecture's entry.S, and the hooks that send tasks there
 * know of each other: kev_close_entry() stands in for __fput(), and
 * kev_ptimer_delete_entry() for the kernel's function that frees a POSIX timer, which
 * has two arguments in some kernels.  Each calls what is declared after it, and goes on
 * with its arguments as they were at the address that follows.
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
