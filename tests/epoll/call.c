// SPDX-License-Identifier: GPL-2.0
/* The same calls through syscall(), as libraries make them that do not trust libc. */
#include "epoll.h"

#include <linux/io_uring.h>
#include <sched.h>

TEST(all_by_number)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 5 };
	struct timespec zero = {};
	struct ends e = new_pipe();
	sigset_t none;
	int ep = CHECK_OK(syscall(SYS_epoll_create1, EPOLL_CLOEXEC));

	sigemptyset(&none);
	CHECK_EQ(fcntl(ep, F_GETFD), FD_CLOEXEC);
	CHECK_OK(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, e.fd[0], &ev));
	CHECK_ERRNO(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, e.fd[0], &ev), EEXIST);
	CHECK_EQ(syscall(SYS_epoll_wait, ep, &ev, 1, 0), 0);
	put_byte(e);
	CHECK_EQ(syscall(SYS_epoll_wait, ep, &ev, 1, -1), 1);
	CHECK_EQ(ev.data.u64, 5);
	CHECK_EQ(syscall(SYS_epoll_pwait, ep, &ev, 1, -1, NULL, 0), 1);
	CHECK_EQ(syscall(SYS_epoll_pwait, ep, &ev, 1, -1, &none, 8), 1);
	CHECK_ERRNO(syscall(SYS_epoll_pwait, ep, &ev, 1, -1, &none, 4), EINVAL);
	CHECK_ERRNO(syscall(SYS_epoll_pwait, ep, &ev, 1, -1, (void *)-8l, 8), EFAULT);
	CHECK_EQ(syscall(SYS_epoll_pwait2, ep, &ev, 1, &zero, &none, 8), 1);
	CHECK_EQ(syscall(SYS_epoll_pwait2, ep, &ev, 1, NULL, NULL, 0), 1);
	CHECK_OK(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_DEL, e.fd[0], NULL));
	CHECK_EQ(syscall(SYS_epoll_wait, ep, &ev, 1, 0), 0);
	/* what one makes the other knows */
	add(ep, e.fd[0], EPOLLIN);
	expect(ep, e.fd[0], EPOLLIN);
}

TEST(errors_by_number)
{
	struct epoll_event ev;

	CHECK_ERRNO(syscall(SYS_epoll_create, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_epoll_create1, 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_epoll_wait, -1, &ev, 1, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_epoll_ctl, -1, EPOLL_CTL_DEL, 0, NULL), EBADF);
	CHECK_OK(syscall(SYS_epoll_create, 1));
}

static void *cancelled_run(void *arg)
{
	struct epoll_event ev;

	pthread_cancel(pthread_self());
	CHECK_EQ(syscall(SYS_epoll_wait, *(int *)arg, &ev, 1, 1), 0);
	CHECK_EQ(syscall(SYS_epoll_pwait, *(int *)arg, &ev, 1, 0, NULL, 0), 0);
	return arg;
}

/* Unlike the functions, syscall() is no place where a thread is cancelled. */
TEST(not_cancelled)
{
	int ep = new_epoll();

	CHECK(thread_result(cancelled_run, &ep) == &ep);
}

static const long calls_that_wait[] = { SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2 };
static int cancel_ep;

static void *cancelled_in_it_run(void *arg)
{
	struct epoll_event ev;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	/* without limit: to the last of them NULL says so */
	syscall(*(long *)arg, cancel_ep, &ev, 1, *(long *)arg == SYS_epoll_pwait2 ? 0l : -1l,
		NULL, 8l);
	return arg;
}

/* But where it may be cancelled at any moment. */
TEST(cancelled_asynchronously)
{
	size_t i;

	cancel_ep = new_epoll();
	for (i = 0; i < ARRAY_SIZE(calls_that_wait); i++)
		expect_cancelled(cancelled_in_it_run, (void *)&calls_that_wait[i]);
}

static void *waits_run(void *arg)
{
	struct epoll_event ev;

	CHECK_EQ(syscall(SYS_epoll_wait, cancel_ep, &ev, 1, -1), 1);
	return arg;
}

/* Nor while it waits, if it may not. */
TEST(not_cancelled_while_it_waits)
{
	struct ends e = new_pipe();
	pthread_t thread;
	void *ret;

	cancel_ep = new_epoll();
	add(cancel_ep, e.fd[0], EPOLLIN);
	CHECK_EQ(pthread_create(&thread, NULL, waits_run, &e), 0);
	usleep(20000);
	CHECK_EQ(pthread_cancel(thread), 0);
	put_byte(e);
	CHECK_EQ(pthread_join(thread, &ret), 0);
	CHECK(ret == &e);
}

/* Other calls are as they were, with all six arguments. */
TEST(other_calls)
{
	char *p;

	CHECK_EQ(syscall(SYS_getpid), getpid());
	CHECK_ERRNO(syscall(SYS_close, -1), EBADF);
	CHECK_ERRNO(syscall(100000), ENOSYS);
	p = (void *)syscall(SYS_mmap, NULL, 8192, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	p[8191] = 1;
	CHECK_ERRNO(syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE,
			    open("/proc/self/exe", O_RDONLY), 1), EINVAL);
}

static void end_on_new_stack(void)
{
	syscall(SYS_exit, 7);
}

/* A child that was given a stack returns to what is there, as it does from libc's. */
TEST(new_stack)
{
	static long stack[8192] __attribute__((aligned(16)));
	long *top = &stack[4096];
	int status;
	pid_t pid;

	*top = (long)end_on_new_stack;
	pid = (pid_t)CHECK_OK(syscall(SYS_clone, CLONE_VM | SIGCHLD, top, 0, 0, 0));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 7);
}

/* Hidden by the drop-in; as the kernel has it otherwise. */
TEST(io_uring)
{
	struct io_uring_params params = {};
	long ret = syscall(SYS_io_uring_setup, 1, &params);

	if (on_kevent()) {
		CHECK_EQ(ret, -1);
		CHECK_EQ(errno, ENOSYS);
	} else {
		CHECK(ret >= 0 || errno == ENOSYS || errno == EPERM);
	}
}
