/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two consumers that claim with compare-and-swap, copy out, and free in turn or
 * leave the range to the kernel: kevent_ring_take(); with -DGET one of them is
 * GET_EVENTS, which copies first and claims then.
 */
#define THREADS		3
#define WATCHES		2
#ifndef SLOTS
#define SLOTS		2
#endif
#define VALUES		6
#ifndef POSTS
#define POSTS		2
#endif

#define before_act(i, ret)	skip

#include "ring.pml"

#define CONSUMER_VARS	byte from, to, ret, bits, flag, head; bool mine
bool posted;
byte left;

proctype producer()
{
	byte me = 0;
	KERNEL_VARS;

	post(1, 1);
	post(2, 2);
#if POSTS > 2
	post(1, 4);
#endif
	posted = true
}

/* ---- What COMMIT does with KEVENT_COMMIT_RANGE */

/* kev_remember_done() */
inline remember_done()
{
	d_step {
		if
		:: !any_done || to > done_end -> done_end = to
		:: else
		fi;
		any_done = true;
		done_at[from & MASK] = from
	};
#ifndef NO_FLAG_DONE
	set_flag(RANGES);
#endif
#ifndef NO_FENCE_DONE
	fence()
#endif
}

/* kev_ring_commit_range(), of a claimed range of one */
inline commit_range()
{
	look();
	d_step {
		assert(used <= SLOTS && to - h_ <= used);
		assert(to - h_ <= claim - h_)
	};
	ok_ = false;
	if
#ifdef COMMIT_WITHOUT_TURN
	:: true ->
#else
	:: from == h_ ->
#endif
		atomic {
			d_step { s_ = h_; xchg_(HEAD, s_, to, ok_) };
			if
			:: ok_ -> moves_head(from, to)
			:: else
			fi
		}
	:: else
	fi;
	s_ = 0;
	if
	:: ok_
	:: else -> remember_done()
	fi;
	d_step { used = 0; claim = 0; h_ = 0; ok_ = false }
}

/* ---- A thread of the program */

/* kevent_ring_grab(), of one */
inline grab()
{
	mine = false;
	load_acq(SEEN, from);
	do
	:: true ->
		load_acq(TAIL, to);
		if
		:: to == from -> break
		:: to < from -> load_acq(SEEN, from)
		:: to > from ->
#ifdef CLAIM_BY_STORE
			store_rel(SEEN, from + 1);
			mine = true;
#else
			cas(SEEN, from, from + 1, mine);
#endif
			if
			:: mine -> break
			:: else
			fi
		fi
	od;
	to = 0;
	if
	:: mine ->
		to = from + 1;
#ifndef NO_FENCE_CLAIM
		fence()
#endif
	:: else
	fi
}

inline copy_out()
{
	d_step {
		double_claim = taken[from];
		assert(!double_claim);
		taken[from] = true
	};
#ifdef HEAD_RELAXED
	finished[from] = true;
	ring_free();
#endif
	load(RET(from), ret);
	load(BITS(from), bits);
	act(from, ret, bits);
	d_step { ret = 0; bits = 0 };
	finished[from] = true
}

/* kevent_ring_free() */
inline ring_free()
{
#ifdef FREE_WITHOUT_TURN
	head = from;
#else
	load_acq(HEAD, head);
#endif
	if
	:: head == from ->
		atomic { moves_head(from, to); store_rel(HEAD, to) };
#ifndef NO_FENCE_FREE
		fence();
#endif
		load(FLAGS, flag);
		if
		:: flag -> service()
		:: else
		fi;
		flag = 0
	:: else ->
		lock();
		commit_range();
		unlock();
#ifndef NO_ADVANCE_COMMIT
		service()
#endif
	fi;
	head = 0
}

/* Nothing there: when something may be, or all is over. */
inline look_again()
{
	d_step {
		(posted || tail > mem[SEEN].value[mem[SEEN].last]) -> skip
	};
	lock();
	flag = (posted && tail == mem[SEEN].value[mem[SEEN].last]);
	unlock();
	if
	:: flag -> break
	:: else
	fi
}

proctype taker(byte me)
{
	KERNEL_VARS;
	CONSUMER_VARS;

	do
	:: grab();
		if
		:: mine ->
			copy_out();
#ifndef HEAD_RELAXED
			ring_free()
#endif
		:: else -> look_again()
		fi
	od;
	left++
}

/* ---- GET_EVENTS */

/* kev_ring_claim(), of one: what was copied is ours, or it was for nothing */
inline kernel_claim()
{
	load(SEEN, head);
	if
#ifdef CLAIM_WITHOUT_LOOK
	:: true -> xchg(SEEN, head, from + 1, mine)
#else
	:: head == from -> xchg(SEEN, head, from + 1, mine)
	:: else
#endif
	fi;
	head = 0
}

/* kev_take_entries() and kev_let_in(), of one: all with the lock */
inline kernel_take()
{
	lock();
	look();
	from = claim;
	mine = false;
	if
	:: tail != claim ->
		load(RET(from), ret);
		load(BITS(from), bits);
		kernel_claim()
	:: else
	fi;
	d_step { used = 0; claim = 0; h_ = 0 };
	if
	:: mine ->
		to = from + 1;
		kernel_has();
		commit_range();
#ifndef NO_ADVANCE_GET
		advance();
		handover();
#endif
		d_step { used = 0; claim = 0; h_ = 0 }
	:: else
	fi;
	d_step { ret = 0; bits = 0; to = 0 };
	unlock()
}

inline kernel_has()
{
	d_step {
		double_claim = taken[from];
		assert(!double_claim);
		taken[from] = true
	};
	act(from, ret, bits);
	finished[from] = true
}

proctype getter(byte me)
{
	KERNEL_VARS;
	CONSUMER_VARS;

	do
	:: kernel_take();
		if
		:: mine
		:: else -> look_again()
		fi
	od;
	left++
}

init {
	atomic {
		ring_init();
		run producer();
		run taker(1);
#ifdef GET
		run getter(2)
#else
		run taker(2)
#endif
	}
	left == 2;
	CHECK(stranded, !nready);
	CHECK(lost_edge, acted == all_posted);
	CHECK(head_stuck, mem[HEAD].value[mem[HEAD].last] == tail)
}
