/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooking the wait queues of a file: what POLL, SOCKET and PIPE share.
 */
#ifndef KEV_HOOK_WAITQUEUE_H
#define KEV_HOOK_WAITQUEUE_H

#include <linux/poll.h>
#include <linux/wait.h>

#include "../ready.h"
#include "../source.h"
#include "look.h"

/**
 * struct kev_poll - a watch that sits on the wait queues of its file
 * @watch: the watch.
 * @wait: on the first queue; most files have one.  Its private word is the
 *	queue's head; or, with bit 0 set, the first struct kev_hook_extra of a
 *	file that has several queues.  0 once the queue is gone.
 */
struct kev_poll {
	struct kev_watch watch;
	wait_queue_entry_t wait;
};

/**
 * struct kev_poll_kind - what differs between sources that use this
 * @want: from the source's event bits to poll's.
 * @values: and back: what is ready, and what is known about it.  queue->lock is
 *	held, or the file referenced; takes no lock.
 * @longer: kev_hook_long() of this kind, not inlined.
 */
struct kev_poll_kind {
	u32 (*want)(u32 event);
	void (*values)(struct file *file, u32 event, u32 mask,
		       struct kev_values *v);
	unsigned int (*longer)(struct kev_watch *w, int sync, u32 mask);
};

/* What poll(2) reports without being asked. */
#define KEV_POLL_ALWAYS	((__force u32)(EPOLLERR | EPOLLHUP))

static inline struct kev_poll *kev_poll_of(struct kev_watch *w)
{
	return container_of(w, struct kev_poll, watch);
}

/* What an error, a hang-up or an end of file looks like in ret_flags. */
static __always_inline u32 kev_poll_flags(u32 mask)
{
	const u32 hup = (__force u32)EPOLLHUP, rdhup = (__force u32)EPOLLRDHUP;
	u32 flags = 0;

	if (likely(!(mask & (KEV_POLL_ALWAYS | rdhup))))
		return 0;
	if (mask & (rdhup | hup))
		flags |= KEVENT_RET_EOF;
	if (mask & hup)
		flags |= KEVENT_RET_HUP;
	if (mask & (__force u32)EPOLLERR)
		flags |= KEVENT_RET_ERROR;
	return flags | KEVENT_RET_BROKEN;
}

int kev_hook_free(wait_queue_entry_t *wait);
void kev_hook_prepare(struct kev_watch *w, struct file *file);
int kev_hook_attach(struct kev_poll *p, struct file *file,
		    const wait_queue_func_t *wakes, u32 *mask);
void kev_hook_detach(struct kev_watch *w);
u32 kev_hook_ask(struct file *file, u32 want);
unsigned int kev_hook_look(struct kev_watch *w, int sync);

/*
 * What of the watch's poll bits is ready, in most wake-ups: there is something to
 * read, and that is all there is to tell.  0: any other case.
 */
static __always_inline u32 kev_hook_readable(struct kev_watch *w,
					     const struct kev_poll_kind *kind,
					     const enum kev_look look)
{
	u32 want;

	if (unlikely(!kev_look_readable(w->file, look)))
		return 0;
	want = kind->want(w->ev.event);
	return unlikely(want & KEV_POLL_OTHER) ? 0 : want & KEV_POLL_IN;
}

/*
 * The callback of a wake-up, of files of one class.  The key says what it is about,
 * and proves nothing.
 *
 * Context: under the head's lock.  Returns what tells the kernel if an exclusive
 * waiter has used the wake-up up: that is so if it woke somebody.
 */
static __always_inline int kev_hook_woken(wait_queue_entry_t *wait, int sync,
					  u32 key,
					  const struct kev_poll_kind *kind,
					  const enum kev_look look)
{
	struct kev_poll *p = container_of(wait, struct kev_poll, wait);
	struct kev_values v = {};
	struct kev_watch *w;
	struct kev_queue *q;
	unsigned int told;
	u32 mask;

	/* The head's lock, in full.  Partner: kev_watch_set(), before it is asked. */
	smp_mb__after_spinlock();
	if (!(key & kind->want(READ_ONCE(p->watch.ev.event))) && key)
		return 0;	/* about something else */
	/* computed only now, so that no register is saved for wake-ups that return above */
	OPTIMIZER_HIDE_VAR(p);
	w = &p->watch;
	q = w->queue;
	raw_spin_lock(&q->lock);
	/* without a key it may be the end of a pipe */
	if (unlikely(w->state & KEV_W_NOT_SHORT) ||
	    (look == KEV_LOOK_PIPE && unlikely(!key)))
		mask = 0;
	else
		mask = kev_hook_readable(w, kind, look);
	if (likely(mask)) {
		kind->values(w->file, w->ev.event, mask, &v);
		if (likely(kev_ready_fill(q, w, &v))) {
			if (unlikely(q->attention & KEV_Q_WAITERS))
				goto notify;
			raw_spin_unlock(&q->lock);
			return 0;	/* nobody sleeps */
		}
	}
	told = kind->longer(w, sync, mask);
	goto unlock;
notify:
	told = kev_notify(q, 0, sync);
unlock:
	raw_spin_unlock(&q->lock);
	return !!(told & KEV_TOLD_WOKE);
}

/*
 * All of them; mask is what was found by a look, or 0.  Inlined into the longer of a
 * kind.
 */
static __always_inline unsigned int
kev_hook_long(struct kev_watch *w, int sync, u32 mask,
	      const struct kev_poll_kind *kind)
{
	u32 event = w->ev.event;
	struct kev_values v = {};

	lockdep_assert_held(&w->queue->lock);
	if (w->state & (KEV_W_DISARMED | KEV_W_DEAD))
		return 0;
	if (w->ev.req_flags & KEVENT_REQ_LAST_CHECK)
		return kev_ready_ask(w);
	if (!mask)
		return kev_hook_look(w, sync);
	kind->values(w->file, event, mask, &v);
	return kev_ready_long(w, v, sync, 0);
}

/*
 * Files that may be looked at here wake with irqs off (but on -rt), and never send
 * POLLFREE; of others neither is known.
 */
static __always_inline int kev_hook_wake(wait_queue_entry_t *wait, int sync,
					 void *key,
					 const struct kev_poll_kind *kind,
					 const enum kev_look look)
{
	u32 k = (u32)(uintptr_t)key;
	unsigned long flags;
	int ret;

	if (look != KEV_LOOK_TASK && !IS_ENABLED(CONFIG_PREEMPT_RT))
		return kev_hook_woken(wait, sync, k, kind, look);
	if (unlikely(k & (__force u32)POLLFREE))
		return kev_hook_free(wait);
	local_irq_save(flags);
	ret = kev_hook_woken(wait, sync, k, kind, look);
	local_irq_restore(flags);
	return ret;
}

/* The callback of a source for a class of files. */
#define KEV_HOOK_WAKE(_name, _look)					\
static int kev_##_name##_wake_##_look(wait_queue_entry_t *wait,		\
				      unsigned int mode, int sync, void *key) \
{									\
	return kev_hook_wake(wait, sync, key, &kev_##_name##_kind, _look); \
}

/*
 * All else that a source has that uses this, made of its _want(), _values() and
 * _check_file(): the callbacks, and its struct kev_source_ops.
 */
#define KEV_HOOK_SOURCE(_name, _events)					\
static unsigned int kev_##_name##_longer(struct kev_watch *w, int sync,	\
					 u32 mask);			\
									\
static const struct kev_poll_kind kev_##_name##_kind = {		\
	.want	= kev_##_name##_want,					\
	.values	= kev_##_name##_values,					\
	.longer	= kev_##_name##_longer,					\
};									\
									\
static noinline unsigned int kev_##_name##_longer(struct kev_watch *w,	\
						  int sync, u32 mask)	\
{									\
	return kev_hook_long(w, sync, mask, &kev_##_name##_kind);	\
}									\
									\
KEV_HOOK_WAKE(_name, KEV_LOOK_TASK)					\
KEV_HOOK_WAKE(_name, KEV_LOOK_EVENTFD)					\
KEV_HOOK_WAKE(_name, KEV_LOOK_PIPE)					\
KEV_HOOK_WAKE(_name, KEV_LOOK_UNIX)					\
KEV_HOOK_WAKE(_name, KEV_LOOK_TCP)					\
									\
static int kev_##_name##_attach(struct kev_watch *w, struct file *file,	\
				const struct ukevent *uk,		\
				struct kev_values *v)			\
{									\
	static const wait_queue_func_t wakes[] = {			\
		[KEV_LOOK_TASK]	= kev_##_name##_wake_KEV_LOOK_TASK,	\
		[KEV_LOOK_EVENTFD] = kev_##_name##_wake_KEV_LOOK_EVENTFD, \
		[KEV_LOOK_PIPE]	= kev_##_name##_wake_KEV_LOOK_PIPE,	\
		[KEV_LOOK_UNIX]	= kev_##_name##_wake_KEV_LOOK_UNIX,	\
		[KEV_LOOK_TCP]	= kev_##_name##_wake_KEV_LOOK_TCP,	\
	};								\
	u32 mask;							\
	int err;							\
									\
	err = kev_hook_attach(kev_poll_of(w), file, wakes, &mask);	\
	mask &= kev_##_name##_want(uk->event);				\
	if (!err && mask)						\
		kev_##_name##_values(file, uk->event, mask, v);		\
	return err;							\
}									\
									\
static bool kev_##_name##_look(struct kev_watch *w, struct kev_values *v) \
{									\
	u32 mask;							\
									\
	if (!kev_look_file(w, kev_##_name##_want(w->ev.event), &mask))	\
		return false;						\
	if (mask)							\
		kev_##_name##_values(w->file, w->ev.event, mask, v);	\
	return true;							\
}									\
									\
static void kev_##_name##_ask(struct file *file, u32 event,		\
			      struct kev_values *v)			\
{									\
	u32 mask = kev_hook_ask(file, kev_##_name##_want(event));	\
									\
	if (mask)							\
		kev_##_name##_values(file, event, mask, v);		\
}									\
									\
const struct kev_source_ops kev_source_##_name = {			\
	.name		= "kev_" #_name,				\
	.size		= sizeof(struct kev_poll),			\
	.events		= _events,					\
	.req_flags	= KEV_REQ_FILE,					\
	.has_file	= true,						\
	.check_file	= kev_##_name##_check_file,			\
	.prepare	= kev_hook_prepare,				\
	.attach		= kev_##_name##_attach,				\
	.detach		= kev_hook_detach,				\
	.look		= kev_##_name##_look,				\
	.ask		= kev_##_name##_ask,				\
}

#endif /* KEV_HOOK_WAITQUEUE_H */
