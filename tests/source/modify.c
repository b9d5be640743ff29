// SPDX-License-Identifier: GPL-2.0
/* Tests MODIFY and REMOVE, by fd and by cookie, and what makes a watch's key. */
#include "kinds.h"

/* ---- MODIFY ---------------------------------------------------------------- */

TEST(mask)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	tcp_pair(fds);
	kev_add_poll(q, fds[0], POLLIN, KEVENT_REQ_ET);
	uk = kev_modify(q, KEVENT_POLL, fds[0], POLLOUT, KEVENT_REQ_ET);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], POLLOUT);
	send_byte(fds[1]);
	wait_poll(fds[0], POLLIN);
	take_none(q);
	uk = kev_modify(q, KEVENT_POLL, fds[0], POLLIN, KEVENT_REQ_ET);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], POLLIN);
	send_byte(fds[1]);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], POLLIN);
	CHECK_EQ(uk.event, POLLIN);
	take_none(q);
}

TEST(mask_of_socket)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], KEVENT_SOCKET_RECV, KEVENT_REQ_ET);
	uk = kev_modify(q, KEVENT_SOCKET, fds[0],
			KEVENT_SOCKET_SEND | KEVENT_SOCKET_RECV, KEVENT_REQ_ET);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], KEVENT_SOCKET_SEND);
	send_byte(fds[1]);
	uk = take(q);
	CHECK(uk.ret_data[0] & KEVENT_SOCKET_RECV);
}

TEST_KINDS_BACK(into_queue)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	thing_raise(&t);
	thing_take(q, &t);
	take_none(q);
	kev_modify(q, k->type, t.fd, k->event,
		   KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE);
	thing_take(q, &t);
	take_none(q);
	thing_drop(&t);
}

TEST_KINDS_BACK(edge_to_level)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	thing_raise(&t);
	thing_take(q, &t);
	take_none(q);
	CHECK(kev_modify(q, k->type, t.fd, k->event, 0).ret_flags &
	      KEVENT_RET_DONE);
	thing_take(q, &t);
	thing_take(q, &t);
	CHECK(kev_modify(q, k->type, t.fd, k->event, KEVENT_REQ_ET).ret_flags &
	      KEVENT_RET_DONE);
	take_none(q);
	thing_lower(&t);
	thing_raise(&t);
	thing_take(q, &t);
	take_none(q);
	thing_drop(&t);
}

/* Asks for nothing, and is there all the same. */
TEST_KINDS_BACK(muted)
{
	struct ukevent uk;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	uk = kev_modify(q, k->type, t.fd, 0, 0);
	CHECK_EQ(uk.ret_flags, 0);
	thing_raise(&t);
	take_none(q);
	CHECK_EQ(thing_try(q, KEVENT_CTL_READY, &t, 0), EINVAL);
	take_none(q);
	uk = kev_modify(q, k->type, t.fd, 0, KEVENT_REQ_LAST_CHECK);
	CHECK_EQ(uk.ret_flags, 0);
	take_none(q);
	CHECK_EQ(watches_of(q), 1);
	uk = kev_modify(q, k->type, t.fd, k->event, 0);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], k->event);
	thing_take(q, &t);
	thing_drop(&t);
}

TEST(user_changes_cookie_stays)
{
	int q = kev_queue(NULL, 0);
	struct ukevent add, uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	add = thing_add(q, &t, 0);
	kevent_prep(&uk, KEVENT_POLL, t.fd, POLLIN, 0, 12345);
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_MODIFY, &uk), 0);
	thing_raise(&t);
	uk = take(q);
	CHECK_EQ(uk.ptr, 12345);
	CHECK_EQ(uk.cookie, add.cookie);
}

TEST(result_tells_what_was_outstanding)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	struct ukevent uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_ET);
	uk = kev_modify(q, KEVENT_POLL, t.fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(uk.ret_flags, 0);
	thing_raise(&t);
	thing_lower(&t);
	uk = kev_modify(q, KEVENT_POLL, t.fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_CANCELLED);
	CHECK(kev_entry(&ring, 0)->ret_flags & KEVENT_RET_CANCELLED);
	kev_expect_none(&ring);
	thing_raise(&t);
	thing_lower(&t);
	kev_claim_to(&ring, 2);
	uk = kev_modify(q, KEVENT_POLL, t.fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(uk.ret_flags, 0);
	kev_free_to(&ring, 2);
	uk = kev_modify(q, KEVENT_POLL, t.fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(uk.ret_flags, 0);
	take_none(q);
	thing_raise(&t);
	thing_take(q, &t);
}

TEST(not_watched)
{
	int q = kev_queue(NULL, 0);
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	CHECK_EQ(thing_try(q, KEVENT_CTL_MODIFY, &t, 0), ENOENT);
	CHECK_EQ(thing_try(q, KEVENT_CTL_REMOVE, &t, 0), ENOENT);
	CHECK_EQ(thing_try(q, KEVENT_CTL_READY, &t, 0), ENOENT);
	thing_add(q, &t, 0);
	thing_remove(q, &t);
	CHECK_EQ(thing_try(q, KEVENT_CTL_MODIFY, &t, 0), ENOENT);
	CHECK_EQ(thing_try(q, KEVENT_CTL_REMOVE, &t, 0), ENOENT);
}

/* ---- REMOVE ---------------------------------------------------------------- */

TEST_KINDS(removed_is_silent)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	CHECK_EQ(thing_remove(q, &t).ret_flags, 0);
	CHECK_EQ(watches_of(q), 0);
	thing_raise(&t);
	take_none(q);
	thing_drop(&t);
}

TEST_KINDS_RING(removed_takes_its_event)
{
	struct timespec limit = { .tv_sec = 10 };
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	thing_raise(&t);
	CHECK_EQ(kevent_wait(q, 1, 0, &limit, 0), 1);
	CHECK_EQ(thing_remove(q, &t).ret_flags, KEVENT_RET_CANCELLED);
	take_none(q);
	kev_expect_none(ring);
	thing_drop(&t);
}

/* Also the entry further down in the batch that is just being worked on. */
TEST(removed_in_the_batch)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	struct thing a, b;

	thing_make(&a, &kinds[KIND_EVENTFD]);
	thing_make(&b, &kinds[KIND_EVENTFD]);
	thing_add(q, &a, KEVENT_REQ_ET);
	thing_add(q, &b, KEVENT_REQ_ET);
	thing_raise(&a);
	thing_raise(&b);
	kev_expect(&ring, a.fd, POLLIN);
	CHECK_EQ(thing_remove(q, &b).ret_flags, 0);
	kev_expect_none(&ring);
}

/* ---- By cookie ------------------------------------------------------------- */

static int by_cookie(int q, unsigned int cmd, uint64_t cookie,
		     unsigned int event, struct ukevent *uk)
{
	kevent_prep(uk, 0, 0, event, KEVENT_REQ_COOKIE, 77);
	uk->cookie = cookie;
	return kevent_ctl_one(q, cmd, uk) < 0 ? errno : 0;
}

TEST_KINDS(remove_by_cookie)
{
	struct ukevent add, uk;
	struct thing t;

	thing_make(&t, k);
	add = thing_add(q, &t, 0);
	CHECK_EQ(by_cookie(q, KEVENT_CTL_REMOVE, add.cookie, 0, &uk), 0);
	CHECK_EQ(watches_of(q), 0);
	thing_raise(&t);
	take_none(q);
	CHECK_EQ(by_cookie(q, KEVENT_CTL_REMOVE, add.cookie, 0, &uk), ENOENT);
	thing_drop(&t);
}

/* The fd is gone, the file is not: its events come until the cookie is used. */
TEST_KINDS_BACK(remove_by_cookie_without_fd)
{
	struct ukevent add, uk;
	struct thing t;
	int fd;

	thing_make(&t, k);
	add = thing_add(q, &t, KEVENT_REQ_ET);
	fd = t.fd;
	t.fd = CHECK_OK(fcntl(fd, F_DUPFD_CLOEXEC, 100));
	close(fd);
	thing_raise(&t);
	uk = take(q);
	CHECK_EQ(uk.ptr, fd);
	CHECK_EQ(uk.cookie, add.cookie);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, k->type, fd, 0, 0), EBADF);
	CHECK_EQ(thing_try(q, KEVENT_CTL_REMOVE, &t, 0), ENOENT);
	CHECK_EQ(by_cookie(q, KEVENT_CTL_REMOVE, uk.cookie, 0, &uk), 0);
	thing_change(&t);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
	thing_drop(&t);
}

TEST(modify_and_ready_by_cookie)
{
	int q = kev_queue(NULL, 0);
	struct ukevent add, uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	add = thing_add(q, &t, KEVENT_REQ_ET);
	CHECK_EQ(by_cookie(q, KEVENT_CTL_READY, add.cookie, 0, &uk), 0);
	thing_take(q, &t);
	CHECK_EQ(by_cookie(q, KEVENT_CTL_MODIFY, add.cookie, POLLOUT, &uk), 0);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], POLLOUT);
	uk = take(q);		/* a level watch now */
	CHECK_EQ(uk.ptr, 77);
	CHECK_EQ(uk.id.raw[0], t.fd);
	CHECK_EQ(by_cookie(q, KEVENT_CTL_READY, add.cookie + 1000, 0, &uk),
		 ENOENT);
	CHECK_EQ(by_cookie(q, KEVENT_CTL_MODIFY, 0, POLLIN, &uk), ENOENT);
}

TEST(cookie_of_another_queue)
{
	int q = kev_queue(NULL, 0), other = kev_queue(NULL, 0);
	struct ukevent add, uk;

	add = kev_add_user(q, 1);
	CHECK_EQ(by_cookie(other, KEVENT_CTL_REMOVE, add.cookie, 0, &uk),
		 ENOENT);
	kev_remove(q, KEVENT_UNOTIFY, 1);
}

/* ---- The key --------------------------------------------------------------- */

TEST_KINDS(exists)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	CHECK_EQ(thing_try(q, KEVENT_CTL_ADD, &t, 0), EEXIST);
	CHECK_EQ(watches_of(q), 1);
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}

TEST_KINDS_BACK(twice_through_dup)
{
	struct ukevent one, two;
	struct thing t, d;

	thing_make(&t, k);
	d = t;
	d.fd = CHECK_OK(fcntl(t.fd, F_DUPFD_CLOEXEC, 0));
	thing_add(q, &t, KEVENT_REQ_ET);
	thing_add(q, &d, KEVENT_REQ_ET);
	CHECK_EQ(watches_of(q), 2);
	thing_raise(&t);
	one = take(q);
	two = take(q);
	CHECK(one.ptr != two.ptr);
	CHECK_EQ(one.ptr + two.ptr, t.fd + d.fd);
	take_none(q);
	thing_remove(q, &d);
	thing_change(&t);
	thing_take(q, &t);
	take_none(q);
	close(d.fd);
	thing_drop(&t);
}

/* The number is the old one, the file is another: another watch. */
TEST_KINDS(number_used_again)
{
	struct thing t, next;
	int dup;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	dup = CHECK_OK(fcntl(t.fd, F_DUPFD_CLOEXEC, 100));
	thing_make(&next, &kinds[KIND_EVENTFD]);
	CHECK_EQ(dup2(next.fd, t.fd), t.fd);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, k->type, t.fd, 0, 0), ENOENT);
	kev_add(q, KEVENT_POLL, t.fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(watches_of(q), 2);
	thing_raise(&next);
	CHECK_EQ(take(q).ret_data[0], POLLIN);
	take_none(q);
	close(t.fd);
	thing_drop(&next);
	CHECK_EQ(watches_of(q), 1);
	t.fd = dup;
	thing_drop(&t);
	CHECK_EQ(watches_of(q), 0);
}

TEST(two_types_on_one_fd)
{
	int q = kev_queue(NULL, 0), fds[2], i, sum = 0;

	tcp_pair(fds);
	kev_add(q, KEVENT_POLL, fds[0], POLLIN, KEVENT_REQ_ET);
	kev_add(q, KEVENT_SOCKET, fds[0], KEVENT_SOCKET_RECV, KEVENT_REQ_ET);
	CHECK_EQ(watches_of(q), 2);
	send_byte(fds[1]);
	for (i = 0; i < 2; i++)
		sum += 1 << take(q).type;
	CHECK_EQ(sum, (1 << KEVENT_POLL) | (1 << KEVENT_SOCKET));
	take_none(q);
	kev_remove(q, KEVENT_POLL, fds[0]);
	send_byte(fds[1]);
	CHECK_EQ(take(q).type, KEVENT_SOCKET);
	take_none(q);
	close(fds[0]);
	CHECK_EQ(watches_of(q), 0);
}
