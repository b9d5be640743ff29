/* SPDX-License-Identifier: GPL-2.0 */
/* Runs an example in a child and reads what it prints. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "kev.h"

#include <sys/wait.h>

struct example {
	int (*main)(int argc, char **argv);
	char *argv[8];		/* ends with NULL */
	pid_t pid;
	FILE *output;
};

static inline int example_argc(const struct example *e)
{
	int argc = 0;

	while (e->argv[argc])
		argc++;
	return argc;
}

/* The status of the child is what main() returns. */
static inline void example_start(struct example *e)
{
	int fds[2];

	CHECK_OK(pipe2(fds, O_CLOEXEC));
	e->pid = CHECK_OK(fork());
	if (!e->pid) {
		CHECK_OK(dup2(fds[1], STDOUT_FILENO));
		exit(e->main(example_argc(e), e->argv));
	}
	CHECK_OK(close(fds[1]));
	e->output = fdopen(fds[0], "r");
	CHECK(e->output);
}

/* The next line has to be this. */
static inline void example_says(struct example *e, const char *expected)
{
	char line[256] = "";

	CHECK(fgets(line, sizeof(line), e->output));
	line[strcspn(line, "\n")] = 0;
	if (strcmp(line, expected))
		FAIL("it says \"%s\", expected \"%s\"", line, expected);
}

/* Nothing else comes, and main() returns 0. */
static inline void example_ends(struct example *e)
{
	char line[256];
	int status;

	if (fgets(line, sizeof(line), e->output))
		FAIL("it also says %s", line);
	fclose(e->output);
	CHECK_EQ(waitpid(e->pid, &status, 0), e->pid);
	CHECK_EQ(status, 0);
}

#endif /* OUTPUT_H */
