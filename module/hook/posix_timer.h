/* SPDX-License-Identifier: GPL-2.0 */
/* Where the kernel's POSIX timers are caught. */
#ifndef KEV_HOOK_POSIX_TIMER_H
#define KEV_HOOK_POSIX_TIMER_H

#include <linux/hrtimer.h>

struct k_itimer;

/* hook/posix_timer.c */
int kev_ptimer_hook_init(void);
void kev_ptimer_hook_exit(void);
int kev_ptimer_hook_get(void);
void kev_ptimer_hook_put(void);

/* source/posix_timer.c: what becomes of a timer that was caught */
bool kev_ptimer_takes(const struct k_itimer *k);
bool kev_ptimer_is_watched(const struct k_itimer *k);
enum hrtimer_restart kev_ptimer_expire(struct hrtimer *timer);
void kev_ptimer_setting(struct k_itimer *k);
void kev_ptimer_deleted(struct k_itimer *k);

#endif /* KEV_HOOK_POSIX_TIMER_H */
