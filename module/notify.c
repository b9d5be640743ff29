// SPDX-License-Identifier: GPL-2.0
/*
 * Waking: a queue's own sleepers, straight from the event; outer pollers (who
 * poll the queue's fd), from irq_work, as their own wake-ups may lead back here
 * or go many levels deep.
 *
 * Whether outer pollers are to be woken is a bit of our own: each ->poll, WAIT,
 * GET_EVENTS or COMMIT arms one wake, the event consumes it.  So a cycle of
 * queues stops by itself.
 */
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "delay.h"
#include "kev.h"

/* Events that a task could take now. */
u32 kev_available(struct kev_queue *q)
{
	struct kev_view v;

	lockdep_assert_held(&q->lock);
	if (q->attention & KEV_Q_NO_RING)
		return q->nready;
	v = kev_ring_look(&q->ring);
	return q->ring.tail - v.claim;
}

/* Is this what the sleeper waits for? */
bool kev_enough(struct kev_queue *q, const struct kev_sleeper *s)
{
	struct kev_view v;
	u32 num;

	lockdep_assert_held(&q->lock);
	if (q->attention & KEV_Q_NO_RING)
		return q->nready >= s->min;
	v = kev_ring_look(&q->ring);
	num = q->ring.tail - v.claim;
	if (num && (s->min <= 1 || kev_ring_is_full(&q->ring, &v)))
		return true;
	if (s->counts)
		num = q->ring.tail - s->since;
	return num >= s->min;
}

/* Is there something that only a task can do? */
bool kev_work_due(struct kev_queue *q)
{
	struct kev_view v;

	lockdep_assert_held(&q->lock);
	if (!list_empty(&q->check) || kev_ring_next_done(&q->ring))
		return true;
	if (q->attention & KEV_Q_NO_RING)
		return !list_empty(&q->level);
	v = kev_ring_look(&q->ring);
	if ((q->attention & KEV_Q_READY) && !kev_ring_is_full(&q->ring, &v))
		return true;
	return kev_level_due(q, &v);
}

void kev_sleeper_add(struct kev_queue *q, struct kev_sleeper *s)
{
	lockdep_assert_held(&q->lock);
	s->chosen = false;
	s->cpu = raw_smp_processor_id();
	list_add_tail(&s->link, &q->sleepers);
	q->attention |= KEV_Q_SLEEPERS;
}

void kev_sleeper_del(struct kev_queue *q, struct kev_sleeper *s)
{
	lockdep_assert_held(&q->lock);
	list_del_init(&s->link);
	if (list_empty(&q->sleepers))
		q->attention &= ~KEV_Q_SLEEPERS;
}

static void kev_sleeper_wake(struct kev_queue *q, struct kev_sleeper *s,
			     int sync)
{
	kev_sleeper_del(q, s);
	s->chosen = true;
	/* s lives as long as we hold the lock: its task takes it to return */
	default_wake_function(&s->wait, TASK_NORMAL, sync, NULL);
}

/* Is there an event for it, or (KEV_NOTIFY_ANY) work? */
static bool kev_may_wake(struct kev_queue *q, const struct kev_sleeper *s,
			 unsigned int how)
{
	return (how & KEV_NOTIFY_ANY) || kev_enough(q, s);
}

/* There are sleepers: the one to be woken, NULL if there is nothing for any. */
static struct kev_sleeper *kev_choose(struct kev_queue *q, unsigned int how)
{
	struct kev_sleeper *s, *found = NULL;
	int cpu;

	/* the usual case: the first, which waits for anything */
	s = list_first_entry(&q->sleepers, struct kev_sleeper, link);
	if (q->policy == KEVENT_WAKE_FIFO && s->min == 1)
		return s;
	cpu = raw_smp_processor_id();

	if (q->policy == KEVENT_WAKE_LIFO) {
		list_for_each_entry_reverse(s, &q->sleepers, link)
			if (kev_may_wake(q, s, how))
				return s;
		return NULL;
	}
	list_for_each_entry(s, &q->sleepers, link) {
		if ((found && s->cpu != cpu) || !kev_may_wake(q, s, how))
			continue;
		found = s;
		if (q->policy == KEVENT_WAKE_FIFO || s->cpu == cpu)
			break;
	}
	return found;
}

/* Everybody but those who want more than there is, in one pass. */
static bool kev_wake_all(struct kev_queue *q, int sync)
{
	struct kev_sleeper *s, *next;
	bool any = false;

	list_for_each_entry_safe(s, next, &q->sleepers, link) {
		if (s->min > 1 && !kev_enough(q, s))
			continue;
		kev_sleeper_wake(q, s, sync);
		any = true;
	}
	return any;
}

static bool kev_wake_one(struct kev_queue *q, unsigned int how, int sync)
{
	struct kev_sleeper *s = kev_choose(q, how);

	if (s)
		kev_sleeper_wake(q, s, sync);
	return s;
}

/**
 * kev_notify() - something is there for somebody
 * @q: the queue.
 * @how: KEV_NOTIFY_*.
 * @sync: wake flags of the waker.
 *
 * Looks at each sleeper at most once.  Returns true if one was woken.
 * Context: queue->lock held.
 */
bool kev_notify(struct kev_queue *q, unsigned int how, int sync)
{
	bool woken = false;

	lockdep_assert_held(&q->lock);
	if ((q->attention & KEV_Q_SLEEPERS) && !(how & KEV_NOTIFY_OUTER))
		woken = how & KEV_NOTIFY_ALL ? kev_wake_all(q, sync) :
					       kev_wake_one(q, how, sync);
	if (q->attention & KEV_Q_POLLERS) {
		q->attention &= ~KEV_Q_POLLERS;
		irq_work_queue(&q->wake_pollers);
	}
	return woken;
}

/* Wakes up to num with no event, in order; those of this CPU alone, or any (-1). */
static unsigned int kev_kick_some(struct kev_queue *q, unsigned int num, int cpu)
{
	struct kev_sleeper *s, *next;
	unsigned int n = 0;

	list_for_each_entry_safe(s, next, &q->sleepers, link) {
		if (n == num)
			break;
		if (cpu >= 0 && s->cpu != cpu)
			continue;
		s->kicked = true;
		kev_sleeper_wake(q, s, 0);
		n++;
	}
	return n;
}

/* WAKE: up to num sleepers, in the order of the policy, with no event. */
unsigned int kev_notify_kick(struct kev_queue *q, unsigned int num)
{
	struct kev_sleeper *s;
	unsigned int n = 0;

	lockdep_assert_held(&q->lock);
	if (q->policy == KEVENT_WAKE_SAME_CPU)
		n = kev_kick_some(q, num, raw_smp_processor_id());
	if (q->policy != KEVENT_WAKE_LIFO)
		return n + kev_kick_some(q, num - n, -1);
	while (n < num && !list_empty(&q->sleepers)) {
		s = list_last_entry(&q->sleepers, struct kev_sleeper, link);
		s->kicked = true;
		kev_sleeper_wake(q, s, 0);
		n++;
	}
	return n;
}

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

/* Calls nobody: another queue's or epoll's ->poll may have called us. */
__poll_t kev_poll(struct file *file, poll_table *pt)
{
	struct kev_queue *q = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &q->pollers, pt);
	raw_spin_lock_irq(&q->lock);
	if (q->inited) {
		kev_poll_rearm(q);
		if (kev_available(q) || (q->attention & KEV_Q_READY) ||
		    kev_work_due(q))
			mask = EPOLLIN | EPOLLRDNORM;
	}
	raw_spin_unlock_irq(&q->lock);
	return mask;
}

void kev_notify_init(struct kev_queue *q)
{
	INIT_LIST_HEAD(&q->sleepers);
	init_waitqueue_head(&q->pollers);
	init_irq_work(&q->wake_pollers, kev_wake_pollers);
}
