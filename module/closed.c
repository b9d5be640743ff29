// SPDX-License-Identifier: GPL-2.0
/*
 * Files end, and their watches with them; or nobody can tell of their end any
 * more, and all watches of files end.
 */
#include "delay.h"
#include "lookup.h"

/*
 * Ends all watches of a file, from the close hook.  The file has no references
 * left, so none is added meanwhile.
 */
void kev_file_closed(struct file *file)
{
	struct kev_queue *q;
	struct kev_watch *w;
	bool again;

	while ((q = kev_file_queue(file, &again)) || again) {
		if (!q) {
			cond_resched();
			continue;
		}
		KEV_DELAY(CLOSE_NEXT);
		mutex_lock(&q->mutex);
		while ((w = kev_file_watch(q, file)))
			kev_watch_close(w);
		mutex_unlock(&q->mutex);
		kev_queue_put(q);
		cond_resched();
	}
}

/* Those of one queue, the newest first: see kev_watch_remove_all(). */
static void kev_queue_lose_files(struct kev_queue *q)
{
	struct kev_watch *w;
	u32 i;

	mutex_lock(&q->mutex);
	for (i = q->watches.used; i-- > 0;) {
		w = kev_table_get(&q->watches, i);
		if (w && kev_watch_file(w))
			kev_watch_lose(w);
		mutex_unlock(&q->mutex);
		cond_resched();
		mutex_lock(&q->mutex);
	}
	mutex_unlock(&q->mutex);
}

/* The queue of a watch that was just found; then the walk goes on. */
static void kev_files_lose_found(struct rhashtable_iter *iter, struct kev_queue *q)
	__releases(RCU)
	__acquires(RCU)
{
	bool lives = refcount_inc_not_zero(&q->refs);

	rhashtable_walk_stop(iter);
	if (lives) {
		kev_queue_lose_files(q);
		kev_queue_put(q);
	} else {
		/* it is just being released, and its watches with it */
		schedule_timeout_uninterruptible(1);
	}
	rhashtable_walk_start(iter);
}

/* So many of other kinds are passed by at a time. */
#define KEV_WALK_BATCH	1024

/* One walk through the table.  True: there were watches of files. */
static bool kev_files_lose_some(void)
{
	struct rhashtable_iter iter;
	struct kev_watch *w;
	unsigned int n = 0;
	bool found = false;

	rhltable_walk_enter(&kev_files, &iter);
	rhashtable_walk_start(&iter);
	while ((w = rhashtable_walk_next(&iter))) {
		/* an error: the table was made anew, and the walk begins again */
		if (!IS_ERR(w) && !data_race(w->key & 1)) {
			/* the key may change: it is looked at under the mutex */
			found = true;
			kev_files_lose_found(&iter, w->queue);
		} else if (++n % KEV_WALK_BATCH == 0) {
			rhashtable_walk_stop(&iter);
			cond_resched();
			rhashtable_walk_start(&iter);
		}
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return found;
}

/* Ends all watches of files, and lets nobody add others.  May sleep. */
void kev_files_lose(void)
{
	WRITE_ONCE(kev_files_lost, true);
	/* who did not see that has its watch in the table: kev_files_insert() */
	synchronize_rcu();
	while (kev_files_lose_some())
		cond_resched();
}
