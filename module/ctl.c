// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: decoding, and the program's structures, but entries of batches
 * (change.c), events (take.c) and transfers (send.c).
 * Each call: copy in, check flags and reserved words, carry out, copy out.
 */
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/uaccess.h>

#include "change.h"
#include "compat/eventpoll.h"
#include "compat/timens.h"
#include "copy.h"
#include "ctl.h"
#include "queue.h"
#include "quota.h"
#include "record.h"
#include "request.h"
#include "send.h"
#include "source.h"
#include "source/pace.h"
#include "take.h"
#include "watch.h"

/* Most entries of one batch: bounds one call's work. */
#define KEV_BATCH_MAX		65536u

/* ---- Changes ----------------------------------------------------------- */

static u32 kev_kick(struct kev_queue *q, u32 num)
{
	u32 woken;

	raw_spin_lock_irq(&q->lock);
	woken = kev_notify_kick(q, num);
	raw_spin_unlock_irq(&q->lock);
	return woken;
}

static long kev_ioc_ctl(struct kev_queue *q, struct file *file,
			void __user *p, size_t size)
{
	struct kevent_ioc_ctl __user *arg = p;
	struct kev_tally tally = {};
	struct kevent_ioc_ctl ctl kev_uninitialized;
	int err;

	err = kev_copy_in(&ctl, sizeof(ctl), p, size);
	if (err)
		return err;
	if (ctl.cmd > KEVENT_CTL_MIXED || ctl.num > KEV_BATCH_MAX ||
	    ctl.reserved)
		return -EINVAL;
	/* READY of nothing: wake all */
	if (ctl.cmd == KEVENT_CTL_READY && !ctl.num)
		kev_kick(q, U32_MAX);
	err = kev_change(q, file, ctl.cmd, u64_to_user_ptr(ctl.events), ctl.num,
			 &tally);
	if (put_user(tally.done, &arg->done) ||
	    put_user(tally.failed, &arg->failed))
		return -EFAULT;
	return err ? err : (long)tally.told;
}

static long kev_ioc_change(struct kev_queue *q, struct file *file,
			   void __user *p, size_t size)
{
	const size_t known = sizeof(struct ukevent);
	int ret;

	if (unlikely(size > known)) {
		ret = check_zeroed_user(p + known, size - known);
		if (ret <= 0)
			return ret ?: -E2BIG;
	}
	return kev_change_single(q, file, p);
}

/* ---- Waiting ----------------------------------------------------------- */

static bool kev_clock_ok(u32 clock)
{
	return clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME ||
	       clock == CLOCK_BOOTTIME;
}

/*
 * A relative time does not follow a clock that is set: for REALTIME it counts on
 * MONOTONIC.
 */
static int kev_decode_timeout(struct kev_deadline *d, u32 flags, u32 clock,
			      const struct __kernel_timespec *kts)
{
	struct timespec64 ts = {
		.tv_sec = kts->tv_sec,
		.tv_nsec = kts->tv_nsec,
	};
	ktime_t now;

	if (!(flags & KEVENT_FLAGS_TIMEOUT))
		return flags & KEVENT_FLAGS_ABSTIME ? -EINVAL : 0;
	if (!kev_clock_ok(clock) || !timespec64_valid(&ts))
		return -EINVAL;
	d->limited = true;
	d->clock = clock;
	d->expires = timespec64_to_ktime(ts);
	if (flags & KEVENT_FLAGS_ABSTIME) {
		d->expires = kev_timens_to_host(clock, d->expires);
		return 0;
	}
	if (clock == CLOCK_REALTIME)
		d->clock = CLOCK_MONOTONIC;
	now = clock == CLOCK_BOOTTIME ? ktime_get_boottime() : ktime_get();
	d->expires = ktime_add_safe(now, d->expires);
	return 0;
}

/**
 * struct kev_mask - the signal mask while a call waits
 * @asked: there is one.
 * @mask: that.
 */
struct kev_mask {
	bool asked;
	sigset_t mask;
};

static int kev_decode_mask(struct kev_mask *m, u32 flags, u64 ptr, u32 size)
{
	m->asked = flags & KEVENT_FLAGS_SIGMASK;
	if (!m->asked)
		return 0;
	if (size != sizeof(m->mask))
		return -EINVAL;
	if (copy_from_user(&m->mask, u64_to_user_ptr(ptr), sizeof(m->mask)))
		return -EFAULT;
	sigdelsetmask(&m->mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	return 0;
}

static void kev_mask_begin(struct kev_mask *m)
{
	if (m->asked)
		sigprocmask(SIG_SETMASK, &m->mask, &current->saved_sigmask);
}

/* The handler of a signal that ended the wait runs under the mask. */
static void kev_mask_end(struct kev_mask *m, int ret)
{
	if (!m->asked)
		return;
	if (ret == -EINTR)
		set_restore_sigmask();
	else
		sigprocmask(SIG_SETMASK, &current->saved_sigmask, NULL);
}

#define KEV_SLEEP_FLAGS	(KEVENT_FLAGS_ABSTIME | KEVENT_FLAGS_TIMEOUT | \
			 KEVENT_FLAGS_SIGMASK)
#define KEV_GET_FLAGS	(KEV_SLEEP_FLAGS | KEVENT_FLAGS_EPOLL)
#define KEV_WAIT_FLAGS	(KEV_SLEEP_FLAGS | KEVENT_FLAGS_COMMIT | \
			 KEVENT_FLAGS_LAST)

static long kev_ioc_get_events(struct kev_queue *q, struct file *file,
			       void __user *p, size_t size)
{
	struct kev_deadline d = {};
	struct kevent_ioc_get get kev_uninitialized;
	struct kev_mask mask kev_uninitialized;
	bool short_events;
	int err, ret;

	err = kev_copy_in(&get, sizeof(get), p, size);
	if (err)
		return err;
	if ((get.flags & ~KEV_GET_FLAGS) || get.reserved || !get.max ||
	    get.max > KEV_BATCH_MAX || get.min > get.max)
		return -EINVAL;
	if (q->ring.kernel && get.min > kev_ring_size(&q->ring))
		return -EINVAL;
	err = kev_decode_timeout(&d, get.flags, get.clockid, &get.timeout);
	if (!err)
		err = kev_decode_mask(&mask, get.flags, get.sigmask,
				      get.sigsetsize);
	if (err)
		return err;
	short_events = get.flags & KEVENT_FLAGS_EPOLL;
	d.nonblock = !short_events && (file->f_flags & O_NONBLOCK);
	kev_mask_begin(&mask);
	ret = kev_get_events(q, &d, u64_to_user_ptr(get.events),
			     short_events ? sizeof(struct epoll_event) :
					    sizeof(struct ukevent),
			     get.min, get.max);
	kev_mask_end(&mask, ret);
	return ret;
}

/* The commit of WAIT has no over: it is taken to be the nearest. */
static int kev_wait_commit(struct kev_queue *q, u32 to)
{
	u32 over, freed;
	int err;

	raw_spin_lock_irq(&q->lock);
	over = q->ring.over - (to > q->ring.tail);
	err = kev_ring_commit(&q->ring, to, over, false, &freed);
	raw_spin_unlock_irq(&q->lock);
	return err;
}

/* done, failed, head, tail */
static __always_inline int kev_put_wait(struct kevent_ioc_wait __user *arg,
					const struct kev_tally *tally,
					u32 head, u32 tail)
{
	if (!user_write_access_begin(arg, sizeof(*arg)))
		return -EFAULT;
	unsafe_put_user(tally->done, &arg->done, fault);
	unsafe_put_user(tally->failed, &arg->failed, fault);
	unsafe_put_user(head, &arg->head, fault);
	unsafe_put_user(tail, &arg->tail, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

static int kev_wait_decode(struct kev_queue *q, struct kevent_ioc_wait *wait,
			   struct kev_deadline *d, struct kev_mask *mask)
{
	int err;

	if ((wait->flags & ~KEV_WAIT_FLAGS) || wait->reserved ||
	    wait->nchanges > KEV_BATCH_MAX ||
	    wait->min > kev_ring_size(&q->ring))
		return -EINVAL;
	err = kev_decode_timeout(d, wait->flags, wait->clockid,
				 &wait->timeout);
	if (!err)
		err = kev_decode_mask(mask, wait->flags, wait->sigmask,
				      wait->sigsetsize);
	return err;
}

/* Changes, the commit, and then what may sleep.  Returns as kev_wait(). */
static int kev_wait_all(struct kev_queue *q, struct file *file,
			struct kevent_ioc_wait __user *arg,
			const struct kevent_ioc_wait *wait,
			const struct kev_deadline *d, struct kev_mask *mask)
{
	struct kev_tally tally = {};
	u32 min = wait->min;
	int err = 0, ret;

	if (wait->nchanges)
		err = kev_change(q, file, KEVENT_CTL_MIXED,
				 u64_to_user_ptr(wait->changes), wait->nchanges,
				 &tally);
	if (!err && (wait->flags & KEVENT_FLAGS_COMMIT))
		err = kev_wait_commit(q, wait->commit);
	/* what was done is written back before the sleep, and stays true */
	if (kev_put_wait(arg, &tally, READ_ONCE(q->ring.user->head),
			 READ_ONCE(q->ring.tail)))
		return -EFAULT;
	if (err || tally.failed)
		min = 0;
	kev_mask_begin(mask);
	ret = kev_wait(q, d, min, wait->flags & KEVENT_FLAGS_LAST, wait->last);
	kev_mask_end(mask, ret);
	return ret ?: err;
}

static long kev_ioc_wait(struct kev_queue *q, struct file *file,
			 void __user *p, size_t size)
{
	struct kev_deadline d = { .nonblock = file->f_flags & O_NONBLOCK };
	struct kevent_ioc_wait __user *arg = p;
	struct kevent_ioc_wait wait kev_uninitialized;
	struct kev_mask mask kev_uninitialized;
	int ret;

	if (!q->ring.kernel)
		return -ENXIO;
	ret = kev_copy_in(&wait, sizeof(wait), p, size);
	if (!ret)
		ret = kev_wait_decode(q, &wait, &d, &mask);
	if (ret)
		return ret;
	ret = kev_wait_all(q, file, arg, &wait, &d, &mask);
	if (!put_user(READ_ONCE(q->ring.tail), &arg->tail))
		return ret;
	kev_wait_over(q);
	return -EFAULT;
}

/* ---- read(2) ----------------------------------------------------------- */

static noinline ssize_t kev_read_events(struct kev_queue *q, struct file *file,
					struct ukevent __user *buf, size_t len)
{
	size_t max = len / sizeof(*buf);
	int num;

	if (!max)
		return -EINVAL;
	num = kev_get_events(q, file->f_flags & O_NONBLOCK ? &kev_at_once :
							     &kev_forever,
			     buf, sizeof(*buf), 1,
			     min_t(size_t, max, KEV_BATCH_MAX));
	return num < 0 ? num : num * sizeof(*buf);
}

/* What WAIT and GET_EVENTS do most often, in the cheapest call that there is. */
ssize_t kev_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct kev_queue *q = file->private_data;
	u64 result;	/* struct kevent_read */
	int ret;

	/* Partner: kev_queue_begin() */
	if (unlikely(!smp_load_acquire(&q->inited)))
		return -ENXIO;
	if (len != sizeof(struct kevent_read) && len != sizeof(u32))
		return kev_read_events(q, file, (void __user *)buf, len);
	if (unlikely(!q->ring.kernel))
		return -ENXIO;
	if (len == sizeof(u32)) {
		kev_wait(q, &kev_at_once, 0, false, 0);
		return put_user(READ_ONCE(q->ring.tail),
				(u32 __user *)buf) ? -EFAULT : len;
	}
	ret = kev_wait_any(q, file->f_flags & O_NONBLOCK);
	if (ret < 0)
		return ret;
	result = kev_pair(ret, READ_ONCE(q->ring.tail));
	if (likely(!put_user(result, (u64 __user *)buf)))
		return len;
	kev_wait_over(q);
	return -EFAULT;
}

static_assert(offsetof(struct kevent_read, tail) == 4);

/* ---- The rest ---------------------------------------------------------- */

/* What was remembered as done and has become next. */
static u32 kev_commit_more(struct kev_queue *q)
{
	u32 n, sum = 0;

	do {
		raw_spin_lock_irq(&q->lock);
		n = kev_ring_advance(&q->ring, KEV_STEPS_MAX);
		raw_spin_unlock_irq(&q->lock);
		sum += n;
		cond_resched();
	} while (n == KEV_STEPS_MAX && !fatal_signal_pending(current));
	return sum;
}

static int kev_commit_decoded(struct kev_queue *q,
			      const struct kevent_ioc_commit *commit,
			      u32 *freed)
{
	u32 from = commit->from, to = commit->head;
	int err;

	raw_spin_lock_irq(&q->lock);
	if (!(commit->flags & KEVENT_COMMIT_RANGE))
		err = kev_ring_commit(&q->ring, to, commit->over,
				      commit->flags & KEVENT_COMMIT_FORCE,
				      freed);
	else
		while (!(err = kev_ring_commit_range(&q->ring, &from, to,
						     freed)) && from != to)
			kev_breathe(q);
	raw_spin_unlock_irq(&q->lock);
	return err;
}

static long kev_ioc_commit(struct kev_queue *q, struct file *file,
			   void __user *p, size_t size)
{
	struct kevent_ioc_commit __user *arg = p;
	struct kevent_ioc_commit commit kev_uninitialized;
	u32 freed = 0;
	int err;

	if (!q->ring.kernel)
		return -ENXIO;
	err = kev_copy_in(&commit, sizeof(commit), p, size);
	if (err)
		return err;
	if ((commit.flags & ~(KEVENT_COMMIT_FORCE | KEVENT_COMMIT_RANGE)) ||
	    commit.flags == (KEVENT_COMMIT_FORCE | KEVENT_COMMIT_RANGE) ||
	    (commit.from && !(commit.flags & KEVENT_COMMIT_RANGE)))
		return -EINVAL;
	err = kev_commit_decoded(q, &commit, &freed);
	freed += kev_commit_more(q);
	kev_service(q);
	raw_spin_lock_irq(&q->lock);
	commit.head = READ_ONCE(q->ring.user->head);
	commit.over = q->ring.over - (commit.head > q->ring.tail);
	raw_spin_unlock_irq(&q->lock);
	if (put_user(commit.head, &arg->head) ||
	    put_user(commit.over, &arg->over))
		return -EFAULT;
	return err ? err : (long)freed;
}

static long kev_ioc_wake(struct kev_queue *q, struct file *file,
			 void __user *p, size_t size)
{
	struct kevent_ioc_wake wake;
	int err;

	err = kev_copy_in(&wake, sizeof(wake), p, size);
	if (err)
		return err;
	if (wake.reserved)
		return -EINVAL;
	return kev_kick(q, wake.num);
}

static long kev_ioc_read(struct kev_queue *q, struct file *file,
			 void __user *p, size_t size)
{
	struct kevent_ioc_read __user *arg = p;
	struct kevent_ioc_read read;
	struct kev_records *r;
	int ret;

	ret = kev_copy_in(&read, sizeof(read), p, size);
	if (ret)
		return ret;
	if (read.reserved)
		return -EINVAL;
	/* before anything is taken: afterwards it would be lost */
	if (put_user(0, &arg->lost))
		return -EFAULT;
	read.lost = 0;
	r = kev_watch_records(q, read.cookie);
	if (IS_ERR(r))
		return PTR_ERR(r);
	ret = kev_records_read(r, &read);
	kev_records_put(r);
	if (put_user(read.lost, &arg->lost))
		return -EFAULT;
	return ret;
}

static long kev_ioc_init(struct kev_queue *q, struct file *file,
			 void __user *p, size_t size)
{
	struct kevent_ioc_init init;
	struct kev_ring ring = {};
	int err;

	err = kev_copy_in(&init, sizeof(init), p, size);
	if (err)
		return err;
	if (init.policy > KEVENT_WAKE_SAME_CPU ||
	    (init.flags & ~KEVENT_INIT_NO_SEEN) || init.kernel_len ||
	    init.user_len || init.entries_len ||
	    memchr_inv(init.reserved, 0, sizeof(init.reserved)))
		return -EINVAL;
	err = kev_queue_make(q, &init, &ring);
	if (err)
		return err;
	/* before the queue begins: that can't be undone */
	if (copy_to_user(p, &init, min(size, sizeof(init))))
		err = -EFAULT;
	else
		err = kev_queue_begin(q, &init, &ring);
	if (err)
		kev_queue_unmake(q, &ring);
	return err;
}

static long kev_ioc_info(struct kev_queue *q, struct file *file,
			 void __user *p, size_t size)
{
	struct kevent_ioc_info __user *arg = p;
	struct kevent_ioc_info info = {};
	u32 known;

	if (get_user(known, &arg->size))
		return -EFAULT;
	if (known < offsetofend(struct kevent_ioc_info, abi))
		return -EINVAL;
	info.size = min_t(u32, known, sizeof(info));
	info.abi = KEVENT_ABI_VERSION;
	info.features = KEVENT_FEAT_CLOSE_FTRACE | KEVENT_FEAT_EPOLL;
	info.sources = kev_source_mask();
	info.req_flags = KEV_REQ_ALL;
	info.ring_max = kev_ring_max;
	info.batch_max = KEV_BATCH_MAX;
	info.version = KEV_MAJOR << 16 | KEV_MINOR << 8 | KEV_PATCH;
	info.timer_floor = kev_timer_floor();
	info.watches_max = kev_user_limit();
	info.watches = atomic_read(&q->account->watches);
	/* told as of some moment: not worth waiting for the mutex */
	info.queue_watches = data_race(q->nwatches);
	return copy_to_user(arg, &info, info.size) ? -EFAULT : 0;
}

/* ---- All calls --------------------------------------------------------- */

/**
 * struct kev_call - what there is to know of a call
 * @cmd: its number, with the size that we know.
 * @min: bytes of its structure that a program must have.
 * @func: carries it out.
 */
struct kev_call {
	unsigned int cmd;
	unsigned int min;
	long (*func)(struct kev_queue *q, struct file *file, void __user *p,
		     size_t size);
};

#define KEV_CALL(name, type, last, function)				\
	[_IOC_NR(KEVENT_IOC_##name)] = {				\
		.cmd	= KEVENT_IOC_##name,				\
		.min	= offsetofend(struct type, last),		\
		.func	= function,					\
	}

static const struct kev_call kev_calls[] = {
	KEV_CALL(INFO, kevent_ioc_info, abi, kev_ioc_info),
	KEV_CALL(INIT, kevent_ioc_init, entries_len, kev_ioc_init),
	KEV_CALL(CTL, kevent_ioc_ctl, failed, kev_ioc_ctl),
	KEV_CALL(GET_EVENTS, kevent_ioc_get, flags, kev_ioc_get_events),
	KEV_CALL(WAIT, kevent_ioc_wait, tail, kev_ioc_wait),
	KEV_CALL(COMMIT, kevent_ioc_commit, flags, kev_ioc_commit),
	KEV_CALL(WAKE, kevent_ioc_wake, num, kev_ioc_wake),
	KEV_CALL(AIO_SENDFILE, kevent_ioc_sendfile, result, kev_ioc_sendfile),
	KEV_CALL(AIO_SENDFILE_PATH, kevent_ioc_sendfile, result,
		 kev_ioc_sendfile_path),
	KEV_CALL(READ, kevent_ioc_read, lost, kev_ioc_read),
	KEV_CALL(CHANGE, ukevent, data2, kev_ioc_change),
	KEV_CALL(AIO_SENDFILES, kevent_ioc_sendfiles, reserved,
		 kev_ioc_sendfiles),
};

/* Those that programs of other versions make have other sizes. */
static const struct kev_call *kev_call_find(unsigned int cmd)
{
	const struct kev_call *call;
	unsigned int nr = _IOC_NR(cmd);

	if (_IOC_TYPE(cmd) != KEVENT_IOC_MAGIC || nr >= ARRAY_SIZE(kev_calls))
		return NULL;
	call = &kev_calls[array_index_nospec(nr, ARRAY_SIZE(kev_calls))];
	if (_IOC_DIR(cmd) != _IOC_DIR(call->cmd) ||
	    _IOC_SIZE(cmd) < call->min)
		return NULL;
	return call;
}

long kev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kev_queue *q = file->private_data;
	const struct kev_call *call;
	/* Partner: kev_queue_begin() */
	bool inited = smp_load_acquire(&q->inited);

	/* without a way through the table for the call that is made most often */
	if (cmd == KEVENT_IOC_GET_EVENTS && likely(inited))
		return kev_ioc_get_events(q, file, (void __user *)arg,
					  sizeof(struct kevent_ioc_get));
	call = kev_call_find(cmd);
	if (!call)
		return -ENOTTY;
	/* INFO and INIT work before */
	if (unlikely(!inited) && _IOC_NR(cmd) > _IOC_NR(KEVENT_IOC_INIT))
		return -ENXIO;
	return call->func(q, file, (void __user *)arg, _IOC_SIZE(cmd));
}
