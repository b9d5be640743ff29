// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * EVFILT_VNODE.  The kernel's events do not tell whether a file has become longer, and
 * which of its attributes it is: that is seen by comparing with what it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "kq.h"

#define KQ_NOTES	(NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | \
			 NOTE_RENAME | NOTE_REVOKE | NOTE_OPEN | NOTE_CLOSE | \
			 NOTE_CLOSE_WRITE | NOTE_READ)

#define KQ_ENTRIES	(KEVENT_INODE_CREATE | KEVENT_INODE_REMOVE | \
			 KEVENT_INODE_MOVED_FROM | KEVENT_INODE_MOVED_TO)

/* What is fired has this bit, which never comes of a file. */
#define KQ_FIRED	KEVENT_INODE_CREATE
/* Likewise, of a directory: rmdir(2) is told to those that watch its parent. */
#define KQ_FIRED_DIR	KEVENT_INODE_DELETE_SELF

struct kq_inode_note {
	unsigned int note;
	unsigned int event;	/* of a file, or of a directory itself */
	unsigned int entries;	/* of what is in a directory */
};

static const struct kq_inode_note kq_inode_notes[] = {
	{ NOTE_DELETE,		KEVENT_INODE_DELETE_SELF | KEVENT_INODE_ATTRIB, 0 },
	{ NOTE_WRITE,		KEVENT_INODE_MODIFY,		KQ_ENTRIES },
	{ NOTE_EXTEND,		KEVENT_INODE_MODIFY,
	  KEVENT_INODE_MOVED_FROM | KEVENT_INODE_MOVED_TO },
	{ NOTE_ATTRIB,		KEVENT_INODE_ATTRIB,		0 },
	{ NOTE_LINK,		KEVENT_INODE_ATTRIB,		KQ_ENTRIES },
	{ NOTE_RENAME,		KEVENT_INODE_MOVE_SELF,		0 },
	{ NOTE_OPEN,		KEVENT_INODE_OPEN,		0 },
	{ NOTE_CLOSE,		KEVENT_INODE_CLOSE_NOWRITE,	0 },
	{ NOTE_CLOSE_WRITE,	KEVENT_INODE_CLOSE_WRITE,	0 },
	{ NOTE_READ,		KEVENT_INODE_ACCESS,		0 },
};

/* ---- Watching ---------------------------------------------------------- */

static void kq_vnode_terms(struct kq_note *kn, unsigned int type)
{
	unsigned int i;

	(void)type;
	kn->event = kn->fire;
	kn->req = 0;
	for (i = 0; i < sizeof(kq_inode_notes) / sizeof(kq_inode_notes[0]); i++) {
		if (!(kn->kev.fflags & kq_inode_notes[i].note))
			continue;
		kn->event |= kq_inode_notes[i].event;
		if (kn->is_dir)
			kn->event |= kq_inode_notes[i].entries;
	}
	/* what is written in a directory are its entries */
	if (kn->is_dir)
		kn->event &= ~KEVENT_INODE_MODIFY;
}

static int kq_vnode_look(struct kq_note *kn)
{
	struct stat st;

	if (fstat((int)kn->kev.ident, &st))
		return errno;
	kn->is_dir = S_ISDIR(st.st_mode);
	kn->size = st.st_size;
	kn->links = st.st_nlink;
	kn->fire = kn->is_dir ? KQ_FIRED_DIR : KQ_FIRED;
	return 0;
}

static int kq_vnode_add(struct kq_note *kn, struct ukevent *uk)
{
	int err = kq_vnode_look(kn);

	if (err)
		return err;
	kn->active = false;
	kn->fflags = 0;
	kn->seen = kn->kev.fflags;
	uk->type = KEVENT_INODE;
	uk->id.raw[0] = (uint32_t)kn->kev.ident;
	kq_vnode_terms(kn, KEVENT_INODE);
	kq_watch_terms(kn, uk);
	return 0;
}

/* From now on it is compared with how the file is now. */
static void kq_vnode_widen(struct kq_note *kn)
{
	const unsigned int more = kn->kev.fflags & ~kn->seen;
	struct stat st;

	kn->seen = kn->kev.fflags;
	if (!(more & (NOTE_EXTEND | NOTE_LINK | NOTE_DELETE)) ||
	    fstat((int)kn->kev.ident, &st))
		return;
	if (more & NOTE_EXTEND)
		kn->size = st.st_size;
	if (more & (NOTE_LINK | NOTE_DELETE))
		kn->links = st.st_nlink;
}

static int kq_vnode_change(struct kq *kq, struct kq_note *kn, const struct kevent *kev, int err)
{
	if (err == ENOENT && (kev->flags & EV_ADD)) {
		kq_watch_remove(kq, kn);
		err = kq_watch_make(kq, kn);
	} else if (!err) {
		kq_vnode_widen(kn);
	}
	if (!err && kn->active && !kn->disabled)
		err = kq_watch_fire(kq, kn);
	if (err)
		kq_drop(kq, kn);
	return err;
}

/* ---- What has happened ------------------------------------------------- */

/* Of those that the kernel's bits stand for by themselves. */
static unsigned int kq_vnode_bits(unsigned int event)
{
	unsigned int notes = 0;

	if (event & KEVENT_INODE_MODIFY)
		notes |= NOTE_WRITE;
	if (event & KEVENT_INODE_ATTRIB)
		notes |= NOTE_ATTRIB;
	if (event & KEVENT_INODE_DELETE_SELF)
		notes |= NOTE_DELETE;
	if (event & KEVENT_INODE_MOVE_SELF)
		notes |= NOTE_RENAME;
	if (event & KEVENT_INODE_OPEN)
		notes |= NOTE_OPEN;
	if (event & KEVENT_INODE_CLOSE_NOWRITE)
		notes |= NOTE_CLOSE;
	if (event & KEVENT_INODE_CLOSE_WRITE)
		notes |= NOTE_CLOSE_WRITE;
	if (event & KEVENT_INODE_ACCESS)
		notes |= NOTE_READ;
	return notes;
}

/* What has changed since the last time. */
static unsigned int kq_vnode_changed(struct kq_note *kn)
{
	unsigned int notes = 0;
	struct stat st;

	if (fstat((int)kn->kev.ident, &st))
		return 0;
	if (!kn->is_dir && st.st_size > kn->size)
		notes |= NOTE_EXTEND;
	if (st.st_nlink != kn->links)
		notes |= NOTE_LINK;
	/* a name is gone, though it has others; a directory has one only */
	if (!kn->is_dir && st.st_nlink < kn->links)
		notes |= NOTE_DELETE;
	kn->size = st.st_size;
	kn->links = st.st_nlink;
	return notes;
}

/* Of an entry.  *move: of one that was renamed away, and has not turned up here. */
static unsigned int kq_entry(const struct kevent_record_inode *r, unsigned int *move)
{
	unsigned int notes = r->event & KQ_ENTRIES ? NOTE_WRITE : 0;

	if (r->event & KEVENT_INODE_MOVED_FROM) {
		if (*move)
			notes |= NOTE_EXTEND;
		*move = r->move;
		return notes;
	}
	if (r->event & KEVENT_INODE_MOVED_TO) {
		/* renamed within the directory: nothing was added or taken away */
		if (*move == r->move) {
			*move = 0;
			return notes;
		}
		notes |= NOTE_EXTEND;
	}
	return notes && (r->event & KEVENT_INODE_ISDIR) ? notes | NOTE_LINK : notes;
}

static unsigned int kq_record(const struct kevent_record_inode *r, unsigned int *move)
{
	return r->name[0] ? kq_entry(r, move) : kq_vnode_bits(r->event);
}

/* Not all records found room: of what the bits stand for, some may be its entries' own. */
static unsigned int kq_vnode_lost(unsigned int event)
{
	unsigned int notes = kq_vnode_bits(event & ~KQ_FIRED_DIR);

	if (event & KQ_ENTRIES)
		notes |= event & KEVENT_INODE_ISDIR ? NOTE_WRITE | NOTE_LINK : NOTE_WRITE;
	if (event & (KEVENT_INODE_MOVED_FROM | KEVENT_INODE_MOVED_TO))
		notes |= NOTE_EXTEND;
	return notes;
}

/* What has happened in a directory is not all of it its own: the records tell. */
static unsigned int kq_vnode_records(int queue, const struct kq_note *kn)
{
	union {
		uint64_t aligned;
		char bytes[4096];
	} buf;
	struct kevent_ioc_read get = {
		.cookie = kn->cookie,
		.buf = (uintptr_t)buf.bytes,
		.len = sizeof(buf),
	};
	const struct kevent_record_inode *r;
	unsigned int notes = 0, move = 0;
	int len, at;

	while ((len = ioctl(queue, KEVENT_IOC_READ, &get)) > 0)
		for (at = 0; at < len; at += (int)r->len) {
			r = (const void *)(buf.bytes + at);
			notes |= kq_record(r, &move);
		}
	return move ? notes | NOTE_EXTEND : notes;
}

static bool kq_vnode_event(struct kq *kq, struct kq_note *kn, const struct ukevent *uk)
{
	unsigned int notes;

	if (kn->is_dir) {
		notes = kq_vnode_records(kq_queue(kq, kn->queue), kn);
		if (uk->ret_flags & KEVENT_RET_LOST)
			notes |= kq_vnode_lost(uk->ret_data[0]);
	} else {
		notes = kq_vnode_bits(uk->ret_data[0]);
	}
	if (notes)
		notes |= kq_vnode_changed(kn);
	kn->fflags |= notes & kn->kev.fflags;
	kn->active = kn->fflags;
	return kn->active;
}

const struct kq_filter kq_filter_vnode = {
	.is_fd		= true,
	.is_soft	= true,
	.fflags		= KQ_NOTES,
	.add		= kq_vnode_add,
	.terms		= kq_vnode_terms,
	.change		= kq_vnode_change,
	.event		= kq_vnode_event,
};
