// SPDX-License-Identifier: GPL-2.0
/*
 * Wait-queue hooks: getting on to the queues that a file's ->poll names, off
 * them, and asking ->poll again.
 *
 * The callbacks run under the head's lock, mostly with irqs off.
 */
#include <linux/eventfd.h>
#include <linux/slab.h>

#include "../delay.h"
#include "waitqueue.h"

/* A file with several queues: one for each but the first. */
struct kev_hook_extra {
	struct kev_hook_extra *next;
	struct kev_poll *poll;
	wait_queue_head_t *head;
	wait_queue_head_t *first_head;	/* of poll->wait; in the first only */
	wait_queue_entry_t wait;
};

struct kev_hook_table {
	poll_table pt;
	struct kev_poll *poll;
	wait_queue_func_t func;
	bool failed;
};

#define KEV_HOOK_EXTRA	1ul

static struct kev_hook_extra *kev_hook_extras(const struct kev_poll *p)
{
	unsigned long word = (unsigned long)READ_ONCE(p->wait.private);

	return word & KEV_HOOK_EXTRA ? (void *)(word - KEV_HOOK_EXTRA) : NULL;
}

/* Where the head of the first queue is kept. */
static void **kev_hook_first(struct kev_poll *p)
{
	struct kev_hook_extra *x = kev_hook_extras(p);

	return x ? (void **)&x->first_head : &p->wait.private;
}

/*
 * POLLFREE: the head is about to be freed.  Off it, by list_del_init() as we may
 * race with kev_hook_remove(), which touches the head only while the word says
 * that it is there.
 */
static void kev_hook_leave(wait_queue_entry_t *wait, void **head)
{
	list_del_init(&wait->entry);
	KEV_DELAY(POLLFREE);
	/* Partner: kev_hook_remove() */
	smp_store_release(head, NULL);
}

/* POLLFREE of the first queue: leaves it, and has a task ask the file. */
int kev_hook_free(wait_queue_entry_t *wait)
{
	struct kev_poll *p = container_of(wait, struct kev_poll, wait);
	struct kev_queue *q = p->watch.queue;
	unsigned long flags;
	unsigned int told;

	kev_hook_leave(wait, kev_hook_first(p));
	raw_spin_lock_irqsave(&q->lock, flags);
	told = kev_ready_ask(&p->watch);
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return !!(told & KEV_TOLD_WOKE);
}

static void kev_hook_remove(wait_queue_entry_t *wait, void **where)
{
	wait_queue_head_t *head;

	/* a head that sends POLLFREE is freed after a grace period */
	rcu_read_lock();
	/* Partner: kev_hook_leave() */
	head = smp_load_acquire(where);
	KEV_DELAY(HOOK_REMOVE);
	if (head)
		remove_wait_queue(head, wait);
	rcu_read_unlock();
}

/* On another queue of the file: as if it were the first. */
static int kev_hook_extra_wake(wait_queue_entry_t *wait, unsigned int mode,
			       int sync, void *key)
{
	struct kev_hook_extra *x = container_of(wait, struct kev_hook_extra,
						wait);
	__poll_t bits = key_to_poll(key);
	struct kev_poll *p = x->poll;

	if (bits & POLLFREE) {
		bits &= ~POLLFREE;
		kev_hook_leave(wait, (void **)&x->head);
	}
	return p->wait.func(&p->wait, mode, sync, poll_to_key(bits));
}

static void kev_hook_enqueue(struct kev_watch *w, wait_queue_head_t *head,
			     wait_queue_entry_t *wait)
{
	if (w->ev.req_flags & KEVENT_REQ_EXCLUSIVE)
		add_wait_queue_exclusive(head, wait);
	else
		add_wait_queue(head, wait);
}

/*
 * The first extra takes over the place of the first head.  Its lock keeps
 * POLLFREE off the word meanwhile.
 */
static void kev_hook_make_room(struct kev_poll *p, struct kev_hook_extra *x)
{
	wait_queue_head_t *head;
	unsigned long flags;

	rcu_read_lock();
	/* Partner: kev_hook_leave() */
	head = smp_load_acquire(&p->wait.private);
	if (head) {
		spin_lock_irqsave(&head->lock, flags);
		x->first_head = p->wait.private;
		WRITE_ONCE(p->wait.private, (void *)x + KEV_HOOK_EXTRA);
		spin_unlock_irqrestore(&head->lock, flags);
	} else {
		WRITE_ONCE(p->wait.private, (void *)x + KEV_HOOK_EXTRA);
	}
	rcu_read_unlock();
}

static void kev_hook_more(struct kev_hook_table *t, wait_queue_head_t *head)
{
	struct kev_hook_extra *first, *x;
	struct kev_poll *p = t->poll;

	x = kzalloc(sizeof(*x), GFP_KERNEL_ACCOUNT);
	if (!x) {
		t->failed = true;
		return;
	}
	x->poll = p;
	x->head = head;
	init_waitqueue_func_entry(&x->wait, kev_hook_extra_wake);
	first = kev_hook_extras(p);
	if (first) {
		x->next = first->next;
		first->next = x;
	} else {
		kev_hook_make_room(p, x);
	}
	kev_hook_enqueue(&p->watch, head, &x->wait);
}

static void kev_hook_queue(struct file *file, wait_queue_head_t *head,
			   poll_table *pt)
{
	struct kev_hook_table *t = container_of(pt, struct kev_hook_table, pt);
	struct kev_poll *p = t->poll;

	if (p->wait.func) {
		kev_hook_more(t, head);
		return;
	}
	init_waitqueue_func_entry(&p->wait, t->func);
	p->wait.private = head;
	kev_hook_enqueue(&p->watch, head, &p->wait);
}

/**
 * kev_hook_attach() - get on to the queues of a file
 * @p: the watch.
 * @file: its file, referenced.
 * @wakes: called by each wake-up, by the file's class.
 * @mask: what ->poll says, all bits.
 *
 * Context: process, no locks.  On failure nothing is hooked.
 */
int kev_hook_attach(struct kev_poll *p, struct file *file,
		    const wait_queue_func_t *wakes, u32 *mask)
{
	struct kev_hook_table t = { .poll = p, .func = wakes[p->watch.look] };

	init_poll_funcptr(&t.pt, kev_hook_queue);
	/* all bits, so that MODIFY need not hook anew */
	t.pt._key = ~(__poll_t)POLL_BUSY_LOOP;
	*mask = (__force u32)vfs_poll(file, &t.pt);
	if (likely(!t.failed))
		return 0;
	kev_hook_detach(&p->watch);
	return -ENOMEM;
}

void kev_hook_detach(struct kev_watch *w)
{
	struct kev_poll *p = kev_poll_of(w);
	struct kev_hook_extra *x, *next;

	if (!p->wait.func)
		return;		/* a file without queues */
	x = kev_hook_extras(p);
	/* one queue, which stays: see KEV_HOOK_WAKE() */
	if (likely(w->look != KEV_LOOK_TASK && !x)) {
		remove_wait_queue(p->wait.private, &p->wait);
		return;
	}
	kev_hook_remove(&p->wait, kev_hook_first(p));
	for (x = kev_hook_extras(p); unlikely(x); x = next) {
		next = x->next;
		kev_hook_remove(&x->wait, (void **)&x->head);
		kfree(x);
	}
}

/* Asks a file, referenced.  Context: process, no locks. */
u32 kev_hook_ask(struct file *file, u32 want)
{
	poll_table pt;

	init_poll_funcptr(&pt, NULL);
	/* never busy-poll: see sock_poll() */
	pt._key = (__force __poll_t)want & ~(__poll_t)POLL_BUSY_LOOP;
	return (__force u32)vfs_poll(file, &pt) & want;
}

/*
 * A wake-up that the short ways do not know: looks, or has a task ask.  Context: as
 * kev_hook_long().
 */
unsigned int kev_hook_look(struct kev_watch *w, int sync)
{
	struct kev_values v;

	if (!kev_watch_look(w, &v))
		return kev_ready_ask(w);
	return v.bits ? kev_ready_long(w, v, sync, 0) : 0;
}

/* Eventfds are known by their operations; the first one that comes shows them. */
static const struct file_operations *kev_eventfd_fops;

static bool kev_is_first_eventfd(struct file *file)
{
	struct eventfd_ctx *eventfd;

	if (READ_ONCE(kev_eventfd_fops))
		return false;
	eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(eventfd))
		return false;
	eventfd_ctx_put(eventfd);
	WRITE_ONCE(kev_eventfd_fops, file->f_op);
	return true;
}

static enum kev_look kev_hook_class(struct file *file)
{
	struct socket *sock;

	if (file->f_op == READ_ONCE(kev_eventfd_fops))
		return KEV_LOOK_EVENTFD;
	sock = sock_from_file(file);
	if (sock) {
		if (sock->sk && sock->sk->sk_family == PF_UNIX &&
		    sock->type == SOCK_STREAM)
			return KEV_LOOK_UNIX;
		return sock->sk && kev_sock_is_plain_tcp(sock) ? KEV_LOOK_TCP :
								 KEV_LOOK_TASK;
	}
	if (kev_file_is_pipe(file))
		return KEV_LOOK_PIPE;
	return kev_is_first_eventfd(file) ? KEV_LOOK_EVENTFD : KEV_LOOK_TASK;
}

/* The prepare of sources that use this. */
void kev_hook_prepare(struct kev_watch *w, struct file *file)
{
	w->look = kev_hook_class(file);
}
