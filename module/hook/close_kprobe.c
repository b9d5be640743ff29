// SPDX-License-Identifier: GPL-2.0
/*
 * The end of an open file, seen by a kprobe in __fput(): where ftrace can't send
 * a task elsewhere, or if the module's parameter close_kprobe says so.
 *
 * Root switches all kprobes off by a word to debugfs.  So there is a second one,
 * in the function that takes the word: before it does anything, the watches of
 * files end, each with a last event, and there are no others until the hook is
 * armed anew.  What is written does not matter, nor if it is done: a word that
 * switches kprobes on is as good.  Not seen is a writer who has been in that
 * function since before the hook was armed.
 *
 * Neither is where ftrace patches a function.  There the kernel makes an
 * ftrace_ops of a kprobe, which ends with ftrace, without a word.
 */
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "../kev.h"
#include "close.h"
#include "entry.h"

#ifdef KEV_CLOSE_HAS_KPROBE

/* The first instructions of a function, perhaps. */
#define KEV_ENDBR64_SIZE	4
#define KEV_FENTRY_SIZE		5

static const u8 kev_endbr64[KEV_ENDBR64_SIZE] = { 0xf3, 0x0f, 0x1e, 0xfa };
static const u8 kev_nop5[KEV_FENTRY_SIZE] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

#define KEV_INT3		0xcc
#define KEV_CALL		0xe8

/* Kprobes are or were switched off: no watch of a file is left. */
static bool kev_kprobes_over;

/* Where the writer goes on; for kev_kprobes_off_entry(). */
unsigned long kev_kprobes_off_resume;

/* ---- The probes -------------------------------------------------------- */

/*
 * The task comes back to this very place, and finds its file unwatched, as
 * nobody can watch it any more.
 */
static int kev_close_hit(struct kprobe *p, struct pt_regs *regs)
{
	struct file *file = (void *)regs_get_kernel_argument(regs, 0);

	if (likely(!kev_file_is_watched(file)))
		return 0;
	instruction_pointer_set(regs,
				kev_close_redirect((unsigned long)p->addr));
	return 1;
}

NOKPROBE_SYMBOL(kev_close_hit);

/* Likewise: until all watches have ended; with others who write, for them. */
static int kev_kprobes_off_hit(struct kprobe *p, struct pt_regs *regs)
{
	if (READ_ONCE(kev_kprobes_over))
		return 0;
	WRITE_ONCE(kev_kprobes_off_resume, (unsigned long)p->addr);
	kev_close_enter();
	instruction_pointer_set(regs, (unsigned long)kev_kprobes_off_entry);
	return 1;
}

NOKPROBE_SYMBOL(kev_kprobes_off_hit);

/* Called by kev_kprobes_off_entry(): in write(2), nothing of ours held. */
asmlinkage void kev_kprobes_off(void)
{
	static DEFINE_MUTEX(lock);

	mutex_lock(&lock);
	if (!kev_kprobes_over) {
		kev_files_lose();
		WRITE_ONCE(kev_kprobes_over, true);
	}
	mutex_unlock(&lock);
	kev_close_leave();
}

/* With one of these a kprobe stays a breakpoint: a jump can't go elsewhere. */
static void kev_kprobe_after(struct kprobe *p, struct pt_regs *regs,
			     unsigned long flags)
{
}

NOKPROBE_SYMBOL(kev_kprobe_after);

static struct kprobe kev_close_kprobe = {
	.pre_handler	= kev_close_hit,
	.post_handler	= kev_kprobe_after,
};

static struct kprobe kev_kprobes_off_kprobe = {
	.pre_handler	= kev_kprobes_off_hit,
	.post_handler	= kev_kprobe_after,
};

/* ---- Arming ------------------------------------------------------------ */

/* A kprobe that is not armed finds the function and no more. */
static u8 *kev_kprobe_find(const char *symbol)
{
	struct kprobe p = {
		.symbol_name	= symbol,
		.flags		= KPROBE_FLAG_DISABLED,
	};
	int err = register_kprobe(&p);

	if (err)
		return ERR_PTR(err);
	unregister_kprobe(&p);
	return (u8 *)p.addr;
}

/* The first instruction behind those that mark the function's beginning. */
static u8 *kev_behind_fentry(u8 *p)
{
	u8 code[KEV_FENTRY_SIZE];

	if (!copy_from_kernel_nofault(code, p, sizeof(kev_endbr64)) &&
	    !memcmp(code, kev_endbr64, sizeof(kev_endbr64)))
		p += sizeof(kev_endbr64);
	if (!copy_from_kernel_nofault(code, p, sizeof(code)) &&
	    (code[0] == KEV_CALL || !memcmp(code, kev_nop5, sizeof(code))))
		p += sizeof(code);
	return p;
}

/*
 * -EAGAIN: somebody was just patching the function's first instructions, so they
 * were taken for others, and the kernel made an ftrace_ops of the kprobe.
 */
static int kev_kprobe_try(struct kprobe *p, const char *symbol)
{
	u8 *function = kev_kprobe_find(symbol);
	int err;

	if (IS_ERR(function))
		return PTR_ERR(function);
	p->addr = (kprobe_opcode_t *)kev_behind_fentry(function);
	p->flags = 0;
	err = register_kprobe(p);
	if (!err && kprobe_ftrace(p)) {
		unregister_kprobe(p);
		err = -EAGAIN;
	}
	return err;
}

static int kev_kprobe_arm(struct kprobe *p, const char *symbol)
{
	int err, tries = 10;

	do {
		err = kev_kprobe_try(p, symbol);
	} while (err == -EAGAIN && --tries);
	return err;
}

/* While all kprobes are off, new ones are too, and registering them succeeds. */
static bool kev_kprobe_is_on(const struct kprobe *p)
{
	return READ_ONCE(*(const u8 *)p->addr) == KEV_INT3;
}

static bool kev_kprobes_are_on(void)
{
	return kev_kprobe_is_on(&kev_close_kprobe) &&
	       (!IS_ENABLED(CONFIG_DEBUG_FS) ||
		kev_kprobe_is_on(&kev_kprobes_off_kprobe));
}

void kev_close_kprobe_disarm(void)
{
	unregister_kprobe(&kev_close_kprobe);
	if (IS_ENABLED(CONFIG_DEBUG_FS))
		unregister_kprobe(&kev_kprobes_off_kprobe);
}

/* EBUSY: all kprobes are switched off. */
int kev_close_kprobe_arm(void)
{
	int err;

	kev_kprobes_over = false;
	if (IS_ENABLED(CONFIG_DEBUG_FS)) {
		err = kev_kprobe_arm(&kev_kprobes_off_kprobe,
				     "write_enabled_file_bool");
		if (err)
			return err;
	}
	err = kev_kprobe_arm(&kev_close_kprobe, KEV_CLOSE_SYMBOL);
	if (err) {
		if (IS_ENABLED(CONFIG_DEBUG_FS))
			unregister_kprobe(&kev_kprobes_off_kprobe);
		return err;
	}
	if (kev_kprobes_are_on())
		return 0;
	kev_close_kprobe_disarm();
	return -EBUSY;
}

#endif
