/* SPDX-License-Identifier: GPL-2.0 */
/*
 * More watches than slots, one consumer in place: events wait on the ready list.
 * The consumer calls only when a flag tells it to, once after each batch, and
 * never asks twice: what is not handed over then is stranded.
 */
#define THREADS		2
#define WATCHES		3
#define SLOTS		2
#define VALUES		7

#define before_act(i, ret)	skip
#define after_act(ret)	skip

#include "ring.pml"
#include "inplace.pml"

#define ROOM	(tail - mem[HEAD].value[mem[HEAD].last] < SLOTS)

proctype producer()
{
	byte me = 0;
	KERNEL_VARS;

	post(1, 1);
	post(2, 2);
	post(3, 4);
	post(1, 8)
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
			if
			:: d_step { CAN(TAIL, 1) -> skip }
			:: timeout -> break
			fi
		fi
	od;
	skip;
	CHECK(stranded, !(nready && ROOM));
	CHECK(lost_edge, acted == all_posted)
}

init {
	atomic { ring_init(); run producer(); run consumer() }
}
