/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of KEVENT_POSIX_TIMER share. The timers are the kernel's own: by
 * system call, as the C library may number them otherwise.
 */
#ifndef POSIX_TIMER_H
#define POSIX_TIMER_H

#include "kinds.h"

#include <signal.h>
#include <time.h>

#define US 1000ull
#define MS 1000000ull
#define HOUR (3600 * 1000 * MS)

#define PT_SIGNAL (SIGRTMIN + 3)

/* struct sigevent as the kernel has it. */
struct pt_sigevent {
	uint64_t value;
	int signo;
	int notify;
	int tid;
	int pad[11];
};

static inline int pt_try_create(int clock, int notify, int signo,
				uint64_t value, int *id)
{
	struct pt_sigevent ev = {
		.value = value,
		.signo = signo,
		.notify = notify,
		.tid = syscall(SYS_gettid),
	};

	*id = -1;
	return syscall(SYS_timer_create, clock, &ev, id);
}

static inline int pt_create(int clock)
{
	int id;

	CHECK_OK(pt_try_create(clock, SIGEV_SIGNAL, PT_SIGNAL, 0xfeed, &id));
	return id;
}

static inline struct timespec pt_ts(uint64_t ns)
{
	return (struct timespec){ .tv_sec = ns / 1000000000,
				  .tv_nsec = ns % 1000000000 };
}

static inline uint64_t pt_ns(struct timespec ts)
{
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static inline void pt_set(int id, int flags, uint64_t value, uint64_t interval)
{
	struct itimerspec its = {
		.it_value = pt_ts(value),
		.it_interval = pt_ts(interval),
	};

	CHECK_OK(syscall(SYS_timer_settime, id, flags, &its, NULL));
}

static inline struct itimerspec pt_get(int id)
{
	struct itimerspec its;

	CHECK_OK(syscall(SYS_timer_gettime, id, &its));
	return its;
}

static inline void pt_delete(int id)
{
	CHECK_OK(syscall(SYS_timer_delete, id));
}

/* The signal is blocked, so that it stays to be looked at. */
static inline void pt_block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, PT_SIGNAL);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
}

static inline bool pt_pending(void)
{
	sigset_t set;

	CHECK_OK(sigpending(&set));
	return sigismember(&set, PT_SIGNAL);
}

/* Takes a signal, waiting for it up to so long; false: none came. */
static inline bool pt_take(uint64_t ns, siginfo_t *info)
{
	struct timespec ts = pt_ts(ns);
	sigset_t set;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, PT_SIGNAL);
	do {
		ret = sigtimedwait(&set, info, &ts);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		CHECK_EQ(errno, EAGAIN);
	return ret == PT_SIGNAL;
}

static inline void pt_pause(uint64_t ns)
{
	struct timespec ts = pt_ts(ns);

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static inline uint64_t pt_now(int clock)
{
	struct timespec ts;

	CHECK_OK(clock_gettime(clock, &ts));
	return pt_ns(ts);
}

/* The watch's ptr is id + 1000. */
static inline void pt_prep(struct ukevent *uk, int id, unsigned int flags,
			   uint64_t param)
{
	kevent_prep(uk, KEVENT_POSIX_TIMER, id, KEVENT_POSIX_TIMER_FIRED,
		    flags, id + 1000);
	uk->param[0] = param;
}

static inline int pt_try(int q, unsigned int cmd, int id, unsigned int flags,
			 uint64_t param)
{
	struct ukevent uk;

	pt_prep(&uk, id, flags, param);
	return kevent_ctl_one(q, cmd, &uk) < 0 ? errno : 0;
}

static inline struct ukevent pt_add(int q, int id, unsigned int flags)
{
	struct ukevent uk;

	pt_prep(&uk, id, flags, 0);
	if (kevent_ctl_one(q, KEVENT_CTL_ADD, &uk) < 0) {
		if (errno == EOPNOTSUPP)
			SKIP("this kernel's timers can't be watched");
		FAIL("ADD: %s", test_errno_name(errno));
	}
	return uk;
}

static inline void pt_check(const struct ukevent *uk, int id)
{
	CHECK_EQ(uk->type, KEVENT_POSIX_TIMER);
	CHECK_EQ(uk->id.raw_u64, id);
	CHECK_EQ(uk->ptr, id + 1000);
	CHECK_EQ(uk->ret_data[0], KEVENT_POSIX_TIMER_FIRED);
	CHECK_EQ(uk->ret_flags, KEVENT_RET_DATA);
}

/* The next event; returns the total. */
static inline uint32_t pt_event(int q, int id)
{
	struct ukevent uk = take(q);

	pt_check(&uk, id);
	return uk.ret_data[1];
}

/* How often a timer has expired that did so first at start. */
static inline uint64_t pt_expiries(uint64_t start, uint64_t interval,
				   uint64_t now)
{
	return now < start ? 0 : (now - start) / interval + 1;
}

#endif /* POSIX_TIMER_H */
