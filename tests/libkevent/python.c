// SPDX-License-Identifier: GPL-2.0
/* vm: --python --add=docs/languages.md --add=contrib/python */
/* Tests that the examples of docs/languages.md run, as they stand. */
#include "kev.h"

#include <sys/wait.h>

#define PAGE	"docs/languages.md"

static char *page;

static void read_page(void)
{
	FILE *f = fopen(PAGE, "re");
	size_t len = 0;

	if (!f)
		SKIP("no " PAGE " here");
	CHECK_GT(getdelim(&page, &len, 0, f), 0);
	fclose(f);
}

/* The code of block number n, NULL if there are fewer. */
static char *block(unsigned int n)
{
	char *code = page, *end;

	do {
		code = strstr(code, "\n```python\n");
		if (!code)
			return NULL;
		code += strlen("\n```python\n");
	} while (n--);
	code = strdup(code);
	end = strstr(code, "\n```\n");
	CHECK(end);
	end[1] = 0;
	return code;
}

static void run(void *arg)
{
	setenv("LD_LIBRARY_PATH", LIBRARY, 1);
	setenv("PYTHONPATH", "contrib/python", 1);
	execlp("python3", "python3", "-c", (char *)arg, (char *)NULL);
	FAIL("python3: %s", test_errno_name(errno));
}

static void run_block(unsigned int n)
{
	read_page();
	CHECK(block(n));
	wait_child(start_child(run, block(n)));
}

TEST_TIMEOUT(read_of_events, 60)
{
	run_block(0);
}

TEST_TIMEOUT(ring_without_seen, 60)
{
	run_block(1);
}

TEST_TIMEOUT(library, 60)
{
	run_block(2);
}

TEST_TIMEOUT(loop_of_asyncio, 60)
{
	run_block(3);
}

TEST(no_more)
{
	read_page();
	CHECK(!block(4));
}
