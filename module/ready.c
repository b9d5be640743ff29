// SPDX-License-Identifier: GPL-2.0
/*
 * "Does this event get posted?"  From the source's call to post.c: one-shot,
 * level, and what must be left to a task.
 */
#include "delay.h"
#include "ready.h"

/*
 * A one-shot takes one event and then none: only marked here; unhooking and the
 * tables are for process context.
 */
static void kev_disarm_oneshot(struct kev_watch *w)
{
	w->state |= KEV_W_DISARMED;
	if (w->ev.req_flags & KEVENT_REQ_ONESHOT)
		w->state |= KEV_W_FIRED;
	KEV_DELAY(ONCE_FIRED);
}

/* Disarmed: MODIFY reports these bits, where the source can't be asked. */
static unsigned int kev_ready_missed(struct kev_watch *w,
				     const struct kev_values *v)
{
	if (w->state & (KEV_W_DEAD | KEV_W_FIRED))
		return 0;
	w->missed |= v->bits;
	if (v->ret_flags & KEVENT_RET_LOST)
		w->state |= KEV_W_LOST;
	return 0;
}

/* What kev_ready_long() does not do itself: any watch, with a ring or without. */
static noinline unsigned int kev_ready_any(struct kev_watch *w,
					   struct kev_values v, int sync,
					   unsigned int how)
{
	struct kev_queue *q = w->queue;
	unsigned int told;

	lockdep_assert_held(&q->lock);
	if (w->state & (KEV_W_DEAD | KEV_W_DISARMED))
		return kev_ready_missed(w, &v);
	if (w->ev.req_flags & KEV_REQ_ONE)
		kev_disarm_oneshot(w);
	told = kev_post(w, &v, sync, how);
	if (!told && !(how & KEV_NOTIFY_ASKED))
		kev_tell_pollers(q);
	/* the list is in the order of entries: one that merged stays in its place */
	if ((w->state & KEV_W_LISTED) && (told || w->on != KEV_ON_LEVEL))
		kev_enlist(w);
	return told;
}

/**
 * kev_ready_long() - an event came: every case
 * @w: its watch.
 * @v: what came.
 * @sync: wake flags of the waker.
 * @how: KEV_NOTIFY_*.
 *
 * Without a ring most need not go far: to the end of the ready list, unless they are on
 * it to be asked.  Context: queue->lock held.  Returns KEV_TOLD_*.
 */
unsigned int kev_ready_long(struct kev_watch *w, struct kev_values v, int sync,
			    unsigned int how)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	if (kev_has_ring(q) || (q->attention & KEV_Q_WAITERS) ||
	    (w->state & KEV_W_NOT_SHORT) || unlikely(kev_has_waiting(w)))
		return kev_ready_any(w, v, sync, how);
	kev_set_first(w, &v);
	if (w->on != KEV_ON_NONE)
		return 0;	/* it was there only to be asked */
	kev_enlist_ready(w);
	return KEV_TOLD_NEW;
}

/**
 * kev_ready_ask() - something happened, and the file must be asked in a task
 * @w: its watch.
 *
 * Context: queue->lock held.  Returns KEV_TOLD_*.
 */
unsigned int kev_ready_ask(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	if (w->state & (KEV_W_DEAD | KEV_W_DISARMED))
		return 0;
	kev_stamp(w);
	if (!kev_enlist_ask(w)) {
		kev_tell_pollers(q);
		return 0;
	}
	if (!(q->attention & KEV_Q_WAITERS))
		return KEV_TOLD_NEW;
	return KEV_TOLD_NEW | kev_notify(q, KEV_NOTIFY_ANY, 0);
}

/* With the lock taken here.  Any context in which the source's lock is held. */
unsigned int kev_ready_values(struct kev_watch *w, const struct kev_values *v)
{
	struct kev_queue *q = w->queue;
	unsigned long flags;
	unsigned int told;

	raw_spin_lock_irqsave(&q->lock, flags);
	told = kev_ready(w, v, 0);
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return told;
}

/*
 * Adds n to the running total, and tells; the flags once are those of this event
 * alone.  Context: queue->lock held.
 */
unsigned int kev_ready_total(struct kev_watch *w, u32 bits, u32 n, u32 once)
{
	struct kev_values v = {
		.bits = bits,
		.ret_flags = KEVENT_RET_DATA | once,
		.data = w->ev.ret_data[1] + n,
	};

	w->ev.ret_data[1] = v.data;
	return kev_ready(w, &v, 0);
}

/* An event was put into a result, or copied out: disarm, list again. */
void kev_ready_delivered(struct kev_watch *w)
{
	lockdep_assert_held(&w->queue->lock);
	if ((w->ev.req_flags & KEV_REQ_ONE) && !(w->state & KEV_W_DISARMED))
		kev_disarm_oneshot(w);
	/* a wake-up may have put it on a list just now */
	if (w->state & KEV_W_DISARMED)
		kev_unlist(w);
	if (w->state & KEV_W_LEVEL)
		kev_enlist_ask(w);
	else if (w->state & KEV_W_FIRED)
		kev_enlist(w);
}

/*
 * The last event of a watch whose file is gone.  What was outstanding has been
 * cancelled; the watch stays until the slot is freed.
 */
void kev_ready_last(struct kev_watch *w, u32 ret_flags)
{
	const struct kev_values v = { .ret_flags = ret_flags };

	lockdep_assert_held(&w->queue->lock);
	w->ev.req_flags &= ~(KEVENT_REQ_DISPATCH | KEVENT_REQ_LAST_CHECK);
	w->ev.req_flags |= KEVENT_REQ_ONESHOT;
	w->state &= ~(KEV_W_DISARMED | KEV_W_FIRED | KEV_W_LEVEL | KEV_W_ASK);
	w->state |= KEV_W_LONG;
	kev_ready_long(w, v, 0, 0);
}
