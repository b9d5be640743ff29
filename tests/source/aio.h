/* SPDX-License-Identifier: GPL-2.0 */
/* Files with known bytes, sockets to send them to, transfers and how they end. */
#ifndef KEVENT_TEST_AIO_H
#define KEVENT_TEST_AIO_H

#include "kinds.h"
#include "tls.h"

#define KB 1024ull
#define MB (1024 * KB)

/* ---- Files ----------------------------------------------------------------- */

/* What is at a position of a file, whichever. */
static inline unsigned char byte_at(uint64_t pos)
{
	return (pos * 0x9e3779b97f4a7c15ull) >> 56;
}

static inline void file_fill(int fd, uint64_t from, uint64_t to)
{
	unsigned char buf[4096];

	while (from < to) {
		size_t i, n = to - from < sizeof(buf) ? to - from : sizeof(buf);

		for (i = 0; i < n; i++)
			buf[i] = byte_at(from + i);
		CHECK_EQ(pwrite(fd, buf, n, from), n);
		from += n;
	}
}

static inline int file_make(uint64_t size)
{
	int fd = CHECK_OK(memfd_create("file", MFD_CLOEXEC));

	file_fill(fd, 0, size);
	return fd;
}

/* ---- Sockets --------------------------------------------------------------- */

/* fds[0] sends, fds[1] receives. */
struct way {
	const char *name;
	void (*make)(int fds[2]);
	bool blocks;
};

static inline void way_unix(int fds[2])
{
	unix_pair(SOCK_STREAM, fds);
}

static const struct way ways[] = {
	{ "tcp", tcp_pair, false },
	{ "tcp, blocking", tcp_pair, true },
	{ "unix", way_unix, false },
	{ "unix, blocking", way_unix, true },
};

static const struct way tls_ways[] = {
	{ "ktls", tls_pair, false },
	{ "ktls, blocking", tls_pair, true },
};

static inline void way_open(const struct way *w, int fds[2])
{
	w->make(fds);
	if (w->blocks)
		CHECK_OK(fcntl(fds[0], F_SETFL, 0));
}

/* For tests in which a socket is full that must be emptied to the last byte. */
static inline void way_must_keep_nothing(const struct way *w)
{
	if (w->make == tls_pair && tls_keeps_records())
		SKIP("kTLS of this kernel keeps records, whoever sends");
}

/* ---- Moving on -------------------------------------------------------------- */

/*
 * Transfers are moved on by calls of the program: while a test waits for bytes, it
 * makes some.  What they take is kept for take().
 */
static int aio_moved[2] = { -1, -1 };
static struct aio_kept {
	int q;
	struct ukevent uk;
} aio_kept[256];
static unsigned int aio_num_kept;

static inline void aio_move_queue(int q)
{
	struct kevent_ioc_wait wait = { .min = 0 };
	struct aio_kept *k = &aio_kept[aio_num_kept];

	if (q < 0 || !ioctl(q, KEVENT_IOC_WAIT, &wait) || errno != ENXIO)
		return;
	k->q = q;
	if (kevent_get_events(q, 0, 1, NULL, &k->uk, 0) == 1)
		aio_num_kept++;
	CHECK(aio_num_kept < ARRAY_SIZE(aio_kept));
}

static inline void aio_move(void)
{
	aio_move_queue(aio_moved[0]);
	aio_move_queue(aio_moved[1]);
}

static inline struct ukevent aio_take(int q)
{
	struct ukevent uk;
	unsigned int i;

	for (i = 0; i < aio_num_kept; i++) {
		if (aio_kept[i].q != q)
			continue;
		uk = aio_kept[i].uk;
		memmove(aio_kept + i, aio_kept + i + 1,
			(--aio_num_kept - i) * sizeof(aio_kept[0]));
		return uk;
	}
	return take(q);
}

#define take(q) aio_take(q)

static inline void aio_wait_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t end = now_ns() + test_scale() * 10000000000ull;
	int n;

	do {
		aio_move();
		n = poll(&p, 1, 2);
		CHECK(now_ns() < end);
	} while (!n || (n < 0 && errno == EINTR));
}

#define WAYS_RUN(table_, run_) do {					\
	unsigned int i_;						\
									\
	for (i_ = 0; i_ < ARRAY_SIZE(table_); i_++) {			\
		int q_ = kev_queue(NULL, 0);				\
									\
		aio_moved[0] = q_;					\
		run_(&table_[i_], q_);					\
		CHECK_EQ(aio_num_kept, 0);				\
		aio_moved[0] = -1;					\
		close(q_);						\
	}								\
} while (0)

/* A test for each way but kTLS, with a queue without a ring. */
#define TEST_WAYS_PLAIN(name) TEST_WAYS_PLAIN_TIMEOUT(name, TEST_TIMEOUT_DEFAULT)
#define TEST_WAYS_PLAIN_TIMEOUT(name, seconds)				\
	static void name##_way(const struct way *w, int q);		\
	TEST_TIMEOUT(name, seconds)					\
	{								\
		WAYS_RUN(ways, name##_way);				\
	}								\
	static void name##_way(const struct way *w, int q)

/* The same, and a test of its own for kTLS, which not every kernel has. */
#define TEST_WAYS(name) TEST_WAYS_TIMEOUT(name, TEST_TIMEOUT_DEFAULT)
#define TEST_WAYS_TIMEOUT(name, seconds)				\
	static void name##_way(const struct way *w, int q);		\
	TEST_TIMEOUT(name##_ktls, seconds)				\
	{								\
		WAYS_RUN(tls_ways, name##_way);				\
	}								\
	TEST_WAYS_PLAIN_TIMEOUT(name, seconds)

/*
 * Little fits, so that a transfer of 200 KB can't be over by itself.  The
 * receiver is left alone: a window that shrinks means losses.
 */
static inline void narrow(int fds[2])
{
	set_option(fds[0], SOL_SOCKET, SO_SNDBUF, 16384);
}

/* Reads a part of a file, all of it. */
static inline void expect_file(int fd, uint64_t from, uint64_t to)
{
	static __thread unsigned char buf[65536];
	ssize_t i, n;

	while (from < to) {
		aio_wait_poll(fd);
		n = read(fd, buf, to - from < sizeof(buf) ? to - from :
							    sizeof(buf));
		/* kTLS: half a record */
		if (n < 0 && errno == EAGAIN && tls_keeps_records())
			continue;
		CHECK_GT(n, 0);
		for (i = 0; i < n; i++, from++)
			if (buf[i] != byte_at(from))
				FAIL("wrong byte at %llu",
				     (unsigned long long)from);
	}
}

static inline void expect_text(int fd, const char *text, size_t len)
{
	char buf[256];
	ssize_t n;

	while (len) {
		aio_wait_poll(fd);
		n = read(fd, buf, len < sizeof(buf) ? len : sizeof(buf));
		CHECK_GT(n, 0);
		CHECK_EQ(memcmp(buf, text, n), 0);
		text += n;
		len -= n;
	}
}

static inline void expect_nothing(int fd)
{
	char c;

	CHECK_EQ(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	CHECK_EQ(errno, EAGAIN);
}

static inline void expect_end(int fd)
{
	char c;

	aio_wait_poll(fd);
	CHECK_EQ(read(fd, &c, 1), 0);
}

/* ---- Transfers -------------------------------------------------------------- */

/* Its end comes as an event; user is the cookie's place in the table below. */
static inline void aio_start(int q, int sock, int fd, uint64_t offset,
			     uint64_t count, uint64_t user)
{
	aio_moved[q == aio_moved[1]] = q;
	CHECK_EQ(kevent_aio_sendfile(q, sock, fd, offset, count, user, NULL), 0);
}

/* A whole file behind a text: sock and in_fd are left to fill in. */
static inline struct kevent_ioc_sendfile aio_behind(const char *header)
{
	struct kevent_ioc_sendfile sf = {
		.header = (uintptr_t)header,
		.header_size = strlen(header),
		.count = KEVENT_AIO_TO_END,
	};

	return sf;
}

/* As aio_start(), not over yet.  Returns what is known of it. */
static inline struct ukevent aio_start_slow(int q, int sock, int fd,
					    uint64_t user)
{
	struct ukevent uk;

	aio_moved[q == aio_moved[1]] = q;
	CHECK_EQ(kevent_aio_sendfile(q, sock, fd, 0, KEVENT_AIO_TO_END, user,
				     &uk), 0);
	CHECK_EQ(uk.ret_flags, 0);
	CHECK(uk.cookie);
	return uk;
}

/* A transfer to a narrow socket of a new pair, which is not over yet. */
static inline struct ukevent way_start(const struct way *w, int fds[2], int q,
				       int file)
{
	way_open(w, fds);
	narrow(fds);
	return aio_start_slow(q, fds[0], file, 1);
}

#define AIO_GOOD	(KEVENT_AIO_BIO | KEVENT_AIO_HEADER)

static inline void aio_check_at(int line, const struct ukevent *uk,
				uint64_t user, uint64_t pos, unsigned int bits)
{
	if (uk->type != KEVENT_AIO || uk->ptr != user ||
	    uk->ret_data[0] != bits || kevent_aio_position(uk) != pos)
		test_fail(__FILE__, line,
			  "type %u of %llu with 0x%x at %llu, expected %llu with 0x%x at %llu",
			  uk->type, (unsigned long long)uk->ptr,
			  uk->ret_data[0],
			  (unsigned long long)kevent_aio_position(uk),
			  (unsigned long long)user, bits,
			  (unsigned long long)pos);
	if (!(uk->ret_flags & KEVENT_RET_DATA) ||
	    !(uk->ret_flags & KEVENT_RET_DATA2) ||
	    !(uk->ret_flags & KEVENT_RET_BROKEN) != !kevent_aio_error(uk))
		test_fail(__FILE__, line, "ret_flags 0x%x", uk->ret_flags);
}

#define aio_check(uk, user, pos, bits) \
	aio_check_at(__LINE__, uk, user, pos, bits)

#define aio_expect(q, user, pos, bits) do {				\
	struct ukevent uk_ = take(q);					\
									\
	aio_check(&uk_, user, pos, bits);				\
} while (0)

/* It failed with one of two errors. */
static inline struct ukevent aio_expect_error(int q, uint64_t user, int error,
					      int other)
{
	struct ukevent uk = take(q);

	CHECK_EQ(uk.ptr, user);
	CHECK(uk.ret_flags & KEVENT_RET_BROKEN);
	CHECK(kevent_aio_error(&uk) == error || kevent_aio_error(&uk) == other);
	return uk;
}

static inline struct ukevent aio_cancel(int q, uint64_t cookie)
{
	struct ukevent uk;

	memset(&uk, 0, sizeof(uk));
	uk.req_flags = KEVENT_REQ_COOKIE;
	uk.cookie = cookie;
	kev_change(q, KEVENT_CTL_REMOVE, &uk);
	return uk;
}

#endif
