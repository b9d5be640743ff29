// SPDX-License-Identifier: GPL-2.0
/*
 * Changelists: many changes take few calls, and mean what they would mean one by one:
 * their order, errors in the middle, those that find no room, receipts.
 */
#include "kqueue.h"

#include <linux/kevent.h>
#include <stdarg.h>
#include <sys/eventfd.h>

/* The library tells the kernel 64 in a call. */
#define MANY	150

/* In place of that of the C library, which the library calls: it is linked statically. */
static int ioctls;

int ioctl(int fd, unsigned long cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	ioctls++;
	return (int)syscall(SYS_ioctl, fd, cmd, arg);
}

static bool is_there(int kq, uintptr_t ident, int filter)
{
	return !try_set(kq, ident, filter, EV_DISABLE, 0, 0, NULL);
}

static void new_pairs(struct ends *e, int num)
{
	int i;

	for (i = 0; i < num; i++)
		e[i] = new_sockets(SOCK_STREAM);
}

static void each(struct kevent *kev, const struct ends *e, int num, int flags)
{
	int i;

	for (i = 0; i < num; i++)
		EV_SET(&kev[i], e[i].fd[0], EVFILT_READ, flags, 0, 0, NULL);
}

/* ---- Calls ------------------------------------------------------------- */

/* One to see whose fd it is, one for each 64 changes, and one to wait. */
TEST(few_calls)
{
	static const int flags[] = { EV_ADD, EV_DISABLE, EV_ENABLE, EV_ADD | EV_CLEAR, EV_DELETE };
	struct kevent kev[MANY], got[MANY];
	int kq = new_kqueue();
	struct ends e[MANY];
	unsigned int i;

	new_pairs(e, MANY);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		each(kev, e, MANY, flags[i]);
		ioctls = 0;
		CHECK_EQ(kevent(kq, kev, MANY, got, MANY, &no_time), 0);
		CHECK_EQ(ioctls, 5);
	}
}

/* New ones need no room for errors. */
TEST(few_calls_without_room)
{
	struct kevent kev[MANY];
	int kq = new_kqueue(), i;

	for (i = 0; i < MANY; i++)
		EV_SET(&kev[i], i, EVFILT_TIMER, EV_ADD, NOTE_SECONDS, 1000, NULL);
	ioctls = 0;
	CHECK_EQ(kevent(kq, kev, MANY, NULL, 0, NULL), 0);
	CHECK_EQ(ioctls, 4);
}

TEST(few_calls_with_receipts)
{
	struct kevent kev[MANY];
	int kq = new_kqueue();
	struct ends e[MANY];

	new_pairs(e, MANY);
	each(kev, e, MANY, EV_ADD | EV_RECEIPT);
	ioctls = 0;
	CHECK_EQ(kevent(kq, kev, MANY, kev, MANY, NULL), MANY);
	CHECK_EQ(ioctls, 4);
}

/* ---- What they mean ---------------------------------------------------- */

/* All kinds of files: what has to be asked in another way is asked in its turn. */
TEST(kinds)
{
	char name[] = "/tmp/kqueue-changelist-XXXXXX";
	int file = CHECK_OK(mkstemp(name)), event = CHECK_OK(eventfd(1, EFD_NONBLOCK));
	struct ends pipe = new_pipe(), pair = new_sockets(SOCK_STREAM);
	int kq = new_kqueue(), other = new_kqueue(), i, n;
	struct kevent kev[9], got[9];

	put(file, 3);
	CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
	put(pipe.fd[1], 1);
	put(pair.fd[1], 1);
	EV_SET(&kev[0], file, EVFILT_READ, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[1], pipe.fd[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[2], file, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE, 0, NULL);
	EV_SET(&kev[3], event, EVFILT_READ, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[4], other, EVFILT_WRITE, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[5], pair.fd[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[6], event, EVFILT_WRITE, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[7], file, EVFILT_WRITE, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[8], 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	CHECK_EQ(kevent(kq, kev, 9, got, 9, NULL), 1);
	CHECK_EQ(got[0].ident, other);
	CHECK_EQ(got[0].data, EINVAL);
	n = look(kq, got, 9);
	CHECK_EQ(n, 7);
	for (i = 0; i < n; i++)
		CHECK_NE(got[i].filter, EVFILT_VNODE);
	put(file, 1);
	CHECK_EQ(look(kq, got, 9), 8);
	unlink(name);
}

/* Several of one note, in their order. */
TEST(same_note)
{
	static const int flags[] = {
		EV_ADD, EV_DISABLE, EV_ENABLE, EV_DELETE, EV_ADD, EV_DELETE, EV_DELETE, EV_ADD,
	};
	struct kevent kev[ARRAY_SIZE(flags)], got[ARRAY_SIZE(flags)];
	struct ends e = new_pipe();
	int kq = new_kqueue();
	unsigned int i;

	put(e.fd[1], 1);
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		EV_SET(&kev[i], e.fd[0], EVFILT_READ, flags[i], 0, 0, &kev[i]);
	CHECK_EQ(kevent(kq, kev, ARRAY_SIZE(flags), got, ARRAY_SIZE(flags), NULL), 1);
	CHECK_EQ(got[0].data, ENOENT);
	CHECK(got[0].udata == &kev[6]);
	CHECK(expect(kq, e.fd[0], EVFILT_READ).udata == &kev[7]);
}

/* What the first has to wait for, the second finds. */
TEST(refused_and_changed)
{
	struct kevent kev[3], got[3];
	int kq = new_kqueue(), i;

	EV_SET(&kev[0], 999, EVFILT_READ, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[1], 999, EVFILT_READ, EV_ENABLE, 0, 0, NULL);
	EV_SET(&kev[2], 1, EVFILT_USER, EV_ADD, 0, 0, NULL);
	CHECK_EQ(kevent(kq, kev, 3, got, 3, NULL), 2);
	for (i = 0; i < 2; i++)
		CHECK_EQ(got[i].data, EBADF);
	CHECK(is_there(kq, 1, EVFILT_USER));
}

/* Errors of the kernel and of the library, in their order; lists that are the same. */
TEST(errors_in_order)
{
	static const int bad[] = { 3, 17, 18, 40, 63, 64, 127, 128, 149 };
	struct kevent kev[MANY];
	int kq = new_kqueue();
	struct ends e[MANY];
	unsigned int i;

	new_pairs(e, MANY);
	each(kev, e, MANY, EV_ADD);
	CHECK_EQ(kevent(kq, kev, MANY, NULL, 0, NULL), 0);
	each(kev, e, MANY, EV_DISABLE);
	kev[17].flags = EV_ENABLE | EV_DISABLE;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		close(e[bad[i]].fd[0]);
	CHECK_EQ(kevent(kq, kev, MANY, kev, MANY, NULL), ARRAY_SIZE(bad));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(kev[i].ident, e[bad[i]].fd[0]);
		CHECK_EQ(kev[i].flags, EV_ERROR);
		CHECK_EQ(kev[i].data, bad[i] == 17 ? EINVAL : EBADF);
	}
	put(e[16].fd[1], 1);
	put(e[62].fd[1], 1);
	expect_none(kq);
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
	/* those that there are not, some of them of the BSDs; and 0 */
	static const int filters[] = { 0, 1, -3, -9, -10, -12, -13, -14, -15, -16, -100, -32768 };
	struct ends e = new_pipe();
	int kq = new_kqueue();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(filters); i++)
		CHECK_ERRNO(try_set(kq, e.fd[0], filters[i], EV_ADD, 0, 0, NULL), EINVAL);
	/* flags */
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ADD | 0x100, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ADD | 0x800, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ADD | EV_ENABLE | EV_DISABLE, 0, 0, NULL),
		    EINVAL);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ADD | EV_KEEPUDATA, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, e.fd[0], EVFILT_READ, EV_ADD, 4, 0, NULL), EINVAL);
	CHECK_ERRNO(try_set(kq, e.fd[1], EVFILT_WRITE, EV_ADD, NOTE_FILE_POLL, 0, NULL), EINVAL);
	/* not looked at: EV_OOBAND of macOS, and others of EV_SYSFLAGS */
	set(kq, 1, EVFILT_USER, EV_ADD | EV_SYSFLAGS, 0, 0, NULL);
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

/* ---- Without room ------------------------------------------------------ */

/* An error, and then what must not be done. */
static void after_error(int kq, const struct ends *closed, struct kevent *kev, int num,
			int room)
{
	struct kevent list[8], got[8];
	int i;

	for (i = 0; i <= room; i++)
		EV_SET(&list[i], closed[i].fd[0], EVFILT_READ, EV_DISABLE, 0, 0, NULL);
	for (i = 0; i < num; i++)
		list[room + 1 + i] = kev[i];
	CHECK_ERRNO(kevent(kq, list, room + 1 + num, got, room, NULL), EBADF);
}

/* Closed fds, which the library learns of from the kernel. */
static void new_closed(int kq, struct ends *e, int num)
{
	int i;

	new_pairs(e, num);
	for (i = 0; i < num; i++)
		add(kq, e[i].fd[0], EVFILT_READ, 0);
	for (i = 0; i < num; i++)
		close(e[i].fd[0]);
}

static void old_ones(int room)
{
	struct ends closed[3], e = new_sockets(SOCK_STREAM);
	int kq = new_kqueue();
	struct kevent kev[4];

	add(kq, e.fd[0], EVFILT_READ, 0);
	add(kq, e.fd[1], EVFILT_READ, 0);
	set(kq, 1, EVFILT_TIMER, EV_ADD, NOTE_SECONDS, 1000, NULL);
	set(kq, 2, EVFILT_USER, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[0], e.fd[0], EVFILT_READ, EV_DELETE, 0, 0, NULL);
	EV_SET(&kev[1], e.fd[1], EVFILT_READ, EV_DISABLE, 0, 0, NULL);
	EV_SET(&kev[2], 1, EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
	EV_SET(&kev[3], 2, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	new_closed(kq, closed, room + 1);
	after_error(kq, closed, kev, 4, room);
	expect_none(kq);
	put(e.fd[0], 1);
	expect(kq, e.fd[1], EVFILT_READ);
	CHECK(is_there(kq, e.fd[0], EVFILT_READ));
	CHECK(is_there(kq, 1, EVFILT_TIMER));
}

TEST(old_ones_without_room)
{
	old_ones(0);
	old_ones(1);
	old_ones(2);
}

/* How many watches the queue has. */
static unsigned int watches(int kq)
{
	struct kevent_ioc_info info = { .size = sizeof(info) };

	CHECK_OK(ioctl(kq, KEVENT_IOC_INFO, &info));
	return (unsigned int)info.queue_watches;
}

TEST(new_ones_without_room)
{
	struct ends closed[2], e = new_pipe();
	struct kevent kev[4];
	unsigned int before;
	int kq = new_kqueue(), i;

	new_closed(kq, closed, 2);
	before = watches(kq);
	put(e.fd[1], 1);
	EV_SET(&kev[0], e.fd[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[1], e.fd[1], EVFILT_WRITE, EV_ADD, 0, 0, NULL);
	EV_SET(&kev[2], 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
	EV_SET(&kev[3], 998, EVFILT_READ, EV_ADD, 0, 0, NULL);
	after_error(kq, closed, kev, 4, 1);
	expect_none(kq);
	CHECK_EQ(watches(kq), before);
	for (i = 0; i < 3; i++)
		CHECK(!is_there(kq, kev[i].ident, kev[i].filter));
	CHECK_EQ(kevent(kq, kev, 3, NULL, 0, NULL), 0);
}

/* The first receipt that finds no room is of the last change that is made. */
TEST(receipts_without_room)
{
	struct kevent kev[MANY], got[10];
	int kq = new_kqueue(), i;

	for (i = 0; i < MANY; i++)
		EV_SET(&kev[i], i, EVFILT_USER, EV_ADD | (i % 2 ? EV_RECEIPT : 0), 0, 0, NULL);
	CHECK_EQ(kevent(kq, kev, MANY, got, 10, NULL), 10);
	for (i = 0; i < 10; i++)
		CHECK_EQ(got[i].ident, 2 * i + 1);
	for (i = 0; i < MANY; i++)
		CHECK_EQ(is_there(kq, i, EVFILT_USER), i <= 21);
}

