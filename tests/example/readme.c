// SPDX-License-Identifier: GPL-2.0
/* Tests examples/echo.c, the README's program, as it stands. */
#include "kev.h"

#define main example_main
#include "../../examples/echo.c"
#undef main

static void run_example(void *arg)
{
	(void)arg;
	FAIL("the server ended with %d", example_main());
}

static int dial(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(7777),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));

	CHECK_SOON(!connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
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
