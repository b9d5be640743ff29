// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The backend of libevent for /dev/kevent.
 *
 * A base has a queue, and a watch for each fd.  The queue has no ring: a level-triggered event
 * has to be true when it is handed out (LAST_CHECK), which only a call can see to.
 *
 * Without the changelist each change is a call, whose errors event_add() returns.  With
 * it, one call makes all changes since the last wait.  A watch is ended by its cookie.  So it
 * does not matter that its fd may have been closed before that, or be another file's by now.
 */
#include "event2/event-config.h"
#include "evconfig-private.h"

#ifdef EVENT__HAVE_KEVENT_H

#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <kevent.h>

#include "event-internal.h"
#include "evsignal-internal.h"
#include "event2/thread.h"
#include "evthread-internal.h"
#include "log-internal.h"
#include "evmap-internal.h"
#include "changelist-internal.h"

#define EVENTS		32	/* that there is room for at first */
#define EVENTS_MAX	4096
#define BATCH		128	/* changes that go with one call */

struct kevent_op {
	int fd;
	int max;
	struct epoll_event *events;
	int num;
	struct ukevent changes[BATCH];
};

/* Of an fd; what the changelist needs comes first. */
struct kevent_fdinfo {
	int change;
	uint32_t cookie[2];	/* of the watch; 0: there is none */
};

static void *kevent_op_init(struct event_base *base);
static int kevent_op_add(struct event_base *base, evutil_socket_t fd, short old, short events,
			 void *fdinfo);
static int kevent_op_del(struct event_base *base, evutil_socket_t fd, short old, short events,
			 void *fdinfo);
static int kevent_op_dispatch(struct event_base *base, struct timeval *tv);
static void kevent_op_dealloc(struct event_base *base);

const struct eventop keventops = {
	"kevent",
	kevent_op_init,
	kevent_op_add,
	kevent_op_del,
	kevent_op_dispatch,
	kevent_op_dealloc,
	1,			/* a child has to make a queue of its own */
	EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE,
	sizeof(struct kevent_fdinfo)
};

static const struct eventop keventops_changelist = {
	"kevent",
	kevent_op_init,
	event_changelist_add_,
	event_changelist_del_,
	kevent_op_dispatch,
	kevent_op_dealloc,
	1,
	EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE,
	sizeof(struct kevent_fdinfo)
};

static int use_changelist(const struct event_base *base)
{
	if (base->flags & EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST)
		return 1;
	return !(base->flags & EVENT_BASE_FLAG_IGNORE_ENV) &&
	       evutil_getenv_("EVENT_KEVENT_USE_CHANGELIST");
}

static void *kevent_op_init(struct event_base *base)
{
	struct kevent_op *op = mm_calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->max = EVENTS;
	op->events = mm_calloc(op->max, sizeof(*op->events));
	op->fd = op->events ? kevent_init(NULL, 0, KEVENT_WAKE_FIFO, 0) : -1;
	if (op->fd < 0) {
		mm_free(op->events);
		mm_free(op);
		return NULL;
	}
	if (use_changelist(base))
		base->evsel = &keventops_changelist;
	evsig_init_(base);
	return op;
}

static void kevent_op_dealloc(struct event_base *base)
{
	struct kevent_op *op = base->evbase;

	evsig_dealloc_(base);
	close(op->fd);
	mm_free(op->events);
	mm_free(op);
}

/* ---- Changes ----------------------------------------------------------- */

static uint64_t cookie_of(const struct kevent_fdinfo *info)
{
	uint64_t cookie;

	memcpy(&cookie, info->cookie, sizeof(cookie));
	return cookie;
}

static void set_cookie(struct kevent_fdinfo *info, uint64_t cookie)
{
	memcpy(info->cookie, &cookie, sizeof(cookie));
}

/* Of what was wanted and what changes: what is wanted, and if that is by edges. */
static short wanted(const struct event_change *ch)
{
	short want = ch->old_events & (EV_READ | EV_WRITE | EV_CLOSED);

	if (ch->read_change)
		want = (want & ~EV_READ) | (ch->read_change & EV_CHANGE_ADD ? EV_READ : 0);
	if (ch->write_change)
		want = (want & ~EV_WRITE) | (ch->write_change & EV_CHANGE_ADD ? EV_WRITE : 0);
	if (ch->close_change)
		want = (want & ~EV_CLOSED) | (ch->close_change & EV_CHANGE_ADD ? EV_CLOSED : 0);
	if (want && (ch->read_change | ch->write_change | ch->close_change) & EV_CHANGE_ET)
		want |= EV_ET;
	return want;
}

static void prep_end(struct ukevent *uk, evutil_socket_t fd, struct kevent_fdinfo *info)
{
	kevent_prep(uk, KEVENT_POLL, (uint32_t)fd, 0,
		    KEVENT_REQ_COOKIE | KEVENT_REQ_CMD(KEVENT_CTL_REMOVE), 0);
	uk->cookie = cookie_of(info);
	set_cookie(info, 0);
}

static void prep_watch(struct ukevent *uk, unsigned int cmd, evutil_socket_t fd, short want)
{
	uint32_t bits = 0;

	if (want & EV_READ)
		bits |= KEVENT_POLL_POLLIN;
	if (want & EV_WRITE)
		bits |= KEVENT_POLL_POLLOUT;
	if (want & EV_CLOSED)
		bits |= KEVENT_POLL_POLLRDHUP;
	kevent_prep(uk, KEVENT_POLL, (uint32_t)fd, bits,
		    KEVENT_REQ_ALWAYS_QUEUE | KEVENT_REQ_CMD(cmd) |
		    (want & EV_ET ? KEVENT_REQ_ET : KEVENT_REQ_LAST_CHECK), (uint32_t)fd);
}

/* Returns 0 if there is nothing to be done. */
static int prep_change(struct ukevent *uk, const struct event_change *ch,
		       struct kevent_fdinfo *info)
{
	uint64_t cookie = cookie_of(info);
	short want = wanted(ch);

	if (!(ch->read_change | ch->write_change | ch->close_change))
		return 0;
	if (want) {
		prep_watch(uk, cookie ? KEVENT_CTL_MODIFY : KEVENT_CTL_ADD, ch->fd, want);
		/* it is found by its fd, but sooner with this */
		uk->cookie = cookie;
	} else if (cookie) {
		prep_end(uk, ch->fd, info);
	}
	return want || cookie;
}

/* Carries out a change.  Its errno, or 0. */
static int change(struct kevent_op *op, struct ukevent *uk)
{
	return ioctl(op->fd, KEVENT_IOC_CHANGE, uk) < 0 ? errno : 0;
}

/* Makes of a change that was carried out, or refused with err, what had to come of it. */
static int settle(struct event_base *base, struct ukevent *uk, int err)
{
	const evutil_socket_t fd = (evutil_socket_t)uk->id.raw[0];
	struct kevent_fdinfo *info = evmap_io_get_fdinfo_(&base->io, fd);
	struct kevent_op *op = base->evbase;
	struct ukevent old;

	if (uk->req_flags >> KEVENT_REQ_CMD_SHIFT == KEVENT_CTL_REMOVE)
		return 0;	/* ENOENT: it has ended, with its file */
	if (err == ENOENT) {
		/* fd is another file now, and the old one may be open elsewhere */
		prep_end(&old, fd, info);
		change(op, &old);
		uk->req_flags &= ~KEVENT_REQ_CMD(KEVENT_CTL_MODIFY);	/* that is ADD */
		uk->cookie = 0;
		err = change(op, uk);
	}
	if (err) {
		errno = err;
		event_warn("kevent: change of fd %d to events %x", (int)fd, uk->event);
		return -1;
	}
	if (!cookie_of(info))
		set_cookie(info, uk->cookie);
	return 0;
}

/* One change, now. */
static int change_events(struct event_base *base, evutil_socket_t fd, short old, short events,
			 ev_uint8_t how, struct kevent_fdinfo *info)
{
	struct event_change ch = { .fd = fd, .old_events = old };
	struct ukevent uk;

	how |= events & EV_ET;
	if (events & EV_READ)
		ch.read_change = how;
	if (events & EV_WRITE)
		ch.write_change = how;
	if (events & EV_CLOSED)
		ch.close_change = how;
	if (!prep_change(&uk, &ch, info))
		return 0;
	return settle(base, &uk, change(base->evbase, &uk));
}

static int kevent_op_add(struct event_base *base, evutil_socket_t fd, short old, short events,
			 void *fdinfo)
{
	return change_events(base, fd, old, events, EV_CHANGE_ADD, fdinfo);
}

static int kevent_op_del(struct event_base *base, evutil_socket_t fd, short old, short events,
			 void *fdinfo)
{
	return change_events(base, fd, old, events, EV_CHANGE_DEL, fdinfo);
}

static void change_all(struct event_base *base)
{
	struct kevent_op *op = base->evbase;
	int i;

	if (op->num && kevent_ctl(op->fd, KEVENT_CTL_MIXED, op->num, op->changes) < 0)
		event_warn("kevent: changes");
	for (i = 0; i < op->num; i++)
		settle(base, &op->changes[i], kevent_error(&op->changes[i]));
	op->num = 0;
}

/* Empties the changelist. */
static void take_changes(struct event_base *base)
{
	const struct event_changelist *list = &base->changelist;
	struct kevent_op *op = base->evbase;
	const struct event_change *ch;

	for (ch = list->changes; ch != list->changes + list->n_changes; ch++) {
		op->num += prep_change(&op->changes[op->num], ch,
				       evmap_io_get_fdinfo_(&base->io, ch->fd));
		if (op->num == BATCH)
			change_all(base);
	}
	change_all(base);
	event_changelist_remove_all_(&base->changelist, base);
}

/* ---- Waiting ----------------------------------------------------------- */

static int wait_for_events(const struct kevent_op *op, const struct timeval *tv)
{
	const int min = !tv || tv->tv_sec || tv->tv_usec;
	struct timespec ts;

	if (tv) {
		ts.tv_sec = tv->tv_sec;
		ts.tv_nsec = tv->tv_usec * 1000;
	}
	return kevent_get_events(op->fd, min, op->max, tv && min ? &ts : NULL,
				 (void *)op->events, KEVENT_FLAGS_EPOLL);
}

static void report(struct event_base *base, const struct epoll_event *ev)
{
	short events = EV_ET;

	if (ev->events & EPOLLERR || (ev->events & EPOLLHUP && !(ev->events & EPOLLRDHUP))) {
		events |= EV_READ | EV_WRITE;
	} else {
		if (ev->events & EPOLLIN)
			events |= EV_READ;
		if (ev->events & EPOLLOUT)
			events |= EV_WRITE;
		if (ev->events & EPOLLRDHUP)
			events |= EV_CLOSED;
	}
	evmap_io_active_(base, ev->data.fd, events);
}

/* The next call may have more to hand out. */
static void grow(struct kevent_op *op)
{
	struct epoll_event *events;

	events = mm_realloc(op->events, 2 * op->max * sizeof(*events));
	if (events) {
		op->events = events;
		op->max *= 2;
	}
}

static int kevent_op_dispatch(struct event_base *base, struct timeval *tv)
{
	struct kevent_op *op = base->evbase;
	int i, num;

	take_changes(base);
	EVBASE_RELEASE_LOCK(base, th_base_lock);
	num = wait_for_events(op, tv);
	EVBASE_ACQUIRE_LOCK(base, th_base_lock);
	if (num < 0 && errno != EINTR) {
		event_warn("kevent: wait");
		return -1;
	}
	for (i = 0; i < num; i++)
		report(base, &op->events[i]);
	if (num == op->max && op->max < EVENTS_MAX)
		grow(op);
	return 0;
}

#endif /* EVENT__HAVE_KEVENT_H */
