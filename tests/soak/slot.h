/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the soak watches: slots, each with a file, timer or private event that is
 * closed and made again all the time.
 *
 * Each sending is numbered.  The receiver looks into a slot only when an event
 * tells it to, so that a slot of which one event was lost stays behind.  Most
 * slots have one sending outstanding at a time: there no later event can make up
 * for a lost one.
 *
 * Each making of a slot has a generation, which is in the event's ptr.  An event
 * of an older one is stale if that was closed before the receiver began to ask
 * for events; if it was closed since, the event was in the receiver's hands.
 */
#ifndef SLOT_H
#define SLOT_H

#include "kev.h"

#include <sys/socket.h>

enum slot_kind { SLOT_EVENTFD, SLOT_SOCKET, SLOT_PIPE, SLOT_TIMER, SLOT_USER,
		 SLOT_LISTENER, SLOT_CONNECTION };

enum {
	SLOT_BITS = 20,
	SLOT_CLOSES = 4,	/* how many closes are remembered */
	SLOT_LOOSE = 4,		/* outstanding where later ones may make up */
	SLOT_VALUES = 64,	/* read at a time */
};

struct slot {
	unsigned char lock;
	unsigned char kind;
	bool open;
	bool level;
	bool loose;
	int q;
	int fd[2];		/* the watched one; the other end, or the same */
	uint32_t gen;
	uint32_t sent;
	uint32_t got;
	uint64_t since;		/* ns: the last was sent, or will expire */
	uint64_t closed[SLOT_CLOSES];
};

/* What happened, of all threads. */
struct tally {
	uint64_t sent;
	uint64_t events;
	uint64_t empty;		/* events of what had been read already */
	uint64_t in_hand;	/* of what was closed since */
	uint64_t cut;		/* sent, and then the slot was closed */
	uint64_t opened;
	uint64_t waited;	/* READYs refused, as too many waited */
	uint64_t lost;
	uint64_t stale;
	uint64_t wrong;		/* out of order, or twice */
	uint64_t connections;
};

static struct slot *slots;
static struct tally tally;
/* Counts closes. */
static uint64_t closes;

#define COUNT(what, n) __atomic_add_fetch(&tally.what, n, __ATOMIC_RELAXED)

static inline struct slot *slot_of(uint64_t ptr)
{
	return &slots[ptr & ((1u << SLOT_BITS) - 1)];
}

static inline uint64_t slot_ptr(const struct slot *s)
{
	return (uint64_t)(s - slots) |
	       (uint64_t)(s->gen & ((1u << SLOT_BITS) - 1)) << SLOT_BITS;
}

/* The number of a private event is in its upper bits. */
static inline uint32_t slot_value(uint64_t ptr)
{
	return ptr >> (2 * SLOT_BITS);
}

static inline uint64_t slot_without_value(uint64_t ptr)
{
	return ptr & ((1ull << (2 * SLOT_BITS)) - 1);
}

static inline bool slot_try_lock(struct slot *s)
{
	return !__atomic_test_and_set(&s->lock, __ATOMIC_ACQUIRE);
}

static inline void slot_lock(struct slot *s)
{
	while (!slot_try_lock(s))
		sched_yield();
}

static inline void slot_unlock(struct slot *s)
{
	__atomic_clear(&s->lock, __ATOMIC_RELEASE);
}

/* ---- Making and closing: the slot is locked --------------------------------------------- */

static inline void slot_watch(struct slot *s, unsigned int type, uint64_t id,
			      unsigned int event, unsigned int req_flags)
{
	struct ukevent uk;

	kevent_prep(&uk, type, id, event, req_flags, slot_ptr(s));
	if (type == KEVENT_TIMER)	/* later than any test lasts */
		kevent_prep_timer(&uk, id, 1000000000ull * 1000000, 0,
				  CLOCK_MONOTONIC, req_flags, slot_ptr(s));
	kev_change(s->q, KEVENT_CTL_ADD, &uk);
}

static inline void slot_open(struct slot *s)
{
	unsigned int edge = s->level ? 0 : KEVENT_REQ_ET;

	switch (s->kind) {
	case SLOT_EVENTFD:
		CHECK_OK(s->fd[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		s->fd[1] = s->fd[0];
		slot_watch(s, KEVENT_POLL, s->fd[0], POLLIN, edge);
		break;
	case SLOT_SOCKET:
		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
				    SOCK_CLOEXEC, 0, s->fd), 0);
		slot_watch(s, KEVENT_SOCKET, s->fd[0], KEVENT_SOCKET_RECV, edge);
		break;
	case SLOT_PIPE:
		CHECK_EQ(pipe2(s->fd, O_NONBLOCK | O_CLOEXEC), 0);
		slot_watch(s, KEVENT_PIPE, s->fd[0], KEVENT_PIPE_RECV, edge);
		break;
	case SLOT_TIMER:
		slot_watch(s, KEVENT_TIMER, slot_ptr(s), KEVENT_TIMER_FIRED,
			   KEVENT_REQ_DISPATCH);
		break;
	case SLOT_USER:
		slot_watch(s, KEVENT_UNOTIFY, slot_ptr(s), 1,
			   KEVENT_REQ_PAYLOAD);
		break;
	}
	s->sent = 0;
	s->got = 0;
	s->open = true;
	COUNT(opened, 1);
}

static inline void slot_close_files(struct slot *s)
{
	if (s->kind == SLOT_TIMER || s->kind == SLOT_USER)
		return;
	CHECK_EQ(close(s->fd[0]), 0);
	if (s->fd[1] != s->fd[0] && s->fd[1] >= 0)
		CHECK_EQ(close(s->fd[1]), 0);
}

/*
 * A level watch may just be asked by another thread, which then has the file a
 * moment longer than we: it is removed first.
 */
static inline void slot_unwatch(struct slot *s)
{
	if (s->kind == SLOT_TIMER)
		kev_remove(s->q, KEVENT_TIMER, slot_ptr(s));
	else if (s->kind == SLOT_USER)
		kev_remove(s->q, KEVENT_UNOTIFY, slot_ptr(s));
	else if (s->level && s->kind == SLOT_SOCKET)
		kev_remove(s->q, KEVENT_SOCKET, s->fd[0]);
	else if (s->level && s->kind == SLOT_PIPE)
		kev_remove(s->q, KEVENT_PIPE, s->fd[0]);
	else if (s->level)
		kev_remove(s->q, KEVENT_POLL, s->fd[0]);
}

static inline void slot_close(struct slot *s)
{
	COUNT(cut, s->sent - s->got);
	slot_unwatch(s);
	slot_close_files(s);
	s->open = false;
	s->closed[s->gen % SLOT_CLOSES] =
		__atomic_add_fetch(&closes, 1, __ATOMIC_SEQ_CST);
	s->gen++;
}

/* ---- Sending: the slot is locked -------------------------------------------------------- */

static inline bool slot_fire(struct slot *s, uint32_t value)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, slot_ptr(s), 0, 0,
		    slot_ptr(s) | (uint64_t)(value & 0xffffff) << (2 * SLOT_BITS));
	if (kevent_ctl_one(s->q, KEVENT_CTL_READY, &uk) >= 0)
		return true;
	CHECK_EQ(errno, EAGAIN);
	COUNT(waited, 1);
	return false;
}

static inline void slot_start_timer(struct slot *s, uint64_t ns)
{
	struct ukevent uk;

	kevent_prep_timer(&uk, slot_ptr(s), ns, 0, CLOCK_MONOTONIC,
			  KEVENT_REQ_DISPATCH, slot_ptr(s));
	kev_change(s->q, KEVENT_CTL_MODIFY, &uk);
	s->since += ns;
}

static inline unsigned int slot_most(const struct slot *s)
{
	return s->loose && s->kind != SLOT_TIMER ? SLOT_LOOSE : 1;
}

/* Sends the next if it may; ns: when a timer is to expire. */
static inline void slot_send(struct slot *s, uint64_t ns)
{
	uint32_t value = s->sent + 1;
	uint64_t one = 1;

	if (s->sent - s->got >= slot_most(s))
		return;
	s->since = now_ns();
	switch (s->kind) {
	case SLOT_EVENTFD:
		CHECK_EQ(write(s->fd[1], &one, 8), 8);
		break;
	case SLOT_SOCKET:
	case SLOT_PIPE:
		CHECK_EQ(write(s->fd[1], &value, 4), 4);
		break;
	case SLOT_TIMER:
		slot_start_timer(s, ns);
		break;
	case SLOT_USER:
		if (!slot_fire(s, value))
			return;
		break;
	}
	s->sent = value;
	COUNT(sent, 1);
}

/* ---- Receiving: the slot is locked ------------------------------------------------------ */

static inline void slot_got(struct slot *s, uint32_t value, uint32_t num)
{
	if (value != s->got + num || value > s->sent) {
		NOTE("slot %td of kind %d: got %u, %u times, after %u of %u",
		     s - slots, s->kind, value, num, s->got, s->sent);
		COUNT(wrong, 1);
	}
	s->got = value;
}

static inline uint32_t slot_read_values(struct slot *s)
{
	uint32_t value[SLOT_VALUES], num = 0;
	ssize_t len, i;

	do {
		len = read(s->fd[0], value, sizeof(value));
		if (len < 0)
			CHECK_EQ(errno, EAGAIN);
		for (i = 0; i < len / 4; i++, num++)
			slot_got(s, value[i], 1);
	} while (len == sizeof(value));
	return num;
}

static inline uint32_t slot_read_count(struct slot *s)
{
	uint64_t count;

	if (read(s->fd[0], &count, 8) != 8) {
		CHECK_EQ(errno, EAGAIN);
		return 0;
	}
	slot_got(s, s->got + count, count);
	return count;
}

/* An event of what is open. */
static inline void slot_receive(struct slot *s, const struct ukevent *uk)
{
	uint32_t num = 1;

	switch (s->kind) {
	case SLOT_EVENTFD:
		num = slot_read_count(s);
		break;
	case SLOT_SOCKET:
	case SLOT_PIPE:
		num = slot_read_values(s);
		break;
	case SLOT_TIMER:
		slot_got(s, s->got + 1, 1);
		break;
	case SLOT_USER:
		slot_got(s, slot_value(uk->ptr), 1);
		break;
	}
	COUNT(events, 1);
	COUNT(empty, !num);
}

/* Is it the slot's, as it is now?  Else was it right that it came? */
static inline bool slot_is_live(struct slot *s, const struct ukevent *uk,
				uint64_t asked_at)
{
	uint64_t ptr = slot_without_value(uk->ptr);
	uint32_t gen = ptr >> SLOT_BITS;

	if (s->open && slot_ptr(s) == ptr)
		return true;
	if (s->gen - gen <= SLOT_CLOSES &&
	    s->closed[gen % SLOT_CLOSES] > asked_at) {
		COUNT(in_hand, 1);
		return false;
	}
	NOTE("stale: slot %td of kind %d, generation %u, now %u%s", s - slots,
	     s->kind, gen, s->gen, s->open ? "" : ", closed");
	COUNT(stale, 1);
	return false;
}

#endif
