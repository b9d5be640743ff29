// SPDX-License-Identifier: GPL-2.0
/* What threads and children share with who made an epoll: its number, its memory, its state. */
#include "epoll.h"

#include <sys/ioctl.h>
#include <linux/close_range.h>

/* With --fast each epoll has a ring. */
#define CHECK_RING() CHECK_EQ(device_mappings(), on_fast() ? 3 : 0)

/* ---- The number, used again while a thread is in a call ------------------ */

static int shared_ep = -1;
static volatile bool wait_stop;

static void *wait_all_the_time(void *arg)
{
	struct epoll_event ev;

	while (!wait_stop)
		epoll_wait(shared_ep, &ev, 1, 0);
	return arg;
}

/*
 * What has become of it is another file, and not read from.  On one CPU, so that the
 * thread is stopped anywhere when the other one goes on.
 */
TEST_TIMEOUT(number_taken_by_a_pipe, 60)
{
	uint64_t end = now_ns() + 3000 * MSEC;
	int outer = new_epoll(), pending, i;
	struct ends e = new_pipe();
	struct test_thread t;

	pin_to_cpu(0);
	for (i = 0; i < 64; i++)
		put_byte(e);
	thread_start(&t, wait_all_the_time, NULL);
	while (now_ns() < end) {
		shared_ep = new_epoll();
		/* as somebody polls it, a wait makes calls although there is nothing */
		add(outer, shared_ep, EPOLLIN | EPOLLET);
		sched_yield();
		CHECK_EQ(dup2(e.fd[0], shared_ep), shared_ep);
		sched_yield();
		CHECK_OK(ioctl(e.fd[0], FIONREAD, &pending));
		CHECK_EQ(pending, 64);
		CHECK_OK(close(shared_ep));
	}
	wait_stop = true;
	thread_join(&t);
}

/* ---- The number, taken by another epoll -------------------------------- */

enum close_call { BY_CLOSE, BY_CLOSE_RANGE, BY_DUP2, BY_DUP3, CLOSE_CALLS };

static void close_by_number(enum close_call call, int fd, int other)
{
	switch (call) {
	case BY_CLOSE:
		CHECK_OK(syscall(SYS_close, fd));
		break;
	case BY_CLOSE_RANGE:
		CHECK_OK(syscall(SYS_close_range, fd, fd, 0));
		break;
	case BY_DUP3:
		CHECK_EQ(syscall(SYS_dup3, other, fd, O_CLOEXEC), fd);
		return;
	default:
		break;
	}
	CHECK_EQ(syscall(SYS_dup2, other, fd), fd);
}

/* By syscall(), as libuv closes its epolls. */
TEST(number_taken_by_number)
{
	enum close_call call;

	for (call = BY_CLOSE; call < CLOSE_CALLS; call++) {
		int other = new_epoll(), ep = new_epoll();
		struct ends e = new_pipe();

		add(ep, e.fd[1], EPOLLOUT);
		add(other, e.fd[0], EPOLLIN);
		close_by_number(call, ep, other);
		CHECK_RING();
		put_byte(e);
		expect(ep, e.fd[0], EPOLLIN);
		CHECK_ERRNO(syscall(SYS_dup2, ep, -1), EBADF);
		CHECK_EQ(syscall(SYS_dup2, other, other), other);
		CHECK_RING();
		CHECK_OK(close(ep));
		CHECK_OK(syscall(SYS_close, other));
		CHECK_EQ(device_mappings(), 0);
	}
}

/* ---- Children ------------------------------------------------------------ */

/* They have the epoll and not its ring, in whatever way they were made. */
static void in_child(int ep, int fd)
{
	struct epoll_event ev;

	_exit(epoll_wait(ep, &ev, 1, 1000) != 1 || ev.data.u64 != data_of(fd));
}

static void forked_by(pid_t (*how)(void))
{
	struct ends e = new_pipe();
	int ep = new_epoll(), status;
	pid_t child;

	add(ep, e.fd[0], EPOLLIN);
	put_byte(e);
	child = CHECK_OK(how());
	if (!child)
		in_child(ep, e.fd[0]);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK_RING();
	expect(ep, e.fd[0], EPOLLIN);
}

static pid_t fork_by_number(void)
{
	return (pid_t)syscall(SYS_fork);
}

static pid_t clone_by_number(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

TEST(forked)
{
	forked_by(fork);
}

TEST(forked_without_handlers)
{
	forked_by(_Fork);
}

TEST(forked_by_number)
{
	forked_by(fork_by_number);
}

TEST(cloned_by_number)
{
	forked_by(clone_by_number);
}

/* A child that has its parent's memory until exec closes descriptors of its own. */
TEST(closed_after_vfork)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), status;
	pid_t child;

	add(ep, e.fd[0], EPOLLIN | EPOLLET);
	child = vfork();
	if (!child) {
		dup2(e.fd[0], ep);
		close(ep);
		close_range(3, ~0u, 0);
		_exit(0);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK_RING();
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
}

/* Nothing is closed by this yet. */
TEST(marked_to_be_closed_by_exec)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN);
	CHECK_OK(close_range(3, ~0u, CLOSE_RANGE_CLOEXEC));
	CHECK_RING();
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	CHECK_OK(close_range((unsigned int)ep, (unsigned int)ep, 0));
	CHECK_EQ(device_mappings(), 0);
}
