// SPDX-License-Identifier: GPL-2.0
/* What files and fds do: dup, close, fork, exec, sending, of what is watched and of epolls. */
#include "epoll.h"

/* ---- Of what is watched ------------------------------------------------ */

TEST(closed)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), fd = e.fd[0];

	add(ep, fd, EPOLLIN);
	put_byte(e);
	CHECK_OK(close(fd));
	expect_none(ep);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_DEL, fd, 0), EBADF);
}

/* The number is used again: it is another file, and not watched. */
TEST(number_used_again)
{
	struct ends e = new_pipe(), other;
	int ep = new_epoll(), fd = e.fd[0];

	add(ep, fd, EPOLLIN);
	CHECK_OK(close(fd));
	other = new_pipe();
	CHECK_EQ(other.fd[0], fd);
	put_byte(other);
	expect_none(ep);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN), ENOENT);
	add(ep, fd, EPOLLIN);
	expect(ep, fd, EPOLLIN);
}

/* As long as the file is open elsewhere its events come, with the old data. */
TEST(closed_but_duplicated)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), fd = e.fd[0], other = CHECK_OK(dup(fd));

	add(ep, fd, EPOLLIN);
	CHECK_OK(close(fd));
	put_byte(e);
	expect(ep, fd, EPOLLIN);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_DEL, fd, 0), EBADF);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_DEL, other, 0), ENOENT);
	expect(ep, fd, EPOLLIN);
	/* back under its number it can be found */
	CHECK_EQ(dup2(other, fd), fd);
	modify(ep, fd, EPOLLIN | EPOLLRDNORM);
	expect(ep, fd, EPOLLIN | EPOLLRDNORM);
	del(ep, fd);
	expect_none(ep);
	CHECK_OK(close(other));
}

/* Each number of a file can be watched, with terms of its own. */
TEST(duplicates_watched)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), other = CHECK_OK(dup(e.fd[0]));
	struct epoll_event ev[3];

	add(ep, e.fd[0], EPOLLIN);
	add(ep, other, EPOLLRDNORM);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, other, EPOLLIN), EEXIST);
	put_byte(e);
	CHECK_EQ(epoll_wait(ep, ev, 3, 0), 2);
	CHECK_EQ(ev[0].events + ev[1].events, EPOLLIN + EPOLLRDNORM);
	CHECK_NE(ev[0].data.fd, ev[1].data.fd);
	del(ep, e.fd[0]);
	expect(ep, other, EPOLLRDNORM);
	CHECK_OK(close(other));
	expect(ep, other, EPOLLRDNORM);
	CHECK_OK(close(e.fd[0]));
	expect_none(ep);
}

static void hold(void *arg)
{
	char c;

	close(((struct ends *)arg)->fd[1]);
	CHECK_EQ(read(((struct ends *)arg)->fd[0], &c, 1), 0);
}

/* A child has it open: the events go on coming. */
TEST(closed_but_inherited)
{
	struct ends e = new_pipe(), end;
	int ep = new_epoll(), fd = e.fd[0];
	pid_t child;

	CHECK_OK(pipe(end.fd));
	add(ep, fd, EPOLLIN);
	child = start_child(hold, &end);
	CHECK_OK(close(fd));
	put_byte(e);
	expect(ep, fd, EPOLLIN);
	close_ends(end);
	wait_child(child);
	expect_none(ep);
}

/* ---- Of epolls --------------------------------------------------------- */

TEST(epoll_duplicated)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), other = CHECK_OK(dup(ep));

	add(ep, e.fd[0], EPOLLIN);
	CHECK_ERRNO(try_ctl(other, EPOLL_CTL_ADD, e.fd[0], EPOLLIN), EEXIST);
	put_byte(e);
	expect(other, e.fd[0], EPOLLIN);
	CHECK_OK(close(ep));
	expect(other, e.fd[0], EPOLLIN);
	modify(other, e.fd[0], EPOLLIN | EPOLLET);
	expect(other, e.fd[0], EPOLLIN);
	expect_none(other);
	/* with F_DUPFD, and over an open fd */
	ep = CHECK_OK(fcntl(other, F_DUPFD_CLOEXEC, 100));
	CHECK_EQ(dup2(ep, e.fd[1]), e.fd[1]);
	expect(e.fd[1], e.fd[0], EPOLLIN | EPOLLHUP);
}

/* Its number is something else now. */
TEST(epoll_closed)
{
	struct ends e = new_pipe();
	struct epoll_event ev;
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN);
	CHECK_OK(close(ep));
	CHECK_ERRNO(epoll_wait(ep, &ev, 1, 0), EBADF);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_DEL, e.fd[0], 0), EBADF);
	CHECK_EQ(dup2(e.fd[1], ep), ep);
	CHECK_ERRNO(epoll_wait(ep, &ev, 1, 0), EINVAL);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_DEL, e.fd[0], 0), EINVAL);
}

struct shared {
	int ep;
	struct ends e;
	struct ends of_child;
};

static void use_inherited(void *arg)
{
	struct shared *s = arg;

	expect(s->ep, s->e.fd[0], EPOLLIN);
	modify(s->ep, s->e.fd[0], EPOLLIN | EPOLLRDNORM);
	expect(s->ep, s->e.fd[0], EPOLLIN | EPOLLRDNORM);
	add(s->ep, s->of_child.fd[0], EPOLLIN);
	CHECK_ERRNO(try_ctl(s->ep, EPOLL_CTL_ADD, s->of_child.fd[0], 0), EEXIST);
	/* and one of its own */
	close(s->ep);
	CHECK_EQ(new_epoll(), s->ep);
	expect_none(s->ep);
}

/* After fork both have the same one. */
TEST(epoll_inherited)
{
	struct shared s = { .ep = new_epoll(), .e = new_pipe(),
			    .of_child = new_pipe() };

	add(s.ep, s.e.fd[0], EPOLLIN);
	put_byte(s.e);
	wait_child(start_child(use_inherited, &s));
	expect(s.ep, s.e.fd[0], EPOLLIN | EPOLLRDNORM);
	get_byte(s.e);
	put_byte(s.of_child);
	expect(s.ep, s.of_child.fd[0], EPOLLIN);
}

/* What a child adds and closes by exiting, nobody has open any more. */
static void add_own(void *arg)
{
	struct ends e = new_pipe();

	put_byte(e);
	add(*(int *)arg, e.fd[0], EPOLLIN);
	expect(*(int *)arg, e.fd[0], EPOLLIN);
}

TEST(added_by_a_child_that_ended)
{
	int ep = new_epoll();

	wait_child(start_child(add_own, &ep));
	expect_none(ep);
}

/* ---- exec -------------------------------------------------------------- */

/* In the program that was started: the epoll is fd 20, a pipe with a byte fd 21. */
static void __attribute__((constructor)) started(void)
{
	struct epoll_event ev;

	if (!getenv("EPOLL_TEST_STARTED"))
		return;
	if (epoll_wait(20, &ev, 1, 0) != 1 || ev.data.u64 != 7 ||
	    epoll_ctl(20, EPOLL_CTL_DEL, 21, NULL) ||
	    epoll_wait(20, &ev, 1, 0) != 0)
		_exit(1);
	_exit(0);
}

static void start_again(void *arg)
{
	static char *argv[] = { "again", NULL };

	CHECK_EQ(dup2(((struct shared *)arg)->ep, 20), 20);
	CHECK_OK(setenv("EPOLL_TEST_STARTED", "1", 1));
	execv("/proc/self/exe", argv);
	FAIL("exec: %s", test_errno_name(errno));
}

TEST(epoll_after_exec)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 7 };
	struct shared s = { .ep = new_epoll(), .e = new_pipe() };

	CHECK_EQ(dup2(s.e.fd[0], 21), 21);
	CHECK_OK(epoll_ctl(s.ep, EPOLL_CTL_ADD, 21, &ev));
	put_byte(s.e);
	wait_child(start_child(start_again, &s));
	CHECK_ERRNO(try_ctl(s.ep, EPOLL_CTL_DEL, 21, 0), ENOENT);
}

/* ---- Sent to another process ------------------------------------------- */

static void send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 'x';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	CHECK_EQ(sendmsg(sock, &msg, 0), 1);
}

static int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	CHECK_EQ(recvmsg(sock, &msg, 0), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void send_epoll(void *arg)
{
	struct ends *e = arg, own = new_pipe();
	int ep = new_epoll();

	CHECK_EQ(dup2(own.fd[0], 30), 30);
	add(ep, 30, EPOLLIN);
	put_byte(own);
	send_fd(e->fd[1], ep);
	send_fd(e->fd[1], 30);
}

TEST(epoll_sent)
{
	struct ends e;
	int ep, fd;

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, e.fd));
	wait_child(start_child(send_epoll, &e));
	ep = receive_fd(e.fd[0]);
	fd = receive_fd(e.fd[0]);
	/* its other end went with the child */
	expect(ep, 30, EPOLLIN | EPOLLHUP);
	CHECK_EQ(dup2(fd, 30), 30);
	del(ep, 30);
	expect_none(ep);
}

/* In flight, and nobody has it: its watches go when it is thrown away. */
TEST(epoll_sent_and_thrown_away)
{
	struct ends e = new_sockets(SOCK_STREAM), p = new_pipe();
	int ep = new_epoll();

	add(ep, p.fd[0], EPOLLIN);
	send_fd(e.fd[1], ep);
	close(ep);
	close_ends(e);
	put_byte(p);
	get_byte(p);
}
