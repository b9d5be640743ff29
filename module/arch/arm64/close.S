/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kev_close_entry: stands in for __fput(file), entered with its registers and
 * stack.  Lets kev_close_watched() work, then goes to kev_close_resume, behind
 * the probe in __fput(), with x0, sp, x29 and x30 as they were.
 *
 * It goes there as it was entered, by a return through x9, which the probed
 * function has done with: BTI looks at branches only, so nothing has to wait for
 * it there.  The macro puts a landing pad at our own beginning all the same.  What
 * lies on the stack of the return address is signed, as in the kernel's functions.
 */
#include <linux/cfi_types.h>
#include <linux/linkage.h>

#include "../../compat/redirects.h"

#ifdef KEV_FTRACE_REDIRECTS

	.text
SYM_TYPED_FUNC_START(kev_close_entry)
	paciasp
	stp	x29, x30, [sp, #-32]!
	mov	x29, sp
	str	x0, [sp, #16]
	bl	kev_close_watched
	ldr	x0, [sp, #16]
	ldp	x29, x30, [sp], #32
	autiasp
	adrp	x9, kev_close_resume
	ldr	x9, [x9, #:lo12:kev_close_resume]
	ret	x9
SYM_FUNC_END(kev_close_entry)

#endif
