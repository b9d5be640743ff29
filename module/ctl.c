// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: decoding, and the program's structures, but entries of batches
 * (change.c) and events (wait.c).
 * Each call: copy in, check flags and reserved words, carry out, copy out.
 */
#include <linux/build_bug.h>
#include <linux/file.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/uaccess.h>

#include "change.h"
#include "record.h"
#include "source.h"

/* Slots freed, watches reaped, with irqs off or in one call. */
#define KEV_CTL_STEPS	64

/* ---- Changes ----------------------------------------------------------- */

/* READY of nothing: wake all. */
static void kev_kick(struct kev_queue *q, u32 num, u32 *woken)
{
	raw_spin_lock_irq(&q->lock);
	*woken = kev_notify_kick(q, num);
	raw_spin_unlock_irq(&q->lock);
}

static long kev_ioc_ctl(struct kev_queue *q, struct file *file,
			struct kevent_ioc_ctl __user *arg)
{
	struct kev_tally tally = {};
	struct kevent_ioc_ctl ctl;
	u32 woken;
	int err;

	if (copy_from_user(&ctl, arg, sizeof(ctl)))
		return -EFAULT;
	if (ctl.cmd > KEVENT_CTL_MIXED || ctl.num > KEV_BATCH_MAX ||
	    ctl.reserved)
		return -EINVAL;
	if (ctl.cmd == KEVENT_CTL_READY && !ctl.num)
		kev_kick(q, U32_MAX, &woken);
	err = kev_change(q, file, ctl.cmd, u64_to_user_ptr(ctl.events), ctl.num,
			 &tally);
	if (put_user(tally.done, &arg->done) ||
	    put_user(tally.failed, &arg->failed))
		return -EFAULT;
	return err ?: tally.told;
}

/* ---- Waiting ----------------------------------------------------------- */

static bool kev_clock_ok(u32 clock)
{
	return clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME ||
	       clock == CLOCK_BOOTTIME;
}

/*
 * A relative time counts on a clock that nobody sets: REALTIME is taken for
 * MONOTONIC there.
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
	if (flags & KEVENT_FLAGS_ABSTIME)
		return 0;
	if (clock == CLOCK_REALTIME)
		d->clock = CLOCK_MONOTONIC;
	now = clock == CLOCK_BOOTTIME ? ktime_get_boottime() : ktime_get();
	d->expires = ktime_add_safe(now, d->expires);
	return 0;
}

static noinline int kev_decode_sigmask(struct kev_deadline *d, sigset_t *mask,
				       u64 ptr, u32 size)
{
	if (size != sizeof(*mask))
		return -EINVAL;
	if (copy_from_user(mask, u64_to_user_ptr(ptr), sizeof(*mask)))
		return -EFAULT;
	sigdelsetmask(mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	d->mask = mask;
	return 0;
}

#define KEV_GET_FLAGS	(KEVENT_FLAGS_ABSTIME | KEVENT_FLAGS_TIMEOUT | \
			 KEVENT_FLAGS_SIGMASK)
#define KEV_WAIT_FLAGS	(KEV_GET_FLAGS | KEVENT_FLAGS_COMMIT | \
			 KEVENT_FLAGS_LAST)

static long kev_ioc_get_events(struct kev_queue *q, struct file *file,
			       struct kevent_ioc_get __user *arg)
{
	struct kev_deadline d = { .nonblock = file->f_flags & O_NONBLOCK };
	struct kevent_ioc_get get;
	sigset_t mask;
	int err;

	if (copy_from_user(&get, arg, sizeof(get)))
		return -EFAULT;
	if ((get.flags & ~KEV_GET_FLAGS) || get.reserved || !get.max ||
	    get.max > KEV_BATCH_MAX || get.min > get.max)
		return -EINVAL;
	if (q->ring.pages && get.min > kev_ring_size(&q->ring))
		return -EINVAL;
	err = kev_decode_timeout(&d, get.flags, get.clockid, &get.timeout);
	if (!err && (get.flags & KEVENT_FLAGS_SIGMASK))
		err = kev_decode_sigmask(&d, &mask, get.sigmask,
					 get.sigsetsize);
	if (err)
		return err;
	return kev_get_events(q, &d, u64_to_user_ptr(get.events), get.min,
			      get.max);
}

static int kev_commit_locked(struct kev_queue *q, u32 to, u32 over, bool force,
			     u32 *freed)
{
	int err;

	raw_spin_lock_irq(&q->lock);
	err = kev_ring_commit(&q->ring, to, over, force, freed);
	raw_spin_unlock_irq(&q->lock);
	return err;
}

/* The commit of WAIT has no over: it is taken to be the nearest. */
static int kev_wait_commit(struct kev_queue *q, u32 to)
{
	u32 tail, over, freed;

	raw_spin_lock_irq(&q->lock);
	tail = q->ring.tail;
	over = q->ring.over;
	raw_spin_unlock_irq(&q->lock);
	return kev_commit_locked(q, to, to > tail ? over - 1 : over, false,
				 &freed);
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

static noinline long kev_ioc_wait_long(struct kev_queue *q, struct file *file,
				       struct kevent_ioc_wait __user *arg)
{
	struct kev_deadline d = { .nonblock = file->f_flags & O_NONBLOCK };
	struct kev_tally tally = {};
	struct kevent_ioc_wait wait;
	sigset_t mask;
	int err, ret;

	if (!q->ring.pages)
		return -ENXIO;
	if (copy_from_user(&wait, arg, sizeof(wait)))
		return -EFAULT;
	if ((wait.flags & ~KEV_WAIT_FLAGS) || wait.reserved ||
	    wait.nchanges > KEV_BATCH_MAX ||
	    wait.min > kev_ring_size(&q->ring))
		return -EINVAL;
	err = kev_decode_timeout(&d, wait.flags, wait.clockid,
				 &wait.timeout);
	if (!err && (wait.flags & KEVENT_FLAGS_SIGMASK))
		err = kev_decode_sigmask(&d, &mask, wait.sigmask,
					 wait.sigsetsize);
	if (err)
		return err;

	if (wait.nchanges)
		err = kev_change(q, file, KEVENT_CTL_MIXED,
				 u64_to_user_ptr(wait.changes), wait.nchanges,
				 &tally);
	if (!err && (wait.flags & KEVENT_FLAGS_COMMIT))
		err = kev_wait_commit(q, wait.commit);
	if (tally.failed)
		wait.min = 0;
	kev_service(q, wait.min == 1);
	if (kev_put_wait(arg, &tally, READ_ONCE(q->ring.user->head),
			 READ_ONCE(q->ring.tail)))
		return -EFAULT;
	if (err || !wait.min)
		return err;
	ret = kev_wait(q, &d, wait.min, wait.flags & KEVENT_FLAGS_LAST,
		       wait.last);
	if (put_user(READ_ONCE(q->ring.tail), &arg->tail))
		return -EFAULT;
	return ret;
}

/* Two words of 32 bits, read at once. */
union kev_pair {
	u64 both;
	u32 half[2];
};

static __always_inline int kev_put_plain(struct kev_queue *q,
					 struct kevent_ioc_wait __user *arg)
{
	if (!user_access_begin(arg, sizeof(*arg)))
		return -EFAULT;
	unsafe_put_user(0, (u64 __user *)&arg->done, fault);
	unsafe_put_user(READ_ONCE(q->ring.user->head), &arg->head, fault);
	unsafe_put_user(READ_ONCE(q->ring.tail), &arg->tail, fault);
	user_access_end();
	return 0;

fault:
	user_access_end();
	return -EFAULT;
}

/* Nothing but to wait, without limit, and it will take longer. */
static noinline long kev_ioc_wait_plain(struct kev_queue *q, struct file *file,
					struct kevent_ioc_wait __user *arg,
					u32 min, bool counts, u32 last)
{
	struct kev_deadline d;
	int ret;

	d.limited = false;
	d.nonblock = file->f_flags & O_NONBLOCK;
	d.mask = NULL;
	kev_service(q, min == 1);
	ret = kev_wait(q, &d, min, counts, last);
	/* nothing was changed that ought to be told before the sleep */
	return kev_put_plain(q, arg) ? -EFAULT : ret;
}

/*
 * The usual call: nothing but to wait, and there is something already.  Reads
 * no more than that takes; what else was asked for is for the long way, which
 * reads anew.
 */
static noinline long kev_ioc_wait(struct kev_queue *q, struct file *file,
				  struct kevent_ioc_wait __user *arg)
{
	union kev_pair work;	/* nchanges, flags */
	u64 mask;		/* sigsetsize, reserved */
	u32 last, min;
	int ret;

	if (!user_access_begin(arg, sizeof(*arg)))
		return -EFAULT;
	unsafe_get_user(work.both, (u64 __user *)&arg->nchanges, fault);
	unsafe_get_user(mask, (u64 __user *)&arg->sigsetsize, fault);
	unsafe_get_user(last, &arg->last, fault);
	unsafe_get_user(min, &arg->min, fault);
	user_access_end();
	if (unlikely(work.half[0] | (work.half[1] & ~KEVENT_FLAGS_LAST) | mask))
		return kev_ioc_wait_long(q, file, arg);
	/* without a ring, the mask is 0 */
	if (unlikely(min - 1 >= q->ring.mask))
		return kev_ioc_wait_long(q, file, arg);
	ret = kev_wait_now(q, min, work.half[1], last);
	if (unlikely(!ret))
		return kev_ioc_wait_plain(q, file, arg, min, work.half[1],
					  last);
	return kev_put_plain(q, arg) ? -EFAULT : ret;

fault:
	user_access_end();
	return -EFAULT;
}

static_assert(offsetof(struct kevent_ioc_wait, nchanges) + 4 ==
	      offsetof(struct kevent_ioc_wait, flags));
static_assert(offsetof(struct kevent_ioc_wait, sigsetsize) + 4 ==
	      offsetof(struct kevent_ioc_wait, reserved));
static_assert(offsetof(struct kevent_ioc_wait, done) + 4 ==
	      offsetof(struct kevent_ioc_wait, failed));

/* ---- read(2) ----------------------------------------------------------- */

static noinline ssize_t kev_read_events(struct kev_queue *q, struct file *file,
					struct ukevent __user *buf, size_t len)
{
	struct kev_deadline d = { .nonblock = file->f_flags & O_NONBLOCK };
	size_t max = len / sizeof(*buf);
	int num;

	if (!max)
		return -EINVAL;
	num = kev_get_events(q, &d, buf, 1, min_t(size_t, max, KEV_BATCH_MAX));
	return num < 0 ? num : num * sizeof(*buf);
}

/* What WAIT and GET_EVENTS do most often, in the cheapest call that there is. */
ssize_t kev_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct kev_queue *q = file->private_data;
	union kev_pair result;
	int ret;

	/* Partner: kev_queue_begin() */
	if (unlikely(!smp_load_acquire(&q->inited)))
		return -ENXIO;
	if (len != sizeof(struct kevent_read))
		return kev_read_events(q, file, (void __user *)buf, len);
	if (unlikely(!q->ring.pages))
		return -ENXIO;
	ret = kev_wait_one(q, file->f_flags & O_NONBLOCK);
	if (ret < 0)
		return ret;
	result.half[0] = ret;
	result.half[1] = READ_ONCE(q->ring.tail);
	return put_user(result.both, (u64 __user *)buf) ? -EFAULT : len;
}

static_assert(sizeof(struct kevent_read) == sizeof(union kev_pair));
static_assert(offsetof(struct kevent_read, tail) == 4);

/* ---- The rest ---------------------------------------------------------- */

/* What was remembered as done and has become next. */
static u32 kev_commit_more(struct kev_queue *q)
{
	u32 n, sum = 0;

	do {
		raw_spin_lock_irq(&q->lock);
		n = kev_ring_advance(&q->ring, KEV_CTL_STEPS);
		raw_spin_unlock_irq(&q->lock);
		sum += n;
		cond_resched();
	} while (n == KEV_CTL_STEPS);
	return sum;
}

static long kev_ioc_commit(struct kev_queue *q, struct file *file,
			   struct kevent_ioc_commit __user *arg)
{
	struct kevent_ioc_commit commit;
	u32 freed = 0;
	int err;

	if (!q->ring.pages)
		return -ENXIO;
	if (copy_from_user(&commit, arg, sizeof(commit)))
		return -EFAULT;
	if ((commit.flags & ~(KEVENT_COMMIT_FORCE | KEVENT_COMMIT_RANGE)) ||
	    commit.flags == (KEVENT_COMMIT_FORCE | KEVENT_COMMIT_RANGE) ||
	    (commit.from && !(commit.flags & KEVENT_COMMIT_RANGE)))
		return -EINVAL;
	if (commit.flags & KEVENT_COMMIT_RANGE) {
		raw_spin_lock_irq(&q->lock);
		err = kev_free_range(q, commit.from, commit.head, &freed);
		raw_spin_unlock_irq(&q->lock);
	} else {
		err = kev_commit_locked(q, commit.head, commit.over,
					commit.flags & KEVENT_COMMIT_FORCE,
					&freed);
	}
	freed += kev_commit_more(q);
	kev_service(q, false);
	raw_spin_lock_irq(&q->lock);
	commit.head = READ_ONCE(q->ring.user->head);
	commit.over = q->ring.over - (commit.head > q->ring.tail);
	raw_spin_unlock_irq(&q->lock);
	if (put_user(commit.head, &arg->head) ||
	    put_user(commit.over, &arg->over))
		return -EFAULT;
	return err ?: freed;
}

static long kev_ioc_wake(struct kev_queue *q, struct file *file,
			 struct kevent_ioc_wake __user *arg)
{
	struct kevent_ioc_wake wake;
	u32 woken;

	if (copy_from_user(&wake, arg, sizeof(wake)))
		return -EFAULT;
	if (wake.reserved)
		return -EINVAL;
	kev_kick(q, wake.num, &woken);
	return woken;
}

static long kev_ioc_read(struct kev_queue *q,
			 struct kevent_ioc_read __user *arg)
{
	struct kevent_ioc_read read;
	int ret;

	if (copy_from_user(&read, arg, sizeof(read)))
		return -EFAULT;
	if (read.reserved)
		return -EINVAL;
	/* before anything is taken: afterwards it would be lost */
	if (put_user(0, &arg->lost))
		return -EFAULT;
	read.lost = 0;
	ret = kev_records_read(q, &read);
	if (put_user(read.lost, &arg->lost))
		return -EFAULT;
	return ret;
}

/* The transfer has begun, and its result has no place. */
static void kev_sendfile_undo(struct kev_queue *q, u64 cookie)
{
	struct ukevent uk = {
		.req_flags = KEVENT_REQ_COOKIE,
		.cookie = cookie,
	};

	kev_watch_remove(q, &uk);
}

static int kev_sendfile(struct kev_queue *q,
			struct kevent_ioc_sendfile __user *arg,
			struct file **file)
{
	struct kevent_ioc_sendfile sf;
	int ret;

	if (copy_from_user(&sf, arg, sizeof(sf)))
		return -EFAULT;
	memset(&sf.result, 0, sizeof(sf.result));
	/* before anything is sent: afterwards it can't be undone */
	if (copy_to_user(&arg->result, &sf.result, sizeof(sf.result)))
		return -EFAULT;
	ret = kev_aio_sendfile(q, &sf, file);
	if (ret < 0)
		return ret;
	if (!copy_to_user(&arg->result, &sf.result, sizeof(sf.result)))
		return ret;
	kev_sendfile_undo(q, sf.result.cookie);
	if (file)
		fput(*file);
	return -EFAULT;
}

static long kev_ioc_sendfile(struct kev_queue *q,
			     struct kevent_ioc_sendfile __user *arg)
{
	return kev_sendfile(q, arg, NULL);
}

static long kev_ioc_sendfile_path(struct kev_queue *q,
				  struct kevent_ioc_sendfile __user *arg)
{
	struct file *file;
	u32 flags;
	int fd, ret;

	if (get_user(flags, &arg->open_flags))
		return -EFAULT;
	fd = get_unused_fd_flags(flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	ret = kev_sendfile(q, arg, &file);
	if (ret < 0) {
		put_unused_fd(fd);
		return ret;
	}
	fd_install(fd, file);
	return fd;
}

static long kev_ioc_init(struct kev_queue *q,
			 struct kevent_ioc_init __user *arg)
{
	struct kevent_ioc_init init;
	struct kev_ring ring = {};
	int err;

	if (copy_from_user(&init, arg, sizeof(init)))
		return -EFAULT;
	if (init.policy > KEVENT_WAKE_SAME_CPU ||
	    (init.flags & ~KEVENT_INIT_NO_SEEN) || init.kernel_len ||
	    init.user_len || init.entries_len ||
	    memchr_inv(init.reserved, 0, sizeof(init.reserved)))
		return -EINVAL;
	err = kev_queue_make(q, &init, &ring);
	if (err)
		return err;
	/* before the queue begins: that can't be undone */
	if (copy_to_user(arg, &init, sizeof(init)))
		err = -EFAULT;
	else
		err = kev_queue_begin(q, &init, &ring);
	if (err)
		kev_ring_free(&ring);
	return err;
}

static long kev_ioc_info(struct kev_queue *q,
			 struct kevent_ioc_info __user *arg)
{
	struct kevent_ioc_info info = {};
	u32 size;

	if (get_user(size, &arg->size))
		return -EFAULT;
	if (size < offsetofend(struct kevent_ioc_info, abi))
		return -EINVAL;
	info.size = min_t(u32, size, sizeof(info));
	info.abi = KEVENT_ABI_VERSION;
	info.features = KEVENT_FEAT_CLOSE_FTRACE;
	info.sources = kev_source_mask();
	info.req_flags = KEV_REQ_ALL;
	info.ring_max = kev_ring_max;
	info.batch_max = KEV_BATCH_MAX;
	info.timer_floor = kev_timer_floor();
	info.watches_max = kev_user_limit();
	info.watches = kev_user_watches(q->account);
	/* told as of some moment: not worth waiting for the mutex */
	info.queue_watches = data_race(q->nwatches);
	return copy_to_user(arg, &info, info.size) ? -EFAULT : 0;
}

/* Before INIT. */
static noinline long kev_ioctl_first(struct kev_queue *q, unsigned int cmd,
				     void __user *p)
{
	switch (cmd) {
	case KEVENT_IOC_INFO:
		return kev_ioc_info(q, p);
	case KEVENT_IOC_INIT:
		return kev_ioc_init(q, p);
	case KEVENT_IOC_CTL:
	case KEVENT_IOC_GET_EVENTS:
	case KEVENT_IOC_WAIT:
	case KEVENT_IOC_COMMIT:
	case KEVENT_IOC_WAKE:
	case KEVENT_IOC_AIO_SENDFILE:
	case KEVENT_IOC_AIO_SENDFILE_PATH:
	case KEVENT_IOC_READ:
		return -ENXIO;
	default:
		return -ENOTTY;
	}
}

static noinline long kev_ioctl_other(struct kev_queue *q, struct file *file,
				     unsigned int cmd, void __user *p)
{
	switch (cmd) {
	case KEVENT_IOC_CTL:
		return kev_ioc_ctl(q, file, p);
	case KEVENT_IOC_GET_EVENTS:
		return kev_ioc_get_events(q, file, p);
	case KEVENT_IOC_COMMIT:
		return kev_ioc_commit(q, file, p);
	case KEVENT_IOC_WAKE:
		return kev_ioc_wake(q, file, p);
	case KEVENT_IOC_READ:
		return kev_ioc_read(q, p);
	case KEVENT_IOC_AIO_SENDFILE:
		return kev_ioc_sendfile(q, p);
	case KEVENT_IOC_AIO_SENDFILE_PATH:
		return kev_ioc_sendfile_path(q, p);
	case KEVENT_IOC_INFO:
		return kev_ioc_info(q, p);
	case KEVENT_IOC_INIT:
		return kev_ioc_init(q, p);
	default:
		return -ENOTTY;
	}
}

long kev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kev_queue *q = file->private_data;
	void __user *p = (void __user *)arg;

	/* Partner: kev_queue_begin() */
	if (unlikely(!smp_load_acquire(&q->inited)))
		return kev_ioctl_first(q, cmd, p);
	if (likely(cmd == KEVENT_IOC_WAIT))
		return kev_ioc_wait(q, file, p);
	return kev_ioctl_other(q, file, cmd, p);
}
