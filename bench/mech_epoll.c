// SPDX-License-Identifier: GPL-2.0
/*
 * epoll, level and edge. One epoll_wait(2) takes as much as there is; timers
 * are timerfds.
 */

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench.h"

struct mech_epoll {
	struct mech mech;
	int fd;
	uint32_t flags;
	int max;
	struct source *timers;
	unsigned int num_timers;
	struct epoll_event *events;
};

static struct mech_epoll *to_epoll(struct mech *m)
{
	return container_of(m, struct mech_epoll, mech);
}

static struct mech *epoll_open(const struct mech_ops *ops, unsigned int num)
{
	struct mech_epoll *e = xcalloc(1, sizeof(*e));

	e->mech.ops = ops;
	e->flags = ops->flags;
	e->max = (int)max(num, BATCH);
	e->events = xcalloc((size_t)e->max, sizeof(*e->events));
	e->fd = epoll_create1(EPOLL_CLOEXEC);
	if (e->fd < 0)
		die_errno("epoll_create1");
	return &e->mech;
}

static void epoll_close(struct mech *m)
{
	struct mech_epoll *e = to_epoll(m);

	close(e->fd);
	free(e->events);
	free(e);
}

static void epoll_add(struct mech *m, struct source *s, unsigned int num)
{
	struct mech_epoll *e = to_epoll(m);
	struct epoll_event ev = { .events = EPOLLIN | e->flags };
	unsigned int i;

	for (i = 0; i < num; i++) {
		ev.data.ptr = &s[i];
		if (unlikely(epoll_ctl(e->fd, EPOLL_CTL_ADD, s[i].rfd, &ev)))
			die_errno("EPOLL_CTL_ADD");
	}
}

static void epoll_modify(struct mech *m, struct source *s, unsigned int num,
			 bool more)
{
	struct mech_epoll *e = to_epoll(m);
	struct epoll_event ev = {
		.events = EPOLLIN | (more ? EPOLLPRI : 0) | e->flags,
	};
	unsigned int i;

	for (i = 0; i < num; i++) {
		ev.data.ptr = &s[i];
		if (unlikely(epoll_ctl(e->fd, EPOLL_CTL_MOD, s[i].rfd, &ev)))
			die_errno("EPOLL_CTL_MOD");
	}
}

static void epoll_remove(struct mech *m, struct source *s, unsigned int num)
{
	struct mech_epoll *e = to_epoll(m);
	unsigned int i;

	for (i = 0; i < num; i++) {
		if (unlikely(epoll_ctl(e->fd, EPOLL_CTL_DEL, s[i].rfd, NULL)))
			die_errno("EPOLL_CTL_DEL");
	}
}

static void epoll_take(struct mech_epoll *e, struct tally *t, int timeout)
{
	int i, num = epoll_wait(e->fd, e->events, e->max, timeout);

	if (unlikely(num < 0))
		die_errno("epoll_wait");
	for (i = 0; i < num; i++)
		tally_event(t, e->events[i].data.ptr, e->events[i].events,
			    EPOLLIN);
}

static void epoll_wait_one(struct mech *m, struct tally *t)
{
	epoll_take(to_epoll(m), t, -1);
}

static void epoll_look(struct mech *m, struct tally *t)
{
	epoll_take(to_epoll(m), t, 0);
}

static void epoll_collect(struct mech *m, struct tally *t)
{
	struct mech_epoll *e = to_epoll(m);

	do {
		epoll_take(e, t, -1);
	} while (unlikely(t->seen < t->want));
}

static void epoll_timers(struct mech *m, struct source *s, const uint64_t *at,
			 unsigned int num)
{
	struct mech_epoll *e = to_epoll(m);
	unsigned int i;

	e->timers = s;
	e->num_timers = num;
	for (i = 0; i < num; i++) {
		struct itimerspec its = {
			.it_value.tv_sec = (time_t)(at[i] / 1000000000u),
			.it_value.tv_nsec = (long)(at[i] % 1000000000u),
		};

		s[i].bytes = 8;
		s[i].rfd = timerfd_create(CLOCK_MONOTONIC,
					  TFD_NONBLOCK | TFD_CLOEXEC);
		if (s[i].rfd < 0 ||
		    timerfd_settime(s[i].rfd, TFD_TIMER_ABSTIME, &its, NULL))
			die_errno("timerfd");
		epoll_add(m, &s[i], 1);
	}
}

static void epoll_expired(struct mech *m, struct tally *t)
{
	struct mech_epoll *e = to_epoll(m);
	unsigned int i;

	epoll_collect(m, t);
	for (i = 0; i < e->num_timers; i++) {
		source_drain(&e->timers[i]);
		close(e->timers[i].rfd);
	}
}

#define MECH_EPOLL(_name, _mode, _flags, _caps)				\
{									\
	.name = (_name),						\
	.mode = (_mode),						\
	.caps = MECH_EVENTS | MECH_BLOCK | MECH_LOOK | (_caps),		\
	.flags = (_flags),						\
	.open = epoll_open,						\
	.close = epoll_close,						\
	.add = epoll_add,						\
	.modify = epoll_modify,						\
	.remove = epoll_remove,						\
	.collect = epoll_collect,					\
	.wait = epoll_wait_one,						\
	.look = epoll_look,						\
	.timers = epoll_timers,						\
	.expired = epoll_expired,					\
}

const struct mech_ops mech_epoll_lt =
	MECH_EPOLL("epoll-lt", "lt", 0,
		   MECH_CHANGES | MECH_CLOSE | MECH_LEVEL);
const struct mech_ops mech_epoll_et =
	MECH_EPOLL("epoll-et", "et", EPOLLET,
		   MECH_CHANGES | MECH_CLOSE | MECH_TIMER);
