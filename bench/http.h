/* SPDX-License-Identifier: GPL-2.0 */
/* The toy server of work_http.c, and the ways in which it learns of events. */
#ifndef HTTP_H
#define HTTP_H

#include "bench.h"

#define HTTP_CONNS	256u	/* at most, at once */

#define HTTP_REQUEST	"GET /index.html HTTP/1.1\r\nHost: localhost\r\n" \
			"User-Agent: toy\r\nConnection: close\r\n\r\n"
#define HTTP_RESPONSE	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" \
			"Content-Length: 13\r\nConnection: close\r\n\r\n" \
			"Hello, world\n"
#define HTTP_REQUEST_LEN	(sizeof(HTTP_REQUEST) - 1)
#define HTTP_RESPONSE_LEN	(sizeof(HTTP_RESPONSE) - 1)

/**
 * struct http - a server
 * @listener: non-blocking.
 * @accept_flags: SOCK_NONBLOCK, or 0 to wait for requests in recv(2).
 * @want: connections that wait, or will.
 * @served: of them, answered and closed.
 */
struct http {
	int listener;
	int accept_flags;
	unsigned int want;
	unsigned int served;
	void *state;
};

/**
 * struct http_ops - a way to learn of events
 * @open: called once.
 * @serve: answer until @served is @want.
 */
struct http_ops {
	void (*open)(struct http *h);
	void (*serve)(struct http *h);
};

/* System calls that the server, or a thread of it, has made. */
extern _Thread_local unsigned int http_calls;
#define CALL(call)	(http_calls++, (call))

/* What every one of them does with plain calls */
int http_accept(struct http *h);
void http_check(const char *request, size_t len);
void http_answer(struct http *h, int fd);

struct sockaddr_in;

int http_listen(struct sockaddr_in *addr, bool reuseport);
int http_client_start(const struct sockaddr_in *addr);
void http_client_finish(int fd);

extern const struct mech_ops http_epoll_lt, http_epoll_et;
extern const struct mech_ops http_uring_poll, http_uring_operations;
extern const struct mech_ops http_ring_plain, http_ring_batched;
extern const struct http_ops http_blocking;

#endif /* HTTP_H */
