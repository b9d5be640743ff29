// SPDX-License-Identifier: GPL-2.0
/* Sending files, with each chance to fail made to fail: exact bytes, or none. */
/* kernel: debug debug-rt */
#include "../source/aio.h"

#include "loop.h"

#define SIZE (40 * KB)
#define HEADER 6000	/* by itself: of more than a page */
#define HEADER_SMALL 200	/* with the first pages */

static char header[HEADER];
static size_t header_len;
static char path[] = "/tmp/kevent-aio-XXXXXX";
static struct ukevent result;

/* ---- The scene: a file, a pair of sockets --------------------------------------- */

static void set_up(struct scene *s, int way)
{
	int fds[2];

	way_open(&ways[way], fds);
	s->fd = fds[0];
	s->peer = fds[1];
	s->t.fd = file_make(SIZE);
	memset(&result, 0, sizeof(result));
}

static void set_up_tcp(struct scene *s)
{
	set_up(s, 0);
}

static void set_up_unix(struct scene *s)
{
	set_up(s, 2);
}

/* By name, and with a header that takes memory. */
static void set_up_header(struct scene *s, size_t len)
{
	header_len = len;
	memset(header, 'h', sizeof(header));
	set_up(s, 0);
	close(s->t.fd);
	s->t.fd = -1;
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	s->n = CHECK_OK(mkstemp(path));
	file_fill(s->n, 0, SIZE);
	close(s->n);
}

static void set_up_path(struct scene *s)
{
	set_up_header(s, HEADER);
}

static void set_up_path_small(struct scene *s)
{
	set_up_header(s, HEADER_SMALL);
}

static void tear_down(struct scene *s)
{
	close(s->fd);
	expect_end(s->peer);	/* the transfer kept no reference */
	close(s->peer);
	if (s->t.fd >= 0)
		close(s->t.fd);
	CHECK_EQ(watches_of(s->q), 0);
}

static void tear_down_path(struct scene *s)
{
	tear_down(s);
	unlink(path);
}

/* ---- Calls ------------------------------------------------------------------------ */

/*
 * What a call that failed has sent: nothing; but with EFAULT, if the result
 * could not be told, some of it, which is cancelled then.
 */
static void take_failed(struct scene *s, int err)
{
	static char buf[65536];

	if (err != EFAULT)
		expect_nothing(s->peer);
	while (recv(s->peer, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

static int call_sendfile(struct scene *s)
{
	int ret = kevent_aio_sendfile(s->q, s->fd, s->t.fd, 0,
				      KEVENT_AIO_TO_END, 5, &result);
	int err = ret < 0 ? errno : 0;

	if (err)
		take_failed(s, err);
	return err;
}

static int call_path(struct scene *s)
{
	int err;

	s->t.fd = kevent_aio_sendfile_path(s->q, header, header_len, path, s->fd,
					   0, KEVENT_AIO_TO_END, 5, &result);
	err = s->t.fd < 0 ? errno : 0;
	if (err)
		take_failed(s, err);
	return err;
}

/* Two in a call, the second of nothing: what was begun before a fault is told. */
static int call_several(struct scene *s)
{
	struct kevent_ioc_sendfile all[2] = {
		{
			.sock = s->fd,
			.count = KEVENT_AIO_TO_END,
			.header = (uintptr_t)header,
			.header_size = header_len,
			.path = (uintptr_t)path,
			.ptr = 5,
		},
		{ .sock = s->peer, .path = (uintptr_t)path },
	};
	int ret = kevent_aio_sendfiles(s->q, all, 2), err;

	if (ret > 0) {
		result = all[0].result;
		if (ret == 2)
			return 0;
		/* why, is told by a call with the rest: as the fault is over, nothing */
		CHECK_EQ(kevent_aio_sendfiles(s->q, all + 1, 1), 1);
		return 0;
	}
	err = errno;
	take_failed(s, err);
	return err;
}

/* ---- What came of it ----------------------------------------------------------------- */

/* Its end is told once: in the result, or by an event. */
static struct ukevent the_end(struct scene *s)
{
	struct ukevent uk = result;

	if (!(uk.ret_flags & KEVENT_RET_DONE))
		uk = take(s->q);
	kev_expect_get_none(s->q);
	CHECK_EQ(uk.ptr, 5);
	CHECK_EQ(uk.ret_data[0] & KEVENT_AIO_BIO, KEVENT_AIO_BIO);
	return uk;
}

static void expect_header(int fd, size_t len)
{
	size_t part;

	for (; len; len -= part) {
		part = len < 250 ? len : 250;
		expect_text(fd, header, part);
	}
}

static void check_bytes(struct scene *s, size_t before)
{
	struct ukevent uk;
	bool has_header;
	int error;

	/* what arrives may be needed for the rest to be sent */
	uk = the_end(s);
	error = kevent_aio_error(&uk);
	has_header = uk.ret_data[0] & KEVENT_AIO_HEADER;
	if (error) {
		/* a fault in the transfer, not in the call: it has ended */
		CHECK_EQ(uk.ret_flags & KEVENT_RET_BROKEN, KEVENT_RET_BROKEN);
		if (error != ENOMEM && error != ENOBUFS && error != EFAULT)
			FAIL("round %u: it ended with %s", s->round,
			     test_errno_name(error));
	} else {
		CHECK(has_header);
		CHECK_EQ(kevent_aio_position(&uk), SIZE);
	}
	if (has_header)
		expect_header(s->peer, before);
	if (!error || has_header) {
		expect_file(s->peer, 0, kevent_aio_position(&uk));
		expect_nothing(s->peer);
	}
}

static void check_file(struct scene *s)
{
	check_bytes(s, 0);
}

static void check_path(struct scene *s)
{
	check_bytes(s, header_len);
}

FAULT_TEST(sendfile_tcp, call_sendfile, .moves = true,
	   .set_up = set_up_tcp, .check = check_file, .tear_down = tear_down,
	   .must = { ENOMEM, EFAULT })
FAULT_TEST(sendfile_unix, call_sendfile, .moves = true,
	   .set_up = set_up_unix, .check = check_file, .tear_down = tear_down,
	   .must = { EFAULT })
FAULT_TEST(sendfile_path, call_path, .moves = true,
	   .set_up = set_up_path, .check = check_path,
	   .tear_down = tear_down_path, .must = { ENOMEM, EFAULT })
FAULT_TEST(sendfiles, call_several, .moves = true,
	   .set_up = set_up_path_small, .check = check_path,
	   .tear_down = tear_down_path, .must = { ENOMEM, EFAULT })
FAULT_TEST(sendfile_path_small, call_path, .moves = true,
	   .set_up = set_up_path_small, .check = check_path,
	   .tear_down = tear_down_path, .must = { ENOMEM, EFAULT })
