// SPDX-License-Identifier: GPL-2.0
/* Tests that transfers do not wait for each other: slow readers, slow disks. */
#include "fuse.h"

#include <sys/resource.h>
#include <sys/wait.h>

#define N 1000
#define SIZE (200 * KB)

static void many_fds(void)
{
	struct rlimit limit = { .rlim_cur = 4096, .rlim_max = 4096 };

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
}

/* 1000, of which a few are read: they are done while the others stand still. */
TEST_TIMEOUT(slow_readers, 120)
{
	static const unsigned int quick[] = { 0, 499, 500, 999 };
	int (*fds)[2] = calloc(N, sizeof(*fds)), q = kev_queue(NULL, 0);
	int file = file_make(SIZE);
	bool done[N] = { false };
	unsigned int i;

	many_fds();
	for (i = 0; i < N; i++) {
		/* few of TCP: it has little memory for all in a small machine */
		way_open(&ways[i % 5 ? 2 + i % 2 : i % 2], fds[i]);
		narrow(fds[i]);
		aio_start_slow(q, fds[i][0], file, i);
	}
	take_none(q);
	CHECK_EQ(watches_of(q), N);
	for (i = 0; i < ARRAY_SIZE(quick); i++) {
		expect_file(fds[quick[i]][1], 0, SIZE);
		aio_expect(q, quick[i], SIZE, AIO_GOOD | KEVENT_AIO_EOF);
		done[quick[i]] = true;
	}
	take_none(q);
	/* some of the rest are read after all, the others are left to close */
	for (i = 100; i < 160; i++) {
		expect_file(fds[i][1], 0, SIZE);
		aio_expect(q, i, SIZE, AIO_GOOD | KEVENT_AIO_EOF);
		done[i] = true;
	}
	for (i = 0; i < N; i++) {
		if (done[i])
			continue;
		if (i % 2)
			close(fds[i][1]);
		else if (i % 3)
			close(fds[i][0]);
	}
	close(q);
}

/* ---- A file system that does not answer --------------------------------------- */

/* Those whose file is there do not wait for those whose server does not answer. */
TEST_TIMEOUT(cold_files_do_not_stall_warm_ones, 60)
{
	enum { COLD = 100 };
	int fds[COLD][2], warm[2], file = file_make(3 * MB), i;
	int q = kev_queue(NULL, 0);
	struct slow_fs fs;

	many_fds();
	fuse_start(&fs, 1 * MB);
	for (i = 0; i < COLD; i++) {
		unix_pair(SOCK_STREAM, fds[i]);
		/* of its own page cache, but from 0 on the same pages */
		aio_start_slow(q, fds[i][0], fuse_open_file(), i);
	}
	CHECK_SOON(fuse_held(&fs) > 0);
	tcp_pair(warm);
	aio_start_slow(q, warm[0], file, 1000);
	expect_file(warm[1], 0, 3 * MB);
	aio_expect(q, 1000, 3 * MB, AIO_GOOD | KEVENT_AIO_EOF);
	take_none(q);
	fuse_release(&fs);
	for (i = 0; i < COLD; i++)
		expect_file(fds[i][1], 0, 1 * MB);
	for (i = 0; i < COLD; i++)
		CHECK(!kevent_aio_error(&(struct ukevent){ .ret_data[0] =
						take(q).ret_data[0] }));
	umount2(FUSE_DIR, MNT_DETACH);
}

/* kTLS would keep it for a record of both, and lose it when the socket is closed. */
TEST_WAYS(header_does_not_wait_for_the_file)
{
	static const char header[] = "HTTP/1.1 200 OK\r\n\r\n";
	struct kevent_ioc_sendfile sf = aio_behind(header);
	struct slow_fs fs;
	int fds[2];

	way_open(w, fds);
	fuse_start(&fs, 1 * MB);
	sf.sock = fds[0];
	sf.in_fd = fuse_open_file();
	CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 0);
	CHECK_SOON(fuse_held(&fs) > 0);
	expect_text(fds[1], header, sizeof(header) - 1);
	expect_nothing(fds[1]);
	fuse_release(&fs);
	expect_file(fds[1], 0, 1 * MB);
	aio_expect(q, 0, 1 * MB, AIO_GOOD | KEVENT_AIO_EOF);
	close(fds[0]);
	close(fds[1]);
	close(sf.in_fd);
	umount2(FUSE_DIR, MNT_DETACH);
	close(fs.dev);
}

/* REMOVE and closing the queue do not wait for what may never come. */
TEST_TIMEOUT(stuck_transfers_are_abandoned, 60)
{
	int fds[3][2], q = kev_queue(NULL, 0), i, file;
	struct ukevent uk[3];
	struct slow_fs fs;
	uint64_t start;
	char c;

	fuse_start(&fs, 1 * MB);
	file = fuse_open_file();
	for (i = 0; i < 3; i++) {
		unix_pair(SOCK_STREAM, fds[i]);
		uk[i] = aio_start_slow(q, fds[i][0], file, i);
	}
	CHECK_SOON(fuse_held(&fs) > 0);
	start = now_ns();
	uk[0] = aio_cancel(q, uk[0].cookie);
	CHECK_EQ(kevent_aio_position(&uk[0]), 0);
	close(fds[0][0]);
	close(q);
	CHECK_LT(now_ns() - start, test_scale() * 4000000000ull);
	fuse_release(&fs);
	/* given back now, and nothing was sent */
	expect_end(fds[0][1]);
	for (i = 1; i < 3; i++)
		CHECK_EQ(recv(fds[i][1], &c, 1, MSG_DONTWAIT), -1);
	close(file);
	umount2(FUSE_DIR, MNT_DETACH);
}

static void server_and_client(void *arg)
{
	int fds[2], q = kev_queue(NULL, 0);
	struct slow_fs fs;

	(void)arg;
	fuse_start(&fs, 1 * MB);
	unix_pair(SOCK_STREAM, fds);
	aio_start_slow(q, fds[0], fuse_open_file(), 1);
	CHECK_SOON(fuse_held(&fs) > 0);
	kill(getpid(), SIGKILL);
}

/* Whoever should answer is the one that exits: nobody waits for anybody. */
TEST_TIMEOUT(exit_of_the_server_itself, 60)
{
	pid_t pid = start_child(server_and_client, NULL);
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		SKIP("no FUSE");
	CHECK(WIFSIGNALED(status));
	umount2(FUSE_DIR, MNT_DETACH);
}

/* ---- All at once -------------------------------------------------------------- */

struct storm {
	int q;
	int file;
	unsigned int seed;
};

/* Starts, cancels, breaks and finishes transfers, of all sorts. */
static void *storms(void *arg)
{
	struct storm *s = arg;
	struct ukevent uk;
	char buf[65536];
	int fds[2], i;

	for (i = 0; i < 150; i++) {
		way_open(&ways[rand_r(&s->seed) % ARRAY_SIZE(ways)], fds);
		if (rand_r(&s->seed) % 2)
			narrow(fds);
		CHECK_OK(kevent_aio_sendfile(s->q, fds[0], s->file, 0,
					     rand_r(&s->seed) % SIZE, i, &uk));
		switch (rand_r(&s->seed) % 5) {
		case 0:
			close(fds[1]);
			close(fds[0]);
			continue;
		case 1:
			uk.req_flags = KEVENT_REQ_COOKIE;
			kevent_ctl_one(s->q, KEVENT_CTL_REMOVE, &uk);
			break;
		case 2:
			close(fds[0]);
			while (read(fds[1], buf, sizeof(buf)) > 0 ||
			       errno == EAGAIN)
				if (rand_r(&s->seed) % 50 == 0)
					break;
			close(fds[1]);
			continue;
		case 3:
			shutdown(fds[0], SHUT_WR);
			break;
		}
		close(fds[0]);
		close(fds[1]);
	}
	return NULL;
}

TEST_TIMEOUT(storm, 120)
{
	struct storm s[4];
	struct test_thread t[4];
	struct kevent_ring ring;
	int q = kev_queue(&ring, 64), file = file_make(SIZE), i;
	struct ukevent uk[64];

	for (i = 0; i < 4; i++) {
		s[i] = (struct storm){ q, file, i + 1 };
		thread_start(&t[i], storms, &s[i]);
	}
	for (i = 0; i < 4; i++)
		thread_join(&t[i]);
	/* all that is left ends, as its peer is gone */
	CHECK_SOON((kevent_get_events(q, 0, 64, NULL, uk, 0),
		    watches_of(q) == 0));
	kev_close(q, &ring);
}
