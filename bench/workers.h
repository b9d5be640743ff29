/* SPDX-License-Identifier: GPL-2.0 */
/* The pool of work_workers.c, and the ways in which its threads learn of connections. */
#ifndef WORKERS_H
#define WORKERS_H

#include <netinet/in.h>

#include "http.h"

#define WORKERS		16u

/**
 * struct worker - a thread that serves connections
 * @http: its listener; how many it has served; @state is the mechanism's.
 * @calls: system calls that it has made.
 * @tid: of the thread.
 */
struct worker {
	struct http http;
	unsigned int calls;
	int tid;
};

/**
 * struct workers_ops - a way to share connections
 * @flags: for the mechanism itself.
 * @reuseport: has each worker a listener of its own, with SO_REUSEPORT?
 * @open: makes what they share, from the listener of the first; or NULL. Is told
 *	the flags, and returns what becomes @state of each.
 * @join: called for each, with the flags; or NULL.
 * @serve: sleep once, and serve what is there.
 */
struct workers_ops {
	uint32_t flags;
	bool reuseport;
	void *(*open)(const struct http *h, uint32_t flags);
	void (*join)(struct http *h, uint32_t flags);
	void (*serve)(struct http *h);
};

extern const struct workers_ops workers_blocking;
extern const struct mech_ops workers_epoll_lt, workers_epoll_et,
	workers_epoll_own, workers_epoll_exclusive, workers_epoll_reuseport;
extern const struct mech_ops workers_ring_fifo, workers_ring_lifo,
	workers_ring_cpu, workers_ring_own, workers_ring_exclusive;

#endif /* WORKERS_H */
