// SPDX-License-Identifier: GPL-2.0
/*
 * Growing the table of table.h.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "table.h"

/* Process context, no lock.  NULL without memory. */
unsigned long *kev_table_make(u32 size)
{
	return kvmalloc_array(size, sizeof(unsigned long), GFP_KERNEL_ACCOUNT);
}

/*
 * Puts a larger array in place of the one that is full.  Returns what is to be
 * freed afterwards: the old one, or the new one if somebody else was first.
 */
unsigned long *kev_table_swap(struct kev_table *t, unsigned long *slots,
			      u32 size)
{
	unsigned long *old = t->slots;

	if (!kev_table_is_full(t) || size <= t->size)
		return slots;
	if (old)
		memcpy(slots, old, t->size * sizeof(*slots));
	t->slots = slots;
	t->size = size;
	t->free = size;
	return old;
}

void kev_table_free(struct kev_table *t)
{
	kvfree(t->slots);
}
