// SPDX-License-Identifier: GPL-2.0
/* Tests examples/run.c, of which the README shows a part, as it stands. */
#include "output.h"

#define main example_main
#include "../../examples/run.c"
#undef main

#define RUN(seconds, command) { .main = example_main, .argv = { "run", seconds, command } }

/* Output before, in, and just before the end. */
TEST(output_and_status)
{
	struct example e = RUN("100", "echo one; echo two; exec sh -c 'echo three; exit 3'");

	example_start(&e);
	example_says(&e, "one");
	example_says(&e, "two");
	example_says(&e, "three");
	example_says(&e, "status 3");
	example_ends(&e);
}

TEST(much_output)
{
	struct example e = RUN("100", "yes | head -n 100000");
	int i;

	example_start(&e);
	for (i = 0; i < 100000; i++)
		example_says(&e, "y");
	example_says(&e, "status 0");
	example_ends(&e);
}

/* One that closes its output lives on, and is waited for. */
TEST(silent)
{
	struct example e = RUN("100", "echo x; exec >&-; sleep 1; exit 4");

	example_start(&e);
	example_says(&e, "x");
	example_says(&e, "status 4");
	example_ends(&e);
}

/* What it had said comes all the same. */
TEST(limit_of_time)
{
	struct example e = RUN("1", "echo before; exec sleep 1000");

	example_start(&e);
	example_says(&e, "before");
	example_says(&e, "signal 9");
	example_ends(&e);
}

TEST(no_such_command)
{
	struct example e = RUN("100", "exec /nothing 2>/dev/null");

	example_start(&e);
	example_says(&e, "status 127");
	example_ends(&e);
}
