/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sleeping and waking: threads in GET_EVENTS, a producer, more events than slots.
 * A thread may get a signal, and may never come back with what it took.  All is
 * under queue->lock, which orders memory: no weak memory here.  Policy FIFO,
 * minimum 1; -DLIFO: only who has enough is chosen.
 */
#define TAKERS	2
#define SLOTS	1
#define POSTS	3

bool locked;
byte tail, seen, freed, nready;
bool chosen[TAKERS], awake[TAKERS];
chan sleepers = [TAKERS] of { byte };
bool lost_wakeup;	/* somebody sleeps beside an event that could be taken */

#define UNCLAIMED	(tail - seen)
#define ROOM		(tail - freed < SLOTS)

inline lock()
{
	d_step { !locked -> locked = true }
}

inline unlock()
{
	locked = false
}

/* kev_notify() */
inline notify()
{
	if
#ifdef LIFO
	:: len(sleepers) && UNCLAIMED ->
#else
	:: len(sleepers) ->
#endif
		sleepers?s;
		chosen[s] = true;
		awake[s] = true
	:: else
	fi;
	s = 0
}

/* kev_handover(), and kev_notify_many(): a taker takes the first itself */
inline let_in(taker)
{
	t = taker;
	do
	:: nready && ROOM ->
		nready--;
		tail++;
		if
		:: t -> t = false
		:: else -> notify()
		fi
	:: else -> break
	od;
	t = false
}

proctype producer()
{
	byte s, n;
	bool t;

	do
	:: n < POSTS ->
		n++;
		lock();
		d_step {
			if
			:: ROOM && !nready -> tail++
			:: else -> nready++
			fi
		};
		d_step {
			notify()
		};
		unlock()
	:: else -> break
	od
}

/* kev_pass_on() */
inline pass_on()
{
#ifdef NO_PASS_ON
	skip
#else
	d_step {
		if
		:: chosen[me] && (UNCLAIMED || (nready && ROOM)) -> notify()
		:: else
		fi
	}
#endif
}

/* What is claimed is copied and freed: kev_copy_ring() */
inline take()
{
	seen++;
	unlock();
	lock();
	d_step {
		freed++;
#ifndef NO_LET_IN
		let_in(false)
#endif
	};
	unlock()
}

#define CHECK_ASLEEP	d_step { \
		lost_wakeup = (UNCLAIMED || (nready && ROOM)); \
		assert(!lost_wakeup) \
	}

/* Until woken, with queue->lock */
inline doze()
{
	d_step { chosen[me] = false; awake[me] = false; sleepers!me };
	unlock();
	if
	:: awake[me]
	:: n == 0 -> n = 2			/* a signal */
	:: timeout ->
		CHECK_ASLEEP;
		break
	fi;
	lock();
	d_step {
		if
		:: !chosen[me] -> sleepers??eval(me)
		:: else
		fi
	}
}

proctype taker(byte me)
{
	byte s, n;
	bool t;

	if
	:: n = 0		/* gets a signal when it first sleeps */
	:: n = 1
	fi;
	do
	:: true ->
#ifdef CHECK_WITHOUT_LOCK
		if
		:: UNCLAIMED -> lock()
		:: !UNCLAIMED -> lock(); doze()
		fi;
#else
		lock();
#endif
		d_step { let_in(true) };
		if
		:: n == 2 -> pass_on(); unlock(); break
		:: n != 2 && UNCLAIMED ->
			take();
			if
			:: true			/* comes back for more */
			:: break		/* does not */
			fi
		:: else ->
#ifdef CHECK_WITHOUT_LOCK
			unlock()
#else
			doze();
			unlock()
#endif
		fi
	od
}

init {
	atomic { run producer(); run taker(0); run taker(1) }
}
