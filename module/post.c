// SPDX-License-Identifier: GPL-2.0
/*
 * Where an event goes that is posted: into the unclaimed entry, a new slot, or
 * the ready list; the lists of watches; and what is taken back from all of them.
 *
 * All under queue->lock.
 */
#include <linux/sched.h>
#include <linux/smp.h>

#include "delay.h"
#include "post.h"

/* How many are let in from the ready list by a post, with irqs off. */
#define KEV_HANDOVER_POST	8

/* ---- Lists ------------------------------------------------------------- */

/* Lists that mean work for the next call: queue->ntodo counts them. */
static bool kev_list_is_todo(enum kev_list on)
{
	return on == KEV_ON_CHECK || on == KEV_ON_FIRED;
}

/* To the end of a list: the one that it is on, or it is on none. */
void kev_list_move(struct kev_watch *w, struct list_head *list,
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

/*
 * Level watches are to be asked again, a fired one-shot is to be reaped.  Both
 * lists are in the order of posting, so that whoever works on them stops at the
 * first whose turn has not come.
 */
void kev_enlist(struct kev_watch *w)
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
	w->state &= ~KEV_W_APART;
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

/* One more event of a watch waits for a slot, behind the others. */
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
	KEV_DELAY(OVERFLOW_FLAG);
	/* Partner: the consumer's fence between storing head and flags. */
	smp_mb();
	kev_handover(q, KEV_HANDOVER_POST);
}

/* A watch on the check list is about to wait on the ready list instead. */
static void kev_recheck_later(struct kev_watch *w)
{
	if (w->on == KEV_ON_CHECK && !(w->state & KEV_W_DISARMED))
		w->state |= KEV_W_RECHECK;
}

/* No slot, or others wait for one: behind them. */
static noinline bool kev_overflow(struct kev_watch *w, u32 bits)
{
	w->ev.ret_data[0] |= bits;
	if (w->on == KEV_ON_READY) {
		kev_count_merge(&w->ev.merged);
		w->queue->merged++;
		return false;
	}
	kev_recheck_later(w);
	kev_unlist(w);
	kev_wait_for_slot(w);
	return true;
}

/* Into the unclaimed entry.  False: there is none, or it was claimed now. */
static bool kev_try_merge(struct kev_watch *w, struct kev_view *v, u32 bits)
{
	struct kev_ring *r = &w->queue->ring;

	if (r->no_seen || (w->state & KEV_W_APART) ||
	    !kev_ring_unclaimed(r, v, w, w->index))
		return false;
	KEV_DELAY(MERGE);
	kev_merge(w, bits);
	KEV_DELAY(MERGED);
	/* Partner: the consumer's fence between storing seen and reading. */
	smp_mb();
	*v = kev_ring_look(r);
	return kev_ring_unclaimed(r, v, w, w->index);
}

/* Into the unclaimed entry, a new slot, or the ready list.  True: new. */
bool kev_post(struct kev_watch *w, u32 bits)
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

/* ---- Letters: events that take an entry each --------------------------- */

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
bool kev_send_letter(struct kev_watch *w, const struct kev_letter *l)
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

/* What became an entry, and could not be copied out. */
static struct kev_letter kev_letter_of(const struct ukevent *e)
{
	return (struct kev_letter){
		.ptr = e->ptr,
		.time = e->time,
		.bits = e->ret_data[0],
		.total = e->ret_data[1],
	};
}

/* It is the oldest again.  There is room: see pins. */
static void kev_return_letter(struct kev_watch *w, const struct ukevent *e)
{
	struct kev_mailbox *m = kev_mailbox_of(w);

	m->head--;
	m->num++;
	m->letters[m->head & (m->size - 1)] = kev_letter_of(e);
	w->queue->nready++;
}

/* From the ring.  If there is no room, the next one says so. */
static void kev_send_again(struct kev_watch *w, const struct ukevent *e)
{
	struct kev_letter l = kev_letter_of(e);

	if (!kev_send_letter(w, &l))
		w->ev.ret_flags |= KEVENT_RET_LOST;
}

/* ---- Taking back ------------------------------------------------------- */

/* Lets irqs on for a moment, and others on to the CPU.  Context: process. */
void kev_breathe(struct kev_queue *q)
	__must_hold(&q->lock)
{
	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(BREATHE);
	cond_resched();
	raw_spin_lock_irq(&q->lock);
}

/* Takes back what waits for a slot, and takes it off the lists. */
static u32 kev_take_back_waiting(struct kev_watch *w)
{
	u32 ret = 0;

	if (w->on == KEV_ON_READY)
		ret = KEVENT_RET_CANCELLED;
	kev_unlist(w);
	if (w->state & KEV_W_EACH)
		kev_mailbox_of(w)->num = 0;
	kev_clear_pending(w);
	w->state &= ~(KEV_W_RECHECK | KEV_W_TAKEN);
	return ret;
}

/*
 * Takes back what is outstanding: entries, the waiting event, lists.  Returns
 * KEVENT_RET_CANCELLED and KEVENT_RET_CLAIMED as kev_ring_cancel().
 *
 * A watch with more entries than kev_ring_cancel() does at a time is left in
 * between, for others as it would be with the older ones alone: one that is
 * armed may get new events, which are taken back as well.
 * Context: queue->mutex and queue->lock held; the latter is dropped meanwhile.
 */
u32 kev_disarm(struct kev_watch *w)
	__must_hold(&w->queue->lock)
{
	struct kev_queue *q = w->queue;
	u32 ret;

	lockdep_assert_held(&q->mutex);
	lockdep_assert_held(&q->lock);
	ret = kev_take_back_waiting(w);
	ret |= kev_ring_cancel(&q->ring, w, &w->index);
	while (unlikely(kev_ring_owns(&q->ring, w, w->index))) {
		kev_breathe(q);
		ret |= kev_take_back_waiting(w);
		ret |= kev_ring_cancel(&q->ring, w, &w->index);
	}
	return ret;
}

/* The same for a dead watch whose entries were all freed: nobody looks there. */
void kev_disown(struct kev_watch *w)
	__must_hold(&w->queue->lock)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	kev_ring_disown(&q->ring, w, &w->index);
	while (unlikely(kev_ring_owns(&q->ring, w, w->index))) {
		kev_breathe(q);
		kev_ring_disown(&q->ring, w, &w->index);
	}
}

/*
 * GET_EVENTS claimed this entry and could not copy it: post it again, unless
 * its watch has ended.  What the watch knows is as new as what the entry says.
 */
void kev_post_again(struct kev_queue *q, u32 index)
{
	const struct ukevent *e = kev_ring_entry(&q->ring, index);
	struct kev_watch *w = q->ring.slots[index & q->ring.mask].owner;

	lockdep_assert_held(&q->lock);
	/* dead: its entries are just being cancelled */
	if (!w || (w->state & KEV_W_DEAD) ||
	    (e->ret_flags & KEVENT_RET_CANCELLED))
		return;
	if (w->state & KEV_W_EACH) {
		kev_send_again(w, e);
		kev_notify(q, 0, 0);
		return;
	}
	w->ev.ret_flags |= e->ret_flags & KEV_RET_ONCE;
	w->ev.time = e->time;
	kev_post(w, e->ret_data[0]);
	if (w->state & KEV_STATE_LISTED)
		kev_enlist(w);
	kev_notify(q, 0, 0);
}

/* Takes the first event of the ready list, which is not empty: no ring. */
struct kev_watch *kev_take(struct kev_queue *q, struct ukevent *e)
{
	struct kev_watch *w;

	lockdep_assert_held(&q->lock);
	w = kev_take_first(q);
	kev_copy(e, w, 0);
	kev_clear_pending(w);
	w->state |= KEV_W_TAKEN;
	if (w->state & KEV_STATE_LISTED)
		kev_enlist(w);
	return w;
}

/* The watch of an event that is given back waits first. */
static void kev_return_first(struct kev_watch *w, const struct ukevent *e)
{
	struct kev_queue *q = w->queue;

	kev_recheck_later(w);
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

/* It could not be copied: back to the front, unless it was taken back. */
void kev_untake(struct kev_watch *w, const struct ukevent *e)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	if (!(w->state & KEV_W_TAKEN))
		return;
	/* it was, and the last event was made and taken in between */
	if ((w->state & KEV_W_UNTABLED) && !(e->ret_flags & KEVENT_RET_CLOSED))
		return;
	w->ev.ret_flags |= e->ret_flags & KEV_RET_ONCE;
	if (w->state & KEV_W_EACH)
		kev_return_letter(w, e);
	else
		w->ev.ret_data[0] |= e->ret_data[0];
	if (w->on != KEV_ON_READY)
		kev_return_first(w, e);
	kev_notify(q, 0, 0);
}
