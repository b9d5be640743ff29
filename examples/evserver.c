// SPDX-License-Identifier: GPL-2.0
/*
 * A toy web server on port 8080, "evserver DIRECTORY", in the spirit of the evserver with
 * which the first kevent was measured: one request a connection.  An answer is one call,
 * which opens the file, and sends the header and it: most are over when it returns, and
 * of the others an event tells.  Clients that are slow hold up nobody.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* accept4() */
#endif
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <kevent.h>

#define RETRY		1		/* the timer's number */
#define RETRY_NS	100000000	/* 0.1 s */
#define FOUND		"HTTP/1.0 200 OK\r\n\r\n"
#define NOT_FOUND	"HTTP/1.0 404 Not Found\r\n\r\nNot found\n"

struct conn {
	int fd;
	int answered;		/* a transfer is under way */
	size_t len;
	char request[2048];
};

static int queue;

static void drop(struct conn *c)
{
	close(c->fd);		/* nobody else has it: the watch ends */
	free(c);
}

/* The file's name in the request, of which the end is cut off; or NULL. */
static const char *file_of(char *request)
{
	char *name = request + 5, *end;

	if (strncmp(request, "GET /", 5) || strstr(request, ".."))
		return NULL;
	end = strpbrk(name, " ?\r\n");
	if (!end)
		return NULL;
	*end = 0;
	return *name ? name : "index.html";
}

static void answer(struct conn *c)
{
	const char *name = file_of(c->request);
	struct ukevent result;
	int fd = -1;

	if (name && name[0] != '/')
		fd = kevent_aio_sendfile_path(queue, FOUND, strlen(FOUND), name, c->fd, 0,
					      KEVENT_AIO_TO_END, (uintptr_t)c, &result);
	if (fd < 0) {
		/* as much as goes: it is a fresh socket's first bytes */
		send(c->fd, NOT_FOUND, strlen(NOT_FOUND), MSG_NOSIGNAL);
		drop(c);
		return;
	}
	close(fd);		/* the transfer has the file */
	c->answered = 1;
	if (result.ret_flags & KEVENT_RET_DONE)
		drop(c);
}

/* Edge-triggered: read until there is no more, or the request is whole. */
static void receive(struct conn *c)
{
	ssize_t n;

	while ((n = recv(c->fd, c->request + c->len, sizeof(c->request) - 1 - c->len, 0)) > 0) {
		c->len += (size_t)n;
		c->request[c->len] = 0;
		if (strstr(c->request, "\r\n\r\n")) {
			answer(c);
			return;
		}
	}
	if (n == 0 || errno != EAGAIN)	/* it has left, or asks too much */
		drop(c);
}

static int listen_for(int listener, unsigned int events)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_SOCKET, (unsigned int)listener, events, 0, 0);
	return kevent_modify(queue, &uk);
}

/*
 * No descriptor is free, but connections wait, so the listener would be reported in each
 * batch.  It is muted until a timer expires.  A timer needs no descriptor.
 */
static void retry_later(int listener)
{
	struct ukevent uk;

	kevent_prep_timer(&uk, RETRY, RETRY_NS, 0, CLOCK_MONOTONIC, KEVENT_REQ_ONESHOT, 0);
	if (kevent_add(queue, &uk) == 0)
		listen_for(listener, 0);
}

/* False: no descriptor is free. */
static bool greet(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *c = fd < 0 ? NULL : calloc(1, sizeof(*c));
	struct ukevent uk;

	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		retry_later(listener);
		return false;
	}
	if (!c) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	c->fd = fd;
	kevent_prep(&uk, KEVENT_SOCKET, (unsigned int)fd, KEVENT_SOCKET_RECV, KEVENT_REQ_ET,
		    (uintptr_t)c);
	if (kevent_add(queue, &uk) < 0)
		drop(c);
	return true;
}

static void handle(const struct ukevent *uk, int listener)
{
	struct conn *c = (struct conn *)(uintptr_t)uk->ptr;
	uint32_t waiting = uk->ret_flags & KEVENT_RET_DATA ? uk->ret_data[1] : 1;

	if (uk->type == KEVENT_TIMER) {
		listen_for(listener, KEVENT_SOCKET_ACCEPT);
	} else if (!c) {
		while (waiting-- && greet(listener))
			;
	} else if (uk->type == KEVENT_AIO) {
		drop(c);		/* sent, or the client has left */
	} else if (!c->answered) {
		receive(c);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(8080) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;
	struct kevent_ring ring;
	const struct ukevent *uk;
	struct ukevent add;

	queue = kevent_init(&ring, 1024, KEVENT_WAKE_FIFO, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	kevent_prep(&add, KEVENT_SOCKET, (unsigned int)listener, KEVENT_SOCKET_ACCEPT, 0, 0);
	if (queue < 0 || chdir(argc > 1 ? argv[1] : ".") ||
	    bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listener, 512) || kevent_add(queue, &add) < 0) {
		perror(argv[0]);
		return 1;
	}
	while (kevent_ring_wait(&ring, NULL) >= 0 || errno == EINTR)
		while ((uk = kevent_ring_more(&ring)))
			handle(uk, listener);
	return 1;
}
