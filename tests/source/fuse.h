/* SPDX-License-Identifier: GPL-2.0 */
/* A file system with one file, whose reads are answered only when it is told. */
#ifndef KEVENT_TEST_FUSE_H
#define KEVENT_TEST_FUSE_H

#include "aio.h"

#include <linux/fuse.h>
#include <sys/mount.h>

#define FUSE_DIR "/tmp/aio-fuse"
#define FUSE_HELD 512

/**
 * struct slow_fs - it
 * @dev: /dev/fuse.
 * @size: of the file.
 * @open: reads are answered.
 * @lock: @open, @held.
 * @held: reads that wait.
 * @other: answers other requests, if it returns true.
 */
struct slow_fs {
	int dev;
	uint64_t size;
	bool open;
	pthread_mutex_t lock;
	struct {
		uint64_t unique, offset;
		uint32_t size;
	} held[FUSE_HELD];
	unsigned int nheld;
	bool (*other)(struct slow_fs *fs, const struct fuse_in_header *in,
		      const void *arg);
	struct test_thread thread;
};

static inline void fuse_reply(struct slow_fs *fs, uint64_t unique, int error,
			      const void *data, size_t len)
{
	char buf[sizeof(struct fuse_out_header) + 140000];
	struct fuse_out_header out = {
		.len = sizeof(out) + len,
		.error = -error,
		.unique = unique,
	};

	memcpy(buf, &out, sizeof(out));
	if (len)
		memcpy(buf + sizeof(out), data, len);
	/* a request may be gone */
	if (write(fs->dev, buf, out.len) < 0 && errno != ENOENT)
		FAIL("fuse: %s", test_errno_name(errno));
}

static inline void fuse_data(struct slow_fs *fs, uint64_t unique,
			     uint64_t offset, uint32_t size)
{
	static unsigned char data[140000];
	uint32_t i;

	if (offset >= fs->size)
		size = 0;
	else if (size > fs->size - offset)
		size = fs->size - offset;
	for (i = 0; i < size; i++)
		data[i] = byte_at(offset + i);
	fuse_reply(fs, unique, 0, data, size);
}

static inline void fuse_read(struct slow_fs *fs, uint64_t unique,
			     const struct fuse_read_in *in)
{
	pthread_mutex_lock(&fs->lock);
	if (fs->open) {
		fuse_data(fs, unique, in->offset, in->size);
	} else {
		CHECK_LT(fs->nheld, FUSE_HELD);
		fs->held[fs->nheld].unique = unique;
		fs->held[fs->nheld].offset = in->offset;
		fs->held[fs->nheld].size = in->size;
		__atomic_store_n(&fs->nheld, fs->nheld + 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&fs->lock);
}

static inline struct fuse_attr fuse_attributes(const struct slow_fs *fs,
					       uint64_t node)
{
	struct fuse_attr attr = {
		.ino = node,
		.mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644,
		.nlink = 1,
		.size = node == 1 ? 0 : fs->size,
	};

	return attr;
}

static inline void fuse_request(struct slow_fs *fs,
				const struct fuse_in_header *in,
				const void *arg)
{
	struct fuse_init_out init = {
		.major = 7, .minor = 31, .max_readahead = 131072,
		.max_write = 4096, .max_background = 400,
		.congestion_threshold = 400,
		.flags = FUSE_ASYNC_READ,
	};
	struct fuse_entry_out entry = {
		.nodeid = 2, .generation = 1, .entry_valid = 1000,
		.attr_valid = 1000, .attr = fuse_attributes(fs, 2),
	};
	struct fuse_attr_out attr = {
		.attr_valid = 1000, .attr = fuse_attributes(fs, in->nodeid),
	};
	struct fuse_open_out open = {
		.fh = 1, .open_flags = FOPEN_KEEP_CACHE,
	};

	switch (in->opcode) {
	case FUSE_INIT:
		fuse_reply(fs, in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		fuse_reply(fs, in->unique, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		fuse_reply(fs, in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		fuse_reply(fs, in->unique, 0, &open, sizeof(open));
		break;
	case FUSE_READ:
		fuse_read(fs, in->unique, arg);
		break;
	case FUSE_RELEASE:
		fuse_reply(fs, in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		if (!fs->other || !fs->other(fs, in, arg))
			fuse_reply(fs, in->unique, ENOSYS, NULL, 0);
	}
}

static inline void *fuse_serve(void *arg)
{
	static char buf[FUSE_MIN_READ_BUFFER + 140000];
	struct slow_fs *fs = arg;

	while (read(fs->dev, buf, sizeof(buf)) > 0)
		fuse_request(fs, (void *)buf,
			     buf + sizeof(struct fuse_in_header));
	return NULL;
}

static inline int fuse_open_file(void)
{
	return CHECK_OK(open(FUSE_DIR "/file", O_RDONLY | O_CLOEXEC));
}

/* Skips the test where there is no FUSE. */
static inline void fuse_start(struct slow_fs *fs, uint64_t size)
{
	char options[128];

	memset(fs, 0, sizeof(*fs));
	pthread_mutex_init(&fs->lock, NULL);
	fs->size = size;
	/* built in, or a module that nothing has loaded */
	if (access("/dev/fuse", F_OK) < 0 &&
	    system("modprobe fuse 2>/dev/null"))
		SKIP("no FUSE");
	fs->dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fs->dev < 0)
		SKIP("no FUSE: %s", test_errno_name(errno));
	CHECK(mkdir(FUSE_DIR, 0755) == 0 || errno == EEXIST);
	umount2(FUSE_DIR, MNT_DETACH);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0", fs->dev);
	if (mount("slow", FUSE_DIR, "fuse", 0, options) < 0)
		SKIP("no FUSE: %s", test_errno_name(errno));
	thread_start(&fs->thread, fuse_serve, fs);
	/* it learns that close() has nothing to ask the server */
	CHECK_OK(close(fuse_open_file()));
}

static inline unsigned int fuse_held(struct slow_fs *fs)
{
	return __atomic_load_n(&fs->nheld, __ATOMIC_ACQUIRE);
}

/* Answers what waits, and all that comes. */
static inline void fuse_release(struct slow_fs *fs)
{
	unsigned int i;

	pthread_mutex_lock(&fs->lock);
	fs->open = true;
	for (i = 0; i < fs->nheld; i++)
		fuse_data(fs, fs->held[i].unique, fs->held[i].offset,
			  fs->held[i].size);
	pthread_mutex_unlock(&fs->lock);
}

#endif
