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

static int kev_linger_arm(struct kev_linger *l)
{
	int err;

	lockdep_assert_held(&l->lock);
	if (l->armed)
		return 0;
	err = l->arm();
	l->armed = !err;
	return err;
}

static void kev_linger_disarm(struct kev_linger *l)
{
	mutex_lock(&l->lock);
	if (l->armed && !atomic_read(&l->users)) {
		l->disarm();
		l->armed = false;
	}
	mutex_unlock(&l->lock);
}

void kev_linger_work(struct work_struct *work)
{
	kev_linger_disarm(container_of(to_delayed_work(work), struct kev_linger,
				       work));
}

/* Nobody wants them now. */
static void kev_linger_start(struct kev_linger *l)
{
	mod_delayed_work(system_wq, &l->work,
			 min(kev_hook_linger, 86400u) * HZ);
}

/* At load: can they be armed?  If so, they are, for a while. */
int kev_linger_try(struct kev_linger *l)
{
	int err;

	mutex_lock(&l->lock);
	err = kev_linger_arm(l);
	mutex_unlock(&l->lock);
	if (!err)
		kev_linger_start(l);
	return err;
}

/* Somebody wants them, and has them when this returns.  May sleep. */
int kev_linger_get(struct kev_linger *l)
{
	int err;

	mutex_lock(&l->lock);
	err = kev_linger_arm(l);
	if (!err)
		atomic_inc(&l->users);
	mutex_unlock(&l->lock);
	return err;
}

/* Any context.  Takes no lock: a disarming under way may last. */
void kev_linger_put(struct kev_linger *l)
{
	if (atomic_dec_and_test(&l->users))
		kev_linger_start(l);
}

/* At unload: nobody wants them any more. */
void kev_linger_exit(struct kev_linger *l)
{
	WARN_ON_ONCE(atomic_read(&l->users));
	cancel_delayed_work_sync(&l->work);
	kev_linger_disarm(l);
}
