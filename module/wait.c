// SPDX-License-Identifier: GPL-2.0
/*
 * What is done in the program's calls: letting waiting events in, asking files,
 * sleeping, copying events out.
 */
#include <linux/hrtimer.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/uaccess.h>

#include "delay.h"
#include "source.h"

/* Steps with irqs off before they are let on for a moment. */
#define KEV_STEPS_MAX		64
/* Events copied before others get the CPU. */
#define KEV_COPIES_MAX		1024
/* One-shots reaped by one call. */
#define KEV_REAP_MAX		64

/* One sleeper for each of n events that were let in, but those of the caller. */
static void kev_notify_many(struct kev_queue *q, u32 n, bool *taker)
{
	while (n-- && (q->attention & (KEV_Q_SLEEPERS | KEV_Q_POLLERS))) {
		if (!kev_notify(q, *taker ? KEV_NOTIFY_OUTER : 0, 0) && !*taker)
			break;	/* who sleeps wants more than there is */
		*taker = false;
	}
}

/* Frees what was finished out of order, and lets in what waits for slots. */
static void kev_let_in(struct kev_queue *q, bool *taker)
{
	u32 tail;

	while (kev_ring_advance(&q->ring, KEV_STEPS_MAX) == KEV_STEPS_MAX)
		kev_breathe(q);
	for (;;) {
		tail = q->ring.tail;
		/* to choose a sleeper is to look at all of them */
		if (!kev_handover(q, q->attention & KEV_Q_SLEEPERS ?
				  1 : KEV_STEPS_MAX))
			return;
		kev_notify_many(q, q->ring.tail - tail, taker);
		if (!(q->attention & KEV_Q_READY))
			return;
		kev_breathe(q);
	}
}

static void kev_ask(struct kev_watch *w, bool *taker)
{
	kev_unlist(w);
	if (kev_watch_ask(w, *taker ? KEV_NOTIFY_OUTER : 0))
		*taker = false;
}

/*
 * Asks the files of watches that a wake-up could not ask: those on the list
 * now, so that one that comes back is asked by the next call.
 */
static void kev_ask_checks(struct kev_queue *q, bool *taker)
{
	struct kev_watch *w, *last;
	unsigned int n = 0;

	if (list_empty(&q->check))
		return;
	last = list_last_entry(&q->check, struct kev_watch, link);
	do {
		w = list_first_entry(&q->check, struct kev_watch, link);
		kev_ask(w, taker);
		if (!(++n % KEV_STEPS_MAX))
			kev_breathe(q);
		/* last may be gone by now: only its address is looked at */
	} while (w != last && !list_empty(&q->check) &&
		 !signal_pending(current));
}

/*
 * Asks level watches again whose entry was claimed.  The list is in the order
 * of posting: the first one that was not claimed ends it, and so does the last
 * one that was there when we came.
 */
static void kev_ask_levels(struct kev_queue *q, bool *taker)
{
	struct kev_watch *w, *last;
	struct kev_view v = {};
	unsigned int n = 0;

	if (list_empty(&q->level))
		return;
	last = list_last_entry(&q->level, struct kev_watch, link);
	do {
		if (!(q->attention & KEV_Q_NO_RING)) {
			v = kev_ring_look(&q->ring);
			if (!kev_level_due(q, &v))
				break;
		}
		w = list_first_entry(&q->level, struct kev_watch, link);
		kev_ask(w, taker);
		if (!(++n % KEV_STEPS_MAX))
			kev_breathe(q);
	} while (w != last && !list_empty(&q->level) &&
		 !signal_pending(current));
}

/* Nothing at all to do for kev_service(), but perhaps to reap. */
static bool kev_idle(const struct kev_queue *q)
{
	return !((q->attention & KEV_Q_READY) | q->ntodo | q->ring.any_done) &&
	       list_empty(&q->level);
}

/**
 * kev_service() - do what only a task can do
 * @q: the queue.
 * @taker: the caller will take an event if there is one: nobody need be woken
 *	for the first.
 *
 * Context: process, no locks.
 */
void kev_service(struct kev_queue *q, bool taker)
{
	raw_spin_lock_irq(&q->lock);
	kev_poll_rearm(q);
	if (!kev_idle(q)) {
		kev_let_in(q, &taker);
		kev_ask_checks(q, &taker);
		kev_ask_levels(q, &taker);
	}
	raw_spin_unlock_irq(&q->lock);
	kev_watch_reap(q, KEV_REAP_MAX);
}

/**
 * kev_free_range() - free what was claimed and is done, in whatever order
 * @q: a queue with a ring.
 * @from: its first index.
 * @to: its end.
 * @freed: how many are free now is added to it.
 *
 * Context: process, queue->lock held; it is dropped meanwhile if the range has to
 * be remembered and is long.  Returns as kev_ring_commit_range().
 */
int kev_free_range(struct kev_queue *q, u32 from, u32 to, u32 *freed)
	__must_hold(&q->lock)
{
	int err;

	lockdep_assert_held(&q->lock);
	err = kev_ring_commit_range(&q->ring, &from, to, freed);
	while (unlikely(!err && from != to)) {
		kev_breathe(q);
		err = kev_ring_commit_range(&q->ring, &from, to, freed);
	}
	return err;
}

/* ---- Sleeping ---------------------------------------------------------- */

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
 * Who was chosen and leaves without taking anything passes it on: to anybody if
 * there is an event, or work.
 */
static void kev_pass_on(struct kev_queue *q, const struct kev_sleeper *s)
{
	if (!s->chosen || s->kicked)
		return;
	if (kev_available(q))
		kev_notify(q, 0, 0);
	else if (kev_work_due(q))
		kev_notify(q, KEV_NOTIFY_ANY, 0);
}

/*
 * Until there is enough: 1; WAKE or the deadline: 0; else -errno.  Called and
 * left with queue->lock held.  slept: it has slept before.
 */
static int kev_sleep_locked(struct kev_queue *q, struct kev_sleeper *s,
			    const struct kev_deadline *d, bool slept)
{
	bool in_time = true;

	for (;;) {
		/* who is killed takes nothing any more */
		if (signal_pending(current) && fatal_signal_pending(current))
			return -EINTR;
		if (kev_enough(q, s)) {
			q->immediate += !slept;
			return 1;
		}
		if (s->kicked)
			return 0;
		if (signal_pending(current))
			return -EINTR;
		if (!kev_idle(q) && kev_work_due(q)) {
			raw_spin_unlock_irq(&q->lock);
			kev_service(q, s->min <= 1);
			cond_resched();
			raw_spin_lock_irq(&q->lock);
			continue;
		}
		if (!in_time)
			return 0;
		if (d->nonblock)
			return -EAGAIN;
		q->waits += !slept;
		slept = true;
		kev_sleeper_add(q, s);
		set_current_state(TASK_INTERRUPTIBLE);
		raw_spin_unlock_irq(&q->lock);
		KEV_DELAY(SLEEP_ANNOUNCED);
		in_time = kev_schedule(d);
		__set_current_state(TASK_RUNNING);
		KEV_DELAY(WOKEN);
		raw_spin_lock_irq(&q->lock);
		if (!s->chosen)
			kev_sleeper_del(q, s);
	}
}

/*
 * kev_sleep_locked() gave ret: what is there, if it was enough.  Another
 * consumer may have been faster: that is no timeout.
 */
static int kev_sleep_end(struct kev_queue *q, struct kev_sleeper *s, int ret)
{
	if (ret > 0)
		return max_t(u32, kev_available(q), 1);
	kev_pass_on(q, s);
	return ret;
}

/* With the signal mask in force.  Returns as kev_wait(). */
static int kev_sleep(struct kev_queue *q, struct kev_sleeper *s,
		     const struct kev_deadline *d)
{
	sigset_t saved;
	int ret;

	init_waitqueue_entry(&s->wait, current);
	INIT_LIST_HEAD(&s->link);
	if (d->mask)
		sigprocmask(SIG_SETMASK, d->mask, &saved);

	raw_spin_lock_irq(&q->lock);
	if (kev_has_pollers(q))
		kev_poll_rearm(q);
	ret = kev_sleep_end(q, s, kev_sleep_locked(q, s, d, false));
	raw_spin_unlock_irq(&q->lock);

	if (!d->mask)
		return ret;
	if (ret == -EINTR) {
		/* the handler runs under the mask, which is then undone */
		current->saved_sigmask = saved;
		set_restore_sigmask();
	} else {
		sigprocmask(SIG_SETMASK, &saved, NULL);
	}
	return ret;
}

/**
 * kev_wait_now() - WAIT, if there is enough and nothing else to do
 * @q: the queue.
 * @min: see struct kevent_ioc_wait.
 * @counts: from @last; else what is unclaimed.
 * @last: likewise.
 *
 * Returns the number of unclaimed entries, or 0: go the long way.
 */
int kev_wait_now(struct kev_queue *q, u32 min, bool counts, u32 last)
{
	struct kev_ring *r = &q->ring;
	struct kev_view v;
	u32 num, ret = 0;

	raw_spin_lock_irq(&q->lock);
	/* nothing to let in, nobody to wake */
	if (q->attention | q->ntodo | r->any_done)
		goto out;
	v = kev_ring_look(r);
	num = r->tail - v.claim;
	if (!num || !min ||
	    (min > 1 && (counts ? r->tail - last : num) < min))
		goto out;
	if (kev_has_pollers(q) || kev_level_due(q, &v))
		goto out;
	q->immediate++;
	ret = num;
out:
	raw_spin_unlock_irq(&q->lock);
	return ret;
}

static void kev_sleeper_init(struct kev_sleeper *s, u32 min, bool counts,
			     u32 last)
{
	s->min = min;
	s->counts = counts;
	s->since = last;
	s->kicked = false;
	s->chosen = false;
}

/**
 * kev_wait() - WAIT, after its changes and its commit
 * @q: a queue with a ring.
 * @d: when to give up.
 * @min: see struct kevent_ioc_wait; not 0.
 * @counts: from @last; else what is unclaimed.
 * @last: likewise.
 *
 * Returns the number of unclaimed entries, 0 when the time was up, or -errno.
 */
int kev_wait(struct kev_queue *q, const struct kev_deadline *d, u32 min,
	     bool counts, u32 last)
{
	struct kev_sleeper s;

	kev_sleeper_init(&s, min, counts, last);
	return kev_sleep(q, &s, d);
}

/* kev_wait_one(), and it is not that simple. */
static noinline int kev_wait_one_long(struct kev_queue *q, bool nonblock)
{
	struct kev_deadline d = { .nonblock = nonblock };

	kev_service(q, true);
	return kev_wait(q, &d, 1, false, 0);
}

/*
 * Sleeps until woken.  Called and left with queue->lock held; there is nothing
 * to take and nothing to do.  Returns as kev_sleep().  Not inline: its stack
 * would be paid for by those who need not sleep.
 */
static noinline int kev_doze(struct kev_queue *q)
{
	static const struct kev_deadline forever = {};
	struct kev_sleeper s;
	int ret;

	kev_sleeper_init(&s, 1, false, 0);
	init_waitqueue_entry(&s.wait, current);
	INIT_LIST_HEAD(&s.link);
	q->waits++;
	kev_sleeper_add(q, &s);
	set_current_state(TASK_INTERRUPTIBLE);
	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(DOZE_ANNOUNCED);
	schedule();
	raw_spin_lock_irq(&q->lock);
	if (likely(s.chosen && !signal_pending(current))) {
		ret = kev_available(q);
		if (ret)
			return ret;
	}
	if (!s.chosen)
		kev_sleeper_del(q, &s);
	ret = kev_sleep_locked(q, &s, &forever, true);
	return kev_sleep_end(q, &s, ret);
}

/**
 * kev_wait_one() - WAIT for one event, without limit
 * @q: a queue with a ring.
 * @nonblock: do not sleep.
 *
 * The usual call, and so in few steps.  Returns as kev_wait().
 */
int kev_wait_one(struct kev_queue *q, bool nonblock)
{
	struct kev_ring *r = &q->ring;
	struct kev_view v;
	int ret;

	raw_spin_lock_irq(&q->lock);
	if (unlikely(q->attention | q->ntodo | r->any_done) ||
	    unlikely(kev_has_pollers(q)))
		goto other;
	v = kev_ring_look(r);
	ret = r->tail - v.claim;
	if (kev_level_due(q, &v))
		goto other;
	if (ret)
		q->immediate++;
	else if (nonblock || signal_pending(current))
		goto other;
	else
		ret = kev_doze(q);
	raw_spin_unlock_irq(&q->lock);
	return ret;

other:
	raw_spin_unlock_irq(&q->lock);
	return kev_wait_one_long(q, nonblock);
}

/* ---- Copying out ------------------------------------------------------- */

/*
 * Gives back entries that were claimed and could not be copied: what their
 * watches still own is posted anew.
 */
static void kev_put_back(struct kev_queue *q, u32 from, u32 n)
{
	raw_spin_lock_irq(&q->lock);
	while (n--) {
		kev_post_again(q, from++);
		/* see kev_let_in() */
		if (!(n % KEV_STEPS_MAX) || (q->attention & KEV_Q_SLEEPERS))
			kev_breathe(q);
	}
	raw_spin_unlock_irq(&q->lock);
}

/* Copies n claimed entries, but cancelled ones.  Returns how many were tried. */
static u32 kev_copy_claimed(struct kev_queue *q, struct ukevent __user *buf,
			    u32 from, u32 n, int *num)
{
	u32 i;

	for (i = 0; i < n; i++) {
		const struct ukevent *e = kev_ring_entry(&q->ring, from + i);

		if (READ_ONCE(e->ret_flags) & KEVENT_RET_CANCELLED)
			continue;
		if (copy_to_user(buf + *num, e, sizeof(*e)))
			break;
		if (!(++*num % KEV_COPIES_MAX))
			cond_resched();
	}
	return i;
}

/*
 * Frees n entries that were copied.  What waits for them is let in now: who
 * sleeps was woken in vain while the ring was full.
 */
static void kev_free_copied(struct kev_queue *q, u32 from, u32 n)
{
	bool taker = false;
	u32 freed = 0;

	raw_spin_lock_irq(&q->lock);
	kev_free_range(q, from, from + n, &freed);
	if (unlikely((q->attention & KEV_Q_READY) || q->ring.any_done))
		kev_let_in(q, &taker);
	raw_spin_unlock_irq(&q->lock);
}

/* Claims up to max entries of the ring, copies and frees them. */
static int kev_copy_ring(struct kev_queue *q, struct ukevent __user *buf,
			 u32 max)
{
	u32 from, n, i;
	int num = 0;

	do {
		raw_spin_lock_irq(&q->lock);
		n = kev_ring_grab(&q->ring, max, &from);
		raw_spin_unlock_irq(&q->lock);
		if (!n)
			return 0;
		KEV_DELAY(GRABBED);
		i = kev_copy_claimed(q, buf, from, n, &num);
		if (unlikely(i < n))
			kev_put_back(q, from + i, n - i);
		KEV_DELAY(COPIED);
		kev_free_copied(q, from, n);
		/* all cancelled: perhaps there are more */
	} while (!num && i == n && !signal_pending(current));
	return num || i == n ? num : -EFAULT;
}

/* The same for a queue without a ring: from the ready list, one by one. */
static int kev_copy_list(struct kev_queue *q, struct ukevent __user *buf,
			 u32 max)
{
	struct kev_watch *w;
	struct ukevent e;
	bool failed = false;
	int num = 0;

	raw_spin_lock_irq(&q->lock);
	while (num < max && !failed && !list_empty(&q->ready)) {
		w = kev_take(q, &e);
		w->pins++;
		raw_spin_unlock_irq(&q->lock);
		KEV_DELAY(LIST_TAKEN);
		failed = copy_to_user(buf + num, &e, sizeof(e));
		if (!(~num % KEV_COPIES_MAX))
			cond_resched();
		raw_spin_lock_irq(&q->lock);
		if (kev_watch_unpin(w) && failed)
			kev_untake(w, &e);
		num += !failed;
	}
	raw_spin_unlock_irq(&q->lock);
	return !num && failed ? -EFAULT : num;
}

static int kev_copy(struct kev_queue *q, struct ukevent __user *buf, u32 max)
{
	if (q->ring.pages)
		return kev_copy_ring(q, buf, max);
	return kev_copy_list(q, buf, max);
}

/* Is there enough, and nothing to do before it is taken? */
static bool kev_get_now(struct kev_queue *q, u32 min)
{
	bool now = false;
	u32 other;

	raw_spin_lock_irq(&q->lock);
	other = q->attention & ~KEV_Q_NO_RING;
	/* without a ring, READY says no more than that there are events */
	if (q->attention & KEV_Q_NO_RING)
		other &= ~KEV_Q_READY;
	if (!(other | q->ntodo | q->ring.any_done) && list_empty(&q->level) &&
	    !kev_has_pollers(q) && min &&
	    kev_available(q) >= min) {
		q->immediate++;
		now = true;
	}
	raw_spin_unlock_irq(&q->lock);
	return now;
}

/**
 * kev_get_events() - GET_EVENTS
 * @q: the queue.
 * @d: when to give up.
 * @buf: where to.
 * @min: see struct kevent_ioc_get.
 * @max: likewise.
 *
 * Returns how many were copied, or -errno.
 */
int kev_get_events(struct kev_queue *q, const struct kev_deadline *d,
		   struct ukevent __user *buf, u32 min, u32 max)
{
	struct kev_sleeper s;
	int ret, num;

	if (likely(kev_get_now(q, min))) {
		num = kev_copy(q, buf, max);
		if (num)
			return num;
	}
	kev_sleeper_init(&s, min, false, 0);
	for (;;) {
		s.chosen = false;
		kev_service(q, min <= 1);
		raw_spin_lock_irq(&q->lock);
		q->immediate += !min;
		raw_spin_unlock_irq(&q->lock);
		ret = min ? kev_sleep(q, &s, d) : 1;
		if (ret == -EINTR && fatal_signal_pending(current))
			return ret;
		/* what is there, although it is not enough */
		num = kev_copy(q, buf, max);
		if (num)
			return num;
		/* enough, and then nothing: all cancelled, or taken */
		if (ret <= 0 || !min)
			return ret < 0 ? ret : 0;
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}
