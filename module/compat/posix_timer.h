/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct k_itimer of <linux/posix-timers.h>: its layout, and what its fields
 * say about the timer, which is not the same in all kernels.
 */
#ifndef KEV_COMPAT_POSIX_TIMER_H
#define KEV_COMPAT_POSIX_TIMER_H

#include <linux/hrtimer.h>
#include <linux/posix-timers.h>
#include <linux/sched/signal.h>

/* The list of a process' timers: under its siglock. */
#ifdef KEV_HAVE_ITIMER_HLIST

static inline struct k_itimer *
kev_itimer_first(struct signal_struct *signal)
{
	return hlist_entry_safe(signal->posix_timers.first, struct k_itimer,
				list);
}

static inline struct k_itimer *
kev_itimer_next(struct signal_struct *signal, struct k_itimer *k)
{
	return hlist_entry_safe(k->list.next, struct k_itimer, list);
}

static inline bool kev_itimer_is_off(const struct k_itimer *k)
{
	return !k->list.pprev || k->list.pprev == LIST_POISON2;
}

#else /* 6.1 only */

static inline struct k_itimer *
kev_itimer_first(struct signal_struct *signal)
{
	return list_first_entry_or_null(&signal->posix_timers, struct k_itimer,
					list);
}

static inline struct k_itimer *
kev_itimer_next(struct signal_struct *signal, struct k_itimer *k)
{
	return list_is_last(&k->list, &signal->posix_timers) ?
		NULL : list_next_entry(k, list);
}

static inline bool kev_itimer_is_off(const struct k_itimer *k)
{
	return list_empty(&k->list) || k->list.prev == LIST_POISON2;
}

#endif

/* Of the clocks that kev_itimer_has_hrtimer() is true for. */
static inline struct k_itimer *kev_itimer_of(struct hrtimer *timer)
{
	return container_of(timer, struct k_itimer, it.real.timer);
}

/* CPU time has no hrtimer; alarms expire elsewhere. */
static inline bool kev_itimer_has_hrtimer(const struct k_itimer *k)
{
	return k->it_clock == CLOCK_REALTIME ||
	       k->it_clock == CLOCK_MONOTONIC ||
	       k->it_clock == CLOCK_BOOTTIME || k->it_clock == CLOCK_TAI;
}

/* Timers that are looked at with irqs off. */
#define KEV_ITIMER_STEPS	64

/*
 * A timer of the calling process, or NULL.  Context: rcu_read_lock() held;
 * until it is dropped the memory stays what it is, but the timer may be
 * deleted: see kev_ptimer_enter().  The walk begins anew if that happens to the
 * one at which it pauses.
 */
static inline struct k_itimer *kev_itimer_find(int id)
{
	struct signal_struct *signal = current->signal;
	/* that of the calling task stays */
	struct sighand_struct *sighand = rcu_dereference_raw(current->sighand);
	unsigned int n = 0;
	struct k_itimer *k;

	spin_lock_irq(&sighand->siglock);
	for (k = kev_itimer_first(signal); k && k->it_id != id;
	     k = kev_itimer_is_off(k) ? kev_itimer_first(signal) :
					kev_itimer_next(signal, k)) {
		if (++n % KEV_ITIMER_STEPS)
			continue;
		spin_unlock_irq(&sighand->siglock);
		spin_lock_irq(&sighand->siglock);
	}
	spin_unlock_irq(&sighand->siglock);
	return k;
}

/* All that follow: it_lock held. */

#ifdef KEV_HAVE_ITIMER_STATUS

/* As in kernel/time/posix-timers.h, which modules don't see. */
enum {
	KEV_ITIMER_DISARMED,
	KEV_ITIMER_ARMED,
	KEV_ITIMER_REQUEUE_PENDING,
};

static inline u64 kev_itimer_value(const struct k_itimer *k)
{
	return (unsigned long)k->sigq.info.si_value.sival_ptr;
}

static inline void kev_itimer_set_expired(struct k_itimer *k)
{
	k->it_status = KEV_ITIMER_DISARMED;
}

static inline bool kev_itimer_waits(const struct k_itimer *k)
{
	return k->it_status == KEV_ITIMER_REQUEUE_PENDING;
}

static inline void kev_itimer_set_waiting(struct k_itimer *k)
{
	k->it_status = KEV_ITIMER_REQUEUE_PENDING;
}

static inline void kev_itimer_set_armed(struct k_itimer *k)
{
	k->it_status = KEV_ITIMER_ARMED;
}

/* The signal will be dropped when it is taken. */
#define KEV_ITIMER_SIGNAL_TELLS	0

static inline void kev_itimer_disown_signal(struct k_itimer *k)
{
	k->it_signal_seq++;
}

#else

/* The sigev_value. */
static inline u64 kev_itimer_value(const struct k_itimer *k)
{
	return (unsigned long)k->sigq->info.si_value.sival_ptr;
}

/* Not periodic, and over. */
static inline void kev_itimer_set_expired(struct k_itimer *k)
{
	k->it_active = 0;
}

/*
 * Periodic, has expired, and goes on when somebody tells it: for the kernel,
 * when the signal is taken.  Meanwhile timer_gettime() moves its expiry on,
 * and adds to it_overrun.
 */
static inline bool kev_itimer_waits(const struct k_itimer *k)
{
	return k->it_requeue_pending & REQUEUE_PENDING;
}

static inline void kev_itimer_set_waiting(struct k_itimer *k)
{
	k->it_active = 0;
	k->it_requeue_pending = (k->it_requeue_pending + 1) | REQUEUE_PENDING;
}

static inline void kev_itimer_set_armed(struct k_itimer *k)
{
	k->it_active = 1;
	k->it_requeue_pending = (k->it_requeue_pending + 1) & ~REQUEUE_PENDING;
}

/*
 * It waits for its signal to be taken, and shall not.  How many expiries the
 * signal tells of all the same.  That it is an old one shows by
 * it_requeue_pending, which kev_itimer_set_armed() changes.
 */
#define KEV_ITIMER_SIGNAL_TELLS	1

static inline void kev_itimer_disown_signal(struct k_itimer *k)
{
}

#endif

#endif /* KEV_COMPAT_POSIX_TIMER_H */
