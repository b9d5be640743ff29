// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_PIPE: RECV and SEND of pipes and FIFOs, with their ends: the last
 * writer gone (end of file) or the last reader is BROKEN.
 */
#include "../hook/waitqueue.h"

#define KEV_PIPE_EVENTS	(KEVENT_PIPE_RECV | KEVENT_PIPE_SEND)

#define KEV_PIPE_OUT	((__force u32)(EPOLLOUT | EPOLLWRNORM))

/* In poll's bits. */
static __always_inline u32 kev_pipe_want(u32 event)
{
	return KEV_POLL_ALWAYS |
	       (event & KEVENT_PIPE_RECV ? KEV_POLL_IN : 0) |
	       (event & KEVENT_PIPE_SEND ? KEV_PIPE_OUT : 0);
}

static __always_inline void kev_pipe_values(struct file *file, u32 event,
					    u32 mask, struct kev_values *v)
{
	/* HUP: a read returns 0; ERR: a write fails; neither blocks */
	if (mask & (KEV_POLL_IN | (__force u32)EPOLLHUP))
		v->bits |= event & KEVENT_PIPE_RECV;
	if (mask & (KEV_PIPE_OUT | (__force u32)EPOLLERR))
		v->bits |= event & KEVENT_PIPE_SEND;
	v->ret_flags = kev_poll_flags(mask);
	/* of the other direction, which was not asked for: a broken one all the same */
	if (v->ret_flags && !v->bits)
		v->bits = event ?: KEVENT_PIPE_RECV | KEVENT_PIPE_SEND;
}

static int kev_pipe_check_file(struct file *file, const struct ukevent *uk)
{
	return kev_file_is_pipe(file) ? 0 : -EINVAL;
}

KEV_HOOK_SOURCE(pipe, KEV_PIPE_EVENTS);
