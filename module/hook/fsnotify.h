/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooking an inode: fsnotify's marks.
 */
#ifndef KEV_HOOK_FSNOTIFY_H
#define KEV_HOOK_FSNOTIFY_H

#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>

#include "../compat/fsnotify.h"
#include "../kev.h"

struct kev_marks;

/*
 * Something happened.  @mask: FS_*; with FS_EVENT_ON_CHILD to a file in the
 * watched directory.  @name: NULL, or in the directory.  Called in the task
 * that did it, under marks->lock: must not sleep.
 */
typedef void (*kev_marks_func)(struct kev_watch *w, u32 mask,
			       const struct inode *inode,
			       const struct qstr *name, u32 move);

/**
 * struct kev_mark - one of a watch's marks
 * @mark: fsnotify's; freed by it when nobody is looking at it any more.
 * @all: where it belongs.
 */
struct kev_mark {
	struct fsnotify_mark mark;
	struct kev_marks *all;
};

/**
 * struct kev_marks - how a watch hangs on its inode
 * @refs: the watch, and each mark.
 * @used: marks that were made.  queue->mutex, or ADD.
 * @lock: calls of @func; and @watch.
 * @watch: NULL once it is detached.
 * @func: the source's, called for each event.
 * @on: inode and user, the key in kev_marks_table.
 * @node: there.
 * @rcu: when freed.
 * @mark: [0] made by ADD.  [1] made by the first MODIFY that asks for more:
 *	for everything else, as fsnotify has no way of changing a mark that
 *	modules may use.
 */
struct kev_marks {
	refcount_t refs;
	u32 used;
	spinlock_t lock;	/* see @lock */
	struct kev_watch *watch;
	kev_marks_func func;
	struct kev_marks_key {
		const struct inode *inode;
		struct kev_user *user;
	} on;
	struct rhlist_head node;
	struct rcu_head rcu;
	struct kev_mark mark[2];
};

struct kev_marks *kev_marks_alloc(struct kev_watch *w, struct inode *inode,
				  kev_marks_func func);
int kev_marks_add(struct kev_marks *m, struct inode *inode, u32 mask);
void kev_marks_widen(struct kev_marks *m, struct inode *inode, u32 mask,
		     u32 rest);
void kev_marks_end(struct kev_marks *m);
int kev_marks_init(void);
void kev_marks_exit(void);

#endif /* KEV_HOOK_FSNOTIFY_H */
