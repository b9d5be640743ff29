/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kevent: one queue for every kind of event, filled by the kernel into shared
 * memory.  This file is the whole interface of /dev/kevent.
 *
 *	fd = open("/dev/kevent", O_RDWR | O_CLOEXEC);	one queue
 *	ioctl(fd, KEVENT_IOC_INIT, &init);		once; sizes the ring
 *	mmap() three times				see "The ring" below
 *	ioctl(fd, KEVENT_IOC_CTL, &ctl);		add, modify, remove, fire
 *	read events from the ring, with no call; or KEVENT_IOC_GET_EVENTS
 *	ioctl(fd, KEVENT_IOC_WAIT, &wait);		sleep until there are some
 *
 * Every structure has the same layout for 32 and 64 bit programs.  Fields that are
 * named reserved must be zero, and all flags must be known, otherwise EINVAL.
 * Pointers are passed as __u64.  Times are in nanoseconds unless they are a
 * struct __kernel_timespec.  To ask a file, below, is to call its poll operation.
 *
 * The structures of calls, struct kevent_ioc_*, can grow at their ends; struct
 * ukevent can't.  The number of a call contains the size of its structure.  Fields
 * that the program's structure lacks are taken to be zero.  Bytes that it has beyond
 * the kernel's structure must be zero, otherwise the call fails with E2BIG.  If it
 * lacks fields that the call needs, the call fails with ENOTTY.  struct
 * kevent_ioc_info has a field for its size as well.
 *
 * open() fails with EOWNERDEAD while the module can't detect the end of open files:
 * ftrace is switched off (sysctl kernel.ftrace_enabled), or something else, such as
 * a live patch, has redirected the function that the module has to hook.  Neither
 * can happen while a queue is open.
 *
 * WHEN A WATCH ENDS.  A watch of a file holds no reference to it.  It ends when
 * the open file ends: when its last descriptor is closed, in whatever process,
 * and nothing else (a mapping, a transfer, a call under way) holds it.
 * So close() of a descriptor that was duplicated by dup(), inherited by a child
 * or sent to another process does NOT end the watch: its events go on coming,
 * with the ptr that ADD has set.  A program that frees what ptr points to must do
 * REMOVE first, then close().  After close() REMOVE is still possible by the
 * watch's cookie.  A child has copies of all descriptors from fork() until it calls
 * exec, which closes those that are close-on-exec.
 *
 * kevent(7) explains the types and the flags, kevent(4) the calls.
 */
#ifndef _UAPI_LINUX_KEVENT_H
#define _UAPI_LINUX_KEVENT_H

#include <linux/ioctl.h>
#include <linux/time_types.h>
#include <linux/types.h>

#define KEVENT_ABI_VERSION	2

/* ------------------------------------------------------------------------
 * Kinds of event (struct ukevent.type).  Numbers are never used again.
 */
enum {
	KEVENT_SOCKET		= 0,	/* id: fd of a socket, of any family */
	KEVENT_INODE		= 1,	/* id: fd of a file or directory; may be
					 * O_PATH */
	KEVENT_TIMER		= 2,	/* id: any number, chosen by the program */
	KEVENT_POLL		= 3,	/* id: fd of any pollable file */
	KEVENT_NAIO		= 4,	/* reserved: EOPNOTSUPP */
	KEVENT_AIO		= 5,	/* id: number of a transfer; made by
					 * AIO_SENDFILE, not by ADD */
	KEVENT_PIPE		= 6,	/* id: fd of a pipe or FIFO */
	KEVENT_SIGNAL		= 7,	/* id: signal number */
	KEVENT_POSIX_TIMER	= 8,	/* id: timer_t, the kernel's number */
	KEVENT_UNOTIFY		= 9,	/* id: any number, chosen by the program */
	KEVENT_PROC		= 10,	/* id: pidfd, or pid of a child */
	KEVENT_TYPE_MAX		= 11,
};

/* ------------------------------------------------------------------------
 * What to report (struct ukevent.event), by type.
 */

/* KEVENT_TIMER */
#define KEVENT_TIMER_FIRED	0x1u

/* KEVENT_POSIX_TIMER */
#define KEVENT_POSIX_TIMER_FIRED 0x1u

/*
 * KEVENT_SOCKET and KEVENT_PIPE.  ACCEPT is for listening sockets.  RECV means the
 * same there, and ACCEPT the same as RECV on others.
 *
 * A socket can be watched as KEVENT_SOCKET or as KEVENT_POLL.  SOCKET says in the
 * event what the next call would find: bytes, space, connections, the error.
 * POLL reports the bits of poll(2).  For some of them SOCKET has no bit: POLLPRI
 * (urgent data), POLLRDHUP by itself.  One descriptor can have a watch of each
 * type; the two watches are independent.
 *
 * A file that has ended can be read or written without blocking, and is reported
 * as ready: a RECV with KEVENT_RET_EOF, a SEND with KEVENT_RET_ERROR.
 *
 * With an event of 0 these types, and POLL, are muted: only hang-ups and errors
 * are reported.  MODIFY gives them their bits back.
 */
#define KEVENT_SOCKET_RECV	0x1u
#define KEVENT_SOCKET_ACCEPT	0x2u
#define KEVENT_SOCKET_SEND	0x4u
#define KEVENT_PIPE_RECV	0x1u
#define KEVENT_PIPE_SEND	0x4u

/*
 * KEVENT_INODE: of a file, or of a directory and what is in it.  READ gives a
 * struct kevent_record_inode for each: what happened, to which name.
 */
#define KEVENT_INODE_CREATE	0x0001u	/* made or linked in the directory */
#define KEVENT_INODE_REMOVE	0x0002u	/* unlinked from the directory */
#define KEVENT_INODE_MODIFY	0x0004u	/* (*) written or truncated */
#define KEVENT_INODE_ATTRIB	0x0008u	/* (*) mode, owner, times, number of
					 * links, extended attributes */
#define KEVENT_INODE_MOVED_FROM	0x0010u	/* renamed: the old name was in the
					 * directory */
#define KEVENT_INODE_MOVED_TO	0x0020u	/* renamed: the new name is in it */
#define KEVENT_INODE_DELETE_SELF 0x0040u /* the last name of the file is gone;
					 * see docs/inode.md for directories */
#define KEVENT_INODE_MOVE_SELF	0x0080u	/* the file itself was renamed */
#define KEVENT_INODE_OPEN	0x0100u	/* (*) opened */
#define KEVENT_INODE_ACCESS	0x0200u	/* (*) read */
#define KEVENT_INODE_CLOSE_WRITE 0x0400u /* (*) closed, was open for writing */
#define KEVENT_INODE_CLOSE_NOWRITE 0x0800u /* (*) closed, was not open for
					 * writing */
/* (*) the file itself; with a directory, the files in it as well */

/* Only in events and records; asking for it gives EINVAL. */
#define KEVENT_INODE_ISDIR	0x40000000u /* it happened to a directory */

/*
 * KEVENT_POLL: the bits of poll(2).  ERR and HUP are always reported; asking
 * for them changes nothing.  Other bits than these give EINVAL; epoll ignores
 * them.
 */
#define KEVENT_POLL_POLLIN	0x0001u
#define KEVENT_POLL_POLLPRI	0x0002u
#define KEVENT_POLL_POLLOUT	0x0004u
#define KEVENT_POLL_POLLERR	0x0008u
#define KEVENT_POLL_POLLHUP	0x0010u
#define KEVENT_POLL_POLLRDNORM	0x0040u
#define KEVENT_POLL_POLLRDBAND	0x0080u
#define KEVENT_POLL_POLLWRNORM	0x0100u
#define KEVENT_POLL_POLLWRBAND	0x0200u
#define KEVENT_POLL_POLLMSG	0x0400u
#define KEVENT_POLL_POLLRDHUP	0x2000u

/*
 * KEVENT_SIGNAL: a signal to the process that adds the watch, or to one of its
 * threads.  Each signal that is generated counts: handled, blocked, ignored, or
 * merged with one that is pending.  (The kernel generates no SIGCHLD
 * while that is set to SIG_IGN.)  The id is the number, 1 to 64, perhaps with
 * KEVENT_SIGNAL_NOMASK: then the event comes instead of the signal, which
 * reaches neither handler nor sigwait, signalfd or pause, and kills or stops no
 * process.  What depends only on the signal's action does not change: children are
 * reaped as before.  Some signals are not taken away: SIGSEGV, SIGBUS, SIGILL,
 * SIGTRAP, SIGFPE and SIGSYS that a thread sends to itself, by a fault or otherwise;
 * those that are sent from within a probe; and, from Linux 6.13 on, in a process that
 * has POSIX timers, those behind one that is pending (see docs/signal.md).
 * NOMASK holds until the watch ends, even while DISPATCH has disarmed it.  With
 * ONESHOT it holds for one signal.
 *
 * Records say who sent each signal: see KEVENT_IOC_READ, kevent_record_signal.
 * ret_flags has KEVENT_RET_LOST if a record found no room since the last READ; the
 * count is right even then.  param[0] of ADD: bytes for records, up to
 * 1 MiB; 0: 4096.  After DISPATCH, MODIFY reports at once what came meanwhile.
 *
 * A watch ends when its process exits or calls exec; if it asked for CLOSED, a
 * last event says so.  It is not inherited by fork.  Other processes that have
 * the queue can name it by its cookie only.
 *
 * ADD: EINVAL: no such signal; or NOMASK with one that the kernel itself acts on
 * or waits for: SIGKILL, SIGSTOP, SIGCONT, SIGALRM, SIGTTIN, SIGTTOU (the reasons
 * are in docs/signal.md).  ENOSPC: too many watches (64) of this signal.
 * EOPNOTSUPP: NOMASK, where this kernel can't support that.
 */
#define KEVENT_SIGNAL_DELIVERY	0x1u
#define KEVENT_SIGNAL_NOMASK	(1ULL << 63)

/*
 * KEVENT_PROC: a process has exited, with all its threads.  The id is a pidfd;
 * or the pid of a child of the process that adds the watch, with
 * KEVENT_PROC_PID, that is, raw[1] is 1.  There is one event, then the watch ends,
 * as with ONESHOT.  If the process has exited before, the event comes at once.
 * ret_data[1] is the status as waitpid(2) gives it, if KEVENT_RET_DATA is set, that
 * is, if the process was a child of the adding one and had not been reaped.  The
 * watch does not reap the child.  ADD: EINVAL: not a pidfd, or the pidfd of a
 * thread.  By pid: ESRCH: no such process, or it was reaped.  ECHILD: not a child.
 */
#define KEVENT_PROC_EXIT	0x1u
#define KEVENT_PROC_PID		(1ULL << 32)

/*
 * KEVENT_AIO: a transfer has one event, which has BIO; a program does not ask for
 * it.  The other bits of ret_data[0] say how the transfer ended; bits 16 to 31 are
 * the errno if it failed, else 0.  See struct kevent_ioc_sendfile.
 */
#define KEVENT_AIO_BIO		0x1u	/* the transfer is over */
#define KEVENT_AIO_HEADER	0x2u	/* the whole header, if any, was sent */
#define KEVENT_AIO_EOF		0x4u	/* the file ended before count bytes */
#define KEVENT_AIO_ERRNO_SHIFT	16

/* KEVENT_UNOTIFY: any nonzero mask; the program decides what its bits mean. */

/* ------------------------------------------------------------------------
 * How to report (struct ukevent.req_flags).
 *
 * POLL, SOCKET and PIPE are level-triggered unless they ask for ET, ONESHOT or
 * DISPATCH: as in poll(2), while the condition holds, each WAIT, GET_EVENTS,
 * COMMIT or read(2) of 4 or 8 bytes after the last event was claimed reports it
 * again.
 * Events of the other types are edges, with or without ET.
 */
#define KEVENT_REQ_ONESHOT	0x0001u	/* One event, and the watch is over.
					 * The event can be taken until REMOVE or
					 * the end of the file ends the watch.
					 * After the event, ADD makes a new watch
					 * beside the old one; with LAST_CHECK it
					 * replaces the old one.  See ADD, below,
					 * for what is ready at once. */
#define KEVENT_REQ_WAKEUP_ALL	0x0002u	/* Wake every thread that sleeps in the
					 * queue for one event, not only one. */
#define KEVENT_REQ_ET		0x0004u	/* Edge: report changes only. */
#define KEVENT_REQ_LAST_CHECK	0x0008u	/* Ask the file when the event is taken,
					 * and drop the event if it is no
					 * longer true.  GET_EVENTS asks while it
					 * copies.  For the ring, a WAIT or COMMIT
					 * asks; the event may be out of date when
					 * it is read, above all if it had to
					 * wait for a slot. */
#define KEVENT_REQ_ALWAYS_QUEUE	0x0010u	/* ADD and MODIFY: what is ready at once
					 * comes as an event like any other.
					 * Without this flag it is in the result
					 * of the change, and no event follows. */
#define KEVENT_REQ_READY	0x0020u	/* ADD and MODIFY: act as if all that the
					 * watch asks for were ready. */
#define KEVENT_REQ_DISPATCH	0x0040u	/* One event, then the watch is disarmed
					 * until MODIFY (EPOLLONESHOT,
					 * EV_DISPATCH). */
#define KEVENT_REQ_EXCLUSIVE	0x0080u	/* If several queues watch this file, a
					 * wake-up goes to one after the other,
					 * until it has woken a task
					 * (EPOLLEXCLUSIVE).  Set by ADD; MODIFY
					 * must repeat it. */
#define KEVENT_REQ_CLOSED	0x0100u	/* A last event, BROKEN and CLOSED, when
					 * the open file ends (see WHEN A WATCH
					 * ENDS, above), the POSIX timer is
					 * deleted, or the process with the
					 * signal ends.  Other events that were
					 * not taken are cancelled. */
#define KEVENT_REQ_TIMESTAMP	0x0200u	/* Fill in struct ukevent.time. */
#define KEVENT_REQ_COOKIE	0x0400u	/* In REMOVE, MODIFY and READY: the
					 * watch is named by struct
					 * ukevent.cookie; type and id are not
					 * looked at.  MODIFY of TIMER and
					 * POSIX_TIMER has parameters there:
					 * EINVAL. */
#define KEVENT_REQ_PAYLOAD	0x0800u	/* KEVENT_UNOTIFY: each READY is an
					 * event of its own, never merged, with
					 * the ptr of the READY.  Set by ADD;
					 * MODIFY must repeat it. */
#define KEVENT_REQ_CMD_SHIFT	28	/* In a mixed batch: the command. */
#define KEVENT_REQ_CMD(cmd)	((__u32)(cmd) << KEVENT_REQ_CMD_SHIFT)
/*
 * Not every type takes every flag; others give EINVAL.
 *
 *	LAST_CHECK, EXCLUSIVE	POLL, SOCKET, PIPE
 *	CLOSED			these, INODE, SIGNAL, POSIX_TIMER, PROC
 *	DISPATCH		all but PROC, whose watches end anyway
 *	PAYLOAD			UNOTIFY; not with ONESHOT or DISPATCH
 *	ONESHOT, DISPATCH	not both
 *
 * KEVENT_AIO: see struct kevent_ioc_sendfile.
 */

/* ------------------------------------------------------------------------
 * What came (struct ukevent.ret_flags).
 */
#define KEVENT_RET_BROKEN	0x0001u	/* an error, a hang-up or the end of a
					 * file: at least one of EOF, HUP, ERROR,
					 * CLOSED says which.  It does not say
					 * that nothing is left to be read: read
					 * to the end.  KEVENT_AIO: the transfer
					 * failed */
#define KEVENT_RET_DONE		0x0002u	/* in a result: the watch was ready at
					 * once, and this is its event: none is
					 * queued.  But a wake-up that comes at
					 * the same time may be an event, too */
#define KEVENT_RET_COPY_FAILED	0x0004u	/* reserved */
#define KEVENT_RET_CANCELLED	0x0008u	/* in the ring: skip this entry, its
					 * watch was removed or modified or has
					 * ended.  In the result of REMOVE and
					 * MODIFY: an event was outstanding that
					 * no consumer had claimed, and that will
					 * not come.  Without the flag there was
					 * none, or a consumer has claimed it and
					 * may be about to act on it */
#define KEVENT_RET_REFUSED	0x0010u	/* in a result: the change was refused,
					 * and ret_data[1] is the errno */
#define KEVENT_RET_DATA		0x0020u	/* ret_data[1] is valid */
#define KEVENT_RET_DATA2	0x0040u	/* data2 is valid */
#define KEVENT_RET_ERRNO	0x0080u	/* data2 is the socket's pending error,
					 * a positive errno; it is not cleared */
#define KEVENT_RET_LOST		0x0100u	/* a record of this event found no room.
					 * KEVENT_SIGNAL: or any record since the
					 * last READ.  READ says how many */
#define KEVENT_RET_CLOSED	0x0200u	/* the file, the POSIX timer or the
					 * process is gone, and the watch with it
					 * (KEVENT_REQ_CLOSED) */
#define KEVENT_RET_EOF		0x0400u	/* nothing more will come: the peer has
					 * shut down its sending side (RDHUP), or
					 * is gone (HUP).  Data may be unread */
#define KEVENT_RET_HUP		0x0800u	/* nothing can be sent either (POLLHUP) */
#define KEVENT_RET_ERROR	0x1000u	/* an error is pending, or, on the
					 * sending side of a pipe, the readers
					 * are gone (POLLERR) */

#define KEVENT_RET_QUEUE	0x2000u	/* in the result of ADD: the file that is
					 * watched is itself a queue */

/* What is watched: a file descriptor or a number, by type. */
struct kevent_id {
	union {
		__u32 raw[2];
		__u64 raw_u64;
	};
};

/* param[2] of a KEVENT_TIMER: clock | flags */
#define KEVENT_TIMER_CLOCK(c)	((__u64)(__u32)(c))	/* CLOCK_MONOTONIC,
							 * _REALTIME, _BOOTTIME
							 * or _TAI */
#define KEVENT_TIMER_ABSTIME	(1ULL << 32)		/* param[0] is a point
							 * in time */

/* param[0] of a KEVENT_POSIX_TIMER */
#define KEVENT_POSIX_TIMER_VALUE	0x1ULL	/* ptr of events is sigev_value,
						 * not what ADD was given */

/**
 * struct ukevent - a change on the way in, an event or a result on the way out
 * @id: what is watched.  For types that take an fd: the number, in raw[0].
 * @type: KEVENT_SOCKET and so on.
 * @event: what to report; in an event, what the watch asked for.
 * @req_flags: KEVENT_REQ_*.
 * @ret_flags: KEVENT_RET_*.  Not looked at on the way in, and nor is @ret_data.
 *	A result can be used as the next request, but not after ADD: @cookie is
 *	where param was.
 * @ret_data: [0]: the bits that are set.  [1], if KEVENT_RET_DATA is set:
 *	KEVENT_SOCKET RECV: bytes readable, of plain TCP (no TLS on top, no
 *	MPTCP); ACCEPT: connections waiting;
 *	KEVENT_TIMER: expiries since ADD; KEVENT_UNOTIFY: READYs since ADD;
 *	KEVENT_INODE: events since ADD;
 *	KEVENT_POSIX_TIMER: expiries since ADD, overruns included;
 *	KEVENT_SIGNAL: signals since ADD; KEVENT_PROC: the status.
 *	Levels are the newest known value, counts are running totals modulo
 *	2^32: the difference of two, a __u32, is what came in between
 *	(kevent_delta() of kevent.h).
 * @user: returned as it is; @ptr is the same.
 * @ptr: see @user.
 * @param: on the way in, parameters of the source for ADD and MODIFY.  ADD:
 *	unused words must be 0.  Other commands don't look at unused words, but
 *	see @cookie.
 *	KEVENT_TIMER: [0] first expiry, ns: relative, or absolute with
 *	KEVENT_TIMER_ABSTIME; relative 0 means one interval from now.
 *	[1] interval, ns; 0: fires once.  The watch stays all the same, unless
 *	it is ONESHOT: MODIFY starts it again, REMOVE ends it, ADD of the same
 *	id gives EEXIST.  [2] clock and flags.  Absolute times are those of the
 *	caller's time namespace.
 *	Timers of one queue and clock report together, at most once in the
 *	time that INFO returns as timer_floor; all expiries are counted.
 *	KEVENT_INODE: [0], ADD only: bytes of the watch's buffer for records,
 *	rounded up to a power of two from 4096 to 1 MiB.
 *	KEVENT_POSIX_TIMER: [0] KEVENT_POSIX_TIMER_VALUE or 0.  The timer is
 *	one of the calling process.  While it is watched it sends no signals;
 *	timer_floor holds as for KEVENT_TIMER; timer_settime() and
 *	timer_gettime() do what they always do.  The watch ends with the timer.
 *	KEVENT_SIGNAL: ADD only: [0] bytes for records, likewise, or 0.
 *	KEVENT_UNOTIFY: ADD only, with KEVENT_REQ_PAYLOAD: [0] how many events
 *	may wait while the ring is full or there is none: a power of two (others
 *	are rounded up), at most 65536; 0: 64.  READY beyond that fails with
 *	EAGAIN.  They come in order, after waiting events of other watches.
 * @cookie: the watch's own number.  The queue does not use it again before it has
 *	made 2^32 further watches.  ADD returns it (0 if no watch was made, see
 *	KEVENT_CTL_ADD; the field is as it was if ADD is refused), and every event
 *	has it.  REMOVE, MODIFY and READY take it with KEVENT_REQ_COOKIE, even when
 *	the fd is closed.  Without that flag they find the watch of a file sooner if
 *	its cookie is here; with another number here they find it all the same.
 * @time: with KEVENT_REQ_TIMESTAMP: when the first event in this entry came,
 *	CLOCK_MONOTONIC, ns, in the time namespace of the process that opened the
 *	queue.  If the watch was ready at ADD or MODIFY, or is level-triggered and
 *	reported again: when that was found.  Else 0.
 * @cpu: CPU on which the event came: a hint for which thread should take it.  For
 *	a file that had to be asked, and with KEVENT_REQ_LAST_CHECK, the CPU of
 *	the call that asked.
 * @merged: further events that went into this entry (stops at 65535).  Like other
 *	fields it may still change until the entry is claimed.  An event that
 *	comes at the moment of the claim may be counted here and have an entry
 *	of its own as well.
 * @data2: if KEVENT_RET_DATA2 is set: KEVENT_SOCKET SEND: bytes that fit into
 *	the send buffer of a stream socket.  If KEVENT_RET_ERRNO is set: the
 *	error.
 *
 * On the way out @cookie, @time, @cpu, @merged and @data2 are filled in for every
 * event, and for results with KEVENT_RET_DONE, which are events.  In other results
 * ADD fills in @cookie, and REMOVE of a KEVENT_AIO (with KEVENT_RET_DATA) fills in
 * all of them; other fields are left as they were.
 *
 * One cache line.  The first 40 bytes are laid out as in the kevent of 2006.
 */
struct ukevent {
	struct kevent_id id;
	__u32 type;
	__u32 event;
	__u32 req_flags;
	__u32 ret_flags;
	__u32 ret_data[2];
	union {
		__u32 user[2];
		__u64 ptr;
	};
	union {
		__u64 param[3];
		struct {
			__u64 cookie;
			__u64 time;
			__u16 cpu;
			__u16 merged;
			__u32 data2;
		};
	};
};

/* ------------------------------------------------------------------------
 * The ring.
 *
 * INIT with ring_size > 0 makes three areas.  Each is mapped whole, MAP_SHARED,
 * from its offset; sizes are in struct kevent_ioc_init.
 *
 *	offset			protection		content
 *	KEVENT_MMAP_KERNEL	PROT_READ		struct kevent_ring_kernel
 *	KEVENT_MMAP_USER	PROT_READ|PROT_WRITE	struct kevent_ring_user
 *	KEVENT_MMAP_ENTRIES	PROT_READ		struct ukevent[ring_size]
 *
 * A mapping is not inherited by fork: a child that has the fd makes its own.
 *
 * Indices run freely modulo 2^32; the entry of index i is number
 * i & (ring_size - 1).  head <= seen <= tail, in this circular sense:
 *
 *	[head, seen)	claimed: in the hands of a consumer
 *	[seen, tail)	unclaimed: the kernel may still change these
 *	the rest	free
 *
 * The kernel writes an entry, then stores tail (release).  While the newest
 * entry of a watch is unclaimed, further events of that watch are merged into
 * it: bits are OR-ed, counts and levels overwritten.
 *
 * A consumer that works in place, one thread:
 *
 *	1. s = seen; t = load-acquire(tail); if s == t, nothing is there: see 6.
 *	2. store-release(seen, t).  Claims [s, t).
 *	3. full fence.  (Partner: the kernel merges, does a full fence, then
 *	   looks at seen.  Either this consumer reads the merged bits, or the
 *	   kernel sees the claim and posts a new entry.)
 *	4. for each index in [s, t): load ret_flags afresh; if it has
 *	   KEVENT_RET_CANCELLED, skip it: the watch was removed or modified or
 *	   its file closed, perhaps by what was done for an earlier entry of this
 *	   very batch.  Else read the entry and act.
 *	5. store-release(head, t).  Frees [s, t).  Full fence.  If flags has one
 *	   of KEVENT_RING_CALL, call COMMIT, WAIT, or a read(2) of 4 bytes.
 *	6. Ring empty: full fence; if flags has one of KEVENT_RING_CALL, make one
 *	   of these calls; else sleep in WAIT, giving t as the index last seen, or
 *	   in a read(2) of 8 bytes.  (A program that sleeps in a poll of the
 *	   queue's fd: see KEVENT_RING_POLLED.)
 *
 * Several consumers: 1 and 2 become a compare-and-swap of seen from s to s + n,
 * then the full fence; entries are copied out; freeing waits until head == s,
 * or leaves the range to the kernel: COMMIT with KEVENT_COMMIT_RANGE.  What was
 * copied out can't be cancelled any more.  KEVENT_IOC_GET_EVENTS takes part as
 * one more consumer.
 *
 * A consumer that never stores seen sets KEVENT_INIT_NO_SEEN: then nothing is
 * merged once it is posted, and freeing is all it does.  It has to be the only
 * one, GET_EVENTS included: another could not know what it is working on.
 *
 * When the ring is full, ready watches wait in the kernel, in order, and
 * KEVENT_RING_OVERFLOW is set.  No event is lost, but the consumer has to make
 * calls until there is room again.  With one consumer that changes no watches while
 * it works on a batch, a ring with twice as many slots as watches does not overflow.
 * However, each READY with KEVENT_REQ_PAYLOAD, and each event with
 * KEVENT_INIT_NO_SEEN, takes a slot of its own.
 */
#define KEVENT_MMAP_KERNEL	0x00000000u
#define KEVENT_MMAP_USER	0x01000000u
#define KEVENT_MMAP_ENTRIES	0x02000000u

/* struct kevent_ring_kernel.flags */
#define KEVENT_RING_OVERFLOW	0x0001u	/* events wait for free slots */
#define KEVENT_RING_NEED_CHECK	0x0002u	/* the kernel must ask a file, in the
					 * program's context, if it is ready */
#define KEVENT_RING_LEVEL	0x0004u	/* level watches wait to be asked again
					 * once their entry was claimed */
#define KEVENT_RING_HEAD	0x0008u	/* the kernel has finished ranges: head
					 * may move further by COMMIT */
#define KEVENT_RING_POLLED	0x0010u	/* the queue's fd is watched by poll,
					 * epoll or another queue.  These are
					 * woken once, and then again only after
					 * a call: poll of the fd, WAIT,
					 * GET_EVENTS, COMMIT or read(2) of 4
					 * or 8 bytes.
					 * poll(2) and level-triggered epoll
					 * poll again by themselves; edge-
					 * triggered ones do not.  So a consumer
					 * that has emptied the ring must make
					 * one call before it goes back to them.
					 * kevent.h does that */
#define KEVENT_RING_CALL	(KEVENT_RING_OVERFLOW | \
				 KEVENT_RING_NEED_CHECK | \
				 KEVENT_RING_LEVEL | KEVENT_RING_HEAD)

/* Written by the kernel; read-only to the program. */
struct kevent_ring_kernel {
	__u32 tail;
	__u32 over;		/* how often tail has wrapped around */
	__u32 flags;
	__u32 size;		/* slots; a power of two */
	__u32 reserved[12];
};

/* Written by the program (and by GET_EVENTS and COMMIT in its name). */
struct kevent_ring_user {
	__u32 seen;
	__u32 head;
	__u32 reserved[14];
};

/* ------------------------------------------------------------------------
 * Calls.  All fail with ENOTTY for an unknown number, EFAULT for a bad
 * pointer, EINVAL for unknown flags and nonzero reserved fields, E2BIG for a
 * structure that is longer than the kernel's and not zero there, ENXIO before
 * INIT (INFO excepted).
 */

/**
 * struct kevent_ioc_init - KEVENT_IOC_INIT
 * @ring_size: slots; a power of two up to kevent_ioc_info.ring_max, or 0 for
 *	no ring: then GET_EVENTS only.
 * @policy: KEVENT_WAKE_*: who of several sleepers is woken.
 * @flags: KEVENT_INIT_*.
 * @first_index: where tail, seen and head start.  0 unless you test what
 *	happens when they wrap around.
 * @kernel_len: in: 0; out: bytes to map at KEVENT_MMAP_KERNEL.
 * @user_len: in: 0; out: bytes to map at KEVENT_MMAP_USER.
 * @entries_len: in: 0; out: bytes to map at KEVENT_MMAP_ENTRIES.
 * @reserved: 0.
 *
 * EBUSY: the queue has been initialised.  EINVAL: size or policy.  ENOSPC: the
 * user's limit of memory for rings, records and payloads (docs/limits.md).
 * ENOMEM.
 */
struct kevent_ioc_init {
	__u32 ring_size;
	__u32 policy;
	__u32 flags;
	__u32 first_index;
	__u64 kernel_len;
	__u64 user_len;
	__u64 entries_len;
	__u64 reserved[3];
};

#define KEVENT_WAKE_FIFO	0u	/* the one that has slept longest */
#define KEVENT_WAKE_LIFO	1u	/* the one that came last: warm caches */
#define KEVENT_WAKE_SAME_CPU	2u	/* one that slept on the event's CPU,
					 * else as FIFO */

#define KEVENT_INIT_NO_SEEN	0x1u	/* see "The ring" */

/*
 * Commands of CTL, CHANGE, and of the changes of WAIT.
 *
 * ADD: watches.  What is ready at once is in the result, with KEVENT_RET_DONE, or,
 *	with KEVENT_REQ_ALWAYS_QUEUE, comes as an event.  A KEVENT_REQ_ONESHOT
 *	whose event is in the result has had it: no watch is left, and its
 *	cookie is 0.
 * REMOVE: ends the watch of this type and id, and every one-shot of the same type
 *	and id that is over and whose event was not taken.  Entries that are in the
 *	ring are marked KEVENT_RET_CANCELLED, claimed or not.
 * MODIFY: sets event, ptr and all of req_flags to what is given.  Nothing of the
 *	old ones is kept.  EXCLUSIVE and PAYLOAD can't be changed, and have to be
 *	repeated: EINVAL.  TIMER starts again with the parameters that are given;
 *	POSIX_TIMER takes its param[0].  No event of the old terms comes after it:
 *	what was outstanding is taken back (READYs with PAYLOAD are not), and what
 *	is ready under the new terms is reported as by ADD.  INODE, SIGNAL,
 *	POSIX_TIMER and UNOTIFY, which can't be asked, report again what was taken
 *	back, and what came while DISPATCH had disarmed the watch.  A one-shot that
 *	is over is not found: ENOENT.  If another thread's ADD of the watch has not
 *	returned, MODIFY waits for that; only a signal that kills ends this wait.
 * READY: reports the bits of event (0: all that the watch asks for) as if they
 *	had come by themselves.  Bits that the watch does not ask for are ignored;
 *	if no bit is left: EINVAL.
 */
enum {
	KEVENT_CTL_ADD		= 0,
	KEVENT_CTL_REMOVE	= 1,
	KEVENT_CTL_MODIFY	= 2,
	KEVENT_CTL_READY	= 3,
	KEVENT_CTL_MIXED	= 4,	/* CTL only: each entry names its own
					 * command in its req_flags */
};

/**
 * struct kevent_ioc_ctl - KEVENT_IOC_CTL: a batch of changes
 * @cmd: KEVENT_CTL_*.
 * @num: entries; at most kevent_ioc_info.batch_max.  READY of 0 entries wakes
 *	all sleepers, as WAKE does.
 * @events: struct ukevent[num].  Each entry is written back with its own
 *	result: ret_flags, ret_data and, for ADD, cookie.
 * @done: out: entries that were carried out or refused and written back; true
 *	after EFAULT as well.
 * @failed: out: those of them that were refused.
 * @reserved: 0.
 *
 * Returns the number of entries that the program has to look at: those that were
 * refused (KEVENT_RET_REFUSED), and those that ADD or MODIFY found ready, which are
 * events (KEVENT_RET_DONE).  A refused entry does not stop the others.  Their errors:
 *
 *	EBADF		ADD, REMOVE, MODIFY, READY: no such fd
 *	EEXIST		ADD: type, id and open file are watched by this queue.
 *			A ONESHOT that has had its event does not count, whether
 *			that event was taken or not
 *	ENOENT		REMOVE, MODIFY, READY: not watched.  ADD: KEVENT_INODE: the
 *			file's last name is going at this moment.  REMOVE:
 *			KEVENT_AIO: the call that sends has not returned
 *	EAGAIN		READY, or MODIFY with KEVENT_REQ_READY and
 *			KEVENT_REQ_ALWAYS_QUEUE, of a watch with
 *			KEVENT_REQ_PAYLOAD: too many wait.  READY: also while
 *			the ADD of the watch has not returned
 *	EBUSY		ADD: this POSIX timer is watched already, by another
 *			queue
 *	ESRCH		ADD: KEVENT_PROC by pid: no such process
 *	ECHILD		ADD: KEVENT_PROC by pid: not a child of the caller
 *	EINVAL		type, event, flags, parameters; the queue itself; the
 *			wrong kind of file for the type; KEVENT_POSIX_TIMER: no
 *			such timer, or one that is SIGEV_NONE
 *	EPERM		KEVENT_POLL: the file can't be polled
 *	EACCES		KEVENT_INODE: the file may not be read
 *	EOPNOTSUPP	this kernel can't support the type; KEVENT_POSIX_TIMER:
 *			a timer of CPU time or of a CLOCK_*_ALARM
 *	ENOSPC		the user's limit of watches, of memory for rings, records
 *			and payloads, or too many watches of one file
 *			(docs/limits.md)
 *	ENOMEM
 */
struct kevent_ioc_ctl {
	__u32 cmd;
	__u32 num;
	__u64 events;
	__u32 done;
	__u32 failed;
	__u64 reserved;
};

/*
 * KEVENT_IOC_CHANGE: one change, with its KEVENT_REQ_CMD() in req_flags.  The
 * result is written into the struct ukevent, as by CTL, unless it was refused:
 * then the call fails, with that errno, and the structure is as it was.
 * Returns 1 with KEVENT_RET_DONE in the result, else 0.
 */

/* Flags of GET_EVENTS and WAIT */
#define KEVENT_FLAGS_ABSTIME	0x01u	/* with TIMEOUT: timeout is a point in
					 * time.  Without it: EINVAL */
#define KEVENT_FLAGS_TIMEOUT	0x02u	/* timeout counts; else no limit */
#define KEVENT_FLAGS_SIGMASK	0x04u	/* sigmask counts */
#define KEVENT_FLAGS_COMMIT	0x08u	/* WAIT: commit counts */
#define KEVENT_FLAGS_LAST	0x10u	/* WAIT: last counts */
#define KEVENT_FLAGS_EPOLL	0x20u	/* GET_EVENTS: as epoll_wait(2) */

/**
 * struct kevent_ioc_get - KEVENT_IOC_GET_EVENTS: copy events out
 * @events: struct ukevent[max].  With KEVENT_FLAGS_EPOLL struct epoll_event[max]:
 *	ret_data[0] and ptr.
 * @min: wait until there are this many; 0: do not wait.
 * @max: copy at most this many; at least 1, at most kevent_ioc_info.batch_max.
 * @flags: KEVENT_FLAGS_ABSTIME, _TIMEOUT, _SIGMASK, _EPOLL.
 * @clockid: of the timeout: CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME.
 * @timeout: relative, or absolute with KEVENT_FLAGS_ABSTIME.
 * @sigmask: pointer to a signal set in force while the call waits.
 * @sigsetsize: its size in bytes: 8.
 * @reserved: 0.
 *
 * Returns the number of events copied.  It is less than @min if the time was up, a
 * signal came, or WAKE; if the fd is O_NONBLOCK; or if some of the events are no
 * longer true (KEVENT_REQ_LAST_CHECK), or were taken by another task, before they
 * are copied.  0: the time was up, WAKE, or @min was 0.  EINTR: a signal came before
 * the first event; the kernel never restarts the call.  EAGAIN: there are no events,
 * @min > 0 and the fd is O_NONBLOCK; with KEVENT_FLAGS_EPOLL O_NONBLOCK is ignored.
 * EINVAL: @min > @max, or @min > ring size.  EFAULT: nothing could be copied; no event
 * is lost.
 */
struct kevent_ioc_get {
	__u64 events;
	__u32 min;
	__u32 max;
	__u32 flags;
	__u32 clockid;
	struct __kernel_timespec timeout;
	__u64 sigmask;
	__u32 sigsetsize;
	__u32 reserved;
};

/**
 * struct kevent_ioc_wait - KEVENT_IOC_WAIT: changes, commit, and wait, in one
 * @changes: struct ukevent[nchanges], each with its KEVENT_REQ_CMD(); results
 *	are written back as by CTL.
 * @nchanges: how many.
 * @flags: KEVENT_FLAGS_*.
 * @commit: with KEVENT_FLAGS_COMMIT: frees the slots below this index, which
 *	must have been claimed.
 * @last: with KEVENT_FLAGS_LAST: the tail that was seen last; the call returns
 *	at once if tail has moved: no wake-up is lost in between.
 * @min: wait until so many entries were posted since @last (without it: until
 *	so many are unclaimed); ends early when the ring is full, or, for a @min of
 *	1, when any entry is unclaimed.  0: do not wait.
 * @clockid: as in struct kevent_ioc_get, like the next three.
 * @timeout: see there.
 * @sigmask: see there.
 * @sigsetsize: see there.
 * @reserved: 0.
 * @done: out: changes carried out or refused.
 * @failed: out: changes refused; if any, the call does not wait.
 * @head: out: head, after the commit.
 * @tail: out: tail, on return.
 *
 * Returns the number of unclaimed entries; at least 1 if the call has waited with
 * success.  0: timeout, WAKE, min was 0, or a change failed.  EINTR: a signal came
 * first.  EAGAIN: there are too few, and the fd is O_NONBLOCK.  EOVERFLOW: the
 * commit is out of range (nothing is freed).  EINVAL: min > ring size; or the slots
 * to commit were not claimed.  ENXIO: no ring.
 * @done, @failed and @head are written back before the call sleeps, and stay true
 * after any error.
 */
struct kevent_ioc_wait {
	__u64 changes;
	__u32 nchanges;
	__u32 flags;
	__u32 commit;
	__u32 last;
	__u32 min;
	__u32 clockid;
	struct __kernel_timespec timeout;
	__u64 sigmask;
	__u32 sigsetsize;
	__u32 reserved;
	__u32 done;
	__u32 failed;
	__u32 head;
	__u32 tail;
};

/**
 * struct kevent_read - what read(2) of 8 bytes gives
 * @num: unclaimed entries; 0 after WAKE.
 * @tail: of the ring, on return.
 *
 * read(fd, buf, len) is the cheapest call.  What it does depends on len:
 *
 *	8		WAIT with min 1 and nothing else.  The result is a struct
 *			kevent_read.  ENXIO without a ring.
 *	4		WAIT with min 0: does what the flags in KEVENT_RING_CALL ask
 *			for (asks files, moves waiting events into the ring), and
 *			does not wait.  The result is the tail alone, a __u32.  ENXIO
 *			without a ring.
 *	64 and more	GET_EVENTS with min 1 and as many events as fit.  The result
 *			is struct ukevent[]; 0 bytes after WAKE.
 *	others		EINVAL.
 *
 * EAGAIN with O_NONBLOCK, but not for len 4; EINTR after a signal.
 */
struct kevent_read {
	__u32 num;
	__u32 tail;
};

#define KEVENT_COMMIT_FORCE	0x1u	/* also slots that others have claimed,
					 * or that were not claimed: for a
					 * program that takes over the ring of
					 * one that died */
#define KEVENT_COMMIT_RANGE	0x2u	/* free [from, head): at once if that is
					 * next, else as soon as it is */

/**
 * struct kevent_ioc_commit - KEVENT_IOC_COMMIT: free slots
 * @head: frees the slots below this index.
 * @over: kevent_ring_kernel.over as it was when @head was tail: guards against
 *	a late thread that frees slots of a later round.  Ignored with
 *	KEVENT_COMMIT_RANGE.
 * @from: with KEVENT_COMMIT_RANGE: where the range begins; else 0.
 * @flags: KEVENT_COMMIT_*.
 *
 * Also moves waiting events into the ring, and asks level watches again.
 * On return @head is head and @over belongs to it.
 * Returns the number of slots freed.  EOVERFLOW: out of [head, tail].
 * EINVAL: not claimed (without FORCE).  ENXIO: no ring.  EAGAIN: other
 * consumers change head or seen all the time.  The commit of WAIT fails in the
 * same way.
 */
struct kevent_ioc_commit {
	__u32 head;
	__u32 over;
	__u32 from;
	__u32 flags;
};

/**
 * struct kevent_ioc_wake - KEVENT_IOC_WAKE: wake sleepers without an event
 * @num: how many at most.
 * @reserved: 0.
 *
 * Those that are woken return although there is no event for them: WAIT and read(2)
 * return 0, GET_EVENTS returns the events that there are.  WAKE returns how many were
 * woken.  It is not remembered: a task that is about to sleep is not woken.  Where
 * that matters, use READY of a KEVENT_UNOTIFY.
 */
struct kevent_ioc_wake {
	__u32 num;
	__u32 reserved;
};

/**
 * struct kevent_ioc_read - KEVENT_IOC_READ: details of events
 * @cookie: of a watch of a type that has records (struct kevent_record_*).
 * @buf: where they go: as many whole ones as fit, oldest first.
 * @len: its size, bytes.
 * @lost: out: records that found no room in the watch's buffer since the last
 *	READ.  Such an event has KEVENT_RET_LOST as well.
 * @reserved: 0.
 *
 * Returns the bytes copied; 0: there are none.  Never waits.  Each record
 * begins with its length, a multiple of 8.  ENOENT: no such watch.  EINVAL: its
 * type has no records; or the first one is larger than @len.  EINTR: a signal
 * came while another READ of this watch was under way.  Records that were read are
 * gone from the buffer; the others stay until the watch ends.
 */
struct kevent_ioc_read {
	__u64 cookie;
	__u64 buf;
	__u32 len;
	__u32 lost;
	__u64 reserved;
};

/**
 * struct kevent_record_inode - a record of KEVENT_INODE
 * @len: bytes, with the name.
 * @event: KEVENT_INODE_*: what happened; one bit, or with ISDIR two.
 * @move: the same number, not 0, in the MOVED_FROM and the MOVED_TO of one
 *	rename; else 0.
 * @reserved: 0.
 * @name: in the watched directory; ends with at least one 0.  Empty if the
 *	watched file itself is meant.
 *
 * An event that is the same as the last one has no record of its own while the
 * record of the last one was not yet read.  So a file that is written to again and
 * again does not fill the buffer.
 */
struct kevent_record_inode {
	__u32 len;
	__u32 event;
	__u32 move;
	__u32 reserved;
	char name[];
};

/**
 * struct kevent_record_signal - a record of KEVENT_SIGNAL
 * @len: bytes: sizeof(struct kevent_record_signal).
 * @signo: its number.
 * @code: si_code.
 * @pid: of the sender, as the adding process sees it; 0 if it has none there.
 * @uid: of the sender, as the adding process sees it.
 * @tid: 0: sent to the process; else to this thread.
 * @value: si_value; 0 if it has none.
 */
struct kevent_record_signal {
	__u32 len;
	__u32 signo;
	__s32 code;
	__u32 pid;
	__u32 uid;
	__u32 tid;
	__u64 value;
};

#define KEVENT_AIO_TO_END	(~0ull)	/* count: to the end of the file */
#define KEVENT_AIO_HEADER_MAX	65536u	/* largest header, bytes */

/**
 * struct kevent_ioc_sendfile - KEVENT_IOC_AIO_SENDFILE, _AIO_SENDFILE_PATH:
 *	send a file to a socket, and post an event when that is over
 * @sock: fd of a stream socket, blocking or not.
 * @in_fd: AIO_SENDFILE: fd of a regular file, open for reading; its position
 *	is neither used nor changed.  AIO_SENDFILE_PATH: 0.
 * @offset: where in the file to begin; at most 2^63 - 1.
 * @count: at most so many bytes of the file; KEVENT_AIO_TO_END: all to its
 *	end; 0: none, the header only.  A file that ends earlier is no error.
 * @header: pointer to what is to be sent before the file; taken by the call.
 * @header_size: its size, up to KEVENT_AIO_HEADER_MAX; 0: no header.
 * @path: AIO_SENDFILE_PATH: pointer to the file's name.  Else 0.
 * @open_flags: AIO_SENDFILE_PATH: of O_CLOEXEC, O_NOFOLLOW, O_NOATIME.  Else 0.
 * @req_flags: of KEVENT_REQ_ALWAYS_QUEUE, _WAKEUP_ALL, _TIMESTAMP, _ONESHOT
 *	(which it is anyway).
 * @reserved: 0.
 * @ptr: struct ukevent.ptr of the event.
 * @result: out, after success: id and cookie of the transfer.  If it was over
 *	when the call returned, ret_flags has KEVENT_RET_DONE, the rest is as
 *	in the event, and no event follows; with KEVENT_REQ_ALWAYS_QUEUE the
 *	event always comes.
 *
 * AIO_SENDFILE returns 1 if @result has KEVENT_RET_DONE, else 0.
 * AIO_SENDFILE_PATH opens the file, O_RDONLY and as open(2) would with the
 * caller's rights and limits, and returns its new fd; it never waits for a FIFO
 * or a lease.
 *
 * The event, or the result: type KEVENT_AIO; ret_data[0]: KEVENT_AIO_*; with
 * KEVENT_RET_DATA and KEVENT_RET_DATA2: the position in the file that was
 * reached, its low half in ret_data[1], its high half in data2 (kevent.h:
 * kevent_aio_position()).  A transfer that failed has KEVENT_RET_BROKEN, and its
 * errno is ret_data[0] >> KEVENT_AIO_ERRNO_SHIFT (kevent_aio_error()): EPIPE,
 * ECONNRESET and others of send(2), EIO and others of read(2).  The position says
 * how far it came.  There is no SIGPIPE.
 *
 * The call sends what it can.  The rest is sent by WAIT, GET_EVENTS, COMMIT and
 * read(2) of the queue, when the socket has room or a page of the file
 * has been read: a task that sleeps in one of them is woken for it.
 *
 * A transfer holds its socket and its file until it is over: closing the fds
 * changes nothing.  Transfers to one socket are carried out one after the other
 * in the order of the calls.  REMOVE, by cookie or by type and id, cancels a
 * transfer: when it returns, nothing more is sent, and the position is in its result
 * as in an event; but another thread that is sending at that moment finishes its
 * send.  Closing the queue cancels all transfers.  ADD, MODIFY and READY: EINVAL.
 *
 * EBADF: @sock or @in_fd is no fd; the file is not open for reading.  ENOTSOCK.
 * EINVAL: not a stream socket; not a regular file, or one of the kernel's own
 * (proc, sysfs), or opened with O_DIRECT; @offset, @header_size or flags.  ESPIPE:
 * it can't be read at an offset.  EMFILE: the user's running transfers hold as many
 * files as the caller's RLIMIT_NOFILE allows.  ENOSPC: the user's limit of watches,
 * or of bytes for headers.  ENOMEM.  EOPNOTSUPP.  ENOSPC and ENOMEM may also be
 * the error of a transfer of which a part was sent in the call.
 * AIO_SENDFILE_PATH: those of open(2): ENOENT, EACCES, EMFILE, ENAMETOOLONG ...
 * After a failure nothing was sent and no fd was made.  One exception: if @result can
 * no longer be written when the call ends, it cancels the transfer: EFAULT.
 */
struct kevent_ioc_sendfile {
	__s32 sock;
	__s32 in_fd;
	__u64 offset;
	__u64 count;
	__u64 header;
	__u64 path;
	__u32 header_size;
	__u32 open_flags;
	__u32 req_flags;
	__u32 reserved;
	__u64 ptr;
	struct ukevent result;
};

/**
 * struct kevent_ioc_sendfiles - KEVENT_IOC_AIO_SENDFILES: several transfers in a call
 * @transfers: pointer to an array of struct kevent_ioc_sendfile.  Each is as for
 *	AIO_SENDFILE, or, if its @path is not 0, as for AIO_SENDFILE_PATH, but no fd
 *	is made, and O_CLOEXEC is EINVAL.
 * @num: how many.
 * @reserved: 0.
 *
 * Begins one transfer after the other, as sendmmsg(2) sends messages.  Returns how
 * many were begun; each of these has its @result.  The call ends at the first one that
 * fails, when a signal comes, or after 1024.  It fails only if the first transfer
 * does, with the errno of that; so a program calls again with the rest, and learns
 * why.  0 if @num is 0.
 *
 * An opened file that no running transfer holds is released at the end of the call.
 */
struct kevent_ioc_sendfiles {
	__u64 transfers;
	__u32 num;
	__u32 reserved;
};

#define KEVENT_FEAT_CLOSE_FTRACE	0x1ull	/* close hook by ftrace */
					/* 0x2ull: reserved */
#define KEVENT_FEAT_EPOLL	0x4ull	/* KEVENT_FLAGS_EPOLL */

/**
 * struct kevent_ioc_info - KEVENT_IOC_INFO: limits and features
 * @size: in: bytes of this structure that the program knows, at least 8.  Out: bytes
 *	that the kernel filled in.
 * @abi: KEVENT_ABI_VERSION.
 * @features: KEVENT_FEAT_*.
 * @sources: a bit for each type that ADD takes: 1 << KEVENT_TIMER and so on;
 *	KEVENT_AIO: its calls work.
 * @req_flags: all KEVENT_REQ_* that are known.
 * @ring_max: largest ring, slots.
 * @batch_max: most entries of one CTL, GET_EVENTS or WAIT.
 * @version: of the module: 0x000200 is 0.2.0.
 * @timer_floor: ns; see struct ukevent.param.
 * @watches_max: watches that this user may have.
 * @watches: watches that this user has.
 * @queue_watches: watches of this queue.
 *
 * A user here is the one who opened the queue.
 *
 * /proc/PID/fdinfo/FD of a queue has lines with its counters: watches; posted:
 * events that had an entry of their own (without a ring: how often a watch began to
 * wait, to be taken or to be asked); merged: events that went into an entry that
 * existed; overflowed: events that had to wait for a slot; waits: calls that slept;
 * immediate: calls that did not have to.  Then comes a line for each watch, up to
 * 65536, with the values that an ADD of the same watch would need; only the ptr of
 * a watch with KEVENT_REQ_PAYLOAD is that of its last event.  The counters are
 * decimal.  In the line of a watch all numbers except the type are hexadecimal:
 *
 *	watch: type: 0 id: 5 event: 1 req_flags: 0 ptr: 0 param: 0 0 0
 *		cookie: 100000000 state: armed list: none
 *
 * The param of a timer is its next expiry, as an absolute time, its interval and
 * its clock.  That of other types is the size of their buffer, or what ADD was given.
 * State: adding, armed, disarmed (DISPATCH), fired (a one-shot that
 * is over), closed (the file is gone, its last event is outstanding).  List:
 * waiting (an event waits for a slot or for GET_EVENTS), asked (the file is to be
 * asked), none.
 */
struct kevent_ioc_info {
	__u32 size;
	__u32 abi;
	__u64 features;
	__u64 sources;
	__u32 req_flags;
	__u32 ring_max;
	__u32 batch_max;
	__u32 version;
	__u64 timer_floor;
	__u64 watches_max;
	__u64 watches;
	__u64 queue_watches;
};

#define KEVENT_IOC_MAGIC	0xEB

#define KEVENT_IOC_INFO		_IOWR(KEVENT_IOC_MAGIC, 0, struct kevent_ioc_info)
#define KEVENT_IOC_INIT		_IOWR(KEVENT_IOC_MAGIC, 1, struct kevent_ioc_init)
#define KEVENT_IOC_CTL		_IOWR(KEVENT_IOC_MAGIC, 2, struct kevent_ioc_ctl)
#define KEVENT_IOC_GET_EVENTS	_IOWR(KEVENT_IOC_MAGIC, 3, struct kevent_ioc_get)
#define KEVENT_IOC_WAIT		_IOWR(KEVENT_IOC_MAGIC, 4, struct kevent_ioc_wait)
#define KEVENT_IOC_COMMIT	_IOWR(KEVENT_IOC_MAGIC, 5, struct kevent_ioc_commit)
#define KEVENT_IOC_WAKE		_IOW(KEVENT_IOC_MAGIC, 6, struct kevent_ioc_wake)
#define KEVENT_IOC_AIO_SENDFILE	_IOWR(KEVENT_IOC_MAGIC, 7, struct kevent_ioc_sendfile)
#define KEVENT_IOC_AIO_SENDFILE_PATH \
				_IOWR(KEVENT_IOC_MAGIC, 8, struct kevent_ioc_sendfile)
#define KEVENT_IOC_READ		_IOWR(KEVENT_IOC_MAGIC, 9, struct kevent_ioc_read)
#define KEVENT_IOC_CHANGE	_IOWR(KEVENT_IOC_MAGIC, 10, struct ukevent)
#define KEVENT_IOC_AIO_SENDFILES \
				_IOW(KEVENT_IOC_MAGIC, 11, struct kevent_ioc_sendfiles)

#endif /* _UAPI_LINUX_KEVENT_H */
