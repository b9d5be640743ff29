// SPDX-License-Identifier: GPL-2.0
/* Tests that queues, and files that calls open, obey the limit of open files. */
#include "kev.h"

#include <sys/resource.h>

static void limit_files(rlim_t n)
{
	struct rlimit limit = { .rlim_cur = n, .rlim_max = 4096 };

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static uint64_t watches_of_user(int q)
{
	struct kevent_ioc_info info;

	CHECK_EQ(kevent_info(q, &info), 0);
	return info.watches;
}

/* The next fd that open() would give. */
static int next_fd(void)
{
	int fd = CHECK_OK(dup(0));

	close(fd);
	return fd;
}

TEST_USER(queues)
{
	int q[8], i, first = next_fd();

	limit_files(first + 8);
	for (i = 0; i < 8; i++)
		CHECK_OK(q[i] = kevent_open());
	CHECK_ERRNO(kevent_open(), EMFILE);
	close(q[3]);
	CHECK_EQ(kevent_open(), q[3]);
	CHECK_ERRNO(kevent_open(), EMFILE);
}

/* A watch takes no fd: at the limit everything else works. */
TEST_USER(all_but_open)
{
	struct kevent_ring ring;
	uint64_t one = 1;
	int q = kev_queue(&ring, 16), fd, i;

	fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	limit_files(next_fd());
	CHECK_ERRNO(dup(0), EMFILE);
	for (i = 0; i < 100; i++)
		kev_add_user(q, i);
	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(write(fd, &one, 8), 8);
	kev_expect(&ring, fd, POLLIN);
	kev_remove(q, KEVENT_POLL, fd);
	CHECK_EQ(watches_of_user(q), 100);
}

/* An fd above a limit that was lowered stays watched. */
TEST_USER(lowered)
{
	struct kevent_ring ring;
	uint64_t one = 1;
	int q = kev_queue(&ring, 16), fd;

	fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	CHECK_EQ(dup2(fd, 500), 500);
	close(fd);
	fd = 500;
	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	limit_files(100);
	CHECK_EQ(write(fd, &one, 8), 8);
	kev_expect(&ring, fd, POLLIN);
	kev_modify(q, KEVENT_POLL, fd, POLLIN, 0);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(kev_stat(q, "watches"), 0);
}
