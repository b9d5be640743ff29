// SPDX-License-Identifier: GPL-2.0
// 5.11, d19ad0775dcd: ftrace callbacks take ftrace_regs, not pt_regs.
#include <linux/ftrace.h>
void probe(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *op,
	   struct ftrace_regs *fregs);
struct ftrace_ops probe_ops;
struct ftrace_ops probe_ops = { .func = probe };
