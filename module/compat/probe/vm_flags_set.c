// SPDX-License-Identifier: GPL-2.0
// 6.3, bc292ab00f6c: vm_flags is not written directly any more.
#include <linux/mm.h>
void probe(struct vm_area_struct *vma);
void probe(struct vm_area_struct *vma)
{
#ifndef KEV_PROBE_OTHER
	vm_flags_set(vma, VM_DONTCOPY);
#else
	vma->vm_flags |= VM_DONTCOPY;
#endif
}
