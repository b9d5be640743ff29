// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A changelist: several changes are told the kernel in one call.
 *
 * The kernel makes all that it is told, whatever it refuses. But a changelist ends at the
 * first error, or receipt, that finds no room in the eventlist. So a batch ends where that
 * may be the case, and what comes behind could not be undone: all but new notes.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "kq.h"

#define KQ_BATCH	64

/**
 * struct kq_batch - changes that are told the kernel in one call
 * @kq: of this kqueue.
 * @ops: the changes.
 * @calls: what the kernel is told.
 * @size: room for so many of both.
 * @num_ops: how many.
 * @num_calls: likewise.
 * @queue: which queue is told: see struct kq_note.
 * @has_new: new notes are among them.
 * @error: all of it was refused; or 0.
 */
struct kq_batch {
	struct kq *kq;
	struct kq_op *ops;
	struct ukevent *calls;
	int size;
	int num_ops;
	int num_calls;
	unsigned int queue;
	bool has_new;
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

	for (i = 0; b->has_new && i < b->num_ops; i++)
		if (b->ops[i].is_new && b->ops[i].kev->ident == ident)
			return true;
	return false;
}

/* False: not before the others were made. */
static bool kq_batch_put(struct kq_batch *b, const struct kevent *kev, bool is_safe)
{
	struct kq_note *kn = kq_note_find(b->kq, kev->ident, kev->filter);
	const unsigned int queue = kn ? kn->queue : 0;
	struct kq_op *op = &b->ops[b->num_ops];

	if (kn && (kn->busy || !is_safe || kq_batch_has_new(b, kev->ident)))
		return false;
	if (b->num_calls && queue != b->queue)
		return false;
	op->kev = kev;
	kq_op_plan(b->kq, op, kn, &b->calls[b->num_calls]);
	b->num_ops++;
	b->has_new |= op->is_new;
	if (op->call) {
		b->num_calls++;
		b->queue = queue;
	}
	return true;
}

/*
 * As many of the changes as can be told together.  There is room for so many events.
 * Returns how many.
 */
static int kq_batch_fill(struct kq_batch *b, const struct kevent *changes, int num, int room)
{
	int may = 0, sure = 0, i;

	b->num_ops = 0;
	b->num_calls = 0;
	b->has_new = false;
	for (i = 0; i < num && i < b->size && sure <= room; i++) {
		if (!kq_batch_put(b, &changes[i], may <= room))
			break;
		sure += kq_has_receipt(&b->ops[i]);
		/* one that the kernel is not told of may fail at its end, too */
		may += b->ops[i].kn || kq_has_receipt(&b->ops[i]);
	}
	return i;
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

	b->error = 0;
	if (b->num_calls == 1 && ioctl(fd, KEVENT_IOC_CHANGE, b->calls) < 0)
		b->error = errno;
	if (b->num_calls > 1 && ioctl(fd, KEVENT_IOC_CTL, &ctl) < 0)
		b->error = errno;
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
		if (!kq_batch_end(&b, events, &said, max))
			return errno ? -1 : said;
	}
	return said;
}
