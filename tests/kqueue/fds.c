// SPDX-License-Identifier: GPL-2.0
/* Fds of kqueues that are duplicated, moved, closed and used again; fork. */
#include "kqueue.h"

#include "seccomp.h"

#include <malloc.h>
#include <sys/resource.h>

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
static void moved(void)
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

TEST(moved) { moved(); }

/* By calls that only wait: each of its numbers is used for the first time. */
TEST(waited_for_by_duplicates)
{
	int kq = new_kqueue(), other, i;

	set(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	for (i = 0; i < 50; i++) {
		other = CHECK_OK(fcntl(kq, F_DUPFD_CLOEXEC, i * 7));
		close(kq);
		expect(other, 1, EVFILT_USER);
		kq = other;
	}
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

/* The same, and the first call waits. */
TEST(replaced_and_waited_for)
{
	int kq = new_kqueue(), other = new_kqueue();

	set(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	set(other, 2, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	expect(kq, 1, EVFILT_USER);
	CHECK_OK(dup2(other, kq));
	expect(kq, 2, EVFILT_USER);
	expect(other, 2, EVFILT_USER);
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
static void closed_and_made_again(void)
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

TEST(closed_and_made_again) { closed_and_made_again(); }

static void *run_alone(void *arg)
{
	(void)arg;
	CHECK_SOON(task_state(getpid()) == 'Z');
	moved();
	closed_and_made_again();
	return NULL;
}

static void leave_it_to_thread(void *thread)
{
	thread_start(thread, run_alone, NULL);
	pthread_exit(NULL);
}

/* The first thread has exited, and /proc/self/fd has nothing. */
TEST(without_first_thread)
{
	struct test_thread t;

	wait_child(start_child(leave_it_to_thread, &t));
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

/* ---- Closed while a thread waits --------------------------------------- */

/* What comes then is not taken from the kqueue that has the number by now. */
static void closed_while_waiting(int flags)
{
	struct ends e = new_pipe();
	int kq = CHECK_OK(kqueue1(flags));
	struct waiter w;

	add(kq, e.fd[0], EVFILT_READ, 0);
	waiter_start(&w, kq);
	close(kq);
	CHECK_EQ(new_kqueue(), kq);
	set(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	put(e.fd[1], 1);
	thread_join(&w.thread);
	CHECK_EQ(w.ret, -1);
	CHECK_EQ(w.error, EBADF);
	expect(kq, 1, EVFILT_USER);
}

TEST(closed_while_waiting)		{ closed_while_waiting(O_CLOEXEC); }
TEST(closed_while_waiting_nonblock)	{ closed_while_waiting(O_CLOEXEC | O_NONBLOCK); }

/* It has another number, and another kqueue has this one. */
static int renumber(int kq)
{
	int other = CHECK_OK(dup(kq));

	close(kq);
	CHECK_EQ(new_kqueue(), kq);
	return other;
}

/* What is reported stays there, and nothing comes to the other kqueue. */
TEST(moved_while_waiting)
{
	int kq = new_kqueue(), moved;
	struct waiter w;

	add(kq, 1, EVFILT_USER, 0);
	waiter_start(&w, kq);
	moved = renumber(kq);
	set(kq, 1, EVFILT_USER, EV_ADD, 0, 0, &kq);
	set(moved, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, &moved);
	thread_join(&w.thread);
	CHECK_EQ(w.ret, 1);
	CHECK(w.kev[0].udata == &moved);
	CHECK(expect(moved, 1, EVFILT_USER).udata == &moved);
}

/* The first that comes is not to be reported: that is the end. */
TEST(moved_while_waiting_in_vain)
{
	int kq = new_kqueue(), moved;
	struct waiter w;

	waiter_start(&w, kq);
	moved = renumber(kq);
	set(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	set(moved, 1, EVFILT_TIMER, EV_ADD | EV_DISABLE, 0, 1, NULL);
	thread_join(&w.thread);
	CHECK_EQ(w.ret, -1);
	CHECK_EQ(w.error, EBADF);
	expect(kq, 1, EVFILT_USER);
}

/* ---- None can be made -------------------------------------------------- */

/* Nor can an old one have what needs another queue. */
static void without_open(void *arg)
{
	char name[] = "/tmp/kqueue-XXXXXX";
	int kq = new_kqueue(), file = CHECK_OK(mkstemp(name));

	(void)arg;
	add(kq, file, EVFILT_WRITE, 0);
	forbid(SYS_openat, EACCES);
	CHECK_ERRNO(kqueue(), EACCES);
	CHECK_ERRNO(try_set(kq, file, EVFILT_READ, EV_ADD, 0, 0, NULL), EACCES);
	expect(kq, file, EVFILT_WRITE);
}

TEST(refused)
{
	const struct rlimit limit = { 0, 0 };

	wait_child(start_child(without_open, NULL));
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_ERRNO(kqueue(), EMFILE);
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

/* The child still has it by a number that no call has seen. */
TEST(fork_with_unseen_duplicate)
{
	int kq = new_kqueue(), other = CHECK_OK(dup(kq));
	struct kevent kev;
	pid_t pid;

	set(kq, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	pid = CHECK_OK(fork());
	if (!pid) {
		CHECK_ERRNO(kevent(other, NULL, 0, &kev, 1, &no_time), EBADF);
		set(new_kqueue(), 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
		CHECK_ERRNO(kevent(other, NULL, 0, &kev, 1, &no_time), EBADF);
		_exit(0);
	}
	wait_child(pid);
	expect(other, 1, EVFILT_USER);
	/* now it was seen */
	pid = CHECK_OK(fork());
	if (!pid) {
		CHECK_ERRNO(fcntl(other, F_GETFD), EBADF);
		_exit(0);
	}
	wait_child(pid);
	expect(kq, 1, EVFILT_USER);
}

/* Numbers that displace each other in the library's table: what was returned is closed. */
TEST(fork_with_far_duplicate)
{
	const struct rlimit limit = { 100000, 100000 };
	int kq = new_kqueue();
	pid_t pid;

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	add(CHECK_OK(dup2(kq, kq + 65536)), 1, EVFILT_USER, 0);
	pid = CHECK_OK(fork());
	if (!pid) {
		CHECK_ERRNO(fcntl(kq + 65536, F_GETFD), EBADF);
		CHECK_ERRNO(fcntl(kq, F_GETFD), EBADF);
		_exit(0);
	}
	wait_child(pid);
	set(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	expect(kq, 1, EVFILT_USER);
}

static size_t heap;

static void look_at_heap(void)
{
	heap = mallinfo2().uordblks;
}

static void check_heap(void)
{
	CHECK_EQ(mallinfo2().uordblks, heap);
}

/* Who forks in a handler may have interrupted malloc(): the child's heap is let alone. */
TEST(fork_and_heap)
{
	size_t before = open_fds();
	int kq, i;
	pid_t pid;

	CHECK_OK(pthread_atfork(NULL, NULL, look_at_heap));
	kq = new_kqueue();
	CHECK_OK(pthread_atfork(NULL, NULL, check_heap));
	for (i = 0; i < 100; i++)
		add(kq, i, EVFILT_USER, 0);
	set(kq, getppid(), EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	CHECK_EQ(open_fds(), before + 2);
	pid = CHECK_OK(fork());
	if (!pid) {
		CHECK_EQ(open_fds(), before);
		kq = new_kqueue();
		CHECK_LT(mallinfo2().uordblks, heap);
		CHECK_ERRNO(try_set(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0, NULL), ENOENT);
		add(kq, 1, EVFILT_USER, 0);
		_exit(0);
	}
	wait_child(pid);
}

static void *cancelled_run(void *arg)
{
	int status;
	pid_t pid;

	(void)arg;
	pthread_cancel(pthread_self());
	pid = fork();
	if (!pid)
		_exit(7);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 7 << 8);
	return NULL;
}

/* fork() is no point where a thread is cancelled, though the child closes fds. */
TEST(fork_and_cancelled)
{
	struct test_thread t;
	int kq = new_kqueue();

	thread_start(&t, cancelled_run, NULL);
	thread_join(&t);
	add(kq, 1, EVFILT_USER, 0);
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

/* ---- fork, by a handler ------------------------------------------------ */

/* unseen: its duplicate, which no call was made with. */
static int the_kqueue, unseen;
static volatile int forks_inside;
static volatile bool in_child;

/* Has the thread been interrupted in a call of the library? */
static bool is_inside(void)
{
	struct kevent kev;

	return kevent(the_kqueue, NULL, 0, &kev, 1, &no_time) < 0 && errno == EDEADLK;
}

static void handler(int signo)
{
	int err = errno, status;
	pid_t pid;

	(void)signo;
	if (is_inside()) {
		pid = fork();
		in_child = !pid;
		if (pid && (waitpid(pid, &status, 0) != pid || status))
			abort();
		forks_inside++;
	}
	errno = err;
}

/* The child goes on where its parent was, but it has no kqueues. */
static void check_child(void)
{
	struct kevent kev;

	CHECK_ERRNO(kevent(unseen, NULL, 0, &kev, 1, &no_time), EBADF);
	CHECK_ERRNO(fcntl(the_kqueue, F_GETFD), EBADF);
	CHECK_ERRNO(try_set(the_kqueue, 2, EVFILT_USER, EV_ADD, 0, 0, NULL), EBADF);
	the_kqueue = new_kqueue();
	set(the_kqueue, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	expect(the_kqueue, 1, EVFILT_USER);
	_exit(0);
}

/*
 * Whatever its thread is just doing to the kqueue.  One signal a round, as a handler that
 * forks may take longer than any period.
 */
TEST_TIMEOUT(fork_by_handler, 60)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec soon = {};
	unsigned int round = 0;
	int added, deleted = 0;
	timer_t timer;

	the_kqueue = new_kqueue();
	unseen = CHECK_OK(dup(the_kqueue));
	signal(SIGUSR1, handler);
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	while (forks_inside < 20) {
		soon.it_value.tv_nsec = 1 + ++round * 1009 % 100000 * test_scale();
		CHECK_OK(timer_settime(timer, 0, &soon, NULL));
		added = try_set(the_kqueue, 2, EVFILT_USER, EV_ADD, 0, 0, NULL);
		if (!in_child)
			deleted = try_set(the_kqueue, 2, EVFILT_USER, EV_DELETE, 0, 0, NULL);
		if (in_child)
			check_child();
		CHECK_EQ(added, 0);
		CHECK_EQ(deleted, 0);
	}
}

static void interrupt(void)
{
	static bool done;

	if (!done) {
		done = true;
		raise(SIGUSR1);
	}
}

/* A handler that forks interrupts fork() itself, where the library is inside. */
TEST(fork_by_handler_in_fork)
{
	pid_t pid;

	/* registered earlier, it comes later */
	CHECK_OK(pthread_atfork(interrupt, NULL, NULL));
	the_kqueue = new_kqueue();
	unseen = CHECK_OK(dup(the_kqueue));
	signal(SIGUSR1, handler);
	pid = CHECK_OK(fork());
	if (!pid)
		_exit(0);
	wait_child(pid);
	if (in_child)
		check_child();
	CHECK_EQ(forks_inside, 1);
	set(the_kqueue, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	expect(the_kqueue, 1, EVFILT_USER);
}
