// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what does a request cost on a connection that is kept, while most
 * of the others are idle?
 *
 * Model: n connections over loopback are open and watched. In each round k of
 * them send an HTTP request, which is when the kernel makes the events; the
 * server learns of the k requests, reads and answers each (all of that timed);
 * the clients read the answers (not timed).
 * Which k: spread evenly over the n, one further on in each round. One thread;
 * nothing sleeps.
 *
 * Metric: median of rounds, a request, whole: its sending, the event, recv and
 * send, and what the network does at once in them.
 *
 * Does not show: new connections and their end (http), requests that come in
 * pieces, sleeping (pingpong, load), cache misses, which many connections have.
 */

#include <sys/socket.h>

#include "http.h"

#define ROUNDS		31u
#define ROUND_REQUESTS	32u

#define KEEP_REQUEST	"GET /index.html HTTP/1.1\r\nHost: localhost\r\n" \
			"User-Agent: toy\r\nAccept: text/plain, */*\r\n\r\n"
#define KEEP_RESPONSE	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" \
			"Content-Length: 13\r\n\r\nHello, world\n"
#define KEEP_REQUEST_LEN	(sizeof(KEEP_REQUEST) - 1)
#define KEEP_RESPONSE_LEN	(sizeof(KEEP_RESPONSE) - 1)

struct keep {
	struct source *conns;
	struct mech *m;
	unsigned int n, k, first;
};

static struct source *next_conn(const struct keep *keep, struct source *s)
{
	size_t next = (size_t)(s - keep->conns) + keep->n / keep->k;

	return &keep->conns[next < keep->n ? next : next - keep->n];
}

static void transfer(ssize_t len, size_t expect, const char *what)
{
	if (unlikely(len != (ssize_t)expect))
		die_errno(what);
}

static void client_ask(struct source *s)
{
	s->armed = 1;
	transfer(send(s->wfd, KEEP_REQUEST, KEEP_REQUEST_LEN, MSG_NOSIGNAL),
		 KEEP_REQUEST_LEN, "request");
}

static void server_answer(struct source *s)
{
	char request[512];

	transfer(recv(s->rfd, request, sizeof(request), 0), KEEP_REQUEST_LEN,
		 "a bad request");
	transfer(send(s->rfd, KEEP_RESPONSE, KEEP_RESPONSE_LEN, MSG_NOSIGNAL),
		 KEEP_RESPONSE_LEN, "answer");
}

static void client_read(struct source *s)
{
	char response[512];

	transfer(recv(s->wfd, response, sizeof(response), 0),
		 KEEP_RESPONSE_LEN, "a bad answer");
}

static void each(struct keep *keep, void (*what)(struct source *s))
{
	struct source *s = &keep->conns[keep->first];
	unsigned int i;

	for (i = 0; i < keep->k; i++, s = next_conn(keep, s))
		what(s);
}

static uint64_t one_round(struct keep *keep)
{
	struct tally t = { .want = keep->k };
	uint64_t start, ticks;

	start = clock_begin();
	each(keep, client_ask);
	keep->m->ops->collect(keep->m, &t);
	tally_check(&t);
	each(keep, server_answer);
	ticks = clock_end(start);
	each(keep, client_read);
	if (++keep->first == keep->n)
		keep->first = 0;
	return ticks;
}

static void keepalive_run(const struct job *job, struct results *res)
{
	struct keep keep = { .n = job->size->n, .k = job->size->k };
	unsigned int rounds = max(ROUND_REQUESTS / keep.k, 1u), i, j;
	struct samples samples;

	keep.conns = sources_make(&source_tcp, keep.n);
	for (i = 0; i < keep.n; i++)
		keep.conns[i].bytes = KEEP_REQUEST_LEN;
	keep.m = job->ops->open(job->ops, keep.n);
	mech_add_all(keep.m, keep.conns, keep.n);
	clock_settle();
	samples_init(&samples, ROUNDS);
	for (i = 0; i < ROUNDS + 2; i++) {
		uint64_t ticks = 0;

		for (j = 0; j < rounds; j++)
			ticks += one_round(&keep);
		if (i >= 2)
			samples_add(&samples, ticks, rounds * keep.k);
	}
	result_add(res, "keepalive", NULL, clock_total(),
		   samples_median(&samples));
	samples_free(&samples);
	keep.m->ops->close(keep.m);
}

static const struct work_case sizes[] = {
	{ .n = 1000, .k = 1, .level = LEVEL_ALL },
	{ .n = 1000, .k = 32, .level = LEVEL_QUICK },
	{ .n = 10000, .k = 32, .level = LEVEL_ALL },
	{ 0 }
};

const struct work work_keepalive = {
	.names = { "keepalive" },
	.help = "HTTP on n connections that are kept, k requests at once",
	.caps = MECH_EVENTS,
	.not_caps = MECH_PIPE,
	.bare = true,
	.total = true,
	.cases = sizes,
	.run = keepalive_run,
};
