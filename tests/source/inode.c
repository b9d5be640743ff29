// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_INODE: events of files and directories, with their records. */
#include "record.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <sys/xattr.h>

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

static int open_file(const char *name, int flags)
{
	return CHECK_OK(open(name, flags | O_CLOEXEC));
}

/* A new file, opened; the queue and the watch are the caller's. */
static int new_file(const char *name)
{
	close(own_directory());
	make_file(name);
	return open_file(name, O_RDWR);
}

/* An event with these bits and this total. */
static struct ukevent expect(int q, int id, uint32_t bits, uint32_t total)
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

/* ---- In a directory -------------------------------------------------------- */

TEST(create_and_remove)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct ukevent uk = inode_add(q, dir, CREATE | REMOVE, 0);
	struct records *r = records_of(q, &uk);

	CHECK_EQ(uk.ret_flags, 0);
	take_none(q);
	record_expect_none(r);
	make_file("one");
	expect(q, dir, CREATE, 1);
	CHECK_EQ(record_expect(r, CREATE, "one"), 0);
	CHECK_OK(unlink("one"));
	expect(q, dir, REMOVE, 2);
	record_expect(r, REMOVE, "one");
	CHECK_OK(mkdir("sub", 0755));
	expect(q, dir, CREATE | ISDIR, 3);
	record_expect(r, CREATE | ISDIR, "sub");
	make_file("sub/deeper");
	take_none(q);		/* not of what is further down */
	CHECK_OK(unlink("sub/deeper"));
	CHECK_OK(rmdir("sub"));
	expect(q, dir, REMOVE | ISDIR, 4);
	record_expect(r, REMOVE | ISDIR, "sub");
	CHECK_OK(symlink("nowhere", "link"));
	CHECK_OK(mkfifo("fifo", 0600));
	expect(q, dir, CREATE, 6);
	record_expect(r, CREATE, "link");
	record_expect(r, CREATE, "fifo");
	record_expect_none(r);
	take_none(q);
}

TEST(hard_link)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct records *r;
	struct ukevent uk;

	make_file("one");
	uk = inode_add(q, dir, CREATE | REMOVE | ATTRIB, 0);
	r = records_of(q, &uk);
	CHECK_OK(link("one", "two"));
	record_expect(r, CREATE, "two");
	CHECK_OK(unlink("one"));
	record_expect(r, REMOVE, "one");
	record_expect_none(r);
}

/* What happens to the files in it comes with their names. */
TEST(children)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), fd;
	struct records *r;
	struct ukevent uk;
	char c;

	make_file("one");
	uk = inode_add(q, dir, ALL, 0);
	r = records_of(q, &uk);
	fd = open_file("one", O_RDWR);
	record_expect(r, OPEN, "one");
	CHECK_EQ(write(fd, "x", 1), 1);
	record_expect(r, MODIFY, "one");
	CHECK_EQ(pread(fd, &c, 1, 0), 1);
	record_expect(r, ACCESS, "one");
	CHECK_OK(ftruncate(fd, 0));
	record_expect(r, MODIFY, "one");
	CHECK_OK(fchmod(fd, 0600));
	record_expect(r, ATTRIB, "one");
	close(fd);
	record_expect(r, CLOSE_WRITE, "one");
	fd = open_file("one", O_RDONLY);
	record_expect(r, OPEN, "one");
	close(fd);
	record_expect(r, CLOSE_NOWRITE, "one");
	record_expect_none(r);
	expect(q, dir, OPEN | MODIFY | ACCESS | ATTRIB | CLOSE_WRITE |
	       CLOSE_NOWRITE, 8);
	take_none(q);
}

TEST(child_that_is_a_directory)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), fd;
	struct records *r;
	struct ukevent uk;

	CHECK_OK(mkdir("sub", 0755));
	uk = inode_add(q, dir, ALL, 0);
	r = records_of(q, &uk);
	fd = open_file("sub", O_RDONLY | O_DIRECTORY);
	record_expect(r, OPEN | ISDIR, "sub");
	CHECK_OK(fchmod(fd, 0700));
	record_expect(r, ATTRIB | ISDIR, "sub");
	close(fd);
	record_expect(r, CLOSE_NOWRITE | ISDIR, "sub");
	record_expect_none(r);
}

/* Only new names are asked for: what happens to the files is nobody's affair. */
TEST(not_what_was_not_asked_for)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), fd;

	make_file("one");
	inode_add(q, dir, CREATE, 0);
	fd = open_file("one", O_RDWR);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK(fchmod(fd, 0600));
	close(fd);
	CHECK_OK(unlink("one"));
	CHECK_OK(fchmod(dir, 0700));
	take_none(q);
	make_file("two");
	expect(q, dir, CREATE, 1);
}

/* ---- Renames --------------------------------------------------------------- */

TEST(rename_in_one_directory)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	uint32_t first, second;
	struct records *r;
	struct ukevent uk;

	make_file("one");
	uk = inode_add(q, dir, MOVED_FROM | MOVED_TO, 0);
	r = records_of(q, &uk);
	CHECK_OK(rename("one", "two"));
	first = record_expect(r, MOVED_FROM, "one");
	CHECK_NE(first, 0);
	CHECK_EQ(record_expect(r, MOVED_TO, "two"), first);
	CHECK_OK(rename("two", "one"));
	second = record_expect(r, MOVED_FROM, "two");
	CHECK_EQ(record_expect(r, MOVED_TO, "one"), second);
	CHECK_NE(first, second);
	record_expect_none(r);
	expect(q, dir, MOVED_FROM | MOVED_TO, 4);
}

TEST(rename_between_directories)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), from, to;
	struct records *rf, *rt;
	struct ukevent uk;
	uint32_t move;

	CHECK_OK(mkdir("a", 0755));
	CHECK_OK(mkdir("b", 0755));
	CHECK_OK(mkdir("a/sub", 0755));
	from = open_file("a", O_RDONLY);
	to = open_file("b", O_RDONLY);
	uk = inode_add(q, from, MOVED_FROM | MOVED_TO, 0);
	rf = records_of(q, &uk);
	uk = inode_add(q, to, MOVED_FROM | MOVED_TO, 0);
	rt = records_of(q, &uk);
	CHECK_OK(rename("a/sub", "b/bus"));
	move = record_expect(rf, MOVED_FROM | ISDIR, "sub");
	CHECK_EQ(record_expect(rt, MOVED_TO | ISDIR, "bus"), move);
	record_expect_none(rf);
	record_expect_none(rt);
	expect(q, from, MOVED_FROM | ISDIR, 1);
	expect(q, to, MOVED_TO | ISDIR, 1);
	close(dir);
}

TEST(rename_of_itself)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0);
	struct ukevent uk = inode_add(q, fd, MOVE_SELF | DELETE_SELF, 0);
	struct records *r = records_of(q, &uk);

	CHECK_OK(rename("one", "two"));
	CHECK_EQ(record_expect(r, MOVE_SELF, ""), 0);
	expect(q, fd, MOVE_SELF, 1);
	make_file("one");
	CHECK_OK(rename("two", "one"));
	record_expect(r, MOVE_SELF, "");
	record_expect_none(r);
}

/* ---- The file itself ------------------------------------------------------- */

TEST(file_itself)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0), other;
	struct ukevent uk = inode_add(q, fd, ALL, 0);
	struct records *r = records_of(q, &uk);
	struct timeval times[2] = { { 1, 0 }, { 2, 0 } };
	char c;

	other = open_file("one", O_RDWR);
	record_expect(r, OPEN, "");
	CHECK_EQ(write(other, "x", 1), 1);
	record_expect(r, MODIFY, "");
	CHECK_EQ(pread(fd, &c, 1, 0), 1);
	record_expect(r, ACCESS, "");
	CHECK_OK(truncate("one", 100));
	record_expect(r, MODIFY, "");
	CHECK_OK(futimes(fd, times));
	record_expect(r, ATTRIB, "");
	close(other);
	record_expect(r, CLOSE_WRITE, "");
	record_expect_none(r);
	expect(q, fd, OPEN | MODIFY | ACCESS | ATTRIB | CLOSE_WRITE, 6);
}

TEST(metadata)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0);
	struct ukevent uk = inode_add(q, fd, ATTRIB, 0);
	struct records *r = records_of(q, &uk);

	CHECK_OK(chmod("one", 0600));
	record_expect(r, ATTRIB, "");
	CHECK_OK(chown("one", 1, 1));
	record_expect(r, ATTRIB, "");
	CHECK_OK(link("one", "two"));
	record_expect(r, ATTRIB, "");
	CHECK_OK(unlink("two"));
	record_expect(r, ATTRIB, "");
	if (setxattr("one", "trusted.x", "y", 1, 0) == 0)
		record_expect(r, ATTRIB, "");
	record_expect_none(r);
}

TEST(close_of_others)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0), other, copy;
	struct ukevent uk = inode_add(q, fd, CLOSE_WRITE | CLOSE_NOWRITE, 0);
	struct records *r = records_of(q, &uk);

	other = open_file("one", O_RDWR);
	copy = CHECK_OK(dup(other));
	close(other);
	record_expect_none(r);
	close(copy);
	record_expect(r, CLOSE_WRITE, "");
	close(open_file("one", O_RDONLY));
	record_expect(r, CLOSE_NOWRITE, "");
	close(open_file("one", O_PATH));
	record_expect_none(r);
}

/* A directory itself: no name. */
TEST(directory_itself)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct ukevent uk = inode_add(q, dir, ATTRIB | OPEN | MOVE_SELF, 0);
	struct records *r = records_of(q, &uk);
	char *old = getcwd(NULL, 0), to[64];

	CHECK_OK(fchmod(dir, 0700));
	record_expect(r, ATTRIB | ISDIR, "");
	close(open_file(".", O_RDONLY));
	record_expect(r, OPEN | ISDIR, "");
	snprintf(to, sizeof(to), "%s-moved", old);
	CHECK_OK(rename(old, to));
	record_expect(r, MOVE_SELF | ISDIR, "");
	record_expect_none(r);
	free(old);
}

/* ---- Its last name --------------------------------------------------------- */

TEST(deleted)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0);
	struct ukevent uk = inode_add(q, fd, DELETE_SELF, 0);
	struct records *r = records_of(q, &uk);

	CHECK_OK(chmod("one", 0600));
	CHECK_OK(link("one", "two"));
	CHECK_OK(unlink("one"));
	take_none(q);
	CHECK_OK(unlink("two"));
	expect(q, fd, DELETE_SELF, 1);
	record_expect(r, DELETE_SELF, "");
	CHECK_OK(fchmod(fd, 0644));	/* only once */
	take_none(q);
	record_expect_none(r);
}

/* Opened by one name, the other one goes last: the kernel ends the mark. */
TEST(deleted_by_another_name)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0);
	struct ukevent uk = inode_add(q, fd, DELETE_SELF | ATTRIB | MODIFY, 0);
	struct records *r = records_of(q, &uk);

	CHECK_OK(link("one", "two"));
	CHECK_OK(unlink("one"));
	record_expect(r, ATTRIB, "");
	record_expect_none(r);
	expect(q, fd, ATTRIB, 2);
	CHECK_OK(unlink("two"));
	expect(q, fd, ATTRIB | DELETE_SELF, 4);
	record_expect(r, ATTRIB, "");
	record_expect(r, DELETE_SELF, "");
	record_expect_none(r);
	/* whatever comes now, the watch can be dealt with */
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(inode_try(q, KEVENT_CTL_MODIFY, fd, ALL, 0), 0);
	kev_remove(q, KEVENT_INODE, fd);
	CHECK_EQ(watches_of(q), 0);
}

TEST(deleted_by_rename)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0), dir;

	make_file("two");
	inode_add(q, fd, DELETE_SELF, 0);
	CHECK_OK(rename("two", "one"));
	expect(q, fd, DELETE_SELF, 1);
	CHECK_OK(mkdir("a", 0755));
	CHECK_OK(mkdir("b", 0755));
	dir = open_file("b", O_RDONLY);
	inode_add(q, dir, DELETE_SELF, 0);
	CHECK_OK(rename("a", "b"));
	expect(q, dir, DELETE_SELF | ISDIR, 1);
	take_none(q);
}

/* A file without a name has none to lose, until it gets one. */
TEST(deleted_without_name)
{
	int q = kev_queue(NULL, 0), fd;
	char path[64];

	close(own_directory());
	fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		SKIP("no O_TMPFILE here");
	inode_add(q, fd, DELETE_SELF, 0);
	CHECK_OK(fchmod(fd, 0644));
	take_none(q);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_OK(linkat(AT_FDCWD, path, AT_FDCWD, "one", AT_SYMLINK_FOLLOW));
	take_none(q);
	CHECK_OK(unlink("one"));
	expect(q, fd, DELETE_SELF, 1);
}

/* ---- Several watches ------------------------------------------------------- */

TEST(several_watches_of_one_file)
{
	int a = kev_queue(NULL, 0), b = kev_queue(NULL, 0), fd[3], i;
	struct records *r[4];
	struct ukevent uk;

	fd[0] = new_file("one");
	fd[1] = open_file("one", O_RDONLY);
	fd[2] = CHECK_OK(dup(fd[0]));
	for (i = 0; i < 3; i++) {
		uk = inode_add(a, fd[i], ATTRIB, 0);
		r[i] = records_of(a, &uk);
	}
	uk = inode_add(b, fd[0], ATTRIB | MODIFY, 0);
	r[3] = records_of(b, &uk);
	CHECK_EQ(inode_try(a, KEVENT_CTL_ADD, fd[0], ALL, 0), EEXIST);
	CHECK_EQ(watches_of(a), 3);
	CHECK_OK(chmod("one", 0600));
	for (i = 0; i < 4; i++) {
		record_expect(r[i], ATTRIB, "");
		record_expect_none(r[i]);
	}
	for (i = 0; i < 3; i++)
		CHECK_EQ(take(a).ret_data[1], 1);
	take_none(a);
	expect(b, fd[0], ATTRIB, 1);
	CHECK_EQ(write(fd[0], "x", 1), 1);
	take_none(a);
	expect(b, fd[0], MODIFY, 2);
	/* one goes, the others stay */
	kev_remove(a, KEVENT_INODE, fd[0]);
	close(fd[1]);
	CHECK_OK(chmod("one", 0644));
	expect(a, fd[2], ATTRIB, 2);
	take_none(a);
	expect(b, fd[0], ATTRIB, 3);
}

/* The directory and the file in it: each its own, with the name or without. */
TEST(file_and_its_directory)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), fd[2], i;
	struct records *rd, *rf[2];
	struct ukevent uk;

	make_file("one");
	uk = inode_add(q, dir, ATTRIB | MODIFY, 0);
	rd = records_of(q, &uk);
	for (i = 0; i < 2; i++) {
		fd[i] = open_file("one", O_RDWR);
		uk = inode_add(q, fd[i], ATTRIB | REMOVE, 0);
		rf[i] = records_of(q, &uk);
	}
	CHECK_OK(chmod("one", 0600));
	CHECK_EQ(write(fd[0], "x", 1), 1);
	record_expect(rd, ATTRIB, "one");
	record_expect(rd, MODIFY, "one");
	record_expect_none(rd);
	for (i = 0; i < 2; i++) {
		record_expect(rf[i], ATTRIB, "");
		record_expect_none(rf[i]);
	}
}

/* Nobody can make a file slow for all by watching it without end. */
TEST(limit_for_one_file)
{
	enum { LIMIT = 256 };
	int first = new_file("one"), q = kev_queue(NULL, 0), fd, i, error = 0;
	int fds[LIMIT + 1];

	for (i = 0; i <= LIMIT; i++) {
		fds[i] = CHECK_OK(open("one", O_RDONLY | O_CLOEXEC));
		error = inode_try(q, KEVENT_CTL_ADD, fds[i], ATTRIB, 0);
		if (error)
			break;
	}
	CHECK_EQ(i, LIMIT);
	CHECK_EQ(error, ENOSPC);
	CHECK_EQ(watches_of(q), LIMIT);
	make_file("two");
	fd = open_file("two", O_RDONLY);
	CHECK_EQ(inode_try(q, KEVENT_CTL_ADD, fd, ATTRIB, 0), 0);
	close(fds[7]);
	CHECK_EQ(inode_try(q, KEVENT_CTL_ADD, fds[LIMIT], ATTRIB, 0), 0);
	CHECK_OK(chmod("one", 0600));
	for (i = 0; i < LIMIT; i++)
		CHECK_EQ(take(q).ret_data[0], ATTRIB);
	take_none(q);
	close(first);
}

static void add_one_as_user(void *arg)
{
	int *fd = arg, q;

	become_user(TEST_USER_ID);
	q = kev_queue(NULL, 0);
	inode_add(q, *fd, ATTRIB, 0);
}

TEST(limit_is_of_each_user)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0), i;

	for (i = 0; i < 256; i++)
		inode_add(q, open_file("one", O_RDONLY), ATTRIB, 0);
	CHECK_EQ(inode_try(q, KEVENT_CTL_ADD, fd, ATTRIB, 0), ENOSPC);
	wait_child(start_child(add_one_as_user, &fd));
	CHECK_EQ(inode_try(q, KEVENT_CTL_ADD, fd, ATTRIB, 0), ENOSPC);
}

/* ---- Refused --------------------------------------------------------------- */

TEST(refused)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0), cmd = KEVENT_CTL_ADD;

	CHECK_EQ(inode_try(q, cmd, fd, 0, 0), EINVAL);
	CHECK_EQ(inode_try(q, cmd, fd, ISDIR | CREATE, 0), EINVAL);
	CHECK_EQ(inode_try(q, cmd, fd, KEVENT_INODE_UNMOUNT, 0), EINVAL);
	CHECK_EQ(inode_try(q, cmd, fd, 0x1000, 0), EINVAL);
	CHECK_EQ(inode_try(q, cmd, fd, ~0u, 0), EINVAL);
	CHECK_EQ(inode_try(q, cmd, fd, ALL, KEVENT_REQ_LAST_CHECK), EINVAL);
	CHECK_EQ(inode_try(q, cmd, fd, ALL, KEVENT_REQ_EXCLUSIVE), EINVAL);
	CHECK_EQ(inode_try(q, cmd, fd, ALL, KEVENT_REQ_ONESHOT |
			   KEVENT_REQ_DISPATCH), EINVAL);
	CHECK_EQ(inode_try(q, cmd, -1, ALL, 0), EINVAL);
	CHECK_EQ(inode_try(q, cmd, 999, ALL, 0), EBADF);
	CHECK_EQ(inode_try(q, cmd, q, ALL, 0), EINVAL);
	CHECK_EQ(inode_try(q, KEVENT_CTL_REMOVE, fd, 0, 0), ENOENT);
	CHECK_EQ(inode_try(q, KEVENT_CTL_MODIFY, fd, ALL, 0), ENOENT);
	CHECK_EQ(watches_of(q), 0);
	CHECK_EQ(inode_try(q, cmd, fd, ALL, 0), 0);
	CHECK_EQ(inode_try(q, KEVENT_CTL_MODIFY, fd, 0, 0), EINVAL);
	CHECK_EQ(inode_try(q, KEVENT_CTL_MODIFY, fd, ISDIR, 0), EINVAL);
	CHECK_OK(fchmod(fd, 0600));
	expect(q, fd, ATTRIB, 1);
}

/* Files that nobody else could see, or that share an inode with others. */
TEST(wrong_kind)
{
	int q = kev_queue(NULL, 0), i, n = 0, fds[7];

	CHECK_OK(pipe2(fds, O_CLOEXEC));
	unix_pair(SOCK_STREAM, fds + 2);
	fds[4] = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	fds[5] = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
	n = 6;
	fds[n] = syscall(SYS_memfd_create, "x", 0);
	n += fds[n] >= 0;
	for (i = 0; i < n; i++)
		CHECK_EQ(inode_try(q, KEVENT_CTL_ADD, fds[i], ALL, 0), EINVAL);
	CHECK_EQ(watches_of(q), 0);
}

/* ---- Who may --------------------------------------------------------------- */

static int try_open(int q, const char *name, int flags)
{
	int fd = open_file(name, flags);
	int error = inode_try(q, KEVENT_CTL_ADD, fd, ALL, 0);

	close(fd);
	return error;
}

TEST_USER(permission)
{
	int q = kev_queue(NULL, 0), fd = new_file("one"), wo;

	CHECK_EQ(try_open(q, "one", O_PATH), 0);
	CHECK_EQ(try_open(q, "one", O_WRONLY), 0);
	wo = open_file("one", O_WRONLY);
	CHECK_OK(chmod("one", 0200));
	CHECK_EQ(try_open(q, "one", O_PATH), EACCES);
	CHECK_EQ(try_open(q, "one", O_WRONLY), EACCES);
	CHECK_EQ(inode_try(q, KEVENT_CTL_ADD, wo, ALL, 0), EACCES);
	CHECK_EQ(watches_of(q), 0);
	/* who can read it by what is open already is told */
	CHECK_EQ(inode_try(q, KEVENT_CTL_ADD, fd, ALL, 0), 0);
	CHECK_OK(chmod("one", 0400));
	CHECK_EQ(inode_try(q, KEVENT_CTL_ADD, wo, ALL, 0), 0);
}

/* Root's fd in the hands of who may not read. */
static void add_what_was_given(void *arg)
{
	int *fds = arg, q;

	become_user(TEST_USER_ID);
	q = kev_queue(NULL, 0);
	CHECK_EQ(inode_try(q, KEVENT_CTL_ADD, fds[0], ALL, 0), EACCES);
	CHECK_EQ(inode_try(q, KEVENT_CTL_ADD, fds[1], ALL, 0), EACCES);
	CHECK_EQ(inode_try(q, KEVENT_CTL_ADD, fds[2], ALL, 0), 0);
}

TEST(permission_is_the_callers)
{
	int fd = new_file("one"), fds[3];

	CHECK_OK(fchmod(fd, 0600));
	fds[0] = open_file("one", O_PATH);
	fds[1] = open_file("one", O_WRONLY);
	fds[2] = open_file("one", O_RDONLY);
	wait_child(start_child(add_what_was_given, fds));
}

TEST(path_only)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), fd, link;
	struct records *r, *rl;
	struct ukevent uk;

	make_file("one");
	CHECK_OK(symlink("one", "link"));
	fd = open_file("one", O_PATH);
	link = open_file("link", O_PATH | O_NOFOLLOW);
	uk = inode_add(q, fd, ATTRIB | MOVE_SELF, 0);
	r = records_of(q, &uk);
	uk = inode_add(q, link, MOVE_SELF | DELETE_SELF, 0);
	rl = records_of(q, &uk);
	CHECK_OK(chmod("one", 0600));
	record_expect(r, ATTRIB, "");
	CHECK_OK(rename("link", "knil"));
	CHECK_OK(unlink("knil"));
	record_expect(rl, MOVE_SELF, "");
	record_expect(rl, DELETE_SELF, "");
	record_expect_none(r);
	CHECK_EQ(inode_try(q, KEVENT_CTL_MODIFY, fd, ALL, 0), 0);
	CHECK_EQ(inode_try(q, KEVENT_CTL_READY, fd, ATTRIB, 0), 0);
	CHECK_EQ(inode_try(q, KEVENT_CTL_REMOVE, fd, 0, 0), 0);
	CHECK_EQ(watches_of(q), 1);
	close(link);
	CHECK_EQ(watches_of(q), 0);
	/* the other types do not take it */
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, fd, POLLIN, 0), EBADF);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_PIPE, fd,
			 KEVENT_PIPE_RECV, 0), EBADF);
	close(dir);
}

/* ---- The end --------------------------------------------------------------- */

TEST(last_close)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0), copy;

	inode_add(q, fd, ALL, 0);
	copy = CHECK_OK(dup(fd));
	close(fd);
	CHECK_EQ(watches_of(q), 1);
	CHECK_OK(chmod("one", 0600));
	expect(q, fd, ATTRIB, 1);
	close(copy);
	CHECK_EQ(watches_of(q), 0);
	CHECK_OK(chmod("one", 0644));
	take_none(q);
}

static void closed_event(int flags)
{
	int q = kev_queue(NULL, 0), fd;
	struct ukevent uk;
	char buf[64];

	close(new_file("one"));
	fd = open_file("one", flags);
	uk = inode_add(q, fd, ALL, KEVENT_REQ_CLOSED);
	close(fd);
	CHECK_ERRNO(read_raw(q, uk.cookie, buf, sizeof(buf), NULL), ENOENT);
	uk = take(q);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	CHECK_EQ(uk.ret_data[0], 0);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
	CHECK_OK(chmod("one", 0600));
	take_none(q);
}

TEST(closed)
{
	closed_event(O_RDONLY);
	closed_event(O_PATH);
}

static void change_and_exit(void *arg)
{
	(void)arg;
	CHECK_OK(chmod("one", 0600));
}

/* The child has the file and the queue; its end changes nothing. */
TEST(fork)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0);

	inode_add(q, fd, ATTRIB, 0);
	wait_child(start_child(change_and_exit, NULL));
	expect(q, fd, ATTRIB, 1);
	CHECK_EQ(watches_of(q), 1);
}

static void *sleep_until_closed(void *arg)
{
	char c;

	CHECK_EQ(read(*(int *)arg, &c, 1), 0);
	return NULL;
}

/* The last to have the queue is another process, with no thread of ours. */
TEST(released_elsewhere)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0), fds[2];
	pid_t pid;

	CHECK_OK(pipe(fds));
	inode_add(q, fd, ALL, 0);
	pid = CHECK_OK(fork());
	if (!pid) {
		close(fds[1]);
		close(fd);
		sleep_until_closed(&fds[0]);
		_exit(0);
	}
	close(q);
	CHECK_OK(chmod("one", 0600));
	close(fds[1]);
	wait_child(pid);
	CHECK_OK(chmod("one", 0644));
	q = kev_queue(NULL, 0);
	inode_add(q, fd, ATTRIB, 0);
	CHECK_OK(chmod("one", 0600));
	expect(q, fd, ATTRIB, 1);
}

/* ---- Unmounting ------------------------------------------------------------ */

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

/* ---- Flags ----------------------------------------------------------------- */

/* An edge, whatever the flags. */
TEST(never_level)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0);

	inode_add(q, fd, ATTRIB, 0);
	CHECK_OK(chmod("one", 0600));
	expect(q, fd, ATTRIB, 1);
	take_none(q);
	kev_remove(q, KEVENT_INODE, fd);
	inode_add(q, fd, ATTRIB, KEVENT_REQ_ET);
	CHECK_OK(chmod("one", 0644));
	expect(q, fd, ATTRIB, 1);
	take_none(q);
}

TEST(merging)
{
	int dir = own_directory(), q, fd;
	struct kevent_ring ring;
	const struct ukevent *uk;

	q = kev_queue(&ring, 16);
	inode_add(q, dir, CREATE | REMOVE | MODIFY, 0);
	make_file("one");
	fd = open_file("one", O_RDWR);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK(unlink("one"));
	CHECK_EQ(kev_tail(&ring), 1);
	uk = kev_expect(&ring, dir, CREATE | REMOVE | MODIFY);
	CHECK_EQ(uk->ret_data[1], 3);
	CHECK_EQ(uk->merged, 2);
	make_file("two");
	uk = kev_expect(&ring, dir, CREATE);
	CHECK_EQ(uk->ret_data[1], 4);
	kev_expect_none(&ring);
}

/* The same again and again, nobody reads: one record, every event counted. */
TEST(repeated)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0), i;
	struct ukevent uk = inode_add(q, fd, MODIFY | ATTRIB, 0);
	struct records *r = records_of(q, &uk);

	for (i = 0; i < 1000; i++)
		CHECK_EQ(write(fd, "x", 1), 1);
	expect(q, fd, MODIFY, 1000);
	record_expect(r, MODIFY, "");
	record_expect_none(r);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK(fchmod(fd, 0600));
	CHECK_EQ(write(fd, "x", 1), 1);
	expect(q, fd, MODIFY | ATTRIB, 1003);
	record_expect(r, MODIFY, "");
	record_expect(r, ATTRIB, "");
	record_expect(r, MODIFY, "");
	record_expect_none(r);
}

/* Names that begin alike are not the same. */
TEST(repeated_by_others)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), fd[3], i;
	static const char *const names[] = { "ab", "abc", "a" };
	struct records *r;
	struct ukevent uk;

	for (i = 0; i < 3; i++) {
		make_file(names[i]);
		fd[i] = open_file(names[i], O_RDWR);
	}
	uk = inode_add(q, dir, MODIFY, 0);
	r = records_of(q, &uk);
	for (i = 0; i < 6; i++)
		CHECK_EQ(write(fd[i / 2], "x", 1), 1);
	for (i = 0; i < 3; i++)
		record_expect(r, MODIFY, names[i]);
	record_expect_none(r);
	expect(q, dir, MODIFY, 6);
}

TEST(oneshot)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct ukevent uk = inode_add(q, dir, CREATE, KEVENT_REQ_ONESHOT);
	struct records *r = records_of(q, &uk);

	make_file("one");
	make_file("two");
	expect(q, dir, CREATE, 1);
	record_expect(r, CREATE, "one");
	record_expect_none(r);
	take_none(q);
	CHECK_EQ(inode_try(q, KEVENT_CTL_REMOVE, dir, 0, 0), ENOENT);
	CHECK_EQ(watches_of(q), 0);
	inode_add(q, dir, CREATE, KEVENT_REQ_ONESHOT);
	make_file("three");
	expect(q, dir, CREATE, 1);
}

/* Added again while its event is in the ring: the watch lives on. */
TEST(oneshot_added_again)
{
	int dir = own_directory(), q;
	struct kevent_ring ring;
	struct records *r;
	struct ukevent uk;

	q = kev_queue(&ring, 16);
	uk = inode_add(q, dir, CREATE, KEVENT_REQ_ONESHOT);
	r = records_of(q, &uk);
	make_file("one");
	make_file("lost");
	uk = inode_add(q, dir, CREATE, KEVENT_REQ_ONESHOT);
	CHECK_EQ(uk.cookie, r->cookie);
	make_file("two");
	CHECK(kevent_ring_next(&ring));
	record_expect(r, CREATE, "one");
	record_expect(r, CREATE, "two");
	record_expect_none(r);
}

/* Disarmed: no event, but the record is there once it is armed again. */
TEST(dispatch)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct ukevent uk = inode_add(q, dir, CREATE, KEVENT_REQ_DISPATCH);
	struct records *r = records_of(q, &uk);

	make_file("one");
	CHECK_EQ(take(q).ret_data[0], CREATE);
	make_file("two");
	take_none(q);
	kev_modify(q, KEVENT_INODE, dir, CREATE, KEVENT_REQ_DISPATCH);
	take_none(q);
	record_expect(r, CREATE, "one");
	record_expect(r, CREATE, "two");
	make_file("three");
	CHECK_EQ(take(q).ret_data[0], CREATE);
	record_expect(r, CREATE, "three");
	record_expect_none(r);
}

TEST(ready_flags)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0);
	struct ukevent uk;

	uk = inode_add(q, fd, ATTRIB, KEVENT_REQ_READY);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], ATTRIB);
	take_none(q);
	kev_remove(q, KEVENT_INODE, fd);
	inode_add(q, fd, ATTRIB | MODIFY,
		  KEVENT_REQ_READY | KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(take(q).ret_data[0], ATTRIB | MODIFY);
	take_none(q);
	CHECK_EQ(inode_try(q, KEVENT_CTL_READY, fd, MODIFY, 0), 0);
	CHECK_EQ(take(q).ret_data[0], MODIFY);
	CHECK_EQ(inode_try(q, KEVENT_CTL_READY, fd, OPEN, 0), EINVAL);
}

TEST(time_stamp)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0);
	uint64_t before;
	struct ukevent uk;

	inode_add(q, fd, ATTRIB, KEVENT_REQ_TIMESTAMP);
	before = now_ns();
	CHECK_OK(chmod("one", 0600));
	uk = take(q);
	CHECK_GE(uk.time, before);
	CHECK_LE(uk.time, now_ns());
}

TEST(wakes_all)
{
	int fd = new_file("one"), q, i;
	struct kevent_ring ring;
	struct kev_sleeper s[2];

	q = kev_queue(&ring, 16);
	inode_add(q, fd, ATTRIB, KEVENT_REQ_WAKEUP_ALL);
	for (i = 0; i < 2; i++) {
		kev_sleeper_prep(&s[i], q);
		kev_sleeper_start(&s[i]);
	}
	CHECK_OK(chmod("one", 0600));
	for (i = 0; i < 2; i++)
		CHECK_EQ(kev_sleeper_join(&s[i]), 1);
}

TEST(removed)
{
	struct kevent_ring ring;
	int fd = new_file("one"), q;

	q = kev_queue(&ring, 16);
	inode_add(q, fd, ATTRIB, 0);
	CHECK_OK(chmod("one", 0600));
	CHECK_EQ(kev_remove(q, KEVENT_INODE, fd).ret_flags,
		 KEVENT_RET_CANCELLED);
	CHECK_OK(chmod("one", 0644));
	kev_expect_none(&ring);
	CHECK_EQ(watches_of(q), 0);
}

/* ---- MODIFY ---------------------------------------------------------------- */

TEST(modify)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0);
	struct ukevent uk = inode_add(q, fd, ATTRIB, 0);
	struct records *r = records_of(q, &uk);

	kev_modify(q, KEVENT_INODE, fd, MODIFY, 0);
	CHECK_OK(fchmod(fd, 0600));
	take_none(q);
	CHECK_EQ(write(fd, "x", 1), 1);
	expect(q, fd, MODIFY, 1);
	kev_modify(q, KEVENT_INODE, fd, ALL, 0);
	CHECK_OK(fchmod(fd, 0644));
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK(rename("one", "two"));
	expect(q, fd, ATTRIB | MODIFY | MOVE_SELF, 4);
	record_expect(r, MODIFY, "");
	record_expect(r, ATTRIB, "");
	record_expect(r, MODIFY, "");
	record_expect(r, MOVE_SELF, "");
	record_expect_none(r);
	kev_modify(q, KEVENT_INODE, fd, DELETE_SELF, 0);
	CHECK_OK(fchmod(fd, 0600));
	take_none(q);
	CHECK_OK(unlink("two"));
	expect(q, fd, DELETE_SELF, 5);
}

TEST(modify_directory)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct ukevent uk = inode_add(q, dir, DELETE_SELF | CREATE, 0);
	struct records *r = records_of(q, &uk);

	make_file("one");
	CHECK_OK(chmod("one", 0600));
	record_expect(r, CREATE, "one");
	kev_modify(q, KEVENT_INODE, dir, ATTRIB | REMOVE | OPEN, 0);
	CHECK_OK(chmod("one", 0644));
	close(open_file("one", O_RDONLY));
	CHECK_OK(fchmod(dir, 0700));
	CHECK_OK(unlink("one"));
	record_expect(r, ATTRIB, "one");
	record_expect(r, OPEN, "one");
	record_expect(r, ATTRIB | ISDIR, "");
	record_expect(r, REMOVE, "one");
	make_file("two");
	record_expect(r, OPEN, "two");
	record_expect_none(r);
}

TEST(modify_by_cookie)
{
	int fd = new_file("one"), q = kev_queue(NULL, 0);
	struct ukevent uk, added = inode_add(q, fd, ATTRIB, 0);

	kevent_prep(&uk, KEVENT_INODE, fd, MODIFY, KEVENT_REQ_COOKIE, 7);
	uk.cookie = added.cookie;
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_MODIFY, &uk), 0);
	CHECK_EQ(uk.cookie, added.cookie);
	CHECK_OK(fchmod(fd, 0600));
	CHECK_EQ(write(fd, "x", 1), 1);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], MODIFY);
	CHECK_EQ(uk.ptr, 7);
}

/* ---- Races ----------------------------------------------------------------- */

struct worker {
	struct test_thread thread;
	int q;
	int number;
	int stop;
	uint32_t done;
};

static bool stopped(struct worker *w)
{
	return __atomic_load_n(&w->stop, __ATOMIC_RELAXED);
}

static void stop_worker(struct worker *w)
{
	__atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
	thread_join(&w->thread);
}

/* Makes names, changes and removes them, all the time. */
static void *make_trouble(void *arg)
{
	struct worker *w = arg;
	char name[32], to[32];
	int fd;

	while (!stopped(w)) {
		snprintf(name, sizeof(name), "t%d-%u", w->number, w->done % 8);
		snprintf(to, sizeof(to), "to%d-%u", w->number, w->done % 8);
		fd = CHECK_OK(open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
		CHECK_EQ(write(fd, "x", 1), 1);
		CHECK_OK(fchmod(fd, 0644));
		CHECK_OK(rename(name, to));
		CHECK_OK(unlink(to));
		close(fd);
		chmod("shared", 0600 + (w->done & 1));
		w->done++;
	}
	return NULL;
}

/* Beside them, watches come and go in every way. */
TEST_TIMEOUT(changes_beside_events, 60)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), i, fd, shared;
	struct worker w[2] = { { .number = 0 }, { .number = 1 } };
	struct ukevent uk, add;
	char buf[4096];

	make_file("shared");
	for (i = 0; i < 2; i++)
		thread_start(&w[i].thread, make_trouble, &w[i]);
	for (i = 0; i < 1500; i++) {
		fd = open_file(".", i & 1 ? O_PATH : O_RDONLY);
		shared = open_file("shared", O_RDONLY);
		add = inode_add(q, fd, i & 2 ? CREATE : ALL,
				i & 4 ? KEVENT_REQ_ONESHOT : 0);
		inode_add(q, shared, ATTRIB, i & 8 ? KEVENT_REQ_CLOSED : 0);
		inode_try(q, KEVENT_CTL_MODIFY, fd, ALL, 0);
		inode_try(q, KEVENT_CTL_MODIFY, fd, REMOVE, 0);
		kevent_get_events(q, 0, 1, NULL, &uk, 0);
		read_raw(q, add.cookie, buf, sizeof(buf), NULL);
		if (i & 16)
			inode_try(q, KEVENT_CTL_REMOVE, fd, 0, 0);
		close(fd);
		close(shared);
		while (kevent_get_events(q, 0, 1, NULL, &uk, 0) > 0)
			;
	}
	for (i = 0; i < 2; i++)
		stop_worker(&w[i]);
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0) > 0)
		;
	CHECK_EQ(watches_of(q), 0);
	close(dir);
}

/* Queues with watches are released while things happen. */
TEST_TIMEOUT(release_beside_events, 60)
{
	int dir = own_directory(), i, shared;
	struct worker w = { .number = 0 };
	struct kevent_ring ring;
	int q;

	make_file("shared");
	shared = open_file("shared", O_RDONLY);
	thread_start(&w.thread, make_trouble, &w);
	for (i = 0; i < 500; i++) {
		q = kev_queue(&ring, 16);
		inode_add(q, dir, ALL, 0);
		inode_add(q, shared, ALL, 0);
		CHECK_GE(kevent_ring_wait(&ring, NULL), 1);
		kev_close(q, &ring);
	}
	stop_worker(&w);
}

/* Unlinking ends marks by itself, while others come and go. */
static void *unlink_all_the_time(void *arg)
{
	struct worker *w = arg;

	while (!stopped(w)) {
		make_file("goes");
		CHECK_OK(link("goes", "other"));
		CHECK_OK(unlink("goes"));
		CHECK_OK(unlink("other"));
		w->done++;
	}
	return NULL;
}

TEST_TIMEOUT(changes_beside_unlink, 60)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), i, fd;
	struct worker w = { .number = 0 };
	struct ukevent uk;

	thread_start(&w.thread, unlink_all_the_time, &w);
	for (i = 0; i < 3000; i++) {
		fd = open("goes", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!inode_try(q, KEVENT_CTL_ADD, fd, DELETE_SELF, 0)) {
			inode_try(q, KEVENT_CTL_MODIFY, fd, ALL, 0);
			kevent_get_events(q, 0, 1, NULL, &uk, 0);
		}
		close(fd);
	}
	stop_worker(&w);
	CHECK_EQ(watches_of(q), 0);
	close(dir);
}

/* Every event of two threads is counted, and told or counted as lost. */
TEST_TIMEOUT(nothing_is_missing, 60)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), i;
	struct worker w[2] = { { .number = 0 }, { .number = 1 } };
	struct ukevent uk = inode_add(q, dir, CREATE, 0);
	uint32_t last = 0, total = 0, told = 0, lost;
	const uint64_t cookie = uk.cookie;
	struct kevent_record_inode *r;
	char buf[1024];
	int n, pos;

	make_file("shared");
	for (i = 0; i < 2; i++)
		thread_start(&w[i].thread, make_trouble, &w[i]);
	for (i = 0; i < 4000; i++) {
		if (i == 2000) {
			stop_worker(&w[0]);
			stop_worker(&w[1]);
		}
		if (kevent_get_events(q, 0, 1, NULL, &uk, 0) == 1)
			total += kevent_delta(&last, uk.ret_data[1]);
		n = CHECK_OK(read_raw(q, cookie, buf, sizeof(buf), &lost));
		told += lost;
		for (pos = 0; pos < n; pos += r->len) {
			r = (void *)(buf + pos);
			told++;
		}
	}
	CHECK_EQ(total, w[0].done + w[1].done + 1);
	CHECK_EQ(told, total);
}
