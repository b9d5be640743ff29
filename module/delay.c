// SPDX-License-Identifier: GPL-2.0
/*
 * See delay.h.  One time in four a point lasts up to so many microseconds: it
 * spins, or, where that is allowed, half of the time it sleeps, so that whoever
 * shares the CPU gets in as well.  One sleep in eight goes on until what others
 * gave to RCU meanwhile is freed.
 */
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/timex.h>

#include "delay.h"

#define KEV_DELAYS_MAX	1000u

static unsigned int kev_delays = 20;
module_param_named(delays, kev_delays, uint, 0644);
MODULE_PARM_DESC(delays, "Longest delay but for some sleeps, us (default 20, at most 1000; 0: none)");

/* Those that were passed. */
static LLIST_HEAD(kev_delay_points);

static int kev_delay_show(char *buf, const struct kernel_param *kp)
{
	struct kev_delay_point *p;
	int n = 0;

	llist_for_each_entry(p, READ_ONCE(kev_delay_points.first), node)
		n += scnprintf(buf + n, PAGE_SIZE - n, "%s %lld\n", p->name,
			       atomic64_read(&p->count));
	return n;
}

static const struct kernel_param_ops kev_delay_ops = {
	.get = kev_delay_show,
};

module_param_cb(delay_counts, &kev_delay_ops, NULL, 0444);
MODULE_PARM_DESC(delay_counts, "How often each point was passed (to be read)");

/* A task that is about to sleep for something else would forget about it. */
static bool kev_delay_may_sleep(void)
{
	return preemptible() && !rcu_preempt_depth() &&
	       task_is_running(current) && !is_idle_task(current);
}

void kev_delay(struct kev_delay_point *p)
{
	u32 dice = hash_64(get_cycles(), 32);
	u32 max, us;

	/* a test sets it meanwhile: the old or the new will do */
	max = min(data_race(kev_delays), KEV_DELAYS_MAX);
	if (atomic64_inc_return(&p->count) == 1)
		llist_add(&p->node, &kev_delay_points);
	if (!max || (dice & 3))
		return;
	us = 1 + (dice >> 6) % max;
	if (!(dice & 4) || !kev_delay_may_sleep()) {
		udelay(us);
		return;
	}
	usleep_range(us, 2 * us);
	if (!(dice & 0x38))
		rcu_barrier();
}
