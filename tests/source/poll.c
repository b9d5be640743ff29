// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_POLL: the bits of poll(2), of every file that has them. */
#include "kinds.h"

#define ET KEVENT_REQ_ET

static unsigned int bits_of(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	CHECK_OK(poll(&p, 1, 0));
	return p.revents;
}

/* What ADD finds is what poll(2) finds. */
TEST_KINDS(same_as_poll)
{
	const unsigned int all = POLLIN | POLLPRI | POLLOUT | POLLRDNORM |
				 POLLWRNORM | POLLRDHUP;
	struct ukevent uk;
	struct thing t;

	thing_make(&t, k);
	uk = kev_add_poll(q, t.fd, all, 0);
	CHECK_EQ(uk.ret_data[0], bits_of(t.fd, all));
	CHECK_EQ(!!(uk.ret_flags & KEVENT_RET_DONE), !!bits_of(t.fd, all));
	kev_remove(q, KEVENT_POLL, t.fd);
	thing_raise(&t);
	uk = kev_add_poll(q, t.fd, all, 0);
	CHECK_EQ(uk.ret_data[0], bits_of(t.fd, all));
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(take(q).ret_data[0], bits_of(t.fd, all));
	thing_drop(&t);
}

/* IN and RDNORM come together; only what was asked for is told. */
TEST(only_what_was_asked)
{
	int q = kev_queue(NULL, 0), fds[2];

	unix_pair(SOCK_STREAM, fds);
	kev_add_poll(q, fds[0], POLLRDNORM, ET);
	send_byte(fds[1]);
	CHECK_EQ(take(q).ret_data[0], POLLRDNORM);
	kev_modify(q, KEVENT_POLL, fds[0], POLLRDNORM | POLLIN, ET);
	send_byte(fds[1]);
	CHECK_EQ(take(q).ret_data[0], POLLRDNORM | POLLIN);
}

TEST(room_of_eventfd)
{
	uint64_t most = UINT64_MAX - 1;
	struct ukevent uk;
	struct thing t;
	int q = kev_queue(NULL, 0);

	thing_make(&t, &kinds[KIND_EVENTFD]);
	CHECK_EQ(write(t.fd, &most, 8), 8);
	uk = kev_add_poll(q, t.fd, POLLOUT, ET);
	CHECK_EQ(uk.ret_flags, 0);
	thing_lower(&t);
	CHECK_EQ(take(q).ret_data[0], POLLOUT);
	take_none(q);
}

static void room_of_socket(int fds[2])
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	fill(fds[0]);
	uk = kev_add_poll(q, fds[0], POLLOUT, ET);
	CHECK_EQ(uk.ret_flags, 0);
	CHECK_SOON((drain(fds[1]), kevent_get_events(q, 0, 1, NULL, &uk, 0)));
	CHECK_EQ(uk.ret_data[0], POLLOUT);
	wait_poll(fds[0], POLLOUT);
}

TEST(room_of_socket)
{
	int fds[2];

	tcp_pair(fds);
	room_of_socket(fds);
	unix_pair(SOCK_STREAM, fds);
	room_of_socket(fds);
	unix_pair(SOCK_SEQPACKET, fds);
	room_of_socket(fds);
}

/* ---- HUP, ERR, RDHUP -------------------------------------------------------- */

static void wait_for_bits(int q, unsigned int bits)
{
	struct ukevent uk;

	do
		uk = take(q);
	while ((uk.ret_data[0] & bits) != bits);
}

/* Not asked for, and reported all the same. */
static void always_hup(int fd, int peer, unsigned int flags)
{
	int q = kev_queue(NULL, 0);

	kev_add_poll(q, fd, POLLPRI, flags);
	take_none(q);
	close(peer);
	wait_for_bits(q, POLLHUP);
	close(fd);
	kev_close(q, NULL);
}

TEST(always_hup)
{
	static const unsigned int flags[] = { 0, ET, KEVENT_REQ_LAST_CHECK };
	struct thing t;
	unsigned int i;
	int fds[2];

	for (i = 0; i < 3; i++) {
		CHECK_OK(pipe(fds));
		always_hup(fds[0], fds[1], flags[i]);
		unix_pair(SOCK_STREAM, fds);
		always_hup(fds[0], fds[1], flags[i]);
		unix_pair(SOCK_SEQPACKET, fds);
		always_hup(fds[0], fds[1], flags[i]);
		thing_make(&t, &kinds[KIND_PTY]);
		always_hup(t.fd, t.peer, flags[i]);
	}
}

TEST(always_err)
{
	int q = kev_queue(NULL, 0), fds[2];

	CHECK_OK(pipe2(fds, O_NONBLOCK));
	fill(fds[1]);
	kev_add_poll(q, fds[1], POLLOUT, ET);
	close(fds[0]);
	wait_for_bits(q, POLLERR);
}

/* "In an event: error, hang-up or end of file", whatever the type. */
TEST(hup_is_broken)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	CHECK_OK(pipe(fds));
	kev_add_poll(q, fds[0], POLLIN, ET);
	close(fds[1]);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], POLLHUP);
	CHECK(uk.ret_flags & KEVENT_RET_BROKEN);
}

TEST(asking_for_hup_changes_nothing)
{
	int q = kev_queue(NULL, 0), fds[2];

	CHECK_OK(pipe(fds));
	kev_add_poll(q, fds[0], POLLHUP | POLLERR, ET);
	take_none(q);
	send_byte(fds[1]);
	take_none(q);
	close(fds[1]);
	wait_for_bits(q, POLLHUP);
}

/* Who asks for nothing is told of the end, and of nothing before. */
static void end_of_muted(unsigned int type, const int fds[2], unsigned int bits,
			 unsigned int flags)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	uk = kev_add(q, type, fds[0], 0, flags);
	CHECK_EQ(uk.ret_flags, 0);
	send_byte(fds[1]);
	wait_poll(fds[0], POLLIN);
	take_none(q);
	take_none(q);
	close(fds[1]);
	uk = take(q);
	CHECK_EQ(uk.event, 0);
	CHECK_EQ(uk.ret_data[0], bits);
	CHECK(uk.ret_flags & KEVENT_RET_BROKEN);
	CHECK(uk.ret_flags & KEVENT_RET_HUP);
	close(fds[0]);
	kev_close(q, NULL);
}

TEST(end_of_muted)
{
	static const unsigned int flags[] = {
		0, ET, KEVENT_REQ_DISPATCH, KEVENT_REQ_LAST_CHECK,
	};
	unsigned int i;
	int fds[2];

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		CHECK_OK(pipe(fds));
		end_of_muted(KEVENT_POLL, fds, POLLHUP, flags[i]);
		CHECK_OK(pipe(fds));
		end_of_muted(KEVENT_PIPE, fds,
			     KEVENT_PIPE_RECV | KEVENT_PIPE_SEND, flags[i]);
		unix_pair(SOCK_STREAM, fds);
		end_of_muted(KEVENT_POLL, fds, POLLHUP, flags[i]);
		unix_pair(SOCK_STREAM, fds);
		end_of_muted(KEVENT_SOCKET, fds,
			     KEVENT_SOCKET_RECV | KEVENT_SOCKET_SEND, flags[i]);
		unix_pair(SOCK_SEQPACKET, fds);
		end_of_muted(KEVENT_POLL, fds, POLLHUP, flags[i]);
	}
}

TEST(rdhup)
{
	int q = kev_queue(NULL, 0), fds[2], kind;

	for (kind = 0; kind < 2; kind++) {
		if (kind)
			tcp_pair(fds);
		else
			unix_pair(SOCK_STREAM, fds);
		kev_add_poll(q, fds[0], POLLRDHUP, ET);
		send_byte(fds[1]);
		wait_poll(fds[0], POLLIN);
		CHECK_OK(shutdown(fds[1], SHUT_WR));
		wait_for_bits(q, POLLRDHUP);
		close(fds[0]);
	}
}

/* A pty is two wait queues in one file. */
TEST(both_queues_of_pty)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_PTY]);
	uk = kev_add_poll(q, t.fd, POLLIN | POLLOUT, 0);
	CHECK_EQ(uk.ret_data[0], POLLOUT);
	thing_raise(&t);
	CHECK_SOON(take(q).ret_data[0] == (POLLIN | POLLOUT));
	thing_lower(&t);
	take(q);
	CHECK_EQ(take(q).ret_data[0], POLLOUT);
	CHECK_EQ(watches_of(q), 1);
	thing_drop(&t);
	CHECK_EQ(watches_of(q), 0);
}

TEST(periodic_timerfd)
{
	struct itimerspec its = {
		.it_value.tv_nsec = 2000000,
		.it_interval.tv_nsec = 2000000,
	};
	int q = kev_queue(NULL, 0), i;
	struct thing t;
	uint64_t n;

	thing_make(&t, &kinds[KIND_TIMERFD]);
	thing_add(q, &t, ET);
	CHECK_OK(timerfd_settime(t.fd, 0, &its, NULL));
	for (i = 0; i < 20; i++) {
		thing_take(q, &t);
		CHECK_EQ(read(t.fd, &n, 8), 8);
	}
	thing_drop(&t);
}

/* What a child leaves behind it tells its parent's pidfd. */
TEST(pidfd_of_exit)
{
	int q = kev_queue(NULL, 0), fds[2], fd;
	struct ukevent uk;
	pid_t pid;

	CHECK_OK(pipe(fds));
	pid = CHECK_OK(fork());
	if (!pid) {
		char c;

		close(fds[1]);
		_exit(read(fds[0], &c, 1));
	}
	fd = CHECK_OK(syscall(SYS_pidfd_open, pid, 0));
	kev_add_poll(q, fd, POLLIN, 0);
	take_none(q);
	close(fds[1]);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0] & POLLIN, POLLIN);
	wait_child(pid);
}

/* ---- What has no poll ------------------------------------------------------ */

static int refused(int q, const char *path, int flags)
{
	int fd = CHECK_OK(open(path, flags | O_CLOEXEC, 0600)), error;

	error = kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, fd, POLLIN, 0);
	close(fd);
	return error;
}

TEST(not_pollable)
{
	int q = kev_queue(NULL, 0);

	CHECK_EQ(refused(q, "/tmp", O_TMPFILE | O_RDWR), EPERM);
	CHECK_EQ(refused(q, "/tmp", O_DIRECTORY), EPERM);
	CHECK_EQ(refused(q, "/dev/null", O_RDWR), EPERM);
	CHECK_EQ(watches_of(q), 0);
}

TEST(no_file)
{
	int q = kev_queue(NULL, 0), fd;

	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, 9999, POLLIN, 0),
		 EBADF);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, 0xffffffff, POLLIN, 0),
		 EBADF);
	/* O_PATH opens a name, not a file. */
	fd = CHECK_OK(open("/dev/ptmx", O_PATH));
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, fd, POLLIN, 0), EBADF);
	fd = CHECK_OK(eventfd(0, 0));
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, fd, 0x1000, 0),
		 EINVAL);
	CHECK_EQ(watches_of(q), 0);
}
