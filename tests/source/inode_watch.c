// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_INODE: many watches, what is refused, who may, and how a watch ends. */
#include "inode.h"

/* ---- Several watches ------------------------------------------------------- */

TEST(several_watches_of_one_file)
{
	int a = kev_queue(NULL, 0), b = kev_queue(NULL, 0), fd[3], i;
	struct records *r[4];

	fd[0] = new_file("one");
	fd[1] = open_file("one", O_RDONLY);
	fd[2] = CHECK_OK(dup(fd[0]));
	for (i = 0; i < 3; i++) {
		r[i] = inode_records(a, fd[i], ATTRIB);
	}
	r[3] = inode_records(b, fd[0], ATTRIB | MODIFY);
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

	make_file("one");
	rd = inode_records(q, dir, ATTRIB | MODIFY);
	for (i = 0; i < 2; i++) {
		fd[i] = open_file("one", O_RDWR);
		rf[i] = inode_records(q, fd[i], ATTRIB | REMOVE);
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
	CHECK_EQ(inode_try(q, cmd, fd, 0x2000, 0), EINVAL);
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

	make_file("one");
	CHECK_OK(symlink("one", "link"));
	fd = open_file("one", O_PATH);
	link = open_file("link", O_PATH | O_NOFOLLOW);
	r = inode_records(q, fd, ATTRIB | MOVE_SELF);
	rl = inode_records(q, link, MOVE_SELF | DELETE_SELF);
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
