// SPDX-License-Identifier: GPL-2.0
/*
 * Records: see record.h.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "quota.h"
#include "record.h"

/**
 * kev_records_alloc() - make a buffer
 * @user: who pays: the account of a queue that lives longer.
 * @size: bytes; 0 for the default.
 *
 * Context: process, no locks.  Returns an ERR_PTR: ENOMEM, or ENOSPC where the
 * user has as much as one may.
 */
struct kev_records *kev_records_alloc(struct kev_user *user, size_t size)
{
	struct kev_records *r;
	int err = -ENOMEM;

	size = roundup_pow_of_two(clamp_t(size_t, size, KEV_RECORDS_MIN,
					  KEV_RECORDS_MAX));
	if (!kev_user_charge_bytes(user, size))
		return ERR_PTR(-ENOSPC);
	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		goto err_uncharge;
	/* what a program asks for may be too much, and is no news for the log */
	err = kfifo_alloc(&r->fifo, size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (err)
		goto err_free;
	refcount_set(&r->refs, 1);
	r->user = user;
	raw_spin_lock_init(&r->lock);
	mutex_init(&r->mutex);
	return r;

err_free:
	kfree(r);
err_uncharge:
	kev_user_uncharge_bytes(user, size);
	return ERR_PTR(err);
}

/* Any context but NMI. */
void kev_records_put(struct kev_records *r)
{
	if (!r || !refcount_dec_and_test(&r->refs))
		return;
	kev_user_uncharge_bytes(r->user, kfifo_size(&r->fifo));
	kfifo_free(&r->fifo);
	kfree(r);
}

/* In bytes: what was asked for, rounded up. */
size_t kev_records_size(struct kev_records *r)
{
	return kfifo_size(&r->fifo);
}

/* Any context.  False: no room; it is counted. */
bool kev_records_write(struct kev_records *r, const void *record, size_t len)
{
	unsigned long flags;
	bool done;

	raw_spin_lock_irqsave(&r->lock, flags);
	done = kfifo_in(&r->fifo, record, len);
	if (!done)
		WRITE_ONCE(r->lost, r->lost + 1);
	raw_spin_unlock_irqrestore(&r->lock, flags);
	return done;
}

/*
 * Is the newest record still there?  READ skips it only after copying it, so then its
 * reader acts after this call, and need not be told again.  For the only writer.
 */
bool kev_records_unread(struct kev_records *r)
{
	unsigned long flags;
	bool ret;

	raw_spin_lock_irqsave(&r->lock, flags);
	ret = !kfifo_is_empty(&r->fifo);
	raw_spin_unlock_irqrestore(&r->lock, flags);
	return ret;
}

void kev_records_get(struct kev_records *r)
{
	refcount_inc(&r->refs);
}

/*
 * Copies the oldest record, after the one before was read if @skip says so.
 * Returns its bytes, 0 without one.
 */
static unsigned int kev_records_next(struct kev_records *r, char *record,
				     bool skip)
{
	unsigned int n;

	raw_spin_lock_irq(&r->lock);
	if (skip)
		kfifo_skip(&r->fifo);
	n = kfifo_out_peek(&r->fifo, record, KEV_RECORD_MAX);
	raw_spin_unlock_irq(&r->lock);
	return n;
}

/* Copies whole records while they fit.  Returns the bytes. */
static int kev_records_copy(struct kev_records *r, char __user *buf, u32 len)
{
	char record[KEV_RECORD_MAX];
	unsigned int n;
	u32 done = 0;

	len = min_t(u32, len, INT_MAX);
	n = kev_records_next(r, record, false);
	while (n) {
		if (n > len - done)
			return done ?: -EINVAL;
		if (copy_to_user(buf + done, record, n))
			return done ?: -EFAULT;
		done += n;
		n = kev_records_next(r, record, true);
		/* writers may be as fast as this loop */
		if (signal_pending(current))
			break;
		cond_resched();
	}
	return done;
}

/**
 * kev_records_read() - READ
 * @r: the buffer.
 * @read: the request; @lost is filled in.
 *
 * Context: process, no locks.  Returns the bytes copied, or -errno.
 */
int kev_records_read(struct kev_records *r, struct kevent_ioc_read *read)
{
	int ret;

	if (mutex_lock_interruptible(&r->mutex))
		return -EINTR;
	ret = kev_records_copy(r, u64_to_user_ptr(read->buf), read->len);
	if (ret >= 0) {
		raw_spin_lock_irq(&r->lock);
		read->lost = r->lost;
		WRITE_ONCE(r->lost, 0);
		raw_spin_unlock_irq(&r->lock);
	}
	mutex_unlock(&r->mutex);
	return ret;
}
