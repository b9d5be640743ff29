// SPDX-License-Identifier: GPL-2.0
/* A program that defines functions of the C library itself: epoll's calls use none of them. */
#include "epoll.h"
#include "seccomp.h"

#include <stdarg.h>
#include <sys/stat.h>

/* Is it in one of epoll's calls?  The compiler is told that those call nothing here. */
static volatile bool inside;
static volatile unsigned int drawn_in;

void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
	drawn_in += inside;
	return __libc_malloc(size);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	drawn_in += inside;
	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
	int fd = open(path, *mode == 'r' ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC, 0666);

	return fd < 0 ? NULL : fdopen(fd, mode);
}

ssize_t read(int fd, void *buf, size_t size)
{
	drawn_in += inside;
	return syscall(SYS_read, fd, buf, size);
}

ssize_t write(int fd, const void *buf, size_t size)
{
	drawn_in += inside;
	return syscall(SYS_write, fd, buf, size);
}

int poll(struct pollfd *fds, nfds_t num, int timeout)
{
	drawn_in += inside;
	return (int)syscall(SYS_poll, fds, num, timeout);
}

int close(int fd)
{
	drawn_in += inside;
	return (int)syscall(SYS_close, fd);
}

int fstat(int fd, struct stat *st)
{
	drawn_in += inside;
	return (int)syscall(SYS_fstat, fd, st);
}

/* Nor before the program has begun. */
int stat(const char *path, struct stat *st)
{
	drawn_in++;
	return (int)syscall(SYS_stat, path, st);
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	drawn_in += inside;
	return (int)syscall(SYS_clock_gettime, clock, ts);
}

/* One call is another, as a library for old systems might have it. */
int epoll_pwait(int epfd, struct epoll_event *events, int maxevents, int timeout,
		const sigset_t *mask)
{
	CHECK(!inside && !mask);
	return epoll_wait(epfd, events, maxevents, timeout);
}

/* Makes a call of epoll. */
#define INSIDE(call) ({							\
	__typeof__(call) ret_;						\
									\
	inside = true;							\
	ret_ = (call);							\
	inside = false;							\
	ret_;								\
})

TEST(waits)
{
	struct timespec zero = {};
	struct epoll_event ev;
	struct ends e = new_pipe();
	int ep = INSIDE(new_epoll());

	put_byte(e);
	CHECK_OK(INSIDE(try_ctl(ep, EPOLL_CTL_ADD, e.fd[0], EPOLLIN)));
	CHECK_EQ(INSIDE(epoll_wait(ep, &ev, 1, -1)), 1);
	CHECK_EQ(INSIDE(epoll_pwait2(ep, &ev, 1, &zero, NULL)), 1);
	CHECK_EQ(epoll_pwait(ep, &ev, 1, -1, NULL), 1);
	CHECK_EQ(drawn_in, 0);
}

/* An epoll in an epoll, where a circle is looked for. */
TEST(nests)
{
	int ep = new_epoll(), in = new_epoll();

	CHECK_OK(INSIDE(try_ctl(ep, EPOLL_CTL_ADD, in, EPOLLIN)));
	CHECK_ERRNO(INSIDE(try_ctl(in, EPOLL_CTL_ADD, ep, EPOLLIN)), ELOOP);
	CHECK_EQ(drawn_in, 0);
}

/* Where there is something to say, and where events are read. */
TEST(without_ioctl)
{
	struct epoll_event ev;
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN);
	forbid(SYS_ioctl, EPERM);
	CHECK_EQ(INSIDE(epoll_wait(ep, &ev, 1, 1)), 0);
	put_byte(e);
	CHECK_EQ(INSIDE(epoll_wait(ep, &ev, 1, -1)), 1);
	INSIDE(try_ctl(ep, EPOLL_CTL_MOD, e.fd[0], EPOLLIN | EPOLLET));
	CHECK_OK(INSIDE(epoll_create1(0)));
	CHECK_EQ(drawn_in, 0);
}
