// SPDX-License-Identifier: GPL-2.0
/* Tests the calls that fill in changes of types with ids of their own. */
#include "kev.h"

#include <signal.h>
#include <sys/wait.h>

static void exits(void *arg)
{
	_exit((int)(intptr_t)arg);
}

TEST(pidfd)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	pid_t pid = start_child(exits, (void *)7);
	int pidfd = CHECK_OK(syscall(SYS_pidfd_open, pid, 0));

	kevent_prep_pidfd(&uk, pidfd, 0, 12);
	CHECK_OK(kevent_add(q, &uk));
	CHECK_EQ(kevent_get_events(q, 1, 1, NULL, &uk, 0), 1);
	CHECK_EQ(uk.ptr, 12);
	CHECK_EQ(uk.ret_data[0], KEVENT_PROC_EXIT);
	CHECK_EQ(WEXITSTATUS(uk.ret_data[1]), 7);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	kevent_prep_pidfd(&uk, -1, 0, 0);
	CHECK_ERRNO(kevent_add(q, &uk), EBADF);
}

TEST(posix_timer)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	const struct itimerspec its = { .it_value = { .tv_nsec = 1000000 } };
	int q = kev_queue(NULL, 0), i;
	struct ukevent uk;
	timer_t timers[3];

	for (i = 0; i < 3; i++) {
		CHECK_OK(timer_create(CLOCK_MONOTONIC, &ev, &timers[i]));
		kevent_prep_posix_timer(&uk, timers[i], 0, i);
		CHECK_OK(kevent_add(q, &uk));
	}
	CHECK_OK(timer_settime(timers[2], 0, &its, NULL));
	CHECK_EQ(kevent_get_events(q, 1, 1, NULL, &uk, 0), 1);
	CHECK_EQ(uk.ptr, 2);
	CHECK_EQ(uk.ret_data[1], 1);
}
