/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What ready.c, which decides about events, needs of post.c, which puts them
 * somewhere.  All under queue->lock.
 */
#ifndef KEV_POST_H
#define KEV_POST_H

#include "kev.h"

/* The states of a watch that is put on a list after its slot was filled. */
#define KEV_STATE_LISTED	(KEV_W_FIRED | KEV_W_LEVEL | KEV_W_RECHECK)

static inline struct kev_mailbox *kev_mailbox_of(struct kev_watch *w)
{
	return container_of(w, struct kev_mailbox, watch);
}

/* What is of one event, the waiting one or the last. */
#define KEV_RET_ONCE	(KEVENT_RET_BROKEN | KEVENT_RET_LOST)

static inline void kev_forget_broken(struct kev_watch *w)
{
	if (w->on != KEV_ON_READY)
		w->ev.ret_flags &= ~KEV_RET_ONCE;
}

void kev_list_move(struct kev_watch *w, struct list_head *list,
		   enum kev_list on);
void kev_enlist(struct kev_watch *w);
bool kev_post(struct kev_watch *w, u32 bits);
bool kev_send_letter(struct kev_watch *w, const struct kev_letter *l);

#endif /* KEV_POST_H */
