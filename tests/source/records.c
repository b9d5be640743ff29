// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_IOC_READ: what is refused, what is lost and what is not. */
#include "record.h"

#define CREATED	KEVENT_INODE_CREATE

/* A directory, watched for new names. */
static struct ukevent watch_directory(int q, int dir)
{
	return inode_add(q, dir, CREATED, 0);
}

/* Makes files a<from>, ..., all of one length of record. */
static void make_files(int from, int to)
{
	char name[16];

	for (; from < to; from++) {
		snprintf(name, sizeof(name), "a%05d", from);
		make_file(name);
	}
}

enum { LEN = 24 };	/* of the record of such a file */

static uint32_t read_all(int q, uint64_t cookie, uint32_t *lost)
{
	static char buf[1 << 21];

	return CHECK_OK(read_raw(q, cookie, buf, sizeof(buf), lost)) / LEN;
}

/* ---- Refused --------------------------------------------------------------- */

TEST(no_such_watch)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	int other = kev_queue(NULL, 0);
	struct ukevent uk = watch_directory(q, dir);
	char buf[64];

	CHECK_ERRNO(read_raw(q, uk.cookie + 1, buf, 64, NULL), ENOENT);
	CHECK_ERRNO(read_raw(q, uk.cookie + (1ull << 32), buf, 64, NULL),
		    ENOENT);
	CHECK_ERRNO(read_raw(q, ~0ull, buf, 64, NULL), ENOENT);
	CHECK_ERRNO(read_raw(other, uk.cookie, buf, 64, NULL), ENOENT);
	CHECK_EQ(read_raw(q, uk.cookie, buf, 64, NULL), 0);
	kev_remove(q, KEVENT_INODE, dir);
	CHECK_ERRNO(read_raw(q, uk.cookie, buf, 64, NULL), ENOENT);
}

TEST(type_without_records)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk = kev_add_user(q, 1);
	char buf[64];

	CHECK_ERRNO(read_raw(q, uk.cookie, buf, 64, NULL), EINVAL);
}

TEST(reserved_field)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct kevent_ioc_read read = { .reserved = 1 };
	char buf[64];

	read.cookie = watch_directory(q, dir).cookie;
	read.buf = (uintptr_t)buf;
	read.len = sizeof(buf);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_READ, &read), EINVAL);
	read.reserved = 1ull << 63;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_READ, &read), EINVAL);
	read.reserved = 0;
	CHECK_EQ(ioctl(q, KEVENT_IOC_READ, &read), 0);
}

TEST(before_init)
{
	int q = kevent_open();

	CHECK_OK(q);
	CHECK_ERRNO(read_raw(q, 0, NULL, 0, NULL), ENXIO);
}

TEST(buffer_sizes)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);

	CHECK_EQ(inode_try_params(q, dir, (1 << 20) + 1, 0, 0), EINVAL);
	CHECK_EQ(inode_try_params(q, dir, ~0ull, 0, 0), EINVAL);
	CHECK_EQ(inode_try_params(q, dir, 1ull << 32, 0, 0), EINVAL);
	CHECK_EQ(inode_try_params(q, dir, 0, 1, 0), EINVAL);
	CHECK_EQ(inode_try_params(q, dir, 0, 0, 1), EINVAL);
	CHECK_EQ(watches_of(q), 0);
	CHECK_EQ(inode_try_params(q, dir, 1, 0, 0), 0);
	kev_remove(q, KEVENT_INODE, dir);
	CHECK_EQ(inode_try_params(q, dir, 1 << 20, 0, 0), 0);
}

/* ---- What fits ------------------------------------------------------------- */

TEST(too_small)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct ukevent uk = watch_directory(q, dir);
	struct records *r = records_of(q, &uk);
	char buf[64];
	uint32_t lost;

	CHECK_EQ(read_raw(q, uk.cookie, buf, 0, &lost), 0);
	make_files(0, 1);
	CHECK_ERRNO(read_raw(q, uk.cookie, buf, 0, &lost), EINVAL);
	CHECK_ERRNO(read_raw(q, uk.cookie, buf, LEN - 1, &lost), EINVAL);
	CHECK_EQ(lost, 0);
	record_expect(r, CREATED, "a00000");
	record_expect_none(r);
}

/* As many whole ones as fit, the rest next time. */
TEST(some_fit)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), i;
	struct ukevent uk = watch_directory(q, dir);
	struct records *r = records_of(q, &uk);
	const struct kevent_record_inode *record;
	char buf[3 * LEN], name[16];

	make_files(0, 8);
	for (i = 0; i < 6; i += 2) {
		memset(buf, 0x5a, sizeof(buf));
		CHECK_EQ(read_raw(q, uk.cookie, buf, 3 * LEN - 1, NULL),
			 2 * LEN);
		record = (void *)(buf + LEN);
		snprintf(name, sizeof(name), "a%05d", i + 1);
		CHECK_EQ(strcmp(record->name, name), 0);
		CHECK_EQ(buf[2 * LEN], 0x5a);
	}
	record_expect(r, CREATED, "a00006");
	record_expect(r, CREATED, "a00007");
	record_expect_none(r);
}

/* Names of all lengths. */
TEST(lengths)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), i;
	struct ukevent uk = watch_directory(q, dir);
	struct records *r = records_of(q, &uk);
	char name[256];

	for (i = 1; i < 256; i++) {
		memset(name, 'n', i);
		name[i] = 0;
		make_file(name);
		record_expect(r, CREATED, name);
		CHECK_OK(unlink(name));
		record_expect_none(r);
	}
}

/* ---- Memory that faults ---------------------------------------------------- */

TEST(bad_buffer_loses_nothing)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct ukevent uk = watch_directory(q, dir);
	struct records *r = records_of(q, &uk);
	char *mem = kev_fault_after(LEN + LEN / 2, PROT_READ);
	uint32_t lost;

	make_files(0, 4);
	CHECK_ERRNO(read_raw(q, uk.cookie, NULL, 4096, &lost), EFAULT);
	CHECK_ERRNO(read_raw(q, uk.cookie, mem + LEN, 4096, &lost), EFAULT);
	CHECK_ERRNO(read_raw(q, uk.cookie, (void *)-8, 4096, &lost), EFAULT);
	/* the second does not fit into what can be written */
	CHECK_EQ(read_raw(q, uk.cookie, mem, 4096, &lost), LEN);
	CHECK_EQ(strcmp(mem + sizeof(struct kevent_record_inode), "a00000"), 0);
	record_expect(r, CREATED, "a00001");
	record_expect(r, CREATED, "a00002");
	record_expect(r, CREATED, "a00003");
	record_expect_none(r);
}

TEST(bad_request_loses_nothing)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	struct ukevent uk = watch_directory(q, dir);
	struct records *r = records_of(q, &uk);
	struct kevent_ioc_read *read = kev_fault_after(4096, PROT_NONE);
	char buf[64];

	make_files(0, 1);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_READ, NULL), EFAULT);
	read->cookie = uk.cookie;
	read->buf = (uintptr_t)buf;
	read->len = sizeof(buf);
	CHECK_OK(mprotect(read, 4096, PROT_READ));
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_READ, read), EFAULT);
	record_expect(r, CREATED, "a00000");
	record_expect_none(r);
}

/* ---- Too many -------------------------------------------------------------- */

/* Returns how many of many records a buffer took. */
static uint32_t capacity(int q, int dir, uint64_t size)
{
	struct ukevent uk;
	uint32_t lost, n;

	kevent_prep(&uk, KEVENT_INODE, dir, CREATED, 0, dir);
	uk.param[0] = size;
	kev_change(q, KEVENT_CTL_ADD, &uk);
	make_files(0, 1000);
	n = read_all(q, uk.cookie, &lost);
	CHECK_EQ(n + lost, 1000);
	CHECK_EQ(read_all(q, uk.cookie, &lost), 0);
	CHECK_EQ(lost, 0);
	kev_remove(q, KEVENT_INODE, dir);
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0))
		;
	return n;
}

static void remove_files(int to)
{
	char name[16];

	while (to--) {
		snprintf(name, sizeof(name), "a%05d", to);
		CHECK_OK(unlink(name));
	}
}

TEST(size_of_the_buffer)
{
	int dir = own_directory(), q = kev_queue(NULL, 0);
	uint32_t n = capacity(q, dir, 0);

	CHECK_GE(n, 4096 / (LEN + 2) - 1);
	CHECK_LE(n, 4096 / LEN);
	remove_files(1000);
	CHECK_EQ(capacity(q, dir, 1), n);
	remove_files(1000);
	CHECK_EQ(capacity(q, dir, 4096), n);
	remove_files(1000);
	CHECK_GE(capacity(q, dir, 4097), 2 * n);
	remove_files(1000);
	CHECK_EQ(capacity(q, dir, 65536), 1000);
}

/* An event says that one is missing, the next READ how many; then all is well. */
static void lose(int q, struct kevent_ring *ring)
{
	int dir = own_directory();
	struct ukevent uk = watch_directory(q, dir);
	uint32_t lost, n;
	struct ukevent e;

	make_files(0, 100);
	e = take(q);
	CHECK_EQ(e.ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(e.ret_data[1], 100);
	make_files(100, 1000);
	e = take(q);
	CHECK_EQ(e.ret_flags, KEVENT_RET_DATA | KEVENT_RET_LOST);
	CHECK_EQ(e.ret_data[1], 1000);
	take_none(q);
	n = read_all(q, uk.cookie, &lost);
	CHECK_EQ(n + lost, 1000);
	CHECK_GT(lost, 0);
	make_files(1000, 1001);
	e = take(q);
	CHECK_EQ(e.ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(read_all(q, uk.cookie, &lost), 1);
	CHECK_EQ(lost, 0);
	(void)ring;
}

TEST(lost)
{
	struct kevent_ring ring;

	lose(kev_queue(NULL, 0), NULL);
	lose(kev_queue(&ring, 4), &ring);
}

/* What waits because the ring is full says so as well. */
TEST(lost_while_the_ring_is_full)
{
	int dir = own_directory(), q, i;
	struct kevent_ring ring;
	const struct ukevent *uk;

	q = kev_queue(&ring, 2);
	for (i = 1; i <= 2; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	watch_directory(q, dir);
	make_files(0, 1000);
	kev_expect(&ring, 1, 1);
	kev_expect(&ring, 2, 1);
	uk = kev_expect(&ring, dir, CREATED);
	CHECK_EQ(uk->ret_flags, KEVENT_RET_DATA | KEVENT_RET_LOST);
	CHECK_EQ(uk->ret_data[1], 1000);
	make_files(1000, 1001);
	uk = kev_expect(&ring, dir, CREATED);
	CHECK_EQ(uk->ret_flags, KEVENT_RET_DATA | KEVENT_RET_LOST);
}

/* What was lost while DISPATCH had disarmed the watch is told by MODIFY. */
static void lost_while_disarmed(int q, unsigned int flags)
{
	int dir = own_directory();
	struct ukevent uk;

	inode_add(q, dir, CREATED, KEVENT_REQ_DISPATCH);
	make_files(0, 1);
	CHECK_EQ(take(q).ret_flags, KEVENT_RET_DATA);
	make_files(1, 1001);
	take_none(q);
	uk = kev_modify(q, KEVENT_INODE, dir, CREATED,
			KEVENT_REQ_DISPATCH | flags);
	if (flags)
		uk = take(q);
	CHECK_EQ(uk.ret_flags & ~KEVENT_RET_DONE,
		 KEVENT_RET_DATA | KEVENT_RET_LOST);
	CHECK_EQ(uk.ret_data[1], 1001);
}

TEST(lost_while_disarmed)
{
	struct kevent_ring ring;

	lost_while_disarmed(kev_queue(NULL, 0), 0);
	lost_while_disarmed(kev_queue(NULL, 0), KEVENT_REQ_ALWAYS_QUEUE);
	lost_while_disarmed(kev_queue(&ring, 4), 0);
	lost_while_disarmed(kev_queue(&ring, 4), KEVENT_REQ_ALWAYS_QUEUE);
}

/* What GET_EVENTS could not copy still says so. */
static void lost_copy(int q)
{
	int dir = own_directory();
	struct ukevent e;

	watch_directory(q, dir);
	make_files(0, 1000);
	CHECK_ERRNO(syscall(SYS_read, q, NULL, sizeof(e)), EFAULT);
	e = take(q);
	CHECK_EQ(e.ret_flags, KEVENT_RET_DATA | KEVENT_RET_LOST);
	CHECK_EQ(e.ret_data[0], CREATED);
	CHECK_EQ(e.ret_data[1], 1000);
}

TEST(lost_and_not_copied)
{
	struct kevent_ring ring;

	lost_copy(kev_queue(NULL, 0));
	lost_copy(kev_queue(&ring, 4));
}

/* ---- Memory of one user ---------------------------------------------------- */

/* Returns how many of the largest buffers there may be. */
static int fill_memory(int q)
{
	int fds[256], error = 0, i, n;

	for (n = 0; n < 256; n++) {
		fds[n] = CHECK_OK(open(".", O_PATH | O_CLOEXEC));
		error = inode_try_params(q, fds[n], 1 << 20, 0, 0);
		if (error)
			break;
	}
	CHECK_LT(n, 256);
	CHECK_EQ(error, ENOSPC);
	for (i = 0; i <= n; i++)
		close(fds[i]);
	CHECK_EQ(watches_of(q), 0);
	return n;
}

TEST(memory_of_one_user)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), n = fill_memory(q);
	struct kevent_ioc_info info;

	CHECK_OK(kevent_info(q, &info));
	CHECK_EQ(n, info.watches_max * 256 >> 20);
	CHECK_EQ(fill_memory(q), n);
	close(dir);
}

/* ---- Several readers ------------------------------------------------------- */

enum { READERS = 3, FILES = 4000 };

struct reader {
	struct test_thread thread;
	int q;
	uint64_t cookie;
	unsigned char *seen;
	uint32_t lost;
	int *stop;
};

/* In order, each once; a few at a time. */
static void *read_some(void *arg)
{
	struct reader *r = arg;
	const struct kevent_record_inode *record;
	char buf[5 * LEN];
	int last = -1, n, i, num;
	uint32_t lost;
	bool stop;

	do {
		stop = __atomic_load_n(r->stop, __ATOMIC_ACQUIRE);
		n = CHECK_OK(read_raw(r->q, r->cookie, buf, sizeof(buf),
				      &lost));
		r->lost += lost;
		for (i = 0; i < n; i += LEN) {
			record = (void *)(buf + i);
			CHECK_EQ(record->len, LEN);
			num = atoi(record->name + 1);
			CHECK_GT(num, last);
			last = num;
			CHECK_EQ(__atomic_fetch_add(&r->seen[num], 1,
						    __ATOMIC_RELAXED), 0);
		}
	} while (n || !stop);
	return NULL;
}

TEST_TIMEOUT(readers_beside_a_writer, 60)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), i, stop = 0;
	struct ukevent uk = watch_directory(q, dir);
	static unsigned char seen[FILES];
	struct reader r[READERS];
	uint32_t total = 0;

	for (i = 0; i < READERS; i++) {
		r[i] = (struct reader){
			.q = q, .cookie = uk.cookie, .seen = seen,
			.stop = &stop,
		};
		thread_start(&r[i].thread, read_some, &r[i]);
	}
	make_files(0, FILES);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < READERS; i++) {
		thread_join(&r[i].thread);
		total += r[i].lost;
	}
	for (i = 0; i < FILES; i++)
		total += seen[i];
	CHECK_EQ(total, FILES);
}

/* ---- The watch ends meanwhile ---------------------------------------------- */

struct racer {
	struct test_thread thread;
	int q;
	uint64_t cookie;
	int stop;
};

static void *read_always(void *arg)
{
	struct racer *r = arg;
	char buf[4096];
	int ret;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		ret = read_raw(r->q, __atomic_load_n(&r->cookie,
						     __ATOMIC_RELAXED),
			       buf, sizeof(buf), NULL);
		if (ret < 0)
			CHECK_EQ(errno, ENOENT);
	}
	return NULL;
}

TEST_TIMEOUT(read_against_remove, 60)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), i, fd;
	struct racer r = { .q = q };
	char name[16];

	thread_start(&r.thread, read_always, &r);
	for (i = 0; i < 2000; i++) {
		fd = CHECK_OK(open(".", O_RDONLY | O_CLOEXEC));
		/* the next one's cookie can be guessed: the last + 2^32 */
		r.cookie = inode_add(q, fd, CREATED, 0).cookie;
		snprintf(name, sizeof(name), "b%d", i % 8);
		make_file(name);
		CHECK_OK(unlink(name));
		__atomic_fetch_add(&r.cookie, 1ull << 32, __ATOMIC_RELAXED);
		if (i & 1)
			kev_remove(q, KEVENT_INODE, fd);
		close(fd);
	}
	__atomic_store_n(&r.stop, 1, __ATOMIC_RELAXED);
	thread_join(&r.thread);
	CHECK_EQ(watches_of(q), 0);
	close(dir);
}

/* Everything ends while a record is unread. */
TEST(unread_at_the_end)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), fd;
	struct ukevent uk;
	char buf[64];

	fd = CHECK_OK(open(".", O_RDONLY | O_CLOEXEC));
	uk = watch_directory(q, fd);
	watch_directory(q, dir);
	make_files(0, 3);
	close(fd);
	CHECK_ERRNO(read_raw(q, uk.cookie, buf, 64, NULL), ENOENT);
	close(q);
}
