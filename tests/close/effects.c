// SPDX-License-Identifier: GPL-2.0
/* Tests that close(2) of a watched file does its work at once. */
#include "../source/kinds.h"

/* Long for a machine, short for what waits for a thread that sleeps. */
enum { AT_ONCE_MS = 3000 };

static void at_once(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	CHECK_EQ(poll(&p, 1, AT_ONCE_MS), 1);
}

static void expect_fin(int fd)
{
	char c;

	at_once(fd, POLLIN);
	CHECK_EQ(read(fd, &c, 1), 0);
}

static const unsigned int all_flags[] = {
	0, KEVENT_REQ_ET, KEVENT_REQ_ONESHOT, KEVENT_REQ_LAST_CHECK,
	KEVENT_REQ_CLOSED, KEVENT_REQ_EXCLUSIVE,
};

enum { N_FLAGS = sizeof(all_flags) / sizeof(all_flags[0]) };

/* ---- TCP ------------------------------------------------------------------- */

static void fin(unsigned int type, unsigned int flags)
{
	int q = kev_queue(NULL, 0), fds[2];

	tcp_pair(fds);
	kev_add(q, type, fds[0], POLLIN, flags);
	close(fds[0]);
	expect_fin(fds[1]);
	close(fds[1]);
	kev_close(q, NULL);
}

TEST(fin)
{
	unsigned int i;

	for (i = 0; i < N_FLAGS; i++) {
		fin(KEVENT_POLL, all_flags[i]);
		fin(KEVENT_SOCKET, all_flags[i]);
	}
}

/* Neither a sleeper nor an event that nobody takes keeps it. */
TEST(fin_beside_a_sleeper)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), fds[2];
	struct kev_sleeper s;

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], KEVENT_SOCKET_RECV, 0);
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	close(fds[0]);
	expect_fin(fds[1]);
	wait_blocked(s.thread.tid);
	CHECK_EQ(kevent_wake(q, 1), 1);
	kev_sleeper_join(&s);
}

TEST(fin_with_an_event)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), fds[2];

	tcp_pair(fds);
	kev_add(q, KEVENT_SOCKET, fds[0], KEVENT_SOCKET_RECV, 0);
	send_byte(fds[1]);
	CHECK_EQ(kevent_wait(q, 1, 0, NULL, 0), 1);
	drain(fds[0]);
	close(fds[0]);
	expect_fin(fds[1]);
}

/* No REUSEADDR: the address is free because the listener is gone. */
static void port_is_free(unsigned int type, unsigned int event)
{
	int q = kev_queue(NULL, 0), listener, again, i;
	struct sockaddr_in addr;

	listener = tcp_listener(5);
	addr = loopback(listener);
	for (i = 0; i < 20; i++) {
		kev_add(q, type, listener, event, all_flags[i % N_FLAGS]);
		close(listener);
		again = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		CHECK_OK(bind(again, (struct sockaddr *)&addr, sizeof(addr)));
		CHECK_OK(listen(again, 5));
		listener = again;
	}
}

TEST(port_is_free)
{
	port_is_free(KEVENT_POLL, POLLIN);
	port_is_free(KEVENT_SOCKET, KEVENT_SOCKET_ACCEPT);
}

TEST(udp_port_is_free)
{
	int q = kev_queue(NULL, 0), fd, again, i;
	struct sockaddr_in addr;

	fd = inet_bound(SOCK_DGRAM);
	addr = loopback(fd);
	for (i = 0; i < 20; i++) {
		kev_add(q, KEVENT_POLL, fd, POLLIN, all_flags[i % N_FLAGS]);
		close(fd);
		again = CHECK_OK(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
		CHECK_OK(bind(again, (struct sockaddr *)&addr, sizeof(addr)));
		fd = again;
	}
}

TEST(unix_listener_is_gone)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int q = kev_queue(NULL, 0), fd, client;
	socklen_t len = sizeof(addr);

	fd = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_OK(bind(fd, (struct sockaddr *)&addr, sizeof(sa_family_t)));
	CHECK_OK(getsockname(fd, (struct sockaddr *)&addr, &len));
	CHECK_OK(listen(fd, 5));
	kev_add(q, KEVENT_SOCKET, fd, KEVENT_SOCKET_ACCEPT, 0);
	close(fd);
	client = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_ERRNO(connect(client, (struct sockaddr *)&addr, len),
		    ECONNREFUSED);
}

/* ---- Pipes ----------------------------------------------------------------- */

static void pipe_breaks(unsigned int type, unsigned int flags)
{
	int q = kev_queue(NULL, 0), fds[2];
	char c;

	CHECK_OK(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	kev_add(q, type, fds[0], POLLIN, flags);
	close(fds[0]);
	CHECK_ERRNO(write(fds[1], "x", 1), EPIPE);
	close(fds[1]);
	CHECK_OK(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	kev_add(q, type, fds[1], POLLOUT, flags);
	close(fds[1]);
	CHECK_EQ(read(fds[0], &c, 1), 0);
	close(fds[0]);
	kev_close(q, NULL);
}

TEST(pipe_breaks)
{
	unsigned int i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < N_FLAGS; i++) {
		pipe_breaks(KEVENT_POLL, all_flags[i]);
		pipe_breaks(KEVENT_PIPE, all_flags[i]);
	}
}

TEST(stream_breaks)
{
	int q = kev_queue(NULL, 0), fds[2];
	char c;

	unix_pair(SOCK_STREAM, fds);
	kev_add(q, KEVENT_SOCKET, fds[0], KEVENT_SOCKET_RECV, 0);
	close(fds[0]);
	CHECK_EQ(read(fds[1], &c, 1), 0);
	CHECK_ERRNO(send(fds[1], "x", 1, MSG_NOSIGNAL), EPIPE);
}

/* ---- During a check --------------------------------------------------------- */

/*
 * A thread whose WAIT asks level watches and then sleeps. If it held the last
 * reference while the file was closed, the file must end before it sleeps.
 */
struct checker {
	int q;
	bool get;	/* GET_EVENTS instead of WAIT */
	int round;
	int done;
	int last;
};

static void check_and_sleep(struct checker *c)
{
	struct timespec limit = { .tv_sec = 15 };
	struct ukevent uk;

	if (!c->get) {
		struct kevent_ioc_wait wait = { .min = 1 };

		CHECK_GE(ioctl(c->q, KEVENT_IOC_WAIT, &wait), 1);
	}
	CHECK_EQ(kevent_get_events(c->q, 1, 1, &limit, &uk, 0), 1);
	CHECK_EQ(uk.type, KEVENT_UNOTIFY);
}

static void *check_rounds(void *arg)
{
	struct checker *c = arg;
	int i;

	pin_to_cpu(1);
	for (i = 1; i <= c->last; i++) {
		SPIN_UNTIL(__atomic_load_n(&c->round, __ATOMIC_ACQUIRE) >= i);
		check_and_sleep(c);
		__atomic_store_n(&c->done, i, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* A level watch that was claimed and is not ready: the next call asks it. */
static void to_be_asked(int q, int fds[2], unsigned int type)
{
	struct ukevent uk;

	tcp_pair(fds);
	kev_add(q, type, fds[0], POLLIN, 0);
	send_byte(fds[1]);
	uk = take(q);
	CHECK_EQ(uk.ptr, fds[0]);
	drain(fds[0]);
}

static void close_during_check(bool get, unsigned int type, int rounds)
{
	struct kevent_ring ring;
	struct checker c = { .get = get, .last = rounds };
	struct test_thread thread;
	unsigned int seed = 5;
	int fds[2], i;

	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	c.q = kev_queue(&ring, 16);
	kev_add_user(c.q, 1);
	pin_to_cpu(0);
	thread_start(&thread, check_rounds, &c);
	for (i = 1; i <= rounds; i++) {
		to_be_asked(c.q, fds, type);
		__atomic_store_n(&c.round, i, __ATOMIC_RELEASE);
		spin(rand_r(&seed) % 20000);
		close(fds[0]);
		expect_fin(fds[1]);
		close(fds[1]);
		kev_fire(c.q, 1, 0);
		SPIN_UNTIL(__atomic_load_n(&c.done, __ATOMIC_ACQUIRE) >= i);
	}
	thread_join(&thread);
	CHECK_EQ(watches_of(c.q), 1);
	kev_close(c.q, &ring);
}

TEST_TIMEOUT(close_during_check_of_wait, 120)
{
	close_during_check(false, KEVENT_POLL, scaled_rounds(1500));
	close_during_check(false, KEVENT_SOCKET, scaled_rounds(1500));
}

TEST_TIMEOUT(close_during_check_of_get_events, 120)
{
	close_during_check(true, KEVENT_POLL, scaled_rounds(1500));
	close_during_check(true, KEVENT_SOCKET, scaled_rounds(1500));
}
