// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_SIGNAL: signals of the adding process and its threads, as they are
 * generated, whatever becomes of them; with NOMASK, instead of them.
 *
 * A process is named by its signal_struct, whose address would be used again
 * when it has ended.  So there is a struct kev_process for each process that
 * has watches: it holds a task of it, and thereby the signal_struct, until its
 * last watch is gone.  When the process ends, by exit or exec, it leaves the
 * table at once, and its watches see nothing more; a work item then ends them,
 * for that takes the mutexes of their queues.  They are few: all that is left
 * in queues that other processes, or the next program, have open as well.
 *
 * Locks: siglock, then queue->lock, then the lock of the records.  The table is
 * changed under kev_process_lock, an innermost one, and read under RCU.
 */
#include <linux/cred.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>

#include "../compat/signal.h"
#include "../delay.h"
#include "../hook/signal.h"
#include "../lookup.h"
#include "../queue.h"
#include "../ready.h"
#include "../record.h"
#include "../source.h"
#include "../watch.h"

/* Watches of one signal of one process: each signal goes to all of them. */
#define KEV_SIGNAL_MAX		64

#define KEV_PROCESS_BITS	8

/* Signals of faults: without them the faulting instruction is repeated for ever. */
#define KEV_SIGNAL_FAULTS	(sigmask(SIGSEGV) | sigmask(SIGBUS) | \
				 sigmask(SIGILL) | sigmask(SIGTRAP) | \
				 sigmask(SIGFPE) | sigmask(SIGSYS))
/*
 * What the kernel does itself, whatever becomes of the signal: end, stop, go on.
 * And what it repeats until the signal was taken from where it is pending: the
 * interval timer of setitimer(ITIMER_REAL) goes on when SIGALRM is dequeued, and
 * a read or write of a terminal in the background starts over until SIGTTIN or
 * SIGTTOU has stopped the task.  docs/signal.md has the others, with reasons.
 */
#define KEV_SIGNAL_UNMASKABLE	(sigmask(SIGKILL) | sigmask(SIGSTOP) | \
				 sigmask(SIGCONT) | sigmask(SIGALRM) | \
				 sigmask(SIGTTIN) | sigmask(SIGTTOU))

/**
 * struct kev_process - a process that has watches
 * @node: in kev_processes, until the process ends.
 * @dying: on kev_dying, from then on.
 * @signal: who it is.
 * @task: referenced; keeps @signal from being freed.
 * @users: watches, linked or just being taken down.
 * @watches: of each signal.
 * @rcu: when freed.
 *
 * All but what never changes is under kev_process_lock.
 */
struct kev_process {
	struct hlist_node node;
	struct list_head dying;
	const struct signal_struct *signal;
	struct task_struct *task;
	unsigned int users;
	struct hlist_head watches[_NSIG];
	struct rcu_head rcu;
};

/**
 * struct kev_signal - a watch of type SIGNAL
 * @owned: the watch.
 * @node: in its process's list, until the process ends.
 * @process: from attach to detach.
 * @records: NULL before and after that.  queue->lock.
 * @taken: the signal that is being generated is taken away for it.  siglock and
 *	queue->lock.
 */
struct kev_signal {
	struct kev_owned owned;
	struct hlist_node node;
	struct kev_process *process;
	struct kev_records *records;
	bool taken;
};

static struct hlist_head kev_processes[1 << KEV_PROCESS_BITS];
static LIST_HEAD(kev_dying);
static DEFINE_RAW_SPINLOCK(kev_process_lock);

static struct kev_signal *kev_signal_of(struct kev_watch *w)
{
	return container_of(w, struct kev_signal, owned.watch);
}

static bool kev_signal_is_nomask(const struct kev_watch *w)
{
	return w->ev.id.raw_u64 & KEVENT_SIGNAL_NOMASK;
}

/* ---- Processes --------------------------------------------------------- */

static struct hlist_head *kev_process_bucket(const struct signal_struct *signal)
{
	return &kev_processes[hash_ptr(signal, KEV_PROCESS_BITS)];
}

/* Context: RCU or kev_process_lock. */
static struct kev_process *kev_process_find(const struct signal_struct *signal)
{
	struct kev_process *p;

	hlist_for_each_entry_rcu(p, kev_process_bucket(signal), node,
				 lockdep_is_held(&kev_process_lock))
		if (p->signal == signal)
			return p;
	return NULL;
}

static struct kev_process *kev_process_alloc(void)
{
	struct kev_process *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);

	if (!p)
		return NULL;
	p->signal = current->signal;
	p->task = get_task_struct(current);
	return p;
}

static void kev_process_free(struct kev_process *p)
{
	if (!p)
		return;
	put_task_struct(p->task);
	kfree_rcu(p, rcu);
}

/* False: too many watches of this signal. */
static bool kev_process_link(struct kev_process *p, struct kev_signal *s)
{
	struct hlist_head *list;
	struct kev_signal *pos;
	unsigned int n = 0;

	lockdep_assert_held(&kev_process_lock);
	list = &p->watches[(u32)s->owned.watch.ev.id.raw_u64 - 1];
	hlist_for_each_entry(pos, list, node)
		n++;
	if (n >= KEV_SIGNAL_MAX)
		return false;
	p->users++;
	s->process = p;
	hlist_add_head_rcu(&s->node, list);
	return true;
}

/*
 * Signals come from here on.  None of them is half way between the probe, which
 * did not take it away, and the tracepoint: that is under the same siglock.
 */
static void kev_signal_begin(struct kev_signal *s, struct kev_records *r)
{
	/* that of the calling task stays */
	struct sighand_struct *sighand = rcu_dereference_raw(current->sighand);
	struct kev_queue *q = s->owned.watch.queue;
	unsigned long flags;

	spin_lock_irq(&sighand->siglock);
	/* on -rt irqs are not off yet */
	raw_spin_lock_irqsave(&q->lock, flags);
	s->records = r;
	raw_spin_unlock_irqrestore(&q->lock, flags);
	spin_unlock_irq(&sighand->siglock);
}

/* Puts a watch into the calling process's list: the last step that can fail. */
static int kev_process_join(struct kev_signal *s, struct kev_records *r)
{
	struct kev_process *p, *new = NULL;
	bool linked;

	raw_spin_lock(&kev_process_lock);
	while (!(p = kev_process_find(current->signal))) {
		if (new) {
			p = new;
			new = NULL;
			hlist_add_head_rcu(&p->node,
					   kev_process_bucket(p->signal));
			break;
		}
		raw_spin_unlock(&kev_process_lock);
		new = kev_process_alloc();
		KEV_DELAY(SIGNAL_JOIN);
		if (!new)
			return -ENOMEM;
		raw_spin_lock(&kev_process_lock);
	}
	linked = kev_process_link(p, s);
	raw_spin_unlock(&kev_process_lock);
	kev_process_free(new);
	if (!linked)
		return -ENOSPC;
	kev_signal_begin(s, r);
	return 0;
}

/* Context: process; RCU readers may still be at the watch. */
static void kev_process_leave(struct kev_signal *s)
{
	struct kev_process *p = s->process;
	bool last;

	raw_spin_lock(&kev_process_lock);
	if (!hlist_unhashed(&s->node))
		hlist_del_init_rcu(&s->node);
	last = !--p->users;
	if (last && hlist_unhashed(&p->node))
		list_del(&p->dying);
	else if (last)
		hlist_del_rcu(&p->node);
	raw_spin_unlock(&kev_process_lock);
	if (last)
		kev_process_free(p);
}

/* Some watch of a process that has ended; they leave their lists here. */
static struct kev_signal *kev_dying_watch(void)
{
	struct kev_process *p;
	int i;

	lockdep_assert_held(&kev_process_lock);
	list_for_each_entry(p, &kev_dying, dying)
		for (i = 0; i < _NSIG; i++)
			if (!hlist_empty(&p->watches[i]))
				return hlist_entry(p->watches[i].first,
						   struct kev_signal, node);
	return NULL;
}

/*
 * The queue of such a watch, referenced: what is in a list has not been
 * detached, so its queue is not gone.
 */
static struct kev_queue *kev_dying_queue(void)
{
	struct kev_queue *q = NULL;
	struct kev_signal *s;

	raw_spin_lock(&kev_process_lock);
	s = kev_dying_watch();
	if (s) {
		q = s->owned.watch.queue;
		refcount_inc(&q->refs);
	}
	raw_spin_unlock(&kev_process_lock);
	return q;
}

/*
 * Ends one such watch, if it is of this queue.  It is not being added: its
 * adder would be a thread of the process that has ended.
 */
static void kev_dying_end(struct kev_queue *q)
{
	struct kev_signal *s;

	lockdep_assert_held(&q->mutex);
	raw_spin_lock(&kev_process_lock);
	s = kev_dying_watch();
	if (s && s->owned.watch.queue != q)
		s = NULL;
	if (s)
		hlist_del_init_rcu(&s->node);
	raw_spin_unlock(&kev_process_lock);
	if (s)
		kev_watch_close(&s->owned.watch);
}

static void kev_dying_run(struct work_struct *work)
{
	struct kev_queue *q;

	while ((q = kev_dying_queue())) {
		KEV_DELAY(DYING_QUEUE);
		mutex_lock(&q->mutex);
		kev_dying_end(q);
		mutex_unlock(&q->mutex);
		kev_queue_put(q);
		cond_resched();
	}
}

static DECLARE_WORK(kev_dying_work, kev_dying_run);

/* By the process itself, in a tracepoint. */
static void kev_signal_process_ends(struct task_struct *task)
{
	struct kev_process *p;

	rcu_read_lock();
	p = kev_process_find(task->signal);
	rcu_read_unlock();
	if (likely(!p))
		return;
	KEV_DELAY(PROCESS_ENDS);
	raw_spin_lock(&kev_process_lock);
	p = kev_process_find(task->signal);
	if (p) {
		hlist_del_init_rcu(&p->node);
		list_add_tail(&p->dying, &kev_dying);
	}
	raw_spin_unlock(&kev_process_lock);
	if (p)
		schedule_work(&kev_dying_work);
}

/* ---- Signals ----------------------------------------------------------- */

/* Which of the details are there: as siginfo_layout(), not exported. */
static void kev_signal_details(struct kevent_record_signal *r,
			       const struct kernel_siginfo *info)
{
	int code = info->si_code;

	r->code = code;
	if (code < 0 && code != SI_SIGIO)
		r->value = (unsigned long)info->si_value.sival_ptr;
	if (code == SI_TIMER || code == SI_SIGIO)
		return;
	if (code <= SI_USER || code >= SI_KERNEL ||
	    (r->signo == SIGCHLD && code <= NSIGCHLD)) {
		r->pid = info->si_pid;
		r->uid = info->si_uid;
	}
}

/*
 * Pid and uid in info are as the target sees them, but in a kill() of late,
 * which has none: there the sender is who calls.  Context: RCU.
 */
static void kev_signal_record(struct kevent_record_signal *r, int sig,
			      const struct kernel_siginfo *info,
			      struct task_struct *task, bool group)
{
	struct pid_namespace *ns = task_active_pid_ns(task);

	*r = (struct kevent_record_signal){ .len = sizeof(*r), .signo = sig };
	if (!group)
		r->tid = task_pid_nr_ns(task, ns);
	if (info == SEND_SIG_NOINFO) {
		r->code = SI_USER;
		r->pid = task_tgid_nr_ns(current, ns);
		r->uid = from_kuid_munged(task_cred_xxx(task, user_ns),
					  current_uid());
	} else if (info == SEND_SIG_PRIV) {
		r->code = SI_KERNEL;
	} else {
		kev_signal_details(r, info);
	}
}

/*
 * A fault's signal is sent by the task to itself, and here it looks like one
 * that the task sends otherwise: neither is taken away.
 */
static bool kev_signal_is_fault(int sig, const struct task_struct *task)
{
	return task == current && sig < SIGRTMIN &&
	       (sigmask(sig) & KEV_SIGNAL_FAULTS);
}

/* Does a NOMASK watch want it now?  A one-shot that was fired does not. */
static bool kev_signal_wants(const struct kev_signal *s)
{
	const struct kev_watch *w = &s->owned.watch;

	lockdep_assert_held(&w->queue->lock);
	return kev_signal_is_nomask(w) && s->records &&
	       !(w->state & (KEV_W_DEAD | KEV_W_FIRED));
}

/* The total is kept while it is disarmed, but not once it has fired. */
static void kev_signal_tell(struct kev_signal *s,
			    const struct kevent_record_signal *r)
{
	struct kev_watch *w = &s->owned.watch;
	struct kev_queue *q = w->queue;
	unsigned long flags;

	KEV_DELAY(SIGNAL_TELL);
	raw_spin_lock_irqsave(&q->lock, flags);
	/* READY may have fired it since it took the signal */
	if (unlikely(!s->records) || ((w->state & KEV_W_FIRED) && !s->taken))
		goto out;
	s->taken = false;
	kev_records_write(s->records, r, sizeof(*r));
	kev_ready_total(w, KEVENT_SIGNAL_DELIVERY, 1,
			READ_ONCE(s->records->lost) ? KEVENT_RET_LOST : 0);
out:
	raw_spin_unlock_irqrestore(&q->lock, flags);
}

/* In the tracepoint. */
static void kev_signal_generated(int sig, struct kernel_siginfo *info,
				 struct task_struct *task, bool group,
				 int result)
{
	struct kevent_record_signal r;
	struct kev_process *p;
	struct kev_signal *s;

	/* the sender was told that it failed */
	if (result == TRACE_SIGNAL_OVERFLOW_FAIL || sig < 1 || sig > _NSIG)
		return;
	rcu_read_lock();
	p = kev_process_find(task->signal);
	if (unlikely(p) && !hlist_empty(&p->watches[sig - 1])) {
		kev_signal_record(&r, sig, info, task, group);
		hlist_for_each_entry_rcu(s, &p->watches[sig - 1], node)
			kev_signal_tell(s, &r);
	}
	rcu_read_unlock();
}

/* In the probe.  Who removes a watch just now has had its last event. */
static bool kev_signal_redirects(int sig, struct task_struct *task)
{
	struct kev_process *p;
	struct kev_signal *s;
	unsigned long flags;
	bool ret = false;

	if (sig < 1 || sig > _NSIG)
		return false;
	rcu_read_lock();
	p = kev_process_find(task->signal);
	if (likely(!p) || kev_signal_is_fault(sig, task) ||
	    kev_signal_must_queue(task, sig))
		goto out;
	hlist_for_each_entry_rcu(s, &p->watches[sig - 1], node) {
		raw_spin_lock_irqsave(&s->owned.watch.queue->lock, flags);
		ret = kev_signal_wants(s);
		s->taken = ret;
		raw_spin_unlock_irqrestore(&s->owned.watch.queue->lock, flags);
		KEV_DELAY(SIGNAL_TAKEN);
		if (ret)
			break;
	}
out:
	rcu_read_unlock();
	return ret;
}

/* ---- Watches ----------------------------------------------------------- */

static int kev_signal_check(const struct ukevent *uk)
{
	u64 sig = uk->id.raw_u64 & ~KEVENT_SIGNAL_NOMASK;

	if (uk->req_flags & KEVENT_REQ_COOKIE)
		return 0;	/* not named by id */
	if (sig < 1 || sig > _NSIG)
		return -EINVAL;
	if (sig != uk->id.raw_u64 && sig < SIGRTMIN &&
	    (sigmask(sig) & KEV_SIGNAL_UNMASKABLE))
		return -EINVAL;
	return 0;
}

static int kev_signal_attach(struct kev_watch *w, struct file *file,
			     const struct ukevent *uk, struct kev_values *v)
{
	bool nomask = kev_signal_is_nomask(w);
	struct kev_records *r;
	int err;

	if (uk->param[0] > KEV_RECORDS_MAX || uk->param[1] || uk->param[2])
		return -EINVAL;
	err = kev_signal_hook_get(nomask);
	if (err)
		return err;
	r = kev_records_alloc(w->queue->account, uk->param[0]);
	err = PTR_ERR_OR_ZERO(r);
	if (err)
		goto err_put_hook;
	err = kev_process_join(kev_signal_of(w), r);
	if (!err)
		return 0;
	kev_records_put(r);
err_put_hook:
	kev_signal_hook_put(nomask);
	return err;
}

static void kev_signal_detach(struct kev_watch *w)
{
	struct kev_signal *s = kev_signal_of(w);
	struct kev_records *r;

	/* kev_signal_tell() and _wants() skip the watch from here on */
	raw_spin_lock_irq(&w->queue->lock);
	r = s->records;
	s->records = NULL;
	raw_spin_unlock_irq(&w->queue->lock);
	kev_records_put(r);
	KEV_DELAY(SIGNAL_DROPPED);
	kev_process_leave(s);
	kev_signal_hook_put(kev_signal_is_nomask(w));
}

static struct kev_records *kev_signal_records(struct kev_watch *w)
{
	return READ_ONCE(kev_signal_of(w)->records);
}

static int kev_signal_init(void)
{
	static const struct kev_signal_ops ops = {
		.generated	= kev_signal_generated,
		.redirects	= kev_signal_redirects,
		.process_ends	= kev_signal_process_ends,
	};

	return kev_signal_hook_init(&ops);
}

static void kev_signal_exit(void)
{
	kev_signal_hook_exit();
	/* it may be putting a queue, whose watches are all gone */
	flush_work(&kev_dying_work);
}

const struct kev_source_ops kev_source_signal = {
	.name		= "kev_signal",
	.size		= sizeof(struct kev_signal),
	.events		= KEVENT_SIGNAL_DELIVERY,
	.req_flags	= KEV_REQ_COMMON | KEVENT_REQ_CLOSED,
	.has_params	= true,
	.per_process	= true,
	.init		= kev_signal_init,
	.exit		= kev_signal_exit,
	.check		= kev_signal_check,
	.attach		= kev_signal_attach,
	.detach		= kev_signal_detach,
	.records	= kev_signal_records,
};
