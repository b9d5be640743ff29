// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Calls that a queue did not serve: why, and what becomes of them.
 *
 * The kernel's call of the same name decides.  With an epoll it does the work; with
 * anything else it fails as epoll does: EFAULT, EBADF, EPERM are found before EINVAL,
 * which says no more than that the fd is none of an epoll.  So after EINVAL what the
 * queue has said stands.
 */
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>

#include <kevent.h>

#include "call.h"
#include "epoll.h"

/* Events that are read at once where ioctl() is forbidden. */
#define KE_READ_MAX	64

int ke_ctl_epoll(int epfd, int op, int fd, const struct epoll_event *event)
{
	int err;

	err = (int)ke_call6(SYS_epoll_ctl, epfd, op, fd, (long)event, 0, 0);
	if (!err) {
		ke_met_epoll = true;
		ke_count(&ke_counts.elsewhere, 1);
	}
	return err;
}

/* Is it a queue, for which a filter answers, before it is looked what the fd is? */
bool ke_is_filtered(int fd)
{
	return ke_ioctl(-1, KEVENT_IOC_GET_EVENTS, NULL) != -EBADF && ke_is_device(fd);
}

int ke_ctl_elsewhere(int epfd, int op, int fd, const struct epoll_event *event,
		     int err)
{
	int ret = ke_ctl_epoll(epfd, op, fd, event);

	if (ret != -EINVAL)
		return ret;
	switch (err) {
	case -EEXIST:
	case -ENOENT:
	case -ENOSPC:
	case -ENOMEM:
	case -EINVAL:
		return err;
	}
	if (!ke_is_filtered(epfd))
		return -EINVAL;
	ke_say("ioctl() is forbidden, no change is possible", -err);
	return err;
}

int ke_wait_epoll(const struct ke_wait *w)
{
	int type = ke_cancel_begin(w);
	int ret;

	ret = (int)ke_call6(w->nr, w->epfd, (long)w->events, w->max, w->timeout,
			    (long)w->mask, (long)w->mask_size);
	ke_cancel_end(type);
	if (ret >= 0) {
		ke_met_epoll = true;
		ke_count(&ke_counts.elsewhere, 1);
	}
	return ret;
}

/* ---- Without ioctl() --------------------------------------------------- */

static int ke_read_events(const struct ke_wait *w)
{
	struct ukevent uk[KE_READ_MAX];
	int i, num = w->max < KE_READ_MAX ? w->max : KE_READ_MAX;
	long len;

	len = ke_call3(SYS_read, w->epfd, (long)uk, num * (long)sizeof(*uk));
	if (len < 0)
		return (int)len;
	num = (int)(len / (long)sizeof(*uk));
	for (i = 0; i < num; i++) {
		w->events[i].events = uk[i].ret_data[0];
		w->events[i].data.u64 = uk[i].ptr;
	}
	return num;
}

/*
 * Filters that forbid ioctl() still allow read() and ppoll().  The fd is made
 * O_NONBLOCK, which nobody but read() looks at: it may be that there is nothing, when
 * poll says that there may be something.
 */
static int ke_wait_by_read(const struct ke_wait *w)
{
	struct pollfd pfd = { .fd = w->epfd, .events = POLLIN };
	struct kevent_ioc_get get = {};
	bool forever;
	int flags, ret;

	ke_time(&get, w);
	forever = get.min && !(get.flags & KEVENT_FLAGS_TIMEOUT);
	flags = (int)ke_call3(SYS_fcntl, w->epfd, F_GETFL, 0);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		ke_call3(SYS_fcntl, w->epfd, F_SETFL, flags | O_NONBLOCK);
	for (;;) {
		ret = ke_read_events(w);
		if (ret != -EAGAIN)
			return ret;
		/* writes what is left of the time */
		ret = (int)ke_call6(SYS_ppoll, (long)&pfd, 1,
				    forever ? 0 : (long)&get.timeout,
				    (long)w->mask, (long)w->mask_size, 0);
		if (ret <= 0)
			return ret;
	}
}

/* The arguments are good. */
int ke_wait_elsewhere(const struct ke_wait *w)
{
	int type, ret = ke_wait_epoll(w);

	/* nothing but a queue may be read from, and not where a number just changes hands */
	if (ret != -EINVAL || !ke_is_filtered(w->epfd))
		return ret;
	type = ke_cancel_begin(w);
	ret = ke_wait_by_read(w);
	ke_cancel_end(type);
	return ret;
}
