/* SPDX-License-Identifier: GPL-2.0 */
/* Sleepers of a queue, and who polls its fd.  All under queue->lock. */
#ifndef KEV_NOTIFY_H
#define KEV_NOTIFY_H

#include "delay.h"
#include "kev.h"

/**
 * struct kev_sleeper - a task in WAIT or GET_EVENTS
 * @link: on queue->sleepers, if it waits for any event; else on queue->patients.
 * @node: in queue->patient too, if it waits for more than one.
 * @task: whose it is.
 * @min: how many it waits for.
 * @since: index from which @min counts, if @counts.
 * @target: of a patient: the index at which there may be enough.
 * @number: by arrival.  It never wraps: one task may sleep while others do so often.
 * @until: with @spreads: it wakes sleepers whose @number is not greater.
 * @counts: from @since; else it waits for unclaimed events.
 * @asleep: may be chosen.
 * @chosen: off the lists, and woken.
 * @kicked: by WAKE: return whatever is there.
 * @spreads: WAKEUP_ALL: it wakes others when it runs, and they do the same.
 * @cpu: where it went to sleep.
 *
 * Lives on the task's stack.
 */
struct kev_sleeper {
	struct list_head link;
	struct rb_node node;
	struct task_struct *task;
	u32 min;
	u32 since;
	u32 target;
	int cpu;
	u64 number;
	u64 until;
	bool counts;
	bool asleep;
	bool chosen;
	bool kicked;
	bool spreads;
};

#define KEV_NOTIFY_ALL	0x1	/* every sleeper, not one */
#define KEV_NOTIFY_ANY	0x2	/* even a patient: a file is to be asked */
#define KEV_NOTIFY_OUTER 0x4	/* outer pollers only: the caller is a taker */
#define KEV_NOTIFY_ASKED 0x8	/* found by asking: no news where it was told before */

/* What became of an event. */
#define KEV_TOLD_NEW	0x1	/* an entry of its own; else merged, or not taken */
#define KEV_TOLD_WOKE	0x2	/* somebody was woken for it */

unsigned int kev_notify(struct kev_queue *q, unsigned int how, int sync);
unsigned int kev_notify_kick(struct kev_queue *q, unsigned int num);
void kev_sleeper_add_patient(struct kev_queue *q, struct kev_sleeper *s);
void kev_sleeper_back_long(struct kev_queue *q, struct kev_sleeper *s);
u32 kev_enough_long(struct kev_queue *q, const struct kev_sleeper *s);
void kev_poll_rearm(struct kev_queue *q);
void kev_breathe(struct kev_queue *q);
void kev_notify_init(struct kev_queue *q);

/*
 * Does somebody poll the queue's fd?  Who comes just now looks for events under
 * the lock, after it is on the list: kev_poll().
 */
static inline bool kev_has_pollers(const struct kev_queue *q)
{
	/* see above */
	return waitqueue_active((wait_queue_head_t *)&q->pollers);
}

/* A task has looked; also clears the flag when nobody polls any more. */
static inline void kev_poll_looked(struct kev_queue *q)
{
	if (unlikely(kev_has_pollers(q) | (q->ring.flags & KEVENT_RING_POLLED)))
		kev_poll_rearm(q);
}

/* One more event of what is there already: outer pollers may watch for edges. */
static inline void kev_tell_pollers(struct kev_queue *q)
{
	if (unlikely(q->attention & KEV_Q_POLLERS))
		kev_notify(q, KEV_NOTIFY_OUTER, 0);
}

/* Events that a task could take now. */
static inline u32 kev_available(const struct kev_queue *q)
{
	lockdep_assert_held(&q->lock);
	if (!kev_has_ring(q))
		return q->nready;
	return q->ring.tail - kev_ring_look(&q->ring).claim;
}

/* What the sleeper waits for: how many there are, at least 1; 0: not enough. */
static inline u32 kev_enough(struct kev_queue *q, const struct kev_sleeper *s)
{
	if (likely(s->min <= 1 && !s->counts))
		return kev_available(q);
	return kev_enough_long(q, s);
}

static __always_inline void kev_sleeper_init(struct kev_sleeper *s, u32 min,
					     bool counts, u32 since)
{
	s->task = current;
	s->min = min;
	s->since = since;
	s->counts = counts;
	s->asleep = false;
	s->chosen = false;
	s->kicked = false;
	s->spreads = false;
}

/* It may be chosen from now on. */
static inline void kev_sleeper_add(struct kev_queue *q, struct kev_sleeper *s)
{
	lockdep_assert_held(&q->lock);
	s->chosen = false;
	s->asleep = true;
	q->slept += KEV_SLEPT_STEP;
	s->number = q->slept;
	s->cpu = raw_smp_processor_id();
	q->attention |= KEV_Q_SLEEPERS;
	if (likely(s->min <= 1))
		list_add_tail(&s->link, &q->sleepers);
	else
		kev_sleeper_add_patient(q, s);
}

/* It is awake, chosen or not: off the lists; and it wakes others if it spreads. */
static inline void kev_sleeper_back(struct kev_queue *q, struct kev_sleeper *s)
{
	lockdep_assert_held(&q->lock);
	if (unlikely(s->asleep || s->spreads || s->min > 1))
		kev_sleeper_back_long(q, s);
}

#endif /* KEV_NOTIFY_H */
