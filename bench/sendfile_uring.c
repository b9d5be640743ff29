// SPDX-License-Identifier: GPL-2.0
/*
 * Sending a file by io_uring: spliced through a pipe for each connection, which
 * is done by its threads, or read into a buffer and sent. File, pipes, sockets
 * and buffers are registered. One io_uring_enter(2) submits all and waits.
 */

#include <fcntl.h>
#include <liburing.h>
#include <string.h>
#include <unistd.h>

#include "sendfile.h"

#define ENTRIES		(4 * SENDFILE_CONNS)

/* The order of the registered files. */
#define FIXED_FILE	0
#define FIXED_CONN(i)	(1 + 3 * (i))
#define FIXED_READ(i)	(2 + 3 * (i))
#define FIXED_WRITE(i)	(3 + 3 * (i))
#define FIXED_OPEN(i)	(1 + 3 * SENDFILE_CONNS + (i))
#define FIXED_NUM	(1 + 4 * SENDFILE_CONNS)

struct sendfile_uring {
	struct io_uring ring;
	struct iovec buf[SENDFILE_CONNS];
};

static void register_files(struct sendfile *s, struct sendfile_uring *u)
{
	int fd[FIXED_NUM] = { s->file }, fds[2];
	unsigned int i;

	for (i = 0; i < SENDFILE_CONNS; i++) {
		if (pipe2(fds, O_CLOEXEC) < 0 ||
		    fcntl(fds[0], F_SETPIPE_SZ, s->size) < (int)s->size)
			die_errno("pipe2");
		fd[FIXED_CONN(i)] = s->conn[i];
		fd[FIXED_READ(i)] = fds[0];
		fd[FIXED_WRITE(i)] = fds[1];
		fd[FIXED_OPEN(i)] = -1;
	}
	if (io_uring_register_files(&u->ring, fd, FIXED_NUM))
		die("io_uring_register_files");
}

static void uring_open(struct sendfile *s)
{
	struct sendfile_uring *u = xcalloc(1, sizeof(*u));
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN,
	};
	unsigned int i;

	if (io_uring_queue_init_params(ENTRIES, &u->ring, &p) < 0 ||
	    io_uring_register_ring_fd(&u->ring) != 1)
		die("io_uring_queue_init_params");
	register_files(s, u);
	for (i = 0; i < SENDFILE_CONNS; i++) {
		u->buf[i].iov_len = s->header_size + s->size;
		u->buf[i].iov_base = xcalloc(1, u->buf[i].iov_len);
		memcpy(u->buf[i].iov_base, s->header, s->header_size);
	}
	if (io_uring_register_buffers(&u->ring, u->buf, SENDFILE_CONNS))
		die("io_uring_register_buffers");
	s->state = u;
}

/* Only the last of the chain says anything, or whoever fails. */
static void prep_splice(struct sendfile *s, struct sendfile_uring *u,
			unsigned int i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	io_uring_prep_splice(sqe, FIXED_FILE, 0, FIXED_WRITE(i), -1, s->size,
			     SPLICE_F_FD_IN_FIXED);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	sqe = io_uring_get_sqe(&u->ring);
	io_uring_prep_splice(sqe, FIXED_READ(i), -1, FIXED_CONN(i), -1, s->size,
			     SPLICE_F_FD_IN_FIXED);
	sqe->flags |= IOSQE_FIXED_FILE;
}

static void prep_copy(struct sendfile *s, struct sendfile_uring *u,
		      unsigned int i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	io_uring_prep_read_fixed(sqe, FIXED_FILE, u->buf[i].iov_base, s->size,
				 0, (int)i);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	sqe = io_uring_get_sqe(&u->ring);
	io_uring_prep_send(sqe, FIXED_CONN(i), u->buf[i].iov_base, s->size,
			   MSG_NOSIGNAL | MSG_WAITALL);
	sqe->flags |= IOSQE_FIXED_FILE;
}

/* Opened as a registered file, read behind the header, sent, closed: a chain. */
static void prep_answer(struct sendfile *s, struct sendfile_uring *u,
			unsigned int i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	char *buf = u->buf[i].iov_base;

	io_uring_prep_openat_direct(sqe, AT_FDCWD, s->path, O_RDONLY, 0,
				    FIXED_OPEN(i));
	sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	sqe = io_uring_get_sqe(&u->ring);
	io_uring_prep_read_fixed(sqe, FIXED_OPEN(i), buf + s->header_size,
				 s->size, 0, (int)i);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	sqe = io_uring_get_sqe(&u->ring);
	io_uring_prep_send(sqe, FIXED_CONN(i), buf, s->header_size + s->size,
			   MSG_NOSIGNAL | MSG_WAITALL);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	sqe = io_uring_get_sqe(&u->ring);
	io_uring_prep_close_direct(sqe, FIXED_OPEN(i));
}

static inline void serve_with(struct sendfile *s, int want,
			      void (*prep)(struct sendfile *s,
					   struct sendfile_uring *u,
					   unsigned int i))
{
	struct sendfile_uring *u = s->state;
	const struct io_uring_cqe *cqe;
	unsigned int head, here, i;

	for (i = 0; i < SENDFILE_CONNS; i++)
		prep(s, u, i);
	while (s->sent < SENDFILE_CONNS) {
		if (unlikely(io_uring_submit_and_wait(&u->ring,
					SENDFILE_CONNS - s->sent) < 0))
			die("io_uring_submit_and_wait");
		s->calls++;
		here = 0;
		io_uring_for_each_cqe(&u->ring, head, cqe) {
			here++;
			if (unlikely(cqe->res != want))
				die("io_uring: result %d", cqe->res);
			s->sent++;
		}
		io_uring_cq_advance(&u->ring, here);
	}
}

static void splice_serve(struct sendfile *s)
{
	serve_with(s, (int)s->size, prep_splice);
}

static void copy_serve(struct sendfile *s)
{
	serve_with(s, (int)s->size, prep_copy);
}

static void copy_answer(struct sendfile *s)
{
	serve_with(s, 0, prep_answer);
}

static const struct sendfile_ops splice_ops = {
	.open = uring_open, .serve = splice_serve,
};

static const struct sendfile_ops copy_ops = {
	.open = uring_open, .serve = copy_serve, .answer = copy_answer,
};

const struct mech_ops sendfile_uring_splice = {
	.name = "io_uring-defer", .mode = "splice", .caps = MECH_SENDFILE,
	.sendfile = &splice_ops,
};

const struct mech_ops sendfile_uring_copy = {
	.name = "io_uring-defer", .mode = "copy",
	.caps = MECH_SENDFILE | MECH_ANSWER,
	.sendfile = &copy_ops,
};
