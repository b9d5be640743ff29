// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a watch: making, asking, and every way it ends.  Rules are in
 * kev.h.
 */
#include <linux/slab.h>

#include "compat/file.h"
#include "delay.h"
#include "lookup.h"
#include "queue.h"
#include "quota.h"
#include "ready.h"
#include "record.h"
#include "source.h"
#include "trace.h"
#include "watch.h"

static struct kmem_cache *kev_caches[KEVENT_TYPE_MAX];

/* ---- The beginning ----------------------------------------------------- */

struct kev_watch *kev_watch_alloc(struct kev_queue *q,
				  const struct kev_source_ops *ops,
				  struct file *file, const struct ukevent *uk)
{
	struct kev_watch *w;

	if (!kev_user_charge(q->account))
		return ERR_PTR(-ENOSPC);
	w = kmem_cache_zalloc(kev_caches[uk->type], GFP_KERNEL_ACCOUNT);
	if (unlikely(!w)) {
		kev_user_uncharge(q->account);
		return ERR_PTR(-ENOMEM);
	}
	w->queue = q;
	w->file = file;
	w->ev.id = uk->id;
	w->ev.type = uk->type;
	w->state = file ? KEV_W_ADDING : KEV_W_ADDING | KEV_W_NUMBER;
	if (unlikely(ops->per_process)) {
		w->state |= KEV_W_OWNED;
		container_of(w, struct kev_owned, watch)->owner =
			kev_owner_current();
	}
	kev_watch_take(w, ops, uk);
	if (ops->prepare)
		ops->prepare(w, file);
	return w;
}

/* ---- The end ----------------------------------------------------------- */

/* Dead watches are freed by the batch: a callback each costs as much again. */
#define KEV_DEAD_BATCH	32

/*
 * One call for those of a type that follow each other.  ptr is the next of the batch:
 * nobody reads the event of a dead watch.
 */
static void kev_watch_free_rcu(struct rcu_head *rcu)
{
	struct kev_watch *w = container_of(rcu, struct kev_watch, rcu);
	void *batch[KEV_DEAD_BATCH];
	unsigned int n;
	u32 type;

	while (w) {
		type = w->ev.type;
		for (n = 0; w && w->ev.type == type && n < KEV_DEAD_BATCH; n++) {
			batch[n] = w;
			w = (struct kev_watch *)(unsigned long)w->ev.ptr;
		}
		kmem_cache_free_bulk(kev_caches[type], n, batch);
	}
}

/* Context: queue->mutex held. */
static void kev_flush_dead(struct kev_queue *q)
{
	if (q->dead)
		call_rcu(&q->dead->rcu, kev_watch_free_rcu);
	q->dead = NULL;
	q->ndead = 0;
}

/* Dead, detached, out of the tables, not pinned.  queue->mutex held. */
static void kev_watch_free(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	w->ev.ptr = (unsigned long)q->dead;
	q->dead = w;
	if (++q->ndead == KEV_DEAD_BATCH)
		kev_flush_dead(q);
}

/* The same for a single one, with no lock or queue->lock held. */
void kev_watch_free_one(struct kev_watch *w)
{
	w->ev.ptr = 0;
	call_rcu(&w->rcu, kev_watch_free_rcu);
}

/* Dead and taken down: frees it, or leaves that to the last unpin. */
void kev_watch_bury(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	bool pinned;

	raw_spin_lock_irq(&q->lock);
	w->state |= KEV_W_GONE;
	pinned = w->pins;
	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(BURIED);
	if (!pinned)
		kev_watch_free_one(w);
}

/*
 * What is left to do for a watch that has just become DEAD.  state and pinned
 * are as they were then.  Context: queue->mutex held.
 */
static __always_inline void kev_watch_take_down(struct kev_watch *w, u16 state, bool pinned)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->mutex);
	trace_kevent_remove(w);
	/*
	 * In this order: while it is in the table, who closes the file waits for
	 * the mutex, and the file's queues are there.  An adder has a reference.
	 */
	if (!(state & (KEV_W_UNHOOKED | KEV_W_ADDING)))
		kev_source_of(w)->detach(w);
	if (!(state & KEV_W_UNTABLED))
		kev_lookup_del(w);
	kev_table_del(&q->watches, (u32)w->ev.cookie);
	q->nwatches--;
	kev_user_uncharge(q->account);
	KEV_DELAY(TAKEN_OUT);
	if (state & KEV_W_ADDING)
		return;		/* its adder does the rest */

	/* a dead one gets no new pin */
	if (likely(!pinned))
		kev_watch_free(w);
	else
		kev_watch_bury(w);
}

/**
 * kev_watch_kill() - end a watch
 * @w: a watch that is in the tables.
 *
 * Afterwards no event comes, and what was outstanding is marked in the ring.
 * Context: queue->mutex held.  Returns KEVENT_RET_CANCELLED if something was that
 * nobody had claimed.
 */
u32 kev_watch_kill(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	struct kev_taken taken = {};
	bool pinned;
	u16 state;

	lockdep_assert_held(&q->mutex);
	raw_spin_lock_irq(&q->lock);
	state = w->state;
	pinned = w->pins;
	w->state |= KEV_W_DEAD;
	kev_disarm(w, &taken);
	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(KILL_DEAD);
	kev_watch_take_down(w, state, pinned);
	return taken.ret;
}

/*
 * Unhooks a watch that is over, or about to get its last event.  It stays in the
 * queue until that was taken.  Context: queue->mutex held.
 */
void kev_watch_retire(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	lockdep_assert_held(&q->mutex);
	kev_source_of(w)->detach(w);
	KEV_DELAY(RETIRED);
	raw_spin_lock_irq(&q->lock);
	w->state |= KEV_W_UNHOOKED;
	raw_spin_unlock_irq(&q->lock);
}

/* One more event of a watch that gets no others: out of the table, unhooked. */
static void kev_watch_last(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;

	KEV_DELAY(CLOSE_UNTABLED);
	kev_watch_retire(w);
	kev_lookup_del(w);
	raw_spin_lock_irq(&q->lock);
	if (!(w->state & KEV_W_NUMBER))
		w->file = NULL;
	kev_ready_last(w, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	raw_spin_unlock_irq(&q->lock);
}

/*
 * The file is in its final release, the timer deleted, or the process has ended.
 * With CLOSED there is one more event.
 */
void kev_watch_close(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	struct kev_taken taken = {};
	struct kev_watch *before;
	bool last;

	lockdep_assert_held(&q->mutex);
	/* of a file, the caller finds all; of a number, it knows the one */
	while ((before = kev_find_before(w))) {
		kev_watch_kill(before);
		cond_resched();
	}
	raw_spin_lock_irq(&q->lock);
	last = (w->ev.req_flags & KEVENT_REQ_CLOSED) && !(w->state & KEV_W_FIRED);
	if (last) {
		w->state |= KEV_W_UNTABLED | KEV_W_DISARMED;
		kev_disarm(w, &taken);
	}
	raw_spin_unlock_irq(&q->lock);
	if (last)
		kev_watch_last(w);
	else
		kev_watch_kill(w);
}

/*
 * Ends all watches of a file, from the close hook.  The file has no references
 * left, so none is added meanwhile.  A step for each, whatever queues they are in.
 */
void kev_file_closed(struct file *file)
{
	bool again, more = true;
	struct kev_queue *q;
	struct kev_watch *w;

	while (more && ((q = kev_file_queue(file, &again)) || again)) {
		if (!q) {
			/* it is just being released, and its watches with it */
			schedule_timeout_uninterruptible(1);
			continue;
		}
		KEV_DELAY(CLOSE_NEXT);
		mutex_lock(&q->mutex);
		while (more && (w = kev_file_first(q, file))) {
			more = kev_may_have_before(w);
			kev_watch_close(w);
		}
		mutex_unlock(&q->mutex);
		kev_queue_put(q);
		cond_resched();
	}
}

/* The queue is released: no call can be under way in it. */
void kev_watch_remove_all(struct kev_queue *q)
{
	struct kev_watch *w;
	u32 i;

	/*
	 * Closes of files may go on meanwhile, but nothing is added.  The newest
	 * first: of those of one file, that is the first in the table's list.
	 */
	for (i = q->watches.used; i-- > 0;) {
		KEV_DELAY(RELEASE_NEXT);
		mutex_lock(&q->mutex);
		w = kev_table_get(&q->watches, i);
		if (w)
			kev_watch_kill(w);
		mutex_unlock(&q->mutex);
		cond_resched();
	}
	mutex_lock(&q->mutex);
	kev_flush_dead(q);
	mutex_unlock(&q->mutex);
}

/* A fired one-shot whose entry was freed is no longer there. */
bool kev_watch_spent(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	struct kev_view v;

	lockdep_assert_held(&q->lock);
	if (w->on != KEV_ON_FIRED)
		return false;
	if (!kev_has_ring(q))
		return true;
	v = kev_ring_look(&q->ring);
	return kev_ring_freed(&q->ring, &v, w, w->index);
}

/* See kev_watch_reap().  The list is in order. */
void kev_watch_reap_some(struct kev_queue *q, unsigned int max)
{
	struct kev_watch *w;
	bool pinned;
	u16 state;

	mutex_lock(&q->mutex);
	while (max--) {
		raw_spin_lock_irq(&q->lock);
		w = list_first_entry_or_null(&q->fired, struct kev_watch, link);
		if (!w || !kev_watch_spent(w)) {
			raw_spin_unlock_irq(&q->lock);
			break;
		}
		state = w->state;
		pinned = w->pins;
		w->state |= KEV_W_DEAD;
		kev_unlist(w);
		while (unlikely(kev_ring_forget(&q->ring, w, &w->index)))
			kev_breathe(q);
		raw_spin_unlock_irq(&q->lock);
		KEV_DELAY(REAP_DEAD);
		kev_watch_take_down(w, state, pinned);
		cond_resched();
		if (max % KEV_STEPS_MAX)
			continue;
		/* who closes a file of another user's may wait for it */
		mutex_unlock(&q->mutex);
		mutex_lock(&q->mutex);
	}
	mutex_unlock(&q->mutex);
}

/* ---- Asking ------------------------------------------------------------ */

/*
 * Keeps a watch and its file while a task asks, with the lock dropped.  False:
 * the file is in its final release, which will end the watch; or pins can't count
 * one more, and the watch was listed to be asked later.
 */
bool kev_watch_pin(struct kev_watch *w, struct file **file)
{
	lockdep_assert_held(&w->queue->lock);
	if (unlikely(w->pins == U16_MAX)) {
		kev_enlist_ask(w);
		return false;
	}
	*file = kev_watch_file(w);
	if (*file && !kev_file_get_not_zero(*file))
		return false;
	w->pins++;
	return true;
}

/* True: the watch lives. */
bool kev_watch_unpin(struct kev_watch *w)
{
	lockdep_assert_held(&w->queue->lock);
	w->pins--;
	if (likely(!(w->state & KEV_W_DEAD)))
		return true;
	if (!w->pins && (w->state & KEV_W_GONE))
		kev_watch_free_one(w);
	return false;
}

/*
 * Asks in a task: the lock is dropped meanwhile.  v, what it returns, and context: as
 * kev_watch_ask().
 */
bool kev_watch_ask_task(struct kev_watch *w, struct kev_values *v)
	__must_hold(&w->queue->lock)
{
	struct kev_queue *q = w->queue;
	u32 event = w->ev.event;
	u16 terms = w->terms;
	struct file *file;

	if (!kev_watch_pin(w, &file))
		return false;
	/* not for turns: one may take long, and reports when it is over */
	q->asking += !!file;
	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(PINNED);
	if (likely(file)) {
		kev_source_of(w)->ask(file, event, v);
		KEV_DELAY(ASKED);
		kev_file_put(file);
	} else {
		kev_source_of(w)->move(w, v);
	}
	raw_spin_lock_irq(&q->lock);
	q->turns += !file;
	q->asking -= !!file;
	/* if the terms are new, who set them has asked */
	return kev_watch_unpin(w) && w->terms == terms;
}

/**
 * kev_watch_ask() - ask whether a watch is ready
 * @w: a watch on no list, of a source that can be asked.
 * @v: out: all zero, then the answer.
 *
 * Context: process, queue->lock held; it is dropped meanwhile if the file can't be
 * asked under it.  False: the watch has ended, or its terms have changed: the answer
 * must not be used.
 */
bool kev_watch_ask(struct kev_watch *w, struct kev_values *v)
{
	return likely(kev_watch_look(w, v)) || kev_watch_ask_task(w, v);
}

/* ---- READ -------------------------------------------------------------- */

/**
 * kev_watch_records() - the buffer of a watch's records
 * @q: the queue.
 * @cookie: the watch's.
 *
 * Context: process, no locks.  Returns it, referenced, or an ERR_PTR: ENOENT,
 * EINVAL where the type has none.
 */
struct kev_records *kev_watch_records(struct kev_queue *q, u64 cookie)
{
	struct kev_records *r = ERR_PTR(-ENOENT);
	struct kev_watch *w;

	mutex_lock(&q->mutex);
	w = kev_find_cookie(q, cookie);
	/* one that is unhooked has given them back */
	if (w && !kev_source_of(w)->records)
		r = ERR_PTR(-EINVAL);
	else if (w && !(w->state & KEV_W_UNHOOKED))
		r = kev_source_of(w)->records(w) ?: r;
	if (!IS_ERR(r))
		kev_records_get(r);
	mutex_unlock(&q->mutex);
	return r;
}

/* ---- Load and unload --------------------------------------------------- */

static void kev_destroy_caches(void)
{
	u32 type;

	for (type = 0; type < KEVENT_TYPE_MAX; type++)
		kmem_cache_destroy(kev_caches[type]);
}

int kev_watch_init(void)
{
	const struct kev_source_ops *ops;
	u32 type;

	for (type = 0; type < KEVENT_TYPE_MAX; type++) {
		ops = kev_source_find(type);
		if (!ops)
			continue;
		kev_caches[type] = kmem_cache_create(ops->name, ops->size, 0,
						     SLAB_ACCOUNT, NULL);
		if (!kev_caches[type])
			goto err_destroy;
	}
	if (!kev_lookup_init())
		return 0;
err_destroy:
	kev_destroy_caches();
	return -ENOMEM;
}

/* No queue is left. */
void kev_watch_exit(void)
{
	rcu_barrier();		/* kev_watch_free_rcu() */
	kev_lookup_exit();
	kev_destroy_caches();
}
