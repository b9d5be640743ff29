// SPDX-License-Identifier: GPL-2.0
/*
 * See lookup.h.
 */
#include <linux/hash.h>
#include <linux/rhashtable.h>

#include "delay.h"
#include "lookup.h"

/* Buckets that are always there: 16 KB. */
#define KEV_FILES_MIN		2048
/* Watches of one open file that all users together may have. */
#define KEV_FILE_WATCHES_ALL	(4 * KEV_FILE_WATCHES_MAX)

static struct rhltable kev_files;

/* Nobody can choose the addresses of files: a multiplication will do. */
static u32 kev_file_hash(const void *data, u32 len, u32 seed)
{
	return hash_long(*(const unsigned long *)data, 32) ^ seed;
}

static int kev_file_compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct kev_watch *w = obj;

	return w->file != *(struct file *const *)arg->key;
}

static const struct rhashtable_params kev_files_params = {
	.key_len = sizeof(struct file *),
	.key_offset = offsetof(struct kev_watch, file),
	.head_offset = offsetof(struct kev_watch, node),
	.hashfn = kev_file_hash,
	.obj_cmpfn = kev_file_compare,
	.min_size = KEV_FILES_MIN,
	.automatic_shrinking = true,
};

/* ---- Files ------------------------------------------------------------- */

/* Called by the hook for each last close in the system.  Any context, no lock. */
bool kev_file_is_watched(struct file *file)
{
	bool found;

	rcu_read_lock();
	found = rhltable_lookup(&kev_files, &file, kev_files_params);
	rcu_read_unlock();
	return found;
}

/*
 * The queue of the first watch of the file, referenced; NULL if there is none,
 * or, with *again, if that watch is just leaving the table.
 */
struct kev_queue *kev_file_queue(struct file *file, bool *again)
{
	struct rhlist_head *list;
	struct kev_queue *q = NULL;

	rcu_read_lock();
	list = rhltable_lookup(&kev_files, &file, kev_files_params);
	*again = list;
	if (list) {
		q = container_of(list, struct kev_watch, node)->queue;
		KEV_DELAY(FILE_QUEUE);
		if (!refcount_inc_not_zero(&q->refs))
			q = NULL;
	}
	rcu_read_unlock();
	return q;
}

/*
 * The first watch of the file, if it is this queue's.  Only the first: whoever
 * ends all of them takes one step for each.  Context: queue->mutex held.
 */
struct kev_watch *kev_file_first(struct kev_queue *q, struct file *file)
{
	struct kev_watch *w = NULL;
	struct rhlist_head *list;

	lockdep_assert_held(&q->mutex);
	rcu_read_lock();
	list = rhltable_lookup(&kev_files, &file, kev_files_params);
	if (list)
		w = container_of(list, struct kev_watch, node);
	if (w && w->queue != q)
		w = NULL;
	rcu_read_unlock();
	return w;
}

/* See kev_find_key(). */
struct kev_watch *kev_find_file(struct kev_queue *q, struct file *file,
				u32 type, u64 id, bool over)
{
	struct rhlist_head *list, *pos;
	struct kev_watch *w;

	lockdep_assert_held(&q->mutex);
	rcu_read_lock();
	list = rhltable_lookup(&kev_files, &file, kev_files_params);
	rhl_for_each_entry_rcu(w, pos, list, node)
		if (kev_is_same(w, q, type, id) &&
		    (over || !kev_watch_is_over(w)))
			goto found;
	w = NULL;
found:
	rcu_read_unlock();
	return w;
}

/**
 * struct kev_crowd - what a new watch finds beside it, of its file or number
 * @mine: watches of the same user.
 * @all: those of all users.
 * @twin: there is one of the same key that is not over: EEXIST.
 * @over: the newest of the same key that is over and still hooked; or NULL.
 */
struct kev_crowd {
	unsigned int mine;
	unsigned int all;
	bool twin;
	struct kev_watch *over;
};

/* One of the same key is there: may another be? */
static void kev_crowd_same(struct kev_crowd *c, struct kev_watch *other)
{
	if (!kev_watch_is_over(other)) {
		c->twin = true;
		return;
	}
	if (c->over)
		return;
	/* a hint: who takes it down looks again under the lock */
	if (!data_race(other->state & KEV_W_UNHOOKED))
		c->over = other;
}

static void kev_look_around(struct kev_watch *w, struct kev_crowd *c)
{
	struct kev_queue *q = w->queue;
	struct rhlist_head *pos;
	struct kev_watch *other;

	rcu_read_lock();
	for (pos = rcu_dereference(w->node.next); pos;
	     pos = rcu_dereference(pos->next)) {
		other = container_of(pos, struct kev_watch, node);
		if (kev_is_same(other, q, w->ev.type, w->ev.id.raw_u64))
			kev_crowd_same(c, other);
		/* the queue of what is in the table is there */
		c->mine += other->queue->account == q->account;
		c->all++;
	}
	rcu_read_unlock();
}

static int kev_file_add(struct kev_watch *w, struct kev_watch **over)
{
	struct kev_crowd c = {};
	int err = 0;

	/* whichever error it is: the table could not grow, or not fast enough */
	if (unlikely(rhltable_insert(&kev_files, &w->node, kev_files_params)))
		return -ENOMEM;
	/* those of the same key follow the one that was inserted last */
	if (likely(!rcu_access_pointer(w->node.next)))
		return 0;
	kev_look_around(w, &c);
	/* ADDs that race may exceed the limit by their number: that's no harm */
	if (c.twin)
		err = -EEXIST;
	else if (c.mine >= KEV_FILE_WATCHES_MAX || c.all >= KEV_FILE_WATCHES_ALL)
		err = -ENOSPC;
	if (err)
		rhltable_remove(&kev_files, &w->node, kev_files_params);
	*over = c.over;
	return err;
}

/* ---- Numbers ----------------------------------------------------------- */

static int kev_compare(u64 a, u64 b)
{
	return a < b ? -1 : a > b;
}

static struct kev_owner kev_owner_of(const struct kev_watch *w)
{
	if (!(w->state & KEV_W_OWNED))
		return (struct kev_owner){};
	return container_of(w, struct kev_owned, watch)->owner;
}

static struct kev_key kev_number_key(const struct kev_watch *w)
{
	return (struct kev_key){
		.type = w->ev.type,
		.id = w->ev.id.raw_u64,
		.owner = kev_owner_of(w),
	};
}

static int kev_number_compare(const void *data, const struct rb_node *node)
{
	const struct kev_watch *w = rb_entry(node, struct kev_watch, number);
	const struct kev_key *key = data;
	struct kev_owner owner;
	int ret;

	ret = kev_compare(key->id, w->ev.id.raw_u64);
	if (!ret)
		ret = kev_compare(key->type, w->ev.type);
	if (ret)
		return ret;
	owner = kev_owner_of(w);
	ret = kev_compare((unsigned long)key->owner.signal,
			  (unsigned long)owner.signal);
	return ret ?: kev_compare(key->owner.exec, owner.exec);
}

/*
 * The last of a number: those before it are over.  *link and *parent: where another
 * one would go.
 */
static struct kev_watch *kev_number_last(struct kev_queue *q,
					 const struct kev_key *key,
					 struct rb_node ***link,
					 struct rb_node **parent)
{
	struct kev_watch *last = NULL;
	int ret;

	*link = &q->numbers.rb_node;
	*parent = NULL;
	while (**link) {
		*parent = **link;
		ret = kev_number_compare(key, *parent);
		if (!ret)
			last = rb_entry(*parent, struct kev_watch, number);
		*link = ret < 0 ? &(*parent)->rb_left : &(*parent)->rb_right;
	}
	return last;
}

/* See kev_find_key(). */
struct kev_watch *kev_find_number(struct kev_queue *q,
				  const struct kev_key *key, bool over)
{
	struct rb_node **link, *parent;
	struct kev_watch *w;

	lockdep_assert_held(&q->mutex);
	w = kev_number_last(q, key, &link, &parent);
	return w && (over || !kev_watch_is_over(w)) ? w : NULL;
}

static int kev_number_add(struct kev_watch *w, struct kev_watch **over)
{
	const struct kev_key key = kev_number_key(w);
	struct rb_node **link, *parent;
	struct kev_crowd c = {};
	struct kev_watch *last;

	last = kev_number_last(w->queue, &key, &link, &parent);
	if (unlikely(last)) {
		kev_crowd_same(&c, last);
		if (c.twin)
			return -EEXIST;
	}
	rb_link_node(&w->number, parent, link);
	rb_insert_color(&w->number, &w->queue->numbers);
	*over = c.over;
	return 0;
}

/* One of the same number that was there before, and so is over; or NULL. */
struct kev_watch *kev_find_before(struct kev_watch *w)
{
	const struct kev_key key = kev_number_key(w);
	struct rb_node *node;

	lockdep_assert_held(&w->queue->mutex);
	if (!(w->state & KEV_W_NUMBER))
		return NULL;
	node = rb_prev(&w->number);
	if (!node || kev_number_compare(&key, node))
		return NULL;
	return rb_entry(node, struct kev_watch, number);
}

/* ---- Both -------------------------------------------------------------- */

/**
 * kev_lookup_add() - put a watch where it can be found by its key
 * @w: the watch.
 * @over: out: one of the same key that has had its only event and is still hooked,
 *	or NULL.
 *
 * Context: queue->mutex held.  Returns 0, EEXIST, ENOSPC (too many of the file) or
 * ENOMEM.
 */
int kev_lookup_add(struct kev_watch *w, struct kev_watch **over)
{
	lockdep_assert_held(&w->queue->mutex);
	*over = NULL;
	return w->state & KEV_W_NUMBER ? kev_number_add(w, over) :
					 kev_file_add(w, over);
}

/* Context: queue->mutex held. */
void kev_lookup_del(struct kev_watch *w)
{
	lockdep_assert_held(&w->queue->mutex);
	if (w->state & KEV_W_NUMBER)
		rb_erase(&w->number, &w->queue->numbers);
	else
		rhltable_remove(&kev_files, &w->node, kev_files_params);
}

int kev_lookup_init(void)
{
	return rhltable_init(&kev_files, &kev_files_params);
}

void kev_lookup_exit(void)
{
	rhltable_destroy(&kev_files);
}
