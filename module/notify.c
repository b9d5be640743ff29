// SPDX-License-Identifier: GPL-2.0
/*
 * Waking: a queue's own sleepers, straight from the event; outer pollers (who
 * poll the queue's fd), from irq_work, as their own wake-ups may lead back here
 * or go many levels deep.
 *
 * An event may be posted in an interrupt, with the source's lock held.  So it looks
 * at KEV_CHOOSE_MAX sleepers at most, and wakes two.  If it is for all
 * (WAKEUP_ALL), those that were woken wake the others, in their own context.
 *
 * Whether outer pollers are to be woken is a bit of our own: each ->poll, WAIT,
 * GET_EVENTS or COMMIT arms one wake, the event consumes it.  So a cycle of
 * queues stops by itself.
 */
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "delay.h"
#include "notify.h"
#include "trace.h"

/* Sleepers looked at to find one that suits. */
#define KEV_CHOOSE_MAX		64
/* Sleepers woken before the lock is dropped: a few thousand instructions each. */
#define KEV_WAKES_MAX		8

/* ---- How much is there ------------------------------------------------- */

/* What a patient's target is compared with: the tail; without a ring, how many wait. */
static u32 kev_next_index(const struct kev_queue *q)
{
	return kev_has_ring(q) ? q->ring.tail : q->nready;
}

/* See kev_enough(): of sleepers with a minimum, or an index to count from. */
u32 kev_enough_long(struct kev_queue *q, const struct kev_sleeper *s)
{
	u32 num = kev_available(q), sum;
	struct kev_view v;

	lockdep_assert_held(&q->lock);
	if (!kev_has_ring(q))
		return num >= s->min ? num : 0;
	v = kev_ring_look(&q->ring);
	if (num && (s->min <= 1 || kev_ring_is_full(&q->ring, &v)))
		return num;
	sum = s->counts ? q->ring.tail - s->since : num;
	/* even if another consumer has claimed them: so many were posted */
	return sum >= s->min ? max(num, 1u) : 0;
}

/* ---- Coming and going -------------------------------------------------- */

static bool kev_patient_less(struct rb_node *a, const struct rb_node *b)
{
	u32 first = rb_entry(a, struct kev_sleeper, node)->target;
	u32 second = rb_entry(b, struct kev_sleeper, node)->target;

	/* they are less than two rings apart */
	return (s32)(first - second) < 0;
}

/*
 * There can't be enough before its target.  If others claim entries meanwhile, it is
 * woken there, finds too few, and is added again with a later target.
 */
void kev_sleeper_add_patient(struct kev_queue *q, struct kev_sleeper *s)
{
	u32 num = kev_available(q);

	s->target = kev_next_index(q) + (s->min > num ? s->min - num : 1);
	if (s->counts)
		s->target = s->since + s->min;
	list_add_tail(&s->link, &q->patients);
	rb_add_cached(&s->node, &q->patient, kev_patient_less);
}

static __always_inline void kev_sleeper_del(struct kev_queue *q,
					    struct kev_sleeper *s)
{
	list_del(&s->link);
	if (unlikely(s->min > 1))
		rb_erase_cached(&s->node, &q->patient);
	s->asleep = false;
	if (list_empty(&q->sleepers) && list_empty(&q->patients))
		q->attention &= ~KEV_Q_SLEEPERS;
}

static noinline void kev_sleeper_wake(struct kev_queue *q,
				      struct kev_sleeper *s, int sync)
{
	wait_queue_entry_t wait kev_uninitialized;

	wait.private = s->task;		/* all that is looked at */
	kev_sleeper_del(q, s);
	s->chosen = true;
	trace_kevent_wake(q, s->task->pid);
	/* s lives as long as we hold the lock: its task takes it to return */
	default_wake_function(&wait, TASK_NORMAL, sync, NULL);
}

/* ---- Whom to wake ------------------------------------------------------ */

/* Is it one of the first until sleepers, by arrival? */
static bool kev_sleeper_is_of(const struct kev_sleeper *s, u64 until)
{
	return s->number <= until;
}

/* The first on a list, which is by arrival, if it is one of those; else NULL. */
static struct kev_sleeper *kev_first_of(struct list_head *list, u64 until)
{
	struct kev_sleeper *s;

	s = list_first_entry_or_null(list, struct kev_sleeper, link);
	return s && kev_sleeper_is_of(s, until) ? s : NULL;
}

/* LIFO: the newest of the first until; SAME_CPU: one that went to sleep here. */
static noinline struct kev_sleeper *kev_choose_best(struct kev_queue *q, u64 until)
{
	bool last = q->policy == KEVENT_WAKE_LIFO;
	const struct list_head *at = &q->sleepers;
	int cpu = raw_smp_processor_id();
	unsigned int n = KEV_CHOOSE_MAX;
	struct kev_sleeper *s;

	while (n-- && (at = last ? at->prev : at->next) != &q->sleepers) {
		s = list_entry(at, struct kev_sleeper, link);
		if (kev_sleeper_is_of(s, until) && (last || s->cpu == cpu))
			return s;
	}
	return NULL;
}

/* One of those who wait for any event, by the queue's policy; NULL: none. */
static __always_inline struct kev_sleeper *kev_choose(struct kev_queue *q,
						      u64 until)
{
	struct kev_sleeper *s = NULL;

	if (unlikely(q->policy != KEVENT_WAKE_FIFO))
		s = kev_choose_best(q, until);
	return s ?: kev_first_of(&q->sleepers, until);
}

/* May there be enough for it? */
static bool kev_patient_due(struct kev_queue *q, const struct kev_sleeper *s)
{
	struct kev_view v;

	if ((s32)(kev_next_index(q) - s->target) >= 0)
		return true;
	if (!kev_has_ring(q))
		return false;
	v = kev_ring_look(&q->ring);
	return kev_ring_is_full(&q->ring, &v) && q->ring.tail != v.claim;
}

/*
 * Wakes the patient with the earliest target, if there may be enough for it; with
 * any in any case.
 */
static bool kev_wake_patient(struct kev_queue *q, bool any)
{
	struct kev_sleeper *s = rb_entry_safe(rb_first_cached(&q->patient),
					      struct kev_sleeper, node);

	if (!s || !(any || kev_patient_due(q, s)))
		return false;
	kev_sleeper_wake(q, s, 0);
	return true;
}

static __always_inline bool kev_wake_one(struct kev_queue *q, unsigned int how,
					 int sync)
{
	struct kev_sleeper *s = kev_choose(q, q->slept);

	if (likely(s)) {
		s->spreads = how & KEV_NOTIFY_ALL;
		s->until = q->slept;
		kev_sleeper_wake(q, s, sync);
	}
	if (likely(list_empty(&q->patients)))
		return s;
	return kev_wake_patient(q, !s && (how & KEV_NOTIFY_ANY)) || s;
}

/**
 * kev_notify() - something is there for somebody
 * @q: the queue.
 * @how: KEV_NOTIFY_*.
 * @sync: wake flags of the waker.
 *
 * Takes few steps, however many sleep.  Returns KEV_TOLD_WOKE if somebody was
 * woken, outer pollers included.
 * Context: queue->lock held.
 */
unsigned int kev_notify(struct kev_queue *q, unsigned int how, int sync)
{
	bool woken = false;

	lockdep_assert_held(&q->lock);
	if ((q->attention & KEV_Q_SLEEPERS) && !(how & KEV_NOTIFY_OUTER))
		woken = kev_wake_one(q, how, sync);
	if (q->attention & KEV_Q_POLLERS) {
		q->attention &= ~KEV_Q_POLLERS;
		irq_work_queue(&q->wake_pollers);
		trace_kevent_wake(q, 0);
		woken = true;
	}
	return woken ? KEV_TOLD_WOKE : 0;
}

/* Wakes KEV_WAKES_MAX others for the same event; they do the same. */
static void kev_sleeper_spread(struct kev_queue *q, u64 until)
{
	struct kev_sleeper *s;
	unsigned int n;

	for (n = 0; n < KEV_WAKES_MAX; n++) {
		s = kev_first_of(&q->sleepers, until);
		if (!s)
			return;
		s->spreads = true;
		s->until = until;
		kev_sleeper_wake(q, s, 0);
	}
}

/* See kev_sleeper_back(). */
void kev_sleeper_back_long(struct kev_queue *q, struct kev_sleeper *s)
{
	if (s->asleep)
		kev_sleeper_del(q, s);
	if (s->spreads)
		kev_sleeper_spread(q, s->until);
	s->spreads = false;
	/* an event that was enough for one patient may be so for the next */
	if (s->min > 1)
		kev_wake_patient(q, false);
}

/* WAKE: the next of those who were asleep when it came, with no event. */
static bool kev_kick_one(struct kev_queue *q, u64 until)
{
	struct kev_sleeper *s = kev_choose(q, until);

	if (!s)
		s = kev_first_of(&q->patients, until);
	if (!s)
		return false;
	s->kicked = true;
	kev_sleeper_wake(q, s, 0);
	return true;
}

/*
 * WAKE: up to num sleepers, in the order of the policy.  Context: process,
 * queue->lock held; it is dropped in between.
 */
unsigned int kev_notify_kick(struct kev_queue *q, unsigned int num)
	__must_hold(&q->lock)
{
	u64 until = q->slept;
	unsigned int n = 0;

	lockdep_assert_held(&q->lock);
	while (n < num && kev_kick_one(q, until))
		if (!(++n % KEV_WAKES_MAX))
			kev_breathe(q);
	return n;
}

/* ---- Outer pollers ----------------------------------------------------- */

static void kev_wake_pollers(struct irq_work *work)
{
	struct kev_queue *q = container_of(work, struct kev_queue,
					   wake_pollers);

	KEV_DELAY(OUTER_WAKE);
	wake_up_interruptible_poll(&q->pollers, EPOLLIN | EPOLLRDNORM);
}

/* A task has looked: the next event is news to outer pollers. */
void kev_poll_rearm(struct kev_queue *q)
{
	lockdep_assert_held(&q->lock);
	if (kev_has_pollers(q)) {
		q->attention |= KEV_Q_POLLERS;
		kev_ring_set_flag(&q->ring, KEVENT_RING_POLLED);
	} else {
		kev_ring_clear_flag(&q->ring, KEVENT_RING_POLLED);
	}
}

/* ---- The lock ---------------------------------------------------------- */

/* Drops the lock, with irqs on, for others; reschedules.  Context: process. */
void kev_breathe(struct kev_queue *q)
	__must_hold(&q->lock)
{
	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(BREATHE);
	cond_resched();
	raw_spin_lock_irq(&q->lock);
}

void kev_notify_init(struct kev_queue *q)
{
	INIT_LIST_HEAD(&q->sleepers);
	INIT_LIST_HEAD(&q->patients);
	q->patient = RB_ROOT_CACHED;
	init_waitqueue_head(&q->pollers);
	init_irq_work(&q->wake_pollers, kev_wake_pollers);
}
