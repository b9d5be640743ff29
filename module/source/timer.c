// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_TIMER: relative, absolute, periodic, on a clock of choice.  Every
 * expiry is counted; how often they are reported is bounded: see pace.h.
 */
#include <linux/hrtimer.h>
#include <linux/math64.h>

#include "../compat/timens.h"
#include "../compat/timer.h"
#include "../delay.h"
#include "../quota.h"
#include "../ready.h"
#include "../source.h"
#include "pace.h"

/**
 * struct kev_timer - a watch of type TIMER
 * @watch: the watch.
 * @timer: armed while there is a next expiry.
 * @interval: ns, or 0.
 * @next: first expiry that is not yet counted.
 * @pace: how often it reports.
 *
 * Changed by the timer's callback, and by others only after cancelling it.
 */
struct kev_timer {
	struct kev_watch watch;
	struct hrtimer timer;
	u64 interval;
	ktime_t next;
	struct kev_pace pace;
};

static struct kev_timer *kev_timer_of(struct kev_watch *w)
{
	return container_of(w, struct kev_timer, watch);
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

static enum hrtimer_restart kev_timer_expire(struct hrtimer *timer)
{
	struct kev_timer *t = container_of(timer, struct kev_timer, timer);
	ktime_t now;
	u32 flags;

	KEV_DELAY(TIMER_EXPIRE);
	/* it is halted before they change */
	flags = data_race(t->watch.ev.req_flags);
	/* the watch may be reaped once its only event is out */
	if (!t->interval || (flags & KEVENT_REQ_ONESHOT)) {
		kev_ready_count(&t->watch, KEVENT_TIMER_FIRED,
				!t->interval ? 1 :
				kev_timer_count(t, hrtimer_cb_get_time(timer)));
		return HRTIMER_NORESTART;
	}
	now = hrtimer_cb_get_time(timer);
	kev_pace_due(&t->pace, timer, now);
	kev_pace_told(&t->pace,
		      kev_ready_count(&t->watch, KEVENT_TIMER_FIRED,
				      kev_timer_count(t, now)) &
		      KEV_TOLD_NEW);
	now = ktime_add_ns(now, kev_pace_pause(&t->pace,
					       t->watch.queue->account,
					       t->interval));
	hrtimer_set_expires(timer, max(t->next, now));
	return HRTIMER_RESTART;
}

/* Starts it, by the request's parameters; it is not running. */
static void kev_timer_start(struct kev_watch *w, const struct ukevent *uk)
{
	struct kev_timer *t = kev_timer_of(w);
	clockid_t clock = (u32)uk->param[2];
	bool absolute = uk->param[2] & KEVENT_TIMER_ABSTIME;
	u64 value = uk->param[0];

	/* as everywhere: a relative time does not follow a clock that is set */
	if (!absolute && clock == CLOCK_REALTIME)
		clock = CLOCK_MONOTONIC;
	if (!absolute && !value)
		value = uk->param[1];
	hrtimer_setup(&t->timer, kev_timer_expire, clock,
		      HRTIMER_MODE_ABS_SOFT);
	t->next = ns_to_ktime(value);
	if (absolute)
		t->next = kev_timens_to_host(clock, t->next);
	else
		t->next = ktime_add_safe(hrtimer_cb_get_time(&t->timer),
					 t->next);
	t->interval = uk->param[1];
	t->pace.backoff = 0;
	if (t->interval)
		atomic_inc(&w->queue->account->timers);
	hrtimer_start(&t->timer, t->next, HRTIMER_MODE_ABS_SOFT);
}

static void kev_timer_stop(struct kev_watch *w)
{
	struct kev_timer *t = kev_timer_of(w);

	KEV_DELAY(TIMER_STOP);
	hrtimer_cancel(&t->timer);
	if (t->interval)
		atomic_dec(&w->queue->account->timers);
}

static int kev_timer_check(struct file *file, const struct ukevent *uk)
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
	kev_timer_start(w, uk);
	return 0;
}

/* Its next expiry, as an absolute time: that is what a copy of it would need. */
static void kev_timer_params(struct kev_watch *w, u64 *param)
{
	struct kev_timer *t = kev_timer_of(w);
	clockid_t clock = READ_ONCE(t->timer.base)->clockid;

	param[0] = kev_timens_from_host(clock, READ_ONCE(t->next));
	param[1] = t->interval;
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
};
