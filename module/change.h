/* SPDX-License-Identifier: GPL-2.0 */
/* Batches of changes, for ctl.c. */
#ifndef KEV_CHANGE_H
#define KEV_CHANGE_H

#include "kev.h"

/**
 * struct kev_tally - how a batch went
 * @done: carried out or refused, and written back.
 * @failed: refused.
 * @told: with KEVENT_RET_DONE or _REFUSED, which the program has to look at.
 */
struct kev_tally {
	u32 done;
	u32 failed;
	u32 told;
};

int kev_change_single(struct kev_queue *q, struct file *self,
		      struct ukevent __user *p);
int kev_change(struct kev_queue *q, struct file *self, u32 cmd,
	       struct ukevent __user *p, u32 num, struct kev_tally *tally);

#endif /* KEV_CHANGE_H */
