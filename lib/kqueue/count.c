// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* EVFILT_TIMER and EVFILT_SIGNAL: how often something has happened since it was told. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <time.h>

#include "kq.h"

#define KQ_UNITS	(NOTE_SECONDS | NOTE_MSECONDS | NOTE_USECONDS | NOTE_NSECONDS)

/* A total that is less by this or less is an old one, else it has come round. */
#define KQ_OLD		(1u << 24)

/*
 * While it is disabled, too.  An event that another thread has taken later may be here
 * already, and has told what this one has to tell.
 */
static bool kq_count_event(struct kq *kq, struct kq_note *kn, const struct ukevent *uk)
{
	const uint32_t num = uk->ret_data[1] - kn->seen;

	(void)kq;
	if ((uk->ret_flags & KEVENT_RET_DATA) && num < -KQ_OLD) {
		kn->data += num;
		kn->seen = uk->ret_data[1];
	}
	kn->active = kn->data;
	return kn->active;
}

/* ---- Timers ------------------------------------------------------------ */

/* Nanoseconds of a unit; 0: more than one is named. */
static int64_t kq_unit(unsigned int fflags)
{
	switch (fflags & KQ_UNITS) {
	case NOTE_SECONDS:
		return 1000000000;
	case 0:
	case NOTE_MSECONDS:
		return 1000000;
	case NOTE_USECONDS:
		return 1000;
	case NOTE_NSECONDS:
		return 1;
	default:
		return 0;
	}
}

/*
 * If that is none: one unit for a period, else at once.  For ever, as far as the clock can
 * tell, if it is too much.
 */
static uint64_t kq_timer_ns(const struct kevent *kev)
{
	const int64_t unit = !kev->data && (kev->flags & EV_ONESHOT) ? 1 : kq_unit(kev->fflags);
	const int64_t data = kev->data ? kev->data : 1;

	return data > INT64_MAX / unit ? INT64_MAX : (uint64_t)(data * unit);
}

static int kq_timer_check(const struct kevent *kev)
{
	const int64_t unit = kq_unit(kev->fflags);

	return !unit || kev->data < 0 ? EINVAL : 0;
}

static int kq_timer_add(struct kq_note *kn, struct ukevent *uk)
{
	kn->seen = 0;
	kn->data = 0;
	kn->active = false;
	uk->type = KEVENT_TIMER;
	uk->event = KEVENT_TIMER_FIRED;
	uk->id.raw_u64 = kn->index;
	uk->param[0] = kq_timer_ns(&kn->kev);
	if (kn->kev.fflags & NOTE_ABSTIME)
		uk->param[2] = KEVENT_TIMER_CLOCK(CLOCK_REALTIME) | KEVENT_TIMER_ABSTIME;
	else
		uk->param[2] = KEVENT_TIMER_CLOCK(CLOCK_MONOTONIC);
	if (!(kn->kev.fflags & NOTE_ABSTIME) && !(kn->kev.flags & EV_ONESHOT))
		uk->param[1] = uk->param[0];
	return 0;
}

/* EV_ADD starts it anew; what it had to tell is forgotten. */
static int kq_timer_change(struct kq *kq, struct kq_note *kn, const struct kevent *kev, int err)
{
	if (kev->flags & EV_ADD) {
		kq_watch_remove(kq, kn);
		err = kq_watch_make(kq, kn);
		if (err)
			kq_drop(kq, kn);
	} else if (kn->active && !kn->disabled) {
		err = kq_watch_fire(kq, kn);
	}
	return err;
}

/* ---- Signals ----------------------------------------------------------- */

static int kq_signal_check(const struct kevent *kev)
{
	return kev->ident < 1 || kev->ident > (uintptr_t)SIGRTMAX ? EINVAL : 0;
}

static int kq_signal_add(struct kq_note *kn, struct ukevent *uk)
{
	uk->type = KEVENT_SIGNAL;
	uk->event = KEVENT_SIGNAL_DELIVERY;
	uk->id.raw_u64 = kn->kev.ident;
	return 0;
}

static int kq_signal_change(struct kq *kq, struct kq_note *kn, const struct kevent *kev,
			    int err)
{
	(void)kev;
	return kn->active && !kn->disabled ? kq_watch_fire(kq, kn) : err;
}

const struct kq_filter kq_filter_timer = {
	.is_soft	= true,
	.fflags		= KQ_UNITS | NOTE_ABSTIME,
	.flags		= EV_CLEAR,
	.check		= kq_timer_check,
	.add		= kq_timer_add,
	.change		= kq_timer_change,
	.event		= kq_count_event,
};

const struct kq_filter kq_filter_signal = {
	.is_soft	= true,
	.flags		= EV_CLEAR,
	.check		= kq_signal_check,
	.add		= kq_signal_add,
	.change		= kq_signal_change,
	.event		= kq_count_event,
};
