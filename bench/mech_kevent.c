// SPDX-License-Identifier: GPL-2.0
/*
 * kevent: the ring, through the inline consumer of <kevent.h> and nothing
 * else, and GET_EVENTS. "et" takes events with no call until it has what it
 * waits for, as the others do; slots are freed when the next event is asked
 * for. "lt" makes one WAIT each time. Every event is checked as those of the
 * others are; the socket modes check the number of bytes as well, where the
 * kernel can tell it (TCP). The modes of epoll are epoll's contract, as libkevent-epoll
 * has it: an event is true when it is handed out, and it is a struct epoll_event.
 */

#include <assert.h>
#include <kevent.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "bench.h"

#define GET_MAX	65536u	/* events, of KEVENT_IOC_GET_EVENTS */

struct mech_kevent {
	struct mech mech;
	int fd;
	uint32_t type;
	uint32_t flags;
	unsigned int max;
	struct ukevent *events;
	struct kevent_ring ring;
};

static struct mech_kevent *to_kevent(struct mech *m)
{
	return container_of(m, struct mech_kevent, mech);
}

/* Twice as many slots as watches, so that none ever has to wait. */
static unsigned int ring_slots(unsigned int num)
{
	struct kevent_ioc_info info;
	unsigned int slots = 2 * BATCH;
	int fd = kevent_open();

	if (fd < 0)
		die_errno("/dev/kevent");
	if (kevent_info(fd, &info) < 0)
		die_errno("KEVENT_IOC_INFO");
	close(fd);
	while (slots < 2 * num && slots < info.ring_max)
		slots *= 2;
	return slots;
}

static struct mech_kevent *kevent_alloc(const struct mech_ops *ops,
					unsigned int num)
{
	struct mech_kevent *k = xcalloc(1, sizeof(*k));

	k->mech.ops = ops;
	k->type = ops->type;
	k->flags = ops->flags;
	k->max = min(max(num, BATCH), GET_MAX);
	k->events = xcalloc(k->max, sizeof(*k->events));
	return k;
}

static struct mech *ring_open(const struct mech_ops *ops, unsigned int num)
{
	struct mech_kevent *k = kevent_alloc(ops, BATCH);

	k->fd = kevent_init(&k->ring, ring_slots(num), KEVENT_WAKE_FIFO, 0);
	if (k->fd < 0)
		die_errno("kevent_init");
	return &k->mech;
}

static struct mech *get_open(const struct mech_ops *ops, unsigned int num)
{
	struct mech_kevent *k = kevent_alloc(ops, num);

	k->fd = kevent_init(NULL, 0, KEVENT_WAKE_FIFO, 0);
	if (k->fd < 0)
		die_errno("kevent_init");
	return &k->mech;
}

static void get_close(struct mech *m)
{
	struct mech_kevent *k = to_kevent(m);

	close(k->fd);
	free(k->events);
	free(k);
}

static void ring_close(struct mech *m)
{
	kevent_ring_unmap(&to_kevent(m)->ring);
	get_close(m);
}

/* KEVENT_SOCKET_RECV and KEVENT_PIPE_RECV have the value of POLLIN. */
static_assert(KEVENT_SOCKET_RECV == KEVENT_POLL_POLLIN &&
	      KEVENT_PIPE_RECV == KEVENT_POLL_POLLIN, "same bit");

static void kevent_change(struct mech *m, unsigned int cmd, struct source *s,
			  unsigned int num, uint32_t event)
{
	struct mech_kevent *k = to_kevent(m);
	unsigned int i;
	int ret;

	for (i = 0; i < num; i++) {
		kevent_prep(&k->events[i], k->type, (unsigned int)s[i].rfd,
			    event, k->flags, (uintptr_t)&s[i]);
		if (cmd != KEVENT_CTL_ADD)
			k->events[i].cookie = s[i].cookie;
	}
	if (num == 1)
		ret = kevent_ctl_one(k->fd, cmd, k->events);
	else
		ret = kevent_ctl(k->fd, cmd, num, k->events);
	if (unlikely(ret < 0))
		die_errno("KEVENT_IOC_CTL");
	for (i = 0; ret && i < num; i++) {
		if (kevent_error(&k->events[i]))
			die("change %u: errno %d", cmd,
			    kevent_error(&k->events[i]));
	}
	for (i = 0; cmd == KEVENT_CTL_ADD && i < num; i++)
		s[i].cookie = k->events[i].cookie;
}

static void mech_add(struct mech *m, struct source *s, unsigned int num)
{
	kevent_change(m, KEVENT_CTL_ADD, s, num, KEVENT_POLL_POLLIN);
}

static void mech_modify(struct mech *m, struct source *s, unsigned int num,
			  bool more)
{
	kevent_change(m, KEVENT_CTL_MODIFY, s, num,
		      KEVENT_POLL_POLLIN | (more ? KEVENT_POLL_POLLPRI : 0));
}

static void mech_remove(struct mech *m, struct source *s, unsigned int num)
{
	kevent_change(m, KEVENT_CTL_REMOVE, s, num, 0);
}

static inline void kevent_tally(struct tally *t, const struct ukevent *uk)
{
	tally_event(t, (struct source *)(uintptr_t)uk->ptr, uk->ret_data[0],
		    KEVENT_POLL_POLLIN);
}

static inline uint32_t count_wrong(const struct ukevent *uk, uint32_t expect,
				   uint32_t counted)
{
	if (uk->ret_flags & KEVENT_RET_DATA)
		return uk->ret_data[1] ^ expect;
	return counted;
}

static inline void socket_tally(struct tally *t, const struct ukevent *uk)
{
	struct source *s = (struct source *)(uintptr_t)uk->ptr;

	t->wrong |= count_wrong(uk, s->bytes, s->counted);
	kevent_tally(t, uk);
}

/* Rare: on a real machine an event may come a little after the write. */
static __attribute__((noinline)) void ring_sleep(struct mech_kevent *k)
{
	if (kevent_ring_wait(&k->ring, NULL) < 0)
		die_errno("KEVENT_IOC_WAIT");
}

/*
 * Flat: a program has one such loop, and the compiler then inlines the consumer
 * without being told.
 */
#define DEFINE_RING_COLLECT(_name, _tally)				\
static __attribute__((flatten)) void _name(struct mech *m, struct tally *t) \
{									\
	struct mech_kevent *k = to_kevent(m);				\
	const struct ukevent *uk;					\
									\
	do {								\
		uk = kevent_ring_next(&k->ring);			\
		if (likely(uk))						\
			_tally(t, uk);					\
		else							\
			ring_sleep(k);					\
	} while (t->seen < t->want);					\
}

DEFINE_RING_COLLECT(ring_collect, kevent_tally)
DEFINE_RING_COLLECT(ring_socket_collect, socket_tally)

/* A WAIT for each batch, as a program that sleeps does it. */
static void ring_wait(struct mech *m, struct tally *t)
{
	struct mech_kevent *k = to_kevent(m);
	const struct ukevent *uk;

	if (unlikely(kevent_ring_wait(&k->ring, NULL) < 0))
		die_errno("KEVENT_IOC_WAIT");
	while ((uk = kevent_ring_more(&k->ring)))
		kevent_tally(t, uk);
}

/* With no call, unless the kernel asks for one. */
static __attribute__((flatten)) void ring_look(struct mech *m, struct tally *t)
{
	struct mech_kevent *k = to_kevent(m);
	const struct ukevent *uk;

	while ((uk = kevent_ring_next(&k->ring)))
		kevent_tally(t, uk);
}

static void ring_level_collect(struct mech *m, struct tally *t)
{
	do {
		ring_wait(m, t);
	} while (unlikely(t->seen < t->want));
}

#define DEFINE_GET(_name, _min, _tally)					\
static void _name(struct mech *m, struct tally *t)			\
{									\
	struct mech_kevent *k = to_kevent(m);				\
	int i, num;							\
									\
	num = kevent_get_events(k->fd, _min, k->max, NULL, k->events, 0); \
	if (unlikely(num < 0))						\
		die_errno("KEVENT_IOC_GET_EVENTS");			\
	for (i = 0; i < num; i++)					\
		_tally(t, &k->events[i]);				\
}

DEFINE_GET(get_wait, 1, kevent_tally)
DEFINE_GET(get_look, 0, kevent_tally)
DEFINE_GET(get_socket_wait, 1, socket_tally)

static void get_collect(struct mech *m, struct tally *t)
{
	do {
		get_wait(m, t);
	} while (unlikely(t->seen < t->want));
}

static void get_socket_collect(struct mech *m, struct tally *t)
{
	do {
		get_socket_wait(m, t);
	} while (unlikely(t->seen < t->want));
}

static void get_epoll_wait(struct mech *m, struct tally *t)
{
	struct mech_kevent *k = to_kevent(m);
	struct epoll_event *events = (struct epoll_event *)k->events;
	struct kevent_ioc_get get = {
		.events = (uintptr_t)events,
		.min = 1,
		.max = k->max,
		.flags = KEVENT_FLAGS_EPOLL,
	};
	int i, num;

	num = ioctl(k->fd, KEVENT_IOC_GET_EVENTS, &get);
	if (unlikely(num < 0))
		die_errno("KEVENT_IOC_GET_EVENTS");
	for (i = 0; i < num; i++)
		tally_event(t, events[i].data.ptr, events[i].events, EPOLLIN);
}

static void get_epoll_collect(struct mech *m, struct tally *t)
{
	do {
		get_epoll_wait(m, t);
	} while (unlikely(t->seen < t->want));
}

static void kevent_timers(struct mech *m, struct source *s, const uint64_t *at,
			  unsigned int num)
{
	struct mech_kevent *k = to_kevent(m);
	unsigned int i, j, here;

	for (i = 0; i < num; i += here) {
		here = min(BATCH, num - i);
		for (j = 0; j < here; j++) {
			kevent_prep_timer(&k->events[j], i + j, at[i + j], 0,
					  CLOCK_MONOTONIC, KEVENT_REQ_ONESHOT,
					  (uintptr_t)&s[i + j]);
			k->events[j].param[2] |= KEVENT_TIMER_ABSTIME;
		}
		if (kevent_ctl(k->fd, KEVENT_CTL_ADD, here, k->events) != 0)
			die_errno("KEVENT_CTL_ADD of timers");
	}
}

static inline void timer_tally(struct tally *t, const struct ukevent *uk)
{
	t->wrong |= count_wrong(uk, 1, 1);
	tally_event(t, (struct source *)(uintptr_t)uk->ptr, uk->ret_data[0],
		    KEVENT_TIMER_FIRED);
}

DEFINE_RING_COLLECT(ring_take_timers, timer_tally)
DEFINE_GET(get_timer_wait, 1, timer_tally)

/* To the end: the slots are given back, and that ends the timers. */
static void ring_expired(struct mech *m, struct tally *t)
{
	ring_take_timers(m, t);
	if (kevent_ring_next(&to_kevent(m)->ring))
		die("more events than timers");
}

static void get_expired(struct mech *m, struct tally *t)
{
	do {
		get_timer_wait(m, t);
	} while (unlikely(t->seen < t->want));
}

#define KEVENT_COMMON(_prefix)						\
	.open = _prefix##_open,						\
	.close = _prefix##_close,					\
	.add = mech_add,						\
	.modify = mech_modify,					\
	.remove = mech_remove,					\
	.timers = kevent_timers,					\
	.expired = _prefix##_expired

const struct mech_ops mech_ring_et = {
	.name = "kevent-ring",
	.mode = "et",
	.caps = MECH_KEVENT | MECH_EVENTS | MECH_CHANGES | MECH_BATCH |
		MECH_TIMER | MECH_CLOSE | MECH_BLOCK | MECH_LOOK,
	.flags = KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE,
	.type = KEVENT_POLL,
	KEVENT_COMMON(ring),
	.collect = ring_collect,
	.wait = ring_wait,
	.look = ring_look,
};

const struct mech_ops mech_ring_lt = {
	.name = "kevent-ring",
	.mode = "lt",
	.caps = MECH_KEVENT | MECH_EVENTS | MECH_BLOCK | MECH_LEVEL,
	.flags = KEVENT_REQ_ALWAYS_QUEUE,
	.type = KEVENT_POLL,
	KEVENT_COMMON(ring),
	.collect = ring_level_collect,
	.wait = ring_wait,
};

const struct mech_ops mech_ring_socket = {
	.name = "kevent-ring",
	.mode = "et-socket",
	.caps = MECH_KEVENT | MECH_EVENTS | MECH_SOCKET,
	.flags = KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE,
	.type = KEVENT_SOCKET,
	KEVENT_COMMON(ring),
	.collect = ring_socket_collect,
};

const struct mech_ops mech_ring_pipe = {
	.name = "kevent-ring",
	.mode = "et-pipe",
	.caps = MECH_KEVENT | MECH_EVENTS | MECH_PIPE,
	.flags = KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE,
	.type = KEVENT_PIPE,
	KEVENT_COMMON(ring),
	.collect = ring_collect,
};

const struct mech_ops mech_get_et = {
	.name = "kevent-get",
	.mode = "et",
	.caps = MECH_KEVENT | MECH_EVENTS | MECH_TIMER | MECH_BLOCK |
		MECH_LOOK,
	.flags = KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE,
	.type = KEVENT_POLL,
	KEVENT_COMMON(get),
	.collect = get_collect,
	.wait = get_wait,
	.look = get_look,
};

const struct mech_ops mech_get_lt = {
	.name = "kevent-get",
	.mode = "lt",
	.caps = MECH_KEVENT | MECH_EVENTS | MECH_BLOCK | MECH_LEVEL,
	.flags = KEVENT_REQ_ALWAYS_QUEUE,
	.type = KEVENT_POLL,
	KEVENT_COMMON(get),
	.collect = get_collect,
	.wait = get_wait,
};

const struct mech_ops mech_get_socket = {
	.name = "kevent-get",
	.mode = "et-socket",
	.caps = MECH_KEVENT | MECH_EVENTS | MECH_SOCKET,
	.flags = KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE,
	.type = KEVENT_SOCKET,
	KEVENT_COMMON(get),
	.collect = get_socket_collect,
};

#define DEFINE_GET_EPOLL(_name, _mode, _caps, _flags)			\
const struct mech_ops _name = {						\
	.name = "kevent-get",						\
	.mode = _mode,							\
	.caps = MECH_KEVENT | MECH_EVENTS | MECH_BLOCK | MECH_CONTRACT | \
		(_caps),						\
	.flags = KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ALWAYS_QUEUE | (_flags), \
	.type = KEVENT_POLL,						\
	KEVENT_COMMON(get),						\
	.collect = get_epoll_collect,					\
	.wait = get_epoll_wait,						\
}

DEFINE_GET_EPOLL(mech_get_epoll_et, "et-epoll", 0, KEVENT_REQ_ET);
DEFINE_GET_EPOLL(mech_get_epoll_lt, "lt-epoll", MECH_LEVEL, 0);
