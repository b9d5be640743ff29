// SPDX-License-Identifier: GPL-2.0
/*
 * Tests sources whose wake-up says too little or lies, so that the file has to
 * be asked: urgent data, full peers, datagrams that are thrown away, kTLS.
 */
#include "kinds.h"
#include "tls.h"

#define ET KEVENT_REQ_ET

/* ---- Urgent data ----------------------------------------------------------- */

/* TCP names PRI in the wake-up of every packet. */
static void pri_only_if_urgent(unsigned int flags)
{
	int q = kev_queue(NULL, 0), fds[2], i;
	struct ukevent uk;

	tcp_pair(fds);
	kev_add_poll(q, fds[0], POLLIN | POLLPRI, flags);
	for (i = 0; i < 20; i++) {
		send_byte(fds[1]);
		uk = take(q);
		CHECK_EQ(uk.ret_data[0], POLLIN);
	}
	drain(fds[0]);
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0))
		CHECK_EQ(uk.ret_data[0], POLLIN);
	CHECK_EQ(send(fds[1], "!", 1, MSG_OOB), 1);
	do
		uk = take(q);
	while (!(uk.ret_data[0] & POLLPRI));
	kev_close(q, NULL);
}

TEST(pri_only_if_urgent)
{
	pri_only_if_urgent(0);
	pri_only_if_urgent(ET);
	pri_only_if_urgent(KEVENT_REQ_LAST_CHECK);
}

TEST(pri_alone)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), fds[2], i;

	tcp_pair(fds);
	kev_add_poll(q, fds[0], POLLPRI, ET);
	for (i = 0; i < 20; i++) {
		send_byte(fds[1]);
		wait_poll(fds[0], POLLIN);
		kev_expect_none(&ring);
	}
	CHECK_EQ(send(fds[1], "!", 1, MSG_OOB), 1);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), 1);
	kev_expect(&ring, fds[0], POLLPRI);
}

/* ---- Datagrams ------------------------------------------------------------- */

static int unix_bound(int type, struct sockaddr_un *addr, socklen_t *len)
{
	int fd = CHECK_OK(socket(AF_UNIX, type | SOCK_NONBLOCK, 0));

	addr->sun_family = AF_UNIX;
	CHECK_OK(bind(fd, (struct sockaddr *)addr, sizeof(sa_family_t)));
	*len = sizeof(*addr);
	CHECK_OK(getsockname(fd, (struct sockaddr *)addr, len));
	return fd;
}

/*
 * Room in a peer that is not connected back is told through the peer's own
 * wait queue, whose lock is held while our hook runs.
 */
static void full_peer(int q, unsigned int flags)
{
	int server, client, i;
	struct sockaddr_un addr;
	struct ukevent uk;
	socklen_t len;
	char buf[16];

	server = unix_bound(SOCK_DGRAM, &addr, &len);
	client = CHECK_OK(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
	CHECK_OK(connect(client, (struct sockaddr *)&addr, len));
	while (write(client, "x", 1) == 1)
		;
	CHECK_EQ(errno, EAGAIN);
	uk = kev_add_poll(q, client, POLLOUT, flags);
	CHECK_EQ(uk.ret_flags, 0);
	for (i = 0; i < 20; i++) {
		take_none(q);
		while (read(server, buf, sizeof(buf)) == 1)
			;
		uk = take(q);
		CHECK_EQ(uk.ret_data[0], POLLOUT);
		while (write(client, "x", 1) == 1)
			;
		while (kevent_get_events(q, 0, 1, NULL, &uk, 0))
			;
	}
	close(client);
	close(server);
}

TEST(full_peer)
{
	int q = kev_queue(NULL, 0);

	full_peer(q, 0);
	full_peer(q, ET);
	full_peer(q, KEVENT_REQ_LAST_CHECK);
}

/* Several threads use the socket while its checks run. */
struct busy {
	int fd;
	int stop;
};

static void *read_all_the_time(void *arg)
{
	struct busy *b = arg;
	char buf[64];

	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED))
		if (read(b->fd, buf, sizeof(buf)) < 0)
			sched_yield();
	return NULL;
}

static void *write_all_the_time(void *arg)
{
	struct busy *b = arg;

	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED))
		if (write(b->fd, "x", 1) < 0)
			sched_yield();
	return NULL;
}

static void busy_both_ends(int fd, int peer)
{
	struct busy in = { .fd = peer }, out = { .fd = fd };
	int q = kev_queue(NULL, 0), i;
	struct test_thread r, w;

	kev_add_poll(q, fd, POLLOUT, 0);
	kev_add_poll(q, peer, POLLIN, 0);
	thread_start(&r, read_all_the_time, &in);
	thread_start(&w, write_all_the_time, &out);
	for (i = 0; i < 2000; i++)
		take(q);
	__atomic_store_n(&in.stop, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&out.stop, 1, __ATOMIC_RELAXED);
	thread_join(&r);
	thread_join(&w);
	close(fd);
	close(peer);
	kev_close(q, NULL);
}

TEST_TIMEOUT(busy_peers, 60)
{
	struct sockaddr_un addr;
	socklen_t len;
	int fds[2];

	fds[1] = unix_bound(SOCK_DGRAM, &addr, &len);
	fds[0] = CHECK_OK(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
	CHECK_OK(connect(fds[0], (struct sockaddr *)&addr, len));
	busy_both_ends(fds[0], fds[1]);
	unix_pair(SOCK_DGRAM, fds);
	busy_both_ends(fds[0], fds[1]);
	unix_pair(SOCK_SEQPACKET, fds);
	busy_both_ends(fds[0], fds[1]);
	udp_pair(fds);
	busy_both_ends(fds[0], fds[1]);
}

/* A wake-up for what somebody else has read before we could ask: no event. */
TEST(read_before_asked)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), i;
	struct thing t;

	thing_make(&t, &kinds[KIND_UDP]);
	kev_add_poll(q, t.fd, POLLIN | POLLPRI, ET);
	for (i = 0; i < 20; i++) {
		thing_raise(&t);
		thing_lower(&t);
		kev_expect_none(&ring);
	}
	CHECK_EQ(kev_tail(&ring), 0);
	thing_raise(&t);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), 1);
	kev_expect(&ring, t.fd, POLLIN);
}

TEST(udp_in_and_out)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	udp_pair(fds);
	uk = kev_add_poll(q, fds[0], POLLIN | POLLOUT, 0);
	CHECK_EQ(uk.ret_data[0], POLLOUT);
	send_byte(fds[1]);
	wait_poll(fds[0], POLLIN);
	take(q);
	CHECK_EQ(take(q).ret_data[0], POLLIN | POLLOUT);
	drain(fds[0]);
	take(q);
	CHECK_EQ(take(q).ret_data[0], POLLOUT);
}

/* ---- kTLS: poll is replaced under a socket that still says TCP --------------- */

static void tls_events(unsigned int type, unsigned int flags)
{
	int q = kev_queue(NULL, 0), fds[2], i;
	struct ukevent uk;

	tls_pair(fds);
	kev_add(q, type, fds[1], POLLIN, flags);
	for (i = 0; i < 10; i++) {
		send_byte(fds[0]);
		uk = take(q);
		CHECK_EQ(uk.ret_data[0], POLLIN);
		wait_poll(fds[1], POLLIN);
		drain(fds[1]);
		while (kevent_get_events(q, 0, 1, NULL, &uk, 0))
			;
	}
	close(fds[1]);
	CHECK_EQ(watches_of(q), 0);
	close(fds[0]);
	kev_close(q, NULL);
}

TEST(ktls)
{
	CHECK_EQ(KEVENT_SOCKET_RECV, POLLIN);
	tls_events(KEVENT_POLL, 0);
	tls_events(KEVENT_POLL, ET);
	tls_events(KEVENT_SOCKET, 0);
	tls_events(KEVENT_SOCKET, ET);
}

/* The watch is older than the keys. */
TEST(ktls_after_add)
{
	int q = kev_queue(NULL, 0), fds[2], i;

	tcp_pair(fds);
	kev_add(q, KEVENT_POLL, fds[1], POLLIN | POLLPRI, ET);
	kev_add(q, KEVENT_SOCKET, fds[1], KEVENT_SOCKET_RECV, ET);
	tls_begin(fds);
	tls_keys(fds[1], TLS_RX);
	tls_keys(fds[0], TLS_TX);
	for (i = 0; i < 10; i++) {
		send_byte(fds[0]);
		take(q);
		take(q);
		wait_poll(fds[1], POLLIN);
		drain(fds[1]);
	}
}
