/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One consumer that works in place: kevent_ring_next() of include/kevent.h.
 */
#define CONSUMER_VARS	byte pos, end, new_tail, flag, ret, bits, head; byte early[SLOTS]

inline claim_fence()
{
#ifndef NO_FENCE_CLAIM
	fence()
#else
	skip
#endif
}

inline store_seen(x)
{
#ifdef SEEN_RELAXED
	store(SEEN, x)
#else
	store_rel(SEEN, x)
#endif
}

inline load_tail()
{
#ifdef TAIL_NO_ACQUIRE
	load(TAIL, new_tail)
#else
	load_acq(TAIL, new_tail)
#endif
}

/* kevent_ring_claim() */
inline ring_claim()
{
	load_tail();
	if
	:: new_tail == end
	:: else ->
		end = new_tail;
#ifndef CLAIM_AFTER_READ
		store_seen(end);
		claim_fence()
#endif
	fi
}

/* kevent_ring_release() */
inline ring_release()
{
	if
	:: head != end -> head = end; store_rel(HEAD, end)
	:: else
	fi
}

/* kevent_ring_turn() */
inline ring_turn()
{
	ring_release();
#ifndef NO_FENCE_FREE
	fence();
#endif
	load(FLAGS, flag);
	if
	:: flag -> service()
	:: else
	fi;
	flag = 0;
	ring_claim()
}

/* kevent_ring_swap() */
inline ring_swap()
{
	load_tail();
	if
	:: new_tail == end -> flag = 1
	:: else -> load(FLAGS, flag)
	fi;
	if
	:: flag -> ring_turn()
	:: else ->
		/* in the program, head is stored even if it is the same */
#ifdef CLAIM_AFTER_READ
		ring_release();
		end = new_tail
#elif defined(HEAD_BEFORE_SEEN)
		ring_release();
		end = new_tail;
		store_seen(end);
		claim_fence()
#else
		store_seen(new_tail);
		ring_release();
		end = new_tail;
		claim_fence()
#endif
	fi;
	new_tail = 0
}

/* kevent_is_cancelled() */
inline load_ret()
{
#ifdef RET_LOADED_ONCE
	/* for the whole batch, before any of it is acted on */
	ret = early[pos & MASK]
#else
	load(RET(pos), ret)
#endif
}

/* The entries of the batch; after_act() is the model's. */
inline ring_read()
{
#ifdef HEAD_RELAXED
	/* nothing keeps the store behind the loads */
	ring_release();
#endif
#ifdef RET_LOADED_ONCE
	flag = pos;
	do
	:: flag < end -> load(RET(flag), early[flag & MASK]); flag++
	:: else -> break
	od;
	flag = 0;
#endif
	do
	:: pos < end ->
		load_ret();
		if
		:: ret & CANCELLED
		:: else ->
			load(BITS(pos), bits);
			act(pos, ret, bits);
			after_act(ret)
		fi;
		d_step { ret = 0; bits = 0; pos++ }
	:: else -> break
	od;
	skip;
#ifdef CLAIM_AFTER_READ
	store_seen(end);
	claim_fence()
#endif
}
