// SPDX-License-Identifier: GPL-2.0
/*
 * load PROTOCOL PORT CONNECTIONS REQUESTS [-l LIFE] [-i IDLE] [-s SLOW] [-b BODY] [-r]
 *
 * Makes requests of a server and checks each answer to the last byte. PROTOCOL is
 * http, http-close, redis, memcached or echo. So many connections at once, each with
 * one request outstanding; a connection is replaced after LIFE requests. IDLE further
 * ones are opened and say nothing. SLOW more send a request a byte at a time, during
 * the others. BODY is the file that http has to give, by its name without directories.
 * -r: they read slowly, a little at a time, and their sockets have little room.
 *
 * Prints "requests N errors N".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX	(16 << 20)
#define HEAD_MAX	4096
#define CONNS_MAX	4096
#define PATIENCE	60000	/* ms without any progress */
#define SIP		4096	/* bytes that -r reads at a time */

struct conn {
	int fd;
	unsigned int number;	/* of its request */
	unsigned int done;	/* requests on this connection */
	unsigned int value;	/* that it has set last */
	unsigned int next;	/* of a slow one: so many answers before its next byte */
	bool slow;
	size_t sent, len, got;
	char request[256];
	char *answer;
};

struct protocol {
	const char *name;
	void (*ask)(struct conn *c);
	/* 1: it is whole and right; 0: not yet; -1: it is wrong */
	int (*check)(const struct conn *c);
	bool closes;
};

static struct {
	const struct protocol *protocol;
	struct sockaddr_in addr;
	unsigned int conns, requests, life, idle, slow;
	unsigned int asked, answered, errors;
	const char *name;	/* of what http asks for */
	char *body;
	size_t body_len;
	size_t answer_max;
	bool sips;
} load = { .life = ~0u, .name = "", .answer_max = HEAD_MAX };

static struct conn conn[CONNS_MAX];
static struct pollfd pfd[CONNS_MAX];

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- Protocols --------------------------------------------------------- */

static void ask_http(struct conn *c)
{
	c->len = (size_t)snprintf(c->request, sizeof(c->request),
				  "GET /%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
				  load.name, load.protocol->closes ? "Connection: close\r\n" : "");
}

/* A status of 200, and the body as long and with the bytes that it has to have. */
static int check_http(const struct conn *c)
{
	const char *end = memmem(c->answer, c->got, "\r\n\r\n", 4), *length;
	size_t head;

	if (!end)
		return c->got > HEAD_MAX ? -1 : 0;
	head = (size_t)(end + 4 - c->answer);
	if (strncmp(c->answer, "HTTP/1.1 200", 12))
		return -1;
	length = strcasestr(c->answer, "\r\ncontent-length:");
	if (!length || length > end || strtoul(length + 17, NULL, 10) != load.body_len)
		return -1;
	if (c->got < head + load.body_len)
		return 0;
	return c->got == head + load.body_len &&
	       !memcmp(c->answer + head, load.body, load.body_len) ? 1 : -1;
}

static int check_text(const struct conn *c, const char *expected)
{
	size_t len = strlen(expected);

	if (c->got > len || memcmp(c->answer, expected, c->got))
		return -1;
	return c->got == len;
}

/* Each second request asks for what the one before has set. */
static void ask_redis(struct conn *c)
{
	int key = (int)(c - conn);

	if (c->done % 2)
		c->len = (size_t)snprintf(c->request, sizeof(c->request),
					  "*2\r\n$3\r\nGET\r\n$8\r\nkey-%04d\r\n", key);
	else
		c->len = (size_t)snprintf(c->request, sizeof(c->request),
					  "*3\r\n$3\r\nSET\r\n$8\r\nkey-%04d\r\n$8\r\n%08x\r\n",
					  key, c->value);
}

static int check_redis(const struct conn *c)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "$8\r\n%08x\r\n", c->value);
	return check_text(c, c->done % 2 ? expected : "+OK\r\n");
}

static void ask_memcached(struct conn *c)
{
	int key = (int)(c - conn);

	if (c->done % 2)
		c->len = (size_t)snprintf(c->request, sizeof(c->request),
					  "get key-%d\r\n", key);
	else
		c->len = (size_t)snprintf(c->request, sizeof(c->request),
					  "set key-%d 0 0 8\r\n%08x\r\n", key, c->value);
}

static int check_memcached(const struct conn *c)
{
	char expected[128];

	snprintf(expected, sizeof(expected), "VALUE key-%d 0 8\r\n%08x\r\nEND\r\n",
		 (int)(c - conn), c->value);
	return check_text(c, c->done % 2 ? expected : "STORED\r\n");
}

static void ask_echo(struct conn *c)
{
	c->len = (size_t)snprintf(c->request, sizeof(c->request),
				  "line %u of %d\n", c->number, (int)(c - conn));
}

static int check_echo(const struct conn *c)
{
	return check_text(c, c->request);
}

static const struct protocol protocols[] = {
	{ "http", ask_http, check_http, false },
	{ "http-close", ask_http, check_http, true },
	{ "redis", ask_redis, check_redis, false },
	{ "memcached", ask_memcached, check_memcached, false },
	{ "echo", ask_echo, check_echo, false },
};

/* ---- Connections ------------------------------------------------------- */

static void wrong(struct conn *c, const char *what)
{
	if (load.errors++ < 5)
		fprintf(stderr, "load: request %u: %s (%zu of %zu bytes sent, got %zu: %.60s)\n",
			c->number, what, c->sent, c->len, c->got, c->answer);
}

static int open_one(void)
{
	int one = 1, room = SIP, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (load.sips)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (fd < 0 || connect(fd, (struct sockaddr *)&load.addr, sizeof(load.addr)))
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void hang_up(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->done = 0;
}

/* False: as many as are wanted have been asked for. */
static bool ask(struct conn *c)
{
	if (load.asked == load.requests)
		return false;
	if (c->fd < 0)
		c->fd = open_one();
	c->number = load.asked++;
	if (c->done % 2 == 0)
		c->value = c->number * 2654435761u;
	c->sent = 0;
	c->got = 0;
	load.protocol->ask(c);
	return true;
}

/*
 * Slow ones send a byte for each round of answers to the others, and not whenever they could:
 * how often that is depends on who runs first, and so would what a request costs.
 */
static bool may_push(const struct conn *c)
{
	if (c->sent == c->len)
		return false;
	return !c->slow || load.answered >= c->next || load.asked == load.requests;
}

static void push(struct conn *c)
{
	size_t len = c->slow ? 1 : c->len - c->sent;
	ssize_t n = send(c->fd, c->request + c->sent, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	c->next = load.answered + load.conns;
	if (n > 0)
		c->sent += (size_t)n;
	else if (errno != EAGAIN)
		wrong(c, "it could not be sent");
}

/* The answer is there, or it is known that it is wrong. */
static void finish(struct conn *c, int verdict)
{
	if (verdict < 0) {
		wrong(c, "a wrong answer");
		hang_up(c);
	} else {
		c->done++;
	}
	load.answered++;
	if (c->fd >= 0 && (load.protocol->closes || c->done >= load.life))
		hang_up(c);
	if (!ask(c))
		hang_up(c);
}

static void pull(struct conn *c)
{
	size_t room = load.answer_max - c->got;
	int verdict;
	ssize_t n;

	if (load.sips && room > SIP)
		room = SIP;
	n = recv(c->fd, c->answer + c->got, room, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		finish(c, -1);
		return;
	}
	c->got += (size_t)n;
	verdict = load.protocol->check(c);
	if (verdict)
		finish(c, verdict);
}

/* ---- The loop ---------------------------------------------------------- */

static void turn(unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num; i++) {
		pfd[i].fd = conn[i].fd;
		pfd[i].events = may_push(&conn[i]) ? POLLIN | POLLOUT : POLLIN;
	}
	if (poll(pfd, num, PATIENCE) <= 0) {
		load.errors += load.requests - load.answered;
		fprintf(stderr, "load: no answer any more\n");
		load.answered = load.requests;
		return;
	}
	for (i = 0; i < num; i++) {
		if (pfd[i].revents & POLLOUT)
			push(&conn[i]);
		if (pfd[i].revents & (POLLIN | POLLERR | POLLHUP))
			pull(&conn[i]);
	}
}

static void run(void)
{
	unsigned int i, num = load.conns + load.slow;

	for (i = 0; i < load.idle; i++)
		open_one();
	for (i = 0; i < num; i++) {
		conn[i].fd = -1;
		conn[i].slow = i >= load.conns;
		conn[i].answer = malloc(load.answer_max);
		if (!conn[i].answer)
			die("malloc");
		if (!ask(&conn[i]))
			conn[i].fd = -1;
	}
	while (load.answered < load.requests)
		turn(num);
}

static void read_body(const char *path)
{
	const char *slash = strrchr(path, '/');
	FILE *f = fopen(path, "r");

	load.body = malloc(BODY_MAX);
	if (!f || !load.body)
		die(path);
	load.name = slash ? slash + 1 : path;
	load.body_len = fread(load.body, 1, BODY_MAX, f);
	load.answer_max += load.body_len;
	fclose(f);
}

static void find_protocol(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (!strcmp(protocols[i].name, name))
			load.protocol = &protocols[i];
	if (!load.protocol) {
		errno = EINVAL;
		die(name);
	}
}

int main(int argc, char **argv)
{
	struct rlimit limit = { .rlim_cur = 65536, .rlim_max = 65536 };
	int c;

	while ((c = getopt(argc, argv, "l:i:s:b:r")) != -1)
		switch (c) {
		case 'l': load.life = (unsigned int)atoi(optarg); break;
		case 'i': load.idle = (unsigned int)atoi(optarg); break;
		case 's': load.slow = (unsigned int)atoi(optarg); break;
		case 'b': read_body(optarg); break;
		case 'r': load.sips = true; break;
		default: return 2;
		}
	if (argc - optind != 4)
		return 2;
	setrlimit(RLIMIT_NOFILE, &limit);
	find_protocol(argv[optind]);
	load.addr.sin_family = AF_INET;
	load.addr.sin_port = htons((uint16_t)atoi(argv[optind + 1]));
	load.addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	load.conns = (unsigned int)atoi(argv[optind + 2]);
	load.requests = (unsigned int)atoi(argv[optind + 3]);
	if (load.conns + load.slow > CONNS_MAX)
		return 2;
	run();
	printf("requests %u errors %u\n", load.requests, load.errors);
	return load.errors != 0;
}
