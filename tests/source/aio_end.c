// SPDX-License-Identifier: GPL-2.0
/* Tests how transfers end: errors, cancelling, closing, exit; nothing is kept. */
#include "aio.h"

#include "pager.h"
#include "send.h"

#include <sys/mount.h>
#include <sys/wait.h>

#define SIZE (300 * KB)

/* ---- Broken connections --------------------------------------------------------- */

TEST_WAYS(peer_gone_before)
{
	int fds[2], file = file_make(1000);
	struct ukevent uk;

	way_open(w, fds);
	close(fds[1]);
	if (w->make != way_unix) {
		/* the first send is answered by a reset */
		CHECK_EQ(send(fds[0], "x", 1, MSG_NOSIGNAL), 1);
		wait_poll(fds[0], POLLHUP);
	}
	CHECK_EQ(kevent_aio_sendfile(q, fds[0], file, 0, 1000, 1, &uk), 1);
	CHECK(uk.ret_flags & KEVENT_RET_BROKEN);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK(kevent_aio_error(&uk) == EPIPE ||
	      kevent_aio_error(&uk) == ECONNRESET);
	CHECK_EQ(kevent_aio_position(&uk), 0);
	close(fds[0]);
}

TEST_WAYS(peer_goes)
{
	int fds[2], file = file_make(SIZE);
	struct ukevent uk;
	uint64_t pos;

	way_start(w, fds, q, file);
	expect_file(fds[1], 0, 50000);
	close(fds[1]);
	uk = aio_expect_error(q, 1, ECONNRESET, EPIPE);
	pos = kevent_aio_position(&uk);
	CHECK_GE(pos, 50000);
	CHECK_LT(pos, SIZE);
	close(fds[0]);
}

TEST_WAYS_PLAIN(own_shutdown)
{
	int fds[2], file = file_make(SIZE);

	way_start(w, fds, q, file);
	CHECK_OK(shutdown(fds[0], SHUT_WR));
	drain(fds[1]);
	aio_expect_error(q, 1, EPIPE, EPIPE);
}

/*
 * GET_EVENTS moves it to its end, and has no place for the event: who waits for the
 * ring gets that.
 */
TEST(end_found_by_a_get_that_fails)
{
	struct ukevent *nowhere = kev_fault_after(0, PROT_NONE);
	int fds[2], file = file_make(SIZE), q;
	static char buf[SIZE];
	struct kevent_ring ring;
	const struct ukevent *uk;
	uint64_t got = 0;
	ssize_t n;

	q = CHECK_OK(kevent_init(&ring, 64, KEVENT_WAKE_FIFO, 0));
	unix_pair(SOCK_STREAM, fds);
	CHECK_EQ(kevent_aio_sendfile(q, fds[0], file, 0, SIZE, 1, NULL), 0);
	while (got < SIZE) {
		n = read(fds[1], buf, SIZE);
		if (n > 0)
			got += n;
		else
			CHECK_EQ(errno, EAGAIN);
		if (kevent_get_events(q, 0, 1, NULL, nowhere, 0) < 0)
			CHECK_EQ(errno, EFAULT);
	}
	CHECK_OK(kevent_ring_wait(&ring, NULL));
	uk = kevent_ring_next(&ring);
	CHECK(uk);
	CHECK_EQ(kevent_aio_position(uk), SIZE);
	CHECK(!kevent_ring_next(&ring));
}

/* Until the other end takes no more, not only until what is on its way is much. */
static void fill_both_ends(int fd)
{
	static const char buf[60000];
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	do
		while (send(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	while (CHECK_OK(poll(&p, 1, 50 * test_scale())));
}

/* In the header: no position is reached, and that is told. */
TEST_WAYS(broken_in_the_header)
{
	char header[60000] = { 0 };
	struct kevent_ioc_sendfile sf = {
		.header = (uintptr_t)header,
		.header_size = sizeof(header),
		.offset = 5,
		.count = 100,
		.in_fd = file_make(1000),
		.req_flags = KEVENT_REQ_ALWAYS_QUEUE,
	};
	struct ukevent uk;
	int fds[2];

	way_open(w, fds);
	narrow(fds);
	fill_both_ends(fds[0]);
	sf.sock = fds[0];
	CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 0);
	take_none(q);
	close(fds[1]);
	uk = aio_expect_error(q, 0, EPIPE, ECONNRESET);
	CHECK_EQ(kevent_aio_position(&uk), 5);
	CHECK(!(uk.ret_data[0] & KEVENT_AIO_HEADER));
}

/* ---- The file --------------------------------------------------------------------- */

/* Shorter than it was: not an error; the position says what was sent. */
TEST_WAYS(truncated)
{
	int fds[2], file = file_make(SIZE);
	struct ukevent uk;
	uint64_t sent = 0;
	char buf[4096];
	ssize_t n;

	way_open(w, fds);
	narrow(fds);
	CHECK_EQ(kevent_aio_sendfile(q, fds[0], file, 0, SIZE, 1, &uk), 0);
	CHECK_OK(ftruncate(file, 4096));
	close(fds[0]);
	do {
		aio_wait_poll(fds[1]);
		n = CHECK_OK(read(fds[1], buf, sizeof(buf)));
		sent += n;
	} while (n);
	uk = take(q);
	aio_check(&uk, 1, sent, AIO_GOOD | KEVENT_AIO_EOF);
	CHECK_LT(sent, SIZE);
}

/* What was written meanwhile behind the end belongs to it. */
TEST(grown)
{
	int fds[2], q = kev_queue(NULL, 0), file = file_make(SIZE);

	tcp_pair(fds);
	narrow(fds);
	aio_start_slow(q, fds[0], file, 1);
	file_fill(file, SIZE, SIZE + 5000);
	expect_file(fds[1], 0, SIZE + 5000);
	aio_expect(q, 1, SIZE + 5000, AIO_GOOD | KEVENT_AIO_EOF);
}

/* ---- Cancelling ------------------------------------------------------------------- */

/* After REMOVE nothing is sent: what arrives is what the result says. */
TEST_WAYS(removed)
{
	int fds[2], file = file_make(SIZE), by_id;
	uint64_t pos, cookie;
	struct ukevent uk;

	way_must_keep_nothing(w);
	for (by_id = 0; by_id < 2; by_id++) {
		uk = way_start(w, fds, q, file);
		cookie = uk.cookie;
		expect_file(fds[1], 0, 30000);
		if (by_id)
			uk = kev_remove(q, KEVENT_AIO, uk.id.raw_u64);
		else
			uk = aio_cancel(q, uk.cookie);
		pos = kevent_aio_position(&uk);
		CHECK_EQ(uk.cookie, cookie);
		CHECK_EQ(uk.ret_flags, KEVENT_RET_DATA | KEVENT_RET_DATA2);
		CHECK_GE(pos, 30000);
		CHECK_LT(pos, SIZE);
		close(fds[0]);
		expect_file(fds[1], 30000, pos);
		expect_end(fds[1]);
		close(fds[1]);
		take_none(q);
		CHECK_EQ(watches_of(q), 0);
	}
	close(file);
}

/*
 * The same behind a header of odd length, so that pages begin in the middle of
 * what goes out at once, and with the socket left open: nothing waits for more.
 */
TEST_WAYS(removed_behind_a_header)
{
	static const char header[] = "HTTP/1.1 200\n";
	struct kevent_ioc_sendfile sf = aio_behind(header);
	int fds[2], round, max = 40000;
	struct ukevent uk;
	uint64_t pos;

	way_must_keep_nothing(w);
	sf.in_fd = file_make(SIZE);
	for (round = 0; round < 4; round++) {
		way_open(w, fds);
		narrow(fds);
		sf.sock = fds[0];
		CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 0);
		expect_text(fds[1], header, sizeof(header) - 1);
		expect_file(fds[1], 0, round * max / 4);
		uk = aio_cancel(q, sf.result.cookie);
		pos = kevent_aio_position(&uk);
		CHECK_LT(pos, SIZE);
		expect_file(fds[1], round * max / 4, pos);
		expect_nothing(fds[1]);
		close(fds[0]);
		expect_end(fds[1]);
		close(fds[1]);
	}
	close(sf.in_fd);
}

/* It is over, and its event is still there. */
TEST(removed_when_over)
{
	int fds[2], q = kev_queue(NULL, 0), file = file_make(100);
	struct kevent_ioc_sendfile sf = {
		.in_fd = file,
		.count = 100,
		.req_flags = KEVENT_REQ_ALWAYS_QUEUE,
	};
	struct ukevent uk;

	tcp_pair(fds);
	sf.sock = fds[0];
	CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 0);
	uk = aio_cancel(q, sf.result.cookie);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_CANCELLED | KEVENT_RET_DATA |
			       KEVENT_RET_DATA2);
	CHECK_EQ(kevent_aio_position(&uk), 100);
	take_none(q);
	expect_file(fds[1], 0, 100);
	CHECK_EQ(watches_of(q), 0);
}

/* The program has closed the socket long ago: now it really is closed. */
TEST_WAYS(removed_socket_was_closed)
{
	int fds[2], file = file_make(SIZE);
	struct ukevent uk;
	uint64_t pos;

	way_must_keep_nothing(w);
	uk = way_start(w, fds, q, file);
	close(fds[0]);
	expect_file(fds[1], 0, 10000);
	uk = aio_cancel(q, uk.cookie);
	pos = kevent_aio_position(&uk);
	expect_file(fds[1], 10000, pos);
	expect_end(fds[1]);
	close(fds[1]);
}

/* A closed fd changes nothing until the end; then it shows. */
TEST_WAYS(socket_and_file_closed_meanwhile)
{
	int fds[2], file = file_make(SIZE);

	way_start(w, fds, q, file);
	close(fds[0]);
	close(file);
	expect_file(fds[1], 0, SIZE);
	aio_expect(q, 1, SIZE, AIO_GOOD | KEVENT_AIO_EOF);
	expect_end(fds[1]);
	close(fds[1]);
}

TEST_WAYS(queue_closed)
{
	int fds[2], file = file_make(SIZE), q2 = kev_queue(NULL, 0), i;
	uint64_t n = 0;
	char buf[4096];
	ssize_t r;

	(void)q;
	way_open(w, fds);
	narrow(fds);
	for (i = 0; i < 3; i++)
		aio_start_slow(q2, fds[0], file, i);
	close(fds[0]);
	close(q2);
	for (;;) {
		wait_poll(fds[1], POLLIN);
		r = CHECK_OK(read(fds[1], buf, sizeof(buf)));
		if (!r)
			break;
		n += r;
	}
	CHECK_LT(n, SIZE);
	close(fds[1]);
}

/* The file system can be unmounted when the transfer is over, not before. */
TEST(file_reference_dropped)
{
	int fds[2], q = kev_queue(NULL, 0), file, i;
	struct ukevent uk;

	CHECK(mkdir("/tmp/aio", 0700) == 0 || errno == EEXIST);
	for (i = 0; i < 3; i++) {
		CHECK_OK(mount("aio", "/tmp/aio", "tmpfs", 0, ""));
		file = CHECK_OK(open("/tmp/aio/f", O_RDWR | O_CREAT, 0600));
		file_fill(file, 0, SIZE);
		tcp_pair(fds);
		narrow(fds);
		uk = aio_start_slow(q, fds[0], file, 1);
		close(file);
		CHECK_ERRNO(umount("/tmp/aio"), EBUSY);
		if (i == 0) {
			expect_file(fds[1], 0, SIZE);
			take(q);
		} else if (i == 1) {
			aio_cancel(q, uk.cookie);
		} else {
			close(fds[1]);
			take(q);
		}
		/* pages on their way in sockets do not count */
		CHECK_SOON(umount("/tmp/aio") == 0);
		close(fds[0]);
		if (i < 2)
			close(fds[1]);
	}
}

/* ---- Exit -------------------------------------------------------------------------- */

struct shared {
	int q, sock, file, ready[2];
	bool own_queue;
};

static void starts_and_waits(void *arg)
{
	struct shared *s = arg;
	int q = s->own_queue ? kev_queue(NULL, 0) : s->q;

	aio_start_slow(q, s->sock, s->file, 77);
	CHECK_EQ(write(s->ready[1], "x", 1), 1);
	for (;;)
		pause();
}

static void kill_child(pid_t pid)
{
	int status;

	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
}

static pid_t start_sharer(struct shared *s)
{
	pid_t pid;
	char c;

	CHECK_OK(pipe(s->ready));
	pid = start_child(starts_and_waits, s);
	CHECK_EQ(read(s->ready[0], &c, 1), 1);
	close(s->sock);
	return pid;
}

/* The queue was the process's own: the transfer ends with it. */
TEST_WAYS(process_killed)
{
	struct shared s = { .own_queue = true, .file = file_make(SIZE) };
	uint64_t n = 0;
	char buf[4096];
	ssize_t r;
	int fds[2];

	(void)q;
	way_open(w, fds);
	narrow(fds);
	s.sock = fds[0];
	kill_child(start_sharer(&s));
	do {
		wait_poll(fds[1], POLLIN);
		r = CHECK_OK(read(fds[1], buf, sizeof(buf)));
		n += r;
	} while (r);
	CHECK_LT(n, SIZE);
}

/* It is ours as well: the transfer goes on. */
TEST_WAYS(process_killed_queue_shared)
{
	struct shared s = { .q = q, .file = file_make(SIZE) };
	int fds[2];

	way_open(w, fds);
	narrow(fds);
	s.sock = fds[0];
	kill_child(start_sharer(&s));
	expect_file(fds[1], 0, SIZE);
	aio_expect(q, 77, SIZE, AIO_GOOD | KEVENT_AIO_EOF);
	expect_end(fds[1]);
}

/*
 * A process has its queue in a message in the socket to which it sends, with an end of a
 * pipe, which tells when that message is gone.
 */
enum crossing_end { CROSSING_EXITS, CROSSING_CLOSES, CROSSING_CLOSES_IN_THE_CALL };

struct crossing {
	enum crossing_end end;
	int q, fds[2], tell;
	struct pager path;
};

static void crossing_close(struct crossing *c)
{
	send_fds(c->fds[1], (int[]) { c->q, c->tell }, 2);
	close(c->q);
	close(c->fds[0]);
	close(c->fds[1]);
	close(c->tell);
}

/* The path is copied when the descriptors are closed. */
static void *crossing_calls(void *arg)
{
	struct crossing *c = arg;
	struct kevent_ioc_sendfile sf = {
		.path = (uintptr_t)c->path.page,
		.sock = c->fds[0],
		.count = KEVENT_AIO_TO_END,
	};

	close(CHECK_OK(ioctl(c->q, KEVENT_IOC_AIO_SENDFILE_PATH, &sf)));
	return NULL;
}

static void crossing_run(void *arg)
{
	struct crossing *c = arg;
	struct test_thread t;

	c->q = kev_queue(NULL, 0);
	unix_pair(SOCK_STREAM, c->fds);
	narrow(c->fds);
	if (c->end == CROSSING_CLOSES_IN_THE_CALL) {
		pager_make(&c->path);
		thread_start(&t, crossing_calls, c);
		pager_await(&c->path);
		crossing_close(c);
		pager_fill(&c->path, "/tmp/crossing");
		thread_join(&t);
	} else {
		aio_start_slow(c->q, c->fds[0], file_make(SIZE), 1);
		if (c->end == CROSSING_CLOSES)
			crossing_close(c);
		else
			send_fds(c->fds[1], (int[]) { c->q, c->tell }, 2);
	}
	if (c->end != CROSSING_EXITS)
		for (;;)
			pause();
}

static void crossing_is_gone(enum crossing_end end)
{
	struct crossing c = { .end = end };
	int ends[2];
	pid_t pid;

	CHECK_OK(pipe(ends));
	c.tell = ends[1];
	pid = start_child(crossing_run, &c);
	close(ends[1]);
	wait_poll(ends[0], POLLHUP);
	if (end == CROSSING_EXITS)
		wait_child(pid);
	else
		kill_child(pid);
}

TEST(queue_in_the_socket_at_exit)
{
	crossing_is_gone(CROSSING_EXITS);
}

TEST(queue_in_the_socket_closed)
{
	crossing_is_gone(CROSSING_CLOSES);
}

TEST(queue_in_the_socket_closed_in_the_call)
{
	int file = CHECK_OK(open("/tmp/crossing", O_RDWR | O_CREAT | O_TRUNC, 0600));

	file_fill(file, 0, SIZE);
	close(file);
	crossing_is_gone(CROSSING_CLOSES_IN_THE_CALL);
}

static void starts_for_others(void *arg)
{
	struct shared *s = arg;

	aio_start_slow(s->q, s->sock, s->file, 1);
}

static void sends_queue(void *arg)
{
	int q = kev_queue(NULL, 0);

	send_fds(*(int *)arg, &q, 1);
}

static int queue_of_another(void)
{
	int fds[2];

	unix_pair(SOCK_STREAM, fds);
	wait_child(start_child(sends_queue, &fds[0]));
	return receive_fd(fds[1]);
}

/* Whoever opens the queue keeps it; then the first that sends. */
TEST(keepers)
{
	struct shared s = { .file = file_make(SIZE) };
	int fds[2], other[2], again;

	s.q = kev_queue(NULL, 0);
	unix_pair(SOCK_STREAM, fds);
	unix_pair(SOCK_STREAM, other);
	narrow(fds);
	narrow(other);
	s.sock = fds[0];
	wait_child(start_child(starts_for_others, &s));
	/* one of two fds is no end */
	again = CHECK_OK(fcntl(s.q, F_DUPFD_CLOEXEC, 0));
	close(s.q);
	CHECK_EQ(watches_of(again), 1);
	aio_moved[0] = again;
	expect_file(fds[1], 0, SIZE);
	aio_expect(again, 1, SIZE, AIO_GOOD | KEVENT_AIO_EOF);
	/* it was opened by a process that is gone: now the child keeps it */
	close(again);
	aio_moved[0] = -1;
	s.q = queue_of_another();
	s.sock = other[0];
	wait_child(start_child(starts_for_others, &s));
	CHECK_EQ(watches_of(s.q), 0);
	/* and now we do */
	aio_start_slow(s.q, other[0], s.file, 2);
	wait_child(start_child(starts_for_others, &s));
	CHECK_EQ(watches_of(s.q), 2);
	close(s.q);
}

/* ---- Races --------------------------------------------------------------------------- */

struct race {
	int q;
	int taken;
	int fd;
	int turns;
};

/* Reads what is sent, and moves the transfers on. */
static void *reads_all(void *arg)
{
	struct race *r = arg;
	struct ukevent uk;
	char buf[8192];
	ssize_t n;

	do {
		r->taken += kevent_get_events(r->q, 0, 1, NULL, &uk, 0) == 1;
		n = recv(r->fd, buf, sizeof(buf), MSG_DONTWAIT);
	} while (n > 0 || (n < 0 && errno == EAGAIN));
	return NULL;
}

/* REMOVE against the turns and the end of the transfer. */
TEST_WAYS_TIMEOUT(remove_races_with_the_end, 60)
{
	int file = file_make(300 * KB), i, gone = 0, over = 0;
	int rounds = scaled_rounds(100);
	struct test_thread reader;

	for (i = 0; i < rounds; i++) {
		struct race r = { .q = q };
		struct ukevent uk;
		int fds[2], ended;

		way_open(w, fds);
		narrow(fds);
		r.fd = fds[1];
		thread_start(&reader, reads_all, &r);
		if (!kevent_aio_sendfile(q, fds[0], file, 0, KEVENT_AIO_TO_END,
					 1, &uk)) {
			struct ukevent end = { .cookie = uk.cookie,
				.req_flags = KEVENT_REQ_COOKIE };

			usleep(rand() % 20000);
			ended = kevent_ctl_one(q, KEVENT_CTL_REMOVE, &end) < 0;
			if (ended)
				CHECK_EQ(errno, ENOENT);
			else
				gone += !!(end.ret_flags & KEVENT_RET_CANCELLED);
			CHECK_OK(shutdown(fds[0], SHUT_WR));
			thread_join(&reader);
			/* told, or cancelled; what was just taken may be removed */
			CHECK_GE(r.taken, ended);
			CHECK(!r.taken ||
			      !(end.ret_flags & KEVENT_RET_CANCELLED));
			over += ended;
		} else {
			CHECK_OK(shutdown(fds[0], SHUT_WR));
			thread_join(&reader);
		}
		take_none(q);
		close(fds[0]);
		close(fds[1]);
	}
	CHECK_EQ(watches_of(q), 0);
	NOTE("%s: %d of %d were over, %d not taken", w->name, over, i, gone);
}

static void *cancels(void *arg)
{
	struct race *r = arg;
	uint64_t id;

	/* ids of the queue's transfers are known beforehand */
	for (id = 1; id <= (uint64_t)r->turns; id++) {
		struct ukevent uk;
		int tries = 2000;

		do {
			kevent_prep(&uk, KEVENT_AIO, id, 0, 0, 0);
		} while (kevent_ctl_one(r->fd, KEVENT_CTL_REMOVE, &uk) < 0 &&
			 tries--);
	}
	return NULL;
}

/* REMOVE by another thread while the call is sending. */
TEST(remove_races_with_the_call)
{
	int fds[2], q = kev_queue(NULL, 0), file = file_make(200 * KB), i;
	struct race r = { .fd = q, .turns = 400 };
	struct test_thread t;

	thread_start(&t, cancels, &r);
	for (i = 0; i < r.turns; i++) {
		struct ukevent uk;

		unix_pair(SOCK_STREAM, fds);
		CHECK_OK(kevent_aio_sendfile(q, fds[0], file, 0,
					     KEVENT_AIO_TO_END, 1, &uk));
		close(fds[0]);
		close(fds[1]);
	}
	thread_join(&t);
	while (kevent_get_events(q, 0, 1, NULL, &(struct ukevent){}, 0) > 0)
		;
	CHECK_SOON((kevent_get_events(q, 0, 1, NULL, &(struct ukevent){}, 0),
		    watches_of(q) == 0));
}
