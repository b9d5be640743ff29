/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/ftrace.h> as of 6.12: what a callback is called with. */
#ifndef KEV_COMPAT_FTRACE_H
#define KEV_COMPAT_FTRACE_H

#include <linux/ftrace.h>
#include <linux/ptrace.h>

#include "redirects.h"

#ifdef KEV_FTRACE_REDIRECTS

#ifdef KEV_HAVE_FTRACE_CALLBACK_FREGS
#define kev_fregs	ftrace_regs
#else
#define kev_fregs	pt_regs
#endif

#if defined(KEV_HAVE_FTRACE_CALLBACK_FREGS) && \
	defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS)
#define KEV_FTRACE_FL_REGS	0
#else
#define KEV_FTRACE_FL_REGS	FTRACE_OPS_FL_SAVE_REGS
#endif

static __always_inline unsigned long kev_fregs_argument(struct kev_fregs *fregs,
							unsigned int n)
{
#if defined(KEV_HAVE_FTRACE_REGS_GET_ARGUMENT)
	return ftrace_regs_get_argument(fregs, n);
#elif defined(KEV_HAVE_FTRACE_CALLBACK_FREGS)
	return regs_get_kernel_argument(&fregs->regs, n);
#else
	return regs_get_kernel_argument(fregs, n);
#endif
}

static __always_inline void kev_fregs_redirect(struct kev_fregs *fregs,
					       unsigned long to)
{
#if defined(KEV_HAVE_FTRACE_REGS_GET_ARGUMENT)
	ftrace_regs_set_instruction_pointer(fregs, to);
#elif defined(KEV_HAVE_FTRACE_CALLBACK_FREGS)
	instruction_pointer_set(&fregs->regs, to);
#else
	instruction_pointer_set(fregs, to);
#endif
}

#endif /* KEV_FTRACE_REDIRECTS */

#endif /* KEV_COMPAT_FTRACE_H */
