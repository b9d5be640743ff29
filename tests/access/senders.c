// SPDX-License-Identifier: GPL-2.0
/* What a UNIX socket's reader who asks who wrote is told of a transfer. */
#include "../source/aio.h"

#include <sys/un.h>

#define SIZE	(2 * MB)

/* Receives what is there; each piece must be of this process, or, 0, of this user. */
static uint64_t receive_of(int fd, pid_t pid)
{
	union {
		char space[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	static char buf[65536];
	uint64_t sum = 0;
	struct ucred creds;
	ssize_t n;

	for (;;) {
		struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};

		n = recvmsg(fd, &msg, MSG_DONTWAIT);
		if (n <= 0)
			return sum;
		CHECK(CMSG_FIRSTHDR(&msg));
		CHECK_EQ(CMSG_FIRSTHDR(&msg)->cmsg_type, SCM_CREDENTIALS);
		memcpy(&creds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(creds));
		CHECK(!pid || creds.pid == pid);
		CHECK_EQ(creds.uid, getuid());
		sum += n;
	}
}

static uint64_t receive_ours(int fd)
{
	return receive_of(fd, getpid());
}

/* All of it is the program's own. */
TEST_USER(reader_asks)
{
	int q = kev_queue(NULL, 0), file = file_make(SIZE), fds[2], one = 1;
	uint64_t sum = 0;
	struct ukevent uk;

	unix_pair(SOCK_STREAM, fds);
	CHECK_OK(setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	aio_start_slow(q, fds[0], file, 1);
	CHECK_SOON((sum += receive_ours(fds[1]),
		    kevent_get_events(q, 0, 1, NULL, &uk, 0) == 1));
	sum += receive_ours(fds[1]);
	CHECK_EQ(sum, SIZE);
	aio_check(&uk, 1, SIZE, AIO_GOOD | KEVENT_AIO_EOF);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
}

/* Moves the transfers of a queue that it was given, as nobody. */
static void move_for_others(void *arg)
{
	int q = *(int *)arg;
	struct timespec limit = { .tv_sec = 10 };
	struct ukevent uk;

	become_user(TEST_USER_ID);
	CHECK_EQ(kevent_get_events(q, 1, 1, &limit, &uk, 0), 1);
	CHECK_EQ(kevent_aio_error(&uk), 0);
}

/* Whoever moves it: the user is the one who made it. */
TEST(moved_by_another_user)
{
	int q = kev_queue(NULL, 0), file = file_make(SIZE), fds[2], one = 1;
	uint64_t sum = 0;
	pid_t child;

	unix_pair(SOCK_STREAM, fds);
	CHECK_OK(setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	aio_start_slow(q, fds[0], file, 1);
	child = start_child(move_for_others, &q);
	CHECK_SOON((sum += receive_of(fds[1], 0)) == SIZE);
	wait_child(child);
}

/* One that was not accepted when it began, and whose reader does not ask. */
TEST_USER(accepted_late)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int q = kev_queue(NULL, 0), file = file_make(SIZE), listener, to, from;
	socklen_t len = sizeof(addr);

	listener = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	/* a name that the kernel chooses */
	CHECK_OK(bind(listener, (struct sockaddr *)&addr, sizeof(sa_family_t)));
	CHECK_OK(getsockname(listener, (struct sockaddr *)&addr, &len));
	CHECK_OK(listen(listener, 1));
	to = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	CHECK_OK(connect(to, (struct sockaddr *)&addr, len));
	aio_start_slow(q, to, file, 1);
	from = CHECK_OK(accept(listener, NULL, NULL));
	expect_file(from, 0, SIZE);
	aio_expect(q, 1, SIZE, AIO_GOOD | KEVENT_AIO_EOF);
}
