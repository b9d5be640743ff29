/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * The calls of /dev/kevent for C programs, and an inline consumer of its ring.
 * Needs nothing but <linux/kevent.h> and the C library; with -std=c11 and the like
 * define _POSIX_C_SOURCE as 200809L or more.
 *
 * Calls return -1 and set errno on failure.
 */
#ifndef KEVENT_H
#define KEVENT_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/kevent.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct kevent_ring - a consumer's view of a queue's ring
 * @fd: the queue.
 * @mask: slots - 1.
 * @pos: next entry of the batch in hand.
 * @end: end of the batch in hand.
 * @kernel: written by the kernel.
 * @user: written by consumers.
 * @entries: the slots.
 * @entries_len: bytes mapped at @entries.
 * @kernel_len: bytes mapped at @kernel.
 * @user_len: bytes mapped at @user.
 *
 * kevent_ring_next() keeps its place in here, so one struct per thread; and
 * only one thread may use kevent_ring_next().  kevent_ring_take() changes
 * nothing here: threads may share one struct for it.
 */
struct kevent_ring {
	int fd;
	uint32_t mask;
	uint32_t pos;
	uint32_t end;
	const struct kevent_ring_kernel *kernel;
	struct kevent_ring_user *user;
	const struct ukevent *entries;
	size_t entries_len;
	size_t kernel_len;
	size_t user_len;
};

/* ---- Queues ------------------------------------------------------------ */

/** kevent_open() - a queue that INIT has not been called on. */
static inline int kevent_open(void)
{
	return open("/dev/kevent", O_RDWR | O_CLOEXEC);
}

/**
 * kevent_ring_unmap() - give back what kevent_ring_map() mapped
 * @ring: the ring.  The queue's fd stays open.
 */
static inline void kevent_ring_unmap(struct kevent_ring *ring)
{
	munmap((void *)ring->entries, ring->entries_len);
	munmap((void *)ring->user, ring->user_len);
	munmap((void *)ring->kernel, ring->kernel_len);
}

/**
 * kevent_ring_map() - map the ring of a queue
 * @ring: filled in.
 * @fd: the queue.
 * @init: as INIT filled it in.
 */
static inline int kevent_ring_map(struct kevent_ring *ring, int fd,
				  const struct kevent_ioc_init *init)
{
	void *kernel, *user, *entries;

	kernel = mmap(NULL, init->kernel_len, PROT_READ, MAP_SHARED, fd,
		      KEVENT_MMAP_KERNEL);
	if (kernel == MAP_FAILED)
		return -1;
	user = mmap(NULL, init->user_len, PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, KEVENT_MMAP_USER);
	if (user == MAP_FAILED)
		goto err_unmap_kernel;
	entries = mmap(NULL, init->entries_len, PROT_READ, MAP_SHARED, fd,
		       KEVENT_MMAP_ENTRIES);
	if (entries == MAP_FAILED)
		goto err_unmap_user;

	ring->fd = fd;
	ring->kernel = (const struct kevent_ring_kernel *)kernel;
	ring->user = (struct kevent_ring_user *)user;
	ring->entries = (const struct ukevent *)entries;
	ring->kernel_len = init->kernel_len;
	ring->user_len = init->user_len;
	ring->entries_len = init->entries_len;
	ring->mask = ring->kernel->size - 1;
	ring->pos = __atomic_load_n(&ring->user->seen, __ATOMIC_RELAXED);
	ring->end = ring->pos;
	return 0;

err_unmap_user:
	munmap(user, init->user_len);
err_unmap_kernel:
	munmap(kernel, init->kernel_len);
	return -1;
}

/**
 * kevent_init() - open, initialise and map a queue
 * @ring: filled in; NULL with @num = 0.
 * @num: slots of the ring, a power of two; 0: no ring.
 * @policy: KEVENT_WAKE_*.
 * @flags: KEVENT_INIT_*.
 *
 * Returns the queue's fd, close-on-exec.
 */
static inline int kevent_init(struct kevent_ring *ring, unsigned int num,
			      unsigned int policy, unsigned int flags)
{
	struct kevent_ioc_init init;
	int fd, err;

	fd = kevent_open();
	if (fd < 0)
		return -1;
	memset(&init, 0, sizeof(init));
	init.ring_size = num;
	init.policy = policy;
	init.flags = flags;
	if (ioctl(fd, KEVENT_IOC_INIT, &init) < 0 ||
	    (num && kevent_ring_map(ring, fd, &init) < 0)) {
		err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/** kevent_info() - limits and features; @fd need not be initialised. */
static inline int kevent_info(int fd, struct kevent_ioc_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return ioctl(fd, KEVENT_IOC_INFO, info);
}

/* ---- Changes ----------------------------------------------------------- */

/**
 * kevent_ctl() - carry out a batch of changes
 * @fd: the queue.
 * @cmd: KEVENT_CTL_*.
 * @num: entries.
 * @arr: the entries; each is written back with its result.
 *
 * Returns the number of entries that have KEVENT_RET_DONE set: those that were
 * refused (kevent_error() tells why) or ready at once.
 */
static inline int kevent_ctl(int fd, unsigned int cmd, unsigned int num,
			     struct ukevent *arr)
{
	struct kevent_ioc_ctl ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.cmd = cmd;
	ctl.num = num;
	ctl.events = (uintptr_t)arr;
	return ioctl(fd, KEVENT_IOC_CTL, &ctl);
}

/**
 * kevent_ctl_one() - carry out one change
 * @fd: the queue.
 * @cmd: KEVENT_CTL_*.
 * @uk: the change; written back.
 *
 * Returns -1 and sets errno if the change was refused, else 0, or 1 if the
 * event was ready at once and is in @uk.
 */
static inline int kevent_ctl_one(int fd, unsigned int cmd, struct ukevent *uk)
{
	int ret = kevent_ctl(fd, cmd, 1, uk);

	if (ret > 0 && (uk->ret_flags & KEVENT_RET_BROKEN) &&
	    (int32_t)uk->ret_data[1] < 0) {
		errno = -(int32_t)uk->ret_data[1];
		return -1;
	}
	return ret;
}

/** kevent_error() - the errno of a refused change, 0 if it was carried out. */
static inline int kevent_error(const struct ukevent *uk)
{
	const uint32_t both = KEVENT_RET_BROKEN | KEVENT_RET_DONE;

	if ((uk->ret_flags & both) == both && (int32_t)uk->ret_data[1] < 0)
		return -(int32_t)uk->ret_data[1];
	return 0;
}

/** kevent_prep() - fill in a change for a source without parameters. */
static inline void kevent_prep(struct ukevent *uk, unsigned int type,
			       uint64_t id, unsigned int event,
			       unsigned int req_flags, uint64_t user)
{
	memset(uk, 0, sizeof(*uk));
	uk->id.raw_u64 = id;
	uk->type = type;
	uk->event = event;
	uk->req_flags = req_flags;
	uk->ptr = user;
}

/**
 * kevent_prep_timer() - fill in a change for a timer
 * @uk: the change.
 * @id: any number.
 * @value: ns until the first expiry; 0: one interval.
 * @interval: ns between expiries; 0: only one.
 * @clock: CLOCK_MONOTONIC and so on.
 * @req_flags: KEVENT_REQ_*.
 * @user: returned in each event.
 */
static inline void kevent_prep_timer(struct ukevent *uk, uint64_t id,
				     uint64_t value, uint64_t interval,
				     int clock, unsigned int req_flags,
				     uint64_t user)
{
	kevent_prep(uk, KEVENT_TIMER, id, KEVENT_TIMER_FIRED, req_flags, user);
	uk->param[0] = value;
	uk->param[1] = interval;
	uk->param[2] = KEVENT_TIMER_CLOCK(clock);
}

/** kevent_delta() - how much a running total grew; keeps the new one. */
static inline uint32_t kevent_delta(uint32_t *last, uint32_t now)
{
	uint32_t delta = now - *last;

	*last = now;
	return delta;
}

/* ---- Sending files ----------------------------------------------------- */

/**
 * kevent_aio_position() - where in the file a transfer got to
 * @uk: its event, its result, or the result of its REMOVE.
 */
static inline uint64_t kevent_aio_position(const struct ukevent *uk)
{
	return (uint64_t)uk->data2 << 32 | uk->ret_data[1];
}

/** kevent_aio_error() - the errno of a transfer that is over, 0 if all went. */
static inline int kevent_aio_error(const struct ukevent *uk)
{
	return (int)(uk->ret_data[0] >> KEVENT_AIO_ERRNO_SHIFT);
}

/* One of the two calls; see struct kevent_ioc_sendfile. */
static inline int kevent_aio_call(int fd, unsigned long call,
				  struct kevent_ioc_sendfile *sf,
				  struct ukevent *result)
{
	int ret;

	if (!result)
		sf->req_flags |= KEVENT_REQ_ALWAYS_QUEUE;
	ret = ioctl(fd, call, sf);
	if (ret >= 0 && result)
		*result = sf->result;
	return ret;
}

/**
 * kevent_aio_sendfile() - send a file to a socket, asynchronously
 * @fd: the queue.
 * @sock: stream socket.
 * @in_fd: regular file.
 * @offset: where to begin.
 * @count: how much; KEVENT_AIO_TO_END: all.
 * @user: returned in the event.
 * @result: how it ended, if that was at once, and its cookie.  NULL: the end is
 *	always an event in the queue.
 *
 * Returns 1 if it is over and @result tells how, 0 if an event will.
 */
static inline int kevent_aio_sendfile(int fd, int sock, int in_fd,
				      uint64_t offset, uint64_t count,
				      uint64_t user, struct ukevent *result)
{
	struct kevent_ioc_sendfile sf;

	memset(&sf, 0, sizeof(sf));
	sf.sock = sock;
	sf.in_fd = in_fd;
	sf.offset = offset;
	sf.count = count;
	sf.ptr = user;
	return kevent_aio_call(fd, KEVENT_IOC_AIO_SENDFILE, &sf, result);
}

/**
 * kevent_aio_sendfile_path() - open a file, send a header and the file
 * @fd: the queue.
 * @header: what goes first; may be reused when the call returns.
 * @header_size: its size, bytes; 0: none.
 * @path: the file.
 * @sock: stream socket.
 * @offset: where to begin.
 * @count: how much; KEVENT_AIO_TO_END: all.
 * @user: returned in the event.
 * @result: as for kevent_aio_sendfile(); KEVENT_RET_DONE in its ret_flags says
 *	that it is over.
 *
 * Returns the file's new fd, close-on-exec; the program closes it when it likes.
 */
static inline int kevent_aio_sendfile_path(int fd, const void *header,
					   size_t header_size,
					   const char *path, int sock,
					   uint64_t offset, uint64_t count,
					   uint64_t user,
					   struct ukevent *result)
{
	struct kevent_ioc_sendfile sf;

	memset(&sf, 0, sizeof(sf));
	sf.sock = sock;
	sf.offset = offset;
	sf.count = count;
	sf.header = (uintptr_t)header;
	sf.header_size = header_size;
	if (header_size > KEVENT_AIO_HEADER_MAX) {
		errno = EINVAL;
		return -1;
	}
	sf.path = (uintptr_t)path;
	sf.open_flags = O_CLOEXEC;
	sf.ptr = user;
	return kevent_aio_call(fd, KEVENT_IOC_AIO_SENDFILE_PATH, &sf, result);
}

/* ---- Waiting ----------------------------------------------------------- */

static inline void kevent_set_timeout(struct __kernel_timespec *to,
				      uint32_t *flags,
				      const struct timespec *from)
{
	if (!from)
		return;
	to->tv_sec = from->tv_sec;
	to->tv_nsec = from->tv_nsec;
	*flags |= KEVENT_FLAGS_TIMEOUT;
}

/**
 * kevent_get_events() - copy events out
 * @fd: the queue.
 * @min: wait for so many; 0: do not wait.
 * @max: at most so many.
 * @timeout: NULL: no limit.
 * @buf: struct ukevent[max].
 * @flags: KEVENT_FLAGS_ABSTIME: @timeout is a point of CLOCK_MONOTONIC.
 */
static inline int kevent_get_events(int fd, unsigned int min, unsigned int max,
				    const struct timespec *timeout,
				    struct ukevent *buf, unsigned int flags)
{
	struct kevent_ioc_get get;
	ssize_t len;

	if (min == 1 && max && !timeout) {	/* the same, for less */
		len = read(fd, buf, max * sizeof(*buf));
		return (int)(len < 0 ? len : len / (ssize_t)sizeof(*buf));
	}
	memset(&get, 0, sizeof(get));
	get.events = (uintptr_t)buf;
	get.min = min;
	get.max = max;
	get.flags = flags;
	get.clockid = CLOCK_MONOTONIC;
	kevent_set_timeout(&get.timeout, &get.flags, timeout);
	return ioctl(fd, KEVENT_IOC_GET_EVENTS, &get);
}

/**
 * kevent_wait() - sleep until the ring has events
 * @fd: the queue.
 * @num: so many since @last; 0: do not sleep.
 * @last: the tail that was seen last.
 * @timeout: NULL: no limit.
 * @flags: KEVENT_FLAGS_ABSTIME: @timeout is a point of CLOCK_MONOTONIC.
 *
 * For changes, commit, clocks and signal masks fill in a struct
 * kevent_ioc_wait.
 */
static inline int kevent_wait(int fd, unsigned int num, uint32_t last,
			      const struct timespec *timeout,
			      unsigned int flags)
{
	struct kevent_ioc_wait wait;

	memset(&wait, 0, sizeof(wait));
	wait.min = num;
	wait.last = last;
	wait.flags = flags | KEVENT_FLAGS_LAST;
	wait.clockid = CLOCK_MONOTONIC;
	kevent_set_timeout(&wait.timeout, &wait.flags, timeout);
	return ioctl(fd, KEVENT_IOC_WAIT, &wait);
}

/**
 * kevent_commit() - free the slots below an index
 * @fd: the queue.
 * @new_head: the index.
 * @over: kevent_ring_kernel.over that belongs to it.
 */
static inline int kevent_commit(int fd, uint32_t new_head, uint32_t over)
{
	struct kevent_ioc_commit commit;

	memset(&commit, 0, sizeof(commit));
	commit.head = new_head;
	commit.over = over;
	return ioctl(fd, KEVENT_IOC_COMMIT, &commit);
}

/** kevent_wake() - wake up to @num sleepers of the queue. */
static inline int kevent_wake(int fd, unsigned int num)
{
	struct kevent_ioc_wake wake;

	memset(&wake, 0, sizeof(wake));
	wake.num = num;
	return ioctl(fd, KEVENT_IOC_WAKE, &wake);
}

/* A WAIT that waits for nothing: hands over, checks, asks level watches. */
static inline int kevent_ring_call(const struct kevent_ring *ring)
{
	struct kevent_ioc_wait wait;

	memset(&wait, 0, sizeof(wait));
	return ioctl(ring->fd, KEVENT_IOC_WAIT, &wait);
}

/* ---- The ring: one thread, in place ------------------------------------ */

/*
 * Numbers are the steps of "The ring" in <linux/kevent.h>.
 */

/* Gives back the slots of the batch that is done. */
static inline void kevent_ring_release(const struct kevent_ring *ring)
{
	struct kevent_ring_user *user = ring->user;
	uint32_t end = ring->end;

	if (__atomic_load_n(&user->head, __ATOMIC_RELAXED) != end)
		__atomic_store_n(&user->head, end, __ATOMIC_RELEASE); /* 5 */
}

/* Claims all that is there.  Returns its end: the old one if there is nothing. */
static inline uint32_t kevent_ring_claim(struct kevent_ring *ring)
{
	uint32_t tail = __atomic_load_n(&ring->kernel->tail, __ATOMIC_ACQUIRE);

	if (tail == ring->end)					/* 1 */
		return tail;
	ring->end = tail;
	__atomic_store_n(&ring->user->seen, tail, __ATOMIC_RELEASE); /* 2 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);		/* 3 */
	return tail;
}

/* The end of a batch and perhaps of the ring: free, see if a call is due. */
static inline uint32_t kevent_ring_turn(struct kevent_ring *ring)
{
	kevent_ring_release(ring);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);		/* 5, 6 */
	if (__atomic_load_n(&ring->kernel->flags, __ATOMIC_RELAXED) &
	    KEVENT_RING_CALL)
		kevent_ring_call(ring);
	return kevent_ring_claim(ring);
}

/*
 * The same where there is more and no call is due: both stores, one fence.  A
 * flag that is raised just now is seen at the end of the new batch.
 */
static inline uint32_t kevent_ring_swap(struct kevent_ring *ring)
{
	const struct kevent_ring_kernel *kernel = ring->kernel;
	struct kevent_ring_user *user = ring->user;
	uint32_t tail, end = ring->end;

	tail = __atomic_load_n(&kernel->tail, __ATOMIC_ACQUIRE);
	if (tail == end ||
	    __builtin_expect(__atomic_load_n(&kernel->flags,
					     __ATOMIC_RELAXED) &
			     KEVENT_RING_CALL, 0))
		return kevent_ring_turn(ring);
	ring->end = tail;
	__atomic_store_n(&user->seen, tail, __ATOMIC_RELEASE);	/* 2 */
	__atomic_store_n(&user->head, end, __ATOMIC_RELEASE);	/* 5 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);		/* 3 */
	return tail;
}

/* Is it to be skipped?  Looked at just before it is acted on. */
static inline int kevent_is_cancelled(const struct ukevent *uk)
{
	return __builtin_expect(__atomic_load_n(&uk->ret_flags,
						__ATOMIC_RELAXED) &
				KEVENT_RET_CANCELLED, 0);
}

/**
 * kevent_ring_more() - the next event of the batch in hand
 * @ring: the ring.
 *
 * Returns NULL at the end of the batch.  Frees and claims nothing: for loops
 * that call kevent_ring_wait() for each batch.
 */
static inline const struct ukevent *kevent_ring_more(struct kevent_ring *ring)
{
	uint32_t pos = ring->pos;

	while (pos != ring->end) {				/* 4 */
		const struct ukevent *uk = &ring->entries[pos & ring->mask];

		ring->pos = ++pos;
		if (!kevent_is_cancelled(uk))
			return uk;
	}
	return NULL;
}

/**
 * kevent_ring_next() - the next event, in place
 * @ring: the ring, of which this thread is the only consumer: no GET_EVENTS,
 *	no kevent_ring_take() by others.
 *
 * Returns NULL when nothing is there; then kevent_ring_wait() sleeps.  What it
 * returned stays valid until kevent_ring_next() or kevent_ring_wait() is called
 * again, and may not be written.  An event of a watch that this thread has
 * removed, or whose file it has closed, never comes.
 *
 * Makes no call while the ring has events, but for level watches (one a batch),
 * after an overflow, and where the kernel must ask a file.
 */
static inline const struct ukevent *kevent_ring_next(struct kevent_ring *ring)
{
	uint32_t pos = ring->pos, end = ring->end;

	for (;;) {
		const struct ukevent *uk;

		if (pos == end) {
			end = kevent_ring_swap(ring);
			if (pos == end)
				return NULL;
		}
		uk = &ring->entries[pos & ring->mask];		/* 4 */
		ring->pos = ++pos;
		if (!kevent_is_cancelled(uk))
			return uk;
	}
}

/**
 * kevent_ring_wait() - sleep until there are events, and claim them
 * @ring: the ring.
 * @timeout: relative; NULL: no limit.
 *
 * Frees the batch in hand.  Returns the number of entries claimed, for
 * kevent_ring_more() or kevent_ring_next(); 0 after the timeout; -1 with EINTR
 * after a signal.
 */
static inline int kevent_ring_wait(struct kevent_ring *ring,
				   const struct timespec *timeout)
{
	struct kevent_read result;
	int ret;

	ring->pos = ring->end;
	kevent_ring_release(ring);
	if (timeout)
		ret = kevent_wait(ring->fd, 1, ring->end, timeout, 0);
	else	/* the same, for less */
		ret = (int)read(ring->fd, &result, sizeof(result));
	if (ret < 0)
		return -1;
	return (int)(kevent_ring_claim(ring) - ring->pos);
}

/* ---- The ring: several threads, copied out ----------------------------- */

/*
 * Frees [from, to) in turn.  Who is next stores head; who is not leaves its
 * range to the kernel, which moves head on when it gets there.
 */
static inline void kevent_ring_free(const struct kevent_ring *ring,
				    uint32_t from, uint32_t to)
{
	struct kevent_ioc_commit commit;

	if (__atomic_load_n(&ring->user->head, __ATOMIC_ACQUIRE) == from) {
		__atomic_store_n(&ring->user->head, to, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(&ring->kernel->flags, __ATOMIC_RELAXED) &
		    KEVENT_RING_CALL)
			kevent_ring_call(ring);
		return;
	}
	memset(&commit, 0, sizeof(commit));
	commit.from = from;
	commit.head = to;
	commit.flags = KEVENT_COMMIT_RANGE;
	ioctl(ring->fd, KEVENT_IOC_COMMIT, &commit);
}

/* Claims up to max entries for this thread alone. */
static inline int kevent_ring_grab(const struct kevent_ring *ring,
				   unsigned int max, uint32_t *from,
				   uint32_t *to)
{
	uint32_t seen = __atomic_load_n(&ring->user->seen, __ATOMIC_ACQUIRE);
	uint32_t num;

	for (;;) {
		num = __atomic_load_n(&ring->kernel->tail, __ATOMIC_ACQUIRE) -
		      seen;
		if (num > ring->mask + 1) {	/* seen has long moved on */
			seen = __atomic_load_n(&ring->user->seen,
					       __ATOMIC_ACQUIRE);
			continue;
		}
		if (!num)
			return 0;
		if (num > max)
			num = max;
		if (__atomic_compare_exchange_n(&ring->user->seen, &seen,
						seen + num, 0, __ATOMIC_SEQ_CST,
						__ATOMIC_ACQUIRE))
			break;
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*from = seen;
	*to = seen + num;
	return 1;
}

/**
 * kevent_ring_take() - copy events out; any number of threads at once
 * @ring: the ring; not changed.
 * @buf: struct ukevent[max].
 * @max: at most so many.
 *
 * Returns how many were copied; 0: nothing is there: sleep in kevent_wait(), with
 * ring->user->seen for @last.  What was copied is no more cancelled: REMOVE tells
 * with KEVENT_RET_CLAIMED that an event may be in somebody's hands.
 */
static inline unsigned int kevent_ring_take(const struct kevent_ring *ring,
					    struct ukevent *buf,
					    unsigned int max)
{
	uint32_t from, to, i;
	unsigned int num = 0;

	while (!num && kevent_ring_grab(ring, max, &from, &to)) {
		for (i = from; i != to; i++) {
			const struct ukevent *uk;

			uk = &ring->entries[i & ring->mask];
			if (!kevent_is_cancelled(uk))
				buf[num++] = *uk;
		}
		kevent_ring_free(ring, from, to);
	}
	return num;
}

#ifdef __cplusplus
}
#endif

#endif /* KEVENT_H */
