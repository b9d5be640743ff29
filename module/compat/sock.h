/* SPDX-License-Identifier: GPL-2.0 */
/* <net/sock.h> as of 6.12. */
#ifndef KEV_COMPAT_SOCK_H
#define KEV_COMPAT_SOCK_H

#include <linux/net.h>
#include <net/af_unix.h>
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

/* Struct socket's flags: does the reader want to know who wrote? */
static inline bool kev_sock_asks(const struct socket *sock)
{
#ifdef SOCK_PASSPIDFD
	if (test_bit(SOCK_PASSPIDFD, &sock->flags))
		return true;
#endif
	return test_bit(SOCK_PASSCRED, &sock->flags);
}

/*
 * Will a send leave unsaid which process is running?  0; -EOPNOTSUPP: it is told
 * to the reader; -EAGAIN: it may be, as nobody has accepted yet.  Process context.
 */
static inline int kev_sock_hides_sender(const struct socket *sock)
{
	struct sock *peer;
	int err = 0;

	if (!IS_ENABLED(CONFIG_UNIX) || sock->sk->sk_family != PF_UNIX)
		return 0;
	peer = unix_peer_get(sock->sk);
	if (!peer)
		return 0;
	unix_state_lock(peer);
	if (sock_flag(peer, SOCK_DEAD))
		err = 0;
	else if (!peer->sk_socket)
		err = -EAGAIN;
	else if (kev_sock_asks(sock) || kev_sock_asks(peer->sk_socket))
		err = -EOPNOTSUPP;
	unix_state_unlock(peer);
	sock_put(peer);
	return err;
}

#endif /* KEV_COMPAT_SOCK_H */
