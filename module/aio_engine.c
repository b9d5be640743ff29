// SPDX-License-Identifier: GPL-2.0
/*
 * What moves transfers on: workqueues, turns, waiting for a full socket, the
 * order of transfers to one socket.
 */
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "aio.h"
#include "delay.h"

/* Turns of one user at a time; those of the second may all wait for disks. */
#define KEV_AIO_WARM_MAX	16
#define KEV_AIO_COLD_MAX	64

/* How long the end of a watch waits for a send that is under way. */
#define KEV_AIO_PATIENCE	HZ

/* A socket that says that there is room, and then takes nothing. */
#define KEV_AIO_DELAY		max(HZ / 100, 1)

/* ---- One user's engine ------------------------------------------------- */

/* Destroys engines: their last reference may be given back by their worker. */
static struct workqueue_struct *kev_aio_reaper;

static void kev_aio_engine_free(struct kev_aio_engine *engine)
{
	if (engine->warm)
		destroy_workqueue(engine->warm);
	if (engine->cold)
		destroy_workqueue(engine->cold);
	kfree(engine);
}

static void kev_aio_engine_destroy(struct work_struct *work)
{
	kev_aio_engine_free(container_of(work, struct kev_aio_engine, destroy));
}

/* Returns NULL without memory. */
struct kev_aio_engine *kev_aio_engine_make(void)
{
	struct kev_aio_engine *engine;

	engine = kzalloc(sizeof(*engine), GFP_KERNEL_ACCOUNT);
	if (!engine)
		return NULL;
	refcount_set(&engine->refs, 1);
	INIT_WORK(&engine->destroy, kev_aio_engine_destroy);
	engine->warm = alloc_workqueue("kev_aio", WQ_UNBOUND, KEV_AIO_WARM_MAX);
	engine->cold = alloc_workqueue("kev_aio_cold", WQ_UNBOUND,
				       KEV_AIO_COLD_MAX);
	if (engine->warm && engine->cold)
		return engine;
	kev_aio_engine_free(engine);
	return NULL;
}

void kev_aio_engine_get(struct kev_aio_engine *engine)
{
	refcount_inc(&engine->refs);
}

/* Any context. */
void kev_aio_engine_put(struct kev_aio_engine *engine)
{
	if (engine && refcount_dec_and_test(&engine->refs))
		queue_work(kev_aio_reaper, &engine->destroy);
}

/* ---- References and turns to come -------------------------------------- */

/* Any context: the last one holds nothing that takes a lock to give back. */
void kev_aio_put(struct kev_aio *a)
{
	if (!refcount_dec_and_test(&a->refs))
		return;
	put_cred(a->cred);
	mem_cgroup_put(a->memcg);
	atomic_dec(&a->engine->transfers);
	kev_aio_engine_put(a->engine);
	kfree(a);
	/* an abandoned one may outlive its queue; see kev_aio_engine_exit() */
	module_put(THIS_MODULE);
}

/* Any context.  A turn that is queued holds a reference. */
static void kev_aio_queue(struct kev_aio *a, enum kev_aio_next next)
{
	unsigned long delay = next == KEV_AIO_NEXT_LATER ? KEV_AIO_DELAY : 0;
	bool queued;

	refcount_inc(&a->refs);
	if (next == KEV_AIO_NEXT_COLD)
		queued = queue_work(a->engine->cold, &a->cold_work);
	else
		queued = queue_delayed_work(a->engine->warm, &a->warm_work,
					    delay);
	if (!queued)
		kev_aio_put(a);
}

/* ---- The order of transfers to one socket ------------------------------ */

static DEFINE_HASHTABLE(kev_aio_lines, 8);
static DEFINE_SPINLOCK(kev_aio_lines_lock);

static struct kev_aio *kev_aio_first(const struct socket *sock)
{
	struct kev_aio *a;

	hash_for_each_possible(kev_aio_lines, a, hash, (unsigned long)sock)
		if (a->sock == sock)
			return a;
	return NULL;
}

/* To the end of the line.  True: that is its beginning as well. */
static bool kev_aio_join(struct kev_aio *a)
{
	struct kev_aio *first;

	spin_lock(&kev_aio_lines_lock);
	first = kev_aio_first(a->sock);
	if (first)
		list_add_tail(&a->line, &first->line);
	else
		hash_add(kev_aio_lines, &a->hash, (unsigned long)a->sock);
	spin_unlock(&kev_aio_lines_lock);
	return !first;
}

/* Out of the line; who was behind the first gets their turn. */
void kev_aio_leave(struct kev_aio *a)
{
	struct kev_aio *next;

	spin_lock(&kev_aio_lines_lock);
	if (hash_hashed(&a->hash)) {
		hash_del(&a->hash);
		if (!list_empty(&a->line)) {
			next = list_next_entry(a, line);
			hash_add(kev_aio_lines, &next->hash,
				 (unsigned long)next->sock);
			kev_aio_queue(next, KEV_AIO_NEXT_WARM);
		}
	}
	list_del_init(&a->line);
	spin_unlock(&kev_aio_lines_lock);
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
	struct kev_aio *a = container_of(wait, struct kev_aio, wait);

	if (!key || (key_to_poll(key) & KEV_AIO_WANT))
		kev_aio_queue(a, KEV_AIO_NEXT_WARM);
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
static enum kev_aio_next kev_aio_wait(struct kev_aio *a)
{
	struct kev_aio_table t = { .a = a };
	__poll_t mask;

	init_poll_funcptr(&t.pt, a->head ? NULL : kev_aio_hook_queue);
	t.pt._key = KEV_AIO_WANT;
	mask = vfs_poll(a->sock_file, &t.pt) & KEV_AIO_WANT;
	if (mask && a->progress)
		return KEV_AIO_NEXT_WARM;
	return mask || !a->head ? KEV_AIO_NEXT_LATER : KEV_AIO_NEXT_FULL;
}

void kev_aio_unhook(struct kev_aio *a)
{
	if (a->head)
		remove_wait_queue(a->head, &a->wait);
}

/* ---- Turns ------------------------------------------------------------- */

/* Those who end a watch wait here for what is under way. */
static DECLARE_WAIT_QUEUE_HEAD(kev_aio_calm);

static void kev_aio_set(struct kev_aio *a, enum kev_aio_state state)
{
	lockdep_assert_held(&a->lock);
	WRITE_ONCE(a->state, state);
}

/* False: there is one already, which will be followed by another; or is over. */
static bool kev_aio_begin(struct kev_aio *a, bool worker, bool cold)
{
	bool idle;

	spin_lock(&a->lock);
	idle = a->state == KEV_AIO_IDLE;
	a->again = !idle;
	if (idle) {
		kev_aio_set(a, cold ? KEV_AIO_BLOCKED : KEV_AIO_BUSY);
		a->worker = worker;
		a->cold = cold;
	}
	spin_unlock(&a->lock);
	return idle;
}

/* False: the watch has ended meanwhile, and this turn is the last. */
static bool kev_aio_end(struct kev_aio *a, bool *again)
{
	bool stop;

	spin_lock(&a->lock);
	stop = a->stop;
	kev_aio_set(a, stop ? KEV_AIO_BUSY : KEV_AIO_IDLE);
	*again = a->again;
	spin_unlock(&a->lock);
	return !stop;
}

/* Before each send.  False: nothing is to be sent any more. */
bool kev_aio_send_begin(struct kev_aio *a)
{
	bool stop;

	spin_lock(&a->lock);
	stop = a->stop;
	if (!stop)
		kev_aio_set(a, KEV_AIO_BUSY);
	spin_unlock(&a->lock);
	return !stop;
}

void kev_aio_send_end(struct kev_aio *a)
{
	bool stop;

	if (!a->cold)
		return;
	spin_lock(&a->lock);
	stop = a->stop;
	kev_aio_set(a, KEV_AIO_BLOCKED);
	spin_unlock(&a->lock);
	if (stop)
		wake_up_all(&kev_aio_calm);
}

/* It holds nothing any more. */
void kev_aio_over(struct kev_aio *a)
{
	bool stop;

	spin_lock(&a->lock);
	stop = a->stop;
	kev_aio_set(a, KEV_AIO_OVER);
	spin_unlock(&a->lock);
	if (stop)
		wake_up_all(&kev_aio_calm);
}

/* One turn, and what comes after it.  It was begun. */
static void kev_aio_take_turn(struct kev_aio *a)
{
	enum kev_aio_next next = kev_aio_turn(a);
	bool again;

	KEV_DELAY(AIO_TURN_OVER);
	if (next == KEV_AIO_NEXT_FULL)
		next = kev_aio_wait(a);
	if (next == KEV_AIO_NEXT_OVER || !kev_aio_end(a, &again)) {
		kev_aio_finish(a);
		return;
	}
	if (next != KEV_AIO_NEXT_FULL)
		kev_aio_queue(a, next);
	if (again)
		kev_aio_queue(a, KEV_AIO_NEXT_WARM);
}

static void kev_aio_work(struct kev_aio *a, bool cold)
{
	struct mem_cgroup *old;

	if (kev_aio_begin(a, true, cold)) {
		old = set_active_memcg(a->memcg);
		kev_aio_take_turn(a);
		set_active_memcg(old);
	}
	kev_aio_put(a);
}

static void kev_aio_warm_work(struct work_struct *work)
{
	kev_aio_work(container_of(to_delayed_work(work), struct kev_aio,
				  warm_work), false);
}

static void kev_aio_cold_work(struct work_struct *work)
{
	kev_aio_work(container_of(work, struct kev_aio, cold_work), true);
}

/* ---- From outside ------------------------------------------------------ */

void kev_aio_prepare(struct kev_aio *a)
{
	refcount_set(&a->refs, 1);
	spin_lock_init(&a->lock);
	INIT_HLIST_NODE(&a->hash);
	INIT_LIST_HEAD(&a->line);
	INIT_DELAYED_WORK(&a->warm_work, kev_aio_warm_work);
	INIT_WORK(&a->cold_work, kev_aio_cold_work);
	__module_get(THIS_MODULE);
}

/* Gets in line; if nobody is before it, the first turn is the caller's. */
void kev_aio_start(struct kev_aio *a)
{
	if (kev_aio_join(a) && kev_aio_begin(a, false, false))
		kev_aio_take_turn(a);
}

/*
 * The watch has ended: no event, and nothing is sent any more.  If the socket is
 * stuck, or a disk, the transfer is left to its turn.  Waits but once.
 */
void kev_aio_stop(struct kev_aio *a)
{
	bool idle, stop;

	spin_lock(&a->lock);
	idle = a->state == KEV_AIO_IDLE;
	stop = a->stop;
	a->stop = true;
	a->watch = NULL;
	if (idle)
		kev_aio_set(a, KEV_AIO_BUSY);
	spin_unlock(&a->lock);
	KEV_DELAY(AIO_STOP);
	if (idle)
		kev_aio_finish(a);
	else if (!stop)
		wait_event_timeout(kev_aio_calm,
				   READ_ONCE(a->state) != KEV_AIO_BUSY,
				   KEV_AIO_PATIENCE);
}

/* ---- Load and unload --------------------------------------------------- */

int kev_aio_engine_init(void)
{
	kev_aio_reaper = alloc_workqueue("kev_aio_reaper", WQ_UNBOUND, 1);
	return kev_aio_reaper ? 0 : -ENOMEM;
}

/*
 * No user is left, and no transfer, as each holds a reference to the module: all
 * engines are with the reaper.  It waits for workers on their way out.
 */
void kev_aio_engine_exit(void)
{
	destroy_workqueue(kev_aio_reaper);
}
