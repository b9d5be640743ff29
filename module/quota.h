/* SPDX-License-Identifier: GPL-2.0 */
/* How much one user may have. */
#ifndef KEV_QUOTA_H
#define KEV_QUOTA_H

#include <linux/types.h>
#include <linux/uidgid.h>

struct fsnotify_group;
struct kev_aio_engine;
struct kev_user;

struct kev_user *kev_user_get(kuid_t uid);
void kev_user_put(struct kev_user *u);
bool kev_user_charge(struct kev_user *u);
void kev_user_uncharge(struct kev_user *u);
bool kev_user_charge_bytes(struct kev_user *u, size_t n);
void kev_user_uncharge_bytes(struct kev_user *u, size_t n);
u64 kev_user_watches(const struct kev_user *u);
u64 kev_user_limit(void);
u32 kev_user_add_timers(struct kev_user *u, int n);
u64 kev_user_timer_cost(struct kev_user *u, u64 ns);
struct kev_aio_engine *kev_user_aio(struct kev_user *u);
struct fsnotify_group **kev_user_marks(struct kev_user *u);
void kev_quota_init(void);

#endif /* KEV_QUOTA_H */
