// SPDX-License-Identifier: GPL-2.0
/*
 * EVFILT_READ: of sockets, listeners, pipes, terminals, files and kqueues: the bytes
 * that there are, the end, the error, the low-water mark; level, EV_CLEAR, EV_ONESHOT and
 * EV_DISPATCH of each.
 */
#include "kqueue.h"

#include <pty.h>
#include <sys/eventfd.h>
#include <sys/un.h>

/* ---- Bytes ------------------------------------------------------------- */

static void bytes(struct ends e)
{
	int kq = new_kqueue();

	add(kq, e.fd[0], EVFILT_READ, 0);
	expect_none(kq);
	put(e.fd[1], 5);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 5);
	put(e.fd[1], 3);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 8);
	take(e.fd[0], 6);
	CHECK_EQ(expect(kq, e.fd[0], EVFILT_READ).data, 2);
	take(e.fd[0], 2);
	expect_none(kq);
}

TEST(bytes_pipe) { bytes(new_pipe()); }
TEST(bytes_unix) { bytes(new_sockets(SOCK_STREAM)); }
TEST(bytes_tcp) { bytes(new_tcp()); }

TEST(bytes_datagram)
{
	struct ends e = new_sockets(SOCK_DGRAM);
	int kq = new_kqueue();

	add(kq, e.fd[0], EVFILT_READ, 0);
	put(e.fd[1], 7);
	CHECK_EQ(expect(kq, e.fd[0], EVFILT_READ).data, 7);
}

TEST(ready_before)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();

	put(e.fd[1], 1);
	add(kq, e.fd[0], EVFILT_READ, EV_CLEAR);
	CHECK_EQ(expect(kq, e.fd[0], EVFILT_READ).data, 1);
	expect_none(kq);
}

/* What was ready and is not any more is not reported. */
TEST(true_when_reported)
{
	struct ends e = new_tcp();
	int kq = new_kqueue();

	add(kq, e.fd[0], EVFILT_READ, EV_CLEAR);
	put(e.fd[1], 4);
	CHECK_SOON(recv(e.fd[0], &(char[8]){ 0 }, 8, MSG_PEEK) == 4);
	take(e.fd[0], 4);
	expect_none(kq);
}

/* ---- Connections ------------------------------------------------------- */

TEST(backlog)
{
	struct sockaddr_in addr;
	int listener = new_listener(&addr), kq = new_kqueue();

	add(kq, listener, EVFILT_READ, 0);
	expect_none(kq);
	new_client(&addr);
	CHECK_EQ(await(kq, listener, EVFILT_READ).data, 1);
	new_client(&addr);
	CHECK_SOON(expect(kq, listener, EVFILT_READ).data == 2);
	CHECK_OK(accept(listener, NULL, NULL));
	CHECK_EQ(expect(kq, listener, EVFILT_READ).data, 1);
	CHECK_OK(accept(listener, NULL, NULL));
	expect_none(kq);
}

TEST(backlog_unix)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "\0kqueue" };
	int listener = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0)), kq = new_kqueue(), i, fd;

	CHECK_OK(bind(listener, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_OK(listen(listener, 8));
	add(kq, listener, EVFILT_READ, 0);
	expect_none(kq);
	for (i = 1; i <= 3; i++) {
		fd = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
		CHECK_OK(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
		CHECK_EQ(expect(kq, listener, EVFILT_READ).data, i);
	}
}

/* ---- The end ----------------------------------------------------------- */

static void end(struct ends e)
{
	int kq = new_kqueue();
	struct kevent kev;

	add(kq, e.fd[0], EVFILT_READ, 0);
	put(e.fd[1], 5);
	CHECK(!(await(kq, e.fd[0], EVFILT_READ).flags & EV_EOF));
	close(e.fd[1]);
	CHECK_SOON(expect(kq, e.fd[0], EVFILT_READ).flags & EV_EOF);
	kev = expect(kq, e.fd[0], EVFILT_READ);
	CHECK_EQ(kev.data, 5);
	CHECK_EQ(kev.fflags, 0);
	take(e.fd[0], 5);
	kev = expect(kq, e.fd[0], EVFILT_READ);
	CHECK(kev.flags & EV_EOF);
	CHECK_EQ(kev.data, 0);
}

TEST(end_pipe) { end(new_pipe()); }
TEST(end_unix) { end(new_sockets(SOCK_STREAM)); }
TEST(end_tcp) { end(new_tcp()); }

/* Until there is another writer. */
TEST(end_fifo)
{
	int kq = new_kqueue(), fd, writer;

	CHECK_OK(mkfifo("/tmp/kqueue-fifo-end", 0600));
	fd = CHECK_OK(open("/tmp/kqueue-fifo-end", O_RDONLY | O_NONBLOCK));
	add(kq, fd, EVFILT_READ, 0);
	expect_none(kq);
	writer = CHECK_OK(open("/tmp/kqueue-fifo-end", O_WRONLY));
	expect_none(kq);
	close(writer);
	CHECK(expect(kq, fd, EVFILT_READ).flags & EV_EOF);
	writer = CHECK_OK(open("/tmp/kqueue-fifo-end", O_WRONLY));
	expect_none(kq);
	put(writer, 3);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 3);
	CHECK(!(expect(kq, fd, EVFILT_READ).flags & EV_EOF));
	CHECK_OK(unlink("/tmp/kqueue-fifo-end"));
}

/* What can't be polled, and is no file. */
TEST(null_device)
{
	int fd = CHECK_OK(open("/dev/null", O_RDWR)), kq = new_kqueue();

	CHECK_ERRNO(try_set(kq, fd, EVFILT_READ, EV_ADD, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, fd, EVFILT_WRITE, EV_ADD, 0, 0, NULL), EINVAL);
}

TEST(end_shutdown)
{
	struct ends e = new_tcp();
	int kq = new_kqueue();

	add(kq, e.fd[0], EVFILT_READ, EV_CLEAR);
	CHECK_OK(shutdown(e.fd[1], SHUT_WR));
	CHECK(await(kq, e.fd[0], EVFILT_READ).flags & EV_EOF);
	expect_none(kq);
}

/* fflags has the error, which the socket keeps. */
TEST(end_error)
{
	struct linger linger = { .l_onoff = 1 };
	struct ends e = new_tcp();
	socklen_t len = sizeof(int);
	int kq = new_kqueue(), error = 0;
	struct kevent kev;

	add(kq, e.fd[0], EVFILT_READ, 0);
	CHECK_OK(setsockopt(e.fd[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(e.fd[1]);
	kev = await(kq, e.fd[0], EVFILT_READ);
	CHECK(kev.flags & EV_EOF);
	CHECK_EQ(kev.fflags, ECONNRESET);
	CHECK_OK(getsockopt(e.fd[0], SOL_SOCKET, SO_ERROR, &error, &len));
	CHECK_EQ(error, ECONNRESET);
}

/* ---- The low-water mark ------------------------------------------------ */

static void low_water(struct ends e, int flags)
{
	int kq = new_kqueue();

	set(kq, e.fd[0], EVFILT_READ, EV_ADD | flags, NOTE_LOWAT, 10, NULL);
	put(e.fd[1], 9);
	CHECK_SOON(recv(e.fd[0], &(char[8]){ 0 }, 8, MSG_PEEK | MSG_DONTWAIT) > 0 || errno == ENOTSOCK);
	expect_none(kq);
	put(e.fd[1], 1);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 10);
	if (!flags) {
		CHECK_EQ(expect(kq, e.fd[0], EVFILT_READ).data, 10);
		take(e.fd[0], 1);
	}
	expect_none(kq);
}

TEST(low_water_tcp) { low_water(new_tcp(), 0); }
TEST(low_water_unix) { low_water(new_sockets(SOCK_STREAM), 0); }
TEST(low_water_pipe) { low_water(new_pipe(), 0); }
TEST(low_water_clear) { low_water(new_tcp(), EV_CLEAR); }
TEST(low_water_oneshot) { low_water(new_tcp(), EV_ONESHOT); }
TEST(low_water_dispatch) { low_water(new_tcp(), EV_DISPATCH); }

TEST(low_water_end)
{
	struct ends e = new_tcp();
	int kq = new_kqueue();

	set(kq, e.fd[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, 10, NULL);
	put(e.fd[1], 3);
	close(e.fd[1]);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 3);
	CHECK_EQ(expect(kq, e.fd[0], EVFILT_READ).data, 3);
}

/* It is a term of the event, and goes when that is added without it. */
TEST(low_water_changed)
{
	struct ends e = new_tcp();
	int kq = new_kqueue();

	set(kq, e.fd[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, 10, NULL);
	put(e.fd[1], 3);
	add(kq, e.fd[0], EVFILT_READ, 0);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 3);
	set(kq, e.fd[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, 4, NULL);
	expect_none(kq);
	put(e.fd[1], 1);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 4);
}

/* ---- Flags ------------------------------------------------------------- */

static void clear(struct ends e)
{
	int kq = new_kqueue();

	add(kq, e.fd[0], EVFILT_READ, EV_CLEAR);
	put(e.fd[1], 1);
	CHECK(await(kq, e.fd[0], EVFILT_READ).flags & EV_CLEAR);
	expect_none(kq);
	put(e.fd[1], 1);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 2);
	expect_none(kq);
}

TEST(clear_pipe) { clear(new_pipe()); }
TEST(clear_unix) { clear(new_sockets(SOCK_STREAM)); }
TEST(clear_tcp) { clear(new_tcp()); }

static void oneshot(struct ends e)
{
	int kq = new_kqueue();

	add(kq, e.fd[0], EVFILT_READ, EV_ONESHOT);
	put(e.fd[1], 1);
	CHECK(await(kq, e.fd[0], EVFILT_READ).flags & EV_ONESHOT);
	put(e.fd[1], 1);
	expect_none(kq);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_DELETE, 0, 0, NULL), ENOENT);
	add(kq, e.fd[0], EVFILT_READ, EV_ONESHOT);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 2);
	expect_none(kq);
}

TEST(oneshot_pipe) { oneshot(new_pipe()); }
TEST(oneshot_unix) { oneshot(new_sockets(SOCK_STREAM)); }
TEST(oneshot_tcp) { oneshot(new_tcp()); }

/* It has come, and nobody has taken it: all that can be done to it is as before. */
TEST(oneshot_waiting)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();
	struct kevent kev;

	put(e.fd[1], 1);
	add(kq, e.fd[0], EVFILT_READ, EV_ONESHOT);
	set(kq, e.fd[0], EVFILT_READ, EV_DISABLE, 0, 0, NULL);
	expect_none(kq);
	set(kq, e.fd[0], EVFILT_READ, EV_ENABLE, 0, 0, &kev);
	CHECK(expect(kq, e.fd[0], EVFILT_READ).udata == &kev);
	add(kq, e.fd[0], EVFILT_READ, EV_ONESHOT);
	set(kq, e.fd[0], EVFILT_READ, EV_DELETE, 0, 0, NULL);
	expect_none(kq);
	add(kq, e.fd[0], EVFILT_READ, EV_ONESHOT);
	add(kq, e.fd[0], EVFILT_READ, EV_CLEAR);
	CHECK_EQ(expect(kq, e.fd[0], EVFILT_READ).flags, EV_CLEAR);
	expect_none(kq);
}

static void dispatch(struct ends e)
{
	int kq = new_kqueue();

	add(kq, e.fd[0], EVFILT_READ, EV_DISPATCH);
	put(e.fd[1], 1);
	CHECK(await(kq, e.fd[0], EVFILT_READ).flags & EV_DISPATCH);
	put(e.fd[1], 1);
	expect_none(kq);
	set(kq, e.fd[0], EVFILT_READ, EV_ENABLE | EV_KEEPUDATA, 0, 0, NULL);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 2);
	expect_none(kq);
	take(e.fd[0], 2);
	set(kq, e.fd[0], EVFILT_READ, EV_ENABLE, 0, 0, NULL);
	expect_none(kq);
	put(e.fd[1], 1);
	CHECK_EQ(await(kq, e.fd[0], EVFILT_READ).data, 1);
}

TEST(dispatch_pipe) { dispatch(new_pipe()); }
TEST(dispatch_unix) { dispatch(new_sockets(SOCK_STREAM)); }
TEST(dispatch_tcp) { dispatch(new_tcp()); }

static void disable(struct ends e)
{
	int kq = new_kqueue();

	put(e.fd[1], 1);
	add(kq, e.fd[0], EVFILT_READ, EV_DISABLE);
	expect_none(kq);
	set(kq, e.fd[0], EVFILT_READ, EV_ENABLE, 0, 0, NULL);
	expect(kq, e.fd[0], EVFILT_READ);
	set(kq, e.fd[0], EVFILT_READ, EV_DISABLE, 0, 0, NULL);
	expect_none(kq);
	/* nor is the end told */
	close(e.fd[1]);
	expect_none(kq);
	set(kq, e.fd[0], EVFILT_READ, EV_ENABLE, 0, 0, NULL);
	CHECK(await(kq, e.fd[0], EVFILT_READ).flags & EV_EOF);
}

TEST(disable_pipe) { disable(new_pipe()); }
TEST(disable_unix) { disable(new_sockets(SOCK_STREAM)); }

/* ---- Terminals, eventfds ----------------------------------------------- */

/* Of one that is neither a socket nor a pipe, both are watched all the same. */
TEST(terminal)
{
	int master, slave, kq = new_kqueue();
	struct kevent kev[4];

	CHECK_OK(openpty(&master, &slave, NULL, NULL, NULL));
	CHECK_OK(fcntl(slave, F_SETFL, O_NONBLOCK));
	add(kq, slave, EVFILT_READ, 0);
	expect_none(kq);
	CHECK_EQ(write(master, "line\n", 5), 5);
	CHECK_EQ(await(kq, slave, EVFILT_READ).data, 5);
	add(kq, slave, EVFILT_WRITE, 0);
	CHECK_EQ(look(kq, kev, 4), 2);
	CHECK_EQ(kev[0].filter + kev[1].filter, EVFILT_READ + EVFILT_WRITE);
	take(slave, 5);
	CHECK_EQ(expect(kq, slave, EVFILT_WRITE).data, 1);
	set(kq, slave, EVFILT_WRITE, EV_DISABLE, 0, 0, NULL);
	expect_none(kq);
	set(kq, slave, EVFILT_WRITE, EV_ENABLE, 0, 0, NULL);
	expect(kq, slave, EVFILT_WRITE);
	set(kq, slave, EVFILT_WRITE, EV_DELETE, 0, 0, NULL);
	expect_none(kq);
	close(master);
	CHECK(await(kq, slave, EVFILT_READ).flags & EV_EOF);
}

TEST(eventfd)
{
	int fd = CHECK_OK(eventfd(0, EFD_NONBLOCK)), kq = new_kqueue();

	add(kq, fd, EVFILT_READ, 0);
	expect_none(kq);
	CHECK_EQ(eventfd_write(fd, 1), 0);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 1);
	set(kq, fd, EVFILT_READ, EV_DELETE, 0, 0, NULL);
	add(kq, fd, EVFILT_WRITE, 0);
	CHECK_EQ(expect(kq, fd, EVFILT_WRITE).data, 1);
}

/* ---- Files ------------------------------------------------------------- */

static int new_file(void)
{
	char name[] = "/tmp/kqueue-XXXXXX";
	int fd = CHECK_OK(mkstemp(name));

	CHECK_OK(unlink(name));
	return fd;
}

/* To the end, from where the fd is; again when there is more. */
TEST(file)
{
	int fd = new_file(), kq = new_kqueue();

	put(fd, 100);
	CHECK_EQ(lseek(fd, 40, SEEK_SET), 40);
	add(kq, fd, EVFILT_READ, 0);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 60);
	take(fd, 50);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 10);
	take(fd, 10);
	expect_none(kq);
	CHECK_EQ(pwrite(fd, "more", 4, 100), 4);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 4);
	CHECK_EQ(lseek(fd, 110, SEEK_SET), 110);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, -6);
}

TEST(file_flags)
{
	int fd = new_file(), kq = new_kqueue();

	CHECK_EQ(pwrite(fd, "1", 1, 0), 1);
	add(kq, fd, EVFILT_READ, EV_CLEAR);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 1);
	expect_none(kq);
	CHECK_EQ(pwrite(fd, "1", 1, 1), 1);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 2);
	add(kq, fd, EVFILT_READ, EV_DISPATCH);
	expect(kq, fd, EVFILT_READ);
	expect_none(kq);
	set(kq, fd, EVFILT_READ, EV_ENABLE, 0, 0, NULL);
	expect(kq, fd, EVFILT_READ);
	expect_none(kq);
	add(kq, fd, EVFILT_READ, EV_ONESHOT);
	expect(kq, fd, EVFILT_READ);
	expect_none(kq);
	CHECK_ERRNO(try_set(kq, fd, EVFILT_READ, EV_DELETE, 0, 0, NULL), ENOENT);
}

TEST(file_poll)
{
	int fd = new_file(), kq = new_kqueue();

	set(kq, fd, EVFILT_READ, EV_ADD, NOTE_FILE_POLL, 0, NULL);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 0);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 0);
	set(kq, fd, EVFILT_READ, EV_DELETE, 0, 0, NULL);
	expect_none(kq);
}

/* All that there is of one file. */
TEST(file_all)
{
	int fd = new_file(), kq = new_kqueue();
	struct kevent kev[4];

	add(kq, fd, EVFILT_READ, 0);
	add(kq, fd, EVFILT_WRITE, 0);
	set(kq, fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0, NULL);
	expect(kq, fd, EVFILT_WRITE);
	CHECK_EQ(pwrite(fd, "1", 1, 0), 1);
	CHECK_EQ(look(kq, kev, 4), 3);
	set(kq, fd, EVFILT_WRITE, EV_DELETE, 0, 0, NULL);
	CHECK_EQ(look(kq, kev, 4), 2);
	CHECK_EQ(kev[0].filter + kev[1].filter, EVFILT_READ + EVFILT_VNODE);
}

/* ---- Kqueues ----------------------------------------------------------- */

TEST(kqueue_in_kqueue)
{
	int inner = new_kqueue(), kq = new_kqueue();
	struct ends e = new_pipe();

	add(kq, inner, EVFILT_READ, 0);
	expect_none(kq);
	add(inner, e.fd[0], EVFILT_READ, 0);
	put(e.fd[1], 1);
	CHECK_EQ(expect(kq, inner, EVFILT_READ).data, 1);
	take(e.fd[0], 1);
	expect_none(kq);
	add(inner, 1, EVFILT_USER, EV_CLEAR);
	set(inner, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	expect(kq, inner, EVFILT_READ);
	expect(inner, 1, EVFILT_USER);
	expect_none(kq);
	CHECK_ERRNO(try_set(kq, inner, EVFILT_WRITE, EV_ADD, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, kq, EVFILT_READ, EV_ADD, 0, 0, NULL), EINVAL);
}

/* poll(2) of a kqueue. */
TEST(kqueue_polled)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();
	struct pollfd p = { .fd = kq, .events = POLLIN };

	add(kq, e.fd[0], EVFILT_READ, 0);
	CHECK_EQ(poll(&p, 1, 0), 0);
	put(e.fd[1], 1);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN);
	take(e.fd[0], 1);
	CHECK_EQ(poll(&p, 1, 0), 0);
}

/* ---- Close ------------------------------------------------------------- */

/* Nothing comes of a file that is closed, and its number is free. */
TEST(closed)
{
	struct ends e = new_pipe(), other;
	int kq = new_kqueue(), fd = e.fd[0];

	add(kq, fd, EVFILT_READ, 0);
	put(e.fd[1], 1);
	close(fd);
	expect_none(kq);
	CHECK_ERRNO(try_set(kq, fd, EVFILT_READ, EV_DELETE, 0, 0, NULL), EBADF);
	other = new_sockets(SOCK_STREAM);
	CHECK_EQ(other.fd[0], fd);
	CHECK_ERRNO(try_set(kq, fd, EVFILT_READ, EV_DELETE, 0, 0, NULL), ENOENT);
	add(kq, fd, EVFILT_READ, 0);
	put(other.fd[1], 2);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 2);
}

/* It is added for the new file, and nothing is left of the old one. */
TEST(closed_and_added_again)
{
	struct ends e = new_pipe(), other = new_pipe();
	int kq = new_kqueue(), fd = e.fd[0];

	add(kq, fd, EVFILT_READ, 0);
	CHECK_OK(dup(fd));
	CHECK_OK(dup2(other.fd[0], fd));
	add(kq, fd, EVFILT_READ, 0);
	put(e.fd[1], 1);
	expect_none(kq);
	put(other.fd[1], 2);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 2);
}

/* Used again, though the old file is still open elsewhere. */
static void closed_and_used_again(int flags, int change)
{
	struct ends e = new_pipe(), other = new_sockets(SOCK_STREAM);
	int kq = new_kqueue(), fd = e.fd[0];

	add(kq, fd, EVFILT_READ, flags);
	CHECK_OK(dup(fd));
	CHECK_OK(dup2(other.fd[0], fd));
	put(e.fd[1], 1);
	CHECK_ERRNO(try_set(kq, fd, EVFILT_READ, change, 0, 0, NULL), ENOENT);
	expect_none(kq);
	add(kq, fd, EVFILT_READ, 0);
	expect_none(kq);
	put(other.fd[1], 2);
	CHECK_EQ(expect(kq, fd, EVFILT_READ).data, 2);
}

TEST(closed_and_used_again) { closed_and_used_again(0, EV_ENABLE); }
TEST(closed_and_used_again_oneshot) { closed_and_used_again(EV_ONESHOT, EV_ENABLE); }
TEST(closed_and_used_again_disabled) { closed_and_used_again(EV_ONESHOT, EV_DISABLE); }
