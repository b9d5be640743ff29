// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Queues in queues.  A circle of queues does no harm, but epoll refuses one, and
 * chains that are too long, with ELOOP; programs may rely on it.  So when a queue was
 * added to another, which the result tells, what it watches is looked up in fdinfo.
 */
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kevent.h>

#include "call.h"
#include "epoll.h"

/* As deep as epoll allows. */
#define KE_NEST_MAX	4

bool ke_is_queue(int fd)
{
	struct kevent_ioc_info info = { .size = sizeof(info) };

	return !ke_ioctl(fd, KEVENT_IOC_INFO, &info);
}

static bool ke_is_same(int fd, int other)
{
	long pid = getpid();

	return fd == other ||
	       !ke_call6(SYS_kcmp, pid, pid, KCMP_FILE, fd, other, 0);
}

/*
 * Is it what the queue watches under this number?  The file that had the number then may
 * be another one by now, or the queue itself.  READY with a bit that no watch asks for
 * does nothing, and has to find the watch before it can say so.
 */
static bool ke_is_watched(int queue, int fd)
{
	struct ukevent uk = {
		.id.raw[0] = (uint32_t)fd,
		.type = KEVENT_POLL,
		.event = EPOLLET,
		.req_flags = KEVENT_REQ_CMD(KEVENT_CTL_READY),
	};

	return ke_ioctl(queue, KEVENT_IOC_CHANGE, &uk) == -EINVAL &&
	       !ke_is_same(queue, fd);
}

static int ke_depth(int fd, int top, int level);

/* How deep it goes below what a line of fdinfo names; 0: it is no queue. */
static int ke_depth_of_line(const char *line, int fd, int top, int level)
{
	unsigned long id;
	unsigned int type;

	if (sscanf(line, "watch: type: %u id: %lx", &type, &id) != 2 ||
	    type != KEVENT_POLL || id > INT32_MAX || !ke_is_queue((int)id) ||
	    !ke_is_watched(fd, (int)id))
		return 0;
	if (ke_is_same((int)id, top))
		return KE_NEST_MAX + 1;
	return 1 + ke_depth((int)id, top, level + 1);
}

/* How many queues are below this one, one in the other; more than the most: top is. */
static int ke_depth(int fd, int top, int level)
{
	char path[48], *line = NULL;
	int depth, deepest = 0;
	size_t size = 0;
	FILE *f;

	if (level > KE_NEST_MAX)
		return 1;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (deepest <= KE_NEST_MAX && getline(&line, &size, f) > 0) {
		depth = ke_depth_of_line(line, fd, top, level);
		deepest = depth > deepest ? depth : deepest;
	}
	free(line);
	fclose(f);
	return deepest;
}

/*
 * It was added: is it a circle, or a chain that is too long?  Then it must go again, and
 * nobody be cancelled before.
 */
int ke_nest_added(int epfd, int fd, struct ukevent *added)
{
	int depth, state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	depth = 1 + ke_depth(fd, epfd, 0);
	pthread_setcancelstate(state, NULL);
	if (depth <= KE_NEST_MAX)
		return 0;
	added->req_flags = KEVENT_REQ_CMD(KEVENT_CTL_REMOVE) | KEVENT_REQ_COOKIE;
	ke_ioctl(epfd, KEVENT_IOC_CHANGE, added);
	return -ELOOP;
}
