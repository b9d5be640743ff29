// SPDX-License-Identifier: GPL-2.0
/* Tests that each error that a change or a call really gives has a text of its own. */
#include "kev.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int q;

static void setup(void)
{
	q = kev_queue(NULL, 0);
}

/* The text must be ours, and have this in it. */
static void check_text(int line, unsigned long call, unsigned int type, int error,
		       const char *words)
{
	const char *text = kevent_strerror(call, type, error);

	if (!strcmp(text, strerror(error)) || !strstr(text, words))
		test_fail(__FILE__, line, "call %#lx, type %u, %s: \"%s\"", call, type,
			  test_errno_name(error), text);
}

/* A change that is refused with this errno, of which the text says this. */
#define REFUSED(cmd, uk, error, words) do {					\
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_##cmd, uk), error);		\
	check_text(__LINE__, KEVENT_CTL_##cmd, (uk)->type, error, words);	\
} while (0)

#define REFUSED_PREP(cmd, type, id, event, flags, error, words) do {		\
	struct ukevent uk_;							\
										\
	kevent_prep(&uk_, type, id, event, flags, 0);				\
	REFUSED(cmd, &uk_, error, words);					\
} while (0)

/* A call that fails with this errno, of which the text says this. */
#define FAILS(call, expr, error, words) do {					\
	CHECK_ERRNO(expr, error);						\
	check_text(__LINE__, KEVENT_IOC_##call, 0, error, words);		\
} while (0)

/* ---- Changes ------------------------------------------------------------- */

TEST(any_type)
{
	int fds[2];

	setup();
	CHECK_OK(pipe2(fds, O_CLOEXEC));
	REFUSED_PREP(ADD, 999, 0, 1, 0, EINVAL, "unknown type");
	REFUSED_PREP(ADD, KEVENT_NAIO, 0, 1, 0, EOPNOTSUPP, "this kernel does not support");
	REFUSED_PREP(ADD, KEVENT_PIPE, 999, KEVENT_PIPE_RECV, 0, EBADF, "not open");
	REFUSED_PREP(REMOVE, KEVENT_PIPE, fds[0], 0, 0, ENOENT, "no such watch");
	REFUSED_PREP(MODIFY, KEVENT_PIPE, fds[0], 1, 0, ENOENT, "has had its event");
	REFUSED_PREP(READY, KEVENT_PIPE, fds[0], 1, 0, ENOENT, "has had its event");
	kev_add(q, KEVENT_PIPE, fds[0], KEVENT_PIPE_RECV, 0);
	REFUSED_PREP(ADD, KEVENT_PIPE, fds[0], 1, 0, EEXIST, "watches it already");
	REFUSED_PREP(MODIFY, KEVENT_PIPE, fds[0], 1, KEVENT_REQ_EXCLUSIVE, EINVAL, "pipe");
	REFUSED_PREP(READY, KEVENT_PIPE, fds[0], 4, 0, EINVAL, "does not ask for");
	REFUSED_PREP(REMOVE, KEVENT_PIPE, fds[0], 0, 1u << 27, EINVAL, "unknown");
	REFUSED_PREP(MODIFY, 999, 0, 1, 0, EINVAL, "EXCLUSIVE");
}

TEST(files)
{
	int fds[2], dir, memfd, locked;

	setup();
	CHECK_OK(pipe2(fds, O_CLOEXEC));
	dir = CHECK_OK(open("/", O_RDONLY | O_CLOEXEC));
	memfd = CHECK_OK(memfd_create("x", MFD_CLOEXEC));
	REFUSED_PREP(ADD, KEVENT_SOCKET, fds[0], 1, 0, EINVAL, "not a socket");
	REFUSED_PREP(ADD, KEVENT_PIPE, dir, 1, 0, EINVAL, "not a pipe");
	REFUSED_PREP(ADD, KEVENT_POLL, q, 1, 0, EINVAL, "queue itself");
	REFUSED_PREP(ADD, KEVENT_POLL, dir, 1, 0, EPERM, "cannot be polled");
	REFUSED_PREP(ADD, KEVENT_INODE, fds[0], 1, 0, EINVAL, "in no file system");
	REFUSED_PREP(ADD, KEVENT_INODE, memfd, 1, 0, EINVAL, "memfd");
	locked = CHECK_OK(open("/root", O_PATH | O_CLOEXEC));
	CHECK_OK(chmod("/root", 0700));
	become_user(TEST_USER_ID);
	REFUSED_PREP(ADD, KEVENT_INODE, locked, 1, 0, EACCES, "may not be read");
}

TEST(timers)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	struct ukevent uk;
	timer_t timer;
	int other;

	setup();
	kevent_prep_timer(&uk, 1, 0, 0, CLOCK_MONOTONIC, 0, 0);
	REFUSED(ADD, &uk, EINVAL, "neither a time nor an interval");
	kevent_prep_timer(&uk, 1, 1, 0, CLOCK_PROCESS_CPUTIME_ID, 0, 0);
	REFUSED(ADD, &uk, EINVAL, "clock");
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &ev, &timer));
	kevent_prep_posix_timer(&uk, timer, 0, 0);
	REFUSED(ADD, &uk, EINVAL, "SIGEV_NONE");
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = SIGUSR1;
	CHECK_OK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &ev, &timer));
	kevent_prep_posix_timer(&uk, timer, 0, 0);
	REFUSED(ADD, &uk, EOPNOTSUPP, "CPU time");
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &ev, &timer));
	kevent_prep_posix_timer(&uk, timer, 0, 0);
	CHECK_OK(kevent_add(q, &uk));
	other = q;
	setup();
	kevent_prep_posix_timer(&uk, timer, 0, 0);
	REFUSED(ADD, &uk, EBUSY, "another queue");
	CHECK_OK(close(other));
}

static void sleep_on(void *arg)
{
	(void)arg;
	pause();
}

TEST(signals_and_processes)
{
	struct ukevent uk;
	pid_t pid;

	setup();
	kevent_prep_signal(&uk, 99, 0, 0);
	REFUSED(ADD, &uk, EINVAL, "no such signal");
	kevent_prep_signal(&uk, SIGKILL | KEVENT_SIGNAL_NOMASK, 0, 0);
	REFUSED(ADD, &uk, EINVAL, "KEVENT_SIGNAL_NOMASK cannot take away");
	kevent_prep_child(&uk, 1, 0, 0);
	REFUSED(ADD, &uk, ECHILD, "child of this process");
	kevent_prep_pidfd(&uk, q, 0, 0);
	REFUSED(ADD, &uk, EINVAL, "neither a pidfd");
	pid = start_child(sleep_on, NULL);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	kevent_prep_child(&uk, pid, 0, 0);
	REFUSED(ADD, &uk, ESRCH, "no such process");
}

TEST(private_events)
{
	struct ukevent uk;
	int i;

	setup();
	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_PAYLOAD, 0);
	uk.param[0] = 1;
	CHECK_OK(kevent_add(q, &uk));
	for (i = 0; i < 64 && kevent_fire(q, 1, 1, 0) == 0; i++)
		;
	REFUSED_PREP(READY, KEVENT_UNOTIFY, 1, 1, 0, EAGAIN, "no room for one more payload");
	REFUSED_PREP(MODIFY, KEVENT_UNOTIFY, 1, 1,
		     KEVENT_REQ_PAYLOAD | KEVENT_REQ_READY | KEVENT_REQ_ALWAYS_QUEUE, EAGAIN,
		     "no room for one more payload");
	REFUSED_PREP(READY, KEVENT_UNOTIFY, 1, 2, 0, EINVAL, "none of these bits");
	REFUSED_PREP(ADD, KEVENT_UNOTIFY, 1, 0, 0, EINVAL, "event");
}

static void set_limit(const char *text)
{
	int fd = CHECK_OK(open("/sys/module/kevent/parameters/max_user_watches",
			       O_RDWR | O_CLOEXEC));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	CHECK_OK(close(fd));
}

static void at_the_limit(void *arg)
{
	static const unsigned int types[] = {
		KEVENT_SIGNAL, KEVENT_TIMER, KEVENT_UNOTIFY,
	};
	struct ukevent uk;
	unsigned int i;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		kevent_prep(&uk, types[i], SIGUSR1, 1, 0, 0);
		uk.param[1] = types[i] == KEVENT_TIMER ? 1000000000 : 0;
		REFUSED(ADD, &uk, ENOSPC, "limit of watches");
	}
}

TEST(limits)
{
	char old[32];
	int fd;

	setup();
	fd = CHECK_OK(open("/sys/module/kevent/parameters/max_user_watches",
			   O_RDONLY | O_CLOEXEC));
	old[CHECK_OK(read(fd, old, sizeof(old) - 1))] = 0;
	set_limit("0");
	at_the_limit(NULL);
	set_limit(old);
}

TEST(transfers_are_not_changed)
{
	setup();
	REFUSED_PREP(ADD, KEVENT_AIO, 1, 1, 0, EINVAL, "its own call");
	REFUSED_PREP(REMOVE, KEVENT_AIO, 1, 0, 0, ENOENT, "no such transfer");
}

/* ---- Calls ------------------------------------------------------------------ */

static int init_again(unsigned int size)
{
	struct kevent_ioc_init init = { .ring_size = size };

	return ioctl(q, KEVENT_IOC_INIT, &init);
}

TEST(calls)
{
	const struct timespec soon = { .tv_nsec = 1 };
	struct kevent_ring ring;
	struct ukevent uk;

	q = kevent_open();
	FAILS(GET_EVENTS, kevent_get_events(q, 0, 1, NULL, &uk, 0), ENXIO, "not initialised");
	FAILS(INIT, init_again(3), EINVAL, "power of two");
	CHECK_OK(close(q));
	q = kev_queue(&ring, 8);
	FAILS(INIT, init_again(8), EBUSY, "initialised already");
	FAILS(CTL, kevent_ctl(q, 99, 1, &uk), EINVAL, "unknown command");
	FAILS(CTL, kevent_ctl(q, KEVENT_CTL_ADD, 1, NULL), EFAULT, "address");
	FAILS(GET_EVENTS, kevent_get_events(q, 2, 1, &soon, &uk, 0), EINVAL, "minimum");
	FAILS(WAIT, kevent_wait(q, 9, 0, &soon, 0), EINVAL, "minimum beyond the ring");
	FAILS(COMMIT, kevent_commit(q, 5, 0), EOVERFLOW, "not in the ring");
	FAILS(READ, kevent_read(q, 1, &uk, sizeof(uk), NULL), ENOENT, "no such watch");
	FAILS(INFO, ioctl(q, 0xeb55), ENOTTY, "no queue");
	CHECK_OK(fcntl(q, F_SETFL, O_NONBLOCK));
	FAILS(GET_EVENTS, kevent_get_events(q, 1, 1, NULL, &uk, 0), EAGAIN, "O_NONBLOCK");
	FAILS(WAIT, kevent_wait(q, 1, 0, NULL, 0), EAGAIN, "O_NONBLOCK");
	kev_fire((kev_add_user(q, 1), q), 1, 1);
	FAILS(COMMIT, kevent_commit(q, 1, 0), EINVAL, "claimed");
	FAILS(READ, kevent_read(q, kev_add_user(q, 2).cookie, &uk, sizeof(uk), NULL),
	      EINVAL, "no records");
	FAILS(WAKE, kevent_wake(999, 1), EBADF, "queue's descriptor");
}

TEST(sending)
{
	struct kevent_ioc_sendfile sf = { .path = (uintptr_t)"/nothing" };
	int fds[2], dir, dgram[2];

	setup();
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, dgram));
	dir = CHECK_OK(open("/", O_RDONLY | O_CLOEXEC));
	FAILS(AIO_SENDFILE, kevent_aio_sendfile(q, fds[0], 999, 0, 1, 0, NULL), EBADF,
	      "not open for reading");
	FAILS(AIO_SENDFILE, kevent_aio_sendfile(q, dir, dir, 0, 1, 0, NULL), ENOTSOCK,
	      "no socket");
	FAILS(AIO_SENDFILE, kevent_aio_sendfile(q, fds[0], dir, 0, 1, 0, NULL), EINVAL,
	      "not a regular file");
	FAILS(AIO_SENDFILE, kevent_aio_sendfile(q, dgram[0], dir, 0, 1, 0, NULL), EINVAL,
	      "not a stream socket");
	FAILS(AIO_SENDFILE_PATH, kevent_aio_sendfile_path(q, NULL, 0, "/nothing", fds[0], 0,
							  1, 0, NULL),
	      ENOENT, "no such file");
	FAILS(AIO_SENDFILE_PATH, kevent_aio_sendfile_path(q, NULL, 0, "/etc/passwd", 999, 0,
							  1, 0, NULL),
	      EBADF, "socket's");
	sf.sock = fds[0];
	FAILS(AIO_SENDFILES, kevent_aio_sendfiles(q, &sf, 1), ENOENT, "no such file");
	sf.path = 0;
	sf.in_fd = 999;
	FAILS(AIO_SENDFILES, kevent_aio_sendfiles(q, &sf, 1), EBADF, "not open for reading");
}

/* ---- Whatever is asked -------------------------------------------------------- */

/* Of the errors that the interface lists for entries, each has a text for each type. */
TEST(every_error_of_an_entry)
{
	static const int of_add[] = {
		EBADF, EEXIST, EINVAL, EOPNOTSUPP, ENOSPC, ENOMEM,
	};
	static const int of_others[] = { EBADF, ENOENT, EINVAL, EOPNOTSUPP, ENOMEM };
	unsigned int type, i, cmd;

	for (type = 0; type < KEVENT_TYPE_MAX; type++) {
		for (i = 0; i < ARRAY_SIZE(of_add); i++)
			check_text(__LINE__, KEVENT_CTL_ADD, type, of_add[i], "");
		for (cmd = KEVENT_CTL_REMOVE; cmd <= KEVENT_CTL_READY; cmd++)
			for (i = 0; i < ARRAY_SIZE(of_others); i++)
				check_text(__LINE__, cmd, type, of_others[i], "");
	}
}

/* A call's number as an int that is negative, from a language that has no other. */
TEST(sign_extended)
{
	check_text(__LINE__, (unsigned long)(int)KEVENT_IOC_INIT, 0, EBUSY, "already");
}

TEST(unknown_is_the_c_library_s)
{
	CHECK(!strcmp(kevent_strerror(KEVENT_CTL_ADD, KEVENT_PIPE, EXDEV), strerror(EXDEV)));
	CHECK(!strcmp(kevent_strerror(KEVENT_CTL_MODIFY, KEVENT_PIPE, EAGAIN), strerror(EAGAIN)));
	CHECK(!strcmp(kevent_strerror(12345, 0, EPIPE), strerror(EPIPE)));
}
