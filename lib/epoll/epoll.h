/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What the files of the epoll drop-in have in common. */
#ifndef KE_EPOLL_H
#define KE_EPOLL_H

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/single_threaded.h>
#include <time.h>

struct kevent_ioc_get;
struct kevent_ioc_init;
struct ukevent;

#define KE_HIDDEN	__attribute__((visibility("hidden")))
#define KE_PUBLIC	__attribute__((visibility("default")))
#define ke_unlikely(x)	__builtin_expect(!!(x), 0)

/* Is this the library for --fast? */
#ifdef KE_FAST
#define KE_IS_FAST	1
#else
#define KE_IS_FAST	0
#endif

/* The most that epoll allows, and the most that one GET_EVENTS gives. */
#define KE_EVENTS_MAX	((int)(INT32_MAX / sizeof(struct epoll_event)))
#define KE_BATCH_MAX	65536

/**
 * struct ke_wait - the arguments of any of epoll's calls that wait
 * @epfd: the queue, or an epoll, or neither.
 * @events: where to.
 * @max: at most so many.
 * @nr: SYS_epoll_pwait or SYS_epoll_pwait2: which tells what
 * @timeout: is: milliseconds, or a pointer.
 * @mask: of signals; NULL: none.
 * @mask_size: its size in bytes.
 * @cancel: a place where the thread can be cancelled.
 */
struct ke_wait {
	int epfd;
	struct epoll_event *events;
	int max;
	long nr;
	long timeout;
	const sigset_t *mask;
	size_t mask_size;
	bool cancel;
};

/**
 * struct ke_options - from the environment's KEVENT_EPOLL
 * @require: there is no way back to epoll.
 * @stats: say at the end what was done.
 * @uring: let programs have io_uring.
 * @file: where @stats go; empty: stderr.
 */
struct ke_options {
	bool require;
	bool stats;
	bool uring;
	char file[PATH_MAX];
};

/**
 * struct ke_counts - what was done, for @stats; in a page of its own: see ke_read_options()
 * @queues: made.
 * @epolls: made, where a queue could not be had.
 * @changes: calls of epoll_ctl().
 * @waits: calls that wait.
 * @events: that those gave.
 * @no_call: those that had events and made no call.
 * @elsewhere: calls of either kind that an epoll got.
 */
struct ke_counts {
	uint64_t queues;
	uint64_t epolls;
	uint64_t changes;
	uint64_t waits;
	uint64_t events;
	uint64_t no_call;
	uint64_t elsewhere;
} __attribute__((aligned(4096)));

extern KE_HIDDEN struct ke_options ke_options;
extern KE_HIDDEN struct ke_counts ke_counts;

/* An epoll was met: the kernel's calls are tried first from then on. */
extern KE_HIDDEN bool ke_met_epoll;

/* option.c */
KE_HIDDEN void ke_read_options(void);
KE_HIDDEN void ke_say(const char *what, int error);
KE_HIDDEN bool ke_is_device(int fd);

/* Other C libraries than glibc do not say. */
extern char __libc_single_threaded __attribute__((weak));

static inline bool ke_is_single_threaded(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

static inline void ke_count(uint64_t *count, uint64_t n)
{
	if (ke_unlikely(ke_options.stats))
		__atomic_fetch_add(count, n, __ATOMIC_RELAXED);
}

/* Where nothing can be read; of other bad pointers only reading tells. */
static inline bool ke_is_bad_pointer(const void *p)
{
	return (uintptr_t)p < 4096 || (intptr_t)p < 0;
}

/*
 * A thread that waits can be cancelled, as in the C library's epoll_wait(): while the
 * call is made cancelling is asynchronous.  A single thread has nobody to do that.
 */
static inline int ke_cancel_begin(const struct ke_wait *w)
{
	int old = -1;

	if (w->cancel && !ke_is_single_threaded())
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	return old;
}

static inline void ke_cancel_end(int old)
{
	if (ke_unlikely(old >= 0))
		pthread_setcanceltype(old, NULL);
}

/* epoll.c; all return -errno on failure */
KE_HIDDEN int ke_create(int flags);
KE_HIDDEN int ke_ctl(int epfd, int op, int fd, const struct epoll_event *event);
KE_HIDDEN int ke_wait(const struct ke_wait *w);
KE_HIDDEN void ke_time(struct kevent_ioc_get *get, const struct ke_wait *w);

/* elsewhere.c: the kernel's epoll; and calls that failed here.  Likewise */
KE_HIDDEN int ke_ctl_epoll(int epfd, int op, int fd,
			   const struct epoll_event *event);
KE_HIDDEN int ke_wait_epoll(const struct ke_wait *w);
KE_HIDDEN int ke_ctl_elsewhere(int epfd, int op, int fd,
			       const struct epoll_event *event, int err);
KE_HIDDEN int ke_wait_elsewhere(const struct ke_wait *w);
KE_HIDDEN bool ke_is_filtered(int fd);

/* fast.c */
KE_HIDDEN int ke_fast_init(int fd, struct kevent_ioc_init *init);
KE_HIDDEN bool ke_fast_wait(const struct ke_wait *w, int *ret);
KE_HIDDEN void ke_fast_closed(int fd);
KE_HIDDEN void ke_fast_closed_range(unsigned int first, unsigned int last);

/* close.c */
KE_HIDDEN long ke_fast_syscall(long nr, const long *a);

/* nest.c */
KE_HIDDEN bool ke_is_queue(int fd);
KE_HIDDEN int ke_nest_added(int epfd, int fd, struct ukevent *added);

#endif /* KE_EPOLL_H */
