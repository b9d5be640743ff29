// SPDX-License-Identifier: GPL-2.0
/*
 * An echo server on port 7777: one queue, one ring, one thread, no blocking call but the
 * wait.  A client that does not read holds up nobody else.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* accept4() */
#endif
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <kevent.h>

#define RETRY		1		/* the timer's number */
#define RETRY_NS	100000000	/* 0.1 s */

struct conn {
	int fd;
	unsigned int events;	/* what its watch reports */
	size_t sent, len;	/* buf[sent] to buf[len] is still to be sent */
	char buf[4096];
};

static void drop(int queue, struct conn *c)
{
	kevent_remove(queue, KEVENT_SOCKET, c->fd);	/* no event of it comes after this */
	close(c->fd);
	free(c);
}

/* Level-triggered: reported in each batch for as long as it holds. */
static int want(int queue, struct conn *c, unsigned int events)
{
	struct ukevent uk;
	int first = !c->events;

	if (c->events == events)
		return 0;
	c->events = events;
	kevent_prep(&uk, KEVENT_SOCKET, c->fd, events, 0, (uintptr_t)c);
	return first ? kevent_add(queue, &uk) : kevent_modify(queue, &uk);
}

static int listen_for(int queue, int listener, unsigned int events)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_SOCKET, listener, events, 0, 0);
	return kevent_modify(queue, &uk);
}

/*
 * No descriptor is free, but connections wait, so the listener would be reported in each
 * batch.  It is muted until a timer expires.  A timer needs no descriptor.
 */
static void retry_later(int queue, int listener)
{
	struct ukevent uk;

	kevent_prep_timer(&uk, RETRY, RETRY_NS, 0, CLOCK_MONOTONIC, KEVENT_REQ_ONESHOT, 0);
	if (kevent_add(queue, &uk) == 0)
		listen_for(queue, listener, 0);
}

static void greet(int queue, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *c = fd < 0 ? NULL : calloc(1, sizeof(*c));

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		retry_later(queue, listener);
	if (c)
		c->fd = fd;
	else if (fd >= 0)
		close(fd);
	if (c && want(queue, c, KEVENT_SOCKET_RECV) < 0)
		drop(queue, c);
}

/* Sends what the peer takes now. While it takes no more, nothing is read from it. */
static void serve(int queue, struct conn *c)
{
	ssize_t n;

	if (c->sent == c->len) {
		n = recv(c->fd, c->buf, sizeof(c->buf), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {		/* an error, or the end */
			drop(queue, c);
			return;
		}
		c->sent = 0;
		c->len = n;
	}
	n = send(c->fd, c->buf + c->sent, c->len - c->sent, MSG_NOSIGNAL);
	if (n > 0)
		c->sent += n;
	if ((n < 0 && errno != EAGAIN) ||
	    want(queue, c, c->sent < c->len ? KEVENT_SOCKET_SEND : KEVENT_SOCKET_RECV) < 0)
		drop(queue, c);
}

int main(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(7777) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct kevent_ring ring;
	const struct ukevent *uk;
	struct ukevent add;
	int queue = kevent_init(&ring, 256, KEVENT_WAKE_FIFO, 0);

	kevent_prep(&add, KEVENT_SOCKET, listener, KEVENT_SOCKET_ACCEPT, 0, 0);
	if (queue < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listener, 64) || kevent_add(queue, &add) < 0)
		return 1;
	while (kevent_ring_wait(&ring, NULL) >= 0 || errno == EINTR)
		while ((uk = kevent_ring_more(&ring))) {
			if (uk->type == KEVENT_TIMER)
				listen_for(queue, listener, KEVENT_SOCKET_ACCEPT);
			else if (uk->ptr)
				serve(queue, (struct conn *)(uintptr_t)uk->ptr);
			else
				greet(queue, listener);
		}
	return 1;
}
