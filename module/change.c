// SPDX-License-Identifier: GPL-2.0
/*
 * Batches of changes: what CTL and WAIT have in common.  Each entry is read,
 * carried out, and written back with its own result.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "change.h"
#include "request.h"
#include "watch.h"

/*
 * Reads an entry, as far as its command needs it; also the command.  Its result
 * must have a place: that is tried before anything is changed, so that what was
 * done is always told.
 */
static __always_inline int kev_get_entry(struct ukevent *uk, u32 *cmd,
					 struct ukevent __user *p)
{
	u64 __user *from = (u64 __user *)p;
	u64 *to = (u64 *)uk;

	if (!user_access_begin(p, sizeof(*p)))
		return -EFAULT;
	unsafe_get_user(to[0], from + 0, fault);
	unsafe_get_user(to[1], from + 1, fault);
	unsafe_get_user(to[2], from + 2, fault);
	unsafe_get_user(to[5], from + 5, fault);
	if (*cmd == KEVENT_CTL_MIXED) {
		*cmd = uk->req_flags >> KEVENT_REQ_CMD_SHIFT;
		uk->req_flags &= ~KEVENT_REQ_CMD(*cmd);
	}
	to[3] = 0;
	if (*cmd != KEVENT_CTL_REMOVE) {
		unsafe_get_user(to[4], from + 4, fault);
		unsafe_get_user(to[6], from + 6, fault);
		unsafe_get_user(to[7], from + 7, fault);
	} else {
		to[4] = 0;
		to[6] = 0;
		to[7] = 0;
	}
	unsafe_put_user(uk->ret_flags, &p->ret_flags, fault);
	user_access_end();
	return 0;

fault:
	user_access_end();
	return -EFAULT;
}

/*
 * Writes back the result: ret_flags and ret_data, and the cookie of ADD.  With an
 * event or a value in it, the rest as well, but ptr; else that is as it was.
 */
static __always_inline int kev_put_entry(struct ukevent __user *p,
					 const struct ukevent *uk, u32 cmd)
{
	const u64 *from = (const u64 *)uk;
	u64 __user *to = (u64 __user *)p;

	if (!user_write_access_begin(p, sizeof(*p)))
		return -EFAULT;
	unsafe_put_user(uk->ret_flags, &p->ret_flags, fault);
	unsafe_put_user(from[3], to + 3, fault);
	if (cmd == KEVENT_CTL_ADD)
		unsafe_put_user(uk->cookie, &p->cookie, fault);
	if (unlikely(uk->ret_flags & (KEVENT_RET_DONE | KEVENT_RET_DATA))) {
		unsafe_put_user(from[5], to + 5, fault);
		unsafe_put_user(from[6], to + 6, fault);
		unsafe_put_user(from[7], to + 7, fault);
	}
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

static __always_inline int kev_change_one(struct kev_queue *q,
					  struct file *self, u32 cmd,
					  struct ukevent *uk)
{
	switch (cmd) {
	case KEVENT_CTL_ADD:
		return kev_watch_add(q, self, uk);
	case KEVENT_CTL_REMOVE:
		return kev_watch_remove(q, self, uk);
	case KEVENT_CTL_MODIFY:
		return kev_watch_modify(q, self, uk);
	case KEVENT_CTL_READY:
		return kev_watch_fire(q, self, uk);
	default:
		return -EINVAL;
	}
}

static int kev_change_entry(struct kev_queue *q, struct file *self, u32 cmd,
			    struct ukevent __user *p, struct kev_tally *tally)
{
	struct ukevent uk kev_uninitialized;
	int err;

	if (kev_get_entry(&uk, &cmd, p))
		return -EFAULT;
	err = kev_change_one(q, self, cmd, &uk);
	if (err) {
		uk.ret_flags = KEVENT_RET_REFUSED;
		uk.ret_data[0] = 0;
		uk.ret_data[1] = -err;
		tally->failed++;
	}
	tally->told += !!(uk.ret_flags & (KEVENT_RET_DONE | KEVENT_RET_REFUSED));
	if (kev_put_entry(p, &uk, cmd))
		return -EFAULT;
	tally->done++;
	return 0;
}

/**
 * kev_change_single() - carry out one change
 * @q: the queue.
 * @self: its file.
 * @p: the entry, which names its command; written back unless it was refused.
 *
 * Context: process, no locks.  Returns 1 if an event is in the result, else 0; or
 * why it was refused, or -EFAULT.
 */
int kev_change_single(struct kev_queue *q, struct file *self,
		      struct ukevent __user *p)
{
	u32 cmd = KEVENT_CTL_MIXED;
	struct ukevent uk kev_uninitialized;
	int err;

	if (kev_get_entry(&uk, &cmd, p))
		return -EFAULT;
	kev_watch_reap(q, KEV_REAP_ONE);
	err = kev_change_one(q, self, cmd, &uk);
	if (err)
		return err;
	if (kev_put_entry(p, &uk, cmd))
		return -EFAULT;
	return !!(uk.ret_flags & KEVENT_RET_DONE);
}

/**
 * kev_change() - carry out a batch of changes
 * @q: the queue.
 * @self: its file.
 * @cmd: KEVENT_CTL_*, also MIXED.
 * @p: the entries; each is written back with its result.
 * @num: how many.
 * @tally: out: how it went; true whatever is returned.
 *
 * Context: process, no locks.  Returns 0, -EFAULT, or -EINTR to who is killed.
 */
int kev_change(struct kev_queue *q, struct file *self, u32 cmd,
	       struct ukevent __user *p, u32 num, struct kev_tally *tally)
{
	int err = 0;
	u32 i;

	/* twice as many as this batch can make */
	kev_watch_reap(q, max(2 * num, KEV_REAP_MAX + 0u));
	for (i = 0; i < num && !err; i++) {
		err = kev_change_entry(q, self, cmd, p + i, tally);
		if (~i % KEV_STEPS_MAX)
			continue;
		cond_resched();
		/* the rest may take long, and nobody will see its results */
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return err;
}
