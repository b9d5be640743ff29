// SPDX-License-Identifier: GPL-2.0
/*
 * EVFILT_PROC and EVFILT_PROCDESC: exits of children and strangers, with the status;
 * before and after EV_ADD, and while disabled; bad pids.
 */
#include "kqueue.h"

/* Exits with this status when the pipe is closed. */
static pid_t new_child(struct ends *e, int status)
{
	pid_t pid;

	*e = new_pipe();
	pid = CHECK_OK(fork());
	if (!pid) {
		struct pollfd p = { .fd = e->fd[0] };

		close(e->fd[1]);
		poll(&p, 1, -1);
		_exit(status);
	}
	return pid;
}

TEST(child)
{
	int kq = new_kqueue(), status;
	struct kevent kev;
	struct ends e;
	pid_t pid = new_child(&e, 7);

	set(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, &e);
	expect_none(kq);
	close(e.fd[1]);
	kev = await(kq, pid, EVFILT_PROC);
	CHECK_EQ(kev.fflags, NOTE_EXIT);
	CHECK(kev.flags & EV_EOF);
	CHECK(kev.flags & EV_ONESHOT);
	CHECK(kev.udata == &e);
	CHECK(WIFEXITED(kev.data));
	CHECK_EQ(WEXITSTATUS(kev.data), 7);
	expect_none(kq);
	CHECK_ERRNO(try_set(kq, pid, EVFILT_PROC, EV_DELETE, 0, 0, NULL), ENOENT);
	/* nothing was reaped */
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, kev.data);
}

TEST(killed)
{
	struct kevent kev;
	struct ends e;
	pid_t pid = new_child(&e, 7);
	int kq = new_kqueue();

	set(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT | NOTE_EXITSTATUS, 0, NULL);
	CHECK_OK(kill(pid, SIGKILL));
	kev = await(kq, pid, EVFILT_PROC);
	CHECK_EQ(kev.fflags, NOTE_EXIT | NOTE_EXITSTATUS);
	CHECK(WIFSIGNALED(kev.data));
	CHECK_EQ(WTERMSIG(kev.data), SIGKILL);
}

TEST(exited_before)
{
	struct ends e;
	pid_t pid = new_child(&e, 3);
	int kq = new_kqueue();
	siginfo_t info;

	close(e.fd[1]);
	CHECK_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	set(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	CHECK_EQ(WEXITSTATUS(expect(kq, pid, EVFILT_PROC).data), 3);
	expect_none(kq);
}

TEST(disabled)
{
	struct ends e;
	pid_t pid = new_child(&e, 3);
	int kq = new_kqueue();

	set(kq, pid, EVFILT_PROC, EV_ADD | EV_DISABLE, NOTE_EXIT, 0, NULL);
	close(e.fd[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	expect_none(kq);
	expect_none(kq);
	set(kq, pid, EVFILT_PROC, EV_ENABLE, 0, 0, NULL);
	CHECK_EQ(WEXITSTATUS(expect(kq, pid, EVFILT_PROC).data), 3);
	expect_none(kq);
	CHECK_ERRNO(try_set(kq, pid, EVFILT_PROC, EV_DELETE, 0, 0, NULL), ENOENT);
}

/* It was told, and is no more; what is added then is another. */
TEST(disabled_and_added)
{
	struct ends e;
	pid_t pid = new_child(&e, 3);
	int kq = new_kqueue(), i;
	siginfo_t info;

	set(kq, pid, EVFILT_PROC, EV_ADD | EV_DISABLE, NOTE_EXIT, 0, NULL);
	close(e.fd[1]);
	CHECK_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	expect_none(kq);
	for (i = 0; i < 3; i++) {
		set(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
		CHECK(expect(kq, pid, EVFILT_PROC).flags & EV_ONESHOT);
		expect_none(kq);
		CHECK_ERRNO(try_set(kq, pid, EVFILT_PROC, EV_DELETE, 0, 0, NULL), ENOENT);
	}
}

TEST(disabled_and_deleted)
{
	struct ends e;
	pid_t pid = new_child(&e, 3);
	int kq = new_kqueue();

	set(kq, pid, EVFILT_PROC, EV_ADD | EV_DISABLE, NOTE_EXIT, 0, NULL);
	close(e.fd[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	expect_none(kq);
	set(kq, pid, EVFILT_PROC, EV_DELETE, 0, 0, NULL);
	expect_none(kq);
}

/* A grandchild, whose status is its parent's affair. */
TEST(stranger)
{
	struct ends e, tell = new_pipe();
	int kq = new_kqueue();
	struct kevent kev;
	pid_t pid, child;

	CHECK_OK(fcntl(tell.fd[0], F_SETFL, 0));
	child = CHECK_OK(fork());
	if (!child) {
		pid = new_child(&e, 5);
		CHECK_EQ(write(tell.fd[1], &pid, sizeof(pid)), sizeof(pid));
		CHECK_OK(waitpid(pid, NULL, 0));
		_exit(0);
	}
	CHECK_EQ(read(tell.fd[0], &pid, sizeof(pid)), sizeof(pid));
	set(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT | NOTE_EXITSTATUS, 0, NULL);
	expect_none(kq);
	CHECK_OK(kill(pid, SIGKILL));
	kev = await(kq, pid, EVFILT_PROC);
	CHECK_EQ(kev.fflags, NOTE_EXIT);
	CHECK_EQ(kev.data, 0);
	wait_child(child);
}

/* Whoever's it is. */
TEST_USER(of_root)
{
	int kq = new_kqueue();

	set(kq, 1, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	expect_none(kq);
}

TEST(descriptor)
{
	struct kevent kev;
	struct ends e;
	pid_t pid = new_child(&e, 9);
	int kq = new_kqueue(), fd = CHECK_OK(syscall(SYS_pidfd_open, pid, 0));

	set(kq, fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0, NULL);
	set(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	set(kq, pid, EVFILT_PROC, EV_DELETE, 0, 0, NULL);
	expect_none(kq);
	close(e.fd[1]);
	kev = await(kq, fd, EVFILT_PROCDESC);
	CHECK_EQ(kev.fflags, NOTE_EXIT);
	CHECK_EQ(WEXITSTATUS(kev.data), 9);
	expect_none(kq);
	CHECK_ERRNO(try_set(kq, kq, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, 999, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0, NULL), EBADF);
}

/* Its number is another's, and it is added anew. */
TEST(descriptor_used_again)
{
	struct ends e, other;
	pid_t first = new_child(&e, 1), second;
	int kq = new_kqueue(), fd = CHECK_OK(syscall(SYS_pidfd_open, first, 0));

	set(kq, fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0, NULL);
	close(fd);
	second = new_child(&other, 2);
	CHECK_EQ(dup2(CHECK_OK(syscall(SYS_pidfd_open, second, 0)), fd), fd);
	set(kq, fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0, NULL);
	CHECK_OK(kill(first, SIGKILL));
	CHECK_EQ(waitpid(first, NULL, 0), first);
	expect_none(kq);
	CHECK_OK(kill(second, SIGKILL));
	CHECK_EQ(WTERMSIG(await(kq, fd, EVFILT_PROCDESC).data), SIGKILL);
}

TEST(descriptor_closed)
{
	static const int changes[] = { EV_ENABLE, EV_DISABLE };
	struct ends e;
	pid_t pid = new_child(&e, 9);
	int kq = new_kqueue(), fd, i;

	for (i = 0; i < 2; i++) {
		fd = CHECK_OK(syscall(SYS_pidfd_open, pid, 0));
		set(kq, fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0, NULL);
		close(fd);
		CHECK_ERRNO(try_set(kq, fd, EVFILT_PROCDESC, changes[i], 0, 0, NULL), EBADF);
		CHECK_EQ(dup2(e.fd[0], fd), fd);
		CHECK_ERRNO(try_set(kq, fd, EVFILT_PROCDESC, changes[i], 0, 0, NULL), ENOENT);
	}
}

/* Neither is lost: that it has exited, and its status. */
TEST(descriptor_disabled_after_exit)
{
	struct ends e;
	pid_t pid = new_child(&e, 9);
	int kq = new_kqueue(), fd = CHECK_OK(syscall(SYS_pidfd_open, pid, 0));

	set(kq, fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0, NULL);
	close(e.fd[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	set(kq, fd, EVFILT_PROCDESC, EV_DISABLE, 0, 0, NULL);
	set(kq, fd, EVFILT_PROCDESC, EV_ENABLE, 0, 0, NULL);
	CHECK_EQ(WEXITSTATUS(expect(kq, fd, EVFILT_PROCDESC).data), 9);
	expect_none(kq);
}

/* What it is told by is named by no fd, and nor are others of that kind. */
TEST(descriptor_beside_others)
{
	struct ends e;
	pid_t pid = new_child(&e, 9);
	int kq = new_kqueue(), fd = CHECK_OK(syscall(SYS_pidfd_open, pid, 0)), i;
	struct kevent kev;

	set(kq, fd, EVFILT_PROCDESC, EV_ADD | EV_DISABLE, NOTE_EXIT, 0, NULL);
	close(e.fd[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	expect_none(kq);
	set(kq, fd, EVFILT_PROCDESC, EV_ENABLE, 0, 0, NULL);
	for (i = 0; i < 2 * fd; i++)
		add(kq, i, EVFILT_USER, 0);
	kev = expect(kq, fd, EVFILT_PROCDESC);
	CHECK_EQ(WEXITSTATUS(kev.data), 9);
}

TEST(descriptor_deleted)
{
	struct ends e;
	pid_t pid = new_child(&e, 9);
	int kq = new_kqueue(), fd = CHECK_OK(syscall(SYS_pidfd_open, pid, 0));

	set(kq, fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0, NULL);
	set(kq, fd, EVFILT_PROCDESC, EV_DELETE, 0, 0, NULL);
	close(e.fd[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	expect_none(kq);
}

TEST(bad)
{
	/* NOTE_TRACK, NOTE_TRACKERR, NOTE_CHILD, NOTE_EXEC, NOTE_FORK of FreeBSD */
	static const unsigned int unsupported[] = { 1, 2, 4, 0x20000000, 0x40000000 };
	int kq = new_kqueue();
	unsigned int i;
	struct ends e;
	pid_t pid = new_child(&e, 0);

	CHECK_ERRNO(try_set(kq, pid, EVFILT_PROC, EV_ADD, 0, 0, NULL), EINVAL);
	for (i = 0; i < ARRAY_SIZE(unsupported); i++)
		CHECK_ERRNO(try_set(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT | unsupported[i], 0,
				    NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, pid, EVFILT_PROC, EV_DELETE, 0, 0, NULL), ENOENT);
	close(e.fd[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_ERRNO(try_set(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL), ESRCH);
	CHECK_ERRNO(try_set(kq, 0, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL), ESRCH);
	CHECK_ERRNO(try_set(kq, (uintptr_t)-1, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL), ESRCH);
}
