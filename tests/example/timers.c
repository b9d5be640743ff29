// SPDX-License-Identifier: GPL-2.0
/* Tests examples/timers.c: what repeats, what is put off, what comes at its time. */
#include "output.h"

#define main example_main
#include "../../examples/timers.c"
#undef main

static int run(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return example_main();
}

/* The first two come in either order where the machine is slow; idle is last. */
TEST(all_expire)
{
	struct example e = { .main = run, .argv = { "timers" } };
	char line[2][64];
	int at;

	example_start(&e);
	CHECK(fgets(line[0], sizeof(line[0]), e.output));
	CHECK(fgets(line[1], sizeof(line[1]), e.output));
	at = !strcmp(line[1], "the time has come\n");
	CHECK(!strcmp(line[at], "the time has come\n"));
	CHECK(!strcmp(line[!at], "ten ticks\n"));
	example_says(&e, "idle");
	example_ends(&e);
}
