// SPDX-License-Identifier: GPL-2.0
/*
 * The table of all watches, by file: what the close hook asks.
 */
#include <linux/random.h>

#include "lookup.h"
#include "delay.h"

struct rhltable kev_files;
hsiphash_key_t kev_key_secret __read_mostly;

/*
 * The watches of the same file as one that was just put into the table: see
 * kev_files_insert().  If it fails, the watch is out of the table.
 */
int kev_files_look(struct kev_watch *w, struct kev_watch **twin)
{
	struct rhlist_head *pos;
	struct kev_watch *other;
	unsigned int n = 0;

	rcu_read_lock();
	for (pos = rcu_dereference(w->node.next); pos && !*twin;
	     pos = rcu_dereference(pos->next)) {
		other = container_of(pos, struct kev_watch, node);
		if (kev_is_same(other, w->queue, w->ev.type, w->ev.id.raw_u64))
			*twin = other;
		n++;
	}
	rcu_read_unlock();
	/* ADDs that race may exceed the limit by their number: that's no harm */
	if (likely(n < KEV_FILE_WATCHES_MAX || *twin))
		return 0;
	kev_files_remove(w);
	return -ENOSPC;
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

/*
 * The queue of some watch of the file, referenced; NULL if there is none, or,
 * with *again, if its last watch is just leaving the table.
 */
struct kev_queue *kev_file_queue(struct file *file, bool *again)
{
	unsigned long key = (unsigned long)file;
	struct rhlist_head *list;
	struct kev_queue *q = NULL;

	rcu_read_lock();
	list = rhltable_lookup(&kev_files, &key, kev_files_params);
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

/* Some watch of the file in this queue.  Context: queue->mutex held. */
struct kev_watch *kev_file_watch(struct kev_queue *q, struct file *file)
{
	unsigned long key = (unsigned long)file;
	struct rhlist_head *list, *pos;
	struct kev_watch *w;

	lockdep_assert_held(&q->mutex);
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

int kev_lookup_init(void)
{
	get_random_bytes(&kev_key_secret, sizeof(kev_key_secret));
	return rhltable_init(&kev_files, &kev_files_params);
}

void kev_lookup_exit(void)
{
	rhltable_destroy(&kev_files);
}
