/* SPDX-License-Identifier: GPL-2.0 */
/* <net/sock.h> as of 6.12. */
#ifndef KEV_COMPAT_SOCK_H
#define KEV_COMPAT_SOCK_H

#include <linux/net.h>
#include <net/sock.h>
#include <net/tcp.h>

/* The hook by which kTLS and sockmap change what tcp_poll() says. */
static inline bool kev_sock_is_hooked(const struct sock *sk)
{
	return READ_ONCE(sk->sk_prot)->sock_is_readable;
}

/* TCP whose ->poll is tcp_poll() and nothing else. */
static inline bool kev_sock_is_plain_tcp(const struct socket *sock)
{
	return READ_ONCE(sock->ops)->poll == tcp_poll &&
	       !kev_sock_is_hooked(sock->sk);
}

/* TCP that nothing sits on: no kTLS, not even of one direction, no sockmap. */
static inline bool kev_sock_sends_tcp(const struct socket *sock)
{
	return READ_ONCE(sock->ops)->poll == tcp_poll &&
	       READ_ONCE(sock->sk->sk_prot)->sendmsg == tcp_sendmsg;
}

#endif /* KEV_COMPAT_SOCK_H */
