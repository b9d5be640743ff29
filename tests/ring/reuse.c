// SPDX-License-Identifier: GPL-2.0
/* A number that is used again at once is another file, whatever the batch in hand says. */
#include "kev.h"

static void raise_fd(int fd)
{
	const uint64_t one = 1;

	CHECK_EQ(write(fd, &one, 8), 8);
}

static void add_as(int q, int fd, uint64_t user)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_POLL, fd, POLLIN, KEVENT_REQ_ET, user);
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), 0);
}

/* An eventfd of just this number, which is free. */
static int eventfd_as(int number)
{
	int fd = CHECK_OK(eventfd(0, EFD_NONBLOCK));

	CHECK_EQ(fd, number);
	return fd;
}

/* It is closed, and another file, watched for 2. */
static void reuse(int q, int fd)
{
	CHECK_OK(close(fd));
	eventfd_as(fd);
	add_as(q, fd, 2);
}

/* Two eventfds, watched for 100 and 1, have events.  Returns the second. */
static int two_raised(int q)
{
	int other = CHECK_OK(eventfd(0, 0)), fd = CHECK_OK(eventfd(0, 0));

	add_as(q, other, 100);
	add_as(q, fd, 1);
	raise_fd(other);
	raise_fd(fd);
	return fd;
}

TEST(event_unclaimed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fd = CHECK_OK(eventfd(0, 0));

	add_as(q, fd, 1);
	raise_fd(fd);
	reuse(q, fd);
	kev_expect_none(&ring);
	raise_fd(fd);
	kev_expect(&ring, 2, POLLIN);
	kev_expect_none(&ring);
}

TEST(event_in_the_batch_in_hand)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fd = two_raised(q);

	kev_expect(&ring, 100, POLLIN);
	CHECK_EQ(kev_seen(&ring), 2);
	reuse(q, fd);
	kev_expect_none(&ring);
	raise_fd(fd);
	kev_expect(&ring, 2, POLLIN);
}

TEST(new_file_ready_in_the_batch_in_hand)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fd = two_raised(q);

	kev_expect(&ring, 100, POLLIN);
	reuse(q, fd);
	raise_fd(fd);
	kev_expect(&ring, 2, POLLIN);
	kev_expect_none(&ring);
}

TEST(event_waits_for_a_slot)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1), fd = two_raised(q);

	CHECK(kev_flags(&ring) & KEVENT_RING_OVERFLOW);
	reuse(q, fd);
	kev_expect(&ring, 100, POLLIN);
	kev_expect_none(&ring);
	raise_fd(fd);
	kev_expect(&ring, 2, POLLIN);
	kev_expect_none(&ring);
}

TEST(without_ring)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));

	add_as(q, fd, 1);
	raise_fd(fd);
	reuse(q, fd);
	kev_expect_get_none(q);
	raise_fd(fd);
	kev_expect_get(q, 2, POLLIN);
	kev_expect_get_none(q);
}

TEST(over_and_over)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), fd = CHECK_OK(eventfd(0, 0));
	uint64_t end = now_ns() + 2000000000ull, user;

	for (user = 0; user < 3000 && now_ns() < end; user++) {
		add_as(q, fd, user);
		raise_fd(fd);
		if (user & 1)
			kev_expect(&ring, user, POLLIN);
		CHECK_OK(close(fd));
		eventfd_as(fd);
		if (user & 2)
			kev_expect_none(&ring);
	}
	/* The number is free for another watch of the queue, too. */
	add_as(q, fd, 4711);
	raise_fd(fd);
	kev_expect(&ring, 4711, POLLIN);
	kev_expect_none(&ring);
}

/* dup2() over a watched file ends it as close() does. */
TEST(replaced_by_dup2)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), fd = CHECK_OK(eventfd(0, 0));
	int other = CHECK_OK(eventfd(0, 0));

	add_as(q, fd, 1);
	raise_fd(fd);
	CHECK_EQ(dup2(other, fd), fd);
	add_as(q, fd, 2);
	kev_expect_none(&ring);
	raise_fd(other);
	kev_expect(&ring, 2, POLLIN);
	kev_expect_none(&ring);
}
