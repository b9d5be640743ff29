// SPDX-License-Identifier: GPL-2.0
/*
 * Fds that are no kqueues of this process: kqueues of others, plain queues.  Nothing is
 * taken from them.
 */
#include "kqueue.h"

#include "kev.h"
#include "send.h"

#include <limits.h>

/* Waiting without a change, which is not the way of kevent() with changes. */
static int try_look(int fd)
{
	struct kevent kev;

	return kevent(fd, NULL, 0, &kev, 1, &no_time);
}

static void triggered(int kq, uintptr_t ident)
{
	set(kq, ident, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
}

/* ---- Of another process ------------------------------------------------ */

/* What both have done so far is the same, and so their ids and cookies may be. */
struct other {
	int sock[2];
	void (*run)(int sock);
};

static void other_run(void *arg)
{
	const struct other *o = arg;

	o->run(o->sock[1]);
}

/* The child is there before the kqueue, which it gets by a message only. */
static int sent_to_other(void (*run)(int sock))
{
	struct other o = { .run = run };
	pid_t pid;
	int kq;

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, o.sock));
	pid = start_child(other_run, &o);
	kq = new_kqueue();
	triggered(kq, 1);
	send_fds(o.sock[0], &kq, 1);
	wait_child(pid);
	return kq;
}

/* Which leaves it alone. */
static void with_other(void (*run)(int sock))
{
	int kq = sent_to_other(run);

	expect(kq, 1, EVFILT_USER);
}

static void look_at_it(int sock)
{
	int fd = receive_fd(sock), i;

	for (i = 0; i < 3; i++)
		CHECK_ERRNO(try_look(fd), EBADF);
	CHECK_ERRNO(try_set(fd, 1, EVFILT_USER, EV_ADD, 0, 0, NULL), EBADF);
	CHECK_ERRNO(try_look(fd), EBADF);
}

TEST(received)
{
	with_other(look_at_it);
}

/* The same event is expected of the own one. */
static void look_at_both(int sock)
{
	int kq = new_kqueue(), fd;

	triggered(kq, 1);
	fd = receive_fd(sock);
	CHECK_ERRNO(try_look(fd), EBADF);
	expect(kq, 1, EVFILT_USER);
	CHECK_ERRNO(try_look(fd), EBADF);
	expect(kq, 1, EVFILT_USER);
	CHECK_ERRNO(try_set(fd, 1, EVFILT_USER, EV_DELETE, 0, 0, NULL), EBADF);
}

TEST(received_beside_own)
{
	with_other(look_at_both);
}

/* It has the number of one that was closed since, which a change finds out. */
static void look_after_change(int sock)
{
	int kq = new_kqueue(), fd;

	triggered(kq, 1);
	expect(kq, 1, EVFILT_USER);
	close(kq);
	fd = receive_fd(sock);
	CHECK_EQ(fd, kq);
	CHECK_ERRNO(try_set(fd, 1, EVFILT_USER, EV_DELETE, 0, 0, NULL), EBADF);
	CHECK_ERRNO(try_look(fd), EBADF);
}

TEST(received_at_old_number)
{
	with_other(look_after_change);
}

/* Another one that is made finds it out as well. */
static void look_after_next(int sock)
{
	int kq = new_kqueue(), fd, next;

	triggered(kq, 1);
	expect(kq, 1, EVFILT_USER);
	close(kq);
	fd = receive_fd(sock);
	CHECK_EQ(fd, kq);
	next = new_kqueue();
	CHECK_ERRNO(try_look(fd), EBADF);
	expect_none(next);
}

TEST(received_before_next)
{
	with_other(look_after_next);
}

/* To this process itself. */
TEST(received_own)
{
	int kq = new_kqueue(), sock[2], fd;

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock));
	triggered(kq, 1);
	send_fds(sock[0], &kq, 1);
	close(kq);
	fd = receive_fd(sock[1]);
	expect(fd, 1, EVFILT_USER);
}

/* ---- Of nobody --------------------------------------------------------- */

static int new_plain(void)
{
	int q = kev_queue(NULL, 0);

	kev_add_user(q, 7);
	kev_fire(q, 7, 1);
	return q;
}

TEST(plain)
{
	int q = new_plain(), kq;

	CHECK_ERRNO(try_look(q), EBADF);
	kq = new_kqueue();
	CHECK_ERRNO(try_look(q), EBADF);
	expect_none(kq);
	kev_expect_get(q, 7, 1);
}

/*
 * Nothing has told that the number is no kqueue's any more.  An event of another's tells:
 * it is lost, but it is not reported, and none is lost after it.
 */
TEST(plain_at_old_number)
{
	int kq = new_kqueue(), q;

	triggered(kq, 1);
	expect(kq, 1, EVFILT_USER);
	close(kq);
	q = new_plain();
	CHECK_EQ(q, kq);
	CHECK_ERRNO(try_look(q), EBADF);
	kev_fire(q, 7, 1);
	CHECK_ERRNO(try_look(q), EBADF);
	kev_expect_get(q, 7, 1);
}

static void look_at_once(int sock)
{
	int kq = new_kqueue(), fd;

	triggered(kq, 1);
	close(kq);
	fd = receive_fd(sock);
	CHECK_EQ(fd, kq);
	CHECK_ERRNO(try_look(fd), EBADF);
	CHECK_ERRNO(try_look(fd), EBADF);
}

/* Likewise, and what is lost looks like what was expected of the kqueue before. */
TEST(received_unnoticed)
{
	int kq = sent_to_other(look_at_once);

	set(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	expect(kq, 1, EVFILT_USER);
}

/* ---- No queue ---------------------------------------------------------- */

TEST(no_queue)
{
	struct ends e = new_pipe();
	int kq = new_kqueue();

	CHECK_ERRNO(try_look(-1), EBADF);
	CHECK_ERRNO(try_look(INT_MIN), EBADF);
	CHECK_ERRNO(try_look(INT_MAX), EBADF);
	CHECK_ERRNO(try_look(e.fd[0]), EBADF);
	CHECK_ERRNO(try_look(kq + 1), EBADF);
	CHECK_ERRNO(try_look(kq + 65536), EBADF);
	CHECK_OK(dup2(e.fd[0], kq));
	CHECK_ERRNO(try_look(kq), EBADF);
}
