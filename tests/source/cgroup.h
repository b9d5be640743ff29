/* SPDX-License-Identifier: GPL-2.0 */
/* A control group of one's own. */
#ifndef KEVENT_TEST_CGROUP_H
#define KEVENT_TEST_CGROUP_H

#include "../lib/test.h"

#include <fcntl.h>
#include <sys/stat.h>

#define CGROUP "/sys/fs/cgroup"

static inline void cgroup_write(const char *group, const char *file,
				const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), CGROUP "/%s/%s", group, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		SKIP("no such cgroup: %s: %s", path, test_errno_name(errno));
	close(fd);
}

/* The process in a group of its own, by this name, with a controller. */
static inline void cgroup_enter(const char *group, const char *controller)
{
	char text[32];

	snprintf(text, sizeof(text), "+%s", controller);
	cgroup_write(".", "cgroup.subtree_control", text);
	snprintf(text, sizeof(text), CGROUP "/%s", group);
	CHECK(mkdir(text, 0755) == 0 || errno == EEXIST);
	cgroup_write(group, "cgroup.procs", "0");
}

#endif /* KEVENT_TEST_CGROUP_H */
