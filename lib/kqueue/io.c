// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * EVFILT_READ and EVFILT_WRITE.
 *
 * Reading is asked of a socket or pipe as such, writing as of anything that can be
 * polled: so one fd can have both.  A file can't be polled.  Of one that is read, the
 * kernel tells when it is written to, and how much is left is looked up here; what is
 * written is always ready.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kq.h"

#define KQ_POLL_READ	(KEVENT_POLL_POLLIN | KEVENT_POLL_POLLRDHUP)
#define KQ_POLL_BROKEN	(KEVENT_POLL_POLLHUP | KEVENT_POLL_POLLERR)

static int kq_fd(const struct kq_note *kn)
{
	return (int)kn->kev.ident;
}

/* ---- Watching ---------------------------------------------------------- */

static unsigned int kq_io_events(const struct kq_note *kn, unsigned int type)
{
	if (kn->kev.filter == EVFILT_WRITE)
		return type == KEVENT_POLL ? KEVENT_POLL_POLLOUT : KEVENT_INODE_DELETE_SELF;
	switch (type) {
	case KEVENT_SOCKET:
		return KEVENT_SOCKET_RECV | KEVENT_SOCKET_ACCEPT;
	case KEVENT_PIPE:
		return KEVENT_PIPE_RECV;
	case KEVENT_POLL:
		return KQ_POLL_READ;
	default:
		return KEVENT_INODE_MODIFY;
	}
}

static void kq_io_terms(struct kq_note *kn, unsigned int type)
{
	kn->event = kq_io_events(kn, type);
	kn->req = type == KEVENT_INODE ? KEVENT_REQ_READY : KEVENT_REQ_LAST_CHECK;
	if (type == KEVENT_INODE)
		return;
	if (kn->soft || (kn->kev.flags & EV_CLEAR))
		kn->req |= KEVENT_REQ_ET;
	if (kn->soft)
		return;
	if (kn->kev.flags & EV_ONESHOT)
		kn->req |= KEVENT_REQ_ONESHOT;
	else if (kn->kev.flags & EV_DISPATCH)
		kn->req |= KEVENT_REQ_DISPATCH;
}

static void kq_io_plan(struct kq_note *kn, struct ukevent *uk, unsigned int type)
{
	uk->type = type;
	uk->id.raw[0] = (uint32_t)kn->kev.ident;
	kn->soft |= type == KEVENT_INODE;
	kq_io_terms(kn, type);
	kq_watch_terms(kn, uk);
}

static int kq_io_watch(struct kq *kq, struct kq_note *kn, unsigned int type)
{
	struct ukevent uk = { .req_flags = 0 };

	kq_io_plan(kn, &uk, type);
	return kq_watch_add(kq, kn, &uk, 0);
}

/* Neither a socket, nor, to be read, a pipe. */
static int kq_io_watch_other(struct kq *kq, struct kq_note *kn)
{
	struct stat st;
	int err;

	if (fstat(kq_fd(kn), &st))
		return errno;
	if (S_ISFIFO(st.st_mode) && kn->kev.filter == EVFILT_READ)
		return kq_io_watch(kq, kn, KEVENT_PIPE);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return kq_io_watch(kq, kn, KEVENT_INODE);
	if (kn->kev.filter == EVFILT_WRITE)
		return EINVAL;
	err = kq_io_watch(kq, kn, KEVENT_POLL);
	return err == EPERM ? EINVAL : err;
}

static int kq_read_add(struct kq_note *kn, struct ukevent *uk)
{
	kq_io_plan(kn, uk, KEVENT_SOCKET);
	return 0;
}

static int kq_read_added(struct kq *kq, struct kq_note *kn, const struct ukevent *uk, int err)
{
	(void)uk;
	return err == EINVAL ? kq_io_watch_other(kq, kn) : err;
}

static int kq_write_add(struct kq_note *kn, struct ukevent *uk)
{
	kq_io_plan(kn, uk, KEVENT_POLL);
	return 0;
}

static int kq_write_added(struct kq *kq, struct kq_note *kn, const struct ukevent *uk, int err)
{
	if (err == EPERM)
		return kq_io_watch_other(kq, kn);
	/* a kqueue can't be written */
	if (!err && (uk->ret_flags & KEVENT_RET_QUEUE)) {
		kq_watch_remove(kq, kn);
		return EINVAL;
	}
	return err;
}

/*
 * ENOENT: the fd is another file's, or the only event of the watch has come and was not
 * yet taken.
 */
static int kq_io_refused(struct kq *kq, struct kq_note *kn, const struct kevent *kev, int err)
{
	if (err == ENOENT && ((kev->flags & EV_ADD) || (kn->kev.flags & EV_ONESHOT))) {
		/* an event that was not taken goes with its watch */
		if (!(kev->flags & EV_ADD) && kq_watch_remove_fd(kq, kn)) {
			kq_lose(kq, kn);
			return ENOENT;
		}
		kq_watch_remove(kq, kn);
		kn->soft = kev->filter == EVFILT_READ && (kn->kev.fflags & NOTE_LOWAT);
		/* what was found of the old file */
		kn->eof = 0;
		kn->fflags = 0;
		kn->data = 0;
		err = kq_watch_make(kq, kn);
	}
	if (err)
		kq_drop(kq, kn);
	return err;
}

/* ---- What there is to read --------------------------------------------- */

/* Bytes, where the event does not tell; at least 1, as something is there. */
static int64_t kq_readable(const struct kq_note *kn, bool eof)
{
	int bytes = 0;

	if (ioctl(kq_fd(kn), FIONREAD, &bytes) < 0)
		return !eof;
	return bytes;
}

static void kq_read_polled(struct kq_note *kn, const struct ukevent *uk)
{
	const unsigned int broken = KQ_POLL_BROKEN | KEVENT_POLL_POLLRDHUP;

	kn->eof = uk->ret_data[0] & broken ? EV_EOF : 0;
	kn->data = kq_readable(kn, kn->eof);
}

static void kq_read_stream(struct kq_note *kn, const struct ukevent *uk)
{
	kn->eof = uk->ret_flags & (KEVENT_RET_EOF | KEVENT_RET_HUP) ? EV_EOF : 0;
	kn->fflags = kn->eof && (uk->ret_flags & KEVENT_RET_ERRNO) ? uk->data2 : 0;
	kn->data = uk->ret_flags & KEVENT_RET_DATA ? uk->ret_data[1] :
						     kq_readable(kn, kn->eof);
}

/* From where the fd is to the end; negative beyond that. */
static bool kq_read_file(struct kq_note *kn)
{
	off_t at = lseek(kq_fd(kn), 0, SEEK_CUR);
	struct stat st;

	if (at < 0 || fstat(kq_fd(kn), &st))
		return false;
	kn->data = st.st_size - at;
	return kn->data || (kn->kev.fflags & NOTE_FILE_POLL);
}

/* The mark is one of bytes. */
static bool kq_is_listener(int fd)
{
	socklen_t len = sizeof(int);
	int yes = 0;

	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) && yes;
}

static bool kq_read_event(struct kq *kq, struct kq_note *kn, const struct ukevent *uk)
{
	(void)kq;
	if (kn->type == KEVENT_INODE)
		return kq_read_file(kn);
	if (kn->type == KEVENT_POLL)
		kq_read_polled(kn, uk);
	else
		kq_read_stream(kn, uk);
	return kn->eof || !(kn->kev.fflags & NOTE_LOWAT) || kn->data >= kn->kev.data ||
	       kq_is_listener(kq_fd(kn));
}

/* ---- What can be written ----------------------------------------------- */

/* Bytes that a socket or pipe has room for; 1 of what does not tell. */
static int64_t kq_space(int fd, bool *is_socket)
{
	uint32_t mem[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(mem);
	int64_t used;
	int size, bytes = 0;

	*is_socket = !getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len);
	if (*is_socket) {
		used = mem[SK_MEMINFO_WMEM_QUEUED] > mem[SK_MEMINFO_WMEM_ALLOC] ?
		       mem[SK_MEMINFO_WMEM_QUEUED] : mem[SK_MEMINFO_WMEM_ALLOC];
		used = mem[SK_MEMINFO_SNDBUF] - used;
		return used > 0 ? used : 0;
	}
	size = fcntl(fd, F_GETPIPE_SZ);
	if (size < 0 || ioctl(fd, FIONREAD, &bytes) < 0)
		return 1;
	return size - bytes;
}

/*
 * The socket's error, which SO_ERROR would take away: another queue tells, if it is
 * asked to watch it.
 */
static unsigned int kq_socket_error(int fd)
{
	struct kevent_ioc_init init = {};
	struct ukevent uk = {
		.type = KEVENT_SOCKET,
		.event = KEVENT_SOCKET_SEND,
		.req_flags = KEVENT_REQ_ONESHOT,
	};
	const int state = kq_cancel_off();
	int q = open("/dev/kevent", O_RDWR | O_CLOEXEC);
	unsigned int error = 0;

	uk.id.raw[0] = (uint32_t)fd;
	if (q >= 0 && !ioctl(q, KEVENT_IOC_INIT, &init) && !kq_call(q, KEVENT_CTL_ADD, &uk) &&
	    (uk.ret_flags & KEVENT_RET_ERRNO))
		error = uk.data2;
	if (q >= 0)
		close(q);
	kq_cancel_back(state);
	return error;
}

static bool kq_write_event(struct kq *kq, struct kq_note *kn, const struct ukevent *uk)
{
	const unsigned int bits = uk->ret_data[0];
	bool is_socket;

	(void)kq;
	/* a file: ready, as long as it is open */
	if (kn->type == KEVENT_INODE)
		return true;
	kn->data = kq_space(kq_fd(kn), &is_socket);
	kn->eof = (bits & KEVENT_POLL_POLLHUP) ||
		  (!is_socket && (bits & KEVENT_POLL_POLLERR)) ? EV_EOF : 0;
	kn->fflags = 0;
	if (is_socket && kn->eof && (bits & KEVENT_POLL_POLLERR))
		kn->fflags = kq_socket_error(kq_fd(kn));
	return true;
}

const struct kq_filter kq_filter_read = {
	.is_fd	= true,
	.fflags	= NOTE_LOWAT | NOTE_FILE_POLL,
	.add	= kq_read_add,
	.added	= kq_read_added,
	.terms	= kq_io_terms,
	.refused = kq_io_refused,
	.event	= kq_read_event,
};

const struct kq_filter kq_filter_write = {
	.is_fd	= true,
	.fflags	= NOTE_LOWAT,
	.add	= kq_write_add,
	.added	= kq_write_added,
	.terms	= kq_io_terms,
	.refused = kq_io_refused,
	.event	= kq_write_event,
};
