/* SPDX-License-Identifier: GPL-2.0 */
/* Tests an example that is an echo server, example_main(), on EXAMPLE_PORT. */
#ifndef EXAMPLE_ECHO_H
#define EXAMPLE_ECHO_H

#include "accept.h"

static void run_example(void *arg)
{
	(void)arg;
	FAIL("the server ended with %d", example_main());
}

/* With buffers of so many bytes; 0: as they are. */
static int dial_small(int bytes)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(EXAMPLE_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));

	if (bytes) {
		CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)));
		CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)));
	}
	CHECK_SOON(!connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

static int dial(void)
{
	return dial_small(0);
}

static void echo(int fd, const char *text)
{
	size_t len = strlen(text);
	char buf[64];

	CHECK_EQ(send(fd, text, len, 0), len);
	CHECK_EQ(recv(fd, buf, len, MSG_WAITALL), len);
	CHECK(!memcmp(buf, text, len));
}

/* Several connections at once, events for each again and again, ends. */
TEST(echoes)
{
	int fds[40];
	unsigned int i, round;
	char end;

	start_child(run_example, NULL);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = dial();
	for (round = 0; round < 5; round++)
		for (i = 0; i < ARRAY_SIZE(fds); i++)
			echo(fds[i], round % 2 ? "ping" : "and a longer line");
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		CHECK_OK(shutdown(fds[i], SHUT_WR));
		CHECK_EQ(recv(fds[i], &end, 1, 0), 0);
		CHECK_OK(close(fds[i]));
	}
	echo(dial(), "after all of them");
}

/* What is byte number i of a long stream? */
static char stream_byte(size_t i)
{
	return (char)(i * 7 + i / 251);
}

/* Sends more of the stream, of which sent bytes are out. Returns how many went. */
static size_t stuff(int fd, size_t sent)
{
	char buf[1000];
	size_t i;
	ssize_t n;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = stream_byte(sent + i);
	n = send(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0)
		CHECK_EQ(errno, EAGAIN);
	return n < 0 ? 0 : n;
}

static void drain(int fd, size_t sent)
{
	char buf[1000];
	size_t got = 0;
	ssize_t n, i;

	while (got < sent) {
		n = CHECK_OK(recv(fd, buf, sizeof(buf), 0));
		CHECK_GT(n, 0);
		for (i = 0; i < n; i++)
			CHECK_EQ(buf[i], stream_byte(got + i));
		got += n;
	}
	CHECK_EQ(got, sent);
}

/*
 * Sends until the server takes no more for good: it has had a turn since. Returns how
 * many bytes that were.
 */
static size_t stuff_full(int fd, int other)
{
	size_t sent = 0, more;
	int full = 0;

	while (full < 20) {
		more = stuff(fd, sent);
		sent += more;
		full = more ? 0 : full + 1;
		if (!more)
			echo(other, "while that one is full");
	}
	CHECK_GT(sent, 4096);
	return sent;
}

/*
 * One who sends and never reads, until the server takes no more of it: the others
 * are served all the same, and what it then reads is complete and in order.
 */
TEST_TIMEOUT(slow_client, 60)
{
	int slow, other;
	size_t sent;

	start_child(run_example, NULL);
	slow = dial_small(4096);
	other = dial();
	sent = stuff_full(slow, other);
	echo(dial(), "and somebody new");
	drain(slow, sent);
	echo(slow, "as before");
}

/* One who leaves with everything unread is forgotten, and the others are not. */
TEST_TIMEOUT(leaves_unread, 60)
{
	int slow, other;

	start_child(run_example, NULL);
	slow = dial_small(4096);
	other = dial();
	stuff_full(slow, other);
	CHECK_OK(close(slow));
	echo(other, "after it has left");
	echo(dial(), "and somebody new");
}

/* Room for its listener, its queue and three connections. */
static void run_with_few_descriptors(void *arg)
{
	leave_descriptors(5);
	run_example(arg);
}

/*
 * More connect than it can accept.  It tries again now and then, and not in each round of
 * its loop; those who wait are served as soon as others have left.
 */
TEST_TIMEOUT(out_of_descriptors, 60)
{
	unsigned int i, before;
	int fds[10], served;
	uint64_t start;

	share_refusals();
	start_child(run_with_few_descriptors, NULL);
	served = dial();
	echo(served, "the first one");
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = dial();
	CHECK_SOON(count_refusals() > 0);
	before = count_refusals();
	start = now_ns();
	for (i = 0; i < 300; i++)
		echo(served, "while others wait");
	CHECK_LE(count_refusals() - before, (now_ns() - start) / RETRY_NS + 1);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		echo(fds[i], "one after the other");
		CHECK_OK(close(fds[i]));
	}
}

#endif /* EXAMPLE_ECHO_H */
