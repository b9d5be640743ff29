// SPDX-License-Identifier: GPL-2.0
/*
 * How much one user may have: watches, and periodic timers.  Users are known
 * by kuid, so that a user namespace does not make new ones of the same.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/time64.h>

#include "aio.h"

/* About what a watch takes with its share of the tables, bytes. */
#define KEV_WATCH_COST		256
/* Most that one report of a timer is taken to last, ns. */
#define KEV_TIMER_COST_MAX	NSEC_PER_MSEC

static unsigned int max_user_watches;
module_param(max_user_watches, uint, 0644);
MODULE_PARM_DESC(max_user_watches,
		 "Watches that one user may have (default: 4 % of memory)");

/**
 * struct kev_user - one user's account
 * @link: in kev_users, under kev_users_lock.
 * @uid: whose.
 * @refs: queues; under kev_users_lock.
 * @watches: how many.
 * @timers: periodic ones.
 * @timer_cost: what a report of one takes, ns, a moving average.
 * @bytes: of buffers for records.
 * @aio: what sends files for this user; made when it is first needed.
 */
struct kev_user {
	struct list_head link;
	kuid_t uid;
	unsigned int refs;
	atomic_t watches;
	atomic_t timers;
	u32 timer_cost;
	atomic64_t bytes;
	struct kev_aio_engine *aio;
};

static LIST_HEAD(kev_users);
static DEFINE_MUTEX(kev_users_lock);

static struct kev_user *kev_user_find(kuid_t uid)
{
	struct kev_user *u;

	list_for_each_entry(u, &kev_users, link)
		if (uid_eq(u->uid, uid))
			return u;
	return NULL;
}

/* Returns NULL without memory. */
struct kev_user *kev_user_get(kuid_t uid)
{
	struct kev_user *u, *new;

	/* made without the lock, which is everybody's: memory may take its time */
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	mutex_lock(&kev_users_lock);
	u = kev_user_find(uid);
	if (!u) {
		u = new;
		new = NULL;
		u->uid = uid;
		list_add(&u->link, &kev_users);
	}
	u->refs++;
	mutex_unlock(&kev_users_lock);
	kfree(new);
	return u;
}

void kev_user_put(struct kev_user *u)
{
	mutex_lock(&kev_users_lock);
	if (!--u->refs) {
		list_del(&u->link);
		kev_aio_engine_put(u->aio);
		kfree(u);
	}
	mutex_unlock(&kev_users_lock);
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

void kev_user_uncharge(struct kev_user *u)
{
	atomic_dec(&u->watches);
}

u64 kev_user_watches(const struct kev_user *u)
{
	return atomic_read(&u->watches);
}

u64 kev_user_limit(void)
{
	return READ_ONCE(max_user_watches);
}

/* More bytes for records: as many as watches may take.  False: the limit. */
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

/* Referenced.  Returns NULL without memory. */
struct kev_aio_engine *kev_user_aio(struct kev_user *u)
{
	struct kev_aio_engine *engine, *new = NULL;

	/* made without the lock: it takes locks of its own */
	if (!READ_ONCE(u->aio))
		new = kev_aio_engine_make();
	mutex_lock(&kev_users_lock);
	if (!u->aio) {
		u->aio = new;
		new = NULL;
	}
	engine = u->aio;
	if (engine)
		kev_aio_engine_get(engine);
	mutex_unlock(&kev_users_lock);
	kev_aio_engine_put(new);
	return engine;
}

/* Returns how many periodic timers the user has now. */
u32 kev_user_add_timers(struct kev_user *u, int n)
{
	return atomic_add_return(n, &u->timers);
}

/*
 * Takes what one report of a timer took, ns, into account, and returns what one
 * takes on average.  Reports on several CPUs may overwrite each other's share.
 */
u64 kev_user_timer_cost(struct kev_user *u, u64 ns)
{
	s64 cost = READ_ONCE(u->timer_cost);

	/* who was held up for long has not worked for long */
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
