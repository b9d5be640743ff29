/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kev_ptimer_delete_entry: stands in for the kernel's function that frees a
 * POSIX timer, as kev_close_entry does for __fput().  Its arguments are kept,
 * the second for kernels that have one.
 */
#include <linux/cfi_types.h>
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/nospec-branch.h>

#include "../../compat/redirects.h"

#ifdef KEV_FTRACE_REDIRECTS

	.text
SYM_TYPED_FUNC_START(kev_ptimer_delete_entry)
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	call	kev_ptimer_delete
	popq	%rdx
	popq	%rsi
	popq	%rdi
	pushq	kev_ptimer_delete_resume(%rip)
	RET
SYM_FUNC_END(kev_ptimer_delete_entry)
STACK_FRAME_NON_STANDARD kev_ptimer_delete_entry

#endif
