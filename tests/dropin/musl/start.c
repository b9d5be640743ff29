// SPDX-License-Identifier: GPL-2.0
/* A program that is linked with musl: prints what its epoll is, and uses it. */
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Which musl has not. */
int close_range(unsigned int first, unsigned int last, int flags) __attribute__((weak));
void closefrom(int first) __attribute__((weak));

static int ep;

static void *wait_run(void *arg)
{
	struct epoll_event ev;

	epoll_wait(ep, &ev, 1, -1);
	return arg;
}

/* 0: a thread that waits was cancelled. */
static int cancel(void)
{
	pthread_t thread;
	void *ret;

	if (pthread_create(&thread, NULL, wait_run, NULL))
		return 1;
	usleep(20000);
	return pthread_cancel(thread) || pthread_join(thread, &ret) ||
	       ret != PTHREAD_CANCELED;
}

int main(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	char path[32], name[64] = "";
	int fd = eventfd(1, 0);

	ep = epoll_create1(0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ep);
	if (readlink(path, name, sizeof(name) - 1) > 0)
		puts(name);
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) || epoll_wait(ep, &ev, 1, -1) != 1 ||
	    epoll_pwait(ep, &ev, 1, 0, NULL) || eventfd_write(fd, 1) ||
	    syscall(SYS_epoll_wait, ep, &ev, 1, -1) != 1 || cancel())
		return 2;
	if (close_range && (close_range(ep, ep, 0) || !close(ep)))
		return 3;
	if (closefrom)
		closefrom(3);
	return closefrom && !close(fd) ? 4 : 0;
}
