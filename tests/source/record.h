/* SPDX-License-Identifier: GPL-2.0 */
/* Reading records, and files and directories to watch. */
#ifndef KEVENT_TEST_RECORD_H
#define KEVENT_TEST_RECORD_H

#include "kinds.h"

/* Large enough for all that a test writes at once. */
#define RECORDS_LEN (1 << 16)

/* READ as it is; the result is the ioctl's. */
static inline int read_raw(int q, uint64_t cookie, void *buf, uint32_t len,
			   uint32_t *lost)
{
	struct kevent_ioc_read read = {
		.cookie = cookie,
		.buf = (uintptr_t)buf,
		.len = len,
		.lost = 0xdead,
	};
	int ret = ioctl(q, KEVENT_IOC_READ, &read);

	if (lost)
		*lost = read.lost;
	return ret;
}

/* ---- Files ----------------------------------------------------------------- */

/* A new directory of this test's own, which becomes the current one. */
static inline int own_directory(void)
{
	char path[] = "/tmp/kevent-inode-XXXXXX";

	CHECK(mkdtemp(path));
	CHECK_OK(chmod(path, 0755));
	CHECK_OK(chdir(path));
	return CHECK_OK(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static inline void make_file(const char *name)
{
	close(CHECK_OK(open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0644)));
}

/* Changes it without opening it. */
static inline void touch_mode(const char *name)
{
	struct stat st;

	CHECK_OK(stat(name, &st));
	CHECK_OK(chmod(name, (st.st_mode & 07777) ^ 0001));
}

/* ---- Watches --------------------------------------------------------------- */

static inline struct ukevent inode_add(int q, int fd, unsigned int event,
				       unsigned int flags)
{
	return kev_add(q, KEVENT_INODE, fd, event, flags);
}

static inline int inode_try(int q, unsigned int cmd, int fd, unsigned int event,
			    unsigned int flags)
{
	return kev_try(q, cmd, KEVENT_INODE, fd, event, flags);
}

/* The errno of an ADD with parameters. */
static inline int inode_try_params(int q, int fd, uint64_t size, uint64_t one,
				   uint64_t two)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_INODE, fd, KEVENT_INODE_ATTRIB, 0, fd);
	uk.param[0] = size;
	uk.param[1] = one;
	uk.param[2] = two;
	return kevent_ctl_one(q, KEVENT_CTL_ADD, &uk) < 0 ? errno : 0;
}

/* ---- Their records --------------------------------------------------------- */

/**
 * struct records - those of one watch, read and walked through
 * @q: the queue.
 * @cookie: the watch's.
 * @pos: the next one in buf.
 * @end: behind the last.
 * @buf: as READ gave them.
 */
struct records {
	int q;
	uint64_t cookie;
	char *pos;
	char *end;
	char buf[RECORDS_LEN] __attribute__((aligned(8)));
};

static inline struct records *records_of(int q, const struct ukevent *added)
{
	struct records *r = calloc(1, sizeof(*r));

	CHECK(r);
	r->q = q;
	r->cookie = added->cookie;
	r->pos = r->buf;
	r->end = r->buf;
	return r;
}

/* Those of a new watch. */
static inline struct records *inode_records(int q, int fd, unsigned int event)
{
	struct ukevent uk = inode_add(q, fd, event, 0);

	CHECK_EQ(uk.ret_flags, 0);
	return records_of(q, &uk);
}

/* The next one, NULL if there is none; it must be well formed. */
static inline const struct kevent_record_inode *record_next(struct records *r)
{
	const struct kevent_record_inode *record;
	uint32_t lost;
	int ret;

	if (r->pos == r->end) {
		ret = CHECK_OK(read_raw(r->q, r->cookie, r->buf, RECORDS_LEN,
					&lost));
		CHECK_EQ(lost, 0);
		r->pos = r->buf;
		r->end = r->buf + ret;
	}
	if (r->pos == r->end)
		return NULL;
	record = (const void *)r->pos;
	CHECK_GE(record->len, sizeof(*record) + 1);
	CHECK_EQ(record->len % 8, 0);
	CHECK_LE(record->len, r->end - r->pos);
	CHECK_EQ(record->reserved, 0);
	CHECK_LT(strnlen(record->name, record->len - sizeof(*record)),
		 record->len - sizeof(*record));
	r->pos += record->len;
	return record;
}

static inline uint32_t record_expect_at(const char *file, int line,
					struct records *r, uint32_t event,
					const char *name)
{
	const struct kevent_record_inode *record = record_next(r);

	if (!record)
		test_fail(file, line, "no record where 0x%x \"%s\" was expected",
			  event, name);
	if (record->event != event || strcmp(record->name, name))
		test_fail(file, line, "record 0x%x \"%s\", expected 0x%x \"%s\"",
			  record->event, record->name, event, name);
	return record->move;
}

/* The next record must be this one.  Returns its move. */
#define record_expect(r, event, name) \
	record_expect_at(__FILE__, __LINE__, r, event, name)

#define record_expect_none(r) CHECK(!record_next(r))

#endif
