/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two producers, one consumer in place, as many slots as events: claim, merge,
 * publish.
 */
#define THREADS		3
#define WATCHES		2
#ifndef SLOTS
#define SLOTS		4
#endif
#define VALUES		6

#define before_act(i, ret)	skip
#define after_act(ret)	skip

#include "ring.pml"
#include "inplace.pml"

byte producers_done;

proctype one()
{
	byte me = 0;
	KERNEL_VARS;

	post(1, 1);
	post(2, 2);
	producers_done++
}

proctype other()
{
	byte me = 1;
	KERNEL_VARS;

	post(1, 4);
	producers_done++
}

/* WAIT, and then all that is there */
proctype consumer()
{
	byte me = 2;
	KERNEL_VARS;
	CONSUMER_VARS;

	do
	:: ring_swap();
		if
		:: pos != end -> ring_read()
		:: else ->
			/* sleep.pml is about this */
			d_step { (tail != end || nready || producers_done == 2) -> skip };
			service();
			if
			:: tail == end && producers_done == 2 -> break
			:: else
			fi
		fi
	od;
	skip;
	CHECK(lost_edge, acted == 7)
}

init {
	atomic { ring_init(); run one(); run other(); run consumer() }
}
