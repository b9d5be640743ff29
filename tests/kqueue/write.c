// SPDX-License-Identifier: GPL-2.0
/*
 * EVFILT_WRITE: of sockets, pipes and files: the space that there is, the reader that is
 * gone, the connection that is refused; level, EV_CLEAR, EV_ONESHOT and EV_DISPATCH.
 */
#include "kqueue.h"

/* held: what is sent stays in the buffer until it is read. */
static void space(struct ends e, bool held)
{
	int kq = new_kqueue();
	int64_t before;

	add(kq, e.fd[1], EVFILT_WRITE, 0);
	before = expect(kq, e.fd[1], EVFILT_WRITE).data;
	CHECK_GT(before, 1000);
	put(e.fd[1], 1000);
	if (held)
		CHECK_LT(expect(kq, e.fd[1], EVFILT_WRITE).data, before);
	fill(e.fd[1]);
	/* the kernel may make more room for TCP of itself */
	CHECK_SOON((fill(e.fd[1]), look(kq, &(struct kevent){ 0 }, 1) == 0));
	drain(e.fd[0]);
	CHECK_GT(await(kq, e.fd[1], EVFILT_WRITE).data, 1000);
}

TEST(space_pipe) { space(new_pipe(), true); }
TEST(space_unix) { space(new_sockets(SOCK_STREAM), true); }

TEST(space_tcp)
{
	struct ends e = new_tcp();
	int size = 65536;

	CHECK_OK(setsockopt(e.fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	CHECK_OK(setsockopt(e.fd[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	space(e, false);
}

TEST(space_pipe_exact)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();

	add(kq, e.fd[1], EVFILT_WRITE, 0);
	CHECK_EQ(expect(kq, e.fd[1], EVFILT_WRITE).data, 65536);
	put(e.fd[1], 4096);
	CHECK_EQ(expect(kq, e.fd[1], EVFILT_WRITE).data, 61440);
}

TEST(reader_gone_pipe)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();

	add(kq, e.fd[1], EVFILT_WRITE, 0);
	CHECK(!(expect(kq, e.fd[1], EVFILT_WRITE).flags & EV_EOF));
	close(e.fd[0]);
	CHECK(expect(kq, e.fd[1], EVFILT_WRITE).flags & EV_EOF);
}

TEST(reader_gone_pipe_full)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();

	fill(e.fd[1]);
	add(kq, e.fd[1], EVFILT_WRITE, 0);
	expect_none(kq);
	close(e.fd[0]);
	CHECK(expect(kq, e.fd[1], EVFILT_WRITE).flags & EV_EOF);
}

TEST(reader_gone_unix)
{
	struct ends e = new_sockets(SOCK_STREAM);
	int kq = new_kqueue();
	struct kevent kev;

	add(kq, e.fd[1], EVFILT_WRITE, EV_CLEAR);
	expect(kq, e.fd[1], EVFILT_WRITE);
	close(e.fd[0]);
	kev = await(kq, e.fd[1], EVFILT_WRITE);
	CHECK(kev.flags & EV_EOF);
	CHECK_EQ(kev.fflags, 0);
}

/* The error is told, and left for SO_ERROR. */
TEST(refused)
{
	struct sockaddr_in addr;
	int listener = new_listener(&addr), kq = new_kqueue(), error = 0;
	int fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	socklen_t len = sizeof(error);
	struct kevent kev;

	close(listener);
	CHECK_ERRNO(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), EINPROGRESS);
	add(kq, fd, EVFILT_WRITE, 0);
	kev = await(kq, fd, EVFILT_WRITE);
	CHECK(kev.flags & EV_EOF);
	CHECK_EQ(kev.fflags, ECONNREFUSED);
	kev = expect(kq, fd, EVFILT_WRITE);
	CHECK_EQ(kev.fflags, ECONNREFUSED);
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len));
	CHECK_EQ(error, ECONNREFUSED);
	CHECK_EQ(expect(kq, fd, EVFILT_WRITE).fflags, 0);
}

TEST(connected)
{
	struct sockaddr_in addr;
	int kq = new_kqueue(), fd;

	new_listener(&addr);
	fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		CHECK_EQ(errno, EINPROGRESS);
	add(kq, fd, EVFILT_WRITE, EV_ONESHOT);
	CHECK(!(await(kq, fd, EVFILT_WRITE).flags & EV_EOF));
	expect_none(kq);
}

/* Linux' own mark is in force: a third of the buffer. */
TEST(low_water)
{
	struct ends e = new_sockets(SOCK_STREAM);
	int kq = new_kqueue();

	set(kq, e.fd[1], EVFILT_WRITE, EV_ADD, NOTE_LOWAT, 1000000000, NULL);
	expect(kq, e.fd[1], EVFILT_WRITE);
}

/* ---- Flags ------------------------------------------------------------- */

TEST(clear)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();

	add(kq, e.fd[1], EVFILT_WRITE, EV_CLEAR);
	expect(kq, e.fd[1], EVFILT_WRITE);
	expect_none(kq);
	fill(e.fd[1]);
	expect_none(kq);
	drain(e.fd[0]);
	expect(kq, e.fd[1], EVFILT_WRITE);
	expect_none(kq);
}

TEST(oneshot)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();

	add(kq, e.fd[1], EVFILT_WRITE, EV_ONESHOT);
	expect(kq, e.fd[1], EVFILT_WRITE);
	expect_none(kq);
	CHECK_ERRNO(try_set(kq, e.fd[1], EVFILT_WRITE, EV_ENABLE, 0, 0, NULL), ENOENT);
}

TEST(dispatch)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();

	add(kq, e.fd[1], EVFILT_WRITE, EV_DISPATCH);
	expect(kq, e.fd[1], EVFILT_WRITE);
	expect_none(kq);
	set(kq, e.fd[1], EVFILT_WRITE, EV_ENABLE, 0, 0, NULL);
	expect(kq, e.fd[1], EVFILT_WRITE);
	expect_none(kq);
}

/* ---- Both of one socket ------------------------------------------------ */

static void both(struct ends e)
{
	int kq = new_kqueue(), fd = e.fd[0];
	struct kevent kev[4];

	set(kq, fd, EVFILT_READ, EV_ADD, 0, 0, &kev[0]);
	set(kq, fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0, &kev[1]);
	CHECK(expect(kq, fd, EVFILT_WRITE).udata == &kev[1]);
	expect_none(kq);
	put(e.fd[1], 1);
	CHECK(await(kq, fd, EVFILT_READ).udata == &kev[0]);
	set(kq, fd, EVFILT_READ, EV_DELETE, 0, 0, NULL);
	expect_none(kq);
	set(kq, fd, EVFILT_WRITE, EV_ADD, 0, 0, &kev[2]);
	CHECK(expect(kq, fd, EVFILT_WRITE).udata == &kev[2]);
}

TEST(both_unix) { both(new_sockets(SOCK_STREAM)); }
TEST(both_tcp) { both(new_tcp()); }

TEST(both_fifo)
{
	struct ends e;
	int fd;

	CHECK_OK(mkfifo("/tmp/kqueue-fifo", 0600));
	fd = CHECK_OK(open("/tmp/kqueue-fifo", O_RDWR | O_NONBLOCK));
	CHECK_OK(unlink("/tmp/kqueue-fifo"));
	e.fd[0] = e.fd[1] = fd;
	both(e);
}

/* ---- Files ------------------------------------------------------------- */

TEST(file)
{
	char name[] = "/tmp/kqueue-XXXXXX";
	int fd = CHECK_OK(mkstemp(name)), kq = new_kqueue();

	CHECK_OK(unlink(name));
	add(kq, fd, EVFILT_WRITE, 0);
	expect(kq, fd, EVFILT_WRITE);
	expect(kq, fd, EVFILT_WRITE);
	set(kq, fd, EVFILT_WRITE, EV_DISABLE, 0, 0, NULL);
	expect_none(kq);
	set(kq, fd, EVFILT_WRITE, EV_ENABLE, 0, 0, NULL);
	expect(kq, fd, EVFILT_WRITE);
	add(kq, fd, EVFILT_WRITE, EV_CLEAR);
	expect(kq, fd, EVFILT_WRITE);
	expect_none(kq);
	add(kq, fd, EVFILT_WRITE, 0);
	close(fd);
	expect_none(kq);
}
