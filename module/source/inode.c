// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_INODE: what happens to a file, or in a directory.
 *
 * Each event is written into the watch's records, then counted and posted: who
 * has seen the event finds the record.  Records are also written while the watch
 * is disarmed, but not once its one shot is fired.
 */
#include <linux/fs.h>

#include "../delay.h"
#include "../hook/fsnotify.h"
#include "../ready.h"
#include "../record.h"
#include "../source.h"

#define KEV_INODE_EVENTS \
	(KEVENT_INODE_CREATE | KEVENT_INODE_REMOVE | KEVENT_INODE_MODIFY | \
	 KEVENT_INODE_ATTRIB | KEVENT_INODE_MOVED_FROM | \
	 KEVENT_INODE_MOVED_TO | KEVENT_INODE_DELETE_SELF | \
	 KEVENT_INODE_MOVE_SELF | KEVENT_INODE_OPEN | KEVENT_INODE_ACCESS | \
	 KEVENT_INODE_CLOSE_WRITE | KEVENT_INODE_CLOSE_NOWRITE)

/**
 * struct kev_inode - a watch of type INODE
 * @watch: the watch.
 * @marks: what it hangs on; NULL before and after.  Set last by ADD: @records
 *	is there for READ from then on.
 * @records: the buffer.
 * @nameless: the file's last name is gone, or there never was one.
 * @last: the newest record, if last.record.len is not 0.
 *
 * The last two: queue->lock.
 */
struct kev_inode {
	struct kev_watch watch;
	struct kev_marks *marks;
	struct kev_records *records;
	bool nameless;
	union {
		struct kevent_record_inode record;
		char bytes[KEV_RECORD_MAX];
	} last;
};

static struct kev_inode *kev_inode_of(struct kev_watch *w)
{
	return container_of(w, struct kev_inode, watch);
}

/* ---- Bits -------------------------------------------------------------- */

/* By the number of the event's bit. */
static const u32 kev_inode_bits[] = {
	FS_CREATE,
	FS_DELETE,
	FS_MODIFY,
	FS_ATTRIB,
	FS_MOVED_FROM,
	FS_MOVED_TO,
	FS_DELETE_SELF | FS_ATTRIB,	/* see kev_inode_names() */
	FS_MOVE_SELF,
	FS_OPEN,
	FS_ACCESS,
	FS_CLOSE_WRITE,
	FS_CLOSE_NOWRITE,
};

static_assert(KEV_INODE_EVENTS == BIT(ARRAY_SIZE(kev_inode_bits)) - 1);

/* What the marks have to be for. */
static u32 kev_inode_mask(const struct inode *inode, u32 event)
{
	u32 mask = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kev_inode_bits); i++)
		if (event & BIT(i))
			mask |= kev_inode_bits[i];
	return S_ISDIR(inode->i_mode) ? mask | FS_EVENT_ON_CHILD : mask;
}

static u32 kev_inode_events(u32 mask)
{
	u32 events = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kev_inode_bits); i++)
		if (mask & kev_inode_bits[i])
			events |= BIT(i);
	return events & ~KEVENT_INODE_DELETE_SELF;
}

/*
 * The kernel says that a file is gone when the last that has it open closes it,
 * which is too late for who watches it by an fd.  What it says earlier is that
 * the number of links has changed.  Returns DELETE_SELF when that became 0.
 */
static u32 kev_inode_names(struct kev_inode *i, u32 mask,
			   const struct inode *inode)
{
	bool was = i->nameless;

	if ((mask & FS_EVENT_ON_CHILD) || !inode)
		return 0;
	if (mask & FS_DELETE_SELF)
		i->nameless = true;
	else if (mask & FS_ATTRIB)
		i->nameless = !inode->i_nlink;
	return i->nameless && !was ? KEVENT_INODE_DELETE_SELF : 0;
}

/* ---- An event comes ---------------------------------------------------- */

/* Is it the same as the last one, which nobody has read yet? */
static bool kev_inode_repeats(struct kev_inode *i, u32 event, u32 move,
			      const struct qstr *name, size_t len)
{
	const struct kevent_record_inode *last = &i->last.record;

	return last->len && last->event == event && last->move == move &&
	       !(len && memcmp(last->name, name->name, len)) &&
	       !last->name[len] &&
	       kev_records_unread(i->records);
}

/* False: it found no room. */
static bool kev_inode_record(struct kev_inode *i, u32 event, u32 move,
			     const struct qstr *name)
{
	struct kevent_record_inode *r = &i->last.record;
	size_t len = name ? name->len : 0;

	/* some file systems have longer ones: lost, as what no buffer has room for */
	if (len > NAME_MAX) {
		r->len = 0;
		return kev_records_write(i->records, NULL, KEV_RECORDS_MAX);
	}
	if (kev_inode_repeats(i, event, move, name, len))
		return true;
	memset(i->last.bytes, 0, sizeof(i->last.bytes));
	r->len = ALIGN(sizeof(*r) + len + 1, 8);
	r->event = event;
	r->move = move;
	if (len)
		memcpy(i->last.bytes + sizeof(*r), name->name, len);
	if (kev_records_write(i->records, r, r->len))
		return true;
	r->len = 0;
	return false;
}

/* Writes one for each bit.  Returns KEVENT_RET_LOST if one found no room. */
static u32 kev_inode_records(struct kev_inode *i, u32 events, u32 isdir,
			     u32 move, const struct qstr *name)
{
	u32 ret = 0, bit;

	for (; events; events &= ~bit) {
		bit = events & -events;
		if (!kev_inode_record(i, bit | isdir, move, name))
			ret = KEVENT_RET_LOST;
	}
	return ret;
}

/* The terms are those that hold now, for the records as for the event. */
static void kev_inode_event(struct kev_watch *w, u32 mask,
			    const struct inode *inode, const struct qstr *name,
			    u32 move)
{
	u32 isdir = mask & FS_ISDIR ? KEVENT_INODE_ISDIR : 0;
	struct kev_inode *i = kev_inode_of(w);
	struct kev_queue *q = w->queue;
	unsigned long flags;
	u32 events, lost;

	raw_spin_lock_irqsave(&q->lock, flags);
	events = kev_inode_events(mask) | kev_inode_names(i, mask, inode);
	events &= w->ev.event;
	if (events && !(w->state & (KEV_W_DEAD | KEV_W_FIRED))) {
		lost = kev_inode_records(i, events, isdir, move, name);
		kev_ready_total(w, events | isdir, hweight32(events), lost);
	}
	raw_spin_unlock_irqrestore(&q->lock, flags);
}

/* ---- Watching ---------------------------------------------------------- */

/*
 * Only who may read a file, or has it open for reading, may watch it.  SB_NOUSER:
 * pipes, sockets and the like, which are for other types, or share one inode with
 * all of their kind.
 */
static int kev_inode_check_file(struct file *file, const struct ukevent *uk)
{
	if (uk->param[1] || uk->param[2] || uk->param[0] > KEV_RECORDS_MAX)
		return -EINVAL;
	if (file_inode(file)->i_sb->s_flags & SB_NOUSER)
		return -EINVAL;
	if (file->f_mode & FMODE_READ)
		return 0;
	return file_permission(file, MAY_READ);
}

static int kev_inode_attach(struct kev_watch *w, struct file *file,
			    const struct ukevent *uk, struct kev_values *v)
{
	struct inode *inode = file_inode(file);
	struct kev_inode *i = kev_inode_of(w);
	struct kev_marks *marks;
	int err;

	i->records = kev_records_alloc(w->queue->account, uk->param[0]);
	if (IS_ERR(i->records))
		return PTR_ERR(i->records);
	i->nameless = !inode->i_nlink;
	marks = kev_marks_alloc(w, inode, kev_inode_event);
	err = PTR_ERR_OR_ZERO(marks);
	if (err)
		goto err_put;
	err = kev_marks_add(marks, inode, kev_inode_mask(inode, uk->event));
	if (err)
		goto err_end;
	KEV_DELAY(INODE_MARKED);
	/* Partner: kev_inode_get_records() */
	smp_store_release(&i->marks, marks);
	return 0;

err_end:
	kev_marks_end(marks);
err_put:
	kev_records_put(i->records);
	return err;
}

static void kev_inode_detach(struct kev_watch *w)
{
	struct kev_inode *i = kev_inode_of(w);

	kev_marks_end(i->marks);
	i->marks = NULL;
	kev_records_put(i->records);
}

static void kev_inode_modify(struct kev_watch *w, const struct ukevent *uk)
{
	struct inode *inode = file_inode(kev_watch_file(w));
	struct kev_inode *i = kev_inode_of(w);

	kev_marks_widen(i->marks, inode, kev_inode_mask(inode, uk->event),
			kev_inode_mask(inode, KEV_INODE_EVENTS));
}

static struct kev_records *kev_inode_get_records(struct kev_watch *w)
{
	struct kev_inode *i = kev_inode_of(w);

	/* Partner: kev_inode_attach() */
	return smp_load_acquire(&i->marks) ? i->records : NULL;
}

const struct kev_source_ops kev_source_inode = {
	.name		= "kev_inode",
	.size		= sizeof(struct kev_inode),
	.events		= KEV_INODE_EVENTS,
	.req_flags	= KEV_REQ_COMMON | KEVENT_REQ_CLOSED,
	.has_file	= true,
	.has_path	= true,
	.has_params	= true,
	.init		= kev_marks_init,
	.exit		= kev_marks_exit,
	.check_file	= kev_inode_check_file,
	.attach		= kev_inode_attach,
	.detach		= kev_inode_detach,
	.modify		= kev_inode_modify,
	.records	= kev_inode_get_records,
};
