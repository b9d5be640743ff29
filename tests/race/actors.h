/* SPDX-License-Identifier: GPL-2.0 */
/* The actors of race.h: each a function, called at the same time as another. */
#ifndef RACE_ACTORS_H
#define RACE_ACTORS_H

#include "race.h"

/* ---- Changes ----------------------------------------------------------- */

/* What ADD and MODIFY say that was ready at once, or was taken back. */
static inline void side_result(struct side *side, const struct ukevent *uk)
{
	if (uk->ret_flags & KEVENT_RET_DONE)
		side_check(side, uk);
	if (uk->ret_flags & (KEVENT_RET_DONE | KEVENT_RET_CANCELLED))
		side->seen++;
}

static inline void act_add(struct side *side)
{
	struct scene *s = side->s;
	struct ukevent uk;
	int error = 0;

	if (s->src->add) {
		side_did(side, s->src->add(side));
		return;
	}
	race_prep(s, &uk, &side->seed);
	if (kevent_ctl_one(s->q, KEVENT_CTL_ADD, &uk) < 0)
		error = errno;
	side_did(side, error);
	if (error)
		return;
	side->added++;
	side->cookie = uk.cookie;
	side_result(side, &uk);
}

static inline void act_modify(struct side *side)
{
	struct scene *s = side->s;
	struct ukevent uk;
	int error = 0;

	race_prep(s, &uk, &side->seed);
	if (!s->src->by_id && s->pre && side_random(side, 2)) {
		uk.req_flags |= KEVENT_REQ_COOKIE;
		uk.cookie = s->cookie;
	}
	if (kevent_ctl_one(s->q, KEVENT_CTL_MODIFY, &uk) < 0)
		error = errno;
	side_did(side, error);
	if (!error)
		side_result(side, &uk);
}

static inline void act_remove(struct side *side)
{
	struct ukevent uk;
	int error = 0;

	race_prep_name(side, &uk);
	if (kevent_ctl_one(side->s->q, KEVENT_CTL_REMOVE, &uk) < 0)
		error = errno;
	side_did(side, error);
	if (error)
		return;
	side->removed++;
	if (!side->s->src->own_rules)
		side_result(side, &uk);
}

static inline void act_ready(struct side *side)
{
	struct ukevent uk;
	int error = 0;

	race_prep_name(side, &uk);
	if (kevent_ctl_one(side->s->q, KEVENT_CTL_READY, &uk) < 0)
		error = errno;
	side_did(side, error);
	side->readied += !error;
}

/* ---- Ends -------------------------------------------------------------- */

static inline void act_event(struct side *side)
{
	side->fired += side->s->src->event(side);
	side_did(side, 0);
}

static inline void act_close(struct side *side)
{
	struct scene *s = side->s;

	if (race_claim(&s->closed, 0, 1)) {
		s->src->close(s);
		side_did(side, 0);
	}
}

/* The mapping is the last reference, or the fd is. */
static inline void act_quit(struct side *side)
{
	struct scene *s = side->s;
	bool first = side_random(side, 2);

	if (first && race_claim(&s->mapped, 1, 0))
		kevent_ring_unmap(&s->ring);
	side_did(side, close(s->q) < 0 ? errno : 0);
	if (race_claim(&s->mapped, 1, 0))
		kevent_ring_unmap(&s->ring);
}

static inline void act_fork(struct side *side)
{
	struct scene *s = side->s;
	int status = 0;
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		if (s->src->child)
			s->src->child(s);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		CHECK_EQ(errno, EINTR);
	CHECK_EQ(status, 0);
	side_did(side, 0);
}

static inline void act_map(struct side *side)
{
	struct scene *s = side->s;
	struct kevent_ring ring;
	struct kevent_ioc_init init = s->init;

	if (!s->ringed) {
		init.kernel_len = 4096;
		init.user_len = 4096;
		init.entries_len = 4096;
	}
	if (kevent_ring_map(&ring, s->q, &init) < 0) {
		side_did(side, errno);
		return;
	}
	CHECK_EQ(ring.kernel->size, init.ring_size);
	kevent_ring_unmap(&ring);
	side_did(side, 0);
}

/* ---- WAIT -------------------------------------------------------------- */

static inline void race_ignore(int sig)
{
	(void)sig;
}

/* In the thread that waits; the signal is blocked but in the call. */
static inline void side_make_interrupt(struct side *side)
{
	struct sigaction sa = { .sa_handler = race_ignore };

	CHECK_OK(sigaction(RACE_SIGNAL, &sa, NULL));
	CHECK_OK(pt_try_create(CLOCK_MONOTONIC, SIGEV_THREAD_ID, RACE_SIGNAL, 0,
			       &side->interrupt));
}

static inline void side_set_interrupt(struct side *side, long ns)
{
	struct itimerspec its = { .it_value.tv_nsec = ns };

	CHECK_OK(syscall(SYS_timer_settime, side->interrupt, 0, &its, NULL));
}

static inline int side_get(struct side *side, uint64_t *mask)
{
	struct kevent_ioc_get get;
	struct ukevent uk[2];
	int i, n;

	memset(&get, 0, sizeof(get));
	get.events = (uintptr_t)uk;
	get.min = 1;
	get.max = 2;
	get.flags = KEVENT_FLAGS_SIGMASK;
	get.sigmask = (uintptr_t)mask;
	get.sigsetsize = sizeof(*mask);
	n = ioctl(side->s->q, KEVENT_IOC_GET_EVENTS, &get);
	for (i = 0; i < n; i++)
		side_saw(side, &uk[i]);
	return n;
}

static inline int side_wait(struct side *side, uint64_t *mask)
{
	struct kevent_ioc_wait wait;

	memset(&wait, 0, sizeof(wait));
	wait.min = 1;
	wait.flags = KEVENT_FLAGS_SIGMASK;
	wait.sigmask = (uintptr_t)mask;
	wait.sigsetsize = sizeof(*mask);
	return ioctl(side->s->q, KEVENT_IOC_WAIT, &wait);
}

static inline void act_wait(struct side *side)
{
	const struct timespec now = { 0 };
	struct scene *s = side->s;
	uint64_t mask = ~(1ull << (RACE_SIGNAL - 1));
	sigset_t set;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, RACE_SIGNAL);
	side_set_interrupt(side, 1 + side_random(side, 200000));
	if (s->in_place || (s->ringed && side_random(side, 2)))
		ret = side_wait(side, &mask);
	else
		ret = side_get(side, &mask);
	side_did(side, ret < 0 ? errno : 0);
	side_set_interrupt(side, 0);
	while (sigtimedwait(&set, NULL, &now) >= 0)
		;
}

/* ---- The table --------------------------------------------------------- */

static void (*const race_actors[])(struct side *side) = {
	[ACT_EVENT]	= act_event,
	[ACT_ADD]	= act_add,
	[ACT_MODIFY]	= act_modify,
	[ACT_REMOVE]	= act_remove,
	[ACT_READY]	= act_ready,
	[ACT_CLOSE]	= act_close,
	[ACT_QUIT]	= act_quit,
	[ACT_FORK]	= act_fork,
	[ACT_MAP]	= act_map,
	[ACT_WAIT]	= act_wait,
};

/*
 * The longest takes so long: any point of that is as good, for all alike. Who
 * waits only for the others' sake is late for ever once it is refused, as that
 * takes no time.
 */
static inline void side_dither(struct side *side)
{
	struct scene *s = side->s;
	uint64_t end, longest = 0;
	int i;

	for (i = 0; i < s->nsides; i++)
		if (s->sides[i].cost > longest)
			longest = s->sides[i].cost;
	if (side_random(side, 4) == 0)
		return;
	if (longest > 5000000)
		longest = 5000000;
	end = now_ns() + side_random(side, longest / (1 + side_random(side, 8)) + 1);
	while (now_ns() < end)
		;
}

static inline void side_act(struct side *side)
{
	uint64_t begin;

	side_dither(side);
	begin = now_ns();
	race_actors[side->actor](side);
	side->cost = (side->cost * 7 + (now_ns() - begin)) / 8;
}

#endif
