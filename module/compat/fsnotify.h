/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/fsnotify_backend.h> as of 6.12. */
#ifndef KEV_COMPAT_FSNOTIFY_H
#define KEV_COMPAT_FSNOTIFY_H

#include <linux/fsnotify_backend.h>

/* Several marks of a group on one inode: before 5.19 each mark asks for it. */
#ifdef FSNOTIFY_GROUP_DUPS
#define KEV_MARK_FLAGS		0
#else
#define FSNOTIFY_GROUP_DUPS	0
#define KEV_MARK_FLAGS		1
#endif

/* 5.19 to 6.10; then every group's lock is safe against reclaim. */
#ifndef FSNOTIFY_GROUP_NOFS
#define FSNOTIFY_GROUP_NOFS	0
#endif

#endif /* KEV_COMPAT_FSNOTIFY_H */
