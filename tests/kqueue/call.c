// SPDX-License-Identifier: GPL-2.0
/*
 * kqueue() and kevent() themselves: changes and events in one call, timeouts, signals, bad
 * arguments, udata, threads.
 */
#include "kqueue.h"

#include "seccomp.h"

/* ---- Changes and events ------------------------------------------------ */

/* In one call, the changes come first; the lists may be the same. */
TEST(both)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();
	struct kevent kev[2];

	put(e.fd[1], 1);
	EV_SET(&kev[0], e.fd[0], EVFILT_READ, EV_ADD, 0, 0, &e);
	EV_SET(&kev[1], e.fd[1], EVFILT_WRITE, EV_ADD, 0, 0, &kq);
	CHECK_EQ(kevent(kq, kev, 2, kev, 2, &no_time), 2);
	CHECK_EQ(kev[0].filter + kev[1].filter, EVFILT_READ + EVFILT_WRITE);
}

/* What came back can be given again. */
TEST(events_as_changes)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();
	struct kevent kev;

	add(kq, e.fd[0], EVFILT_READ, EV_DISPATCH);
	close(e.fd[1]);
	CHECK_EQ(look(kq, &kev, 1), 1);
	CHECK(kev.flags & EV_EOF);
	kev.flags |= EV_ENABLE;
	CHECK_EQ(kevent(kq, &kev, 1, &kev, 1, &no_time), 1);
	CHECK(kev.flags & EV_EOF);
	kev.flags |= EV_DELETE;
	CHECK_EQ(kevent(kq, &kev, 1, &kev, 1, &no_time), 0);
}

/* As many as there is room for; the others next time. */
TEST(full_eventlist)
{
	int kq = new_kqueue(), seen = 0, i, j;
	struct kevent kev[8];

	for (i = 0; i < 20; i++)
		set(kq, i, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0, NULL);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(look(kq, kev, 8), 8);
		for (j = 0; j < 8; j++)
			seen |= 1 << kev[j].ident;
	}
	CHECK_EQ(look(kq, kev, 8), 4);
	for (j = 0; j < 4; j++)
		seen |= 1 << kev[j].ident;
	CHECK_EQ(seen, (1 << 20) - 1);
	CHECK_EQ(look(kq, kev, 8), 0);
}

/* Those that are not to be reported do not hide one behind them. */
static void hidden(int num, const struct timespec *timeout)
{
	int kq = new_kqueue(), i;
	struct kevent kev;

	for (i = 0; i <= num; i++)
		set(kq, i, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	for (i = 0; i < num; i++)
		set(kq, i, EVFILT_USER, EV_DISABLE, 0, 0, NULL);
	CHECK_EQ(kevent(kq, NULL, 0, &kev, 1, timeout), 1);
	CHECK_EQ(kev.ident, num);
}

TEST(hidden) { hidden(1, &no_time); }
TEST(hidden_by_many) { hidden(500, &no_time); }
TEST(hidden_for_a_moment) { hidden(500, &(struct timespec){ .tv_nsec = 1 }); }

TEST(many)
{
	int kq = new_kqueue(), i;
	struct kevent *kev = calloc(10000, sizeof(*kev));

	for (i = 0; i < 10000; i++)
		EV_SET(&kev[i], i, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER, i, &kev[i]);
	CHECK_EQ(kevent(kq, kev, 10000, NULL, 0, NULL), 0);
	CHECK_EQ(look(kq, kev, 10000), 10000);
	for (i = 0; i < 10000; i++) {
		CHECK_EQ(kev[i].data, kev[i].ident);
		CHECK(kev[i].udata == &kev[kev[i].ident]);
	}
	CHECK_EQ(look(kq, kev, 10000), 0);
}

/* ---- Arguments of the call --------------------------------------------- */

TEST(bad_calls)
{
	const struct timespec bad[] = {
		{ .tv_sec = -1 }, { .tv_nsec = -1 }, { .tv_nsec = 1000000000 },
	};
	int kq = new_kqueue(), null = CHECK_OK(open("/dev/null", O_RDWR));
	struct kevent kev;
	unsigned int i;

	EV_SET(&kev, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	CHECK_ERRNO(kevent(-1, &kev, 1, NULL, 0, NULL), EBADF);
	CHECK_ERRNO(kevent(999, &kev, 1, NULL, 0, NULL), EBADF);
	CHECK_ERRNO(kevent(null, &kev, 1, NULL, 0, NULL), EBADF);
	CHECK_ERRNO(kevent(999, NULL, 0, &kev, 1, NULL), EBADF);
	CHECK_ERRNO(kevent(null, NULL, 0, &kev, 1, NULL), EBADF);
	CHECK_ERRNO(kevent(999, NULL, 0, NULL, 0, NULL), EBADF);
	CHECK_ERRNO(kevent(kq, &kev, -1, NULL, 0, NULL), EINVAL);
	CHECK_ERRNO(kevent(kq, NULL, 0, &kev, -1, NULL), EINVAL);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_ERRNO(kevent(kq, NULL, 0, &kev, 1, &bad[i]), EINVAL);
	CHECK_EQ(kevent(kq, &kev, 1, NULL, 0, NULL), 0);
	CHECK_ERRNO(kevent(kq, NULL, 0, (struct kevent *)8, 1, &no_time), EFAULT);
	CHECK_ERRNO(kqueue1(O_TRUNC), EINVAL);
	CHECK_ERRNO(kqueuex(2), EINVAL);
}

static void bad_timeout(void *kq)
{
	struct kevent kev;

	kevent(*(int *)kq, NULL, 0, &kev, 1, (const struct timespec *)8);
}

static void bad_changelist(void *kq)
{
	kevent(*(int *)kq, (const struct kevent *)8, 1, NULL, 0, NULL);
}

TEST(bad_pointers)
{
	void (*bad[])(void *kq) = { bad_timeout, bad_changelist };
	unsigned int i;
	int status, kq;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		pid_t pid = CHECK_OK(fork());

		if (!pid) {
			kq = new_kqueue();
			bad[i](&kq);
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(WTERMSIG(status), SIGSEGV);
	}
}

TEST(made)
{
	int one = CHECK_OK(kqueue1(O_CLOEXEC)), x = CHECK_OK(kqueuex(KQUEUE_CLOEXEC));
	int kq = new_kqueue();

	CHECK_EQ(fcntl(kq, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(one, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(x, F_GETFD), FD_CLOEXEC);
}

/* As in a container, whose filter lets /dev/kevent be opened. */
static void without_ioctl(void *error)
{
	forbid(SYS_ioctl, *(int *)error);
	CHECK_ERRNO(kqueue(), *(int *)error);
}

TEST(forbidden)
{
	int errors[] = { EPERM, EACCES, ENOSYS };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++)
		wait_child(start_child(without_ioctl, &errors[i]));
}

/* ---- Waiting ----------------------------------------------------------- */

TEST(timeout)
{
	const struct timespec timeout = { .tv_nsec = 30 * MSEC };
	const struct timespec huge = { .tv_sec = INT64_MAX };
	uint64_t start = now_ns();
	int kq = new_kqueue();
	struct kevent kev;

	CHECK_EQ(kevent(kq, NULL, 0, &kev, 1, &timeout), 0);
	CHECK_GE(now_ns() - start, 30 * MSEC);
	/* no room: no waiting */
	CHECK_EQ(kevent(kq, NULL, 0, NULL, 0, NULL), 0);
	set(kq, 1, EVFILT_TIMER, EV_ADD, 0, 10, NULL);
	CHECK_EQ(kevent(kq, NULL, 0, &kev, 1, &huge), 1);
}

/* What wakes it and is not to be reported does not make it return early. */
TEST(timeout_and_disabled)
{
	const struct timespec timeout = { .tv_nsec = 60 * MSEC };
	uint64_t start = now_ns();
	int kq = new_kqueue();
	struct kevent kev;

	set(kq, 1, EVFILT_TIMER, EV_ADD | EV_DISABLE, 0, 5, NULL);
	CHECK_EQ(kevent(kq, NULL, 0, &kev, 1, &timeout), 0);
	CHECK_GE(now_ns() - start, 60 * MSEC);
}

/* As if it were not. */
TEST(nonblocking)
{
	const struct timespec timeout = { .tv_nsec = 30 * MSEC };
	uint64_t start = now_ns();
	int kq = CHECK_OK(kqueue1(O_NONBLOCK));
	struct kevent kev;

	CHECK_EQ(kevent(kq, NULL, 0, &kev, 1, &timeout), 0);
	CHECK_GE(now_ns() - start, 30 * MSEC);
	set(kq, 1, EVFILT_TIMER, EV_ADD, 0, 20, NULL);
	await(kq, 1, EVFILT_TIMER);
}

static void handler(int signo)
{
	(void)signo;
}

TEST(interrupted)
{
	struct sigaction restart = { .sa_handler = handler, .sa_flags = SA_RESTART };
	int kq = new_kqueue();
	struct waiter w;

	CHECK_OK(sigaction(SIGUSR1, &restart, NULL));
	waiter_start(&w, kq);
	pthread_kill(w.thread.thread, SIGUSR1);
	thread_join(&w.thread);
	CHECK_EQ(w.ret, -1);
	CHECK_EQ(w.error, EINTR);
}

TEST(cancelled)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();
	struct waiter w;

	waiter_start(&w, kq);
	pthread_cancel(w.thread.thread);
	thread_join(&w.thread);
	/* and nothing is held */
	add(kq, e.fd[0], EVFILT_READ, 0);
	put(e.fd[1], 1);
	expect(kq, e.fd[0], EVFILT_READ);
}

static void *cancelled_run(void *arg)
{
	struct waiter *w = arg;
	struct kevent kev;

	pthread_cancel(pthread_self());
	EV_SET(&kev, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0, NULL);
	/* no event is asked for: it is made */
	CHECK_EQ(kevent(w->kq, &kev, 1, NULL, 0, NULL), 0);
	EV_SET(&kev, 2, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	/* and this one is not */
	kevent(w->kq, &kev, 1, &kev, 1, NULL);
	FAIL("it was not cancelled");
}

TEST(cancelled_before)
{
	int kq = new_kqueue();
	struct waiter w = { .kq = kq };

	thread_start(&w.thread, cancelled_run, &w);
	thread_join(&w.thread);
	expect(kq, 1, EVFILT_USER);
	expect_none(kq);
}

/* Nor where a change has open(2) called, nor in kqueue(). */
static void *uncancelled_run(void *arg)
{
	char name[] = "/tmp/kqueue-XXXXXX";
	struct waiter *w = arg;
	int file = CHECK_OK(mkstemp(name));

	pthread_cancel(pthread_self());
	add(w->kq, file, EVFILT_READ, 0);
	set(w->kq, file, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0, NULL);
	new_kqueue();
	w->ret = 1;
	return NULL;
}

TEST(cancelled_never)
{
	struct waiter w = { .kq = new_kqueue() };

	thread_start(&w.thread, uncancelled_run, &w);
	thread_join(&w.thread);
	CHECK_EQ(w.ret, 1);
	set(w.kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	expect(w.kq, 1, EVFILT_USER);
}

static void *changing_run(void *arg)
{
	struct waiter *w = arg;
	struct kevent kev;

	EV_SET(&kev, 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
	w->ret = kevent(w->kq, &kev, 1, w->kev, 4, NULL);
	w->error = errno;
	return NULL;
}

/* By a signal: it has made its change. */
TEST(interrupted_with_changes)
{
	struct waiter w = { .kq = new_kqueue() };

	CHECK_OK(sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler }, NULL));
	thread_start(&w.thread, changing_run, &w);
	wait_blocked(w.thread.tid);
	pthread_kill(w.thread.thread, SIGUSR1);
	thread_join(&w.thread);
	CHECK_EQ(w.ret, -1);
	CHECK_EQ(w.error, EINTR);
	set(w.kq, 1, EVFILT_USER, EV_DELETE, 0, 0, NULL);
}

/* It has made a change, and waits. */
static void cancel_changing(int kq)
{
	struct waiter w = { .kq = kq };

	thread_start(&w.thread, changing_run, &w);
	wait_blocked(w.thread.tid);
	pthread_cancel(w.thread.thread);
	set(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	thread_join(&w.thread);
	CHECK_EQ(w.ret, 1);
}

TEST(cancelled_with_changes)
{
	cancel_changing(new_kqueue());
	cancel_changing(CHECK_OK(kqueue1(O_NONBLOCK)));
}

TEST(cancelled_nonblocking)
{
	int kq = CHECK_OK(kqueue1(O_NONBLOCK));
	struct waiter w = { .ret = 1 };

	waiter_start(&w, kq);
	pthread_cancel(w.thread.thread);
	thread_join(&w.thread);
	CHECK_EQ(w.ret, 1);
	add(kq, 1, EVFILT_USER, 0);
}

/* A change by another thread while one waits. */
TEST(added_while_waiting)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();
	struct waiter w;

	waiter_start(&w, kq);
	put(e.fd[1], 3);
	add(kq, e.fd[0], EVFILT_READ, 0);
	thread_join(&w.thread);
	CHECK_EQ(w.ret, 1);
	CHECK_EQ(w.kev[0].data, 3);
}

/* ---- udata and ext ----------------------------------------------------- */

TEST(udata)
{
	const uint64_t ext[4] = { 1, 2, ~0ull << 32, ~0ull };
	int kq = new_kqueue();
	struct kevent kev;

	EV_SET(&kev, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0, &kq);
	memcpy(kev.ext, ext, sizeof(ext));
	CHECK_EQ(kevent(kq, &kev, 1, NULL, 0, NULL), 0);
	kev = expect(kq, 1, EVFILT_USER);
	CHECK(kev.udata == &kq);
	CHECK(!memcmp(kev.ext, ext, sizeof(ext)));
	set(kq, 1, EVFILT_USER, EV_KEEPUDATA, NOTE_TRIGGER, 0, &kev);
	CHECK(expect(kq, 1, EVFILT_USER).udata == &kq);
	set(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, &kev);
	CHECK(expect(kq, 1, EVFILT_USER).udata == &kev);
	set(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, &kq);
	CHECK(expect(kq, 1, EVFILT_USER).udata == &kq);
}

/* ---- Threads ----------------------------------------------------------- */

static volatile bool over;

#define THREADS		4
#define ROUNDS		2000

static uint32_t taken;
static int shared;

static void *taker_run(void *arg)
{
	const struct timespec timeout = { .tv_nsec = 50 * MSEC };
	struct kevent kev[8];
	int n, i;

	(void)arg;
	while (__atomic_load_n(&taken, __ATOMIC_RELAXED) < THREADS * ROUNDS) {
		n = CHECK_OK(kevent(shared, NULL, 0, kev, 8, &timeout));
		for (i = 0; i < n; i++)
			CHECK_EQ(kev[i].filter, EVFILT_USER);
		__atomic_fetch_add(&taken, n, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *giver_run(void *arg)
{
	uintptr_t first = (uintptr_t)arg * ROUNDS, i;

	for (i = 0; i < ROUNDS; i++)
		set(shared, first + i, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0, NULL);
	return NULL;
}

/* Each one-shot comes to one of the threads, once. */
TEST_TIMEOUT(threads, 60)
{
	struct test_thread takers[THREADS], givers[THREADS];
	uintptr_t i;

	shared = new_kqueue();
	for (i = 0; i < THREADS; i++) {
		thread_start(&takers[i], taker_run, NULL);
		thread_start(&givers[i], giver_run, (void *)i);
	}
	for (i = 0; i < THREADS; i++) {
		thread_join(&givers[i]);
		thread_join(&takers[i]);
	}
	CHECK_EQ(taken, THREADS * ROUNDS);
	expect_none(shared);
}

static int silent;

static void *watcher_run(void *arg)
{
	const struct timespec timeout = { .tv_nsec = MSEC };
	struct kevent kev[4];
	int n, i;

	(void)arg;
	while (!over) {
		n = CHECK_OK(kevent(shared, NULL, 0, kev, 4, &timeout));
		for (i = 0; i < n; i++)
			CHECK_NE(kev[i].ident, silent);
	}
	return NULL;
}

/* What one thread has just taken is not that of what another adds in its place. */
TEST_TIMEOUT(replaced_while_taken, 60)
{
	struct ends ready = new_pipe(), e = new_pipe();
	struct test_thread t;
	int i;

	shared = new_kqueue();
	silent = e.fd[0];
	put(ready.fd[1], 1);
	thread_start(&t, watcher_run, NULL);
	for (i = 0; i < 3000; i++) {
		add(shared, ready.fd[0], EVFILT_READ, 0);
		set(shared, ready.fd[0], EVFILT_READ, EV_DELETE, 0, 0, NULL);
		add(shared, silent, EVFILT_READ, 0);
		set(shared, silent, EVFILT_READ, EV_DELETE, 0, 0, NULL);
	}
	over = true;
	thread_join(&t);
}

/* After EV_DELETE nothing comes, though others wait. */
TEST_TIMEOUT(deleted_while_taken, 60)
{
	struct waiter w;
	int kq = new_kqueue(), i;

	for (i = 0; i < 100; i++) {
		waiter_start(&w, kq);
		add(kq, 1, EVFILT_USER, 0);
		set(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
		set(kq, 1, EVFILT_USER, EV_DELETE, 0, 0, NULL);
		/* it was taken before that, or else it is not there any more */
		set(kq, 2, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0, NULL);
		thread_join(&w.thread);
		CHECK_GE(w.ret, 1);
		if (w.kev[0].ident == 1) {
			expect(kq, 2, EVFILT_USER);
			continue;
		}
		CHECK_EQ(w.ret, 1);
		CHECK_EQ(w.kev[0].ident, 2);
	}
}
