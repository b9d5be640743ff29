// SPDX-License-Identifier: GPL-2.0
/*
 * "Does this event get posted?"  From the source's call to post.c: one-shot,
 * level, and what must be left to a task.
 *
 * Entry points take queue->lock with irqs off and may be called from any
 * context in which the source's own lock may be held.
 */
#include <linux/ktime.h>
#include <linux/timekeeping.h>

#include "delay.h"
#include "post.h"
#include "ready.h"

#define KEV_REQ_ONE	(KEVENT_REQ_ONESHOT | KEVENT_REQ_DISPATCH)

/* ---- An event comes ---------------------------------------------------- */

/*
 * A one-shot takes one event and then none: only marked here; unhooking and the
 * tables are for process context.
 */
static void kev_disarm_oneshot(struct kev_watch *w)
{
	w->state |= KEV_W_DISARMED;
	if (w->ev.req_flags & KEVENT_REQ_ONESHOT)
		w->state |= KEV_W_FIRED;
}

/* The shortest way, for level watches and with sleepers as well. */
static __always_inline bool kev_ready_next(struct kev_queue *q,
					   struct kev_watch *w, u32 bits,
					   int sync)
{
	if ((w->state & KEV_W_NOT_SHORT & ~KEV_W_LEVEL) ||
	    (q->attention & KEV_Q_NOT_NEXT) ||
	    !kev_try_fill(&q->ring, w, bits))
		return false;
	if (w->state & KEV_W_LEVEL) {
		if (w->on != KEV_ON_LEVEL)
			kev_enlist(w);
		else if (!list_is_last(&w->link, &q->level))
			list_move_tail(&w->link, &q->level);
	}
	if (q->attention)
		kev_notify(q, w->ev.req_flags & KEVENT_REQ_WAKEUP_ALL ?
			   KEV_NOTIFY_ALL : 0, sync);
	return true;
}

/* The same for a one-shot that wants no time stamp. */
static bool kev_ready_once(struct kev_queue *q, struct kev_watch *w, u32 bits)
{
	if ((w->state & KEV_W_NOT_SHORT) != KEV_W_LONG || w->on != KEV_ON_NONE ||
	    (w->ev.req_flags & (KEVENT_REQ_ONESHOT | KEVENT_REQ_TIMESTAMP |
				KEVENT_REQ_LAST_CHECK)) != KEVENT_REQ_ONESHOT ||
	    q->attention || !kev_try_fill(&q->ring, w, bits))
		return false;
	w->ev.ret_flags &= ~KEV_RET_ONCE;
	w->state |= KEV_W_DISARMED | KEV_W_FIRED;
	KEV_DELAY(ONCE_FIRED);
	kev_list_move(w, &q->fired, KEV_ON_FIRED);
	return true;
}

/**
 * kev_ready_locked() - an event came: every case
 * @w: its watch.
 * @bits: what came, in the source's bits; levels, totals and ret_flags of w->ev
 *	belong to it.
 * @sync: wake flags of the waker.
 * @how: KEV_NOTIFY_*.
 *
 * Context: queue->lock held.  False: the watch takes no event.
 */
bool kev_ready_locked(struct kev_watch *w, u32 bits, int sync,
		      unsigned int how)
{
	struct kev_queue *q = w->queue;
	u32 tail = q->ring.tail;
	bool new;

	lockdep_assert_held(&q->lock);
	if (w->state & (KEV_W_DEAD | KEV_W_DISARMED))
		return false;
	if (w->state & KEV_W_EACH)
		return !kev_ready_each(w, bits, w->ev.ptr);
	if (kev_ready_once(q, w, bits))
		return true;
	if ((w->ev.req_flags & KEVENT_REQ_TIMESTAMP) && w->on != KEV_ON_READY)
		w->ev.time = ktime_get_ns();
	if (w->ev.req_flags & KEV_REQ_ONE)
		kev_disarm_oneshot(w);
	new = kev_post(w, bits);
	kev_forget_broken(w);
	/* the list is in the order of entries: one that merged stays in its place */
	if ((w->state & KEV_STATE_LISTED) && (new || w->on != KEV_ON_LEVEL))
		kev_enlist(w);
	/* others may have been let in */
	new |= q->ring.tail != tail;
	if (new && (q->attention & (KEV_Q_SLEEPERS | KEV_Q_POLLERS))) {
		if (w->ev.req_flags & KEVENT_REQ_WAKEUP_ALL)
			how = KEV_NOTIFY_ALL;
		kev_notify(q, how, sync);
	}
	return true;
}

/**
 * kev_ready_each() - an event that is never merged
 * @w: its watch, a mailbox.
 * @bits: for ret_data[0].
 * @ptr: for ptr.
 *
 * Context: queue->lock held.  Returns 0 or -EAGAIN: no slot is free, and as many
 * wait as may; nothing was done.
 */
int kev_ready_each(struct kev_watch *w, u32 bits, u64 ptr)
{
	struct kev_letter l = { .ptr = ptr, .bits = bits };
	struct kev_mailbox *m = kev_mailbox_of(w);
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	l.total = m->total + 1;
	if (w->ev.req_flags & KEVENT_REQ_TIMESTAMP)
		l.time = ktime_get_ns();
	w->ev.ret_flags |= KEVENT_RET_DATA;
	if (!kev_send_letter(w, &l))
		return -EAGAIN;
	m->total++;
	if (q->attention & (KEV_Q_SLEEPERS | KEV_Q_POLLERS))
		kev_notify(q, w->ev.req_flags & KEVENT_REQ_WAKEUP_ALL ?
			   KEV_NOTIFY_ALL : 0, 0);
	return 0;
}

/* ---- What a task has to look at ---------------------------------------- */

/**
 * kev_need_check_locked() - something happened, and the file must be asked in a task
 * @w: its watch.
 *
 * Context: queue->lock held.  False: the watch takes no event.
 */
static bool kev_need_check_locked(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	if (w->state & (KEV_W_DEAD | KEV_W_DISARMED))
		return false;
	if (w->on == KEV_ON_CHECK)
		return true;
	if (w->on == KEV_ON_READY) {
		w->state |= KEV_W_RECHECK;
		return true;
	}
	kev_unlist(w);
	kev_list_move(w, &q->check, KEV_ON_CHECK);
	kev_ring_set_flag(&q->ring, KEVENT_RING_NEED_CHECK);
	if (q->attention & (KEV_Q_SLEEPERS | KEV_Q_POLLERS))
		kev_notify(q, KEV_NOTIFY_ANY, 0);
	return true;
}

/* The same, in any context. */
bool kev_need_check(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	unsigned long flags;
	bool ret;

	raw_spin_lock_irqsave(&q->lock, flags);
	ret = kev_need_check_locked(w);
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return ret;
}

/*
 * What kev_ready() does not do inline.  What is next to it goes almost as fast.
 * Context: queue->lock held.
 */
bool kev_ready_rest(struct kev_watch *w, u32 bits, int sync)
{
	if (w->ev.req_flags & KEVENT_REQ_LAST_CHECK)
		return kev_need_check_locked(w);
	return kev_ready_next(w->queue, w, bits, sync) ||
	       kev_ready_locked(w, bits, sync, 0);
}

/* All of kev_ready(), in any context. */
bool kev_ready_long(struct kev_watch *w, u32 bits, int sync)
{
	struct kev_queue *q = w->queue;
	unsigned long flags;
	bool ret;

	raw_spin_lock_irqsave(&q->lock, flags);
	ret = kev_ready_rest(w, bits, sync);
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return ret;
}

static __always_inline void kev_set_values(struct kev_watch *w, u32 ret_flags,
					   u32 data, u32 data2)
{
	/* a waiting event stays broken: see kev_forget_broken() */
	w->ev.ret_flags = ret_flags | (w->ev.ret_flags & KEV_RET_ONCE);
	w->ev.ret_data[1] = data;
	w->ev.data2 = data2;
}

/* With levels or an errno; see struct ukevent. */
bool kev_ready_values(struct kev_watch *w, u32 bits, u32 ret_flags, u32 data,
		      u32 data2, int sync)
{
	struct kev_queue *q = w->queue;
	unsigned long flags;
	bool ret = false;

	if (unlikely(READ_ONCE(w->ev.req_flags) & KEVENT_REQ_LAST_CHECK))
		return kev_need_check(w);
	raw_spin_lock_irqsave(&q->lock, flags);
	if (likely(!(w->state & (KEV_W_DEAD | KEV_W_DISARMED)))) {
		kev_set_values(w, ret_flags, data, data2);
		ret = kev_ready_next(q, w, bits, sync) ||
		      kev_ready_locked(w, bits, sync, 0);
		kev_forget_broken(w);
	}
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return ret;
}

/*
 * Adds n to the running total.  True if that made a new entry: false says that
 * nobody has looked at the last one yet.  The flags once are those of this
 * event alone.
 */
bool kev_ready_count_with(struct kev_watch *w, u32 bits, u32 n, u32 once)
{
	struct kev_queue *q = w->queue;
	unsigned long flags;
	u64 merged;
	bool ret;

	raw_spin_lock_irqsave(&q->lock, flags);
	merged = q->merged;
	w->ev.ret_data[1] += n;
	w->ev.ret_flags |= KEVENT_RET_DATA | once;
	ret = kev_ready_next(q, w, bits, 0) ||
	      (kev_ready_locked(w, bits, 0, 0) && q->merged == merged);
	kev_forget_broken(w);
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return ret;
}

bool kev_ready_count(struct kev_watch *w, u32 bits, u32 n)
{
	return kev_ready_count_with(w, bits, n, 0);
}

/* A task asked, and this is the answer. */
void kev_ready_answer(struct kev_watch *w, u32 bits, u32 ret_flags, u32 data,
		      u32 data2, unsigned int how)
{
	lockdep_assert_held(&w->queue->lock);
	/* it may have been lost meanwhile, and its last event wait for a slot */
	if (w->state & (KEV_W_DEAD | KEV_W_DISARMED))
		return;
	if (ret_flags)
		kev_set_values(w, ret_flags, data, data2);
	kev_ready_locked(w, bits, 0, how);
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
	v = kev_ring_look(&q->ring);
	if (kev_ring_unclaimed(&q->ring, &v, w, w->index))
		kev_enlist(w);
}

/* An event was handed over in the result of ADD or MODIFY. */
void kev_ready_delivered(struct kev_watch *w)
{
	lockdep_assert_held(&w->queue->lock);
	if (w->ev.req_flags & KEV_REQ_ONE)
		kev_disarm_oneshot(w);
	if (w->state & KEV_STATE_LISTED)
		kev_enlist(w);
}

/*
 * The last event of a watch whose file is gone.  What was outstanding has been
 * cancelled; the watch stays until the slot is freed.
 */
void kev_ready_last(struct kev_watch *w, u32 ret_flags)
{
	lockdep_assert_held(&w->queue->lock);
	WRITE_ONCE(w->ev.req_flags, w->ev.req_flags | KEVENT_REQ_ONESHOT);
	w->state &= ~(KEV_W_DISARMED | KEV_W_LEVEL | KEV_W_RECHECK);
	kev_set_values(w, ret_flags, 0, 0);
	kev_ready_locked(w, 0, 0, 0);
}
