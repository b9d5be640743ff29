/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of kqueue have in common: kqueues, changes, expected events. */
#ifndef KQUEUE_H
#define KQUEUE_H

#include "ends.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

#define MSEC	1000000ull

static const struct timespec no_time;
static const struct timespec long_time = { .tv_sec = 10000 };

static inline int new_kqueue(void)
{
	return CHECK_OK(kqueue());
}

/* ---- What is watched --------------------------------------------------- */

/* A TCP socket that listens on loopback; its address. */
static inline int new_listener(struct sockaddr_in *addr)
{
	int fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	socklen_t len = sizeof(*addr);

	*addr = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	CHECK_OK(bind(fd, (struct sockaddr *)addr, len));
	CHECK_OK(listen(fd, 16));
	CHECK_OK(getsockname(fd, (struct sockaddr *)addr, &len));
	return fd;
}

static inline int new_client(const struct sockaddr_in *addr)
{
	int fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	CHECK_OK(connect(fd, (const struct sockaddr *)addr, sizeof(*addr)));
	CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	return fd;
}

static inline struct ends new_tcp(void)
{
	struct sockaddr_in addr;
	int listener = new_listener(&addr);
	struct pollfd p = { .fd = listener, .events = POLLIN };
	struct ends e;

	e.fd[1] = new_client(&addr);
	/* its last packet may be under way still */
	CHECK_EQ(poll(&p, 1, -1), 1);
	e.fd[0] = CHECK_OK(accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	close(listener);
	return e;
}

static inline void put(int fd, size_t len)
{
	char buf[4096] = "";

	CHECK_LE(len, sizeof(buf));
	CHECK_EQ(write(fd, buf, len), len);
}

static inline void take(int fd, size_t len)
{
	char buf[4096];

	CHECK_LE(len, sizeof(buf));
	CHECK_EQ(read(fd, buf, len), len);
}

/* Until it takes no more. */
static inline void fill(int fd)
{
	char buf[4096] = "";

	while (write(fd, buf, sizeof(buf)) > 0)
		;
	while (write(fd, buf, 1) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
}

static inline void drain(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
}

/* ---- Changes ----------------------------------------------------------- */

static inline int try_set(int kq, uintptr_t ident, int filter, int flags,
			  unsigned int fflags, int64_t data, void *udata)
{
	struct kevent kev;

	EV_SET(&kev, ident, filter, flags, fflags, data, udata);
	return kevent(kq, &kev, 1, NULL, 0, NULL);
}

#define set(...) CHECK_EQ(try_set(__VA_ARGS__), 0)

/* udata is then the ident. */
#define add(kq, ident, filter, flags) \
	set(kq, ident, filter, EV_ADD | (flags), 0, 0, (void *)(uintptr_t)(ident))

/* ---- Events ------------------------------------------------------------ */

/* What is there, without waiting. */
static inline int look(int kq, struct kevent *events, int max)
{
	return CHECK_OK(kevent(kq, NULL, 0, events, max, &no_time));
}

static inline struct kevent expect_at(const char *file, int line, int kq, uintptr_t ident,
				      int filter, const struct timespec *timeout)
{
	struct kevent kev[4];
	int n = CHECK_OK(kevent(kq, NULL, 0, kev, 4, timeout));

	if (n != 1)
		test_fail(file, line, "%d events (the first: %ld of %d), expected one of %ld of %d",
			  n, n ? (long)kev[0].ident : -1L, n ? kev[0].filter : 0, (long)ident,
			  filter);
	if (kev[0].ident != ident || kev[0].filter != filter)
		test_fail(file, line, "%ld of %d, expected %ld of %d", (long)kev[0].ident,
			  kev[0].filter, (long)ident, filter);
	return kev[0];
}

/* The only event that is there. */
#define expect(kq, ident, filter) \
	expect_at(__FILE__, __LINE__, kq, ident, filter, &no_time)
/* The only one, which may take a while. */
#define await(kq, ident, filter) \
	expect_at(__FILE__, __LINE__, kq, ident, filter, &long_time)

#define expect_none(kq) do {						\
	struct kevent none_[4];						\
									\
	CHECK_EQ(look(kq, none_, 4), 0);				\
} while (0)

/* ---- A thread that waits ------------------------------------------------ */

struct waiter {
	struct test_thread thread;
	int kq;
	struct kevent kev[4];
	int ret;
	int error;
};

static inline void *waiter_run(void *arg)
{
	struct waiter *w = arg;

	errno = 0;
	w->ret = kevent(w->kq, NULL, 0, w->kev, 4, NULL);
	w->error = errno;
	return NULL;
}

static inline void waiter_start(struct waiter *w, int kq)
{
	w->kq = kq;
	thread_start(&w->thread, waiter_run, w);
	wait_blocked(w->thread.tid);
}

#endif
