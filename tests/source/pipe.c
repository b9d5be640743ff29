// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_PIPE: data, room, end of file, nobody who reads. */
#include "kinds.h"

#define RECV KEVENT_PIPE_RECV
#define SEND KEVENT_PIPE_SEND
#define ET KEVENT_REQ_ET

static void make_pipe(int fds[2])
{
	CHECK_OK(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
}

static void expect(struct ukevent uk, unsigned int bits, unsigned int flags)
{
	CHECK_EQ(uk.ret_data[0], bits);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_BROKEN, flags);
}

TEST(data)
{
	int q = kev_queue(NULL, 0), fds[2];

	make_pipe(fds);
	kev_add(q, KEVENT_PIPE, fds[0], RECV, 0);
	take_none(q);
	send_byte(fds[1]);
	expect(take(q), RECV, 0);
	expect(take(q), RECV, 0);
	drain(fds[0]);
	take_none(q);
}

TEST(room)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	make_pipe(fds);
	uk = kev_add(q, KEVENT_PIPE, fds[1], SEND, ET);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	expect(uk, SEND, 0);
	fill(fds[1]);
	take_none(q);
	drain(fds[0]);
	expect(take(q), SEND, 0);
	take_none(q);
}

/* The old kevent never told this one. */
static void end_of_empty(unsigned int flags)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	make_pipe(fds);
	kev_add(q, KEVENT_PIPE, fds[0], RECV, flags);
	take_none(q);
	close(fds[1]);
	uk = take(q);
	expect(uk, RECV, KEVENT_RET_BROKEN);
	if (flags & ET)
		take_none(q);
	close(fds[0]);
	kev_close(q, NULL);
}

TEST(end_of_empty_pipe)
{
	end_of_empty(0);
	end_of_empty(ET);
	end_of_empty(KEVENT_REQ_ONESHOT);
	end_of_empty(KEVENT_REQ_DISPATCH);
	end_of_empty(KEVENT_REQ_LAST_CHECK);
	end_of_empty(KEVENT_REQ_LAST_CHECK | ET);
}

TEST(end_of_empty_pipe_in_place)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), fds[2];
	const struct ukevent *uk;

	make_pipe(fds);
	kev_add(q, KEVENT_PIPE, fds[0], RECV, ET);
	close(fds[1]);
	uk = kev_expect(&ring, fds[0], RECV);
	CHECK(uk->ret_flags & KEVENT_RET_BROKEN);
	kev_expect_none(&ring);
	kev_close(q, &ring);
}

TEST(end_before_add)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	make_pipe(fds);
	close(fds[1]);
	uk = kev_add(q, KEVENT_PIPE, fds[0], RECV, ET);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	expect(uk, RECV, KEVENT_RET_BROKEN);
	/* An event with BROKEN is no refusal. */
	CHECK_EQ(kevent_error(&uk), 0);
	CHECK_EQ(watches_of(q), 1);
}

TEST(end_after_data)
{
	int q = kev_queue(NULL, 0), fds[2];

	make_pipe(fds);
	kev_add(q, KEVENT_PIPE, fds[0], RECV, 0);
	send_byte(fds[1]);
	expect(take(q), RECV, 0);
	close(fds[1]);
	expect(take(q), RECV, KEVENT_RET_BROKEN);
	drain(fds[0]);
	expect(take(q), RECV, KEVENT_RET_BROKEN);
}

/* Not the first of two writers, but the last. */
TEST(last_writer)
{
	int q = kev_queue(NULL, 0), fds[2], dup;

	make_pipe(fds);
	dup = CHECK_OK(fcntl(fds[1], F_DUPFD_CLOEXEC, 0));
	kev_add(q, KEVENT_PIPE, fds[0], RECV, 0);
	close(fds[1]);
	take_none(q);
	close(dup);
	expect(take(q), RECV, KEVENT_RET_BROKEN);
}

TEST(nobody_reads)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	make_pipe(fds);
	fill(fds[1]);
	kev_add(q, KEVENT_PIPE, fds[1], SEND, ET);
	take_none(q);
	close(fds[0]);
	uk = take(q);
	CHECK(uk.ret_flags & KEVENT_RET_BROKEN);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERRNO(write(fds[1], "x", 1), EPIPE);
}

TEST(nobody_reads_at_add)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	make_pipe(fds);
	close(fds[0]);
	uk = kev_add(q, KEVENT_PIPE, fds[1], SEND, 0);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK(uk.ret_flags & KEVENT_RET_BROKEN);
	CHECK(take(q).ret_flags & KEVENT_RET_BROKEN);
}

static void fifo_path(char *path, size_t size)
{
	snprintf(path, size, "/tmp/kevent-fifo-%d", getpid());
	CHECK_OK(mkfifo(path, 0600));
}

TEST(fifo)
{
	int q = kev_queue(NULL, 0), in, out;
	char path[64];

	fifo_path(path, sizeof(path));
	in = CHECK_OK(open(path, O_RDONLY | O_NONBLOCK));
	out = CHECK_OK(open(path, O_WRONLY | O_NONBLOCK));
	unlink(path);
	kev_add(q, KEVENT_PIPE, in, RECV, ET);
	send_byte(out);
	expect(take(q), RECV, 0);
	close(out);
	expect(take(q), RECV, KEVENT_RET_BROKEN);
}

TEST(fifo_both_ways)
{
	int q = kev_queue(NULL, 0), fd;
	char path[64];

	fifo_path(path, sizeof(path));
	fd = CHECK_OK(open(path, O_RDWR | O_NONBLOCK));
	unlink(path);
	expect(kev_add(q, KEVENT_PIPE, fd, RECV | SEND, 0), SEND, 0);
	send_byte(fd);
	take(q);
	expect(take(q), RECV | SEND, 0);
	fill(fd);
	take(q);
	expect(take(q), RECV, 0);
	drain(fd);
	take(q);
	expect(take(q), SEND, 0);
}

TEST(wrong_file)
{
	int q = kev_queue(NULL, 0), fds[2], fd;

	unix_pair(SOCK_STREAM, fds);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_PIPE, fds[0], RECV, 0),
		 EINVAL);
	fd = CHECK_OK(eventfd(0, 0));
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_PIPE, fd, RECV, 0), EINVAL);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_PIPE, 9999, RECV, 0), EBADF);
	make_pipe(fds);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_PIPE, fds[0], 0x2, 0),
		 EINVAL);
	CHECK_EQ(watches_of(q), 0);
}
