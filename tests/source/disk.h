/* SPDX-License-Identifier: GPL-2.0 */
/* A file system on a disk: what is not cached has to be read. */
#ifndef KEVENT_TEST_DISK_H
#define KEVENT_TEST_DISK_H

#include "aio.h"

#include <linux/loop.h>
#include <sys/mount.h>

#define DISK_SIZE (16 * MB)
#define FILE_SIZE (3 * MB + 123)

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

static inline void disk_attach(struct disk *d)
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
static inline void free_at_once(void)
{
	int fd = open("/proc/sys/net/core/skb_defer_max", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;		/* older than that */
	CHECK_EQ(write(fd, "0", 1), 1);
	close(fd);
}

static inline struct disk disk_make(void)
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
static inline void disk_drop(const struct disk *d)
{
	CHECK_SOON(umount2(d->dir, 0) == 0);
	CHECK_OK(rmdir(d->dir));
	close(d->dev);
	close(d->memory);
}

static inline bool is_cached(int fd)
{
	unsigned char there[1];
	void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	CHECK(page != MAP_FAILED);
	CHECK_OK(mincore(page, 4096, there));
	munmap(page, 4096);
	return there[0] & 1;
}

/* Out of the page cache with it. */
static inline void make_cold(int fd)
{
	CHECK_OK(fsync(fd));
	CHECK_SOON((posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED),
		    !is_cached(fd)));
}

static inline int disk_file(const struct disk *d)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/file", d->dir);
	fd = CHECK_OK(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	file_fill(fd, 0, FILE_SIZE);
	make_cold(fd);
	return fd;
}

#endif /* KEVENT_TEST_DISK_H */
