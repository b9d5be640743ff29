/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kevent: core types, and the one place where its rules are written down.
 *
 * OVERVIEW
 *
 * A queue (struct kev_queue) is one open /dev/kevent.  A watch (struct
 * kev_watch) is one registration in it.  A source (struct kev_source_ops)
 * knows one kind of event: it hooks whatever tells of it (a wait queue, an
 * hrtimer) and calls kev_ready*() from there, in any context.  ready.c decides
 * what becomes of the event, and post.c does it: merged into the watch's
 * unclaimed entry, posted into the ring, put on the ready list because the ring
 * is full, or left to be asked in a task.  wait.c does in the program's calls
 * what a wake-up can't: asking files, handing over from the ready list, sleeping.
 *
 *	event -> source -> hook -> ready -> post -> ring, notify
 *	call  -> main -> ctl -> change -> request -> watch -> source -> hook
 *
 * LOCK ORDER (outer first)
 *
 *	queue->mutex			sleeping
 *	  fsnotify's group lock		sleeping (hook/fsnotify.c)
 *	  file's wait-queue head lock, hrtimer, marks->lock, siglock, a POSIX
 *	  timer's it_lock, transfer's lock (aio.h)	the source's lock
 *	    queue->lock			raw spinlock, irqs off
 *	      records->lock		raw spinlock, a record at a time
 *	      scheduler's locks		wake_up_process()
 *
 * Tables of sources, under which no lock of ours is taken: kev_process_lock
 * (source/signal.c), kev_ptimers_lock (source/posix_timer.c), kev_aio_lines_lock
 * (aio_engine.c).
 *
 * There is no lock of a watch: every post needs the ring's lock anyway, and one
 * lock for the two saves a sixth of the post path.  Under queue->lock: no
 * allocation, no ->poll, no table, no wait-queue head lock, no user memory.
 * No loop under it, or under another lock with irqs off, is as long as a
 * program makes it: after some 64 steps kev_breathe() lets go, or the caller
 * comes back for the rest.  So REMOVE, MODIFY and close take back a watch's
 * entries in pieces, the newest first; in between the watch is as it would be
 * with the older ones alone, but for DEAD.  Threads that sleep in one queue are
 * each looked at once for an event that is let in, and the lock is let go of
 * before the next; watches of one file (KEV_FILE_WATCHES_MAX) once.
 * Under queue->mutex: no ->poll, no user memory, no allocation that reclaims
 * (a close in the reclaiming task may need the mutex).  ->poll of a watched
 * file is called with no lock of ours, but from the wake-up itself where that
 * is known to be safe (hook/waitqueue.c).
 *
 * WHO OWNS WHAT
 *
 *	queue->mutex: which watches a queue has: membership in kev_files and
 *	    queue->watches; attaching and detaching hooks; dead.
 *	queue->lock: watch->state, on, link, ev, index, pins; the ring and its
 *	    slots; the lists ready, level, check, fired; sleepers; attention;
 *	    counters.
 *	RCU: lookup in kev_files by the close hook; a watch's memory after it
 *	    left the tables, and its queue's, whose reference is taken there.
 *	kev_users_lock: the users' accounts and their references.  Counts in
 *	    them: atomic; what a timer's report costs: unlocked, approximate.
 *	kev_pace_end: each CPU's own; a timer's callback stays on its CPU.
 *	records->lock: what a watch's records hold, and lost (record.h).
 *	linger->lock: arming and disarming a set of probes (hook/linger.h).
 *	    Sleeping, outside all others; no other of ours is held.
 *	Set before publication, never changed: watch->queue, ev.id, type,
 *	    cookie; key but for a closed file; of the state KEV_W_KIND;
 *	    of the flags KEV_REQ_FIXED.  At load: kev_key_secret.
 *	User page (seen, head): the program's.  Each is read once per decision
 *	    and believed only as far as it hurts its owner alone.
 *
 * STATES OF A WATCH (watch->state)
 *
 *	ADDING		being hooked by ADD, outside the mutex; ADD holds a file
 *			reference
 *	(none)		armed
 *	DISARMED	ONESHOT or DISPATCH has had its event; wake-ups pass by
 *	FIRED		with DISARMED: will be reaped when its slot is free
 *	UNTABLED	file closed, last event outstanding
 *	DEAD		removed; nobody posts for it again.  Set under the lock
 *			by the one who then takes it down
 *
 * WAYS A WATCH ENDS: REMOVE; last close of its file (hook/close.c), deletion of
 * its POSIX timer (hook/posix_timer.c), or, for signals, the end of the process
 * (source/signal.c); release of the queue; reaping of a fired one-shot; failure
 * of ADD.  All go through kev_watch_take_down() (mutex held),
 * after a last event by way of UNTABLED: DEAD and cancel under the lock (which is
 * let go of between pieces, if there are many entries), detach (no callback
 * afterwards), out of the tables, free after RCU.  Only then out of the tables:
 * who ends a watch may have no reference, and a close that no longer finds it
 * does not wait for the mutex, but frees what it was hooked to.  Who holds a pin
 * (is asking the file, or copying an event out, lock dropped) frees instead, and
 * an ADDING watch is detached by its adder: who asks or adds holds a file
 * reference, so a close can't be waiting for them.  Close against the others: the
 * close hook takes the mutex of each queue that watches the file, and the file is
 * freed only after it.
 *
 * A FILE'S LIFE.  No watch holds a reference.  ADD inserts the watch into
 * kev_files before it gives back its own reference; the hook in the final
 * release looks there.  So until the hook has run for it, the file of a watch
 * that is in the table is not freed; and a watch that is neither DEAD nor UNTABLED
 * under queue->lock is one whose hook has not passed: under that lock its file may
 * be tried with increment-unless-zero.
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
 *	overflow: kev_wait_for_slot() sets the flag, full fence, looks at head.
 *	    Partner: the consumer's fence between storing head and the flag.
 *	done ranges: kev_remember_done() notes and sets the flag, full fence;
 *	    whoever called it looks at head again.  Partner: the consumer's
 *	    fence between storing head and the flag.
 *	sleep: announcing a sleeper and looking for events are both under
 *	    queue->lock, like posting and looking for sleepers: no fence.
 *
 * Without them the model (tests/model/table) fails by these names:
 *
 *	tail		TAIL_RELAXED, TAIL_NO_ACQUIRE
 *	head		HEAD_RELAXED; order of seen and head: none needed
 *	merge		NO_FENCE_MERGE, NO_LOOK_MERGE; NO_FENCE_CLAIM
 *	cancel		NO_FENCE_CANCEL, LOOK_BEFORE_MARK; NO_FENCE_CLAIM
 *	overflow	NO_FENCE_OVERFLOW, NO_LOOK_OVERFLOW; NO_FENCE_FREE
 *	done ranges	NO_FENCE_DONE, NO_ADVANCE_COMMIT and _GET; NO_FENCE_FREE
 *	sleep		CHECK_WITHOUT_LOCK, NO_PASS_ON
 */
#ifndef KEV_H
#define KEV_H

#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <linux/kevent.h>

#include "ring.h"
#include "table.h"

struct kev_aio_engine;
struct kev_source_ops;
struct kev_user;
struct seq_file;

/* Most entries of one batch: bounds one call's work. */
#define KEV_BATCH_MAX		65536u

/* struct kev_watch.state; 0: armed, and an edge-triggered event just posts */
#define KEV_W_ADDING		0x01
#define KEV_W_DISARMED		0x02
#define KEV_W_FIRED		0x04
#define KEV_W_UNTABLED		0x08
#define KEV_W_DEAD		0x10
#define KEV_W_RECHECK		0x20	/* on the ready list, and to be asked */
#define KEV_W_LEVEL		0x40	/* to be asked again once claimed */
#define KEV_W_GONE		0x80	/* taken down; freed by the last pin */
#define KEV_W_LONG		0x100	/* KEV_REQ_LONG: not the short way */
#define KEV_W_ASK_HERE		0x200	/* may be asked in the wake-up */
#define KEV_W_ASK_TCP		0x400	/* the same, while it is plain TCP */
#define KEV_W_EACH		0x800	/* never merges: a struct kev_mailbox */
#define KEV_W_APART		0x1000	/* the unclaimed entry is of older terms */
#define KEV_W_TAKEN		0x2000	/* no ring: an event is being copied out */

/* What a watch is: set before it is in a table, never changed. */
#define KEV_W_KIND		(KEV_W_ASK_HERE | KEV_W_ASK_TCP | KEV_W_EACH)

/* States that the short way of kev_ready() does not know. */
#define KEV_W_NOT_SHORT		(KEV_W_ADDING | KEV_W_DISARMED | KEV_W_FIRED | \
				 KEV_W_UNTABLED | KEV_W_DEAD | \
				 KEV_W_RECHECK | KEV_W_LEVEL | KEV_W_GONE | \
				 KEV_W_LONG | KEV_W_EACH | KEV_W_APART)

/* struct kev_watch.on: the list that link is on */
enum kev_list {
	KEV_ON_NONE,
	KEV_ON_READY,	/* overflow: has pending bits, waits for a slot */
	KEV_ON_LEVEL,	/* posted, to be asked again once claimed */
	KEV_ON_CHECK,	/* to be asked in a task */
	KEV_ON_FIRED,	/* one-shot, waits for its slot to be freed */
};

/**
 * struct kev_watch - one registration
 * @queue: its queue.
 * @key: address of the file, or kev_key_of() for sources without one.
 * @node: in kev_files.
 * @ev: the event as it would be posted now: id, type, cookie, what was asked
 *	for, the newest levels and totals.  While it waits on the ready list,
 *	ret_data[0], merged and time are those of the waiting event; else 0.
 * @state: KEV_W_*.
 * @on: enum kev_list.
 * @pins: tasks that are asking the file, or copying an event out.
 * @index: of its newest entry, if that slot's owner is this watch.
 * @link: on one of the lists of enum kev_list.
 * @rcu: when dead.
 *
 * A source's own part follows: struct kev_poll, struct kev_timer.
 */
struct kev_watch {
	struct kev_queue *queue;
	unsigned long key;
	struct rhlist_head node;
	struct ukevent ev;
	u16 state;
	u16 on;
	u32 pins;
	u32 index;
	union {
		struct list_head link;
		struct rcu_head rcu;
	};
};

/**
 * struct kev_letter - an event that waits for a slot and can't be merged
 * @ptr: its payload.
 * @time: when it came, if that was asked for; else 0.
 * @bits: for ret_data[0].
 * @total: for ret_data[1].
 */
struct kev_letter {
	u64 ptr;
	u64 time;
	u32 bits;
	u32 total;
};

/**
 * struct kev_mailbox - a watch of which each event takes an entry of its own
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
/* What even the next longer way does not know. */
#define KEV_Q_NOT_NEXT		(KEV_Q_READY | KEV_Q_NO_RING | KEV_Q_NO_SEEN)

/**
 * struct kev_queue - one open /dev/kevent
 * @lock: see "WHO OWNS WHAT".
 * @attention: KEV_Q_*.
 * @ring: what is in shared memory.
 * @posted_list: events that went to the ready list for want of a ring.
 * @merged: events that went into an entry that was there.
 * @ready: watches with an event that waits for a slot, in order.
 * @level: watches to be asked again once their entry was claimed, in order.
 * @check: watches to be asked in a task.
 * @fired: one-shots to be taken down once their slot is free, in order.
 * @nready: events that wait: of a watch one, or its letters.
 * @ntodo: watches on @check and @fired.
 * @sleepers: struct kev_sleeper, who may be woken.
 * @policy: KEVENT_WAKE_*.
 * @first_index: where the ring began.
 * @inited: INIT was done.
 * @overflowed: events that found the ring full.
 * @waits: calls that slept.
 * @immediate: calls that had what they wanted at once.
 * @mutex: see "WHO OWNS WHAT".
 * @watches: by number.
 * @dead: a batch of watches to be freed, and
 * @ndead: how many they are.
 * @generation: watches ever added: the high half of cookies.
 * @nwatches: how many there are.
 * @transfers: sendfiles ever made: their ids.
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
	u64 posted_list;
	u64 merged;

	struct list_head ready;
	struct list_head level;
	struct list_head check;
	struct list_head fired;
	u32 nready;
	u32 ntodo;

	struct list_head sleepers;
	u32 policy;
	u32 first_index;
	bool inited;

	u64 overflowed;
	u64 waits;
	u64 immediate;

	struct mutex mutex;	/* see @mutex */
	struct kev_table watches;
	struct kev_watch *dead;
	u32 ndead;
	u32 generation;
	u64 nwatches;
	atomic64_t transfers;
	struct kev_user *account;
	refcount_t refs;

	wait_queue_head_t pollers;
	struct irq_work wake_pollers;
	struct rcu_head rcu;
};

/* The file of a watch, NULL for a source without one. */
static inline struct file *kev_watch_file(const struct kev_watch *w)
{
	return w->key & 1 ? NULL : (struct file *)w->key;
}

/* Bits of KEV_W_KIND.  Any context, no lock. */
static inline u16 kev_watch_kind(const struct kev_watch *w)
{
	/* the other bits of the word change under queue->lock, these do not */
	return data_race(w->state & KEV_W_KIND);
}

/*
 * Does somebody poll the queue's fd?  Under queue->lock.  Who comes just now
 * looks for events under that lock, after it is on the list: kev_poll().
 */
static inline bool kev_has_pollers(const struct kev_queue *q)
{
	/* see above */
	return waitqueue_active((wait_queue_head_t *)&q->pollers);
}

/* Is the first level watch to be asked again: was its entry claimed? */
static inline bool kev_level_due(struct kev_queue *q, const struct kev_view *v)
{
	struct kev_watch *w;

	if (list_empty(&q->level))
		return false;
	w = list_first_entry(&q->level, struct kev_watch, link);
	return !kev_ring_unclaimed(&q->ring, v, w, w->index);
}

/* main.c */
extern const struct file_operations kev_fops;
extern unsigned int kev_ring_max;

/* queue.c */
struct kev_queue *kev_queue_alloc(void);
void kev_queue_release(struct kev_queue *q);
void kev_queue_put(struct kev_queue *q);
int kev_queue_make(struct kev_queue *q, struct kevent_ioc_init *init,
		   struct kev_ring *ring);
int kev_queue_begin(struct kev_queue *q, const struct kevent_ioc_init *init,
		    const struct kev_ring *ring);
void kev_queue_show(struct kev_queue *q, struct seq_file *m);

/* quota.c */
struct kev_user *kev_user_get(kuid_t uid);
void kev_user_put(struct kev_user *u);
bool kev_user_charge(struct kev_user *u);
void kev_user_uncharge(struct kev_user *u);
bool kev_user_charge_bytes(struct kev_user *u, size_t n);
void kev_user_uncharge_bytes(struct kev_user *u, size_t n);
u64 kev_user_watches(const struct kev_user *u);
u64 kev_user_limit(void);
u32 kev_user_add_timers(struct kev_user *u, int n);
u64 kev_user_timer_cost(struct kev_user *u, u64 ns);
struct kev_aio_engine *kev_user_aio(struct kev_user *u);
void kev_quota_init(void);

/* ctl.c */
long kev_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
ssize_t kev_read(struct file *file, char __user *buf, size_t len, loff_t *pos);

/* lookup.c */
bool kev_file_is_watched(struct file *file);
struct kev_queue *kev_file_queue(struct file *file, bool *again);
struct kev_watch *kev_file_watch(struct kev_queue *q, struct file *file);
int kev_lookup_init(void);
void kev_lookup_exit(void);

/* watch.c */
struct kev_watch *kev_watch_alloc(struct kev_queue *q,
				  const struct kev_source_ops *ops,
				  struct file *file, const struct ukevent *uk);
void kev_watch_set(struct kev_watch *w, const struct ukevent *uk);
u32 kev_watch_kill(struct kev_watch *w);
void kev_watch_close(struct kev_watch *w);
void kev_watch_bury(struct kev_watch *w);
void kev_watch_free_one(struct kev_watch *w);
bool kev_watch_pin(struct kev_watch *w, struct file **file);
bool kev_watch_unpin(struct kev_watch *w);
bool kev_watch_ask(struct kev_watch *w, unsigned int how);
bool kev_watch_spent(struct kev_watch *w);
void kev_watch_reap_some(struct kev_queue *q, unsigned int max);
void kev_watch_remove_all(struct kev_queue *q);
int kev_watch_init(void);
void kev_watch_exit(void);

/* closed.c */
void kev_file_closed(struct file *file);

/* source/aio.c */
int kev_aio_sendfile(struct kev_queue *q, struct kevent_ioc_sendfile *sf,
		     struct file **file);

/* One-shots reaped by one ADD: more than it can make. */
#define KEV_REAP_ADD	2

/* Takes down fired one-shots whose entry was freed. */
static inline void kev_watch_reap(struct kev_queue *q, unsigned int max)
{
	if (unlikely(!list_empty_careful(&q->fired)))
		kev_watch_reap_some(q, max);
}

/* request.c */
int kev_watch_make(struct kev_queue *q, const struct kev_source_ops *ops,
		   struct file *file, struct ukevent *uk);
int kev_watch_add(struct kev_queue *q, struct file *self, struct ukevent *uk);
int kev_watch_remove(struct kev_queue *q, struct ukevent *uk);
int kev_watch_modify(struct kev_queue *q, struct ukevent *uk);
int kev_watch_fire(struct kev_queue *q, struct ukevent *uk);

/* post.c */
void kev_post_again(struct kev_queue *q, u32 index);
struct kev_watch *kev_take(struct kev_queue *q, struct ukevent *e);
void kev_untake(struct kev_watch *w, const struct ukevent *e);
void kev_breathe(struct kev_queue *q);
u32 kev_disarm(struct kev_watch *w);
void kev_disown(struct kev_watch *w);
bool kev_handover(struct kev_queue *q, unsigned int max);
void kev_unlist(struct kev_watch *w);

/* ready.c */
bool kev_ready_values(struct kev_watch *w, u32 bits, u32 ret_flags, u32 data,
		      u32 data2, int sync);
bool kev_ready_count(struct kev_watch *w, u32 bits, u32 n);
bool kev_ready_count_with(struct kev_watch *w, u32 bits, u32 n, u32 once);
bool kev_ready_locked(struct kev_watch *w, u32 bits, int sync,
		      unsigned int how);
void kev_ready_answer(struct kev_watch *w, u32 bits, u32 ret_flags, u32 data,
		      u32 data2, unsigned int how);
void kev_ready_delivered(struct kev_watch *w);
void kev_not_ready(struct kev_watch *w);
int kev_ready_each(struct kev_watch *w, u32 bits, u64 ptr);
void kev_ready_last(struct kev_watch *w, u32 ret_flags);
bool kev_need_check(struct kev_watch *w);

/* wait.c */
/**
 * struct kev_deadline - when and how a wait ends without an event
 * @expires: on @clock, absolute.
 * @clock: CLOCK_MONOTONIC, _REALTIME or _BOOTTIME.
 * @limited: there is a limit at all.
 * @nonblock: do not sleep.
 * @mask: signal mask while sleeping, or NULL.
 */
struct kev_deadline {
	ktime_t expires;
	clockid_t clock;
	bool limited;
	bool nonblock;
	sigset_t *mask;
};

int kev_wait(struct kev_queue *q, const struct kev_deadline *d, u32 min,
	     bool counts, u32 last);
int kev_get_events(struct kev_queue *q, const struct kev_deadline *d,
		   struct ukevent __user *buf, u32 min, u32 max);
int kev_wait_now(struct kev_queue *q, u32 min, bool counts, u32 last);
int kev_wait_one(struct kev_queue *q, bool nonblock);
void kev_service(struct kev_queue *q, bool taker);
int kev_free_range(struct kev_queue *q, u32 from, u32 to, u32 *freed);

/* notify.c */
/**
 * struct kev_sleeper - a task in WAIT or GET_EVENTS
 * @link: on queue->sleepers while it may be chosen.
 * @wait: names the task, for default_wake_function().
 * @min: how many it waits for.
 * @since: index from which @min counts, if @counts.
 * @counts: else it waits for unclaimed events.
 * @chosen: taken off the list and woken.
 * @kicked: by WAKE: return whatever is there.
 * @cpu: where it went to sleep.
 *
 * All under queue->lock; lives on the task's stack.
 */
struct kev_sleeper {
	struct list_head link;
	wait_queue_entry_t wait;
	u32 min;
	u32 since;
	bool counts;
	bool chosen;
	bool kicked;
	int cpu;
};

#define KEV_NOTIFY_ALL	0x1	/* every sleeper, not one */
#define KEV_NOTIFY_ANY	0x2	/* whatever its minimum: work in a task */
#define KEV_NOTIFY_OUTER 0x4	/* outer pollers only: the caller takes it */

bool kev_notify(struct kev_queue *q, unsigned int how, int sync);
unsigned int kev_notify_kick(struct kev_queue *q, unsigned int num);
void kev_sleeper_add(struct kev_queue *q, struct kev_sleeper *s);
void kev_sleeper_del(struct kev_queue *q, struct kev_sleeper *s);
u32 kev_available(struct kev_queue *q);
bool kev_enough(struct kev_queue *q, const struct kev_sleeper *s);
bool kev_work_due(struct kev_queue *q);
void kev_poll_rearm(struct kev_queue *q);
__poll_t kev_poll(struct file *file, struct poll_table_struct *pt);
void kev_notify_init(struct kev_queue *q);

#endif /* KEV_H */
