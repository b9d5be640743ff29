// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * EVFILT_PROC, by pid, and EVFILT_PROCDESC, by pidfd.  A child is watched by its pid,
 * which the kernel then holds; other processes by a pidfd of ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kq.h"

static int kq_proc_check(const struct kevent *kev)
{
	return kev->fflags & NOTE_EXIT ? 0 : EINVAL;
}

static void kq_proc_plan(struct ukevent *uk, uint64_t id)
{
	uk->type = KEVENT_PROC;
	uk->event = KEVENT_PROC_EXIT;
	uk->id.raw_u64 = id;
}

static int kq_proc_add(struct kq_note *kn, struct ukevent *uk)
{
	const uintptr_t pid = kn->kev.ident;

	if (!pid || pid > INT_MAX)
		return ESRCH;
	kq_proc_plan(uk, pid | KEVENT_PROC_PID);
	return 0;
}

/* No child of ours: then by a pidfd. */
static int kq_proc_added(struct kq *kq, struct kq_note *kn, const struct ukevent *uk, int err)
{
	struct ukevent other = { .req_flags = 0 };

	(void)uk;
	if (err != ECHILD)
		return err;
	kn->helper = (int)syscall(SYS_pidfd_open, (pid_t)kn->kev.ident, 0);
	/* EINVAL: of a thread */
	if (kn->helper < 0)
		return errno == EINVAL || errno == ENOENT ? ESRCH : errno;
	kq_proc_plan(&other, (uint32_t)kn->helper);
	return kq_watch_add(kq, kn, &other, 0);
}

static int kq_procdesc_add(struct kq_note *kn, struct ukevent *uk)
{
	kq_proc_plan(uk, (uint32_t)kn->kev.ident);
	return 0;
}

/* It has exited while it was disabled, and its watch is over: there is another. */
static int kq_proc_tell(struct kq *kq, struct kq_note *kn)
{
	struct ukevent uk = {
		.type = KEVENT_UNOTIFY,
		.event = 1,
		.req_flags = KEVENT_REQ_READY,
	};

	if (kn->cookie)
		return kq_watch_fire(kq, kn);
	uk.id.raw_u64 = kn->index;
	return kq_watch_add(kq, kn, &uk, 0);
}

static int kq_proc_change(struct kq *kq, struct kq_note *kn, const struct kevent *kev, int err)
{
	(void)kev;
	return kn->active && !kn->disabled ? kq_proc_tell(kq, kn) : err;
}

/*
 * Its fd may be another's now.  The kernel is not asked: it does not know a watch that has
 * had its only event.
 */
static int kq_procdesc_change(struct kq *kq, struct kq_note *kn, const struct kevent *kev,
			      int err)
{
	if (kev->flags & EV_ADD) {
		kq_watch_remove(kq, kn);
		kn->active = false;
		err = kq_watch_make(kq, kn);
	} else {
		err = fcntl((int)kn->kev.ident, F_GETFD) < 0 ?
		      errno : kq_proc_change(kq, kn, kev, err);
	}
	if (err)
		kq_drop(kq, kn);
	return err;
}

static bool kq_proc_event(struct kq *kq, struct kq_note *kn, const struct ukevent *uk)
{
	(void)kq;
	kn->kev.flags |= EV_ONESHOT;
	if (kn->type != KEVENT_PROC)
		return true;
	kn->cookie = 0;
	kn->eof = EV_EOF;
	kn->fflags = kn->kev.fflags;
	kn->data = uk->ret_data[1];
	if (!(uk->ret_flags & KEVENT_RET_DATA)) {
		kn->fflags = NOTE_EXIT;
		kn->data = 0;
	}
	kn->active = true;
	return true;
}

const struct kq_filter kq_filter_proc = {
	.is_soft	= true,
	.fflags		= NOTE_EXIT | NOTE_EXITSTATUS,
	.flags		= EV_CLEAR,
	.check		= kq_proc_check,
	.add		= kq_proc_add,
	.added		= kq_proc_added,
	.change		= kq_proc_change,
	.event		= kq_proc_event,
};

const struct kq_filter kq_filter_procdesc = {
	.is_fd		= true,
	.is_soft	= true,
	.fflags		= NOTE_EXIT,
	.flags		= EV_CLEAR,
	.check		= kq_proc_check,
	.add		= kq_procdesc_add,
	.change		= kq_procdesc_change,
	.event		= kq_proc_event,
};
