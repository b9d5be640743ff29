// SPDX-License-Identifier: GPL-2.0
/* An epoll's fd in poll, select, and other epolls. */
#include "epoll.h"

#include <sys/select.h>

/* ---- poll, select ------------------------------------------------------ */

static void polled(struct ends e, uint32_t flags)
{
	int ep = new_epoll();

	CHECK(!is_readable(ep));
	add(ep, e.fd[0], EPOLLIN | flags);
	CHECK(!is_readable(ep));
	put_byte(e);
	CHECK(is_readable(ep));
	CHECK(is_readable(ep));
	expect(ep, e.fd[0], EPOLLIN);
	CHECK_EQ(is_readable(ep), !flags);
	get_byte(e);
	expect_none(ep);
	CHECK(!is_readable(ep));
	put_byte(e);
	CHECK(is_readable(ep));
	del(ep, e.fd[0]);
	CHECK(!is_readable(ep));
	close_ends(e);
	close(ep);
}

TEST(polled_level)
{
	EXACT_ONLY();
	polled(new_pipe(), 0);
	polled(new_sockets(SOCK_STREAM), 0);
}

TEST(polled_edge)
{
	EXACT_ONLY();
	polled(new_pipe(), EPOLLET);
	polled(new_sockets(SOCK_STREAM), EPOLLET);
}

TEST(polled_oneshot)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN | EPOLLONESHOT);
	put_byte(e);
	CHECK(is_readable(ep));
	expect(ep, e.fd[0], EPOLLIN);
	CHECK(!is_readable(ep));
	put_byte(e);
	CHECK(!is_readable(ep));
	modify(ep, e.fd[0], EPOLLIN | EPOLLONESHOT);
	CHECK(is_readable(ep));
}

/* What was taken and drained is not readable, before any other call. */
TEST(polled_when_drained)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	EXACT_ONLY();
	add(ep, e.fd[0], EPOLLIN);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	get_byte(e);
	CHECK(!is_readable(ep));
	put_byte(e);
	get_byte(e);
	CHECK(!is_readable(ep));
}

TEST(selected)
{
	struct timeval tv = {};
	struct ends e = new_pipe();
	int ep = new_epoll(), i;
	fd_set rd, wr, ex;

	add(ep, e.fd[0], EPOLLIN);
	for (i = 0; i < 2; i++) {
		FD_ZERO(&rd);
		FD_SET(ep, &rd);
		wr = rd;
		ex = rd;
		CHECK_EQ(select(ep + 1, &rd, &wr, &ex, &tv), i);
		CHECK_EQ(!!FD_ISSET(ep, &rd), i);
		CHECK(!FD_ISSET(ep, &wr) && !FD_ISSET(ep, &ex));
		if (!i)
			put_byte(e);
	}
}

static void *poller_run(void *arg)
{
	struct pollfd pfd = { .fd = *(int *)arg, .events = POLLIN };

	CHECK_EQ(poll(&pfd, 1, -1), 1);
	CHECK_EQ(pfd.revents, POLLIN);
	return NULL;
}

TEST(poller_is_woken)
{
	struct ends e = new_pipe();
	int ep = new_epoll();
	struct test_thread t;

	add(ep, e.fd[0], EPOLLIN);
	thread_start(&t, poller_run, &ep);
	wait_blocked(t.tid);
	put_byte(e);
	thread_join(&t);
	expect(ep, e.fd[0], EPOLLIN);
}

/* ---- An epoll in an epoll ---------------------------------------------- */

static void nested(uint32_t outer, uint32_t inner)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), in = new_epoll(), i;

	add(in, e.fd[0], EPOLLIN | inner);
	add(ep, in, EPOLLIN | outer);
	expect_none(ep);
	for (i = 0; i < 3; i++) {
		put_byte(e);
		expect_soon(ep, in, EPOLLIN);
		if (outer)
			expect_none(ep);
		else
			expect(ep, in, EPOLLIN);
		expect(in, e.fd[0], EPOLLIN);
		if (inner || outer)
			expect_none(ep);
		else
			expect(ep, in, EPOLLIN);
		get_byte(e);
		expect_none(in);
		expect_none(ep);
	}
	close_ends(e);
	close(in);
	close(ep);
}

TEST(nested_level_level)
{
	nested(0, 0);
}

TEST(nested_level_edge)
{
	nested(0, EPOLLET);
}

TEST(nested_edge_level)
{
	nested(EPOLLET, 0);
}

TEST(nested_edge_edge)
{
	nested(EPOLLET, EPOLLET);
}

/* Each event of the inner one is an edge of the outer, also if it was not seen to be empty. */
static void each_is_an_edge(uint32_t inner)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), in = new_epoll(), i;

	add(in, e.fd[0], EPOLLIN | inner);
	add(ep, in, EPOLLIN | EPOLLET);
	for (i = 0; i < 5; i++) {
		put_byte(e);
		expect_soon(ep, in, EPOLLIN);
		expect(in, e.fd[0], EPOLLIN);
		get_byte(e);
	}
}

TEST(nested_each_is_an_edge)
{
	each_is_an_edge(EPOLLET);
}

TEST(nested_each_is_an_edge_level)
{
	each_is_an_edge(0);
}

/* Nobody takes the inner one's. */
TEST(nested_each_is_an_edge_untaken)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), in = new_epoll(), i;

	add(in, e.fd[0], EPOLLIN | EPOLLET);
	add(ep, in, EPOLLIN | EPOLLET);
	for (i = 0; i < 5; i++) {
		put_byte(e);
		expect_soon(ep, in, EPOLLIN);
	}
}

/* Both wait, and one byte is for both. */
TEST(nested_waiters)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), in = new_epoll();
	struct waiter outer, inner;

	add(in, e.fd[0], EPOLLIN);
	add(ep, in, EPOLLIN);
	waiter_start(&outer, ep);
	waiter_start(&inner, in);
	put_byte(e);
	CHECK_EQ(waiter_join(&outer), 1);
	CHECK_EQ(waiter_join(&inner), 1);
	check_event_at(__FILE__, __LINE__, outer.ev, in, EPOLLIN);
	check_event_at(__FILE__, __LINE__, inner.ev, e.fd[0], EPOLLIN);
}

TEST(nested_three)
{
	int ep[3] = { new_epoll(), new_epoll(), new_epoll() };
	struct ends e = new_pipe();

	add(ep[2], e.fd[0], EPOLLIN);
	add(ep[1], ep[2], EPOLLIN);
	add(ep[0], ep[1], EPOLLIN);
	expect_none(ep[0]);
	put_byte(e);
	expect_soon(ep[0], ep[1], EPOLLIN);
	expect(ep[1], ep[2], EPOLLIN);
	expect(ep[2], e.fd[0], EPOLLIN);
	get_byte(e);
	/*
	 * In this order: the drop-in's poll does not look two levels down.  See
	 * docs/epoll.md.
	 */
	expect_none(ep[1]);
	expect_none(ep[0]);
}

/* The inner one is closed: its watch in the outer one is gone. */
TEST(nested_closed)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), in = new_epoll();

	add(in, e.fd[0], EPOLLIN);
	add(ep, in, EPOLLIN);
	put_byte(e);
	expect_soon(ep, in, EPOLLIN);
	CHECK_OK(close(in));
	expect_none(ep);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_DEL, in, 0), EBADF);
}

/* ---- Circles and chains ------------------------------------------------ */

TEST(circle)
{
	int a = new_epoll(), b = new_epoll(), c = new_epoll();

	add(a, b, EPOLLIN);
	CHECK_ERRNO(try_ctl(b, EPOLL_CTL_ADD, a, EPOLLIN), ELOOP);
	add(b, c, EPOLLIN);
	CHECK_ERRNO(try_ctl(c, EPOLL_CTL_ADD, a, EPOLLIN), ELOOP);
	CHECK_ERRNO(try_ctl(c, EPOLL_CTL_ADD, b, EPOLLIN), ELOOP);
	/* it was not added */
	CHECK_ERRNO(try_ctl(c, EPOLL_CTL_DEL, a, EPOLLIN), ENOENT);
	del(a, b);
	add(c, a, EPOLLIN);
}

TEST(circle_by_another_number)
{
	int a = new_epoll(), b = new_epoll(), other = CHECK_OK(dup(a));

	add(a, b, EPOLLIN);
	CHECK_ERRNO(try_ctl(b, EPOLL_CTL_ADD, a, EPOLLIN), ELOOP);
	CHECK_ERRNO(try_ctl(b, EPOLL_CTL_ADD, other, EPOLLIN), ELOOP);
	CHECK_ERRNO(try_ctl(other, EPOLL_CTL_ADD, b, EPOLLIN), EEXIST);
}

/* What was watched under a number has another one now, and an epoll has the old one. */
TEST(no_circle_by_a_number_used_again)
{
	int in = new_epoll(), other = new_epoll(), ep;
	struct ends e = new_pipe();

	add(in, e.fd[0], EPOLLIN);
	add(other, e.fd[0], EPOLLIN);
	CHECK_OK(dup(e.fd[0]));
	CHECK_OK(close(e.fd[0]));
	ep = new_epoll();
	CHECK_EQ(ep, e.fd[0]);
	add(ep, in, EPOLLIN);
	/* or the epoll that watches it has its number */
	CHECK_EQ(dup2(other, e.fd[0]), e.fd[0]);
	add(in, other, EPOLLIN);
}

TEST(chain)
{
	int below = new_epoll(), ep, n;

	for (n = 0; n < 16; n++) {
		ep = new_epoll();
		if (try_ctl(ep, EPOLL_CTL_ADD, below, EPOLLIN))
			break;
		below = ep;
	}
	CHECK_EQ(errno, ELOOP);
	CHECK_GE(n, 4);
	CHECK_LE(n, 6);
}

/* Beside each other there may be many. */
TEST(many_beside_each_other)
{
	int ep = new_epoll(), in[50], i;
	struct ends e = new_pipe();

	for (i = 0; i < 50; i++) {
		in[i] = new_epoll();
		add(in[i], e.fd[0], EPOLLIN);
		add(ep, in[i], EPOLLIN);
	}
	put_byte(e);
	for (i = 0; i < 50; i++)
		expect(in[i], e.fd[0], EPOLLIN);
}
