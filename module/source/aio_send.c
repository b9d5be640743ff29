// SPDX-License-Identifier: GPL-2.0
/*
 * A turn of a transfer: header and file into the socket, until that is full, the
 * turn's share is used up, or a page has to be read first.
 *
 * Pages go from the page cache to the socket, without a copy where it can take them.
 * The socket is never waited for and never raises SIGPIPE, whatever its own flags.
 */
#include <linux/fadvise.h>
#include <linux/fsnotify.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/sched/xacct.h>

#include "../compat/pagecache.h"
#include "../compat/sendpages.h"
#include "../compat/sock.h"
#include "../delay.h"
#include "transfer.h"

#define KEV_AIO_SEND	(MSG_DONTWAIT | MSG_NOSIGNAL)

/* Most bytes that are copied at a time. */
#define KEV_AIO_COPY	(16u << 10)

/* What comes of a send, beside its bytes and -errno: no errno of anybody's. */
enum {
	KEV_AIO_NO_ROOM = -(MAX_ERRNO + 1),	/* the socket is full */
	KEV_AIO_NO_PAGE = -(MAX_ERRNO + 2),	/* it is being read: send->page */
	KEV_AIO_NOT_NOW = -(MAX_ERRNO + 3),	/* a signal came */
	KEV_AIO_RETRY = -(MAX_ERRNO + 4),	/* the page is there after all */
};

/* Asked for ahead, of a file that has to be read. */
#define KEV_AIO_AHEAD	(4ull * KEV_AIO_TURN)

/*
 * Will there be more, so that a packet should wait for it?  kTLS would keep what
 * waits, and lose it, if we are cancelled and the socket is closed.
 */
static unsigned int kev_aio_more(const struct kev_aio_send *s, size_t len)
{
	if (s->left > len && s->pos + len < i_size_read(s->cache->host) &&
	    kev_sock_sends_tcp(s->sock))
		return MSG_MORE;
	return 0;
}

/* A signal is the program's, and no error of its file or socket. */
static int kev_aio_error(int error)
{
	switch (error) {
	case -EINTR:
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
		return KEV_AIO_NOT_NOW;
	}
	return error;
}

/* What a send came to; 0 would be taken for the end of the file. */
static int kev_aio_sent(struct kev_aio_send *s, int ret)
{
	if (ret == -EAGAIN || ret == -EINPROGRESS)
		return KEV_AIO_NO_ROOM;
	if (ret <= 0)
		return ret ? kev_aio_error(ret) : -EIO;
	s->progress = true;
	add_wchar(current, ret);
	return ret;
}

/* ---- The header -------------------------------------------------------- */

static int kev_aio_send_header(struct kev_aio_send *s)
{
	size_t len = s->header_len - s->header_sent;
	struct msghdr msg = {
		.msg_flags = KEV_AIO_SEND | kev_aio_more(s, 0),
	};
	struct kvec vec;
	int ret;

	if (s->header) {
		vec.iov_base = s->header + s->header_sent;
		vec.iov_len = len;
		iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, len);
	} else {
		iov_iter_ubuf(&msg.msg_iter, ITER_SOURCE,
			      (char __user *)s->user_header + s->header_sent,
			      len);
	}
	ret = kev_aio_sent(s, sock_sendmsg(s->sock, &msg));
	if (ret > 0)
		s->header_sent += ret;
	return ret;
}

/* ---- The file ---------------------------------------------------------- */

static int kev_aio_file_sent(struct kev_aio_send *s, int ret)
{
	ret = kev_aio_sent(s, ret);
	if (ret > 0) {
		s->pos += ret;
		s->left -= ret;
	}
	return ret;
}

/* By the file's own means, which may wait. */
static int kev_aio_send_copy(struct kev_aio_send *s, size_t len)
{
	struct msghdr msg = { .msg_flags = KEV_AIO_SEND };
	struct kvec vec;
	loff_t pos = s->pos;
	ssize_t ret;

	/* beyond that no read goes, and no file */
	len = min3((u64)len, (u64)KEV_AIO_COPY, (u64)(LLONG_MAX - pos));
	if (!len)
		return 0;
	vec.iov_base = kmalloc(len, GFP_KERNEL_ACCOUNT);
	if (!vec.iov_base)
		return -ENOMEM;
	ret = kernel_read(s->in, vec.iov_base, len, &pos);
	if (ret > 0) {
		vec.iov_len = ret;
		msg.msg_flags |= kev_aio_more(s, ret);
		ret = kernel_sendmsg(s->sock, &msg, &vec, 1, ret);
		ret = kev_aio_file_sent(s, ret);
	} else if (ret < 0) {
		ret = kev_aio_error(ret);
	}
	kfree(vec.iov_base);
	return ret;
}

/* There is no page to be sent: has it read, and the next ones as well. */
static int kev_aio_send_cold(struct kev_aio_send *s, size_t len)
{
	struct folio *folio;
	bool good;

	s->cold = true;
	vfs_fadvise(s->in, s->pos, min(s->left, KEV_AIO_AHEAD),
		    POSIX_FADV_WILLNEED);
	folio = kev_folio_get(s->cache, s->pos >> PAGE_SHIFT);
	if (!folio)
		return kev_aio_send_copy(s, min_t(size_t, len, PAGE_SIZE));
	if (!folio_test_uptodate(folio) && folio_test_locked(folio)) {
		s->page = folio;
		return KEV_AIO_NO_PAGE;
	}
	good = kev_folio_is_good(folio);
	folio_put(folio);
	/* it could not be read: here is why */
	return good ? KEV_AIO_RETRY :
		      kev_aio_send_copy(s, min_t(size_t, len, PAGE_SIZE));
}

/* Pages that are there, as they are.  They may have been truncated just now. */
static int kev_aio_send_pages(struct kev_aio_send *s, struct kev_pages *pages,
			      size_t len)
{
	loff_t size = i_size_read(s->cache->host);
	int ret;

	if (unlikely(s->pos >= size))
		return 0;
	if (unlikely(len > size - s->pos)) {
		len = size - s->pos;
		kev_pages_trim(pages, len);
	}
	ret = kev_sock_send_pages(s->sock, pages->bv, pages->num, len,
				  KEV_AIO_SEND | kev_aio_more(s, len));
	if (ret > 0)
		add_rchar(current, ret);
	return kev_aio_file_sent(s, ret);
}

/* Returns the bytes sent; 0: the file has ended; -errno, or one of the above. */
static int kev_aio_send_file(struct kev_aio_send *s, size_t len)
{
	loff_t size = i_size_read(s->cache->host);
	struct kev_pages pages kev_uninitialized;
	size_t cached = 0;
	int ret;

	/* a server may know better */
	if (s->pos >= size)
		return s->local ? 0 : kev_aio_send_copy(s, len);
	len = min_t(u64, len, size - s->pos);
	if (!IS_DAX(s->cache->host))
		cached = kev_pages_get(&pages, s->cache, s->pos, len);
	if (!cached)
		return kev_aio_send_cold(s, len);
	if (s->local)
		ret = kev_aio_send_pages(s, &pages, cached);
	kev_pages_put(&pages);
	return s->local ? ret : kev_aio_send_copy(s, cached);
}

/* What the end of a turn means for the next one. */
static enum kev_aio_next kev_aio_failed(struct kev_aio_send *s, int error)
{
	switch (error) {
	case KEV_AIO_NO_ROOM:
		return KEV_AIO_FULL;
	case KEV_AIO_NO_PAGE:
		return KEV_AIO_COLD;
	case KEV_AIO_NOT_NOW:
	case KEV_AIO_RETRY:
		return KEV_AIO_LATER;
	}
	s->error = error;
	return KEV_AIO_OVER;
}

static enum kev_aio_next kev_aio_send_all(struct kev_aio_send *s)
{
	size_t share = KEV_AIO_TURN;
	bool retried = false;
	int ret;

	while (s->header_sent < s->header_len) {
		if (READ_ONCE(s->stop))
			return KEV_AIO_AGAIN;
		ret = kev_aio_send_header(s);
		if (ret < 0)
			return kev_aio_failed(s, ret);
	}
	if (s->cold && s->left)
		vfs_fadvise(s->in, s->pos, min(s->left, KEV_AIO_AHEAD),
			    POSIX_FADV_WILLNEED);
	while (s->left) {
		if (!share || READ_ONCE(s->stop))
			return KEV_AIO_AGAIN;
		KEV_DELAY(AIO_SEND);
		ret = kev_aio_send_file(s, min_t(u64, s->left, share));
		if (ret == KEV_AIO_RETRY && !retried) {
			retried = true;
			continue;
		}
		retried = false;
		if (ret < 0)
			return kev_aio_failed(s, ret);
		if (!ret) {
			s->eof = true;
			break;
		}
		share -= min_t(size_t, ret, share);
	}
	return KEV_AIO_OVER;
}

/**
 * kev_aio_turn() - a turn's share of a transfer
 * @s: the transfer.
 *
 * Context: process, no locks.
 */
enum kev_aio_next kev_aio_turn(struct kev_aio_send *s)
{
	enum kev_aio_next next;
	loff_t pos = s->pos;

	s->progress = false;
	next = kev_aio_send_all(s);
	inc_syscr(current);
	inc_syscw(current);
	if (s->pos != pos) {
		file_accessed(s->in);
		fsnotify_access(s->in);
	}
	return next;
}
