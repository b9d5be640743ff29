// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for a page of a file that is being read: on the page's own wait queue, where
 * a module can get there.  By 7.2 it can't, and the transfer looks again after a while;
 * all of this can go with the last kernel before.
 */
#include "../compat/pagecache.h"

#ifdef KEV_HAVE_FOLIO_ADD_WAIT_QUEUE

#include <linux/module.h>
#include <linux/slab.h>

#include "../delay.h"
#include "aio_page.h"
#include "transfer.h"

/**
 * struct kev_page_wait - on the wait queue of a page that is being read
 * @lock: @a, @queued.  Outside queue->lock.
 * @a: the transfer that waits; NULL: it is gone.
 * @queued: until the page is unlocked, however long that takes: it can't be taken off.
 * @page: what is waited for.
 */
struct kev_page_wait {
	raw_spinlock_t lock;
	struct kev_aio *a;
	bool queued;
	struct wait_page_queue page;
};

/*
 * All waits of all users: whoever unlocks a page looks at each that is on the same
 * queue, with irqs off.
 */
#define KEV_PAGE_WAITS_MAX	4096

static atomic_t kev_page_waits;

/* Under the lock of the page's queue. */
static int kev_page_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
			 void *key)
{
	struct kev_page_wait *p = container_of(wait, struct kev_page_wait,
					       page.wait);
	unsigned long flags;
	bool gone;

	if (!wake_page_match(&p->page, key))
		return 0;
	list_del_init(&wait->entry);
	raw_spin_lock_irqsave(&p->lock, flags);
	p->queued = false;
	gone = !p->a;
	if (!gone)
		kev_aio_tell(p->a);
	raw_spin_unlock_irqrestore(&p->lock, flags);
	if (gone)
		kfree(p);
	atomic_dec(&kev_page_waits);
	/* the code is there until all CPUs have left such places: see kev_page_wait_exit() */
	module_put(THIS_MODULE);
	return 1;
}

struct kev_page_wait *kev_page_wait_make(struct kev_aio *a)
{
	struct kev_page_wait *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);

	if (!p)
		return NULL;
	raw_spin_lock_init(&p->lock);
	p->a = a;
	p->page.bit_nr = PG_locked;
	init_waitqueue_func_entry(&p->page.wait, kev_page_wake);
	return p;
}

void kev_page_wait_drop(struct kev_page_wait *p)
{
	bool queued;

	if (!p)
		return;
	raw_spin_lock_irq(&p->lock);
	p->a = NULL;
	queued = p->queued;
	raw_spin_unlock_irq(&p->lock);
	if (!queued)
		kfree(p);
}

/*
 * False: it waits for another page still, of a turn before, or too many wait for one.
 */
bool kev_page_wait_begin(struct kev_page_wait *p, struct folio *folio)
{
	bool same = false, queued;

	if (atomic_read(&kev_page_waits) >= KEV_PAGE_WAITS_MAX)
		return false;
	raw_spin_lock_irq(&p->lock);
	queued = p->queued;
	if (queued)
		same = p->page.folio == folio;
	p->queued = true;
	if (!queued)
		p->page.folio = folio;
	raw_spin_unlock_irq(&p->lock);
	if (queued)
		return same;
	atomic_inc(&kev_page_waits);
	__module_get(THIS_MODULE);
	folio_add_wait_queue(folio, &p->page.wait);
	KEV_DELAY(AIO_PAGE_HOOKED);
	/* if it was unlocked before that, this unlock wakes us */
	if (folio_trylock(folio))
		folio_unlock(folio);
	return true;
}

/* A wake-up of a page that has just given back the module may be at its last steps. */
void kev_page_wait_exit(void)
{
	synchronize_rcu();
}

#endif
