// SPDX-License-Identifier: GPL-2.0
/* Programs in a bad state: fds closed, calls forbidden, limits reached, many processes. */
#include "epoll.h"
#include "seccomp.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* A daemon closes all fds but those it knows, and makes its own. */
TEST(all_other_fds_closed)
{
	struct ends e;
	int ep = new_epoll(), fd;

	for (fd = 3; fd < 1024; fd++)
		if (fd != ep)
			close(fd);
	e = new_pipe();
	add(ep, e.fd[0], EPOLLIN);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	CHECK_OK(syscall(SYS_close_range, 3, ~0u, 0));
	ep = new_epoll();
	CHECK_EQ(ep, 3);
	e = new_pipe();
	put_byte(e);
	add(ep, e.fd[0], EPOLLIN);
	expect(ep, e.fd[0], EPOLLIN);
}

/* The environment is read at the start alone: later another thread may be changing it. */
TEST(environment_not_read_later)
{
	char **old = environ;
	bool dropin = on_kevent();

	environ = fault_after(0);
	close(new_epoll());
	if (dropin)
		CHECK_ERRNO(syscall(SYS_io_uring_setup, 0, NULL), ENOSYS);
	environ = old;
}

/* ---- Filters ----------------------------------------------------------- */

/* A filter that was there before: what is made is an epoll, and works. */
TEST(ioctl_forbidden_before)
{
	struct ends e = new_pipe();
	struct epoll_event ev;
	int ep;

	forbid(SYS_ioctl, EPERM);
	ep = new_epoll();
	add(ep, e.fd[0], EPOLLIN);
	expect_none(ep);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, e.fd[0], 0), EEXIST);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_MOD, e.fd[1], 0), ENOENT);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_DEL, -1, 0), EBADF);
	modify(ep, e.fd[0], EPOLLIN | EPOLLET);
	CHECK_EQ(epoll_wait(ep, &ev, 1, -1), 1);
	del(ep, e.fd[0]);
	expect_none(ep);
}

/*
 * One that comes later: what is watched goes on being told.  Changes need ioctl() on the
 * drop-in, and fail as the filter says.
 */
static void forbidden_later(int error)
{
	struct ends e = new_pipe(), late = new_pipe();
	int ep = new_epoll();
	struct timespec ts = { .tv_nsec = 5 * MSEC };
	struct epoll_event ev;
	struct waiter w;
	uint64_t start;

	add(ep, e.fd[0], EPOLLIN);
	forbid(SYS_ioctl, error);
	expect_none(ep);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
	CHECK_EQ(epoll_wait(ep, &ev, 1, -1), 1);
	get_byte(e);
	start = now_ns();
	CHECK_EQ(epoll_pwait2(ep, &ev, 1, &ts, NULL), 0);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 5), 0);
	CHECK_GE(now_ns() - start, 10 * MSEC);
	waiter_start(&w, ep);
	put_byte(e);
	CHECK_EQ(waiter_join(&w), 1);
	check_event_at(__FILE__, __LINE__, w.ev, e.fd[0], EPOLLIN);
	CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, -1, 0), EBADF);
	if (on_kevent())
		CHECK_ERRNO(try_ctl(ep, EPOLL_CTL_ADD, late.fd[0], EPOLLIN), error);
	else
		add(ep, late.fd[0], EPOLLIN);
	CHECK_ERRNO(epoll_wait(late.fd[0], &ev, 1, 0), EINVAL);
}

TEST(ioctl_forbidden_later)
{
	forbidden_later(EPERM);
}

/* With an errno that tells nothing of a filter. */
TEST(ioctl_forbidden_later_otherwise)
{
	forbidden_later(ENOTTY);
}

TEST(ioctl_forbidden_bad_times)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN);
	forbid(SYS_ioctl, EPERM);
	refuses_bad_times(ep, e);
}

/* And the program is in a directory of its own by then, as daemons are. */
TEST(ioctl_forbidden_in_another_root)
{
	struct ends e = new_pipe();
	int ep = new_epoll();

	add(ep, e.fd[0], EPOLLIN);
	CHECK_OK(chroot("/proc"));
	forbid(SYS_ioctl, EPERM);
	expect_none(ep);
	put_byte(e);
	expect(ep, e.fd[0], EPOLLIN);
}

/* ---- Many processes ---------------------------------------------------- */

static void serve(void *arg)
{
	int ep = *(int *)arg, n = 0;
	struct epoll_event ev;

	while (epoll_wait(ep, &ev, 1, 200) == 1) {
		eventfd_t value;

		n += !eventfd_read(ev.data.fd, &value);
	}
	_exit(n);
}

/* Workers that were forked and share one epoll: each event is taken by one. */
TEST(forked_workers)
{
	int ep = new_epoll(), fd, i, status, sum = 0;
	pid_t worker[4];

	fd = CHECK_OK(eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE));
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){
			   .events = EPOLLIN, .data.fd = fd }));
	for (i = 0; i < 4; i++) {
		worker[i] = CHECK_OK(fork());
		if (!worker[i])
			serve(&ep);
	}
	for (i = 0; i < 50; i++) {
		CHECK_OK(eventfd_write(fd, 1));
		usleep(500);
	}
	for (i = 0; i < 4; i++) {
		CHECK_EQ(waitpid(worker[i], &status, 0), worker[i]);
		CHECK(WIFEXITED(status));
		sum += WEXITSTATUS(status);
	}
	CHECK_EQ(sum, 50);
}

/* ---- The limit of watches ---------------------------------------------- */

static void limit_read(const char *path, char text[32])
{
	int fd = CHECK_OK(open(path, O_RDONLY | O_CLOEXEC));
	ssize_t n = read(fd, text, 31);

	close(fd);
	CHECK_GT(n, 0);
	text[n] = '\0';
	CHECK_GT(atoi(text), 1);
}

/* In one write, at the beginning: that is how these files want it. */
static void limit_write(const char *path, const char *text)
{
	int fd = CHECK_OK(open(path, O_WRONLY | O_CLOEXEC));
	ssize_t n = write(fd, text, strlen(text));

	close(fd);
	CHECK_EQ(n, strlen(text));
}

/*
 * ENOSPC, and what is watched is watched still.  The limit is everybody's, and is put
 * back before anything is judged.
 */
TEST(limit_of_watches)
{
	const char *path = on_kevent() ?
		"/sys/module/kevent/parameters/max_user_watches" :
		"/proc/sys/fs/epoll/max_user_watches";
	struct ends e = new_pipe();
	int ep = new_epoll(), refused, error, added;
	char old[32];

	limit_read(path, old);
	add(ep, e.fd[0], EPOLLIN);
	limit_write(path, "1");
	refused = try_ctl(ep, EPOLL_CTL_ADD, e.fd[1], EPOLLOUT);
	error = errno;
	epoll_ctl(ep, EPOLL_CTL_DEL, e.fd[0], NULL);
	added = try_ctl(ep, EPOLL_CTL_ADD, e.fd[1], EPOLLOUT);
	limit_write(path, old);
	CHECK_EQ(refused, -1);
	CHECK_EQ(error, ENOSPC);
	CHECK_OK(added);
	expect(ep, e.fd[1], EPOLLOUT);
	limit_read(path, old);
}
