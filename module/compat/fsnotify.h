/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/fsnotify_backend.h> as of 6.12. */
#ifndef KEV_COMPAT_FSNOTIFY_H
#define KEV_COMPAT_FSNOTIFY_H

#include <linux/fsnotify_backend.h>

/* 6.1 only: to 6.10; then every group's lock is safe against reclaim. */
#ifndef FSNOTIFY_GROUP_NOFS
#define FSNOTIFY_GROUP_NOFS	0
#endif

#endif /* KEV_COMPAT_FSNOTIFY_H */
