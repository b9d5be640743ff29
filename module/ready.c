// SPDX-License-Identifier: GPL-2.0
/*
 * "Does this event get posted?"  From the source's call to the ring: merge,
 * post, overflow, one-shot, level, and what must be left to a task.
 *
 * Entry points take queue->lock with irqs off and may be called from any
 * context in which the source's own lock may be held.
 */
#include <linux/smp.h>
#include <linux/timekeeping.h>

#include "kev.h"

/* How many are let in from the ready list by a post, with irqs off. */
#define KEV_HANDOVER_POST	8

static void kev_list_move(struct kev_watch *w, struct list_head *list,
			  enum kev_list on)
{
	if (w->on == KEV_ON_NONE)
		list_add_tail(&w->link, list);
	else
		list_move_tail(&w->link, list);
	w->on = on;
}

/* Takes the watch off whatever list it is on. */
void kev_unlist(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	if (w->on == KEV_ON_NONE)
		return;
	list_del_init(&w->link);
	if (w->on == KEV_ON_READY) {
		q->nready--;
		if (!q->nready) {
			q->attention &= ~KEV_Q_READY;
			kev_ring_clear_flag(&q->ring, KEVENT_RING_OVERFLOW);
		}
	} else if (w->on == KEV_ON_CHECK && list_empty(&q->check)) {
		kev_ring_clear_flag(&q->ring, KEVENT_RING_NEED_CHECK);
	} else if (w->on == KEV_ON_LEVEL && list_empty(&q->level)) {
		kev_ring_clear_flag(&q->ring, KEVENT_RING_LEVEL);
	}
	w->on = KEV_ON_NONE;
}

static void kev_merge(struct kev_watch *w, u32 bits)
{
	struct ukevent *e = kev_ring_entry(&w->queue->ring, w->index);
	u32 flags = e->ret_flags | w->ret_flags;

	WRITE_ONCE(e->ret_data[0], e->ret_data[0] | bits);
	if (w->ret_flags & KEVENT_RET_DATA)
		WRITE_ONCE(e->ret_data[1], w->data);
	if (w->ret_flags & (KEVENT_RET_DATA2 | KEVENT_RET_ERRNO))
		WRITE_ONCE(e->data2, w->data2);
	if (w->ret_flags & KEVENT_RET_ERRNO)
		flags &= ~KEVENT_RET_DATA2;
	WRITE_ONCE(e->ret_flags, flags);
	if (e->merged != U16_MAX)
		WRITE_ONCE(e->merged, e->merged + 1);
	w->queue->merged++;
}

static __always_inline void kev_fill_entry(const struct kev_watch *w,
					   struct ukevent *e, u32 bits)
{
	e->id.raw_u64 = w->id;
	e->type = w->type;
	e->event = w->event;
	e->req_flags = w->req_flags;
	WRITE_ONCE(e->ret_flags, w->ret_flags);
	e->ret_data[0] = bits;
	e->ret_data[1] = w->data;
	e->ptr = w->user;
	e->cookie = w->cookie;
	e->time = w->time;
	e->cpu = raw_smp_processor_id();
	e->merged = 0;
	e->data2 = w->data2;
}

/* Fills the slot at tail.  There is room. */
static __always_inline void kev_fill(struct kev_watch *w, u32 bits)
{
	struct kev_queue *q = w->queue;

	kev_fill_entry(w, kev_ring_entry(&q->ring, q->ring.tail), bits);
	w->index = kev_ring_publish(&q->ring, w, w->index);
	q->posted++;
}

/* The flags of a watch that need more than a filled slot. */
#define KEV_STATE_SPECIAL	(KEV_W_FIRED | KEV_W_LEVEL | KEV_W_RECHECK)

/*
 * After the slot was filled: level watches are to be asked again, a fired
 * one-shot is to be reaped.  Both lists are in the order of posting, so that
 * whoever works on them stops at the first whose turn has not come.
 */
static void kev_filled_special(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	if (w->state & KEV_W_RECHECK) {
		w->state &= ~KEV_W_RECHECK;
		kev_list_move(w, &q->check, KEV_ON_CHECK);
		kev_ring_set_flag(&q->ring, KEVENT_RING_NEED_CHECK);
	} else if (w->state & KEV_W_FIRED) {
		kev_list_move(w, &q->fired, KEV_ON_FIRED);
	} else if (w->on != KEV_ON_CHECK) {
		kev_list_move(w, &q->level, KEV_ON_LEVEL);
		kev_ring_set_flag(&q->ring, KEVENT_RING_LEVEL);
	}
}

/* Lets watches from the ready list into the ring, in order; at most max. */
void kev_handover(struct kev_queue *q, unsigned int max)
{
	struct kev_watch *w;
	struct kev_view v;
	u32 bits;

	lockdep_assert_held(&q->lock);
	if (!(q->attention & KEV_Q_READY) || (q->attention & KEV_Q_NO_RING))
		return;
	kev_ring_look(&q->ring, &v);
	while (max-- && !list_empty(&q->ready) &&
	       v.used <= q->ring.mask) {
		w = list_first_entry(&q->ready, struct kev_watch, link);
		kev_unlist(w);
		bits = w->pending;
		w->pending = 0;
		kev_fill(w, bits);
		v.used++;
		if (w->state & KEV_STATE_SPECIAL)
			kev_filled_special(w);
	}
}

/* No slot, or others wait for one: behind them. */
static noinline void kev_overflow(struct kev_watch *w, u32 bits)
{
	struct kev_queue *q = w->queue;

	w->pending |= bits;
	if (w->on == KEV_ON_READY) {
		q->merged++;
		return;
	}
	if (w->on == KEV_ON_CHECK)
		w->state |= KEV_W_RECHECK;
	kev_unlist(w);
	kev_list_move(w, &q->ready, KEV_ON_READY);
	q->nready++;
	q->attention |= KEV_Q_READY;
	if (q->attention & KEV_Q_NO_RING) {
		q->posted++;
		return;
	}
	q->overflowed++;
	kev_ring_set_flag(&q->ring, KEVENT_RING_OVERFLOW);
	/* Partner: the consumer's fence between storing head and flags. */
	smp_mb();
	kev_handover(q, KEV_HANDOVER_POST);
}

/*
 * A one-shot takes one event and then none: only marked here; unhooking and the
 * tables are for process context.
 */
static void kev_disarm_oneshot(struct kev_watch *w)
{
	w->state |= KEV_W_DISARMED;
	if (w->req_flags & KEVENT_REQ_ONESHOT)
		w->state |= KEV_W_FIRED;
}

#define KEV_REQ_ONE	(KEVENT_REQ_ONESHOT | KEVENT_REQ_DISPATCH)

/* Into the unclaimed entry, a new slot, or the ready list.  True: a new one. */
static __always_inline bool kev_post(struct kev_watch *w, u32 bits)
{
	struct kev_queue *q = w->queue;
	struct kev_view v;

	if (unlikely(q->attention & (KEV_Q_READY | KEV_Q_NO_RING))) {
		if (q->attention & KEV_Q_NO_RING) {
			kev_overflow(w, bits);
			return true;
		}
		kev_handover(q, KEV_HANDOVER_POST);
	}
	kev_ring_look(&q->ring, &v);
	if (kev_ring_unclaimed(&q->ring, &v, w, w->index) &&
	    w->on != KEV_ON_READY) {
		kev_merge(w, bits);
		/* Partner: the consumer's fence between seen and reading. */
		smp_mb();
		kev_ring_look(&q->ring, &v);
		if (kev_ring_unclaimed(&q->ring, &v, w, w->index))
			return false;
	}
	if (unlikely(kev_ring_is_full(&q->ring, &v) ||
		     (q->attention & KEV_Q_READY))) {
		kev_overflow(w, bits);
		return true;
	}
	kev_fill(w, bits);
	return true;
}

/**
 * kev_ready_locked() - an event came
 * @w: its watch.
 * @bits: what came, in the source's bits; w->ret_flags, data and data2 belong
 *	to it.
 * @sync: the waker is about to sleep.
 *
 * Context: queue->lock held.
 */
void kev_ready_locked(struct kev_watch *w, u32 bits, int sync)
{
	struct kev_queue *q = w->queue;
	bool again;

	lockdep_assert_held(&q->lock);
	if (unlikely(w->state & (KEV_W_DEAD | KEV_W_DISARMED)))
		return;
	if (unlikely(w->req_flags & KEVENT_REQ_TIMESTAMP) &&
	    w->on != KEV_ON_READY)
		w->time = ktime_get_ns();
	if (unlikely(w->req_flags & KEV_REQ_ONE))
		kev_disarm_oneshot(w);
	again = kev_post(w, bits);
	if (unlikely(w->state & KEV_STATE_SPECIAL) && w->on != KEV_ON_READY)
		kev_filled_special(w);
	if (unlikely(q->attention & (KEV_Q_SLEEPERS | KEV_Q_POLLERS)) && again)
		kev_notify(q, w->req_flags & KEVENT_REQ_WAKEUP_ALL ?
			   KEV_NOTIFY_ALL : 0, sync);
}

void kev_ready_sync(struct kev_watch *w, u32 bits, int sync)
{
	struct kev_queue *q = w->queue;
	unsigned long flags;

	raw_spin_lock_irqsave(&q->lock, flags);
	kev_ready_locked(w, bits, sync);
	raw_spin_unlock_irqrestore(&q->lock, flags);
}

/* With levels or an errno; see struct ukevent. */
void kev_ready_values(struct kev_watch *w, u32 bits, u32 ret_flags, u32 data,
		      u32 data2, int sync)
{
	struct kev_queue *q = w->queue;
	unsigned long flags;

	raw_spin_lock_irqsave(&q->lock, flags);
	if (!(w->state & (KEV_W_DEAD | KEV_W_DISARMED))) {
		w->ret_flags = ret_flags;
		w->data = data;
		w->data2 = data2;
		kev_ready_locked(w, bits, sync);
	}
	raw_spin_unlock_irqrestore(&q->lock, flags);
}

/*
 * Adds n to the running total.  True if that made a new entry: false says that
 * nobody has looked at the last one yet.
 */
bool kev_ready_count(struct kev_watch *w, u32 bits, u32 n)
{
	struct kev_queue *q = w->queue;
	unsigned long flags;
	u64 merged;
	bool again;

	raw_spin_lock_irqsave(&q->lock, flags);
	merged = q->merged;
	w->data += n;
	w->ret_flags |= KEVENT_RET_DATA;
	kev_ready_locked(w, bits, 0);
	again = q->merged == merged;
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return again;
}

/* A task asked, and this is the answer. */
void kev_ready_answer(struct kev_watch *w, u32 bits, u32 ret_flags, u32 data,
		      u32 data2)
{
	if (ret_flags) {
		w->ret_flags = ret_flags;
		w->data = data;
		w->data2 = data2;
	}
	kev_ready_locked(w, bits, 0);
}

/*
 * A task asked, and it is not ready.  A level watch with an entry that nobody
 * claimed is to be asked again.
 */
void kev_not_ready(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	struct kev_view v;

	lockdep_assert_held(&q->lock);
	if (!(w->state & KEV_W_LEVEL) || w->on != KEV_ON_NONE ||
	    (q->attention & KEV_Q_NO_RING))
		return;
	kev_ring_look(&q->ring, &v);
	if (kev_ring_unclaimed(&q->ring, &v, w, w->index))
		kev_filled_special(w);
}

/*
 * GET_EVENTS claimed this entry and could not copy it: post it again, unless
 * its watch has ended.  What the watch knows is as new as what the entry says.
 */
void kev_ready_again(struct kev_queue *q, u32 index)
{
	const struct ukevent *e = kev_ring_entry(&q->ring, index);
	struct kev_watch *w = q->ring.slots[index & q->ring.mask].owner;

	lockdep_assert_held(&q->lock);
	if (!w || (e->ret_flags & KEVENT_RET_CANCELLED))
		return;
	w->ret_flags |= e->ret_flags & KEVENT_RET_BROKEN;
	kev_post(w, e->ret_data[0]);
	if ((w->state & KEV_STATE_SPECIAL) && w->on != KEV_ON_READY)
		kev_filled_special(w);
}

/* Takes the event of a watch on the ready list: no ring. */
void kev_take(struct kev_watch *w, struct ukevent *e)
{
	lockdep_assert_held(&w->queue->lock);
	kev_unlist(w);
	kev_fill_entry(w, e, w->pending);
	w->pending = 0;
	if (w->state & KEV_STATE_SPECIAL)
		kev_filled_special(w);
}

/* It could not be copied: back to the front. */
void kev_untake(struct kev_watch *w, const struct ukevent *e)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	w->pending |= e->ret_data[0];
	if (w->on == KEV_ON_READY)
		return;
	kev_unlist(w);
	list_add(&w->link, &q->ready);
	w->on = KEV_ON_READY;
	q->nready++;
	q->attention |= KEV_Q_READY;
}

/* An event was handed over in the result of ADD or MODIFY. */
void kev_ready_delivered(struct kev_watch *w)
{
	lockdep_assert_held(&w->queue->lock);
	if (w->req_flags & KEV_REQ_ONE)
		kev_disarm_oneshot(w);
	if ((w->state & KEV_STATE_SPECIAL) && w->on != KEV_ON_READY)
		kev_filled_special(w);
}

/*
 * The last event of a watch whose file is gone.  What was outstanding has been
 * cancelled; the watch stays until the slot is freed.
 */
void kev_ready_last(struct kev_watch *w, u32 ret_flags)
{
	lockdep_assert_held(&w->queue->lock);
	w->req_flags |= KEVENT_REQ_ONESHOT;
	w->state &= ~(KEV_W_DISARMED | KEV_W_LEVEL | KEV_W_RECHECK);
	w->ret_flags = ret_flags;
	w->data = 0;
	w->data2 = 0;
	kev_ready_locked(w, 0, 0);
}

/**
 * kev_need_check() - something happened, and the file must be asked in a task
 * @w: its watch.
 */
void kev_need_check(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	unsigned long flags;

	raw_spin_lock_irqsave(&q->lock, flags);
	if (w->state & (KEV_W_DEAD | KEV_W_DISARMED) || w->on == KEV_ON_CHECK)
		goto out;
	if (w->on == KEV_ON_READY && !(q->attention & KEV_Q_NO_RING)) {
		w->state |= KEV_W_RECHECK;
		goto out;
	}
	if (w->on != KEV_ON_READY) {
		kev_unlist(w);
		kev_list_move(w, &q->check, KEV_ON_CHECK);
	} else {
		w->state |= KEV_W_RECHECK;
	}
	kev_ring_set_flag(&q->ring, KEVENT_RING_NEED_CHECK);
	if (q->attention & (KEV_Q_SLEEPERS | KEV_Q_POLLERS))
		kev_notify(q, KEV_NOTIFY_ANY, 0);
out:
	raw_spin_unlock_irqrestore(&q->lock, flags);
}

/*
 * Takes back what is outstanding: entries, pending bits, lists.  Returns
 * KEVENT_RET_CANCELLED and KEVENT_RET_CLAIMED as kev_ring_cancel().
 */
u32 kev_disarm(struct kev_watch *w)
{
	u32 ret = 0;

	lockdep_assert_held(&w->queue->lock);
	if (w->on == KEV_ON_READY)
		ret = KEVENT_RET_CANCELLED;
	kev_unlist(w);
	w->pending = 0;
	w->state &= ~KEV_W_RECHECK;
	return ret | kev_ring_cancel(&w->queue->ring, w, w->index);
}
