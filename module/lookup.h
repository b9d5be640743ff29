/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finding watches: of a file, in one table for all queues, which the hook of
 * closes asks; of a number, in the queue's own tree; by cookie, in its table.
 *
 * The table of files is changed under the queue->mutex of the watch concerned,
 * and read under RCU.  Tree and table: queue->mutex.
 */
#ifndef KEV_LOOKUP_H
#define KEV_LOOKUP_H

#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "kev.h"

/*
 * Watches of one open file that one user may have, in all queues.  Each takes
 * time, with irqs off, in the file's wake-ups.
 */
#define KEV_FILE_WATCHES_MAX	4096

/**
 * struct kev_owner - a process, until it calls exec
 * @signal: its signal_struct, which lives as long as an armed watch names it.  Only
 *	compared: one that is over may name a process that has gone.
 * @exec: counts its calls of exec.
 */
struct kev_owner {
	const struct signal_struct *signal;
	u64 exec;
};

/**
 * struct kev_owned - a watch whose number means something else in each process
 * @watch: the watch.
 * @owner: who added it.
 */
struct kev_owned {
	struct kev_watch watch;
	struct kev_owner owner;
};

static inline struct kev_owner kev_owner_current(void)
{
	return (struct kev_owner){
		.signal = current->signal,
		.exec = current->self_exec_id,
	};
}

/**
 * struct kev_key - what a watch is looked up by
 * @file: its open file; NULL: of a number.
 * @type: KEVENT_*.
 * @id: as struct ukevent has it.
 * @owner: of a number that means something else in each process; or zeros.
 * @cookie: of a file: perhaps that of the watch, which then need not be searched.
 */
struct kev_key {
	struct file *file;
	u32 type;
	u64 id;
	struct kev_owner owner;
	u64 cookie;
};

/* One that has had its only event is no longer meant: see "STATES". */
static inline bool kev_watch_is_over(const struct kev_watch *w)
{
	/* set under queue->lock, and for good but with LAST_CHECK: kev_recall() */
	return data_race(w->state & KEV_W_FIRED);
}

static inline struct kev_watch *kev_find_cookie(struct kev_queue *q, u64 cookie)
{
	struct kev_watch *w = kev_table_get(&q->watches, (u32)cookie);

	return w && w->ev.cookie == cookie ? w : NULL;
}

static inline bool kev_is_same(const struct kev_watch *w,
			       const struct kev_queue *q, u32 type, u64 id)
{
	return w->queue == q && w->ev.type == type && w->ev.id.raw_u64 == id;
}

bool kev_file_is_watched(struct file *file);
struct kev_queue *kev_file_queue(struct file *file, bool *again);
struct kev_watch *kev_file_first(struct kev_queue *q, struct file *file);
struct kev_watch *kev_find_file(struct kev_queue *q, struct file *file,
				u32 type, u64 id, bool over);
struct kev_watch *kev_find_number(struct kev_queue *q,
				  const struct kev_key *key, bool over);
struct kev_watch *kev_find_before(struct kev_watch *w);
int kev_lookup_add(struct kev_watch *w, struct kev_watch **over);
void kev_lookup_del(struct kev_watch *w);
int kev_lookup_init(void);
void kev_lookup_exit(void);

/**
 * kev_find_key() - a watch by its key
 * @q: the queue.
 * @key: file or number.
 * @over: one that has had its only event will do.
 *
 * Context: queue->mutex held.  Returns NULL if there is none.
 */
static __always_inline struct kev_watch *
kev_find_key(struct kev_queue *q, const struct kev_key *key, bool over)
{
	struct kev_watch *w;

	if (unlikely(!key->file))
		return kev_find_number(q, key, over);
	/* only one of a key is not over: the newest */
	w = key->cookie ? kev_find_cookie(q, key->cookie) : NULL;
	if (w && w->file == key->file &&
	    kev_is_same(w, q, key->type, key->id) && !kev_watch_is_over(w))
		return w;
	return kev_find_file(q, key->file, key->type, key->id, over);
}

/*
 * May there be an older one of its key?  Those of a file are in the order of their
 * ages, the newest first, with other keys among them.  Context: queue->mutex held.
 */
static inline bool kev_may_have_before(struct kev_watch *w)
{
	if (w->state & KEV_W_NUMBER)
		return kev_find_before(w);
	return rcu_access_pointer(w->node.next);
}

#endif /* KEV_LOOKUP_H */
