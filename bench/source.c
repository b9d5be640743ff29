// SPDX-License-Identifier: GPL-2.0
/* Files that become readable when something is written to them. */

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

static void make_pipe(struct source *s)
{
	int fd[2];

	if (pipe2(fd, O_NONBLOCK | O_CLOEXEC) < 0)
		die_errno("pipe2");
	s->rfd = fd[0];
	s->wfd = fd[1];
}

static void make_eventfd(struct source *s)
{
	s->rfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->rfd < 0)
		die_errno("eventfd");
	s->wfd = s->rfd;
}

static void make_unix(struct source *s)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       fd) < 0)
		die_errno("socketpair");
	s->rfd = fd[0];
	s->wfd = fd[1];
}

/* The one listener that all connections are made by. */
static int tcp_listen(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	static int fd = -1;

	if (fd >= 0 && !getsockname(fd, (struct sockaddr *)addr, &len))
		return fd;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*addr = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0 || bind(fd, (struct sockaddr *)addr, len) < 0 ||
	    listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)addr, &len) < 0)
		die_errno("tcp listen");
	return fd;
}

static void tcp_prepare(int fd)
{
	int one = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die_errno("tcp");
}

static void make_tcp(struct source *s)
{
	struct sockaddr_in addr;
	int listener = tcp_listen(&addr);

	s->wfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->wfd < 0 ||
	    connect(s->wfd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die_errno("tcp connect");
	s->rfd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (s->rfd < 0)
		die_errno("accept4");
	tcp_prepare(s->rfd);
	tcp_prepare(s->wfd);
}

const struct source_kind source_pipe = {
	.name = "pipe", .bytes = 1, .make = make_pipe,
};

const struct source_kind source_eventfd = {
	.name = "eventfd", .bytes = 8, .make = make_eventfd,
};

const struct source_kind source_unix = {
	.name = "unix", .bytes = 1, .make = make_unix,
};

const struct source_kind source_tcp = {
	.name = "tcp", .bytes = 1, .counted = 1, .make = make_tcp,
};

struct source *sources_make(const struct source_kind *kind, unsigned int num)
{
	struct source *s = xcalloc(num, sizeof(*s));
	unsigned int i;

	for (i = 0; i < num; i++) {
		s[i].bytes = kind->bytes;
		s[i].counted = kind->counted;
		kind->make(&s[i]);
	}
	return s;
}

void source_fire(struct source *s)
{
	const uint64_t one = 1;

	s->armed = 1;
	if (unlikely(write(s->wfd, &one, s->bytes) != (ssize_t)s->bytes))
		die_errno("write");
}

void source_drain(struct source *s)
{
	uint64_t value;

	if (unlikely(read(s->rfd, &value, s->bytes) != (ssize_t)s->bytes))
		die_errno("read");
}
