/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Delays where two things may get in each other's way: KEV_DELAY(point) stands
 * between a look and what is done about it.  Nothing, unless the module was
 * built with KEVENT_DEBUG_DELAYS=1, as make check-race does; delay.c is left out
 * then.  A new point is a line here and a line where it is.
 */
#ifndef KEV_DELAY_H
#define KEV_DELAY_H

#ifdef KEVENT_DEBUG_DELAYS

#define KEV_DELAY_POINTS(P)						\
	/* request.c */							\
	P(ADD_TABLED) P(ADD_HOOKED) P(ADD_DEAD)				\
	P(REARM_UNLOCKED) P(REMOVE_FOUND) P(FIRE_FOUND)			\
	/* watch.c, lookup.c, queue.c */				\
	P(KILL_DEAD) P(TAKEN_OUT) P(BURIED) P(CLOSE_UNTABLED)		\
	P(CLOSE_DETACHED) P(CLOSE_NEXT) P(RELEASE_NEXT) P(REAP_DEAD)	\
	P(PINNED) P(ASKED) P(FILE_QUEUE) P(QUEUE_PUT)			\
	/* hook/close.c */						\
	P(CLOSE_BEGIN) P(CLOSE_END)					\
	/* ready.c, post.c, ring.c, ring.h */				\
	P(PUBLISH) P(MERGED) P(OVERFLOW_FLAG) P(CANCEL_MARKED)		\
	P(DONE_FLAG) P(ONCE_FIRED)					\
	/* wait.c, notify.c */						\
	P(BREATHE) P(SLEEP_ANNOUNCED) P(DOZE_ANNOUNCED) P(WOKEN)	\
	P(GRABBED) P(COPIED) P(LIST_TAKEN) P(OUTER_WAKE)		\
	/* hook/waitqueue.c */						\
	P(HOOK_REMOVE) P(POLLFREE) P(HOOK_ASK)				\
	/* hook/fsnotify.c, source/inode.c */				\
	P(MARKS_EVENT) P(MARKS_ENDED) P(MARKS_UNMARKED) P(INODE_MARKED)	\
	/* source/signal.c */						\
	P(SIGNAL_TELL) P(SIGNAL_TAKEN) P(SIGNAL_JOIN)			\
	P(SIGNAL_DROPPED) P(PROCESS_ENDS) P(DYING_QUEUE)		\
	/* source/proc.c */						\
	P(PROC_HOOKED) P(PROC_UNHOOKED) P(PROC_LOOK)			\
	/* source/timer.c, source/posix_timer.c */			\
	P(TIMER_EXPIRE) P(TIMER_STOP) P(PTIMER_HOOKED) P(PTIMER_LEFT)	\
	P(PTIMER_FOUND) P(PTIMER_PACED) P(PTIMER_EXPIRE)		\
	/* source/aio.c, aio_engine.c */				\
	P(AIO_TURN_OVER) P(AIO_HOOKED) P(AIO_STOP) P(AIO_RELEASED)	\
	P(AIO_TOLD) P(AIO_LEFT)

#define KEV_DELAY_ENUM(point) KEV_DELAY_##point,
enum kev_delay_point {
	KEV_DELAY_POINTS(KEV_DELAY_ENUM)
	KEV_DELAY_NUM,
};

void kev_delay(enum kev_delay_point point);
#define KEV_DELAY(point) kev_delay(KEV_DELAY_##point)

#else

#define KEV_DELAY(point) do { } while (0)

#endif

#endif /* KEV_DELAY_H */
