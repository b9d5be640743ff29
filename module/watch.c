// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a watch: ADD, MODIFY, REMOVE, READY, the close of its file, the
 * release of its queue.  Rules are in kev.h.
 */
#include <linux/file.h>
#include <linux/hash.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "compat/file.h"
#include "source.h"

/* One-shots reaped by one ADD: more than it can make. */
#define KEV_REAP_ADD	2

static struct kmem_cache *kev_caches[KEVENT_TYPE_MAX];

/* ---- The table of all watches, by file --------------------------------- */

/* Buckets that are always there: 16 KB. */
#define KEV_FILES_MIN	2048

/* Keys are kernel addresses, unknown to users: a multiplication will do. */
static u32 kev_key_hash(const void *data, u32 len, u32 seed)
{
	return hash_long(*(const unsigned long *)data, 32) ^ seed;
}

static int kev_key_compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct kev_watch *w = obj;

	return w->key != *(const unsigned long *)arg->key;
}

static const struct rhashtable_params kev_files_params = {
	.key_len = sizeof(unsigned long),
	.key_offset = offsetof(struct kev_watch, key),
	.head_offset = offsetof(struct kev_watch, node),
	.hashfn = kev_key_hash,
	.obj_cmpfn = kev_key_compare,
	.min_size = KEV_FILES_MIN,
	.automatic_shrinking = true,
};

static struct rhltable kev_files;

/* Odd: never the address of a file. */
static unsigned long kev_key_of_id(const struct kev_queue *q, u32 type, u64 id)
{
	return ((unsigned long)q ^ (unsigned long)hash_64(id + type, 64)) | 1;
}

/* The close hook's question.  Any context, takes no lock. */
bool kev_file_is_watched(struct file *file)
{
	unsigned long key = (unsigned long)file;
	bool found;

	rcu_read_lock();
	found = rhltable_lookup(&kev_files, &key, kev_files_params);
	rcu_read_unlock();
	return found;
}

static struct kev_watch *kev_find_key(struct kev_queue *q, unsigned long key,
				      u32 type, u64 id)
{
	struct rhlist_head *list, *pos;
	struct kev_watch *w;

	rcu_read_lock();
	list = rhltable_lookup(&kev_files, &key, kev_files_params);
	rhl_for_each_entry_rcu(w, pos, list, node)
		if (w->queue == q && w->ev.type == type && w->ev.id.raw_u64 == id)
			goto found;
	w = NULL;
found:
	rcu_read_unlock();
	return w;
}

static struct kev_watch *kev_find_cookie(struct kev_queue *q, u64 cookie)
{
	struct kev_watch *w = kev_table_get(&q->watches, (u32)cookie);

	return w && w->ev.cookie == cookie ? w : NULL;
}

/* ---- The end ----------------------------------------------------------- */

/* Dead watches are freed by the batch: a callback each costs as much again. */
#define KEV_DEAD_BATCH	32

/* The next of a batch; nobody reads the event of a dead watch. */
static struct kev_watch *kev_next_dead(const struct kev_watch *w)
{
	return (struct kev_watch *)(unsigned long)w->ev.ptr;
}

static void kev_watch_free_rcu(struct rcu_head *rcu)
{
	struct kev_watch *w = container_of(rcu, struct kev_watch, rcu), *next;

	for (; w; w = next) {
		next = kev_next_dead(w);
		kmem_cache_free(kev_caches[w->ev.type], w);
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
static void kev_watch_free_one(struct kev_watch *w)
{
	w->ev.ptr = 0;
	call_rcu(&w->rcu, kev_watch_free_rcu);
}

/* Dead and taken down: frees, or leaves that to who still has a pin. */
static void kev_watch_bury(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	bool pinned;

	raw_spin_lock_irq(&q->lock);
	w->state |= KEV_W_GONE;
	pinned = w->pins;
	raw_spin_unlock_irq(&q->lock);
	if (!pinned)
		kev_watch_free_one(w);
}

static void kev_untable(struct kev_watch *w)
{
	rhltable_remove(&kev_files, &w->node, kev_files_params);
}

/**
 * kev_watch_kill() - end a watch
 * @w: a watch that is in the tables.
 *
 * Afterwards no event comes, and what was outstanding is marked in the ring.
 * Context: queue->mutex held.  Returns what kev_disarm() found.
 */
static u32 kev_watch_kill(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	bool pinned;
	u16 state;
	u32 ret;

	lockdep_assert_held(&q->mutex);
	raw_spin_lock_irq(&q->lock);
	state = w->state;
	pinned = w->pins;
	w->state |= KEV_W_DEAD;
	ret = kev_disarm(w);
	raw_spin_unlock_irq(&q->lock);

	if (!(state & KEV_W_UNTABLED))
		kev_untable(w);
	kev_table_del(&q->watches, (u32)w->ev.cookie);
	q->nwatches--;
	kev_user_uncharge(q->account);
	if (state & KEV_W_ADDING)
		return ret;	/* its adder does the rest */
	if (!(state & KEV_W_UNTABLED))
		kev_source_of(w)->detach(w);

	/* a dead one gets no new pin */
	if (likely(!pinned))
		kev_watch_free(w);
	else
		kev_watch_bury(w);
	return ret;
}

/*
 * The file is in its final release.  With CLOSED there is one more event; the
 * watch then waits, without file or hook, until that was taken.
 */
static void kev_watch_close(struct kev_watch *w)
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
	if (!last) {
		kev_watch_kill(w);
		return;
	}
	kev_untable(w);
	kev_source_of(w)->detach(w);
	raw_spin_lock_irq(&q->lock);
	w->key = 1;
	kev_ready_last(w, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	raw_spin_unlock_irq(&q->lock);
}

/* The queue of some watch of the file, referenced; NULL if there is none. */
static struct kev_queue *kev_file_queue(unsigned long key, bool *again)
{
	struct rhlist_head *list;
	struct kev_queue *q = NULL;

	rcu_read_lock();
	list = rhltable_lookup(&kev_files, &key, kev_files_params);
	*again = list;
	if (list) {
		q = container_of(list, struct kev_watch, node)->queue;
		/* 0: its last watch is just leaving the table */
		if (!refcount_inc_not_zero(&q->refs))
			q = NULL;
	}
	rcu_read_unlock();
	return q;
}

static struct kev_watch *kev_file_watch(struct kev_queue *q, unsigned long key)
{
	struct rhlist_head *list, *pos;
	struct kev_watch *w;

	rcu_read_lock();
	list = rhltable_lookup(&kev_files, &key, kev_files_params);
	rhl_for_each_entry_rcu(w, pos, list, node)
		if (w->queue == q)
			goto found;
	w = NULL;
found:
	rcu_read_unlock();
	return w;
}

/*
 * Ends all watches of a file, from the close hook.  The file has no references
 * left, so none is added meanwhile.
 */
void kev_file_closed(struct file *file)
{
	unsigned long key = (unsigned long)file;
	struct kev_queue *q;
	struct kev_watch *w;
	bool again;

	while ((q = kev_file_queue(key, &again)) || again) {
		if (!q) {
			cond_resched();
			continue;
		}
		mutex_lock(&q->mutex);
		while ((w = kev_file_watch(q, key)))
			kev_watch_close(w);
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

	/* closes of files may go on meanwhile, but nothing is added */
	for (i = 0; i < q->watches.used; i++) {
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
static bool kev_watch_spent(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	struct kev_view v;

	lockdep_assert_held(&q->lock);
	if (w->on != KEV_ON_FIRED)
		return false;
	if (q->attention & KEV_Q_NO_RING)
		return true;
	v = kev_ring_look(&q->ring);
	return kev_ring_freed(&q->ring, &v, w, w->index);
}

/* Takes down fired one-shots whose entry was freed; the list is in order. */
void kev_watch_reap(struct kev_queue *q, unsigned int max)
{
	struct kev_watch *w;

	if (list_empty_careful(&q->fired))
		return;
	mutex_lock(&q->mutex);
	while (max--) {
		raw_spin_lock_irq(&q->lock);
		w = list_first_entry_or_null(&q->fired, struct kev_watch, link);
		if (w && !kev_watch_spent(w))
			w = NULL;
		raw_spin_unlock_irq(&q->lock);
		if (!w)
			break;
		kev_watch_kill(w);
	}
	mutex_unlock(&q->mutex);
}

/* ---- Asking ------------------------------------------------------------ */

/*
 * Keeps a watch and its file while a task asks, with the lock dropped.  False:
 * the file is in its final release, which will end the watch.
 */
static bool kev_watch_pin(struct kev_watch *w, struct file **file)
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
{
	struct kev_queue *q = w->queue;
	struct kev_values v = {};
	struct file *file;

	lockdep_assert_held(&q->lock);
	if (!kev_watch_pin(w, &file))
		return false;
	raw_spin_unlock_irq(&q->lock);
	kev_source_of(w)->ask(w, file, &v);
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

/* ---- Checking a request ------------------------------------------------ */

static int kev_check(const struct kev_source_ops *ops, struct file *file,
		     const struct ukevent *uk)
{
	if (!uk->event || (uk->event & ~ops->events) ||
	    (uk->req_flags & ~ops->req_flags & ~KEVENT_REQ_COOKIE))
		return -EINVAL;
	if ((uk->req_flags & KEVENT_REQ_ONESHOT) &&
	    (uk->req_flags & KEVENT_REQ_DISPATCH))
		return -EINVAL;
	return ops->check ? ops->check(file, uk) : 0;
}

static int kev_check_add(const struct kev_source_ops *ops, struct file *self,
			 struct file *file, const struct ukevent *uk)
{
	if ((uk->req_flags & KEVENT_REQ_COOKIE) || uk->ret_flags)
		return -EINVAL;
	if (!ops->has_params && (uk->param[0] || uk->param[1] || uk->param[2]))
		return -EINVAL;
	if (file == self)
		return -EINVAL;
	return kev_check(ops, file, uk);
}

/* The open file that a request names; NULL if its type has none. */
static struct file *kev_request_file(const struct kev_source_ops *ops,
				     const struct ukevent *uk)
{
	struct file *file;

	if (!ops->has_file)
		return NULL;
	if (uk->id.raw[1])
		return ERR_PTR(-EINVAL);
	file = fget(uk->id.raw[0]);
	return file ?: ERR_PTR(-EBADF);
}

static int kev_type_error(u32 type)
{
	return kev_source_known(type) ? -EOPNOTSUPP : -EINVAL;
}

/* ---- ADD --------------------------------------------------------------- */

/* Takes over what a request asks for.  Fields under queue->lock. */
static void kev_watch_set(struct kev_watch *w, const struct ukevent *uk)
{
	w->ev.event = uk->event;
	w->ev.req_flags = uk->req_flags & KEV_REQ_FILE;
	w->ev.ptr = uk->ptr;
	w->state &= ~(KEV_W_DISARMED | KEV_W_FIRED | KEV_W_LEVEL | KEV_W_LONG);
	if (uk->req_flags & (KEVENT_REQ_ONESHOT | KEVENT_REQ_DISPATCH |
			     KEVENT_REQ_TIMESTAMP | KEVENT_REQ_LAST_CHECK))
		w->state |= KEV_W_LONG;
	if (kev_source_of(w)->ask &&
	    !(uk->req_flags & (KEVENT_REQ_ET | KEVENT_REQ_ONESHOT |
			       KEVENT_REQ_DISPATCH)))
		w->state |= KEV_W_LEVEL;
}

static struct kev_watch *kev_watch_alloc(struct kev_queue *q, struct file *file,
					 const struct ukevent *uk)
{
	struct kev_watch *w;

	if (!kev_user_charge(q->account))
		return ERR_PTR(-ENOSPC);
	w = kmem_cache_zalloc(kev_caches[uk->type], GFP_KERNEL_ACCOUNT);
	if (!w) {
		kev_user_uncharge(q->account);
		return ERR_PTR(-ENOMEM);
	}
	w->queue = q;
	w->ev.type = uk->type;
	w->ev.id = uk->id;
	w->key = file ? (unsigned long)file :
			kev_key_of_id(q, uk->type, uk->id.raw_u64);
	w->state = KEV_W_ADDING;
	kev_watch_set(w, uk);
	return w;
}

/* Makes room for one more in queue->watches.  The mutex is held, or not (err). */
static int kev_lock_with_room(struct kev_queue *q)
{
	unsigned long *slots;
	u32 size;

	mutex_lock(&q->mutex);
	while (unlikely(kev_table_is_full(&q->watches))) {
		size = max(q->watches.size * 2, KEV_TABLE_MIN);
		mutex_unlock(&q->mutex);
		if (size > KEV_TABLE_MAX)
			return -ENOSPC;
		slots = kev_table_make(size);
		if (!slots)
			return -ENOMEM;
		mutex_lock(&q->mutex);
		slots = kev_table_swap(&q->watches, slots, size);
		if (!slots)
			break;
		mutex_unlock(&q->mutex);
		kvfree(slots);
		mutex_lock(&q->mutex);
	}
	return 0;
}

/*
 * Puts a new watch into both tables.  -EEXIST with *old: a fired one-shot of
 * that key is still there, and may be armed again.  The mutex is then held.
 */
static int kev_watch_insert(struct kev_watch *w, struct kev_watch **old)
{
	struct kev_queue *q = w->queue;
	bool spent, fired;
	int err;

	*old = NULL;
	err = kev_lock_with_room(q);
	if (err)
		return err;
	*old = kev_find_key(q, w->key, w->ev.type, w->ev.id.raw_u64);
	if (unlikely(*old)) {
		raw_spin_lock_irq(&q->lock);
		spent = kev_watch_spent(*old);
		fired = (*old)->state & KEV_W_FIRED;
		raw_spin_unlock_irq(&q->lock);
		err = -EEXIST;
		if (!spent && fired)
			return err;
		if (!spent)
			goto out;
		kev_watch_kill(*old);
	}
	err = rhltable_insert(&kev_files, &w->node, kev_files_params);
	if (unlikely(err))
		goto out;
	q->generation++;
	w->ev.cookie = (u64)q->generation << 32 |
		       kev_table_put(&q->watches, w);
	q->nwatches++;
out:
	*old = NULL;
	mutex_unlock(&q->mutex);
	return err;
}

/* Readiness found by ADD or MODIFY: into the result, or into the ring. */
static void kev_watch_settle(struct kev_watch *w, struct kev_values *v,
			     struct ukevent *uk)
{
	lockdep_assert_held(&w->queue->lock);
	if (uk->req_flags & KEVENT_REQ_READY)
		v->bits |= w->ev.event;
	if (!v->bits) {
		kev_not_ready(w);
		return;
	}
	if (w->state & KEV_W_DISARMED)
		return;		/* an event was faster, and one is enough */
	if (uk->req_flags & KEVENT_REQ_ALWAYS_QUEUE) {
		kev_ready_answer(w, v->bits, v->ret_flags, v->data, v->data2,
				 0);
		return;
	}
	uk->ret_flags |= KEVENT_RET_DONE | v->ret_flags;
	uk->ret_data[0] = v->bits;
	uk->ret_data[1] = v->data;
	uk->time = 0;
	uk->cpu = 0;
	uk->merged = 0;
	uk->data2 = v->data2;
	kev_ready_delivered(w);
}

/* Hooks a watch that is in the tables, and looks whether it is ready. */
static int kev_watch_attach(struct kev_watch *w, struct file *file,
			    struct ukevent *uk)
{
	struct kev_queue *q = w->queue;
	struct kev_values v = {};
	bool dead;
	int err;

	err = kev_source_of(w)->attach(w, file, uk, &v);
	if (unlikely(err)) {
		mutex_lock(&q->mutex);
		if (!(w->state & KEV_W_DEAD))
			kev_watch_kill(w);	/* ADDING: leaves it to us */
		mutex_unlock(&q->mutex);
		kev_watch_bury(w);
		return err;
	}
	uk->cookie = w->ev.cookie;
	raw_spin_lock_irq(&q->lock);
	w->state &= ~KEV_W_ADDING;
	dead = w->state & KEV_W_DEAD;
	if (!dead)
		kev_watch_settle(w, &v, uk);
	raw_spin_unlock_irq(&q->lock);
	if (unlikely(dead)) {
		/* removed by another thread before ADD returned */
		kev_source_of(w)->detach(w);
		kev_watch_bury(w);
	}
	return 0;
}

static int kev_watch_rearm(struct kev_watch *w, struct ukevent *uk,
			   bool cancel);

static int kev_watch_add_file(struct kev_queue *q, struct file *file,
			      struct ukevent *uk)
{
	struct kev_watch *w, *old;
	int err;

	w = kev_watch_alloc(q, file, uk);
	if (IS_ERR(w))
		return PTR_ERR(w);
	err = kev_watch_insert(w, &old);
	if (likely(!err))
		return kev_watch_attach(w, file, uk);
	kev_user_uncharge(q->account);
	kmem_cache_free(kev_caches[w->ev.type], w);
	if (!old)
		return err;
	return kev_watch_rearm(old, uk, false);
}

/**
 * kev_watch_add() - ADD
 * @q: the queue.
 * @self: the queue's own file.
 * @uk: the request; the result goes into it.
 *
 * Returns 0 or an error, for this entry alone.
 */
int kev_watch_add(struct kev_queue *q, struct file *self, struct ukevent *uk)
{
	const struct kev_source_ops *ops = kev_source_find(uk->type);
	struct file *file;
	int err;

	if (!ops)
		return kev_type_error(uk->type);
	if (ops->has_file && unlikely(!kev_close_alive()))
		return -EOWNERDEAD;
	kev_watch_reap(q, KEV_REAP_ADD);
	file = kev_request_file(ops, uk);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = kev_check_add(ops, self, file, uk);
	if (!err)
		err = kev_watch_add_file(q, file, uk);
	/* Only now: until here the file can't be released. */
	if (file)
		kev_file_put(file);
	return err;
}

/* ---- REMOVE, MODIFY, READY --------------------------------------------- */

/* Finds the watch that a request names.  Context: queue->mutex held. */
static struct kev_watch *kev_request_watch(struct kev_queue *q,
					   struct file *file,
					   const struct ukevent *uk)
{
	struct kev_watch *w;
	bool spent;

	lockdep_assert_held(&q->mutex);
	if (uk->req_flags & KEVENT_REQ_COOKIE)
		w = kev_find_cookie(q, uk->cookie);
	else
		w = kev_find_key(q, file ? (unsigned long)file :
				 kev_key_of_id(q, uk->type, uk->id.raw_u64),
				 uk->type, uk->id.raw_u64);
	if (!w)
		return ERR_PTR(-ENOENT);
	raw_spin_lock_irq(&q->lock);
	spent = kev_watch_spent(w);
	raw_spin_unlock_irq(&q->lock);
	if (!spent)
		return w;
	kev_watch_kill(w);
	return ERR_PTR(-ENOENT);
}

/*
 * Takes the mutex and finds.  On success *file is to be put after the mutex was
 * given back.
 */
static struct kev_watch *kev_request_begin(struct kev_queue *q,
					   const struct ukevent *uk,
					   struct file **file)
{
	const struct kev_source_ops *ops;
	struct kev_watch *w;

	*file = NULL;
	if (!(uk->req_flags & KEVENT_REQ_COOKIE)) {
		ops = kev_source_find(uk->type);
		if (!ops)
			return ERR_PTR(kev_type_error(uk->type));
		*file = kev_request_file(ops, uk);
		if (IS_ERR(*file))
			return ERR_CAST(*file);
	}
	mutex_lock(&q->mutex);
	w = kev_request_watch(q, *file, uk);
	if (!IS_ERR(w))
		return w;
	mutex_unlock(&q->mutex);
	if (*file)
		kev_file_put(*file);
	return w;
}

/** kev_watch_remove() - REMOVE; see kev_watch_add(). */
int kev_watch_remove(struct kev_queue *q, struct ukevent *uk)
{
	struct kev_watch *w;
	struct file *file;

	if (uk->req_flags & ~KEV_REQ_ALL)
		return -EINVAL;
	w = kev_request_begin(q, uk, &file);
	if (IS_ERR(w))
		return PTR_ERR(w);
	uk->ret_flags = kev_watch_kill(w);
	mutex_unlock(&q->mutex);
	if (file)
		kev_file_put(file);
	return 0;
}

/*
 * New terms for a watch: MODIFY, or ADD of a fired one-shot, whose event stays.
 * The mutex is held, and given back.
 */
static int kev_watch_rearm(struct kev_watch *w, struct ukevent *uk, bool cancel)
{
	const struct kev_source_ops *ops = kev_source_of(w);
	struct kev_queue *q = w->queue;
	struct kev_values v = {};
	struct file *file;
	int err = -ENOENT;

	raw_spin_lock_irq(&q->lock);
	if (w->state & (KEV_W_ADDING | KEV_W_UNTABLED) ||
	    !kev_watch_pin(w, &file))
		goto err_unlock;
	uk->ret_flags = 0;
	if (cancel)
		uk->ret_flags = kev_disarm(w);
	else if (w->on != KEV_ON_READY)
		kev_unlist(w);
	kev_watch_set(w, uk);
	raw_spin_unlock_irq(&q->lock);
	if (ops->modify)
		ops->modify(w, uk);
	uk->cookie = w->ev.cookie;	/* where the parameters were */
	mutex_unlock(&q->mutex);

	if (ops->ask)
		ops->ask(w, file, &v);
	if (file)
		kev_file_put(file);
	raw_spin_lock_irq(&q->lock);
	if (kev_watch_unpin(w))
		kev_watch_settle(w, &v, uk);
	raw_spin_unlock_irq(&q->lock);
	return 0;

err_unlock:
	raw_spin_unlock_irq(&q->lock);
	mutex_unlock(&q->mutex);
	return err;
}

/** kev_watch_modify() - MODIFY; see kev_watch_add(). */
int kev_watch_modify(struct kev_queue *q, struct ukevent *uk)
{
	const struct kev_source_ops *ops;
	struct kev_watch *w;
	struct file *file;
	int err;

	w = kev_request_begin(q, uk, &file);
	if (IS_ERR(w))
		return PTR_ERR(w);
	ops = kev_source_of(w);
	err = kev_check(ops, NULL, uk);
	if ((uk->req_flags ^ w->ev.req_flags) & KEVENT_REQ_EXCLUSIVE)
		err = -EINVAL;
	if (ops->has_params && (uk->req_flags & KEVENT_REQ_COOKIE))
		err = -EINVAL;
	if (err)
		mutex_unlock(&q->mutex);
	else
		err = kev_watch_rearm(w, uk, true);
	if (file)
		kev_file_put(file);
	return err;
}

/** kev_watch_fire() - READY; see kev_watch_add(). */
int kev_watch_fire(struct kev_queue *q, struct ukevent *uk)
{
	const struct kev_source_ops *ops;
	struct kev_watch *w;
	struct file *file;
	int err = 0;
	u32 bits;

	if (uk->req_flags & ~KEV_REQ_ALL)
		return -EINVAL;
	w = kev_request_begin(q, uk, &file);
	if (IS_ERR(w))
		return PTR_ERR(w);
	ops = kev_source_of(w);
	uk->ret_flags = 0;
	raw_spin_lock_irq(&q->lock);
	bits = uk->event ? uk->event & w->ev.event : w->ev.event;
	if (w->state & KEV_W_UNTABLED)
		err = -ENOENT;
	else if (!bits)
		err = -EINVAL;
	else if (ops->fire)
		ops->fire(w, bits);
	else
		kev_ready_locked(w, bits, 0, 0);
	raw_spin_unlock_irq(&q->lock);
	mutex_unlock(&q->mutex);
	if (file)
		kev_file_put(file);
	return err;
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
	if (!rhltable_init(&kev_files, &kev_files_params))
		return 0;
err_destroy:
	kev_destroy_caches();
	return -ENOMEM;
}

/* No queue is left. */
void kev_watch_exit(void)
{
	rcu_barrier();		/* kev_watch_free_rcu() */
	rhltable_destroy(&kev_files);
	kev_destroy_caches();
}
