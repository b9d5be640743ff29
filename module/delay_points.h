/* SPDX-License-Identifier: GPL-2.0 */
/* The delays, by file: included by delay.h and delay.c, which say what P is. */

/* request.c */
P(ADD_TABLED)
P(ADD_HOOKED)
P(ADD_DEAD)
P(REARM_UNLOCKED)
P(REMOVE_FOUND)
P(FIRE_FOUND)

/* watch.c, lookup.c, queue.c */
P(KILL_DEAD)
P(TAKEN_OUT)
P(BURIED)
P(RETIRED)
P(CLOSE_UNTABLED)
P(CLOSE_NEXT)
P(RELEASE_NEXT)
P(REAP_DEAD)
P(PINNED)
P(ASKED)
P(FILE_QUEUE)
P(QUEUE_PUT)

/* hook/close.c */
P(CLOSE_BEGIN)
P(CLOSE_END)

/* ready.c, post.c, ring.c, ring.h */
P(PUBLISH)
P(MERGE)
P(MERGED)
P(OVERFLOW_FLAG)
P(CANCEL_MARKED)
P(DONE_FLAG)
P(ONCE_FIRED)

/* wait.c, take.c, notify.c */
P(BREATHE)
P(SLEEP_ANNOUNCED)
P(WOKEN)
P(COPIED)
P(FAULT_IN)
P(OUTER_WAKE)

/* hook/waitqueue.c */
P(HOOK_REMOVE)
P(POLLFREE)
P(LOOK_FILE)

/* hook/fsnotify.c, source/inode.c */
P(MARKS_EVENT)
P(MARKS_ENDED)
P(MARKS_UNMARKED)
P(INODE_MARKED)

/* source/signal.c */
P(SIGNAL_TELL)
P(SIGNAL_TAKEN)
P(SIGNAL_JOIN)
P(SIGNAL_DROPPED)
P(PROCESS_ENDS)
P(DYING_QUEUE)

/* source/proc.c */
P(PROC_HOOKED)
P(PROC_UNHOOKED)

/* source/timer.c, source/posix_timer.c */
P(TIMER_EXPIRE)
P(TIMER_STOP)
P(PTIMER_HOOKED)
P(PTIMER_LEFT)
P(PTIMER_FOUND)
P(PTIMER_PACED)
P(PTIMER_EXPIRE)

/* source/aio.c, aio_engine.c */
P(AIO_TURN_OVER)
P(AIO_HOOKED)
P(AIO_STOP)
P(AIO_RELEASED)
P(AIO_TOLD)
P(AIO_LEFT)
