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

static size_t kev_aio_header_left(const struct kev_aio_send *s)
{
	return s->header_len - s->header_sent;
}

/* By itself. */
static int kev_aio_send_header(struct kev_aio_send *s)
{
	size_t len = kev_aio_header_left(s);
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

/*
 * Does it go with the first pages, in one send?  It does while it is the program's and
 * small, as a server's is.
 */
static bool kev_aio_header_joins(const struct kev_aio_send *s, loff_t size)
{
	return !s->header && kev_aio_header_left(s) <= PAGE_SIZE && s->left &&
	       s->pos < size && s->local && !IS_DAX(s->cache->host);
}

/*
 * Copied to where sockets put what they copy for this task, into a part that is taken
 * before: a fault may send as well.  The caller gets a reference.  False: let the
 * socket find out why.
 */
static bool kev_aio_header_page(const struct kev_aio_send *s, struct bio_vec *bv)
{
	struct page_frag *frag = &current->task_frag;
	size_t len = kev_aio_header_left(s);

	if (!skb_page_frag_refill(len, frag, GFP_KERNEL))
		return false;
	bv->bv_page = frag->page;
	bv->bv_offset = frag->offset;
	bv->bv_len = len;
	get_page(bv->bv_page);
	frag->offset += len;
	if (!copy_from_user(page_address(bv->bv_page) + bv->bv_offset,
			    s->user_header + s->header_sent, len))
		return true;
	put_page(bv->bv_page);
	return false;
}

/* ---- The file ---------------------------------------------------------- */

/* The first bytes were the header's. */
static int kev_aio_file_sent(struct kev_aio_send *s, int ret, size_t header)
{
	ret = kev_aio_sent(s, ret);
	if (ret > 0) {
		header = min_t(size_t, header, ret);
		s->header_sent += header;
		s->pos += ret - header;
		s->left -= ret - header;
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
		ret = kev_aio_file_sent(s, ret, 0);
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

/*
 * Pages that are there, as they are, and what is left of the header before them.  They
 * may have been truncated just now.
 */
static int kev_aio_send_pages(struct kev_aio_send *s, struct kev_pages *pages,
			      size_t len)
{
	loff_t size = i_size_read(s->cache->host), pos = s->pos;
	size_t header = kev_aio_header_left(s);
	struct bio_vec *bv = &pages->bv[1];
	int ret;

	if (unlikely(pos >= size))
		return header ? kev_aio_send_header(s) : 0;
	if (unlikely(len > size - pos)) {
		len = size - pos;
		kev_pages_trim(pages, len);
	}
	if (header) {
		bv = &pages->bv[0];
		if (unlikely(!kev_aio_header_page(s, bv)))
			return kev_aio_send_header(s);
		pages->num++;
	}
	ret = kev_sock_send_pages(s->sock, bv, pages->num, header + len,
				  KEV_AIO_SEND | kev_aio_more(s, len));
	if (header)
		put_page(bv->bv_page);
	ret = kev_aio_file_sent(s, ret, header);
	add_rchar(current, s->pos - pos);
	return ret;
}

/*
 * The header, the file, or both, as far as one send goes.  Returns the bytes sent; 0: the
 * file has ended; -errno, or one of the above.
 */
static int kev_aio_send_next(struct kev_aio_send *s, size_t len)
{
	bool header = kev_aio_header_left(s);
	loff_t size = i_size_read(s->cache->host);
	struct kev_pages pages kev_uninitialized;
	size_t cached = 0;
	int ret;

	if (header && !kev_aio_header_joins(s, size))
		return kev_aio_send_header(s);
	/* a server may know better */
	if (s->pos >= size)
		return s->local ? 0 : kev_aio_send_copy(s, len);
	len = min_t(u64, len, size - s->pos);
	if (!IS_DAX(s->cache->host))
		cached = kev_pages_get(&pages, s->cache, s->pos, len);
	if (!cached)
		return header ? kev_aio_send_header(s) :
				kev_aio_send_cold(s, len);
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

	if (s->cold && s->left)
		vfs_fadvise(s->in, s->pos, min(s->left, KEV_AIO_AHEAD),
			    POSIX_FADV_WILLNEED);
	while (s->left || kev_aio_header_left(s)) {
		if (!share || READ_ONCE(s->stop))
			return KEV_AIO_AGAIN;
		KEV_DELAY(AIO_SEND);
		ret = kev_aio_send_next(s, min_t(u64, s->left, share));
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
