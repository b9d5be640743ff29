/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finding watches: by file or number, in one table for all queues; by cookie,
 * in the queue's own.  Inlined where requests need it.
 *
 * The table of files is changed under the queue->mutex of the watch concerned,
 * and read under RCU.
 */
#ifndef KEV_LOOKUP_H
#define KEV_LOOKUP_H

#include <linux/hash.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/siphash.h>

#include "source.h"

/* Buckets that are always there: 16 KB. */
#define KEV_FILES_MIN	2048

extern struct rhltable kev_files;

/*
 * Watches of one open file, of all queues.  Each takes time, with irqs off, in
 * the file's wake-ups, and the table keeps them in one list, through which ADD
 * and removal go.
 */
#define KEV_FILE_WATCHES_MAX	4096

/* Keys are unknown to users, see kev_key_of(): a multiplication will do. */
static inline u32 kev_key_hash(const void *data, u32 len, u32 seed)
{
	return hash_long(*(const unsigned long *)data, 32) ^ seed;
}

static inline int kev_key_compare(struct rhashtable_compare_arg *arg,
				  const void *obj)
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

extern hsiphash_key_t kev_key_secret;

/*
 * The address of the file; or, for what has none, something odd that nobody can
 * choose, made from the id.  An id that means something else in each process is
 * the calling one's, until it calls exec.
 */
static inline unsigned long kev_key_of(const struct kev_source_ops *ops,
				       const struct kev_queue *q,
				       const struct file *file,
				       const struct ukevent *uk)
{
	unsigned long key;

	if (file)
		return (unsigned long)file;
	key = hsiphash_3u32(uk->id.raw[0], uk->id.raw[1], uk->type,
			    &kev_key_secret);
	key = (unsigned long)q ^ key << 1;
	if (ops->per_process)
		key ^= (unsigned long)current->signal ^
		       hash_64(current->self_exec_id, 32);
	return key | 1;
}

static inline bool kev_is_same(const struct kev_watch *w,
			       const struct kev_queue *q, u32 type, u64 id)
{
	return w->queue == q && w->ev.type == type && w->ev.id.raw_u64 == id;
}

static inline struct kev_watch *kev_find_key(struct kev_queue *q,
					     unsigned long key, u32 type, u64 id)
{
	struct rhlist_head *list, *pos;
	struct kev_watch *w;

	rcu_read_lock();
	list = rhltable_lookup(&kev_files, &key, kev_files_params);
	rhl_for_each_entry_rcu(w, pos, list, node)
		if (kev_is_same(w, q, type, id))
			goto found;
	w = NULL;
found:
	rcu_read_unlock();
	return w;
}

static inline struct kev_watch *kev_find_cookie(struct kev_queue *q, u64 cookie)
{
	struct kev_watch *w = kev_table_get(&q->watches, (u32)cookie);

	return w && w->ev.cookie == cookie ? w : NULL;
}

static inline void kev_files_remove(struct kev_watch *w)
{
	rhltable_remove(&kev_files, &w->node, kev_files_params);
}

int kev_files_look(struct kev_watch *w, struct kev_watch **twin);

/*
 * Puts a watch into the table.  *twin: one of the same queue, type, id and file
 * that was there already, or NULL.  ENOSPC: the file has its fill.
 */
static inline int kev_files_insert(struct kev_watch *w, struct kev_watch **twin)
{
	int err;

	*twin = NULL;
	err = rhltable_insert(&kev_files, &w->node, kev_files_params);
	/* whichever it is: the table could not grow, or not fast enough */
	if (unlikely(err))
		return -ENOMEM;
	/* those of the same key follow the one that was inserted last */
	if (likely(!rcu_access_pointer(w->node.next)))
		return 0;
	return kev_files_look(w, twin);
}

#endif /* KEV_LOOKUP_H */
