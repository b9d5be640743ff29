/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asynchronous sendfile.
 *
 * A transfer is moved on by the calls that the program makes anyway: by the one that
 * makes it, as far as it goes, and then by those that ask watches in a task.  No
 * thread is held.  When the socket has room again, or a page was read, the watch is
 * listed to be asked, as by a wake-up of a file.  Asking it is a turn: it sends a bounded
 * amount, and says whether the transfer is over.
 *
 * What ends in its first turn never has a watch.
 *
 *	source/aio.c		the calls
 *	source/aio_move.c	the watch: turns, what they wait for, the end
 *	source/aio_page.c	waiting for a page
 *	source/aio_send.c	a turn: header and file into the socket
 */
#ifndef KEV_SOURCE_TRANSFER_H
#define KEV_SOURCE_TRANSFER_H

#include <linux/list.h>

#include "../kev.h"

struct socket;

/* Most bytes of a turn. */
#define KEV_AIO_TURN		(256u << 10)
/* Open files that a transfer holds. */
#define KEV_AIO_FILES		2
/* Flags that it may have. */
#define KEV_AIO_REQ		(KEVENT_REQ_ONESHOT | KEVENT_REQ_WAKEUP_ALL | \
				 KEVENT_REQ_ALWAYS_QUEUE | \
				 KEVENT_REQ_TIMESTAMP)

/* What comes after a turn. */
enum kev_aio_next {
	KEV_AIO_OVER,		/* nothing: done or failed */
	KEV_AIO_LINE,		/* others of the same socket were first */
	KEV_AIO_AGAIN,		/* there is more to do, now */
	KEV_AIO_FULL,		/* when the socket has room */
	KEV_AIO_COLD,		/* when a page has come */
	KEV_AIO_LATER,		/* after a while */
};

/**
 * struct kev_aio_send - what is sent, and how far it has come
 * @sock_file: where to: the socket's file.
 * @sock: the socket.
 * @in: where from.
 * @cache: where the pages of @in are.
 * @pos: position in the file.
 * @left: bytes still to be sent of it.
 * @user_header: what goes before, in the call.
 * @header: the same, afterwards: what was left of it, in a buffer of ours.
 * @header_len: its size.
 * @header_sent: so many of it are out.
 * @error: -errno, or 0.
 * @eof: the file has ended.
 * @local: what is in @cache is what the file has, without asking its file system.
 * @cold: it had to be read; read ahead.
 * @progress: something was sent in this turn.
 * @stop: nothing more is to be sent.  Set by others.
 * @page: KEV_AIO_COLD: what is being read, referenced.
 *
 * But for @stop, it belongs to whoever is in a turn.
 */
struct kev_aio_send {
	struct file *sock_file;
	struct socket *sock;
	struct file *in;
	struct address_space *cache;
	loff_t pos;
	u64 left;
	const char __user *user_header;
	char *header;
	u32 header_len;
	u32 header_sent;
	int error;
	bool eof;
	bool local;
	bool cold;
	bool progress;
	bool stop;
	struct folio *page;
};

/**
 * struct kev_aio_line - a place in the line of transfers to one socket
 * @hash: the first is in the table.
 * @line: all of a socket, a ring that begins with the first.
 * @sock: the socket.
 * @w: the watch; NULL: the call that makes it is not so far yet.
 */
struct kev_aio_line {
	struct hlist_node hash;
	struct list_head line;
	const struct socket *sock;
	struct kev_watch *w;
};

/**
 * struct kev_aio_start - from the call to the watch, by param[0] of its request
 * @send: what the first turn has left.
 * @line: its place.
 * @next: what comes now.
 */
struct kev_aio_start {
	struct kev_aio_send send;
	struct kev_aio_line line;
	enum kev_aio_next next;
};

/* source/aio.c */
int kev_aio_sendfile(struct kev_queue *q, struct kevent_ioc_sendfile *sf,
		     struct file **file);

/* source/aio_move.c */
struct kev_aio;
void kev_aio_tell(struct kev_aio *a);
void kev_aio_flush(struct kev_queue *q, fl_owner_t owner);
bool kev_aio_join(struct kev_aio_line *line, const struct socket *sock);
void kev_aio_leave(struct kev_aio_line *line);
void kev_aio_drop(struct kev_user *account, struct kev_aio_send *s,
		  void (*put)(struct file *file));
void kev_aio_values(const struct kev_aio_send *s, struct kev_values *v);

/* source/aio_send.c */
enum kev_aio_next kev_aio_turn(struct kev_aio_send *s);

#endif /* KEV_SOURCE_TRANSFER_H */
