/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kev_ptimer_delete_entry: stands in for the kernel's function that frees a
 * POSIX timer, as kev_close_entry does for __fput().  Its arguments are kept,
 * the second for kernels that have one.
 */
#include <linux/cfi_types.h>
#include <linux/linkage.h>

#include "../../compat/redirects.h"

#ifdef KEV_FTRACE_REDIRECTS

	.text
SYM_TYPED_FUNC_START(kev_ptimer_delete_entry)
	paciasp
	stp	x29, x30, [sp, #-32]!
	mov	x29, sp
	stp	x0, x1, [sp, #16]
	bl	kev_ptimer_delete
	ldp	x0, x1, [sp, #16]
	ldp	x29, x30, [sp], #32
	autiasp
	adrp	x9, kev_ptimer_delete_resume
	ldr	x9, [x9, #:lo12:kev_ptimer_delete_resume]
	ret	x9
SYM_FUNC_END(kev_ptimer_delete_entry)

#endif
