// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_INODE: events of files and directories, with their records. */
#include "inode.h"

#include <sys/time.h>
#include <sys/xattr.h>

/* ---- In a directory -------------------------------------------------------- */

TEST(create_and_remove)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct records *r = inode_records(q, dir, CREATE | REMOVE);

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

	make_file("one");
	r = inode_records(q, dir, CREATE | REMOVE | ATTRIB);
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
	char c;

	make_file("one");
	r = inode_records(q, dir, ALL);
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

	CHECK_OK(mkdir("sub", 0755));
	r = inode_records(q, dir, ALL);
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

	make_file("one");
	r = inode_records(q, dir, MOVED_FROM | MOVED_TO);
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
	uint32_t move;

	CHECK_OK(mkdir("a", 0755));
	CHECK_OK(mkdir("b", 0755));
	CHECK_OK(mkdir("a/sub", 0755));
	from = open_file("a", O_RDONLY);
	to = open_file("b", O_RDONLY);
	rf = inode_records(q, from, MOVED_FROM | MOVED_TO);
	rt = inode_records(q, to, MOVED_FROM | MOVED_TO);
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
	struct records *r = inode_records(q, fd, MOVE_SELF | DELETE_SELF);

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
	struct records *r = inode_records(q, fd, ALL);
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
	struct records *r = inode_records(q, fd, ATTRIB);

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
	struct records *r = inode_records(q, fd, CLOSE_WRITE | CLOSE_NOWRITE);

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
	struct records *r = inode_records(q, dir, ATTRIB | OPEN | MOVE_SELF);
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
	struct records *r = inode_records(q, fd, DELETE_SELF);

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
	struct records *r = inode_records(q, fd, DELETE_SELF | ATTRIB | MODIFY);

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
