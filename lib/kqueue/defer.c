// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * kevent() in signal handlers.  A handler may have interrupted its thread where that
 * holds one of our locks, and must not wait for it.  What it may want there is to
 * trigger an EVFILT_USER: that is put aside, and done when the lock is given back.
 */
#include <errno.h>

#include "kq.h"

#define KQ_DEFER_MAX	8

/* Small, as those who load the library by dlopen(3) have little room for such variables. */
struct kq_deferred {
	uintptr_t ident;
	int64_t data;
	void *udata;
	int fd;
	unsigned int fflags;
	unsigned short flags;
};

static KQ_THREAD int kq_depth;
static KQ_THREAD int kq_deferred_num;
static KQ_THREAD int kq_drained;
static KQ_THREAD bool kq_filling;
static KQ_THREAD bool kq_draining;
static KQ_THREAD struct kq_deferred kq_deferred[KQ_DEFER_MAX];

/* The thread is about to take a lock. */
void kq_enter(void)
{
	kq_depth++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* While this runs no more is put aside, but within its own calls, and by handlers. */
static void kq_drain(void)
{
	const struct kq_deferred *d;
	struct kevent kev;
	int i = 0, num = 0;

	kq_draining = true;
	while (!__atomic_compare_exchange_n(&kq_deferred_num, &num, 0, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		for (; i < num; i++) {
			kq_drained = i + 1;
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
			d = &kq_deferred[i];
			EV_SET(&kev, d->ident, EVFILT_USER, d->flags, d->fflags, d->data, d->udata);
			kevent(d->fd, &kev, 1, NULL, 0, NULL);
		}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	kq_drained = 0;
	kq_draining = false;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* It has given the lock back. */
void kq_leave(void)
{
	int err = errno;

	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	kq_depth--;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (kq_depth || kq_draining)
		return;
	while (__atomic_load_n(&kq_deferred_num, __ATOMIC_RELAXED)) {
		kq_drain();
		errno = err;
	}
}

bool kq_is_inside(void)
{
	return kq_depth > 0;
}

static bool kq_can_defer(const struct kevent *kev)
{
	return kev->filter == EVFILT_USER && (kev->fflags & NOTE_TRIGGER) &&
	       !(kev->flags & ~(EV_SYSFLAGS | EV_KEEPUDATA | EV_ENABLE)) &&
	       !(kev->ext[0] | kev->ext[1] | kev->ext[2] | kev->ext[3]);
}

/* Is the last that was put aside for this event the same?  Then one will do. */
static bool kq_is_deferred(int fd, const struct kevent *kev)
{
	const struct kq_deferred *d;
	int i;

	for (i = kq_deferred_num - 1; i >= kq_drained; i--) {
		d = &kq_deferred[i];
		if (d->fd == fd && d->ident == kev->ident)
			return d->data == kev->data && d->udata == kev->udata &&
			       d->fflags == kev->fflags && d->flags == kev->flags;
	}
	return false;
}

static int kq_put_aside(int fd, const struct kevent *changes, int num)
{
	/* other handlers may interrupt this one, but they are over before it goes on */
	int at = __atomic_fetch_add(&kq_deferred_num, num, __ATOMIC_RELAXED), i;

	if (at + num > KQ_DEFER_MAX) {
		__atomic_fetch_sub(&kq_deferred_num, num, __ATOMIC_RELAXED);
		errno = EAGAIN;
		return -1;
	}
	for (i = 0; i < num; i++)
		kq_deferred[at + i] = (struct kq_deferred){
			.ident	= changes[i].ident,
			.data	= changes[i].data,
			.udata	= changes[i].udata,
			.fd	= fd,
			.fflags	= changes[i].fflags,
			.flags	= changes[i].flags,
		};
	return 0;
}

/* The thread is inside.  -1 with EDEADLK: not what can be put aside; EAGAIN: too much. */
int kq_defer(int fd, const struct kevent *changes, int num, int nevents)
{
	/* the handler that this one has interrupted has not filled in all of it */
	const bool filling = kq_filling;
	bool can = !nevents;
	int i, ret;

	for (i = 0; i < num; i++)
		can = can && kq_can_defer(&changes[i]);
	if (!can) {
		errno = EDEADLK;
		return -1;
	}
	/* a storm of signals finds what the first of them has put aside */
	if (num == 1 && !filling && kq_is_deferred(fd, changes))
		return 0;
	kq_filling = true;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	ret = kq_put_aside(fd, changes, num);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	kq_filling = filling;
	return ret;
}
