/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failures at will: the kernel's fault injection, for slab, pages and copies
 * from and to user memory. See Documentation/fault-injection of the kernel.
 *
 *	inject_begin();
 *	inject_nth(3);		the calling thread's third chance to fail will
 *	call();
 *	fired = inject_fired();	and has it?
 *
 *	inject_memory(&range);	all memory that these functions ask for
 *	inject_none();
 */
#ifndef KEVENT_TEST_INJECT_H
#define KEVENT_TEST_INJECT_H

#include "test.h"

#include <fcntl.h>
#include <limits.h>

static const char *const injectors[] = {
	"failslab", "fail_page_alloc", "fail_usercopy",
};

#define INJECTORS (sizeof(injectors) / sizeof(injectors[0]))

/* Addresses of functions: [start, end). */
struct inject_range {
	unsigned long start;
	unsigned long end;
};

static int inject_fd = -1;

/* ---- Settings ------------------------------------------------------------- */

static inline bool inject_try_set(const char *injector, const char *name,
				  const char *value)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", injector, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = write(fd, value, strlen(value));
	close(fd);
	return n == (ssize_t)strlen(value);
}

static inline void inject_set(const char *injector, const char *name,
			      const char *value)
{
	if (!inject_try_set(injector, name, value))
		FAIL("this kernel can't inject faults as these tests need it: %s/%s (%s); run them with --kernel debug",
		     injector, name, test_errno_name(errno));
}

static inline void inject_set_all(const char *name, const char *value)
{
	unsigned int i;

	for (i = 0; i < INJECTORS; i++)
		inject_set(injectors[i], name, value);
}

static inline void inject_set_address(const char *name, unsigned long value)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%lx", value);
	inject_set_all(name, text);
}

/* Nothing fails any more but by inject_nth(). */
static inline void inject_none(void)
{
	inject_set_all("probability", "0");
	inject_set_address("require-start", 0);
	inject_set_address("require-end", ULONG_MAX);
}

/* First in each test: settings are the machine's, and stay. */
static inline void inject_begin(void)
{
	inject_none();
	inject_set_all("verbose", "0");
	inject_set_all("times", "-1");
	inject_set_all("interval", "1");
	inject_set_all("task-filter", "N");
	inject_set_all("stacktrace-depth", "32");
	inject_set("failslab", "ignore-gfp-wait", "N");
	inject_set("failslab", "cache-filter", "N");
	inject_set("fail_page_alloc", "ignore-gfp-wait", "N");
	inject_set("fail_page_alloc", "ignore-gfp-highmem", "N");
	inject_set("fail_page_alloc", "min-order", "0");
	inject_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (inject_fd < 0)
		FAIL("this kernel has no fail-nth (%s); run this with --kernel debug",
		     test_errno_name(errno));
}

/* ---- The nth chance of this thread ---------------------------------------- */

static inline void inject_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	CHECK_EQ(pwrite(inject_fd, text, len, 0), len);
}

/* Whether it failed; and from here on nothing does. */
static inline bool inject_fired(void)
{
	char text[16] = "";
	/* copying that out is a chance, too, and may be the one */
	ssize_t n = pread(inject_fd, text, sizeof(text) - 1, 0);
	bool fired = n > 0 && !strcmp(text, "0\n");

	while (pwrite(inject_fd, "0", 1, 0) != 1)
		CHECK_EQ(errno, EFAULT);
	return fired;
}

/* ---- All memory ------------------------------------------------------------- */

/*
 * The module's text; its size is that of all that it has, so behind the text
 * there may be another module's.
 */
static inline struct inject_range inject_module(void)
{
	struct inject_range r = { 0, 0 };
	unsigned long size, start;
	FILE *f = fopen("/proc/modules", "re");
	char line[512];

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "kevent %lu %*d %*s %*s %lx", &size,
			   &start) == 2) {
			r.start = start;
			r.end = start + size;
		}
	fclose(f);
	CHECK(r.start);
	return r;
}

/* A function of the kernel, whose name begins so. */
static inline struct inject_range inject_function(const char *prefix)
{
	struct inject_range r = { 0, ULONG_MAX };
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long address;
	char line[512], name[256];

	CHECK(f);
	/* the kernel's own are in order */
	while (r.end == ULONG_MAX && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %*c %255s", &address, name) != 2)
			continue;
		if (r.start && address > r.start)
			r.end = address;
		else if (!strncmp(name, prefix, strlen(prefix)))
			r.start = address;
	}
	fclose(f);
	if (!r.start)
		FAIL("no function %s in /proc/kallsyms", prefix);
	return r;
}

/* From here on nobody gets memory through these, in any context. */
static inline void inject_memory(const struct inject_range *r)
{
	inject_set_address("require-start", r->start);
	inject_set_address("require-end", r->end);
	inject_set("failslab", "probability", "100");
	inject_set("fail_page_alloc", "probability", "100");
}

#endif
