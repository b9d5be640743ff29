/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kev_close_entry: stands in for __fput(file), entered with its registers and
 * stack.  Lets kev_close_watched() work, then goes to kev_close_resume, behind
 * the probe in __fput(), by a return: no indirect branch, so neither retpolines
 * nor IBT are in the way.  It may be entered by an indirect call itself, from
 * the trampoline of a BPF program: hence TYPED, which begins with an ENDBR.
 */
#include <linux/cfi_types.h>
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/nospec-branch.h>

#include "../../compat/redirects.h"

#ifdef KEV_FTRACE_REDIRECTS

	.text
SYM_TYPED_FUNC_START(kev_close_entry)
	pushq	%rdi
	call	kev_close_watched
	popq	%rdi
	pushq	kev_close_resume(%rip)
	RET
SYM_FUNC_END(kev_close_entry)
STACK_FRAME_NON_STANDARD kev_close_entry

#endif
