/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of KEVENT_SIGNAL share. */
#ifndef KEVENT_TEST_SIGNALS_H
#define KEVENT_TEST_SIGNALS_H

#include "kinds.h"

#include <sys/prctl.h>
#include <sys/time.h>

/* Not taken away: what the kernel does itself, or repeats until it was taken. */
static inline bool is_refused(int sig)
{
	return sig == SIGKILL || sig == SIGSTOP || sig == SIGCONT ||
	       sig == SIGALRM || sig == SIGTTIN || sig == SIGTTOU;
}

#define NOMASK KEVENT_SIGNAL_NOMASK

static inline struct ukevent add_signal(int q, uint64_t id, unsigned int flags)
{
	return kev_add(q, KEVENT_SIGNAL, id, KEVENT_SIGNAL_DELIVERY, flags);
}

static inline int try_signal(int q, unsigned int cmd, uint64_t id,
			     unsigned int flags)
{
	return kev_try(q, cmd, KEVENT_SIGNAL, id,
		       cmd == KEVENT_CTL_REMOVE ? 0 : KEVENT_SIGNAL_DELIVERY,
		       flags);
}

static inline void check_signal(const struct ukevent *uk, uint64_t id,
				unsigned int total)
{
	CHECK_EQ(uk->type, KEVENT_SIGNAL);
	CHECK_EQ(uk->id.raw_u64, id);
	CHECK_EQ(uk->ret_data[0], KEVENT_SIGNAL_DELIVERY);
	CHECK_EQ(uk->ret_data[1], total);
	CHECK_EQ(uk->ret_flags & ~KEVENT_RET_LOST, KEVENT_RET_DATA);
}

static inline struct ukevent take_signal(int q, uint64_t id, unsigned int total)
{
	struct ukevent uk = take(q);

	check_signal(&uk, id, total);
	return uk;
}

/* How many records there were. */
static inline int read_records(int q, uint64_t cookie,
			       struct kevent_record_signal *r, int max,
			       uint32_t *lost)
{
	struct kevent_ioc_read arg = {
		.cookie = cookie,
		.buf = (uintptr_t)r,
		.len = max * sizeof(*r),
	};
	int n = CHECK_OK(ioctl(q, KEVENT_IOC_READ, &arg));

	if (lost)
		*lost = arg.lost;
	CHECK_EQ(n % sizeof(*r), 0);
	for (int i = 0; i < n / (int)sizeof(*r); i++)
		CHECK_EQ(r[i].len, sizeof(*r));
	return n / sizeof(*r);
}

static inline struct kevent_record_signal read_one(int q, uint64_t cookie)
{
	struct kevent_record_signal r[2];
	uint32_t lost;

	CHECK_EQ(read_records(q, cookie, r, 2, &lost), 1);
	CHECK_EQ(lost, 0);
	return r[0];
}

static inline void block_signal(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
}

static inline bool is_pending(int sig)
{
	sigset_t set;

	CHECK_OK(sigpending(&set));
	return sigismember(&set, sig);
}

static int handled;

static inline void count_handled(int sig)
{
	(void)sig;
	__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static inline int handled_now(void)
{
	return __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
}

static inline void handle_signal(int sig, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };

	handled = 0;
	CHECK_OK(sigaction(sig, &sa, NULL));
}

static inline void send_value(int sig, int value)
{
	union sigval v = { .sival_int = value };

	CHECK_OK(sigqueue(getpid(), sig, v));
}

/* A pipe by which two processes take turns. */
struct turn {
	int fds[2];
};

static inline void turn_make(struct turn *t)
{
	CHECK_OK(pipe(t->fds));
}

static inline void turn_give(const struct turn *t)
{
	send_byte(t->fds[1]);
}

static inline void turn_take(const struct turn *t)
{
	char c;
	ssize_t n;

	do
		n = read(t->fds[0], &c, 1);
	while (n < 0 && errno == EINTR);
	CHECK_EQ(n, 1);
}

static inline void thread_kill(pid_t tid, int sig)
{
	CHECK_OK(syscall(SYS_tgkill, getpid(), tid, sig));
}

#endif
