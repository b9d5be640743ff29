// SPDX-License-Identifier: GPL-2.0
/* Tests sendfile from a disk: cold and warm, I/O errors, and whose memory it takes. */
#include "cgroup.h"
#include "disk.h"
#include "fuse.h"

/* ---- From a disk -------------------------------------------------------------- */

/* What is in memory goes at once.  False: it was behind another transfer. */
static bool send_warm(int q, const int fds[2], int file)
{
	struct ukevent uk;
	int ret = kevent_aio_sendfile(q, fds[0], file, 0, 5000, 2, &uk);

	if (CHECK_OK(ret))
		aio_check(&uk, 2, 5000, AIO_GOOD);
	else
		aio_expect(q, 2, 5000, AIO_GOOD);
	expect_file(fds[1], 0, 5000);
	return ret;
}

/* From a disk, which may be quick enough for the call; and then from memory. */
TEST_WAYS(cold_then_warm)
{
	struct disk d = disk_make();
	int fds[2], file = disk_file(&d), turns;
	struct ukevent uk;

	way_open(w, fds);
	if (CHECK_OK(kevent_aio_sendfile(q, fds[0], file, 0, 5000, 1, &uk)))
		aio_check(&uk, 1, 5000, AIO_GOOD);
	else
		uk.ret_flags = 0;
	expect_file(fds[1], 0, 5000);
	if (!uk.ret_flags)
		aio_expect(q, 1, 5000, AIO_GOOD);
	/* the one before leaves the socket after it has told */
	for (turns = 0; !send_warm(q, fds, file); turns++)
		CHECK_LT(turns, 10);
	make_cold(file);
	aio_start(q, fds[0], file, 0, KEVENT_AIO_TO_END, 3);
	expect_file(fds[1], 0, FILE_SIZE);
	aio_expect(q, 3, FILE_SIZE, AIO_GOOD | KEVENT_AIO_EOF);
	expect_nothing(fds[1]);
	close(fds[0]);
	close(fds[1]);
	close(file);
	disk_drop(&d);
}

/* The end of the disk is gone: what comes before it is sent, and told. */
TEST_WAYS(io_error)
{
	struct disk d = disk_make();
	int fds[2], file = disk_file(&d);
	struct ukevent uk;
	char byte;

	way_open(w, fds);
	CHECK_OK(ftruncate(d.memory, 2 * MB));
	aio_start(q, fds[0], file, 0, KEVENT_AIO_TO_END, 1);
	expect_file(fds[1], 0, 1 * MB);
	while (!aio_num_kept) {
		aio_move();
		drain(fds[1]);
	}
	uk = take(q);
	if (pread(file, &byte, 1, FILE_SIZE - 1) == 1)
		SKIP("this kernel's loop device reads zeroes there");
	CHECK_EQ(kevent_aio_error(&uk), EIO);
	CHECK_GT(kevent_aio_position(&uk), 1 * MB);
	CHECK_LT(kevent_aio_position(&uk), 2 * MB);
	CHECK(!(uk.ret_data[0] & KEVENT_AIO_EOF));
	close(fds[0]);
	close(fds[1]);
	close(file);
	disk_drop(&d);
}

/* A transfer has its file, so the file system stays; its end lets it go. */
TEST(umount)
{
	struct disk d = disk_make();
	int fds[2], q = kev_queue(NULL, 0), file = disk_file(&d);
	struct ukevent uk;

	tcp_pair(fds);
	narrow(fds);
	uk = aio_start_slow(q, fds[0], file, 1);
	close(file);
	CHECK_ERRNO(umount2(d.dir, 0), EBUSY);
	expect_file(fds[1], 0, 100 * KB);
	CHECK_ERRNO(umount2(d.dir, 0), EBUSY);
	aio_cancel(q, uk.cookie);
	disk_drop(&d);
}

/* The disk itself is no regular file. */
TEST(block_device)
{
	int fds[2], q = kev_queue(NULL, 0);
	struct disk d;

	free_at_once();
	disk_attach(&d);
	tcp_pair(fds);
	CHECK_ERRNO(kevent_aio_sendfile(q, fds[0], d.dev, 0, 4096, 1, NULL),
		    EINVAL);
	expect_nothing(fds[1]);
	CHECK_EQ(watches_of(q), 0);
}

/* Whose reads want memory of the caller's, and are not of the page cache. */
TEST(direct)
{
	struct disk d = disk_make();
	int fds[2], q = kev_queue(NULL, 0), file = disk_file(&d);

	tcp_pair(fds);
	CHECK_OK(fcntl(file, F_SETFL, O_DIRECT));
	CHECK_ERRNO(kevent_aio_sendfile(q, fds[0], file, 0, 4096, 1, NULL),
		    EINVAL);
	expect_nothing(fds[1]);
	CHECK_OK(fcntl(file, F_SETFL, 0));
	aio_start(q, fds[0], file, 0, 4096, 1);
	expect_file(fds[1], 0, 4096);
	aio_expect(q, 1, 4096, AIO_GOOD);
	close(file);
	disk_drop(&d);
}

/* ---- Memory --------------------------------------------------------------------- */

static uint64_t cgroup_memory(const char *name)
{
	unsigned long long bytes;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), CGROUP "/%s/memory.current", name);
	f = fopen(path, "re");
	CHECK(f && fscanf(f, "%llu", &bytes) == 1);
	fclose(f);
	return bytes;
}

#define HEADERS 64

/* What the call itself takes is the caller's, and given back. */
TEST(memory_of_the_call)
{
	static char header[KEVENT_AIO_HEADER_MAX];
	struct kevent_ioc_sendfile sf = {
		.header = (uintptr_t)header,
		.header_size = sizeof(header),
		.in_fd = file_make(1000),
		.count = 1000,
	};
	int fds[2], q = kev_queue(NULL, 0), i;
	uint64_t before, most = HEADERS * sizeof(header);

	cgroup_enter("aio-call", "memory");
	memset(header, 1, sizeof(header));
	unix_pair(SOCK_STREAM, fds);
	fill(fds[0]);
	sf.sock = fds[0];
	before = cgroup_memory("aio-call");
	for (i = 0; i < HEADERS; i++)
		CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 0);
	/* at the beginning, a CPU may have had up to 64 pages in stock */
	CHECK_GE(cgroup_memory("aio-call"), before + most - 256 * KB);
	close(q);
	CHECK_SOON(cgroup_memory("aio-call") < before + most / 2);
}

struct cold_file {
	int fd;
	int sock;
};

static void sends_in_cgroup(void *arg)
{
	const struct cold_file *c = arg;
	int q = kev_queue(NULL, 0);
	uint64_t before;

	cgroup_enter("aio-pages", "memory");
	before = cgroup_memory("aio-pages");
	aio_start(q, c->sock, c->fd, 0, KEVENT_AIO_TO_END, 1);
	aio_expect(q, 1, FILE_SIZE, AIO_GOOD | KEVENT_AIO_EOF);
	/* a CPU keeps up to 64 pages of what was given back */
	CHECK_GE(cgroup_memory("aio-pages"), before + FILE_SIZE - 256 * KB);
}

/* Workers read: the pages are of who wanted the file, not everybody's. */
TEST(memory_of_the_pages)
{
	struct slow_fs fs;
	struct cold_file c;
	int fds[2];
	pid_t pid;

	fuse_start(&fs, FILE_SIZE);
	fuse_release(&fs);
	unix_pair(SOCK_STREAM, fds);
	c.fd = fuse_open_file();
	c.sock = fds[0];
	pid = start_child(sends_in_cgroup, &c);
	expect_file(fds[1], 0, FILE_SIZE);
	wait_child(pid);
	umount2(FUSE_DIR, MNT_DETACH);
}

/* A file system that has to be asked for the end: where no read comes, there it is. */
TEST(offsets_at_the_limit)
{
	static const uint64_t at[] = { INT64_MAX, INT64_MAX - 100, INT64_MAX - 20000 };
	int q = kev_queue(NULL, 0), fds[2], file;
	struct slow_fs fs;
	struct ukevent uk;
	unsigned int i;

	fuse_start(&fs, FILE_SIZE);
	fuse_release(&fs);
	file = fuse_open_file();
	unix_pair(SOCK_STREAM, fds);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		CHECK_EQ(kevent_aio_sendfile(q, fds[0], file, at[i], KEVENT_AIO_TO_END, i, &uk), 1);
		aio_check(&uk, i, at[i], AIO_GOOD | KEVENT_AIO_EOF);
	}
	expect_nothing(fds[1]);
}
