// SPDX-License-Identifier: GPL-2.0
/* Sending a file by sendfile(2) and epoll, and by kevent. */

#include <errno.h>
#include <fcntl.h>
#include <kevent.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sendfile.h"

#define SLOTS	128	/* more than there are connections */

/* ---- epoll: who is full is tried again ---------------------------------- */

struct sendfile_epoll {
	int fd;
	off_t done[SENDFILE_MAX];
	struct epoll_event events[SENDFILE_MAX];
};

static void epoll_open(struct sendfile *s)
{
	struct sendfile_epoll *e = xcalloc(1, sizeof(*e));
	unsigned int i;

	e->fd = epoll_create1(EPOLL_CLOEXEC);
	if (e->fd < 0)
		die_errno("epoll_create1");
	for (i = 0; i < s->num; i++) {
		struct epoll_event ev = {
			.events = EPOLLOUT | EPOLLET, .data.u32 = i,
		};

		if (epoll_ctl(e->fd, EPOLL_CTL_ADD, s->conn[i], &ev))
			die_errno("EPOLL_CTL_ADD");
	}
	s->state = e;
}

static void epoll_send(struct sendfile *s, unsigned int i)
{
	struct sendfile_epoll *e = s->state;
	ssize_t n;

	while (e->done[i] < (off_t)s->size) {
		n = sendfile(s->conn[i], s->file, &e->done[i],
			     s->size - (size_t)e->done[i]);
		s->calls++;
		if (unlikely(n <= 0)) {
			if (n < 0 && errno == EAGAIN)
				return;
			die_errno("sendfile");
		}
	}
	s->sent++;
}

static void epoll_begin(struct sendfile *s)
{
	struct sendfile_epoll *e = s->state;
	unsigned int i;

	for (i = 0; i < s->num; i++) {
		e->done[i] = 0;
		epoll_send(s, i);
	}
}

static void epoll_move(struct sendfile *s)
{
	struct sendfile_epoll *e = s->state;
	unsigned int i;
	int n, num;

	num = epoll_wait(e->fd, e->events, SENDFILE_MAX, 0);
	s->calls++;
	if (num < 0)
		die_errno("epoll_wait");
	for (n = 0; n < num; n++) {
		i = e->events[n].data.u32;
		if (e->done[i] < (off_t)s->size)
			epoll_send(s, i);
	}
}

static void epoll_answer_one(struct sendfile *s, unsigned int i)
{
	off_t done = 0;
	int fd;

	fd = open(s->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die_errno(s->path);
	if (send(s->conn[i], s->header, s->header_size,
		 MSG_MORE | MSG_NOSIGNAL) != (ssize_t)s->header_size ||
	    sendfile(s->conn[i], fd, &done, s->size) != (ssize_t)s->size)
		die_errno("sendfile");
	close(fd);
	s->calls += 4;
	s->sent++;
}

static void epoll_answer(struct sendfile *s)
{
	unsigned int i;

	for (i = 0; i < s->num; i++)
		epoll_answer_one(s, i);
}

/* ---- kevent -------------------------------------------------------------- */

struct sendfile_ring {
	struct kevent_ring ring;
	struct kevent_ioc_sendfile all[SENDFILE_CONNS];	/* of a call for all */
};

static void ring_open(struct sendfile *s)
{
	struct sendfile_ring *r = xcalloc(1, sizeof(*r));

	if (kevent_init(&r->ring, SLOTS, KEVENT_WAKE_FIFO, 0) < 0)
		die_errno("kevent_init");
	s->state = r;
}

static struct kevent_ring *ring_of(const struct sendfile *s)
{
	struct sendfile_ring *r = s->state;

	return &r->ring;
}

static void ring_sent(struct sendfile *s, const struct ukevent *uk)
{
	if (unlikely(kevent_aio_error(uk) ||
		     kevent_aio_position(uk) != s->size))
		die("transfer: errno %d, %llu bytes", kevent_aio_error(uk),
		    (unsigned long long)kevent_aio_position(uk));
	s->sent++;
}

static void ring_begin(struct sendfile *s)
{
	struct kevent_ring *ring = ring_of(s);
	struct ukevent uk;
	unsigned int i;
	int ret;

	for (i = 0; i < s->num; i++) {
		ret = kevent_aio_sendfile(ring->fd, s->conn[i], s->file, 0,
					  s->size, i, &uk);
		if (unlikely(ret < 0))
			die_errno("kevent_aio_sendfile");
		s->calls++;
		if (likely(ret))
			ring_sent(s, &uk);
	}
}

static void ring_move(struct sendfile *s)
{
	static const struct timespec at_once;
	struct kevent_ring *ring = ring_of(s);
	const struct ukevent *event;

	if (kevent_ring_wait(ring, &at_once) < 0)
		die_errno("kevent_ring_wait");
	s->calls++;
	while ((event = kevent_ring_more(ring)))
		ring_sent(s, event);
}

static void ring_answer(struct sendfile *s)
{
	struct kevent_ring *ring = ring_of(s);
	struct ukevent uk;
	unsigned int i;
	int fd;

	for (i = 0; i < s->num; i++) {
		fd = kevent_aio_sendfile_path(ring->fd, s->header,
					      s->header_size, s->path,
					      s->conn[i], 0, s->size, i, &uk);
		if (unlikely(fd < 0))
			die_errno("kevent_aio_sendfile_path");
		if (!(uk.ret_flags & KEVENT_RET_DONE))
			die("kevent: an answer is not over");
		ring_sent(s, &uk);
		close(fd);
		s->calls += 2;
	}
}

/* ---- kevent, all in one call ---------------------------------------------- */

static void batch_call(struct sendfile *s)
{
	struct sendfile_ring *r = s->state;
	unsigned int i;

	if (kevent_aio_sendfiles(r->ring.fd, r->all, s->num) != (int)s->num)
		die_errno("kevent_aio_sendfiles");
	s->calls++;
	for (i = 0; i < s->num; i++) {
		if (!(r->all[i].result.ret_flags & KEVENT_RET_DONE))
			die("kevent: a transfer is not over");
		ring_sent(s, &r->all[i].result);
	}
}

static void batch_begin(struct sendfile *s)
{
	struct sendfile_ring *r = s->state;
	unsigned int i;

	for (i = 0; i < s->num; i++)
		r->all[i] = (struct kevent_ioc_sendfile){
			.sock = s->conn[i],
			.in_fd = s->file,
			.count = s->size,
			.ptr = i,
		};
	batch_call(s);
}

static void batch_answer(struct sendfile *s)
{
	struct sendfile_ring *r = s->state;
	unsigned int i;

	for (i = 0; i < s->num; i++)
		r->all[i] = (struct kevent_ioc_sendfile){
			.sock = s->conn[i],
			.count = s->size,
			.header = (uintptr_t)s->header,
			.header_size = s->header_size,
			.path = (uintptr_t)s->path,
			.ptr = i,
		};
	batch_call(s);
}

static const struct sendfile_ops epoll_ops = {
	.open = epoll_open, .begin = epoll_begin, .move = epoll_move,
	.answer = epoll_answer,
};

static const struct sendfile_ops ring_ops = {
	.open = ring_open, .begin = ring_begin, .move = ring_move,
	.answer = ring_answer,
};

static const struct sendfile_ops batch_ops = {
	.open = ring_open, .begin = batch_begin, .answer = batch_answer,
};

const struct mech_ops sendfile_epoll = {
	.name = "epoll-et", .mode = "sendfile",
	.caps = MECH_SENDFILE | MECH_ANSWER | MECH_FILES,
	.sendfile = &epoll_ops,
};

const struct mech_ops sendfile_ring = {
	.name = "kevent-ring", .mode = "aio",
	.caps = MECH_KEVENT | MECH_SENDFILE | MECH_ANSWER | MECH_FILES,
	.sendfile = &ring_ops,
};

const struct mech_ops sendfile_batch = {
	.name = "kevent-ring", .mode = "batch",
	.caps = MECH_KEVENT | MECH_SENDFILE | MECH_ANSWER,
	.sendfile = &batch_ops,
};
