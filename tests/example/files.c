// SPDX-License-Identifier: GPL-2.0
/* Tests examples/files.c: names of what is done in a directory, and its end by a signal. */
#include "output.h"

#include <signal.h>
#include <sys/stat.h>

#define main example_main
#include "../../examples/files.c"
#undef main

TEST(tells_names)
{
	char dir[] = "/tmp/filesXXXXXX";
	struct example e = { .main = example_main, .argv = { "files", dir } };
	int fd;

	CHECK(mkdtemp(dir));
	CHECK_OK(chdir(dir));
	example_start(&e);
	wait_blocked(e.pid);
	fd = CHECK_OK(open("one", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	example_says(&e, "created one");
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK(close(fd));
	example_says(&e, "written one");
	CHECK_OK(rename("one", "two"));
	example_says(&e, "moved away one");
	example_says(&e, "moved here two");
	CHECK_OK(unlink("two"));
	example_says(&e, "removed two");
	CHECK_OK(kill(e.pid, SIGTERM));
	example_ends(&e);
	CHECK_OK(rmdir(dir));
}
