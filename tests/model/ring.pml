/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ring: the kernel's half, as in module/ring.h, ring.c, ready.h and
 * post.c, by the same names, and the properties that models check.
 *
 * Indices start at 0 and do not come round.  Watches are 1 to WATCHES, and
 * events are bits, each posted once: so a consumer that collects the bits it
 * read knows what it missed.
 *
 * The user defines SLOTS, WATCHES, THREADS, VALUES, and before_act().
 */
#define TAIL		0
#define SEEN		1
#define HEAD		2
#define FLAGS		3
#define RET(i)		(4 + 2 * ((i) & MASK))	/* the watch, and CANCELLED */
#define BITS(i)		(5 + 2 * ((i) & MASK))
#define MASK		(SLOTS - 1)
#define WORDS		(4 + 2 * SLOTS)
#define RELEASED	3

#include "weak.pml"

#define CANCELLED	128	/* in RET */
#define OVERFLOW	1	/* in FLAGS */
#define RANGES		2	/* KEVENT_RING_HEAD */
#define INDICES		8

/* Under queue->lock. */
byte tail, flags, nready, done_end;
bool any_done;
byte owner[SLOTS], prev[SLOTS], done_at[SLOTS];
byte index[WATCHES + 1], pending[WATCHES + 1];
bool dead[WATCHES + 1], waits[WATCHES + 1];
chan ready = [WATCHES] of { byte };

/* What really happened: nobody decides by these. */
byte posted_watch[INDICES], posted_bits[INDICES], all_of[WATCHES + 1];
byte all_posted, acted, result, true_head;
bool taken[INDICES], finished[INDICES];

/* The properties; true: violated. */
bool lost_edge;		/* an event was never read */
bool stale_entry;	/* what was read is not what was posted there */
bool stranded;		/* an event waits, there is room, nobody was told */
bool double_claim;	/* two consumers have one entry */
bool double_free;	/* head passed an unfinished range, or went back */
bool head_stuck;	/* all is finished, and head does not get there */
bool acted_removed;	/* acted on an event of a watch that it had removed */
bool cancelled_acted;	/* acted on an event of which REMOVE said "nobody gets it" */
bool cancel_untold;	/* REMOVE said "nothing" of an event that it cancelled */

#define CHECK(name, cond) d_step { name = !(cond); assert(!name); name = false }

#define KERNEL_VARS	byte s_, h_, used, claim, x_, w_, idx_, age, steps_; bool ok_

inline look_both()
{
#if defined(LOOK_HEAD_FIRST)
	load_acq(HEAD, h_);
	load(SEEN, s_)
#elif defined(LOOK_RELAXED)
	load(SEEN, s_);
	load(HEAD, h_)
#else
	load_acq(SEEN, s_);
	load(HEAD, h_)
#endif
}

/* kev_ring_look(): h_, claim, used */
inline look()
{
	look_both();
	d_step {
		used = tail - h_;
		claim = (s_ >= h_ && s_ - h_ <= used -> s_ : h_);
		claim = (used > SLOTS -> tail : claim);
		s_ = 0
	}
}

#define OWNS(w)		(owner[index[w] & MASK] == w)
#define UNCLAIMED(w)	(OWNS(w) && tail - index[w] <= tail - claim)

/* kev_fill() and kev_ring_publish() */
inline fill(w, b)
{
	store(BITS(tail), b);
	store(RET(tail), w);
	d_step {
		idx_ = tail & MASK;
		prev[idx_] = index[w];
		owner[idx_] = w;
		index[w] = tail;
		posted_watch[tail] = w;
		posted_bits[tail] = b;
		all_of[w] = all_of[w] | b;
		tail++;
		done_at[idx_] = tail;
#ifdef DONE_WITHOUT_INDEX
		done_at[idx_] = done_at[idx_] - 1;
#endif
		idx_ = 0
	}
#ifdef TAIL_RELAXED
	store(TAIL, tail);
#else
	store_rel(TAIL, tail);
#endif
}

inline set_flag(f)
{
	if
	:: !(flags & f) -> flags = flags | f; store(FLAGS, flags)
	:: else
	fi
}

inline clear_flag(f)
{
	if
	:: flags & f -> flags = flags & (7 - f); store(FLAGS, flags)
	:: else
	fi
}

/* kev_unlist() of a watch on the ready list: the first */
inline unlist()
{
	d_step { ready?w_; waits[w_] = false; nready-- }
	if
	:: !nready -> clear_flag(OVERFLOW)
	:: else
	fi
}

inline handover()
{
	if
	:: nready ->
		look();
		do
		:: nready && used <= MASK ->
			unlist();
			fill(w_, pending[w_]);
			d_step { pending[w_] = 0; w_ = 0; used++ }
		:: else -> break
		od;
		skip
	:: else
	fi
}

inline overflow(w, b)
{
	if
	:: waits[w] -> pending[w] = pending[w] | b
	:: else ->
		d_step {
			pending[w] = b;
			waits[w] = true;
			ready!w;
			nready++
		}
		if
		:: flags & OVERFLOW
		:: else ->
			set_flag(OVERFLOW);
#ifndef NO_FENCE_OVERFLOW
			fence();
#endif
#ifndef NO_LOOK_OVERFLOW
			handover()
#endif
		fi
	fi
}

/* kev_try_merge(); ok_ */
inline try_merge(w, b)
{
	ok_ = false;
	if
	:: UNCLAIMED(w) ->
		load(BITS(index[w]), x_);
		store(BITS(index[w]), (x_ | b));
		x_ = 0;
#ifndef NO_FENCE_MERGE
		fence();
#endif
#ifdef NO_LOOK_MERGE
		ok_ = true
#else
		look();
		ok_ = UNCLAIMED(w)
#endif
	:: else
	fi
}

/* kev_try_fill(); ok_ */
inline try_fill(w, b)
{
	ok_ = false;
	if
	:: nready
	:: else ->
		look_both();
		if
#ifdef FILL_WITHOUT_LOOK
		:: false
#else
		:: tail - h_ > MASK
		:: tail - h_ <= MASK && OWNS(w) && tail - index[w] <= tail - s_
#endif
		:: else ->
			fill(w, b);
			ok_ = true
		fi
	fi
}

/* kev_post() */
inline post_long(w, b)
{
	if
	:: waits[w] -> overflow(w, b)
	:: else ->
		handover();
		look();
		try_merge(w, b);
		if
		:: ok_
		:: !ok_ && (used > MASK || nready) -> overflow(w, b)
		:: else -> fill(w, b)
		fi
	fi
}

/* kev_ready() */
inline post(w, b)
{
	lock();
	if
#ifdef DEAD_NOT_LOOKED_AT
	:: false
#else
	:: dead[w]
#endif
	:: else ->
		all_posted = all_posted | b;
		try_fill(w, b);
		if
		:: ok_
		:: else -> post_long(w, b)
		fi
	fi;
	d_step { used = 0; claim = 0; h_ = 0; s_ = 0; ok_ = false };
	unlock()
}

/* kev_chain_next() */
#define PREV_SLOT(w)	(prev[(index[w] - age) & MASK] & MASK)
#define PREV_AGE(w)	((index[w] - PREV_SLOT(w)) & MASK)
#ifdef CANCEL_NEWEST_ONLY
#define CHAIN_NEXT(w)	0
#else
#define CHAIN_NEXT(w)	(PREV_AGE(w) > age && owner[PREV_SLOT(w)] == w -> \
			 PREV_AGE(w) : 0)
#endif

#define WAS_CANCELLED	1	/* KEVENT_RET_CANCELLED in the result */

/* Entries that kev_ring_cancel() does at a time. */
#ifndef STEPS
#define STEPS	SLOTS
#endif

inline mark_cancelled(w)
{
	do
	:: true ->
		load(RET(index[w] - age), x_);
		store(RET(index[w] - age), (x_ | CANCELLED));
		age = CHAIN_NEXT(w);
		d_step { steps_ = (age && steps_ > 1 -> steps_ - 1 : 0) };
		if
		:: !steps_ -> break
		:: else
		fi
	od;
	skip;
	d_step { x_ = 0; age = 0 }
}

/* REMOVE will say CANCELLED, because of this entry. */
#ifndef after_told
#define after_told(i)	skip
#endif

/* kev_ring_cancel(); result */
inline ring_cancel(w)
{
	age = 0;
	steps_ = STEPS;
#ifdef LOOK_BEFORE_MARK
	look();
#endif
	mark_cancelled(w);
	steps_ = STEPS;
#ifndef NO_FENCE_CANCEL
	fence();
#endif
#ifndef LOOK_BEFORE_MARK
	look();
#endif
	d_step {
		do
		:: true ->
			x_ = CHAIN_NEXT(w);
			owner[(index[w] - age) & MASK] = 0;
			if
			:: index[w] - age >= claim ->
				result = result | WAS_CANCELLED;
				after_told(index[w] - age)
			:: else
			fi;
			age = x_;
			steps_ = (age && steps_ > 1 -> steps_ - 1 : 0);
			if
			:: !steps_ -> break
			:: else
			fi
		od;
		index[w] = index[w] - age;
		x_ = 0;
		age = 0
	}
}

/* kev_watch_kill(), of a watch that is not on the ready list */
inline remove(w)
{
	lock();
	dead[w] = true;
	result = 0;
	assert(!waits[w]);
	do
	:: OWNS(w) ->
		ring_cancel(w);
		d_step { used = 0; claim = 0; h_ = 0; s_ = 0 };
		if
#ifdef REST_LEFT
		:: true -> break
#else
		:: OWNS(w) ->	/* kev_breathe() */
			unlock();
			lock()
		:: else -> break
#endif
		fi
	:: else -> break
	od;
	skip;
	d_step { used = 0; claim = 0; h_ = 0; s_ = 0 };
	unlock()
}

#define SLOT_DONE(i)	(done_at[(i) & MASK] == (i))

/* Whoever moves head.  Ghosts, in one step with what moves it. */
inline moves_head(from, to)
{
	d_step {
		i_ = from;
		do
		:: i_ < to && finished[i_] -> i_++
		:: else -> break
		od;
		double_free = (from != true_head || i_ != to);
		assert(!double_free);
		true_head = to;
		i_ = 0
	}
}

/* kev_ring_advance() */
inline advance()
{
	if
	:: any_done ->
		look();
		d_step {
			x_ = 0;
			do
#ifdef ADVANCE_TO_END
			:: x_ < used && h_ + x_ < done_end -> x_++
#else
			:: x_ < used && SLOT_DONE(h_ + x_) -> x_++
#endif
			:: else -> break
			od
		};
		ok_ = true;
		if
		:: x_ ->
			atomic {
				s_ = h_;
				xchg(HEAD, s_, h_ + x_, ok_);
				if
				:: ok_ -> moves_head(h_, h_ + x_)
				:: else
				fi
			}
		:: else
		fi;
		if
		:: ok_ ->
			if
			:: h_ + x_ >= done_end -> any_done = false; clear_flag(RANGES)
			:: else
			fi
		:: else
		fi;
		d_step { x_ = 0; s_ = 0; h_ = 0; used = 0; claim = 0; ok_ = false }
	:: else
	fi
}

/* kev_service(): what a call does */
inline service()
{
	lock();
	advance();
	handover();
	d_step { used = 0; claim = 0; h_ = 0 };
	unlock()
}

/* The consumer has read an entry. */
inline act(i, ret, bits)
{
	CHECK(stale_entry, (ret & 127) == posted_watch[i] &&
	      (bits & posted_bits[i]) == posted_bits[i]);
	before_act(i, ret);
	acted = acted | bits
}

inline ring_init()
{
	d_step {
		i_ = 0;
		do
		:: i_ < SLOTS -> done_at[i_] = i_ + 1; i_++
		:: else -> break
		od;
#ifdef DONE_WITHOUT_INDEX
		i_ = 0;
		do
		:: i_ < SLOTS -> done_at[i_] = i_; i_++
		:: else -> break
		od;
#endif
		i_ = 0
	}
}
