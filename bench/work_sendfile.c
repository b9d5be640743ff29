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
 *
 * Metric: median of rounds, a file, whole: nothing is subtracted.
 *
 * Does not show: sockets that are full, files that are not cached, what the
 * copy does to the caches.
 */

#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sendfile.h"

#define ROUNDS		25u
#define ROOM		(1 << 20)	/* of each socket, bytes */

struct clients {
	int fd[SENDFILE_CONNS];
	char *want, *got;
};

static int make_file(unsigned int size, char *content)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	unsigned int i;

	for (i = 0; i < size; i++)
		content[i] = (char)(i * 31 >> 3);
	if (fd < 0 || write(fd, content, size) != (ssize_t)size)
		die_errno("memfd_create");
	return fd;
}

static int listen_here(struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), room = ROOM;
	socklen_t len = sizeof(*addr);

	*addr = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) < 0 ||
	    bind(fd, (struct sockaddr *)addr, len) < 0 ||
	    listen(fd, SENDFILE_CONNS) < 0 ||
	    getsockname(fd, (struct sockaddr *)addr, &len) < 0)
		die_errno("listen");
	return fd;
}

static void connect_all(struct sendfile *s, struct clients *c)
{
	struct sockaddr_in addr;
	int listener = listen_here(&addr), room = ROOM;
	unsigned int i;

	for (i = 0; i < SENDFILE_CONNS; i++) {
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

static void clients_read(const struct sendfile *s, const struct clients *c)
{
	unsigned int i;

	for (i = 0; i < SENDFILE_CONNS; i++) {
		if (recv(c->fd[i], c->got, s->size, MSG_WAITALL) !=
		    (ssize_t)s->size || memcmp(c->got, c->want, s->size))
			die("a client got something else");
		if (recv(c->fd[i], c->got, 1, MSG_DONTWAIT) != -1)
			die("a client got more");
	}
}

static void sendfile_run(const struct job *job, struct results *res)
{
	const struct sendfile_ops *ops = job->ops->sendfile;
	struct sendfile s = { .size = job->size->n };
	struct samples samples;
	struct clients c;
	unsigned int i;

	c.want = xcalloc(1, s.size);
	c.got = xcalloc(1, s.size);
	s.file = make_file(s.size, c.want);
	connect_all(&s, &c);
	ops->open(&s);
	clock_settle();
	samples_init(&samples, ROUNDS);
	for (i = 0; i < ROUNDS + 2; i++) {
		uint64_t start = clock_begin(), ticks;

		s.sent = 0;
		ops->serve(&s);
		ticks = clock_end(start);
		if (s.sent != SENDFILE_CONNS)
			die("%u files were sent", s.sent);
		clients_read(&s, &c);
		if (i >= 2)
			samples_add(&samples, ticks, SENDFILE_CONNS);
	}
	result_add(res, "sendfile", NULL, clock_total(),
		   samples_median(&samples));
	samples_free(&samples);
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
