// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of programs about a watch: ADD, REMOVE, MODIFY, READY.  Rules are in
 * kev.h.
 */
#include <linux/file.h>

#include "compat/file.h"
#include "delay.h"
#include "lookup.h"

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
	if (ops->own_call || (uk->req_flags & KEVENT_REQ_COOKIE) ||
	    uk->ret_flags)
		return -EINVAL;
	if (!ops->has_params && (uk->param[0] || uk->param[1] || uk->param[2]))
		return -EINVAL;
	if (file == self)
		return -EINVAL;
	return kev_check(ops, file, uk);
}

static int kev_type_error(u32 type)
{
	return kev_source_known(type) ? -EOPNOTSUPP : -EINVAL;
}

/**
 * struct kev_target - what a request is about
 * @ops: its type; NULL if it is named by cookie alone.
 * @fd: its open file; empty if its type has none.
 */
struct kev_target {
	const struct kev_source_ops *ops;
	struct kev_fd fd;
};

static __always_inline int kev_target_get(struct kev_target *t,
					  const struct ukevent *uk)
{
	t->ops = kev_source_find(uk->type);
	t->fd.file = NULL;
	t->fd.owned = false;
	if (unlikely(!t->ops))
		return kev_type_error(uk->type);
	if (!t->ops->has_file)
		return 0;
	if (unlikely(uk->id.raw[1]))
		return t->ops->number && uk->id.raw[1] == t->ops->number ?
		       0 : -EINVAL;
	t->fd = kev_fd_get(uk->id.raw[0], t->ops->has_path);
	return likely(t->fd.file) ? 0 : -EBADF;
}

static __always_inline void kev_target_put(struct kev_target *t)
{
	kev_fd_put(t->fd);
}

/* ---- ADD --------------------------------------------------------------- */

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
 * May a watch be armed again for an ADD?  A fired one-shot, if its adder is done
 * with it; not while w->ev is its event, which waits for a slot, or, without a
 * ring, is being copied out and may come back.
 */
static bool kev_watch_revives(const struct kev_watch *w, u32 req_flags)
{
	if ((w->state & (KEV_W_FIRED | KEV_W_ADDING)) != KEV_W_FIRED ||
	    w->on == KEV_ON_READY ||
	    (w->pins && (w->queue->attention & KEV_Q_NO_RING)))
		return false;
	return !((w->ev.req_flags ^ req_flags) & KEV_REQ_FIXED);
}

/*
 * There is a watch of that key.  0: it was a fired one-shot, spent, and is gone
 * now.  -EEXIST with *old: a fired one-shot that is still there, and may be
 * armed again.
 */
static noinline int kev_watch_supersede(struct kev_watch *twin, u32 req_flags,
					struct kev_watch **old)
{
	struct kev_queue *q = twin->queue;
	bool spent, fired;

	lockdep_assert_held(&q->mutex);
	raw_spin_lock_irq(&q->lock);
	spent = kev_watch_spent(twin);
	fired = kev_watch_revives(twin, req_flags);
	raw_spin_unlock_irq(&q->lock);
	if (spent) {
		kev_watch_kill(twin);
		return 0;
	}
	if (fired)
		*old = twin;
	return -EEXIST;
}

/*
 * Puts a new watch into both tables.  If it fails with *old, the mutex is held:
 * see kev_watch_supersede().
 */
static int kev_watch_insert(struct kev_watch *w, struct kev_watch **old)
{
	struct kev_queue *q = w->queue;
	struct kev_watch *twin;
	int err;

	*old = NULL;
	err = kev_lock_with_room(q);
	if (unlikely(err))
		return err;
	err = kev_files_insert(w, &twin);
	if (unlikely(err))
		goto err_unlock;
	if (unlikely(twin)) {
		err = kev_watch_supersede(twin, w->ev.req_flags, old);
		if (err)
			goto err_remove;
	}
	q->generation++;
	w->ev.cookie = (u64)q->generation << 32 |
		       kev_table_put(&q->watches, w);
	q->nwatches++;
	mutex_unlock(&q->mutex);
	return 0;

err_remove:
	kev_files_remove(w);
err_unlock:
	if (!*old)
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
		if (w->state & KEV_W_LEVEL)
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
static int kev_watch_attach(struct kev_watch *w,
			    const struct kev_source_ops *ops,
			    struct file *file, struct ukevent *uk)
{
	struct kev_queue *q = w->queue;
	struct kev_values v = {};
	bool dead;
	int err;

	KEV_DELAY(ADD_TABLED);
	err = ops->attach(w, file, uk, &v);
	KEV_DELAY(ADD_HOOKED);
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
		/* removed by another thread, which may still be at it */
		mutex_lock(&q->mutex);
		mutex_unlock(&q->mutex);
		KEV_DELAY(ADD_DEAD);
		ops->detach(w);
		kev_watch_bury(w);
	}
	return 0;
}

/* What comes now is not the event of the terms before, if that is still there. */
static void kev_watch_part(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	struct kev_view v;

	w->state &= ~KEV_W_APART;
	if (!kev_ring_owns(&q->ring, w, w->index))
		return;
	v = kev_ring_look(&q->ring);
	if (kev_ring_unclaimed(&q->ring, &v, w, w->index))
		w->state |= KEV_W_APART;
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
	int err = -EEXIST;

	raw_spin_lock_irq(&q->lock);
	if (!cancel && !kev_watch_revives(w, uk->req_flags))
		goto err_unlock;
	err = -ENOENT;
	if (w->state & (KEV_W_ADDING | KEV_W_UNTABLED) ||
	    !kev_watch_pin(w, &file))
		goto err_unlock;
	uk->ret_flags = 0;
	if (cancel)
		uk->ret_flags = kev_disarm(w);
	else
		kev_unlist(w);
	kev_watch_set(w, uk);
	kev_watch_part(w);
	raw_spin_unlock_irq(&q->lock);
	if (ops->modify)
		ops->modify(w, uk);
	uk->cookie = w->ev.cookie;	/* where the parameters were */
	mutex_unlock(&q->mutex);
	KEV_DELAY(REARM_UNLOCKED);

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

/**
 * kev_watch_make() - a new watch for a request that has been checked
 * @q: the queue.
 * @ops: its type.
 * @file: its file, referenced; NULL for a source without one.
 * @uk: the request; the result goes into it.
 *
 * Context: process, no locks.  Unless it fails, attach was called.
 */
int kev_watch_make(struct kev_queue *q, const struct kev_source_ops *ops,
		   struct file *file, struct ukevent *uk)
{
	struct kev_watch *w, *old;
	int err;

	w = kev_watch_alloc(q, ops, file, uk);
	if (IS_ERR(w))
		return PTR_ERR(w);
	err = kev_watch_insert(w, &old);
	if (likely(!err))
		return kev_watch_attach(w, ops, file, uk);
	kev_user_uncharge(q->account);
	kev_watch_free_one(w);
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
	struct kev_target t;
	int err;

	err = kev_target_get(&t, uk);
	if (unlikely(err))
		return err;
	err = kev_check_add(t.ops, self, t.fd.file, uk);
	if (likely(!err)) {
		kev_watch_reap(q, KEV_REAP_ADD);
		err = kev_watch_make(q, t.ops, t.fd.file, uk);
	}
	/* Only now: until here the file can't be released. */
	kev_target_put(&t);
	return err;
}

/* ---- REMOVE, MODIFY, READY --------------------------------------------- */

/* Finds the watch that a request names.  Context: queue->mutex held. */
static struct kev_watch *kev_request_watch(struct kev_queue *q,
					   const struct kev_target *t,
					   const struct ukevent *uk)
{
	struct kev_watch *w;
	unsigned long key;
	bool spent;

	lockdep_assert_held(&q->mutex);
	if (uk->req_flags & KEVENT_REQ_COOKIE) {
		w = kev_find_cookie(q, uk->cookie);
	} else {
		key = kev_key_of(t->ops, q, t->fd.file, uk);
		w = kev_find_key(q, key, uk->type, uk->id.raw_u64);
	}
	if (!w)
		return ERR_PTR(-ENOENT);
	/* FIRED is set once; without it there is nothing to look at */
	if (likely(data_race(w->on != KEV_ON_FIRED)))
		return w;
	raw_spin_lock_irq(&q->lock);
	spent = kev_watch_spent(w);
	raw_spin_unlock_irq(&q->lock);
	if (!spent)
		return w;
	kev_watch_kill(w);
	return ERR_PTR(-ENOENT);
}

/*
 * Takes the mutex and finds.  On success the target is to be put after the
 * mutex was given back.
 */
static __always_inline struct kev_watch *
kev_request_begin(struct kev_queue *q, const struct ukevent *uk,
		  struct kev_target *t)
{
	struct kev_watch *w;
	int err;

	if (uk->req_flags & KEVENT_REQ_COOKIE) {
		*t = (struct kev_target){};
	} else {
		err = kev_target_get(t, uk);
		if (unlikely(err))
			return ERR_PTR(err);
	}
	mutex_lock(&q->mutex);
	w = kev_request_watch(q, t, uk);
	if (!IS_ERR(w))
		return w;
	mutex_unlock(&q->mutex);
	kev_target_put(t);
	return w;
}

/*
 * Stops what the source itself has under way, if it is such a source.  ENOENT: it
 * is just being added, so that its number is only guessed; or it was, and its end
 * is in the result of that.
 */
static int kev_watch_stop(struct kev_watch *w, struct ukevent *uk)
{
	const struct kev_source_ops *ops = kev_source_of(w);
	bool gone;

	if (likely(!ops->stop))
		return 0;
	raw_spin_lock_irq(&w->queue->lock);
	gone = (w->state & KEV_W_ADDING) || kev_watch_spent(w);
	raw_spin_unlock_irq(&w->queue->lock);
	if (gone)
		return -ENOENT;
	ops->stop(w, uk);
	return 0;
}

/** kev_watch_remove() - REMOVE; see kev_watch_add(). */
int kev_watch_remove(struct kev_queue *q, struct ukevent *uk)
{
	struct kev_target t;
	struct kev_watch *w;
	int err;

	if (uk->req_flags & ~KEV_REQ_ALL)
		return -EINVAL;
	w = kev_request_begin(q, uk, &t);
	if (IS_ERR(w))
		return PTR_ERR(w);
	KEV_DELAY(REMOVE_FOUND);
	uk->ret_flags = 0;
	err = kev_watch_stop(w, uk);
	if (!err)
		uk->ret_flags |= kev_watch_kill(w);
	mutex_unlock(&q->mutex);
	kev_target_put(&t);
	return err;
}

/** kev_watch_modify() - MODIFY; see kev_watch_add(). */
int kev_watch_modify(struct kev_queue *q, struct ukevent *uk)
{
	const struct kev_source_ops *ops;
	struct kev_target t;
	struct kev_watch *w;
	int err;

	w = kev_request_begin(q, uk, &t);
	if (IS_ERR(w))
		return PTR_ERR(w);
	ops = kev_source_of(w);
	err = ops->own_call ? -EINVAL : kev_check(ops, NULL, uk);
	if ((uk->req_flags ^ w->ev.req_flags) & KEV_REQ_FIXED)
		err = -EINVAL;
	if (ops->modify_params && (uk->req_flags & KEVENT_REQ_COOKIE))
		err = -EINVAL;
	if (err)
		mutex_unlock(&q->mutex);
	else
		err = kev_watch_rearm(w, uk, true);
	kev_target_put(&t);
	return err;
}

/** kev_watch_fire() - READY; see kev_watch_add(). */
int kev_watch_fire(struct kev_queue *q, struct ukevent *uk)
{
	const struct kev_source_ops *ops;
	struct kev_target t;
	struct kev_watch *w;
	int err = 0;
	u32 bits;

	if (uk->req_flags & ~KEV_REQ_ALL)
		return -EINVAL;
	w = kev_request_begin(q, uk, &t);
	if (IS_ERR(w))
		return PTR_ERR(w);
	ops = kev_source_of(w);
	KEV_DELAY(FIRE_FOUND);
	uk->ret_flags = 0;
	raw_spin_lock_irq(&q->lock);
	bits = uk->event ? uk->event & w->ev.event : w->ev.event;
	if (w->state & KEV_W_UNTABLED)
		err = -ENOENT;
	else if (!bits || ops->own_call)
		err = -EINVAL;
	else if (ops->fire)
		err = ops->fire(w, bits, uk);
	else
		kev_ready_locked(w, bits, 0, 0);
	raw_spin_unlock_irq(&q->lock);
	mutex_unlock(&q->mutex);
	kev_target_put(&t);
	return err;
}

