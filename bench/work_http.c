// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what is all this worth to a server?
 *
 * Model: a toy HTTP server, one thread, a request a connection. n clients
 * connect and send their requests (not timed); the server learns of the
 * connections, accepts them, registers them, learns of the requests, reads,
 * answers and closes (timed); the clients read the answers and go away (not
 * timed). Over loopback, in one thread, so that what the server's calls make
 * the network do at once is in the figure.
 *
 *	bare		accept, recv, send, close: the server knows when
 *	epoll-lt	one accept a wake-up
 *	epoll-et	accepts until EAGAIN, as it must
 *	io_uring poll	multishot on the listener, until EAGAIN; a poll for
 *			each connection
 *	io_uring operations	multishot accept, recv, send linked to close
 *	kevent plain	backlog and bytes are in the events; an ADD a call
 *	kevent batched	the same; the ADDs go with the WAIT
 *
 * Metric: median of rounds, a request, whole: nothing is subtracted. "calls":
 * system calls of the server a request, counted where they are made.
 *
 * Does not show: what a mechanism costs the sender, in whose calls the events are
 * made; connections that are kept (keepalive), requests that come later than the
 * connection, sleeping, more CPUs.
 */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"

#define ROUNDS		25u
#define ROUND_REQUESTS	32u

_Thread_local unsigned int http_calls;

/* ---- The server -------------------------------------------------------- */

int http_accept(struct http *h)
{
	int fd = CALL(accept4(h->listener, NULL, NULL,
			      SOCK_CLOEXEC | h->accept_flags));

	if (fd < 0 && errno != EAGAIN)
		die_errno("accept4");
	return fd;
}

void http_check(const char *request, size_t len)
{
	if (unlikely(len != HTTP_REQUEST_LEN || memcmp(request, "GET ", 4) ||
		     memcmp(request + len - 4, "\r\n\r\n", 4)))
		die("a bad request");
}

void http_answer(struct http *h, int fd)
{
	char request[512];
	ssize_t len = CALL(recv(fd, request, sizeof(request), 0));

	if (unlikely(len < 0))
		die_errno("recv");
	http_check(request, (size_t)len);
	len = CALL(send(fd, HTTP_RESPONSE, HTTP_RESPONSE_LEN, MSG_NOSIGNAL));
	if (unlikely(len != (ssize_t)HTTP_RESPONSE_LEN))
		die_errno("send");
	CALL(close(fd));
	h->served++;
}

static void blocking_open(struct http *h)
{
	(void)h;
}

static void blocking_serve(struct http *h)
{
	while (h->served < h->want)
		http_answer(h, http_accept(h));
}

const struct http_ops http_blocking = {
	.open = blocking_open,
	.serve = blocking_serve,
};

/* @addr: the port of one with SO_REUSEPORT; or a new one, which is stored. */
int http_listen(struct sockaddr_in *addr, bool reuseport)
{
	socklen_t len = sizeof(*addr);
	int fd, on = reuseport;

	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)addr, len) < 0 ||
	    listen(fd, 2 * HTTP_CONNS) < 0 ||
	    getsockname(fd, (struct sockaddr *)addr, &len) < 0)
		die_errno("listen");
	return fd;
}

/* ---- The clients ------------------------------------------------------- */

int http_client_start(const struct sockaddr_in *addr)
{
	const struct linger linger = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Goes with a RST: nothing stays in TIME_WAIT for later rounds. */
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0 ||
	    connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ||
	    send(fd, HTTP_REQUEST, HTTP_REQUEST_LEN, MSG_NOSIGNAL) < 0)
		die_errno("client");
	return fd;
}

void http_client_finish(int fd)
{
	char response[512];
	ssize_t len = recv(fd, response, sizeof(response), MSG_WAITALL);

	if (len != (ssize_t)HTTP_RESPONSE_LEN ||
	    memcmp(response, HTTP_RESPONSE, HTTP_RESPONSE_LEN))
		die("a bad answer");
	close(fd);
}

static unsigned int round_requests(unsigned int n)
{
	return max(ROUND_REQUESTS, n);
}

static uint64_t one_round(struct http *h, const struct http_ops *ops,
			  const struct sockaddr_in *addr, unsigned int n)
{
	uint64_t start, ticks = 0;
	int client[HTTP_CONNS];
	unsigned int i, done;

	for (done = 0; done < round_requests(n); done += n) {
		for (i = 0; i < n; i++)
			client[i] = http_client_start(addr);
		h->want += n;
		start = clock_begin();
		ops->serve(h);
		ticks += clock_end(start);
		for (i = 0; i < n; i++)
			http_client_finish(client[i]);
	}
	return ticks;
}

static void http_run(const struct job *job, struct results *res)
{
	const struct http_ops *ops = job->ops->http;
	struct http h = { .accept_flags = SOCK_NONBLOCK };
	struct sockaddr_in addr = { 0 };
	unsigned int i, requests = round_requests(job->size->n);
	struct samples samples;

	h.listener = http_listen(&addr, false);
	ops->open(&h);
	clock_settle();
	samples_init(&samples, ROUNDS);
	for (i = 0; i < ROUNDS + 2; i++) {
		uint64_t ticks = one_round(&h, ops, &addr, job->size->n);

		if (i >= 2)
			samples_add(&samples, ticks, requests);
		else
			http_calls = 0;
	}
	result_add(res, "http", NULL, clock_total(),
		   samples_median(&samples));
	result_add(res, "http", NULL, "calls",
		   (double)http_calls / (ROUNDS * requests));
	samples_free(&samples);
}

static const struct work_case sizes[] = {
	{ .n = 1, .k = 1, .level = LEVEL_QUICK },
	{ .n = 4, .k = 4, .level = LEVEL_ALL },
	{ .n = 16, .k = 16, .level = LEVEL_ALL },
	{ .n = 32, .k = 32, .level = LEVEL_DEFAULT },
	{ .n = 64, .k = 64, .level = LEVEL_ALL },
	{ .n = 256, .k = 256, .level = LEVEL_ALL },
	{ 0 }
};

const struct work work_http = {
	.names = { "http" },
	.help = "a toy HTTP server, n requests at once",
	.caps = MECH_HTTP,
	.bare = true,
	.total = true,
	.cases = sizes,
	.run = http_run,
};
