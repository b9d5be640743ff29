// SPDX-License-Identifier: GPL-2.0
/* Tests examples/workers.c: each job is done once, and all threads end. */
#include "output.h"

#define main example_main
#include "../../examples/workers.c"
#undef main

/* More jobs than there is room for, none, and fewer than workers. */
TEST_TIMEOUT(sums, 60)
{
	static char *const numbers[] = { "3000", "0", "2" };
	static const char *const sums[] = { "9004500500", "0", "5" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sums); i++) {
		struct example e = { .main = example_main, .argv = { "workers", numbers[i] } };

		example_start(&e);
		example_says(&e, sums[i]);
		example_ends(&e);
	}
}
