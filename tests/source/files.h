/* SPDX-License-Identifier: GPL-2.0 */
/* Making pipes and sockets of all sorts, filling and emptying them. */
#ifndef KEVENT_TEST_FILES_H
#define KEVENT_TEST_FILES_H

#include "kev.h"
#include "send.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/*
 * Short waits for another CPU: it may be a virtual one that has to be given
 * time first.
 */
#define SPIN_UNTIL(cond)						\
	do {								\
		int spins_ = 0;						\
									\
		while (!(cond))						\
			if (++spins_ > 20000)				\
				usleep(50);				\
	} while (0)

/* Lets a little time pass that no scheduler notices. */
static inline void spin(unsigned int n)
{
	while (n--)
		__asm__ volatile("" ::: "memory");
}

static inline void set_nonblock(int fd)
{
	CHECK_OK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

static inline void set_option(int fd, int level, int option, int value)
{
	CHECK_OK(setsockopt(fd, level, option, &value, sizeof(value)));
}

/* For what reaches the other end in its own time. */
static inline void wait_poll(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&p, 1, 10000);
	while (n < 0 && errno == EINTR);
	CHECK_EQ(n, 1);
}

/* Reads until nothing is left. */
static inline void drain(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

/* Writes until nothing fits. */
static inline void fill(int fd)
{
	static const char buf[4096];

	while (write(fd, buf, sizeof(buf)) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	while (write(fd, buf, 1) > 0)
		;
}

static inline void send_byte(int fd)
{
	CHECK_EQ(write(fd, "x", 1), 1);
}

/* ---- Sockets ------------------------------------------------------------- */

static inline struct sockaddr_in loopback(int fd)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);

	if (fd >= 0)
		CHECK_OK(getsockname(fd, (struct sockaddr *)&addr, &len));
	return addr;
}

static inline int inet_bound(int type)
{
	struct sockaddr_in addr = loopback(-1);
	int fd = CHECK_OK(socket(AF_INET, type | SOCK_CLOEXEC, 0));

	CHECK_OK(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

static inline void inet_connect(int fd, int to)
{
	struct sockaddr_in addr = loopback(to);

	CHECK_OK(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
}

static inline int tcp_listener(int backlog)
{
	int fd = inet_bound(SOCK_STREAM);

	CHECK_OK(listen(fd, backlog));
	set_nonblock(fd);
	return fd;
}

/* A connection to a listener, whose other end is still to be accepted. */
static inline int tcp_connect(int listener)
{
	int fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	inet_connect(fd, listener);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_nonblock(fd);
	return fd;
}

static inline int tcp_accept(int listener)
{
	wait_poll(listener, POLLIN);
	return CHECK_OK(accept4(listener, NULL, NULL,
				SOCK_CLOEXEC | SOCK_NONBLOCK));
}

/* fds[0] is the accepted end. */
static inline void tcp_pair(int fds[2])
{
	int listener = tcp_listener(1);

	fds[1] = tcp_connect(listener);
	fds[0] = tcp_accept(listener);
	close(listener);
}

static inline void udp_pair(int fds[2])
{
	fds[0] = inet_bound(SOCK_DGRAM);
	fds[1] = inet_bound(SOCK_DGRAM);
	inet_connect(fds[0], fds[1]);
	inet_connect(fds[1], fds[0]);
	set_nonblock(fds[0]);
	set_nonblock(fds[1]);
}

static inline void unix_pair(int type, int fds[2])
{
	CHECK_OK(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			    fds));
}

#endif
