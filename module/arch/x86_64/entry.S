/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The entries of entry.h: entered with the registers and the stack of the function
 * that they stand in for.  They go on behind the probe in it by a return: no indirect
 * branch, so neither retpolines nor IBT are in the way.  They may be entered by an
 * indirect call themselves, from the trampoline of a BPF program: hence TYPED, which
 * begins with an ENDBR.
 */
#include <linux/cfi_types.h>
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/nospec-branch.h>

/* save, restore: the registers of the arguments. */
#define KEV_ENTRY(name, func, resume, save, restore)	\
SYM_TYPED_FUNC_START(name) ASM_NL			\
	save ASM_NL					\
	call	func ASM_NL				\
	restore ASM_NL					\
	pushq	resume(%rip) ASM_NL			\
	RET ASM_NL					\
SYM_FUNC_END(name) ASM_NL				\
STACK_FRAME_NON_STANDARD name

	.text
KEV_ENTRY(kev_close_entry, kev_close_watched, kev_close_resume,
	  pushq %rdi, popq %rdi)
KEV_ENTRY(kev_ptimer_delete_entry, kev_ptimer_delete, kev_ptimer_delete_resume,
	  pushq %rdi; pushq %rsi; pushq %rdx, popq %rdx; popq %rsi; popq %rdi)
