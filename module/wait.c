// SPDX-License-Identifier: GPL-2.0
/*
 * What is done in the program's calls: moving waiting events into the ring, asking
 * files, sleeping.
 */
#include <linux/hrtimer.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>

#include "delay.h"
#include "ready.h"
#include "source.h"
#include "trace.h"
#include "wait.h"
#include "watch.h"

/* As KEV_STEPS_MAX, for steps that look at a file, */
#define KEV_LOOKS_MAX		16
/* or may wake somebody. */
#define KEV_LET_IN_MAX		8

/* ---- What only a task can do ------------------------------------------- */

/* Frees ranges that were done out of order; moves what waits into the ring. */
void kev_let_in(struct kev_queue *q, bool *taker)
	__must_hold(&q->lock)
{
	unsigned int max;

	while (kev_ring_advance(&q->ring, KEV_STEPS_MAX) == KEV_STEPS_MAX &&
	       !fatal_signal_pending(current))
		kev_breathe(q);
	while (!fatal_signal_pending(current)) {
		max = q->attention & KEV_Q_SLEEPERS ? KEV_LET_IN_MAX :
						      KEV_STEPS_MAX;
		if (!kev_handover(q, max, taker) ||
		    !(q->attention & KEV_Q_READY))
			return;
		kev_breathe(q);
	}
}

/* Is the first level watch to be asked again? */
static bool kev_level_is_due(struct kev_queue *q)
{
	struct kev_view v;

	if (list_empty(&q->level))
		return false;
	v = kev_ring_look(&q->ring);
	return kev_level_due(q, &v);
}

/* The first level watch, whose entry was claimed.  True: it was posted again. */
static bool kev_ask_level(struct kev_queue *q, unsigned int how)
{
	struct kev_watch *w = list_first_entry(&q->level, struct kev_watch,
					       link);
	struct kev_values v;

	if ((w->ev.req_flags & KEVENT_REQ_LAST_CHECK) || !kev_watch_look(w, &v)) {
		kev_enlist_ask(w);
		return false;
	}
	if (!v.bits) {
		kev_unlist_level(w);
		return false;
	}
	if (!(q->attention & KEV_Q_WAITERS) && kev_ready_short(q, w, &v))
		return true;
	return kev_ready_long(w, v, 0, how | KEV_NOTIFY_ASKED);
}

/* Was it posted since the tail was this?  Any other may have been posted long ago. */
static bool kev_is_since(const struct kev_queue *q, const struct kev_watch *w,
			 u32 tail)
{
	return w->index - tail < q->ring.tail - tail;
}

/*
 * Level watches whose entry was claimed are asked again: in a batch, those that were
 * there when it began.  The list is in the order of posting: the first one that was
 * not claimed ends it.
 */
void kev_ask_levels(struct kev_queue *q, bool *taker)
	__must_hold(&q->lock)
{
	struct kev_view v = kev_ring_look(&q->ring);
	u32 end = q->ring.tail;
	unsigned int n = 0;

	while (kev_level_due(q, &v) &&
	       !kev_is_since(q, list_first_entry(&q->level, struct kev_watch,
						 link), end)) {
		if (kev_ask_level(q, taker && *taker ? KEV_NOTIFY_OUTER : 0) &&
		    taker)
			*taker = false;
		if (!(++n % KEV_LOOKS_MAX)) {
			kev_breathe(q);
			v = kev_ring_look(&q->ring);
		}
	}
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
	if (!kev_has_waiting(w))
		w->ev.time = 0;
	if (!(w->state & KEV_W_LEVEL) || w->on != KEV_ON_NONE ||
	    !kev_has_ring(q))
		return;
	v = kev_ring_look(&q->ring);
	if (kev_ring_unclaimed(&q->ring, &v, w, w->index))
		kev_enlist(w);
}

/* Asks a watch, which is on no list, and posts. */
static void kev_ask_post(struct kev_watch *w, bool *taker)
	__must_hold(&w->queue->lock)
{
	struct kev_values v;

	if (!kev_watch_ask(w, &v))
		return;
	/* on a list: what waits is told from there */
	if (!v.bits && (w->on != KEV_ON_NONE || !kev_is_event(w, &v)))
		kev_not_ready(w);
	else if (kev_ready_long(w, v, 0, KEV_NOTIFY_ASKED |
				(*taker ? KEV_NOTIFY_OUTER : 0)))
		*taker = false;
}

/*
 * Without a ring: what is ready waits until it is taken, and with LAST_CHECK is
 * asked again then.
 */
static void kev_ask_keep(struct kev_watch *w)
	__must_hold(&w->queue->lock)
{
	struct kev_values v;

	if (!kev_watch_ask(w, &v))
		return;
	if (kev_is_event(w, &v))
		kev_keep(w);
	else
		kev_not_ready(w);
}

/* The first of the list, which has one.  Others of it only wait. */
static void kev_ask_first(struct kev_queue *q, bool *taker)
	__must_hold(&q->lock)
{
	struct kev_watch *w = list_first_entry(kev_ask_list(q),
					       struct kev_watch, link);

	if (kev_has_ring(q)) {
		kev_unlist(w);
		kev_ask_post(w, taker);
	} else if (w->state & KEV_W_ASK) {
		kev_unlist(w);
		kev_ask_keep(w);
	} else {
		list_move_tail(&w->link, &q->ready);
	}
}

/*
 * Asks the files of watches that a wake-up could not ask: those on the list
 * now, so that one that comes back is asked by the next call.
 */
static void kev_ask_all(struct kev_queue *q, bool *taker)
	__must_hold(&q->lock)
{
	u32 left = kev_has_ring(q) ? q->nask : q->nready;
	u32 turns = q->turns;
	unsigned int n = 0;

	kev_begin_turns(q);
	/* the whole round: what only waits is in its order again then */
	while (left-- && !list_empty(kev_ask_list(q)) && !signal_pending(current)) {
		kev_ask_first(q, taker);
		if (q->turns - turns >= KEV_TURNS_MAX && kev_available(q))
			break;
		if (!(++n % KEV_STEPS_MAX))
			kev_breathe(q);
	}
}

/*
 * taker: the caller takes an event.  If none is there yet, nobody else is woken for
 * the first; else somebody was woken for what is there, perhaps the caller.
 */
static void kev_work(struct kev_queue *q, bool taker)
	__must_hold(&q->lock)
{
	if (kev_has_ring(q)) {
		taker = taker && !kev_available(q);
		kev_let_in(q, &taker);
		kev_ask_levels(q, &taker);
	}
	if (q->nask)
		kev_ask_all(q, &taker);
}

/* Waiting events that fit into the ring now, or after ranges that are done. */
static bool kev_fits(struct kev_queue *q)
{
	struct kev_view v;

	if (kev_ring_next_done(&q->ring))
		return true;
	if (!(q->attention & KEV_Q_READY))
		return false;
	v = kev_ring_look(&q->ring);
	return !kev_ring_is_full(&q->ring, &v);
}

/* Is there something that only a task can do? */
static __always_inline bool kev_work_due(struct kev_queue *q)
{
	if (q->nask)
		return true;
	if (likely(!((q->attention & (KEV_Q_READY | KEV_Q_NO_RING)) |
		     q->ring.any_done)) && likely(list_empty(&q->level)))
		return false;
	return kev_has_ring(q) && (kev_fits(q) || kev_level_is_due(q));
}

/**
 * kev_service() - do what only a task can do
 * @q: the queue.
 *
 * Context: process, no locks.
 */
void kev_service(struct kev_queue *q)
{
	raw_spin_lock_irq(&q->lock);
	kev_poll_rearm(q);
	kev_work(q, false);
	raw_spin_unlock_irq(&q->lock);
	kev_watch_reap(q, KEV_REAP_MAX);
}

/* ---- Sleeping ---------------------------------------------------------- */

const struct kev_deadline kev_forever;
const struct kev_deadline kev_at_once = { .nonblock = true };

/* False: the deadline has passed. */
static bool kev_schedule(const struct kev_deadline *d)
{
	ktime_t expires = d->expires;

	if (!d->limited) {
		schedule();
		return true;
	}
	return schedule_hrtimeout_range_clock(&expires, current->timer_slack_ns,
					      HRTIMER_MODE_ABS, d->clock);
}

/*
 * The lock is dropped.  state: of the task; TASK_RUNNING: it only lets others run.
 * False: the deadline has passed.
 */
static __always_inline bool kev_sleep_once(struct kev_queue *q,
					   struct kev_sleeper *s,
					   const struct kev_deadline *d,
					   unsigned int state)
	__must_hold(&q->lock)
{
	bool in_time;

	kev_sleeper_add(q, s);
	trace_kevent_wait(q, s->min, d->expires);
	set_current_state(state);
	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(SLEEP_ANNOUNCED);
	in_time = kev_schedule(d);
	__set_current_state(TASK_RUNNING);
	KEV_DELAY(WOKEN);
	raw_spin_lock_irq(&q->lock);
	kev_sleeper_back(q, s);
	return in_time;
}

/*
 * Does a task that takes events find one, or one that waits enough?  Returns how
 * many, or 0.
 */
static __always_inline u32 kev_is_over(struct kev_queue *q,
				       const struct kev_sleeper *s, bool takes)
	__must_hold(&q->lock)
{
	if (takes)
		return kev_available(q) || kev_work_due(q);
	if (kev_work_due(q))
		kev_work(q, s->min <= 1);
	return kev_enough(q, s);
}

/* See kev_sleep(); it has slept before, and the time is not up. */
static int kev_sleep_on(struct kev_queue *q, struct kev_sleeper *s,
			const struct kev_deadline *d, bool takes, bool slept,
			bool in_time)
	__must_hold(&q->lock)
{
	bool signal;
	u32 num;

	for (;;) {
		signal = signal_pending(current);
		/* who is killed takes nothing any more */
		if (unlikely(signal) && fatal_signal_pending(current))
			return -EINTR;
		num = kev_is_over(q, s, takes);
		if (num) {
			q->immediate += !slept;
			return num;
		}
		if (s->kicked)
			return 0;
		if (unlikely(signal))
			return -EINTR;
		if (!in_time)
			return 0;
		if (d->nonblock)
			return -EAGAIN;
		q->waits += !slept;
		slept = true;
		/* what came while we asked has woken nobody: look before sleeping */
		in_time = kev_sleep_once(q, s, d, kev_work_due(q) ?
					 TASK_RUNNING : TASK_INTERRUPTIBLE);
	}
}

/**
 * kev_sleep() - until there is enough
 * @q: the queue.
 * @d: when to give up.
 * @min: so many events;
 * @counts: from the index
 * @since: on; else of those that are unclaimed.
 * @takes: the caller takes any event, and asks those who must be asked.
 *
 * Context: process, queue->lock held, and dropped meanwhile.  Returns how many
 * there are, at least 1; 0: WAKE or the deadline; or -errno.
 */
noinline int kev_sleep(struct kev_queue *q, const struct kev_deadline *d,
		       u32 min, bool counts, u32 since, bool takes)
	__must_hold(&q->lock)
{
	struct kev_sleeper s kev_uninitialized;

	kev_sleeper_init(&s, min, counts, since);
	return kev_sleep_on(q, &s, d, takes, false, true);
}

/* Lets others run, after work that brought nothing.  False: the time is up, or WAKE. */
bool kev_yield(struct kev_queue *q, const struct kev_deadline *d)
	__must_hold(&q->lock)
{
	struct kev_sleeper s kev_uninitialized;

	if (d->nonblock)
		return false;
	kev_sleeper_init(&s, 1, false, 0);
	return kev_sleep_once(q, &s, d, TASK_RUNNING) && !s.kicked;
}

/*
 * The usual sleep: for any event, without limit.  There is none, and nothing to do.
 * Not inline: its stack would be paid for by those who need not sleep.
 */
static noinline int kev_sleep_any(struct kev_queue *q)
	__must_hold(&q->lock)
{
	struct kev_sleeper s kev_uninitialized;
	int num = 0;

	kev_sleeper_init(&s, 1, false, 0);
	q->waits++;
	kev_sleep_once(q, &s, &kev_forever, TASK_INTERRUPTIBLE);
	if (likely(s.chosen && !signal_pending(current)))
		num = kev_available(q);
	return likely(num) ? num : kev_sleep_on(q, &s, &kev_forever, false,
						true, true);
}

/* Is there a file to be asked, or a level-triggered one that may be ready still? */
static bool kev_next_is_due(struct kev_queue *q)
{
	return q->nask || (kev_has_ring(q) && kev_level_is_due(q));
}

/**
 * kev_leave() - a call that waited, or might have, is over
 * @q: the queue.
 * @took: it has an event, or has left one for its program.
 *
 * Wakes another sleeper for what the caller leaves: an event for which it was woken,
 * or a file that may be ready still.  Context: queue->lock held.
 */
void kev_leave(struct kev_queue *q, bool took)
{
	lockdep_assert_held(&q->lock);
	if (likely(!(q->attention & KEV_Q_SLEEPERS)))
		return;
	if (took ? kev_next_is_due(q) : kev_work_due(q))
		kev_notify(q, KEV_NOTIFY_ANY, 0);
	else if (!took && kev_available(q))
		kev_notify(q, 0, 0);
}

/* A call fails after its wait has succeeded: another sleeper is woken instead. */
void kev_wait_over(struct kev_queue *q)
{
	raw_spin_lock_irq(&q->lock);
	kev_leave(q, false);
	raw_spin_unlock_irq(&q->lock);
}

/* ---- WAIT -------------------------------------------------------------- */

/*
 * How many entries are there, if they are enough and there is nothing else to do; 0:
 * too few, and nothing else to do; -1: there is something to do.
 */
static __always_inline int kev_wait_short(struct kev_queue *q, u32 min,
					  bool counts, u32 since)
{
	const struct kev_ring *r = &q->ring;
	struct kev_view v = kev_ring_look(r);
	u32 num;

	/* POLLED: kev_wait_long() clears it when nobody polls any more */
	if (unlikely((q->attention & ~KEV_Q_NO_SEEN) | q->nask | q->nfired |
		     r->any_done | (r->flags & KEVENT_RING_POLLED)))
		return -1;
	if (unlikely(kev_level_due(q, &v))) {
		kev_ask_levels(q, NULL);
		v = kev_ring_look(r);
		/* files that only a task can ask; others, since it let others in */
		if (q->nask || kev_level_due(q, &v))
			return -1;
	}
	num = r->tail - v.claim;
	if (!num && counts)
		return -1;
	if (min > 1 && (counts ? r->tail - since : num) < min)
		return -1;
	q->immediate += !!num;
	return num;
}

/* The rest of it, sleeping included. */
static __always_inline int kev_wait_long(struct kev_queue *q,
					 const struct kev_deadline *d, u32 min,
					 bool counts, u32 since)
	__must_hold(&q->lock)
{
	kev_poll_looked(q);
	if (!min) {
		kev_work(q, false);
		return 0;
	}
	return kev_sleep(q, d, min, counts, since, false);
}

/**
 * kev_wait() - WAIT, after its changes and its commit
 * @q: a queue with a ring.
 * @d: when to give up.
 * @min: see struct kevent_ioc_wait; 0: only do what is to be done.
 * @counts: from @since; else what is unclaimed.
 * @since: likewise.
 *
 * Context: process, no locks.  Returns the number of unclaimed entries, 0 when the
 * time was up, or -errno.
 */
int kev_wait(struct kev_queue *q, const struct kev_deadline *d, u32 min,
	     bool counts, u32 since)
{
	int ret;

	kev_watch_reap(q, KEV_REAP_MAX);
	raw_spin_lock_irq(&q->lock);
	ret = kev_wait_short(q, min, counts, since);
	if (!min)
		ret = min(ret, 0);
	if (ret < 0 || (!ret && min))
		ret = kev_wait_long(q, d, min, counts, since);
	if (min && unlikely(q->attention & KEV_Q_SLEEPERS))
		kev_leave(q, ret > 0);
	raw_spin_unlock_irq(&q->lock);
	return ret;
}

/* The same until there is any, without limit. */
int kev_wait_any(struct kev_queue *q, bool nonblock)
{
	int ret;

	kev_watch_reap(q, KEV_REAP_MAX);
	raw_spin_lock_irq(&q->lock);
	ret = kev_wait_short(q, 1, false, 0);
	if (unlikely(ret < 0 || (!ret && (nonblock || signal_pending(current)))))
		ret = kev_wait_long(q, nonblock ? &kev_at_once : &kev_forever,
				    1, false, 0);
	else if (!ret)
		ret = kev_sleep_any(q);
	if (unlikely(q->attention & KEV_Q_SLEEPERS))
		kev_leave(q, ret > 0);
	raw_spin_unlock_irq(&q->lock);
	return ret;
}

/* ---- poll(2) of the queue ---------------------------------------------- */

/*
 * May the first watch that is to be asked be ready?  One that can't be looked at under
 * the lock may be.
 */
static bool kev_first_may_be_ready(struct kev_queue *q)
{
	struct kev_watch *w = list_first_entry(kev_ask_list(q),
					       struct kev_watch, link);
	struct kev_values v;

	if (!kev_must_ask(w) || !kev_watch_look(w, &v))
		return true;
	if (v.bits && !(w->state & KEV_W_DISARMED))
		return true;
	/* what came before is an event all the same, but for those */
	if (kev_has_waiting(w) &&
	    !(w->ev.req_flags & KEVENT_REQ_LAST_CHECK))
		return true;
	kev_unlist(w);
	kev_clear_waiting(w);
	kev_not_ready(w);
	return false;
}

/*
 * Is there an event?  Level watches that were handed out are looked at, as epoll's
 * ->poll does: what is no longer ready is none.  Calls nobody but their ->poll, and
 * those only read.
 */
static bool kev_is_readable(struct kev_queue *q)
{
	unsigned int n = KEV_STEPS_MAX;

	/* what is being asked may be ready */
	if (q->asking)
		return true;
	if (kev_has_ring(q)) {
		if (kev_available(q) ||
		    ((q->attention & KEV_Q_READY) && kev_fits(q)))
			return true;
		for (; n && kev_level_is_due(q); n--)
			kev_enlist_ask(list_first_entry(&q->level,
							struct kev_watch, link));
	}
	for (; n && !list_empty(kev_ask_list(q)); n--)
		if (kev_first_may_be_ready(q))
			return true;
	return !list_empty(kev_ask_list(q));
}

/* Another queue's or epoll's ->poll may have called us. */
__poll_t kev_poll(struct file *file, poll_table *pt)
{
	struct kev_queue *q = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &q->pollers, pt);
	raw_spin_lock_irq(&q->lock);
	if (q->inited) {
		kev_poll_rearm(q);
		kev_begin_turns(q);
		if (kev_is_readable(q))
			mask = EPOLLIN | EPOLLRDNORM;
	}
	raw_spin_unlock_irq(&q->lock);
	return mask;
}
