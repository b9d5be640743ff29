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

/* ---- Waiting ----------------------------------------------------------- */

/*
 * What is refused whether there are events or not.  Not all that is: of a pointer that
 * looks good the queue's call will tell.
 */
static bool ke_is_refused(const struct ke_wait *w)
{
	const struct timespec *ts = (const void *)w->timeout;

	if (w->max <= 0 || w->max > KE_EVENTS_MAX || (intptr_t)w->events < 0 ||
	    (intptr_t)(w->events + w->max) < 0)
		return true;
	if (w->mask && (w->mask_size != sizeof(uint64_t) ||
			ke_is_bad_pointer(w->mask)))
		return true;
	return w->nr != SYS_epoll_pwait && ts &&
	       (ke_is_bad_pointer(ts) || ts->tv_sec < 0 ||
		(unsigned long)ts->tv_nsec >= 1000000000);
}

/* Fills in the time, and whether to sleep at all. */
void ke_time(struct kevent_ioc_get *get, const struct ke_wait *w)
{
	const struct timespec *ts = (const void *)w->timeout;
	int ms = (int)w->timeout;

	get->min = 1;
	get->flags = KEVENT_FLAGS_EPOLL;
	if (w->nr == SYS_epoll_pwait) {
		if (ms < 0)
			return;
		get->timeout.tv_sec = ms / 1000;
		get->timeout.tv_nsec = ms % 1000 * 1000000;
	} else {
		if (!ts)
			return;
		get->timeout.tv_sec = ts->tv_sec;
		get->timeout.tv_nsec = ts->tv_nsec;
	}
	if (get->timeout.tv_sec || get->timeout.tv_nsec)
		get->flags |= KEVENT_FLAGS_TIMEOUT;
	else
		get->min = 0;
	get->clockid = CLOCK_MONOTONIC;
}

static int ke_get_events(const struct ke_wait *w)
{
	struct kevent_ioc_get get = {};
	int type, ret;

	ke_time(&get, w);
	get.events = (uintptr_t)w->events;
	get.max = w->max < KE_BATCH_MAX ? w->max : KE_BATCH_MAX;
	if (w->mask) {
		get.flags |= KEVENT_FLAGS_SIGMASK;
		get.sigmask = (uintptr_t)w->mask;
		get.sigsetsize = (uint32_t)w->mask_size;
	}
	type = ke_cancel_begin(w);
	ret = ke_ioctl(w->epfd, KEVENT_IOC_GET_EVENTS, &get);
	ke_cancel_end(type);
	return ret;
}

static int ke_serve(const struct ke_wait *w)
{
	int ret;

	return KE_IS_FAST && ke_fast_wait(w, &ret) ? ret : ke_get_events(w);
}

/* Of whoever can. */
static int ke_wait_any(const struct ke_wait *w)
{
	int ret;

	if (ke_unlikely(ke_met_epoll)) {
		ret = ke_wait_epoll(w);
		if (ret != -EINVAL)
			return ret;
	}
	if (ke_unlikely(ke_is_refused(w)))
		return ke_wait_epoll(w);	/* which says why */
	ret = ke_serve(w);
	if (ke_unlikely(ret < 0) && ret != -EINTR && ret != -EFAULT)
		ret = ke_wait_elsewhere(w);
	return ret;
}

int ke_wait(const struct ke_wait *w)
{
	int ret;

	ke_count(&ke_counts.waits, 1);
	ret = ke_wait_any(w);
	if (ret > 0)
		ke_count(&ke_counts.events, (uint64_t)ret);
	return ret;
}
