// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_UNOTIFY: events of the program's own, fired by READY.
 */
#include "../source.h"

static int kev_user_attach(struct kev_watch *w, struct file *file,
			   const struct ukevent *uk, struct kev_values *v)
{
	return 0;
}

static void kev_user_detach(struct kev_watch *w)
{
}

static void kev_user_fire(struct kev_watch *w, u32 bits)
{
	w->ev.ret_data[1]++;
	w->ev.ret_flags |= KEVENT_RET_DATA;
	kev_ready_locked(w, bits, 0, 0);
}

const struct kev_source_ops kev_source_user = {
	.name		= "kev_user",
	.size		= sizeof(struct kev_watch),
	.events		= ~0u,
	.req_flags	= KEV_REQ_COMMON,
	.attach		= kev_user_attach,
	.detach		= kev_user_detach,
	.fire		= kev_user_fire,
};
