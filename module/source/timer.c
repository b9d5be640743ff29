// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_TIMER: relative, absolute, periodic, on a clock of choice.  Every
 * expiry is counted; how often they are reported is bounded: see pace.h.
 *
 * A queue has one hrtimer for each clock, and its timers in a tree behind that.  So a
 * timer is started and stopped under queue->lock, and those that expire together
 * share an interrupt.
 */
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/timerqueue.h>

#include "../compat/timens.h"
#include "../compat/timer.h"
#include "../delay.h"
#include "../quota.h"
#include "../ready.h"
#include "../source.h"
#include "pace.h"

/* A timer whose report may wake somebody counts as so many of KEV_STEPS_MAX. */
#define KEV_TIMER_WAKES		8

/**
 * struct kev_alarm - a queue's timers on one clock
 * @queue: the queue.
 * @clock: the clock.
 * @timers: struct kev_timer that have a next report, by its time.
 * @alarm: armed for the first of @timers or earlier, if there is one; but while its
 *	callback runs.
 * @rest: no report before this, CLOCK_MONOTONIC.
 *
 * All under queue->lock, but @alarm's own state.
 */
struct kev_alarm {
	struct kev_queue *queue;
	clockid_t clock;
	struct timerqueue_head timers;
	struct hrtimer alarm;
	ktime_t rest;
};

static const clockid_t kev_clocks[] = {
	CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI,
};

/**
 * struct kev_alarms - all timers of a queue
 * @alarm: on each clock.
 */
struct kev_alarms {
	struct kev_alarm alarm[ARRAY_SIZE(kev_clocks)];
};

/**
 * struct kev_timer - a watch of type TIMER
 * @watch: the watch.
 * @node: among its alarm's, by the time of the next report.
 * @alarm: where it is.
 * @interval: ns, or 0.
 * @next: first expiry that is not yet counted.
 * @backoff: see pace.h.
 *
 * All under queue->lock.
 */
struct kev_timer {
	struct kev_watch watch;
	struct timerqueue_node node;
	struct kev_alarm *alarm;
	u64 interval;
	ktime_t next;
	u32 backoff;
};

static struct kev_timer *kev_timer_of(struct kev_watch *w)
{
	return container_of(w, struct kev_timer, watch);
}

/* ---- Timers of a clock ------------------------------------------------- */

/* Has the first of them reported in time, but not while the alarm rests. */
static void kev_alarm_arm(struct kev_alarm *a)
{
	struct timerqueue_node *first = timerqueue_getnext(&a->timers);
	ktime_t expires, rest;

	if (!first)
		return;
	expires = first->expires;
	rest = ktime_sub(a->rest, ktime_get());
	if (rest > 0)
		expires = max(expires,
			      ktime_add(hrtimer_cb_get_time(&a->alarm), rest));
	hrtimer_start(&a->alarm, expires, HRTIMER_MODE_ABS_SOFT);
}

static void kev_timer_enqueue(struct kev_timer *t, ktime_t expires)
{
	t->node.expires = expires;
	timerqueue_add(&t->alarm->timers, &t->node);
}

/* Counts what has expired by now; there is an interval. */
static u32 kev_timer_count(struct kev_timer *t, ktime_t now)
{
	u64 late = ktime_to_ns(ktime_sub(now, t->next));
	u64 n = 1;

	if ((s64)late > 0 && late >= t->interval)
		n += div64_u64(late, t->interval);
	t->next = ktime_add_safe(t->next,
				 min_t(u64, n * t->interval, KTIME_MAX));
	return n;
}

/* It has expired, and is not among the others any more. */
static void kev_timer_expired(struct kev_timer *t, ktime_t now)
{
	struct kev_watch *w = &t->watch;
	unsigned int told;

	if (!t->interval) {
		kev_ready_total(w, KEVENT_TIMER_FIRED, 1, 0);
		return;
	}
	told = kev_ready_total(w, KEVENT_TIMER_FIRED, kev_timer_count(t, now), 0);
	if (w->ev.req_flags & KEVENT_REQ_ONESHOT)
		return;
	kev_pace_told(&t->backoff, told & KEV_TOLD_NEW);
	if (t->backoff)
		now = ktime_add_ns(now, kev_pace_back(t->backoff, t->interval));
	kev_timer_enqueue(t, max(t->next, now));
}

/* Reports those that are due.  True: some are left, for after a moment. */
static bool kev_alarm_report(struct kev_alarm *a, ktime_t now)
{
	struct timerqueue_node *node;
	int steps = KEV_STEPS_MAX;

	while ((node = timerqueue_getnext(&a->timers)) && node->expires <= now) {
		if (steps <= 0)
			return true;
		steps -= a->queue->attention & KEV_Q_SLEEPERS ?
			 KEV_TIMER_WAKES : 1;
		timerqueue_del(&a->timers, node);
		kev_timer_expired(container_of(node, struct kev_timer, node),
				  now);
	}
	return false;
}

static enum hrtimer_restart kev_alarm_expire(struct hrtimer *timer)
{
	struct kev_alarm *a = container_of(timer, struct kev_alarm, alarm);
	struct kev_queue *q = a->queue;
	unsigned long flags;
	ktime_t now, start;
	bool more;

	KEV_DELAY(TIMER_EXPIRE);
	raw_spin_lock_irqsave(&q->lock, flags);
	now = hrtimer_cb_get_time(timer);
	start = kev_pace_due(timer, now);
	more = kev_alarm_report(a, now);
	a->rest = kev_pace_rest(start, q->account, more);
	kev_alarm_arm(a);
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return HRTIMER_NORESTART;
}

/* ---- Those of a queue -------------------------------------------------- */

static struct kev_alarms *kev_alarms_make(struct kev_queue *q)
{
	struct kev_alarms *all = kzalloc(sizeof(*all), GFP_KERNEL_ACCOUNT);
	struct kev_alarm *a;
	unsigned int i;

	if (!all)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(all->alarm); i++) {
		a = &all->alarm[i];
		a->queue = q;
		a->clock = kev_clocks[i];
		timerqueue_init_head(&a->timers);
		hrtimer_setup(&a->alarm, kev_alarm_expire, a->clock,
			      HRTIMER_MODE_ABS_SOFT);
	}
	return all;
}

/* They are made for the first timer, and stay.  Returns 0 or -ENOMEM. */
static int kev_alarms_get(struct kev_queue *q)
{
	struct kev_alarms *all;

	/* Partner: the cmpxchg below. */
	if (likely(smp_load_acquire(&q->alarms)))
		return 0;
	all = kev_alarms_make(q);
	if (!all)
		return -ENOMEM;
	/* Partner: the acquire above, of others who add. */
	if (cmpxchg(&q->alarms, NULL, all))
		kfree(all);
	return 0;
}

static void kev_timer_release(struct kev_queue *q)
{
	struct kev_alarms *all = q->alarms;
	unsigned int i;

	if (!all)
		return;
	/* there are no timers, but the alarm may be on its way */
	for (i = 0; i < ARRAY_SIZE(all->alarm); i++)
		hrtimer_cancel(&all->alarm[i].alarm);
	kfree(all);
}

static struct kev_alarm *kev_alarm_of(struct kev_queue *q, clockid_t clock)
{
	struct kev_alarm *a = q->alarms->alarm;

	while (a->clock != clock)
		a++;
	return a;
}

/* ---- A timer ----------------------------------------------------------- */

/* Starts it, by the request's parameters; it is not running. */
static void kev_timer_start(struct kev_watch *w, const struct ukevent *uk)
{
	bool absolute = uk->param[2] & KEVENT_TIMER_ABSTIME;
	struct kev_timer *t = kev_timer_of(w);
	clockid_t clock = (u32)uk->param[2];
	struct kev_queue *q = w->queue;
	u64 value = uk->param[0];
	struct kev_alarm *a;

	/* as everywhere: a relative time does not follow a clock that is set */
	if (!absolute && clock == CLOCK_REALTIME)
		clock = CLOCK_MONOTONIC;
	if (!absolute && !value)
		value = uk->param[1];
	a = kev_alarm_of(q, clock);
	raw_spin_lock_irq(&q->lock);
	t->alarm = a;
	t->next = ns_to_ktime(value);
	if (absolute)
		t->next = kev_timens_to_host(clock, t->next);
	else
		t->next = ktime_add_safe(hrtimer_cb_get_time(&a->alarm), t->next);
	t->interval = uk->param[1];
	t->backoff = 0;
	kev_timer_enqueue(t, t->next);
	if (timerqueue_getnext(&a->timers) == &t->node)
		kev_alarm_arm(a);
	raw_spin_unlock_irq(&q->lock);
}

static void kev_timer_stop(struct kev_watch *w)
{
	struct kev_timer *t = kev_timer_of(w);
	struct kev_alarm *a = t->alarm;
	struct kev_queue *q = w->queue;

	KEV_DELAY(TIMER_STOP);
	raw_spin_lock_irq(&q->lock);
	if (timerqueue_node_queued(&t->node))
		timerqueue_del(&a->timers, &t->node);
	/* it is not waited for: it may find others, or none */
	if (!timerqueue_getnext(&a->timers))
		hrtimer_try_to_cancel(&a->alarm);
	raw_spin_unlock_irq(&q->lock);
}

static int kev_timer_check(const struct ukevent *uk)
{
	u32 clock = uk->param[2];

	if ((clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME &&
	     clock != CLOCK_BOOTTIME && clock != CLOCK_TAI) ||
	    (uk->param[2] & ~(KEVENT_TIMER_ABSTIME | U32_MAX)))
		return -EINVAL;
	if (uk->param[0] > KTIME_MAX || uk->param[1] > KTIME_MAX)
		return -EINVAL;
	if (!uk->param[0] && !uk->param[1] &&
	    !(uk->param[2] & KEVENT_TIMER_ABSTIME))
		return -EINVAL;
	return 0;
}

static int kev_timer_attach(struct kev_watch *w, struct file *file,
			    const struct ukevent *uk, struct kev_values *v)
{
	int err = kev_alarms_get(w->queue);

	if (unlikely(err))
		return err;
	timerqueue_init(&kev_timer_of(w)->node);
	kev_timer_start(w, uk);
	return 0;
}

/* Its next expiry, as an absolute time: that is what a copy of it would need. */
static void kev_timer_params(struct kev_watch *w, u64 *param)
{
	struct kev_timer *t = kev_timer_of(w);
	struct kev_queue *q = w->queue;
	clockid_t clock;

	raw_spin_lock_irq(&q->lock);
	clock = t->alarm->clock;
	param[0] = kev_timens_from_host(clock, t->next);
	param[1] = t->interval;
	raw_spin_unlock_irq(&q->lock);
	param[2] = KEVENT_TIMER_CLOCK(clock) | KEVENT_TIMER_ABSTIME;
}

const struct kev_source_ops kev_source_timer = {
	.name		= "kev_timer",
	.size		= sizeof(struct kev_timer),
	.events		= KEVENT_TIMER_FIRED,
	.req_flags	= KEV_REQ_COMMON,
	.has_params	= true,
	.modify_params	= true,
	.check		= kev_timer_check,
	.attach		= kev_timer_attach,
	.detach		= kev_timer_stop,
	.halt		= kev_timer_stop,
	.modify		= kev_timer_start,
	.params		= kev_timer_params,
	.release	= kev_timer_release,
};
