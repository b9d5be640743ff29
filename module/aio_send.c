// SPDX-License-Identifier: GPL-2.0
/*
 * A turn of a transfer: header and file into the socket, until that is full,
 * the turn's share is used up, or the file has to be read from a disk first.
 *
 * The file's own splice_read fills the task's internal pipe with its pages; they
 * go from there into the socket without a copy where it can take them.  The
 * socket is never waited for and never raises SIGPIPE, whatever its own flags.
 */
#include <linux/cred.h>
#include <linux/fadvise.h>
#include <linux/net.h>
#include <linux/pipe_fs_i.h>
#include <linux/sched/mm.h>
#include <linux/splice.h>

#include "aio.h"
#include "compat/pagecache.h"
#include "compat/sock.h"
#include "compat/sendpages.h"

/* Pages of one send: as many as an internal pipe has. */
#define KEV_AIO_PAGES	PIPE_DEF_BUFFERS

#define KEV_AIO_SEND	(MSG_DONTWAIT | MSG_NOSIGNAL)

/* Asked for ahead of a turn that may wait for a disk. */
#define KEV_AIO_AHEAD	(4ull * KEV_AIO_TURN)

/*
 * Will there be more, so that a packet should wait for it?  kTLS would keep what
 * waits, and lose it, if we are cancelled and the socket is closed.
 */
static unsigned int kev_aio_more(const struct kev_aio *a, size_t len)
{
	if (a->left > len && a->pos + len < i_size_read(a->cache->host) &&
	    kev_sock_sends_tcp(a->sock))
		return MSG_MORE;
	return 0;
}

/* What a send came to; 0 would be taken for the end of the file. */
static int kev_aio_sent(struct kev_aio *a, int ret)
{
	a->full = ret == -EAGAIN;
	a->progress |= ret > 0;
	return ret ?: -EIO;
}

/*
 * A UNIX socket whose reader asks who wrote would name the worker: a process of
 * root's, which the program is not.  One that is not accepted yet is tried later.
 */
static int kev_aio_may_send(struct kev_aio *a)
{
	int err = a->worker ? kev_sock_hides_sender(a->sock) : 0;

	a->full = err == -EAGAIN;
	return err;
}

/* ---- The header -------------------------------------------------------- */

static int kev_aio_send_some(struct kev_aio *a)
{
	struct kvec vec = {
		.iov_base = a->header + a->header_sent,
		.iov_len = a->header_len - a->header_sent,
	};
	struct msghdr msg = {
		.msg_flags = KEV_AIO_SEND | kev_aio_more(a, 0),
	};
	const struct cred *old;
	int ret;

	ret = kev_aio_may_send(a);
	if (ret)
		return ret;
	if (!kev_aio_send_begin(a))
		return -ECANCELED;
	old = override_creds(a->cred);
	ret = kernel_sendmsg(a->sock, &msg, &vec, 1, vec.iov_len);
	revert_creds(old);
	if (ret > 0)
		a->header_sent += ret;
	kev_aio_send_end(a);
	return kev_aio_sent(a, ret);
}

static int kev_aio_send_header(struct kev_aio *a)
{
	int ret = 0;

	while (a->header_sent < a->header_len && ret >= 0)
		ret = kev_aio_send_some(a);
	return min(ret, 0);
}

/* ---- The file ---------------------------------------------------------- */

static struct pipe_buffer *kev_pipe_buf(struct pipe_inode_info *pipe,
					unsigned int i)
{
	return &pipe->bufs[i & (pipe->ring_size - 1)];
}

/* The pages in the pipe, up to max bytes.  Returns the bytes, or -errno. */
static ssize_t kev_aio_gather(struct pipe_inode_info *pipe, size_t max,
			      struct bio_vec *bv, unsigned int *n)
{
	unsigned int i = pipe->tail;
	size_t len = 0;
	int err;

	for (*n = 0; len < max && i != pipe->head && *n < KEV_AIO_PAGES; i++) {
		struct pipe_buffer *buf = kev_pipe_buf(pipe, i);
		size_t part = min_t(size_t, buf->len, max - len);

		err = pipe_buf_confirm(pipe, buf);
		if (unlikely(err))
			return len ?: err;
		if (!part)
			continue;
		bv[*n].bv_page = buf->page;
		bv[*n].bv_offset = buf->offset;
		bv[(*n)++].bv_len = part;
		len += part;
	}
	return len;
}

/* The first bytes in the pipe were sent. */
static void kev_aio_consume(struct pipe_inode_info *pipe, size_t len)
{
	while (len) {
		struct pipe_buffer *buf = kev_pipe_buf(pipe, pipe->tail);
		size_t part = min_t(size_t, buf->len, len);

		buf->offset += part;
		buf->len -= part;
		len -= part;
		if (buf->len)
			break;
		pipe_buf_release(pipe, buf);
		pipe->tail++;
	}
}

/* Sends what has been read.  What is not sent is given back by our caller. */
static int kev_aio_actor(struct pipe_inode_info *pipe, struct splice_desc *sd)
{
	struct bio_vec bv[KEV_AIO_PAGES];
	struct kev_aio *a = sd->u.data;
	const struct cred *old;
	unsigned int n;
	ssize_t len;
	int ret;

	len = kev_aio_gather(pipe, sd->total_len, bv, &n);
	if (len <= 0)
		return a->error = len ?: -EIO;
	ret = kev_aio_may_send(a);
	if (ret)
		return a->error = ret;
	if (!kev_aio_send_begin(a))
		return a->error = -ECANCELED;
	/* not for longer: the pipe, made above us, stays with the worker */
	old = override_creds(a->cred);
	ret = kev_sock_send_pages(a->sock, bv, n, len,
				  KEV_AIO_SEND | kev_aio_more(a, len));
	revert_creds(old);
	if (ret > 0) {
		a->pos += ret;
		a->left -= ret;
	}
	kev_aio_send_end(a);
	if (ret > 0)
		kev_aio_consume(pipe, ret);
	ret = kev_aio_sent(a, ret);
	if (ret < 0)
		a->error = ret;
	return ret;
}

/* Returns the bytes sent, 0 at the end of the file, -errno. */
static ssize_t kev_aio_splice(struct kev_aio *a, size_t len)
{
	struct splice_desc sd = {
		.total_len = len,
		.pos = a->pos,
		.u.data = a,
	};
	ssize_t ret;

	a->error = 0;
	ret = splice_direct_to_actor(a->in, &sd, kev_aio_actor);
	/* an error after some bytes is told only here */
	return a->error ?: ret;
}

/* How much can be sent now without waiting for a disk or a server. */
static size_t kev_aio_cached(const struct kev_aio *a, size_t len)
{
	if (!a->local)
		return 0;
	/* it has ended, or has no pages to wait for */
	if (a->pos >= i_size_read(a->cache->host) || IS_DAX(a->cache->host))
		return len;
	return kev_pages_cached(a->cache, a->pos, len);
}

/* What to do about an error of this turn. */
static enum kev_aio_next kev_aio_failed(struct kev_aio *a, int error)
{
	a->error = 0;
	if (a->full)
		return KEV_AIO_NEXT_FULL;
	/* a signal of who made the transfer: workers know none */
	if (!a->worker && (error == -ERESTARTSYS || error == -EINTR))
		return KEV_AIO_NEXT_COLD;
	a->error = error == -ERESTARTSYS ? -EINTR : error;
	return KEV_AIO_NEXT_OVER;
}

/**
 * kev_aio_turn() - a turn's share of a transfer
 * @a: the transfer.
 *
 * Context: process, in a turn, no locks.
 */
enum kev_aio_next kev_aio_turn(struct kev_aio *a)
{
	size_t share = KEV_AIO_TURN;
	ssize_t ret;
	size_t len;

	a->full = false;
	a->progress = false;
	ret = kev_aio_send_header(a);
	if (ret < 0)
		return kev_aio_failed(a, ret);
	if (a->cold)
		vfs_fadvise(a->in, a->pos, min(a->left, KEV_AIO_AHEAD),
			    POSIX_FADV_WILLNEED);
	while (a->left) {
		if (!share)
			return KEV_AIO_NEXT_WARM;
		len = min_t(u64, a->left, share);
		if (!a->cold)
			len = kev_aio_cached(a, len);
		if (!len)
			return KEV_AIO_NEXT_COLD;
		ret = kev_aio_splice(a, len);
		if (ret < 0)
			return kev_aio_failed(a, ret);
		if (!ret) {
			a->eof = true;
			break;
		}
		share -= min_t(size_t, ret, share);
	}
	return KEV_AIO_NEXT_OVER;
}
