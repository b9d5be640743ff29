// SPDX-License-Identifier: GPL-2.0
/* The programs of examples/kqueue.c and of the manual page. */
#include "kqueue.h"

#define main example_main
#include "../../examples/kqueue.c"
#undef main

#define kq manual_kq
#define main manual_main
#include <manual-kqueue.h>
#undef main
#undef kq

static void server(void *arg)
{
	char *argv[] = { "kqueue", arg, NULL };

	exit(example_main(2, argv));
}

/* A port that is free. */
static char *new_port(struct sockaddr_in *addr)
{
	static char port[8];

	close(new_listener(addr));
	snprintf(port, sizeof(port), "%d", ntohs(addr->sin_port));
	return port;
}

static void check_echo(int fd, const char *text)
{
	char buf[64];

	CHECK_EQ(send(fd, text, strlen(text), 0), strlen(text));
	CHECK_EQ(recv(fd, buf, strlen(text), MSG_WAITALL), strlen(text));
	CHECK(!memcmp(buf, text, strlen(text)));
}

TEST(echo)
{
	struct sockaddr_in addr;
	pid_t pid = start_child(server, new_port(&addr));
	int one, two;

	wait_blocked_in(pid, SYS_ioctl);
	one = new_client(&addr);
	two = new_client(&addr);
	CHECK_OK(fcntl(one, F_SETFL, 0));
	CHECK_OK(fcntl(two, F_SETFL, 0));
	check_echo(one, "first");
	check_echo(two, "second");
	close(one);
	check_echo(two, "third");
	CHECK_OK(kill(pid, SIGTERM));
	wait_child(pid);
}

/* Of the manual page: tells how much there is on stdin. */
TEST(manual)
{
	struct ends in = new_pipe(), out = new_pipe();
	char line[32] = "";

	put(in.fd[1], 5);
	CHECK_OK(dup2(in.fd[0], STDIN_FILENO));
	CHECK_OK(dup2(out.fd[1], STDOUT_FILENO));
	CHECK_EQ(manual_main(), 0);
	fflush(stdout);
	CHECK_GT(read(out.fd[0], line, sizeof(line) - 1), 0);
	CHECK(!strcmp(line, "5 bytes\n"));
}
