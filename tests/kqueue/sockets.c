// SPDX-License-Identifier: GPL-2.0
/*
 * EVFILT_READ and EVFILT_WRITE of sockets, where Linux decides: before connect() and
 * listen(), after shutdown() by the program itself, and with SO_RCVLOWAT.
 */
#include "kqueue.h"

static int new_socket(int family)
{
	return CHECK_OK(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/* ---- Not connected ----------------------------------------------------- */

/* As of one whose connection has ended. */
static void unconnected(int family)
{
	int fd = new_socket(family), kq = new_kqueue();
	struct kevent kev[4];

	add(kq, fd, EVFILT_READ, 0);
	add(kq, fd, EVFILT_WRITE, 0);
	CHECK_EQ(look(kq, kev, 4), 2);
	CHECK(kev[0].flags & kev[1].flags & EV_EOF);
	CHECK_EQ(kev[0].fflags | kev[1].fflags, 0);
}

TEST(unconnected_unix) { unconnected(AF_UNIX); }
TEST(unconnected_tcp) { unconnected(AF_INET); }

TEST(unconnected_and_connected)
{
	int fd = new_socket(AF_INET), kq = new_kqueue();
	struct sockaddr_in addr;

	new_listener(&addr);
	add(kq, fd, EVFILT_READ, 0);
	expect(kq, fd, EVFILT_READ);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		CHECK_EQ(errno, EINPROGRESS);
	expect_none(kq);
}

TEST(unconnected_and_listening)
{
	int fd = new_socket(AF_INET), kq = new_kqueue();

	add(kq, fd, EVFILT_READ, 0);
	expect(kq, fd, EVFILT_READ);
	CHECK_OK(listen(fd, 1));
	expect_none(kq);
}

/* ---- shutdown() -------------------------------------------------------- */

static void shut_for_reading(struct ends e)
{
	int kq = new_kqueue();

	add(kq, e.fd[0], EVFILT_READ, 0);
	expect_none(kq);
	CHECK_OK(shutdown(e.fd[0], SHUT_RD));
	CHECK(await(kq, e.fd[0], EVFILT_READ).flags & EV_EOF);
}

TEST(shut_for_reading_unix) { shut_for_reading(new_sockets(SOCK_STREAM)); }
TEST(shut_for_reading_tcp) { shut_for_reading(new_tcp()); }

/* It is the end when the other side has ended as well. */
static void shut_for_writing(struct ends e)
{
	int kq = new_kqueue();

	add(kq, e.fd[0], EVFILT_WRITE, 0);
	CHECK_OK(shutdown(e.fd[0], SHUT_WR));
	CHECK(!(await(kq, e.fd[0], EVFILT_WRITE).flags & EV_EOF));
	close(e.fd[1]);
	CHECK_SOON(expect(kq, e.fd[0], EVFILT_WRITE).flags & EV_EOF);
}

TEST(shut_for_writing_unix) { shut_for_writing(new_sockets(SOCK_STREAM)); }
TEST(shut_for_writing_tcp) { shut_for_writing(new_tcp()); }

/* ---- SO_RCVLOWAT ------------------------------------------------------- */

static void set_low_water(int fd, int bytes)
{
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)));
}

/* NOTE_LOWAT can only be more than that. */
TEST(low_water_tcp)
{
	struct ends e = new_tcp();
	int kq = new_kqueue();

	set_low_water(e.fd[0], 10);
	set(kq, e.fd[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, 2, NULL);
	put(e.fd[1], 5);
	CHECK_SOON(recv(e.fd[0], &(char[8]){ 0 }, 8, MSG_PEEK) == 5);
	expect_none(kq);
	put(e.fd[1], 5);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 10);
	set(kq, e.fd[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, 12, NULL);
	expect_none(kq);
	put(e.fd[1], 2);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 12);
}

TEST(low_water_unix)
{
	struct ends e = new_sockets(SOCK_STREAM);
	int kq = new_kqueue();

	set_low_water(e.fd[0], 10);
	add(kq, e.fd[0], EVFILT_READ, 0);
	put(e.fd[1], 5);
	CHECK_EQ(expect(kq, e.fd[0], EVFILT_READ).data, 5);
}

/* The mark is one of bytes: a connection is reported however few there are. */
TEST(low_mark_of_a_listener)
{
	struct sockaddr_in addr;
	int fd = new_listener(&addr), kq = new_kqueue();

	set(kq, fd, EVFILT_READ, EV_ADD, NOTE_LOWAT, 10, NULL);
	new_client(&addr);
	CHECK_EQ(await(kq, fd, EVFILT_READ).data, 1);
}
