/* SPDX-License-Identifier: GPL-2.0 */
/* <kevent.h>, whose system calls count as those of a server (http_calls). */
#ifndef COUNTED_H
#define COUNTED_H

#include <sys/ioctl.h>
#include <unistd.h>

#include "http.h"

static inline int counted_ioctl(int fd, unsigned long request, void *arg)
{
	return CALL(ioctl(fd, request, arg));
}

static inline ssize_t counted_read(int fd, void *buf, size_t len)
{
	return CALL(read(fd, buf, len));
}

#define ioctl counted_ioctl
#define read counted_read
#include <kevent.h>

#endif /* COUNTED_H */
