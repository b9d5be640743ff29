// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Queues in queues.  A circle of queues does no harm, but epoll refuses one, and
 * chains that are too long, with ELOOP; programs may rely on it.  So when a queue was
 * added to another, which the result tells, what it watches is looked up in fdinfo.
 */
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
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

/* ---- fdinfo ------------------------------------------------------------ */

/* A file that is being read.  In a handler, and with a lock of malloc() held, as well. */
struct ke_text {
	int fd;
	int pos;
	int len;
	char buf[512];
};

/* -1: its end. */
static int ke_next_char(struct ke_text *t)
{
	if (t->pos >= t->len) {
		t->pos = 0;
		t->len = (int)ke_call3(SYS_read, t->fd, (long)t->buf, sizeof(t->buf));
		if (t->len <= 0)
			return -1;
	}
	return t->buf[t->pos++];
}

/* The number of the next file that is watched; -1: there is no other. */
static long ke_next_id(struct ke_text *t)
{
	static const char prefix[] = "\nwatch:\ttype: 3 id: ";
	size_t at = 0;
	long id = 0;
	int c;

	_Static_assert(KEVENT_POLL == 3, "the type");
	while (prefix[at]) {
		c = ke_next_char(t);
		if (c < 0)
			return -1;
		at = c == prefix[at] ? at + 1 : c == '\n';
	}
	while ((c = ke_next_char(t)) > ' ')
		id = id << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
	return id;
}

/* ---- Depth ------------------------------------------------------------- */

static int ke_depth(int fd, int top, int level);

/* How deep it goes below one that is watched; 0: it is no queue. */
static int ke_depth_of(int id, int fd, int top, int level)
{
	if (!ke_is_queue(id) || !ke_is_watched(fd, id))
		return 0;
	if (ke_is_same(id, top))
		return KE_NEST_MAX + 1;
	return 1 + ke_depth(id, top, level + 1);
}

/* How many queues are below this one, one in the other; more than the most: top is. */
static int ke_depth(int fd, int top, int level)
{
	struct ke_text text = {};
	int depth, deepest = 0;
	char path[48];
	long id;

	if (level > KE_NEST_MAX)
		return 1;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	text.fd = (int)ke_call6(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC,
				0, 0, 0);
	if (text.fd < 0)
		return 0;
	while (deepest <= KE_NEST_MAX && (id = ke_next_id(&text)) >= 0) {
		depth = ke_depth_of((int)id, fd, top, level);
		deepest = depth > deepest ? depth : deepest;
	}
	ke_call3(SYS_close, text.fd, 0, 0);
	return deepest;
}

/* It was added: is it a circle, or a chain that is too long?  Then it must go again. */
int ke_nest_added(int epfd, int fd, struct ukevent *added)
{
	if (1 + ke_depth(fd, epfd, 0) <= KE_NEST_MAX)
		return 0;
	added->req_flags = KEVENT_REQ_CMD(KEVENT_CTL_REMOVE) | KEVENT_REQ_COOKIE;
	ke_ioctl(epfd, KEVENT_IOC_CHANGE, added);
	return -ELOOP;
}
