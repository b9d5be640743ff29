// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The backend of libevent for /dev/kevent.
 *
 * A base has a queue with a ring, and a watch for each fd.  Level-triggered events are true
 * when they are put into the ring, which happens in the call that waits (LAST_CHECK); those
 * that are edge-triggered are taken from the ring, without a call while there are some.
 *
 * Without the changelist each change is a call, whose errors event_add() returns.  With
 * it, all changes since the last wait are part of the call that waits.  A watch is ended
 * by its cookie.  So it does not matter that its fd may have been closed before that, or
 * be another file's by now.
 */
#include "event2/event-config.h"
#include "evconfig-private.h"

#ifdef EVENT__HAVE_KEVENT_H

#include <sys/types.h>
#include <sys/time.h>
#include <kevent.h>

#include "event-internal.h"
#include "evsignal-internal.h"
#include "event2/thread.h"
#include "evthread-internal.h"
#include "log-internal.h"
#include "evmap-internal.h"
#include "changelist-internal.h"

#define RING_SIZE	1024
#define BATCH		128	/* changes that go with one call */

struct kevent_op {
	struct kevent_ring ring;
	pid_t pid;		/* who has the ring mapped */
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
	if (kevent_init(&op->ring, RING_SIZE, KEVENT_WAKE_FIFO, 0) < 0) {
		mm_free(op);
		return NULL;
	}
	op->pid = getpid();
	if (use_changelist(base))
		base->evsel = &keventops_changelist;
	evsig_init_(base);
	return op;
}

static void kevent_op_dealloc(struct event_base *base)
{
	struct kevent_op *op = base->evbase;

	evsig_dealloc_(base);
	if (op->pid == getpid())
		kevent_destroy(&op->ring);
	else		/* fork copies no mapping of a ring */
		close(op->ring.fd);
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
	if (want)
		prep_watch(uk, cookie ? KEVENT_CTL_MODIFY : KEVENT_CTL_ADD, ch->fd, want);
	else if (cookie)
		prep_end(uk, ch->fd, info);
	return want || cookie;
}

/* Carries out a change.  Its errno, or 0. */
static int change(struct kevent_op *op, struct ukevent *uk)
{
	return ioctl(op->ring.fd, KEVENT_IOC_CHANGE, uk) < 0 ? errno : 0;
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

/* Looks at the results of a call that had the changes.  Returns how many were refused. */
static int settle_changes(struct event_base *base)
{
	struct kevent_op *op = base->evbase;
	int i, err, refused = 0;

	for (i = 0; i < op->num; i++) {
		err = kevent_error(&op->changes[i]);
		refused += !!err;
		settle(base, &op->changes[i], err);
	}
	op->num = 0;
	return refused;
}

/* Empties the changelist.  Those that are left over go with the call that waits. */
static void take_changes(struct event_base *base)
{
	const struct event_changelist *list = &base->changelist;
	struct kevent_op *op = base->evbase;
	const struct event_change *ch;

	for (ch = list->changes; ch != list->changes + list->n_changes; ch++) {
		op->num += prep_change(&op->changes[op->num], ch,
				       evmap_io_get_fdinfo_(&base->io, ch->fd));
		if (op->num == BATCH) {
			if (kevent_ctl(op->ring.fd, KEVENT_CTL_MIXED, BATCH, op->changes) < 0)
				event_warn("kevent: changes");
			settle_changes(base);
		}
	}
	event_changelist_remove_all_(&base->changelist, base);
}

/* ---- Waiting ----------------------------------------------------------- */

static int wait_for_batch(struct kevent_op *op, const struct timeval *tv)
{
	struct timespec ts;

	if (tv) {
		ts.tv_sec = tv->tv_sec;
		ts.tv_nsec = tv->tv_usec * 1000;
	}
	if (op->num)
		return kevent_ring_wait_changes(&op->ring, 0, tv ? &ts : NULL,
						op->changes, op->num);
	if (tv && !tv->tv_sec && !tv->tv_usec)
		return kevent_ring_poll(&op->ring, 0);
	return kevent_ring_wait_some(&op->ring, 0, tv ? &ts : NULL);
}

static void report_batch(struct event_base *base)
{
	struct kevent_op *op = base->evbase;
	const struct ukevent *uk;

	while ((uk = kevent_ring_more(&op->ring))) {
		const uint32_t bits = uk->ret_data[0];
		short events = EV_ET;

		if (bits & KEVENT_POLL_POLLERR ||
		    (bits & KEVENT_POLL_POLLHUP && !(bits & KEVENT_POLL_POLLRDHUP))) {
			events |= EV_READ | EV_WRITE;
		} else {
			if (bits & KEVENT_POLL_POLLIN)
				events |= EV_READ;
			if (bits & KEVENT_POLL_POLLOUT)
				events |= EV_WRITE;
			if (bits & KEVENT_POLL_POLLRDHUP)
				events |= EV_CLOSED;
		}
		evmap_io_active_(base, (evutil_socket_t)uk->ptr, events);
	}
}

static int kevent_op_dispatch(struct event_base *base, struct timeval *tv)
{
	struct kevent_op *op = base->evbase;
	int ret, err;

	take_changes(base);
	EVBASE_RELEASE_LOCK(base, th_base_lock);
	ret = wait_for_batch(op, tv);
	err = errno;
	EVBASE_ACQUIRE_LOCK(base, th_base_lock);

	/* What was refused has been done in another way, and may be ready. */
	if (settle_changes(base) && ret >= 0)
		kevent_ring_poll(&op->ring, 0);
	if (ret < 0 && err != EINTR) {
		errno = err;
		event_warn("kevent: wait");
		return -1;
	}
	report_batch(base);
	return 0;
}

#endif /* EVENT__HAVE_KEVENT_H */
