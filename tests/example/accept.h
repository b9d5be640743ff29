/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts how often an example's accept4() finds no free descriptor.  To be included before
 * the example.
 */
#ifndef EXAMPLE_ACCEPT_H
#define EXAMPLE_ACCEPT_H

#include "kev.h"

#include <sys/resource.h>
#include <sys/socket.h>

static unsigned int *refusals;	/* shared with the example, which is a child */

static inline int counted_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	int ret = accept4(fd, addr, len, flags);

	if (ret < 0 && errno == EMFILE && refusals)
		__atomic_add_fetch(refusals, 1, __ATOMIC_RELAXED);
	return ret;
}

#define accept4 counted_accept4

static inline unsigned int count_refusals(void)
{
	return __atomic_load_n(refusals, __ATOMIC_RELAXED);
}

static inline void share_refusals(void)
{
	refusals = mmap(NULL, sizeof(*refusals), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(refusals != MAP_FAILED);
}

/* This process can open so many descriptors from now on. */
static inline void leave_descriptors(unsigned int num)
{
	int lowest = CHECK_OK(dup(STDIN_FILENO));
	struct rlimit limit = { .rlim_cur = lowest + num, .rlim_max = lowest + num };

	CHECK_OK(close(lowest));
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
}

#endif /* EXAMPLE_ACCEPT_H */
