/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A round of a race, and what must hold after it:
 *
 * - as many watches as were added and not removed; none of a closed file;
 * - an event that came to a watch that is still there was reported, or taken
 *   back by a change that says so; where events are counted, each one was;
 * - no event of a watch that is gone, and none with the cookie of another;
 * - the last event of a closed file came once, if it was asked for;
 * - after the last close of a queue its user has no watches;
 * - after the last round the process has as many files as before.
 */
#ifndef RACE_ROUND_H
#define RACE_ROUND_H

#include "actors.h"

/* Objects and queues are used again for so many rounds. */
#define RACE_AGE	16

/* ---- Before ------------------------------------------------------------ */

/* False: there is no module now. */
static inline bool scene_open(struct scene *s)
{
	static const unsigned int sizes[] = { 0, 4, 16 };
	int q = kevent_open();

	if (q < 0) {
		CHECK(s->probe < 0);
		return false;
	}
	memset(&s->init, 0, sizeof(s->init));
	s->init.ring_size = sizes[race_random(s, ARRAY_SIZE(sizes))];
	s->init.policy = race_random(s, 3);
	CHECK_OK(ioctl(q, KEVENT_IOC_INIT, &s->init));
	s->ringed = s->init.ring_size;
	s->in_place = false;
	if (s->ringed && (!race_has(s, ACT_QUIT) || race_random(s, 2))) {
		CHECK_OK(kevent_ring_map(&s->ring, q, &s->init));
		s->mapped = 1;
		s->in_place = race_random(s, 2);
	}
	s->q = q;
	return true;
}

static inline void scene_close(struct scene *s)
{
	if (s->q >= 0) {
		if (s->mapped)
			kevent_ring_unmap(&s->ring);
		CHECK_OK(close(s->q));
	}
	s->mapped = 0;
	s->q = -1;
}

static inline void scene_drop(struct scene *s)
{
	if (s->made)
		s->src->drop(s);
	s->made = false;
}

static inline void scene_choose_flags(struct scene *s)
{
	unsigned int some[32], n = 0, bit;

	some[n++] = 0;
	for (bit = 1; bit && bit <= s->src->flags; bit <<= 1)
		if (s->src->flags & bit)
			some[n++] = bit;
	s->flags = some[race_random(s, n)];
}

static inline void scene_reset_sides(struct scene *s)
{
	struct side *side;
	int i;

	for (i = 0; i < s->nsides; i++) {
		side = &s->sides[i];
		side->added = 0;
		side->removed = 0;
		side->fired = 0;
		side->readied = 0;
		side->seen = 0;
		side->ended = 0;
		side->total = 0;
		side->cookie = 0;
	}
}

/* The first watch: nobody else is there. */
static inline void scene_add(struct scene *s)
{
	struct side *side = &s->sides[0];
	enum actor actor = side->actor;

	side->actor = ACT_ADD;
	act_add(side);
	side->actor = actor;
	side->ok--;
	CHECK_EQ(side->added, 1);
	s->cookie = side->cookie;
	s->pre = true;
}

/* In a module that has them: longest delay, us. */
static inline void scene_set_delays(struct scene *s)
{
	/* up to what the other takes meanwhile, on a slow machine */
	static const char *const some[] = { "0", "3", "20", "100", "500" };
	const char *value = some[race_random(s, ARRAY_SIZE(some))];
	int fd = open("/sys/module/kevent/parameters/delays",
		      O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	CHECK_GT(write(fd, value, strlen(value)), 0);
	close(fd);
}

static inline bool scene_begin(struct scene *s)
{
	if (s->rounds >= s->age) {
		scene_drop(s);
		scene_close(s);
		scene_set_delays(s);
		s->age = s->rounds + RACE_AGE;
	}
	if (s->q < 0 && !scene_open(s))
		return false;
	if (!s->made) {
		s->spent = false;
		s->hangs_up = false;
		s->close_ends = true;
		s->src->make(s);
		s->made = true;
	}
	scene_choose_flags(s);
	scene_reset_sides(s);
	s->closed = 0;
	s->pre = false;
	s->cookie = 0;
	if (!race_has(s, ACT_ADD) || race_random(s, 2))
		scene_add(s);
	return true;
}

/* ---- The threads ------------------------------------------------------- */

static inline void *side_run(void *arg)
{
	struct side *side = arg;
	struct scene *s = side->s;
	uint64_t round;

	side_make_interrupt(side);
	for (round = 1;; round++) {
		SPIN_UNTIL(__atomic_load_n(&s->go, __ATOMIC_ACQUIRE) >= round);
		if (s->stop)
			return NULL;
		/* it may have slept until now: the others wait for it */
		__atomic_add_fetch(&s->awake, 1, __ATOMIC_ACQ_REL);
		SPIN_UNTIL(__atomic_load_n(&s->begun, __ATOMIC_ACQUIRE) >= round);
		side_act(side);
		__atomic_add_fetch(&s->done, 1, __ATOMIC_ACQ_REL);
	}
}

static inline void scene_go(struct scene *s)
{
	s->done = 1;
	s->awake = 1;
	__atomic_add_fetch(&s->go, 1, __ATOMIC_ACQ_REL);
	SPIN_UNTIL((int)__atomic_load_n(&s->awake, __ATOMIC_ACQUIRE) ==
		   s->nsides);
	__atomic_store_n(&s->begun, s->go, __ATOMIC_RELEASE);
	side_act(&s->sides[0]);
	SPIN_UNTIL((int)__atomic_load_n(&s->done, __ATOMIC_ACQUIRE) ==
		   s->nsides);
	if (s->src->settle)
		s->src->settle(s);
}

static inline void scene_block_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
}

static inline void scene_start(struct scene *s)
{
	int i;

	scene_block_signals();
	side_make_interrupt(&s->sides[0]);
	for (i = 1; i < s->nsides; i++)
		thread_start(&s->sides[i].thread, side_run, &s->sides[i]);
}

static inline void scene_stop(struct scene *s)
{
	int i;

	s->stop = 1;
	__atomic_add_fetch(&s->go, 1, __ATOMIC_ACQ_REL);
	for (i = 1; i < s->nsides; i++)
		thread_join(&s->sides[i].thread);
}

/* ---- Taking events ----------------------------------------------------- */

static inline bool scene_ends_by_event(const struct scene *s)
{
	return s->src->oneshot || (s->flags & KEVENT_REQ_ONESHOT);
}

/* Of the watch that lives: there is but one at a time. */
static inline uint64_t scene_cookie(const struct scene *s)
{
	uint64_t cookie = s->cookie;
	int i;

	for (i = 0; i < s->nsides; i++)
		if (s->sides[i].cookie >> 32 > cookie >> 32)
			cookie = s->sides[i].cookie;
	return cookie;
}

/* One that has had its only event may be there beside a new one. */
static inline bool scene_knows(const struct scene *s, uint64_t cookie)
{
	int i;

	if (!scene_ends_by_event(s))
		return cookie == scene_cookie(s);
	if (s->pre && cookie == s->cookie)
		return true;
	for (i = 0; i < s->nsides; i++)
		if (s->sides[i].added && cookie == s->sides[i].cookie)
			return true;
	return false;
}

static inline bool scene_next(struct scene *s, struct ukevent *uk)
{
	const struct ukevent *e;

	if (!s->in_place)
		return CHECK_OK(kevent_get_events(s->q, 0, 1, NULL, uk, 0));
	e = kevent_ring_next(&s->ring);
	if (e)
		*uk = *e;
	return e;
}

static inline void scene_saw(struct scene *s, const struct ukevent *uk)
{
	if (uk->ptr == RACE_CHILD_PTR)
		return;
	CHECK_EQ((uint32_t)uk->ptr, RACE_PTR);
	CHECK_EQ(uk->type, s->src->type);
	if (!s->src->own_rules)
		CHECK(scene_knows(s, uk->cookie));
	side_saw(&s->sides[0], uk);
}

/* What is there; of a level watch, or a fast timer, there is always more. */
static inline void scene_take(struct scene *s)
{
	unsigned int n = s->src->counts || s->src->own_rules ? 64 : 3;
	struct ukevent uk;

	while (n-- && scene_next(s, &uk))
		scene_saw(s, &uk);
}

static inline void scene_expect_none(struct scene *s)
{
	struct ukevent uk;

	while (scene_next(s, &uk))
		if (uk.ptr != RACE_CHILD_PTR)
			FAIL("%s, %s against %s: event of a watch that is gone, bits %#x, ret_flags %#x, flags %#x, round %llu",
			     s->src->name, actor_names[s->a],
			     actor_names[s->b], uk.ret_data[0], uk.ret_flags,
			     s->flags, (unsigned long long)s->rounds);
}

/* An event is there, or on its way. */
static inline void scene_expect_some(struct scene *s, unsigned int watches)
{
	uint64_t end = now_ns() + test_scale() * 5000000000ull;

	for (;;) {
		scene_take(s);
		if (RACE_SUM(s, seen))
			return;
		if (now_ns() > end)
			FAIL("%s, %s against %s: an event was lost, flags %#x, ring %u%s, %u watches, round %llu",
			     s->src->name, actor_names[s->a],
			     actor_names[s->b], s->flags, s->init.ring_size,
			     s->in_place ? " in place" : "", watches,
			     (unsigned long long)s->rounds);
		usleep(50);
	}
}

/* ---- After ------------------------------------------------------------- */

/* No event of this round may be missing. */
static inline bool scene_is_sure(const struct scene *s, unsigned int removed)
{
	if (removed || (s->closed && s->close_ends))
		return false;
	return s->pre || s->src->level;
}

static inline void scene_check_total(struct scene *s)
{
	unsigned int fired = RACE_SUM(s, fired), i;
	uint32_t total = 0;

	if (s->src->ready_counts)
		fired += RACE_SUM(s, readied);
	if (!s->src->counts || !s->pre || race_has(s, ACT_MODIFY) ||
	    scene_ends_by_event(s) || (s->flags & KEVENT_REQ_DISPATCH))
		return;
	for (i = 0; i < (unsigned int)s->nsides; i++)
		if (s->sides[i].total > total)
			total = s->sides[i].total;
	CHECK_EQ(total, fired);
}

/* The watch is still there, or its only event is. */
static inline void scene_check_living(struct scene *s, unsigned int watches)
{
	unsigned int removed = RACE_SUM(s, removed);
	unsigned int came = RACE_SUM(s, fired);

	/* READY of a watch that is asked when it is handed out: only if that is so */
	if (!(s->flags & KEVENT_REQ_LAST_CHECK))
		came += RACE_SUM(s, readied);
	if (scene_is_sure(s, removed) && came)
		scene_expect_some(s, watches);
	else
		scene_take(s);
	if (scene_is_sure(s, removed))
		scene_check_total(s);
}

static inline void scene_check_closed(struct scene *s, unsigned int should)
{
	bool last = s->flags & KEVENT_REQ_CLOSED;

	if (last)
		scene_take(s);
	scene_expect_none(s);
	if (last)
		CHECK_EQ(RACE_SUM(s, ended), should);
	else
		CHECK_EQ(RACE_SUM(s, ended), 0);
}

/* Takes the watch down; whatever was outstanding goes with it. */
static inline void scene_remove(struct scene *s)
{
	int error = kev_try(s->q, KEVENT_CTL_REMOVE, s->src->type, s->id, 0, 0);

	if (error && !(error == ENOENT && scene_ends_by_event(s)))
		FAIL("%s, %s against %s: the last REMOVE gave %s, flags %#x",
		     s->src->name, actor_names[s->a], actor_names[s->b],
		     test_errno_name(error), s->flags);
	scene_expect_none(s);
}

/* One-shots that are spent go in the next call. */
static inline unsigned int scene_watches(struct scene *s)
{
	if (s->in_place)
		CHECK_OK(kevent_ring_call(&s->ring));
	return watches_of(s->q);
}

static inline void scene_check_queue(struct scene *s)
{
	unsigned int should = RACE_SUM(s, added) - RACE_SUM(s, removed);
	unsigned int watches = watches_of(s->q);
	bool closed = s->closed && s->close_ends;

	if (!scene_ends_by_event(s))
		CHECK_LE(watches, 1);
	if (!closed && !scene_ends_by_event(s))
		CHECK_EQ(watches, should);
	if (closed && !scene_ends_by_event(s)) {
		scene_check_closed(s, should);
	} else if (closed) {
		scene_take(s);
	} else if (watches || scene_ends_by_event(s)) {
		scene_check_living(s, watches);
		scene_remove(s);
	} else {
		scene_expect_none(s);
	}
	CHECK_EQ(scene_watches(s), 0);
}

static inline void scene_check_user(struct scene *s)
{
	struct kevent_ioc_info info;

	if (s->probe < 0)
		return;
	CHECK_OK(kevent_info(s->probe, &info));
	CHECK_EQ(info.watches, 0);
}

static inline void scene_end(struct scene *s)
{
	if (race_has(s, ACT_QUIT)) {
		s->q = -1;
		scene_check_user(s);
	} else if (s->src->own_rules) {
		s->src->check(s);
	} else {
		scene_check_queue(s);
	}
	if (s->closed || s->spent)
		scene_drop(s);
	else if (s->src->calm)
		s->src->calm(s);
	s->rounds++;
}

/* False: there was no module. */
static inline bool scene_round(struct scene *s)
{
	if (!scene_begin(s))
		return false;
	scene_go(s);
	scene_end(s);
	return true;
}

#endif
