/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A queue's watches by number: what cookies are looked up in, and what teardown
 * walks.  An array with a free list: taking and giving back a number costs a
 * dozen instructions, where an xarray costs some 400 and 200, a third of an ADD
 * and of a REMOVE.
 *
 * All under queue->mutex.  kev_lock_with_room() in request.c makes it grow.
 */
#ifndef KEV_TABLE_H
#define KEV_TABLE_H

#include <linux/bits.h>
#include <linux/nospec.h>
#include <linux/types.h>

struct kev_watch;

/**
 * struct kev_table - watches by number
 * @slots: a watch; or, with bit 0 set, the number of the next free slot << 1.
 * @size: slots that there are.
 * @used: slots below this were taken at some time.
 * @free: the first free slot below @used; @size: none.
 */
struct kev_table {
	unsigned long *slots;
	u32 size;
	u32 used;
	u32 free;
};

#define KEV_TABLE_MIN	64u
#define KEV_TABLE_MAX	((u32)BIT(27))

static inline struct kev_watch *kev_table_get(const struct kev_table *t,
					      u32 number)
{
	unsigned long slot = 1;

	/* the number is the program's */
	if (number < t->used)
		slot = t->slots[array_index_nospec(number, t->used)];
	return slot & 1 ? NULL : (struct kev_watch *)slot;
}

static inline bool kev_table_is_full(const struct kev_table *t)
{
	return t->free == t->size && t->used == t->size;
}

/* There is room.  Returns the number. */
static inline u32 kev_table_put(struct kev_table *t, struct kev_watch *w)
{
	u32 number = t->free;

	if (number == t->size)
		number = t->used++;
	else
		t->free = t->slots[number] >> 1;
	t->slots[number] = (unsigned long)w;
	return number;
}

static inline void kev_table_del(struct kev_table *t, u32 number)
{
	t->slots[number] = (unsigned long)t->free << 1 | 1;
	t->free = number;
}

#endif /* KEV_TABLE_H */
