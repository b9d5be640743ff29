// SPDX-License-Identifier: GPL-2.0
/*
 * The end of an open file: __fput(), the kernel's final release.
 *
 * A probe at its beginning looks whether the file is watched.  If not, that was
 * all.  If it is, the probe sends the task to kev_close_entry(), which ends the
 * watches with nothing held, able to sleep, and then enters __fput() behind the
 * probe.
 *
 * The probe is an ftrace_ops of our own.  PERMANENT: while it is armed the kernel
 * refuses to switch ftrace off.  IPMODIFY: nobody else can send __fput()
 * elsewhere meanwhile, a live patch for one.  Where the kernel's ftrace can't do
 * that, it is a kprobe: close_kprobe.c.
 *
 * It is armed at load and at the first open, and disarmed long after the last
 * queue is gone: see linger.h.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "../delay.h"
#include "../lookup.h"
#include "close.h"
#include "entry.h"
#include "ftrace.h"
#include "linger.h"

static bool kev_close_by_kprobe;
module_param_named(close_kprobe, kev_close_by_kprobe, bool, 0444);
MODULE_PARM_DESC(close_kprobe,
		 "See the end of files by a kprobe, even if ftrace could (default N)");

/* Tasks between a probe and the end of what it sent them to. */
static atomic_t kev_close_inside = ATOMIC_INIT(0);

/* Where __fput() goes on behind the probe; read by kev_close_entry(). */
unsigned long kev_close_resume;

/* The rest of the way through our text: see kev_close_drain(). */
void kev_close_enter(void)
{
	atomic_inc(&kev_close_inside);
}

void kev_close_leave(void)
{
	atomic_dec(&kev_close_inside);
}

/* Called by kev_close_entry(): process context, nothing held. */
asmlinkage void kev_close_watched(struct file *file)
{
	KEV_DELAY(CLOSE_BEGIN);
	kev_file_closed(file);
	KEV_DELAY(CLOSE_END);
	kev_close_leave();
}

/* Where a probe sends a task that is to go on there. */
unsigned long kev_close_redirect(unsigned long resume)
{
	WRITE_ONCE(kev_close_resume, resume);
	kev_close_enter();
	return (unsigned long)kev_close_entry;
}

/* ---- The probe --------------------------------------------------------- */

#ifdef KEV_FTRACE_REDIRECTS

static void notrace kev_close_trace(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct file *file = (struct file *)kev_fregs_argument(fregs, 0);

	if (unlikely(kev_file_is_watched(file)))
		kev_fregs_redirect(fregs,
				   kev_close_redirect(ip + MCOUNT_INSN_SIZE));
}

static struct kev_ftrace kev_close_ftrace = {
	.symbols = { KEV_CLOSE_SYMBOL },
	.ops = {
		.func	= kev_close_trace,
		.flags	= FTRACE_OPS_FL_PERMANENT | FTRACE_OPS_FL_IPMODIFY |
			  KEV_FTRACE_FL_REGS,
	},
};

static int kev_close_ftrace_arm(void)
{
	return kev_ftrace_arm(&kev_close_ftrace);
}

static void kev_close_ftrace_disarm(void)
{
	kev_ftrace_disarm(&kev_close_ftrace);
}

static void kev_close_ftrace_free(void)
{
	kev_ftrace_free(&kev_close_ftrace);
}

#else

static int kev_close_ftrace_arm(void)
{
	return -EOPNOTSUPP;
}

static void kev_close_ftrace_disarm(void)
{
}

static void kev_close_ftrace_free(void)
{
}

#endif

/* ---- Arming ------------------------------------------------------------ */

/*
 * Until nobody is in our text on the way into __fput().  The count covers those
 * who may sleep in kev_file_closed(); from its last decrement to the jump
 * nobody sleeps, so a task that is there is not quiescent for RCU-tasks.
 */
static void kev_close_drain(void)
{
	while (atomic_read(&kev_close_inside))
		schedule_timeout_uninterruptible(1);
	synchronize_rcu_tasks();
	/* the next arming finds out */
	WRITE_ONCE(kev_files_lost, false);
}

static int kev_close_arm(void)
{
	int err;

	if (!kev_close_by_kprobe)
		return kev_close_ftrace_arm();
	err = kev_close_kprobe_arm();
	/* one of the two may have been hit before the other failed */
	if (err)
		kev_close_drain();
	return err;
}

static void kev_close_disarm(void)
{
	if (kev_close_by_kprobe)
		kev_close_kprobe_disarm();
	else
		kev_close_ftrace_disarm();
	kev_close_drain();
}

DEFINE_KEV_LINGER(close);

/*
 * A queue comes.  EOWNERDEAD: ftrace was switched off since the module came; or
 * kprobes were, and since then the hook was not armed anew.
 */
int kev_close_get(void)
{
	int err;

	if (READ_ONCE(kev_files_lost))
		return -EOWNERDEAD;
	err = kev_linger_get(&kev_close_linger);
	return !err || err == -ENOMEM ? err : -EOWNERDEAD;
}

/* A queue is gone. */
void kev_close_put(void)
{
	kev_linger_put(&kev_close_linger);
}

static void kev_close_complain(int err)
{
	if (err == -EBUSY && kev_close_by_kprobe)
		pr_err("kevent: can't probe %s: kprobes are switched off (debugfs, kprobes/enabled)\n",
		       KEV_CLOSE_SYMBOL);
	else if (err == -EBUSY)
		pr_err("kevent: can't probe %s: ftrace is switched off (sysctl kernel.ftrace_enabled), or a live patch has it\n",
		       KEV_CLOSE_SYMBOL);
	else
		pr_err("kevent: can't probe %s (error %d): this kernel has neither ftrace with arguments nor kprobes\n",
		       KEV_CLOSE_SYMBOL, err);
}

/* Would a kprobe do, where ftrace fails?  Not if that is for want of a word. */
static bool kev_close_may_fall_back(int err)
{
	return err && err != -EBUSY && err != -ENOMEM && !kev_close_by_kprobe;
}

int kev_close_init(void)
{
	int err = kev_linger_try(&kev_close_linger);

	if (kev_close_may_fall_back(err)) {
		kev_close_ftrace_free();
		kev_close_by_kprobe = true;
		err = kev_linger_try(&kev_close_linger);
		if (!err)
			pr_notice("kevent: no ftrace with arguments for %s: a kprobe takes its place\n",
				  KEV_CLOSE_SYMBOL);
	}
	if (err) {
		kev_close_ftrace_free();
		kev_close_complain(err);
	}
	return err;
}

void kev_close_exit(void)
{
	kev_linger_exit(&kev_close_linger);
	kev_close_ftrace_free();
}
