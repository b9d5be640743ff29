// SPDX-License-Identifier: GPL-2.0
/*
 * What happens while a call is at work: threads that overtake each other, signal handlers
 * that trigger, cancelling. The calls go through an ioctl() of this program, which can stop there.
 */
#include "kqueue.h"

#include <linux/kevent.h>
#include <stdarg.h>
#include <sys/eventfd.h>

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

static int the_fd, the_filter;

static void *taker_run(void *arg)
{
	expect(*(int *)arg, the_fd, the_filter);
	return NULL;
}

/* A thread has taken the only event of the_fd from the kernel, and is held up there. */
static void taker_start(struct test_thread *t, int *kq)
{
	gate = new_pipe();
	hook_at(KEVENT_IOC_GET_EVENTS, wait_at_gate);
	thread_start(t, taker_run, kq);
	CHECK_SOON(!is_hooked());
}

static void taker_end(struct test_thread *t)
{
	put(gate.fd[1], 1);
	thread_join(t);
}

/* It is too late to change it, and is not lost. */
static void changed_too_late(int flags)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();
	struct test_thread t;

	the_fd = e.fd[0];
	the_filter = EVFILT_READ;
	add(kq, the_fd, EVFILT_READ, EV_ONESHOT);
	put(e.fd[1], 1);
	taker_start(&t, &kq);
	CHECK_ERRNO(try_set(kq, the_fd, EVFILT_READ, flags, 0, 0, NULL), ENOENT);
	taker_end(&t);
	CHECK_ERRNO(try_set(kq, the_fd, EVFILT_READ, flags, 0, 0, NULL), ENOENT);
}

TEST(enabled_too_late)	{ changed_too_late(EV_ENABLE); }
TEST(disabled_too_late) { changed_too_late(EV_DISABLE); }
TEST(deleted_too_late)	{ changed_too_late(EV_DELETE); }

TEST(deleted_too_late_pidfd)
{
	pid_t pid = CHECK_OK(fork());
	int kq = new_kqueue();
	struct test_thread t;

	if (!pid)
		_exit(0);
	the_fd = (int)CHECK_OK(syscall(SYS_pidfd_open, pid, 0));
	the_filter = EVFILT_PROCDESC;
	set(kq, the_fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0, NULL);
	wait_child(pid);
	taker_start(&t, &kq);
	CHECK_ERRNO(try_set(kq, the_fd, EVFILT_PROCDESC, EV_DELETE, 0, 0, NULL), ENOENT);
	taker_end(&t);
	CHECK_ERRNO(try_set(kq, the_fd, EVFILT_PROCDESC, EV_DELETE, 0, 0, NULL), ENOENT);
}

/* Nor is it lost if the other filter is added, which needs the same watch of the kernel's. */
static void other_added(int first, int second)
{
	int kq = new_kqueue();
	struct test_thread t;

	the_fd = CHECK_OK(eventfd(1, EFD_CLOEXEC));
	the_filter = first;
	add(kq, the_fd, first, EV_ONESHOT);
	taker_start(&t, &kq);
	add(kq, the_fd, second, 0);
	CHECK_ERRNO(try_set(kq, the_fd, first, EV_ENABLE, 0, 0, NULL), ENOENT);
	taker_end(&t);
	expect(kq, the_fd, second);
	add(kq, the_fd, first, EV_ONESHOT);
	CHECK_EQ(look(kq, (struct kevent[4]){ }, 4), 2);
	expect(kq, the_fd, second);
}

TEST(write_added) { other_added(EVFILT_READ, EVFILT_WRITE); }
TEST(read_added)  { other_added(EVFILT_WRITE, EVFILT_READ); }

/* ---- Triggers that are put aside --------------------------------------- */

static int the_kqueue;

static void trigger(uintptr_t ident)
{
	set(the_kqueue, ident, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
}

/* While the thread forks: the library was registered later, and is inside already. */
static void trigger_many(void)
{
	struct kevent kev;
	uintptr_t i;

	for (i = 0; i < 8; i++)
		set(the_kqueue, i, EVFILT_USER, EV_KEEPUDATA, NOTE_FFCOPY | NOTE_TRIGGER | i, -i,
		    NULL);
	/* the same again needs no room */
	for (i = 0; i < 8; i++)
		set(the_kqueue, i, EVFILT_USER, EV_KEEPUDATA, NOTE_FFCOPY | NOTE_TRIGGER | i, -i,
		    NULL);
	CHECK_ERRNO(try_set(the_kqueue, 0, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL), EAGAIN);
	EV_SET(&kev, 0, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	kev.ext[3] = 1;
	CHECK_ERRNO(kevent(the_kqueue, &kev, 1, NULL, 0, NULL), EDEADLK);
}

TEST(put_aside)
{
	struct kevent kev[9];
	uintptr_t i;
	pid_t pid;

	CHECK_OK(pthread_atfork(trigger_many, NULL, NULL));
	the_kqueue = new_kqueue();
	for (i = 0; i < 8; i++)
		set(the_kqueue, i, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, &kev[i]);
	pid = CHECK_OK(fork());
	if (!pid)
		_exit(0);
	wait_child(pid);
	CHECK_EQ(look(the_kqueue, kev, 9), 8);
	for (i = 0; i < 8; i++) {
		CHECK_EQ(kev[i].ident, i);
		CHECK_EQ(kev[i].fflags, i);
		CHECK_EQ(kev[i].data, -i);
		CHECK(kev[i].udata == &kev[i]);
	}
}

#ifdef __x86_64__

#define TRAP_FLAG	0x100

static volatile unsigned int steps;
static unsigned int step;
static volatile bool is_over, has_nested;

static void trigger_3(void)
{
	has_nested = true;
	trigger(3);
}

/* After each instruction; at that step triggers 2, in which 3 is triggered. */
static void stepper(int signo, siginfo_t *info, void *context)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];
	int err = errno;

	(void)signo;
	(void)info;
	if (is_over || steps > step) {
		*flags &= ~TRAP_FLAG;
		return;
	}
	*flags |= TRAP_FLAG;
	if (steps++ == step) {
		hook_at(KEVENT_IOC_CHANGE, trigger_3);
		trigger(2);
		hook = NULL;
	}
	errno = err;
}

static void step_from_here(void)
{
	raise(SIGTRAP);
}

static void step_from_next(void)
{
	hook_at(KEVENT_IOC_CHANGE, step_from_here);
}

/* 1 is triggered in a call, and done at the end of that: from its last ioctl() on we step. */
static void trigger_1(void)
{
	trigger(1);
	hook_at(KEVENT_IOC_CHANGE, step_from_next);
}

/* A handler interrupts one that triggers, at any point of doing what was put aside. */
TEST_TIMEOUT(put_aside_while_done, 60)
{
	struct sigaction action = { .sa_sigaction = stepper, .sa_flags = SA_SIGINFO };
	struct kevent kev[4];
	uintptr_t i;

	the_kqueue = new_kqueue();
	for (i = 0; i < 4; i++)
		add(the_kqueue, i, EVFILT_USER, EV_CLEAR);
	CHECK_OK(sigaction(SIGTRAP, &action, NULL));
	do {
		steps = 0;
		is_over = false;
		has_nested = false;
		hook_at(KEVENT_IOC_CHANGE, trigger_1);
		set(the_kqueue, 0, EVFILT_USER, EV_ENABLE, 0, 0, NULL);
		is_over = true;
		CHECK_EQ(look(the_kqueue, kev, 4), 1 + (steps > step) + has_nested);
	} while (steps > step++);
}

#endif

/* ---- Cancelling -------------------------------------------------------- */

static void cancel_me(void)
{
	pthread_cancel(pthread_self());
}

static void handler(int signo)
{
	(void)signo;
	hook_at(KEVENT_IOC_CHANGE, cancel_me);
	trigger(1);
}

static int returned;

static void *wait_run(void *arg)
{
	struct kevent kev[2];

	(void)arg;
	returned = kevent(the_kqueue, NULL, 0, kev, 2, NULL);
	return NULL;
}

/* A call that waits may be cancelled at once, but not while a handler changes something. */
TEST(cancelled_in_handler)
{
	struct test_thread t;

	the_kqueue = new_kqueue();
	add(the_kqueue, 1, EVFILT_USER, 0);
	signal(SIGUSR1, handler);
	thread_start(&t, wait_run, NULL);
	wait_blocked(t.tid);
	pthread_kill(t.thread, SIGUSR1);
	/* what that returns, glibc 2.36 does not set */
	thread_join(&t);
	CHECK_EQ(returned, 0);
	expect(the_kqueue, 1, EVFILT_USER);
}

/* Nor when it has events: what a socket's error is, another queue is opened for. */
TEST(cancelled_with_events)
{
	int event = CHECK_OK(eventfd(1, EFD_CLOEXEC));
	struct ends e = new_tcp();
	struct test_thread t;

	the_kqueue = new_kqueue();
	add(the_kqueue, event, EVFILT_READ, 0);
	put(e.fd[0], 1);
	close(e.fd[1]);
	add(the_kqueue, e.fd[0], EVFILT_WRITE, 0);
	hook_at(FIONREAD, cancel_me);
	thread_start(&t, wait_run, NULL);
	thread_join(&t);
	CHECK_EQ(returned, 2);
	CHECK(!is_hooked());
	add(the_kqueue, 1, EVFILT_USER, 0);
}
