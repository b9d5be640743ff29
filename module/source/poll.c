// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_POLL: any file that poll(2) can wait for, by the bits of poll(2).
 */
#include "../hook/waitqueue.h"
#include "../ready.h"

#define KEV_POLL_EVENTS	(KEVENT_POLL_POLLIN | KEVENT_POLL_POLLPRI | \
			 KEVENT_POLL_POLLOUT | KEVENT_POLL_POLLERR | \
			 KEVENT_POLL_POLLHUP | KEVENT_POLL_POLLRDNORM | \
			 KEVENT_POLL_POLLRDBAND | KEVENT_POLL_POLLWRNORM | \
			 KEVENT_POLL_POLLWRBAND | KEVENT_POLL_POLLMSG | \
			 KEVENT_POLL_POLLRDHUP)

static_assert(KEVENT_POLL_POLLRDHUP == (__force u32)EPOLLRDHUP);

static u32 kev_poll_flags(u32 bits)
{
	return bits & KEV_KEY_ALWAYS ? KEVENT_RET_BROKEN : 0;
}

static noinline int kev_poll_wake_ask(struct kev_watch *w, u32 want, void *key,
				      int sync)
{
	u32 bits;

	if (kev_hook_wake(kev_poll_of(w), want, key, &bits))
		return 1;
	if (!bits)
		return 0;
	return kev_ready_values(w, bits, kev_poll_flags(bits), 0, 0, sync);
}

static __always_inline int kev_poll_woken(wait_queue_entry_t *wait, int sync,
					  void *key, bool irqs_off)
{
	struct kev_watch *w = &kev_poll_of_wait(wait)->watch;
	u32 want, bits;

	OPTIMIZER_HIDE_VAR(w);	/* one base register, not two */
	want = READ_ONCE(w->ev.event) | KEV_KEY_ALWAYS;
	if (unlikely(!kev_key_tells(want, key, &bits)))
		return kev_poll_wake_ask(w, want, key, sync);
	return bits && kev_ready(w, bits, sync, irqs_off);
}

static int kev_poll_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
			 void *key)
{
	return kev_poll_woken(wait, sync, key, false);
}

/* For files that are known to wake with irqs off: see kev_hook_class(). */
static int kev_poll_wake_irqs_off(wait_queue_entry_t *wait, unsigned int mode,
				  int sync, void *key)
{
	return kev_poll_woken(wait, sync, key, true);
}

static int kev_poll_check(struct file *file, const struct ukevent *uk)
{
	return file && !file_can_poll(file) ? -EPERM : 0;
}

static int kev_poll_attach(struct kev_watch *w, struct file *file,
			   const struct ukevent *uk, struct kev_values *v)
{
	wait_queue_func_t wake = kev_poll_wake;

	if (kev_watch_kind(w) & (KEV_W_ASK_HERE | KEV_W_ASK_TCP))
		wake = kev_poll_wake_irqs_off;
	if (kev_hook_attach(kev_poll_of(w), file, wake, &v->bits))
		return -ENOMEM;
	v->bits &= READ_ONCE(w->ev.event) | KEV_KEY_ALWAYS;
	v->ret_flags = kev_poll_flags(v->bits);
	return 0;
}

static void kev_poll_ask(struct kev_watch *w, struct file *file,
			 struct kev_values *v)
{
	v->bits = kev_hook_ask(file, READ_ONCE(w->ev.event) | KEV_KEY_ALWAYS);
	v->ret_flags = kev_poll_flags(v->bits);
}

const struct kev_source_ops kev_source_poll = {
	.name		= "kev_poll",
	.size		= sizeof(struct kev_poll),
	.events		= KEV_POLL_EVENTS,
	.req_flags	= KEV_REQ_FILE,
	.has_file	= true,
	.check		= kev_poll_check,
	.prepare	= kev_hook_prepare,
	.attach		= kev_poll_attach,
	.detach		= kev_hook_detach,
	.ask		= kev_poll_ask,
};
