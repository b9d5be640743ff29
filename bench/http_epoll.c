// SPDX-License-Identifier: GPL-2.0
/* The toy server on epoll, level and edge. */

#include <sys/epoll.h>

#include "http.h"

struct http_epoll {
	int fd;
	struct epoll_event events[HTTP_CONNS];
};

static void epoll_register(struct http_epoll *e, int fd, uint32_t flags)
{
	struct epoll_event ev = { .events = EPOLLIN | flags, .data.fd = fd };

	if (unlikely(CALL(epoll_ctl(e->fd, EPOLL_CTL_ADD, fd, &ev))))
		die_errno("EPOLL_CTL_ADD");
}

static struct http_epoll *open_with(struct http *h, uint32_t flags)
{
	struct http_epoll *e = xcalloc(1, sizeof(*e));

	e->fd = epoll_create1(EPOLL_CLOEXEC);
	if (e->fd < 0)
		die_errno("epoll_create1");
	h->state = e;
	epoll_register(e, h->listener, flags);
	return e;
}

static void lt_open(struct http *h)
{
	open_with(h, 0);
}

static void et_open(struct http *h)
{
	open_with(h, EPOLLET);
}

static void lt_accept(struct http *h)
{
	epoll_register(h->state, http_accept(h), 0);
}

static void et_accept(struct http *h)
{
	int fd;

	while ((fd = http_accept(h)) >= 0)
		epoll_register(h->state, fd, EPOLLET);
}

static inline void serve_with(struct http *h, void (*accept)(struct http *h))
{
	struct http_epoll *e = h->state;
	int i, num;

	while (h->served < h->want) {
		num = CALL(epoll_wait(e->fd, e->events, HTTP_CONNS, -1));
		if (unlikely(num < 0))
			die_errno("epoll_wait");
		for (i = 0; i < num; i++) {
			const struct epoll_event *ev = &e->events[i];

			if (unlikely(!(ev->events & EPOLLIN)))
				die("events %#x", ev->events);
			if (ev->data.fd == h->listener)
				accept(h);
			else
				http_answer(h, ev->data.fd);
		}
	}
}

static void lt_serve(struct http *h)
{
	serve_with(h, lt_accept);
}

static void et_serve(struct http *h)
{
	serve_with(h, et_accept);
}

static const struct http_ops lt_ops = { .open = lt_open, .serve = lt_serve };
static const struct http_ops et_ops = { .open = et_open, .serve = et_serve };

const struct mech_ops http_epoll_lt = {
	.name = "epoll-lt", .mode = "lt", .caps = MECH_HTTP, .http = &lt_ops,
};

const struct mech_ops http_epoll_et = {
	.name = "epoll-et", .mode = "et", .caps = MECH_HTTP, .http = &et_ops,
};
