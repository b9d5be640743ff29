// SPDX-License-Identifier: GPL-2.0
/*
 * Changes in the wait: an echo server on port 7778 that adds and changes its watches in
 * the call that waits.  A round of its loop is one call of kevent, however many
 * connections have come or have changed what they wait for.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* accept4() */
#endif
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <kevent.h>

#define BATCH		64u
#define RETRY		1		/* the timer's number */
#define RETRY_NS	100000000	/* 0.1 s */

struct conn {
	int fd;
	int added;
	int change;		/* its place in changes[], or -1 */
	size_t sent, len;	/* buf[sent] to buf[len] is still to be sent */
	char buf[4096];
};

static struct ukevent changes[BATCH];
static unsigned int num;
static int queue;

static struct conn *conn_of(const struct ukevent *uk)
{
	return (struct conn *)(uintptr_t)uk->ptr;
}

/* Takes back a change that was not made yet. */
static void forget(struct conn *c)
{
	if (c->change < 0)
		return;
	changes[c->change] = changes[--num];
	conn_of(&changes[c->change])->change = c->change;
	c->change = -1;
}

static void drop(struct conn *c)
{
	forget(c);
	close(c->fd);	/* nobody else has it: the watch ends */
	free(c);
}

/* What the connection waits for, from the next wait on; one event, then MODIFY again. */
static void want(struct conn *c, unsigned int events)
{
	unsigned int cmd = c->added ? KEVENT_CTL_MODIFY : KEVENT_CTL_ADD;

	c->change = (int)num;
	kevent_prep(&changes[num++], KEVENT_SOCKET, (unsigned int)c->fd, events,
		    KEVENT_REQ_CMD(cmd) | KEVENT_REQ_DISPATCH | KEVENT_REQ_ALWAYS_QUEUE,
		    (uintptr_t)c);
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

static void greet(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *c = fd < 0 ? NULL : calloc(1, sizeof(*c));

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		retry_later(listener);
	if (!c) {
		if (fd >= 0)
			close(fd);
		return;
	}
	c->fd = fd;
	want(c, KEVENT_SOCKET_RECV);
}

/* Sends what the peer takes now. While it takes no more, nothing is read from it. */
static void serve(struct conn *c)
{
	ssize_t n;

	if (c->sent == c->len) {
		n = recv(c->fd, c->buf, sizeof(c->buf), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			drop(c);
			return;
		}
		c->sent = 0;
		c->len = n < 0 ? 0 : (size_t)n;
	}
	n = send(c->fd, c->buf + c->sent, c->len - c->sent, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) {
		drop(c);
		return;
	}
	c->sent += n < 0 ? 0 : (size_t)n;
	want(c, c->sent < c->len ? KEVENT_SOCKET_SEND : KEVENT_SOCKET_RECV);
}

/* What came of the changes: a refused one, of a watch that could not be made. */
static void look_at_results(void)
{
	unsigned int i, n = num;

	num = 0;
	for (i = 0; i < n; i++) {
		struct conn *c = conn_of(&changes[i]);

		c->change = -1;
		if (kevent_error(&changes[i]))
			drop(c);
		else
			c->added = 1;
	}
}

int main(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(7778) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct kevent_ring ring;
	const struct ukevent *uk;
	struct ukevent add;
	int n;

	queue = kevent_init(&ring, 256, KEVENT_WAKE_FIFO, 0);
	kevent_prep(&add, KEVENT_SOCKET, (unsigned int)listener, KEVENT_SOCKET_ACCEPT, 0, 0);
	if (queue < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listener, 64) || kevent_add(queue, &add) < 0)
		return 1;
	do {
		/* at most BATCH events, so that there is room for a change of each */
		n = kevent_ring_wait_changes(&ring, BATCH, NULL, changes, num);
		if (n < 0 && errno != EINTR)
			return 1;
		look_at_results();
		while ((uk = kevent_ring_more(&ring))) {
			if (uk->type == KEVENT_TIMER)
				listen_for(listener, KEVENT_SOCKET_ACCEPT);
			else if (uk->ptr)
				serve(conn_of(uk));
			else
				greet(listener);
		}
	} while (1);
}
