// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what does it cost to send large files that are cached, to readers of
 * different speed?
 *
 * Model: a file of n bytes goes to each of k connections, TCP over loopback, whose
 * sockets hold a part of it only. One thread is the server and all clients: the server
 * begins, and then clients and server take turns. The first quarter of the clients
 * reads all that there is in each turn, the next 128 KB, then 32 KB, the rest 8 KB.
 * Each compares what it gets.
 *
 *	epoll		sendfile(2) until the socket is full; epoll, edge, tells when it
 *			no longer is
 *	kevent		kevent_aio_sendfile(); WAIT moves it on
 *
 * Metric: median of rounds, instructions of the server, a file, whole: nothing is
 * subtracted, the clients' own are not in it. "calls": system calls a file.
 *
 * Does not show: files that are not cached, clients that are programs of their own.
 */

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sendfile.h"

#define ROUNDS		5u
#define ROOM		(128 << 10)	/* of each socket, bytes */

/* Of each quarter of the clients, bytes a turn; 0: all that there is. */
static const unsigned int speeds[] = { 0, 128 << 10, 32 << 10, 8 << 10 };

/* What one of them reads in its turn.  Returns what there was. */
static unsigned int client_read(const struct sendfile *s,
				struct sendfile_clients *c, unsigned int i)
{
	unsigned int speed = speeds[4 * i / s->num];
	unsigned int most = s->size - c->got[i];
	const char *want = c->want + s->header_size + c->got[i];
	ssize_t n;

	if (!most)
		return 0;
	if (speed && speed < most)
		most = speed;
	n = recv(c->fd[i], c->buf, most, MSG_DONTWAIT);
	if (n <= 0)
		return 0;
	if (memcmp(c->buf, want, (size_t)n))
		die("a client got something else");
	c->got[i] += (unsigned int)n;
	return (unsigned int)n;
}

static unsigned int clients_read(const struct sendfile *s,
				 struct sendfile_clients *c)
{
	unsigned int i, sum = 0;

	for (i = 0; i < s->num; i++)
		sum += client_read(s, c, i);
	return sum;
}

/* Returns what the server took. */
static uint64_t round_once(struct sendfile *s, struct sendfile_clients *c,
			   const struct sendfile_ops *ops)
{
	uint64_t start, ticks, got = 0;

	memset(c->got, 0, sizeof(c->got));
	s->sent = 0;
	s->calls = 0;
	start = clock_begin();
	ops->begin(s);
	ticks = clock_end(start);
	while (s->sent < s->num) {
		got += clients_read(s, c);
		start = clock_begin();
		ops->move(s);
		ticks += clock_end(start);
	}
	while (got < (uint64_t)s->num * s->size)
		got += clients_read(s, c);
	return ticks;
}

static void files_run(const struct job *job, struct results *res)
{
	struct sendfile_clients c;
	struct samples samples;
	struct sendfile s;
	unsigned int i;

	sendfile_make(job, &s, &c, ROOM);
	unlink(s.path);
	clock_settle();
	samples_init(&samples, ROUNDS);
	for (i = 0; i < ROUNDS + 1; i++) {
		uint64_t ticks = round_once(&s, &c, job->ops->sendfile);

		if (i)
			samples_add(&samples, ticks, s.num);
	}
	result_add(res, "files", NULL, clock_total(), samples_median(&samples));
	result_add(res, "files", NULL, "calls", (double)s.calls / s.num);
	samples_free(&samples);
}

static const struct work_case cases[] = {
	{ .n = 1 << 20, .k = 1, .level = LEVEL_DEFAULT },
	{ .n = 1 << 20, .k = 100, .level = LEVEL_DEFAULT },
	{ 0 }
};

const struct work work_files = {
	.names = { "files" },
	.help = "a cached file of n bytes to k readers of different speed",
	.caps = MECH_FILES,
	.total = true,
	.cases = cases,
	.run = files_run,
};
