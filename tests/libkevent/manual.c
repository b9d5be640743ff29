// SPDX-License-Identifier: GPL-2.0
/* Tests that the program in each manual page of sections 3, 4 and 7 runs, and ends with 0. */
#include "kev.h"

struct example {
	const char *page;
	int (*main)(int argc, char **argv);
};

#include "manual.h"	/* made of the pages */

static void run(void *arg)
{
	const struct example *e = arg;
	char name[64], *argv[] = { name, NULL };
	int status;

	snprintf(name, sizeof(name), "%s", e->page);
	CHECK_OK(dup2(CHECK_OK(open("/dev/null", O_WRONLY | O_CLOEXEC)), STDOUT_FILENO));
	status = e->main(1, argv);
	if (status)
		FAIL("the example of %s ended with %d", e->page, status);
}

TEST_TIMEOUT(examples, 60)
{
	unsigned int i;

	CHECK_GT(ARRAY_SIZE(examples), 10);
	for (i = 0; i < ARRAY_SIZE(examples); i++)
		wait_child(start_child(run, (void *)&examples[i]));
}
