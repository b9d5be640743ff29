/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Probes that are armed when they are first wanted, and disarmed long after they
 * were wanted last: kernel text is never patched by something that a user can
 * repeat at will.
 */
#ifndef KEV_HOOK_LINGER_H
#define KEV_HOOK_LINGER_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

/**
 * struct kev_linger - one set of probes
 * @users: who wants them.  Down without a lock, up under @lock.
 * @armed: under @lock.
 * @lock: held over @arm and @disarm.
 * @arm: may sleep.
 * @disarm: may sleep; afterwards nobody is in our text for them.
 * @work: disarms, unless somebody wants them again.
 */
struct kev_linger {
	atomic_t users;
	bool armed;
	struct mutex lock;	/* see @lock */
	int (*arm)(void);
	void (*disarm)(void);
	struct delayed_work work;
};

/* kev_NAME_linger, of kev_NAME_arm() and kev_NAME_disarm() */
#define DEFINE_KEV_LINGER(name)						\
	static struct kev_linger kev_##name##_linger = {		\
		.users	= ATOMIC_INIT(0),				\
		.lock	= __MUTEX_INITIALIZER(kev_##name##_linger.lock), \
		.arm	= kev_##name##_arm,				\
		.disarm	= kev_##name##_disarm,				\
		.work	= __DELAYED_WORK_INITIALIZER(			\
				kev_##name##_linger.work,		\
				kev_linger_work, 0),			\
	}

int kev_linger_try(struct kev_linger *l);
int kev_linger_get(struct kev_linger *l);
void kev_linger_put(struct kev_linger *l);
void kev_linger_exit(struct kev_linger *l);
void kev_linger_work(struct work_struct *work);

#endif /* KEV_HOOK_LINGER_H */
