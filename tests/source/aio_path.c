// SPDX-License-Identifier: GPL-2.0
/* Tests the call that opens the file: as open(2) would, or not at all. */
#include "aio.h"

#include <limits.h>
#include <sys/inotify.h>
#include <sys/resource.h>

#define DIR_NAME "/tmp/aio-path"

static void prepare(void)
{
	int fd;

	CHECK(mkdir(DIR_NAME, 0755) == 0 || errno == EEXIST);
	fd = CHECK_OK(open(DIR_NAME "/file", O_RDWR | O_CREAT | O_TRUNC, 0644));
	file_fill(fd, 0, 10000);
	close(fd);
	fd = CHECK_OK(open(DIR_NAME "/secret", O_RDWR | O_CREAT, 0600));
	close(fd);
	unlink(DIR_NAME "/link");
	CHECK_OK(symlink("file", DIR_NAME "/link"));
	unlink(DIR_NAME "/fifo");
	CHECK_OK(mkfifo(DIR_NAME "/fifo", 0644));
}

static int send_path(int q, int sock, const char *path, struct ukevent *uk)
{
	return kevent_aio_sendfile_path(q, "head", 4, path, sock, 0,
					KEVENT_AIO_TO_END, 5, uk);
}

/* Fails, makes no fd, and sends nothing, the header neither. */
#define REFUSED(q, fds, path, error) do {				\
	unsigned int before_ = count_fds();				\
	struct ukevent uk_;						\
									\
	CHECK_ERRNO(send_path(q, (fds)[0], path, &uk_), error);		\
	CHECK_EQ(count_fds(), before_);					\
	expect_nothing((fds)[1]);					\
	CHECK_EQ(watches_of(q), 0);					\
} while (0)

TEST_WAYS(header_and_file)
{
	int fds[2], fd, lowest, other;
	struct ukevent uk;

	prepare();
	way_open(w, fds);
	lowest = dup(0);
	close(lowest);
	fd = CHECK_OK(send_path(q, fds[0], DIR_NAME "/file", &uk));
	CHECK_EQ(fd, lowest);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	aio_check(&uk, 5, 10000, AIO_GOOD | KEVENT_AIO_EOF);
	expect_text(fds[1], "head", 4);
	expect_file(fds[1], 0, 10000);
	expect_nothing(fds[1]);
	/* an fd like any other */
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	other = CHECK_OK(open(DIR_NAME "/file", O_RDONLY));
	CHECK_EQ(fcntl(fd, F_GETFL), fcntl(other, F_GETFL));
	close(other);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	expect_file(fd, 0, 10000);
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

TEST(into_the_queue)
{
	int fds[2], q = kev_queue(NULL, 0), fd;

	prepare();
	tcp_pair(fds);
	fd = CHECK_OK(send_path(q, fds[0], DIR_NAME "/file", NULL));
	close(fd);
	aio_expect(q, 5, 10000, AIO_GOOD | KEVENT_AIO_EOF);
	expect_text(fds[1], "head", 4);
	expect_file(fds[1], 0, 10000);
}

TEST(open_flags)
{
	struct kevent_ioc_sendfile sf = {
		.path = (uintptr_t)DIR_NAME "/file",
		.count = 3,
	};
	int fds[2], q = kev_queue(NULL, 0), fd;

	prepare();
	tcp_pair(fds);
	sf.sock = fds[0];
	fd = CHECK_OK(ioctl(q, KEVENT_IOC_AIO_SENDFILE_PATH, &sf));
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	expect_file(fds[1], 0, 3);
	sf.path = (uintptr_t)DIR_NAME "/link";
	fd = CHECK_OK(ioctl(q, KEVENT_IOC_AIO_SENDFILE_PATH, &sf));
	sf.open_flags = O_NOFOLLOW;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_AIO_SENDFILE_PATH, &sf), ELOOP);
	sf.open_flags = O_CREAT;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_AIO_SENDFILE_PATH, &sf), EINVAL);
	sf.open_flags = O_RDWR;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_AIO_SENDFILE_PATH, &sf), EINVAL);
}

TEST(names)
{
	static char name[PATH_MAX + 2];
	int fds[2], q = kev_queue(NULL, 0);

	prepare();
	tcp_pair(fds);
	REFUSED(q, fds, DIR_NAME "/none", ENOENT);
	REFUSED(q, fds, "", ENOENT);
	REFUSED(q, fds, DIR_NAME "/file/x", ENOTDIR);
	REFUSED(q, fds, DIR_NAME, EINVAL);
	REFUSED(q, fds, DIR_NAME "/fifo", EINVAL);
	REFUSED(q, fds, "/dev/zero", EINVAL);
	REFUSED(q, fds, "/proc/version", EINVAL);
	REFUSED(q, fds, "/sys/module/kevent/refcnt", EINVAL);
	REFUSED(q, fds, NULL, EFAULT);
	memset(name, 'a', sizeof(name) - 1);
	REFUSED(q, fds, name, ENAMETOOLONG);
	name[PATH_MAX] = 0;
	REFUSED(q, fds, name, ENAMETOOLONG);
	name[PATH_MAX - 1] = 0;
	REFUSED(q, fds, name, ENAMETOOLONG);
	memset(name, '/', PATH_MAX - 1);
	memcpy(name + PATH_MAX - 1 - strlen(DIR_NAME "/file"), DIR_NAME "/file",
	       strlen(DIR_NAME "/file"));
	CHECK_OK(send_path(q, fds[0], name, &(struct ukevent){}));
}

TEST(relative_to_the_working_directory)
{
	int fds[2], q = kev_queue(NULL, 0);

	prepare();
	tcp_pair(fds);
	CHECK_OK(chdir("/"));
	REFUSED(q, fds, "file", ENOENT);
	CHECK_OK(chdir(DIR_NAME));
	CHECK_OK(send_path(q, fds[0], "file", &(struct ukevent){}));
}

/* ---- Whose rights -------------------------------------------------------------------- */

struct other {
	int q;
	int *fds;
};

static void sends_in_chroot(void *arg)
{
	struct other *o = arg;

	CHECK_OK(chroot(DIR_NAME));
	CHECK_OK(chdir("/"));
	CHECK_ERRNO(send_path(o->q, o->fds[0], DIR_NAME "/file",
			      &(struct ukevent){}), ENOENT);
	CHECK_ERRNO(send_path(o->q, o->fds[0], "/../../etc/passwd",
			      &(struct ukevent){}), ENOENT);
	CHECK_OK(send_path(o->q, o->fds[0], "/file", &(struct ukevent){}));
}

TEST(caller_s_root)
{
	int fds[2];
	struct other o = { .q = kev_queue(NULL, 0), .fds = fds };

	prepare();
	tcp_pair(fds);
	wait_child(start_child(sends_in_chroot, &o));
	expect_text(fds[1], "head", 4);
	expect_file(fds[1], 0, 10000);
}

static void sends_as_user(void *arg)
{
	struct other *o = arg;

	become_user(TEST_USER_ID);
	CHECK_ERRNO(send_path(o->q, o->fds[0], DIR_NAME "/secret",
			      &(struct ukevent){}), EACCES);
	CHECK_OK(send_path(o->q, o->fds[0], DIR_NAME "/file",
			   &(struct ukevent){}));
}

/* Not those of whoever made the queue. */
TEST(caller_s_rights)
{
	int fds[2];
	struct other o = { .q = kev_queue(NULL, 0), .fds = fds };

	prepare();
	tcp_pair(fds);
	CHECK_OK(chmod(DIR_NAME, 0755));
	wait_child(start_child(sends_as_user, &o));
	expect_text(fds[1], "head", 4);
	expect_file(fds[1], 0, 10000);
	CHECK_OK(send_path(o.q, fds[0], DIR_NAME "/secret",
			   &(struct ukevent){}));
}

TEST(limit_of_fds)
{
	int fds[2], q = kev_queue(NULL, 0), last;
	struct rlimit limit;

	prepare();
	tcp_pair(fds);
	last = CHECK_OK(dup(0));
	close(last);
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = last;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_ERRNO(send_path(q, fds[0], DIR_NAME "/file", &(struct ukevent){}),
		    EMFILE);
	expect_nothing(fds[1]);
	limit.rlim_cur = last + 1;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(send_path(q, fds[0], DIR_NAME "/file", &(struct ukevent){}),
		 last);
}

/* Who watches the file for opens is told, once. */
TEST(tells_of_the_open)
{
	int q = kev_queue(NULL, 0), in = CHECK_OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), fds[2];
	struct inotify_event ev;
	struct ukevent uk;

	prepare();
	CHECK_OK(inotify_add_watch(in, DIR_NAME "/file", IN_OPEN));
	unix_pair(SOCK_STREAM, fds);
	CHECK_OK(send_path(q, fds[0], DIR_NAME "/file", &uk));
	CHECK_EQ(read(in, &ev, sizeof(ev)), sizeof(ev));
	CHECK_EQ(ev.mask, IN_OPEN);
	CHECK_ERRNO(read(in, &ev, sizeof(ev)), EAGAIN);
}
