// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_UNOTIFY: events of the program's own, fired by READY.  With PAYLOAD
 * each takes an entry of its own and carries the ptr of its READY; then a
 * bounded number of them waits while the ring is full.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "../quota.h"
#include "../ready.h"
#include "../source.h"

#define KEV_LETTERS_DEFAULT	64
#define KEV_LETTERS_MAX		65536

static int kev_user_check(const struct ukevent *uk)
{
	return (uk->req_flags & KEVENT_REQ_PAYLOAD) &&
	       (uk->req_flags & (KEVENT_REQ_ONESHOT | KEVENT_REQ_DISPATCH)) ?
	       -EINVAL : 0;
}

static int kev_user_alloc(struct kev_watch *w, u32 size)
{
	struct kev_user *account = w->queue->account;
	struct kev_mailbox *m = kev_mailbox_of(w);
	struct kev_letter *letters;
	size_t bytes;

	size = roundup_pow_of_two(size ?: KEV_LETTERS_DEFAULT);
	bytes = size * sizeof(*letters);
	if (!kev_user_charge_bytes(account, bytes))
		return -ENOSPC;
	letters = kvmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!letters) {
		kev_user_uncharge_bytes(account, bytes);
		return -ENOMEM;
	}
	/* READY may find the watch before ADD returns */
	raw_spin_lock_irq(&w->queue->lock);
	m->letters = letters;
	m->size = size;
	raw_spin_unlock_irq(&w->queue->lock);
	return 0;
}

static int kev_user_attach(struct kev_watch *w, struct file *file,
			   const struct ukevent *uk, struct kev_values *v)
{
	if (uk->param[1] || uk->param[2] || uk->param[0] > KEV_LETTERS_MAX)
		return -EINVAL;
	if (uk->req_flags & KEVENT_REQ_PAYLOAD)
		return kev_user_alloc(w, uk->param[0]);
	return uk->param[0] ? -EINVAL : 0;
}

/* DEAD, so no READY posts to it. */
static void kev_user_detach(struct kev_watch *w)
{
	struct kev_mailbox *m = kev_mailbox_of(w);

	kev_user_uncharge_bytes(w->queue->account,
				m->size * sizeof(*m->letters));
	kvfree(m->letters);
	m->letters = NULL;
	m->size = 0;
}

static int kev_user_fire(struct kev_watch *w, u32 bits,
			 const struct ukevent *uk)
{
	if (w->state & KEV_W_EACH)
		/* the first letter may be that of ADD itself */
		return w->state & KEV_W_ADDING ? -EAGAIN :
		       kev_post_letter(w, bits, uk->ptr);
	kev_ready_total(w, bits, 1, 0);
	return 0;
}

static void kev_user_params(struct kev_watch *w, u64 *param)
{
	param[0] = kev_mailbox_of(w)->size;
}

const struct kev_source_ops kev_source_user = {
	.name		= "kev_user",
	.size		= sizeof(struct kev_mailbox),
	.events		= ~0u,
	.req_flags	= KEV_REQ_COMMON | KEVENT_REQ_PAYLOAD,
	.has_params	= true,
	.check		= kev_user_check,
	.attach		= kev_user_attach,
	.detach		= kev_user_detach,
	.params		= kev_user_params,
	.fire		= kev_user_fire,
};
