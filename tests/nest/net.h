/* SPDX-License-Identifier: GPL-2.0 */
/* Queues and epolls that watch each other, linked in any order. */
#ifndef KEVENT_TEST_NET_H
#define KEVENT_TEST_NET_H

#include "../source/kinds.h"

enum { NODES_MAX = 48 };

/**
 * struct node - a queue or an epoll
 * @fd: of it.
 * @queue: it is a queue.
 * @ring: of the queue.
 */
struct node {
	int fd;
	bool queue;
	struct kevent_ring ring;
};

/**
 * struct net - nodes, and what makes the lowest one ready
 * @num: nodes.
 * @node: them.
 * @source: an eventfd.
 * @stop: for whoever scribbles.
 */
struct net {
	int num;
	struct node node[NODES_MAX];
	int source;
	int stop;
};

static inline void node_make(struct node *n, bool queue)
{
	n->queue = queue;
	n->fd = queue ? kev_queue(&n->ring, 16) :
			CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
}

/* Returns 0 or an errno: too deep or a circle may be refused. */
static inline int node_link(const struct node *n, int fd, bool edge)
{
	struct epoll_event ev = {
		.events = edge ? EPOLLIN | EPOLLET : EPOLLIN,
	};

	if (n->queue)
		return kev_try(n->fd, KEVENT_CTL_ADD, KEVENT_POLL, fd, POLLIN,
			       edge ? KEVENT_REQ_ET : 0);
	return epoll_ctl(n->fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? errno : 0;
}

/* Refusals that a program can expect. */
static inline bool link_ok(int error)
{
	if (error && error != ELOOP && error != EINVAL)
		FAIL("link: %s", test_errno_name(error));
	return !error;
}

/* The bits of kinds say which nodes are queues. */
static inline void net_make(struct net *net, int num, uint64_t pattern)
{
	int i;

	memset(net, 0, sizeof(*net));
	net->num = num;
	net->source = CHECK_OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	for (i = 0; i < num; i++)
		node_make(&net->node[i], (pattern >> i) & 1);
}

static inline void net_close(struct net *net, bool from_top)
{
	int i;

	for (i = 0; i < net->num; i++) {
		struct node *n = &net->node[from_top ? net->num - 1 - i : i];

		close(n->fd);
		if (n->queue)
			kevent_ring_unmap(&n->ring);
	}
	close(net->source);
}

static inline void source_raise(struct net *net)
{
	uint64_t one = 1;

	CHECK_EQ(write(net->source, &one, 8), 8);
}

static inline void source_lower(struct net *net)
{
	drain(net->source);
}

/* Takes one event of a node, if it has one; a broken ring has none. */
static inline int node_take(const struct node *n)
{
	struct epoll_event ev;
	struct ukevent uk;

	if (n->queue)
		return kevent_get_events(n->fd, 0, 1, NULL, &uk, 0) == 1;
	return epoll_wait(n->fd, &ev, 1, 0) == 1;
}

/* Each node watches the one below it; the lowest watches the source. */
static inline bool net_chain(struct net *net, bool edge, bool from_top)
{
	bool whole = true;
	int i, j;

	for (i = 0; i < net->num; i++) {
		j = from_top ? net->num - 1 - i : i;
		whole &= link_ok(node_link(&net->node[j],
					   j ? net->node[j - 1].fd :
					       net->source, edge));
	}
	return whole;
}

/* Everybody writes nonsense where the program may write. */
static inline void *net_scribble(void *arg)
{
	struct net *net = arg;
	unsigned int seed = 8;
	int i = 0;

	while (!__atomic_load_n(&net->stop, __ATOMIC_RELAXED)) {
		struct node *n = &net->node[i++ % net->num];
		uint32_t v = rand_r(&seed) * 3u;

		if (!n->queue)
			continue;
		if (v & 0x100)
			v &= 15;
		__atomic_store_n(v & 1 ? &n->ring.user->seen :
					 &n->ring.user->head, v,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

#endif
