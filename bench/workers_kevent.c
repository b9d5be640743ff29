// SPDX-License-Identifier: GPL-2.0
/*
 * Workers on kevent: all on one queue and its ring, under each wake policy, or
 * each on a queue of its own. The listener is edge-triggered; the event says how
 * many connections wait, and who gets it accepts so many.
 */

#include "counted.h"
#include "workers.h"

#define SLOTS	64u

/* The policy is in the low bits, flags of the watch in the high ones. */
#define OWN(req)	((uint32_t)(req) << 8 | KEVENT_WAKE_FIFO)

static void *open_queue(const struct http *h, uint32_t flags)
{
	struct kevent_ring *ring = xcalloc(1, sizeof(*ring));
	struct ukevent uk;

	if (kevent_init(ring, SLOTS, flags & 0xff, 0) < 0)
		die_errno("kevent_init");
	kevent_prep(&uk, KEVENT_SOCKET, (unsigned int)h->listener,
		    KEVENT_SOCKET_ACCEPT,
		    KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE | flags >> 8, 0);
	if (kevent_ctl_one(ring->fd, KEVENT_CTL_ADD, &uk) != 0)
		die_errno("KEVENT_CTL_ADD of the listener");
	return ring;
}

static void join_own(struct http *h, uint32_t flags)
{
	h->state = open_queue(h, flags);
}

static void serve(struct http *h)
{
	struct ukevent uk;
	uint32_t left;
	int num, fd;

	num = kevent_ring_take_wait(h->state, &uk, 1, 0, NULL);
	if (num < 0)
		die_errno("kevent_ring_take_wait");
	for (left = num ? uk.ret_data[1] : 0; left; left--) {
		fd = http_accept(h);
		if (fd < 0)
			break;
		http_answer(h, fd);
	}
}

#define WORKERS_RING(_mode, ...)					\
{									\
	.name = "kevent-ring", .mode = (_mode),				\
	.caps = MECH_KEVENT | MECH_WORKERS,				\
	.workers = &(const struct workers_ops){				\
		.serve = serve, __VA_ARGS__				\
	},								\
}

const struct mech_ops workers_ring_fifo =
	WORKERS_RING("shared-fifo", .open = open_queue,
		     .flags = KEVENT_WAKE_FIFO);
const struct mech_ops workers_ring_lifo =
	WORKERS_RING("shared-lifo", .open = open_queue,
		     .flags = KEVENT_WAKE_LIFO);
const struct mech_ops workers_ring_cpu =
	WORKERS_RING("shared-same-cpu", .open = open_queue,
		     .flags = KEVENT_WAKE_SAME_CPU);
const struct mech_ops workers_ring_own =
	WORKERS_RING("own", .join = join_own, .flags = OWN(0));
const struct mech_ops workers_ring_exclusive =
	WORKERS_RING("own-exclusive", .join = join_own,
		     .flags = OWN(KEVENT_REQ_EXCLUSIVE));
