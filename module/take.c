// SPDX-License-Identifier: GPL-2.0
/*
 * GET_EVENTS, and read(2) of events: copying them out.
 *
 * An event is taken when it has been copied, and both under queue->lock, with page
 * faults off: so none has to be given back.  If the program's memory is not there,
 * it is fetched with the lock dropped, and that is tried again.
 *
 * Watches that are to be asked are asked here, each once, just before it is copied:
 * what is over is dropped.  So an event of a watch with LAST_CHECK says what is
 * true now; and so do those of level-triggered ones, and of files that a wake-up
 * could not ask.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "compat/eventpoll.h"
#include "delay.h"
#include "ready.h"
#include "source.h"
#include "take.h"
#include "trace.h"
#include "watch.h"

/* Events copied before the lock is dropped for a moment. */
#define KEV_TAKE_MAX	16

/*
 * size: of the program's structure, a struct ukevent or a struct epoll_event.  Context:
 * queue->lock held.
 * False: the memory is not there, or not writable.
 */
static bool kev_put_event(char __user *to, size_t size, const struct ukevent *e)
{
	struct epoll_event __user *ep = (void __user *)to;
	bool done = false;

	pagefault_disable();
	if (!user_write_access_begin(to, size))
		goto out;
	if (size == sizeof(struct epoll_event)) {
		unsafe_put_user((__force __poll_t)e->ret_data[0], &ep->events,
				fault);
		unsafe_put_user(e->ptr, &ep->data, fault);
		done = true;
		goto fault;
	}
	kev_unsafe_put_event(to, e, fault);
	done = true;
fault:
	user_write_access_end();
out:
	pagefault_enable();
	return done;
}

/* ---- From the ring ----------------------------------------------------- */

/*
 * Was this entry made by a WAIT, earlier, of a watch that wants to be asked when it
 * is handed out?  Not if the watch has ended since.
 */
static bool kev_may_recall(struct kev_queue *q, u32 index)
{
	const struct kev_watch *w = q->ring.slots[index & q->ring.mask].owner;

	return unlikely(kev_ring_entry(&q->ring, index)->req_flags &
			KEVENT_REQ_LAST_CHECK) &&
	       w && w->index == index &&
	       (w->ev.req_flags & KEVENT_REQ_LAST_CHECK) &&
	       !(w->state & (KEV_W_DEAD | KEV_W_UNTABLED | KEV_W_UNHOOKED));
}

/* The entry was claimed, and is dropped: the watch is listed to be asked instead. */
static void kev_recall(struct kev_queue *q, u32 index)
{
	struct kev_watch *w = q->ring.slots[index & q->ring.mask].owner;

	kev_ring_recall(&q->ring, &w->index);
	kev_unlist(w);
	w->state &= ~(KEV_W_DISARMED | KEV_W_FIRED);
	kev_enlist_ask(w);
}

/*
 * Copies up to max entries from the first unclaimed one, then claims them.  *taken:
 * how many slots that were; some may have been cancelled.  Returns how many were
 * copied, or -EFAULT if that stopped it.
 */
static int kev_copy_entries(struct kev_queue *q, const struct kev_view *v,
			    char __user *buf, size_t size, u32 max, u32 *taken)
{
	u32 n = min3(q->ring.tail - v->claim, max, KEV_TAKE_MAX + 0u);
	const struct ukevent *e;
	int num = 0;

	for (*taken = 0; *taken < n; ++*taken) {
		e = kev_ring_entry(&q->ring, v->claim + *taken);
		if (e->ret_flags & KEVENT_RET_CANCELLED)
			continue;
		if (kev_may_recall(q, v->claim + *taken))
			break;
		if (unlikely(!kev_put_event(buf + num * size, size, e)))
			return num ?: -EFAULT;
		num++;
	}
	return num;
}

/*
 * Takes entries, and frees their slots.  Returns how many; -EFAULT; or -EAGAIN:
 * look again.  *left: one more, if the first is to be asked.
 */
static int kev_take_entries(struct kev_queue *q, char __user *buf, size_t size,
			    u32 max, u32 *left)
{
	struct kev_view v = kev_ring_look(&q->ring);
	bool recall = kev_may_recall(q, v.claim);
	u32 taken = 1, from = v.claim, freed = 0;
	int num = 0;

	if (likely(!recall))
		num = kev_copy_entries(q, &v, buf, size, max, &taken);
	KEV_DELAY(COPIED);
	if (!taken)
		return num;
	if (!kev_ring_claim(&q->ring, &v, taken))
		return -EAGAIN;
	if (unlikely(recall)) {
		kev_recall(q, from);
		++*left;
	}
	if (!q->ring.no_seen)
		kev_ring_commit_range(&q->ring, &from, from + taken, &freed);
	return num ?: -EAGAIN;	/* all cancelled: perhaps there are more */
}

/* ---- From the list ----------------------------------------------------- */

/*
 * Asks a watch that is on the list.  True: it is ready, and w->ev is the event; *place:
 * it could be asked under the lock, and is on the list still.  False: it is not ready,
 * or it has ended.
 */
static __always_inline bool kev_take_ask(struct kev_watch *w, bool *place)
	__must_hold(&w->queue->lock)
{
	struct kev_queue *q = w->queue;
	struct kev_values v;

	*place = kev_watch_look(w, &v);
	if (unlikely(!*place)) {
		kev_unlist(w);
		if (!kev_watch_ask_task(w, &v))
			return false;
		/* another call has found it ready, and that waits for a slot */
		if (kev_has_ring(q) && w->on == KEV_ON_READY) {
			if (v.bits)
				kev_ready_long(w, v, 0, KEV_NOTIFY_ASKED);
			return false;
		}
	}
	if (likely(kev_is_event(w, &v)))
		return true;
	if (*place)
		kev_unlist(w);
	kev_not_ready(w);
	return false;
}

/* A level-triggered watch was asked in its place, and copied: it is the last now. */
static __always_inline bool kev_take_again(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	if (!(w->state & KEV_W_LEVEL) || (w->ev.req_flags & KEV_REQ_ONE) ||
	    (w->on == KEV_ON_READY && !(w->state & KEV_W_ASK)))
		return false;
	kev_clear_waiting(w);
	if (!list_is_last(&w->link, kev_ask_list(q)))
		list_move_tail(&w->link, kev_ask_list(q));
	if (!kev_has_ring(q))
		w->index = ++q->ring.long_tail;
	return true;
}

/**
 * struct kev_taking - of a call that takes events
 * @left: as many of the list at most: who is level-triggered comes back to it.
 * @turns: of transfers, when the call began: if it has had all of them, those are
 *	passed over.
 * @tail: ring.tail when the call began.
 * @num: how many it has taken.
 */
struct kev_taking {
	u32 left;
	u32 turns;
	u32 tail;
	u32 num;
};

/*
 * The first of those that wait or are to be asked.  Returns 1: it was copied; 0: it
 * was not ready, or has ended; -EFAULT: it is the first still.
 */
static int kev_take_listed(struct kev_queue *q, char __user *to, size_t size,
			   struct kev_taking *t)
	__must_hold(&q->lock)
{
	bool place = true, ask, had;
	struct kev_watch *w;

	if (kev_has_ring(q))
		w = list_first_entry(&q->check, struct kev_watch, link);
	else
		w = kev_first_waiting(q);
	/*
	 * Listed since: other calls have taken what was before it, and it may be one
	 * that this call has taken.  Letters are events of their own.
	 */
	if (!kev_has_ring(q) && unlikely((s32)(w->index - t->tail) > 0) &&
	    t->num && !(w->state & KEV_W_EACH)) {
		t->left = 1;	/* this one, so that it is the end */
		return 0;
	}
	ask = kev_must_ask(w);
	if (ask && unlikely(kev_source_of(w)->move) &&
	    q->turns - t->turns >= KEV_TURNS_MAX) {
		list_move_tail(&w->link, kev_ask_list(q));
		return 0;
	}
	had = kev_has_waiting(w);
	if (ask && !kev_take_ask(w, &place))
		return 0;
	if (unlikely(!kev_put_event(to, size, &w->ev))) {
		if (!place) {
			kev_enlist_first(w);
		} else if (!had) {	/* it is asked again */
			w->ev.ret_data[0] = 0;
			w->ev.ret_flags = 0;
		}
		return -EFAULT;
	}
	kev_trace_event(w, &w->ev);
	if (ask && place && kev_take_again(w))
		return 1;
	/*
	 * Asked in a task, it is on no list, unless a wake-up has put it on one just
	 * now; what that added was copied as well, unless the file is to be asked.
	 */
	if (w->on == KEV_ON_READY && (place || !(w->state & KEV_W_ASK))) {
		kev_waiting_done(w);
	} else {
		if (place)
			kev_unlist(w);
		kev_clear_waiting(w);
	}
	if (unlikely(w->state & KEV_W_LISTED) ||
	    unlikely(w->ev.req_flags & KEV_REQ_ONE))
		kev_ready_delivered(w);
	return 1;
}

/* ---- Both -------------------------------------------------------------- */

/* The memory is not there.  False: it can't be. */
static bool kev_fault_in(struct kev_queue *q, char __user *to, size_t size)
	__must_hold(&q->lock)
{
	unsigned long bad;

	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(FAULT_IN);
	bad = clear_user(to, size);
	cond_resched();
	raw_spin_lock_irq(&q->lock);
	return !bad;
}

/*
 * Has the list its turn?  It is taken in turn with entries, or else an entry at each call
 * would keep it waiting.  A watch that has an entry as well has that taken first.
 */
static bool kev_list_has_turn(struct kev_queue *q, u32 left)
{
	struct kev_watch *w;
	struct kev_view v;

	if (!q->list_is_next || !left || list_empty(&q->check))
		return false;
	v = kev_ring_look(&q->ring);
	w = list_first_entry(&q->check, struct kev_watch, link);
	return !kev_ring_unclaimed(&q->ring, &v, w, w->index);
}

/*
 * The next few, up to max.  Returns as kev_take_entries(); 0: none, t->left tells if
 * there may be more.
 */
static __always_inline int kev_take_some(struct kev_queue *q,
					 char __user *buf, size_t size,
					 u32 max, struct kev_taking *t)
	__must_hold(&q->lock)
{
	int ret;

	buf += t->num * size;
	if (kev_has_ring(q) && kev_available(q) && !kev_list_has_turn(q, t->left)) {
		q->list_is_next = true;
		return kev_take_entries(q, buf, size, max - t->num, &t->left);
	}
	q->list_is_next = false;
	if (!t->left || list_empty(kev_ask_list(q))) {
		t->left = 0;
		return 0;
	}
	ret = kev_take_listed(q, buf, size, t);
	t->left -= ret != -EFAULT;
	return ret;
}

/*
 * Copies events out, up to max.  Returns how many, or -EFAULT if that is why there
 * is none.
 */
static int kev_take(struct kev_queue *q, char __user *buf, size_t size, u32 max)
	__must_hold(&q->lock)
{
	struct kev_taking t = { .turns = q->turns };
	unsigned int n = 0;
	int ret = 0;
	bool taker;

	kev_begin_turns(q);
	if (unlikely(kev_has_ring(q))) {
		/* for what is there somebody was woken, perhaps the caller */
		taker = !kev_available(q);
		kev_let_in(q, &taker);
		kev_ask_levels(q, &taker);
	}
	t.left = kev_has_ring(q) ? q->nask : q->nready;
	t.tail = q->ring.tail;
	while (t.num < max) {
		ret = kev_take_some(q, buf, size, max, &t);
		if (unlikely(ret == -EFAULT)) {
			if (!kev_fault_in(q, buf + t.num * size, size))
				break;
			ret = -EAGAIN;
		}
		if (!ret && !t.left) {
			if (!kev_has_ring(q))
				break;
			/* what was cancelled has made room, perhaps */
			if (!t.num)
				kev_let_in(q, NULL);
			if (!kev_available(q))
				break;
		}
		t.num += max(ret, 0);
		n += max(ret, 1);
		if (n >= KEV_TAKE_MAX) {
			n = 0;
			kev_breathe(q);
			if (fatal_signal_pending(current))
				break;
		}
	}
	if (unlikely(kev_has_ring(q)))
		kev_let_in(q, NULL);
	return t.num || ret != -EFAULT ? (int)t.num : -EFAULT;
}

/* There is not enough yet.  Returns as kev_get_events(). */
static noinline int kev_get_long(struct kev_queue *q,
				 const struct kev_deadline *d,
				 char __user *buf, size_t size, u32 min, u32 max)
	__must_hold(&q->lock)
{
	int ret, num;

	for (;;) {
		ret = kev_sleep(q, d, min, false, 0, min == 1);
		if (ret == -EINTR && fatal_signal_pending(current))
			return ret;
		/* what is there, although it is not enough */
		num = kev_take(q, buf, size, max);
		if (num)
			return num;
		/* enough, and then nothing: not ready, cancelled, or taken */
		if (ret <= 0)
			return ret;
		if (signal_pending(current))
			return -EINTR;
		if (!kev_yield(q, d))
			return d->nonblock ? -EAGAIN : 0;
	}
}

/* Until there are enough, and then they are taken.  Returns as kev_get_events(). */
static __always_inline int kev_get_locked(struct kev_queue *q,
					  const struct kev_deadline *d,
					  char __user *buf, size_t size,
					  u32 min, u32 max)
	__must_hold(&q->lock)
{
	int num;

	if (!min)
		return kev_take(q, buf, size, max);
	if (min == 1 && !signal_pending(current)) {
		num = kev_take(q, buf, size, max);
		if (likely(num)) {
			q->immediate += num > 0;
			return num;
		}
	}
	return kev_get_long(q, d, buf, size, min, max);
}

/**
 * kev_get_events() - GET_EVENTS
 * @q: the queue.
 * @d: when to give up.
 * @buf: where to.
 * @size: of one there: of a struct ukevent, or of a struct epoll_event.
 * @min: see struct kevent_ioc_get.
 * @max: likewise.
 *
 * Context: process, no locks.  Returns how many were copied, or -errno.
 */
int kev_get_events(struct kev_queue *q, const struct kev_deadline *d,
		   void __user *buf, size_t size, u32 min, u32 max)
{
	int ret;

	/* those whose event was taken before: its records may still be read then */
	kev_watch_reap(q, KEV_REAP_MAX);
	raw_spin_lock_irq(&q->lock);
	kev_poll_looked(q);
	ret = kev_get_locked(q, d, buf, size, min, max);
	if (unlikely(q->attention & KEV_Q_SLEEPERS))
		kev_leave(q, ret > 0);
	raw_spin_unlock_irq(&q->lock);
	return ret;
}
