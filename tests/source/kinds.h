/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files of every kind that a queue can watch, each with a way to make it ready
 * and not ready again, and tests that run over all of them:
 *
 *	TEST_KINDS(reported)
 *	{
 *		struct thing t;
 *
 *		thing_make(&t, k);
 *		thing_add(q, &t, 0);
 *		thing_raise(&t);	now it is ready
 *		thing_take(q, &t);
 *		thing_lower(&t);	now it is not
 *		thing_drop(&t);
 *	}
 *
 * is a test for each kind, reported_PIPE and so on, and runs twice: q is a
 * queue without a ring (ring is NULL), then one with a ring.
 *
 * thing_change() makes it ready in a way that is a new edge even if it was
 * ready before.
 */
#ifndef KEVENT_TEST_KINDS_H
#define KEVENT_TEST_KINDS_H

#include "files.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

/**
 * struct thing - one file that is watched, and what makes it ready
 * @kind: what it is.
 * @fd: the watched end.
 * @peer: the other end, or -1.
 * @extra: what else has to live as long, or -1.
 * @spool: scratch of the kind.
 * @turn: how often it was raised.
 */
struct thing {
	const struct kind *kind;
	int fd;
	int peer;
	int extra;
	int spool;
	int turn;
};

/**
 * struct kind - how to make and use a thing
 * @name: for messages.
 * @type: KEVENT_POLL and so on.
 * @event: what the watch asks for.
 * @make: fills in the fds; not ready.
 * @raise: one change to ready.
 * @lower: to not ready; NULL where there is no way back.
 * @once: raise works only once.
 * @fresh: raise does nothing while it is ready.
 */
struct kind {
	const char *name;
	unsigned int type;
	unsigned int event;
	void (*make)(struct thing *t);
	void (*raise)(struct thing *t);
	void (*lower)(struct thing *t);
	bool once;
	bool fresh;
};

/* ---- The makers ------------------------------------------------------------- */

static inline void kind_ends(struct thing *t, int fd, int peer)
{
	t->fd = fd;
	t->peer = peer;
}

static inline void kind_make_pipe(struct thing *t)
{
	int fds[2];

	CHECK_OK(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	kind_ends(t, fds[0], fds[1]);
}

/* The writing end of a full pipe. */
static inline void kind_make_full_pipe(struct thing *t)
{
	int fds[2];

	CHECK_OK(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	fill(fds[1]);
	kind_ends(t, fds[1], fds[0]);
}

static inline void kind_make_eventfd(struct thing *t)
{
	t->fd = CHECK_OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

static inline void kind_make_tcp(struct thing *t)
{
	int fds[2];

	tcp_pair(fds);
	kind_ends(t, fds[0], fds[1]);
}

static inline void kind_make_listener(struct thing *t)
{
	t->fd = tcp_listener(100);
}

static inline void kind_make_udp(struct thing *t)
{
	int fds[2];

	udp_pair(fds);
	kind_ends(t, fds[0], fds[1]);
}

static inline void kind_make_unix(struct thing *t, int type)
{
	int fds[2];

	unix_pair(type, fds);
	kind_ends(t, fds[0], fds[1]);
}

static inline void kind_make_stream(struct thing *t)
{
	kind_make_unix(t, SOCK_STREAM);
}

static inline void kind_make_dgram(struct thing *t)
{
	kind_make_unix(t, SOCK_DGRAM);
}

static inline void kind_make_seqpacket(struct thing *t)
{
	kind_make_unix(t, SOCK_SEQPACKET);
}

static inline void kind_make_pty(struct thing *t)
{
	int unlock = 0;

	t->fd = CHECK_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK |
			      O_CLOEXEC));
	CHECK_OK(ioctl(t->fd, TIOCSPTLCK, &unlock));
	t->peer = CHECK_OK(ioctl(t->fd, TIOCGPTPEER,
				 O_RDWR | O_NOCTTY | O_CLOEXEC));
}

static inline void kind_make_timerfd(struct thing *t)
{
	t->fd = CHECK_OK(timerfd_create(CLOCK_MONOTONIC,
					TFD_CLOEXEC | TFD_NONBLOCK));
}

/* Before threads are started: a signalfd's signal must be blocked in all. */
static inline sigset_t kind_block_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	return set;
}

static inline void kind_make_signalfd(struct thing *t)
{
	sigset_t set = kind_block_signal();

	t->fd = CHECK_OK(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
	/* Signals are the process's, not the file's: the last one left some. */
	drain(t->fd);
}

static inline void kind_make_epoll(struct thing *t)
{
	struct epoll_event ev = { .events = EPOLLIN };

	t->fd = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
	t->peer = CHECK_OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	CHECK_OK(epoll_ctl(t->fd, EPOLL_CTL_ADD, t->peer, &ev));
}

static inline void kind_make_inotify(struct thing *t)
{
	char path[64];

	t->spool = CHECK_OK(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	t->fd = CHECK_OK(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", t->spool);
	CHECK_OK(inotify_add_watch(t->fd, path, IN_MODIFY | IN_ATTRIB));
}

static inline void kind_make_pidfd(struct thing *t)
{
	t->extra = CHECK_OK(fork());
	if (!t->extra)
		for (;;)
			pause();
	t->fd = CHECK_OK(syscall(SYS_pidfd_open, t->extra, 0));
}

/* ---- Ready and not --------------------------------------------------------- */

static inline void kind_raise_peer(struct thing *t)
{
	send_byte(t->peer);
}

static inline void kind_lower_fd(struct thing *t)
{
	drain(t->fd);
}

static inline void kind_raise_room(struct thing *t)
{
	drain(t->peer);
}

static inline void kind_lower_room(struct thing *t)
{
	fill(t->fd);
}

static inline void kind_raise_counter(struct thing *t)
{
	uint64_t one = 1;

	CHECK_EQ(write(t->peer >= 0 ? t->peer : t->fd, &one, 8), 8);
}

static inline void kind_lower_counter(struct thing *t)
{
	drain(t->fd);
}

/* An epoll notices when it is asked. */
static inline void kind_lower_epoll(struct thing *t)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };

	drain(t->peer);
	CHECK_EQ(poll(&p, 1, 0), 0);
}

static inline void kind_raise_listener(struct thing *t)
{
	close(tcp_connect(t->fd));
}

static inline void kind_lower_listener(struct thing *t)
{
	int fd;

	while ((fd = accept(t->fd, NULL, NULL)) >= 0)
		close(fd);
}

static inline void kind_raise_pty(struct thing *t)
{
	send_byte(t->peer);
	wait_poll(t->fd, POLLIN);
}

static inline void kind_raise_timerfd(struct thing *t)
{
	struct itimerspec its = { .it_value.tv_nsec = 1 };

	CHECK_OK(timerfd_settime(t->fd, 0, &its, NULL));
	wait_poll(t->fd, POLLIN);
}

static inline void kind_raise_signalfd(struct thing *t)
{
	union sigval value = { 0 };

	(void)t;
	CHECK_OK(sigqueue(getpid(), SIGRTMIN + 1, value));
}

static inline void kind_raise_inotify(struct thing *t)
{
	/* What is the same as the last unread event would be dropped. */
	if (t->turn++ & 1)
		CHECK_OK(fchmod(t->spool, 0600));
	else
		send_byte(t->spool);
}

static inline void kind_raise_pidfd(struct thing *t)
{
	CHECK_OK(kill(t->extra, SIGKILL));
	wait_poll(t->fd, POLLIN);
}

/* ---- The table -------------------------------------------------------------- */

enum {
	KIND_PIPE,
	KIND_PIPE_OUT,
	KIND_EVENTFD,
	KIND_TCP,
	KIND_LISTENER,
	KIND_UDP,
	KIND_STREAM,
	KIND_DGRAM,
	KIND_SEQPACKET,
	KIND_PTY,
	KIND_TIMERFD,
	KIND_SIGNALFD,
	KIND_EPOLL,
	KIND_INOTIFY,
	KIND_PIDFD,
	KIND_SOCKET_TCP,
	KIND_SOCKET_LISTENER,
	KIND_SOCKET_UDP,
	KIND_SOCKET_STREAM,
	KIND_SOCKET_DGRAM,
	KIND_SOCKET_SEQPACKET,
	KIND_PIPE_RECV,
	KIND_PIPE_SEND,
	KIND_MAX,
};

#define KIND(name_, type_, event_, make_, raise_, lower_, ...)		\
	{								\
		.name = name_,						\
		.type = type_,						\
		.event = event_,					\
		.make = kind_make_##make_,				\
		.raise = kind_raise_##raise_,				\
		.lower = kind_lower_##lower_,				\
		__VA_ARGS__						\
	}

static const struct kind kinds[KIND_MAX] __attribute__((unused)) = {
	[KIND_PIPE] = KIND("poll pipe", KEVENT_POLL, POLLIN, pipe, peer, fd),
	[KIND_PIPE_OUT] = KIND("poll pipe, writing end", KEVENT_POLL, POLLOUT,
			       full_pipe, room, room, .fresh = true),
	[KIND_EVENTFD] = KIND("poll eventfd", KEVENT_POLL, POLLIN, eventfd,
			      counter, counter),
	[KIND_TCP] = KIND("poll tcp", KEVENT_POLL, POLLIN, tcp, peer, fd),
	[KIND_LISTENER] = KIND("poll tcp listener", KEVENT_POLL, POLLIN,
			       listener, listener, listener),
	[KIND_UDP] = KIND("poll udp", KEVENT_POLL, POLLIN, udp, peer, fd),
	[KIND_STREAM] = KIND("poll unix stream", KEVENT_POLL, POLLIN, stream,
			     peer, fd),
	[KIND_DGRAM] = KIND("poll unix dgram", KEVENT_POLL, POLLIN, dgram,
			    peer, fd),
	[KIND_SEQPACKET] = KIND("poll unix seqpacket", KEVENT_POLL, POLLIN,
				seqpacket, peer, fd),
	[KIND_PTY] = KIND("poll pty", KEVENT_POLL, POLLIN, pty, pty, fd),
	[KIND_TIMERFD] = KIND("poll timerfd", KEVENT_POLL, POLLIN, timerfd,
			      timerfd, fd),
	[KIND_SIGNALFD] = KIND("poll signalfd", KEVENT_POLL, POLLIN, signalfd,
			       signalfd, fd),
	[KIND_EPOLL] = KIND("poll epoll", KEVENT_POLL, POLLIN, epoll, counter,
			    epoll, .fresh = true),
	[KIND_INOTIFY] = KIND("poll inotify", KEVENT_POLL, POLLIN, inotify,
			      inotify, fd),
	[KIND_PIDFD] = {
		.name = "poll pidfd",
		.type = KEVENT_POLL,
		.event = POLLIN,
		.make = kind_make_pidfd,
		.raise = kind_raise_pidfd,
		.once = true,
	},
	[KIND_SOCKET_TCP] = KIND("socket tcp", KEVENT_SOCKET,
				 KEVENT_SOCKET_RECV, tcp, peer, fd),
	[KIND_SOCKET_LISTENER] = KIND("socket tcp listener", KEVENT_SOCKET,
				      KEVENT_SOCKET_ACCEPT, listener, listener,
				      listener),
	[KIND_SOCKET_UDP] = KIND("socket udp", KEVENT_SOCKET,
				 KEVENT_SOCKET_RECV, udp, peer, fd),
	[KIND_SOCKET_STREAM] = KIND("socket unix stream", KEVENT_SOCKET,
				    KEVENT_SOCKET_RECV, stream, peer, fd),
	[KIND_SOCKET_DGRAM] = KIND("socket unix dgram", KEVENT_SOCKET,
				   KEVENT_SOCKET_RECV, dgram, peer, fd),
	[KIND_SOCKET_SEQPACKET] = KIND("socket unix seqpacket", KEVENT_SOCKET,
				       KEVENT_SOCKET_RECV, seqpacket, peer, fd),
	[KIND_PIPE_RECV] = KIND("pipe recv", KEVENT_PIPE, KEVENT_PIPE_RECV,
				pipe, peer, fd),
	[KIND_PIPE_SEND] = KIND("pipe send", KEVENT_PIPE, KEVENT_PIPE_SEND,
				full_pipe, room, room, .fresh = true),
};

static inline void thing_make(struct thing *t, const struct kind *kind)
{
	t->kind = kind;
	t->fd = -1;
	t->peer = -1;
	t->extra = -1;
	t->spool = -1;
	t->turn = 0;
	kind->make(t);
}

static inline void thing_raise(struct thing *t)
{
	t->kind->raise(t);
}

static inline void thing_lower(struct thing *t)
{
	t->kind->lower(t);
}

static inline void thing_change(struct thing *t)
{
	if (t->kind->fresh)
		thing_lower(t);
	thing_raise(t);
}

/* Ends what is not the watched file; closing that is often the test's work. */
static inline void thing_drop_rest(struct thing *t)
{
	if (t->peer >= 0)
		close(t->peer);
	if (t->spool >= 0)
		close(t->spool);
	if (t->extra > 0) {
		kill(t->extra, SIGKILL);
		waitpid(t->extra, NULL, 0);
	}
}

static inline void thing_drop(struct thing *t)
{
	close(t->fd);
	thing_drop_rest(t);
}

/* ---- Watching them -------------------------------------------------------- */

static inline struct ukevent thing_add(int q, const struct thing *t,
				       unsigned int req_flags)
{
	return kev_add(q, t->kind->type, t->fd, t->kind->event, req_flags);
}

static inline struct ukevent thing_remove(int q, const struct thing *t)
{
	return kev_remove(q, t->kind->type, t->fd);
}

static inline int thing_try(int q, unsigned int cmd, const struct thing *t,
			    unsigned int req_flags)
{
	return kev_try(q, cmd, t->kind->type, t->fd,
		       cmd == KEVENT_CTL_REMOVE ? 0 : t->kind->event,
		       req_flags);
}

/* An event that has come or is on its way. */
static inline struct ukevent take(int q)
{
	struct timespec limit = { .tv_sec = 5 * test_scale() };
	struct ukevent uk;

	CHECK_EQ(kevent_get_events(q, 1, 1, &limit, &uk, 0), 1);
	return uk;
}

/* It must be that of this thing, whole. */
static inline struct ukevent thing_take(int q, const struct thing *t)
{
	struct ukevent uk = take(q);

	CHECK_EQ(uk.ptr, t->fd);
	CHECK_EQ(uk.type, t->kind->type);
	CHECK_EQ(uk.id.raw[0], t->fd);
	CHECK_EQ(uk.event, t->kind->event);
	CHECK_EQ(uk.ret_data[0], t->kind->event);
	CHECK_EQ(uk.ret_flags & (KEVENT_RET_BROKEN | KEVENT_RET_CANCELLED), 0);
	return uk;
}

#define take_none(q) kev_expect_get_none(q)

static inline uint64_t watches_of(int q)
{
	struct kevent_ioc_info info;

	CHECK_OK(kevent_info(q, &info));
	return info.queue_watches;
}

/* ---- Tests over all of them ----------------------------------------------- */

typedef void kind_test(const struct kind *k, int q, struct kevent_ring *ring);

static inline void kind_run_ring(kind_test *run, const struct kind *k)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 64);

	run(k, q, &ring);
	kev_close(q, &ring);
}

static inline void kind_run(kind_test *run, const struct kind *k)
{
	int q = kev_queue(NULL, 0);

	run(k, q, NULL);
	kev_close(q, NULL);
	kind_run_ring(run, k);
}

#define KIND_TEST(name_, run_, kind_)					\
	TEST(name_##_##kind_)						\
	{								\
		run_(kinds_##name_, &kinds[KIND_##kind_]);		\
	}

#define KIND_TESTS(name_, run_)						\
	static kind_test kinds_##name_;					\
	KIND_TEST(name_, run_, PIPE)					\
	KIND_TEST(name_, run_, PIPE_OUT)				\
	KIND_TEST(name_, run_, EVENTFD)					\
	KIND_TEST(name_, run_, TCP)					\
	KIND_TEST(name_, run_, LISTENER)				\
	KIND_TEST(name_, run_, UDP)					\
	KIND_TEST(name_, run_, STREAM)					\
	KIND_TEST(name_, run_, DGRAM)					\
	KIND_TEST(name_, run_, SEQPACKET)				\
	KIND_TEST(name_, run_, PTY)					\
	KIND_TEST(name_, run_, TIMERFD)					\
	KIND_TEST(name_, run_, SIGNALFD)				\
	KIND_TEST(name_, run_, EPOLL)					\
	KIND_TEST(name_, run_, INOTIFY)					\
	KIND_TEST(name_, run_, SOCKET_TCP)				\
	KIND_TEST(name_, run_, SOCKET_LISTENER)				\
	KIND_TEST(name_, run_, SOCKET_UDP)				\
	KIND_TEST(name_, run_, SOCKET_STREAM)				\
	KIND_TEST(name_, run_, SOCKET_DGRAM)				\
	KIND_TEST(name_, run_, SOCKET_SEQPACKET)			\
	KIND_TEST(name_, run_, PIPE_RECV)				\
	KIND_TEST(name_, run_, PIPE_SEND)

#define KIND_BODY(name_)						\
	static void kinds_##name_(const struct kind *k, int q UNUSED,	\
				  struct kevent_ring *ring UNUSED)
#define UNUSED __attribute__((unused))

/* All kinds. */
#define TEST_KINDS(name_)						\
	KIND_TESTS(name_, kind_run)					\
	KIND_TEST(name_, kind_run, PIDFD)				\
	KIND_BODY(name_)

/* Those that can be made not ready again. */
#define TEST_KINDS_BACK(name_)						\
	KIND_TESTS(name_, kind_run)					\
	KIND_BODY(name_)

/* The same, but only with a ring. */
#define TEST_KINDS_RING(name_)						\
	KIND_TESTS(name_, kind_run_ring)				\
	KIND_BODY(name_)

#endif
