// SPDX-License-Identifier: GPL-2.0
/* Tests sendfile from a disk: cold and warm, I/O errors, and whose memory it takes. */
#include "fuse.h"

#include <linux/loop.h>

#define DISK_SIZE (16 * MB)
#define FILE_SIZE (3 * MB + 123)

/* ---- A disk ------------------------------------------------------------------- */

/**
 * struct disk - a file system on a loop device on memory
 * @memory: what the device has.
 * @dev: the device.
 * @path: its name.
 * @dir: where it is mounted.
 */
struct disk {
	int memory;
	int dev;
	char path[32];
	char dir[32];
};

static void disk_attach(struct disk *d)
{
	struct loop_info64 info = { .lo_flags = LO_FLAGS_AUTOCLEAR };
	int control, n;

	if (system("modprobe loop 2>/dev/null"))
		SKIP("no loop devices");
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		SKIP("no loop devices");
	n = CHECK_OK(ioctl(control, LOOP_CTL_GET_FREE));
	close(control);
	snprintf(d->path, sizeof(d->path), "/dev/loop%d", n);
	d->dev = CHECK_OK(open(d->path, O_RDWR | O_CLOEXEC));
	d->memory = CHECK_OK(memfd_create("disk", MFD_CLOEXEC));
	CHECK_OK(ftruncate(d->memory, DISK_SIZE));
	CHECK_OK(ioctl(d->dev, LOOP_SET_FD, d->memory));
	CHECK_OK(ioctl(d->dev, LOOP_SET_STATUS64, &info));
}

/*
 * What a socket has freed may wait on another CPU for its next packet, and with
 * it pages of files.  Not so any more.
 */
static void free_at_once(void)
{
	int fd = open("/proc/sys/net/core/skb_defer_max", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;		/* older than that */
	CHECK_EQ(write(fd, "0", 1), 1);
	close(fd);
}

static struct disk disk_make(void)
{
	char command[64];
	struct disk d;

	free_at_once();
	disk_attach(&d);
	snprintf(command, sizeof(command), "mkdosfs %s >/dev/null", d.path);
	if (system(command))
		SKIP("no mkdosfs");
	strcpy(d.dir, "/tmp/aio-disk-XXXXXX");
	CHECK(mkdtemp(d.dir));
	if (mount(d.path, d.dir, "vfat", 0, NULL) < 0)
		SKIP("no vfat: %s", test_errno_name(errno));
	return d;
}

/* What a worker gave back last is closed by another, a moment later. */
static void disk_drop(const struct disk *d)
{
	CHECK_SOON(umount2(d->dir, 0) == 0);
	CHECK_OK(rmdir(d->dir));
	close(d->dev);
	close(d->memory);
}

static bool is_cached(int fd)
{
	unsigned char there[1];
	void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	CHECK(page != MAP_FAILED);
	CHECK_OK(mincore(page, 4096, there));
	munmap(page, 4096);
	return there[0] & 1;
}

/* Out of the page cache with it. */
static void make_cold(int fd)
{
	CHECK_OK(fsync(fd));
	CHECK_SOON((posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED),
		    !is_cached(fd)));
}

static int disk_file(const struct disk *d)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/file", d->dir);
	fd = CHECK_OK(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	file_fill(fd, 0, FILE_SIZE);
	make_cold(fd);
	return fd;
}

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

/* ---- Memory --------------------------------------------------------------------- */

#define CGROUP "/sys/fs/cgroup"

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		SKIP("no memory cgroups: %s: %s", path, test_errno_name(errno));
	close(fd);
}

/* The process in a memory cgroup of its own, by this name. */
static void enter_cgroup(const char *name)
{
	char path[128];

	write_text(CGROUP "/cgroup.subtree_control", "+memory");
	snprintf(path, sizeof(path), CGROUP "/%s", name);
	CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
	snprintf(path, sizeof(path), CGROUP "/%s/cgroup.procs", name);
	write_text(path, "0");
}

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

	enter_cgroup("aio-call");
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

	enter_cgroup("aio-pages");
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
