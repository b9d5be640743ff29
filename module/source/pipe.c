// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_PIPE: RECV and SEND of pipes and FIFOs, with their ends: the last
 * writer gone (end of file) or the last reader is BROKEN.
 */
#include "../hook/waitqueue.h"

#include <linux/pipe_fs_i.h>

#define KEV_PIPE_EVENTS	(KEVENT_PIPE_RECV | KEVENT_PIPE_SEND)

#define KEV_PIPE_IN	((__force u32)(EPOLLIN | EPOLLRDNORM))
#define KEV_PIPE_OUT	((__force u32)(EPOLLOUT | EPOLLWRNORM))

/* In poll's bits. */
static __always_inline u32 kev_pipe_want(u32 event)
{
	return KEV_KEY_ALWAYS |
	       (event & KEVENT_PIPE_RECV ? KEV_PIPE_IN : 0) |
	       (event & KEVENT_PIPE_SEND ? KEV_PIPE_OUT : 0);
}

static __always_inline void kev_pipe_values(u32 event, u32 mask,
					    struct kev_values *v)
{
	/* HUP: a read returns 0; ERR: a write fails; neither blocks */
	if (mask & (KEV_PIPE_IN | (__force u32)EPOLLHUP))
		v->bits |= event & KEVENT_PIPE_RECV;
	if (mask & (KEV_PIPE_OUT | (__force u32)EPOLLERR))
		v->bits |= event & KEVENT_PIPE_SEND;
	if (mask & KEV_KEY_ALWAYS) {
		v->ret_flags = KEVENT_RET_BROKEN;
		if (!v->bits)
			v->bits = event;
	}
}

static int kev_pipe_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
			 void *key)
{
	struct kev_poll *p = kev_poll_of_wait(wait);
	u32 event = READ_ONCE(p->watch.ev.event);
	u32 want = kev_pipe_want(event);
	struct kev_values v = {};
	u32 mask;

	if (unlikely(!kev_key_tells(want, key, &mask)) &&
	    kev_hook_wake(p, want, key, &mask))
		return 1;
	if (!mask)
		return 0;
	kev_pipe_values(event, mask, &v);
	return kev_ready_values(&p->watch, v.bits, v.ret_flags, 0, 0, sync);
}

static int kev_pipe_check(struct file *file, const struct ukevent *uk)
{
	if (!file)
		return 0;
	return file->private_data && S_ISFIFO(file_inode(file)->i_mode) &&
	       file->private_data == file_inode(file)->i_pipe ? 0 : -EINVAL;
}

static int kev_pipe_attach(struct kev_watch *w, struct file *file,
			   const struct ukevent *uk, struct kev_values *v)
{
	u32 event = READ_ONCE(w->ev.event), mask;

	if (kev_hook_attach(kev_poll_of(w), file, kev_pipe_wake, &mask))
		return -ENOMEM;
	mask &= kev_pipe_want(event);
	if (mask)
		kev_pipe_values(event, mask, v);
	return 0;
}

static void kev_pipe_ask(struct kev_watch *w, struct file *file,
			 struct kev_values *v)
{
	u32 event = READ_ONCE(w->ev.event);
	u32 mask = kev_hook_ask(file, kev_pipe_want(event));

	if (mask)
		kev_pipe_values(event, mask, v);
}

const struct kev_source_ops kev_source_pipe = {
	.name		= "kev_pipe",
	.size		= sizeof(struct kev_poll),
	.events		= KEV_PIPE_EVENTS,
	.req_flags	= KEV_REQ_FILE,
	.has_file	= true,
	.check		= kev_pipe_check,
	.prepare	= kev_hook_prepare,
	.attach		= kev_pipe_attach,
	.detach		= kev_hook_detach,
	.ask		= kev_pipe_ask,
};
