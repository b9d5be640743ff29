// SPDX-License-Identifier: GPL-2.0
/*
 * Queues: making, initialising and freeing them.
 */
#include <linux/cred.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat/timens.h"
#include "delay.h"
#include "notify.h"
#include "queue.h"
#include "quota.h"
#include "source.h"

unsigned int kev_ring_max = 1u << 18;
module_param_named(ring_max, kev_ring_max, uint, 0444);
MODULE_PARM_DESC(ring_max, "Largest ring, slots (default 262144)");

/* Returns NULL without memory. */
struct kev_queue *kev_queue_alloc(void)
{
	struct kev_queue *q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);

	if (!q)
		return NULL;
	q->account = kev_user_get(current_uid());
	if (!q->account) {
		kfree(q);
		return NULL;
	}
	raw_spin_lock_init(&q->lock);
	mutex_init(&q->mutex);
	INIT_LIST_HEAD(&q->ready);
	INIT_LIST_HEAD(&q->level);
	INIT_LIST_HEAD(&q->check);
	INIT_LIST_HEAD(&q->turned);
	INIT_LIST_HEAD(&q->fired);
	q->numbers = RB_ROOT;
	q->keeper = current->files;
	q->time_offset = kev_timens_offset(CLOCK_MONOTONIC);
	refcount_set(&q->refs, 1);
	kev_notify_init(q);
	return q;
}

/*
 * INIT, the part that may fail: makes the ring, which the user's account pays
 * for.  Context: process, no locks.  What was made goes to kev_queue_begin(), or
 * to kev_queue_unmake().
 */
int kev_queue_make(struct kev_queue *q, struct kevent_ioc_init *init,
		   struct kev_ring *ring)
{
	size_t bytes = kev_ring_bytes(init->ring_size);
	int err;

	if (init->ring_size &&
	    (!is_power_of_2(init->ring_size) || init->ring_size > kev_ring_max))
		return -EINVAL;
	if (READ_ONCE(q->inited))
		return -EBUSY;
	if (!init->ring_size)
		return 0;
	if (!kev_user_charge_bytes(q->account, bytes))
		return -ENOSPC;
	err = kev_ring_alloc(ring, init->ring_size, init->first_index,
			     init->flags & KEVENT_INIT_NO_SEEN);
	if (err) {
		kev_user_uncharge_bytes(q->account, bytes);
		return err;
	}
	init->kernel_len = PAGE_SIZE;
	init->user_len = PAGE_SIZE;
	init->entries_len = kev_ring_entries_len(init->ring_size);
	return 0;
}

/* Gives back what kev_queue_make() made, or what the queue had. */
void kev_queue_unmake(struct kev_queue *q, struct kev_ring *ring)
{
	if (!ring->kernel)
		return;
	kev_user_uncharge_bytes(q->account,
				kev_ring_bytes(kev_ring_size(ring)));
	kev_ring_free(ring);
}

/* INIT, the rest, under the lock: of two at once, one loses, with EBUSY. */
int kev_queue_begin(struct kev_queue *q, const struct kevent_ioc_init *init,
		    const struct kev_ring *ring)
{
	int err = 0;

	raw_spin_lock_irq(&q->lock);
	if (q->inited) {
		err = -EBUSY;
	} else {
		q->ring = *ring;
		q->policy = init->policy;
		q->first_index = ring->tail;
		if (!init->ring_size)
			q->attention |= KEV_Q_NO_RING;
		if (ring->no_seen)
			q->attention |= KEV_Q_NO_SEEN;
		/* who has polled before waits for the first event */
		kev_poll_rearm(q);
		/* Partner: kev_ioctl(), kev_read() in ctl.c; mmap, flush in main.c */
		smp_store_release(&q->inited, true);
	}
	raw_spin_unlock_irq(&q->lock);
	return err;
}

/* Context: process.  The last one comes when no watch is left. */
void kev_queue_put(struct kev_queue *q)
{
	if (!refcount_dec_and_test(&q->refs))
		return;
	KEV_DELAY(QUEUE_PUT);
	kev_source_release(q);
	/* on -rt it waits for a grace period, and so does what frees the queue, below */
	if (irq_work_is_busy(&q->wake_pollers))
		irq_work_sync(&q->wake_pollers);
	kev_queue_unmake(q, &q->ring);
	kev_user_put(q->account);
	kvfree(q->watches.slots);
	/* Partner: kev_file_queue(), which tries refs of what it finds */
	kfree_rcu(q, rcu);
}
