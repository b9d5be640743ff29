/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The short way of an event into the ring, inlined into the wake-ups that need
 * it: an armed watch, a ring with room, nothing to merge with.  All else is in
 * ready.c.
 */
#ifndef KEV_READY_H
#define KEV_READY_H

#include <linux/irqflags.h>
#include <linux/smp.h>

#include "kev.h"

bool kev_ready_long(struct kev_watch *w, u32 bits, int sync);
bool kev_ready_rest(struct kev_watch *w, u32 bits, int sync);

/*
 * Fills the slot at tail if there is room and nothing to merge with.  Words are
 * copied one by one: a rep mov costs more for so few.  The watch is not on the
 * ready list and wants no time stamp: ret_data[0] and time of w->ev are 0.
 */
static __always_inline bool kev_try_fill(struct kev_ring *r,
					 struct kev_watch *w, u32 bits)
{
	const struct kevent_ring_user *user = r->user;
	const u64 *from = (const u64 *)&w->ev;
	u32 seen, head, index, slot;
	u64 tail = r->long_tail;
	struct ukevent *e;
	u64 *to;

	/*
	 * As kev_ring_look() and its users, but a seen that is out of range is
	 * taken as it is: the watch then gets a second entry, not more.
	 */
	seen = smp_load_acquire(&user->seen);
	head = READ_ONCE(user->head);
	if (unlikely((u32)tail - head > r->mask))
		return false;
	index = w->index;
	if ((u32)tail - index <= (u32)tail - seen &&
	    r->slots[index & r->mask].owner == w)
		return false;

	slot = (u32)tail & r->mask;
	e = &r->entries[slot];
	to = (u64 *)e;
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	e->ret_data[0] = bits;
	e->ret_data[1] = w->ev.ret_data[1];
	to[4] = from[4];
	to[5] = from[5];
	e->time = 0;
#ifdef __LITTLE_ENDIAN
	to[7] = from[7] | raw_smp_processor_id();	/* merged is 0 */
#else
	to[7] = from[7];
	e->cpu = raw_smp_processor_id();
#endif
	kev_ring_publish(r, &r->slots[slot], w, tail, index);
	w->index = tail;
	return true;
}

/**
 * kev_ready() - an event came, in a wake-up
 * @w: its watch.
 * @bits: what came, in the source's bits.
 * @sync: wake flags of the waker.
 * @irqs_off: known to be called with irqs off (but on -rt).
 *
 * Any context.  False: the watch takes no event.
 */
static __always_inline bool kev_ready(struct kev_watch *w, u32 bits, int sync,
				      const bool irqs_off)
{
	struct kev_queue *q = w->queue;
	bool ret = true;

	if (IS_ENABLED(CONFIG_PREEMPT_RT) || (!irqs_off && !irqs_disabled()))
		return kev_ready_long(w, bits, sync);
	lockdep_assert_irqs_disabled();
	raw_spin_lock(&q->lock);
	if (unlikely((w->state & KEV_W_NOT_SHORT) | q->attention) ||
	    unlikely(!kev_try_fill(&q->ring, w, bits)))
		ret = kev_ready_rest(w, bits, sync);
	raw_spin_unlock(&q->lock);
	return ret;
}

#endif /* KEV_READY_H */
