// SPDX-License-Identifier: GPL-2.0
/*
 * The toy server on io_uring with DEFER_TASKRUN: polls and plain calls, or all
 * of it by io_uring's own operations. One io_uring_enter(2) submits and waits.
 */

#include <liburing.h>
#include <poll.h>

#include "http.h"

#define ENTRIES	(4 * HTTP_CONNS)

enum step { STEP_ACCEPT, STEP_RECV, STEP_SEND, STEP_CLOSE };

struct http_conn {
	struct http_conn *next;
	int fd;
	char request[512];
};

struct http_uring {
	struct io_uring ring;
	struct http_conn *unused;
	struct http_conn conns[HTTP_CONNS];
};

static struct io_uring_sqe *get_sqe(struct http_uring *u)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (unlikely(!sqe))
		die("the submission queue is full");
	return sqe;
}

static struct http_uring *uring_setup(struct http *h)
{
	struct http_uring *u = xcalloc(1, sizeof(*u));
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN,
	};
	unsigned int i;

	if (io_uring_queue_init_params(ENTRIES, &u->ring, &p) < 0 ||
	    io_uring_register_ring_fd(&u->ring) != 1)
		die("io_uring_queue_init_params");
	for (i = 0; i < HTTP_CONNS; i++) {
		u->conns[i].next = u->unused;
		u->unused = &u->conns[i];
	}
	h->state = u;
	return u;
}

/* Takes completions until all is served. */
static inline void serve_with(struct http *h,
			      void (*complete)(struct http *h,
					       const struct io_uring_cqe *cqe))
{
	struct http_uring *u = h->state;
	const struct io_uring_cqe *cqe;
	unsigned int head, here;

	while (h->served < h->want) {
		if (unlikely(CALL(io_uring_submit_and_wait(&u->ring, 1)) < 0))
			die("io_uring_submit_and_wait");
		here = 0;
		io_uring_for_each_cqe(&u->ring, head, cqe) {
			here++;
			complete(h, cqe);
		}
		io_uring_cq_advance(&u->ring, here);
	}
}

/* ---- Polls ------------------------------------------------------------- */

static void prep_listener_poll(struct http *h, struct http_uring *u)
{
	struct io_uring_sqe *sqe = get_sqe(u);

	io_uring_prep_poll_multishot(sqe, h->listener, POLLIN);
	io_uring_sqe_set_data64(sqe, (unsigned int)h->listener);
}

static void poll_open(struct http *h)
{
	prep_listener_poll(h, uring_setup(h));
}

static void poll_accept(struct http *h)
{
	struct http_uring *u = h->state;
	struct io_uring_sqe *sqe;
	int fd;

	while ((fd = http_accept(h)) >= 0) {
		sqe = get_sqe(u);
		io_uring_prep_poll_add(sqe, fd, POLLIN);
		io_uring_sqe_set_data64(sqe, (unsigned int)fd);
	}
}

static void poll_complete(struct http *h, const struct io_uring_cqe *cqe)
{
	int fd = (int)cqe->user_data;

	if (unlikely(!(cqe->res & POLLIN)))
		die("io_uring: result %d", cqe->res);
	if (fd != h->listener) {
		http_answer(h, fd);
		return;
	}
	poll_accept(h);
	if (unlikely(!(cqe->flags & IORING_CQE_F_MORE)))
		prep_listener_poll(h, h->state);
}

static void poll_serve(struct http *h)
{
	serve_with(h, poll_complete);
}

/* ---- Its own operations ------------------------------------------------ */

/* Connections are aligned: the step fits below them. */
static void set_step(struct io_uring_sqe *sqe, struct http_conn *c,
		     enum step step)
{
	io_uring_sqe_set_data64(sqe, (uintptr_t)c | step);
}

static void prep_accept(struct http *h, struct http_uring *u)
{
	struct io_uring_sqe *sqe = get_sqe(u);

	io_uring_prep_multishot_accept(sqe, h->listener, NULL, NULL,
				       SOCK_CLOEXEC | SOCK_NONBLOCK);
	set_step(sqe, NULL, STEP_ACCEPT);
}

static void operations_open(struct http *h)
{
	prep_accept(h, uring_setup(h));
}

static void on_accept(struct http *h, const struct io_uring_cqe *cqe)
{
	struct http_uring *u = h->state;
	struct http_conn *c = u->unused;
	struct io_uring_sqe *sqe = get_sqe(u);

	u->unused = c->next;
	c->fd = cqe->res;
	io_uring_prep_recv(sqe, c->fd, c->request, sizeof(c->request), 0);
	set_step(sqe, c, STEP_RECV);
	if (unlikely(!(cqe->flags & IORING_CQE_F_MORE)))
		prep_accept(h, u);
}

static void on_recv(struct http *h, struct http_conn *c,
		    const struct io_uring_cqe *cqe)
{
	struct http_uring *u = h->state;
	struct io_uring_sqe *sqe = get_sqe(u);

	http_check(c->request, (size_t)cqe->res);
	io_uring_prep_send(sqe, c->fd, HTTP_RESPONSE, HTTP_RESPONSE_LEN,
			   MSG_NOSIGNAL);
	sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	set_step(sqe, c, STEP_SEND);
	sqe = get_sqe(u);
	io_uring_prep_close(sqe, c->fd);
	set_step(sqe, c, STEP_CLOSE);
}

static void operations_complete(struct http *h, const struct io_uring_cqe *cqe)
{
	struct http_uring *u = h->state;
	struct http_conn *c = (void *)(uintptr_t)(cqe->user_data & ~3ull);
	enum step step = cqe->user_data & 3;

	if (unlikely(cqe->res < 0))
		die("io_uring: step %d, result %d", step, cqe->res);
	if (step == STEP_ACCEPT) {
		on_accept(h, cqe);
	} else if (step == STEP_RECV) {
		on_recv(h, c, cqe);
	} else if (step == STEP_CLOSE) {
		c->next = u->unused;
		u->unused = c;
		h->served++;
	}
}

static void operations_serve(struct http *h)
{
	serve_with(h, operations_complete);
}

static const struct http_ops poll_ops = {
	.open = poll_open, .serve = poll_serve,
};

static const struct http_ops operations_ops = {
	.open = operations_open, .serve = operations_serve,
};

const struct mech_ops http_uring_poll = {
	.name = "io_uring-defer", .mode = "poll", .caps = MECH_HTTP,
	.http = &poll_ops,
};

const struct mech_ops http_uring_operations = {
	.name = "io_uring-defer", .mode = "operations", .caps = MECH_HTTP,
	.http = &operations_ops,
};
