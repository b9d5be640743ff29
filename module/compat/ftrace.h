/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/ftrace.h> as of 6.12: what a callback is called with. */
#ifndef KEV_COMPAT_FTRACE_H
#define KEV_COMPAT_FTRACE_H

#include <linux/ftrace.h>
#include <linux/ptrace.h>

#ifdef CONFIG_DYNAMIC_FTRACE_WITH_ARGS
#define KEV_FTRACE_FL_REGS	0
#else
#define KEV_FTRACE_FL_REGS	FTRACE_OPS_FL_SAVE_REGS
#endif

static __always_inline unsigned long kev_fregs_argument(struct ftrace_regs *fregs,
							unsigned int n)
{
#ifdef KEV_HAVE_FTRACE_REGS_GET_ARGUMENT
	return ftrace_regs_get_argument(fregs, n);
#else /* 6.1 only */
	return regs_get_kernel_argument(&fregs->regs, n);
#endif
}

static __always_inline void kev_fregs_redirect(struct ftrace_regs *fregs,
					       unsigned long to)
{
#ifdef KEV_HAVE_FTRACE_REGS_GET_ARGUMENT
	ftrace_regs_set_instruction_pointer(fregs, to);
#else /* 6.1 only */
	instruction_pointer_set(&fregs->regs, to);
#endif
}

#endif /* KEV_COMPAT_FTRACE_H */
