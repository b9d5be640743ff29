// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Changes: what EV_ADD, EV_DELETE, EV_ENABLE and EV_DISABLE do to a note.  Several are told
 * the kernel in one call.
 *
 * The kernel makes all that it is told, whatever it refuses. But a changelist ends at the
 * first error, or receipt, that finds no room in the eventlist. So a batch ends where that
 * may be the case, and what comes behind could not be undone: all but new notes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kq.h"

#define KQ_BATCH	64

/**
 * struct kq_op - a change that is being made
 * @kev: the change, where the program has it.
 * @kn: its note; NULL: there is none, or not yet.
 * @call: what the kernel is told of it; NULL: nothing.
 * @is_new: the note was made for it.
 * @is_over: the note is to go.
 * @is_quiet: nothing is to be done after the kernel has made it.
 * @err: why it can't be made.
 */
struct kq_op {
	const struct kevent *kev;
	struct kq_note *kn;
	struct ukevent *call;
	bool is_new;
	bool is_over;
	bool is_quiet;
	int err;
};

static const struct kq_filter *kq_filter(short filter)
{
	static const struct kq_filter *const filters[] = {
		[-EVFILT_READ]		= &kq_filter_read,
		[-EVFILT_WRITE]		= &kq_filter_write,
		[-EVFILT_VNODE]		= &kq_filter_vnode,
		[-EVFILT_PROC]		= &kq_filter_proc,
		[-EVFILT_SIGNAL]	= &kq_filter_signal,
		[-EVFILT_TIMER]		= &kq_filter_timer,
		[-EVFILT_PROCDESC]	= &kq_filter_procdesc,
		[-EVFILT_USER]		= &kq_filter_user,
	};
	unsigned int i = -(unsigned int)filter;

	return i < sizeof(filters) / sizeof(filters[0]) ? filters[i] : NULL;
}

static bool kq_is_fd(uintptr_t ident)
{
	return ident <= INT_MAX && fcntl((int)ident, F_GETFD) >= 0;
}

/* Takes a note away, and what it has of the kernel's. */
void kq_drop(struct kq *kq, struct kq_note *kn)
{
	kq_watch_remove(kq, kn);
	kq_note_free(kq, kn);
}

/* Its fd does not name it any more. */
void kq_lose(struct kq *kq, struct kq_note *kn)
{
	if (!kq_watch_lose(kq, kn))
		kq_drop(kq, kn);
}

/* ---- What a note is to be ---------------------------------------------- */

static int kq_check_terms(const struct kq_filter *filter, const struct kevent *kev)
{
	if (kev->fflags & ~filter->fflags)
		return EINVAL;
	return filter->check ? filter->check(kev) : 0;
}

static void kq_set_terms(struct kq_note *kn, const struct kevent *kev)
{
	kn->kev.flags = (kev->flags & KQ_KEPT) | kn->filter->flags;
	kn->kev.fflags = kev->fflags;
	kn->kev.data = kev->data;
	kn->soft = kn->filter->is_soft || kn->type == KEVENT_INODE ||
		   (kev->filter == EVFILT_READ && (kev->fflags & NOTE_LOWAT));
}

static void kq_set_user(struct kq_note *kn, const struct kevent *kev)
{
	if (!(kev->flags & EV_KEEPUDATA))
		kn->kev.udata = kev->udata;
	memcpy(kn->kev.ext, kev->ext, sizeof(kev->ext));
}

static void kq_set_enabled(struct kq_note *kn, const struct kevent *kev)
{
	if (kev->flags & (EV_ADD | EV_ENABLE | EV_DISABLE))
		kn->disabled = kev->flags & EV_DISABLE;
}

/* ---- What the kernel is to be told ------------------------------------- */

/* Of a change of a batch, in which each names its command. */
static void kq_op_call(struct kq_op *op, struct ukevent *uk, unsigned int cmd)
{
	uk->req_flags |= KEVENT_REQ_CMD(cmd);
	op->call = uk;
}

static void kq_plan_add(struct kq *kq, const struct kq_filter *filter, struct kq_op *op,
			struct ukevent *uk)
{
	struct kq_note *kn;

	op->err = kq_check_terms(filter, op->kev);
	/* the kernel tells, of the others */
	if (filter->is_fd && (op->err || op->kev->ident > INT_MAX) && !kq_is_fd(op->kev->ident))
		op->err = EBADF;
	if (op->err)
		return;
	kn = kq_note_new(kq, op->kev);
	if (!kn) {
		op->err = ENOMEM;
		return;
	}
	kn->filter = filter;
	kq_set_terms(kn, op->kev);
	kq_set_enabled(kn, op->kev);
	op->err = kq_watch_plan(kn, uk);
	if (op->err) {
		kq_note_free(kq, kn);
		return;
	}
	op->kn = kn;
	op->is_new = true;
	kq_op_call(op, uk, KEVENT_CTL_ADD);
}

static void kq_plan_modify(struct kq_note *kn, struct kq_op *op, struct ukevent *uk)
{
	const struct kevent *kev = op->kev;

	op->err = kev->flags & EV_ADD ? kq_check_terms(kn->filter, kev) : 0;
	if (op->err)
		return;
	if (kev->flags & EV_ADD) {
		kq_set_terms(kn, kev);
		if (kn->filter->terms)
			kn->filter->terms(kn, kn->type);
	}
	kq_set_user(kn, kev);
	kq_set_enabled(kn, kev);
	if (!kn->filter->terms || !kn->cookie)
		return;
	kq_watch_by_fd(kn, uk);
	uk->req_flags = KEVENT_REQ_ALWAYS_QUEUE;
	uk->ptr = kn->ptr;
	kq_watch_terms(kn, uk);
	kq_op_call(op, uk, KEVENT_CTL_MODIFY);
	if (!kn->filter->change && !(kev->flags & EV_RECEIPT))
		op->is_quiet = true;
}

/* Of a file by its fd: that may have been closed since, and be another's now. */
static bool kq_is_by_fd(const struct kq_note *kn)
{
	/* not one that has exited while it was disabled: see proc.c */
	return kn->filter->is_fd && kn->type != KEVENT_UNOTIFY;
}

static void kq_plan_delete(struct kq_note *kn, struct kq_op *op, struct ukevent *uk)
{
	op->is_over = true;
	if (!kn->cookie)
		return;
	if (kq_is_by_fd(kn))
		kq_watch_by_fd(kn, uk);
	else
		kq_watch_by_cookie(kn, uk);
	kq_op_call(op, uk, KEVENT_CTL_REMOVE);
}

/* Of an event that does not exist. */
static void kq_plan_new(struct kq *kq, struct kq_op *op, struct ukevent *uk)
{
	const struct kq_filter *filter = kq_filter(op->kev->filter);

	if (!filter)
		op->err = EINVAL;
	else if ((op->kev->flags & (EV_ADD | EV_DELETE)) == EV_ADD)
		kq_plan_add(kq, filter, op, uk);
	else
		op->err = filter->is_fd && !kq_is_fd(op->kev->ident) ? EBADF : ENOENT;
}

static bool kq_has_all(unsigned int flags, unsigned int all)
{
	return (flags & all) == all;
}

/**
 * kq_op_plan() - say what is to be done for a change
 * @kq: the kq.
 * @op: is filled in.
 * @kev: the change.
 * @kn: the note that it names; NULL: there is none.
 * @uk: is made what the kernel is to be told, if it is to be told something.
 *
 * What the library keeps of the note is as it will be.
 */
static void kq_op_plan(struct kq *kq, struct kq_op *op, const struct kevent *kev,
		       struct kq_note *kn, struct ukevent *uk)
{
	const unsigned int flags = kev->flags;

	*op = (struct kq_op){ .kev = kev, .kn = kn };
	if ((flags & ~(KQ_FLAGS | EV_SYSFLAGS)) || kq_has_all(flags, EV_ENABLE | EV_DISABLE) ||
	    kq_has_all(flags, EV_ADD | EV_KEEPUDATA))
		op->err = EINVAL;
	else if (!kn)
		kq_plan_new(kq, op, uk);
	else if (flags & EV_DELETE)
		kq_plan_delete(kn, op, uk);
	else
		kq_plan_modify(kn, op, uk);
}

/* ---- What has come of it ----------------------------------------------- */

/* See kq_outdate(). */
static bool kq_is_outdated(const struct kq_note *kn)
{
	return kn->filter->is_fd && !kn->cookie && !kn->active;
}

/* The kernel was told: err.  Returns 0, or what EV_ERROR is to tell. */
static int kq_op_end(struct kq *kq, struct kq_op *op, int err)
{
	struct kq_note *kn = op->kn;

	if (op->err)
		return op->err;
	if (!op->is_new && kq_is_outdated(kn))
		err = ENOENT;
	if (op->is_over) {
		err = kq_is_by_fd(kn) ? err : 0;
		if (!err)
			kn->cookie = 0;
		if (err == ENOENT)
			kq_lose(kq, kn);
		else
			kq_drop(kq, kn);
	} else if (op->is_new) {
		err = kq_watch_done(kq, kn, op->call, err);
		if (err)
			kq_note_free(kq, kn);
	} else if (kn->filter->change) {
		err = kn->filter->change(kq, kn, op->kev, err);
	} else if (err) {
		err = kn->filter->refused(kq, kn, op->kev, err);
	}
	return err;
}

/* The kernel was told, but it must not have come to that.  Of new notes only. */
static void kq_op_undo(struct kq *kq, struct kq_op *op, int err)
{
	struct kq_note *kn = op->kn;

	if (!op->is_new)
		return;
	kn->type = (unsigned char)op->call->type;
	kn->cookie = err ? 0 : op->call->cookie;
	kq_drop(kq, kn);
}

/* ---- Batches ----------------------------------------------------------- */

/**
 * struct kq_batch - changes that are told the kernel in one call
 * @kq: of this kqueue.
 * @ops: the changes.
 * @calls: what the kernel is told.
 * @size: room for so many of both.
 * @num_ops: how many.
 * @num_calls: likewise.
 * @receipts: events that there will be at least.
 * @queue: which queue is told: see struct kq_note.
 * @has_new: new notes are among them.
 * @is_loud: some have to be looked at afterwards, even if the kernel has refused none.
 * @error: all of it was refused; or 0.
 */
struct kq_batch {
	struct kq *kq;
	struct kq_op *ops;
	struct ukevent *calls;
	int size;
	int num_ops;
	int num_calls;
	int receipts;
	unsigned int queue;
	bool has_new;
	bool is_loud;
	int error;
};

/* ---- Filling it -------------------------------------------------------- */

static bool kq_has_receipt(const struct kq_op *op)
{
	return op->err || (op->kev->flags & EV_RECEIPT);
}

/* By its fd an old note might be taken for the new one. */
static bool kq_batch_has_new(const struct kq_batch *b, uintptr_t ident)
{
	int i;

	if (!b->has_new)
		return false;
	for (i = 0; i < b->num_ops; i++)
		if (b->ops[i].is_new && b->ops[i].kev->ident == ident)
			return true;
	return false;
}

/* There is room for so many events.  False: not before the others were made. */
static bool kq_batch_put(struct kq_batch *b, const struct kevent *kev, int room)
{
	struct kq_note *kn = kq_note_find(b->kq, kev->ident, kev->filter);
	const unsigned int queue = kn ? kn->queue : 0;
	struct kq_op *op = &b->ops[b->num_ops];

	/* any of those before may fail */
	if (kn && (kn->batch == b->kq->batch || b->num_ops > room ||
		   kq_batch_has_new(b, kev->ident)))
		return false;
	if (b->queue != queue) {
		if (b->num_calls)
			return false;
		b->queue = queue;
	}
	if (kn)
		kn->batch = b->kq->batch;
	kq_op_plan(b->kq, op, kev, kn, &b->calls[b->num_calls]);
	b->num_ops++;
	b->num_calls += op->call != NULL;
	if (!op->is_quiet) {
		b->is_loud = true;
		b->has_new |= op->is_new;
		b->receipts += kq_has_receipt(op);
	}
	return true;
}

/* As many of the changes as can be told together.  Returns how many. */
static int kq_batch_fill(struct kq_batch *b, const struct kevent *changes, int num, int room)
{
	b->num_ops = 0;
	b->num_calls = 0;
	b->receipts = 0;
	b->has_new = false;
	b->is_loud = false;
	b->kq->batch++;
	while (b->num_ops < num && b->num_ops < b->size && b->receipts <= room &&
	       kq_batch_put(b, &changes[b->num_ops], room))
		;
	return b->num_ops;
}

/* ---- Making it --------------------------------------------------------- */

static void kq_batch_call(struct kq_batch *b)
{
	struct kevent_ioc_ctl ctl = {
		.cmd = KEVENT_CTL_MIXED,
		.num = (uint32_t)b->num_calls,
		.events = (uintptr_t)b->calls,
	};
	const int fd = kq_queue(b->kq, b->queue);
	int refused = 0;

	if (b->num_calls == 1)
		refused = ioctl(fd, KEVENT_IOC_CHANGE, b->calls);
	if (b->num_calls > 1)
		refused = ioctl(fd, KEVENT_IOC_CTL, &ctl);
	b->error = refused < 0 ? errno : 0;
	b->is_loud |= refused;
}

static int kq_op_error(const struct kq_batch *b, const struct kq_op *op)
{
	if (!op->call || b->error)
		return op->call ? b->error : 0;
	return op->call->ret_flags & KEVENT_RET_REFUSED ? (int)op->call->ret_data[1] : 0;
}

/*
 * Tells what came of it.  *said: how many events there are: not more than changes, so that
 * they may lie where the changes are.  False: it ends here, as there is no room; errno is
 * the error, or 0.
 */
static bool kq_batch_end(struct kq_batch *b, struct kevent *events, int *said, int max)
{
	struct kevent *event;
	struct kq_op *op;
	int i, err;

	for (i = 0; i < b->num_ops; i++) {
		op = &b->ops[i];
		err = kq_op_end(b->kq, op, kq_op_error(b, op));
		if (!err && !(op->kev->flags & EV_RECEIPT))
			continue;
		if (*said == max) {
			while (++i < b->num_ops)
				kq_op_undo(b->kq, &b->ops[i], kq_op_error(b, &b->ops[i]));
			errno = err;
			return false;
		}
		event = &events[(*said)++];
		*event = *op->kev;
		event->flags = EV_ERROR;
		event->data = err;
	}
	return true;
}

/*
 * Makes changes.  Errors go to events while there is room, and so do receipts.
 * Returns how many; -1: an error found no room, errno has it.
 */
int kq_make_changes(struct kq *kq, const struct kevent *changes, int num,
		    struct kevent *events, int max)
{
	/* a signal handler, with one change, may have little room for them */
	const int size = num < KQ_BATCH ? num : KQ_BATCH;
	struct kq_op ops[size ? size : 1];
	struct ukevent calls[size ? size : 1];
	struct kq_batch b = { .kq = kq, .ops = ops, .calls = calls, .size = size };
	int i = 0, said = 0;

	while (i < num) {
		i += kq_batch_fill(&b, changes + i, num - i, max - said);
		kq_batch_call(&b);
		if (b.is_loud && !kq_batch_end(&b, events, &said, max))
			return errno ? -1 : said;
	}
	return said;
}
