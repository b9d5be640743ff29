// SPDX-License-Identifier: GPL-2.0
/*
 * work_kqueue.c on epoll: a timerfd for each timer, one signalfd for all signals, which
 * are read to learn how often they came.
 */

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "kqueue.h"

struct mech_hand {
	struct mech mech;
	int fd;
	int signals;
	sigset_t set;
	struct kqueue_source *by_signo[KQUEUE_MAX + 1];
	struct epoll_event events[KQUEUE_MAX];
};

static struct mech_hand *to_hand(struct mech *m)
{
	return container_of(m, struct mech_hand, mech);
}

/* Signals are blocked: they wait for who reads them. */
static struct mech *hand_open(const struct mech_ops *ops, unsigned int num)
{
	struct mech_hand *h = xcalloc(1, sizeof(*h));
	sigset_t all;

	(void)num;
	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	sigprocmask(SIG_BLOCK, &all, NULL);
	h->mech.ops = ops;
	h->signals = -1;
	sigemptyset(&h->set);
	h->fd = epoll_create1(EPOLL_CLOEXEC);
	if (h->fd < 0)
		die_errno("epoll_create1");
	return &h->mech;
}

static void hand_close(struct mech *m)
{
	close(to_hand(m)->fd);
	free(to_hand(m));
}

/* ---- Changes ----------------------------------------------------------- */

static void hand_ctl(struct mech_hand *h, int op, int fd, uint32_t events, void *ptr)
{
	struct epoll_event ev = {
		.events = events ? events | h->mech.ops->flags : 0,
		.data.ptr = ptr,
	};

	if (unlikely(epoll_ctl(h->fd, op, fd, &ev)))
		die_errno("epoll_ctl");
}

static void hand_add_timer(struct mech_hand *h, struct kqueue_source *s)
{
	const struct timespec period = {
		.tv_sec = KQUEUE_PERIOD / 1000000000u,
		.tv_nsec = KQUEUE_PERIOD % 1000000000u,
	};
	const struct itimerspec its = { period, period };

	s->s.rfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (unlikely(s->s.rfd < 0 || timerfd_settime(s->s.rfd, 0, &its, NULL)))
		die_errno("timerfd");
	hand_ctl(h, EPOLL_CTL_ADD, s->s.rfd, EPOLLIN, s);
}

/* One fd for all: what is in h->set. */
static void hand_set_signals(struct mech_hand *h)
{
	int fd = signalfd(h->signals, &h->set, SFD_NONBLOCK | SFD_CLOEXEC);

	if (unlikely(fd < 0))
		die_errno("signalfd");
	if (h->signals < 0)
		hand_ctl(h, EPOLL_CTL_ADD, fd, EPOLLIN, NULL);
	h->signals = fd;
}

static void hand_change_one(struct mech_hand *h, unsigned int what,
			    struct kqueue_source *s)
{
	if (s->kind == KQUEUE_TIMER && what == KQUEUE_ADD)
		hand_add_timer(h, s);
	else if (s->kind == KQUEUE_TIMER && what == KQUEUE_DELETE)
		close(s->s.rfd);
	else if (what == KQUEUE_ADD)
		hand_ctl(h, EPOLL_CTL_ADD, s->s.rfd, EPOLLIN, s);
	else if (what == KQUEUE_DELETE)
		hand_ctl(h, EPOLL_CTL_DEL, s->s.rfd, 0, NULL);
	else
		hand_ctl(h, EPOLL_CTL_MOD, s->s.rfd, what == KQUEUE_ENABLE ? EPOLLIN : 0, s);
}

static void hand_change_signal(struct mech_hand *h, unsigned int what,
			       struct kqueue_source *s)
{
	if (what == KQUEUE_ADD)
		sigaddset(&h->set, s->signo);
	else
		sigdelset(&h->set, s->signo);
	h->by_signo[s->signo] = s;
}

/* Signals are there or not there: they are neither enabled nor disabled here. */
static void hand_changelist(struct mech *m, unsigned int what, struct kqueue_source *s,
			    unsigned int num)
{
	struct mech_hand *h = to_hand(m);
	bool signals = false;
	unsigned int i;

	for (i = 0; i < num; i++) {
		if (s[i].kind == KQUEUE_SIGNAL) {
			hand_change_signal(h, what, &s[i]);
			signals = true;
		} else {
			hand_change_one(h, what, &s[i]);
		}
	}
	if (signals)
		hand_set_signals(h);
	if (unlikely(epoll_wait(h->fd, h->events, KQUEUE_MAX, 0)))
		die_errno("epoll_wait");
}

/* ---- Events ------------------------------------------------------------ */

static void hand_read_signals(struct mech_hand *h, struct tally *t)
{
	struct signalfd_siginfo info[KQUEUE_MAX];
	struct kqueue_source *s;
	ssize_t len = read(h->signals, info, sizeof(info));
	unsigned int i;

	if (unlikely(len < 0))
		die_errno("read of a signalfd");
	for (i = 0; i < (size_t)len / sizeof(info[0]); i++) {
		s = h->by_signo[info[i].ssi_signo];
		s->count = 1;
		tally_event(t, &s->s, 1, 1);
	}
}

static void hand_ask_bytes(struct kqueue_source *s)
{
	int bytes;

	if (unlikely(ioctl(s->s.rfd, FIONREAD, &bytes)))
		die_errno("FIONREAD");
	s->count = (uint64_t)bytes;
}

static void hand_event(struct mech_hand *h, struct tally *t, const struct epoll_event *ev)
{
	struct kqueue_source *s = ev->data.ptr;

	if (!s) {
		hand_read_signals(h, t);
		return;
	}
	if (s->kind == KQUEUE_TIMER &&
	    unlikely(read(s->s.rfd, &s->count, sizeof(s->count)) != sizeof(s->count)))
		die_errno("read of a timerfd");
	if (s->asks)
		hand_ask_bytes(s);
	tally_event(t, &s->s, ev->events, EPOLLIN);
}

static void hand_collect(struct mech *m, struct tally *t)
{
	struct mech_hand *h = to_hand(m);
	int i, num;

	do {
		num = epoll_wait(h->fd, h->events, KQUEUE_MAX, -1);
		if (unlikely(num < 0))
			die_errno("epoll_wait");
		for (i = 0; i < num; i++)
			hand_event(h, t, &h->events[i]);
	} while (unlikely(t->seen < t->want));
}

#define KQUEUE_HAND(_name, _mode, _flags)				\
{									\
	.name = (_name),						\
	.mode = (_mode),						\
	.caps = MECH_KQUEUE | MECH_BATCH,				\
	.flags = (_flags),						\
	.open = hand_open,						\
	.close = hand_close,						\
	.collect = hand_collect,					\
	.changelist = hand_changelist,					\
}

const struct mech_ops kqueue_hand_lt = KQUEUE_HAND("epoll-lt", "lt", 0);
const struct mech_ops kqueue_hand_et = KQUEUE_HAND("epoll-et", "et", EPOLLET);
