// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a watch: making, asking, and every way it ends.  Rules are in
 * kev.h.
 */
#include <linux/slab.h>

#include "compat/file.h"
#include "delay.h"
#include "lookup.h"

static struct kmem_cache *kev_caches[KEVENT_TYPE_MAX];

/* ---- The beginning ----------------------------------------------------- */

/* Takes over what a request asks for.  Fields under queue->lock. */
static __always_inline void kev_watch_take(struct kev_watch *w,
					   const struct kev_source_ops *ops,
					   const struct ukevent *uk)
{
	u32 flags = (uk->req_flags & KEV_REQ_KEPT) | ops->always;

	/* a wake-up looks at both before it takes the lock */
	WRITE_ONCE(w->ev.event, uk->event);
	WRITE_ONCE(w->ev.req_flags, flags);
	w->ev.ptr = uk->ptr;
	w->state &= ~(KEV_W_DISARMED | KEV_W_FIRED | KEV_W_LEVEL | KEV_W_LONG);
	if (flags & KEV_REQ_LONG)
		w->state |= KEV_W_LONG;
	if (flags & KEVENT_REQ_PAYLOAD)
		w->state |= KEV_W_EACH;
	if (ops->ask && !(flags & (KEVENT_REQ_ET | KEVENT_REQ_ONESHOT |
				   KEVENT_REQ_DISPATCH)))
		w->state |= KEV_W_LEVEL;
}

/* New terms.  Context: queue->lock held. */
void kev_watch_set(struct kev_watch *w, const struct ukevent *uk)
{
	lockdep_assert_held(&w->queue->lock);
	kev_watch_take(w, kev_source_of(w), uk);
}

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
	w->key = kev_key_of(ops, q, file, uk);
	w->ev.id = uk->id;
	w->ev.type = uk->type;
	w->state = KEV_W_ADDING;
	kev_watch_take(w, ops, uk);
	if (ops->prepare)
		ops->prepare(w, file);
	return w;
}

/* ---- The end ----------------------------------------------------------- */

/* Dead watches are freed by the batch: a callback each costs as much again. */
#define KEV_DEAD_BATCH	32

/* The next of a batch; nobody reads the event of a dead watch. */
static struct kev_watch *kev_next_dead(const struct kev_watch *w)
{
	return (struct kev_watch *)(unsigned long)w->ev.ptr;
}

/* One call for those of a type that follow each other. */
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
			w = kev_next_dead(w);
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

/* Dead and taken down: frees, or leaves that to who still has a pin. */
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
	/*
	 * In this order: while it is in the table, who closes the file waits for
	 * the mutex, and the file's queues are there.  An adder has a reference.
	 */
	if (!(state & (KEV_W_UNTABLED | KEV_W_ADDING)))
		kev_source_of(w)->detach(w);
	if (!(state & KEV_W_UNTABLED))
		kev_files_remove(w);
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

/* kev_watch_kill() with queue->lock held, which is given back. */
static __always_inline u32 kev_watch_kill_locked(struct kev_watch *w)
	__releases(&w->queue->lock)
{
	struct kev_queue *q = w->queue;
	bool pinned = w->pins;
	u16 state = w->state;
	u32 ret = 0;

	lockdep_assert_held(&q->mutex);
	lockdep_assert_held(&q->lock);
	w->state |= KEV_W_DEAD;
	if (w->on != KEV_ON_NONE || kev_ring_owns(&q->ring, w, w->index))
		ret = kev_disarm(w);
	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(KILL_DEAD);
	kev_watch_take_down(w, state, pinned);
	return ret;
}

/**
 * kev_watch_kill() - end a watch
 * @w: a watch that is in the tables.
 *
 * Afterwards no event comes, and what was outstanding is marked in the ring.
 * Context: queue->mutex held.  Returns what kev_disarm() found.
 */
u32 kev_watch_kill(struct kev_watch *w)
{
	raw_spin_lock_irq(&w->queue->lock);
	return kev_watch_kill_locked(w);
}

/*
 * Takes down a watch that is UNTABLED and has one more event to give: it then
 * waits, without file or hook, until that was taken.
 */
static void kev_watch_last(struct kev_watch *w, u32 ret_flags)
{
	struct kev_queue *q = w->queue;

	KEV_DELAY(CLOSE_UNTABLED);
	kev_source_of(w)->detach(w);
	KEV_DELAY(CLOSE_DETACHED);
	kev_files_remove(w);
	raw_spin_lock_irq(&q->lock);
	w->key = 1;
	kev_ready_last(w, ret_flags);
	raw_spin_unlock_irq(&q->lock);
}

/*
 * The file is in its final release, the timer deleted, or the process has ended.
 * With CLOSED there is one more event.
 */
void kev_watch_close(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	bool last;

	lockdep_assert_held(&q->mutex);
	raw_spin_lock_irq(&q->lock);
	last = (w->ev.req_flags & KEVENT_REQ_CLOSED) && !(w->state & KEV_W_FIRED);
	if (last) {
		w->state |= KEV_W_UNTABLED | KEV_W_DISARMED;
		kev_disarm(w);
	}
	raw_spin_unlock_irq(&q->lock);
	if (last)
		kev_watch_last(w, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	else
		kev_watch_kill(w);
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
	/* without a ring: unless it is being copied, and may come back */
	if (q->attention & KEV_Q_NO_RING)
		return !w->pins;
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
		kev_disown(w);
		raw_spin_unlock_irq(&q->lock);
		KEV_DELAY(REAP_DEAD);
		kev_watch_take_down(w, state, pinned);
	}
	mutex_unlock(&q->mutex);
}

/* ---- Asking ------------------------------------------------------------ */

/*
 * Keeps a watch and its file while a task asks, with the lock dropped.  False:
 * the file is in its final release, which will end the watch.
 */
bool kev_watch_pin(struct kev_watch *w, struct file **file)
{
	lockdep_assert_held(&w->queue->lock);
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

/**
 * kev_watch_ask() - ask in a task whether a watch is ready, and post
 * @w: a watch that has just been taken off the list it was on.
 *
 * @how: KEV_NOTIFY_*.
 *
 * Context: queue->lock held; it is dropped meanwhile.  w may be gone after.
 * Returns true if it was ready.
 */
bool kev_watch_ask(struct kev_watch *w, unsigned int how)
	__must_hold(&w->queue->lock)
{
	struct kev_queue *q = w->queue;
	struct kev_values v = {};
	struct file *file;

	lockdep_assert_held(&q->lock);
	if (!kev_watch_pin(w, &file))
		return false;
	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(PINNED);
	kev_source_of(w)->ask(w, file, &v);
	KEV_DELAY(ASKED);
	if (file)
		kev_file_put(file);
	raw_spin_lock_irq(&q->lock);
	if (!kev_watch_unpin(w))
		return false;
	if (v.bits)
		kev_ready_answer(w, v.bits, v.ret_flags, v.data, v.data2, how);
	else
		kev_not_ready(w);
	return v.bits;
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
