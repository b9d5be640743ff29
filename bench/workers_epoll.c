// SPDX-License-Identifier: GPL-2.0
/*
 * Workers that sleep in epoll: all in one, or each in one of its own. With level
 * triggering one connection is accepted a wake-up, with edges all that there are.
 */

#include <sys/epoll.h>

#include "workers.h"

static int *watch(int listener, uint32_t flags)
{
	struct epoll_event ev = { .events = EPOLLIN | flags, .data.fd = listener };
	int *epoll = xcalloc(1, sizeof(*epoll));

	*epoll = epoll_create1(EPOLL_CLOEXEC);
	if (*epoll < 0 || epoll_ctl(*epoll, EPOLL_CTL_ADD, listener, &ev) < 0)
		die_errno("epoll");
	return epoll;
}

static void *open_shared(const struct http *h, uint32_t flags)
{
	return watch(h->listener, flags);
}

static void join_own(struct http *h, uint32_t flags)
{
	h->state = watch(h->listener, flags);
}

static bool wait_one(struct http *h)
{
	struct epoll_event ev;
	int num = CALL(epoll_wait(*(int *)h->state, &ev, 1, -1));

	if (num < 0)
		die_errno("epoll_wait");
	return num;
}

static void lt_serve(struct http *h)
{
	int fd = wait_one(h) ? http_accept(h) : -1;

	if (fd >= 0)
		http_answer(h, fd);
}

static void et_serve(struct http *h)
{
	int fd;

	if (!wait_one(h))
		return;
	while ((fd = http_accept(h)) >= 0)
		http_answer(h, fd);
}

#define WORKERS_EPOLL(_name, _mode, ...)				\
{									\
	.name = (_name), .mode = (_mode), .caps = MECH_WORKERS,		\
	.workers = &(const struct workers_ops){ __VA_ARGS__ },		\
}

const struct mech_ops workers_epoll_lt =
	WORKERS_EPOLL("epoll-lt", "shared",
		      .open = open_shared, .serve = lt_serve);
const struct mech_ops workers_epoll_et =
	WORKERS_EPOLL("epoll-et", "shared", .flags = EPOLLET,
		      .open = open_shared, .serve = et_serve);
const struct mech_ops workers_epoll_own =
	WORKERS_EPOLL("epoll-lt", "own", .join = join_own, .serve = lt_serve);
const struct mech_ops workers_epoll_exclusive =
	WORKERS_EPOLL("epoll-lt", "own-exclusive", .flags = EPOLLEXCLUSIVE,
		      .join = join_own, .serve = lt_serve);
const struct mech_ops workers_epoll_reuseport =
	WORKERS_EPOLL("epoll-lt", "reuseport", .reuseport = true,
		      .join = join_own, .serve = lt_serve);
