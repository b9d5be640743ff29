// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_POLL: any file that poll(2) can wait for, by the bits of poll(2).
 */
#include "../hook/waitqueue.h"

#define KEV_POLL_EVENTS	(KEVENT_POLL_POLLIN | KEVENT_POLL_POLLPRI | \
			 KEVENT_POLL_POLLOUT | KEVENT_POLL_POLLERR | \
			 KEVENT_POLL_POLLHUP | KEVENT_POLL_POLLRDNORM | \
			 KEVENT_POLL_POLLRDBAND | KEVENT_POLL_POLLWRNORM | \
			 KEVENT_POLL_POLLWRBAND | KEVENT_POLL_POLLMSG | \
			 KEVENT_POLL_POLLRDHUP)

static_assert(KEVENT_POLL_POLLRDHUP == (__force u32)EPOLLRDHUP);

static __always_inline u32 kev_poll_want(u32 event)
{
	return event | KEV_POLL_ALWAYS;
}

static __always_inline void kev_poll_values(struct file *file, u32 event,
					    u32 mask, struct kev_values *v)
{
	v->bits = mask;
	v->ret_flags = kev_poll_flags(mask);
}

static int kev_poll_check_file(struct file *file, const struct ukevent *uk)
{
	return file_can_poll(file) ? 0 : -EPERM;
}

KEV_HOOK_SOURCE(poll, KEV_POLL_EVENTS);
