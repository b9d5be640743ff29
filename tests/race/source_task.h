/* SPDX-License-Identifier: GPL-2.0 */
/* Racing about signals and processes. */
#ifndef RACE_SOURCE_TASK_H
#define RACE_SOURCE_TASK_H

#include "source_file.h"

/* What children tell; there are as many as sides at most. */
struct race_shared {
	unsigned int num;
	uint64_t cookies[RACE_SIDES_MAX];
};

static inline struct race_shared *race_shared(void)
{
	static struct race_shared *shared;

	if (!shared) {
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		CHECK(shared != MAP_FAILED);
	}
	return shared;
}

/* ---- KEVENT_SIGNAL ----------------------------------------------------- */

static inline void signal_make(struct scene *s)
{
	race_shared()->num = 0;
	s->event = KEVENT_SIGNAL_DELIVERY;
	s->id = SIGUSR2;
	if (race_random(s, 2))
		s->id |= KEVENT_SIGNAL_NOMASK;
	s->close_ends = false;
}

static inline unsigned int signal_event(struct side *side)
{
	unsigned int i, n = 1 + side_random(side, 3);

	for (i = 0; i < n; i++) {
		if (side_random(side, 2))
			CHECK_OK(kill(getpid(), SIGUSR2));
		else
			CHECK_OK(syscall(SYS_tgkill, getpid(),
					 syscall(SYS_gettid), SIGUSR2));
	}
	return n;
}

static inline void signal_calm(struct scene *s)
{
	const struct timespec now = { 0 };
	sigset_t set;

	(void)s;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	while (sigtimedwait(&set, NULL, &now) >= 0)
		;
}

/* A process with a watch of its own ends: so does that, a little later. */
static inline void signal_child(struct scene *s)
{
	struct race_shared *shared = race_shared();
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_SIGNAL, s->id, KEVENT_SIGNAL_DELIVERY, 0,
		    RACE_CHILD_PTR);
	if (kevent_ctl_one(s->q, KEVENT_CTL_ADD, &uk) < 0)
		return;
	kill(getpid(), SIGUSR2);
	shared->cookies[__atomic_fetch_add(&shared->num, 1,
					   __ATOMIC_SEQ_CST)] = uk.cookie;
}

static inline void signal_close(struct scene *s)
{
	int status;
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		signal_child(s);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
}

/* The last of that may be this REMOVE. */
static inline void signal_settle(struct scene *s)
{
	struct race_shared *shared = race_shared();
	struct ukevent uk;

	while (shared->num) {
		kevent_prep(&uk, KEVENT_SIGNAL, 0, 0, KEVENT_REQ_COOKIE, 0);
		uk.cookie = shared->cookies[--shared->num];
		if (kevent_ctl_one(s->q, KEVENT_CTL_REMOVE, &uk) < 0)
			CHECK(errno == ENOENT || errno == EBADF);
	}
}

static const struct source signal_source = {
	.name	= "signal",
	.type	= KEVENT_SIGNAL,
	.flags	= RACE_FLAGS | KEVENT_REQ_CLOSED,
	.counts	= true,
	.close	= signal_close,
	.make	= signal_make,
	.drop	= signal_calm,
	.calm	= signal_calm,
	.event	= signal_event,
	.child	= signal_child,
	.settle	= signal_settle,
};

/* ---- KEVENT_PROC ------------------------------------------------------- */

/* It must hold nothing of ours open, nor see our signals. */
static inline void proc_wait_to_die(void)
{
	syscall(SYS_close_range, 0, ~0u, 0);
	__atomic_store_n(&race_shared()->num, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

/* By pidfd, or by pid; that has no file that could be closed. */
static inline void proc_make(struct scene *s)
{
	s->event = KEVENT_PROC_EXIT;
	s->own = 0;
	race_shared()->num = 0;
	s->pid = CHECK_OK(fork());
	if (!s->pid)
		proc_wait_to_die();
	SPIN_UNTIL(__atomic_load_n(&race_shared()->num, __ATOMIC_ACQUIRE));
	s->close_ends = race_random(s, 2);
	s->id = s->pid | KEVENT_PROC_PID;
	if (s->close_ends) {
		s->fd = CHECK_OK(syscall(SYS_pidfd_open, s->pid, 0));
		s->id = s->fd;
	}
}

static inline void proc_reap(struct scene *s)
{
	if (s->own)
		return;
	CHECK_OK(kill(s->pid, SIGKILL));
	CHECK_EQ(waitpid(s->pid, NULL, 0), s->pid);
	s->own = 1;
}

static inline void proc_close(struct scene *s)
{
	if (s->close_ends)
		close(s->fd);
	else
		proc_reap(s);
}

static inline void proc_drop(struct scene *s)
{
	if (!s->closed && s->close_ends)
		close(s->fd);
	proc_reap(s);
}

static inline unsigned int proc_event(struct side *side)
{
	struct scene *s = side->s;

	s->spent = true;
	if (kill(s->pid, SIGKILL) < 0)
		CHECK_EQ(errno, ESRCH);
	return 1;
}

static inline bool proc_allows(const struct side *side, int error)
{
	const struct scene *s = side->s;

	return error == ESRCH && side->actor == ACT_ADD && !s->close_ends &&
	       race_has(s, ACT_CLOSE);
}

static const struct source proc_source = {
	.name	= "proc",
	.type	= KEVENT_PROC,
	.flags	= (RACE_FLAGS & ~KEVENT_REQ_DISPATCH) | KEVENT_REQ_CLOSED,
	.level	= true,
	.oneshot = true,
	.close	= proc_close,
	.make	= proc_make,
	.drop	= proc_drop,
	.event	= proc_event,
	.allows	= proc_allows,
};

#endif
