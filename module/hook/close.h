/* SPDX-License-Identifier: GPL-2.0 */
/* The two ways to see the end of an open file: hook/close.c, close_kprobe.c. */
#ifndef KEV_HOOK_CLOSE_H
#define KEV_HOOK_CLOSE_H

#include <linux/errno.h>
#include <linux/kconfig.h>

#define KEV_CLOSE_SYMBOL	"__fput"

/* Without debugfs nobody can switch kprobes off. */
#if defined(CONFIG_KPROBES) && defined(CONFIG_X86_64)
#define KEV_CLOSE_HAS_KPROBE	1
#endif

unsigned long kev_close_redirect(unsigned long resume);
void kev_close_enter(void);
void kev_close_leave(void);

#ifdef KEV_CLOSE_HAS_KPROBE

int kev_close_kprobe_arm(void);
void kev_close_kprobe_disarm(void);

#else

static inline int kev_close_kprobe_arm(void)
{
	return -EOPNOTSUPP;
}

static inline void kev_close_kprobe_disarm(void)
{
}

#endif

#endif /* KEV_HOOK_CLOSE_H */
