// SPDX-License-Identifier: GPL-2.0
/* Tests that a socket's error queue is told of, also where there is data to be read. */
#include "files.h"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

/* Connected, and what the first sends is acknowledged on its error queue. */
static void zerocopy_pair(int fds[2])
{
	int on = 1;

	tcp_pair(fds);
	CHECK_OK(setsockopt(fds[0], SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)));
}

static void fill_error_queue(int fd)
{
	static char page[4096];
	struct pollfd pfd = { .fd = fd };

	CHECK_EQ(send(fd, page, sizeof(page), MSG_ZEROCOPY), sizeof(page));
	CHECK_SOON(poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLERR));
}

static void expect_soon(struct kevent_ring *ring, uint64_t id, unsigned int bits)
{
	const struct ukevent *uk = NULL;

	CHECK_SOON((uk = kevent_ring_next(ring)));
	CHECK_EQ(uk->ptr, id);
	CHECK_EQ(uk->ret_data[0], bits);
	CHECK_EQ(uk->ret_flags & KEVENT_RET_ERROR,
		 bits & POLLERR ? KEVENT_RET_ERROR : 0);
}

/* The wake-up is that of the error. */
TEST(after_data)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fds[2];

	zerocopy_pair(fds);
	kev_add_poll(q, fds[0], POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(send(fds[1], "x", 1, 0), 1);
	expect_soon(&ring, fds[0], POLLIN);
	fill_error_queue(fds[0]);
	expect_soon(&ring, fds[0], POLLIN | POLLERR);
}

/* The wake-up is that of the data, and the error is an old one. */
TEST(before_data)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fds[2];

	zerocopy_pair(fds);
	kev_add_poll(q, fds[0], POLLIN, KEVENT_REQ_ET);
	fill_error_queue(fds[0]);
	expect_soon(&ring, fds[0], POLLERR);
	CHECK_EQ(send(fds[1], "x", 1, 0), 1);
	expect_soon(&ring, fds[0], POLLIN | POLLERR);
}

/* A KEVENT_SOCKET has a flag for it. */
TEST(socket)
{
	const struct ukevent *uk = NULL;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fds[2];

	zerocopy_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], KEVENT_SOCKET_RECV, KEVENT_REQ_ET);
	CHECK_EQ(send(fds[1], "x", 1, 0), 1);
	CHECK_SOON((uk = kevent_ring_next(&ring)));
	CHECK_EQ(uk->ret_flags, KEVENT_RET_DATA);
	fill_error_queue(fds[0]);
	CHECK_SOON((uk = kevent_ring_next(&ring)));
	CHECK_EQ(uk->ret_data[0], KEVENT_SOCKET_RECV);
	CHECK_EQ(uk->ret_data[1], 1);
	CHECK_EQ(uk->ret_flags, KEVENT_RET_DATA | KEVENT_RET_BROKEN | KEVENT_RET_ERROR);
}
