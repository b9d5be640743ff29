// SPDX-License-Identifier: GPL-2.0
/*
 * Arming and disarming probes, when and how often.
 */
#include <linux/minmax.h>
#include <linux/moduleparam.h>

#include "linger.h"

static unsigned int kev_hook_linger = 60;
module_param_named(hook_linger, kev_hook_linger, uint, 0444);
MODULE_PARM_DESC(hook_linger,
		 "Hooks stay for so many seconds after their last use (default 60)");

void kev_linger_work(struct work_struct *work)
{
	struct kev_linger *l = container_of(to_delayed_work(work),
					    struct kev_linger, work);

	mutex_lock(&l->lock);
	if (l->armed && !atomic_read(&l->users)) {
		l->disarm();
		l->armed = false;
	}
	mutex_unlock(&l->lock);
}

/* Somebody wants them, and has them when this returns.  May sleep. */
int kev_linger_get(struct kev_linger *l)
{
	int err = 0;

	mutex_lock(&l->lock);
	if (!l->armed)
		err = l->arm();
	l->armed = !err;
	if (!err)
		atomic_inc(&l->users);
	mutex_unlock(&l->lock);
	return err;
}

/* Any context.  Takes no lock: a disarming under way may last. */
void kev_linger_put(struct kev_linger *l)
{
	if (atomic_dec_and_test(&l->users))
		mod_delayed_work(system_long_wq, &l->work,
				 min(kev_hook_linger, 86400u) * HZ);
}

/* At load: can they be armed?  If so, they are, for a while. */
int kev_linger_try(struct kev_linger *l)
{
	int err = kev_linger_get(l);

	if (!err)
		kev_linger_put(l);
	return err;
}

/* At unload: nobody wants them any more. */
void kev_linger_exit(struct kev_linger *l)
{
	WARN_ON_ONCE(atomic_read(&l->users));
	cancel_delayed_work_sync(&l->work);
	kev_linger_work(&l->work.work);
}
