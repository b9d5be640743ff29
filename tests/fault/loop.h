/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One call, failing at each of its chances in turn.
 *
 * A struct fault says how to prepare, call, check and clean up. fault_run()
 * does that with the first chance to fail made to fail, then with the second,
 * and so on until the call has no more of them. Each time
 *
 *	- it fails with an errno that was declared; then all that can be asked
 *	  is as before, and the same call does work; or it has coped;
 *	- then what it is for has come about: the check;
 *	- after the cleaning up nothing is left.
 *
 * An errno in must has to be seen at least once. In a last round, 0, the module
 * gets no memory at all.
 */
#ifndef KEVENT_TEST_FAULT_LOOP_H
#define KEVENT_TEST_FAULT_LOOP_H

#include "../source/kinds.h"
#include "inject.h"

/* Nothing has more; else something never ends. */
#define FAULT_MAX 5000
#define FAULT_ERRNOS 4

struct actor;

/**
 * struct scene - what a scenario plays with
 * @fault: the scenario.
 * @ring: of the queue.
 * @q: a queue, or -1 if the scenario wants none.
 * @t: a file that is watched, of the scenario's.
 * @uk: a change.
 * @fd: the scenario's, or -1, like @peer.
 * @peer: another.
 * @n: the scenario's.
 * @round: which chance fails, or 0.
 * @failed: the errno of the first try, 0 if it did not fail.
 */
struct scene {
	const struct fault *fault;
	struct kevent_ring ring;
	int q;
	struct thing t;
	struct ukevent uk[16];
	int fd;
	int peer;
	int n;
	unsigned int round;
	int failed;
};

/**
 * struct fault - a scenario
 * @set_up: may be NULL, like @check and @tear_down.
 * @call: returns 0 or an errno.
 * @check: it was carried out.
 * @tear_down: all that is not the queue.
 * @kind: of the file, for those that go through several.
 * @actor: the same for those of sources.h.
 * @must: what it has to fail with, at some chance.
 * @may: what it may fail with.
 * @slots: of the ring; 0: 64.
 * @no_queue: make none.
 * @no_ring: of the queue.
 * @moves: events that were not taken may come into other slots.
 */
struct fault {
	void (*set_up)(struct scene *s);
	int (*call)(struct scene *s);
	void (*check)(struct scene *s);
	void (*tear_down)(struct scene *s);
	const struct kind *kind;
	const struct actor *actor;
	int must[FAULT_ERRNOS];
	int may[FAULT_ERRNOS];
	unsigned int slots;
	bool no_queue;
	bool no_ring;
	bool moves;
};

/* ---- What can be asked ------------------------------------------------------ */

/* All that can be asked about a queue, its user and this process. */
struct fault_state {
	unsigned long long watches;
	unsigned long long user_watches;
	unsigned long long posted;
	unsigned long long merged;
	unsigned long long overflowed;
	unsigned int unclaimed;
	unsigned int head;
	unsigned int flags;
	int readable;
	unsigned int fds;
	int references;
	int blocked;
};

/* Of the module: one for each queue. */
static inline int fault_references(void)
{
	int fd = CHECK_OK(open("/sys/module/kevent/refcnt",
			       O_RDONLY | O_CLOEXEC));
	char text[16] = "";

	CHECK_GT(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	return atoi(text);
}

static inline int fault_is_blocked(int sig)
{
	sigset_t set;

	CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &set));
	return sigismember(&set, sig);
}

static inline int fault_readable(int q)
{
	struct pollfd p = { .fd = q, .events = POLLIN };

	CHECK_OK(poll(&p, 1, 0));
	return p.revents;
}

static inline struct fault_state fault_look(const struct scene *s)
{
	struct kevent_ioc_info info;
	struct fault_state now;

	memset(&now, 0, sizeof(now));
	now.fds = count_fds();
	now.references = fault_references();
	now.blocked = fault_is_blocked(SIGTERM);
	if (s->q < 0)
		return now;
	CHECK_OK(kevent_info(s->q, &info));
	now.watches = info.queue_watches;
	now.user_watches = info.watches;
	CHECK_EQ(kev_stat(s->q, "watches"), info.queue_watches);
	now.merged = kev_stat(s->q, "merged");
	now.overflowed = kev_stat(s->q, "overflowed");
	if (!s->fault->moves)
		now.posted = kev_stat(s->q, "posted");
	now.readable = fault_readable(s->q);
	if (!s->ring.kernel)
		return now;
	now.unclaimed = kev_tail(&s->ring) - kev_seen(&s->ring);
	if (!s->fault->moves)
		now.head = kev_head(&s->ring);
	now.flags = kev_flags(&s->ring);
	return now;
}

#define FAULT_SAME(a, b, field, round)					\
	do {								\
		if ((a)->field != (b)->field)				\
			FAIL("round %u: %s was %lld and is %lld", round,	\
			     #field, (long long)(a)->field,		\
			     (long long)(b)->field);			\
	} while (0)

static inline void fault_compare(const struct fault_state *a,
				 const struct fault_state *b,
				 unsigned int round)
{
	FAULT_SAME(a, b, watches, round);
	FAULT_SAME(a, b, user_watches, round);
	FAULT_SAME(a, b, posted, round);
	FAULT_SAME(a, b, merged, round);
	FAULT_SAME(a, b, overflowed, round);
	FAULT_SAME(a, b, unclaimed, round);
	FAULT_SAME(a, b, head, round);
	FAULT_SAME(a, b, flags, round);
	FAULT_SAME(a, b, readable, round);
	FAULT_SAME(a, b, fds, round);
	FAULT_SAME(a, b, references, round);
	FAULT_SAME(a, b, blocked, round);
}

/* ---- One round ---------------------------------------------------------------- */

static inline void scene_open(struct scene *s, const struct fault *f,
			      unsigned int round)
{
	memset(s, 0, sizeof(*s));
	s->fault = f;
	s->round = round;
	s->fd = -1;
	s->peer = -1;
	s->q = -1;
	if (f->no_queue)
		return;
	s->q = kev_queue(&s->ring, f->no_ring ? 0 : f->slots ?: 64);
}

static inline void scene_close(struct scene *s)
{
	if (s->q >= 0)
		kev_close(s->q, s->ring.kernel ? &s->ring : NULL);
}

static inline int fault_index(const int *errnos, int error)
{
	int i;

	for (i = 0; i < FAULT_ERRNOS; i++)
		if (errnos[i] == error)
			return i;
	return -1;
}

/* It failed: that must be one of the errors, and have no effect. */
static inline void fault_failed(struct scene *s,
				const struct fault_state *before, bool fired,
				unsigned int *seen)
{
	const struct fault *f = s->fault;
	struct fault_state after;
	int i, err;

	if (!fired)
		FAIL("round %u: failed with %s, and nothing was made to fail",
		     s->round, test_errno_name(s->failed));
	i = fault_index(f->must, s->failed);
	if (i >= 0)
		*seen |= 1u << i;
	else if (fault_index(f->may, s->failed) < 0)
		FAIL("round %u: failed with %s", s->round,
		     test_errno_name(s->failed));
	after = fault_look(s);
	fault_compare(before, &after, s->round);
	err = f->call(s);
	if (err)
		FAIL("round %u: after %s it was repeated, and failed with %s",
		     s->round, test_errno_name(s->failed),
		     test_errno_name(err));
}

/* The call in which something fails; true: it did. */
static inline bool fault_call(struct scene *s)
{
	struct inject_range module;

	if (s->round) {
		inject_nth(s->round);
		s->failed = s->fault->call(s);
		return inject_fired();
	}
	module = inject_module();
	inject_memory(&module);
	s->failed = s->fault->call(s);
	inject_none();
	return true;
}

/* Returns false if nothing was left to fail. */
static inline bool fault_round(const struct fault *f, unsigned int round,
			       unsigned int *seen)
{
	struct fault_state before;
	struct scene s;
	bool fired;

	scene_open(&s, f, round);
	if (f->set_up)
		f->set_up(&s);
	before = fault_look(&s);
	fired = fault_call(&s);
	if (s.failed)
		fault_failed(&s, &before, fired, seen);
	if (f->check)
		f->check(&s);
	if (f->tear_down)
		f->tear_down(&s);
	scene_close(&s);
	return fired;
}

/* Who has no queue open has no watch: they are gone with the last. */
static inline void fault_run(const struct fault *f)
{
	unsigned int round, seen = 0;
	int references, fds, i;

	signal(SIGPIPE, SIG_IGN);
	inject_begin();
	references = fault_references();
	fds = count_fds();
	for (round = 1; fault_round(f, round, &seen); round++)
		CHECK_LT(round, FAULT_MAX);
	fault_round(f, 0, &seen);
	for (i = 0; i < FAULT_ERRNOS && f->must[i]; i++)
		if (!(seen & (1u << i)))
			FAIL("of %u chances none led to %s", round - 1,
			     test_errno_name(f->must[i]));
	CHECK_EQ(count_fds(), fds);
	CHECK_SOON(fault_references() == references);
	NOTE("%u chances to fail", round - 1);
}

/* A test; more fields of struct fault may follow the call. */
#define FAULT_TEST(name_, call_, ...)					\
	TEST_TIMEOUT(name_, 120)						\
	{								\
		static const struct fault fault_ = {			\
			.call = call_,					\
			__VA_ARGS__					\
		};							\
									\
		fault_run(&fault_);					\
	}

/* ---- Changes ------------------------------------------------------------- */

/*
 * uk[0], which is left as it is, so that the call can be repeated.  By CTL, as no
 * fault can be injected into what CHANGE copies.
 */
static inline int fault_change(struct scene *s, unsigned int cmd)
{
	struct ukevent uk = s->uk[0];

	if (kevent_ctl(s->q, cmd, 1, &uk) < 0)
		return errno;
	if (kevent_error(&uk))
		return kevent_error(&uk);
	s->uk[1] = uk;
	return 0;
}

static inline int fault_add(struct scene *s)
{
	return fault_change(s, KEVENT_CTL_ADD);
}

#endif
