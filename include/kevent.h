/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * The calls of /dev/kevent for C and C++ programs, and an inline consumer of its
 * ring.  It needs only <linux/kevent.h> and the C library.  With -std=c11 and the
 * like, define _POSIX_C_SOURCE as 200809L or more.
 *
 * A program that includes this file needs no library.  libkevent has the same
 * functions as symbols, for languages that cannot include it, and the few of the
 * section "In libkevent only", at the end.
 *
 * Calls return -1 and set errno on failure.
 *
 * THREADS.  Calls that take the queue's fd may be made by any number of threads at
 * once.  For those that take a struct kevent_ring, see there.  Others use only their
 * arguments.  Calls that sleep return with EINTR after a signal.  A call may or may not
 * be a cancellation point (pthread_cancel(3)).
 *
 * FORK.  A child has the queue, but not the mappings of its ring: see kevent_attach().
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

/* libkevent defines this in another way, so that these functions become symbols. */
#ifndef KEVENT_API
#define KEVENT_API	static inline
#endif

/* And this, which is what the caller's structure has room for. */
#ifndef KEVENT_INFO_SIZE
#define KEVENT_INFO_SIZE	sizeof(struct kevent_ioc_info)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct kevent_ring - a consumer's view of a queue's ring
 * @fd: the queue.
 * @mask: slots - 1.
 * @pos: next entry of the current batch.
 * @end: end of the current batch.
 * @kernel: written by the kernel.
 * @user: written by consumers.
 * @entries: the slots.
 * @entries_len: bytes mapped at @entries.
 * @kernel_len: bytes mapped at @kernel.
 * @user_len: bytes mapped at @user.
 *
 * The functions that work in place (kevent_ring_wait() and its variants, _poll(),
 * _more(), _next()) note their position here, and the thread that calls them has to be
 * the only consumer of the ring.  kevent_ring_take() and _take_wait() copy events, and
 * change nothing here, so any number of threads may share one struct for them.
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

/** kevent_open() - open a queue; INIT has to be called next. */
KEVENT_API int kevent_open(void)
{
	return open("/dev/kevent", O_RDWR | O_CLOEXEC);
}

/**
 * kevent_ring_unmap() - unmap what kevent_ring_map() has mapped
 * @ring: the ring.  The queue's fd stays open.
 */
KEVENT_API void kevent_ring_unmap(struct kevent_ring *ring)
{
	munmap((void *)ring->entries, ring->entries_len);
	munmap((void *)ring->user, ring->user_len);
	munmap((void *)ring->kernel, ring->kernel_len);
}

/* Where unclaimed entries begin; with KEVENT_INIT_NO_SEEN nobody has to store seen. */
static inline uint32_t kevent_ring_start(const struct kevent_ring *ring)
{
	uint32_t head, seen, tail;

	head = __atomic_load_n(&ring->user->head, __ATOMIC_ACQUIRE);
	seen = __atomic_load_n(&ring->user->seen, __ATOMIC_ACQUIRE);
	tail = __atomic_load_n(&ring->kernel->tail, __ATOMIC_ACQUIRE);
	return seen - head > tail - head ? head : seen;
}

/**
 * kevent_ring_map() - map the ring of a queue
 * @ring: filled in.
 * @fd: the queue.
 * @init: the structure that INIT has filled in.
 */
KEVENT_API int kevent_ring_map(struct kevent_ring *ring, int fd,
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
	ring->pos = kevent_ring_start(ring);
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
KEVENT_API int kevent_init(struct kevent_ring *ring, unsigned int num,
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

/**
 * kevent_attach() - map the ring of a queue that was made elsewhere
 * @ring: filled in.
 * @fd: the queue: inherited by fork, or received from another process.
 *
 * A child does not inherit mappings at fork, so it makes its own with this function,
 * and must not use its parent's struct kevent_ring.  Parent and child are then two
 * consumers of one ring, so both must use kevent_ring_take().
 */
KEVENT_API int kevent_attach(struct kevent_ring *ring, int fd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct kevent_ioc_init init;
	void *kernel;

	kernel = mmap(NULL, page, PROT_READ, MAP_SHARED, fd,
		      KEVENT_MMAP_KERNEL);
	if (kernel == MAP_FAILED)
		return -1;
	memset(&init, 0, sizeof(init));
	init.kernel_len = page;
	init.user_len = page;
	init.entries_len = ((const struct kevent_ring_kernel *)kernel)->size *
			   sizeof(struct ukevent);
	init.entries_len = (init.entries_len + page - 1) / page * page;
	munmap(kernel, page);
	return kevent_ring_map(ring, fd, &init);
}

/**
 * kevent_destroy() - unmap a queue's ring, and close the queue
 * @ring: the ring.
 *
 * The queue and its watches end when its last descriptor is closed and its last mapping
 * is gone.  A child that has inherited the descriptor keeps them.
 */
KEVENT_API int kevent_destroy(struct kevent_ring *ring)
{
	kevent_ring_unmap(ring);
	return close(ring->fd);
}

/** kevent_info() - get limits and features; INIT need not have been called on @fd. */
KEVENT_API int kevent_info(int fd, struct kevent_ioc_info *info)
{
	memset(info, 0, KEVENT_INFO_SIZE);
	info->size = KEVENT_INFO_SIZE;
	return ioctl(fd, KEVENT_IOC_INFO, info);
}

/* ---- Changes: filling them in ------------------------------------------ */

/**
 * kevent_prep() - fill in a change
 * @uk: the change.
 * @type: KEVENT_SOCKET and so on.
 * @id: what is watched: an fd, or a number.
 * @event: what to report.
 * @req_flags: KEVENT_REQ_*.
 * @user: returned in each event as ukevent.ptr.
 *
 * The parameters of the type, if it has any, are set to 0, which means their defaults.
 */
KEVENT_API void kevent_prep(struct ukevent *uk, unsigned int type,
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
 * @value: ns until the first expiry; 0: @interval.
 * @interval: ns between expiries; 0: the timer expires once.
 * @clock: CLOCK_MONOTONIC and so on.
 * @req_flags: KEVENT_REQ_*.
 * @user: returned in each event.
 *
 * The watch of a timer that expires once does not end with its expiry: kevent_modify()
 * starts the timer again, kevent_remove() ends the watch.  With KEVENT_REQ_ONESHOT it
 * ends by itself.
 */
KEVENT_API void kevent_prep_timer(struct ukevent *uk, uint64_t id,
				  uint64_t value, uint64_t interval,
				  int clock, unsigned int req_flags,
				  uint64_t user)
{
	kevent_prep(uk, KEVENT_TIMER, id, KEVENT_TIMER_FIRED, req_flags, user);
	uk->param[0] = value;
	uk->param[1] = interval;
	uk->param[2] = KEVENT_TIMER_CLOCK(clock);
}

/** kevent_prep_timer_at() - the same, with the first expiry at a point in time. */
KEVENT_API void kevent_prep_timer_at(struct ukevent *uk, uint64_t id,
				     uint64_t when, uint64_t interval,
				     int clock, unsigned int req_flags,
				     uint64_t user)
{
	kevent_prep_timer(uk, id, when, interval, clock, req_flags, user);
	uk->param[2] |= KEVENT_TIMER_ABSTIME;
}

/**
 * kevent_prep_signal() - fill in a change for a signal of this process
 * @uk: the change.
 * @signo: its number.  With | KEVENT_SIGNAL_NOMASK the event comes instead of the
 *	signal, which is not possible for all signals: see docs/signal.md.
 * @req_flags: KEVENT_REQ_*.
 * @user: returned in each event.
 */
KEVENT_API void kevent_prep_signal(struct ukevent *uk, uint64_t signo,
				   unsigned int req_flags, uint64_t user)
{
	kevent_prep(uk, KEVENT_SIGNAL, signo, KEVENT_SIGNAL_DELIVERY, req_flags,
		    user);
}

/**
 * kevent_prep_inode() - fill in a change for a file or directory
 * @uk: the change.
 * @fd: open for reading; or O_PATH, of a file that the caller may read.
 * @event: KEVENT_INODE_*.
 * @req_flags: KEVENT_REQ_*.
 * @user: returned in each event.
 */
KEVENT_API void kevent_prep_inode(struct ukevent *uk, int fd,
				  unsigned int event, unsigned int req_flags,
				  uint64_t user)
{
	kevent_prep(uk, KEVENT_INODE, (uint64_t)(unsigned int)fd, event,
		    req_flags, user);
}

/** kevent_prep_child() - fill in a change for the exit of a child, by its pid. */
KEVENT_API void kevent_prep_child(struct ukevent *uk, pid_t pid,
				  unsigned int req_flags, uint64_t user)
{
	kevent_prep(uk, KEVENT_PROC, (uint64_t)(unsigned int)pid | KEVENT_PROC_PID,
		    KEVENT_PROC_EXIT, req_flags, user);
}

/** kevent_prep_pidfd() - fill in a change for the exit of a process, by a pidfd. */
KEVENT_API void kevent_prep_pidfd(struct ukevent *uk, int pidfd,
				  unsigned int req_flags, uint64_t user)
{
	kevent_prep(uk, KEVENT_PROC, (uint64_t)(unsigned int)pidfd,
		    KEVENT_PROC_EXIT, req_flags, user);
}

/**
 * kevent_prep_posix_timer() - fill in a change for a timer of timer_create()
 * @uk: the change.
 * @timer: a timer of this process; with glibc not one that is SIGEV_THREAD.
 * @req_flags: KEVENT_REQ_*.
 * @user: returned in each event.
 */
KEVENT_API void kevent_prep_posix_timer(struct ukevent *uk, timer_t timer,
					unsigned int req_flags, uint64_t user)
{
	kevent_prep(uk, KEVENT_POSIX_TIMER,
		    (uint64_t)(unsigned int)(uintptr_t)timer,
		    KEVENT_POSIX_TIMER_FIRED, req_flags, user);
}

/* ---- Changes: making them ---------------------------------------------- */

/**
 * kevent_ctl() - carry out a batch of changes
 * @fd: the queue.
 * @cmd: KEVENT_CTL_*.
 * @num: entries.
 * @arr: the entries; each is written back with its result.
 *
 * Returns the number of entries that the program has to look at.  These are those that
 * were refused (kevent_error() gives the errno), and those with KEVENT_RET_DONE: they
 * were ready at once, and the entry is their event.
 */
KEVENT_API int kevent_ctl(int fd, unsigned int cmd, unsigned int num,
			  struct ukevent *arr)
{
	struct kevent_ioc_ctl ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.cmd = cmd;
	ctl.num = num;
	ctl.events = (uintptr_t)arr;
	return ioctl(fd, KEVENT_IOC_CTL, &ctl);
}

/** kevent_error() - get the errno of a change that was refused; 0: it was carried out. */
KEVENT_API int kevent_error(const struct ukevent *uk)
{
	return uk->ret_flags & KEVENT_RET_REFUSED ? (int)uk->ret_data[1] : 0;
}

/**
 * kevent_ctl_one() - carry out one change
 * @fd: the queue.
 * @cmd: KEVENT_CTL_*.
 * @uk: the change; the result is written into it.
 *
 * Returns 0; 1 if the event was ready at once and is in @uk; or -1, with the errno
 * with which the change was refused.
 */
KEVENT_API int kevent_ctl_one(int fd, unsigned int cmd, struct ukevent *uk)
{
	uint32_t flags = uk->req_flags;
	int ret;

	uk->req_flags = flags | KEVENT_REQ_CMD(cmd);
	ret = ioctl(fd, KEVENT_IOC_CHANGE, uk);
	uk->req_flags = flags;
	return ret;
}

/**
 * kevent_add() - add a watch
 * @fd: the queue.
 * @uk: what to watch; see kevent_prep().  The cookie of the watch is written to where
 *	the parameters were, so fill the structure in again before using it for another
 *	change.
 *
 * What is ready already comes as an event, like everything that comes later.  Returns 0,
 * or -1 and errno, for example EEXIST if this queue already watches the same; see
 * struct kevent_ioc_ctl for the others.
 */
KEVENT_API int kevent_add(int fd, struct ukevent *uk)
{
	uk->req_flags |= KEVENT_REQ_ALWAYS_QUEUE;
	return kevent_ctl_one(fd, KEVENT_CTL_ADD, uk);
}

/**
 * kevent_add_now() - add a watch, and take what is ready already
 * @fd: the queue.
 * @uk: what to watch.  Its cookie is filled in.
 *
 * Returns 1 if it is ready: then @uk is the event, and none follows in the queue.  With
 * KEVENT_REQ_ONESHOT that was the only event, and no watch was made.  With KEVENT_REQ_ET
 * the next event comes with the next change.  Otherwise as kevent_ctl_one().
 */
KEVENT_API int kevent_add_now(int fd, struct ukevent *uk)
{
	uk->req_flags &= ~KEVENT_REQ_ALWAYS_QUEUE;
	return kevent_ctl_one(fd, KEVENT_CTL_ADD, uk);
}

/**
 * kevent_modify() - change what a watch reports
 * @fd: the queue.
 * @uk: the type and id of the watch, and everything that it is to have from now on.
 *
 * Event bits, flags and ptr are all replaced, and so are the parameters of a timer,
 * which starts again.  Events that nobody has taken are cancelled, and what is ready now
 * comes as an event.  Arms a watch that KEVENT_REQ_DISPATCH has disarmed.  With no event
 * bits, a watch of a socket, a pipe or a KEVENT_POLL reports only hang-ups and errors.
 */
KEVENT_API int kevent_modify(int fd, struct ukevent *uk)
{
	uk->req_flags |= KEVENT_REQ_ALWAYS_QUEUE;
	return kevent_ctl_one(fd, KEVENT_CTL_MODIFY, uk);
}

/**
 * kevent_remove() - end a watch
 * @fd: the queue.
 * @type: its type.
 * @id: its fd or number.
 *
 * Returns 1 if there was an event that nobody had taken, which will not come any more;
 * otherwise 0, or -1.  Afterwards the calling thread gets no event of the watch from
 * kevent_ring_more() and _next(), not even one of the current batch.  An event that
 * another thread has taken can't be cancelled.
 *
 * Call this before close().  close() ends the watch only if the file is not open
 * elsewhere as well, by a duplicate of the fd or in a child.
 */
KEVENT_API int kevent_remove(int fd, unsigned int type, uint64_t id)
{
	struct ukevent uk;

	kevent_prep(&uk, type, id, 0, 0, 0);
	if (kevent_ctl_one(fd, KEVENT_CTL_REMOVE, &uk) < 0)
		return -1;
	return !!(uk.ret_flags & KEVENT_RET_CANCELLED);
}

/** kevent_remove_cookie() - end a watch, named by its cookie; its fd may be closed. */
KEVENT_API int kevent_remove_cookie(int fd, uint64_t cookie)
{
	struct ukevent uk;

	kevent_prep(&uk, 0, 0, 0, KEVENT_REQ_COOKIE, 0);
	uk.cookie = cookie;
	if (kevent_ctl_one(fd, KEVENT_CTL_REMOVE, &uk) < 0)
		return -1;
	return !!(uk.ret_flags & KEVENT_RET_CANCELLED);
}

/**
 * kevent_fire() - fire an event of a KEVENT_UNOTIFY watch
 * @fd: the queue.
 * @id: the number of the watch.
 * @bits: some of the bits that it watches; 0: all of them.
 * @user: with KEVENT_REQ_PAYLOAD: ukevent.ptr of this event.
 */
KEVENT_API int kevent_fire(int fd, uint64_t id, unsigned int bits,
			   uint64_t user)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, id, bits, 0, user);
	return kevent_ctl_one(fd, KEVENT_CTL_READY, &uk);
}

/* ---- Events: what they say --------------------------------------------- */

/**
 * kevent_is_eof() - does the event say that the other side sends no more?
 * @uk: an event of a socket, a pipe or a KEVENT_POLL.
 *
 * The other side has shut down its sending direction, or is gone.  There may be data
 * that was not read yet.  A KEVENT_POLL reports the former only if it asks for POLLRDHUP.
 */
KEVENT_API int kevent_is_eof(const struct ukevent *uk)
{
	return !!(uk->ret_flags & KEVENT_RET_EOF);
}

/** kevent_is_hup() - does the event say that both directions have ended? */
KEVENT_API int kevent_is_hup(const struct ukevent *uk)
{
	return !!(uk->ret_flags & KEVENT_RET_HUP);
}

/**
 * kevent_errno() - get the error that an event reports
 * @uk: an event.
 *
 * Returns the pending error of a socket, which the next call will return as well; EIO if
 * there is an error and the event does not say which; 0 if there is none.
 */
KEVENT_API int kevent_errno(const struct ukevent *uk)
{
	if (uk->ret_flags & KEVENT_RET_ERRNO)
		return (int)uk->data2;
	return uk->ret_flags & KEVENT_RET_ERROR ? EIO : 0;
}

/** kevent_delta() - get how much a total has grown since *last, and update *last. */
KEVENT_API uint32_t kevent_delta(uint32_t *last, uint32_t now)
{
	uint32_t delta = now - *last;

	*last = now;
	return delta;
}

/* ---- Sending files ----------------------------------------------------- */

/**
 * kevent_aio_position() - get the position in the file that a transfer has reached
 * @uk: its event, its result, or the result of its REMOVE.
 */
KEVENT_API uint64_t kevent_aio_position(const struct ukevent *uk)
{
	return (uint64_t)uk->data2 << 32 | uk->ret_data[1];
}

/** kevent_aio_error() - get the errno of a transfer that has ended; 0: it succeeded. */
KEVENT_API int kevent_aio_error(const struct ukevent *uk)
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
 * @result: gets the cookie, or, if the transfer has ended already, its event.  NULL: the
 *	end always comes as an event in the queue.
 *
 * Returns 1 if the transfer has ended and @result is its event; 0 if an event will come.
 */
KEVENT_API int kevent_aio_sendfile(int fd, int sock, int in_fd,
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
 * @result: as for kevent_aio_sendfile().  KEVENT_RET_DONE in its ret_flags says that the
 *	transfer has ended.
 *
 * Returns the new fd of the file, close-on-exec.  The program may close it at any time.
 */
KEVENT_API int kevent_aio_sendfile_path(int fd, const void *header,
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

/**
 * kevent_aio_sendfiles() - begin several transfers in one call
 * @fd: the queue.
 * @transfers: what to send; see struct kevent_ioc_sendfile.  One with a path opens the
 *	file and makes no fd.  Each that was begun has its result.
 * @num: how many.
 *
 * Returns how many were begun.  If that is less than @num, call again with the rest: if
 * the first transfer of a call fails, the call fails, with its errno.
 */
KEVENT_API int kevent_aio_sendfiles(int fd,
				    struct kevent_ioc_sendfile *transfers,
				    uint32_t num)
{
	struct kevent_ioc_sendfiles all;

	all.transfers = (uintptr_t)transfers;
	all.num = num;
	all.reserved = 0;
	return ioctl(fd, KEVENT_IOC_AIO_SENDFILES, &all);
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
 * @min: wait for this number of events; 0: do not wait.
 * @max: copy at most this number: 1 to kevent_ioc_info.batch_max.
 * @timeout: NULL: no limit.
 * @buf: struct ukevent[max].
 * @flags: KEVENT_FLAGS_ABSTIME: @timeout is a point of CLOCK_MONOTONIC.
 */
KEVENT_API int kevent_get_events(int fd, unsigned int min, unsigned int max,
				 const struct timespec *timeout,
				 struct ukevent *buf, unsigned int flags)
{
	struct kevent_ioc_get get;
	ssize_t len;

	if (min == 1 && max && !timeout && !flags) {	/* the same, for less */
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
 * @num: wait for this number of entries since @last; 0: do not sleep.
 * @last: the tail that was seen last.
 * @timeout: NULL: no limit.
 * @flags: KEVENT_FLAGS_ABSTIME: @timeout is a point of CLOCK_MONOTONIC.
 *
 * For changes, commit, clocks and signal masks fill in a struct
 * kevent_ioc_wait.
 */
KEVENT_API int kevent_wait(int fd, unsigned int num, uint32_t last,
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
 * @over: the value that kevent_ring_kernel.over had when the index was the tail.
 */
KEVENT_API int kevent_commit(int fd, uint32_t new_head, uint32_t over)
{
	struct kevent_ioc_commit commit;

	memset(&commit, 0, sizeof(commit));
	commit.head = new_head;
	commit.over = over;
	return ioctl(fd, KEVENT_IOC_COMMIT, &commit);
}

/**
 * kevent_wake() - wake threads that sleep in the queue, without an event
 * @fd: the queue.
 * @num: wake at most this number.
 *
 * Returns how many were woken.  A thread that is not yet asleep is not affected, neither
 * now nor later.  To be sure that a thread notices something, fire a KEVENT_UNOTIFY.
 */
KEVENT_API int kevent_wake(int fd, unsigned int num)
{
	struct kevent_ioc_wake wake;

	memset(&wake, 0, sizeof(wake));
	wake.num = num;
	return ioctl(fd, KEVENT_IOC_WAKE, &wake);
}

/* A WAIT that does not wait: does what KEVENT_RING_CALL asks for. */
static inline int kevent_ring_call(const struct kevent_ring *ring)
{
	uint32_t tail;

	return read(ring->fd, &tail, sizeof(tail)) < 0 ? -1 : 0;
}

/* ---- Details of events ------------------------------------------------- */

/**
 * kevent_read() - take the records of a watch: KEVENT_INODE, KEVENT_SIGNAL
 * @fd: the queue.
 * @cookie: the cookie of the watch, from ADD or an event.
 * @buf: gets the records; aligned to 8 bytes.
 * @len: its size; the largest record has 272 bytes.
 * @lost: gets the number of records that were lost since the last call; may be NULL.
 *
 * Returns the number of bytes copied, for kevent_record(); 0: there are no records.
 */
KEVENT_API int kevent_read(int fd, uint64_t cookie, void *buf, size_t len,
			   uint32_t *lost)
{
	struct kevent_ioc_read read;
	int ret;

	memset(&read, 0, sizeof(read));
	read.cookie = cookie;
	read.buf = (uintptr_t)buf;
	read.len = (uint32_t)len;
	ret = ioctl(fd, KEVENT_IOC_READ, &read);
	if (ret >= 0 && lost)
		*lost = read.lost;
	return ret;
}

/**
 * kevent_record() - get the next of the records that kevent_read() has copied
 * @buf: the records.
 * @bytes: what kevent_read() has returned.
 * @pos: set it to 0 before the first call; each call changes it.
 *
 * Returns a struct kevent_record_inode or kevent_record_signal, NULL at the end.
 */
KEVENT_API const void *kevent_record(const void *buf, int bytes, int *pos)
{
	const char *record = (const char *)buf + *pos;
	uint32_t len;

	if (*pos >= bytes)
		return NULL;
	memcpy(&len, record, sizeof(len));
	*pos += (int)len;
	return record;
}

/* ---- The ring: one thread, in place ------------------------------------ */

/*
 * The loop of a server:
 *
 *	while (kevent_ring_wait(&ring, NULL) >= 0 || errno == EINTR) {
 *		while ((uk = kevent_ring_more(&ring)))
 *			handle(uk);
 *		whatever is done once a batch
 *	}
 *
 * Numbers are the steps of "The ring" in <linux/kevent.h>.
 */

/* Which of these flags has the kernel set? */
static inline uint32_t kevent_ring_flags(const struct kevent_ring *ring,
					 uint32_t flags)
{
	return __atomic_load_n(&ring->kernel->flags, __ATOMIC_RELAXED) & flags;
}

/* Frees the slots of the batch that has been handled. */
static inline void kevent_ring_release(const struct kevent_ring *ring)
{
	struct kevent_ring_user *user = ring->user;
	uint32_t end = ring->end;

	if (__atomic_load_n(&user->head, __ATOMIC_RELAXED) != end)
		__atomic_store_n(&user->head, end, __ATOMIC_RELEASE); /* 5 */
}

/* Claims what is there, up to max (0: all).  Returns the end of the batch. */
static inline uint32_t kevent_ring_claim(struct kevent_ring *ring,
					 unsigned int max)
{
	uint32_t tail = __atomic_load_n(&ring->kernel->tail, __ATOMIC_ACQUIRE);

	if (tail == ring->end)					/* 1 */
		return tail;
	if (max && tail - ring->end > max)
		tail = ring->end + max;
	ring->end = tail;
	__atomic_store_n(&ring->user->seen, tail, __ATOMIC_RELEASE); /* 2 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);		/* 3 */
	return tail;
}

/*
 * At the end of a batch, and perhaps of the ring: frees the batch, and makes a call if
 * one is due.  At the end of the ring, one is due also if somebody polls the queue's fd:
 * a poller is woken once, and again only after a call.
 */
static inline uint32_t kevent_ring_turn(struct kevent_ring *ring,
					unsigned int max)
{
	uint32_t due = KEVENT_RING_CALL;

	kevent_ring_release(ring);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);		/* 5, 6 */
	if (__atomic_load_n(&ring->kernel->tail, __ATOMIC_RELAXED) == ring->end)
		due |= KEVENT_RING_POLLED;
	if (kevent_ring_flags(ring, due))
		kevent_ring_call(ring);
	return kevent_ring_claim(ring, max);
}

/*
 * The same with one fence for both stores, if there are more events and no call is due.
 * A flag that the kernel sets at this moment is seen at the end of the new batch.
 */
static inline uint32_t kevent_ring_swap(struct kevent_ring *ring,
					unsigned int max)
{
	struct kevent_ring_user *user = ring->user;
	uint32_t tail, end = ring->end;

	tail = __atomic_load_n(&ring->kernel->tail, __ATOMIC_ACQUIRE);
	if (tail == end ||
	    __builtin_expect(kevent_ring_flags(ring, KEVENT_RING_CALL), 0))
		return kevent_ring_turn(ring, max);
	if (max && tail - end > max)
		tail = end + max;
	ring->end = tail;
	__atomic_store_n(&user->seen, tail, __ATOMIC_RELEASE);	/* 2 */
	__atomic_store_n(&user->head, end, __ATOMIC_RELEASE);	/* 5 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);		/* 3 */
	return tail;
}

/* Has the event of this entry been cancelled?  To be called just before it is used. */
static inline int kevent_is_cancelled(const struct ukevent *uk)
{
	return __builtin_expect(__atomic_load_n(&uk->ret_flags,
						__ATOMIC_RELAXED) &
				KEVENT_RET_CANCELLED, 0);
}

/**
 * kevent_ring_more() - get the next event of the current batch, in place
 * @ring: the ring.
 *
 * Returns NULL at the end of the batch.  The event is valid until kevent_ring_wait(),
 * _poll() or _next() has begun another batch, and must not be written to.  An event of a
 * watch that this thread has removed never comes, nor does one of a file whose last
 * descriptor it has closed.  (close() of one of several descriptors does not end a
 * watch: REMOVE it first.)  This function frees and claims nothing, and makes no call.
 * So a loop may be left between two events, and continue later where it was.
 */
KEVENT_API const struct ukevent *kevent_ring_more(struct kevent_ring *ring)
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
 * kevent_ring_poll() - take the next batch, if there is one
 * @ring: the ring.
 * @max: the batch has at most this number of entries; 0: all that are there.
 *
 * If the current batch is at its end, frees it and claims another.  Returns the number
 * of entries of the batch that kevent_ring_more() has not returned yet; some of them may
 * have been cancelled.
 *
 * Never sleeps.  It makes a call only for level-triggered watches (one for each batch),
 * after an overflow, and if the kernel must poll a file; and, when the ring is empty, if
 * the queue's fd is polled.
 */
KEVENT_API int kevent_ring_poll(struct kevent_ring *ring, unsigned int max)
{
	if (ring->pos != ring->end)
		return (int)(ring->end - ring->pos);
	return (int)(kevent_ring_swap(ring, max) - ring->pos);
}

/**
 * kevent_ring_wait_some() - take the next batch; sleep until there is one
 * @ring: the ring.
 * @max: the batch has at most this number of entries; 0: all that are there.
 * @timeout: relative; NULL: no limit.
 *
 * As kevent_ring_poll(), but sleeps if there are no events.  Returns 0 after the timeout
 * or a kevent_wake(); -1 with EINTR after a signal.  If the current batch is not at its
 * end, it returns at once, with the rest of that batch.
 */
KEVENT_API int kevent_ring_wait_some(struct kevent_ring *ring,
				     unsigned int max,
				     const struct timespec *timeout)
{
	struct kevent_read result;
	int ret;

	if (ring->pos != ring->end)
		return (int)(ring->end - ring->pos);
	if (__atomic_load_n(&ring->kernel->tail, __ATOMIC_RELAXED) != ring->end &&
	    !kevent_ring_flags(ring, KEVENT_RING_CALL))
		return (int)(kevent_ring_swap(ring, max) - ring->pos);
	kevent_ring_release(ring);
	if (timeout)
		ret = kevent_wait(ring->fd, 1, ring->end, timeout, 0);
	else	/* the same, for less */
		ret = (int)read(ring->fd, &result, sizeof(result));
	if (ret < 0)
		return -1;
	return (int)(kevent_ring_claim(ring, max) - ring->pos);
}

/** kevent_ring_wait() - the same, with all that are there. */
KEVENT_API int kevent_ring_wait(struct kevent_ring *ring,
				const struct timespec *timeout)
{
	return kevent_ring_wait_some(ring, 0, timeout);
}

/* Looks for events, or for a reason to make a call, for spin ns. */
static inline void kevent_ring_look(const struct kevent_ring *ring,
				    const uint32_t *seen, uint64_t spin)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (__atomic_load_n(&ring->kernel->tail, __ATOMIC_ACQUIRE) !=
			    __atomic_load_n(seen, __ATOMIC_RELAXED) ||
		    kevent_ring_flags(ring, KEVENT_RING_CALL))
			return;
#if defined(__x86_64__) || defined(__i386__)
		__asm__ __volatile__("pause");
#elif defined(__aarch64__)
		__asm__ __volatile__("yield");
#endif
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((uint64_t)(now.tv_sec - start.tv_sec) * 1000000000u +
		 (uint64_t)now.tv_nsec - (uint64_t)start.tv_nsec < spin);
}

/**
 * kevent_ring_wait_spin() - the same, but look for a while before sleeping
 * @ring: the ring.
 * @max: the batch has at most this number of entries; 0: all that are there.
 * @spin: how long to look for events first, ns.  More than a few times the cost of a
 *	sleep and a wake-up (some 10,000) is a waste, and so is anything on a single CPU.
 * @timeout: of the sleep after that, relative; NULL: no limit.
 *
 * As kevent_ring_wait_some().  If an event comes while this function looks, its sender
 * has nobody to wake, and this thread makes no call.
 */
KEVENT_API int kevent_ring_wait_spin(struct kevent_ring *ring, unsigned int max,
				     uint64_t spin,
				     const struct timespec *timeout)
{
	if (ring->pos == ring->end) {
		kevent_ring_release(ring);
		kevent_ring_look(ring, &ring->end, spin);
	}
	return kevent_ring_wait_some(ring, max, timeout);
}

/**
 * kevent_ring_wait_changes() - the same, with changes that are carried out first
 * @ring: the ring.
 * @max: the batch has at most this number of entries; 0: all that are there.
 * @timeout: relative; NULL: no limit.
 * @changes: each with its command, KEVENT_REQ_CMD(), in req_flags; written back with
 *	its result.
 * @num: the number of changes.
 *
 * Changes and wait are one call.  It does not sleep if a change was refused
 * (kevent_error()), nor if the current batch is not at its end.  If the file of a change
 * is ready, the event is in the result of the change, unless it has
 * KEVENT_REQ_ALWAYS_QUEUE.
 */
KEVENT_API int kevent_ring_wait_changes(struct kevent_ring *ring,
					unsigned int max,
					const struct timespec *timeout,
					struct ukevent *changes,
					unsigned int num)
{
	struct kevent_ioc_wait wait;

	if (ring->pos == ring->end)
		kevent_ring_release(ring);
	memset(&wait, 0, sizeof(wait));
	wait.changes = (uintptr_t)changes;
	wait.nchanges = num;
	wait.flags = KEVENT_FLAGS_LAST;
	wait.last = ring->end;
	wait.min = ring->pos == ring->end;
	wait.clockid = CLOCK_MONOTONIC;
	kevent_set_timeout(&wait.timeout, &wait.flags, timeout);
	if (ioctl(ring->fd, KEVENT_IOC_WAIT, &wait) < 0)
		return -1;
	if (ring->pos == ring->end)
		kevent_ring_claim(ring, max);
	return (int)(ring->end - ring->pos);
}

/**
 * kevent_ring_next() - get the next event, of this batch or another, in place
 * @ring: the ring.
 *
 * As kevent_ring_more(), but continues with the next batch, and returns NULL when the
 * ring is empty.  Under load that may be never: a program that has other things to do in
 * each round of its loop should use kevent_ring_more().
 */
KEVENT_API const struct ukevent *kevent_ring_next(struct kevent_ring *ring)
{
	uint32_t pos = ring->pos, end = ring->end;

	for (;;) {
		const struct ukevent *uk;

		if (pos == end) {
			end = kevent_ring_swap(ring, 0);
			if (pos == end)
				return NULL;
		}
		uk = &ring->entries[pos & ring->mask];		/* 4 */
		ring->pos = ++pos;
		if (!kevent_is_cancelled(uk))
			return uk;
	}
}

/* ---- The ring: several threads, copied out ----------------------------- */

/*
 * Frees [from, to).  If head has reached this range, stores head.  If not, leaves the
 * range to the kernel, which moves head past it later.
 */
static inline void kevent_ring_free(const struct kevent_ring *ring,
				    uint32_t from, uint32_t to)
{
	struct kevent_ioc_commit commit;

	if (__atomic_load_n(&ring->user->head, __ATOMIC_ACQUIRE) == from) {
		__atomic_store_n(&ring->user->head, to, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (kevent_ring_flags(ring, KEVENT_RING_CALL))
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
		if (num > ring->mask + 1) {	/* seen is out of date */
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

/* Copies out what is there. */
static inline unsigned int kevent_ring_copy(const struct kevent_ring *ring,
					    struct ukevent *buf,
					    unsigned int max)
{
	uint32_t from, to, i;
	unsigned int num = 0;

	while (max && !num && kevent_ring_grab(ring, max, &from, &to)) {
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

/**
 * kevent_ring_take() - copy events out; any number of threads at once
 * @ring: the ring; not changed.
 * @buf: struct ukevent[max].
 * @max: copy at most this number.
 *
 * Returns the number of events copied; 0: there are none (kevent_ring_take_wait()
 * sleeps then).  An event that was copied can't be cancelled any more.  After
 * kevent_remove() has returned 0, another thread may be about to use an event of the
 * watch, so what its ptr points to must not be freed before that thread is done.  When
 * the ring is empty, this function makes a call only if the kernel asks for one, for
 * example to poll a file, or if the queue's fd is polled.
 */
KEVENT_API unsigned int kevent_ring_take(const struct kevent_ring *ring,
					 struct ukevent *buf,
					 unsigned int max)
{
	unsigned int num = kevent_ring_copy(ring, buf, max);

	if (num)
		return num;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);		/* 6 */
	if (!kevent_ring_flags(ring, KEVENT_RING_CALL | KEVENT_RING_POLLED))
		return 0;
	kevent_ring_call(ring);
	return kevent_ring_copy(ring, buf, max);
}

/**
 * kevent_ring_take_wait() - the same; sleep until there are events
 * @ring: the ring; not changed.
 * @buf: struct ukevent[max].
 * @max: copy at most this number: 1 to kevent_ioc_info.batch_max.
 * @spin: how long to look for events before sleeping, ns; 0: not at all.  See
 *	kevent_ring_wait_spin().
 * @timeout: of the sleep, relative; NULL: no limit.
 *
 * Returns 0 after the timeout or a kevent_wake(), or if another thread was faster;
 * -1 with EINTR after a signal.
 */
KEVENT_API int kevent_ring_take_wait(const struct kevent_ring *ring,
				     struct ukevent *buf, unsigned int max,
				     uint64_t spin,
				     const struct timespec *timeout)
{
	unsigned int num = kevent_ring_copy(ring, buf, max);

	if (!num && spin) {
		kevent_ring_look(ring, &ring->user->seen, spin);
		num = kevent_ring_copy(ring, buf, max);
	}
	return num ? (int)num :
		     kevent_get_events(ring->fd, 1, max, timeout, buf, 0);
}

/* ---- In libkevent only: link with -lkevent ----------------------------- */

/**
 * kevent_new() - kevent_init(), with a struct kevent_ring of the library's
 * @num: slots of the ring; a power of two.
 * @policy: KEVENT_WAKE_*.
 * @flags: KEVENT_INIT_*.
 *
 * For languages in which structures of C are hard to use.  Returns NULL and sets errno
 * on failure.  kevent_free() ends it.
 */
struct kevent_ring *kevent_new(unsigned int num, unsigned int policy,
			       unsigned int flags);

/** kevent_new_attached() - the same for a queue that was made elsewhere; owns @fd then. */
struct kevent_ring *kevent_new_attached(int fd);

/** kevent_fd() - get the fd of the queue of a ring. */
int kevent_fd(const struct kevent_ring *ring);

/**
 * kevent_free() - end what kevent_new() has made
 * @ring: the ring; with NULL nothing is done.
 *
 * As kevent_destroy().  A child of the process that made the ring has no mappings of it;
 * there, only the child's descriptor is closed.
 */
void kevent_free(struct kevent_ring *ring);

/**
 * kevent_strerror() - get the meaning of an error
 * @call: what has failed.  For a change, alone or in a batch, KEVENT_CTL_ADD and so on;
 *	for another call KEVENT_IOC_INIT and so on.
 * @type: for changes, the type of the watch, KEVENT_SOCKET and so on; otherwise ignored.
 * @error: the errno, or what kevent_error() has returned.
 *
 * Returns an English text, without a full stop, that says what this errno means for this
 * call.  For errors that the call is not known to give, returns that of strerror(3).
 */
const char *kevent_strerror(unsigned long call, unsigned int type, int error);

/**
 * kevent_unavailable() - get the reason why /dev/kevent can't be used here
 *
 * Returns NULL if it can be used.  Otherwise returns an English text of one or more
 * sentences, which says why, and what can be done: the module is not loaded, not built
 * for this kernel, refused by lockdown, the device is not in this container, and so on.
 * errno is then what kevent_open() or kevent_info() has set, or EPROTO if the module is
 * of another version.  This function opens files in /sys, /proc and /lib/modules, so
 * call it at the start of a program, and not for each event.
 */
const char *kevent_unavailable(void);

#ifdef __cplusplus
}
#endif

#endif /* KEVENT_H */
