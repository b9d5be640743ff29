// SPDX-License-Identifier: GPL-2.0
/* Tests the call that begins several transfers: each as by itself, in order. */
#include "aio.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#define FILE_NAME "/tmp/aio-several"
#define SIZE	10000
#define MANY	1024	/* most of a call */

static void prepare(void)
{
	int fd = CHECK_OK(open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	file_fill(fd, 0, SIZE);
	close(fd);
}

static struct kevent_ioc_sendfile by_path(int sock, uint64_t user)
{
	struct kevent_ioc_sendfile sf = aio_behind("head");

	sf.sock = sock;
	sf.path = (uintptr_t)FILE_NAME;
	sf.ptr = user;
	return sf;
}

static struct kevent_ioc_sendfile by_fd(int sock, int file, uint64_t user)
{
	return (struct kevent_ioc_sendfile){
		.sock = sock,
		.in_fd = file,
		.count = KEVENT_AIO_TO_END,
		.ptr = user,
	};
}

static void expect_over(const struct kevent_ioc_sendfile *sf, uint64_t user, uint64_t size)
{
	CHECK(sf->result.ret_flags & KEVENT_RET_DONE);
	aio_check(&sf->result, user, size, AIO_GOOD | KEVENT_AIO_EOF);
}

/* Has nobody else the file open?  A lease can be had only then. */
static bool is_released(void)
{
	int fd = CHECK_OK(open(FILE_NAME, O_RDWR | O_CLOEXEC));
	bool released = !fcntl(fd, F_SETLEASE, F_WRLCK);

	close(fd);
	return released;
}

/* ---- What it does -------------------------------------------------------------- */

TEST_WAYS(by_path_and_by_fd)
{
	int one[2], two[2], file = file_make(5000);
	struct kevent_ioc_sendfile all[3];
	unsigned int before;

	prepare();
	way_open(w, one);
	way_open(w, two);
	all[0] = by_path(one[0], 1);
	all[1] = by_fd(two[0], file, 2);
	all[2] = by_path(two[0], 3);
	before = count_fds();
	CHECK_EQ(kevent_aio_sendfiles(q, all, 3), 3);
	CHECK_EQ(count_fds(), before);
	expect_over(&all[0], 1, SIZE);
	expect_over(&all[1], 2, 5000);
	expect_over(&all[2], 3, SIZE);
	CHECK(is_released());
	CHECK_EQ(watches_of(q), 0);
	expect_text(one[1], "head", 4);
	expect_file(one[1], 0, SIZE);
	expect_nothing(one[1]);
	/* one after the other */
	expect_file(two[1], 0, 5000);
	expect_text(two[1], "head", 4);
	expect_file(two[1], 0, SIZE);
	expect_nothing(two[1]);
	close(one[0]);
	close(one[1]);
	close(two[0]);
	close(two[1]);
	close(file);
}

/* What does not end in the call is held by its transfer, and by nothing else. */
TEST_WAYS(goes_on_after_the_call)
{
	int one[2], two[2], large = file_make(200 * KB), fd;
	struct kevent_ioc_sendfile all[3];

	prepare();
	fd = CHECK_OK(open(FILE_NAME, O_WRONLY | O_CLOEXEC));
	file_fill(fd, 0, 200 * KB);
	close(fd);
	way_open(w, one);
	way_open(w, two);
	narrow(one);
	narrow(two);
	all[0] = by_path(one[0], 1);
	all[1] = by_fd(two[0], large, 2);
	all[2] = by_path(two[0], 3);
	CHECK_EQ(kevent_aio_sendfiles(q, all, 3), 3);
	close(large);
	for (fd = 0; fd < 3; fd++) {
		CHECK_EQ(all[fd].result.ret_flags, 0);
		CHECK(all[fd].result.cookie);
	}
	CHECK(!is_released());
	expect_text(one[1], "head", 4);
	expect_file(one[1], 0, 200 * KB);
	aio_expect(q, 1, 200 * KB, AIO_GOOD | KEVENT_AIO_EOF);
	/* the third waits for the second, with its file */
	CHECK(!is_released());
	aio_cancel(q, all[2].result.cookie);
	CHECK(is_released());
	expect_file(two[1], 0, 200 * KB);
	aio_expect(q, 2, 200 * KB, AIO_GOOD | KEVENT_AIO_EOF);
	expect_nothing(two[1]);
	close(one[0]);
	close(one[1]);
	close(two[0]);
	close(two[1]);
}

TEST(always_queued)
{
	int fds[2], q = kev_queue(NULL, 0);
	struct kevent_ioc_sendfile all[2];

	prepare();
	tcp_pair(fds);
	all[0] = by_path(fds[0], 1);
	all[1] = by_path(fds[0], 2);
	all[1].req_flags = KEVENT_REQ_ALWAYS_QUEUE;
	CHECK_EQ(kevent_aio_sendfiles(q, all, 2), 2);
	expect_over(&all[0], 1, SIZE);
	CHECK_EQ(all[1].result.ret_flags, 0);
	aio_expect(q, 2, SIZE, AIO_GOOD | KEVENT_AIO_EOF);
	kev_expect_get_none(q);
}

/* ---- What is refused ------------------------------------------------------------ */

TEST(ends_at_the_first_that_fails)
{
	int fds[2], q = kev_queue(NULL, 0);
	struct kevent_ioc_sendfile all[3];

	prepare();
	tcp_pair(fds);
	all[0] = by_path(fds[0], 1);
	all[1] = by_path(fds[0], 2);
	all[1].path = (uintptr_t)"/tmp/aio-none";
	all[2] = by_path(fds[0], 3);
	CHECK_EQ(kevent_aio_sendfiles(q, all, 3), 1);
	expect_over(&all[0], 1, SIZE);
	CHECK_EQ(all[1].result.ret_flags, 0);
	CHECK_EQ(all[2].result.ret_flags, 0);
	expect_text(fds[1], "head", 4);
	expect_file(fds[1], 0, SIZE);
	expect_nothing(fds[1]);
	CHECK_ERRNO(kevent_aio_sendfiles(q, all + 1, 2), ENOENT);
	expect_nothing(fds[1]);
	CHECK_EQ(kevent_aio_sendfiles(q, all + 2, 1), 1);
	expect_text(fds[1], "head", 4);
	expect_file(fds[1], 0, SIZE);
	expect_nothing(fds[1]);
}

#define REFUSED(q, bad, error) do {					\
	unsigned int before_ = count_fds();				\
									\
	CHECK_ERRNO(kevent_aio_sendfiles(q, &(bad), 1), error);		\
	CHECK_EQ(count_fds(), before_);					\
	CHECK(is_released());						\
	CHECK_EQ(watches_of(q), 0);					\
} while (0)

TEST(bad_entries)
{
	int fds[2], q = kev_queue(NULL, 0), file = file_make(100);
	struct kevent_ioc_sendfile bad;

	prepare();
	tcp_pair(fds);
	bad = by_path(fds[0], 1);
	bad.in_fd = file;
	REFUSED(q, bad, EINVAL);
	bad = by_path(fds[0], 1);
	bad.open_flags = O_CLOEXEC;	/* of what? */
	REFUSED(q, bad, EINVAL);
	bad.open_flags = O_RDWR;
	REFUSED(q, bad, EINVAL);
	bad = by_fd(fds[0], file, 1);
	bad.open_flags = O_NOFOLLOW;
	REFUSED(q, bad, EINVAL);
	bad = by_path(fds[0], 1);
	bad.reserved = 1;
	REFUSED(q, bad, EINVAL);
	bad = by_path(-1, 1);
	REFUSED(q, bad, EBADF);
	bad = by_path(file, 1);
	REFUSED(q, bad, ENOTSOCK);
	bad = by_fd(fds[0], -1, 1);
	REFUSED(q, bad, EBADF);
	bad = by_path(fds[0], 1);
	bad.header = 8;
	REFUSED(q, bad, EFAULT);
	expect_nothing(fds[1]);
}

TEST(bad_calls)
{
	struct kevent_ioc_sendfile *edge = kev_fault_after(sizeof(*edge), PROT_NONE);
	struct kevent_ioc_sendfile *fixed = kev_fault_after(sizeof(*fixed), PROT_READ);
	int fds[2], q = kev_queue(NULL, 0);
	struct kevent_ioc_sendfiles all = { .num = 1, .reserved = 1 };
	struct kevent_ioc_sendfile one;

	prepare();
	tcp_pair(fds);
	one = by_path(fds[0], 1);
	all.transfers = (uintptr_t)&one;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_AIO_SENDFILES, &all), EINVAL);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_AIO_SENDFILES, NULL), EFAULT);
	CHECK_ERRNO(kevent_aio_sendfiles(q, NULL, 1), EFAULT);
	/* what can't be written has no result: nothing is begun */
	CHECK_ERRNO(kevent_aio_sendfiles(q, fixed + 1, 1), EFAULT);
	CHECK_EQ(kevent_aio_sendfiles(q, NULL, 0), 0);
	expect_nothing(fds[1]);
	*edge = one;
	CHECK_EQ(kevent_aio_sendfiles(q, edge, 2), 1);
	expect_over(edge, 1, SIZE);
	expect_text(fds[1], "head", 4);
	expect_file(fds[1], 0, SIZE);
	expect_nothing(fds[1]);
	CHECK(is_released());
}

struct other {
	int q;
	int sock;
};

static void sends_as_user(void *arg)
{
	struct other *o = arg;
	struct kevent_ioc_sendfile sf = by_path(o->sock, 1);

	become_user(TEST_USER_ID);
	CHECK_ERRNO(kevent_aio_sendfiles(o->q, &sf, 1), EACCES);
}

/* Not those of whoever made the queue. */
TEST(caller_s_rights)
{
	int fds[2];
	struct other o = { .q = kev_queue(NULL, 0) };

	prepare();
	CHECK_OK(chmod(FILE_NAME, 0600));
	tcp_pair(fds);
	o.sock = fds[0];
	wait_child(start_child(sends_as_user, &o));
	expect_nothing(fds[1]);
	CHECK_OK(chmod(FILE_NAME, 0644));
}

/* ---- Bounds ------------------------------------------------------------------------ */

static struct kevent_ioc_sendfile many[2 * MANY];

/* Of no bytes, so that a socket does not become full. */
static void many_by_path(int sock)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = by_path(sock, i);
		many[i].header_size = 0;
		many[i].count = 0;
		many[i].result.ptr = ~0ull;
	}
}

/* Of those that were begun each has its result, the others are as they were. */
static void expect_begun(unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num; i++)
		aio_check(&many[i].result, i, 0, AIO_GOOD);
	for (; i < ARRAY_SIZE(many); i++)
		CHECK_EQ(many[i].result.ptr, ~0ull);
}

/* Files that wait to be released are of one call: no limit of fds counts them. */
TEST(most_in_a_call)
{
	int fds[2], q = kev_queue(NULL, 0);

	prepare();
	tcp_pair(fds);
	many_by_path(fds[0]);
	CHECK_EQ(kevent_aio_sendfiles(q, many, ARRAY_SIZE(many)), MANY);
	expect_begun(MANY);
	CHECK(is_released());
	CHECK_EQ(kevent_aio_sendfiles(q, many + MANY, MANY), MANY);
	expect_begun(2 * MANY);
	CHECK_EQ(kevent_aio_sendfiles(q, many, UINT32_MAX), MANY);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

/* The call ends with what it has begun; it is no error. */
TEST_TIMEOUT(signal_ends_the_call, 60)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int fds[2], q = kev_queue(NULL, 0), ret;
	unsigned int i = 0;

	prepare();
	tcp_pair(fds);
	CHECK_OK(sigaction(SIGALRM, &action, NULL));
	do {
		struct itimerval soon = { .it_value.tv_usec = 50 + i++ % 100 * 50 };

		many_by_path(fds[0]);
		alarms = 0;
		CHECK_OK(setitimer(ITIMER_REAL, &soon, NULL));
		ret = CHECK_OK(kevent_aio_sendfiles(q, many, MANY));
		CHECK_GT(ret, 0);
		expect_begun(ret);
		if (ret < MANY)
			CHECK_EQ(alarms, 1);
		while (!alarms)
			usleep(1000);
	} while (ret == MANY);
	CHECK(is_released());
}

/* Files that running transfers hold count: the call ends where there are too many. */
TEST(limit_of_files)
{
	int fds[3][2], q = kev_queue(NULL, 0), large = file_make(200 * KB);
	struct kevent_ioc_sendfile all[3];
	struct rlimit limit;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		tcp_pair(fds[i]);
		narrow(fds[i]);
		all[i] = by_fd(fds[i][0], large, i);
	}
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 4;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(kevent_aio_sendfiles(q, all, 3), 2);
	CHECK_ERRNO(kevent_aio_sendfiles(q, all + 2, 1), EMFILE);
	expect_nothing(fds[2][1]);
	aio_cancel(q, all[0].result.cookie);
	CHECK_EQ(kevent_aio_sendfiles(q, all + 2, 1), 1);
}
