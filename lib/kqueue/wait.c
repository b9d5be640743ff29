// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * kevent(): its changes, then its events.
 *
 * A struct kevent is as long as the kernel's struct ukevent.  So the kernel's events are
 * copied to where ours are wanted, and made into those in place, from the first to the
 * last.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "kq.h"

_Static_assert(sizeof(struct kevent) == sizeof(struct ukevent), "events are made in place");

/* The most that one GET_EVENTS gives. */
#define KQ_EVENTS_MAX	65536

#define KQ_SECOND	1000000000ll

/*
 * Of those bits whose others are inner queues: the fd is not that of the queue which the
 * events are of, or that is no kqueue of ours.
 */
#define KQ_STRANGE	1u

/**
 * struct kq_seen - what is learned from the kernel's events besides
 * @inner: a bit for each inner queue that has some, and KQ_STRANGE.
 * @most: how many there may be at once; 0: none came.
 */
struct kq_seen {
	unsigned int inner;
	uint32_t most;
};

/* ---- From the kernel's events to ours ---------------------------------- */

static void kq_fill(const struct kq_note *kn, struct kevent *kev)
{
	*kev = kn->kev;
	kev->flags |= kn->eof;
	kev->fflags = kn->fflags;
	kev->data = kn->data;
}

/* It is reported: what its flags say comes of it. */
static void kq_reported(struct kq *kq, struct kq_note *kn)
{
	const unsigned short flags = kn->kev.flags;

	/* its watch is over; if it is soft, that was looked after */
	if ((flags & EV_ONESHOT) && !kn->soft)
		kn->cookie = 0;
	if (flags & EV_ONESHOT) {
		kq_drop(kq, kn);
		return;
	}
	if (flags & EV_DISPATCH)
		kn->disabled = true;
	if (!kn->soft)
		return;
	if (flags & EV_CLEAR) {
		kn->active = false;
		kn->data = 0;
		if (kn->kev.filter != EVFILT_USER)
			kn->fflags = 0;
	} else if (!kn->disabled) {
		kq_watch_fire(kq, kn);
	}
}

static bool kq_report(struct kq *kq, const struct ukevent *uk, struct kevent *kev)
{
	const uint32_t index = (uint32_t)uk->ptr;
	struct kq_note *kn;

	if (index >= kq->num)
		return false;
	kn = kq->notes[index];
	if (uk->cookie != kn->cookie && uk->cookie != kn->late)
		return false;
	if (!kn->filter->event(kq, kn, uk) || kn->disabled)
		return false;
	kq_fill(kn, kev);
	kq_reported(kq, kn);
	return true;
}

/* The fd that events were taken by.  False: it is not the kqueue's any more. */
static bool kq_came_by(struct kq *kq, int fd)
{
	if (fd >= 0 && fd != kq->fd) {
		if (kq_check(fd, kq))
			return false;
		kq->fd = fd;
	}
	return true;
}

/*
 * Makes the kernel's events into ours.  The fd is that by which they were taken, or -1:
 * they are an inner queue's.  Returns how many there are.
 */
static int kq_convert(int fd, struct kevent *events, int num, struct kq_seen *seen)
{
	struct kq *kq = NULL, *next;
	struct ukevent uk;
	uint32_t queue;
	int i, done = 0;

	for (i = 0; i < num; i++) {
		memcpy(&uk, &events[i], sizeof(uk));
		next = kq_of_ptr(uk.ptr);
		if (next && next != kq) {
			if (kq)
				kq_unlock(kq);
			kq_lock(next);
			kq = next;
			if (!kq_came_by(kq, fd))
				seen->inner |= KQ_STRANGE;
		}
		/* of a queue of somebody else's, or of a kqueue that is no more */
		if (!next || !kq->used || uk.ptr >> 32 != kq->id) {
			seen->inner |= KQ_STRANGE;
			continue;
		}
		queue = (uint32_t)uk.ptr - KQ_INDEX_INNER;
		if (queue >= 1 && queue <= KQ_INNER)
			seen->inner |= 1u << queue;
		else if (kq_report(kq, &uk, &events[done]))
			done++;
	}
	if (kq) {
		seen->most = kq->count + KQ_INNER;
		kq_unlock(kq);
	}
	return done;
}

/* ---- Waiting ----------------------------------------------------------- */

/* A thread that can be cancelled here holds nothing. */
static int kq_get_events(int fd, struct kevent_ioc_get *get, bool can_cancel)
{
	int type = PTHREAD_CANCEL_DEFERRED, ret;

	if (can_cancel)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	ret = ioctl(fd, KEVENT_IOC_GET_EVENTS, get);
	if (can_cancel)
		pthread_setcanceltype(type, NULL);
	return ret;
}

static int kq_inner_fd(const struct ukevent *uk, unsigned int queue)
{
	struct kq *kq = kq_of_ptr(uk->ptr);
	int fd = -1;

	if (!kq)
		return -1;
	kq_lock(kq);
	if (kq->used && uk->ptr >> 32 == kq->id)
		fd = kq->inner[queue - 1];
	kq_unlock(kq);
	return fd;
}

/* The events of the inner queues. */
static int kq_get_inner(uint64_t id, unsigned int inner, struct kevent *events, int max)
{
	const struct ukevent uk = { .ptr = id << 32 };
	struct kevent_ioc_get get = { .clockid = CLOCK_MONOTONIC };
	struct kq_seen more = { 0 };
	unsigned int queue;
	int done = 0, ret;

	for (queue = 1; queue <= KQ_INNER && done < max; queue++) {
		if (!(inner & 1u << queue))
			continue;
		get.events = (uintptr_t)(events + done);
		get.max = (uint32_t)(max - done);
		ret = ioctl(kq_inner_fd(&uk, queue), KEVENT_IOC_GET_EVENTS, &get);
		if (ret > 0)
			done += kq_convert(-1, events + done, ret, &more);
	}
	return done;
}

/* Has it looked for anew whose fd it is, if any kqueue's. */
static void kq_look_again(int fd)
{
	struct kq *kq = kq_get_locked(fd);

	if (kq)
		kq_unlock(kq);
}

/* Events of ours, of those that the kernel has, or has before the time is up.  -1: errno. */
static int kq_take(int fd, struct kevent_ioc_get *get, bool can_cancel, struct kq_seen *seen)
{
	struct kevent *events = (struct kevent *)(uintptr_t)get->events;
	int num = kq_get_events(fd, get, can_cancel), done;
	struct ukevent uk;

	*seen = (struct kq_seen){ 0 };
	if (num <= 0)
		return num;
	/* which kqueue's they are, if any is that of an inner queue */
	memcpy(&uk, &events[num - 1], sizeof(uk));
	done = kq_convert(fd, events, num, seen);
	if (!seen->inner)
		return done;
	if ((seen->inner & KQ_STRANGE) && !done) {
		kq_look_again(fd);
		errno = EBADF;
		return -1;
	}
	return done + kq_get_inner(uk.ptr >> 32, seen->inner, events + done,
				   (int)get->max - done);
}

/* Without a limit if there is no timeout, and not at all if it is 0.  0 or an errno. */
static int kq_set_time(struct kevent_ioc_get *get, const struct timespec *timeout)
{
	struct timespec now;

	get->min = 1;
	get->clockid = CLOCK_MONOTONIC;
	if (!timeout)
		return 0;
	if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= KQ_SECOND)
		return EINVAL;
	if (!timeout->tv_sec && !timeout->tv_nsec) {
		get->min = 0;
		return 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* for ever, as far as the clock can tell */
	if (timeout->tv_sec > INT64_MAX / KQ_SECOND - now.tv_sec - 1)
		return 0;
	get->flags = KEVENT_FLAGS_TIMEOUT | KEVENT_FLAGS_ABSTIME;
	get->timeout.tv_sec = now.tv_sec + timeout->tv_sec;
	get->timeout.tv_nsec = now.tv_nsec + timeout->tv_nsec;
	if (get->timeout.tv_nsec >= KQ_SECOND) {
		get->timeout.tv_sec++;
		get->timeout.tv_nsec -= KQ_SECOND;
	}
	return 0;
}

static bool kq_time_is_up(const struct kevent_ioc_get *get)
{
	struct timespec now;

	if (!(get->flags & KEVENT_FLAGS_TIMEOUT))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > get->timeout.tv_sec ||
	       (now.tv_sec == get->timeout.tv_sec && now.tv_nsec >= get->timeout.tv_nsec);
}

/* The fd is O_NONBLOCK, which kevent() takes no notice of.  0: it is worth a look. */
static int kq_poll(int fd, const struct kevent_ioc_get *get)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec now, left;

	if (!(get->flags & KEVENT_FLAGS_TIMEOUT))
		return ppoll(&p, 1, NULL, NULL) < 0 ? -1 : 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	left.tv_sec = get->timeout.tv_sec - now.tv_sec;
	left.tv_nsec = get->timeout.tv_nsec - now.tv_nsec;
	if (left.tv_nsec < 0) {
		left.tv_sec--;
		left.tv_nsec += KQ_SECOND;
	}
	if (left.tv_sec < 0)
		left = (struct timespec){ 0 };
	return ppoll(&p, 1, &left, NULL) < 0 ? -1 : 0;
}

/* Meanwhile it may have been closed, and be another kqueue. */
static int kq_poll_same(int fd, const struct kevent_ioc_get *get)
{
	const uint32_t use = kq_use(fd);

	if (kq_poll(fd, get))
		return -1;
	errno = EBADF;
	return kq_use(fd) == use ? 0 : -1;
}

static bool kq_is_no_queue(int error)
{
	return error == ENOTTY || error == ENXIO || error == EINVAL;
}

static int kq_wait(int fd, struct kevent *events, int num, const struct timespec *timeout,
		   bool can_cancel)
{
	struct kevent_ioc_get get = {
		.events = (uintptr_t)events,
		.max = num < KQ_EVENTS_MAX ? num : KQ_EVENTS_MAX,
	};
	int err = kq_set_time(&get, timeout);
	uint64_t asked = 0;
	struct kq_seen seen;
	int ret;

	if (err) {
		errno = err;
		return -1;
	}
	do {
		ret = kq_take(fd, &get, can_cancel, &seen);
		if (ret > 0)
			break;
		if (ret < 0 && errno == EAGAIN)
			ret = kq_poll_same(fd, &get);
		else if (ret < 0 && kq_is_no_queue(errno))
			errno = EBADF;
		asked += get.max;
		if (get.min && kq_time_is_up(&get)) {
			/* what was not to be reported may have hidden others */
			get.min = 0;
			asked = !seen.most;
		}
		/*
		 * What came was not to be reported; or, with a time, nothing came.  Without
		 * one, it is asked for all that was there, and not for what comes meanwhile.
		 */
	} while (!ret && (get.min || asked <= seen.most));
	return ret;
}

/* ---- The call ---------------------------------------------------------- */

static int kq_make_all(int fd, const struct kevent *changes, int num,
		       struct kevent *events, int max)
{
	struct kq *kq = kq_get_locked(fd);
	int said;

	if (!kq) {
		errno = EBADF;
		return -1;
	}
	said = kq_make_changes(kq, changes, num, events, max);
	kq_unlock(kq);
	return said;
}

static int kq_change_and_wait(int fd, const struct kevent *changes, int num,
			      struct kevent *events, int max, const struct timespec *timeout)
{
	int said;

	/* without a change, it is asked only whether it is a kqueue */
	if (num || !max || !kq_known(fd)) {
		said = kq_make_all(fd, changes, num, events, max);
		if (said)
			return said;
	}
	return max ? kq_wait(fd, events, max, timeout, !__libc_single_threaded && !num) : 0;
}

KQ_PUBLIC int kevent(int kq, const struct kevent *changelist, int nchanges,
		     struct kevent *eventlist, int nevents, const struct timespec *timeout)
{
	int state, ret;

	if (nchanges < 0 || nevents < 0) {
		errno = EINVAL;
		return -1;
	}
	if (kq_is_inside())
		return kq_defer(kq, changelist, nchanges, nevents);
	if (nevents)
		pthread_testcancel();
	state = nchanges ? kq_cancel_off() : -1;
	ret = kq_change_and_wait(kq, changelist, nchanges, eventlist, nevents, timeout);
	kq_cancel_back(state);
	return ret;
}
