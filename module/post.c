// SPDX-License-Identifier: GPL-2.0
/*
 * See post.h.
 */
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "delay.h"
#include "post.h"

/* How many a post moves from the ready list into the ring, with irqs off. */
#define KEV_HANDOVER_POST	16

/* ---- Lists ------------------------------------------------------------- */

/* To the end of a list: the one that it is on, or it is on none. */
static __always_inline void kev_list_move(struct kev_watch *w,
					  struct list_head *list,
					  enum kev_list on)
{
	if (w->on == KEV_ON_NONE)
		list_add_tail(&w->link, list);
	else if (!list_is_last(&w->link, list))
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
	if (w->on == KEV_ON_READY) {
		kev_unlist_ready(w, w->state & KEV_W_EACH ?
				    kev_mailbox_of(w)->num : 1);
		return;
	}
	if (w->on == KEV_ON_LEVEL) {
		kev_unlist_level(w);
		return;
	}
	list_del(&w->link);
	if (w->on == KEV_ON_FIRED)
		q->nfired--;
	else if (!--q->nask)	/* KEV_ON_CHECK */
		kev_ring_clear_flag(&q->ring, KEVENT_RING_NEED_CHECK);
	w->on = KEV_ON_NONE;
}

/* CLOCK_MONOTONIC of who opened the queue. */
u64 kev_timestamp(const struct kev_queue *q)
{
	return ktime_get_ns() + q->time_offset;
}

void kev_stamp_now(struct kev_watch *w)
{
	if (!w->ev.time)
		w->ev.time = kev_timestamp(w->queue);
}

/* With a ring: to be asked, and neither listed for that nor waiting for a slot. */
static noinline bool kev_enlist_check(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	if (w->on != KEV_ON_NONE)
		kev_unlist(w);
	q->nask++;
	kev_list_move(w, &q->check, KEV_ON_CHECK);
	kev_ring_set_flag(&q->ring, KEVENT_RING_NEED_CHECK);
	return true;
}

/*
 * The file is to be asked in a task; without a ring, by the taker.  False: it is on
 * the list already.
 */
bool kev_enlist_ask(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	bool new = w->on != KEV_ON_READY;

	lockdep_assert_held(&q->lock);
	if (w->on == KEV_ON_CHECK || (w->state & KEV_W_ASK))
		return false;
	if (kev_has_ring(q) && new)
		return kev_enlist_check(w);
	w->state |= KEV_W_ASK;
	if (kev_has_ring(q))
		return false;
	q->nask++;
	if (new)
		kev_enlist_ready(w);
	return new;
}

/* It was asked, and could not be copied out: it is the first to be asked again. */
void kev_enlist_first(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	if (w->on != KEV_ON_NONE)
		return;		/* a wake-up was faster */
	kev_enlist_ask(w);
	list_move(&w->link, kev_ask_list(q));
}

/*
 * Level watches are to be asked again, a fired one-shot is to be reaped.  Both
 * lists are in the order of posting, so that whoever works on them stops at the
 * first whose turn has not come.
 */
void kev_enlist(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	if (w->on == KEV_ON_READY)
		return;
	if (w->state & KEV_W_ASK) {
		w->state &= ~KEV_W_ASK;
		kev_enlist_ask(w);
	} else if (w->state & KEV_W_FIRED) {
		kev_unlist(w);
		kev_list_move(w, &q->fired, KEV_ON_FIRED);
		q->nfired++;
	} else {
		kev_enlist_level(w);
	}
}

/* A level watch that was posted, and is not to be asked for another reason. */
void kev_enlist_level(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	if (w->on == KEV_ON_CHECK)
		return;
	kev_list_move(w, &q->level, KEV_ON_LEVEL);
	kev_ring_set_flag(&q->ring, KEVENT_RING_LEVEL);
}

/* ---- An event that waits ----------------------------------------------- */

/* Into an event that nobody has taken, in the ring or waiting. */
static void kev_merge(struct kev_watch *w, struct ukevent *e,
		      const struct kev_values *v)
{
	u32 flags = e->ret_flags | v->ret_flags;

	WRITE_ONCE(e->ret_data[0], e->ret_data[0] | v->bits);
	if (v->ret_flags & KEVENT_RET_DATA)
		WRITE_ONCE(e->ret_data[1], v->data);
	/* data2 is one word: the errno goes before the space to send */
	if (flags & KEVENT_RET_ERRNO)
		flags &= ~KEVENT_RET_DATA2;
	if (v->ret_flags & KEVENT_RET_ERRNO ||
	    (flags & v->ret_flags & KEVENT_RET_DATA2))
		WRITE_ONCE(e->data2, v->data2);
	WRITE_ONCE(e->ret_flags, flags);
	if (e->merged != U16_MAX)
		WRITE_ONCE(e->merged, e->merged + 1);
	w->queue->merged++;
	trace_kevent_merge(w, e);
}

/*
 * Adds to the event of a watch that waits, or is about to, or is just being taken.
 * With LAST_CHECK it is replaced: it says what holds when it is taken, and no more.
 */
void kev_set_waiting(struct kev_watch *w, const struct kev_values *v)
{
	if (kev_has_waiting(w) &&
	    !(w->ev.req_flags & KEVENT_REQ_LAST_CHECK)) {
		kev_merge(w, &w->ev, v);
		return;
	}
	kev_set_first(w, v);
}

/* The oldest letter becomes the waiting event of its watch. */
void kev_open_letter(struct kev_watch *w)
{
	struct kev_mailbox *m = kev_mailbox_of(w);
	const struct kev_letter *l = &m->letters[m->head & (m->size - 1)];

	w->ev.ptr = l->ptr;
	w->ev.time = l->time;
	w->ev.cpu = l->cpu;
	w->ev.ret_data[0] = l->bits;
	w->ev.ret_data[1] = l->total;
	w->ev.ret_flags = KEVENT_RET_DATA;
}

/* That letter was taken.  A watch that has more goes to the end of the list. */
void kev_letter_done(struct kev_watch *w)
{
	struct kev_mailbox *m = kev_mailbox_of(w);
	struct kev_queue *q = w->queue;

	m->head++;
	if (!--m->num) {
		kev_unlist_ready(w, 1);
		return;
	}
	q->nready--;
	list_move_tail(&w->link, &q->ready);
}

/* Wakes a sleeper and outer pollers: an event was posted, or waits on a list. */
static __always_inline unsigned int kev_made(struct kev_watch *w, int sync, unsigned int how)
{
	struct kev_queue *q = w->queue;

	if (likely(!(q->attention & KEV_Q_WAITERS)))
		return KEV_TOLD_NEW;
	/* also of what the caller takes */
	if (w->ev.req_flags & KEVENT_REQ_WAKEUP_ALL)
		how = KEV_NOTIFY_ALL;
	return KEV_TOLD_NEW | kev_notify(q, how, sync);
}

/* Without a ring: the file was asked and is ready, and the event waits for a taker. */
void kev_keep(struct kev_watch *w)
{
	if (w->on != KEV_ON_NONE)
		return;		/* a wake-up was faster */
	kev_enlist_ready(w);
	/* a sleeper that looked while it was being asked has found nothing */
	kev_made(w, 0, 0);
}

/* ---- Into the ring ----------------------------------------------------- */

static void kev_fill_waiting(struct kev_ring *r, struct kev_watch *w)
{
	u64 tail = r->long_tail;
	u32 slot = (u32)tail & r->mask;

	r->entries[slot] = w->ev;
	kev_ring_publish(r, &r->slots[slot], w, tail, w->index);
	w->index = tail;
	kev_trace_event(w, &w->ev);
}

/**
 * kev_handover() - move events from the ready list into the ring, in order
 * @q: the queue.
 * @max: at most so many.
 * @taker: the caller takes the first one: it wakes no sleeper.  Cleared then.  Or NULL.
 *
 * Context: queue->lock held.  Returns KEV_TOLD_*.
 */
unsigned int kev_handover(struct kev_queue *q, unsigned int max, bool *taker)
{
	unsigned int told = 0, how;
	struct kev_watch *w;
	struct kev_view v;
	u16 ask;

	lockdep_assert_held(&q->lock);
	if (!(q->attention & KEV_Q_READY) || !kev_has_ring(q))
		return 0;
	v = kev_ring_look(&q->ring);
	while (max-- && q->nready && v.used <= q->ring.mask) {
		w = kev_first_waiting(q);
		kev_fill_waiting(&q->ring, w);
		v.used++;
		how = 0;
		if (taker && *taker)
			how = KEV_NOTIFY_OUTER;
		if (taker)
			*taker = false;
		told |= kev_made(w, 0, how);
		/* kev_waiting_done() clears it with the list */
		ask = w->state & KEV_W_ASK;
		kev_waiting_done(w);
		w->state |= ask;
		if (w->state & KEV_W_LISTED)
			kev_enlist(w);
	}
	return told;
}

/* An event waits for a slot: whoever frees one is asked to make a call. */
static noinline unsigned int kev_overflowed(struct kev_queue *q)
{
	q->overflowed++;
	/*
	 * Set as long as events wait.  Who has freed a slot since then sees it, at the
	 * latest at the end of its batch.
	 */
	if (q->ring.flags & KEVENT_RING_OVERFLOW)
		return 0;
	kev_ring_set_flag(&q->ring, KEVENT_RING_OVERFLOW);
	KEV_DELAY(OVERFLOW_FLAG);
	/* Partner: the consumer's fence between storing head and flags. */
	smp_mb();
	return kev_handover(q, KEV_HANDOVER_POST, NULL);
}

/* No ring, no slot, or others wait for one: to the end of the ready list. */
static __always_inline unsigned int kev_overflow(struct kev_watch *w,
						 const struct kev_values *v)
{
	bool ask = w->on == KEV_ON_CHECK;

	if (w->on == KEV_ON_READY) {
		kev_set_waiting(w, v);
		return 0;
	}
	if (unlikely(w->on != KEV_ON_NONE))
		kev_unlist(w);
	/* it still has one while a taker asks the file, with the lock dropped */
	if (unlikely(kev_has_waiting(w)))
		kev_set_waiting(w, v);
	else
		kev_set_first(w, v);
	/* asked when it has its slot, unless this was its only event */
	if (ask && !(w->state & KEV_W_DISARMED))
		w->state |= KEV_W_ASK;
	kev_enlist_ready(w);
	return kev_has_ring(w->queue) ? kev_overflowed(w->queue) : kev_made(w, 0, 0);
}

/*
 * A GET_EVENTS has found something, and could not copy it out, or is just asking the file
 * again: that is told now, with what came.
 */
static void kev_add_waiting(struct kev_watch *w, struct kev_values *v)
{
	u64 time = w->ev.time;

	if (v->bits | v->ret_flags)
		kev_set_waiting(w, v);
	*v = (struct kev_values){
		.bits = w->ev.ret_data[0],
		.ret_flags = w->ev.ret_flags,
		.data = w->ev.ret_data[1],
		.data2 = w->ev.data2,
	};
	kev_clear_waiting(w);
	w->ev.time = time;
}

/* Into the unclaimed entry.  False: there is none, or it was claimed now. */
static bool kev_try_merge(struct kev_watch *w, struct kev_view *view,
			  const struct kev_values *v)
{
	struct kev_ring *r = &w->queue->ring;

	if (r->no_seen || !kev_ring_unclaimed(r, view, w, w->index))
		return false;
	KEV_DELAY(MERGE);
	kev_merge(w, kev_ring_entry(r, w->index), v);
	KEV_DELAY(MERGED);
	/* Partner: the consumer's fence between storing seen and reading. */
	smp_mb();
	*view = kev_ring_look(r);
	return kev_ring_unclaimed(r, view, w, w->index);
}

/**
 * kev_post() - post an event
 * @w: its watch.
 * @v: what came.
 * @sync: wake flags of the waker.
 * @how: KEV_NOTIFY_*.
 *
 * Into the unclaimed entry, a new slot, or the ready list.  Context: queue->lock
 * held.  Returns KEV_TOLD_*.
 */
unsigned int kev_post(struct kev_watch *w, struct kev_values *v, int sync,
		      unsigned int how)
{
	struct kev_queue *q = w->queue;
	struct kev_view view;

	if (!kev_has_ring(q) || w->on == KEV_ON_READY)
		goto overflow;
	view = kev_ring_look(&q->ring);
	if (unlikely(q->attention & KEV_Q_READY) &&
	    !kev_ring_is_full(&q->ring, &view)) {
		kev_handover(q, KEV_HANDOVER_POST, NULL);
		view = kev_ring_look(&q->ring);
	}
	if (unlikely(kev_has_waiting(w)))
		kev_add_waiting(w, v);
	if (kev_try_merge(w, &view, v)) {
		w->ev.time = 0;
		return 0;
	}
	if (kev_ring_is_full(&q->ring, &view) || (q->attention & KEV_Q_READY))
		goto overflow;
	kev_stamp(w);
	kev_fill(&q->ring, w, q->ring.long_tail, w->index, v, w->ev.time);
	w->ev.time = 0;
	return kev_made(w, sync, how);

overflow:
	return kev_overflow(w, v);
}

/* Is it full, also when the ring has taken what it can?  Context: queue->lock held. */
bool kev_mailbox_is_full(struct kev_watch *w)
{
	struct kev_mailbox *m = kev_mailbox_of(w);

	if (m->num == m->size)
		kev_handover(w->queue, KEV_HANDOVER_POST, NULL);
	return m->num == m->size;
}

/**
 * kev_post_letter() - post an event that takes an entry of its own
 * @w: its watch, a mailbox.
 * @bits: for ret_data[0].
 * @ptr: for ptr.
 *
 * Context: queue->lock held.  Returns 0, or -EAGAIN if the mailbox is full; then
 * nothing was done.
 */
int kev_post_letter(struct kev_watch *w, u32 bits, u64 ptr)
{
	struct kev_mailbox *m = kev_mailbox_of(w);
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->lock);
	if (kev_mailbox_is_full(w))
		return -EAGAIN;
	m->letters[(m->head + m->num++) & (m->size - 1)] = (struct kev_letter){
		.ptr = ptr,
		.time = w->ev.req_flags & KEVENT_REQ_TIMESTAMP ?
			kev_timestamp(q) : 0,
		.bits = bits,
		.total = ++m->total,
		.cpu = raw_smp_processor_id(),
	};
	kev_enlist_ready(w);
	if (!kev_has_ring(q)) {
		kev_made(w, 0, 0);
		return 0;
	}
	kev_handover(q, KEV_HANDOVER_POST, NULL);
	if (q->attention & KEV_Q_READY)
		kev_overflowed(q);
	return 0;
}

/* ---- Taking back ------------------------------------------------------- */

/* Takes back what waits for a slot, and takes it off the lists. */
static void kev_take_back_waiting(struct kev_watch *w, struct kev_taken *taken)
{
	if ((w->state & KEV_W_EACH) ? w->on == KEV_ON_READY : kev_has_waiting(w)) {
		taken->ret = KEVENT_RET_CANCELLED;
		taken->bits |= w->ev.ret_data[0];
		taken->lost |= w->ev.ret_flags & KEVENT_RET_LOST;
	}
	kev_unlist(w);
	if (w->state & KEV_W_EACH)
		kev_mailbox_of(w)->num = 0;
	kev_clear_waiting(w);
	w->state &= ~KEV_W_ASK;
}

/*
 * See kev_disarm().  Between two batches of kev_ring_cancel() the lock is dropped, and
 * the watch is as if it had its older entries alone: if it is armed it may get new
 * events, which are taken back as well.
 */
void kev_disarm_long(struct kev_watch *w, struct kev_taken *taken)
	__must_hold(&w->queue->lock)
{
	struct kev_queue *q = w->queue;

	kev_take_back_waiting(w, taken);
	kev_ring_cancel(&q->ring, w, &w->index, taken);
	while (unlikely(kev_ring_owns(&q->ring, w, w->index))) {
		kev_breathe(q);
		kev_take_back_waiting(w, taken);
		kev_ring_cancel(&q->ring, w, &w->index, taken);
	}
	if (taken->ret)
		trace_kevent_cancel(w, taken->bits);
}
