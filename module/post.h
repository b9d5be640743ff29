/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where an event goes that is posted: into the unclaimed entry, a new slot, or
 * the ready list; the lists of watches; and what is taken back from all of them.
 *
 * All under queue->lock.
 */
#ifndef KEV_POST_H
#define KEV_POST_H

#include <linux/smp.h>

#include "notify.h"
#include "trace.h"

/* The states of a watch that is put on a list after its slot was filled. */
#define KEV_W_LISTED	(KEV_W_FIRED | KEV_W_LEVEL | KEV_W_ASK)

static inline struct kev_mailbox *kev_mailbox_of(struct kev_watch *w)
{
	return container_of(w, struct kev_mailbox, watch);
}

/*
 * Fills the slot at tail, which is free.  Words are copied one by one: a rep mov
 * costs more for so few.
 */
static __always_inline void kev_fill(struct kev_ring *r, struct kev_watch *w,
				     u64 tail, u32 last,
				     const struct kev_values *v, u64 time)
{
	const u64 *from = (const u64 *)&w->ev;
	u32 slot = (u32)tail & r->mask;
	struct ukevent *e = &r->entries[slot];
	u64 *to = (u64 *)e;

	to[0] = from[0];	/* id */
	to[1] = from[1];	/* type, event */
	to[2] = kev_pair(w->ev.req_flags, v->ret_flags);
	to[3] = kev_pair(v->bits, v->data);
	to[4] = from[4];	/* ptr */
	to[5] = from[5];	/* cookie */
	to[6] = time;
	/* cpu, none merged */
	to[7] = kev_pair(raw_smp_processor_id(), v->data2);
	kev_ring_publish(r, &r->slots[slot], w, tail, last);
	w->index = tail;
	kev_trace_event(w, e);
}

/*
 * Fills the slot at tail if there is room and nothing to merge with.  The watch
 * is not on the ready list and wants no time stamp.
 */
static __always_inline bool kev_try_fill(struct kev_ring *r,
					 struct kev_watch *w,
					 const struct kev_values *v)
{
	const struct kevent_ring_user *user = r->user;
	u64 long_tail = r->long_tail;
	u32 seen, head, tail = long_tail, index = w->index;

	/*
	 * As kev_ring_look() and its users, but a seen that is out of range is
	 * taken as it is: the watch then gets a second entry, not more.
	 */
	/* Partner: the consumer's release of seen */
	seen = smp_load_acquire(&user->seen);
	head = READ_ONCE(user->head);
	if (unlikely(tail - head > r->mask))
		return false;
	if (tail - index <= tail - seen &&
	    r->slots[index & r->mask].owner == w)
		return false;
	kev_fill(r, w, long_tail, index, v, 0);
	return true;
}

/* Is the first level watch to be asked again: was its entry claimed? */
static inline bool kev_level_due(struct kev_queue *q, const struct kev_view *v)
{
	struct kev_watch *w;

	if (list_empty(&q->level))
		return false;
	w = list_first_entry(&q->level, struct kev_watch, link);
	return !kev_ring_unclaimed(&q->ring, v, w, w->index);
}

/* Is the watch, which is on the list for that, to be asked before it is taken? */
static inline bool kev_must_ask(const struct kev_watch *w)
{
	return w->on == KEV_ON_CHECK || (w->state & KEV_W_ASK) ||
	       (w->ev.req_flags & KEVENT_REQ_LAST_CHECK);
}

/* It has had its turn, and was listed for another: not before those that wait for one. */
static inline void kev_list_turned(struct kev_watch *w)
{
	list_move_tail(&w->link, &w->queue->turned);
}

/* A call begins, in which they have their turns, after the others. */
static __always_inline void kev_begin_turns(struct kev_queue *q)
{
	list_splice_tail_init(&q->turned, kev_ask_list(q));
}

u64 kev_timestamp(const struct kev_queue *q);
void kev_stamp_now(struct kev_watch *w);
void kev_unlist(struct kev_watch *w);
void kev_enlist(struct kev_watch *w);
void kev_enlist_level(struct kev_watch *w);
void kev_enlist_first(struct kev_watch *w);
void kev_keep(struct kev_watch *w);
bool kev_enlist_ask(struct kev_watch *w);
unsigned int kev_post(struct kev_watch *w, struct kev_values *v, int sync,
		      unsigned int how);
bool kev_mailbox_is_full(struct kev_watch *w);
int kev_post_letter(struct kev_watch *w, u32 bits, u64 ptr);
unsigned int kev_handover(struct kev_queue *q, unsigned int max, bool *taker);
void kev_open_letter(struct kev_watch *w);
void kev_set_waiting(struct kev_watch *w, const struct kev_values *v);
void kev_letter_done(struct kev_watch *w);
void kev_disarm_long(struct kev_watch *w, struct kev_taken *taken);

/* An event begins: the time of those that want it. */
static inline void kev_stamp(struct kev_watch *w)
{
	if (unlikely(w->ev.req_flags & KEVENT_REQ_TIMESTAMP))
		kev_stamp_now(w);
}

/* Has the watch an event, that was not taken yet? */
static inline bool kev_has_waiting(const struct kev_watch *w)
{
	return w->ev.ret_data[0] | w->ev.ret_flags;
}

/* The event that waited was taken or dropped. */
static inline void kev_clear_waiting(struct kev_watch *w)
{
	w->ev.ret_data[0] = 0;
	w->ev.ret_flags = 0;
	w->ev.merged = 0;
	w->ev.time = 0;
}

/* Waits on the ready list from now on, behind the others; it is on no list, or there. */
static __always_inline void kev_enlist_ready(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	if (w->on == KEV_ON_NONE) {
		list_add_tail(&w->link, &q->ready);
		w->on = KEV_ON_READY;
	}
	q->nready++;
	q->attention |= KEV_Q_READY;
	if (!kev_has_ring(q))
		w->index = ++q->ring.long_tail;
}

/* Off the ready list, with its num events. */
static __always_inline void kev_unlist_ready(struct kev_watch *w, u32 num)
{
	struct kev_queue *q = w->queue;

	list_del(&w->link);
	w->on = KEV_ON_NONE;
	if ((w->state & KEV_W_ASK) && !kev_has_ring(q))
		q->nask--;
	w->state &= ~KEV_W_ASK;
	q->nready -= num;
	if (!q->nready) {
		q->attention &= ~KEV_Q_READY;
		kev_ring_clear_flag(&q->ring, KEVENT_RING_OVERFLOW);
	}
}

/* Off the level list. */
static __always_inline void kev_unlist_level(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	list_del(&w->link);
	w->on = KEV_ON_NONE;
	if (list_empty(&q->level))
		kev_ring_clear_flag(&q->ring, KEVENT_RING_LEVEL);
}

/* The event of a watch that has none yet. */
static __always_inline void kev_set_first(struct kev_watch *w,
					  const struct kev_values *v)
{
	kev_stamp(w);
	w->ev.ret_data[0] = v->bits;
	w->ev.ret_flags = v->ret_flags;
	if (v->ret_flags & KEVENT_RET_DATA)
		w->ev.ret_data[1] = v->data;
	w->ev.data2 = v->data2;
	w->ev.cpu = raw_smp_processor_id();
	w->ev.merged = 0;
}

/* The watch that waits first; the event is in w->ev. */
static __always_inline struct kev_watch *kev_first_waiting(struct kev_queue *q)
{
	struct kev_watch *w = list_first_entry(&q->ready, struct kev_watch,
					       link);

	if (unlikely(w->state & KEV_W_EACH))
		kev_open_letter(w);
	return w;
}

/*
 * The waiting event of a watch was put into the ring or copied out.  One that has
 * more letters goes to the end: what others have comes in between.
 */
static __always_inline void kev_waiting_done(struct kev_watch *w)
{
	kev_clear_waiting(w);
	if (unlikely(w->state & KEV_W_EACH))
		kev_letter_done(w);
	else
		kev_unlist_ready(w, 1);
}

/*
 * A watch was asked.  True: w->ev is its event.  If the file is not ready, an event
 * that came before is still one, but not with LAST_CHECK.
 */
static __always_inline bool kev_is_event(struct kev_watch *w,
					 const struct kev_values *v)
{
	bool last = w->ev.req_flags & KEVENT_REQ_LAST_CHECK;

	if (likely(v->bits && !(w->state & KEV_W_DISARMED))) {
		if (likely(last || !kev_has_waiting(w)))
			kev_set_first(w, v);
		else
			kev_set_waiting(w, v);
		return true;
	}
	if (last)
		kev_clear_waiting(w);
	return kev_has_waiting(w);
}

/**
 * kev_disarm() - take back what is outstanding: entries, the waiting event, lists
 * @w: its watch.
 * @taken: added to.
 *
 * Context: queue->mutex and queue->lock held; the latter is dropped meanwhile.
 */
static inline void kev_disarm(struct kev_watch *w, struct kev_taken *taken)
	__must_hold(&w->queue->lock)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->mutex);
	lockdep_assert_held(&q->lock);
	/* on no list, with an event: a call is asking the file */
	if (unlikely(w->on != KEV_ON_NONE || kev_has_waiting(w) ||
		     kev_ring_owns(&q->ring, w, w->index))) {
		kev_disarm_long(w, taken);
		return;
	}
	kev_clear_waiting(w);
	w->state &= ~KEV_W_ASK;
}

/* A level watch was posted: to be asked again, behind the others, once claimed. */
static __always_inline void kev_level_posted(struct kev_queue *q,
					     struct kev_watch *w)
{
	if (w->on != KEV_ON_LEVEL || !list_is_last(&w->link, &q->level))
		kev_enlist_level(w);
}

#endif /* KEV_POST_H */
