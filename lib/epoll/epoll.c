// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * epoll's calls on a queue of /dev/kevent.
 *
 * An epoll fd is the fd of a queue without a ring, and there is nothing beside it:
 * what it watches, and the data of each, is in the kernel.  So it does not matter who
 * made it, in which process, and by which number it is known.  Nor is it remembered
 * which fds are such: the call of a queue is made, and only if that fails it is asked
 * why (elsewhere.c).
 */
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include <kevent.h>

#include "call.h"
#include "epoll.h"

/*
 * Events that are true when they are handed out.  From a ring they are those that came;
 * but what disarms a watch is asked for, at least by the call that puts it there.
 */
#define KE_REQ		(KE_IS_FAST ? KEVENT_REQ_ALWAYS_QUEUE : \
			 KEVENT_REQ_ALWAYS_QUEUE | KEVENT_REQ_LAST_CHECK)

/* What can be asked for; of other bits epoll takes no notice. */
#define KE_POLL		(EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLERR | EPOLLHUP | \
			 EPOLLRDNORM | EPOLLRDBAND | EPOLLWRNORM | \
			 EPOLLWRBAND | EPOLLMSG | EPOLLRDHUP)

/* What epoll allows beside EPOLLEXCLUSIVE. */
#define KE_EXCLUSIVE	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | \
			 EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

bool ke_met_epoll;

/* ---- Making ------------------------------------------------------------ */

/* The module is one that can do what we need.  Known after the first time. */
static int ke_check_module(int fd)
{
	static bool checked;
	struct kevent_ioc_info info = { .size = sizeof(info) };
	int err;

	if (__atomic_load_n(&checked, __ATOMIC_RELAXED))
		return 0;
	err = ke_ioctl(fd, KEVENT_IOC_INFO, &info);
	if (err)
		return err;
	if (info.abi != KEVENT_ABI_VERSION || !(info.features & KEVENT_FEAT_EPOLL))
		return -EPROTO;
	__atomic_store_n(&checked, true, __ATOMIC_RELAXED);
	return 0;
}

/* As epoll does, the thread that came last is woken first. */
static int ke_create_queue(int flags)
{
	struct kevent_ioc_init init = { .policy = KEVENT_WAKE_LIFO };
	int fd, err;

	fd = (int)ke_call6(SYS_openat, AT_FDCWD, (long)"/dev/kevent",
			   O_RDWR | (flags & EPOLL_CLOEXEC ? O_CLOEXEC : 0),
			   0, 0, 0);
	if (fd < 0)
		return fd;
	err = ke_check_module(fd);
	if (!err && KE_IS_FAST)
		err = ke_fast_init(fd, &init);
	if (!err && !KE_IS_FAST)
		err = ke_ioctl(fd, KEVENT_IOC_INIT, &init);
	if (!err)
		return fd;
	ke_call3(SYS_close, fd, 0, 0);
	return err;
}

int ke_create(int flags)
{
	int fd;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	ke_read_options();
	fd = ke_create_queue(flags);
	if (fd >= 0) {
		ke_count(&ke_counts.queues, 1);
		return fd;
	}
	/* epoll would fail with these, too */
	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
		return fd;
	ke_say(ke_options.require ? "no queue of /dev/kevent" :
				    "no queue of /dev/kevent, using epoll", -fd);
	if (ke_options.require)
		return fd;
	fd = (int)ke_call3(SYS_epoll_create1, flags, 0, 0);
	if (fd >= 0) {
		ke_met_epoll = true;
		ke_count(&ke_counts.epolls, 1);
	}
	return fd;
}

/* ---- Changes ----------------------------------------------------------- */

/* Fills in what a watch is to report. */
static void ke_terms(struct ukevent *uk, const struct epoll_event *event)
{
	uint32_t events = event->events;

	uk->event = events & KE_POLL;
	uk->ptr = event->data.u64;
	if (events & EPOLLET)
		uk->req_flags |= KEVENT_REQ_ET;
	if (events & EPOLLONESHOT)
		uk->req_flags |= KEVENT_REQ_DISPATCH | KEVENT_REQ_LAST_CHECK;
	if (events & EPOLLEXCLUSIVE)
		uk->req_flags |= KEVENT_REQ_EXCLUSIVE;
}

/* What epoll says of EPOLLEXCLUSIVE; what EPERM and EBADF would be is said before. */
static bool ke_exclusive_refused(int op, int fd, uint32_t events)
{
	return op == EPOLL_CTL_MOD || (events & ~KE_EXCLUSIVE) ||
	       ke_is_queue(fd);
}

/* Fills in a change.  0, or -errno: it can't be one. */
static int ke_prepare(struct ukevent *uk, int op, int fd,
		      const struct epoll_event *event)
{
	static const unsigned char commands[] = {
		[EPOLL_CTL_ADD]	= KEVENT_CTL_ADD,
		[EPOLL_CTL_DEL]	= KEVENT_CTL_REMOVE,
		[EPOLL_CTL_MOD]	= KEVENT_CTL_MODIFY,
	};

	if (op < EPOLL_CTL_ADD || op > EPOLL_CTL_MOD)
		return -EINVAL;
	uk->id.raw[0] = (uint32_t)fd;
	uk->type = KEVENT_POLL;
	uk->req_flags = KEVENT_REQ_CMD(commands[op]);
	if (op == EPOLL_CTL_DEL)
		return 0;
	if (ke_is_bad_pointer(event))
		return -EFAULT;
	uk->req_flags |= KE_REQ;
	ke_terms(uk, event);
	if (ke_unlikely(event->events & EPOLLEXCLUSIVE) &&
	    ke_exclusive_refused(op, fd, event->events))
		return -EINVAL;
	return 0;
}

int ke_ctl(int epfd, int op, int fd, const struct epoll_event *event)
{
	struct ukevent uk = {};
	int err;

	ke_count(&ke_counts.changes, 1);
	if (ke_unlikely(ke_met_epoll)) {
		err = ke_ctl_epoll(epfd, op, fd, event);
		if (err != -EINVAL)
			return err;
	}
	err = ke_prepare(&uk, op, fd, event);
	if (!err)
		err = ke_ioctl(epfd, KEVENT_IOC_CHANGE, &uk);
	if (ke_unlikely(err))
		return ke_ctl_elsewhere(epfd, op, fd, event, err);
	if (ke_unlikely(uk.ret_flags & KEVENT_RET_QUEUE))
		return ke_nest_added(epfd, fd, &uk);
	return 0;
}
