// SPDX-License-Identifier: GPL-2.0
/* Making epolls, and changing them: the errno of each misuse, and which comes first. */
#include "epoll.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#define BAD_FD	999

static struct epoll_event any_event = { .events = EPOLLIN };

/* What the rest is about is what it should be about. */
TEST(which_epoll)
{
	char path[64], name[64] = "";
	int ep = new_epoll();

	snprintf(path, sizeof(path), "/proc/self/fd/%d", ep);
	CHECK_GT(readlink(path, name, sizeof(name) - 1), 0);
	CHECK(!strcmp(name, on_kevent() ? "/dev/kevent" :
					  "anon_inode:[eventpoll]"));
}

/* ---- Making ------------------------------------------------------------ */

TEST(create_flags)
{
	int ep = CHECK_OK(epoll_create1(0));

	CHECK_EQ(fcntl(ep, F_GETFD), 0);
	CHECK_EQ(fcntl(ep, F_GETFL), O_RDWR);
	ep = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
	CHECK_EQ(fcntl(ep, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(ep, F_GETFL), O_RDWR);
	CHECK_ERRNO(epoll_create1(1), EINVAL);
	CHECK_ERRNO(epoll_create1(O_NONBLOCK), EINVAL);
	CHECK_ERRNO(epoll_create1(EPOLL_CLOEXEC | 1), EINVAL);
	CHECK_ERRNO(epoll_create1(-1), EINVAL);
}

TEST(create_size)
{
	int ep = CHECK_OK(epoll_create(1));

	CHECK_EQ(fcntl(ep, F_GETFD), 0);
	CHECK_OK(epoll_create(1 << 30));
	CHECK_ERRNO(epoll_create(0), EINVAL);
	CHECK_ERRNO(epoll_create(-1), EINVAL);
}

TEST(create_too_many_fds)
{
	struct rlimit limit = { .rlim_cur = 3, .rlim_max = 1024 };

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_ERRNO(epoll_create1(0), EMFILE);
	CHECK_ERRNO(epoll_create(1), EMFILE);
}

/* All that there are, and none more. */
TEST(last_fd)
{
	struct rlimit limit = { .rlim_cur = 20, .rlim_max = 1024 };
	struct ends e = new_pipe();
	int ep, last = -1, fd;

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	while ((fd = dup(0)) >= 0)
		last = fd;
	CHECK_OK(close(last));
	ep = new_epoll();
	CHECK_EQ(ep, last);
	add(ep, e.fd[0], EPOLLIN);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, e.fd[0], 0), EEXIST);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_DEL, e.fd[1], 0), ENOENT);
}

/* ---- Errors of changes ------------------------------------------------- */

static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };

TEST(bad_fds)
{
	struct ends e = new_pipe();
	int ep = new_epoll();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		CHECK_ERRNO(try_ctl(BAD_FD, ops[i], e.fd[0], EPOLLIN), EBADF);
		CHECK_ERRNO(try_ctl(-1, ops[i], e.fd[0], EPOLLIN), EBADF);
		CHECK_ERRNO(try_ctl(ep, ops[i], BAD_FD, EPOLLIN), EBADF);
		CHECK_ERRNO(try_ctl(ep, ops[i], -1, EPOLLIN), EBADF);
		/* also before it is seen that it is no epoll */
		CHECK_ERRNO(try_ctl(e.fd[1], ops[i], BAD_FD, EPOLLIN), EBADF);
	}
}

TEST(no_epoll)
{
	int null = CHECK_OK(open("/dev/null", O_RDWR));
	int file = CHECK_OK(open("/proc/self/exe", O_RDONLY));
	int not_epoll[] = { null, file, new_pipe().fd[0],
			    new_sockets(SOCK_STREAM).fd[0], eventfd(0, 0) };
	struct ends e = new_pipe();
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		for (j = 0; j < ARRAY_SIZE(not_epoll); j++) {
			CHECK_ERRNO(try_ctl(not_epoll[j], ops[i], e.fd[0], EPOLLIN),
				    EINVAL);
			/* EPERM comes first */
			CHECK_ERRNO(try_ctl(not_epoll[j], ops[i], file, EPOLLIN),
				    EPERM);
		}
}

TEST(files_that_cannot_be_polled)
{
	int file = CHECK_OK(open("/proc/self/exe", O_RDONLY));
	int dir = CHECK_OK(open("/", O_RDONLY | O_DIRECTORY));
	int ep = new_epoll();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		CHECK_ERRNO(try_ctl(ep, ops[i], file, EPOLLIN), EPERM);
		CHECK_ERRNO(try_ctl(ep, ops[i], dir, EPOLLIN), EPERM);
		CHECK_ERRNO(try_ctl(ep, ops[i], file, EPOLLIN | EPOLLEXCLUSIVE),
			    EPERM);
	}
}

TEST(path_only)
{
	int fd = CHECK_OK(open("/dev/null", O_PATH)), ep = new_epoll();

	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN), EBADF);
	CHECK_ERRNO(try_ctl(fd, EPOLL_CTL_ADD, ep, EPOLLIN), EBADF);
}

TEST(exists_and_does_not)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_MOD, e.fd[0], EPOLLIN), ENOENT);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_DEL, e.fd[0], EPOLLIN), ENOENT);
	add(ep, e.fd[0], EPOLLIN);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, e.fd[0], EPOLLIN), EEXIST);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, e.fd[0], EPOLLOUT), EEXIST);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_MOD, e.fd[1], EPOLLIN), ENOENT);
	del(ep, e.fd[0]);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_DEL, e.fd[0], EPOLLIN), ENOENT);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_MOD, e.fd[0], EPOLLIN), ENOENT);
	add(ep, e.fd[0], EPOLLIN);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
}

/* An epoll can't be in itself, by whatever number. */
TEST(itself)
{
	int ep = new_epoll(), other = CHECK_OK(dup(ep));
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		CHECK_ERRNO(try_ctl(ep, ops[i], ep, EPOLLIN), EINVAL);
		CHECK_ERRNO(try_ctl(ep, ops[i], other, EPOLLIN), EINVAL);
		CHECK_ERRNO(try_ctl(other, ops[i], ep, EPOLLIN), EINVAL);
	}
}

TEST(unknown_command)
{
	static const int bad[] = { 0, 4, -1, 100, INT32_MAX, INT32_MIN };
	struct ends e = new_pipe();
	int ep = new_epoll();
	size_t i;

	add(ep, e.fd[0], EPOLLIN);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_ERRNO(try_ctl(ep, bad[i], e.fd[0], EPOLLIN), EINVAL);
		CHECK_ERRNO(try_ctl(ep, bad[i], e.fd[1], EPOLLIN), EINVAL);
		CHECK_ERRNO(try_ctl(ep, bad[i], BAD_FD, EPOLLIN), EBADF);
		CHECK_ERRNO(epoll_ctl(ep, bad[i], e.fd[0], NULL), EFAULT);
	}
	expect_none(ep);
}

/* Of pointers that are not in the program's part at all. */
TEST(bad_event)
{
	struct epoll_event *bad[] = { NULL, (void *)8, (void *)-4096l,
				      (void *)(1ul << 63) };
	struct ends e = new_pipe();
	int ep = new_epoll();
	size_t i;

	add(ep, e.fd[0], EPOLLIN);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, e.fd[1], bad[i]), EFAULT);
		CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_MOD, e.fd[0], bad[i]), EFAULT);
		/* the first of all */
		CHECK_ERRNO(epoll_ctl(BAD_FD, EPOLL_CTL_ADD, BAD_FD, bad[i]),
			    EFAULT);
	}
	/* DEL does not look at it */
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_DEL, e.fd[0], bad[1]));
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_DEL, e.fd[1], 0), ENOENT);
}

/* The program's structure is not written to. */
TEST(event_is_only_read)
{
	struct epoll_event *ev = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ends e = new_pipe();
	int ep = new_epoll();

	CHECK(ev != MAP_FAILED);
	*ev = any_event;
	CHECK_OK(mprotect(ev, 4096, PROT_READ));
	put_byte(e);
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, e.fd[0], ev));
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_MOD, e.fd[0], ev));
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_DEL, e.fd[0], ev));
}

/* ---- EPOLLEXCLUSIVE ---------------------------------------------------- */

TEST(exclusive_misused)
{
	struct ends e = new_pipe();
	int ep = new_epoll(), inner = new_epoll();
	const uint32_t bad[] = { EPOLLONESHOT, EPOLLRDHUP, EPOLLPRI, EPOLLRDNORM,
				 EPOLLMSG, 0x8000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, e.fd[0],
				    EPOLLIN | EPOLLEXCLUSIVE | bad[i]), EINVAL);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLEXCLUSIVE),
		    EINVAL);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, BAD_FD,
			    EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), EBADF);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_MOD, e.fd[0], EPOLLEXCLUSIVE), EINVAL);
	add(ep, e.fd[0], EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLET |
			 EPOLLWAKEUP | EPOLLEXCLUSIVE);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_MOD, e.fd[0], EPOLLIN), EINVAL);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_MOD, e.fd[0], EPOLLIN | EPOLLEXCLUSIVE),
		    EINVAL);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, e.fd[0], EPOLLIN | EPOLLEXCLUSIVE),
		    EEXIST);
	del(ep, e.fd[0]);
	add(ep, e.fd[0], EPOLLIN);
	modify(ep, e.fd[0], EPOLLIN | EPOLLET);
}

TEST(exclusive_level)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN | EPOLLEXCLUSIVE);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	expect(ep, e.fd[0], EPOLLIN);
	get_byte(e);
	expect_none(ep);
	close(e.fd[1]);
	expect(ep, e.fd[0], EPOLLHUP);
}

static int waiters_over(struct waiter *w, int num)
{
	int over = 0;

	while (num--)
		over += waiter_over(&w[num]);
	return over;
}

/*
 * Of several who wait in epolls of their own, a byte wakes one.  drain: it is taken
 * before the next one comes.
 */
static void one_for_each_byte(bool drain)
{
	struct ends e = new_pipe();
	struct waiter w[4];
	int i;

	for (i = 0; i < 4; i++) {
		int ep = new_epoll();

		add(ep, e.fd[0], EPOLLIN | EPOLLEXCLUSIVE);
		waiter_start(&w[i], ep);
	}
	for (i = 1; i <= 4; i++) {
		put_byte(e);
		CHECK_SOON(waiters_over(w, 4) >= i);
		usleep(20000);
		CHECK_EQ(waiters_over(w, 4), i);
		if (drain)
			get_byte(e);
	}
	for (i = 0; i < 4; i++)
		CHECK_EQ(waiter_join(&w[i]), 1);
}

TEST(exclusive_wakes_few)
{
	one_for_each_byte(true);
}

TEST(exclusive_wakes_few_of_more_bytes)
{
	struct utsname u;

	CHECK_OK(uname(&u));
	if (!on_kevent() && atoi(u.release) >= 7)
		SKIP("epoll is told of a pipe's first byte only");
	one_for_each_byte(false);
}

/* ---- Many -------------------------------------------------------------- */

TEST(thousand_watches)
{
	static struct epoll_event ev[1000];
	int ep = new_epoll(), fd[1000], i;
	struct rlimit limit = { .rlim_cur = 4096, .rlim_max = 4096 };

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < 1000; i++) {
		fd[i] = CHECK_OK(eventfd(1, EFD_NONBLOCK));
		add(ep, fd[i], EPOLLIN | (i & 1 ? EPOLLET : 0));
	}
	/* in the order in which they became ready */
	CHECK_EQ(epoll_wait(ep, ev, 1000, 0), 1000);
	for (i = 0; i < 1000; i++)
		CHECK_EQ(ev[i].data.u64, data_of(fd[i]));
	CHECK_EQ(epoll_wait(ep, ev, 1000, 0), 500);
	for (i = 0; i < 1000; i++)
		del(ep, fd[i]);
	expect_none(ep);
}
