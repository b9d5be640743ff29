/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kevent: core types, and the one place where its rules are written down.
 *
 * OVERVIEW
 *
 * A queue (struct kev_queue) is one open /dev/kevent.  A watch (struct
 * kev_watch) is one registration in it.  A source (struct kev_source_ops)
 * knows one kind of event: it hooks what reports the event (a wait queue, an
 * hrtimer) and calls kev_ready*() from there, in any context.  ready.c decides
 * what becomes of the event, and post.c does it: merged into the watch's
 * unclaimed entry, posted into the ring, or put on a list: because the ring is
 * full, or because a task has to ask the file.  wait.c and take.c do, in the
 * program's calls, what a wake-up can't: ask files, move waiting events into the
 * ring, sleep, copy out.
 *
 *	event -> source -> hook -> ready -> post -> ring, notify
 *	call  -> ctl -> change, take -> request, wait -> watch -> source -> hook
 *
 * scripts/check-tree.sh has who may include whom.  docs/design.md walks through an
 * event, an ADD and a close, and says which files are looked at after a wake-up and
 * which are asked: a wake-up does not prove that a file is ready.
 *
 * WORDS.  Look: call ->poll, or read what it would read, under queue->lock, where
 * that takes no lock (hook/look.h).  Ask: call ->poll in a task, with no lock held.
 * Terms: what ADD or MODIFY has set.  Over: of a one-shot that has had its event.
 * Letter: a queued event of a PAYLOAD watch.  Taker: a call that takes events.
 * Patient: a sleeper with a minimum above 1.  Outer poller: who polls the queue's fd.
 *
 * LOCK ORDER (outer first)
 *
 *	queue->mutex			sleeping
 *	  fsnotify's group lock		sleeping (hook/fsnotify.c)
 *	  file's wait-queue head lock, hrtimer, marks->lock, siglock, a POSIX
 *	  timer's it_lock, kev_aio_lines_lock, kev_page_wait.lock (inside the
 *	  page's queue's)		the source's lock
 *	    queue->lock			raw spinlock, irqs off
 *	      records->lock		raw spinlock, a record at a time
 *	      hrtimers' lock		hrtimer_start() of a queue's alarm, for which
 *					nobody waits under queue->lock
 *	      scheduler's locks		default_wake_function()
 *
 * Tables of sources, under which no lock of ours is taken: kev_process_lock
 * (source/signal.c), kev_ptimers_lock (source/posix_timer.c).
 *
 * There is no lock of a watch: every post needs the ring's lock anyway, and one
 * lock for the two saves a sixth of the post path.  Under queue->lock: no
 * allocation, no table, no lock of a source, no ->poll but one that only reads, no
 * page fault (take.c copies with them off).
 * Loops with irqs off are bounded: after some 64 steps kev_breathe() drops the
 * lock for a moment, or the caller calls again for the rest.  So REMOVE, MODIFY
 * and close cancel a watch's entries in batches, the newest first; between two of
 * them the watch is as if it had the older ones alone, but for its state.  An event
 * wakes two sleepers at most; the others are woken by these (notify.c).  A wake-up
 * looks once at each watch of its file (KEV_FILE_WATCHES_MAX a user).
 * Under queue->mutex: no ->poll but a look, no user memory, no allocation that reclaims
 * (a close in the reclaiming task may need the mutex).
 *
 * WHO OWNS WHAT
 *
 *	queue->mutex: which watches a queue has: membership in kev_files,
 *	    queue->numbers and queue->watches; attaching and detaching hooks;
 *	    queue->dead, queue->keeper.
 *	queue->lock: watch->state, on, link, ev, index, pins, terms, missed; the
 *	    ring and its slots; letters; the lists ready, level, check, turned,
 *	    fired; sleepers; attention; counters; of a transfer: busy, again, over,
 *	    stop.
 *	    The rest of a transfer belongs to the task that has set busy.
 *	    A queue's timers, and when they report next; queue->alarms itself is set
 *	    once, by the first ADD of a timer.
 *	kev_aio_lines_lock: which transfers to one socket wait for which.
 *	kev_page_wait.lock: which transfer is to be asked when a page is unlocked.
 *	RCU: lookup in kev_files by the close hook; a watch's memory after it
 *	    left the tables, and its queue's, whose reference is taken there.
 *	struct kev_user: found in kev_users under RCU; refcounted, and the last
 *	    reference is dropped under the lock of kev_users (quota.c).  Its counts
 *	    and reported: atomic; timer_cost: unlocked, approximate.
 *	kev_pace_end: per CPU; only timer callbacks use it, which do not migrate.
 *	records->lock: what a watch's records hold, and lost (record.h).
 *	linger->lock: arming and disarming a set of probes (hook/linger.h).
 *	    Sleeping; taken with no other lock of ours.
 *	Set before publication, never changed: watch->queue, look, ev.id, type,
 *	    cookie; file but for a closed one; of the state KEV_W_NUMBER and
 *	    KEV_W_OWNED; of the flags KEV_REQ_FIXED.  At load: what a source gave
 *	    its hook.
 *	Read with no lock of ours: ev.event, by kev_hook_woken(), to ignore
 *	    wake-ups for other bits; queue->keeper, by kev_flush().
 *	User page (seen, head): the program's.  Each is read once per decision,
 *	    and used only so that a wrong value harms nobody but the program.
 *
 * STATES OF A WATCH (watch->state)
 *
 *	ADDING		being hooked by ADD, outside the mutex; ADD holds a file
 *			reference.  Events are posted already; MODIFY waits, with
 *			no lock held, until it is over
 *	(none)		armed
 *	DISARMED	ONESHOT or DISPATCH has had its event; wake-ups are ignored
 *	FIRED		with DISARMED: a ONESHOT.  Its event can still be taken;
 *			not found by its key, ADD makes another watch beside it;
 *			reaped when its slot is free
 *	UNHOOKED	with FIRED or UNTABLED: detached, no callback any more
 *	UNTABLED	file closed, leaves the table, last event outstanding
 *	DEAD		removed; nobody posts for it again.  Set under the lock
 *			by the one who then takes it down
 *	GONE		taken down while pinned; the last unpin frees it
 *	ASK, LEVEL, LONG, EACH	how its events are posted; not how it lives
 *
 * WAYS A WATCH ENDS: REMOVE; last close of its file (hook/close.c), deletion of
 * its POSIX timer (hook/posix_timer.c), or, for signals, the end of the process
 * (source/signal.c); release of the queue; reaping of a fired one-shot; failure
 * of ADD.  If there is a last event (CLOSED), it is UNTABLED first.  Then, with
 * queue->mutex held:
 *	1. DEAD; entries cancelled.  Under queue->lock, dropped between batches.
 *	2. detach: no callback afterwards; a transfer's turn sends no more.
 *	3. out of the tables, and freed after a grace period.
 * 3 comes after 2: a last close that does not find the watch in the table does not
 * wait for the mutex, and frees the wait queue to which the watch was hooked.
 * A pinned watch (a task asks its file, or has its transfer's turn) is freed by the
 * last unpin, an ADDING one is detached by its adder: who asks or adds holds a
 * reference to the file, so no last close waits for them.  The close hook takes the
 * mutex of each queue that watches the file; the file is freed only after that.
 *
 * A FILE'S LIFE.  No watch holds a reference.  ADD inserts the watch into
 * kev_files before it gives back its own reference; the hook in the final
 * release looks there.  So until the hook has run for it, the file of a watch
 * that is in the table is not freed.  For a watch that is neither DEAD nor UNTABLED
 * under queue->lock the hook has not run: under that lock its file may be looked
 * at, and a reference may be tried for (increment unless zero).
 *
 * TERMS.  An answer is valid only for the terms under which the file was asked.
 * Wake-ups and looks use the terms, and post, under one hold of queue->lock; who
 * asks in a task compares watch->terms afterwards; a timer is halted before its
 * terms change, and started after that.
 *
 * WHO WAKES WHOM.  kev_made() wakes a sleeper for each new entry, but for the first
 * that a taker moves into the ring, as that one takes it.  A task that leaves a call
 * without its event, or while a level-triggered file is still ready, wakes another:
 * kev_leave(); so does a change whose result says that such a file is ready.  Outer
 * pollers are woken once, and again only after somebody has looked
 * (kev_poll_rearm()); also for an event that made no entry, as it merged or its watch
 * is to be asked already: kev_tell_pollers().
 *
 * BARRIERS
 *
 *	tail: release in kev_ring_publish(); acquire in the consumer.
 *	seen, head: release by the consumer; kev_ring_look() loads seen with
 *	    acquire, then head.
 *	merge: kev_try_merge() writes, full fence, looks at seen again.
 *	    Partner: the consumer's fence between storing seen and reading.
 *	cancel: kev_ring_cancel() writes, full fence, looks at seen; so for
 *	    each piece.  Same partner.
 *	overflow: kev_overflowed() sets the flag, full fence, looks at head.
 *	    Partner: the consumer's fence between storing head and the flag.
 *	done ranges: kev_remember_done() notes and sets the flag, full fence;
 *	    whoever called it looks at head again.  Partner: the consumer's
 *	    fence between storing head and the flag.
 *	new terms: kev_watch_set() stores them, full fence, and the file is asked
 *	    after that.  Partner: the fence in kev_hook_woken(), between what made
 *	    the file ready and the load of ev.event.
 *	keeper: kev_aio_cross() sets it, then takes files->file_lock to look for the
 *	    fd.  Partner: close(2), which takes that to clear the fd, and then
 *	    kev_flush() reads keeper.
 *	alarms: cmpxchg() when they are made; acquire by who adds a timer.
 *	sleep: announcing a sleeper and looking for events, and for what is to be
 *	    asked, are both under queue->lock, like posting and looking for
 *	    sleepers: no fence.
 *
 * Without them the model (tests/model/table) fails by these names:
 *
 *	tail		TAIL_RELAXED, TAIL_NO_ACQUIRE
 *	head		HEAD_RELAXED; order of seen and head: none needed
 *	merge		NO_FENCE_MERGE, NO_LOOK_MERGE; NO_FENCE_CLAIM
 *	cancel		NO_FENCE_CANCEL, LOOK_BEFORE_MARK; NO_FENCE_CLAIM
 *	overflow	NO_FENCE_OVERFLOW, NO_LOOK_OVERFLOW; NO_FENCE_FREE
 *	done ranges	NO_FENCE_DONE, NO_ADVANCE_COMMIT and _GET; NO_FENCE_FREE
 *	sleep		CHECK_WITHOUT_LOCK
 *	who wakes whom	NO_LEAVE_TELLS, NO_NEXT_FOR_LEVEL (kev_leave);
 *			TAKER_OF_TWO (kev_work, kev_take);
 *			NOTIFY_ONCE_PER_HANDOVER (kev_handover); NO_LET_IN
 *			(kev_take); NO_PATIENTS, NO_ANY (kev_wake_one);
 *			NO_NEXT_PATIENT (kev_sleeper_back_long)
 */
#ifndef KEV_H
#define KEV_H

#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <linux/kevent.h>

#include "ring.h"
#include "table.h"

struct kev_alarms;
struct kev_user;

/* A variable of which each field is set before it is read: not to be cleared. */
#if __has_attribute(__uninitialized__) && !defined(__CHECKER__)
#define kev_uninitialized	__attribute__((__uninitialized__))
#else
#define kev_uninitialized
#endif

/* struct kev_watch.state; 0: armed, and an edge-triggered event just posts */
#define KEV_W_ADDING		0x001
#define KEV_W_DISARMED		0x002
#define KEV_W_FIRED		0x004
#define KEV_W_UNHOOKED		0x008
#define KEV_W_UNTABLED		0x010
#define KEV_W_DEAD		0x020
#define KEV_W_GONE		0x040	/* taken down; freed by the last pin */
#define KEV_W_ASK		0x080	/* to be asked, or asked again */
#define KEV_W_LEVEL		0x100	/* to be asked again once claimed */
#define KEV_W_LONG		0x200	/* KEV_REQ_LONG: not kev_ready_fill() */
#define KEV_W_EACH		0x400	/* never merges: a struct kev_mailbox */
#define KEV_W_LOST		0x2000	/* of what was missed, records were lost */
/* What a watch is: set before it is in a table, never changed. */
#define KEV_W_NUMBER		0x800	/* named by a number: no file */
#define KEV_W_OWNED		0x1000	/* each process has its own numbers */

/* States that kev_ready_fill() does not handle. */
#define KEV_W_NOT_SHORT		(KEV_W_DISARMED | KEV_W_DEAD | KEV_W_LONG | \
				 KEV_W_EACH)

/* struct kev_watch.on: the list that link is on */
enum kev_list {
	KEV_ON_NONE,
	KEV_ON_READY,	/* waits for a slot, or, without a ring, for a call */
	KEV_ON_LEVEL,	/* posted, to be asked again once claimed */
	KEV_ON_CHECK,	/* to be asked in a task */
	KEV_ON_FIRED,	/* one-shot, waits for its slot to be freed */
};

/* struct kev_watch.look: how a file is asked under queue->lock */
enum kev_look {
	KEV_LOOK_TASK,	/* not at all: in a task */
	KEV_LOOK_EVENTFD, /* by its ->poll, which only reads */
	KEV_LOOK_PIPE,	/* the same */
	KEV_LOOK_UNIX,	/* a UNIX stream socket */
	KEV_LOOK_TCP,	/* a TCP socket, as long as nothing sits on it */
};

/**
 * struct kev_watch - one registration
 * @queue: its queue.
 * @file: the file; NULL when that was closed.
 * @node: in kev_files.
 * @number: in queue->numbers, where the source has no file.
 * @ev: what was asked for: id, type, cookie and so on; and, while an event
 *	waits on the ready list, that event.  Else ret_data[0], ret_flags and
 *	merged are 0, and time is that of what is to be asked, or 0.
 *	ret_data[1]: of sources that count, the total, always.
 * @state: KEV_W_*.
 * @on: enum kev_list.
 * @look: enum kev_look.
 * @pins: tasks that are asking the file.
 * @terms: how often the terms were changed.
 * @index: of its newest entry, if that slot's owner is this watch; without a ring:
 *	what ring.tail was when it was listed last.
 * @missed: bits that came while it was disarmed; see KEV_W_LOST.
 * @link: on one of the lists of enum kev_list.
 * @rcu: when dead.
 *
 * A source's own part follows: struct kev_poll, struct kev_timer.
 */
struct kev_watch {
	struct kev_queue *queue;
	union {
		struct {
			struct file *file;
			struct rhlist_head node;
		};
		struct rb_node number;
	};
	struct ukevent ev;
	u16 state;
	u8 on;
	u8 look;
	u16 pins;
	u16 terms;
	u32 index;
	u32 missed;
	union {
		struct list_head link;
		struct rcu_head rcu;
	};
};

/* The file of a watch; NULL for one without, and when it was closed. */
static inline struct file *kev_watch_file(const struct kev_watch *w)
{
	return w->state & KEV_W_NUMBER ? NULL : w->file;
}

/**
 * struct kev_values - what is ready, and what is known about it
 * @bits: in the source's bits; 0: not ready.
 * @ret_flags: KEVENT_RET_*.
 * @data: for ret_data[1].
 * @data2: for data2.
 */
struct kev_values {
	u32 bits;
	u32 ret_flags;
	u32 data;
	u32 data2;
};

/**
 * struct kev_letter - a queued event of a PAYLOAD watch, which is never merged
 * @ptr: its payload.
 * @time: when it came, if that was asked for; else 0.
 * @bits: for ret_data[0].
 * @total: for ret_data[1].
 * @cpu: where it came.
 */
struct kev_letter {
	u64 ptr;
	u64 time;
	u32 bits;
	u32 total;
	u16 cpu;
};

/**
 * struct kev_mailbox - a PAYLOAD watch: each event takes an entry of its own
 * @watch: the watch; with KEV_W_EACH it is on the ready list while letters wait.
 * @letters: a ring of them.
 * @size: how many it holds, a power of two; 0: none.
 * @head: the oldest.
 * @num: how many wait.
 * @total: events since ADD.
 *
 * All under queue->lock.
 */
struct kev_mailbox {
	struct kev_watch watch;
	struct kev_letter *letters;
	u32 size;
	u32 head;
	u32 num;
	u32 total;
};

/* struct kev_queue.attention: what the post path must look at */
#define KEV_Q_SLEEPERS		0x1	/* somebody sleeps */
#define KEV_Q_POLLERS		0x2	/* an outer poller wants one wake */
#define KEV_Q_READY		0x4	/* the ready list is not empty */
#define KEV_Q_NO_RING		0x8	/* events go to the ready list */
#define KEV_Q_NO_SEEN		0x10	/* KEVENT_INIT_NO_SEEN */

/* Somebody is to be woken. */
#define KEV_Q_WAITERS		(KEV_Q_SLEEPERS | KEV_Q_POLLERS)

/**
 * struct kev_queue - one open /dev/kevent
 * @lock: see "WHO OWNS WHAT".
 * @attention: KEV_Q_*.
 * @ring: what is in shared memory.
 * @merged: events that went into an entry that was there.
 * @ready: watches with an event that waits, in order: for a slot; without a
 *	ring, for a call that takes it, and those to be asked among them.
 * @level: watches to be asked again once their entry was claimed, in order.
 * @check: with a ring: watches to be asked in a task.
 * @turned: transfers that have had their turn, and wait for the next: in a later call
 *	they follow those of @check or, without a ring, @ready, as which they count.
 * @fired: one-shots to be taken down once their slot is free, in order.
 * @nready: events that wait: of a watch one, or its letters.
 * @nask: watches that are to be asked, and on @check or, without a ring, @ready.
 * @nfired: watches on @fired.
 * @asking: watches that are being asked just now, in a task: on no list.
 * @turns: turns of transfers, ever.
 * @sleepers: struct kev_sleeper that wait for any event, by arrival.
 * @patients: those that wait for more than one, by arrival.
 * @patient: the same, by the index that they wait for.
 * @slept: the last sleeper's number.
 * @policy: KEVENT_WAKE_*.
 * @first_index: where the ring began.
 * @inited: INIT was done.
 * @list_is_next: GET_EVENTS has had entries: what is to be asked has its turn.
 * @overflowed: events that had to wait for a slot.
 * @waits: calls that slept.
 * @immediate: calls that had what they wanted at once.
 * @time_offset: from CLOCK_MONOTONIC to that of who opened the queue, ns.
 * @mutex: see "WHO OWNS WHAT".
 * @watches: by cookie.
 * @numbers: those named by a number.
 * @dead: a batch of watches to be freed, and
 * @ndead: how many they are.
 * @generation: watches ever added: the high half of cookies.
 * @nwatches: how many there are.
 * @transfers: sendfiles ever made: their ids.
 * @keeper: whose end ends transfers to UNIX sockets; NULL: nobody's.  See
 *	source/aio_move.c.
 * @alarms: of its timers; made with the first.
 * @account: the user's who opened it.
 * @refs: the open file, and closes of watched files under way.
 * @pollers: who polls the queue's fd.
 * @wake_pollers: wakes them.
 * @rcu: to be freed.
 */
struct kev_queue {
	raw_spinlock_t lock;
	u32 attention;
	struct kev_ring ring;
	u64 merged;

	struct list_head ready;
	struct list_head level;
	struct list_head check;
	struct list_head turned;
	struct list_head fired;
	u32 nready;
	u32 nask;
	u32 nfired;
	u32 asking;
	u32 turns;

	struct list_head sleepers;
	struct list_head patients;
	struct rb_root_cached patient;
	u64 slept;
	u32 policy;
	u32 first_index;
	bool inited;
	bool list_is_next;

	u64 overflowed;
	u64 waits;
	u64 immediate;
	s64 time_offset;

	struct mutex mutex;	/* see @mutex */
	struct kev_table watches;
	struct rb_root numbers;
	struct kev_watch *dead;
	u32 ndead;
	u32 generation;
	u64 nwatches;
	atomic64_t transfers;
	fl_owner_t keeper;
	struct kev_alarms *alarms;
	struct kev_user *account;
	refcount_t refs;

	wait_queue_head_t pollers;
	struct irq_work wake_pollers;
	struct rcu_head rcu;
};

static inline bool kev_has_ring(const struct kev_queue *q)
{
	return !(q->attention & KEV_Q_NO_RING);
}

/* The list of watches that a task has to ask. */
static inline struct list_head *kev_ask_list(struct kev_queue *q)
{
	return kev_has_ring(q) ? &q->check : &q->ready;
}

#endif /* KEV_H */
