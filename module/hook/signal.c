// SPDX-License-Identifier: GPL-2.0
/*
 * The generation of signals.
 *
 * The tracepoint signal_generate tells of each, whether the kernel queues it,
 * ignores it, or merges it with a pending one.  Two more tell when the process
 * that it would be for is no longer the one that asked.
 *
 * To take a signal away, a probe on prepare_signal() sends the task through a
 * function that answers "ignore it".  Its callers then do what they do for an
 * ignored signal: queue nothing, wake nobody, and come to signal_generate.  All
 * of that is under the target's siglock.  The probe is made as that of
 * hook/close.c, so nobody can switch it off while it is armed.  The kernel may
 * skip it for a signal that is sent from within another probe: that leaves an
 * ordinary signal.
 *
 * Both are armed when first wanted and disarmed long after that: see linger.h.
 */
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "../compat/signal.h"
#include "../kev.h"
#include "ftrace.h"
#include "linger.h"
#include "signal.h"

/* Of the source.  Set at load, before anything is armed. */
static const struct kev_signal_ops *kev_signal_ops;

/* ---- Telling ----------------------------------------------------------- */

static void kev_signal_trace(void *data, int sig, struct kernel_siginfo *info,
			     struct task_struct *task, int group, int result)
{
	kev_signal_ops->generated(sig, info, task, group, result);
}

/* Of each thread; the last ones may both find that nobody is left. */
static KEV_PROCESS_EXIT_FUNC(kev_exit_trace)
{
	if (!atomic_read(&task->signal->live))
		kev_signal_ops->process_ends(task);
}

static void kev_exec_trace(void *data, struct task_struct *task, pid_t old_pid,
			   struct linux_binprm *bprm)
{
	kev_signal_ops->process_ends(task);
}

/*
 * Called with NULL and the tracepoint's arguments, preemption off on most kernels.
 * The kernel does not export them, so they are found by name; all are built in, so
 * what was found stays.
 */
static struct {
	const char *name;
	void *func;
	struct tracepoint *tp;
} kev_signal_points[] = {
	{ .name = "sched_process_exit", .func = kev_exit_trace },
	{ .name = "sched_process_exec", .func = kev_exec_trace },
	{ .name = "signal_generate", .func = kev_signal_trace },
};

static void kev_signal_compare(struct tracepoint *tp, void *data)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kev_signal_points); i++)
		if (!strcmp(tp->name, kev_signal_points[i].name))
			kev_signal_points[i].tp = tp;
}

/* Afterwards nobody is in the functions of the first n.  May sleep. */
static void kev_signal_untell(unsigned int n)
{
	while (n--)
		tracepoint_probe_unregister(kev_signal_points[n].tp,
					    kev_signal_points[n].func, NULL);
	tracepoint_synchronize_unregister();
}

/* All or none. */
static int kev_signal_tells_arm(void)
{
	unsigned int i;
	int err;

	check_trace_callback_type_signal_generate(kev_signal_trace);
	check_trace_callback_type_sched_process_exit(kev_exit_trace);
	check_trace_callback_type_sched_process_exec(kev_exec_trace);
	for (i = 0; i < ARRAY_SIZE(kev_signal_points); i++) {
		err = tracepoint_probe_register(kev_signal_points[i].tp,
						kev_signal_points[i].func, NULL);
		if (err)
			goto err_untell;
	}
	return 0;

err_untell:
	kev_signal_untell(i);
	return err;
}

static void kev_signal_tells_disarm(void)
{
	kev_signal_untell(ARRAY_SIZE(kev_signal_points));
}

/* ---- Taking away ------------------------------------------------------- */

/* Stands in for prepare_signal(). */
static noinline bool kev_signal_ignore(int sig, struct task_struct *task,
				       bool force)
{
	return false;
}

static void notrace kev_signal_probe(unsigned long ip, unsigned long parent_ip,
				     struct ftrace_ops *ops,
				     struct ftrace_regs *fregs)
{
	struct task_struct *task = (void *)kev_fregs_argument(fregs, 1);
	int sig = kev_fregs_argument(fregs, 0);

	if (unlikely(kev_signal_ops->redirects(sig, task)))
		kev_fregs_redirect(fregs, (unsigned long)kev_signal_ignore);
}

static struct kev_ftrace kev_signal_ftrace = {
	.symbols = { "prepare_signal" },
	.ops = {
		.func	= kev_signal_probe,
		.flags	= FTRACE_OPS_FL_PERMANENT | FTRACE_OPS_FL_IPMODIFY |
			  KEV_FTRACE_FL_REGS,
	},
};

static int kev_signal_takes_arm(void)
{
	int err = kev_ftrace_arm(&kev_signal_ftrace, 1);

	return !err || err == -ENOMEM ? err : -EOPNOTSUPP;
}

static void kev_signal_takes_disarm(void)
{
	kev_ftrace_disarm(&kev_signal_ftrace, 1, NULL);
}

/* ---- Arming ------------------------------------------------------------ */

DEFINE_KEV_LINGER(signal_tells);
DEFINE_KEV_LINGER(signal_takes);

/* A watch comes; redirect: it takes signals away. */
int kev_signal_hook_get(bool redirect)
{
	int err;

	err = kev_linger_get(&kev_signal_tells_linger);
	if (err || !redirect)
		return err;
	err = kev_linger_get(&kev_signal_takes_linger);
	if (err)
		kev_linger_put(&kev_signal_tells_linger);
	return err;
}

/* A watch is gone.  Never waits. */
void kev_signal_hook_put(bool redirect)
{
	if (redirect)
		kev_linger_put(&kev_signal_takes_linger);
	kev_linger_put(&kev_signal_tells_linger);
}

int kev_signal_hook_init(const struct kev_signal_ops *ops)
{
	unsigned int i;

	kev_signal_ops = ops;
	for_each_kernel_tracepoint(kev_signal_compare, NULL);
	for (i = 0; i < ARRAY_SIZE(kev_signal_points); i++)
		if (!kev_signal_points[i].tp)
			return -ENOENT;
	return 0;
}

/* No watch is left. */
void kev_signal_hook_exit(void)
{
	kev_linger_exit(&kev_signal_takes_linger);
	kev_linger_exit(&kev_signal_tells_linger);
	kev_ftrace_free(&kev_signal_ftrace, 1);
}
