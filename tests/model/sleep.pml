/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sleeping and waking: notify.c, wait.c, take.c.  Tasks in GET_EVENTS or WAIT, a
 * producer, more events than slots.  All but what the program does with the ring is
 * under queue->lock, which orders memory: no weak memory here.  Who of several
 * sleepers is woken is left open, so that this holds for every policy.
 *
 * One of the tasks may be a bad one: it is killed in its sleep, or leaves by a
 * fault when it is to be told of an event.
 *
 *	-DWAIT=n	the first n tasks are in WAIT, and their program takes from
 *			the ring; the others are in GET_EVENTS
 *	-DMORE=n	the first n wait for two events, with WAIT
 *	-DSINCE		... since the index 0
 *	-DLEVEL		the events are those of a file that is ready and stays so
 */
#define TASKS	3
#ifndef SLOTS
#define SLOTS	2
#endif
#ifndef POSTS
#define POSTS	3
#endif
#ifndef MORE
#define MORE	0
#endif
#ifndef WAIT
#define WAIT	MORE
#endif
#define MIN(t)		(t < MORE -> 2 : 1)
#define IN_WAIT(t)	(t < WAIT)

bool locked;
byte tail, seen, freed, nready;
bool asleep[TASKS], awake[TASKS];
byte target[TASKS];
bool one_is_bad;
bool lost_wakeup;	/* somebody sleeps beside an event that could be taken */

/* A level watch: on the list, behind the entry of this index. */
bool on_level;
byte level_at;

#define AVAILABLE	(tail - seen)
#define USED		(tail - freed)
#define ROOM		(USED < SLOTS)
#define LEVEL_DUE	(on_level && level_at < seen)
/* kev_work_due() */
#define WORK_DUE	((nready && ROOM) || LEVEL_DUE)

/* kev_enough() */
#ifdef SINCE
#define SUM		tail
#else
#define SUM		AVAILABLE
#endif
#define ENOUGH(t)	((MIN(t) == 1 && AVAILABLE) || (MIN(t) > 1 && \
			 ((AVAILABLE && !ROOM) || SUM >= MIN(t))))

/* kev_sleeper_target() */
#ifdef SINCE
#define TARGET(t)	MIN(t)
#else
#define TARGET(t)	(tail + (MIN(t) > AVAILABLE -> MIN(t) - AVAILABLE : 1))
#endif
/* kev_patient_due() */
#define DUE(t)		(tail >= target[t] || (!ROOM && AVAILABLE))

inline lock()
{
	atomic { !locked -> locked = true }
}

inline unlock()
{
	locked = false
}

#define SLEEPS(t)	(asleep[t] && MIN(t) == 1)
#define PATIENT(t)	(asleep[t] && MIN(t) > 1)
/* Nobody waits for less. */
#define LEAST(t)	(PATIENT(t) && (!PATIENT(0) || target[t] <= target[0]) && \
			 (!PATIENT(1) || target[t] <= target[1]))

inline wake(t)
{
	asleep[t] = false;
	awake[t] = true
}

/* kev_wake_patient() */
inline wake_patient(any)
{
	if
	:: LEAST(0) && (any || DUE(0)) -> wake(0)
	:: LEAST(1) && (any || DUE(1)) -> wake(1)
	:: else
	fi
}

/* kev_notify() */
inline notify(any)
{
	none = false;
	if
	:: SLEEPS(0) -> wake(0)
	:: SLEEPS(1) -> wake(1)
	:: SLEEPS(2) -> wake(2)
	:: else -> none = true
	fi;
#ifdef NO_ANY
	none = false;
#endif
#ifndef NO_PATIENTS
	wake_patient((any && none));
#endif
	none = false
}

/* kev_made(); of the first the taker need not tell */
inline made()
{
	if
	:: taker -> taker = false
#ifdef NOTIFY_ONCE_PER_HANDOVER
	:: !taker && told
#endif
	:: else -> notify(false); told = true
	fi
}

/* kev_handover() */
inline let_in()
{
#ifdef NOTIFY_ONCE_PER_HANDOVER
	told = false;
#endif
	do
	:: nready && ROOM ->
		nready--;
		tail++;
		made()
	:: else -> break
	od;
	told = false
}

/* kev_ask_levels(): the file is ready, and the ring has room */
inline ask_levels()
{
	if
	:: LEVEL_DUE ->
		level_at = tail;
		tail++;
		made()
	:: else
	fi
}

/* What a task does that takes an event: kev_work(), kev_take() */
inline work(takes)
{
#ifdef TAKER_OF_TWO
	taker = takes;
#else
	taker = (takes && !AVAILABLE);
#endif
	let_in();
	ask_levels();
	taker = false
}

proctype producer()
{
	byte n;
	bool taker, told, none;

#ifdef LEVEL
	atomic {
		lock();
		on_level = true;
		level_at = tail;
		tail++;
		made();
		unlock()
	}
#else
	do
	:: n < POSTS ->
		atomic {
			lock();
			n++;
			let_in();
			if
			:: ROOM && !nready -> tail++; made()
			:: else -> nready++
			fi;
			unlock()
		}
	:: else -> break
	od
#endif
}

/* kev_leave() */
inline leave(took)
{
#ifdef NO_LEAVE_TELLS
	skip
#else
	if
	:: !(took) && WORK_DUE -> notify(true)
#ifndef NO_NEXT_FOR_LEVEL
	:: took && LEVEL_DUE -> notify(true)
#endif
	:: !(took) && !WORK_DUE && AVAILABLE -> notify(false)
	:: else
	fi
#endif
}

#define CHECK_ASLEEP	d_step { \
		lost_wakeup = (ENOUGH(me) || WORK_DUE); \
		assert(!lost_wakeup) \
	}

/* kev_sleep_once(): with queue->lock, and returns with it */
inline doze()
{
	atomic {
		awake[me] = false;
		target[me] = TARGET(me);
		asleep[me] = true;
		unlock()
	};
	if
	:: awake[me]
	:: bad -> over = true		/* killed */
	:: timeout ->
		CHECK_ASLEEP;
		goto end
	fi;
	atomic {
		lock();
		asleep[me] = false;
#ifndef NO_NEXT_PATIENT
		if
		:: MIN(me) > 1 -> wake_patient(false)
		:: else
		fi
#endif
	}
}

/* What the call has to tell can't be told. */
inline fault()
{
	atomic { lock(); leave(false); over = true; unlock() }
}

/* It has an event; some come back for more. */
inline got_one()
{
#ifdef LEVEL
	over = true
#else
	if
	:: true
	:: over = true
	fi
#endif
}

/* kev_take(), of one: with queue->lock, and returns without */
inline take()
{
	if
	:: bad -> unlock(); fault()
	:: atomic { !bad && AVAILABLE ->
			seen++;
			freed++;
#ifndef NO_LET_IN
			let_in();
#endif
			leave(true);
			unlock()
		};
		got_one()
	:: !bad && !AVAILABLE -> unlock()	/* a program was faster */
	fi
}

/* The program takes what is there, up to what it waited for, and frees that. */
inline program_takes()
{
	do
	:: atomic { n < MIN(me) && AVAILABLE -> seen++; n++ }
	:: n >= MIN(me) || !AVAILABLE -> break
	od;
	freed = freed + n;
	/* OVERFLOW or LEVEL is set: kev_service() */
	if
	:: nready || on_level -> atomic { lock(); work(false); unlock() }
	:: else
	fi;
	if
	:: n -> n = 0; got_one()
	:: else
	fi
}

/* WAIT has what it waited for: with queue->lock, and returns without */
inline tell()
{
	atomic { leave(true); unlock() };
	if
	:: bad -> fault()
	:: !bad -> program_takes()
	fi
}

proctype task(byte me)
{
	byte n;
	bool bad, over, taker, told, none;

	atomic {
		if
		:: !one_is_bad -> one_is_bad = true; bad = true
		:: true
		fi
	};
	do
	:: over -> break
	:: !over ->
#ifdef CHECK_WITHOUT_LOCK
		if
		:: AVAILABLE
		:: !AVAILABLE -> lock(); doze(); unlock()
		fi;
#endif
		atomic { lock(); work(MIN(me) == 1) };
		if
		:: ENOUGH(me) && IN_WAIT(me) -> tell()
		:: ENOUGH(me) && !IN_WAIT(me) -> take()
		:: else ->
#ifndef CHECK_WITHOUT_LOCK
			doze();
			if
			:: over -> atomic { leave(false) }
			:: else
			fi;
#endif
			unlock()
		fi
	od;
end:	skip
}

init {
	atomic {
		run producer();
		run task(0);
		run task(1);
		run task(2)
	}
}
