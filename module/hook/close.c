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
 * elsewhere meanwhile, a live patch for one.
 *
 * It is armed at load and at the first open, and disarmed long after the last
 * queue is gone: see linger.h.
 */
#include <linux/module.h>

#include "../arch/entry.h"
#include "../delay.h"
#include "../lookup.h"
#include "close.h"
#include "ftrace.h"
#include "linger.h"

#define KEV_CLOSE_SYMBOL	"__fput"

/* What is called for a watched file.  Set at load. */
static kev_close_func kev_close_closed __ro_after_init;

/* Tasks between the probe and the end of what it sent them to. */
static atomic_t kev_close_inside = ATOMIC_INIT(0);

/* Where __fput() goes on behind the probe; read by kev_close_entry(). */
unsigned long kev_close_resume;

/* Called by kev_close_entry(): process context, nothing held. */
asmlinkage void kev_close_watched(struct file *file)
{
	KEV_DELAY(CLOSE_BEGIN);
	kev_close_closed(file);
	KEV_DELAY(CLOSE_END);
	/* the task is still in our text: kev_ftrace_disarm() waits for that */
	atomic_dec(&kev_close_inside);
}

static void notrace kev_close_trace(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct file *file = (struct file *)kev_fregs_argument(fregs, 0);

	if (likely(!kev_file_is_watched(file)))
		return;
	WRITE_ONCE(kev_close_resume, ip + MCOUNT_INSN_SIZE);
	atomic_inc(&kev_close_inside);
	kev_fregs_redirect(fregs, (unsigned long)kev_close_entry);
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
	return kev_ftrace_arm(&kev_close_ftrace, 1);
}

static void kev_close_disarm(void)
{
	kev_ftrace_disarm(&kev_close_ftrace, 1, &kev_close_inside);
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

int __init kev_close_init(kev_close_func closed)
{
	int err;

	kev_close_closed = closed;
	err = kev_linger_try(&kev_close_linger);
	if (!err)
		return 0;
	kev_ftrace_free(&kev_close_ftrace, 1);
	if (err == -EBUSY)
		pr_err("kevent: can't probe %s: ftrace is switched off (sysctl kernel.ftrace_enabled), or a live patch has it\n",
		       KEV_CLOSE_SYMBOL);
	else
		pr_err("kevent: can't probe %s: error %d\n", KEV_CLOSE_SYMBOL, err);
	return err;
}

void kev_close_exit(void)
{
	kev_linger_exit(&kev_close_linger);
	kev_ftrace_free(&kev_close_ftrace, 1);
}
