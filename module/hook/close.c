// SPDX-License-Identifier: GPL-2.0
/*
 * The end of an open file: __fput(), the kernel's final release.
 *
 * A probe at its first instruction looks whether the file is watched.  If not,
 * that was all.  If it is, the probe sends the task to kev_close_entry(), which
 * ends the watches with nothing held, able to sleep, and then enters __fput()
 * behind the probe.
 *
 * The probe is an ftrace_ops of our own.  PERMANENT: while it is armed the kernel
 * refuses to switch ftrace off.  IPMODIFY: nobody else can send __fput()
 * elsewhere meanwhile, a live patch for one.  A close that is missed leaves a
 * watch with a file that is gone, so there is nothing to fall back on: a kprobe
 * promises neither, and root switches all of them off by a word to debugfs.
 *
 * It is armed at load and at the first open, and disarmed long after the last
 * queue is gone: see linger.h.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "../delay.h"
#include "../kev.h"
#include "entry.h"
#include "ftrace.h"
#include "linger.h"

#define KEV_CLOSE_SYMBOL	"__fput"

/* Tasks between the probe and the end of kev_close_watched(). */
static atomic_t kev_close_inside = ATOMIC_INIT(0);

/* Where __fput() goes on behind the probe; read by kev_close_entry(). */
unsigned long kev_close_resume;

/* Called by kev_close_entry(): process context, nothing held. */
asmlinkage void kev_close_watched(struct file *file)
{
	KEV_DELAY(CLOSE_BEGIN);
	kev_file_closed(file);
	KEV_DELAY(CLOSE_END);
	atomic_dec(&kev_close_inside);
}

/* The rest of the way through our text: see kev_close_drain(). */
static unsigned long kev_close_redirect(unsigned long site)
{
	WRITE_ONCE(kev_close_resume, site + MCOUNT_INSN_SIZE);
	atomic_inc(&kev_close_inside);
	return (unsigned long)kev_close_entry;
}

/* ---- The probe --------------------------------------------------------- */

#ifdef KEV_FTRACE_REDIRECTS

static void notrace kev_close_trace(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops, struct kev_fregs *fregs)
{
	struct file *file = (struct file *)kev_fregs_argument(fregs, 0);

	if (unlikely(kev_file_is_watched(file)))
		kev_fregs_redirect(fregs, kev_close_redirect(ip));
}

static struct kev_ftrace kev_close_ftrace = {
	.symbols = { KEV_CLOSE_SYMBOL },
	.ops = {
		.func	= kev_close_trace,
		.flags	= FTRACE_OPS_FL_PERMANENT | FTRACE_OPS_FL_IPMODIFY |
			  KEV_FTRACE_FL_REGS,
	},
};

static int kev_close_arm(void)
{
	return kev_ftrace_arm(&kev_close_ftrace);
}

static void kev_close_disarm_probe(void)
{
	kev_ftrace_disarm(&kev_close_ftrace);
}

static void kev_close_free_probe(void)
{
	kev_ftrace_free(&kev_close_ftrace);
}

#else

static int kev_close_arm(void)
{
	return -EOPNOTSUPP;
}

static void kev_close_disarm_probe(void)
{
}

static void kev_close_free_probe(void)
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
}

static void kev_close_disarm(void)
{
	kev_close_disarm_probe();
	kev_close_drain();
}

DEFINE_KEV_LINGER(close);

/* A queue comes.  EOWNERDEAD: ftrace was switched off since the module came. */
int kev_close_get(void)
{
	int err = kev_linger_get(&kev_close_linger);

	return !err || err == -ENOMEM ? err : -EOWNERDEAD;
}

/* A queue is gone. */
void kev_close_put(void)
{
	kev_linger_put(&kev_close_linger);
}

static void kev_close_complain(int err)
{
	if (err == -EBUSY)
		pr_err("kevent: can't probe %s: ftrace is switched off (sysctl kernel.ftrace_enabled), or a live patch has it\n",
		       KEV_CLOSE_SYMBOL);
	else
		pr_err("kevent: can't probe %s (error %d): this kernel has no ftrace with arguments\n",
		       KEV_CLOSE_SYMBOL, err);
}

int kev_close_init(void)
{
	int err = kev_linger_try(&kev_close_linger);

	if (err) {
		kev_close_free_probe();
		kev_close_complain(err);
	}
	return err;
}

void kev_close_exit(void)
{
	kev_linger_exit(&kev_close_linger);
	kev_close_free_probe();
}
