/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The entries of entry.h: entered with the registers and the stack of the function
 * that they stand in for.  They go on behind the probe in it with x0, x1, sp, x29 and
 * x30 as they were.
 *
 * They go there as they were entered, by a return through x9, which the probed
 * function has done with: BTI looks at branches only, so nothing has to wait for
 * it there.  The macro puts a landing pad at our own beginning all the same.  What
 * lies on the stack of the return address is signed, as in the kernel's functions.
 */
#include <linux/cfi_types.h>
#include <linux/linkage.h>

#define KEV_ENTRY(name, func, resume)			\
SYM_TYPED_FUNC_START(name) ASM_NL			\
	paciasp ASM_NL					\
	stp	x29, x30, [sp, #-32]! ASM_NL		\
	mov	x29, sp ASM_NL				\
	stp	x0, x1, [sp, #16] ASM_NL		\
	bl	func ASM_NL				\
	ldp	x0, x1, [sp, #16] ASM_NL		\
	ldp	x29, x30, [sp], #32 ASM_NL		\
	autiasp ASM_NL					\
	adrp	x9, resume ASM_NL			\
	ldr	x9, [x9, #:lo12:resume] ASM_NL		\
	ret	x9 ASM_NL				\
SYM_FUNC_END(name)

	.text
KEV_ENTRY(kev_close_entry, kev_close_watched, kev_close_resume)
KEV_ENTRY(kev_ptimer_delete_entry, kev_ptimer_delete, kev_ptimer_delete_resume)
