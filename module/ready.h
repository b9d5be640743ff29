/* SPDX-License-Identifier: GPL-2.0 */
/*
 * "An event came": what hooks and sources call.  The short way into the ring is
 * inlined into the wake-ups that need it: an armed watch, a ring with room,
 * nothing to merge with.  All else is in ready.c.
 */
#ifndef KEV_READY_H
#define KEV_READY_H

#include "post.h"

/* It takes one event, and then none until it is armed again. */
#define KEV_REQ_ONE	(KEVENT_REQ_ONESHOT | KEVENT_REQ_DISPATCH)

/* Values go by value, that is in registers: the short way needs no stack. */
unsigned int kev_ready_long(struct kev_watch *w, struct kev_values v, int sync,
			    unsigned int how);
unsigned int kev_ready_ask(struct kev_watch *w);

/*
 * The short way, of a watch in none of KEV_W_NOT_SHORT: into the ring; the caller wakes
 * who waits.  False: it is for kev_ready_long().  Context: queue->lock held.
 */
static __always_inline bool kev_ready_fill(struct kev_queue *q,
					   struct kev_watch *w,
					   const struct kev_values *v)
{
	if (unlikely(q->attention & ~KEV_Q_WAITERS) ||
	    unlikely(!kev_try_fill(&q->ring, w, v)))
		return false;
	/* loaded again: to keep it would cost a register, and that be saved */
	if (unlikely(w->state & KEV_W_LEVEL))
		kev_level_posted(q, w);
	return true;
}

/* The same, of any watch. */
static __always_inline bool kev_ready_short(struct kev_queue *q,
					    struct kev_watch *w,
					    const struct kev_values *v)
{
	return likely(!(w->state & KEV_W_NOT_SHORT)) && kev_ready_fill(q, w, v);
}

/**
 * kev_ready() - an event came
 * @w: its watch.
 * @v: what came; bits that the watch asks for.
 * @sync: wake flags of the waker.
 *
 * Context: queue->lock held.  Returns KEV_TOLD_*.
 */
static __always_inline unsigned int kev_ready(struct kev_watch *w,
					      const struct kev_values *v,
					      int sync)
{
	struct kev_queue *q = w->queue;

	if (unlikely(!kev_ready_short(q, w, v)))
		return kev_ready_long(w, *v, sync, 0);
	if (likely(!(q->attention & KEV_Q_WAITERS)))
		return KEV_TOLD_NEW;
	return KEV_TOLD_NEW | kev_notify(q, 0, sync);
}

unsigned int kev_ready_values(struct kev_watch *w, const struct kev_values *v);
unsigned int kev_ready_total(struct kev_watch *w, u32 bits, u32 n, u32 once);
void kev_ready_delivered(struct kev_watch *w);
void kev_ready_last(struct kev_watch *w, u32 ret_flags);

#endif /* KEV_READY_H */
