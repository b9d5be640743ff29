// SPDX-License-Identifier: GPL-2.0
/*
 * Ring memory: making it, mapping it, and the steps that the post path does not
 * need: cancel, free, claim on behalf of GET_EVENTS.
 *
 * All but alloc, free and mmap are called under queue->lock.  How long a loop
 * gets there is not for the program to say: they do KEV_STEPS_MAX at most.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat/mm.h"
#include "delay.h"
#include "ring.h"

static_assert(sizeof(struct ukevent) == 64);
static_assert(sizeof(struct kevent_ring_kernel) == 64);
static_assert(sizeof(struct kevent_ring_user) == 64);
static_assert(offsetof(struct kevent_ring_kernel, tail) == 0 &&
	      offsetof(struct kevent_ring_kernel, over) == 4);
static_assert(KEVENT_CTL_READY == 3 && KEVENT_TYPE_MAX == 11);

/* Attempts to store a word that the program keeps changing. */
#define KEV_RING_TRIES	16

/* Pages: one for the kernel's words, one for the program's, the entries. */
#define KEV_PAGE_KERNEL		0
#define KEV_PAGE_USER		1
#define KEV_PAGE_ENTRIES	2

/* The length of the area of so many entries. */
size_t kev_ring_entries_len(u32 size)
{
	return PAGE_ALIGN((size_t)size * sizeof(struct ukevent));
}

/* What a ring of so many slots takes, of the kernel's memory. */
size_t kev_ring_bytes(u32 size)
{
	return KEV_PAGE_ENTRIES * PAGE_SIZE + kev_ring_entries_len(size) +
	       (size_t)size * sizeof(struct kev_slot);
}

/* Process context; r is all zero and not yet shared. */
int kev_ring_alloc(struct kev_ring *r, u32 size, u32 first, bool no_seen)
{
	struct kev_slot *slots;
	void *addr;
	u32 i;

	slots = kvcalloc(size, sizeof(*slots),
			 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!slots)
		return -ENOMEM;
	/* in single pages; and it ends soon for who is killed */
	addr = __vmalloc(KEV_PAGE_ENTRIES * PAGE_SIZE + kev_ring_entries_len(size),
			 GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
	if (!addr) {
		kvfree(slots);
		return -ENOMEM;
	}
	for (i = 0; i < size; i++) {
		slots[i].done = i + 1;
		if (!(i % KEV_STEPS_MAX))
			cond_resched();
	}
	r->kernel = addr + KEV_PAGE_KERNEL * PAGE_SIZE;
	r->user = addr + KEV_PAGE_USER * PAGE_SIZE;
	r->entries = addr + KEV_PAGE_ENTRIES * PAGE_SIZE;
	r->slots = slots;
	r->mask = size - 1;
	r->no_seen = no_seen;
	r->tail = first;
	r->kernel->tail = first;
	r->kernel->size = size;
	r->user->seen = first;
	r->user->head = first;
	return 0;
}

/* Nobody can post or map any more. */
void kev_ring_free(struct kev_ring *r)
{
	vfree(r->kernel);
	kvfree(r->slots);
}

/*
 * Maps one of the three areas, whole.  Only the program's page may be written;
 * the mapping is not inherited, can't grow and is not dumped.
 */
int kev_ring_mmap(struct kev_ring *r, struct vm_area_struct *vma)
{
	unsigned long len = vma->vm_end - vma->vm_start;
	unsigned long want = PAGE_SIZE, at;
	unsigned int first;
	int err = 0;

	switch (vma->vm_pgoff << PAGE_SHIFT) {
	case KEVENT_MMAP_KERNEL:
		first = KEV_PAGE_KERNEL;
		break;
	case KEVENT_MMAP_USER:
		first = KEV_PAGE_USER;
		break;
	case KEVENT_MMAP_ENTRIES:
		first = KEV_PAGE_ENTRIES;
		want = kev_ring_entries_len(kev_ring_size(r));
		break;
	default:
		return -EINVAL;
	}
	if (len != want || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	if (first != KEV_PAGE_USER) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	vm_flags_clear(vma, VM_MAYEXEC);
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	for (at = 0; at < len && !err; at += PAGE_SIZE)
		err = vm_insert_page(vma, vma->vm_start + at,
				     vmalloc_to_page((void *)r->kernel +
						     first * PAGE_SIZE + at));
	return err;
}

static void kev_mark_cancelled(struct kev_ring *r, u32 index)
{
	struct ukevent *e = kev_ring_entry(r, index);

	WRITE_ONCE(e->ret_flags, e->ret_flags | KEVENT_RET_CANCELLED);
}

/*
 * The chain of a watch's slots runs from newer to older entries; age is the
 * distance from the newest, at index.  Returns the age of the next older one, 0
 * at the end.  A slot that was filled again belongs to somebody else, or is
 * younger than where we come from: either ends the chain, as all older ones
 * were filled again before it.
 */
static u32 kev_chain_next(const struct kev_ring *r, const struct kev_watch *w,
			  u32 index, u32 age)
{
	u32 prev = r->slots[(index - age) & r->mask].prev & r->mask;
	u32 next = (index - prev) & r->mask;

	return next > age && r->slots[prev].owner == w ? next : 0;
}

/* Is there an older one, and is it to be looked at now? */
static bool kev_chain_goes_on(u32 age, unsigned int *n)
{
	return age && --*n;
}

/*
 * Marks the newest entries of a watch, claimed or not, and gives up their slots.
 * *index is that of the newest, and becomes that of the newest that is left: as
 * long as kev_ring_owns() says that there is one, the caller comes back.  The
 * lock may be dropped in between.  taken: added to.
 */
void kev_ring_cancel(struct kev_ring *r, struct kev_watch *w, u32 *index,
		     struct kev_taken *taken)
{
	unsigned int n = KEV_STEPS_MAX;
	u32 claim, age = 0, next;
	const struct ukevent *e;

	if (!kev_ring_owns(r, w, *index))
		return;
	do {
		kev_mark_cancelled(r, *index - age);
		age = kev_chain_next(r, w, *index, age);
	} while (kev_chain_goes_on(age, &n));
	KEV_DELAY(CANCEL_MARKED);
	/* Partner: the consumer's fence between storing seen and reading. */
	smp_mb();
	claim = kev_ring_look(r).claim;
	n = KEV_STEPS_MAX;
	age = 0;
	do {
		next = kev_chain_next(r, w, *index, age);
		r->slots[(*index - age) & r->mask].owner = NULL;
		if (r->tail - (*index - age) <= r->tail - claim) {
			e = kev_ring_entry(r, *index - age);
			taken->ret = KEVENT_RET_CANCELLED;
			taken->bits |= e->ret_data[0];
			taken->lost |= e->ret_flags & KEVENT_RET_LOST;
		}
		age = next;
	} while (kev_chain_goes_on(age, &n));
	*index -= age;
}

/*
 * The watch goes, and its entries were all freed: gives up their slots.  True: some
 * are left, *index is that of the newest.
 */
bool kev_ring_forget(struct kev_ring *r, const struct kev_watch *w, u32 *index)
{
	unsigned int n = KEV_STEPS_MAX;
	struct kev_slot *slot;

	for (; kev_ring_owns(r, w, *index) && n; n--) {
		slot = &r->slots[*index & r->mask];
		slot->owner = NULL;
		*index = slot->prev;
	}
	return !n;
}

/*
 * Takes back the newest entry of a watch, which the caller has claimed: the file is
 * to be asked anew.  Older ones stay.
 */
void kev_ring_recall(struct kev_ring *r, u32 *index)
{
	struct kev_slot *slot = &r->slots[*index & r->mask];

	kev_mark_cancelled(r, *index);
	slot->owner = NULL;
	*index = slot->prev;
}

/* Stores head for the program, unless it has moved meanwhile. */
static bool kev_move_head(struct kev_ring *r, u32 from, u32 to)
{
	return cmpxchg(&r->user->head, from, to) == from;
}

static bool kev_slot_done(const struct kev_ring *r, u32 index)
{
	return r->slots[index & r->mask].done == index;
}

/* Can head be moved by kev_ring_advance()? */
bool kev_ring_next_done(const struct kev_ring *r)
{
	struct kev_view v;

	if (likely(!r->any_done))
		return false;
	v = kev_ring_look(r);
	return v.used && v.used <= kev_ring_size(r) && kev_slot_done(r, v.head);
}

/*
 * Moves head over slots that were freed out of order.  At most max; returns how
 * many.
 */
u32 kev_ring_advance(struct kev_ring *r, unsigned int max)
{
	struct kev_view v;
	u32 n = 0;

	if (!r->any_done)
		return 0;
	v = kev_ring_look(r);
	if (v.used > kev_ring_size(r))
		return 0;
	while (n < v.used && n < max && kev_slot_done(r, v.head + n))
		n++;
	if (n && !kev_move_head(r, v.head, v.head + n))
		return 0;
	/* the program may have moved head past some of them itself */
	if ((s32)(v.head + n - r->done_end) >= 0) {
		r->any_done = false;
		kev_ring_clear_flag(r, KEVENT_RING_HEAD);
	}
	return n;
}

/* Frees what is below (over, to), all of which was claimed unless by force. */
int kev_ring_commit(struct kev_ring *r, u32 to, u32 over, bool force,
		    u32 *freed)
{
	u64 tail = (u64)r->over << 32 | r->tail;
	u64 left = tail - ((u64)over << 32 | to);
	struct kev_view v;
	unsigned int i;
	u32 seen;

	for (i = 0; i < KEV_RING_TRIES; i++) {
		v = kev_ring_look(r);
		if (left > min(v.used, kev_ring_size(r)))
			return -EOVERFLOW;
		if (left < r->tail - v.claim && !r->no_seen) {
			if (!force)
				return -EINVAL;
			seen = READ_ONCE(r->user->seen);
			if (cmpxchg(&r->user->seen, seen, to) != seen)
				continue;
		}
		if (!kev_move_head(r, v.head, to))
			continue;
		*freed = to - v.head;
		return 0;
	}
	return -EAGAIN;
}

/* [from, to) is done, but not next.  It is no longer than KEV_STEPS_MAX. */
static void kev_remember_done(struct kev_ring *r, u32 from, u32 to)
{
	/* done_end may be behind head, which the program has moved itself */
	if (!r->any_done || (s32)(to - r->done_end) > 0)
		r->done_end = to;
	r->any_done = true;
	for (; from != to; from++)
		r->slots[from & r->mask].done = from;
	kev_ring_set_flag(r, KEVENT_RING_HEAD);
	KEV_DELAY(DONE_FLAG);
	/* Partner: the consumer's fence between storing head and flags. */
	smp_mb();
}

/*
 * Frees [*from, to): now if it is next, else when head gets there.  *from becomes
 * the end of what was done: the caller comes back until that is to, and may drop
 * the lock in between.  Adds to *freed what is free now.
 */
int kev_ring_commit_range(struct kev_ring *r, u32 *from, u32 to, u32 *freed)
{
	struct kev_view v;
	u32 limit, end;

	v = kev_ring_look(r);
	if (v.used > kev_ring_size(r) || *from - v.head > v.used ||
	    to - v.head > v.used || to - v.head < *from - v.head)
		return -EOVERFLOW;
	limit = r->no_seen ? v.used : v.claim - v.head;
	if (to - v.head > limit)
		return -EINVAL;
	if (*from == to)
		return 0;
	if (*from == v.head && kev_move_head(r, *from, to)) {
		*freed += to - *from;
		*from = to;
		return 0;
	}
	end = *from + min_t(u32, to - *from, KEV_STEPS_MAX);
	kev_remember_done(r, *from, end);
	*from = end;
	return 0;
}

/*
 * Claims n entries from the first unclaimed one, v->claim, for GET_EVENTS, which has
 * copied them.  False: another consumer was faster, or moves seen all the time.
 */
bool kev_ring_claim(struct kev_ring *r, const struct kev_view *v, u32 n)
{
	u32 seen = READ_ONCE(r->user->seen);

	if (r->no_seen)
		return kev_move_head(r, v->head, v->head + n);
	/* out of range: what is claimed is head, see kev_ring_look() */
	if (seen != v->claim && seen - v->head <= v->used)
		return false;
	return cmpxchg(&r->user->seen, seen, v->claim + n) == seen;
}
