// SPDX-License-Identifier: GPL-2.0
/*
 * "Does this event get posted?"  From the source's call to the ring: merge,
 * post, overflow, one-shot, level, and what must be left to a task.
 *
 * Entry points take queue->lock with irqs off and may be called from any
 * context in which the source's own lock may be held.
 */
#include <linux/ktime.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>

#include "ready.h"

/* How many are let in from the ready list by a post, with irqs off. */
#define KEV_HANDOVER_POST	8

#define KEV_REQ_ONE	(KEVENT_REQ_ONESHOT | KEVENT_REQ_DISPATCH)

/* ---- Lists ------------------------------------------------------------- */

/* Lists that mean work for the next call: queue->ntodo counts them. */
static bool kev_list_is_todo(enum kev_list on)
{
	return on == KEV_ON_CHECK || on == KEV_ON_FIRED;
}

/* To the end of a list: the one that it is on, or it is on none. */
static void kev_list_move(struct kev_watch *w, struct list_head *list,
			  enum kev_list on)
{
	if (w->on == KEV_ON_NONE) {
		list_add_tail(&w->link, list);
		w->queue->ntodo += kev_list_is_todo(on);
	} else if (!list_is_last(&w->link, list)) {
		list_move_tail(&w->link, list);
	}
	w->on = on;
}

static struct kev_mailbox *kev_mailbox_of(struct kev_watch *w)
{
	return container_of(w, struct kev_mailbox, watch);
}

/* How many events of a watch on the ready list wait. */
static u32 kev_waiting(struct kev_watch *w)
{
	return w->state & KEV_W_EACH ? kev_mailbox_of(w)->num : 1;
}

/* Takes the watch off whatever list it is on. */
void kev_unlist(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	if (w->on == KEV_ON_NONE)
		return;
	list_del_init(&w->link);
	q->ntodo -= kev_list_is_todo(w->on);
	if (w->on == KEV_ON_READY) {
		q->nready -= kev_waiting(w);
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

/* The states of a watch that is put on a list after its slot was filled. */
#define KEV_STATE_LISTED	(KEV_W_FIRED | KEV_W_LEVEL | KEV_W_RECHECK)

/*
 * Level watches are to be asked again, a fired one-shot is to be reaped.  Both
 * lists are in the order of posting, so that whoever works on them stops at the
 * first whose turn has not come.
 */
static void kev_enlist(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	if (w->on == KEV_ON_READY)
		return;
	if (w->state & KEV_W_RECHECK) {
		w->state &= ~KEV_W_RECHECK;
		kev_unlist(w);
		kev_list_move(w, &q->check, KEV_ON_CHECK);
		kev_ring_set_flag(&q->ring, KEVENT_RING_NEED_CHECK);
	} else if (w->state & KEV_W_FIRED) {
		if (w->on != KEV_ON_FIRED)
			kev_unlist(w);
		kev_list_move(w, &q->fired, KEV_ON_FIRED);
	} else if (w->on != KEV_ON_CHECK) {
		if (w->on != KEV_ON_LEVEL)
			kev_unlist(w);
		kev_list_move(w, &q->level, KEV_ON_LEVEL);
		kev_ring_set_flag(&q->ring, KEVENT_RING_LEVEL);
	}
}

/* ---- Into the ring ----------------------------------------------------- */

static void kev_count_merge(u16 *merged)
{
	if (*merged != U16_MAX)
		WRITE_ONCE(*merged, *merged + 1);
}

static void kev_merge(struct kev_watch *w, u32 bits)
{
	struct ukevent *e = kev_ring_entry(&w->queue->ring, w->index);
	u32 flags = e->ret_flags | w->ev.ret_flags;

	WRITE_ONCE(e->ret_data[0], e->ret_data[0] | bits);
	if (w->ev.ret_flags & KEVENT_RET_DATA)
		WRITE_ONCE(e->ret_data[1], w->ev.ret_data[1]);
	if (w->ev.ret_flags & (KEVENT_RET_DATA2 | KEVENT_RET_ERRNO))
		WRITE_ONCE(e->data2, w->ev.data2);
	if (w->ev.ret_flags & KEVENT_RET_ERRNO)
		flags &= ~KEVENT_RET_DATA2;
	WRITE_ONCE(e->ret_flags, flags);
	kev_count_merge(&e->merged);
	w->queue->merged++;
}

/* The event of a watch as it is now. */
static void kev_copy(struct ukevent *e, const struct kev_watch *w, u32 bits)
{
	*e = w->ev;
	e->ret_data[0] |= bits;
	e->cpu = raw_smp_processor_id();
}

/* Fills the slot at tail.  There is room. */
static void kev_fill(struct kev_ring *r, struct kev_watch *w, u32 bits)
{
	u32 index = r->tail, slot = index & r->mask;

	kev_copy(&r->entries[slot], w, bits);
	kev_ring_publish(r, &r->slots[slot], w, r->long_tail, w->index);
	w->index = index;
}

/* What is of one event, the waiting one or the last. */
#define KEV_RET_ONCE	(KEVENT_RET_BROKEN | KEVENT_RET_LOST)

static void kev_forget_broken(struct kev_watch *w)
{
	if (w->on != KEV_ON_READY)
		w->ev.ret_flags &= ~KEV_RET_ONCE;
}

/* The waiting event has gone out. */
static void kev_clear_pending(struct kev_watch *w)
{
	kev_forget_broken(w);
	w->ev.ret_data[0] = 0;
	w->ev.merged = 0;
	w->ev.time = 0;
}

/* The oldest letter becomes the waiting event of its watch. */
static void kev_open_letter(struct kev_watch *w)
{
	struct kev_mailbox *m = kev_mailbox_of(w);
	const struct kev_letter *l = &m->letters[m->head & (m->size - 1)];

	w->ev.ptr = l->ptr;
	w->ev.time = l->time;
	w->ev.ret_data[0] = l->bits;
	w->ev.ret_data[1] = l->total;
	m->head++;
	m->num--;
	w->queue->nready--;
}

/*
 * The waiting event of the first watch on the ready list is about to go out.  One
 * that has more goes to the end: what others have comes in between.
 */
static struct kev_watch *kev_take_first(struct kev_queue *q)
{
	struct kev_watch *w = list_first_entry(&q->ready, struct kev_watch,
					       link);

	if (w->state & KEV_W_EACH) {
		kev_open_letter(w);
		if (kev_waiting(w)) {
			list_move_tail(&w->link, &q->ready);
			return w;
		}
	}
	kev_unlist(w);
	return w;
}

/*
 * Lets watches from the ready list into the ring, in order; at most max.
 * Returns true if there were any.
 */
bool kev_handover(struct kev_queue *q, unsigned int max)
{
	u32 tail = q->ring.tail;
	struct kev_watch *w;
	struct kev_view v;

	lockdep_assert_held(&q->lock);
	if (!(q->attention & KEV_Q_READY) || (q->attention & KEV_Q_NO_RING))
		return false;
	v = kev_ring_look(&q->ring);
	while (max-- && !list_empty(&q->ready) && v.used <= q->ring.mask) {
		w = kev_take_first(q);
		kev_fill(&q->ring, w, 0);
		kev_clear_pending(w);
		v.used++;
		if (w->state & KEV_STATE_LISTED)
			kev_enlist(w);
	}
	return q->ring.tail != tail;
}

/* No slot, or others wait for one: behind them. */
static noinline bool kev_overflow(struct kev_watch *w, u32 bits)
{
	struct kev_queue *q = w->queue;

	w->ev.ret_data[0] |= bits;
	if (w->on == KEV_ON_READY) {
		kev_count_merge(&w->ev.merged);
		q->merged++;
		return false;
	}
	if (w->on == KEV_ON_CHECK)
		w->state |= KEV_W_RECHECK;
	kev_unlist(w);
	kev_list_move(w, &q->ready, KEV_ON_READY);
	q->nready++;
	q->attention |= KEV_Q_READY;
	if (q->attention & KEV_Q_NO_RING) {
		q->posted_list++;
		return true;
	}
	q->overflowed++;
	kev_ring_set_flag(&q->ring, KEVENT_RING_OVERFLOW);
	/* Partner: the consumer's fence between storing head and flags. */
	smp_mb();
	kev_handover(q, KEV_HANDOVER_POST);
	return true;
}

/* Into the unclaimed entry.  False: there is none, or it was claimed now. */
static bool kev_try_merge(struct kev_watch *w, struct kev_view *v, u32 bits)
{
	struct kev_ring *r = &w->queue->ring;

	if (r->no_seen || !kev_ring_unclaimed(r, v, w, w->index))
		return false;
	kev_merge(w, bits);
	/* Partner: the consumer's fence between storing seen and reading. */
	smp_mb();
	*v = kev_ring_look(r);
	return kev_ring_unclaimed(r, v, w, w->index);
}

/* Into the unclaimed entry, a new slot, or the ready list.  True: new. */
static bool kev_post(struct kev_watch *w, u32 bits)
{
	struct kev_queue *q = w->queue;
	struct kev_view v;

	if (q->attention & KEV_Q_NO_RING || w->on == KEV_ON_READY)
		return kev_overflow(w, bits);
	if (q->attention & KEV_Q_READY)
		kev_handover(q, KEV_HANDOVER_POST);
	v = kev_ring_look(&q->ring);
	if (kev_try_merge(w, &v, bits))
		return false;
	if (kev_ring_is_full(&q->ring, &v) || (q->attention & KEV_Q_READY))
		return kev_overflow(w, bits);
	kev_fill(&q->ring, w, bits);
	w->ev.time = 0;
	return true;
}

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
	if (w->state & KEV_STATE_LISTED)
		kev_enlist(w);
	if (new && (q->attention & (KEV_Q_SLEEPERS | KEV_Q_POLLERS))) {
		if (w->ev.req_flags & KEVENT_REQ_WAKEUP_ALL)
			how = KEV_NOTIFY_ALL;
		kev_notify(q, how, sync);
	}
	return true;
}

/* ---- Events that take an entry each ------------------------------------ */

static void kev_wait_for_slot(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	if (w->on != KEV_ON_READY)
		kev_list_move(w, &q->ready, KEV_ON_READY);
	q->nready++;
	q->attention |= KEV_Q_READY;
	if (q->attention & KEV_Q_NO_RING) {
		q->posted_list++;
		return;
	}
	q->overflowed++;
	kev_ring_set_flag(&q->ring, KEVENT_RING_OVERFLOW);
	/* Partner: the consumer's fence between storing head and flags. */
	smp_mb();
	kev_handover(q, KEV_HANDOVER_POST);
}

/* False: no room.  Who is copying one out may have to put it back. */
static bool kev_put_letter(struct kev_watch *w, const struct kev_letter *l)
{
	struct kev_mailbox *m = kev_mailbox_of(w);

	if (m->num + w->pins >= m->size)
		return false;
	m->letters[(m->head + m->num) & (m->size - 1)] = *l;
	m->num++;
	kev_wait_for_slot(w);
	return true;
}

/* Into a slot, or behind those that wait for one. */
static bool kev_send_letter(struct kev_watch *w, const struct kev_letter *l)
{
	struct kev_queue *q = w->queue;
	struct kev_view v;

	if (q->attention & KEV_Q_NO_RING)
		return kev_put_letter(w, l);
	if (q->attention & KEV_Q_READY)
		kev_handover(q, KEV_HANDOVER_POST);
	v = kev_ring_look(&q->ring);
	if (kev_ring_is_full(&q->ring, &v) || (q->attention & KEV_Q_READY))
		return kev_put_letter(w, l);
	w->ev.ptr = l->ptr;
	w->ev.time = l->time;
	w->ev.ret_data[1] = l->total;
	kev_fill(&q->ring, w, l->bits);
	kev_clear_pending(w);
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

/* It could not be copied: it is the oldest again.  There is room: see pins. */
static void kev_return_letter(struct kev_watch *w, const struct ukevent *e)
{
	struct kev_mailbox *m = kev_mailbox_of(w);

	m->head--;
	m->num++;
	m->letters[m->head & (m->size - 1)] = (struct kev_letter){
		.ptr = e->ptr,
		.time = e->time,
		.bits = e->ret_data[0],
		.total = e->ret_data[1],
	};
	w->queue->nready++;
}

/* An entry was claimed and not copied.  If there is no room, the next one says so. */
static void kev_send_again(struct kev_watch *w, const struct ukevent *e)
{
	struct kev_letter l = {
		.ptr = e->ptr,
		.time = e->time,
		.bits = e->ret_data[0],
		.total = e->ret_data[1],
	};

	if (!kev_send_letter(w, &l))
		w->ev.ret_flags |= KEVENT_RET_LOST;
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

	if (unlikely(w->ev.req_flags & KEVENT_REQ_LAST_CHECK))
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
	w->ev.req_flags |= KEVENT_REQ_ONESHOT;
	w->state &= ~(KEV_W_DISARMED | KEV_W_LEVEL | KEV_W_RECHECK);
	kev_set_values(w, ret_flags, 0, 0);
	kev_ready_locked(w, 0, 0, 0);
}

/* ---- Taking back ------------------------------------------------------- */

/*
 * Takes back what is outstanding: entries, the waiting event, lists.  Returns
 * KEVENT_RET_CANCELLED and KEVENT_RET_CLAIMED as kev_ring_cancel().
 */
u32 kev_disarm(struct kev_watch *w)
{
	u32 ret = 0;

	lockdep_assert_held(&w->queue->lock);
	if (w->on == KEV_ON_READY)
		ret = KEVENT_RET_CANCELLED;
	kev_unlist(w);
	if (w->state & KEV_W_EACH)
		kev_mailbox_of(w)->num = 0;
	kev_clear_pending(w);
	w->state &= ~KEV_W_RECHECK;
	return ret | kev_ring_cancel(&w->queue->ring, w, w->index);
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
	if (w->state & KEV_W_EACH) {
		kev_send_again(w, e);
		return;
	}
	w->ev.ret_flags |= e->ret_flags & KEV_RET_ONCE;
	w->ev.time = e->time;
	kev_post(w, e->ret_data[0]);
	if (w->state & KEV_STATE_LISTED)
		kev_enlist(w);
}

/* Takes the first event of the ready list, which is not empty: no ring. */
struct kev_watch *kev_take(struct kev_queue *q, struct ukevent *e)
{
	struct kev_watch *w;

	lockdep_assert_held(&q->lock);
	w = kev_take_first(q);
	kev_copy(e, w, 0);
	kev_clear_pending(w);
	if (w->state & KEV_STATE_LISTED)
		kev_enlist(w);
	return w;
}

/* It could not be copied: back to the front. */
void kev_untake(struct kev_watch *w, const struct ukevent *e)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	w->ev.ret_flags |= e->ret_flags & KEV_RET_ONCE;
	if (w->state & KEV_W_EACH)
		kev_return_letter(w, e);
	else
		w->ev.ret_data[0] |= e->ret_data[0];
	if (w->on == KEV_ON_READY)
		return;
	kev_unlist(w);
	if (!(w->state & KEV_W_EACH)) {
		w->ev.time = e->time;
		w->ev.merged = e->merged;
		q->nready++;
	}
	list_add(&w->link, &q->ready);
	w->on = KEV_ON_READY;
	q->attention |= KEV_Q_READY;
}
