// SPDX-License-Identifier: GPL-2.0
/*
 * Hooking an inode: fsnotify's marks.
 *
 * One group for each user, that allows several marks on one inode: each watch has
 * its own, so that watches know nothing of each other.  Its lock is held while a
 * mark comes or goes, and memory is allocated for that: so no user waits for
 * another.  It is never held while something is reported.
 *
 * fsnotify walks marks under an SRCU that modules can't wait for, so a mark may
 * be reported to after it was destroyed.  It then finds no watch: that is what
 * marks->lock is for, under which the watch goes and is called.  Marks are
 * freed by fsnotify, some time later, perhaps much later; kev_marks_exit()
 * waits for that.
 *
 * Lock order: queue->mutex, group->mark_mutex, fsnotify's spinlocks; and by
 * itself, marks->lock, queue->lock.  The group's lock is not held over reclaim
 * that enters file systems.  Taking a mark off never drops the last reference
 * to the inode: that of the open file lives longer than the watch.
 */
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "../delay.h"
#include "../quota.h"
#include "fsnotify.h"

/*
 * Watches of one user on one inode.  Each costs time whenever anybody does
 * something to that file; inotify comes to 128 by its limit of instances.
 */
#define KEV_MARKS_MAX	256

static struct rhltable kev_marks_table;

/* Marks that fsnotify has not yet freed. */
static atomic_t kev_marks_live = ATOMIC_INIT(0);

static const struct rhashtable_params kev_marks_params = {
	.key_len = sizeof(struct kev_marks_key),
	.key_offset = offsetof(struct kev_marks, on),
	.head_offset = offsetof(struct kev_marks, node),
	.automatic_shrinking = true,
};

/* ---- What fsnotify calls ----------------------------------------------- */

static struct kev_mark *kev_mark_of(struct fsnotify_mark *mark)
{
	return container_of(mark, struct kev_mark, mark);
}

static void kev_marks_put(struct kev_marks *m)
{
	if (refcount_dec_and_test(&m->refs))
		kfree_rcu(m, rcu);
}

/*
 * In the task that did it; fsnotify may hold locks of the file system.  What
 * several marks of one watch are told is divided among them by their masks.
 */
static int kev_marks_event(struct fsnotify_mark *mark, u32 mask,
			   struct inode *inode, struct inode *dir,
			   const struct qstr *name, u32 cookie)
{
	struct kev_marks *m = kev_mark_of(mark)->all;

	mask &= mark->mask | FS_ISDIR;
	KEV_DELAY(MARKS_EVENT);
	spin_lock(&m->lock);
	if (m->watch)
		m->func(m->watch, mask, inode, name, cookie);
	spin_unlock(&m->lock);
	return 0;
}

/* Nobody looks at it any more. */
static void kev_marks_free(struct fsnotify_mark *mark)
{
	kev_marks_put(kev_mark_of(mark)->all);
	atomic_dec(&kev_marks_live);
}

static const struct fsnotify_ops kev_marks_ops = {
	.handle_inode_event	= kev_marks_event,
	.free_mark		= kev_marks_free,
};

/* ---- Making and ending ------------------------------------------------- */

/* The user's group is made when it is first needed, and ends with the account. */
static int kev_marks_make_group(struct kev_user *user)
{
	struct fsnotify_group **where = &user->marks, *group;

	/* Partner: the cmpxchg() below */
	if (likely(smp_load_acquire(where)))
		return 0;
	group = fsnotify_alloc_group(&kev_marks_ops, FSNOTIFY_GROUP_DUPS |
						     FSNOTIFY_GROUP_NOFS);
	if (IS_ERR(group))
		return PTR_ERR(group);
	if (cmpxchg(where, NULL, group))
		fsnotify_put_group(group);
	return 0;
}

static bool kev_marks_are_many(const struct kev_marks *m)
{
	struct rhlist_head *list, *pos;
	unsigned int n = 0;

	rcu_read_lock();
	list = rhltable_lookup(&kev_marks_table, &m->on, kev_marks_params);
	rhl_for_each_rcu(pos, list)
		if (++n >= KEV_MARKS_MAX)
			break;
	rcu_read_unlock();
	return n >= KEV_MARKS_MAX;
}

/**
 * kev_marks_alloc() - make what a watch hangs on an inode with
 * @w: the watch.
 * @inode: its inode; the caller holds the open file.
 * @func: called for each event.
 *
 * Nothing is marked yet.  Context: process, no lock.  Returns an ERR_PTR: ENOMEM
 * or, where the user has too many on this inode already, ENOSPC.
 */
struct kev_marks *kev_marks_alloc(struct kev_watch *w, struct inode *inode,
				  kev_marks_func func)
{
	struct kev_marks *m;
	int err;

	err = kev_marks_make_group(w->queue->account);
	if (err)
		return ERR_PTR(err);
	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return ERR_PTR(-ENOMEM);
	refcount_set(&m->refs, 1);
	spin_lock_init(&m->lock);
	m->watch = w;
	m->func = func;
	m->on.inode = inode;
	m->on.user = w->queue->account;
	err = -ENOSPC;
	/* ADDs that race may exceed the limit by their number: that's no harm */
	if (kev_marks_are_many(m))
		goto err_free;
	err = rhltable_insert(&kev_marks_table, &m->node, kev_marks_params);
	if (!err)
		return m;
	/* as in kev_file_add() */
	err = -ENOMEM;
err_free:
	kfree(m);
	return ERR_PTR(err);
}

/**
 * kev_marks_add() - mark the inode
 * @m: a mark of it is still free.
 * @inode: its inode.
 * @mask: FS_*, none of which is in another mark of @m.
 *
 * Events may come from here on.  If it fails, kev_marks_end() is still due.
 * Context: process; allocates, without entering file systems, if this is the
 * first mark of anybody on the inode.
 */
int kev_marks_add(struct kev_marks *m, struct inode *inode, u32 mask)
{
	struct fsnotify_group *group = m->on.user->marks;
	struct kev_mark *k = &m->mark[m->used];

	if (WARN_ON_ONCE(m->used == ARRAY_SIZE(m->mark)))
		return -EINVAL;
	k->all = m;
	refcount_inc(&m->refs);
	atomic_inc(&kev_marks_live);
	fsnotify_init_mark(&k->mark, group);
	k->mark.mask = mask;
	m->used++;
	return fsnotify_add_inode_mark(&k->mark, inode, 0);
}

/**
 * kev_marks_widen() - see to it that the marks cover more
 * @m: has one mark, or two.
 * @inode: its inode.
 * @mask: FS_*: to be covered.
 * @rest: FS_*: all that may ever be.
 *
 * Context: queue->mutex held.  The inode is marked already, so nothing is
 * allocated and nothing fails.  If the kernel has taken the mark off, with the
 * file's last name, no more was promised.
 */
void kev_marks_widen(struct kev_marks *m, struct inode *inode, u32 mask,
		     u32 rest)
{
	const struct fsnotify_mark *first = &m->mark[0].mark;
	u32 have = first->mask;

	lockdep_assert_held(&m->watch->queue->mutex);
	if ((mask & ~have) && m->used == 1 &&
	    (READ_ONCE(first->flags) & FSNOTIFY_MARK_FLAG_ATTACHED))
		kev_marks_add(m, inode, (rest & ~have) |
			      (have & FS_EVENT_ON_CHILD));
}

/**
 * kev_marks_end() - take the marks off
 * @m: may be freed afterwards.
 *
 * No call of func is under way or comes after.  Context: process, may sleep.
 */
void kev_marks_end(struct kev_marks *m)
{
	spin_lock(&m->lock);
	m->watch = NULL;
	spin_unlock(&m->lock);
	KEV_DELAY(MARKS_ENDED);
	rhltable_remove(&kev_marks_table, &m->node, kev_marks_params);
	while (m->used--) {
		fsnotify_destroy_mark(&m->mark[m->used].mark,
				      m->mark[m->used].mark.group);
		KEV_DELAY(MARKS_UNMARKED);
		fsnotify_put_mark(&m->mark[m->used].mark);
	}
	kev_marks_put(m);
}

/* ---- Load and unload --------------------------------------------------- */

int kev_marks_init(void)
{
	return rhltable_init(&kev_marks_table, &kev_marks_params);
}

/*
 * No watch is left.  A mark may yet be held by somebody who waits for the answer
 * of a fanotify listener.  The last turn is for the worker that freed the last
 * mark: it may still be in our text.
 */
void kev_marks_exit(void)
{
	for (;;) {
		bool live = atomic_read(&kev_marks_live);

		fsnotify_wait_marks_destroyed();
		if (!live)
			break;
		schedule_timeout_uninterruptible(1);
	}
	rhltable_destroy(&kev_marks_table);
}
