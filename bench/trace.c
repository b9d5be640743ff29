// SPDX-License-Identifier: GPL-2.0
/*
 * Counts what the kernel does, by the histograms of its trace events. They cost
 * instructions: what is counted so is measured by another run than the cost.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define TRACEFS		"/sys/kernel/tracing/"
#define PATH_LEN	128
#define KEY_LEN		4096

static void trace_path(char *path, const struct trace *t, const char *file)
{
	snprintf(path, PATH_LEN, TRACEFS "events/%s/%s", t->event, file);
}

static bool trace_write(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	bool done = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return done;
}

/* False: this kernel, or this user, can't. */
bool trace_begin(const struct trace *t)
{
	char path[PATH_LEN];

	trace_path(path, t, "trigger");
	return trace_write(path, O_APPEND, t->hist);
}

void trace_end(const struct trace *t)
{
	char path[PATH_LEN], text[sizeof(t->hist) + 1];

	trace_path(path, t, "trigger");
	snprintf(text, sizeof(text), "!%s", t->hist);
	if (!trace_write(path, O_APPEND, text))
		die_errno(path);
}

static bool has_word(const char *key, const char *const *words)
{
	for (; *words; words++) {
		if (strstr(key, *words))
			return true;
	}
	return false;
}

/* Of what was counted, that with one of the words in its key. */
uint64_t trace_count(const struct trace *t, const char *const *words)
{
	char path[PATH_LEN], line[512], key[KEY_LEN] = "";
	size_t room = sizeof(key) - 1;
	uint64_t total = 0;
	FILE *f;

	trace_path(path, t, "hist");
	f = fopen(path, "re");
	if (!f)
		die_errno(path);
	while (fgets(line, sizeof(line), f)) {
		const char *hits = strstr(line, "} hitcount:");

		if (line[0] == '{')
			key[0] = '\0';
		strncat(key, line, room - strlen(key));
		if (hits && has_word(key, words))
			total += strtoull(hits + 11, NULL, 10);
	}
	fclose(f);
	return total;
}

/*
 * Makes an event of every call of those of these functions that there are, from now
 * on.  False: there are none, or this kernel, or this user, can't.
 */
bool trace_probe(const char *const *functions)
{
	static const char list[] = TRACEFS "kprobe_events";
	char text[PATH_LEN];
	bool made = false;

	trace_write(list, O_TRUNC, "\n");
	for (; *functions; functions++) {
		snprintf(text, sizeof(text), "p:" TRACE_PROBE " %s", *functions);
		made |= trace_write(list, O_APPEND, text);
	}
	return made;
}
