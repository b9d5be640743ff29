/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Looking at a file under queue->lock, with irqs off: its ->poll, where that only
 * reads, or the few words that ->poll would look at.  docs/design.md has the table
 * of which files these are, and why.
 *
 * The file is not released meanwhile, although nobody holds a reference: its
 * watch is neither DEAD nor UNTABLED, see "A FILE'S LIFE" in kev.h.
 */
#ifndef KEV_HOOK_LOOK_H
#define KEV_HOOK_LOOK_H

#include <linux/fs.h>
#include <linux/net.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/pipe_fs_i.h>
#include <linux/poll.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "../compat/sock.h"
#include "../delay.h"
#include "../kev.h"

#define KEV_POLL_IN	((__force u32)(EPOLLIN | EPOLLRDNORM))
/* What the short ways below leave unsaid. */
#define KEV_POLL_OTHER	((__force u32)(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | \
				       EPOLLPRI | EPOLLRDBAND | EPOLLMSG))

static __always_inline struct socket *kev_file_socket(const struct file *file)
{
	return file->private_data;
}

static inline bool kev_file_is_pipe(const struct file *file)
{
	return file->private_data && S_ISFIFO(file_inode(file)->i_mode) &&
	       file->private_data == file_inode(file)->i_pipe;
}

/* Data in a pipe.  Its ends tell by wake-ups without a key, which look at it all. */
static __always_inline bool kev_pipe_readable(const struct file *file)
{
	const struct pipe_inode_info *pipe = file->private_data;

	return READ_ONCE(pipe->head) != READ_ONCE(pipe->tail);
}

/* Data in a UNIX stream, and nothing else to say. */
static __always_inline bool kev_unix_readable(const struct file *file)
{
	const struct sock *sk = kev_file_socket(file)->sk;

	return !skb_queue_empty_lockless(&sk->sk_receive_queue) &&
	       !READ_ONCE(sk->sk_shutdown) && !READ_ONCE(sk->sk_err);
}

/*
 * As much data in a TCP socket as its reader wants, no urgent byte among it, and
 * nothing else to say.
 */
static __always_inline bool kev_tcp_readable(const struct socket *sock)
{
	const struct sock *sk = sock->sk;
	const struct tcp_sock *tp = tcp_sk(sk);
	int avail = READ_ONCE(tp->rcv_nxt) - READ_ONCE(tp->copied_seq);

	return avail > 0 && avail >= READ_ONCE(sk->sk_rcvlowat) &&
	       READ_ONCE(sk->sk_state) == TCP_ESTABLISHED &&
	       !READ_ONCE(tp->urg_data) && !READ_ONCE(sk->sk_shutdown) &&
	       !READ_ONCE(sk->sk_err) &&
	       skb_queue_empty_lockless(&sk->sk_error_queue);
}

/* An eventfd: its ->poll takes a few loads.  At its limit it has more to say. */
static __always_inline bool kev_eventfd_readable(struct file *file)
{
	return ((__force u32)file->f_op->poll(file, NULL) &
		(__force u32)(EPOLLIN | EPOLLERR)) == (__force u32)EPOLLIN;
}

/*
 * Is there something to read, and nothing else to say but what KEV_POLL_OTHER has?
 * False: that is for kev_look_file().
 */
static __always_inline bool kev_look_readable(struct file *file,
					      const enum kev_look look)
{
	switch (look) {
	case KEV_LOOK_PIPE:
		return kev_pipe_readable(file);
	case KEV_LOOK_UNIX:
		return kev_unix_readable(file);
	case KEV_LOOK_TCP:
		return kev_sock_is_plain_tcp(kev_file_socket(file)) &&
		       kev_tcp_readable(kev_file_socket(file));
	case KEV_LOOK_EVENTFD:
		return kev_eventfd_readable(file);
	default:
		return false;
	}
}

/* Of TCP and UNIX: the protocol's own, without the busy polling of sock_poll(). */
static __always_inline u32 kev_look_socket(struct file *file)
{
	struct socket *sock = kev_file_socket(file);

	return (__force u32)READ_ONCE(sock->ops)->poll(file, sock, NULL);
}

/**
 * kev_look_file() - what of want is ready
 * @w: the watch.
 * @want: poll's bits.
 * @mask: out: those that are ready.
 *
 * Context: queue->lock held.  False: a task has to ask, as ->poll would take locks
 * or is unknown.
 */
static __always_inline bool kev_look_file(const struct kev_watch *w, u32 want,
					  u32 *mask)
{
	struct file *file = w->file;

	KEV_DELAY(LOOK_FILE);
	switch (w->look) {
	case KEV_LOOK_EVENTFD:
	case KEV_LOOK_PIPE:
		*mask = want & (__force u32)file->f_op->poll(file, NULL);
		return true;
	case KEV_LOOK_TCP:
		/* it may have become kTLS or part of a sockmap since ADD */
		if (!kev_sock_is_plain_tcp(kev_file_socket(file)))
			return false;
		*mask = want & kev_look_socket(file);
		return true;
	case KEV_LOOK_UNIX:
		*mask = want & kev_look_socket(file);
		return true;
	default:
		return false;
	}
}

#endif /* KEV_HOOK_LOOK_H */
