// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what does it cost to send a small file that is cached?
 *
 * Model: a file of n bytes goes to each of k connections, TCP over loopback,
 * that have room for it: nobody waits. Then the clients read and compare it
 * (not timed). All in one thread.
 *
 *	epoll		sendfile(2) until all is sent; epoll, edge, where the
 *			socket is full
 *	io_uring splice	file to pipe to socket, linked; all connections in one
 *			call, files registered
 *	io_uring copy	read into a registered buffer, linked to a send
 *	kevent		kevent_aio_sendfile(), which is over in the call
 *	kevent batch	all connections in one kevent_aio_sendfiles()
 *
 * "answer": the file is opened by its name, a header of 160 bytes goes before it, and it
 * is closed, as a web server does: open, send(MSG_MORE), sendfile and close;
 * kevent_aio_sendfile_path() and close; kevent_aio_sendfiles(), which makes no fd; or a
 * chain of io_uring's that opens, reads, sends and closes a registered file.
 *
 * Metric: median of rounds, a file, whole: nothing is subtracted. "calls": system calls a
 * file.
 *
 * Does not show: sockets that are full, files that are not cached, what the
 * copy does to the caches.
 */

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sendfile.h"

#define ROUNDS		25u
#define ROOM		(1 << 20)	/* of each socket, bytes */

static char path[] = "/tmp/kevent-bench-XXXXXX";
static char header[160];

static int make_file(unsigned int size, char *content)
{
	unsigned int i;
	int fd;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	for (i = 0; i < size; i++)
		content[i] = (char)(i * 31 >> 3);
	if (fd < 0 || write(fd, content, size) != (ssize_t)size)
		die_errno(path);
	return fd;
}

static int listen_here(struct sockaddr_in *addr, int room)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*addr);

	*addr = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) < 0 ||
	    bind(fd, (struct sockaddr *)addr, len) < 0 ||
	    listen(fd, SENDFILE_MAX) < 0 ||
	    getsockname(fd, (struct sockaddr *)addr, &len) < 0)
		die_errno("listen");
	return fd;
}

static void connect_all(struct sendfile *s, struct sendfile_clients *c, int room)
{
	struct sockaddr_in addr;
	int listener = listen_here(&addr, room);
	unsigned int i;

	for (i = 0; i < s->num; i++) {
		c->fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (c->fd[i] < 0 ||
		    setsockopt(c->fd[i], SOL_SOCKET, SO_RCVBUF, &room,
			       sizeof(room)) < 0 ||
		    connect(c->fd[i], (struct sockaddr *)&addr,
			    sizeof(addr)) < 0)
			die_errno("connect");
		s->conn[i] = accept4(listener, NULL, NULL,
				     SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (s->conn[i] < 0)
			die_errno("accept4");
	}
	close(listener);
}

static void clients_read(const struct sendfile *s, const struct sendfile_clients *c,
			 size_t len)
{
	unsigned int i;

	for (i = 0; i < SENDFILE_CONNS; i++) {
		if (recv(c->fd[i], c->buf, len, MSG_WAITALL) != (ssize_t)len ||
		    memcmp(c->buf, c->want + sizeof(header) + s->size - len,
			   len))
			die("a client got something else");
		if (recv(c->fd[i], c->buf, 1, MSG_DONTWAIT) != -1)
			die("a client got more");
	}
}

void sendfile_make(const struct job *job, struct sendfile *s,
		   struct sendfile_clients *c, int room)
{
	*s = (struct sendfile){
		.size = job->size->n,
		.num = job->size->k,
		.path = path,
		.header = header,
		.header_size = sizeof(header),
	};
	memset(header, 'h', sizeof(header));
	c->want = xcalloc(1, sizeof(header) + s->size);
	memcpy(c->want, header, sizeof(header));
	c->buf = xcalloc(1, sizeof(header) + s->size);
	s->file = make_file(s->size, c->want + sizeof(header));
	connect_all(s, c, room);
	job->ops->sendfile->open(s);
}

/* Nobody is full: what is not done in the call is done in the next. */
static void serve(struct sendfile *s, const struct sendfile_ops *ops)
{
	if (ops->serve) {
		ops->serve(s);
		return;
	}
	ops->begin(s);
	while (unlikely(s->sent < s->num))
		ops->move(s);
}

static void answer(struct sendfile *s, const struct sendfile_ops *ops)
{
	ops->answer(s);
}

static void run(const struct job *job, struct results *res, const char *name,
		size_t len, void (*way)(struct sendfile *s,
					const struct sendfile_ops *ops))
{
	struct sendfile_clients c;
	struct samples samples;
	struct sendfile s;
	unsigned int i;

	sendfile_make(job, &s, &c, ROOM);
	clock_settle();
	samples_init(&samples, ROUNDS);
	for (i = 0; i < ROUNDS + 2; i++) {
		uint64_t start = clock_begin(), ticks;

		s.sent = 0;
		s.calls = 0;
		way(&s, job->ops->sendfile);
		ticks = clock_end(start);
		if (s.sent != SENDFILE_CONNS)
			die("%u files were sent", s.sent);
		clients_read(&s, &c, len);
		if (i >= 2)
			samples_add(&samples, ticks, SENDFILE_CONNS);
	}
	result_add(res, name, NULL, clock_total(), samples_median(&samples));
	result_add(res, name, NULL, "calls", (double)s.calls / SENDFILE_CONNS);
	samples_free(&samples);
	unlink(path);
}

static void sendfile_run(const struct job *job, struct results *res)
{
	run(job, res, "sendfile", job->size->n, serve);
}

static void answer_run(const struct job *job, struct results *res)
{
	run(job, res, "answer", sizeof(header) + job->size->n, answer);
}

static const struct work_case sizes[] = {
	{ .n = 4096, .k = SENDFILE_CONNS, .level = LEVEL_QUICK },
	{ .n = 65536, .k = SENDFILE_CONNS, .level = LEVEL_DEFAULT },
	{ 0 }
};

const struct work work_sendfile = {
	.names = { "sendfile" },
	.help = "a cached file of n bytes to k connections",
	.caps = MECH_SENDFILE,
	.total = true,
	.cases = sizes,
	.run = sendfile_run,
};

static const struct work_case answers[] = {
	{ .n = 4096, .k = SENDFILE_CONNS, .level = LEVEL_QUICK },
	{ 0 }
};

const struct work work_answer = {
	.names = { "answer" },
	.help = "a cached file of n bytes by its name, behind a header, to k connections",
	.caps = MECH_ANSWER,
	.total = true,
	.cases = answers,
	.run = answer_run,
};
