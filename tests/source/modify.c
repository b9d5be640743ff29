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

/* ---- A cookie beside the fd: how the watch is found, and not which it is ---- */

static int by_fd(int q, unsigned int cmd, int fd, uint64_t cookie, uint64_t ptr,
		 struct ukevent *uk)
{
	kevent_prep(uk, KEVENT_POLL, fd, POLLIN, KEVENT_REQ_ET, ptr);
	uk->cookie = cookie;
	return kevent_ctl_one(q, cmd, uk) < 0 ? errno : 0;
}

/* READY and MODIFY reach the watch of this fd, whatever the cookie is. */
static void expect_reached(int q, int fd, uint64_t own, uint64_t cookie)
{
	struct ukevent uk;

	CHECK_EQ(by_fd(q, KEVENT_CTL_MODIFY, fd, cookie, cookie + 5, &uk), 0);
	CHECK_EQ(uk.cookie, cookie);
	CHECK_EQ(by_fd(q, KEVENT_CTL_READY, fd, cookie, 0, &uk), 0);
	uk = take(q);
	CHECK_EQ(uk.cookie, own);
	CHECK_EQ(uk.ptr, cookie + 5);
	CHECK_EQ(uk.id.raw[0], fd);
	take_none(q);
}

TEST(cookie_beside_the_fd)
{
	int q = kev_queue(NULL, 0), second = kev_queue(NULL, 0), fds[2], dup, i;
	uint64_t own, cookies[7];
	struct ukevent uk;

	tcp_pair(fds);
	dup = CHECK_OK(fcntl(fds[0], F_DUPFD_CLOEXEC, 0));
	cookies[0] = own = kev_add_poll(q, fds[0], POLLIN, KEVENT_REQ_ET).cookie;
	cookies[1] = kev_add_poll(q, fds[1], POLLIN, KEVENT_REQ_ET).cookie;
	cookies[2] = kev_add_poll(q, dup, POLLIN, KEVENT_REQ_ET).cookie;
	cookies[3] = kev_add(q, KEVENT_SOCKET, fds[0], KEVENT_SOCKET_RECV,
			     KEVENT_REQ_ET).cookie;
	kev_add_user(second, 1);
	kev_add_poll(second, fds[1], POLLIN, KEVENT_REQ_ET);
	cookies[4] = kev_add_poll(second, fds[0], POLLIN, KEVENT_REQ_ET).cookie;
	cookies[5] = 0;
	cookies[6] = own + (1ull << 32);
	for (i = 0; i < 7; i++)
		expect_reached(q, fds[0], own, cookies[i]);
	for (i = 1; i < 7; i++) {
		CHECK_EQ(by_fd(q, KEVENT_CTL_REMOVE, fds[0], cookies[i], 0, &uk),
			 0);
		CHECK_EQ(watches_of(q), 3);
		CHECK_EQ(by_cookie(q, KEVENT_CTL_REMOVE, own, 0, &uk), ENOENT);
		own = kev_add_poll(q, fds[0], POLLIN, KEVENT_REQ_ET).cookie;
	}
	CHECK_EQ(by_fd(q, KEVENT_CTL_REMOVE, fds[0], own, 0, &uk), 0);
	for (i = 0; i < 7; i++)
		CHECK_EQ(by_fd(q, KEVENT_CTL_READY, fds[0], cookies[i], 0, &uk),
			 ENOENT);
	CHECK_EQ(watches_of(q), 3);
	CHECK_EQ(watches_of(second), 3);
}

/* The number is another file's: the cookie does not bring the old watch back. */
TEST(cookie_beside_a_number_used_again)
{
	int q = kev_queue(NULL, 0), fd, old;
	struct ukevent uk;
	uint64_t cookie;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	cookie = thing_add(q, &t, KEVENT_REQ_ET).cookie;
	old = CHECK_OK(fcntl(t.fd, F_DUPFD_CLOEXEC, 100));
	fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	CHECK_EQ(dup2(fd, t.fd), t.fd);
	CHECK_EQ(by_fd(q, KEVENT_CTL_READY, t.fd, cookie, 0, &uk), ENOENT);
	CHECK_EQ(by_fd(q, KEVENT_CTL_MODIFY, t.fd, cookie, 0, &uk), ENOENT);
	CHECK_EQ(by_fd(q, KEVENT_CTL_REMOVE, t.fd, cookie, 0, &uk), ENOENT);
	CHECK_EQ(watches_of(q), 1);
	close(fd);
	close(old);
	CHECK_EQ(watches_of(q), 0);
	thing_drop(&t);
}

/* Of a one-shot that is over, whose event waits: the next watch of its key is meant. */
TEST(cookie_of_what_is_over)
{
	int q = kev_queue(NULL, 0);
	uint64_t first, second;
	struct ukevent uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	first = thing_add(q, &t, KEVENT_REQ_ONESHOT).cookie;
	thing_raise(&t);
	thing_lower(&t);
	CHECK_EQ(by_fd(q, KEVENT_CTL_READY, t.fd, first, 0, &uk), ENOENT);
	second = thing_add(q, &t, KEVENT_REQ_ET).cookie;
	CHECK(first != second);
	CHECK_EQ(by_fd(q, KEVENT_CTL_READY, t.fd, first, 0, &uk), 0);
	CHECK_EQ(take(q).cookie, first);
	CHECK_EQ(take(q).cookie, second);
	take_none(q);
	CHECK_EQ(by_fd(q, KEVENT_CTL_REMOVE, t.fd, first, 0, &uk), 0);
	CHECK_EQ(watches_of(q), 0);
	thing_drop(&t);
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
