// SPDX-License-Identifier: GPL-2.0
/* work_kqueue.c on kqueue() and kevent() of lib/kqueue. */

#include <stdlib.h>
#include <sys/event.h>
#include <unistd.h>

#include "kqueue.h"

struct mech_kqueue {
	struct mech mech;
	int fd;
	struct kevent changes[KQUEUE_MAX];
	struct kevent events[KQUEUE_MAX];
};

static struct mech_kqueue *to_kqueue(struct mech *m)
{
	return container_of(m, struct mech_kqueue, mech);
}

static struct mech *library_open(const struct mech_ops *ops, unsigned int num)
{
	struct mech_kqueue *q = xcalloc(1, sizeof(*q));

	(void)num;
	q->mech.ops = ops;
	q->fd = kqueue();
	if (q->fd < 0)
		die_errno("kqueue");
	return &q->mech;
}

static void library_close(struct mech *m)
{
	close(to_kqueue(m)->fd);
	free(to_kqueue(m));
}

static void library_set(struct kevent *kev, struct kqueue_source *s, unsigned short flags)
{
	switch (s->kind) {
	case KQUEUE_SOCKET:
		EV_SET(kev, (uintptr_t)s->s.rfd, EVFILT_READ, flags, 0, 0, s);
		break;
	case KQUEUE_TIMER:
		EV_SET(kev, (uintptr_t)s, EVFILT_TIMER, flags, NOTE_NSECONDS, KQUEUE_PERIOD, s);
		break;
	case KQUEUE_SIGNAL:
		EV_SET(kev, (uintptr_t)s->signo, EVFILT_SIGNAL, flags, 0, 0, s);
		break;
	}
}

static void library_changelist(struct mech *m, unsigned int what, struct kqueue_source *s,
			       unsigned int num)
{
	static const unsigned short flags[] = {
		[KQUEUE_ADD]		= EV_ADD,
		[KQUEUE_DISABLE]	= EV_DISABLE,
		[KQUEUE_ENABLE]		= EV_ENABLE,
		[KQUEUE_DELETE]		= EV_DELETE,
	};
	static const struct timespec no_time;
	const unsigned short clear = what == KQUEUE_ADD ? (unsigned short)m->ops->flags : 0;
	struct mech_kqueue *q = to_kqueue(m);
	unsigned int i;

	for (i = 0; i < num; i++)
		library_set(&q->changes[i], &s[i], flags[what] | clear);
	if (unlikely(kevent(q->fd, q->changes, (int)num, q->events, KQUEUE_MAX, &no_time)))
		die_errno("kevent");
}

static void library_event(struct tally *t, const struct kevent *kev)
{
	struct kqueue_source *s = kev->udata;

	s->count = (uint64_t)kev->data;
	tally_event(t, &s->s, kev->data != 0, 1);
}

static void library_collect(struct mech *m, struct tally *t)
{
	struct mech_kqueue *q = to_kqueue(m);
	int i, num;

	do {
		num = kevent(q->fd, NULL, 0, q->events, KQUEUE_MAX, NULL);
		if (unlikely(num < 0))
			die_errno("kevent");
		for (i = 0; i < num; i++)
			library_event(t, &q->events[i]);
	} while (unlikely(t->seen < t->want));
}

#define KQUEUE_LIBRARY(_name, _mode, _flags, _caps)			\
{									\
	.name = (_name),						\
	.mode = (_mode),						\
	.caps = MECH_KQUEUE | MECH_KEVENT | (_caps),			\
	.flags = (_flags),						\
	.open = library_open,						\
	.close = library_close,						\
	.collect = library_collect,					\
	.changelist = library_changelist,				\
}

const struct mech_ops kqueue_library = KQUEUE_LIBRARY("kqueue", "lt", 0, MECH_BATCH);
const struct mech_ops kqueue_library_clear =
	KQUEUE_LIBRARY("kqueue-clear", "et", EV_CLEAR, 0);
