// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_SOCKET: RECV, SEND, ACCEPT, with what a server would call for next:
 * bytes readable, space to send, connections waiting, the pending error.
 *
 * Values are given where they take a few loads and no lock: see
 * kev_socket_values().
 */
#include <linux/net.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/tcp_states.h>

#include "../compat/sock.h"
#include "../hook/waitqueue.h"

#define KEV_SOCKET_EVENTS	(KEVENT_SOCKET_RECV | KEVENT_SOCKET_ACCEPT | \
				 KEVENT_SOCKET_SEND)

#define KEV_SOCKET_IN	((__force u32)(EPOLLIN | EPOLLRDNORM | EPOLLRDHUP))
#define KEV_SOCKET_OUT	((__force u32)(EPOLLOUT | EPOLLWRNORM))

/* In poll's bits. */
static __always_inline u32 kev_socket_want(u32 event)
{
	u32 want = KEV_POLL_ALWAYS;

	if (event & (KEVENT_SOCKET_RECV | KEVENT_SOCKET_ACCEPT))
		want |= KEV_SOCKET_IN;
	if (event & KEVENT_SOCKET_SEND)
		want |= KEV_SOCKET_OUT;
	return want;
}

static u32 kev_socket_backlog(const struct sock *sk)
{
	/* AF_UNIX keeps connections in its receive queue */
	if (sk->sk_family == PF_UNIX)
		return skb_queue_len_lockless(&sk->sk_receive_queue);
	return READ_ONCE(sk->sk_ack_backlog);
}

static u32 kev_socket_space(struct sock *sk)
{
	int space = READ_ONCE(sk->sk_sndbuf);

	if (sk->sk_family == PF_UNIX)
		space -= sk_wmem_alloc_get(sk);
	else
		space -= READ_ONCE(sk->sk_wmem_queued);
	return max(space, 0);
}

/*
 * TCP counts in sequence numbers; others would have to walk their queue.  Urgent
 * data counts as well: tcp_inq() has 0 for what a read behind it would give.
 */
static bool kev_socket_bytes(const struct socket *sock, u32 *bytes)
{
	const struct sock *sk = sock->sk;

	if (!kev_sock_is_plain_tcp(sock) ||
	    READ_ONCE(sk->sk_state) == TCP_SYN_SENT)
		return false;
	*bytes = READ_ONCE(tcp_sk(sk)->rcv_nxt) -
		 READ_ONCE(tcp_sk(sk)->copied_seq);
	if (*bytes && sock_flag(sk, SOCK_DONE))
		--*bytes;	/* the peer's FIN */
	return true;
}

/* SEND space and the error share a word: an error matters more. */
static void kev_socket_errno(struct sock *sk, struct kev_values *v)
{
	int err = READ_ONCE(sk->sk_err);

	if (!err)
		return;
	v->ret_flags &= ~KEVENT_RET_DATA2;
	v->ret_flags |= KEVENT_RET_ERRNO;
	v->data2 = err;
}

/*
 * From poll's bits to what SOCKET reports.  Takes no lock, may be called from
 * the wake-up.
 */
static __always_inline void kev_socket_values(struct file *file, u32 event,
					      u32 mask, struct kev_values *v)
{
	const struct socket *sock = kev_file_socket(file);
	struct sock *sk = sock->sk;
	u32 broken = kev_poll_flags(mask);

	if (mask & (KEV_SOCKET_IN | KEV_POLL_ALWAYS))
		v->bits |= event & (KEVENT_SOCKET_RECV | KEVENT_SOCKET_ACCEPT);
	if (mask & (KEV_SOCKET_OUT | KEV_POLL_ALWAYS))
		v->bits |= event & KEVENT_SOCKET_SEND;
	if (v->bits & (KEVENT_SOCKET_RECV | KEVENT_SOCKET_ACCEPT) &&
	    READ_ONCE(sk->sk_state) == TCP_LISTEN) {
		v->data = kev_socket_backlog(sk);
		v->ret_flags |= KEVENT_RET_DATA;
	} else if (v->bits & KEVENT_SOCKET_RECV &&
		   kev_socket_bytes(sock, &v->data)) {
		v->ret_flags |= KEVENT_RET_DATA;
	}
	if (v->bits & KEVENT_SOCKET_SEND && sock->type == SOCK_STREAM) {
		v->data2 = kev_socket_space(sk);
		v->ret_flags |= KEVENT_RET_DATA2;
	}
	if (likely(!broken))
		return;
	v->ret_flags |= broken;
	kev_socket_errno(sk, v);
	/* muted: it is broken in both directions, as far as anybody asked */
	if (!event)
		v->bits = KEVENT_SOCKET_RECV | KEVENT_SOCKET_SEND;
}

static int kev_socket_check_file(struct file *file, const struct ukevent *uk)
{
	struct socket *sock = sock_from_file(file);

	return sock && sock->sk ? 0 : -EINVAL;
}

KEV_HOOK_SOURCE(socket, KEV_SOCKET_EVENTS);
