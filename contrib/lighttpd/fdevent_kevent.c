// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The backend of lighttpd's fdevent for /dev/kevent.
 *
 * The queue has no ring: after a graceful restart the server goes on in a child, which
 * has the queue, but would have no mapping.  What is to be reported is changed before the
 * next wait, all in one call.  Only the end of a watch does not wait, as its descriptor
 * may be closed next; it takes those changes along.
 *
 * A file that is being sent goes on without us.  Until its end its socket is not watched for
 * room, which is the file's.
 */
#include "first.h"

#include "fdevent_impl.h"
#include "fdevent.h"
#include "fdevent_kevent.h"
#include "buffer.h"
#include "log.h"

#ifdef FDEVENT_USE_KEVENT

#include <stdlib.h>
#include <sys/ioctl.h>

#include <kevent.h>

#define BATCH	128		/* changes of one call */

struct fdevent_kevent {
	int fd;
	unsigned int num;
	struct ukevent changes[BATCH];
	struct fdevent_kevent_send *sends;	/* of each fd */
	struct ukevent events[];	/* ev->maxfds */
};

static fdevents *fdevent_kevent_ev;

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

	if (k->sends[fd].cookie)
		events &= ~FDEVENT_OUT;
	kevent_prep(&k->changes[k->num++], KEVENT_POLL, (unsigned int)fd, (unsigned int)events,
		    KEVENT_REQ_CMD(cmd) | KEVENT_REQ_ALWAYS_QUEUE | KEVENT_REQ_LAST_CHECK, 0);
	return k->num < BATCH && cmd != KEVENT_CTL_REMOVE ? 0 : fdevent_kevent_flush(ev);
}

static int fdevent_kevent_event_del(fdevents *ev, fdnode *fdn)
{
	struct fdevent_kevent *k = ev->kevent;
	struct fdevent_kevent_send *s = &k->sends[fdn->fd];

	/* what is being sent ends with it */
	if (s->cookie)
		kevent_remove_cookie(k->fd, s->cookie);
	memset(s, 0, sizeof(*s));
	return fdevent_kevent_change(ev, KEVENT_CTL_REMOVE, fdn->fd, 0);
}

static int fdevent_kevent_event_set(fdevents *ev, fdnode *fdn, int events)
{
	unsigned int cmd = fdn->fde_ndx == -1 ? KEVENT_CTL_ADD : KEVENT_CTL_MODIFY;

	fdn->fde_ndx = fdn->fd;
	return fdevent_kevent_change(ev, cmd, fdn->fd, events);
}

/* ---- Files ------------------------------------------------------------- */

/* The low bits say that it is being closed. */
static fdnode *fdevent_kevent_node(fdevents *ev, int fd)
{
	fdnode *fdn = ev->fdarray[fd];

	return (uintptr_t)fdn & 0x3 ? NULL : fdn;
}

struct fdevent_kevent_send *fdevent_kevent_send_of(int fd)
{
	fdevents *ev = fdevent_kevent_ev;

	return ev && fdevent_kevent_node(ev, fd) ? &ev->kevent->sends[fd] : NULL;
}

static void fdevent_kevent_sent(struct fdevent_kevent_send *s, const struct ukevent *uk)
{
	s->cookie = 0;
	s->over = 1;
	s->sent = (off_t)kevent_aio_position(uk) - s->offset;
	if (uk->ret_data[0] & KEVENT_AIO_HEADER)
		s->sent += s->header;
	s->error = kevent_aio_error(uk);
}

/*
 * A transfer has begun or ended: what the socket is watched for.  It is watched in any case,
 * so that the transfer ends with the watch.
 */
static void fdevent_kevent_rewatch(fdevents *ev, int fd)
{
	fdnode *fdn = fdevent_kevent_node(ev, fd);

	if (fdn->fde_ndx == -1 || (fdn->events & FDEVENT_OUT))
		fdevent_kevent_event_set(ev, fdn, fdn->events);
}

int fdevent_kevent_send(int fd, const char *header, off_t header_len, int in, off_t offset,
			off_t count)
{
	fdevents *ev = fdevent_kevent_ev;
	struct fdevent_kevent_send *s = &ev->kevent->sends[fd];
	struct kevent_ioc_sendfile sf = {
		.sock = fd,
		.in_fd = in,
		.offset = (uint64_t)offset,
		.count = (uint64_t)count,
		.header = (uintptr_t)header,
		.header_size = (uint32_t)header_len,
		.ptr = (uint32_t)fd,
	};
	int over = ioctl(ev->kevent->fd, KEVENT_IOC_AIO_SENDFILE, &sf);

	if (over < 0)
		return -1;
	s->offset = offset;
	s->count = count;
	s->header = header_len;
	if (over) {
		fdevent_kevent_sent(s, &sf.result);
		return 1;
	}
	s->cookie = sf.result.cookie;
	fdevent_kevent_rewatch(ev, fd);
	return 0;
}

/* ---- Waiting ----------------------------------------------------------- */

/* An event of a descriptor; its handler, if it is still wanted. */
static void fdevent_kevent_event(fdevents *ev, const struct ukevent *uk)
{
	int fd = (int)uk->id.raw[0], revents = (int)uk->ret_data[0];
	const fdnode *fdn;

	if (uk->type == KEVENT_AIO) {
		fd = (int)uk->ptr;
		/* a handler before this one may have ended it */
		if (ev->kevent->sends[fd].cookie != uk->cookie)
			return;
		fdevent_kevent_sent(&ev->kevent->sends[fd], uk);
		fdevent_kevent_rewatch(ev, fd);
		revents = FDEVENT_OUT;
	}
	fdn = fdevent_kevent_node(ev, fd);
	/* or closed it */
	if (fdn && fdn->handler)
		fdn->handler(fdn->ctx, revents);
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
	for (uk = k->events; uk < k->events + num; uk++)
		fdevent_kevent_event(ev, uk);
	return num;
}

static void fdevent_kevent_free(fdevents *ev)
{
	fdevent_kevent_ev = NULL;
	close(ev->kevent->fd);
	free(ev->kevent->sends);
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
	k->sends = ck_calloc(ev->maxfds, sizeof(*k->sends));
	ev->kevent = k;
	fdevent_kevent_ev = ev;
	if (k->fd >= 0)
		return 0;
	log_perror(ev->errh, __FILE__, __LINE__, "/dev/kevent");
	fdevent_kevent_free(ev);
	return -1;
}

#endif /* FDEVENT_USE_KEVENT */
