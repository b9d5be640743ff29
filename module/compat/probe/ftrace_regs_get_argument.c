// SPDX-License-Identifier: GPL-2.0
// 6.2, 94d095ffa0e1: accessors of struct ftrace_regs.
#include <linux/ftrace.h>
unsigned long probe(struct ftrace_regs *fregs);
unsigned long probe(struct ftrace_regs *fregs)
{
	ftrace_regs_set_instruction_pointer(fregs, 0);
	return ftrace_regs_get_argument(fregs, 0);
}
