// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_INODE: file systems that are unmounted while watched. */
#include "inode.h"
#include "fuse.h"

#include <sched.h>

static void own_mounts(void)
{
	CHECK_OK(unshare(CLONE_NEWNS));
	CHECK_OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static void mount_here(const char *name)
{
	CHECK_OK(mkdir(name, 0755));
	own_mounts();
	if (mount("tmpfs", name, "tmpfs", 0, NULL) < 0)
		SKIP("no tmpfs");
}

/* Tells by IN_UNMOUNT when the file system is gone, and does not keep it. */
static int inotify_on(const char *name)
{
	int fd = CHECK_OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));

	CHECK_OK(inotify_add_watch(fd, name, IN_ATTRIB));
	return fd;
}

/* The masks of all that inotify has to say. */
static uint32_t inotify_all(int fd)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct inotify_event *event;
	uint32_t masks = 0;
	ssize_t n, pos;

	n = read(fd, buf, sizeof(buf));
	if (n < 0)
		CHECK_EQ(errno, EAGAIN);
	for (pos = 0; pos < n; pos += sizeof(*event) + event->len) {
		event = (void *)(buf + pos);
		masks |= event->mask;
	}
	return masks;
}

/* ---- umount ---------------------------------------------------------------- */

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
	CHECK_ERRNO(umount2("m", MNT_FORCE), EBUSY);
	CHECK_ERRNO(umount2("m", MNT_EXPIRE), EBUSY);
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

/* By inotify: with the watch gone, nothing keeps the file system. */
TEST(umount_after_close)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), in, fd;

	mount_here("m");
	make_file("m/one");
	in = inotify_on("m/one");
	fd = open_file("m/one", O_PATH);
	inode_add(q, fd, ALL, KEVENT_REQ_CLOSED);
	close(fd);
	CHECK_EQ(inotify_all(in), 0);
	CHECK_OK(umount2("m", 0));
	CHECK_EQ(inotify_all(in), IN_UNMOUNT | IN_IGNORED);
	CHECK_EQ(take(q).ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	take_none(q);
	close(dir);
}

/* The server is cut off; the mount, and so the watch, stays while it is open. */
TEST(umount_forced)
{
	int q = kev_queue(NULL, 0), fd;
	struct slow_fs fs;
	char c;

	own_mounts();
	fuse_start(&fs, 4096);
	fuse_release(&fs);
	fd = fuse_open_file();
	inode_add(q, fd, ALL, KEVENT_REQ_CLOSED);
	CHECK_EQ(pread(fd, &c, 1, 0), 1);
	expect(q, fd, ACCESS, 1);
	CHECK_ERRNO(umount2(FUSE_DIR, MNT_FORCE), EBUSY);
	thread_join(&fs.thread);
	CHECK_ERRNO(fchmod(fd, 0600), ENOTCONN);
	take_none(q);
	CHECK_EQ(watches_of(q), 1);
	close(fd);
	CHECK_EQ(take(q).ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
	CHECK_OK(umount2(FUSE_DIR, 0));
}

/* ---- Detached, and gone with the last close -------------------------------- */

/* Out of sight, but all there: then the last close ends the two, in order. */
static void detached(int flags)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), in, fd;
	struct records *r;
	struct ukevent uk;

	mount_here("m");
	make_file("m/one");
	in = inotify_on("m/one");
	fd = open_file("m/one", flags);
	uk = inode_add(q, fd, ATTRIB, KEVENT_REQ_CLOSED);
	r = records_of(q, &uk);
	CHECK_OK(chmod("m/one", 0600));
	expect(q, fd, ATTRIB, 1);
	record_expect(r, ATTRIB, "");
	CHECK_OK(umount2("m", MNT_DETACH));
	take_none(q);
	record_expect_none(r);
	CHECK_EQ(inotify_all(in), IN_ATTRIB);
	close(fd);
	CHECK_EQ(inotify_all(in), IN_UNMOUNT | IN_IGNORED);
	uk = take(q);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	CHECK_EQ(uk.ret_data[0], 0);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
	close(dir);
}

TEST(detached)
{
	detached(O_RDONLY);
	detached(O_PATH);
}

/* Changed after it was detached, by the fd that is left. */
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

/* Detached: what is done in the directory by its fd is told, with names. */
TEST(detached_directory)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), fd, file;
	struct records *r;

	mount_here("m");
	fd = open_file("m", O_RDONLY | O_DIRECTORY);
	r = inode_records(q, fd, CREATE | REMOVE);
	CHECK_OK(umount2("m", MNT_DETACH));
	file = CHECK_OK(openat(fd, "one", O_CREAT | O_RDWR, 0600));
	CHECK_OK(unlinkat(fd, "one", 0));
	expect(q, fd, CREATE | REMOVE, 2);
	record_expect(r, CREATE, "one");
	record_expect(r, REMOVE, "one");
	/* the file keeps the mount, not the watch */
	close(fd);
	CHECK_EQ(watches_of(q), 0);
	close(file);
	take_none(q);
	close(dir);
}

static void mounts_and_hands_over(void *arg)
{
	int fd;

	own_directory();
	mount_here("m");
	make_file("m/one");
	fd = open_file("m/one", O_RDWR);
	send_fds(*(int *)arg, &fd, 1);
	close(fd);
}

/* The process whose mounts they were ends, and its mounts with it. */
TEST(end_of_the_mounts)
{
	int q = kev_queue(NULL, 0), fds[2], fd;

	unix_pair(SOCK_STREAM, fds);
	wait_child(start_child(mounts_and_hands_over, &fds[0]));
	fd = receive_fd(fds[1]);
	inode_add(q, fd, ALL, KEVENT_REQ_CLOSED);
	CHECK_EQ(write(fd, "x", 1), 1);
	expect(q, fd, MODIFY, 1);
	close(fd);
	CHECK_EQ(take(q).ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
}

/* ---- Races ----------------------------------------------------------------- */

static void *changes_and_closes(void *arg)
{
	int fd = *(int *)arg, i;

	for (i = 0; i < 20; i++)
		CHECK_OK(fchmod(fd, 0600 + (i & 1)));
	close(fd);
	return NULL;
}

/* The last close of a detached mount against events, REMOVE and the queue. */
TEST_TIMEOUT(unmounted_beside_changes, 60)
{
	int dir = own_directory(), in, q, i, fd[2];
	struct test_thread t;

	CHECK_OK(mkdir("m", 0755));
	own_mounts();
	for (i = 0; i < 300; i++) {
		CHECK_OK(mount("tmpfs", "m", "tmpfs", 0, NULL));
		q = kev_queue(NULL, 0);
		make_file("m/one");
		in = inotify_on("m/one");
		fd[0] = open_file("m/one", O_RDWR);
		fd[1] = open_file("m/one", O_PATH | O_NOFOLLOW);
		inode_add(q, fd[0], ALL, i & 1 ? KEVENT_REQ_CLOSED : 0);
		inode_add(q, fd[1], ALL, i & 2 ? KEVENT_REQ_ONESHOT : 0);
		thread_start(&t, changes_and_closes, &fd[0]);
		CHECK_OK(umount2("m", MNT_DETACH));
		if (i & 4)
			inode_try(q, KEVENT_CTL_REMOVE, fd[1], 0, 0);
		if (i & 8)
			close(q);
		close(fd[1]);
		thread_join(&t);
		CHECK(inotify_all(in) & IN_UNMOUNT);
		close(in);
		if (!(i & 8))
			close(q);
	}
	close(dir);
}
