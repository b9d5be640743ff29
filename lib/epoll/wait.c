// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Calls that wait.  What serves them is inline: each of the C library's functions gets its
 * own, with its arguments in registers, as they are called so often.
 */
#include <stddef.h>

#include <kevent.h>

#include "call.h"
#include "epoll.h"

/* Bytes of the kernel's signal set; the C library's is larger. */
#define KE_MASK_SIZE	8

/*
 * What is refused whether there are events or not.  Not all that is: of a pointer that
 * looks good the queue's call will tell.
 */
static KE_INLINE bool ke_is_refused(const struct ke_wait *w)
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
static KE_INLINE void ke_time_here(struct kevent_ioc_get *get, const struct ke_wait *w)
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

void ke_time(struct kevent_ioc_get *get, const struct ke_wait *w)
{
	ke_time_here(get, w);
}

static KE_INLINE int ke_get_events(const struct ke_wait *w)
{
	struct kevent_ioc_get get = {};
	int type, ret;

	ke_time_here(&get, w);
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

static KE_INLINE int ke_serve(const struct ke_wait *w)
{
	int ret;

	return KE_IS_FAST && ke_fast_wait(w, &ret) ? ret : ke_get_events(w);
}

/* By value: whose address is taken, can't be in registers. */
static __attribute__((noinline, cold)) int ke_other_wait(struct ke_wait w,
							 int (*wait)(const struct ke_wait *w))
{
	return wait(&w);
}

/* Of whoever can. */
static KE_INLINE int ke_wait_any(const struct ke_wait *w)
{
	int ret;

	if (ke_unlikely(ke_met_epoll)) {
		ret = ke_other_wait(*w, ke_wait_epoll);
		if (ret != -EINVAL)
			return ret;
	}
	if (ke_unlikely(ke_is_refused(w)))
		return ke_other_wait(*w, ke_wait_epoll);	/* which says why */
	ret = ke_serve(w);
	if (ke_unlikely(ret < 0) && ret != -EINTR && ret != -EFAULT)
		ret = ke_other_wait(*w, ke_wait_elsewhere);
	return ret;
}

static KE_INLINE int ke_wait_here(const struct ke_wait *w)
{
	int ret;

	ke_count(&ke_counts.waits, 1);
	ret = ke_wait_any(w);
	if (ret > 0)
		ke_count(&ke_counts.events, (uint64_t)ret);
	return ret;
}

int ke_wait(const struct ke_wait *w)
{
	return ke_wait_here(w);
}

/* ---- The C library's functions ------------------------------------------ */

/* None of the three calls another: the program may have one of its own. */
static KE_INLINE int ke_libc_wait(long nr, int epfd, struct epoll_event *events,
				  int maxevents, long timeout, const sigset_t *mask)
{
	const struct ke_wait w = {
		.epfd = epfd,
		.events = events,
		.max = maxevents,
		.nr = nr,
		.timeout = timeout,
		.mask = mask,
		.mask_size = KE_MASK_SIZE,
		.cancel = true,
	};

	return (int)ke_result(ke_wait_here(&w));
}

KE_PUBLIC int epoll_wait(int epfd, struct epoll_event *events, int maxevents,
			 int timeout)
{
	return ke_libc_wait(SYS_epoll_pwait, epfd, events, maxevents, timeout, NULL);
}

KE_PUBLIC int epoll_pwait(int epfd, struct epoll_event *events, int maxevents,
			  int timeout, const sigset_t *mask)
{
	return ke_libc_wait(SYS_epoll_pwait, epfd, events, maxevents, timeout, mask);
}

KE_PUBLIC int epoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
			   const struct timespec *timeout, const sigset_t *mask)
{
	return ke_libc_wait(SYS_epoll_pwait2, epfd, events, maxevents, (long)timeout,
			    mask);
}
