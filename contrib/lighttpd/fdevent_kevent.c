// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The backend of lighttpd's fdevent for /dev/kevent.
 *
 * The queue has no ring: after a graceful restart the server goes on in a child, which
 * has the queue, but would have no mapping.  What is to be reported is changed before the
 * next wait, all in one call.  Only the end of a watch does not wait, as its descriptor
 * may be closed next; it takes those changes along.
 */
#include "first.h"

#include "fdevent_impl.h"
#include "fdevent.h"
#include "buffer.h"
#include "log.h"

#ifdef FDEVENT_USE_KEVENT

#include <stdlib.h>

#include <kevent.h>

#define BATCH	128		/* changes of one call */

struct fdevent_kevent {
	int fd;
	unsigned int num;
	struct ukevent changes[BATCH];
	struct ukevent events[];	/* ev->maxfds */
};

_Static_assert(KEVENT_POLL_POLLIN == FDEVENT_IN && KEVENT_POLL_POLLPRI == FDEVENT_PRI &&
	       KEVENT_POLL_POLLOUT == FDEVENT_OUT && KEVENT_POLL_POLLERR == FDEVENT_ERR &&
	       KEVENT_POLL_POLLHUP == FDEVENT_HUP && KEVENT_POLL_POLLRDHUP == FDEVENT_RDHUP,
	       "the bits are poll's");

/* Carries out the changes.  What was refused is logged. */
static int fdevent_kevent_flush(fdevents *ev)
{
	struct fdevent_kevent *k = ev->kevent;
	unsigned int i, num = k->num;
	int left;

	k->num = 0;
	left = num ? kevent_ctl(k->fd, KEVENT_CTL_MIXED, num, k->changes) : 0;
	for (i = 0; left > 0 && i < num; i++) {
		errno = kevent_error(&k->changes[i]);
		if (!errno)
			continue;
		log_perror(ev->errh, __FILE__, __LINE__, "kevent: change of fd %d to events %x",
			   (int)k->changes[i].id.raw[0], k->changes[i].event);
		left--;
	}
	return left < 0 ? -1 : 0;
}

static int fdevent_kevent_change(fdevents *ev, unsigned int cmd, int fd, int events)
{
	struct fdevent_kevent *k = ev->kevent;

	kevent_prep(&k->changes[k->num++], KEVENT_POLL, (unsigned int)fd, (unsigned int)events,
		    KEVENT_REQ_CMD(cmd) | KEVENT_REQ_ALWAYS_QUEUE | KEVENT_REQ_LAST_CHECK, 0);
	return k->num < BATCH && cmd != KEVENT_CTL_REMOVE ? 0 : fdevent_kevent_flush(ev);
}

static int fdevent_kevent_event_del(fdevents *ev, fdnode *fdn)
{
	return fdevent_kevent_change(ev, KEVENT_CTL_REMOVE, fdn->fd, 0);
}

static int fdevent_kevent_event_set(fdevents *ev, fdnode *fdn, int events)
{
	unsigned int cmd = fdn->fde_ndx == -1 ? KEVENT_CTL_ADD : KEVENT_CTL_MODIFY;

	fdn->fde_ndx = fdn->fd;
	return fdevent_kevent_change(ev, cmd, fdn->fd, events);
}

static int fdevent_kevent_poll(fdevents *ev, int timeout_ms)
{
	const struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000 };
	struct fdevent_kevent *k = ev->kevent;
	const struct ukevent *uk;
	int num;

	if (fdevent_kevent_flush(ev) < 0)
		return -1;
	num = kevent_get_events(k->fd, timeout_ms != 0, ev->maxfds,
				timeout_ms > 0 ? &timeout : NULL, k->events, 0);
	for (uk = k->events; uk < k->events + num; uk++) {
		fdnode *fdn = ev->fdarray[uk->id.raw[0]];

		/* a handler before this one may have closed it; the low bits say so */
		if (fdn && !((uintptr_t)fdn & 0x3) && fdn->handler)
			fdn->handler(fdn->ctx, (int)uk->ret_data[0]);
	}
	return num;
}

static void fdevent_kevent_free(fdevents *ev)
{
	close(ev->kevent->fd);
	free(ev->kevent);
}

int fdevent_kevent_init(fdevents *ev)
{
	struct fdevent_kevent *k;

	ev->type = FDEVENT_HANDLER_KEVENT;
	ev->event_set = fdevent_kevent_event_set;
	ev->event_del = fdevent_kevent_event_del;
	ev->poll = fdevent_kevent_poll;
	ev->free = fdevent_kevent_free;

	k = ck_calloc(1, sizeof(*k) + ev->maxfds * sizeof(*k->events));
	k->fd = kevent_init(NULL, 0, KEVENT_WAKE_FIFO, 0);
	ev->kevent = k;
	if (k->fd >= 0)
		return 0;
	log_perror(ev->errh, __FILE__, __LINE__, "/dev/kevent");
	free(k);
	return -1;
}

#endif /* FDEVENT_USE_KEVENT */
