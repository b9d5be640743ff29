// SPDX-License-Identifier: GPL-2.0
// 6.2, 94d095ffa0e1: accessors of struct ftrace_regs.  Before: its regs.
#include <linux/ftrace.h>
#include <linux/ptrace.h>
unsigned long probe(struct ftrace_regs *fregs);
unsigned long probe(struct ftrace_regs *fregs)
{
#ifndef KEV_PROBE_OTHER
	ftrace_regs_set_instruction_pointer(fregs, 0);
	return ftrace_regs_get_argument(fregs, 0);
#else
	instruction_pointer_set(&fregs->regs, 0);
	return regs_get_kernel_argument(&fregs->regs, 0);
#endif
}
