/* SPDX-License-Identifier: GPL-2.0 */
/* Racing about timers and private events: no file, or the process's own. */
#ifndef RACE_SOURCE_OWN_H
#define RACE_SOURCE_OWN_H

#include "source_file.h"

/* ---- KEVENT_TIMER ------------------------------------------------------ */

/* Expires while the actors are at it. */
#define TIMER_NS	60000
/* Unit of the time that is in ptr, ns. */
#define TIMER_TICK	64

static inline void timer_make(struct scene *s)
{
	s->event = KEVENT_TIMER_FIRED;
	s->id = 1;
}

static inline void timer_drop(struct scene *s)
{
	(void)s;
}

static inline void timer_prep(const struct scene *s, struct ukevent *uk,
			      unsigned int *seed)
{
	(void)s;
	uk->param[0] = 1 + rand_r(seed) % TIMER_NS;
	if (rand_r(seed) & 1)
		uk->param[1] = 1 + rand_r(seed) % TIMER_NS;
	uk->param[2] = KEVENT_TIMER_CLOCK(CLOCK_MONOTONIC);
	uk->req_flags |= KEVENT_REQ_TIMESTAMP;
	uk->ptr |= (now_ns() + uk->param[0]) / TIMER_TICK << 32;
}

/* By its own terms it can't have expired earlier; READY fires it at any time. */
static inline void timer_terms(const struct scene *s, const struct ukevent *uk)
{
	uint32_t due = uk->ptr >> 32, came = (uk->time + TIMER_TICK) / TIMER_TICK;

	if (!race_has(s, ACT_READY))
		CHECK_GE((int32_t)(came - due), 0);
}

/* By itself. */
static inline unsigned int timer_event(struct side *side)
{
	uint64_t end = now_ns() + side_random(side, TIMER_NS);

	while (now_ns() < end)
		;
	return 1;
}

static const struct source timer_source = {
	.name	= "timer",
	.type	= KEVENT_TIMER,
	.flags	= RACE_FLAGS,
	.level	= true,
	.by_id	= true,
	.no_close = "a timer is nothing but its watch",
	.make	= timer_make,
	.drop	= timer_drop,
	.prep	= timer_prep,
	.terms	= timer_terms,
	.event	= timer_event,
};

/* ---- KEVENT_UNOTIFY ---------------------------------------------------- */

static inline void unotify_make(struct scene *s)
{
	s->event = 1;
	s->id = 7;
}

static inline unsigned int unotify_event(struct side *side)
{
	unsigned int i, n = 1 + side_random(side, 3), fired = 0;
	struct ukevent uk;

	for (i = 0; i < n; i++) {
		kevent_prep(&uk, KEVENT_UNOTIFY, side->s->id, 0, 0, RACE_PTR);
		if (kevent_ctl_one(side->s->q, KEVENT_CTL_READY, &uk) >= 0)
			fired++;
		else
			CHECK(race_allows(side, errno));
	}
	return fired;
}

/* One that carries payloads has no room for them before ADD is through. */
static inline bool unotify_allows(const struct side *side, int error)
{
	return error == EAGAIN && race_has(side->s, ACT_ADD) &&
	       (side->s->flags & KEVENT_REQ_PAYLOAD);
}

static const struct source unotify_source = {
	.name	= "unotify",
	.type	= KEVENT_UNOTIFY,
	.flags	= RACE_FLAGS | KEVENT_REQ_PAYLOAD,
	.counts	= true,
	.ready_counts = true,
	.no_close = "a private event is nothing but its watch",
	.allows	= unotify_allows,
	.make	= unotify_make,
	.drop	= timer_drop,
	.event	= unotify_event,
};

/* ---- KEVENT_POSIX_TIMER ------------------------------------------------ */

static inline void ptimer_make(struct scene *s)
{
	s->event = KEVENT_POSIX_TIMER_FIRED;
	s->id = pt_create(CLOCK_MONOTONIC);
}

static inline void ptimer_close(struct scene *s)
{
	pt_delete(s->id);
}

static inline void ptimer_drop(struct scene *s)
{
	siginfo_t info;

	if (!s->closed)
		pt_delete(s->id);
	while (pt_take(0, &info))
		;
}

static inline void ptimer_calm(struct scene *s)
{
	siginfo_t info;

	pt_set(s->id, 0, 0, 0);
	while (pt_take(0, &info))
		;
}

static inline unsigned int ptimer_event(struct side *side)
{
	struct itimerspec its = {
		.it_value.tv_nsec = 1 + side_random(side, 30000),
	};

	if (side_random(side, 2))
		its.it_interval.tv_nsec = 1 + side_random(side, 60000);
	return !syscall(SYS_timer_settime, side->s->id, 0, &its, NULL);
}

/* A watch that is removed while it is added has the timer a little longer. */
static inline bool ptimer_allows(const struct side *side, int error)
{
	if (side->actor != ACT_ADD)
		return false;
	return (error == EINVAL && race_has(side->s, ACT_CLOSE)) ||
	       (error == EBUSY && race_has(side->s, ACT_REMOVE));
}

static const struct source posix_timer_source = {
	.name	= "posix_timer",
	.type	= KEVENT_POSIX_TIMER,
	.flags	= RACE_FLAGS | KEVENT_REQ_CLOSED,
	.by_id	= true,
	.close	= ptimer_close,
	.make	= ptimer_make,
	.drop	= ptimer_drop,
	.calm	= ptimer_calm,
	.event	= ptimer_event,
	.allows	= ptimer_allows,
};

#endif
