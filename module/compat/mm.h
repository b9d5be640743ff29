/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/mm.h> as of 6.12. */
#ifndef KEV_COMPAT_MM_H
#define KEV_COMPAT_MM_H

#include <linux/mm.h>

#ifndef KEV_HAVE_VM_FLAGS_SET /* 6.1 only */
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma,
				  unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#endif /* KEV_COMPAT_MM_H */
