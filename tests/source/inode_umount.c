// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_INODE: file systems that are unmounted while watched. */
#include "inode.h"

#include <sched.h>
#include <sys/mount.h>

static void mount_here(const char *name)
{
	CHECK_OK(mkdir(name, 0755));
	CHECK_OK(unshare(CLONE_NEWNS));
	CHECK_OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	if (mount("tmpfs", name, "tmpfs", 0, NULL) < 0)
		SKIP("no tmpfs");
}

/* The open file is in the way, as ever; the watch never. */
TEST(umount)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), fd, path;

	mount_here("m");
	make_file("m/one");
	fd = open_file("m/one", O_RDONLY);
	path = open_file("m", O_PATH);
	inode_add(q, fd, ALL, 0);
	inode_add(q, path, ALL, 0);
	CHECK_ERRNO(umount2("m", 0), EBUSY);
	close(fd);
	CHECK_ERRNO(umount2("m", 0), EBUSY);
	close(path);
	CHECK_EQ(watches_of(q), 0);
	CHECK_OK(umount2("m", 0));
	close(dir);
}

/* REMOVE leaves nothing that the file system would have to wait for. */
TEST(umount_after_remove)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), fd;

	mount_here("m");
	make_file("m/one");
	fd = open_file("m/one", O_RDONLY);
	inode_add(q, fd, ALL, 0);
	CHECK_OK(chmod("m/one", 0600));
	kev_remove(q, KEVENT_INODE, fd);
	close(fd);
	CHECK_OK(umount2("m", 0));
	close(dir);
}

TEST(umount_detached)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), fd;

	mount_here("m");
	make_file("m/one");
	fd = open_file("m/one", O_RDONLY);
	inode_add(q, fd, ATTRIB, KEVENT_REQ_CLOSED);
	CHECK_OK(umount2("m", MNT_DETACH));
	CHECK_OK(fchmod(fd, 0600));
	expect(q, fd, ATTRIB, 1);
	close(fd);
	CHECK_EQ(take(q).ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
	close(dir);
}
