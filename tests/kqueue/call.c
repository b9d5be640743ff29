// SPDX-License-Identifier: GPL-2.0
/*
 * kqueue() and kevent() themselves: changes and events in one call, errors and receipts in
 * the eventlist, timeouts, signals, bad arguments, udata, fds that are duplicated, closed
 * and used again, fork.
 */
#include "kqueue.h"

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

/* One that is not to be reported does not hide those behind it. */
TEST(hidden)
{
	int kq = new_kqueue();
	struct kevent kev;

	set(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	set(kq, 2, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	set(kq, 1, EVFILT_USER, EV_DISABLE, 0, 0, NULL);
	CHECK_EQ(look(kq, &kev, 1), 1);
	CHECK_EQ(kev.ident, 2);
}

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

/* ---- Errors and receipts ----------------------------------------------- */

static void three(struct kevent *kev, const struct ends *e, int flags)
{
	EV_SET(&kev[0], e->fd[0], EVFILT_READ, EV_ADD | flags, 0, 0, &kev[0]);
	EV_SET(&kev[1], 999, EVFILT_READ, EV_ADD | flags, 5, 6, &kev[1]);
	EV_SET(&kev[2], e->fd[1], EVFILT_WRITE, EV_ADD | flags, 0, 0, &kev[2]);
}

/* One in the middle: it is told, and the others are made; there is no waiting. */
TEST(error_in_the_middle)
{
	struct ends e = new_pipe();
	struct kevent kev[3], got[3];
	int kq = new_kqueue();

	three(kev, &e, 0);
	CHECK_EQ(kevent(kq, kev, 3, got, 3, NULL), 1);
	CHECK_EQ(got[0].ident, 999);
	CHECK_EQ(got[0].filter, EVFILT_READ);
	CHECK_EQ(got[0].flags, EV_ERROR);
	CHECK_EQ(got[0].data, EBADF);
	CHECK(got[0].udata == &kev[1]);
	expect(kq, e.fd[1], EVFILT_WRITE);
}

/* Without room for it the call fails, and what comes behind it is not done. */
TEST(error_without_room)
{
	struct ends e = new_pipe();
	struct kevent kev[3];
	int kq = new_kqueue();

	three(kev, &e, 0);
	CHECK_ERRNO(kevent(kq, kev, 3, NULL, 0, NULL), EBADF);
	set(kq, e.fd[0], EVFILT_READ, EV_DELETE, 0, 0, NULL);
	CHECK_ERRNO(try_set(kq, e.fd[1], EVFILT_WRITE, EV_DELETE, 0, 0, NULL), ENOENT);
}

TEST(errors_more_than_room)
{
	struct kevent kev[3], got[2];
	int kq = new_kqueue(), i;

	for (i = 0; i < 3; i++)
		EV_SET(&kev[i], 999, EVFILT_READ, EV_ADD, 0, 0, NULL);
	CHECK_ERRNO(kevent(kq, kev, 3, got, 2, NULL), EBADF);
}

TEST(receipts)
{
	struct ends e = new_pipe();
	struct kevent kev[3];
	int kq = new_kqueue();

	three(kev, &e, EV_RECEIPT);
	CHECK_EQ(kevent(kq, kev, 3, kev, 3, NULL), 3);
	CHECK_EQ(kev[0].flags, EV_ERROR);
	CHECK_EQ(kev[0].data, 0);
	CHECK(kev[0].udata == &kev[0]);
	CHECK_EQ(kev[1].flags, EV_ERROR);
	CHECK_EQ(kev[1].data, EBADF);
	CHECK_EQ(kev[2].data, 0);
	/* no event was taken for them */
	expect(kq, e.fd[1], EVFILT_WRITE);
}

/* One that finds no room is not told, and what comes behind it is not done. */
TEST(receipts_more_than_room)
{
	struct kevent kev[3];
	int kq = new_kqueue(), i;

	for (i = 0; i < 3; i++)
		EV_SET(&kev[i], i, EVFILT_USER, EV_ADD | EV_RECEIPT, 0, 0, NULL);
	CHECK_EQ(kevent(kq, kev, 3, kev, 1, NULL), 1);
	CHECK_EQ(kev[0].data, 0);
	set(kq, 1, EVFILT_USER, EV_DELETE, 0, 0, NULL);
	CHECK_ERRNO(try_set(kq, 2, EVFILT_USER, EV_DELETE, 0, 0, NULL), ENOENT);
	kev[0].flags = EV_ADD | EV_RECEIPT;
	CHECK_EQ(kevent(kq, kev, 1, NULL, 0, NULL), 0);
}

TEST(bad_changes)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();

	/* filters: those that there are not, and 0 */
	CHECK_ERRNO(try_set(kq, 1, 0, EV_ADD, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, 1, 1, EV_ADD, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, 1, -3, EV_ADD, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, 1, -100, EV_ADD, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, 1, -32768, EV_ADD, 0, 0, NULL), EINVAL);
	/* flags */
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ADD | 0x100, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ADD | 0x800, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ADD | EV_ENABLE | EV_DISABLE, 0, 0, NULL),
		    EINVAL);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ADD | EV_KEEPUDATA, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ADD, 4, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, e.fd[1], EVFILT_WRITE, EV_ADD, NOTE_FILE_POLL, 0, NULL), EINVAL);
	/* what is not there */
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_DELETE, 0, 0, NULL), ENOENT);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ENABLE, 0, 0, NULL), ENOENT);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_DISABLE, 0, 0, NULL), ENOENT);
	CHECK_ERRNO(try_set(kq, 999, EVFILT_READ, EV_DELETE, 0, 0, NULL), EBADF);
	CHECK_ERRNO(try_set(kq, (uintptr_t)-1, EVFILT_READ, EV_ADD, 0, 0, NULL), EBADF);
	CHECK_ERRNO(try_set(kq, 1ull << 32 | e.fd[0], EVFILT_READ, EV_ADD, 0, 0, NULL), EBADF);
	CHECK_ERRNO(try_set(kq, 1ull << 32 | e.fd[0], EVFILT_VNODE, EV_ADD, 1, 0, NULL), EBADF);
}

/* A change that is refused leaves all as it was. */
TEST(bad_change_of_old)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();

	set(kq, e.fd[0], EVFILT_READ, EV_ADD, 0, 0, &e);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ADD | EV_CLEAR, 4, 0, NULL), EINVAL);
	put(e.fd[1], 1);
	CHECK(expect(kq, e.fd[0], EVFILT_READ).udata == &e);
	expect(kq, e.fd[0], EVFILT_READ);
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

TEST(made)
{
	int kq = new_kqueue(), one = CHECK_OK(kqueue1(O_CLOEXEC)), x = CHECK_OK(kqueuex(KQUEUE_CLOEXEC));

	CHECK_EQ(fcntl(kq, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(one, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(x, F_GETFD), FD_CLOEXEC);
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

struct waiter {
	struct test_thread thread;
	int kq;
	struct kevent kev[4];
	int ret;
	int error;
};

static void *waiter_run(void *arg)
{
	struct waiter *w = arg;

	errno = 0;
	w->ret = kevent(w->kq, NULL, 0, w->kev, 4, NULL);
	w->error = errno;
	return NULL;
}

static void waiter_start(struct waiter *w, int kq)
{
	w->kq = kq;
	thread_start(&w->thread, waiter_run, w);
	wait_blocked(w->thread.tid);
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
	int kq = new_kqueue();
	struct kevent kev;

	EV_SET(&kev, 1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0, &kq);
	kev.ext[0] = 1;
	kev.ext[3] = ~0ull;
	CHECK_EQ(kevent(kq, &kev, 1, NULL, 0, NULL), 0);
	kev = expect(kq, 1, EVFILT_USER);
	CHECK(kev.udata == &kq);
	CHECK_EQ(kev.ext[0], 1);
	CHECK_EQ(kev.ext[3], ~0ull);
	set(kq, 1, EVFILT_USER, EV_KEEPUDATA, NOTE_TRIGGER, 0, &kev);
	CHECK(expect(kq, 1, EVFILT_USER).udata == &kq);
	set(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, &kev);
	CHECK(expect(kq, 1, EVFILT_USER).udata == &kev);
	set(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, &kq);
	CHECK(expect(kq, 1, EVFILT_USER).udata == &kq);
}

/* ---- Fds of kqueues ---------------------------------------------------- */

TEST(duplicated)
{
	struct ends e = new_pipe();
	int kq = new_kqueue(), other = CHECK_OK(dup(kq));

	add(kq, e.fd[0], EVFILT_READ, 0);
	put(e.fd[1], 1);
	expect(other, e.fd[0], EVFILT_READ);
	close(kq);
	set(other, e.fd[0], EVFILT_READ, EV_ADD | EV_DISPATCH, 0, 0, NULL);
	expect(other, e.fd[0], EVFILT_READ);
	expect_none(other);
}

/* Moved to another number, and another kqueue has the old one. */
TEST(moved)
{
	struct ends e = new_pipe();
	int kq = new_kqueue(), moved, next;

	add(kq, e.fd[0], EVFILT_READ, 0);
	moved = CHECK_OK(fcntl(kq, F_DUPFD_CLOEXEC, 100));
	close(kq);
	next = new_kqueue();
	CHECK_EQ(next, kq);
	put(e.fd[1], 1);
	expect_none(next);
	CHECK_ERRNO(try_set(next, e.fd[0], EVFILT_READ, EV_DELETE, 0, 0, NULL), ENOENT);
	expect(moved, e.fd[0], EVFILT_READ);
	set(moved, e.fd[0], EVFILT_READ, EV_DELETE, 0, 0, NULL);
	expect_none(moved);
}

/* One kqueue in place of another. */
TEST(replaced)
{
	int kq = new_kqueue(), other = new_kqueue();

	add(kq, 1, EVFILT_USER, 0);
	add(other, 2, EVFILT_USER, 0);
	CHECK_OK(dup2(other, kq));
	CHECK_ERRNO(try_set(kq, 1, EVFILT_USER, EV_DELETE, 0, 0, NULL), ENOENT);
	set(kq, 2, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	expect(other, 2, EVFILT_USER);
	expect(kq, 2, EVFILT_USER);
}

static size_t open_fds(void)
{
	size_t n = 0;
	int fd;

	for (fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A kqueue's inner fds go when the next one is made. */
TEST(closed_and_made_again)
{
	struct ends e = new_pipe(), child = new_pipe();
	size_t before = open_fds();
	int kq, i;

	(void)child;
	for (i = 0; i < 100; i++) {
		kq = new_kqueue();
		set(kq, getppid(), EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
		add(kq, e.fd[0], EVFILT_READ, 0);
		close(kq);
		CHECK_ERRNO(try_set(kq, 1, EVFILT_USER, EV_ADD, 0, 0, NULL), EBADF);
	}
	CHECK_LE(open_fds(), before + 2);
}

/* Numbers of fds that were the library's, and that a program has closed, are let alone. */
TEST(all_closed)
{
	int kq = new_kqueue(), file, i;
	char name[] = "/tmp/kqueue-XXXXXX";

	file = CHECK_OK(mkstemp(name));
	add(kq, file, EVFILT_READ, 0);
	set(kq, file, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0, NULL);
	set(kq, getppid(), EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	CHECK_OK(close_range(3, 1000, 0));
	for (i = 3; i < 20; i++)
		CHECK_EQ(open("/dev/null", O_RDWR), i);
	for (i = 20; i < 25; i++)
		CHECK_EQ(kqueue(), i);
	for (i = 3; i < 20; i++)
		CHECK_EQ(write(i, "x", 1), 1);
}

TEST(closed_in_any_order)
{
	int kq[50], i, round;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < 50; i++) {
			kq[i] = new_kqueue();
			add(kq[i], i, EVFILT_USER, 0);
		}
		for (i = 0; i < 50; i++) {
			set(kq[i], i, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
			expect(kq[i], i, EVFILT_USER);
		}
		for (i = 0; i < 50; i++)
			close(kq[i * 7 % 50]);
	}
}

/* ---- fork -------------------------------------------------------------- */

/* A child has no kqueue, and can make its own. */
TEST(fork)
{
	struct ends e = new_pipe();
	int kq = new_kqueue(), other = CHECK_OK(dup(kq));
	pid_t pid;

	add(kq, e.fd[0], EVFILT_READ, 0);
	set(other, 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
	put(e.fd[1], 1);
	pid = CHECK_OK(fork());
	if (!pid) {
		CHECK_ERRNO(fcntl(kq, F_GETFD), EBADF);
		CHECK_ERRNO(fcntl(other, F_GETFD), EBADF);
		CHECK_ERRNO(try_set(kq, 2, EVFILT_USER, EV_ADD, 0, 0, NULL), EBADF);
		kq = new_kqueue();
		expect_none(kq);
		add(kq, e.fd[0], EVFILT_READ, 0);
		expect(kq, e.fd[0], EVFILT_READ);
		_exit(0);
	}
	wait_child(pid);
	expect(kq, e.fd[0], EVFILT_READ);
	set(kq, e.fd[0], EVFILT_READ, EV_DELETE, 0, 0, NULL);
	expect_none(kq);
}

/* While other threads are at work on it. */
static volatile bool over;

static void *busy_run(void *arg)
{
	int kq = *(int *)arg, i;

	while (!over)
		for (i = 0; i < 100; i++) {
			add(kq, i, EVFILT_USER, 0);
			set(kq, i, EVFILT_USER, EV_DELETE, 0, 0, NULL);
		}
	return NULL;
}

TEST_TIMEOUT(fork_while_busy, 60)
{
	int kq = new_kqueue(), mine, i;
	struct test_thread t;
	pid_t pid;

	thread_start(&t, busy_run, &kq);
	for (i = 0; i < 50; i++) {
		pid = CHECK_OK(fork());
		if (!pid) {
			mine = new_kqueue();
			set(mine, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
			expect(mine, 1, EVFILT_USER);
			_exit(0);
		}
		wait_child(pid);
	}
	over = true;
	thread_join(&t);
}

/* ---- Threads ----------------------------------------------------------- */

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
