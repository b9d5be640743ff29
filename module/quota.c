// SPDX-License-Identifier: GPL-2.0
/*
 * How much one user may have: watches, memory, periodic timers.  Users are known
 * by kuid, so that a user namespace does not make new ones of the same.
 */
#include <linux/fsnotify_backend.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <linux/xarray.h>

#include "quota.h"

/* About what a watch takes with its share of the tables, bytes. */
#define KEV_WATCH_COST		256
/* Most that one report of a timer is taken to last, ns. */
#define KEV_TIMER_COST_MAX	NSEC_PER_MSEC

static unsigned int max_user_watches;
module_param(max_user_watches, uint, 0644);
MODULE_PARM_DESC(max_user_watches,
		 "Watches that one user may have (default: 4 % of memory)");

/* By uid, as the first user namespace has it.  Read under RCU. */
static DEFINE_XARRAY(kev_users);

/* Referenced, or NULL.  One that nobody refers to is on its way out. */
static struct kev_user *kev_user_find(kuid_t uid)
{
	struct kev_user *u;

	rcu_read_lock();
	u = xa_load(&kev_users, __kuid_val(uid));
	if (u && !refcount_inc_not_zero(&u->refs))
		u = NULL;
	rcu_read_unlock();
	return u;
}

/* Returns NULL without memory. */
struct kev_user *kev_user_get(kuid_t uid)
{
	struct kev_user *u, *new, *old;

	while (!(u = kev_user_find(uid))) {
		new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
		if (!new)
			return NULL;
		new->uid = uid;
		refcount_set(&new->refs, 1);
		old = xa_cmpxchg(&kev_users, __kuid_val(uid), NULL, new,
				 GFP_KERNEL_ACCOUNT);
		if (!old)
			return new;
		kfree(new);
		if (xa_is_err(old))
			return NULL;
	}
	return u;
}

static void kev_user_free(struct kev_user *u)
{
#ifdef CONFIG_FSNOTIFY
	if (u->marks)
		fsnotify_put_group(u->marks);
#endif
	kfree_rcu(u, rcu);
}

/* Context: process. */
void kev_user_put(struct kev_user *u)
{
	bool last;

	if (refcount_dec_not_one(&u->refs))
		return;
	/* kev_user_get() meanwhile: finds no reference, and waits for this lock to add */
	xa_lock(&kev_users);
	last = refcount_dec_and_test(&u->refs);
	if (last)
		__xa_erase(&kev_users, __kuid_val(u->uid));
	xa_unlock(&kev_users);
	if (last)
		kev_user_free(u);
}

/* One more watch.  False: the limit. */
bool kev_user_charge(struct kev_user *u)
{
	if (likely((u32)atomic_inc_return(&u->watches) <=
		   READ_ONCE(max_user_watches)))
		return true;
	atomic_dec(&u->watches);
	return false;
}

u64 kev_user_limit(void)
{
	return READ_ONCE(max_user_watches);
}

/* More bytes of memory: as many as watches may take.  False: the limit. */
bool kev_user_charge_bytes(struct kev_user *u, size_t n)
{
	if (atomic64_add_return(n, &u->bytes) <=
	    (s64)READ_ONCE(max_user_watches) * KEV_WATCH_COST)
		return true;
	atomic64_sub(n, &u->bytes);
	return false;
}

void kev_user_uncharge_bytes(struct kev_user *u, size_t n)
{
	atomic64_sub(n, &u->bytes);
}

/*
 * Takes what one report of a timer took, ns, into account, and returns what one
 * takes on average.  Reports on several CPUs may overwrite each other's share.
 */
u64 kev_user_timer_cost(struct kev_user *u, u64 ns)
{
	s64 cost = READ_ONCE(u->timer_cost);

	/* a long time is a delay, not work */
	ns = min_t(u64, ns, KEV_TIMER_COST_MAX);
	cost += ((s64)ns - cost) / 8;
	WRITE_ONCE(u->timer_cost, cost);
	return cost;
}

void kev_quota_init(void)
{
	u64 bytes = (u64)totalram_pages() << PAGE_SHIFT;

	if (!max_user_watches)
		max_user_watches = min_t(u64, bytes / 25 / KEV_WATCH_COST,
					 INT_MAX / 2);
}
