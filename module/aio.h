/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asynchronous sendfile.
 *
 * A transfer (struct kev_aio) is worked on in turns, by the call that made it
 * or by a worker; a turn sends a bounded amount, and nobody else touches the
 * transfer meanwhile.  Between turns no thread is held: when the socket is full,
 * its wait queue queues the next turn.
 *
 * What is in the page cache is sent by the warm workqueue, where nothing waits
 * for a disk; what is not, by the cold one.  Each user has their own two, so
 * that nobody's file servers or locked sockets stall another's.
 *
 * The watch is apart from the transfer: who ends it (queue->mutex held) waits
 * for a send that is under way, a second at most, as somebody may have the socket
 * locked; but not for a read, which may take for ever.  Then the transfer is
 * abandoned: its turn finds out when the read returns, and gives back what it
 * holds.
 *
 *	source/aio.c	the calls, the watch, the end
 *	aio_send.c	a turn: header and file into the socket
 *	aio_engine.c	workqueues, turns, waiting for a socket, order
 *
 * LOCKS: queue->mutex -> transfer->lock -> queue->lock.  A worker takes no
 * queue->mutex: its fput() is carried out by others.
 */
#ifndef KEV_AIO_H
#define KEV_AIO_H

#include <linux/refcount.h>
#include <linux/workqueue.h>

#include "kev.h"

struct mem_cgroup;
struct socket;

/* Most bytes of a turn. */
#define KEV_AIO_TURN		(256u << 10)

/* struct kev_aio.state */
enum kev_aio_state {
	KEV_AIO_IDLE,		/* between turns */
	KEV_AIO_BUSY,		/* in a turn, or ending: soon over */
	KEV_AIO_BLOCKED,	/* in a turn, perhaps waiting for a disk */
	KEV_AIO_OVER,		/* holds nothing any more */
};

/* What comes after a turn. */
enum kev_aio_next {
	KEV_AIO_NEXT_OVER,	/* nothing: done or failed */
	KEV_AIO_NEXT_FULL,	/* wait for the socket */
	KEV_AIO_NEXT_WARM,	/* there is more to do */
	KEV_AIO_NEXT_COLD,	/* the same, and it has to be read first */
	KEV_AIO_NEXT_LATER,	/* the socket says one thing and does another */
};

/**
 * struct kev_aio_engine - what works for one user
 * @refs: the user's account, transfers.
 * @transfers: how many, abandoned ones as well.
 * @warm: turns that do not wait.
 * @cold: turns that may wait for a disk.
 * @destroy: by another workqueue.
 */
struct kev_aio_engine {
	refcount_t refs;
	atomic_t transfers;
	struct workqueue_struct *warm;
	struct workqueue_struct *cold;
	struct work_struct destroy;
};

/**
 * struct kev_aio - a transfer
 * @refs: its watch, whoever will end it, turns that are queued.
 * @lock: @state, @stop, @again, @watch.
 * @state: enum kev_aio_state.
 * @stop: the watch has ended: send nothing more.
 * @again: somebody wanted a turn while there was one.
 * @watch: who gets the event; NULL: nobody.
 * @here: the result of the call whose turn it is.
 * @engine: its user's.
 * @sock_file: the socket's, referenced until the end, like @in.
 * @sock: where to.
 * @in: where from.
 * @cache: where the pages of @in are.
 * @local: they may be read without asking anybody else.
 * @worker: this turn is a worker's.
 * @cold: this turn may wait for a disk.
 * @full: the socket took no more.
 * @progress: something was sent in this turn.
 * @eof: the file has ended.
 * @error: -errno, or 0.
 * @pos: position in the file.
 * @left: bytes still to be sent of it.
 * @header: what goes before.
 * @header_len: its size.
 * @header_sent: so many of it are out.
 * @cred: of who made it; for security modules.
 * @memcg: whose memory.
 * @head: the socket's wait queue once we are on it.
 * @wait: on @head.
 * @hash: the first transfer of a socket is in the table.
 * @line: all transfers of a socket, a ring that begins with the first.
 * @warm_work: next turn.
 * @cold_work: the same, where it may wait for a disk.
 *
 * What has no lock belongs to whoever is in a turn.
 */
struct kev_aio {
	refcount_t refs;
	spinlock_t lock;	/* see above */
	u8 state;
	bool stop;
	bool again;
	bool local;
	bool worker;
	bool cold;
	bool full;
	bool progress;
	bool eof;
	int error;
	struct kev_watch *watch;
	struct kev_values *here;
	struct kev_aio_engine *engine;
	struct file *sock_file;
	struct socket *sock;
	struct file *in;
	struct address_space *cache;
	loff_t pos;
	u64 left;
	char *header;
	u32 header_len;
	u32 header_sent;
	const struct cred *cred;
	struct mem_cgroup *memcg;
	wait_queue_head_t *head;
	wait_queue_entry_t wait;
	struct hlist_node hash;
	struct list_head line;
	struct delayed_work warm_work;
	struct work_struct cold_work;
};

/* source/aio.c */
int kev_aio_sendfile(struct kev_queue *q, struct kevent_ioc_sendfile *sf,
		     struct file **file);
void kev_aio_finish(struct kev_aio *a);

/* aio_send.c */
enum kev_aio_next kev_aio_turn(struct kev_aio *a);

/* aio_engine.c */
struct kev_aio_engine *kev_aio_engine_make(void);
void kev_aio_engine_get(struct kev_aio_engine *engine);
void kev_aio_engine_put(struct kev_aio_engine *engine);
void kev_aio_prepare(struct kev_aio *a);
void kev_aio_start(struct kev_aio *a);
bool kev_aio_send_begin(struct kev_aio *a);
void kev_aio_send_end(struct kev_aio *a);
void kev_aio_stop(struct kev_aio *a);
void kev_aio_over(struct kev_aio *a);
void kev_aio_unhook(struct kev_aio *a);
void kev_aio_leave(struct kev_aio *a);
void kev_aio_put(struct kev_aio *a);
int kev_aio_engine_init(void);
void kev_aio_engine_exit(void);

#endif /* KEV_AIO_H */
