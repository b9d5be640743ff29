// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The kernel's watches of notes.  What has a kq holds its lock. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kq.h"

int kq_call(int fd, unsigned int cmd, struct ukevent *uk)
{
	uk->req_flags |= KEVENT_REQ_CMD(cmd);
	return ioctl(fd, KEVENT_IOC_CHANGE, uk) < 0 ? errno : 0;
}

int kq_queue(const struct kq *kq, unsigned int queue)
{
	return queue ? kq->inner[queue - 1] : kq->fd;
}

/*
 * The kernel has just made a watch of this fd.  If that was there already, by what the
 * library knows, the fd was another file's: by it the note can't be named any more.
 */
static void kq_outdate(struct kq *kq, const struct kq_note *by, const struct ukevent *uk,
		       unsigned int queue)
{
	static const short filters[] = { EVFILT_READ, EVFILT_WRITE, EVFILT_VNODE, EVFILT_PROCDESC };
	struct kq_note *kn;
	unsigned int i;

	/* reading has these for itself; others are not named by an fd */
	if (uk->type == KEVENT_SOCKET || uk->type == KEVENT_PIPE ||
	    uk->type == KEVENT_UNOTIFY || uk->id.raw[1])
		return;
	for (i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		kn = kq_note_find(kq, uk->id.raw[0], filters[i]);
		if (!kn || kn == by || kn->type != uk->type || kn->queue != queue)
			continue;
		kq_watch_lose(kq, kn);
		kn->active = false;
	}
}

/* Makes the inner queue, and has the first one watch it. */
static int kq_inner_make(struct kq *kq, unsigned int queue)
{
	struct kevent_ioc_init init = { .policy = KEVENT_WAKE_LIFO };
	struct ukevent token = kq_token(kq, true);
	struct ukevent uk = {
		.type = KEVENT_POLL,
		.event = KEVENT_POLL_POLLIN,
		.req_flags = KEVENT_REQ_ALWAYS_QUEUE | KEVENT_REQ_LAST_CHECK,
		.ptr = kq_ptr(kq, KQ_INDEX_INNER + queue),
	};
	int fd = open("/dev/kevent", O_RDWR | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return errno;
	uk.id.raw[0] = (uint32_t)fd;
	if (ioctl(fd, KEVENT_IOC_INIT, &init) < 0)
		err = errno;
	if (!err)
		err = kq_call(fd, KEVENT_CTL_ADD, &token);
	if (!err)
		err = kq_call(kq->fd, KEVENT_CTL_ADD, &uk);
	if (err) {
		close(fd);
		return err;
	}
	kq->inner[queue - 1] = fd;
	kq_outdate(kq, NULL, &uk, 0);
	return 0;
}

/* The watch of a note is there. */
static void kq_watch_note(struct kq *kq, struct kq_note *kn, const struct ukevent *uk,
			  unsigned int queue)
{
	kq_outdate(kq, kn, uk, queue);
	kq_watch_set(kn, uk, queue);
}

/**
 * kq_watch_add() - add a watch of a note
 * @kq: its kq.
 * @kn: the note.
 * @uk: all but ptr, and KEVENT_REQ_ALWAYS_QUEUE.
 * @queue: the first to be tried.
 *
 * Returns 0, or an errno: there is no watch, and the note is as it was.
 */
int kq_watch_add(struct kq *kq, struct kq_note *kn, struct ukevent *uk, unsigned int queue)
{
	const struct ukevent change = *uk;
	int err = EEXIST;

	for (; queue <= KQ_INNER && err == EEXIST; queue++) {
		if (queue && kq->inner[queue - 1] < 0) {
			err = kq_inner_make(kq, queue);
			if (err)
				return err;
		}
		*uk = change;
		uk->req_flags |= KEVENT_REQ_ALWAYS_QUEUE;
		uk->ptr = kn->ptr;
		err = kq_call(kq_queue(kq, queue), KEVENT_CTL_ADD, uk);
		if (!err)
			kq_watch_note(kq, kn, uk, queue);
	}
	return err;
}

/* What the kernel is to be told, so that a new note has its watch. */
int kq_watch_plan(struct kq_note *kn, struct ukevent *uk)
{
	*uk = (struct ukevent){
		.req_flags = KEVENT_REQ_ALWAYS_QUEUE,
		.ptr = kn->ptr,
	};
	return kn->filter->add(kn, uk);
}

/* See kq_watch_done().  EEXIST: another note has such a watch in the first queue. */
int kq_watch_done_any(struct kq *kq, struct kq_note *kn, struct ukevent *uk, int err)
{
	if (err == EEXIST) {
		err = kq_watch_plan(kn, uk);
		if (!err)
			err = kq_watch_add(kq, kn, uk, 1);
	} else if (!err) {
		kq_watch_note(kq, kn, uk, 0);
	}
	return kn->filter->added ? kn->filter->added(kq, kn, uk, err) : err;
}

/* All of it. */
int kq_watch_make(struct kq *kq, struct kq_note *kn)
{
	struct ukevent uk;
	int err = kq_watch_plan(kn, &uk);

	if (err)
		return err;
	err = kq_call(kq->fd, KEVENT_CTL_ADD, &uk);
	return kq_watch_done(kq, kn, &uk, err);
}

/* ---- Old ones ---------------------------------------------------------- */

/* Of a file only: tells whether it is still that of the fd. */
int kq_watch_remove_fd(struct kq *kq, struct kq_note *kn)
{
	struct ukevent uk;
	int err = ENOENT;

	kq_watch_by_fd(kn, &uk);
	if (kn->cookie)
		err = kq_call(kq_queue(kq, kn->queue), KEVENT_CTL_REMOVE, &uk);
	if (!err)
		kn->cookie = 0;
	return err;
}

/* If there is one. */
int kq_watch_remove(struct kq *kq, struct kq_note *kn)
{
	struct ukevent uk;
	int err = ENOENT;

	kq_watch_by_cookie(kn, &uk);
	if (kn->cookie)
		err = kq_call(kq_queue(kq, kn->queue), KEVENT_CTL_REMOVE, &uk);
	kn->cookie = 0;
	return err;
}

/*
 * Its fd does not name its watch any more: it is another file's, or the watch is over, as it
 * is after its only event.  True: another thread may have just taken that, and has to find the
 * note.
 */
bool kq_watch_lose(struct kq *kq, struct kq_note *kn)
{
	const uint64_t cookie = kn->cookie;

	if (kq_watch_remove(kq, kn) && cookie &&
	    (kn->type == KEVENT_PROC || (!kn->soft && (kn->kev.flags & EV_ONESHOT)))) {
		kn->late = cookie;
		kn->disabled = false;
	}
	return kn->late;
}

/* Has an event come as if of itself. */
int kq_watch_fire(struct kq *kq, struct kq_note *kn)
{
	struct ukevent uk;

	kq_watch_by_cookie(kn, &uk);
	uk.event = kn->fire;
	return kq_call(kq_queue(kq, kn->queue), KEVENT_CTL_READY, &uk);
}
