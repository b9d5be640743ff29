/* SPDX-License-Identifier: GPL-2.0 */
/* Racing about what happens to a file, in a directory, and to its last name. */
#ifndef RACE_SOURCE_INODE_H
#define RACE_SOURCE_INODE_H

#include "source_file.h"

enum { INODE_FILE, INODE_DIR, INODE_NAME, INODE_KINDS };

static inline void inode_make_file(struct scene *s)
{
	s->peer = CHECK_OK(open(s->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	s->fd = CHECK_OK(open(s->path, O_RDONLY | O_CLOEXEC));
}

static inline void inode_make(struct scene *s)
{
	s->kind = race_random(s, INODE_KINDS);
	s->own = 0;
	snprintf(s->path, sizeof(s->path), "/tmp/kevent-race-%d", getpid());
	if (s->kind == INODE_DIR) {
		CHECK_OK(mkdir(s->path, 0700));
		s->fd = CHECK_OK(open(s->path, O_RDONLY | O_CLOEXEC));
		s->peer = CHECK_OK(open(s->path, O_PATH | O_CLOEXEC));
		s->event = KEVENT_INODE_CREATE;
	} else {
		inode_make_file(s);
		s->event = s->kind == INODE_FILE ? KEVENT_INODE_MODIFY :
						   KEVENT_INODE_DELETE_SELF;
	}
	s->id = s->fd;
}

static inline void inode_drop(struct scene *s)
{
	if (s->kind == INODE_DIR)
		CHECK_OK(rmdir(s->path));
	else if (unlink(s->path) < 0)
		CHECK_EQ(errno, ENOENT);
	file_drop(s);
}

static inline unsigned int inode_create(const struct scene *s, unsigned int n)
{
	char name[32];
	unsigned int i;

	snprintf(name, sizeof(name), "%ld", syscall(SYS_gettid));
	for (i = 0; i < n; i++) {
		CHECK_OK(mknodat(s->peer, name, S_IFREG | 0600, 0));
		CHECK_OK(unlinkat(s->peer, name, 0));
	}
	return n;
}

static inline unsigned int inode_write(const struct scene *s, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		CHECK_EQ(pwrite(s->peer, "x", 1, 0), 1);
	return n;
}

static inline unsigned int inode_event(struct side *side)
{
	unsigned int n = 1 + side_random(side, 3);
	struct scene *s = side->s;

	if (s->kind == INODE_DIR)
		return inode_create(s, n);
	if (s->kind == INODE_FILE)
		return inode_write(s, n);
	s->spent = true;
	return unlink(s->path) == 0;
}

/* The file's last name is going at this moment. */
static inline bool inode_allows(const struct side *side, int error)
{
	return error == ENOENT && side->actor == ACT_ADD &&
	       side->s->kind == INODE_NAME;
}

static const struct source inode_source = {
	.name	= "inode",
	.type	= KEVENT_INODE,
	.unasked = KEVENT_INODE_ISDIR,
	.flags	= RACE_FLAGS | KEVENT_REQ_CLOSED,
	.counts	= true,
	.close	= file_close,
	.make	= inode_make,
	.drop	= inode_drop,
	.event	= inode_event,
	.allows	= inode_allows,
};

#endif
