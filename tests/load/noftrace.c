// SPDX-License-Identifier: GPL-2.0
/* A kernel whose ftrace can't redirect: the module does not load, and says why. */
/* vm: --no-ftrace */
#include "module.h"

#include <sys/klog.h>

#define SYSLOG_READ_ALL	3

/* How often the log says what the module says then. */
static int complaints(void)
{
	static char log[1 << 20];
	const char *p = log;
	int n = CHECK_OK(klogctl(SYSLOG_READ_ALL, log, sizeof(log) - 1)), found = 0;

	log[n] = 0;
	while ((p = strstr(p, "kevent: this kernel's ftrace can't redirect"))) {
		found++;
		p++;
	}
	return found;
}

TEST(says_why)
{
	int before = complaints();

	CHECK_ERRNO(try_load(""), EOPNOTSUPP);
	CHECK(!is_loaded());
	CHECK_ERRNO(open("/dev/kevent", O_RDWR), ENOENT);
	CHECK_EQ(complaints(), before + 1);
}

/* What was made before that was given back: it fails the same way again. */
TEST(leaves_nothing)
{
	int i;

	for (i = 0; i < 20; i++)
		CHECK_ERRNO(try_load(""), EOPNOTSUPP);
	CHECK(!is_loaded());
}
