// SPDX-License-Identifier: GPL-2.0
/* Signals: EINTR, never a restart; the mask is in force only while waiting. */
#include "kev.h"

#include <signal.h>
#include <sys/wait.h>

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	(void)sig;
	handled++;
}

static void install(int sig, int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	CHECK_OK(sigaction(sig, &sa, NULL));
}

static sigset_t set_of(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	if (sig)
		sigaddset(&set, sig);
	return set;
}

static void block(int sig)
{
	sigset_t set = set_of(sig);

	CHECK_EQ(pthread_sigmask(SIG_SETMASK, &set, NULL), 0);
}

static bool blocked(int sig)
{
	sigset_t set;

	CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &set), 0);
	return sigismember(&set, sig);
}

static void mask_wait(struct kevent_ioc_wait *wait, const sigset_t *set)
{
	wait->flags |= KEVENT_FLAGS_SIGMASK;
	wait->sigmask = (uintptr_t)set;
	wait->sigsetsize = 8;
}

static int get_one(int q, unsigned int min, const sigset_t *set)
{
	struct ukevent uk[4];
	struct kevent_ioc_get get = {
		.events = (uintptr_t)uk, .min = min, .max = 4,
	};

	if (set) {
		get.flags = KEVENT_FLAGS_SIGMASK;
		get.sigmask = (uintptr_t)set;
		get.sigsetsize = 8;
	}
	return ioctl(q, KEVENT_IOC_GET_EVENTS, &get);
}

/* ---- EINTR ------------------------------------------------------------- */

static void interrupted(int flags, uint32_t wait_flags)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	install(SIGUSR1, flags);
	kev_sleeper_prep(&s, q);
	s.wait.flags = wait_flags;
	s.wait.timeout.tv_sec = 1000;
	kev_sleeper_start(&s);
	CHECK_EQ(pthread_kill(s.thread.thread, SIGUSR1), 0);
	CHECK_ERRNO(kev_sleeper_join(&s), EINTR);
	CHECK_EQ(handled, 1);
}

TEST(interrupts)
{
	interrupted(0, 0);
}

TEST(never_restarted)
{
	interrupted(SA_RESTART, 0);
}

TEST(never_restarted_with_timeout)
{
	interrupted(SA_RESTART, KEVENT_FLAGS_TIMEOUT);
}

struct getter {
	struct test_thread thread;
	int q;
	unsigned int min;
	int ret;
	int error;
};

static void *get_in_thread(void *arg)
{
	struct getter *g = arg;

	g->ret = get_one(g->q, g->min, NULL);
	g->error = errno;
	return NULL;
}

static void getter_interrupted(struct getter *g)
{
	install(SIGUSR1, SA_RESTART);
	thread_start(&g->thread, get_in_thread, g);
	wait_blocked_in(g->thread.tid, SYS_ioctl);
	CHECK_EQ(pthread_kill(g->thread.thread, SIGUSR1), 0);
	thread_join(&g->thread);
	CHECK_EQ(handled, 1);
}

TEST(get_events)
{
	struct kevent_ring ring;
	struct getter g = { .q = kev_queue(&ring, 4), .min = 1 };

	getter_interrupted(&g);
	CHECK_EQ(g.ret, -1);
	CHECK_EQ(g.error, EINTR);
}

TEST(get_events_without_ring)
{
	struct getter g = { .q = kev_queue(NULL, 0), .min = 1 };

	getter_interrupted(&g);
	CHECK_EQ(g.ret, -1);
	CHECK_EQ(g.error, EINTR);
}

/* EINTR is for signals before the first event: what is there is given. */
TEST(get_events_of_less_than_min)
{
	struct kevent_ring ring;
	struct getter g = { .q = kev_queue(&ring, 4), .min = 2 };

	kev_add_user(g.q, 1);
	kev_fire(g.q, 1, 1);
	getter_interrupted(&g);
	CHECK_EQ(g.ret, 1);
	kev_expect_get_none(g.q);
}

/* An event is not lost to a sleeper that a signal takes away. */
TEST(event_stays)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	install(SIGUSR1, 0);
	kev_add_user(q, 1);
	kev_sleeper_prep(&s, q);
	s.wait.min = 2;
	kev_sleeper_start(&s);
	kev_fire(q, 1, 1);
	CHECK_EQ(pthread_kill(s.thread.thread, SIGUSR1), 0);
	CHECK_ERRNO(kev_sleeper_join(&s), EINTR);
	kev_expect(&ring, 1, 1);
}

TEST(ignored_signals_do_not_wake)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	CHECK_EQ(pthread_kill(s.thread.thread, SIGCHLD), 0);
	CHECK_EQ(pthread_kill(s.thread.thread, SIGURG), 0);
	wait_blocked_in(s.thread.tid, SYS_ioctl);
	CHECK(!kev_sleeper_over(&s));
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
}

/* ---- The mask ---------------------------------------------------------- */

TEST(pending_signal_that_the_mask_blocks)
{
	sigset_t set = set_of(SIGUSR1);
	struct kevent_ioc_wait wait = {
		.min = 1, .flags = KEVENT_FLAGS_TIMEOUT,
		.timeout.tv_nsec = 10000000,
	};
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	install(SIGUSR1, 0);
	block(SIGUSR1);
	raise(SIGUSR1);
	mask_wait(&wait, &set);
	CHECK_EQ(ioctl(q, KEVENT_IOC_WAIT, &wait), 0);
	CHECK_EQ(handled, 0);
	block(0);
	CHECK_EQ(handled, 1);
}

TEST(pending_signal_that_the_mask_unblocks)
{
	struct kevent_ioc_wait wait = { .min = 1 };
	sigset_t set = set_of(0);
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	install(SIGUSR1, SA_RESTART);
	block(SIGUSR1);
	raise(SIGUSR1);
	mask_wait(&wait, &set);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_WAIT, &wait), EINTR);
	CHECK_EQ(handled, 1);
	CHECK(blocked(SIGUSR1));

	raise(SIGUSR1);
	CHECK_ERRNO(get_one(q, 1, &set), EINTR);
	CHECK_EQ(handled, 2);
	CHECK(blocked(SIGUSR1));
}

TEST(blocked_while_waiting)
{
	sigset_t set = set_of(SIGUSR1);
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	install(SIGUSR1, 0);
	kev_add_user(q, 1);
	kev_sleeper_prep(&s, q);
	mask_wait(&s.wait, &set);
	kev_sleeper_start(&s);
	CHECK_EQ(pthread_kill(s.thread.thread, SIGUSR1), 0);
	wait_blocked_in(s.thread.tid, SYS_ioctl);
	CHECK(!kev_sleeper_over(&s));
	CHECK_EQ(handled, 0);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	/* Delivered as soon as the mask was gone. */
	CHECK_EQ(handled, 1);
}

TEST(unblocked_while_waiting)
{
	sigset_t set = set_of(SIGUSR2);
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	install(SIGUSR1, 0);
	block(SIGUSR1);
	kev_sleeper_prep(&s, q);
	mask_wait(&s.wait, &set);
	kev_sleeper_start(&s);
	CHECK_EQ(handled, 0);
	CHECK_EQ(pthread_kill(s.thread.thread, SIGUSR1), 0);
	CHECK_ERRNO(kev_sleeper_join(&s), EINTR);
	CHECK_EQ(handled, 1);
}

/* SIGKILL and SIGSTOP are in no mask, whatever it says. */
static void sleep_with_full_mask(void *arg)
{
	struct kevent_ioc_wait wait = { .min = 1 };
	sigset_t set;

	memset(&set, 0xff, sizeof(set));
	mask_wait(&wait, &set);
	ioctl(*(int *)arg, KEVENT_IOC_WAIT, &wait);
}

TEST(kill_works)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), status;
	pid_t pid = start_child(sleep_with_full_mask, &q);

	wait_blocked_in(pid, SYS_ioctl);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGKILL);
}

/* ---- The mask is put back, however the call ends ----------------------- */

static void check_put_back(int q, struct kevent_ioc_wait wait, int ret, int error)
{
	sigset_t set = set_of(SIGUSR1);

	block(SIGUSR2);
	mask_wait(&wait, &set);
	errno = 0;
	CHECK_EQ(ioctl(q, KEVENT_IOC_WAIT, &wait), ret);
	CHECK_EQ(errno, error);
	CHECK(blocked(SIGUSR2));
	CHECK(!blocked(SIGUSR1));
}

TEST(put_back)
{
	struct kevent_ioc_wait wait = { .min = 1 };
	struct kevent_ring ring;
	struct ukevent uk;
	int q = kev_queue(&ring, 4);

	wait.flags = KEVENT_FLAGS_TIMEOUT;
	check_put_back(q, wait, 0, 0);
	wait.timeout.tv_nsec = 1000000;
	check_put_back(q, wait, 0, 0);
	wait.timeout.tv_nsec = -1;
	check_put_back(q, wait, -1, EINVAL);
	wait = (struct kevent_ioc_wait){ 0 };
	check_put_back(q, wait, 0, 0);
	wait.nchanges = 1;
	check_put_back(q, wait, -1, EFAULT);
	wait.changes = (uintptr_t)&uk;
	memset(&uk, 0xff, sizeof(uk));
	check_put_back(q, wait, 0, 0);
	wait = (struct kevent_ioc_wait){
		.min = 1, .flags = KEVENT_FLAGS_COMMIT, .commit = 3,
	};
	check_put_back(q, wait, -1, EOVERFLOW);
	wait = (struct kevent_ioc_wait){ .min = 1 };
	CHECK_OK(fcntl(q, F_SETFL, O_RDWR | O_NONBLOCK));
	check_put_back(q, wait, -1, EAGAIN);
	CHECK_OK(fcntl(q, F_SETFL, O_RDWR));
	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	check_put_back(q, wait, 1, 0);
}

struct masked {
	struct test_thread thread;
	int q;
	int ret;
	bool put_back;
};

static void *sleep_masked(void *arg)
{
	struct kevent_ioc_wait wait = { .min = 1 };
	sigset_t set = set_of(SIGUSR1);
	struct masked *m = arg;

	block(SIGUSR2);
	mask_wait(&wait, &set);
	m->ret = ioctl(m->q, KEVENT_IOC_WAIT, &wait);
	m->put_back = blocked(SIGUSR2) && !blocked(SIGUSR1);
	return NULL;
}

TEST(put_back_after_sleep)
{
	struct kevent_ring ring;
	struct masked m = { .q = kev_queue(&ring, 4) };

	install(SIGUSR2, 0);
	kev_add_user(m.q, 1);
	thread_start(&m.thread, sleep_masked, &m);
	wait_blocked_in(m.thread.tid, SYS_ioctl);
	kev_fire(m.q, 1, 1);
	thread_join(&m.thread);
	CHECK_EQ(m.ret, 1);
	CHECK(m.put_back);
	kev_claim_to(&ring, 1);

	thread_start(&m.thread, sleep_masked, &m);
	wait_blocked_in(m.thread.tid, SYS_ioctl);
	CHECK_EQ(kevent_wake(m.q, 1), 1);
	thread_join(&m.thread);
	CHECK_EQ(m.ret, 0);
	CHECK(m.put_back);

	/* Unblocked by the mask: interrupts, is handled, is blocked again. */
	thread_start(&m.thread, sleep_masked, &m);
	wait_blocked_in(m.thread.tid, SYS_ioctl);
	CHECK_EQ(pthread_kill(m.thread.thread, SIGUSR2), 0);
	thread_join(&m.thread);
	CHECK_EQ(m.ret, -1);
	CHECK_EQ(handled, 1);
	CHECK(m.put_back);
}
