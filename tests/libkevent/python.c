// SPDX-License-Identifier: GPL-2.0
/* vm: --python --add=docs/languages.md --add=contrib/python */
/* kernel: !(*-arm64*) */
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

/* Python 3.14 warns of who asks for its policy, and 3.16 will have none. */
#define CHANGED								\
	"import asyncio, warnings\n"					\
	"policy = asyncio.DefaultEventLoopPolicy\n"			\
	"del asyncio.DefaultEventLoopPolicy\n"				\
	"warnings.simplefilter('error')\n"

static const char no_policy[] = CHANGED
	"import kevent\n"
	"from kevent import *\n"
	"assert not hasattr(kevent, 'KeventEventLoopPolicy')\n"
	"KeventEventLoop().close()\n";

static const char policy_with_warning[] = CHANGED
	"def ask(name):\n"
	"    if name != 'DefaultEventLoopPolicy':\n"
	"        raise AttributeError(name)\n"
	"    warnings.warn(name, DeprecationWarning)\n"
	"    return policy\n"
	"asyncio.__getattr__ = ask\n"
	"import kevent\n"
	"from kevent import *\n"
	"warnings.simplefilter('ignore')\n"
	"asyncio.set_event_loop_policy(kevent.KeventEventLoopPolicy())\n"
	"loop = asyncio.new_event_loop()\n"
	"assert type(loop) is KeventEventLoop\n"
	"assert kevent.KeventEventLoopPolicy is kevent.KeventEventLoopPolicy\n"
	"loop.close()\n";

TEST_TIMEOUT(python_without_policies, 60)
{
	wait_child(start_child(run, (void *)no_policy));
}

TEST_TIMEOUT(python_that_warns_of_policies, 60)
{
	wait_child(start_child(run, (void *)policy_with_warning));
}

TEST(no_more)
{
	read_page();
	CHECK(!block(4));
}
