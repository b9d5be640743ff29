// SPDX-License-Identifier: GPL-2.0
/* Tests what running transfers take: from whom, how much, and that nobody waits for them. */
#include "../source/aio.h"

#include "pager.h"

#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>

#define SIZE	(2 * MB)

/* ---- Open files ----------------------------------------------------------- */

/*
 * Transfers until there may be no more, of files that a socket does not take whole; their
 * fds are closed.  Returns how many.
 */
static unsigned int fill_up(int q)
{
	unsigned int n = 0;
	int fds[2], file, ret;

	for (;;) {
		unix_pair(SOCK_STREAM, fds);
		file = file_make(512 * KB);
		ret = kevent_aio_sendfile(q, fds[0], file, 0, KEVENT_AIO_TO_END,
					  n, NULL);
		if (ret < 0)
			CHECK_EQ(errno, EMFILE);
		close(fds[0]);
		close(file);
		/* the reader stays, or the transfer would end */
		CHECK_OK(dup2(fds[1], 200 + n));
		close(fds[1]);
		if (ret < 0)
			return n;
		n++;
	}
}

static void with_few_files(void *arg)
{
	const struct rlimit limit = { .rlim_cur = 600, .rlim_max = 600 };
	int q = kev_queue(NULL, 0), fds[2], file = file_make(10);
	struct ukevent uk;

	(void)arg;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	unix_pair(SOCK_STREAM, fds);
	CHECK_OK(dup2(fds[0], 598));
	CHECK_OK(dup2(file, 599));
	become_user(TEST_USER_ID);
	/* two each: the file and the socket */
	CHECK_EQ(fill_up(q), 300);
	CHECK_ERRNO(kevent_aio_sendfile(q, 598, 599, 0, 10, 1, &uk), EMFILE);
	expect_nothing(fds[1]);
	/* what has ended counts no longer */
	close(200);
	CHECK_SOON(kevent_get_events(q, 0, 1, NULL, &uk, 0) == 1);
	CHECK_EQ(kevent_aio_error(&uk), EPIPE);
	CHECK_EQ(kevent_aio_sendfile(q, 598, 599, 0, 10, 1, &uk), 1);
	expect_file(fds[1], 0, 10);
}

TEST(open_files)
{
	wait_child(start_child(with_few_files, NULL));
}

/* ---- Headers ---------------------------------------------------------------- */

#define LIMIT "/sys/module/kevent/parameters/max_user_watches"

static void set_limit(const char *text)
{
	int fd = CHECK_OK(open(LIMIT, O_WRONLY | O_CLOEXEC));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int send_header(int q, int sock, int file)
{
	static const char header[KEVENT_AIO_HEADER_MAX];
	struct kevent_ioc_sendfile sf = {
		.sock = sock,
		.in_fd = file,
		.header = (uintptr_t)header,
		.header_size = sizeof(header),
	};

	return ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf);
}

/* 256 bytes for each watch that there may be. */
TEST(headers)
{
	int q = kev_queue(NULL, 0), file = file_make(1), fds[2], i;
	char old[32] = { 0 };

	i = CHECK_OK(open(LIMIT, O_RDONLY | O_CLOEXEC));
	CHECK_GT(read(i, old, sizeof(old) - 1), 0);
	close(i);
	unix_pair(SOCK_STREAM, fds);
	fill(fds[0]);
	set_limit("1024");
	for (i = 0; i < 4; i++)
		CHECK_EQ(send_header(q, fds[0], file), 0);
	CHECK_ERRNO(send_header(q, fds[0], file), ENOSPC);
	CHECK_EQ(watches_of(q), 4);
	close(q);
	q = kev_queue(NULL, 0);
	CHECK_EQ(send_header(q, fds[0], file), 0);
	set_limit(old);
}

/* ---- Nobody waits ------------------------------------------------------------ */

struct stuck {
	int q;
	int sock;
	struct pager pager;
};

static void *writes(void *arg)
{
	struct stuck *s = arg;

	CHECK_EQ(write(s->sock, s->pager.page, 1), 1);
	return NULL;
}

static void *moves(void *arg)
{
	struct stuck *s = arg;
	struct ukevent uk;

	CHECK_EQ(kevent_get_events(s->q, 0, 1, NULL, &uk, 0), 0);
	return NULL;
}

/*
 * A thread has the socket locked for as long as it likes, and another one's turn is
 * stuck there.  REMOVE does not wait for it, nor does a close that ends a watch.
 */
TEST(socket_that_is_locked)
{
	int q = kev_queue(NULL, 0), file = file_make(SIZE), fds[2], other;
	struct stuck s = { .q = q };
	struct test_thread writer, mover;
	struct ukevent uk;
	uint64_t start;

	tcp_pair(fds);
	s.sock = fds[0];
	uk = aio_start_slow(q, fds[0], file, 1);
	aio_moved[0] = -1;
	other = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	kev_add_poll(q, other, POLLIN, KEVENT_REQ_ET);
	pager_make(&s.pager);
	/* there is room, and the writer is first to use it */
	drain(fds[1]);
	wait_poll(fds[0], POLLOUT);
	thread_start(&writer, writes, &s);
	pager_await(&s.pager);
	thread_start(&mover, moves, &s);
	CHECK_SOON(task_state(mover.tid) == 'D');
	start = now_ns();
	aio_cancel(q, uk.cookie);
	close(other);
	CHECK_LT(now_ns() - start, test_scale() * 500000000ull);
	CHECK_EQ(watches_of(q), 0);
	pager_let_go(&s.pager);
	thread_join(&writer);
	thread_join(&mover);
	/* it has let go of the socket */
	close(fds[0]);
	drain(fds[1]);
	expect_end(fds[1]);
}

/* ---- Whose work it is --------------------------------------------------------- */

/* Bytes that the process has read, or written, by its own count. */
static uint64_t io_count(const char *name)
{
	unsigned long long value = 0;
	char line[64], key[32];
	FILE *f = fopen("/proc/self/io", "re");

	if (!f)
		SKIP("no /proc/self/io");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%31[a-z_]: %llu", key, &value) == 2 &&
		    !strcmp(key, name))
			break;
	fclose(f);
	return value;
}

/* As of sendfile(2): in the process's count, and for who watches the file. */
TEST(counted_as_the_caller_s)
{
	int q = kev_queue(NULL, 0), fds[2], in;
	char name[64], event[4096], path[] = "/tmp/counted-XXXXXX";
	/* who watches one that was never in a directory is not always told */
	int file = CHECK_OK(mkstemp(path));
	uint64_t read_, written;

	CHECK_OK(unlink(path));
	file_fill(file, 0, SIZE);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	in = CHECK_OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	CHECK_OK(inotify_add_watch(in, name, IN_ACCESS));
	unix_pair(SOCK_STREAM, fds);
	read_ = io_count("rchar");
	written = io_count("wchar");
	aio_start(q, fds[0], file, 0, KEVENT_AIO_TO_END, 1);
	expect_file(fds[1], 0, SIZE);
	aio_expect(q, 1, SIZE, AIO_GOOD | KEVENT_AIO_EOF);
	written = io_count("wchar") - written;
	read_ = io_count("rchar") - read_;
	CHECK_EQ(written, SIZE);
	/* what the reader has read, too, and this counting */
	CHECK_GE(read_, 2 * SIZE);
	CHECK_LT(read_, 2 * SIZE + 8192);
	CHECK_GT(read(in, event, sizeof(event)), 0);
}
