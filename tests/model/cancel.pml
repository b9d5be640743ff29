/* SPDX-License-Identifier: GPL-2.0 */
/*
 * REMOVE of a watch with entries in the ring: by the consumer, which works in
 * place, when it acts on an event of the other watch; with -DOTHER by another
 * thread, which believes what REMOVE says: CANCELLED, an event was outstanding,
 * and nobody will get it.
 *
 * With -DEXACT "nothing" must also mean that all was acted on.  It does not: an
 * entry that is marked, skipped and freed before REMOVE looks is not reported.
 */
#ifdef OTHER
#define THREADS		3
#else
#define THREADS		2
#endif
#define WATCHES		2
#define SLOTS		4
#define VALUES		7

bool removed;		/* the call has returned */

#ifdef OTHER
#define before_act(i, ret) CHECK(cancelled_acted, !told[i]); taken[i] = true
#define after_told(i)	told[i] = true; cancelled_acted = taken[i]; \
			assert(!cancelled_acted)
#define after_act(ret)	skip
#else
#define before_act(i, ret) CHECK(acted_removed, !removed || ret != 2)
#define after_act(ret)	if			\
			:: ret == 1 -> remove(2); removed = true	\
			:: else			\
			fi
#endif

#include "ring.pml"
#include "inplace.pml"

bool producers_done;
#ifdef OTHER
bool told[INDICES];	/* REMOVE counted it as CANCELLED */
#endif

#ifdef OTHER
#define CONSUMER_ENDS	removed
#else
#define CONSUMER_ENDS	true
#endif

proctype producer()
{
	byte me = 0;
	KERNEL_VARS;

	post(1, 1);
	post(2, 2);
	post(2, 4);
	producers_done = true
}

proctype consumer()
{
	byte me = 1;
	KERNEL_VARS;
	CONSUMER_VARS;

	do
	:: ring_swap();
		if
		:: pos != end -> ring_read()
		:: else ->
			d_step { (tail != end || (producers_done && CONSUMER_ENDS)) -> skip };
			service();
			if
			:: tail == end && producers_done && CONSUMER_ENDS -> break
			:: else
			fi
		fi
	od;
	skip;
	CHECK(lost_edge, (acted & 1));
#ifdef EXACT
	CHECK(cancel_untold, result || (acted & 6) == all_of[2])
#endif
}

#ifdef OTHER
proctype remover()
{
	byte me = 2;
	KERNEL_VARS;

	remove(2);
	removed = true
}
#endif

init {
	atomic {
		ring_init();
		run producer();
		run consumer();
#ifdef OTHER
		run remover()
#endif
	}
}
