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
#include "../ready.h"
#include "../source.h"

/**
 * struct kev_proc - a watch of type PROC
 * @watch: the watch.
 * @wait: on the wait queue of @pid.
 * @pid: referenced from attach to detach.
 * @child: of the process that added it: it may know the status.
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
 * Has it exited?  As pidfd_poll(), but that a thread which calls exec takes the place
 * of its leader: that one is no leader any more, and the process goes on.  One that was
 * reaped has no status any more.  Any context, takes no lock.
 */
static void kev_proc_see(struct pid *pid, bool child, struct kev_values *v)
{
	struct task_struct *task;
	bool exited = true;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_PID);
	if (task) {
		KEV_DELAY(PROC_SEE);
		/* Partner: the locks that do_exit() takes after the code */
		exited = smp_load_acquire(&task->exit_state);
		exited = exited && thread_group_leader(task) &&
			 thread_group_empty(task);
	}
	if (exited && task && child) {
		v->ret_flags = KEVENT_RET_DATA;
		v->data = kev_proc_status(task);
	}
	rcu_read_unlock();
	if (exited)
		v->bits = KEVENT_PROC_EXIT;
}

static int kev_proc_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
			 void *key)
{
	struct kev_proc *p = container_of(wait, struct kev_proc, wait);
	struct kev_values v = {};

	kev_proc_see(p->pid, p->child, &v);
	if (!v.bits)
		return 0;
	return !!(kev_ready_values(&p->watch, &v) & KEV_TOLD_WOKE);
}

/* ---- Who it is --------------------------------------------------------- */

/*
 * Referenced.  A pidfd must be that of a process, or of what was one; not of a
 * thread.  A number must be that of a child that was not reaped yet.
 */
static struct pid *kev_proc_find(struct file *file, u32 number, bool *child)
{
	struct pid *pid = file ? get_pid(kev_pidfd_pid(file)) :
				 find_get_pid(number);
	struct task_struct *task;
	int err = 0;

	if (!pid)
		return ERR_PTR(-ESRCH);
	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	*child = task &&
		 same_thread_group(rcu_dereference(task->real_parent), current);
	if (!file && !*child)
		err = task ? -ECHILD : -ESRCH;
	else if (!task && pid_task(pid, PIDTYPE_PID))
		err = -EINVAL;
	rcu_read_unlock();
	if (!err)
		return pid;
	put_pid(pid);
	return ERR_PTR(err);
}

/* ---- Watches ----------------------------------------------------------- */

static int kev_proc_check_file(struct file *file, const struct ukevent *uk)
{
	return kev_pidfd_pid(file) ? 0 : -EINVAL;
}

static int kev_proc_attach(struct kev_watch *w, struct file *file,
			   const struct ukevent *uk, struct kev_values *v)
{
	struct kev_proc *p = kev_proc_of(w);
	struct pid *pid;

	pid = kev_proc_find(file, uk->id.raw[0], &p->child);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	p->pid = pid;
	init_waitqueue_func_entry(&p->wait, kev_proc_wake);
	add_wait_queue(&pid->wait_pidfd, &p->wait);
	KEV_DELAY(PROC_HOOKED);
	kev_proc_see(pid, p->child, v);
	return 0;
}

static void kev_proc_detach(struct kev_watch *w)
{
	struct kev_proc *p = kev_proc_of(w);
	struct pid *pid = p->pid;

	remove_wait_queue(&pid->wait_pidfd, &p->wait);
	KEV_DELAY(PROC_UNHOOKED);
	put_pid(pid);
}

/* For MODIFY, which holds the mutex: it is hooked. */
static bool kev_proc_look(struct kev_watch *w, struct kev_values *v)
{
	struct kev_proc *p = kev_proc_of(w);

	kev_proc_see(p->pid, p->child, v);
	return true;
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
	.check_file	= kev_proc_check_file,
	.attach		= kev_proc_attach,
	.detach		= kev_proc_detach,
	.look		= kev_proc_look,
};
