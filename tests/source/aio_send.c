// SPDX-License-Identifier: GPL-2.0
/* Tests sendfile through a queue: every byte, headers, offsets, results. */
#include "aio.h"

#include <linux/vm_sockets.h>

/* ---- Whole files ------------------------------------------------------------- */

TEST_WAYS(small_file_in_the_call)
{
	int fds[2], file = file_make(5000);
	struct ukevent uk;

	way_open(w, fds);
	CHECK_EQ(kevent_aio_sendfile(q, fds[0], file, 0, KEVENT_AIO_TO_END, 7,
				     &uk), 1);
	CHECK_EQ(uk.ret_flags,
		 KEVENT_RET_DONE | KEVENT_RET_DATA | KEVENT_RET_DATA2);
	CHECK_EQ(uk.id.raw_u64, 1);
	aio_check(&uk, 7, 5000, AIO_GOOD | KEVENT_AIO_EOF);
	expect_file(fds[1], 0, 5000);
	expect_nothing(fds[1]);
	take_none(q);
	CHECK_EQ(lseek(file, 0, SEEK_CUR), 0);
	close(fds[0]);
	expect_end(fds[1]);
	close(fds[1]);
	close(file);
}

TEST_WAYS(small_file_into_the_queue)
{
	int fds[2], file = file_make(5000);

	way_open(w, fds);
	aio_start(q, fds[0], file, 0, 5000, 8);
	aio_expect(q, 8, 5000, AIO_GOOD);
	take_none(q);
	expect_file(fds[1], 0, 5000);
	expect_nothing(fds[1]);
}

TEST_WAYS(large_file)
{
	const uint64_t size = 5 * MB + 12345;
	int fds[2], file = file_make(size);

	way_open(w, fds);
	aio_start_slow(q, fds[0], file, 9);
	expect_file(fds[1], 0, size);
	aio_expect(q, 9, size, AIO_GOOD | KEVENT_AIO_EOF);
	expect_nothing(fds[1]);
	close(fds[0]);
	expect_end(fds[1]);
	CHECK_SOON(kevent_get_events(q, 0, 1, NULL, &(struct ukevent){}, 0) == 0);
}

/*
 * What is written to the file before the receiver looks is what it sees.  Beside the pages
 * are others that were just faulted in, which the kernel calls active for a moment.
 */
TEST(cached_pages_are_not_copied)
{
	enum { PAGES = 64, SIZE = 4096 };
	int q = kev_queue(NULL, 0), fds[2], file = file_make(0), i;
	char *beside = mmap(NULL, PAGES * SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[SIZE], other[SIZE];
	struct ukevent uk;

	CHECK(beside != MAP_FAILED);
	memset(other, 'x', SIZE);
	tcp_pair(fds);
	for (i = 0; i < PAGES; i++) {
		file_fill(file, i * SIZE, (i + 1) * SIZE);
		beside[i * SIZE] = 1;
		CHECK_EQ(kevent_aio_sendfile(q, fds[0], file, i * SIZE, SIZE, 0, &uk), 1);
		CHECK_EQ(pwrite(file, other, SIZE, i * SIZE), SIZE);
		CHECK_EQ(recv(fds[1], buf, SIZE, MSG_WAITALL), SIZE);
		CHECK(!memcmp(buf, other, SIZE));
	}
}

TEST_WAYS(large_file_through_narrow_socket)
{
	const uint64_t size = 300 * KB + 777;
	int fds[2], file = file_make(size);

	way_open(w, fds);
	narrow(fds);
	aio_start_slow(q, fds[0], file, 9);
	take_none(q);
	expect_file(fds[1], 0, size);
	aio_expect(q, 9, size, AIO_GOOD | KEVENT_AIO_EOF);
	expect_nothing(fds[1]);
}

TEST(into_the_ring)
{
	struct kevent_ring ring;
	int fds[2], file = file_make(4 * MB), q = kev_queue(&ring, 4);
	const struct ukevent *uk;
	struct ukevent made;

	tcp_pair(fds);
	made = aio_start_slow(q, fds[0], file, 5);
	expect_file(fds[1], 0, 4 * MB);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), 1);
	uk = kevent_ring_next(&ring);
	CHECK(uk);
	aio_check(uk, 5, 4 * MB, AIO_GOOD | KEVENT_AIO_EOF);
	CHECK_EQ(uk->cookie, made.cookie);
	CHECK_EQ(uk->id.raw_u64, made.id.raw_u64);
	CHECK_EQ(uk->event, KEVENT_AIO_BIO);
	CHECK_EQ(uk->time, 0);
	CHECK(!kevent_ring_next(&ring));
	kevent_ring_wait(&ring, &(struct timespec){});
	CHECK_SOON((kevent_ring_call(&ring), watches_of(q) == 0 ||
		    kev_try(q, KEVENT_CTL_REMOVE, KEVENT_AIO,
			    made.id.raw_u64, 0, 0) == ENOENT));
}

/* ---- Parts, headers ---------------------------------------------------------- */

TEST_WAYS(parts_of_a_file)
{
	static const struct {
		uint64_t offset, count, end;
		bool eof;
	} parts[] = {
		{ 0, 1, 1, false },
		{ 1, 4095, 4096, false },
		{ 4095, 2, 4097, false },
		{ 4096, 4096, 8192, false },
		{ 19999, 1, 20000, false },
		{ 19999, 2, 20000, true },
		{ 10000, KEVENT_AIO_TO_END, 20000, true },
		{ 20000, 1, 20000, true },
		{ 30000, 5, 30000, true },
		{ INT64_MAX, KEVENT_AIO_TO_END, INT64_MAX, true },
		{ INT64_MAX - 1, 1, INT64_MAX - 1, true },
		{ 5, 0, 5, false },
	};
	int fds[2], file = file_make(20000);
	unsigned int i;

	way_open(w, fds);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		aio_start(q, fds[0], file, parts[i].offset, parts[i].count, i);
		aio_expect(q, i, parts[i].end,
			   AIO_GOOD | (parts[i].eof ? KEVENT_AIO_EOF : 0));
		if (parts[i].end <= 20000)
			expect_file(fds[1], parts[i].offset, parts[i].end);
		expect_nothing(fds[1]);
	}
}

TEST_WAYS(header_and_file)
{
	static const char header[] = "HTTP/1.1 200 OK\r\n\r\n";
	struct kevent_ioc_sendfile sf = aio_behind(header);
	static const uint64_t sizes[] = { 0, 1, 10000, 3 * MB };
	unsigned int i;
	int fds[2];

	way_open(w, fds);
	sf.sock = fds[0];
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		sf.in_fd = file_make(sizes[i]);
		sf.ptr = i;
		sf.req_flags = KEVENT_REQ_ALWAYS_QUEUE;
		CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 0);
		expect_text(fds[1], header, sizeof(header) - 1);
		expect_file(fds[1], 0, sizes[i]);
		aio_expect(q, i, sizes[i], AIO_GOOD | KEVENT_AIO_EOF);
		expect_nothing(fds[1]);
		close(sf.in_fd);
	}
}

/* Small ones go with the first pages; those of more than a page by themselves. */
TEST_WAYS(headers_of_a_page)
{
	static const unsigned int sizes[] = { 1, 4095, 4096, 4097 };
	char *header = malloc(4097);
	struct kevent_ioc_sendfile sf = {
		.header = (uintptr_t)header,
		.count = KEVENT_AIO_TO_END,
		.in_fd = file_make(5000),
	};
	unsigned int i;
	int fds[2];

	for (i = 0; i < 4097; i++)
		header[i] = i * 31 >> 3;
	way_open(w, fds);
	sf.sock = fds[0];
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		sf.header_size = sizes[i];
		CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 1);
		aio_check(&sf.result, 0, 5000, AIO_GOOD | KEVENT_AIO_EOF);
		expect_text(fds[1], header, sizes[i]);
		expect_file(fds[1], 0, 5000);
		expect_nothing(fds[1]);
	}
	free(header);
}

/* One send, so one record. */
TEST(header_and_pages_in_one_record)
{
	struct kevent_ioc_sendfile sf = aio_behind("HTTP/1.1 200 OK\r\n\r\n");
	const unsigned int overhead = 8 + 16;	/* of AES-GCM */
	int fds[2], q = kev_queue(NULL, 0);
	unsigned char start[5];

	tcp_pair(fds);
	tls_begin(fds);
	tls_keys(fds[0], TLS_TX);
	sf.sock = fds[0];
	sf.in_fd = file_make(10000);
	CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 1);
	/* what was sent, as it is */
	CHECK_EQ(recv(fds[1], start, sizeof(start), MSG_WAITALL), 5);
	CHECK_EQ(start[3] << 8 | start[4], sf.header_size + 10000 + overhead);
}

/* A header that does not fit into the socket. */
TEST_WAYS(large_header)
{
	char *header = malloc(KEVENT_AIO_HEADER_MAX);
	struct kevent_ioc_sendfile sf = {
		.header = (uintptr_t)header,
		.header_size = KEVENT_AIO_HEADER_MAX,
		.count = 1000,
		.in_fd = file_make(1000),
		.ptr = 3,
		.req_flags = KEVENT_REQ_ALWAYS_QUEUE,
	};
	unsigned int i;
	int fds[2];

	for (i = 0; i < KEVENT_AIO_HEADER_MAX; i++)
		header[i] = i * 31 >> 3;
	way_open(w, fds);
	narrow(fds);
	sf.sock = fds[0];
	CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 0);
	expect_text(fds[1], header, KEVENT_AIO_HEADER_MAX);
	expect_file(fds[1], 0, 1000);
	aio_expect(q, 3, 1000, AIO_GOOD);
	free(header);
}

/* Only the header, and nothing of a file is asked for. */
TEST(header_alone)
{
	struct kevent_ioc_sendfile sf = {
		.header = (uintptr_t)"abc",
		.header_size = 3,
		.in_fd = file_make(10),
	};
	int fds[2], q = kev_queue(NULL, 0);

	tcp_pair(fds);
	sf.sock = fds[0];
	CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 1);
	aio_check(&sf.result, 0, 0, AIO_GOOD);
	expect_text(fds[1], "abc", 3);
	expect_nothing(fds[1]);
}

/* Beyond 4 GB, and over holes. */
TEST(position_of_64_bits)
{
	const uint64_t start = 5ull << 30, hole = 1 * MB;
	int fds[2], q = kev_queue(NULL, 0), file = file_make(0);
	char zero[4096];
	uint64_t n;

	CHECK_OK(ftruncate(file, start));
	file_fill(file, start, start + 100000);
	tcp_pair(fds);
	aio_start(q, fds[0], file, start - hole, KEVENT_AIO_TO_END, 1);
	n = 0;
	while (n < hole) {
		size_t want = hole - n < 4096 ? hole - n : 4096;
		ssize_t got, i;

		aio_wait_poll(fds[1]);
		got = CHECK_OK(read(fds[1], zero, want));
		for (i = 0; i < got; i++)
			CHECK_EQ(zero[i], 0);
		n += got;
	}
	expect_file(fds[1], start, start + 100000);
	aio_expect(q, 1, start + 100000, AIO_GOOD | KEVENT_AIO_EOF);
}

/* ---- Flags -------------------------------------------------------------------- */

TEST(time_stamp)
{
	struct kevent_ioc_sendfile sf = {
		.in_fd = file_make(10),
		.count = 10,
		.req_flags = KEVENT_REQ_TIMESTAMP | KEVENT_REQ_ALWAYS_QUEUE,
	};
	int fds[2], q = kev_queue(NULL, 0);
	uint64_t before = now_ns();
	struct ukevent uk;

	tcp_pair(fds);
	sf.sock = fds[0];
	CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 0);
	uk = take(q);
	aio_check(&uk, 0, 10, AIO_GOOD);
	CHECK_GE(uk.time, before);
	CHECK_LE(uk.time, now_ns());
}

TEST(ids_count_up)
{
	int fds[2], q = kev_queue(NULL, 0), file = file_make(1);
	struct ukevent a, b;

	tcp_pair(fds);
	CHECK_EQ(kevent_aio_sendfile(q, fds[0], file, 0, 1, 0, &a), 1);
	CHECK_EQ(kevent_aio_sendfile(q, fds[0], file, 0, 1, 0, &b), 1);
	CHECK_EQ(b.id.raw_u64, a.id.raw_u64 + 1);
	/* over, and nothing is left that it could name */
	CHECK_EQ(a.cookie | b.cookie, 0);
}

/* ---- More than one ------------------------------------------------------------ */

/* To one socket: in the order of the calls, whole, from whichever queue. */
TEST_WAYS(in_order)
{
	enum { N = 50 };
	uint64_t ends[N], from = 0;
	int fds[2], other = kev_queue(NULL, 0), file = file_make(2 * MB);
	unsigned int i;

	way_must_keep_nothing(w);
	way_open(w, fds);
	narrow(fds);
	aio_moved[1] = other;
	for (i = 0; i < N; i++) {
		uint64_t count = i % 3 ? 100 * i : 2000 * i;

		aio_start(i % 2 ? other : q, fds[0], file, from, count, i);
		from += count;
		ends[i] = from;
	}
	expect_file(fds[1], 0, from);
	for (i = 0; i < N; i++)
		aio_expect(i % 2 ? other : q, i, ends[i], AIO_GOOD);
	expect_nothing(fds[1]);
	aio_moved[1] = -1;
	close(other);
}

/* One that is taken out of the line leaves the others as they are. */
TEST(in_order_with_gaps)
{
	enum { N = 9 };
	int fds[2], q = kev_queue(NULL, 0), file = file_make(200 * KB);
	struct ukevent uk[N];
	unsigned int i;

	tcp_pair(fds);
	narrow(fds);
	for (i = 0; i < N; i++)
		uk[i] = aio_start_slow(q, fds[0], file, i);
	for (i = 1; i < N; i += 2)
		CHECK_EQ(kevent_aio_position((uk[i] = aio_cancel(q, uk[i].cookie),
					      &uk[i])), 0);
	for (i = 0; i < N; i += 2) {
		expect_file(fds[1], 0, 200 * KB);
		aio_expect(q, i, 200 * KB, AIO_GOOD | KEVENT_AIO_EOF);
	}
	expect_nothing(fds[1]);
	take_none(q);
}

/* ---- Sockets of other sorts ---------------------------------------------------- */

/* A connection that is not made yet is waited for. */
TEST(while_connecting)
{
	int listener = tcp_listener(1), file = file_make(3 * MB), fd, peer;
	struct sockaddr_in addr = loopback(listener);
	int q = kev_queue(NULL, 0);

	fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		CHECK_EQ(errno, EINPROGRESS);
	aio_start(q, fd, file, 0, KEVENT_AIO_TO_END, 1);
	peer = tcp_accept(listener);
	expect_file(peer, 0, 3 * MB);
	aio_expect(q, 1, 3 * MB, AIO_GOOD | KEVENT_AIO_EOF);
}

TEST(vsock)
{
	struct sockaddr_vm a = {
		.svm_family = AF_VSOCK,
		.svm_port = VMADDR_PORT_ANY,
		.svm_cid = VMADDR_CID_LOCAL,
	};
	socklen_t len = sizeof(a);
	int l, s, p, q = kev_queue(NULL, 0), file = file_make(2 * MB);

	l = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (l < 0 || bind(l, (void *)&a, len) < 0)
		SKIP("no vsock");
	CHECK_OK(listen(l, 1));
	CHECK_OK(getsockname(l, (void *)&a, &len));
	a.svm_cid = VMADDR_CID_LOCAL;
	s = CHECK_OK(socket(AF_VSOCK, SOCK_STREAM, 0));
	if (connect(s, (void *)&a, len) < 0)
		SKIP("no vsock loopback");
	p = CHECK_OK(accept(l, NULL, NULL));
	aio_start(q, s, file, 0, KEVENT_AIO_TO_END, 1);
	expect_file(p, 0, 2 * MB);
	aio_expect(q, 1, 2 * MB, AIO_GOOD | KEVENT_AIO_EOF);
}

/* ---- MPTCP ------------------------------------------------------------------------ */

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int mptcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	if (fd < 0 && (errno == EPROTONOSUPPORT || errno == ENOPROTOOPT))
		SKIP("this kernel has no MPTCP");
	return CHECK_OK(fd);
}

static void mptcp_pair(int fds[2])
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener = mptcp_socket();

	CHECK_OK(bind(listener, (struct sockaddr *)&addr, sizeof(addr)));
	CHECK_OK(listen(listener, 1));
	fds[1] = mptcp_socket();
	inet_connect(fds[1], listener);
	set_nonblock(fds[1]);
	fds[0] = tcp_accept(listener);
	close(listener);
}

/* What ends in the call, behind a header, and what goes on for long. */
TEST_TIMEOUT(mptcp, 60)
{
	int fds[2], q = kev_queue(NULL, 0), small = file_make(5000), large = file_make(2 * MB);
	struct kevent_ioc_sendfile sf = aio_behind("head");

	mptcp_pair(fds);
	sf.sock = fds[0];
	sf.in_fd = small;
	sf.ptr = 1;
	CHECK_EQ(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf), 1);
	aio_check(&sf.result, 1, 5000, AIO_GOOD | KEVENT_AIO_EOF);
	expect_text(fds[1], "head", 4);
	expect_file(fds[1], 0, 5000);
	narrow(fds);
	aio_start_slow(q, fds[0], large, 2);
	expect_file(fds[1], 0, 2 * MB);
	aio_expect(q, 2, 2 * MB, AIO_GOOD | KEVENT_AIO_EOF);
	expect_nothing(fds[1]);
	close(fds[0]);
	expect_end(fds[1]);
}
