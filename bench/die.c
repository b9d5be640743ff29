// SPDX-License-Identifier: GPL-2.0
/* Giving up: what can't be measured right is not reported at all. */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

void die(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "kevent-bench: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void die_errno(const char *what)
{
	die("%s: %s", what, strerror(errno));
}

void *xcalloc(size_t num, size_t size)
{
	void *p = calloc(num ? num : 1, size);

	if (!p)
		die_errno("calloc");
	return p;
}
