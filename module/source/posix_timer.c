// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_POSIX_TIMER: expiries of a timer that timer_create() made.  While it
 * is watched its expiries come as events and not as signals.
 *
 * An expiry is caught where the kernel would send the signal.  The timer stays
 * the kernel's: it is moved on by its interval there, so that timer_gettime()
 * and timer_settime() see what they would see else.
 *
 * A timer that is too fast to be reported each time (pace.h) waits, in the state
 * that the kernel has for a timer whose signal is not yet taken: its hrtimer is
 * stopped, timer_gettime() moves its expiry on and counts in it_overrun what
 * passed.  One of ours, the pacer, ends that: it counts what has expired since,
 * reports, and starts the timer again.
 *
 * LOCKS
 *
 *	queue->mutex
 *	  it_lock		the timer's: p->k and all that follows in p
 *	    kev_ptimers_lock	changes of the table; it is read under RCU
 *	    queue->lock
 *
 * A TIMER'S LIFE.  A watch holds no reference.  It enters the table under
 * it_lock, having seen that the timer is not deleted; the hook in the freeing of
 * a timer looks there after the kernel has, under it_lock, made it deleted, and
 * comes back when its watches have left.  So the timer of a watch that is in the
 * table is not freed; and where RCU is held, not even after.
 *
 * A deleted timer must not be started.  timer_delete() and exit set it_interval
 * to 0 before they cancel the hrtimer, and we start only what has an interval.
 */
#include <linux/hashtable.h>
#include <linux/sched.h>

#include "../compat/posix_timer.h"
#include "../compat/timer.h"
#include "../delay.h"
#include "../hook/posix_timer.h"
#include "../lookup.h"
#include "../queue.h"
#include "../quota.h"
#include "../ready.h"
#include "../source.h"
#include "../watch.h"
#include "pace.h"

#define KEV_PTIMER_HASH_BITS	9

/**
 * struct kev_ptimer - a watch of type POSIX_TIMER
 * @owned: the watch.
 * @node: in kev_ptimers.
 * @k: the kernel's timer; NULL while not in the table.
 * @pacer: ends the waiting of a timer that is too fast.
 * @value: the timer's sigev_value.
 * @overrun: the kernel's it_overrun when the timer began to wait for @pacer.
 * @backoff: see pace.h.
 * @waits: the timer waits for @pacer.
 * @passes: a one-shot watch that has had its event: expiries are signals again.
 * @wants_value: events carry @value, not the watch's ptr; under queue->lock.
 */
struct kev_ptimer {
	struct kev_owned owned;
	struct hlist_node node;
	struct k_itimer *k;
	struct hrtimer pacer;
	u64 value;
	s64 overrun;
	u32 backoff;
	bool waits;
	bool passes;
	bool wants_value;
};

static DEFINE_HASHTABLE(kev_ptimers, KEV_PTIMER_HASH_BITS);
static DEFINE_SPINLOCK(kev_ptimers_lock);

static struct kev_ptimer *kev_ptimer_of(struct kev_watch *w)
{
	return container_of(w, struct kev_ptimer, owned.watch);
}

/* ---- The table --------------------------------------------------------- */

/* Context: rcu_read_lock() held; any, as nothing is locked. */
static struct kev_ptimer *kev_ptimer_find(const struct k_itimer *k)
{
	struct kev_ptimer *p;

	hash_for_each_possible_rcu(kev_ptimers, p, node, (unsigned long)k)
		if (READ_ONCE(p->k) == k)
			return p;
	return NULL;
}

/* The question of the hook in the freeing of timers.  Any context. */
static bool kev_ptimer_is_watched(const struct k_itimer *k)
{
	bool found;

	rcu_read_lock();
	found = kev_ptimer_find(k);
	rcu_read_unlock();
	return found;
}

/* The question of the hook in expiries. */
static bool kev_ptimer_takes(const struct k_itimer *k)
{
	struct kev_ptimer *p;
	bool takes;

	rcu_read_lock();
	p = kev_ptimer_find(k);
	takes = p && !READ_ONCE(p->passes);
	rcu_read_unlock();
	return takes;
}

/* ---- Expiry: it_lock held ---------------------------------------------- */

/* Adds n to the total, and reports.  Context: queue->lock held, too. */
static void kev_ptimer_tell(struct kev_ptimer *p, u32 n)
{
	struct kev_watch *w = &p->owned.watch;
	unsigned int told;

	lockdep_assert_held(&w->queue->lock);
	told = kev_ready_total(w, KEVENT_POSIX_TIMER_FIRED, n, 0);
	kev_pace_told(&p->backoff, told & KEV_TOLD_NEW);
}

/*
 * How often the timer has expired since the last report.  Its expiry becomes
 * the next that is to come, if it is periodic.
 */
static u64 kev_ptimer_passed(struct kev_ptimer *p, struct k_itimer *k)
{
	struct hrtimer *timer = &k->it.real.timer;
	u64 n = 0;

	if (!k->it_interval)
		return !p->waits;
	if (p->waits) {
		n = k->it_overrun - p->overrun;
		k->it_overrun = p->overrun;
	}
	return n + hrtimer_forward(timer, hrtimer_cb_get_time(timer),
				   k->it_interval);
}

/*
 * Counts what has expired.  False: it is not for us, as the watch has ended, by
 * REMOVE or by its only event; nothing was touched.
 */
static bool kev_ptimer_report(struct kev_ptimer *p, struct k_itimer *k)
{
	struct kev_watch *w = &p->owned.watch;
	struct kev_queue *q = w->queue;
	unsigned long flags;
	bool ended;
	u64 n;

	lockdep_assert_held(&k->it_lock);
	raw_spin_lock_irqsave(&q->lock, flags);
	ended = w->state & (KEV_W_DEAD | KEV_W_FIRED);
	if (!ended) {
		n = kev_ptimer_passed(p, k);
		if (n)
			kev_ptimer_tell(p, n);
	}
	WRITE_ONCE(p->passes, w->state & (KEV_W_DEAD | KEV_W_FIRED));
	raw_spin_unlock_irqrestore(&q->lock, flags);
	return !ended;
}

/*
 * The report was made that began at start.  The next expiry may come; or, false, is too
 * early, and the pacer was started.
 */
static bool kev_ptimer_pace(struct kev_ptimer *p, struct k_itimer *k, ktime_t start)
{
	struct hrtimer *timer = &k->it.real.timer;
	ktime_t rest = kev_pace_rest(start, p->owned.watch.queue->account, false);
	ktime_t now = ktime_get();

	if (p->backoff)
		rest = max_t(ktime_t, rest,
			     ktime_add_ns(now, kev_pace_back(p->backoff, k->it_interval)));
	if (p->passes || hrtimer_expires_remaining(timer) >= ktime_sub(rest, now))
		return true;
	p->waits = true;
	p->overrun = k->it_overrun;
	kev_itimer_set_waiting(k);
	hrtimer_start(&p->pacer, rest, HRTIMER_MODE_ABS_SOFT);
	return false;
}

/* An expiry that has passed comes at once. */
static void kev_ptimer_start(struct k_itimer *k)
{
	kev_itimer_set_armed(k);
	hrtimer_start_expires(&k->it.real.timer, HRTIMER_MODE_ABS);
}

/* It has waited for the pacer, and is started again. */
static void kev_ptimer_restart(struct kev_ptimer *p, struct k_itimer *k)
{
	p->waits = false;
	kev_ptimer_start(k);
}

static enum hrtimer_restart kev_ptimer_expired(struct k_itimer *k)
{
	struct hrtimer *timer = &k->it.real.timer;
	ktime_t start = kev_pace_due(timer, hrtimer_cb_get_time(timer));
	struct kev_ptimer *p = kev_ptimer_find(k);

	/* unchanged: it expires again at once, and then the kernel's function runs */
	if (!p || !kev_ptimer_report(p, k))
		return HRTIMER_RESTART;
	if (!k->it_interval) {
		kev_itimer_set_expired(k);
		return HRTIMER_NORESTART;
	}
	return kev_ptimer_pace(p, k, start) ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

static void kev_ptimer_paced_locked(struct kev_ptimer *p, struct k_itimer *k)
{
	ktime_t start = kev_pace_due(&p->pacer, hrtimer_cb_get_time(&p->pacer));

	if (!p->waits)
		return;		/* timer_settime() was faster */
	if (!k->it_interval)
		p->waits = false;
	else if (!kev_ptimer_report(p, k) || kev_ptimer_pace(p, k, start))
		kev_ptimer_restart(p, k);
}

/* ---- Expiry: contexts -------------------------------------------------- */

/* In place of the kernel's function: hardirq; on -rt, softirq in a task. */
static enum hrtimer_restart kev_ptimer_expire(struct hrtimer *timer)
{
	struct k_itimer *k = kev_itimer_of(timer);
	enum hrtimer_restart ret;
	unsigned long flags;

	KEV_DELAY(PTIMER_EXPIRE);
	rcu_read_lock();
	spin_lock_irqsave(&k->it_lock, flags);
	ret = kev_ptimer_expired(k);
	spin_unlock_irqrestore(&k->it_lock, flags);
	rcu_read_unlock();
	return ret;
}

/* In place of the kernel's sending of its signal; by timer_settime(), mostly. */
static void kev_ptimer_expire_locked(struct k_itimer *k)
{
	lockdep_assert_held(&k->it_lock);
	rcu_read_lock();
	if (kev_ptimer_expired(k) == HRTIMER_RESTART)
		kev_ptimer_start(k);
	rcu_read_unlock();
}

/* The pacer: softirq. */
static enum hrtimer_restart kev_ptimer_paced(struct hrtimer *pacer)
{
	struct kev_ptimer *p = container_of(pacer, struct kev_ptimer, pacer);
	unsigned long flags;
	struct k_itimer *k;

	rcu_read_lock();
	k = READ_ONCE(p->k);
	KEV_DELAY(PTIMER_PACED);
	if (k) {
		spin_lock_irqsave(&k->it_lock, flags);
		if (p->k)
			kev_ptimer_paced_locked(p, k);
		spin_unlock_irqrestore(&k->it_lock, flags);
	}
	rcu_read_unlock();
	return HRTIMER_NORESTART;
}

/*
 * timer_settime() is about to forget what the timer was.  From a probe, it_lock
 * held, for any timer there is.
 */
static void kev_ptimer_setting(struct k_itimer *k)
{
	struct kev_ptimer *p;

	rcu_read_lock();
	p = kev_ptimer_find(k);
	if (unlikely(p)) {
		if (p->waits)
			kev_ptimer_report(p, k);
		p->waits = false;
	}
	rcu_read_unlock();
}

/* ---- The end of a timer ------------------------------------------------ */

/* Ends the watch of a timer.  False: ADD is still at it. */
static bool kev_ptimer_end(struct kev_queue *q, const struct k_itimer *k)
{
	struct kev_ptimer *p;
	bool busy = false;

	mutex_lock(&q->mutex);
	rcu_read_lock();
	p = kev_ptimer_find(k);
	if (p && p->owned.watch.queue == q) {
		raw_spin_lock_irq(&q->lock);
		/* DEAD, and in the table: its adder takes it down */
		busy = p->owned.watch.state & (KEV_W_ADDING | KEV_W_DEAD);
		raw_spin_unlock_irq(&q->lock);
	} else {
		p = NULL;
	}
	rcu_read_unlock();
	if (p && !busy)
		kev_watch_close(&p->owned.watch);
	mutex_unlock(&q->mutex);
	return !busy;
}

/*
 * Ends what watches a timer that was deleted, and comes back when nothing does.
 * Process context, nothing held.  Who adds is another thread, and needs nothing
 * of ours: it can be waited for.
 */
static void kev_ptimer_deleted(struct k_itimer *k)
{
	struct kev_ptimer *p;
	struct kev_queue *q;
	bool ended;

	for (;;) {
		rcu_read_lock();
		p = kev_ptimer_find(k);
		q = p ? p->owned.watch.queue : NULL;
		if (q && !refcount_inc_not_zero(&q->refs))
			q = NULL;
		rcu_read_unlock();
		if (!p)
			break;
		KEV_DELAY(PTIMER_FOUND);
		ended = q && kev_ptimer_end(q, k);
		if (q)
			kev_queue_put(q);
		if (!ended)
			schedule_timeout_uninterruptible(1);
	}
}

/* ---- ADD, MODIFY, REMOVE ----------------------------------------------- */

/* Before its first expiry it may be fired, or end.  Context: queue->lock held. */
static void kev_ptimer_set_value(struct kev_ptimer *p)
{
	if (p->wants_value)
		p->owned.watch.ev.ptr = p->value;
}

static int kev_ptimer_enter(struct kev_ptimer *p, struct k_itimer *k)
{
	struct kev_queue *q = p->owned.watch.queue;
	int err = 0;

	lockdep_assert_held(&k->it_lock);
	if (k->it_signal != current->signal || k->it_sigev_notify == SIGEV_NONE)
		return -EINVAL;
	if (!kev_itimer_has_hrtimer(k))
		return -EOPNOTSUPP;
	p->value = kev_itimer_value(k);
	raw_spin_lock(&q->lock);
	kev_ptimer_set_value(p);
	raw_spin_unlock(&q->lock);
	spin_lock(&kev_ptimers_lock);
	if (kev_ptimer_find(k)) {
		err = -EBUSY;
	} else {
		p->k = k;
		hash_add_rcu(kev_ptimers, &p->node, (unsigned long)k);
	}
	spin_unlock(&kev_ptimers_lock);
	return err;
}

/* Finds the calling process' timer and puts the watch into the table. */
static int kev_ptimer_hook(struct kev_ptimer *p, int id)
{
	unsigned long flags;
	struct k_itimer *k;
	int err = -EINVAL;

	rcu_read_lock();
	k = kev_itimer_find(id);
	if (k) {
		spin_lock_irqsave(&k->it_lock, flags);
		err = kev_ptimer_enter(p, k);
		spin_unlock_irqrestore(&k->it_lock, flags);
	}
	rcu_read_unlock();
	return err;
}

/*
 * The signal of a periodic timer is pending, and the timer waits for it to be
 * taken, which may be never.  It goes on now; what has expired since, and was
 * to be the signal's overrun, is ours.
 */
static void kev_ptimer_adopt(struct kev_ptimer *p, struct k_itimer *k)
{
	p->waits = true;
	p->overrun = KEV_ITIMER_SIGNAL_TELLS - 1;
	if (kev_ptimer_report(p, k)) {
		k->it_overrun = -1;
		kev_itimer_disown_signal(k);
		kev_ptimer_restart(p, k);
	}
	p->waits = false;
}

/*
 * False: the callback is running, perhaps the kernel's, past the probe and about
 * to send a signal.  Cancelling it is to find that out: who starts after that
 * sees the watch, by the hrtimer base's lock.
 */
static bool kev_ptimer_try_take(struct kev_ptimer *p, struct k_itimer *k)
{
	struct hrtimer *timer = &k->it.real.timer;
	int queued;

	lockdep_assert_held(&k->it_lock);
	queued = hrtimer_try_to_cancel(timer);
	if (queued > 0)
		hrtimer_start_expires(timer, HRTIMER_MODE_ABS);
	else if (!queued && !p->waits && k->it_interval && kev_itimer_waits(k))
		kev_ptimer_adopt(p, k);
	return queued >= 0;
}

/* From here on expiries are ours.  The watch is in the table, so the timer stays. */
static void kev_ptimer_take(struct kev_ptimer *p)
{
	struct k_itimer *k = p->k;
	unsigned long flags;
	bool taken;

	for (;;) {
		spin_lock_irqsave(&k->it_lock, flags);
		taken = kev_ptimer_try_take(p, k);
		spin_unlock_irqrestore(&k->it_lock, flags);
		if (likely(taken))
			break;
		schedule_timeout_uninterruptible(1);
	}
}

/* Expiries are signals again.  What was not yet counted will be one, too. */
static void kev_ptimer_leave(struct kev_ptimer *p, struct k_itimer *k)
{
	lockdep_assert_held(&k->it_lock);
	spin_lock(&kev_ptimers_lock);
	hash_del_rcu(&p->node);
	spin_unlock(&kev_ptimers_lock);
	WRITE_ONCE(p->k, NULL);
	if (p->waits && k->it_interval)
		kev_ptimer_restart(p, k);
	p->waits = false;
}

static int kev_ptimer_check(const struct ukevent *uk)
{
	if (uk->param[0] & ~(u64)KEVENT_POSIX_TIMER_VALUE)
		return -EINVAL;
	return 0;
}

static int kev_ptimer_attach(struct kev_watch *w, struct file *file,
			     const struct ukevent *uk, struct kev_values *v)
{
	struct kev_ptimer *p = kev_ptimer_of(w);
	int err;

	if (uk->param[1] || uk->param[2] || uk->id.raw_u64 > INT_MAX)
		return -EINVAL;
	err = kev_ptimer_hook_get();
	if (err)
		return err == -ENOMEM ? err : -EOPNOTSUPP;
	hrtimer_setup(&p->pacer, kev_ptimer_paced, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	p->wants_value = uk->param[0] & KEVENT_POSIX_TIMER_VALUE;
	err = kev_ptimer_hook(p, uk->id.raw[0]);
	KEV_DELAY(PTIMER_HOOKED);
	if (err)
		kev_ptimer_hook_put();
	else
		kev_ptimer_take(p);
	return err;
}

static void kev_ptimer_detach(struct kev_watch *w)
{
	struct kev_ptimer *p = kev_ptimer_of(w);
	struct k_itimer *k = p->k;
	unsigned long flags;

	rcu_read_lock();	/* it may be freed as soon as we have left */
	spin_lock_irqsave(&k->it_lock, flags);
	kev_ptimer_leave(p, k);
	spin_unlock_irqrestore(&k->it_lock, flags);
	rcu_read_unlock();
	KEV_DELAY(PTIMER_LEFT);
	hrtimer_cancel(&p->pacer);
	kev_ptimer_hook_put();
}

static void kev_ptimer_set(struct kev_watch *w, const struct ukevent *uk)
{
	struct kev_ptimer *p = kev_ptimer_of(w);

	p->wants_value = uk->param[0] & KEVENT_POSIX_TIMER_VALUE;
	kev_ptimer_set_value(p);
}

static int kev_ptimer_init(void)
{
	static const struct kev_ptimer_ops ops = {
		.is_watched	= kev_ptimer_is_watched,
		.takes		= kev_ptimer_takes,
		.expire		= kev_ptimer_expire,
		.expire_locked	= kev_ptimer_expire_locked,
		.setting	= kev_ptimer_setting,
		.deleted	= kev_ptimer_deleted,
	};

	return kev_ptimer_hook_init(&ops);
}

static void kev_ptimer_params(struct kev_watch *w, u64 *param)
{
	param[0] = kev_ptimer_of(w)->wants_value ? KEVENT_POSIX_TIMER_VALUE : 0;
}

const struct kev_source_ops kev_source_posix_timer = {
	.name		= "kev_posix_timer",
	.size		= sizeof(struct kev_ptimer),
	.events		= KEVENT_POSIX_TIMER_FIRED,
	.req_flags	= KEV_REQ_COMMON | KEVENT_REQ_CLOSED,
	.has_params	= true,
	.modify_params	= true,
	.per_process	= true,
	.sole		= true,
	.init		= kev_ptimer_init,
	.exit		= kev_ptimer_hook_exit,
	.check		= kev_ptimer_check,
	.attach		= kev_ptimer_attach,
	.detach		= kev_ptimer_detach,
	.set		= kev_ptimer_set,
	.params		= kev_ptimer_params,
};
