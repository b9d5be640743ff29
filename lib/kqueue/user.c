// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* EVFILT_USER: reported once it was triggered; with fflags and data of the program. */
#include "kq.h"

/* What changes make of the flags that are kept. */
static void kq_user_flags(struct kq_note *kn, unsigned int fflags)
{
	const unsigned int flags = fflags & NOTE_FFLAGSMASK;

	switch (fflags & NOTE_FFCTRLMASK) {
	case NOTE_FFAND:
		kn->fflags &= flags;
		break;
	case NOTE_FFOR:
		kn->fflags |= flags;
		break;
	case NOTE_FFCOPY:
		kn->fflags = flags;
		break;
	}
}

static int kq_user_add(struct kq_note *kn, struct ukevent *uk)
{
	kn->fflags = kn->kev.fflags & NOTE_FFLAGSMASK;
	kn->data = kn->kev.data;
	kn->active = kn->kev.fflags & NOTE_TRIGGER;
	uk->type = KEVENT_UNOTIFY;
	uk->event = 1;
	uk->id.raw_u64 = kn->index;
	if (kn->active && !kn->disabled)
		uk->req_flags |= KEVENT_REQ_READY;
	return 0;
}

static int kq_user_change(struct kq *kq, struct kq_note *kn, const struct kevent *kev, int err)
{
	kq_user_flags(kn, kev->fflags);
	kn->data = kev->data;
	if (kev->fflags & NOTE_TRIGGER)
		kn->active = true;
	return kn->active && !kn->disabled ? kq_watch_fire(kq, kn) : err;
}

static bool kq_user_event(struct kq *kq, struct kq_note *kn, const struct ukevent *uk)
{
	(void)kq;
	(void)uk;
	return kn->active;
}

const struct kq_filter kq_filter_user = {
	.is_soft	= true,
	.fflags		= NOTE_FFCTRLMASK | NOTE_TRIGGER | NOTE_FFLAGSMASK,
	.add		= kq_user_add,
	.change		= kq_user_change,
	.event		= kq_user_event,
};
