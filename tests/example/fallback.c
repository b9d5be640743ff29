// SPDX-License-Identifier: GPL-2.0
/* Tests examples/fallback.c: what comes in goes out, on a queue and on an epoll. */
#include "output.h"

#include <sys/mount.h>

#define main example_main
#include "../../examples/fallback.c"
#undef main

static int input[2];

static int run(int argc, char **argv)
{
	(void)argv;
	CHECK_OK(dup2(input[0], STDIN_FILENO));
	CHECK_OK(dup2(STDOUT_FILENO, STDERR_FILENO));
	CHECK_OK(close(input[1]));
	if (argc > 1) {
		CHECK_OK(unshare(CLONE_NEWNS));
		CHECK_OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
		CHECK_OK(mount("none", "/dev", "tmpfs", 0, NULL));
	}
	return example_main();
}

static void says_back(struct example *e, const char *line)
{
	CHECK(dprintf(input[1], "%s\n", line) > 0);
	example_says(e, line);
}

static void copies(struct example *e)
{
	says_back(e, "one");
	says_back(e, "two");
	CHECK_OK(close(input[1]));
	example_ends(e);
}

TEST(on_kevent)
{
	struct example e = { .main = run, .argv = { "fallback" } };

	CHECK_OK(pipe2(input, O_CLOEXEC));
	example_start(&e);
	example_says(&e, "on kevent");
	copies(&e);
}

TEST(on_epoll)
{
	struct example e = { .main = run, .argv = { "fallback", "without" } };

	CHECK_OK(pipe2(input, O_CLOEXEC));
	example_start(&e);
	example_says(&e, "kevent: No such file or directory");
	example_says(&e, "on epoll");
	copies(&e);
}
