/* SPDX-License-Identifier: GPL-2.0 */
/* The life of a watch. */
#ifndef KEV_WATCH_H
#define KEV_WATCH_H

#include "source.h"

/* One-shots reaped by one call; by one change: more than it can make. */
#define KEV_REAP_MAX	64
#define KEV_REAP_ONE	2

struct kev_watch *kev_watch_alloc(struct kev_queue *q,
				  const struct kev_source_ops *ops,
				  struct file *file, const struct ukevent *uk);
struct kev_records *kev_watch_records(struct kev_queue *q, u64 cookie);
u32 kev_watch_kill(struct kev_watch *w);
void kev_watch_retire(struct kev_watch *w);
void kev_watch_close(struct kev_watch *w);
void kev_watch_bury(struct kev_watch *w);
void kev_watch_free_one(struct kev_watch *w);
bool kev_watch_pin(struct kev_watch *w, struct file **file);
bool kev_watch_unpin(struct kev_watch *w);
bool kev_watch_ask_task(struct kev_watch *w, struct kev_values *v);
bool kev_watch_ask(struct kev_watch *w, struct kev_values *v);
bool kev_watch_spent(struct kev_watch *w);
void kev_watch_reap_some(struct kev_queue *q, unsigned int max);
void kev_watch_remove_all(struct kev_queue *q);
void kev_file_closed(struct file *file);
int kev_watch_init(void);
void kev_watch_exit(void);

/* Takes down fired one-shots whose entry was freed. */
static inline void kev_watch_reap(struct kev_queue *q, unsigned int max)
{
	if (unlikely(READ_ONCE(q->nfired)))
		kev_watch_reap_some(q, max);
}

/* Takes over what a request asks for.  Fields under queue->lock. */
static __always_inline void kev_watch_take(struct kev_watch *w,
					   const struct kev_source_ops *ops,
					   const struct ukevent *uk)
{
	u32 flags = (uk->req_flags & KEV_REQ_KEPT) | ops->always;
	u16 state = w->state & ~(KEV_W_DISARMED | KEV_W_LEVEL | KEV_W_LONG |
				 KEV_W_LOST);

	w->ev.event = uk->event;
	w->ev.req_flags = flags;
	w->ev.ptr = uk->ptr;
	if (flags & KEV_REQ_LONG)
		state |= KEV_W_LONG;
	if (flags & KEVENT_REQ_PAYLOAD)
		state |= KEV_W_EACH;
	if (ops->look && !(flags & (KEVENT_REQ_ET | KEVENT_REQ_ONESHOT |
				     KEVENT_REQ_DISPATCH)))
		state |= KEV_W_LEVEL;
	w->state = state;
}

#endif /* KEV_WATCH_H */
