// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of programs about a watch: ADD, REMOVE, MODIFY, READY.  Rules are in
 * kev.h.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/smp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "compat/file.h"
#include "delay.h"
#include "lookup.h"
#include "quota.h"
#include "ready.h"
#include "request.h"
#include "source.h"
#include "trace.h"
#include "watch.h"

/* ---- Checking a request ------------------------------------------------ */

static __always_inline int kev_check(const struct kev_source_ops *ops,
				     const struct ukevent *uk)
{
	if ((!uk->event && !ops->ask) || (uk->event & ~ops->events) ||
	    (uk->req_flags & ~ops->req_flags & ~KEVENT_REQ_COOKIE))
		return -EINVAL;
	if ((uk->req_flags & KEVENT_REQ_ONESHOT) &&
	    (uk->req_flags & KEVENT_REQ_DISPATCH))
		return -EINVAL;
	return ops->check ? ops->check(uk) : 0;
}

static int kev_check_add(const struct kev_source_ops *ops, struct file *file,
			 const struct ukevent *uk)
{
	int err;

	if (ops->own_call || (uk->req_flags & KEVENT_REQ_COOKIE))
		return -EINVAL;
	if (!ops->has_params && (uk->param[0] || uk->param[1] || uk->param[2]))
		return -EINVAL;
	err = kev_check(ops, uk);
	if (likely(!err) && file && ops->check_file)
		err = ops->check_file(file, uk);
	return err;
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

/* self: the queue's own file, which it can't watch. */
static __always_inline int kev_target_get(struct kev_target *t,
					  struct file *self,
					  const struct ukevent *uk)
{
	t->ops = kev_source_find(uk->type);
	/* of the interface, but not supported; or unknown */
	if (unlikely(!t->ops))
		return uk->type < KEVENT_TYPE_MAX ? -EOPNOTSUPP : -EINVAL;
	if (!t->ops->has_file)
		return 0;
	if (unlikely(uk->id.raw[1]))
		return t->ops->number && uk->id.raw[1] == t->ops->number ?
		       0 : -EINVAL;
	t->fd = kev_fd_get(uk->id.raw[0], t->ops->has_path);
	if (unlikely(!t->fd.file))
		return -EBADF;
	if (likely(t->fd.file != self))
		return 0;
	kev_fd_put(t->fd);
	return -EINVAL;
}

/* ---- Results ----------------------------------------------------------- */

/* What was ready at once goes into the result of ADD or MODIFY, as in an event. */
void kev_result_event(const struct kev_queue *q, const struct kev_values *v,
		      struct ukevent *uk)
{
	uk->ret_flags |= KEVENT_RET_DONE | v->ret_flags;
	uk->ret_data[0] = v->bits;
	uk->ret_data[1] = v->data;
	uk->time = 0;
	if (uk->req_flags & KEVENT_REQ_TIMESTAMP)
		uk->time = kev_timestamp(q);
	uk->cpu = raw_smp_processor_id();
	uk->merged = 0;
	uk->data2 = v->data2;
}

/* READY of a PAYLOAD watch: is the event to be posted, as a letter? */
static bool kev_wants_letter(const struct ukevent *uk)
{
	return (uk->req_flags & KEVENT_REQ_READY) &&
	       (uk->req_flags & KEVENT_REQ_ALWAYS_QUEUE);
}

/* READY of a PAYLOAD watch, by ADD or MODIFY: there is room for a letter. */
static bool kev_settle_letter(struct kev_watch *w, u32 bits, struct ukevent *uk)
{
	struct kev_values v = { .bits = bits, .ret_flags = KEVENT_RET_DATA };

	if (uk->req_flags & KEVENT_REQ_ALWAYS_QUEUE) {
		kev_post_letter(w, bits, uk->ptr);
		return false;
	}
	v.data = ++kev_mailbox_of(w)->total;
	kev_result_event(w->queue, &v, uk);
	return true;
}

static noinline bool kev_watch_settle_long(struct kev_watch *w,
					   struct kev_values *v,
					   struct ukevent *uk)
{
	if (uk->req_flags & KEVENT_REQ_READY)
		v->bits |= w->ev.event;
	/* disarmed: a wake-up has posted its only event already */
	if (!v->bits || (w->state & KEV_W_DISARMED))
		return false;
	if (w->state & KEV_W_EACH)
		return kev_settle_letter(w, v->bits, uk);
	if (!(uk->req_flags & KEVENT_REQ_ALWAYS_QUEUE)) {
		kev_result_event(w->queue, v, uk);
		kev_ready_delivered(w);
		/* it may be ready still, for those who sleep or poll */
		if (w->state & KEV_W_LEVEL)
			kev_notify(w->queue, KEV_NOTIFY_ANY, 0);
		return true;
	}
	if (w->ev.req_flags & KEVENT_REQ_LAST_CHECK)
		kev_ready_ask(w);
	else
		kev_ready_long(w, *v, 0, 0);
	return false;
}

/*
 * Readiness found by ADD or MODIFY: into the result, or posted.  True: into the
 * result.
 */
static __always_inline bool kev_watch_settle(struct kev_watch *w,
					     struct kev_values *v,
					     struct ukevent *uk)
{
	lockdep_assert_held(&w->queue->lock);
	if (likely(!v->bits && !(uk->req_flags & KEVENT_REQ_READY)))
		return false;
	return kev_watch_settle_long(w, v, uk);
}

/* ---- ADD --------------------------------------------------------------- */

/* Takes the mutex, with room for one more in queue->watches.  On failure: not held. */
static int kev_lock_with_room(struct kev_queue *q)
{
	struct kev_table *t = &q->watches;
	unsigned long *slots;
	u32 size;

	mutex_lock(&q->mutex);
	while (unlikely(kev_table_is_full(t))) {
		size = max(t->size * 2, KEV_TABLE_MIN);
		mutex_unlock(&q->mutex);
		if (size > KEV_TABLE_MAX)
			return -ENOSPC;
		slots = kvmalloc_array(size, sizeof(*slots),
				       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!slots)
			return -ENOMEM;
		mutex_lock(&q->mutex);
		/* or somebody else was first */
		if (kev_table_is_full(t) && size > t->size) {
			memcpy(slots, t->slots, t->size * sizeof(*slots));
			swap(t->slots, slots);
			t->size = size;
			t->free = size;
		}
		kvfree(slots);
	}
	return 0;
}

/*
 * A one-shot that is over, when another of its key is added.  It stays until its event
 * was taken, and is unhooked where only one can be hooked.  With LAST_CHECK it ends:
 * its event would be asked for again, and the new watch asks for it.
 */
static void kev_watch_make_way(struct kev_watch *over)
{
	if (over->ev.req_flags & KEVENT_REQ_LAST_CHECK) {
		kev_watch_kill(over);
	} else if (kev_source_of(over)->sole) {
		/* just being hooked, if its ADD is not through; it is never set again */
		if (!data_race(over->state & KEV_W_ADDING))
			kev_watch_retire(over);
	}
}

/* Puts a new watch into the tables. */
static int kev_watch_insert(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	struct kev_watch *over;
	int err;

	err = kev_lock_with_room(q);
	if (unlikely(err))
		return err;
	err = kev_lookup_add(w, &over);
	if (unlikely(err))
		goto out_unlock;
	if (unlikely(over))
		kev_watch_make_way(over);
	/* 0 is no watch's cookie */
	if (!++q->generation)
		q->generation = 1;
	w->ev.cookie = (u64)q->generation << 32 |
		       kev_table_put(&q->watches, w);
	q->nwatches++;
	trace_kevent_add(w);
out_unlock:
	mutex_unlock(&q->mutex);
	return err;
}

/*
 * Attaching failed, or (hooked) it was removed by another thread, which may still be
 * at it: out of the tables, if nobody else did that already.
 */
static void kev_watch_unmake(struct kev_watch *w, bool hooked)
{
	struct kev_queue *q = w->queue;

	mutex_lock(&q->mutex);
	if (!(w->state & KEV_W_DEAD))
		kev_watch_kill(w);	/* ADDING: leaves it to us */
	mutex_unlock(&q->mutex);
	KEV_DELAY(ADD_DEAD);
	if (hooked)
		kev_source_of(w)->detach(w);
	kev_watch_bury(w);
}

/* A one-shot whose only event is in the result of its ADD: no watch is made. */
static void kev_watch_add_done(struct kev_queue *q, u64 cookie)
{
	struct kev_watch *w;

	mutex_lock(&q->mutex);
	w = kev_find_cookie(q, cookie);
	if (w)
		kev_watch_kill(w);
	mutex_unlock(&q->mutex);
}

/* Hooks a watch that is in the tables, and looks whether it is ready. */
static int kev_watch_attach(struct kev_watch *w,
			    const struct kev_source_ops *ops,
			    struct file *file, struct ukevent *uk)
{
	struct kev_queue *q = w->queue;
	struct kev_values v = {};
	bool dead, told = false, over;
	int err;

	KEV_DELAY(ADD_TABLED);
	err = ops->attach(w, file, uk, &v);
	KEV_DELAY(ADD_HOOKED);
	if (unlikely(err)) {
		kev_watch_unmake(w, false);
		return err;
	}
	uk->cookie = w->ev.cookie;
	raw_spin_lock_irq(&q->lock);
	w->state &= ~KEV_W_ADDING;
	dead = w->state & KEV_W_DEAD;
	if (!dead)
		told = kev_watch_settle(w, &v, uk);
	over = told && (w->state & KEV_W_FIRED);
	raw_spin_unlock_irq(&q->lock);
	if (unlikely(dead)) {
		kev_watch_unmake(w, true);
	} else if (over) {
		kev_watch_add_done(q, uk->cookie);
		uk->cookie = 0;
	}
	return 0;
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
	struct kev_watch *w;
	int err;

	w = kev_watch_alloc(q, ops, file, uk);
	if (IS_ERR(w))
		return PTR_ERR(w);
	err = kev_watch_insert(w);
	if (likely(!err))
		return kev_watch_attach(w, ops, file, uk);
	kev_user_uncharge(q->account);
	kev_watch_free_one(w);
	return err;
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
	struct kev_target t = {};
	int err;

	err = kev_target_get(&t, self, uk);
	if (unlikely(err))
		return err;
	uk->ret_flags = 0;
	if (t.fd.file && unlikely(t.fd.file->f_op == self->f_op))
		uk->ret_flags = KEVENT_RET_QUEUE;
	err = kev_check_add(t.ops, t.fd.file, uk);
	if (likely(!err))
		err = kev_watch_make(q, t.ops, t.fd.file, uk);
	/* Only now: until here the file can't be released. */
	kev_fd_put(t.fd);
	return err;
}

/* ---- REMOVE, MODIFY, READY: finding the watch -------------------------- */

static __always_inline struct kev_key
kev_request_key(const struct kev_target *t, const struct ukevent *uk)
{
	return (struct kev_key){
		.file = t->fd.file,
		.type = uk->type,
		.id = uk->id.raw_u64,
		.owner = unlikely(t->ops->per_process) ? kev_owner_current() :
							 (struct kev_owner){},
		.cookie = uk->cookie,
	};
}

/*
 * Finds the watch that a request names, but one that has had its only event: that
 * is over.  Returns NULL if there is none.  Context: queue->mutex held.
 */
static __always_inline struct kev_watch *
kev_request_watch(struct kev_queue *q, const struct kev_target *t,
		  const struct ukevent *uk)
{
	struct kev_watch *w;

	if (uk->req_flags & KEVENT_REQ_COOKIE) {
		w = kev_find_cookie(q, uk->cookie);
		if (w && kev_watch_is_over(w))
			w = NULL;
	} else {
		const struct kev_key key = kev_request_key(t, uk);

		w = kev_find_key(q, &key, false);
	}
	return w;
}

/* Takes what is named, and the mutex.  On failure neither is held. */
static __always_inline int kev_request_begin(struct kev_queue *q,
					     struct file *self,
					     const struct ukevent *uk,
					     struct kev_target *t)
{
	int err;

	if (!(uk->req_flags & KEVENT_REQ_COOKIE)) {
		err = kev_target_get(t, self, uk);
		if (unlikely(err))
			return err;
	}
	mutex_lock(&q->mutex);
	return 0;
}

static __always_inline void kev_request_end(struct kev_queue *q,
					    struct kev_target *t)
{
	mutex_unlock(&q->mutex);
	/* Only now: until here the file can't be released. */
	kev_fd_put(t->fd);
}

/* ---- REMOVE ------------------------------------------------------------ */

/* Has it had its only event, and was that taken or freed? */
static bool kev_is_spent(struct kev_watch *w)
{
	struct kev_queue *q = w->queue;
	bool spent;

	if (likely(!kev_watch_is_over(w)))
		return false;
	raw_spin_lock_irq(&q->lock);
	spent = kev_watch_spent(w);
	raw_spin_unlock_irq(&q->lock);
	return spent;
}

/*
 * Stops what the source itself has under way.  ENOENT: it is still being added, so
 * the caller can't have its number yet.
 */
static int kev_watch_stop(struct kev_watch *w, struct ukevent *uk)
{
	bool adding;

	raw_spin_lock_irq(&w->queue->lock);
	adding = w->state & KEV_W_ADDING;
	raw_spin_unlock_irq(&w->queue->lock);
	if (adding)
		return -ENOENT;
	kev_source_of(w)->stop(w, uk);
	return 0;
}

/* Ends one watch.  Returns 0; 1: it was over, and its event taken, before; -errno. */
static __always_inline int kev_remove_one(struct kev_watch *w,
					  struct ukevent *uk)
{
	bool spent = kev_is_spent(w);
	int err;

	if (unlikely(kev_source_of(w)->stop) && !spent) {
		err = kev_watch_stop(w, uk);
		if (err)
			return err;
	}
	uk->ret_flags |= kev_watch_kill(w);
	return spent;
}

/* Ends all watches of a key: one, and those before it that are over. */
static int kev_remove_key(struct kev_queue *q, const struct kev_target *t,
			  struct ukevent *uk)
{
	const struct kev_key key = kev_request_key(t, uk);
	int ret, err = -ENOENT;
	struct kev_watch *w;
	bool more = true;

	while (more && (w = kev_find_key(q, &key, true))) {
		more = kev_may_have_before(w);
		ret = kev_remove_one(w, uk);
		if (ret < 0)
			return ret;
		if (!ret)
			err = 0;
		if (unlikely(more))
			cond_resched();
	}
	return err;
}

static int kev_remove_cookie(struct kev_queue *q, struct ukevent *uk)
{
	struct kev_watch *w = kev_find_cookie(q, uk->cookie);
	int ret = w ? kev_remove_one(w, uk) : 1;

	return ret > 0 ? -ENOENT : ret;
}

/** kev_watch_remove() - REMOVE; see kev_watch_add(). */
int kev_watch_remove(struct kev_queue *q, struct file *self,
		     struct ukevent *uk)
{
	struct kev_target t = {};
	int err;

	if (uk->req_flags & ~KEV_REQ_ALL)
		return -EINVAL;
	err = kev_request_begin(q, self, uk, &t);
	if (err)
		return err;
	KEV_DELAY(REMOVE_FOUND);
	uk->ret_flags = 0;
	if (uk->req_flags & KEVENT_REQ_COOKIE)
		err = kev_remove_cookie(q, uk);
	else
		err = kev_remove_key(q, &t, uk);
	kev_request_end(q, &t);
	return err;
}

/* ---- MODIFY ------------------------------------------------------------ */

/*
 * For sources that can't be asked: MODIFY reports again what it has taken back, and
 * what came while the watch was disarmed.
 */
static void kev_retell(struct kev_watch *w, u32 missed, u32 lost,
		       struct kev_values *v)
{
	v->bits = missed & w->ev.event;
	/* with bits that can't be asked for, but come with others */
	if (v->bits)
		v->bits |= missed & ~kev_source_of(w)->events;
	v->ret_flags = KEVENT_RET_DATA | lost;
	v->data = w->ev.ret_data[1];
}

/* New terms.  Context: queue->lock held. */
static __always_inline void kev_watch_set(struct kev_watch *w,
					  const struct kev_source_ops *ops,
					  const struct ukevent *uk)
{
	lockdep_assert_held(&w->queue->lock);
	w->terms++;
	w->missed = 0;
	kev_watch_take(w, ops, uk);
	/* Partner: kev_hook_woken(), which looks at them with no lock of ours. */
	smp_mb();
}

/*
 * From the old terms to the new ones.  No event of the old ones comes after this,
 * and what was outstanding is taken back, but not the letters of a mailbox: each
 * has a ptr of its own.  Context: queue->mutex and queue->lock held; the latter is
 * dropped meanwhile.
 */
static __always_inline void kev_watch_change(struct kev_queue *q,
					     const struct kev_source_ops *ops,
					     struct kev_watch *w,
					     struct ukevent *uk,
					     struct kev_values *v)
	__must_hold(&q->lock)
{
	struct kev_taken taken = {};
	u32 missed;

	/* what comes from here on goes to missed, and is reported below */
	w->state |= KEV_W_DISARMED;
	if (!(w->state & KEV_W_EACH))
		kev_disarm(w, &taken);
	if (ops->halt) {
		raw_spin_unlock_irq(&q->lock);
		ops->halt(w);
		raw_spin_lock_irq(&q->lock);
	}
	missed = w->missed | taken.bits;
	if (w->state & KEV_W_LOST)
		taken.lost = KEVENT_RET_LOST;
	kev_watch_set(w, ops, uk);
	if (ops->set)
		ops->set(w, uk);
	if (missed && !ops->look && !ops->halt)
		kev_retell(w, missed, taken.lost, v);
	uk->ret_flags = taken.ret;
}

/*
 * The file has to be asked in a task about the new terms.  The watch is pinned;
 * terms: how they were numbered.
 */
static void kev_modify_ask(struct kev_watch *w, struct file *file, u16 terms,
			   struct ukevent *uk)
{
	struct kev_queue *q = w->queue;
	struct kev_values v = {};

	KEV_DELAY(REARM_UNLOCKED);
	kev_source_of(w)->ask(file, uk->event, &v);
	kev_file_put(file);
	raw_spin_lock_irq(&q->lock);
	if (kev_watch_unpin(w) && w->terms == terms)
		kev_watch_settle(w, &v, uk);
	raw_spin_unlock_irq(&q->lock);
}

/* Unlocks the mutex, which the caller has locked.  EINPROGRESS: it is being added. */
static __always_inline int kev_watch_rearm(struct kev_queue *q,
					   const struct kev_source_ops *ops,
					   struct kev_watch *w,
					   struct ukevent *uk)
{
	struct file *file = NULL;
	struct kev_values v = {};
	int err = 0;
	u16 terms;

	raw_spin_lock_irq(&q->lock);
	if (w->state & (KEV_W_ADDING | KEV_W_UNTABLED | KEV_W_FIRED))
		err = w->state & KEV_W_ADDING ? -EINPROGRESS : -ENOENT;
	else if ((w->state & KEV_W_EACH) && kev_wants_letter(uk) &&
		 kev_mailbox_is_full(w))
		err = -EAGAIN;
	if (err) {
		raw_spin_unlock_irq(&q->lock);
		mutex_unlock(&q->mutex);
		return err;
	}
	kev_watch_change(q, ops, w, uk, &v);
	terms = w->terms;
	if (ops->modify) {
		raw_spin_unlock_irq(&q->lock);
		ops->modify(w, uk);
		raw_spin_lock_irq(&q->lock);
	}
	/* from here on, where the parameters were */
	uk->cookie = w->ev.cookie;
	if (!ops->look || ops->look(w, &v))
		kev_watch_settle(w, &v, uk);
	else if (!kev_watch_pin(w, &file))
		file = NULL;		/* just being closed */
	raw_spin_unlock_irq(&q->lock);
	mutex_unlock(&q->mutex);
	if (file)
		kev_modify_ask(w, file, terms, uk);
	return 0;
}

static __always_inline int kev_modify_once(struct kev_queue *q,
					   struct file *self,
					   struct ukevent *uk)
{
	const struct kev_source_ops *ops;
	struct kev_target t = {};
	struct kev_watch *w;
	int err;

	err = kev_request_begin(q, self, uk, &t);
	if (err)
		return err;
	w = kev_request_watch(q, &t, uk);
	if (!w) {
		kev_request_end(q, &t);
		return -ENOENT;
	}
	ops = kev_source_of(w);
	err = ops->own_call ? -EINVAL : kev_check(ops, uk);
	if ((uk->req_flags ^ w->ev.req_flags) & KEV_REQ_FIXED)
		err = -EINVAL;
	if (ops->modify_params && (uk->req_flags & KEVENT_REQ_COOKIE))
		err = -EINVAL;
	if (err)
		mutex_unlock(&q->mutex);
	else
		err = kev_watch_rearm(q, ops, w, uk);
	kev_fd_put(t.fd);
	return err;
}

/** kev_watch_modify() - MODIFY; see kev_watch_add(). */
int kev_watch_modify(struct kev_queue *q, struct file *self,
		     struct ukevent *uk)
{
	int err;

	/*
	 * Another thread may have taken the event before ADD is through.  ADD asks
	 * the file meanwhile, which ends by itself, or when its thread is killed.
	 */
	while (unlikely((err = kev_modify_once(q, self, uk)) == -EINPROGRESS)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		usleep_range_state(50, 100, TASK_KILLABLE);
	}
	return err;
}

/* ---- READY ------------------------------------------------------------- */

/* Context: queue->lock held. */
static int kev_fire_locked(struct kev_watch *w, u32 bits,
			   const struct ukevent *uk)
{
	const struct kev_source_ops *ops = kev_source_of(w);
	const struct kev_values v = { .bits = bits };

	if (w->state & (KEV_W_UNTABLED | KEV_W_FIRED))
		return -ENOENT;
	if (!bits || ops->own_call)
		return -EINVAL;
	if (ops->fire)
		return ops->fire(w, bits, uk);
	if (w->ev.req_flags & KEVENT_REQ_LAST_CHECK)
		kev_ready_ask(w);
	else
		kev_ready_long(w, v, 0, 0);
	return 0;
}

/** kev_watch_fire() - READY; see kev_watch_add(). */
int kev_watch_fire(struct kev_queue *q, struct file *self, struct ukevent *uk)
{
	struct kev_target t = {};
	struct kev_watch *w;
	int err;
	u32 bits;

	if (uk->req_flags & ~KEV_REQ_ALL)
		return -EINVAL;
	err = kev_request_begin(q, self, uk, &t);
	if (err)
		return err;
	w = kev_request_watch(q, &t, uk);
	KEV_DELAY(FIRE_FOUND);
	err = -ENOENT;
	if (w) {
		uk->ret_flags = 0;
		raw_spin_lock_irq(&q->lock);
		bits = uk->event ? uk->event & w->ev.event : w->ev.event;
		err = kev_fire_locked(w, bits, uk);
		raw_spin_unlock_irq(&q->lock);
	}
	kev_request_end(q, &t);
	return err;
}
