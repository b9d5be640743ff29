// SPDX-License-Identifier: GPL-2.0
/*
 * EVFILT_SIGNAL: signals are counted, whether they are handled, ignored, blocked or sent
 * to a thread; SIGCHLD together with EVFILT_PROC.
 */
#include "kqueue.h"

static volatile sig_atomic_t handled;

static void handler(int signo)
{
	(void)signo;
	handled++;
}

TEST(ignored)
{
	int kq = new_kqueue();

	signal(SIGUSR1, SIG_IGN);
	add(kq, SIGUSR1, EVFILT_SIGNAL, 0);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(expect(kq, SIGUSR1, EVFILT_SIGNAL).data, 2);
	expect_none(kq);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(expect(kq, SIGUSR1, EVFILT_SIGNAL).data, 1);
}

/* The handler runs as well, and before. */
TEST(handled)
{
	int kq = new_kqueue();

	signal(SIGUSR1, handler);
	add(kq, SIGUSR1, EVFILT_SIGNAL, 0);
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(handled, 1);
	CHECK_EQ(expect(kq, SIGUSR1, EVFILT_SIGNAL).data, 1);
}

TEST(blocked)
{
	int kq = new_kqueue();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	add(kq, SIGTERM, EVFILT_SIGNAL, 0);
	CHECK_OK(kill(getpid(), SIGTERM));
	CHECK_OK(kill(getpid(), SIGTERM));
	/* both, though one is pending */
	CHECK_EQ(expect(kq, SIGTERM, EVFILT_SIGNAL).data, 2);
}

TEST(thread_directed)
{
	int kq = new_kqueue();

	signal(SIGUSR1, SIG_IGN);
	add(kq, SIGUSR1, EVFILT_SIGNAL, 0);
	CHECK_OK(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
	CHECK_EQ(expect(kq, SIGUSR1, EVFILT_SIGNAL).data, 1);
}

TEST(flags)
{
	int kq = new_kqueue();

	signal(SIGUSR1, SIG_IGN);
	add(kq, SIGUSR1, EVFILT_SIGNAL, EV_DISPATCH);
	raise(SIGUSR1);
	expect(kq, SIGUSR1, EVFILT_SIGNAL);
	raise(SIGUSR1);
	raise(SIGUSR1);
	expect_none(kq);
	set(kq, SIGUSR1, EVFILT_SIGNAL, EV_ENABLE, 0, 0, NULL);
	CHECK_EQ(expect(kq, SIGUSR1, EVFILT_SIGNAL).data, 2);
	add(kq, SIGUSR1, EVFILT_SIGNAL, EV_DISABLE);
	raise(SIGUSR1);
	expect_none(kq);
	add(kq, SIGUSR1, EVFILT_SIGNAL, EV_ONESHOT);
	CHECK_EQ(expect(kq, SIGUSR1, EVFILT_SIGNAL).data, 1);
	raise(SIGUSR1);
	expect_none(kq);
	CHECK_ERRNO(try_set(kq, SIGUSR1, EVFILT_SIGNAL, EV_DELETE, 0, 0, NULL), ENOENT);
}

/* A child's are its own. */
TEST(of_child)
{
	int kq = new_kqueue();
	pid_t pid;

	signal(SIGUSR1, SIG_IGN);
	add(kq, SIGUSR1, EVFILT_SIGNAL, 0);
	pid = CHECK_OK(fork());
	if (!pid) {
		raise(SIGUSR1);
		_exit(0);
	}
	wait_child(pid);
	expect_none(kq);
}

TEST(two_kqueues)
{
	int kq = new_kqueue(), other = new_kqueue();

	signal(SIGUSR1, SIG_IGN);
	add(kq, SIGUSR1, EVFILT_SIGNAL, 0);
	add(other, SIGUSR1, EVFILT_SIGNAL, 0);
	raise(SIGUSR1);
	CHECK_EQ(expect(kq, SIGUSR1, EVFILT_SIGNAL).data, 1);
	CHECK_EQ(expect(other, SIGUSR1, EVFILT_SIGNAL).data, 1);
}

TEST(with_proc)
{
	int kq = new_kqueue(), seen = 0, n, i;
	struct kevent kev[4];
	pid_t pid;

	add(kq, SIGCHLD, EVFILT_SIGNAL, 0);
	pid = CHECK_OK(fork());
	if (!pid) {
		pause();
		_exit(0);
	}
	set(kq, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	CHECK_OK(kill(pid, SIGKILL));
	while (seen != 3) {
		n = CHECK_OK(kevent(kq, NULL, 0, kev, 4, &long_time));
		for (i = 0; i < n; i++)
			seen |= kev[i].filter == EVFILT_SIGNAL ? 1 : 2;
	}
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(bad)
{
	int kq = new_kqueue();

	CHECK_ERRNO(try_set(kq, 0, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, 65, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, (uintptr_t)1 << 63 | SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL),
		    EINVAL);
	CHECK_ERRNO(try_set(kq, SIGUSR1, EVFILT_SIGNAL, EV_ADD, 1, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, SIGUSR1, EVFILT_SIGNAL, EV_DELETE, 0, 0, NULL), ENOENT);
}
