/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Details of events that don't fit into an entry of the ring: names of files,
 * the sender of a signal.  Each watch of such a source has a buffer of records,
 * made by ADD, so that writing one allocates nothing and may be done in any
 * context.  READ copies them out.
 */
#ifndef KEV_RECORD_H
#define KEV_RECORD_H

#include <linux/bits.h>
#include <linux/kfifo.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

#include <linux/kevent.h>

struct kev_user;

/* Largest record, and smallest and largest buffer, bytes. */
#define KEV_RECORD_MAX	(sizeof(struct kevent_record_inode) + NAME_MAX + 1)
#define KEV_RECORDS_MIN	4096u
#define KEV_RECORDS_MAX	BIT(20)

/**
 * struct kev_records - a watch's buffer
 * @refs: its watch, and READs under way.
 * @user: who pays; the queue keeps it.
 * @lock: @fifo and @lost; innermost.
 * @mutex: readers: a record is skipped by the one who copied it.
 * @fifo: the records.  Nothing in it orders its reader's loads: hence the lock.
 * @lost: records that found no room since the last READ; a writer looks
 *	without the lock whether there are any.
 */
struct kev_records {
	refcount_t refs;
	struct kev_user *user;
	raw_spinlock_t lock;
	struct mutex mutex;	/* see @mutex */
	struct kfifo_rec_ptr_2 fifo;
	u32 lost;
};

struct kev_records *kev_records_alloc(struct kev_user *user, size_t size);
void kev_records_put(struct kev_records *r);
size_t kev_records_size(struct kev_records *r);
bool kev_records_write(struct kev_records *r, const void *record, size_t len);
bool kev_records_unread(struct kev_records *r);
void kev_records_get(struct kev_records *r);
int kev_records_read(struct kev_records *r, struct kevent_ioc_read *read);

#endif /* KEV_RECORD_H */
