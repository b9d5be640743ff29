// SPDX-License-Identifier: GPL-2.0
/*
 * File watching: "files DIRECTORY" prints what happens to the files in a directory, with
 * their names, until SIGINT or SIGTERM, which come as events as well.
 */
#include <stdio.h>
#include <kevent.h>

#define EVENTS	(KEVENT_INODE_CREATE | KEVENT_INODE_REMOVE | KEVENT_INODE_MOVED_FROM | \
		 KEVENT_INODE_MOVED_TO | KEVENT_INODE_CLOSE_WRITE)

static struct kevent_ring ring;

static const char *what(uint32_t event)
{
	return event & KEVENT_INODE_CREATE ? "created" :
	       event & KEVENT_INODE_REMOVE ? "removed" :
	       event & KEVENT_INODE_MOVED_FROM ? "moved away" :
	       event & KEVENT_INODE_MOVED_TO ? "moved here" : "written";
}

/* Details are in records: the event says that there are some. */
static void print_records(int queue, uint64_t cookie)
{
	const struct kevent_record_inode *r;
	uint64_t buf[512];
	uint32_t lost = 0;
	int n, pos;

	while ((n = kevent_read(queue, cookie, buf, sizeof(buf), &lost)) > 0) {
		pos = 0;
		while ((r = kevent_record(buf, n, &pos)))
			printf("%s %s\n", what(r->event), r->name);
	}
	if (lost)	/* as inotify's overflow: look at the directory itself */
		printf("and %u more\n", lost);
	fflush(stdout);
}

static int add_signal(int queue, int signo)
{
	struct ukevent uk;

	kevent_prep_signal(&uk, (uint64_t)signo | KEVENT_SIGNAL_NOMASK, 0, 0);
	return kevent_add(queue, &uk);
}

int main(int argc, char **argv)
{
	const struct ukevent *uk;
	struct ukevent add;
	int ended = 0, queue = kevent_init(&ring, 64, KEVENT_WAKE_FIFO, 0);
	int dir = open(argc > 1 ? argv[1] : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (queue < 0 || dir < 0)
		return 1;
	kevent_prep_inode(&add, dir, EVENTS, 0, 0);
	if (kevent_add(queue, &add) < 0 || add_signal(queue, SIGINT) < 0 ||
	    add_signal(queue, SIGTERM) < 0)
		return 1;
	while (!ended && (kevent_ring_wait(&ring, NULL) >= 0 || errno == EINTR))
		while ((uk = kevent_ring_more(&ring))) {
			if (uk->type == KEVENT_INODE)
				print_records(queue, uk->cookie);
			else
				ended = 1;
		}
	return kevent_destroy(&ring) < 0 || !ended;
}
