/* SPDX-License-Identifier: GPL-2.0 */
/* Pipes and sockets that do not block. */
#ifndef KEVENT_TEST_ENDS_H
#define KEVENT_TEST_ENDS_H

#include "test.h"

#include <fcntl.h>
#include <sys/socket.h>

/* Two ends: what is written to [1] is read from [0]. */
struct ends {
	int fd[2];
};

static inline struct ends new_pipe(void)
{
	struct ends e;

	CHECK_OK(pipe2(e.fd, O_NONBLOCK | O_CLOEXEC));
	return e;
}

static inline struct ends new_sockets(int type)
{
	struct ends e;

	CHECK_OK(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, e.fd));
	return e;
}

#endif /* KEVENT_TEST_ENDS_H */
