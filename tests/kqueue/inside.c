// SPDX-License-Identifier: GPL-2.0
/*
 * What happens while a call is at work: threads that overtake each other. The calls go
 * through an ioctl() of this program, which can stop there.
 */
#include "kqueue.h"

#include <linux/kevent.h>
#include <stdarg.h>

/* Once, after the next call of that kind. */
static void (*hook)(void);
static unsigned long hook_call;

int ioctl(int fd, unsigned long call, ...)
{
	void (*run)(void) = NULL;
	va_list ap;
	void *arg;
	int ret, err;

	va_start(ap, call);
	arg = va_arg(ap, void *);
	va_end(ap);
	ret = syscall(SYS_ioctl, fd, call, arg);
	err = errno;
	if (call == hook_call)
		run = __atomic_exchange_n(&hook, NULL, __ATOMIC_SEQ_CST);
	if (run)
		run();
	errno = err;
	return ret;
}

static void hook_at(unsigned long call, void (*run)(void))
{
	hook_call = call;
	hook = run;
}

static bool is_hooked(void)
{
	return __atomic_load_n(&hook, __ATOMIC_SEQ_CST);
}

/* ---- Threads that overtake --------------------------------------------- */

static struct ends gate;

static void wait_at_gate(void)
{
	struct pollfd p = { .fd = gate.fd[0], .events = POLLIN };

	CHECK_EQ(poll(&p, 1, -1), 1);
}

static void *late_run(void *arg)
{
	expect_none(*(int *)arg);
	return NULL;
}

/* Signals are taken in one order, and told in the other: each is counted once. */
TEST(counted_in_other_order)
{
	int kq = new_kqueue();
	struct test_thread t;

	gate = new_pipe();
	signal(SIGUSR1, SIG_IGN);
	add(kq, SIGUSR1, EVFILT_SIGNAL, 0);
	raise(SIGUSR1);
	hook_at(KEVENT_IOC_GET_EVENTS, wait_at_gate);
	thread_start(&t, late_run, &kq);
	CHECK_SOON(!is_hooked());
	raise(SIGUSR1);
	CHECK_EQ(expect(kq, SIGUSR1, EVFILT_SIGNAL).data, 2);
	put(gate.fd[1], 1);
	thread_join(&t);
	raise(SIGUSR1);
	CHECK_EQ(expect(kq, SIGUSR1, EVFILT_SIGNAL).data, 1);
}
