/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ring in shared memory: who may write which word, and the few steps on
 * which the post path depends.  Knows no watch but by address.  All of it is
 * called under queue->lock.
 */
#ifndef KEV_RING_H
#define KEV_RING_H

#include <linux/types.h>
#include <linux/kevent.h>

#include "delay.h"

struct kev_watch;
struct vm_area_struct;

/* Most steps of a loop with irqs off, or between two cond_resched(). */
#define KEV_STEPS_MAX	64

/**
 * struct kev_slot - what the kernel keeps to itself about a slot
 * @owner: the watch whose entry is here; NULL when it has ended.
 * @prev: the index of the same watch's entry before this one (its slot may
 *	have been filled again since: kev_ring_cancel() tells).
 * @done: the index of its entry, if that was freed out of order and head will
 *	pass when it gets here; else another number.
 */
struct kev_slot {
	struct kev_watch *owner;
	u32 prev;
	u32 done;
};

/**
 * struct kev_ring - a queue's ring; without one all is NULL and 0, but @long_tail
 * @tail: next index to post at; kernel->tail is its copy.
 * @over: how often @tail came round; kernel->over is its copy.
 * @long_tail: both; or, without a ring, how often a watch went to the ready list.
 * @mask: slots - 1.
 * @user: the program's page.
 * @entries: the slots.
 * @slots: the same, private part.
 * @kernel: our page; the program's follows it, and then the entries.
 * @flags: kernel->flags is its copy.
 * @no_seen: KEVENT_INIT_NO_SEEN.
 * @any_done: there are slots that are done and not yet freed,
 * @done_end: all of them below this index.
 */
struct kev_ring {
	union {
		struct {
#ifdef __LITTLE_ENDIAN
			u32 tail;
			u32 over;
#else
			u32 over;
			u32 tail;
#endif
		};
		u64 long_tail;
	};
	u32 mask;
	struct kevent_ring_user *user;
	struct ukevent *entries;
	struct kev_slot *slots;
	struct kevent_ring_kernel *kernel;
	u32 flags;
	bool no_seen;
	bool any_done;
	u32 done_end;
};

/**
 * struct kev_view - the program's indices, read once and made sane
 * @head: slots below it are free.
 * @claim: entries below it were claimed; all, if @head is out of range.
 * @used: slots from @head to tail; more than there are, if it is.
 */
struct kev_view {
	u32 head;
	u32 claim;
	u32 used;
};

/**
 * struct kev_taken - what was taken back
 * @ret: KEVENT_RET_CANCELLED if nobody had claimed one of the events, else 0.
 * @bits: of those.
 * @lost: KEVENT_RET_LOST, if one of those had it.
 */
struct kev_taken {
	u32 ret;
	u32 bits;
	u32 lost;
};

/* Two words at once. */
static __always_inline u64 kev_pair(u32 first, u32 second)
{
#ifdef __LITTLE_ENDIAN
	return first | (u64)second << 32;
#else
	return second | (u64)first << 32;
#endif
}

static inline u32 kev_ring_size(const struct kev_ring *r)
{
	return r->mask + 1;
}

static __always_inline struct kev_view kev_ring_look(const struct kev_ring *r)
{
	const struct kevent_ring_user *user = r->user;
	/* seen before head: a consumer stores seen first.  Partner: its releases. */
	u32 seen = smp_load_acquire(&user->seen);
	u32 head = READ_ONCE(user->head), used = r->tail - head;
	u32 claim = !r->no_seen && seen - head <= used ? seen : head;

	if (unlikely(used > kev_ring_size(r)))
		claim = r->tail;
	return (struct kev_view){ .head = head, .claim = claim, .used = used };
}

static inline bool kev_ring_is_full(const struct kev_ring *r,
				    const struct kev_view *v)
{
	return v->used > r->mask;
}

/*
 * Has the watch an entry that nobody claimed?  While it owns the slot, that was not
 * filled for another watch: so the index is less than a ring old, and comparing it
 * is safe.
 */
static inline bool kev_ring_unclaimed(const struct kev_ring *r,
				      const struct kev_view *v,
				      const struct kev_watch *w, u32 index)
{
	return r->slots[index & r->mask].owner == w &&
	       r->tail - index <= r->tail - v->claim;
}

/* Is the slot of this entry still the watch's? */
static inline bool kev_ring_owns(const struct kev_ring *r,
				 const struct kev_watch *w, u32 index)
{
	return r->slots && r->slots[index & r->mask].owner == w;
}

/* Has the watch's newest entry been freed? */
static inline bool kev_ring_freed(const struct kev_ring *r,
				  const struct kev_view *v,
				  const struct kev_watch *w, u32 index)
{
	return r->slots[index & r->mask].owner != w ||
	       r->tail - index > v->used;
}

static inline struct ukevent *kev_ring_entry(const struct kev_ring *r,
					     u32 index)
{
	return &r->entries[index & r->mask];
}

/* The entry at tail is complete: take the slot and show it. */
static __always_inline void kev_ring_publish(struct kev_ring *r,
					     struct kev_slot *slot,
					     struct kev_watch *w, u64 tail,
					     u32 last)
{
	slot->owner = w;
	slot->prev = last;
	/* not to be put together with that */
	WRITE_ONCE(slot->done, ++tail);
	/* fdinfo and the results of calls read it without the lock */
	WRITE_ONCE(r->long_tail, tail);
	KEV_DELAY(PUBLISH);
#if defined(__LITTLE_ENDIAN) && BITS_PER_LONG == 64
	/* Partner: the consumer's acquire of tail, before it reads entries. */
	smp_store_release((u64 *)&r->kernel->tail, tail);
#else
	WRITE_ONCE(r->kernel->over, upper_32_bits(tail));
	/* Partner: as above */
	smp_store_release(&r->kernel->tail, lower_32_bits(tail));
#endif
}

static inline void kev_ring_set_flag(struct kev_ring *r, u32 flag)
{
	if (r->kernel && !(r->flags & flag)) {
		r->flags |= flag;
		WRITE_ONCE(r->kernel->flags, r->flags);
	}
}

static inline void kev_ring_clear_flag(struct kev_ring *r, u32 flag)
{
	if (r->kernel && (r->flags & flag)) {
		r->flags &= ~flag;
		WRITE_ONCE(r->kernel->flags, r->flags);
	}
}

size_t kev_ring_entries_len(u32 size);
size_t kev_ring_bytes(u32 size);
int kev_ring_alloc(struct kev_ring *r, u32 size, u32 first, bool no_seen);
void kev_ring_free(struct kev_ring *r);
int kev_ring_mmap(struct kev_ring *r, struct vm_area_struct *vma);
void kev_ring_cancel(struct kev_ring *r, struct kev_watch *w, u32 *index,
		     struct kev_taken *taken);
bool kev_ring_forget(struct kev_ring *r, const struct kev_watch *w, u32 *index);
int kev_ring_commit(struct kev_ring *r, u32 to, u32 over, bool force,
		    u32 *freed);
int kev_ring_commit_range(struct kev_ring *r, u32 *from, u32 to, u32 *freed);
bool kev_ring_next_done(const struct kev_ring *r);
u32 kev_ring_advance(struct kev_ring *r, unsigned int max);
bool kev_ring_claim(struct kev_ring *r, const struct kev_view *v, u32 n);
void kev_ring_recall(struct kev_ring *r, u32 *index);

#endif /* KEV_RING_H */
