// SPDX-License-Identifier: GPL-2.0
/*
 * Queues: making, initialising, showing and releasing them.
 */
#include <linux/cred.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "delay.h"
#include "kev.h"

unsigned int kev_ring_max = 1u << 20;
module_param_named(ring_max, kev_ring_max, uint, 0444);
MODULE_PARM_DESC(ring_max, "Largest ring, slots (default 1048576)");

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
	INIT_LIST_HEAD(&q->fired);
	refcount_set(&q->refs, 1);
	kev_notify_init(q);
	return q;
}

/*
 * INIT, the part that may fail: makes the ring.  Context: process, no locks.
 * What was made goes to kev_queue_begin(), or to kev_ring_free().
 */
int kev_queue_make(struct kev_queue *q, struct kevent_ioc_init *init,
		   struct kev_ring *ring)
{
	int err;

	if (init->ring_size &&
	    (!is_power_of_2(init->ring_size) || init->ring_size > kev_ring_max))
		return -EINVAL;
	if (READ_ONCE(q->inited))
		return -EBUSY;
	if (!init->ring_size)
		return 0;
	err = kev_ring_alloc(ring, init->ring_size, init->first_index,
			     init->flags & KEVENT_INIT_NO_SEEN);
	if (err)
		return err;
	init->kernel_len = PAGE_SIZE;
	init->user_len = PAGE_SIZE;
	init->entries_len = (u64)(ring->npages - 2) << PAGE_SHIFT;
	return 0;
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
		q->first_index = init->first_index;
		if (!init->ring_size)
			q->attention |= KEV_Q_NO_RING;
		if (ring->no_seen)
			q->attention |= KEV_Q_NO_SEEN;
		/* who has polled before waits for the first event */
		kev_poll_rearm(q);
		/* Partner: kev_ioctl() and kev_read() in ctl.c, mmap in main.c */
		smp_store_release(&q->inited, true);
	}
	raw_spin_unlock_irq(&q->lock);
	return err;
}

void kev_queue_put(struct kev_queue *q)
{
	if (!refcount_dec_and_test(&q->refs))
		return;
	KEV_DELAY(QUEUE_PUT);
	irq_work_sync(&q->wake_pollers);
	kev_ring_free(&q->ring);
	kev_user_put(q->account);
	kev_table_free(&q->watches);
	/* Partner: kev_file_queue(), which tries refs of what it finds */
	kfree_rcu(q, rcu);
}

/* The last fd and the last mapping are gone: no call can be under way. */
void kev_queue_release(struct kev_queue *q)
{
	kev_watch_remove_all(q);
	kev_queue_put(q);
}

void kev_queue_show(struct kev_queue *q, struct seq_file *m)
{
	u64 watches, posted, merged, overflowed, waits, immediate;

	/* as of some moment: not worth waiting for the mutex */
	watches = data_race(q->nwatches);
	raw_spin_lock_irq(&q->lock);
	/* what went into the ring is its tail */
	posted = q->posted_list + q->ring.tail - q->first_index +
		 ((u64)q->ring.over << 32);
	merged = q->merged;
	overflowed = q->overflowed;
	waits = q->waits;
	immediate = q->immediate;
	raw_spin_unlock_irq(&q->lock);
	seq_printf(m, "watches:\t%llu\nposted:\t%llu\nmerged:\t%llu\n",
		   watches, posted, merged);
	seq_printf(m, "overflowed:\t%llu\nwaits:\t%llu\nimmediate:\t%llu\n",
		   overflowed, waits, immediate);
}
