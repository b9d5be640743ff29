// SPDX-License-Identifier: GPL-2.0
/*
 * POSIX timers: their expiry, their settings, their end.
 *
 *	posix_timer_fn()	the hrtimer's callback: where a watched timer
 *				would send its signal, @expire runs in its place
 *	posixtimer_send_sigqueue()	on kernels that do not start a timer which
 *				has expired already, but send its signal there
 *				and then, the timer locked: @expire_locked
 *	common_timer_set()	timer_settime(), the timer locked: only looked
 *				at, by @setting
 *	the function that	called by timer_delete(), exit and exec, in a
 *	frees a timer		task and with nothing of ours or of the timers'
 *				held: @deleted runs first
 *
 * Probes are ftrace_ops, PERMANENT: nobody can switch them off silently, and
 * other than a kprobe they are not left out where another one is running.  For
 * timers that are not watched they cost a look at a hash table.
 *
 * They are armed at load, to see that they can be, and at the first watch, and
 * disarmed long after the last is gone: see linger.h.
 */
#include <linux/kernel.h>

#include "../arch/entry.h"
#include "../compat/posix_timer.h"
#include "../kev.h"
#include "ftrace.h"
#include "linger.h"
#include "posix_timer.h"

/* Of the source.  Set at load, before anything is armed. */
static const struct kev_ptimer_ops *kev_ptimer_ops;

/* Calls between a probe and the end of what it sent them to. */
static atomic_t kev_ptimer_inside = ATOMIC_INIT(0);

/* Where the freeing goes on behind the probe; for kev_ptimer_delete_entry(). */
unsigned long kev_ptimer_delete_resume;

/* ---- The probes -------------------------------------------------------- */

/* In place of posix_timer_fn(). */
static enum hrtimer_restart kev_ptimer_fn(struct hrtimer *timer)
{
	enum hrtimer_restart ret = kev_ptimer_ops->expire(timer);

	atomic_dec(&kev_ptimer_inside);
	return ret;
}

/* If it is one to be caught, the task goes there instead. */
static __always_inline void notrace kev_ptimer_catch(const struct k_itimer *k,
						     struct ftrace_regs *fregs,
						     void *instead)
{
	if (likely(!kev_ptimer_ops->takes(k)))
		return;
	atomic_inc(&kev_ptimer_inside);
	kev_fregs_redirect(fregs, (unsigned long)instead);
}

static void notrace kev_ptimer_trace_fn(unsigned long ip,
					unsigned long parent_ip,
					struct ftrace_ops *ops,
					struct ftrace_regs *fregs)
{
	struct hrtimer *timer = (void *)kev_fregs_argument(fregs, 0);

	kev_ptimer_catch(kev_itimer_of(timer), fregs, kev_ptimer_fn);
}

#ifdef KEV_HAVE_HRTIMER_START_USER

/* In place of posixtimer_send_sigqueue(). */
static void kev_ptimer_send(struct k_itimer *k)
{
	kev_ptimer_ops->expire_locked(k);
	atomic_dec(&kev_ptimer_inside);
}

static void notrace kev_ptimer_trace_send(unsigned long ip,
					  unsigned long parent_ip,
					  struct ftrace_ops *ops,
					  struct ftrace_regs *fregs)
{
	kev_ptimer_catch((void *)kev_fregs_argument(fregs, 0), fregs,
			 kev_ptimer_send);
}

#endif

static void notrace kev_ptimer_trace_set(unsigned long ip,
					 unsigned long parent_ip,
					 struct ftrace_ops *ops,
					 struct ftrace_regs *fregs)
{
	kev_ptimer_ops->setting((void *)kev_fregs_argument(fregs, 0));
}

/* Called by kev_ptimer_delete_entry(). */
asmlinkage void kev_ptimer_delete(struct k_itimer *k)
{
	kev_ptimer_ops->deleted(k);
	atomic_dec(&kev_ptimer_inside);
}

static void notrace kev_ptimer_trace_delete(unsigned long ip,
					    unsigned long parent_ip,
					    struct ftrace_ops *ops,
					    struct ftrace_regs *fregs)
{
	struct k_itimer *k = (void *)kev_fregs_argument(fregs, 0);

	if (likely(!kev_ptimer_ops->is_watched(k)))
		return;
	WRITE_ONCE(kev_ptimer_delete_resume, ip + MCOUNT_INSN_SIZE);
	atomic_inc(&kev_ptimer_inside);
	kev_fregs_redirect(fregs, (unsigned long)kev_ptimer_delete_entry);
}

#define KEV_PTIMER_FL	(FTRACE_OPS_FL_PERMANENT | KEV_FTRACE_FL_REGS)

/* In the order of arming: the end comes before any expiry is taken. */
static struct kev_ftrace kev_ptimer_probes[] = {
	{
		.symbols = {
			"posix_timer_unhash_and_free",
			"release_posix_timer",		/* to 6.4 */
		},
		.ops = {
			.func	= kev_ptimer_trace_delete,
			.flags	= KEV_PTIMER_FL | FTRACE_OPS_FL_IPMODIFY,
		},
	}, {
		.symbols = { "common_timer_set" },
		.ops = {
			.func	= kev_ptimer_trace_set,
			.flags	= KEV_PTIMER_FL,
		},
	}, {
		.symbols = { "posix_timer_fn" },
		.ops = {
			.func	= kev_ptimer_trace_fn,
			.flags	= KEV_PTIMER_FL | FTRACE_OPS_FL_IPMODIFY,
		},
	},
#ifdef KEV_HAVE_HRTIMER_START_USER
	{
		.symbols = { "posixtimer_send_sigqueue" },
		.ops = {
			.func	= kev_ptimer_trace_send,
			.flags	= KEV_PTIMER_FL | FTRACE_OPS_FL_IPMODIFY,
		},
	},
#endif
};

/* ---- Arming ------------------------------------------------------------ */

static int kev_ptimer_arm(void)
{
	return kev_ftrace_arm(kev_ptimer_probes, ARRAY_SIZE(kev_ptimer_probes));
}

static void kev_ptimer_disarm(void)
{
	kev_ftrace_disarm(kev_ptimer_probes, ARRAY_SIZE(kev_ptimer_probes),
			  &kev_ptimer_inside);
}

DEFINE_KEV_LINGER(ptimer);

/* A watch comes. */
int kev_ptimer_hook_get(void)
{
	return kev_linger_get(&kev_ptimer_linger);
}

/* A watch is gone.  Never waits. */
void kev_ptimer_hook_put(void)
{
	kev_linger_put(&kev_ptimer_linger);
}

/* Fails where this kernel's timers can't be caught. */
int kev_ptimer_hook_init(const struct kev_ptimer_ops *ops)
{
	int err;

	kev_ptimer_ops = ops;
	err = kev_linger_try(&kev_ptimer_linger);
	if (err)
		kev_ftrace_free(kev_ptimer_probes,
				ARRAY_SIZE(kev_ptimer_probes));
	return err;
}

/* No watch is left. */
void kev_ptimer_hook_exit(void)
{
	kev_linger_exit(&kev_ptimer_linger);
	kev_ftrace_free(kev_ptimer_probes, ARRAY_SIZE(kev_ptimer_probes));
}
