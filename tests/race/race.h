/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two actors against each other, thousands of times: what a scene is.
 *
 * An actor (enum actor) is something that is done to a watch, its file, its
 * queue; a source (struct source) says how for one type of watch. A round sets up
 * a queue, an object (a file, a timer, a child ...) and mostly a watch, lets two
 * threads or four act at the same time, each after a random while, and then
 * looks at what has come of it: round.h has the rules. actors.h has the actors.
 *
 * The environment's KEVENT_RACE_MS is the time for a pair, in milliseconds; with
 * it each pair says how often it ran. Delays in the module: module/delay.h.
 */
#ifndef RACE_H
#define RACE_H

#include "../source/posix_timer.h"

#define RACE_MS_DEFAULT	40
#define RACE_ROUNDS_MIN	5
#define RACE_SIDES_MAX	4
/*
 * Of the watch that is raced about; of one that a child has made. The upper half is
 * the source's: it tells of the terms of an ADD or MODIFY, for @terms.
 */
#define RACE_PTR	0x5ace
#define RACE_CHILD_PTR	0xc411d
/* Interrupts WAIT. */
#define RACE_SIGNAL	SIGUSR1

/* What an actor does, once or a few times. */
enum actor {
	ACT_EVENT,	/* what the source is for happens */
	ACT_ADD,
	ACT_MODIFY,
	ACT_REMOVE,
	ACT_READY,
	ACT_CLOSE,	/* of the object that is watched, for good */
	ACT_QUIT,	/* the last close of the queue */
	ACT_FORK,	/* and exit of the child */
	ACT_MAP,	/* the ring once more, and back */
	ACT_WAIT,	/* WAIT or GET_EVENTS, interrupted */
	ACT_MAX,
	ACT_NONE = ACT_MAX,
};

static const char *const actor_names[] = {
	"event", "add", "modify", "remove", "ready", "close", "quit", "fork",
	"map", "wait", "none",
};

struct scene;
struct side;

/**
 * struct source - how to race about one type of watch
 * @name: for messages.
 * @type: KEVENT_*.
 * @flags: which of KEVENT_REQ_* ADD takes.
 * @level: an event that came before ADD is reported as well.
 * @unasked: bits that come although nobody asked for them.
 * @oneshot: the watch always ends with its event.
 * @counts: ret_data[1] counts each event.
 * @ready_counts: READY is one.
 * @by_id: MODIFY can't name the watch by its cookie.
 * @own_rules: none of the rules of round.h but those that hold for all: @check.
 * @close: ACT_CLOSE; NULL: see @no_close.  Called once in a round.
 * @no_close: why it has none.
 * @make: a new object.
 * @drop: ends it; it may have been closed.
 * @calm: after a round: no event is under way, none pending.
 * @prep: fills in ADD and MODIFY: id, event, parameters.
 * @event: ACT_EVENT.  Returns how often it has happened, or will.
 * @add: in place of CTL_ADD.  Returns 0 or an errno; counts by itself.
 * @child: in the child of ACT_FORK, which ends then.
 * @settle: after that.
 * @terms: an event has come: is it one of the terms that are in its ptr?
 * @check: more rules.
 * @allows: is this errno one of the source's own?
 */
struct source {
	const char *name;
	unsigned int type;
	unsigned int flags;
	bool level;
	unsigned int unasked;
	bool oneshot;
	bool counts;
	bool ready_counts;
	bool by_id;
	bool own_rules;
	void (*close)(struct scene *s);
	const char *no_close;
	void (*make)(struct scene *s);
	void (*drop)(struct scene *s);
	void (*calm)(struct scene *s);
	void (*prep)(const struct scene *s, struct ukevent *uk,
		     unsigned int *seed);
	unsigned int (*event)(struct side *side);
	int (*add)(struct side *side);
	void (*child)(struct scene *s);
	void (*settle)(struct scene *s);
	void (*terms)(const struct scene *s, const struct ukevent *uk);
	void (*check)(struct scene *s);
	bool (*allows)(const struct side *side, int error);
};

/**
 * struct side - one thread of a race
 * @s: the scene.
 * @actor: what it does.
 * @seed: of rand_r().
 * @interrupt: the kernel's timer that interrupts WAIT.
 * @cost: how long it takes, ns, about.
 * @added: ADDs that were carried out; in this round, like all up to @cookie.
 * @removed: REMOVEs.
 * @fired: events.
 * @readied: READYs.
 * @seen: events that were reported to it, or that a change took back.
 * @ended: last events, with CLOSED.
 * @total: the largest count in an event.
 * @cookie: of the newest watch that it made.
 * @ok: actions that were carried out, in all rounds, and
 * @refused: those that were not.
 * @thread: runs it; none for the first.
 */
struct side {
	struct scene *s;
	enum actor actor;
	unsigned int seed;
	int interrupt;
	uint64_t cost;
	unsigned int added;
	unsigned int removed;
	unsigned int fired;
	unsigned int readied;
	unsigned int seen;
	unsigned int ended;
	uint32_t total;
	uint64_t cookie;
	uint64_t ok;
	uint64_t refused;
	struct test_thread thread;
};

/**
 * struct scene - what a race is about
 * @src: the type of watch.
 * @a: one actor, and
 * @b: the other.
 * @sides: threads: of @a the even ones, of @b the odd ones.
 * @nsides: how many.
 * @rounds: how many there were.
 * @go: round that the threads get ready for.
 * @awake: threads that are.
 * @begun: round that they may begin.
 * @done: threads that are through with it.
 * @stop: there is none.
 * @q: the queue; -1: none.
 * @ring: its ring, while @mapped.
 * @init: to map it.
 * @ringed: it has one.
 * @mapped: see @ring.
 * @in_place: events are taken from the ring itself; else by GET_EVENTS.
 * @probe: another queue, to ask how many watches there are; -1: none.
 * @flags: of the watch in this round.
 * @pre: there was a watch when the round began.
 * @cookie: its own.
 * @made: there is an object.
 * @age: round before which queue and object are new again.
 * @kind: which of several kinds.
 * @closed: by ACT_CLOSE, in this round.
 * @close_ends: that ends the watch.
 * @spent: the object is of no more use after this round.
 * @hangs_up: ACT_EVENT may close @peer.
 * @id: what is watched, and
 * @event: what for.
 * @fd: the object's, like the rest.
 * @peer: see @fd.
 * @extra: see @fd.
 * @pid: see @fd.
 * @path: see @fd.
 * @own: see @fd.
 */
struct scene {
	const struct source *src;
	enum actor a;
	enum actor b;
	struct side sides[RACE_SIDES_MAX];
	int nsides;
	uint64_t rounds;
	uint64_t go;
	unsigned int awake;
	uint64_t begun;
	unsigned int done;
	int stop;
	int q;
	struct kevent_ring ring;
	struct kevent_ioc_init init;
	bool ringed;
	int mapped;
	bool in_place;
	int probe;
	unsigned int flags;
	bool pre;
	uint64_t cookie;
	bool made;
	uint64_t age;
	unsigned int kind;
	int closed;
	bool close_ends;
	bool spent;
	bool hangs_up;
	uint64_t id;
	unsigned int event;
	int fd;
	int peer;
	int extra;
	pid_t pid;
	char path[64];
	uint64_t own;
};

static inline bool race_has(const struct scene *s, enum actor actor)
{
	return s->a == actor || s->b == actor;
}

static inline unsigned int side_random(struct side *side, unsigned int n)
{
	return n ? rand_r(&side->seed) % n : 0;
}

static inline unsigned int race_random(struct scene *s, unsigned int n)
{
	return side_random(&s->sides[0], n);
}

/* Only one of those who want to. */
static inline bool race_claim(int *flag, int from, int to)
{
	return __atomic_compare_exchange_n(flag, &from, to, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

#define RACE_SUM(s, field) ({						\
	unsigned int sum_ = 0;						\
									\
	for (int i_ = 0; i_ < (s)->nsides; i_++)			\
		sum_ += (s)->sides[i_].field;				\
	sum_;								\
})

/* ---- Requests ---------------------------------------------------------- */

static inline void race_prep(const struct scene *s, struct ukevent *uk,
			     unsigned int *seed)
{
	kevent_prep(uk, s->src->type, s->id, s->event, s->flags, RACE_PTR);
	if (s->src->prep)
		s->src->prep(s, uk, seed);
}

/* By id or by cookie, as it comes. */
static inline void race_prep_name(struct side *side, struct ukevent *uk)
{
	const struct scene *s = side->s;

	kevent_prep(uk, s->src->type, s->id, 0, 0, RACE_PTR);
	if (s->pre && side_random(side, 2)) {
		uk->req_flags = KEVENT_REQ_COOKIE;
		uk->cookie = s->cookie;
	}
}

/* An event, wherever it is, has what was asked for, and is one of its own terms. */
static inline void side_check(struct side *side, const struct ukevent *uk)
{
	const struct source *src = side->s->src;

	CHECK_EQ(uk->ret_data[0] & ~(uk->event | src->unasked), 0);
	if (src->terms)
		src->terms(side->s, uk);
}

/* An event has been reported. */
static inline void side_saw(struct side *side, const struct ukevent *uk)
{
	const struct source *src = side->s->src;

	if (uk->ptr == RACE_CHILD_PTR)
		return;
	if (uk->ret_flags & KEVENT_RET_CLOSED) {
		side->ended++;
		return;
	}
	side->seen++;
	side_check(side, uk);
	if (src->counts && (uk->ret_flags & KEVENT_RET_DATA) &&
	    uk->ret_data[1] > side->total)
		side->total = uk->ret_data[1];
}

/* ---- What an errno may come from --------------------------------------- */

static inline bool race_allows(const struct side *side, int error)
{
	const struct scene *s = side->s;
	bool oneshot = s->src->oneshot || (s->flags & KEVENT_REQ_ONESHOT);

	if (s->src->allows && s->src->allows(side, error))
		return true;
	switch (error) {
	case EBADF:
		return race_has(s, ACT_QUIT) || race_has(s, ACT_CLOSE);
	case ENOENT:
		return side->actor != ACT_ADD &&
		       (race_has(s, ACT_REMOVE) || race_has(s, ACT_ADD) ||
			race_has(s, ACT_CLOSE) || oneshot);
	case EEXIST:
		return side->actor == ACT_ADD;
	case EINTR:
		return side->actor == ACT_WAIT;
	case ENXIO:
		return side->actor == ACT_MAP && !s->ringed;
	default:
		return false;
	}
}

/* An action is over: 0 or an errno.  To be interrupted is what WAIT is for. */
static inline void side_did(struct side *side, int error)
{
	const struct scene *s = side->s;

	if (!error || error == EINTR)
		side->ok++;
	else
		side->refused++;
	if (error && !race_allows(side, error))
		FAIL("%s, %s against %s: %s gave %s in round %llu, flags %#x",
		     s->src->name, actor_names[s->a], actor_names[s->b],
		     actor_names[side->actor], test_errno_name(error),
		     (unsigned long long)s->rounds, s->flags);
}

#endif
