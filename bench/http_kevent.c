// SPDX-License-Identifier: GPL-2.0
/*
 * The toy server on kevent's ring. The listener's event says how many
 * connections wait, so nothing is accepted in vain; a connection's says how
 * many bytes came. Requests that are there when the connection is added come
 * back as the result of its entry.
 */

#include "counted.h"

#define SLOTS	(4 * HTTP_CONNS)

struct http_kevent {
	struct kevent_ring ring;
	unsigned int num;			/* changes to be made */
	struct ukevent changes[HTTP_CONNS];
};

static void prep_conn(struct ukevent *uk, int fd)
{
	kevent_prep(uk, KEVENT_SOCKET, (unsigned int)fd, KEVENT_SOCKET_RECV,
		    KEVENT_REQ_ET, (unsigned int)fd);
}

static void kevent_setup(struct http *h)
{
	struct http_kevent *k = xcalloc(1, sizeof(*k));
	struct ukevent uk;

	if (kevent_init(&k->ring, SLOTS, KEVENT_WAKE_FIFO, 0) < 0)
		die_errno("kevent_init");
	kevent_prep(&uk, KEVENT_SOCKET, (unsigned int)h->listener,
		    KEVENT_SOCKET_ACCEPT, KEVENT_REQ_ET,
		    (unsigned int)h->listener);
	if (kevent_ctl_one(k->ring.fd, KEVENT_CTL_ADD, &uk) != 0)
		die_errno("KEVENT_CTL_ADD of the listener");
	h->state = k;
}

/* A request, in an event or as the result of an ADD. */
static void on_request(struct http *h, const struct ukevent *uk)
{
	if (unlikely(uk->ret_data[0] != KEVENT_SOCKET_RECV ||
		     !(uk->ret_flags & KEVENT_RET_DATA) ||
		     uk->ret_data[1] != HTTP_REQUEST_LEN))
		die("event of a connection: bits %#x, %u bytes",
		    uk->ret_data[0], uk->ret_data[1]);
	http_answer(h, (int)uk->user[0]);
}

static uint32_t backlog(const struct ukevent *uk)
{
	if (unlikely(uk->ret_data[0] != KEVENT_SOCKET_ACCEPT ||
		     !(uk->ret_flags & KEVENT_RET_DATA)))
		die("event of the listener: bits %#x, flags %#x",
		    uk->ret_data[0], uk->ret_flags);
	return uk->ret_data[1];
}

/* A result of ADD: refused, ready at once, or to be waited for. */
static void on_result(struct http *h, const struct ukevent *uk)
{
	if (!(uk->ret_flags & KEVENT_RET_DONE))
		return;
	if (unlikely(kevent_error(uk)))
		die("ADD: errno %d", kevent_error(uk));
	on_request(h, uk);
}

/* ---- A call for each change -------------------------------------------- */

static void plain_accept(struct http *h, uint32_t num)
{
	struct http_kevent *k = h->state;
	struct ukevent uk;
	int fd;

	while (num-- && (fd = http_accept(h)) >= 0) {
		prep_conn(&uk, fd);
		if (unlikely(kevent_ctl(k->ring.fd, KEVENT_CTL_ADD, 1, &uk) < 0))
			die_errno("KEVENT_CTL_ADD");
		on_result(h, &uk);
	}
}

static void plain_serve(struct http *h)
{
	struct http_kevent *k = h->state;
	const struct ukevent *uk;

	while (h->served < h->want) {
		while ((uk = kevent_ring_next(&k->ring))) {
			if ((int)uk->user[0] == h->listener)
				plain_accept(h, backlog(uk));
			else
				on_request(h, uk);
		}
		if (h->served < h->want &&
		    kevent_ring_wait(&k->ring, NULL) < 0)
			die_errno("KEVENT_IOC_WAIT");
	}
}

/* ---- Changes together with WAIT ---------------------------------------- */

static void batched_accept(struct http *h, uint32_t num)
{
	struct http_kevent *k = h->state;
	int fd;

	while (num-- && k->num < HTTP_CONNS && (fd = http_accept(h)) >= 0)
		prep_conn(&k->changes[k->num++], fd);
}

/* Changes need no sleep: some are ready at once. */
static void batched_wait(struct http *h)
{
	struct http_kevent *k = h->state;
	struct kevent_ioc_wait wait;
	unsigned int i;

	memset(&wait, 0, sizeof(wait));
	wait.changes = (uintptr_t)k->changes;
	wait.nchanges = k->num;
	wait.min = !k->num;
	wait.clockid = CLOCK_MONOTONIC;
	if (unlikely(ioctl(k->ring.fd, KEVENT_IOC_WAIT, &wait) < 0))
		die_errno("KEVENT_IOC_WAIT");
	for (i = 0; i < k->num; i++)
		on_result(h, &k->changes[i]);
	k->num = 0;
}

static void batched_serve(struct http *h)
{
	struct http_kevent *k = h->state;
	const struct ukevent *uk;

	while (h->served < h->want) {
		while ((uk = kevent_ring_next(&k->ring))) {
			if ((int)uk->user[0] == h->listener)
				batched_accept(h, backlog(uk));
			else
				on_request(h, uk);
		}
		if (h->served < h->want)
			batched_wait(h);
	}
}

static const struct http_ops plain_ops = {
	.open = kevent_setup, .serve = plain_serve,
};

static const struct http_ops batched_ops = {
	.open = kevent_setup, .serve = batched_serve,
};

const struct mech_ops http_ring_plain = {
	.name = "kevent-ring", .mode = "plain",
	.caps = MECH_KEVENT | MECH_HTTP, .http = &plain_ops,
};

const struct mech_ops http_ring_batched = {
	.name = "kevent-ring", .mode = "batched",
	.caps = MECH_KEVENT | MECH_HTTP, .http = &batched_ops,
};
