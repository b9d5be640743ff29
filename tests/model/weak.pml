/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Weak memory for the models: what a thread may read of words that others
 * write.
 *
 * Every word keeps its whole history.  A thread has a view: for each word, the
 * oldest of its values that this thread may still read.  A load takes any value
 * from there on, so that stores seem to be delayed and loads to be reordered, as
 * store buffers and caches do it, and each thread on its own.  What moves views:
 *
 *	load, store		the view of that word only
 *	store_rel, load_acq	who reads the value gets the writer's view
 *	fence			both ways with one view that all fences share:
 *				smp_mb(), __atomic_thread_fence(SEQ_CST)
 *	cas			the newest value; acquire and release
 *	xchg			the same between two fences: the kernel's cmpxchg
 *	lock, unlock		acquire and release
 *
 * That is release/acquire of C11 with fences, weaker than x86 and than the
 * kernel's model; but for one thing: a load is never done after a later store of
 * its thread.  Where only a release, an acquire or a branch forbids that, the
 * model without it does the two in the wrong order itself.
 *
 * The user defines THREADS, WORDS (how many), RELEASED (words below it are stored
 * with release) and VALUES (longest history), and calls its thread "me".  All
 * writers of a word are under a lock, or one thread, or use cas: a new value is
 * always the newest.
 */
typedef history {
	byte last;
	byte value[VALUES]
};

typedef oldest {
	byte ts[WORDS]
};

history mem[WORDS];
oldest view[THREADS + 2];
oldest sent[RELEASED * VALUES];
bool locked;
hidden byte i_;

#define LOCK_VIEW	THREADS
#define FENCE_VIEW	(THREADS + 1)
#define MINE(w)		view[me].ts[w]
#define SENT(w)		sent[(w) * VALUES + MINE(w)]

inline join(to, from)
{
	i_ = 0;
	do
	:: i_ < WORDS ->
		if
		:: to.ts[i_] < from.ts[i_] -> to.ts[i_] = from.ts[i_]
		:: else
		fi;
		i_++
	:: else -> break
	od;
	i_ = 0
}

inline take_(w, n, to)
{
	MINE(w) = MINE(w) + n;
	to = mem[w].value[MINE(w)]
}

#define CAN(w, n)	(MINE(w) + n <= mem[w].last)

inline load(w, to)
{
	if
	:: d_step { CAN(w, 0) -> take_(w, 0, to) }
	:: d_step { CAN(w, 1) -> take_(w, 1, to) }
	:: d_step { CAN(w, 2) -> take_(w, 2, to) }
	:: d_step { CAN(w, 3) -> take_(w, 3, to) }
	:: d_step { CAN(w, 4) -> take_(w, 4, to) }
	:: d_step { CAN(w, 5) -> take_(w, 5, to) }
	:: d_step { CAN(w, 6) -> take_(w, 6, to) }
	fi
}

inline load_acq(w, to)
{
	if
	:: d_step { CAN(w, 0) -> take_(w, 0, to); join(view[me], SENT(w)) }
	:: d_step { CAN(w, 1) -> take_(w, 1, to); join(view[me], SENT(w)) }
	:: d_step { CAN(w, 2) -> take_(w, 2, to); join(view[me], SENT(w)) }
	:: d_step { CAN(w, 3) -> take_(w, 3, to); join(view[me], SENT(w)) }
	:: d_step { CAN(w, 4) -> take_(w, 4, to); join(view[me], SENT(w)) }
	:: d_step { CAN(w, 5) -> take_(w, 5, to); join(view[me], SENT(w)) }
	:: d_step { CAN(w, 6) -> take_(w, 6, to); join(view[me], SENT(w)) }
	fi
}

inline add_(w, x)
{
	assert(mem[w].last + 1 < VALUES && mem[w].last < 7);
	mem[w].last = mem[w].last + 1;
	mem[w].value[mem[w].last] = x;
	MINE(w) = mem[w].last
}

inline store(w, x)
{
	d_step { add_(w, x) }
}

inline store_rel(w, x)
{
	d_step { add_(w, x); join(SENT(w), view[me]) }
}

inline fence_()
{
	join(view[me], view[FENCE_VIEW]);
	join(view[FENCE_VIEW], view[me])
}

inline fence()
{
	d_step { fence_() }
}

/* was: in: what is expected; out: what was there */
inline cas_(w, was, x, ok)
{
	MINE(w) = mem[w].last;
	join(view[me], SENT(w));
	ok = mem[w].value[mem[w].last] == was;
	was = mem[w].value[mem[w].last];
	if
	:: ok -> add_(w, x); join(SENT(w), view[me])
	:: else
	fi
}

inline cas(w, was, x, ok)
{
	d_step { cas_(w, was, x, ok) }
}

inline xchg_(w, was, x, ok)
{
	fence_();
	cas_(w, was, x, ok);
	fence_()
}

inline xchg(w, was, x, ok)
{
	d_step { xchg_(w, was, x, ok) }
}

inline lock()
{
	d_step {
		!locked -> locked = true;
#ifndef LOCK_WITHOUT_ORDER
		join(view[me], view[LOCK_VIEW])
#endif
	}
}

inline unlock()
{
	d_step { join(view[LOCK_VIEW], view[me]); locked = false }
}
