/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scenes with what is not a file to poll: timers, the program's own events,
 * signals, POSIX timers, processes, inodes. Each has a change in uk[0] that
 * ADDs it, a way to make an event, and an end.
 */
#ifndef KEVENT_TEST_FAULT_SOURCES_H
#define KEVENT_TEST_FAULT_SOURCES_H

#include "../source/posix_timer.h"
#include "../source/record.h"
#include "../source/signals.h"
#include "loop.h"

/**
 * struct actor - something that is watched
 * @make: fills in uk[0].
 * @act: makes one event.
 * @bits: that it has.
 * @end: what make left; may be NULL.
 */
struct actor {
	void (*make)(struct scene *s);
	void (*act)(struct scene *s);
	unsigned int bits;
	void (*end)(struct scene *s);
};

/* ---- Timers, and the program's own ------------------------------------------ */

static inline void timer_make(struct scene *s)
{
	kevent_prep_timer(&s->uk[0], 5, HOUR, 0, CLOCK_MONOTONIC, 0, 5);
}

static inline void timer_act(struct scene *s)
{
	struct ukevent uk;

	kevent_prep_timer(&uk, 5, 1, 0, CLOCK_MONOTONIC, 0, 5);
	kev_change(s->q, KEVENT_CTL_MODIFY, &uk);
}

static inline void unotify_make(struct scene *s)
{
	kevent_prep(&s->uk[0], KEVENT_UNOTIFY, 5, 2, 0, 5);
}

static inline void unotify_act(struct scene *s)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, 5, 0, 0, 5);
	kev_change(s->q, KEVENT_CTL_READY, &uk);
}

static inline void payload_make(struct scene *s)
{
	kevent_prep(&s->uk[0], KEVENT_UNOTIFY, 5, 2, KEVENT_REQ_PAYLOAD, 5);
}

/* Too many for the slab. */
static inline void large_payload_make(struct scene *s)
{
	payload_make(s);
	s->uk[0].param[0] = 65536;
}

/* ---- Signals, POSIX timers ------------------------------------------------- */

static inline void signal_make(struct scene *s)
{
	signal(SIGUSR1, SIG_IGN);
	kevent_prep(&s->uk[0], KEVENT_SIGNAL, SIGUSR1, KEVENT_SIGNAL_DELIVERY,
		    0, 5);
}

static inline void nomask_make(struct scene *s)
{
	signal(SIGUSR1, SIG_DFL);	/* would kill */
	kevent_prep(&s->uk[0], KEVENT_SIGNAL, SIGUSR1 | NOMASK,
		    KEVENT_SIGNAL_DELIVERY, 0, 5);
}

static inline void signal_act(struct scene *s)
{
	(void)s;
	CHECK_OK(raise(SIGUSR1));
}

static inline void ptimer_make(struct scene *s)
{
	signal(PT_SIGNAL, SIG_DFL);	/* would kill */
	s->n = pt_create(CLOCK_MONOTONIC);
	pt_prep(&s->uk[0], s->n, 0, 0);
	s->uk[0].ptr = 5;
}

static inline void ptimer_act(struct scene *s)
{
	pt_set(s->n, 0, 1, 0);
}

static inline void ptimer_end(struct scene *s)
{
	pt_delete(s->n);
}

/* ---- Processes --------------------------------------------------------------- */

static inline void child_make(struct scene *s)
{
	s->n = CHECK_OK(fork());
	if (!s->n)
		for (;;)
			pause();
	kevent_prep(&s->uk[0], KEVENT_PROC, s->n | KEVENT_PROC_PID,
		    KEVENT_PROC_EXIT, 0, 5);
}

static inline void child_act(struct scene *s)
{
	CHECK_OK(kill(s->n, SIGKILL));
}

static inline void child_end(struct scene *s)
{
	kill(s->n, SIGKILL);
	CHECK_EQ(waitpid(s->n, NULL, 0), s->n);
}

static inline void pidfd_make(struct scene *s)
{
	child_make(s);
	s->fd = CHECK_OK(syscall(SYS_pidfd_open, s->n, 0));
	s->uk[0].id.raw_u64 = s->fd;
}

static inline void pidfd_end(struct scene *s)
{
	child_end(s);
	close(s->fd);
}

/* ---- Inodes -------------------------------------------------------------------- */

static inline void file_watch(struct scene *s, unsigned int event)
{
	kevent_prep(&s->uk[0], KEVENT_INODE, s->fd, event, 0, 5);
}

/* Of a new file, which nobody has marked before: that takes more memory. */
static inline void inode_make(struct scene *s)
{
	s->fd = CHECK_OK(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	file_watch(s, KEVENT_INODE_ATTRIB);
}

static inline void inode_large_make(struct scene *s)
{
	inode_make(s);
	s->uk[0].param[0] = 1 << 20;
}

static inline void inode_act(struct scene *s)
{
	CHECK_OK(fchmod(s->fd, 0640));
}

static inline void inode_end(struct scene *s)
{
	CHECK_EQ(close(s->fd), 0);
}

static inline void directory_make(struct scene *s)
{
	s->fd = own_directory();
	file_watch(s, KEVENT_INODE_CREATE);
}

static inline void directory_act(struct scene *s)
{
	(void)s;
	make_file("a-name-that-takes-some-room-in-the-record");
}

static inline void directory_end(struct scene *s)
{
	unlink("a-name-that-takes-some-room-in-the-record");
	CHECK_EQ(close(s->fd), 0);
}

/* ---- All of them ----------------------------------------------------------------- */

#define ACTOR(name_, make_, act_, bits_, end_)				\
	static const struct actor actor_##name_ UNUSED = {		\
		make_, act_, bits_, end_				\
	}

ACTOR(timer, timer_make, timer_act, KEVENT_TIMER_FIRED, NULL);
ACTOR(unotify, unotify_make, unotify_act, 2, NULL);
ACTOR(payload, payload_make, unotify_act, 2, NULL);
ACTOR(large_payload, large_payload_make, unotify_act, 2, NULL);
ACTOR(signal, signal_make, signal_act, KEVENT_SIGNAL_DELIVERY, NULL);
ACTOR(nomask, nomask_make, signal_act, KEVENT_SIGNAL_DELIVERY, NULL);
ACTOR(posix_timer, ptimer_make, ptimer_act, KEVENT_POSIX_TIMER_FIRED,
      ptimer_end);
ACTOR(child, child_make, child_act, KEVENT_PROC_EXIT, child_end);
ACTOR(pidfd, pidfd_make, child_act, KEVENT_PROC_EXIT, pidfd_end);
ACTOR(inode, inode_make, inode_act, KEVENT_INODE_ATTRIB, inode_end);
ACTOR(inode_large, inode_large_make, inode_act, KEVENT_INODE_ATTRIB, inode_end);
ACTOR(directory, directory_make, directory_act, KEVENT_INODE_CREATE,
      directory_end);

#define FOR_ALL_ACTORS(run)						\
	run(timer) run(unotify) run(payload) run(large_payload)		\
	run(signal) run(nomask) run(posix_timer) run(child) run(pidfd)	\
	run(inode) run(inode_large) run(directory)

static inline void actor_set_up(struct scene *s)
{
	s->fault->actor->make(s);
}

/* One event comes, and only one. */
static inline void actor_check(struct scene *s)
{
	const struct actor *a = s->fault->actor;
	struct ukevent uk;

	CHECK_EQ(watches_of(s->q), 1);
	a->act(s);
	uk = take(s->q);
	CHECK_EQ(uk.ptr, 5);
	CHECK_EQ(uk.ret_data[0], a->bits);
	CHECK_EQ(uk.ret_flags & (KEVENT_RET_BROKEN | KEVENT_RET_LOST), 0);
	kev_expect_get_none(s->q);
}

/* What make left goes, and its watch with it. */
static inline void actor_end(struct scene *s)
{
	if (!s->fault->actor->end)
		return;
	s->fault->actor->end(s);
	CHECK_EQ(watches_of(s->q), 0);
}

/* A test with an actor; more fields of struct fault may follow. */
#define ACTOR_TEST(name_, who_, call_, ...)				\
	FAULT_TEST(name_, call_, .actor = &actor_##who_, __VA_ARGS__)

#endif
