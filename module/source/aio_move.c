// SPDX-License-Identifier: GPL-2.0
/*
 * Transfers that did not end in their call: turns, what they wait for, their order,
 * their end.
 *
 * One task at a time has the turn of a transfer: @busy, under queue->lock.  Wake-ups and
 * REMOVE meanwhile only set @again or @send.stop, which that task looks at when its
 * turn ends.  So nobody waits for a turn.
 */
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/hashtable.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "../compat/file.h"
#include "../compat/timer.h"
#include "../delay.h"
#include "../quota.h"
#include "../ready.h"
#include "../source.h"
#include "../watch.h"
#include "aio_page.h"
#include "transfer.h"

/* A socket that says that there is room, and then takes nothing; and the like. */
#define KEV_AIO_DELAY		(10 * NSEC_PER_MSEC)

/**
 * struct kev_aio - a watch of type AIO
 * @watch: the watch.
 * @busy: somebody is in a turn.
 * @again: there is something to do, since the turn began.
 * @over: it holds nothing any more.
 * @send: what is sent.
 * @line: its place.
 * @cred: of who made it; for security modules, and whoever asks who wrote.
 * @head: the socket's wait queue once we are on it.
 * @wait: on @head.
 * @page: on that of a page; NULL: never was.
 * @later: has it looked at again.
 * @crosses: it sends to a UNIX socket.  Never changes.
 *
 * @busy, @again, @over, @send.stop: queue->lock.  The rest: who is busy.
 */
struct kev_aio {
	struct kev_watch watch;
	bool busy;
	bool again;
	bool over;
	struct kev_aio_send send;
	struct kev_aio_line line;
	const struct cred *cred;
	wait_queue_head_t *head;
	wait_queue_entry_t wait;
	struct kev_page_wait *page;
	struct hrtimer later;
	bool crosses;
};

static struct kev_aio *kev_aio_of(struct kev_watch *w)
{
	return container_of(w, struct kev_aio, watch);
}

/* There is something to do.  Any context. */
void kev_aio_tell(struct kev_aio *a)
{
	struct kev_queue *q = a->watch.queue;
	unsigned long flags;

	raw_spin_lock_irqsave(&q->lock, flags);
	if (a->busy)
		a->again = true;
	else if (!a->over)
		kev_ready_ask(&a->watch);
	raw_spin_unlock_irqrestore(&q->lock, flags);
}

/* ---- The order of transfers to one socket ------------------------------ */

static DEFINE_HASHTABLE(kev_aio_lines, 10);
/* Outside queue->lock. */
static DEFINE_SPINLOCK(kev_aio_lines_lock);

static struct kev_aio_line *kev_aio_first(const struct socket *sock)
{
	struct kev_aio_line *line;

	hash_for_each_possible(kev_aio_lines, line, hash, (unsigned long)sock)
		if (line->sock == sock)
			return line;
	return NULL;
}

/* To the end of the line.  True: that is its beginning as well. */
bool kev_aio_join(struct kev_aio_line *line, const struct socket *sock)
{
	struct kev_aio_line *first;

	INIT_HLIST_NODE(&line->hash);
	INIT_LIST_HEAD(&line->line);
	line->sock = sock;
	line->w = NULL;
	spin_lock(&kev_aio_lines_lock);
	first = kev_aio_first(sock);
	if (first)
		list_add_tail(&line->line, &first->line);
	else
		hash_add(kev_aio_lines, &line->hash, (unsigned long)sock);
	spin_unlock(&kev_aio_lines_lock);
	return !first;
}

/* Out of the line; if it was the first, the next one is woken for its turn. */
void kev_aio_leave(struct kev_aio_line *line)
{
	struct kev_aio_line *next;

	spin_lock(&kev_aio_lines_lock);
	if (hash_hashed(&line->hash)) {
		hash_del(&line->hash);
		if (!list_empty(&line->line)) {
			next = list_next_entry(line, line);
			hash_add(kev_aio_lines, &next->hash,
				 (unsigned long)next->sock);
			if (next->w)
				kev_aio_tell(kev_aio_of(next->w));
		}
	}
	if (!list_empty(&line->line))
		list_del_init(&line->line);
	spin_unlock(&kev_aio_lines_lock);
}

/* The call's place becomes the watch's.  True: it is the first by now. */
static bool kev_aio_take_place(struct kev_aio *a, struct kev_aio_line *from)
{
	struct kev_aio_line *line = &a->line;
	bool first;

	INIT_HLIST_NODE(&line->hash);
	line->sock = from->sock;
	line->w = &a->watch;
	spin_lock(&kev_aio_lines_lock);
	first = hash_hashed(&from->hash);
	if (first) {
		hash_del(&from->hash);
		hash_add(kev_aio_lines, &line->hash, (unsigned long)line->sock);
	}
	list_replace_init(&from->line, &line->line);
	spin_unlock(&kev_aio_lines_lock);
	return first;
}

/* ---- Waiting for the socket -------------------------------------------- */

#define KEV_AIO_WANT	(EPOLLOUT | EPOLLWRNORM | EPOLLERR | EPOLLHUP)

/*
 * The socket's wait queue.  It lives as long as the socket, which we hold: no
 * POLLFREE comes.
 */
static int kev_aio_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
			void *key)
{
	if (!key || (key_to_poll(key) & KEV_AIO_WANT))
		kev_aio_tell(container_of(wait, struct kev_aio, wait));
	return 0;
}

struct kev_aio_table {
	poll_table pt;
	struct kev_aio *a;
};

/* Stream sockets have one queue. */
static void kev_aio_hook_queue(struct file *file, wait_queue_head_t *head,
			       poll_table *pt)
{
	struct kev_aio *a = container_of(pt, struct kev_aio_table, pt)->a;

	if (a->head)
		return;
	a->head = head;
	init_waitqueue_func_entry(&a->wait, kev_aio_wake);
	add_wait_queue(head, &a->wait);
	KEV_DELAY(AIO_HOOKED);
}

/*
 * The socket is full: get on to its queue, then look again.  Asking also makes
 * sure that the socket will tell.
 */
static enum kev_aio_next kev_aio_wait_socket(struct kev_aio *a)
{
	struct kev_aio_table t = { .a = a };
	__poll_t mask;

	init_poll_funcptr(&t.pt, a->head ? NULL : kev_aio_hook_queue);
	t.pt._key = KEV_AIO_WANT;
	mask = vfs_poll(a->send.sock_file, &t.pt) & KEV_AIO_WANT;
	if (mask && a->send.progress)
		return KEV_AIO_AGAIN;
	return mask || !a->head ? KEV_AIO_LATER : KEV_AIO_FULL;
}

/* ---- Waiting for a page: aio_page.c ------------------------------------ */

static enum kev_aio_next kev_aio_wait_page(struct kev_aio *a)
{
	struct folio *folio = a->send.page;
	bool waits = false;

	a->send.page = NULL;
	if (!a->page)
		a->page = kev_page_wait_make(a);
	if (a->page)
		waits = kev_page_wait_begin(a->page, folio);
	folio_put(folio);
	return waits ? KEV_AIO_COLD : KEV_AIO_LATER;
}

/* ---- Waiting for time to pass ------------------------------------------ */

static enum hrtimer_restart kev_aio_expire(struct hrtimer *timer)
{
	kev_aio_tell(container_of(timer, struct kev_aio, later));
	return HRTIMER_NORESTART;
}

/* Has kev_aio_tell() called when the next turn is due.  Context: busy. */
static void kev_aio_arm(struct kev_aio *a, enum kev_aio_next next)
{
	if (next == KEV_AIO_FULL)
		next = kev_aio_wait_socket(a);
	else if (next == KEV_AIO_COLD)
		next = kev_aio_wait_page(a);
	if (next == KEV_AIO_AGAIN)
		kev_aio_tell(a);
	else if (next == KEV_AIO_LATER)
		hrtimer_start(&a->later, ns_to_ktime(KEV_AIO_DELAY),
			      HRTIMER_MODE_REL_SOFT);
}

/* ---- Turns and the end ------------------------------------------------- */

void kev_aio_values(const struct kev_aio_send *s, struct kev_values *v)
{
	v->bits = KEVENT_AIO_BIO |
		  (s->header_sent == s->header_len ? KEVENT_AIO_HEADER : 0) |
		  (s->eof ? KEVENT_AIO_EOF : 0) |
		  -s->error << KEVENT_AIO_ERRNO_SHIFT;
	v->ret_flags = KEVENT_RET_DATA | KEVENT_RET_DATA2 |
		       (s->error ? KEVENT_RET_BROKEN : 0);
	v->data = lower_32_bits(s->pos);
	v->data2 = upper_32_bits(s->pos);
}

/* What is held from one turn to the next.  put: how files are given back. */
void kev_aio_drop(struct kev_user *account, struct kev_aio_send *s,
		  void (*put)(struct file *file))
{
	if (s->page)
		folio_put(s->page);
	s->page = NULL;
	put(s->in);
	put(s->sock_file);
	atomic_sub(KEV_AIO_FILES, &account->files);
	if (s->header)
		kev_user_uncharge_bytes(account, s->header_len);
	kvfree(s->header);
}

/*
 * Gives back what it holds, before the event is out: if the program then closes its own
 * descriptors, these are the last.  put: how files are given back: at once, as the task
 * may sleep next, unless queue->mutex is held.  Context: process; only once.
 */
static void kev_aio_give_back(struct kev_aio *a, void (*put)(struct file *file))
{
	hrtimer_cancel(&a->later);
	if (a->head)
		remove_wait_queue(a->head, &a->wait);
	kev_page_wait_drop(a->page);
	kev_aio_leave(&a->line);
	kev_aio_drop(a->watch.queue->account, &a->send, put);
	put_cred(a->cred);
}

/* False: another task has the turn, and @again is set for it; or it is over. */
static bool kev_aio_turn_begin(struct kev_aio *a)
{
	struct kev_queue *q = a->watch.queue;
	bool mine;

	raw_spin_lock_irq(&q->lock);
	mine = !a->busy && !a->over;
	a->again = !mine;
	if (mine)
		a->busy = true;
	raw_spin_unlock_irq(&q->lock);
	return mine;
}

/* over: it holds nothing any more. */
static void kev_aio_turn_end(struct kev_aio *a, bool over)
{
	struct kev_queue *q = a->watch.queue;
	bool stopped;

	raw_spin_lock_irq(&q->lock);
	a->busy = false;
	stopped = a->send.stop && !over;
	a->over = over || stopped;
	if (a->again && !a->over && kev_ready_ask(&a->watch))
		kev_list_turned(&a->watch);
	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(AIO_ENDED);
	if (stopped)
		kev_aio_give_back(a, kev_file_put);
}

/* Stops sending; a turn that is under way finishes only the send that it is in. */
static void kev_aio_stop(struct kev_watch *w)
{
	struct kev_aio *a = kev_aio_of(w);
	struct kev_queue *q = w->queue;
	bool mine;

	raw_spin_lock_irq(&q->lock);
	WRITE_ONCE(a->send.stop, true);
	mine = !a->busy && !a->over;
	if (mine)
		a->over = true;
	raw_spin_unlock_irq(&q->lock);
	KEV_DELAY(AIO_STOPPED);
	if (mine)
		kev_aio_give_back(a, fput);
}

/* After a turn. */
static void kev_aio_turn_over(struct kev_aio *a, enum kev_aio_next next,
			      struct kev_values *v)
{
	bool over = next == KEV_AIO_OVER;

	if (over) {
		kev_aio_give_back(a, kev_file_put);
		kev_aio_values(&a->send, v);
	} else {
		kev_aio_arm(a, next);
	}
	kev_aio_turn_end(a, over);
}

/* A turn, in the name of who made the transfer. */
static enum kev_aio_next kev_aio_take_turn(struct kev_aio *a)
{
	const struct cred *old = NULL;
	enum kev_aio_next next;

	if (unlikely(a->cred != current_cred()))
		old = override_creds(a->cred);
	next = kev_aio_turn(&a->send);
	if (unlikely(old))
		revert_creds(old);
	return next;
}

/* The watch is asked. */
static void kev_aio_move(struct kev_watch *w, struct kev_values *v)
{
	struct kev_aio *a = kev_aio_of(w);
	enum kev_aio_next next;

	if (!kev_aio_turn_begin(a))
		return;
	next = kev_aio_take_turn(a);
	KEV_DELAY(AIO_TURN_OVER);
	kev_aio_turn_over(a, next, v);
}

/* Never under the lock: asking is a turn. */
static bool kev_aio_look(struct kev_watch *w, struct kev_values *v)
{
	return false;
}

/* ---- Sockets that may hold the queue ----------------------------------- */

/*
 * A UNIX socket may have the queue's own fd in a message that nobody receives.  Then
 * it holds the queue, and a transfer to it holds the socket: both would stay when all
 * processes are gone.  So a queue has a keeper: the process that opened it, or, if that
 * has no fd of it any more, the next one that begins such a transfer.  When the keeper
 * closes its last fd, these transfers end.
 */

static int kev_aio_is_queue(const void *q, struct file *file, unsigned int fd)
{
	return file->private_data == q;
}

/* Of those, the one at a place in the queue's table that was added before. */
static void kev_aio_end_crossing(struct kev_queue *q, u32 place, u32 generation)
{
	struct kev_watch *w;
	struct kev_aio *a;
	bool over;

	mutex_lock(&q->mutex);
	w = kev_table_get(&q->watches, place);
	if (!w || kev_source_of(w) != &kev_source_aio ||
	    (s32)(upper_32_bits(w->ev.cookie) - generation) > 0)
		goto out;
	a = kev_aio_of(w);
	raw_spin_lock_irq(&q->lock);
	over = a->over;
	raw_spin_unlock_irq(&q->lock);
	if (a->crosses && !over)
		kev_watch_kill(w);
out:
	mutex_unlock(&q->mutex);
}

/**
 * kev_aio_flush() - the keeper has closed an fd of a queue
 * @q: the queue.
 * @owner: the keeper's files; not current->files, if all of them are being closed.
 *
 * Context: process, no locks.
 */
void kev_aio_flush(struct kev_queue *q, fl_owner_t owner)
{
	u32 place = 0, generation;

	if (owner == current->files &&
	    iterate_fd(current->files, 0, kev_aio_is_queue, q))
		return;
	mutex_lock(&q->mutex);
	generation = q->generation;
	/* else another thread did it, and there may be a new one */
	if (q->keeper == owner) {
		WRITE_ONCE(q->keeper, NULL);
		if (atomic64_read(&q->transfers))
			place = q->watches.used;
	}
	mutex_unlock(&q->mutex);
	KEV_DELAY(AIO_NO_KEEPER);
	while (place-- > 0) {
		kev_aio_end_crossing(q, place, generation);
		cond_resched();
	}
}

static void kev_aio_cross(struct kev_aio *a)
{
	struct kev_queue *q = a->watch.queue;
	bool keeper;

	mutex_lock(&q->mutex);
	a->crosses = true;
	if (!q->keeper)
		WRITE_ONCE(q->keeper, current->files);
	keeper = q->keeper == current->files;
	mutex_unlock(&q->mutex);
	/* another thread may have closed it just before.  Partner: kev_flush() */
	if (keeper)
		kev_aio_flush(q, current->files);
}

/* ---- The watch --------------------------------------------------------- */

/* What the call has begun is in param[0]. */
static int kev_aio_attach(struct kev_watch *w, struct file *file,
			  const struct ukevent *uk, struct kev_values *v)
{
	struct kev_aio_start *from = (void *)(unsigned long)uk->param[0];
	enum kev_aio_next next = from->next;
	struct kev_aio *a = kev_aio_of(w);
	bool first;

	/* no other task gets a turn before this is through */
	a->busy = true;
	a->send = from->send;
	a->cred = get_current_cred();
	hrtimer_setup(&a->later, kev_aio_expire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	a->crosses = false;
	if (a->send.sock->sk->sk_family == PF_UNIX)
		kev_aio_cross(a);
	first = kev_aio_take_place(a, &from->line);
	if (next == KEV_AIO_LINE && first)
		next = KEV_AIO_AGAIN;
	kev_aio_turn_over(a, next, v);
	return 0;
}

/* The result of REMOVE. */
static void kev_aio_tell_result(struct kev_watch *w, struct ukevent *uk)
{
	struct kev_aio_send now;
	struct kev_values v = {};

	kev_aio_stop(w);
	/* a turn that is under way may be changing it */
	now = data_race(kev_aio_of(w)->send);
	kev_aio_values(&now, &v);
	uk->cookie = w->ev.cookie;
	uk->ret_flags = v.ret_flags & ~KEVENT_RET_BROKEN;
	uk->ret_data[0] = v.bits & (KEVENT_AIO_HEADER | KEVENT_AIO_EOF);
	uk->ret_data[1] = v.data;
	uk->data2 = v.data2;
}

const struct kev_source_ops kev_source_aio = {
	.name		= "kev_aio",
	.size		= sizeof(struct kev_aio),
	.events		= KEVENT_AIO_BIO,
	.req_flags	= KEV_AIO_REQ,
	.own_call	= true,
	.exit		= kev_page_wait_exit,
	.attach		= kev_aio_attach,
	.detach		= kev_aio_stop,
	.look		= kev_aio_look,
	.move		= kev_aio_move,
	.stop		= kev_aio_tell_result,
};
