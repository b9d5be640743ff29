// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_INODE: each flag, and MODIFY. */
#include "inode.h"

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
	struct records *r = inode_records(q, fd, MODIFY | ATTRIB);

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

	for (i = 0; i < 3; i++) {
		make_file(names[i]);
		fd[i] = open_file(names[i], O_RDWR);
	}
	r = inode_records(q, dir, MODIFY);
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

/* Added again while its event is in the ring: each has its own records. */
TEST(oneshot_added_again)
{
	int dir = own_directory(), q;
	struct kevent_ring ring;
	struct records *r, *again;
	struct ukevent uk;

	q = kev_queue(&ring, 16);
	uk = inode_add(q, dir, CREATE, KEVENT_REQ_ONESHOT);
	r = records_of(q, &uk);
	make_file("one");
	make_file("lost");
	uk = inode_add(q, dir, CREATE, KEVENT_REQ_ONESHOT);
	CHECK_NE(uk.cookie, r->cookie);
	again = records_of(q, &uk);
	make_file("two");
	CHECK_EQ(kevent_ring_next(&ring)->cookie, r->cookie);
	record_expect(r, CREATE, "one");
	record_expect_none(r);
	CHECK_EQ(kevent_ring_next(&ring)->cookie, again->cookie);
	record_expect(again, CREATE, "two");
	record_expect_none(again);
}

/* Disarmed: no event until it is armed again, which then tells of it. */
TEST(dispatch)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct ukevent uk = inode_add(q, dir, CREATE, KEVENT_REQ_DISPATCH);
	struct records *r = records_of(q, &uk);

	make_file("one");
	CHECK_EQ(take(q).ret_data[0], CREATE);
	make_file("two");
	take_none(q);
	kev_modify(q, KEVENT_INODE, dir, CREATE,
		   KEVENT_REQ_DISPATCH | KEVENT_REQ_ALWAYS_QUEUE);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], CREATE);
	CHECK_EQ(uk.ret_data[1], 2);
	take_none(q);
	record_expect(r, CREATE, "one");
	record_expect(r, CREATE, "two");
	kev_modify(q, KEVENT_INODE, dir, CREATE, KEVENT_REQ_DISPATCH);
	take_none(q);
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
	struct records *r = inode_records(q, fd, ATTRIB);

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
	struct records *r = inode_records(q, dir, DELETE_SELF | CREATE);

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
