// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_SOCKET: byte counts, backlog, errors, hang-up. */
#include "kinds.h"

#define RECV KEVENT_SOCKET_RECV
#define SEND KEVENT_SOCKET_SEND
#define ACCEPT KEVENT_SOCKET_ACCEPT
#define ET KEVENT_REQ_ET

static void send_bytes(int fd, size_t n)
{
	static const char buf[4096];

	CHECK_EQ(write(fd, buf, n), n);
}

static void wait_bytes(int fd, int n)
{
	int have;

	CHECK_SOON(ioctl(fd, FIONREAD, &have) == 0 && have == n);
}

/* ---- RECV ------------------------------------------------------------------ */

static void expect_bytes(int q, uint32_t n)
{
	struct ukevent uk = take(q);

	CHECK_EQ(uk.ret_data[0], RECV);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(uk.ret_data[1], n);
}

TEST(bytes_readable)
{
	int q = kev_queue(NULL, 0), fds[2];
	char buf[100];

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], RECV, ET);
	send_bytes(fds[1], 10);
	expect_bytes(q, 10);
	send_bytes(fds[1], 90);
	expect_bytes(q, 100);
	CHECK_EQ(read(fds[0], buf, 60), 60);
	take_none(q);
	send_bytes(fds[1], 1);
	expect_bytes(q, 41);
}

TEST(bytes_readable_level)
{
	int q = kev_queue(NULL, 0), fds[2];
	char buf[100];

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], RECV, 0);
	send_bytes(fds[1], 100);
	wait_bytes(fds[0], 100);
	expect_bytes(q, 100);
	CHECK_EQ(read(fds[0], buf, 60), 60);
	expect_bytes(q, 40);
	send_bytes(fds[1], 5);
	wait_bytes(fds[0], 45);
	expect_bytes(q, 45);
	CHECK_EQ(read(fds[0], buf, 45), 45);
	take_none(q);
}

TEST(bytes_in_the_result)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	tcp_pair(fds);
	send_bytes(fds[1], 77);
	wait_bytes(fds[0], 77);
	uk = kev_add(q, KEVENT_SOCKET, fds[0], RECV, ET);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DONE | KEVENT_RET_DATA);
	CHECK_EQ(uk.ret_data[1], 77);
}

/* Merged: the newest level, not a sum and not the oldest. */
TEST(bytes_merge_to_the_newest)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), fds[2], i;
	struct ukevent uk;

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], RECV, ET);
	for (i = 1; i <= 10; i++)
		send_bytes(fds[1], i);
	wait_bytes(fds[0], 55);
	CHECK_SOON(kev_tail(&ring) && kev_entry(&ring, 0)->ret_data[1] == 55);
	uk = take(q);
	CHECK_EQ(uk.ret_data[1], 55);
	take_none(q);
}

TEST(stream_has_no_count)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	unix_pair(SOCK_STREAM, fds);
	kev_add(q, KEVENT_SOCKET, fds[0], RECV, ET);
	send_bytes(fds[1], 10);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], RECV);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_DATA, 0);
	CHECK_EQ(uk.ret_data[1], 0);
}

/* ---- SEND ------------------------------------------------------------------ */

TEST(space)
{
	int q = kev_queue(NULL, 0), fds[2], size;
	socklen_t len = sizeof(size);
	struct ukevent uk;

	tcp_pair(fds);
	CHECK_OK(getsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, &len));
	uk = kev_add(q, KEVENT_SOCKET, fds[0], SEND, ET);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK(uk.ret_flags & KEVENT_RET_DATA2);
	CHECK_EQ(uk.ret_data[0], SEND);
	CHECK_GT(uk.data2, 0);
	CHECK_LE(uk.data2, size);
}

static void space_returns(int fds[2])
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	fill(fds[0]);
	uk = kev_add(q, KEVENT_SOCKET, fds[0], SEND, ET);
	CHECK_EQ(uk.ret_flags, 0);
	take_none(q);
	CHECK_SOON((drain(fds[1]), kevent_get_events(q, 0, 1, NULL, &uk, 0)));
	CHECK_EQ(uk.ret_data[0], SEND);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_BROKEN, 0);
	CHECK_GT(write(fds[0], "x", 1), 0);
}

TEST(space_returns)
{
	int fds[2];

	tcp_pair(fds);
	space_returns(fds);
	unix_pair(SOCK_STREAM, fds);
	space_returns(fds);
}

TEST(both_ways)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	tcp_pair(fds);
	uk = kev_add(q, KEVENT_SOCKET, fds[0], RECV | SEND, 0);
	CHECK_EQ(uk.ret_data[0], SEND);
	send_bytes(fds[1], 7);
	wait_bytes(fds[0], 7);
	kevent_get_events(q, 1, 1, NULL, &uk, 0);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], RECV | SEND);
	CHECK(uk.ret_flags & KEVENT_RET_DATA);
	CHECK_EQ(uk.ret_data[1], 7);
	CHECK(uk.ret_flags & KEVENT_RET_DATA2);
	CHECK_GT(uk.data2, 0);
}

/* ---- ACCEPT ---------------------------------------------------------------- */

static void backlog(uint32_t bit)
{
	int q = kev_queue(NULL, 0), listener = tcp_listener(10), i;
	struct ukevent uk;

	kev_add(q, KEVENT_SOCKET, listener, bit, ET);
	for (i = 1; i <= 4; i++) {
		tcp_connect(listener);
		uk = take(q);
		CHECK_EQ(uk.ret_data[0], bit);
		CHECK_EQ(uk.ret_flags, KEVENT_RET_DATA);
		CHECK_EQ(uk.ret_data[1], i);
	}
	close(tcp_accept(listener));
	close(tcp_accept(listener));
	take_none(q);
	tcp_connect(listener);
	uk = take(q);
	CHECK_EQ(uk.ret_data[1], 3);
}

TEST(backlog_of_accept)
{
	backlog(ACCEPT);
}

TEST(backlog_of_recv)
{
	backlog(RECV);
}

TEST(backlog_level)
{
	int q = kev_queue(NULL, 0), listener = tcp_listener(10), i;

	for (i = 0; i < 3; i++)
		tcp_connect(listener);
	kev_add(q, KEVENT_SOCKET, listener, ACCEPT, 0);
	for (i = 3; i > 0; i--) {
		CHECK_EQ(take(q).ret_data[1], i);
		close(tcp_accept(listener));
	}
	take_none(q);
}

TEST(accept_unix)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int q = kev_queue(NULL, 0), fd, client;
	socklen_t len = sizeof(sa_family_t);
	struct ukevent uk;

	fd = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_OK(bind(fd, (struct sockaddr *)&addr, len));
	len = sizeof(addr);
	CHECK_OK(getsockname(fd, (struct sockaddr *)&addr, &len));
	CHECK_OK(listen(fd, 5));
	kev_add(q, KEVENT_SOCKET, fd, ACCEPT, ET);
	client = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_OK(connect(client, (struct sockaddr *)&addr, len));
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], ACCEPT);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_BROKEN, 0);
}

/* ---- Errors and hang-up ---------------------------------------------------- */

static struct ukevent take_broken(int q)
{
	struct ukevent uk;

	do
		uk = take(q);
	while (!(uk.ret_flags & KEVENT_RET_BROKEN));
	return uk;
}

/* Edge or level, an error comes as one and stays for the program to fetch. */
static void expect_error(int q, int fd, int error)
{
	socklen_t len = sizeof(int);
	struct ukevent uk;
	int value;

	do
		uk = take_broken(q);
	while (!(uk.ret_flags & KEVENT_RET_ERRNO));
	CHECK_EQ(uk.data2, error);
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len));
	CHECK_EQ(value, error);
}

static void reset(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger)));
	close(fd);
}

static void reset_by_peer(unsigned int event, unsigned int flags)
{
	int q = kev_queue(NULL, 0), fds[2];

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], event, flags);
	reset(fds[1]);
	expect_error(q, fds[0], ECONNRESET);
}

TEST(reset_by_peer)
{
	reset_by_peer(RECV, ET);
	reset_by_peer(RECV, 0);
	reset_by_peer(RECV, KEVENT_REQ_LAST_CHECK);
	reset_by_peer(RECV | SEND, ET);
	reset_by_peer(SEND, ET);
}

/* The error is told, although there is space to tell of later. */
static void error_beside_space(int q)
{
	unsigned long long merged;
	struct ukevent uk;
	int fds[2];
	char c;

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], RECV | SEND, ET);
	reset(fds[1]);
	wait_poll(fds[0], POLLERR);
	CHECK_ERRNO(read(fds[0], &c, 1), ECONNRESET);
	merged = kev_stat(q, "merged");
	/* wakes, even where there is nothing left to shut down */
	shutdown(fds[0], SHUT_RDWR);
	CHECK_GT(kev_stat(q, "merged"), merged);
	uk = take(q);
	CHECK_EQ(uk.ret_flags & (KEVENT_RET_ERRNO | KEVENT_RET_DATA2),
		 KEVENT_RET_ERRNO);
	CHECK_EQ(uk.data2, ECONNRESET);
	CHECK_EQ(kevent_errno(&uk), ECONNRESET);
	close(fds[0]);
}

TEST(error_beside_space)
{
	struct kevent_ring ring;

	error_beside_space(kev_queue(NULL, 0));
	error_beside_space(kev_queue(&ring, 16));
}

TEST(reset_before_add)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	tcp_pair(fds);
	reset(fds[1]);
	wait_poll(fds[0], POLLERR);
	uk = kev_add(q, KEVENT_SOCKET, fds[0], RECV, ET);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK(uk.ret_flags & KEVENT_RET_BROKEN);
	CHECK(uk.ret_flags & KEVENT_RET_ERRNO);
	CHECK_EQ(uk.data2, ECONNRESET);
	CHECK_EQ(watches_of(q), 1);
}

/* The watch comes before connect(), as in most event loops it can't. */
static void refused(unsigned int flags)
{
	int listener = tcp_listener(1), q = kev_queue(NULL, 0), fd;
	struct sockaddr_in addr = loopback(listener);

	close(listener);
	fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	kev_add(q, KEVENT_SOCKET, fd, RECV | SEND, flags);
	CHECK_EQ(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), -1);
	if (errno == ECONNREFUSED)
		return;		/* the answer was faster */
	CHECK_EQ(errno, EINPROGRESS);
	expect_error(q, fd, ECONNREFUSED);
}

TEST(refused)
{
	refused(ET);
	refused(0);
}

TEST(connected)
{
	int listener = tcp_listener(1), q = kev_queue(NULL, 0), fd;
	struct sockaddr_in addr = loopback(listener);
	struct ukevent uk;

	fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		CHECK_EQ(errno, EINPROGRESS);
	uk = kev_add(q, KEVENT_SOCKET, fd, SEND, ET | KEVENT_REQ_ALWAYS_QUEUE);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], SEND);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_BROKEN, 0);
}

TEST(udp_refused)
{
	int q = kev_queue(NULL, 0), fds[2];

	udp_pair(fds);
	close(fds[1]);
	kev_add(q, KEVENT_SOCKET, fds[0], RECV, ET);
	send_byte(fds[0]);
	expect_error(q, fds[0], ECONNREFUSED);
}

/* End of file: a read returns at once, so RECV is set. */
static void hang_up(int fds[2], unsigned int flags)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	kev_add(q, KEVENT_SOCKET, fds[0], RECV, flags);
	take_none(q);
	close(fds[1]);
	uk = take_broken(q);
	CHECK_EQ(uk.ret_data[0], RECV);
	CHECK_EQ(uk.ret_data[1], 0);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_ERRNO, 0);
	close(fds[0]);
	kev_close(q, NULL);
}

TEST(hang_up)
{
	static const unsigned int flags[] = { 0, ET, KEVENT_REQ_LAST_CHECK };
	unsigned int i;
	int fds[2];

	for (i = 0; i < 3; i++) {
		tcp_pair(fds);
		hang_up(fds, flags[i]);
		unix_pair(SOCK_STREAM, fds);
		hang_up(fds, flags[i]);
	}
}

/* The data's wake-up comes after that of the end, and must not hide it. */
static void end_stays_broken(int q)
{
	struct ukevent uk;
	int fds[2];

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], RECV, ET);
	send_byte(fds[1]);
	CHECK_OK(shutdown(fds[1], SHUT_WR));
	wait_poll(fds[0], POLLRDHUP);
	uk = take(q);
	if (!(uk.ret_flags & KEVENT_RET_BROKEN))
		uk = take(q);
	CHECK(uk.ret_flags & KEVENT_RET_BROKEN);
}

TEST(end_stays_broken)
{
	end_stays_broken(kev_queue(NULL, 0));
}

TEST(end_stays_broken_in_ring)
{
	struct kevent_ring ring;

	end_stays_broken(kev_queue(&ring, 16));
}

/* A peer that only stops sending. */
TEST(half_closed)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;
	char c;

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], RECV, ET);
	send_bytes(fds[1], 3);
	uk = take(q);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_BROKEN, 0);
	CHECK_OK(shutdown(fds[1], SHUT_WR));
	uk = take_broken(q);
	CHECK(uk.ret_data[0] & RECV);
	CHECK_EQ(uk.ret_data[1], 3);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	send_byte(fds[0]);
	wait_poll(fds[1], POLLIN);
}

TEST(own_shutdown)
{
	int q = kev_queue(NULL, 0), fds[2];

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], RECV, ET);
	CHECK_OK(shutdown(fds[0], SHUT_RDWR));
	take_broken(q);
}

/* It stays so: a level watch says it again. */
TEST(hang_up_is_a_level)
{
	int q = kev_queue(NULL, 0), fds[2], i;

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], RECV, 0);
	close(fds[1]);
	take_broken(q);
	for (i = 0; i < 3; i++)
		CHECK(take(q).ret_flags & KEVENT_RET_BROKEN);
}

/* ---- What is no socket ----------------------------------------------------- */

TEST(wrong_file)
{
	int q = kev_queue(NULL, 0), fds[2], fd;

	CHECK_OK(pipe(fds));
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_SOCKET, fds[0], RECV, 0),
		 EINVAL);
	fd = CHECK_OK(eventfd(0, 0));
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_SOCKET, fd, RECV, 0),
		 EINVAL);
	fd = CHECK_OK(open("/dev/null", O_RDWR));
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_SOCKET, fd, RECV, 0),
		 EINVAL);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_SOCKET, 9999, RECV, 0),
		 EBADF);
	unix_pair(SOCK_STREAM, fds);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_SOCKET, fds[0], 0x10, 0),
		 EINVAL);
	CHECK_EQ(watches_of(q), 0);
}
