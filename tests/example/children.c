// SPDX-License-Identifier: GPL-2.0
/* Tests examples/children.c: statuses, in the order in which the commands end. */
#include "output.h"

#include <sys/stat.h>

#define main example_main
#include "../../examples/children.c"
#undef main

/* Lets go the command that waits for this FIFO's end. */
static void let_go(const char *fifo)
{
	CHECK_OK(close(CHECK_OK(open(fifo, O_WRONLY | O_CLOEXEC))));
}

TEST(statuses_in_order)
{
	char dir[] = "/tmp/childrenXXXXXX";
	struct example e = { .main = example_main, .argv = {
		"children", "cat <a; exit 4", "cat <b; exit 3", "cat <c; kill -9 $$",
	} };

	CHECK(mkdtemp(dir));
	CHECK_OK(chdir(dir));
	CHECK_OK(mkfifo("a", 0600));
	CHECK_OK(mkfifo("b", 0600));
	CHECK_OK(mkfifo("c", 0600));
	example_start(&e);
	let_go("c");
	example_says(&e, "cat <c; kill -9 $$: signal 9");
	let_go("b");
	example_says(&e, "cat <b; exit 3: status 3");
	let_go("a");
	example_says(&e, "cat <a; exit 4: status 4");
	example_ends(&e);
}

/* One that can't even begin. */
TEST(no_such_command)
{
	struct example e = { .main = example_main, .argv = { "children", "exec /nothing 2>/dev/null" } };

	example_start(&e);
	example_says(&e, "exec /nothing 2>/dev/null: status 127");
	example_ends(&e);
}
