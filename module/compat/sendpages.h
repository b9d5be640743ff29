/* SPDX-License-Identifier: GPL-2.0 */
/* Sending pages without a copy, in the shape of 6.5. */
#ifndef KEV_COMPAT_SENDPAGES_H
#define KEV_COMPAT_SENDPAGES_H

#include <linux/bvec.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "sock.h"

static inline int kev_sock_sendmsg_pages(struct socket *sock,
					 const struct bio_vec *bv,
					 unsigned int n, size_t len,
					 unsigned int flags)
{
	struct msghdr msg = { .msg_flags = flags };

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bv, n, len);
	return sock_sendmsg(sock, &msg);
}

#ifdef KEV_HAVE_KERNEL_SENDPAGE /* 6.1 only */
/*
 * Page by page, and for plain TCP only.  Others have a sendpage that takes
 * mutexes that a program can make last: theirs is copied.  The flag
 * MSG_SPLICE_PAGES, which some of these kernels define, does nothing there.
 */
static inline int kev_sock_send_pages(struct socket *sock,
				      const struct bio_vec *bv, unsigned int n,
				      size_t len, unsigned int flags)
{
	int ret, sent = 0;
	unsigned int i, f;

	if (!kev_sock_sends_tcp(sock))
		return kev_sock_sendmsg_pages(sock, bv, n, len, flags);
	for (i = 0; i < n; i++) {
		f = i + 1 < n ? MSG_MORE | MSG_SENDPAGE_NOTLAST : 0;
		if (sendpage_ok(bv[i].bv_page))
			ret = kernel_sendpage(sock, bv[i].bv_page,
					      bv[i].bv_offset, bv[i].bv_len,
					      flags | f);
		else
			ret = kev_sock_sendmsg_pages(sock, bv + i, 1,
						     bv[i].bv_len, flags | f);
		if (ret <= 0)
			return sent ?: ret;
		sent += ret;
		if (ret < bv[i].bv_len)
			break;
	}
	return sent;
}
#else
static inline int kev_sock_send_pages(struct socket *sock,
				      const struct bio_vec *bv, unsigned int n,
				      size_t len, unsigned int flags)
{
	return kev_sock_sendmsg_pages(sock, bv, n, len,
				      flags | MSG_SPLICE_PAGES);
}
#endif

#endif /* KEV_COMPAT_SENDPAGES_H */
