/* SPDX-License-Identifier: GPL-2.0 */
/* Where the kernel's POSIX timers are caught. */
#ifndef KEV_HOOK_POSIX_TIMER_H
#define KEV_HOOK_POSIX_TIMER_H

#include <linux/hrtimer.h>

struct k_itimer;

/**
 * struct kev_ptimer_ops - what becomes of a timer that was caught
 * @is_watched: is it one to be caught?  Asked before it is freed.  Any context.
 * @takes: the same, before an expiry.
 * @expire: in place of the kernel's callback.  hardirq; on -rt, softirq.
 * @expire_locked: the same, of a timer that had expired before it could be started.
 *	it_lock held.
 * @setting: timer_settime() is about to change it.  it_lock held.
 * @deleted: it is about to be freed.  A task, with nothing held; may sleep.
 */
struct kev_ptimer_ops {
	bool (*is_watched)(const struct k_itimer *k);
	bool (*takes)(const struct k_itimer *k);
	enum hrtimer_restart (*expire)(struct hrtimer *timer);
	void (*expire_locked)(struct k_itimer *k);
	void (*setting)(struct k_itimer *k);
	void (*deleted)(struct k_itimer *k);
};

int kev_ptimer_hook_init(const struct kev_ptimer_ops *ops);
void kev_ptimer_hook_exit(void);
int kev_ptimer_hook_get(void);
void kev_ptimer_hook_put(void);

#endif /* KEV_HOOK_POSIX_TIMER_H */
