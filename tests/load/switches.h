/* SPDX-License-Identifier: GPL-2.0 */
/* What root can switch off, and what has to work whatever root does. */
#ifndef KEVENT_TEST_SWITCHES_H
#define KEVENT_TEST_SWITCHES_H

#include "../source/kinds.h"
#include "module.h"

#define FTRACE		"/proc/sys/kernel/ftrace_enabled"
#define KPROBES		"/sys/kernel/debug/kprobes/enabled"
#define KPROBE_LIST	"/sys/kernel/debug/kprobes/list"

/* Returns 0, or the errno. */
static inline int try_write(const char *path, const char *text)
{
	ssize_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0 && errno == ENOENT)
		SKIP("no %s", path);
	CHECK_OK(fd);
	ret = write(fd, text, len) == len ? 0 : errno;
	close(fd);
	return ret;
}

/* By 7.2 nobody can switch ftrace off any more.  It is on, and so it stays. */
static inline bool ftrace_stays_on(void)
{
	int err = try_write(FTRACE, "0");

	if (err != EOPNOTSUPP)
		try_write(FTRACE, "1");
	return err == EOPNOTSUPP;
}

#define SKIP_IF_ON_FOR_EVER() do {					\
	if (ftrace_stays_on())						\
		SKIP("this kernel's ftrace can't be switched off");	\
} while (0)

static inline bool file_contains(const char *path, const char *word)
{
	char line[512];
	bool found = false;
	FILE *f = fopen(path, "re");

	if (!f)
		SKIP("no %s", path);
	while (fgets(line, sizeof(line), f))
		found |= !!strstr(line, word);
	fclose(f);
	return found;
}

/* A machine where something was switched off is no good to whoever comes next. */
static inline void restore(void)
{
	try_write(FTRACE, "1");
	try_write(KPROBES, "1");
}

static inline void closes_are_seen(int q)
{
	const unsigned int flags = KEVENT_RET_BROKEN | KEVENT_RET_CLOSED;
	struct thing t;
	int i;

	for (i = 0; i < KIND_MAX; i++) {
		if (i == KIND_PIDFD)
			continue;
		thing_make(&t, &kinds[i]);
		thing_add(q, &t, KEVENT_REQ_CLOSED);
		close(t.fd);
		CHECK_EQ(take(q).ret_flags & flags, flags);
		take_none(q);
		thing_drop_rest(&t);
		CHECK_SOON(watches_of(q) == 0);
	}
}

#endif
