/* SPDX-License-Identifier: GPL-2.0 */
/* Queues: making, initialising and freeing them. */
#ifndef KEV_QUEUE_H
#define KEV_QUEUE_H

#include "kev.h"

extern unsigned int kev_ring_max;

struct kev_queue *kev_queue_alloc(void);
void kev_queue_put(struct kev_queue *q);
int kev_queue_make(struct kev_queue *q, struct kevent_ioc_init *init,
		   struct kev_ring *ring);
void kev_queue_unmake(struct kev_queue *q, struct kev_ring *ring);
int kev_queue_begin(struct kev_queue *q, const struct kevent_ioc_init *init,
		    const struct kev_ring *ring);

#endif /* KEV_QUEUE_H */
