/* SPDX-License-Identifier: GPL-2.0 */
/* Events copied out to the program. */
#ifndef KEV_TAKE_H
#define KEV_TAKE_H

#include "wait.h"

/* Between user_write_access_begin() and its end. */
#define kev_unsafe_put_event(p, e, label)				\
do {									\
	u64 __user *_to = (u64 __user *)(p);				\
	const u64 *_from = (const u64 *)(e);				\
									\
	unsafe_put_user(_from[0], _to + 0, label);			\
	unsafe_put_user(_from[1], _to + 1, label);			\
	unsafe_put_user(_from[2], _to + 2, label);			\
	unsafe_put_user(_from[3], _to + 3, label);			\
	unsafe_put_user(_from[4], _to + 4, label);			\
	unsafe_put_user(_from[5], _to + 5, label);			\
	unsafe_put_user(_from[6], _to + 6, label);			\
	unsafe_put_user(_from[7], _to + 7, label);			\
} while (0)

int kev_get_events(struct kev_queue *q, const struct kev_deadline *d,
		   void __user *buf, size_t size, u32 min, u32 max);

#endif /* KEV_TAKE_H */
