/* SPDX-License-Identifier: GPL-2.0 */
/* What is done in the program's calls beside changes: waiting, asking. */
#ifndef KEV_WAIT_H
#define KEV_WAIT_H

#include <linux/poll.h>

#include "notify.h"

/* Turns of transfers in one call, if there are events: each may take long. */
#define KEV_TURNS_MAX	4

/**
 * struct kev_deadline - when and how a wait ends without an event
 * @expires: on @clock, absolute.
 * @clock: CLOCK_MONOTONIC, _REALTIME or _BOOTTIME.
 * @limited: there is a limit at all.
 * @nonblock: do not sleep.
 */
struct kev_deadline {
	ktime_t expires;
	clockid_t clock;
	bool limited;
	bool nonblock;
};

extern const struct kev_deadline kev_forever;	/* no limit */
extern const struct kev_deadline kev_at_once;	/* no sleep */

int kev_wait(struct kev_queue *q, const struct kev_deadline *d, u32 min,
	     bool counts, u32 since);
int kev_wait_any(struct kev_queue *q, bool nonblock);
void kev_wait_over(struct kev_queue *q);
void kev_service(struct kev_queue *q);
__poll_t kev_poll(struct file *file, struct poll_table_struct *pt);

/* take.c shares these.  queue->lock held, unless said otherwise. */
void kev_let_in(struct kev_queue *q, bool *taker);
void kev_ask_levels(struct kev_queue *q, bool *taker);
void kev_not_ready(struct kev_watch *w);
int kev_sleep(struct kev_queue *q, const struct kev_deadline *d, u32 min,
	      bool counts, u32 since, bool takes);
bool kev_yield(struct kev_queue *q, const struct kev_deadline *d);
void kev_leave(struct kev_queue *q, bool took);

#endif /* KEV_WAIT_H */
