// SPDX-License-Identifier: GPL-2.0
/*
 * An fd is closed without EV_DELETE, and its number is another file's now, for more than one
 * filter: what is done to one of the old notes is never done to what another has by now.
 */
#include "kqueue.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static int new_eventfd(void)
{
	return CHECK_OK(eventfd(1, EFD_NONBLOCK));
}

/* Of an eventfd both filters need the same watch of the kernel's, of a socket they do not. */
static int new_stream(void)
{
	return new_sockets(SOCK_STREAM).fd[0];
}

/* An eventfd, with the number of what had both filters; udata is that. */
static int reuse(int kq, int (*make)(void))
{
	int fd = make();

	add(kq, fd, EVFILT_READ, 0);
	add(kq, fd, EVFILT_WRITE, 0);
	close(fd);
	CHECK_EQ(new_eventfd(), fd);
	return fd;
}

/* Both are there, each once; and who waits for a third sleeps. */
static void expect_both(int kq, int fd)
{
	struct rusage before, after;
	struct kevent kev[4];

	CHECK_EQ(look(kq, kev, 4), 2);
	CHECK_EQ(kev[0].ident, (uintptr_t)fd);
	CHECK_EQ(kev[1].ident, (uintptr_t)fd);
	CHECK_EQ(kev[0].filter + kev[1].filter, EVFILT_READ + EVFILT_WRITE);
	set(kq, fd, EVFILT_READ, EV_DELETE, 0, 0, NULL);
	set(kq, fd, EVFILT_WRITE, EV_DELETE, 0, 0, NULL);
	getrusage(RUSAGE_SELF, &before);
	CHECK_EQ(kevent(kq, NULL, 0, kev, 4, &(struct timespec){ .tv_nsec = 300000000 }), 0);
	getrusage(RUSAGE_SELF, &after);
	CHECK(after.ru_nvcsw > before.ru_nvcsw);
}

static void one_by_one(int (*make)(void), int first, int second)
{
	int kq = new_kqueue(), fd = reuse(kq, make);

	add(kq, fd, first, 0);
	add(kq, fd, second, 0);
	expect_both(kq, fd);
}

TEST(read_first)	 { one_by_one(new_eventfd, EVFILT_READ, EVFILT_WRITE); }
TEST(write_first)	 { one_by_one(new_eventfd, EVFILT_WRITE, EVFILT_READ); }
TEST(socket_read_first)	 { one_by_one(new_stream, EVFILT_READ, EVFILT_WRITE); }
TEST(socket_write_first) { one_by_one(new_stream, EVFILT_WRITE, EVFILT_READ); }

static void in_one_call(int (*make)(void), int first, int second)
{
	int kq = new_kqueue(), fd = reuse(kq, make);
	struct kevent kev[2];

	EV_SET(&kev[0], fd, first, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[1], fd, second, EV_ADD, 0, 0, NULL);
	CHECK_EQ(kevent(kq, kev, 2, NULL, 0, NULL), 0);
	expect_both(kq, fd);
}

TEST(one_call_read_first)	  { in_one_call(new_eventfd, EVFILT_READ, EVFILT_WRITE); }
TEST(one_call_write_first)	  { in_one_call(new_eventfd, EVFILT_WRITE, EVFILT_READ); }
TEST(one_call_socket_read_first)  { in_one_call(new_stream, EVFILT_READ, EVFILT_WRITE); }
TEST(one_call_socket_write_first) { in_one_call(new_stream, EVFILT_WRITE, EVFILT_READ); }

/*
 * The library finds by itself that the old note is of another file.  What comes behind is
 * not made, as there is no room for the error.
 */
static void old_without_room(int flags)
{
	int kq = new_kqueue(), fd = new_eventfd();
	struct ends e = new_pipe();
	struct kevent kev[3];

	add(kq, fd, EVFILT_WRITE, 0);
	close(fd);
	CHECK_EQ(new_eventfd(), fd);
	add(kq, fd, EVFILT_READ, EV_DISABLE);
	set(kq, 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
	add(kq, e.fd[1], EVFILT_WRITE, 0);
	EV_SET(&kev[0], fd, EVFILT_WRITE, flags, 0, 0, NULL);
	EV_SET(&kev[1], 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	EV_SET(&kev[2], e.fd[1], EVFILT_WRITE, EV_DISABLE, 0, 0, NULL);
	CHECK_ERRNO(kevent(kq, kev, 3, NULL, 0, NULL), ENOENT);
	CHECK_ERRNO(kevent(kq, kev, 1, NULL, 0, NULL), ENOENT);
	/* the same, and what comes first has a watch of the kernel's */
	kev[1] = kev[2];
	CHECK_ERRNO(kevent(kq, kev, 2, NULL, 0, NULL), ENOENT);
	expect(kq, e.fd[1], EVFILT_WRITE);
	set(kq, 1, EVFILT_USER, EV_DELETE, 0, 0, NULL);
}

TEST(delete_without_room) { old_without_room(EV_DELETE); }
TEST(enable_without_room) { old_without_room(EV_ENABLE); }

/* An eventfd, of whose number there is an old note, for reading. */
static int reuse_read(int kq)
{
	int fd = new_eventfd();

	add(kq, fd, EVFILT_READ, 0);
	close(fd);
	CHECK_EQ(new_eventfd(), fd);
	return fd;
}

/* One filter is new, the other an old note's: with a receipt for each, as that has room. */
TEST(new_and_old_in_one_call)
{
	struct kevent kev[2], said[4];
	int kq = new_kqueue(), fd = reuse_read(kq);

	EV_SET(&kev[0], fd, EVFILT_WRITE, EV_ADD | EV_RECEIPT, 0, 0, NULL);
	EV_SET(&kev[1], fd, EVFILT_READ, EV_ADD | EV_RECEIPT, 0, 0, NULL);
	CHECK_EQ(kevent(kq, kev, 2, said, 4, &no_time), 2);
	CHECK_EQ(said[0].data, 0);
	CHECK_EQ(said[1].data, 0);
	expect_both(kq, fd);
}

TEST(new_one_and_old_one_deleted_in_one_call)
{
	struct kevent kev[2], said[4];
	int kq = new_kqueue(), fd = reuse_read(kq);

	EV_SET(&kev[0], fd, EVFILT_WRITE, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[1], fd, EVFILT_READ, EV_DELETE, 0, 0, NULL);
	CHECK_EQ(kevent(kq, kev, 2, said, 4, &no_time), 1);
	CHECK_EQ(said[0].flags, EV_ERROR);
	CHECK_EQ(said[0].data, ENOENT);
	expect(kq, fd, EVFILT_WRITE);
}

/* The old note of the other filter is told that it is none. */
static void old_one(int (*make)(void), int flags)
{
	int kq = new_kqueue(), fd = reuse(kq, make);

	add(kq, fd, EVFILT_READ, 0);
	CHECK_ERRNO(try_set(kq, fd, EVFILT_WRITE, flags, 0, 0, NULL), ENOENT);
	expect(kq, fd, EVFILT_READ);
	CHECK_ERRNO(try_set(kq, fd, EVFILT_WRITE, EV_DELETE, 0, 0, NULL), ENOENT);
	expect(kq, fd, EVFILT_READ);
}

TEST(deleted)		{ old_one(new_eventfd, EV_DELETE); }
TEST(socket_deleted)	{ old_one(new_stream, EV_DELETE); }
TEST(socket_enabled)	{ old_one(new_stream, EV_ENABLE); }
TEST(socket_disabled)	{ old_one(new_stream, EV_DISABLE); }

static int new_file(char *name)
{
	int fd = CHECK_OK(mkstemp(name));

	CHECK_OK(unlink(name));
	return fd;
}

TEST(file)
{
	char a[] = "/tmp/kqueue-XXXXXX", b[] = "/tmp/kqueue-XXXXXX";
	int kq = new_kqueue(), fd = new_file(a);
	struct kevent kev[4];

	set(kq, fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0, NULL);
	add(kq, fd, EVFILT_READ, 0);
	close(fd);
	CHECK_EQ(new_file(b), fd);
	add(kq, fd, EVFILT_READ, 0);
	set(kq, fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0, NULL);
	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_OK(lseek(fd, 0, SEEK_SET));
	CHECK_EQ(look(kq, kev, 4), 2);
	CHECK_EQ(kev[0].filter + kev[1].filter, EVFILT_READ + EVFILT_VNODE);
}

/* By an fd of the library's own: of the queue for the second watch of an eventfd. */
TEST(by_the_library)
{
	int kq = new_kqueue(), fd = new_eventfd(), old = new_eventfd();

	add(kq, old, EVFILT_WRITE, 0);
	add(kq, fd, EVFILT_READ, 0);
	close(old);
	add(kq, fd, EVFILT_WRITE, 0);
	CHECK_OK(fcntl(old, F_GETFD));
	CHECK_ERRNO(try_set(kq, old, EVFILT_WRITE, EV_DELETE, 0, 0, NULL), ENOENT);
	expect_both(kq, fd);
}

static pid_t new_child(int parent)
{
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		if (parent >= 0) {
			pid = new_child(-1);
			CHECK_EQ(write(parent, &pid, sizeof(pid)), sizeof(pid));
		}
		pause();
		_exit(0);
	}
	return pid;
}

/* Likewise, of the pidfd by which a process is watched that is no child. */
TEST(by_the_library_for_a_process)
{
	struct ends tell = new_pipe();
	int kq = new_kqueue(), fd;
	pid_t child, stranger;

	CHECK_OK(fcntl(tell.fd[0], F_SETFL, 0));
	child = new_child(tell.fd[1]);
	CHECK_EQ(read(tell.fd[0], &stranger, sizeof(stranger)), sizeof(stranger));
	fd = (int)CHECK_OK(syscall(SYS_pidfd_open, child, 0));
	set(kq, fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT, 0, NULL);
	close(fd);
	set(kq, stranger, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	CHECK_OK(fcntl(fd, F_GETFD));
	CHECK_ERRNO(try_set(kq, fd, EVFILT_PROCDESC, EV_DELETE, 0, 0, NULL), ENOENT);
	CHECK_OK(kill(stranger, SIGKILL));
	await(kq, stranger, EVFILT_PROC);
	CHECK_OK(kill(child, SIGKILL));
	CHECK_EQ(waitpid(child, NULL, 0), child);
}

/* The old file's end is not the new one's. */
TEST(end_of_the_old_file)
{
	char name[] = "/tmp/kqueue-reused-XXXXXX";
	int kq = new_kqueue(), fd, file;
	struct ends e = new_sockets(SOCK_STREAM);
	struct kevent kev;

	add(kq, e.fd[0], EVFILT_READ, 0);
	close(e.fd[1]);
	CHECK(expect(kq, e.fd[0], EVFILT_READ).flags & EV_EOF);
	file = CHECK_OK(mkstemp(name));
	put(file, 10);
	CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
	fd = CHECK_OK(dup2(file, e.fd[0]));
	add(kq, fd, EVFILT_READ, 0);
	kev = expect(kq, fd, EVFILT_READ);
	CHECK(!(kev.flags & EV_EOF));
	CHECK_EQ(kev.fflags, 0);
	CHECK_EQ(kev.data, 10);
	unlink(name);
}
