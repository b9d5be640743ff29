// SPDX-License-Identifier: GPL-2.0
/* Tests that a file which takes over an fd number gets no event of the old. */
#include "../source/kinds.h"

/* An eventfd, not ready, at the number that has just become free. */
static void take_number(struct thing *t, int fd)
{
	int old;

	thing_make(t, &kinds[KIND_EVENTFD]);
	if (t->fd == fd)
		return;
	old = t->fd;
	CHECK_EQ(dup2(old, fd), fd);
	close(old);
	t->fd = fd;
}

/* The old event lies unclaimed. */
TEST_KINDS(unclaimed)
{
	struct thing t, next;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	thing_raise(&t);
	close(t.fd);
	take_number(&next, t.fd);
	thing_add(q, &next, 0);
	take_none(q);
	CHECK_EQ(watches_of(q), 1);
	thing_raise(&next);
	thing_take(q, &next);
	thing_drop(&next);
	thing_drop_rest(&t);
}

/* It was claimed, further down in the batch that is being worked on. */
TEST_KINDS_RING(claimed)
{
	struct thing t, next, first;

	thing_make(&first, &kinds[KIND_EVENTFD]);
	thing_make(&t, k);
	thing_add(q, &first, KEVENT_REQ_ET);
	thing_add(q, &t, KEVENT_REQ_ET);
	thing_raise(&first);
	thing_raise(&t);
	CHECK_EQ(kevent_wait(q, 2, 0, NULL, 0), 2);
	kev_expect(ring, first.fd, POLLIN);
	close(t.fd);
	take_number(&next, t.fd);
	thing_add(q, &next, KEVENT_REQ_ET);
	kev_expect_none(ring);
	thing_raise(&next);
	kev_expect(ring, next.fd, POLLIN);
	thing_drop(&first);
	thing_drop(&next);
	thing_drop_rest(&t);
}

/* Level watches that wait to be asked again. */
TEST_KINDS_BACK(to_be_asked)
{
	struct thing t, next;
	int i;

	for (i = 0; i < 10; i++) {
		thing_make(&t, k);
		thing_add(q, &t, 0);
		thing_raise(&t);
		thing_take(q, &t);
		close(t.fd);
		take_number(&next, t.fd);
		thing_add(q, &next, 0);
		take_none(q);
		thing_drop(&next);
		take_none(q);
		thing_drop_rest(&t);
	}
	CHECK_EQ(watches_of(q), 0);
}

/* Watches that wait for a check which the wake-up could not make. */
TEST_KINDS_BACK(to_be_checked)
{
	struct thing t, next;
	int i;

	for (i = 0; i < 10; i++) {
		thing_make(&t, k);
		thing_add(q, &t, KEVENT_REQ_LAST_CHECK);
		thing_raise(&t);
		close(t.fd);
		take_number(&next, t.fd);
		thing_add(q, &next, KEVENT_REQ_LAST_CHECK);
		take_none(q);
		thing_raise(&next);
		thing_take(q, &next);
		thing_drop(&next);
		thing_drop_rest(&t);
	}
	CHECK_EQ(watches_of(q), 0);
}

/* Thousands of times: the cookie tells that each event is of the newest. */
static void rounds(int q, struct kevent_ring *ring)
{
	struct ukevent add, uk;
	int fds[2], i;

	for (i = 0; i < 3000; i++) {
		unix_pair(SOCK_STREAM, fds);
		add = kev_add(q, KEVENT_SOCKET, fds[0], KEVENT_SOCKET_RECV, 0);
		take_none(q);
		send_byte(fds[1]);
		if (i % 3) {
			uk = take(q);
			CHECK_EQ(uk.cookie, add.cookie);
		}
		if (i % 2)
			send_byte(fds[1]);
		close(fds[0]);
		close(fds[1]);
	}
	take_none(q);
	if (ring)
		CHECK_EQ(kev_flags(ring) & KEVENT_RING_OVERFLOW, 0);
	CHECK_EQ(watches_of(q), 0);
}

TEST_TIMEOUT(thousands, 60)
{
	struct kevent_ring ring;
	int q = kev_queue(NULL, 0);

	rounds(q, NULL);
	kev_close(q, NULL);
	q = kev_queue(&ring, 16);
	rounds(q, &ring);
	kev_close(q, &ring);
}
