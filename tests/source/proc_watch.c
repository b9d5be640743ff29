// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_PROC: changes of watches, many of them, and races. */
#include "proc.h"

/* ---- Changes ---------------------------------------------------------------------- */

TEST(remove)
{
	int q = kev_queue(NULL, 0), fd;
	struct child c;

	child_make(&c, 0);
	fd = pidfd_of(c.pid);
	add_proc(q, fd, 0);
	add_proc(q, c.pid | BY_PID, 0);
	kev_remove(q, KEVENT_PROC, fd);
	kev_remove(q, KEVENT_PROC, c.pid | BY_PID);
	turn_give(&c.go);
	reap(c.pid);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
}

/* An event that nobody has seen is taken back. */
TEST(remove_after_exit)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct child c;
	uint64_t id;

	id = child_watched(&c, 0, q);
	turn_give(&c.go);
	wait_zombie(c.pid);
	CHECK_EQ(kev_remove(q, KEVENT_PROC, id).ret_flags,
		 KEVENT_RET_CANCELLED);
	kev_expect_none(&ring);
	kev_close(q, &ring);
}

TEST(modify)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct child c;
	uint64_t id;

	id = child_watched(&c, 1, q);
	CHECK_EQ(kev_modify(q, KEVENT_PROC, id, 1, 0).ret_flags, 0);
	turn_give(&c.go);
	wait_zombie(c.pid);
	/* it has had its event, and is over */
	CHECK_EQ(kev_try(q, KEVENT_CTL_MODIFY, KEVENT_PROC, id, 1, 0), ENOENT);
	CHECK_EQ(kevent_ring_next(&ring)->ret_data[1], 1 << 8);
	kev_expect_none(&ring);
	kev_close(q, &ring);
}

TEST(pidfd_closed)
{
	int q = kev_queue(NULL, 0), fd;
	struct ukevent uk;
	struct child c;

	child_make(&c, 0);
	fd = pidfd_of(c.pid);
	add_proc(q, fd, 0);
	close(fd);
	CHECK_EQ(watches_of(q), 0);
	fd = pidfd_of(c.pid);
	add_proc(q, fd, KEVENT_REQ_CLOSED);
	close(fd);
	uk = take(q);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	turn_give(&c.go);
	reap(c.pid);
	take_none(q);
}

TEST(two_queues)
{
	int a = kev_queue(NULL, 0), b = kev_queue(NULL, 0), fd;
	struct child c;

	child_make(&c, 7);
	fd = pidfd_of(c.pid);
	add_proc(a, fd, 0);
	add_proc(b, fd, KEVENT_REQ_TIMESTAMP);
	turn_give(&c.go);
	CHECK_EQ(take(a).ret_data[1], 7 << 8);
	CHECK_NE(take(b).time, 0);
	reap(c.pid);
}

/* The parent is gone; who has the queue still hears of its child. */
TEST(after_the_parent)
{
	int q = kev_queue(NULL, 0);
	struct turn go;
	pid_t pid, child;

	turn_make(&go);
	pid = CHECK_OK(fork());
	if (!pid) {
		child = CHECK_OK(fork());
		if (!child) {
			turn_take(&go);
			_exit(3);
		}
		add_proc(q, child | BY_PID, 0);
		_exit(0);
	}
	wait_child(pid);
	CHECK_EQ(watches_of(q), 1);
	take_none(q);
	turn_give(&go);
	CHECK_EQ(take(q).ret_data[1], 3 << 8);
}

static pid_t fork_with_pid(pid_t pid, struct turn *go)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};
	pid_t ret = syscall(SYS_clone3, &args, sizeof(args));

	if (ret)
		return ret;
	turn_take(go);
	_exit(2);
}

/* The number is another child's, while the first one's event is out. */
TEST(pid_again)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct ukevent uk;
	struct child c;
	uint64_t id;

	id = child_watched(&c, 1, q);
	turn_give(&c.go);
	CHECK_EQ(reap(c.pid), 1 << 8);
	if (fork_with_pid(c.pid, &c.go) != c.pid)
		SKIP("can't choose a pid");
	uk = add_proc(q, id, 0);
	CHECK_EQ(uk.ret_flags, 0);
	uk = *kev_expect(&ring, id, KEVENT_PROC_EXIT);
	CHECK_EQ(uk.ret_data[1], 1 << 8);
	kev_expect_none(&ring);
	turn_give(&c.go);
	wait_zombie(c.pid);
	uk = *kev_expect(&ring, id, KEVENT_PROC_EXIT);
	CHECK_EQ(uk.ret_data[1], 2 << 8);
	kev_expect_none(&ring);
	CHECK_EQ(reap(c.pid), 2 << 8);
	kev_close(q, &ring);
}

/* ---- Many, and races ------------------------------------------------------------- */

TEST(many)
{
	int q = kev_queue(NULL, 0), i, code, seen = 0;
	struct ukevent uk;
	struct turn go;
	pid_t pid;

	turn_make(&go);
	for (i = 0; i < 100; i++) {
		pid = CHECK_OK(fork());
		if (!pid) {
			turn_take(&go);
			_exit(i);
		}
		kevent_prep(&uk, KEVENT_PROC, pid | BY_PID, KEVENT_PROC_EXIT,
			    0, i);
		kev_change(q, KEVENT_CTL_ADD, &uk);
	}
	for (i = 0; i < 100; i++)
		turn_give(&go);
	for (i = 0; i < 100; i++) {
		uk = take(q);
		code = uk.ret_data[1] >> 8;
		CHECK_EQ(code, uk.ptr);
		CHECK_EQ(reap(uk.id.raw[0]), code << 8);
		seen += code;
	}
	CHECK_EQ(seen, 99 * 50);
	take_none(q);
}

/* It exits while it is being added: told once, here or there. */
TEST_TIMEOUT(race_add_exit, 60)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), i, told;
	struct ukevent uk;
	uint64_t id;
	pid_t pid;

	for (i = 0; i < 500; i++) {
		pid = CHECK_OK(fork());
		if (!pid)
			_exit(4);
		id = i & 1 ? pid | BY_PID : (uint64_t)pidfd_of(pid);
		spin(i * 50);
		uk = add_proc(q, id, 0);
		told = uk.ret_flags & KEVENT_RET_DONE;
		if (told)
			CHECK_EQ(uk.ret_data[1], 4 << 8);
		wait_zombie(pid);
		if (!told)
			CHECK_EQ(kev_expect(&ring, id, 1)->ret_data[1], 4 << 8);
		kev_expect_none(&ring);
		CHECK_EQ(reap(pid), 4 << 8);
		if (!(i & 1))
			close(id);
	}
	kev_close(q, &ring);
}

/* Removing, closing and releasing while it exits. */
TEST_TIMEOUT(race_end_exit, 60)
{
	int q, i, fd;
	struct child c;

	for (i = 0; i < 300; i++) {
		q = kev_queue(NULL, 0);
		child_make(&c, 4);
		fd = pidfd_of(c.pid);
		add_proc(q, fd, i & 1 ? KEVENT_REQ_CLOSED : 0);
		add_proc(q, c.pid | BY_PID, 0);
		turn_give(&c.go);
		spin(i * 100);
		if (i % 3 == 0)
			close(fd);
		if (i % 3 == 1)
			try_proc(q, KEVENT_CTL_REMOVE, c.pid | BY_PID, 0);
		close(q);
		CHECK_EQ(reap(c.pid), 4 << 8);
		if (i % 3)
			close(fd);
		child_drop(&c);
	}
}
