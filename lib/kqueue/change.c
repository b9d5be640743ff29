// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Changes: what EV_ADD, EV_DELETE, EV_ENABLE and EV_DISABLE do to a note. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "kq.h"

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
	if (kev->flags & EV_DISABLE)
		kn->disabled = true;
	else if (kev->flags & (EV_ENABLE | EV_ADD))
		kn->disabled = false;
}

/* ---- The changes ------------------------------------------------------- */

static int kq_add(struct kq *kq, const struct kq_filter *filter, const struct kevent *kev)
{
	struct kq_note *kn;
	int err = kq_check_terms(filter, kev);

	if (err)
		return err;
	kn = kq_note_new(kq, kev);
	if (!kn)
		return ENOMEM;
	kn->filter = filter;
	kq_set_terms(kn, kev);
	kq_set_enabled(kn, kev);
	err = filter->add(kq, kn);
	if (err)
		kq_note_free(kq, kn);
	return err;
}

static int kq_modify(struct kq *kq, struct kq_note *kn, const struct kevent *kev)
{
	int err = kev->flags & EV_ADD ? kq_check_terms(kn->filter, kev) : 0;

	if (err)
		return err;
	if (kev->flags & EV_ADD)
		kq_set_terms(kn, kev);
	kq_set_user(kn, kev);
	kq_set_enabled(kn, kev);
	return kn->filter->change(kq, kn, kev);
}

/* A file may have been closed since; its fd may be another's now. */
static int kq_delete(struct kq *kq, struct kq_note *kn)
{
	int err = 0;

	/* not one that has exited while it was disabled: see proc.c */
	if (kn->filter->is_fd && kn->cookie && kn->type != KEVENT_UNOTIFY)
		err = kq_watch_remove_fd(kq, kn);
	kq_drop(kq, kn);
	return err;
}

/* Makes one change.  Returns 0, or what EV_ERROR is to tell. */
int kq_change(struct kq *kq, const struct kevent *kev)
{
	const unsigned short flags = kev->flags & ~EV_SYSFLAGS;
	const struct kq_filter *filter = kq_filter(kev->filter);
	struct kq_note *kn;

	if (!filter || (flags & ~KQ_FLAGS) ||
	    (flags & (EV_ENABLE | EV_DISABLE)) == (EV_ENABLE | EV_DISABLE) ||
	    (flags & (EV_ADD | EV_KEEPUDATA)) == (EV_ADD | EV_KEEPUDATA))
		return EINVAL;
	kn = kq_note_find(kq, kev->ident, kev->filter);
	if (!kn && filter->is_fd && !kq_is_fd(kev->ident))
		return EBADF;
	if (flags & EV_DELETE)
		return kn ? kq_delete(kq, kn) : ENOENT;
	if (kn)
		return kq_modify(kq, kn, kev);
	return flags & EV_ADD ? kq_add(kq, filter, kev) : ENOENT;
}
