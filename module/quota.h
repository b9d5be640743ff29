/* SPDX-License-Identifier: GPL-2.0 */
/* How much one user may have. */
#ifndef KEV_QUOTA_H
#define KEV_QUOTA_H

#include <linux/atomic.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct fsnotify_group;

/**
 * struct kev_user - one user's account
 * @uid: whose.
 * @refs: queues.
 * @watches: how many.
 * @reported: until when reports of timers have reserved time: see source/pace.h.
 * @timer_cost: what a report takes, ns, a moving average.
 * @bytes: of rings, and of buffers for records and payloads.
 * @files: open files that transfers hold.
 * @marks: what hangs on inodes for this user; made when it is first needed.
 * @rcu: when freed.
 */
struct kev_user {
	kuid_t uid;
	refcount_t refs;
	atomic_t watches;
	u32 timer_cost;
	atomic64_t reported;
	atomic64_t bytes;
	atomic_t files;
	struct fsnotify_group *marks;
	struct rcu_head rcu;
};

struct kev_user *kev_user_get(kuid_t uid);
void kev_user_put(struct kev_user *u);
bool kev_user_charge(struct kev_user *u);
bool kev_user_charge_bytes(struct kev_user *u, size_t n);
void kev_user_uncharge_bytes(struct kev_user *u, size_t n);
u64 kev_user_limit(void);
u64 kev_user_timer_cost(struct kev_user *u, u64 ns);
void kev_quota_init(void);

static inline void kev_user_uncharge(struct kev_user *u)
{
	atomic_dec(&u->watches);
}

#endif /* KEV_QUOTA_H */
