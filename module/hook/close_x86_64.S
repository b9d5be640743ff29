/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kev_close_entry: stands in for __fput(file), entered with its registers and
 * stack.  Lets kev_close_watched() work, then goes to kev_close_resume, behind
 * the probe in __fput(), by a return: no indirect branch, so neither retpolines
 * nor IBT are in the way.
 *
 * kev_kprobes_off_entry: the same for the function that switches kprobes off,
 * whose four arguments are kept.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/nospec-branch.h>

	.text
SYM_FUNC_START(kev_close_entry)
	pushq	%rdi
	call	kev_close_watched
	popq	%rdi
	pushq	kev_close_resume(%rip)
	RET
SYM_FUNC_END(kev_close_entry)
STACK_FRAME_NON_STANDARD kev_close_entry

#ifdef CONFIG_KPROBES
SYM_FUNC_START(kev_kprobes_off_entry)
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	call	kev_kprobes_off
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	pushq	kev_kprobes_off_resume(%rip)
	RET
SYM_FUNC_END(kev_kprobes_off_entry)
STACK_FRAME_NON_STANDARD kev_kprobes_off_entry
#endif
