/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooking the wait queues of a file: what POLL, SOCKET and PIPE share.
 */
#ifndef KEV_HOOK_WAITQUEUE_H
#define KEV_HOOK_WAITQUEUE_H

#include <linux/poll.h>
#include <linux/wait.h>

#include "../source.h"

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

/*
 * What a wake-up's key proves.  TCP names PRI on every packet; other bits come
 * and go the same way.
 */
#define KEV_KEY_TRUSTED	((__force u32)(EPOLLIN | EPOLLOUT | EPOLLRDNORM | \
				       EPOLLWRNORM))
/* What poll(2) reports without being asked. */
#define KEV_KEY_ALWAYS	((__force u32)(EPOLLERR | EPOLLHUP))

static inline struct kev_poll *kev_poll_of(struct kev_watch *w)
{
	return container_of(w, struct kev_poll, watch);
}

static inline struct kev_poll *kev_poll_of_wait(wait_queue_entry_t *wait)
{
	return container_of(wait, struct kev_poll, wait);
}

/*
 * The bits of want that a wake-up with this key proves; 0: it is about
 * something else.  False: the key does not tell, ask.
 */
static __always_inline bool kev_key_tells(u32 want, void *key, u32 *bits)
{
	u32 k = (u32)(uintptr_t)key;

	/* POLLFREE is not trusted either: it goes with the rest */
	*bits = k & (want | (__force u32)POLLFREE);
	return likely(*bits) ? !(*bits & ~KEV_KEY_TRUSTED) : k;
}

void kev_hook_prepare(struct kev_watch *w, struct file *file);
int kev_hook_attach(struct kev_poll *p, struct file *file,
		    wait_queue_func_t func, u32 *mask);
void kev_hook_detach(struct kev_watch *w);
u32 kev_hook_ask(struct file *file, u32 want);
bool kev_hook_wake(struct kev_poll *p, u32 want, void *key, u32 *bits);

#endif /* KEV_HOOK_WAITQUEUE_H */
