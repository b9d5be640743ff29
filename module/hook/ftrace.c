// SPDX-License-Identifier: GPL-2.0
/*
 * Arming and disarming probes.  A probe may be armed again after it was
 * disarmed; but not after ftrace_free_filter(), which leaves a dangling pointer
 * in the ops on most kernels.  So the filter is kept until the end.
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "ftrace.h"

/* How often, and about how many us apart, arming is tried while others are at it. */
#define KEV_FTRACE_TRIES	1000
#define KEV_FTRACE_PAUSE	1000

/*
 * The address of a function of the kernel, 0 if there is none.  A kprobe that is
 * not armed finds it and does no more: modules have no other way.
 */
static unsigned long kev_ftrace_address(const char *symbol)
{
	struct kprobe p = {
		.symbol_name	= symbol,
		.flags		= KPROBE_FLAG_DISABLED,
	};

	if (register_kprobe(&p))
		return 0;
	unregister_kprobe(&p);
	return (unsigned long)p.addr;
}

/* By address: a name would take in functions of modules that have the same. */
static int kev_ftrace_filter(struct kev_ftrace *f)
{
	unsigned long address;
	int err = -ENOENT;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(f->symbols) && f->symbols[i]; i++) {
		address = kev_ftrace_address(f->symbols[i]);
		if (!address)
			continue;
		err = ftrace_set_filter_ip(&f->ops, address, 0, 1);
		break;
	}
	f->filtered = !err;
	return err;
}

/*
 * EAGAIN: a BPF program is just being attached to the function, or detached:
 * the kernel tries that one's lock and does not wait for it.  Others may hold it
 * nearly all the time, so what counts is how often it is tried, at any moment.
 */
static int kev_ftrace_register(struct kev_ftrace *f)
{
	unsigned int tries = KEV_FTRACE_TRIES;
	int err;

	for (;;) {
		err = register_ftrace_function(&f->ops);
		if (err != -EAGAIN || !--tries)
			return err;
		usleep_range(KEV_FTRACE_PAUSE, 2 * KEV_FTRACE_PAUSE);
	}
}

/*
 * All or none.  Process context; the caller sees to it that nobody else does the
 * same.
 */
int kev_ftrace_arm(struct kev_ftrace *f, unsigned int n)
{
	unsigned int i;
	int err;

	for (i = 0; i < n; i++) {
		err = f[i].filtered ? 0 : kev_ftrace_filter(&f[i]);
		err = err ?: kev_ftrace_register(&f[i]);
		if (err)
			goto err_disarm;
	}
	return 0;

err_disarm:
	while (i--)
		unregister_ftrace_function(&f[i].ops);
	return err;
}

/*
 * Nobody is in our text for them when this returns.  @inside, if there is one,
 * counts tasks that may sleep there.  Once they have decremented it they do not
 * sleep before they have left our text: synchronize_rcu_tasks() waits for that.  It
 * does not wait for interrupts, nor for their threads on -rt: synchronize_rcu().
 */
void kev_ftrace_disarm(struct kev_ftrace *f, unsigned int n, atomic_t *inside)
{
	while (n--)
		unregister_ftrace_function(&f[n].ops);
	while (inside && atomic_read(inside))
		schedule_timeout_uninterruptible(1);
	synchronize_rcu_tasks();
	synchronize_rcu();
}

/* At unload. */
void kev_ftrace_free(struct kev_ftrace *f, unsigned int n)
{
	while (n--) {
		if (f[n].filtered)
			ftrace_free_filter(&f[n].ops);
		f[n].filtered = false;
	}
}
