// SPDX-License-Identifier: GPL-2.0
/* Level, edge and one-shot: what is reported, how often, with which bits. */
#include "epoll.h"

#include <sys/timerfd.h>

/* ---- Level ------------------------------------------------------------- */

static void level_of(struct ends e)
{
	int ep = new_epoll(), i;

	add(ep, e.fd[0], EPOLLIN);
	expect_none(ep);
	put_byte(e);
	for (i = 0; i < 3; i++)
		expect(ep, e.fd[0], EPOLLIN);
	put_byte(e);
	get_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	get_byte(e);
	expect_none(ep);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	close_ends(e);
	close(ep);
}

TEST(level_pipe)
{
	level_of(new_pipe());
}

TEST(level_stream)
{
	level_of(new_sockets(SOCK_STREAM));
}

TEST(level_datagram)
{
	level_of(new_sockets(SOCK_DGRAM));
}

/* An event that has come and is over when it would be handed out never comes. */
TEST(level_over_before_it_is_taken)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	EXACT_ONLY();
	add(ep, e.fd[0], EPOLLIN);
	put_byte(e);
	get_byte(e);
	expect_none(ep);
}

TEST(level_ready_at_add)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	put_byte(e);
	add(ep, e.fd[0], EPOLLIN);
	expect(ep, e.fd[0], EPOLLIN);
	expect(ep, e.fd[0], EPOLLIN);
}

TEST(level_timerfd)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 1000 };
	int fd = CHECK_OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	int ep = new_epoll();
	uint64_t n;

	add(ep, fd, EPOLLIN);
	CHECK_OK(timerfd_settime(fd, 0, &soon, NULL));
	expect_soon(ep, fd, EPOLLIN);
	expect(ep, fd, EPOLLIN);
	CHECK_EQ(read(fd, &n, sizeof(n)), sizeof(n));
	expect_none(ep);
}

/* ---- Edge -------------------------------------------------------------- */

static void edge_of(struct ends e)
{
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN | EPOLLET);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	expect_none(ep);
	/* more of the same is an event again, although nothing was read */
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	/* but reading a part of it is none */
	get_byte(e);
	expect_none(ep);
	get_byte(e);
	expect_none(ep);
	put_byte(e);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	expect_none(ep);
	close_ends(e);
	close(ep);
}

TEST(edge_pipe)
{
	edge_of(new_pipe());
}

TEST(edge_stream)
{
	edge_of(new_sockets(SOCK_STREAM));
}

TEST(edge_datagram)
{
	edge_of(new_sockets(SOCK_DGRAM));
}

TEST(edge_over_before_it_is_taken)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	EXACT_ONLY();
	add(ep, e.fd[0], EPOLLIN | EPOLLET);
	put_byte(e);
	get_byte(e);
	expect_none(ep);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
}

TEST(edge_ready_at_add)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	put_byte(e);
	add(ep, e.fd[0], EPOLLIN | EPOLLET);
	expect(ep, e.fd[0], EPOLLIN);
	expect_none(ep);
}

/* MOD is an edge, whatever it changes. */
TEST(edge_again_by_mod)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	put_byte(e);
	add(ep, e.fd[0], EPOLLIN | EPOLLET);
	expect(ep, e.fd[0], EPOLLIN);
	modify(ep, e.fd[0], EPOLLIN | EPOLLET);
	expect(ep, e.fd[0], EPOLLIN);
	expect_none(ep);
	get_byte(e);
	modify(ep, e.fd[0], EPOLLIN | EPOLLET);
	expect_none(ep);
}

/* All bits that hold come, not only that which has just become true. */
TEST(edge_has_all_bits)
{
	struct ends e = new_sockets(SOCK_STREAM);
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN | EPOLLOUT | EPOLLET);
	expect(ep, e.fd[0], EPOLLOUT);
	expect_none(ep);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN | EPOLLOUT);
	expect_none(ep);
}

/* An eventfd of which each write is an edge. */
TEST(edge_eventfd)
{
	int fd = CHECK_OK(eventfd(0, EFD_NONBLOCK)), ep = new_epoll(), i;

	add(ep, fd, EPOLLIN | EPOLLET);
	for (i = 0; i < 3; i++) {
		CHECK_OK(eventfd_write(fd, 1));
		CHECK_OK(eventfd_write(fd, 1));
		expect(ep, fd, EPOLLIN);
		expect_none(ep);
	}
}

TEST(edge_space_for_writing)
{
	struct ends e = new_sockets(SOCK_STREAM);
	char buf[4096] = "";
	int ep = new_epoll();
	ssize_t n, sum = 0;

	add(ep, e.fd[1], EPOLLOUT | EPOLLET);
	expect(ep, e.fd[1], EPOLLOUT);
	while ((n = write(e.fd[1], buf, sizeof(buf))) > 0)
		sum += n;
	expect_none(ep);
	while (sum > 0 && (n = read(e.fd[0], buf, sizeof(buf))) > 0)
		sum -= n;
	expect(ep, e.fd[1], EPOLLOUT);
	expect_none(ep);
}

/* ---- One-shot ---------------------------------------------------------- */

static void oneshot_of(struct ends e, uint32_t flags)
{
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN | flags);
	expect_none(ep);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	expect_none(ep);
	put_byte(e);
	expect_none(ep);
	/* it is disabled, not gone */
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, e.fd[0], EPOLLIN), EEXIST);
	modify(ep, e.fd[0], EPOLLIN | flags);
	expect(ep, e.fd[0], EPOLLIN);
	expect_none(ep);
	get_byte(e);
	get_byte(e);
	modify(ep, e.fd[0], EPOLLIN | flags);
	expect_none(ep);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	del(ep, e.fd[0]);
	expect_none(ep);
	close_ends(e);
	close(ep);
}

TEST(oneshot)
{
	oneshot_of(new_pipe(), EPOLLONESHOT);
	oneshot_of(new_sockets(SOCK_STREAM), EPOLLONESHOT);
	oneshot_of(new_sockets(SOCK_DGRAM), EPOLLONESHOT);
}

TEST(oneshot_edge)
{
	oneshot_of(new_pipe(), EPOLLONESHOT | EPOLLET);
	oneshot_of(new_sockets(SOCK_STREAM), EPOLLONESHOT | EPOLLET);
	oneshot_of(new_sockets(SOCK_DGRAM), EPOLLONESHOT | EPOLLET);
}

/* What was over before it was handed out has not used it up. */
TEST(oneshot_stays_armed)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN | EPOLLONESHOT);
	put_byte(e);
	get_byte(e);
	expect_none(ep);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	expect_none(ep);
}

/* Disabled, it tells of nothing, not even of the end. */
TEST(oneshot_disabled_tells_nothing)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN | EPOLLONESHOT);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	close(e.fd[1]);
	expect_none(ep);
	modify(ep, e.fd[0], EPOLLIN | EPOLLONESHOT);
	expect(ep, e.fd[0], EPOLLIN | EPOLLHUP);
	expect_none(ep);
}

/* ---- Bits -------------------------------------------------------------- */

TEST(hang_up_without_being_asked)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], 0);
	put_byte(e);
	expect_none(ep);
	close(e.fd[1]);
	expect(ep, e.fd[0], EPOLLHUP);
	expect(ep, e.fd[0], EPOLLHUP);
}

TEST(error_without_being_asked)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[1], 0);
	expect_none(ep);
	close(e.fd[0]);
	expect(ep, e.fd[1], EPOLLERR);
}

TEST(shutdown_bits)
{
	struct ends e = new_sockets(SOCK_STREAM);
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN | EPOLLRDHUP);
	CHECK_OK(shutdown(e.fd[1], SHUT_WR));
	expect(ep, e.fd[0], EPOLLIN | EPOLLRDHUP);
	modify(ep, e.fd[0], EPOLLIN);
	expect(ep, e.fd[0], EPOLLIN);
	modify(ep, e.fd[0], EPOLLRDHUP);
	expect(ep, e.fd[0], EPOLLRDHUP);
	modify(ep, e.fd[0], EPOLLOUT);
	expect(ep, e.fd[0], EPOLLOUT);
	close(e.fd[1]);
	expect(ep, e.fd[0], EPOLLOUT | EPOLLHUP);
}

TEST(normal_and_band)
{
	struct ends e = new_sockets(SOCK_STREAM);
	int ep = new_epoll();

	put_byte(e);
	add(ep, e.fd[0], EPOLLRDNORM | EPOLLWRNORM);
	expect(ep, e.fd[0], EPOLLRDNORM | EPOLLWRNORM);
	modify(ep, e.fd[0], EPOLLRDBAND | EPOLLPRI | EPOLLMSG);
	expect_none(ep);
}

/* Bits that mean nothing are taken, and never come. */
TEST(unknown_bits)
{
	struct ends e = new_pipe();
	uint32_t bit, known = EPOLLEXCLUSIVE | EPOLLET | EPOLLONESHOT | EPOLLIN;
	int ep = new_epoll();

	put_byte(e);
	for (bit = 1; bit; bit <<= 1) {
		if (bit & known)
			continue;
		add(ep, e.fd[0], EPOLLIN | bit);
		CHECK_EQ(try_ctl(ep, EPOLL_CTL_MOD, e.fd[0], EPOLLIN | bit), 0);
		expect(ep, e.fd[0], EPOLLIN | (bit & EPOLLRDNORM));
		del(ep, e.fd[0]);
	}
}

/* The data that came with the last change comes with the event. */
TEST(data_of_the_last_change)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 1 };
	struct ends e = new_pipe();
	int ep = new_epoll();

	put_byte(e);
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, e.fd[0], &ev));
	CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	CHECK_EQ(ev.data.u64, 1);
	ev.data.u64 = UINT64_MAX;
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_MOD, e.fd[0], &ev));
	ev.data.u64 = 0;
	CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 1);
	CHECK_EQ(ev.data.u64, UINT64_MAX);
}

/* From nothing to something, and back. */
TEST(muted_by_mod)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	put_byte(e);
	add(ep, e.fd[0], EPOLLIN);
	modify(ep, e.fd[0], 0);
	expect_none(ep);
	modify(ep, e.fd[0], EPOLLIN);
	expect(ep, e.fd[0], EPOLLIN);
	modify(ep, e.fd[0], EPOLLOUT);
	expect_none(ep);
}
