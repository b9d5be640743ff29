/* SPDX-License-Identifier: GPL-2.0 */
/* Racing about files that are polled: KEVENT_POLL, KEVENT_SOCKET, KEVENT_PIPE. */
#ifndef RACE_SOURCE_FILE_H
#define RACE_SOURCE_FILE_H

#include "round.h"

#define RACE_FLAGS	(KEVENT_REQ_ONESHOT | KEVENT_REQ_WAKEUP_ALL |	\
			 KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE |	\
			 KEVENT_REQ_DISPATCH | KEVENT_REQ_TIMESTAMP)
#define RACE_FLAGS_FILE	(RACE_FLAGS | KEVENT_REQ_LAST_CHECK |		\
			 KEVENT_REQ_EXCLUSIVE | KEVENT_REQ_CLOSED)

/* ---- Any file ---------------------------------------------------------- */

static inline void scene_set_files(struct scene *s, const int *fds)
{
	s->fd = fds[0];
	s->peer = fds[1];
	s->id = s->fd;
}

/*
 * The peer, closed, and its fd another file's: the wake-up has no key. The
 * watched file is the last that keeps what both had in common.
 */
static inline void file_hang_up(struct scene *s)
{
	int null = CHECK_OK(open("/dev/null", O_WRONLY | O_CLOEXEC));

	CHECK_OK(dup3(null, s->peer, O_CLOEXEC));
	close(null);
	s->spent = true;
}

/* The end of the peer is an event of this file: of ACT_EVENT, or before all. */
static inline void file_can_hang_up(struct scene *s)
{
	s->hangs_up = race_has(s, ACT_EVENT);
	if (!s->hangs_up && race_random(s, 2))
		file_hang_up(s);
}

static inline void file_pipe(struct scene *s)
{
	int fds[2];

	CHECK_OK(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	scene_set_files(s, fds);
	file_can_hang_up(s);
}

static inline void file_unix(struct scene *s, int type)
{
	int fds[2];

	unix_pair(type, fds);
	scene_set_files(s, fds);
	if (type == SOCK_STREAM)
		file_can_hang_up(s);
}

static inline void file_udp(struct scene *s)
{
	int fds[2];

	udp_pair(fds);
	scene_set_files(s, fds);
}

static inline void file_tcp(struct scene *s)
{
	int fds[2];

	tcp_pair(fds);
	scene_set_files(s, fds);
	file_can_hang_up(s);
}

static inline void file_close(struct scene *s)
{
	close(s->fd);
	if (s->extra >= 0)
		close(s->extra);
}

static inline void file_drop(struct scene *s)
{
	if (!s->closed)
		file_close(s);
	if (s->peer >= 0)
		close(s->peer);
	s->fd = -1;
	s->peer = -1;
	s->extra = -1;
}

static inline void file_calm(struct scene *s)
{
	drain(s->fd);
}

/* The reader may be closed by now, or have no room: then it did not happen. */
static inline unsigned int file_event(struct side *side)
{
	struct scene *s = side->s;
	uint64_t one = 1;
	int fd = s->peer >= 0 ? s->peer : s->fd;

	if (s->hangs_up && side_random(side, 8) == 0) {
		file_hang_up(s);
		return 1;
	}
	return write(fd, &one, sizeof(one)) == sizeof(one);
}

/* ---- KEVENT_POLL: by how they wake, and by where they are asked -------- */

enum { POLL_EVENTFD, POLL_STREAM, POLL_DGRAM, POLL_UDP, POLL_PIPE, POLL_EPOLL,
       POLL_SIGNALFD, POLL_KINDS };

static inline void poll_make_epoll(struct scene *s)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fds[2];

	fds[0] = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
	fds[1] = CHECK_OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	CHECK_OK(epoll_ctl(fds[0], EPOLL_CTL_ADD, fds[1], &ev));
	scene_set_files(s, fds);
}

static inline int poll_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return CHECK_OK(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

static inline void poll_make(struct scene *s)
{
	s->event = POLLIN;
	s->kind = race_random(s, POLL_KINDS);
	switch (s->kind) {
	case POLL_EVENTFD:
		s->fd = CHECK_OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		s->id = s->fd;
		break;
	case POLL_STREAM:
		file_unix(s, SOCK_STREAM);
		break;
	case POLL_DGRAM:
		file_unix(s, SOCK_DGRAM);
		break;
	case POLL_UDP:
		file_udp(s);
		break;
	case POLL_PIPE:
		file_pipe(s);
		break;
	case POLL_EPOLL:
		poll_make_epoll(s);
		break;
	case POLL_SIGNALFD:
		s->fd = poll_signalfd();
		s->id = s->fd;
		s->extra = poll_signalfd();
		break;
	}
}

static inline unsigned int poll_event(struct side *side)
{
	if (side->s->kind != POLL_SIGNALFD)
		return file_event(side);
	CHECK_OK(kill(getpid(), SIGUSR2));
	return 1;
}

/* An epoll finds out when it is asked. */
static inline void poll_calm(struct scene *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	drain(s->kind == POLL_EPOLL ? s->peer : s->fd);
	CHECK_OK(poll(&p, 1, 0));
}

/* What is left is the process's, and the next signalfd's. */
static inline void poll_drop(struct scene *s)
{
	const struct timespec now = { 0 };
	sigset_t set;

	file_drop(s);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	while (sigtimedwait(&set, NULL, &now) >= 0)
		;
}

/*
 * A signalfd that a child has asked wakes from its signal handlers: they end
 * with the child, by POLLFREE, while the file may be closed.
 */
static inline void poll_child(struct scene *s)
{
	struct ukevent uk;

	if (s->kind != POLL_SIGNALFD)
		return;
	kevent_prep(&uk, KEVENT_POLL, s->extra, POLLIN, KEVENT_REQ_ET,
		    RACE_CHILD_PTR);
	kevent_ctl_one(s->q, KEVENT_CTL_ADD, &uk);
	close(s->extra);
}

static inline void poll_settle(struct scene *s)
{
	if (race_has(s, ACT_FORK) && s->extra >= 0 && !s->closed)
		kev_try(s->q, KEVENT_CTL_REMOVE, KEVENT_POLL, s->extra, 0, 0);
}

/* Two sets of terms: what is asked for, and what says which it was. */
static inline unsigned int poll_asks(uint64_t ptr)
{
	return ptr >> 32 ? POLLIN | POLLOUT : POLLIN;
}

static inline void poll_prep(const struct scene *s, struct ukevent *uk,
			     unsigned int *seed)
{
	(void)s;
	uk->ptr |= (uint64_t)(rand_r(seed) & 1) << 32;
	uk->event = poll_asks(uk->ptr);
}

static inline void poll_terms(const struct scene *s, const struct ukevent *uk)
{
	(void)s;
	CHECK_EQ(uk->event, poll_asks(uk->ptr));
}

static const struct source poll_source = {
	.name	= "poll",
	.type	= KEVENT_POLL,
	.flags	= RACE_FLAGS_FILE,
	.level	= true,
	.unasked = POLLERR | POLLHUP,
	.prep	= poll_prep,
	.terms	= poll_terms,
	.close	= file_close,
	.make	= poll_make,
	.drop	= poll_drop,
	.calm	= poll_calm,
	.event	= poll_event,
	.child	= poll_child,
	.settle	= poll_settle,
};

/* ---- KEVENT_SOCKET ----------------------------------------------------- */

static inline void socket_make(struct scene *s)
{
	s->event = KEVENT_SOCKET_RECV;
	s->kind = race_random(s, 4);
	if (s->kind == 0)
		file_tcp(s);
	else if (s->kind == 1)
		file_udp(s);
	else
		file_unix(s, s->kind == 2 ? SOCK_STREAM : SOCK_DGRAM);
}

/* A connection that is broken off tells so by an error. */
static inline unsigned int socket_event(struct side *side)
{
	uint64_t one = 1;

	return send(side->s->peer, &one, sizeof(one),
		    MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(one);
}

/* Two sets of terms, of sockets and of pipes. */
static inline unsigned int recv_asks(uint64_t ptr)
{
	CHECK_EQ(KEVENT_SOCKET_RECV, KEVENT_PIPE_RECV);
	CHECK_EQ(KEVENT_SOCKET_SEND, KEVENT_PIPE_SEND);
	return ptr >> 32 ? KEVENT_SOCKET_RECV | KEVENT_SOCKET_SEND :
			   KEVENT_SOCKET_RECV;
}

static inline void recv_prep(const struct scene *s, struct ukevent *uk,
			     unsigned int *seed)
{
	(void)s;
	uk->ptr |= (uint64_t)(rand_r(seed) & 1) << 32;
	uk->event = recv_asks(uk->ptr);
}

static inline void recv_terms(const struct scene *s, const struct ukevent *uk)
{
	(void)s;
	CHECK_EQ(uk->event, recv_asks(uk->ptr));
}

static const struct source socket_source = {
	.name	= "socket",
	.type	= KEVENT_SOCKET,
	.flags	= RACE_FLAGS_FILE,
	.level	= true,
	.prep	= recv_prep,
	.terms	= recv_terms,
	.close	= file_close,
	.make	= socket_make,
	.drop	= file_drop,
	.calm	= file_calm,
	.event	= socket_event,
};

/* ---- KEVENT_PIPE ------------------------------------------------------- */

static inline void pipe_make(struct scene *s)
{
	s->event = KEVENT_PIPE_RECV;
	file_pipe(s);
}

static const struct source pipe_source = {
	.name	= "pipe",
	.type	= KEVENT_PIPE,
	.flags	= RACE_FLAGS_FILE,
	.level	= true,
	.prep	= recv_prep,
	.terms	= recv_terms,
	.close	= file_close,
	.make	= pipe_make,
	.drop	= file_drop,
	.calm	= file_calm,
	.event	= file_event,
};

#endif
