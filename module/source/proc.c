// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_PROC: the exit of a process, named by a pidfd, or of a child, by pid.
 *
 * A watch holds the struct pid, which is never another process's, and sits on
 * the wait queue that wakes who polls a pidfd.  It has exited when pidfds say
 * so: when its last thread has.  Nothing is reaped, nothing is held up.
 */
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "../compat/pidfd.h"
#include "../delay.h"
#include "../source.h"

/**
 * struct kev_proc - a watch of type PROC
 * @watch: the watch.
 * @wait: on the wait queue of @pid.
 * @pid: referenced; NULL when detached.  Changed under queue->mutex and
 *	queue->lock, with @wait on no queue.
 * @child: of the process that added it: it may know the status.  As @pid.
 */
struct kev_proc {
	struct kev_watch watch;
	wait_queue_entry_t wait;
	struct pid *pid;
	bool child;
};

static struct kev_proc *kev_proc_of(struct kev_watch *w)
{
	return container_of(w, struct kev_proc, watch);
}

/* As wait4() would say. */
static u32 kev_proc_status(const struct task_struct *task)
{
	const struct signal_struct *signal = task->signal;

	if (READ_ONCE(signal->flags) & SIGNAL_GROUP_EXIT)
		return READ_ONCE(signal->group_exit_code);
	return READ_ONCE(task->exit_code);
}

/*
 * Has it exited?  As pidfd_poll(); one that was reaped has no status any more.
 * Any context.
 */
static bool kev_proc_look(struct pid *pid, bool child, struct kev_values *v)
{
	struct task_struct *task;
	bool exited = true;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_PID);
	if (task) {
		/* Partner: the locks that do_exit() takes after the code */
		exited = smp_load_acquire(&task->exit_state);
		exited = exited && !delay_group_leader(task);
	}
	if (exited && task && child) {
		v->ret_flags = KEVENT_RET_DATA;
		v->data = kev_proc_status(task);
	}
	rcu_read_unlock();
	if (exited)
		v->bits = KEVENT_PROC_EXIT;
	return exited;
}

static int kev_proc_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
			 void *key)
{
	struct kev_proc *p = container_of(wait, struct kev_proc, wait);
	struct kev_values v = {};

	if (!kev_proc_look(p->pid, p->child, &v))
		return 0;
	return kev_ready_values(&p->watch, v.bits, v.ret_flags, v.data, 0,
				sync);
}

/* ---- Who it is --------------------------------------------------------- */

static bool kev_proc_is_child(struct pid *pid)
{
	struct task_struct *task;
	bool child;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	child = task &&
		same_thread_group(rcu_dereference(task->real_parent), current);
	rcu_read_unlock();
	return child;
}

/* A process, or what was one; not a thread. */
static bool kev_proc_is_process(struct pid *pid)
{
	bool ret;

	rcu_read_lock();
	ret = pid_task(pid, PIDTYPE_TGID) || !pid_task(pid, PIDTYPE_PID);
	rcu_read_unlock();
	return ret;
}

/* Referenced.  A number must be that of a child that was not reaped yet. */
static struct pid *kev_proc_child_of_number(u32 number)
{
	struct pid *pid = find_get_pid(number);
	struct task_struct *task;
	int err = -ESRCH;

	if (!pid)
		return ERR_PTR(err);
	if (kev_proc_is_child(pid))
		return pid;
	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (task)
		err = -ECHILD;
	rcu_read_unlock();
	put_pid(pid);
	return ERR_PTR(err);
}

static struct pid *kev_proc_of_request(struct file *file,
				       const struct ukevent *uk)
{
	struct pid *pid;

	if (!file)
		return kev_proc_child_of_number(uk->id.raw[0]);
	pid = get_pid(kev_pidfd_pid(file));
	if (kev_proc_is_process(pid))
		return pid;
	put_pid(pid);
	return ERR_PTR(-EINVAL);
}

/* ---- Watches ----------------------------------------------------------- */

static int kev_proc_check(struct file *file, const struct ukevent *uk)
{
	return file && !kev_pidfd_pid(file) ? -EINVAL : 0;
}

/* Takes over the reference. */
static void kev_proc_hook(struct kev_proc *p, struct pid *pid)
{
	struct kev_queue *q = p->watch.queue;
	bool child = kev_proc_is_child(pid);

	raw_spin_lock_irq(&q->lock);
	p->pid = pid;
	p->child = child;
	raw_spin_unlock_irq(&q->lock);
	add_wait_queue(&pid->wait_pidfd, &p->wait);
}

static void kev_proc_unhook(struct kev_proc *p)
{
	struct kev_queue *q = p->watch.queue;
	struct pid *pid = p->pid;

	remove_wait_queue(&pid->wait_pidfd, &p->wait);
	KEV_DELAY(PROC_UNHOOKED);
	raw_spin_lock_irq(&q->lock);
	p->pid = NULL;
	raw_spin_unlock_irq(&q->lock);
	put_pid(pid);
}

static int kev_proc_attach(struct kev_watch *w, struct file *file,
			   const struct ukevent *uk, struct kev_values *v)
{
	struct kev_proc *p = kev_proc_of(w);
	struct pid *pid = kev_proc_of_request(file, uk);

	if (IS_ERR(pid))
		return PTR_ERR(pid);
	init_waitqueue_func_entry(&p->wait, kev_proc_wake);
	kev_proc_hook(p, pid);
	KEV_DELAY(PROC_HOOKED);
	kev_proc_look(pid, p->child, v);
	return 0;
}

static void kev_proc_detach(struct kev_watch *w)
{
	kev_proc_unhook(kev_proc_of(w));
}

/*
 * A watch that has fired, and whose pid is another child's by now, is added or
 * modified anew.
 */
static void kev_proc_modify(struct kev_watch *w, const struct ukevent *uk)
{
	struct kev_proc *p = kev_proc_of(w);
	struct pid *pid;

	if (kev_watch_file(w))
		return;
	pid = kev_proc_child_of_number(w->ev.id.raw[0]);
	if (IS_ERR(pid))
		return;
	if (pid == p->pid) {
		put_pid(pid);
		return;
	}
	kev_proc_unhook(p);
	kev_proc_hook(p, pid);
}

/* The watch is pinned, but may be detached meanwhile. */
static void kev_proc_ask(struct kev_watch *w, struct file *file,
			 struct kev_values *v)
{
	struct kev_proc *p = kev_proc_of(w);
	struct pid *pid;
	bool child;

	raw_spin_lock_irq(&w->queue->lock);
	pid = get_pid(p->pid);
	child = p->child;
	raw_spin_unlock_irq(&w->queue->lock);
	if (!pid)
		return;
	KEV_DELAY(PROC_LOOK);
	kev_proc_look(pid, child, v);
	put_pid(pid);
}

const struct kev_source_ops kev_source_proc = {
	.name		= "kev_proc",
	.size		= sizeof(struct kev_proc),
	.events		= KEVENT_PROC_EXIT,
	.req_flags	= (KEV_REQ_COMMON & ~KEVENT_REQ_DISPATCH) |
			  KEVENT_REQ_CLOSED,
	.always		= KEVENT_REQ_ONESHOT,
	.has_file	= true,
	.number		= KEVENT_PROC_PID >> 32,
	.check		= kev_proc_check,
	.attach		= kev_proc_attach,
	.detach		= kev_proc_detach,
	.modify		= kev_proc_modify,
	.ask		= kev_proc_ask,
};
