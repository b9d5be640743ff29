/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of KEVENT_PROC share: children, and the events of their ends. */
#ifndef KEVENT_TEST_PROC_H
#define KEVENT_TEST_PROC_H

#include "signals.h"

#include <linux/sched.h>

#define BY_PID KEVENT_PROC_PID

static inline int pidfd_of(pid_t pid)
{
	return CHECK_OK(syscall(SYS_pidfd_open, pid, 0));
}

static inline struct ukevent add_proc(int q, uint64_t id, unsigned int flags)
{
	return kev_add(q, KEVENT_PROC, id, KEVENT_PROC_EXIT, flags);
}

static inline int try_proc(int q, unsigned int cmd, uint64_t id, unsigned int flags)
{
	return kev_try(q, cmd, KEVENT_PROC, id,
		       cmd == KEVENT_CTL_REMOVE ? 0 : KEVENT_PROC_EXIT, flags);
}

/* A child that waits for a byte, and then exits with a code or is killed. */
struct child {
	struct turn go;
	pid_t pid;
};

static inline void child_make(struct child *c, int code)
{
	turn_make(&c->go);
	c->pid = CHECK_OK(fork());
	if (c->pid)
		return;
	turn_take(&c->go);
	if (code < 0)
		raise(-code);
	_exit(code);
}

/* The same, watched by its pid.  Returns the watch's id. */
static inline uint64_t child_watched(struct child *c, int code, int q)
{
	child_make(c, code);
	add_proc(q, c->pid | BY_PID, 0);
	return c->pid | BY_PID;
}

static inline void child_drop(struct child *c)
{
	close(c->go.fds[0]);
	close(c->go.fds[1]);
}

static inline void wait_zombie(pid_t pid)
{
	siginfo_t info;

	CHECK_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
}

static inline int reap(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static inline void check_exit(const struct ukevent *uk, uint64_t id)
{
	CHECK_EQ(uk->type, KEVENT_PROC);
	CHECK_EQ(uk->id.raw_u64, id);
	CHECK_EQ(uk->ret_data[0], KEVENT_PROC_EXIT);
	CHECK_EQ(uk->ret_flags & (KEVENT_RET_BROKEN | KEVENT_RET_CANCELLED), 0);
}

/* The event, once, with the status that waitpid then has. */
static inline void take_child(int q, uint64_t id, pid_t pid)
{
	struct ukevent uk = take(q);

	check_exit(&uk, id);
	CHECK_EQ(uk.ptr, id);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(reap(pid), uk.ret_data[1]);
	take_none(q);
}

static inline void take_stranger(int q, uint64_t id)
{
	struct ukevent uk = take(q);

	check_exit(&uk, id);
	CHECK_EQ(uk.ret_flags, 0);
	CHECK_EQ(uk.ret_data[1], 0);
	take_none(q);
}

#endif
