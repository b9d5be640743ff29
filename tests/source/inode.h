/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of KEVENT_INODE share: names of its events, files, expecting. */
#ifndef KEVENT_TEST_INODE_H
#define KEVENT_TEST_INODE_H

#include "record.h"

#define CREATE		KEVENT_INODE_CREATE
#define REMOVE		KEVENT_INODE_REMOVE
#define MODIFY		KEVENT_INODE_MODIFY
#define ATTRIB		KEVENT_INODE_ATTRIB
#define MOVED_FROM	KEVENT_INODE_MOVED_FROM
#define MOVED_TO	KEVENT_INODE_MOVED_TO
#define DELETE_SELF	KEVENT_INODE_DELETE_SELF
#define MOVE_SELF	KEVENT_INODE_MOVE_SELF
#define OPEN		KEVENT_INODE_OPEN
#define ACCESS		KEVENT_INODE_ACCESS
#define CLOSE_WRITE	KEVENT_INODE_CLOSE_WRITE
#define CLOSE_NOWRITE	KEVENT_INODE_CLOSE_NOWRITE
#define ISDIR		KEVENT_INODE_ISDIR
#define ALL		0xfffu

static inline int open_file(const char *name, int flags)
{
	return CHECK_OK(open(name, flags | O_CLOEXEC));
}

/* A new file, opened; the queue and the watch are the caller's. */
static inline int new_file(const char *name)
{
	close(own_directory());
	make_file(name);
	return open_file(name, O_RDWR);
}

/* An event with these bits and this total. */
static inline struct ukevent expect(int q, int id, uint32_t bits, uint32_t total)
{
	struct ukevent uk = take(q);

	CHECK_EQ(uk.type, KEVENT_INODE);
	CHECK_EQ(uk.id.raw[0], id);
	CHECK_EQ(uk.ptr, id);
	CHECK_EQ(uk.ret_data[0], bits);
	CHECK_EQ(uk.ret_data[1], total);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DATA);
	return uk;
}

#endif
