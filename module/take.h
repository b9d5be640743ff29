/* SPDX-License-Identifier: GPL-2.0 */
/* Events copied out to the program. */
#ifndef KEV_TAKE_H
#define KEV_TAKE_H

#include "wait.h"

int kev_get_events(struct kev_queue *q, const struct kev_deadline *d,
		   void __user *buf, size_t size, u32 min, u32 max);

#endif /* KEV_TAKE_H */
