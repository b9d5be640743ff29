// SPDX-License-Identifier: GPL-2.0
/* Tests requests that make no sense: each has its errno, and nothing is sent. */
#include "aio.h"

#include <linux/fs.h>

/* A request that works, once sock and in_fd are there. */
struct fixture {
	int q, fds[2];
	struct kevent_ioc_sendfile sf;
};

static struct fixture set_up(void)
{
	struct fixture f = { .q = kev_queue(NULL, 0) };

	tcp_pair(f.fds);
	f.sf.sock = f.fds[0];
	f.sf.in_fd = file_make(1000);
	f.sf.count = 1000;
	return f;
}

static void refused(const struct fixture *f, struct kevent_ioc_sendfile sf,
		    int error)
{
	CHECK_ERRNO(ioctl(f->q, KEVENT_IOC_AIO_SENDFILE, &sf), error);
	expect_nothing(f->fds[1]);
	CHECK_EQ(watches_of(f->q), 0);
}

#define WITH(f, field, value) ({					\
	struct kevent_ioc_sendfile sf_ = (f)->sf;			\
									\
	sf_.field = value;						\
	sf_;								\
})

TEST(fields)
{
	struct fixture f = set_up();
	unsigned int bit;

	refused(&f, WITH(&f, reserved, 1), EINVAL);
	refused(&f, WITH(&f, path, (uintptr_t)"x"), EINVAL);
	refused(&f, WITH(&f, open_flags, O_CLOEXEC), EINVAL);
	refused(&f, WITH(&f, offset, 1ull << 63), EINVAL);
	refused(&f, WITH(&f, header_size, KEVENT_AIO_HEADER_MAX + 1), EINVAL);
	refused(&f, WITH(&f, header_size, 1), EFAULT);
	for (bit = 0; bit < 32; bit++)
		if (!((1u << bit) & (KEVENT_REQ_ONESHOT |
				     KEVENT_REQ_WAKEUP_ALL |
				     KEVENT_REQ_ALWAYS_QUEUE |
				     KEVENT_REQ_TIMESTAMP)))
			refused(&f, WITH(&f, req_flags, 1u << bit), EINVAL);
	CHECK_EQ(ioctl(f.q, KEVENT_IOC_AIO_SENDFILE, &f.sf), 1);
}

TEST(sockets)
{
	struct fixture f = set_up();
	int fds[2];

	refused(&f, WITH(&f, sock, -1), EBADF);
	refused(&f, WITH(&f, sock, 1000), EBADF);
	refused(&f, WITH(&f, sock, f.sf.in_fd), ENOTSOCK);
	refused(&f, WITH(&f, sock, f.q), ENOTSOCK);
	udp_pair(fds);
	refused(&f, WITH(&f, sock, fds[0]), EINVAL);
	unix_pair(SOCK_SEQPACKET, fds);
	refused(&f, WITH(&f, sock, fds[0]), EINVAL);
	unix_pair(SOCK_DGRAM, fds);
	refused(&f, WITH(&f, sock, fds[0]), EINVAL);
}

/* What send(2) would say comes as the end of the transfer. */
TEST(sockets_without_a_peer)
{
	struct fixture f = set_up();
	struct kevent_ioc_sendfile sf;

	sf = WITH(&f, sock, tcp_listener(1));
	CHECK_EQ(ioctl(f.q, KEVENT_IOC_AIO_SENDFILE, &sf), 1);
	CHECK_EQ(kevent_aio_error(&sf.result), EPIPE);
	sf = WITH(&f, sock, inet_bound(SOCK_STREAM));
	CHECK_EQ(ioctl(f.q, KEVENT_IOC_AIO_SENDFILE, &sf), 1);
	CHECK_EQ(kevent_aio_error(&sf.result), EPIPE);
	sf = WITH(&f, sock, CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0)));
	CHECK_EQ(ioctl(f.q, KEVENT_IOC_AIO_SENDFILE, &sf), 1);
	CHECK_EQ(kevent_aio_error(&sf.result), ENOTCONN);
}

TEST(files)
{
	struct fixture f = set_up();
	int fds[2], fd;

	refused(&f, WITH(&f, in_fd, -1), EBADF);
	refused(&f, WITH(&f, in_fd, f.fds[1]), EINVAL);
	CHECK_OK(pipe(fds));
	refused(&f, WITH(&f, in_fd, fds[0]), EINVAL);
	refused(&f, WITH(&f, in_fd, fds[1]), EBADF);
	refused(&f, WITH(&f, in_fd, f.q), EINVAL);
	refused(&f, WITH(&f, in_fd, CHECK_OK(open("/", O_RDONLY))), EINVAL);
	refused(&f, WITH(&f, in_fd, CHECK_OK(open("/dev/zero", O_RDONLY))),
		EINVAL);
	refused(&f, WITH(&f, in_fd, CHECK_OK(open("/proc/self/maps", O_RDONLY))),
		EINVAL);
	refused(&f, WITH(&f, in_fd, CHECK_OK(open("/proc/sys/kernel/hostname",
						  O_RDONLY))), EINVAL);
	fd = CHECK_OK(open("/tmp/aio-bad", O_WRONLY | O_CREAT, 0600));
	refused(&f, WITH(&f, in_fd, fd), EBADF);
	fd = CHECK_OK(open("/tmp/aio-bad", O_PATH));
	refused(&f, WITH(&f, in_fd, fd), EBADF);
}

/* The result has no place, or half of one. */
TEST(bad_pointers)
{
	struct kevent_ioc_sendfile *sf;
	struct fixture f = set_up();
	size_t n;

	CHECK_ERRNO(ioctl(f.q, KEVENT_IOC_AIO_SENDFILE, NULL), EFAULT);
	CHECK_ERRNO(ioctl(f.q, KEVENT_IOC_AIO_SENDFILE_PATH, NULL), EFAULT);
	for (n = 8; n < sizeof(*sf); n += 8) {
		sf = kev_fault_after(n, PROT_READ);
		memcpy(sf, &f.sf, n);
		CHECK_ERRNO(ioctl(f.q, KEVENT_IOC_AIO_SENDFILE, sf), EFAULT);
		expect_nothing(f.fds[1]);
	}
	CHECK_EQ(watches_of(f.q), 0);
}

TEST(before_init)
{
	struct fixture f = set_up();
	int q = kevent_open();

	CHECK_ERRNO(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &f.sf), ENXIO);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_AIO_SENDFILE_PATH, &f.sf), ENXIO);
}

/* Transfers are made by their calls alone, and can only be removed. */
TEST(no_changes)
{
	int fds[2], q = kev_queue(NULL, 0), file = file_make(2 * MB);
	struct ukevent made, uk;

	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_AIO, 1, KEVENT_AIO_BIO, 0),
		 EINVAL);
	tcp_pair(fds);
	narrow(fds);
	made = aio_start_slow(q, fds[0], file, 1);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_AIO, made.id.raw_u64,
			 KEVENT_AIO_BIO, 0), EINVAL);
	CHECK_EQ(kev_try(q, KEVENT_CTL_MODIFY, KEVENT_AIO, made.id.raw_u64,
			 KEVENT_AIO_BIO, KEVENT_REQ_ONESHOT), EINVAL);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_AIO, made.id.raw_u64,
			 KEVENT_AIO_BIO, 0), EINVAL);
	uk = made;
	uk.req_flags = KEVENT_REQ_COOKIE;
	CHECK(kevent_ctl_one(q, KEVENT_CTL_MODIFY, &uk) < 0 && errno == EINVAL);
	uk = made;
	uk.req_flags = KEVENT_REQ_COOKIE;
	CHECK(kevent_ctl_one(q, KEVENT_CTL_READY, &uk) < 0 && errno == EINVAL);
	expect_file(fds[1], 0, 2 * MB);
	aio_expect(q, 1, 2 * MB, AIO_GOOD | KEVENT_AIO_EOF);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, KEVENT_AIO, made.id.raw_u64 + 1,
			 0, 0), ENOENT);
}

TEST(info_tells)
{
	struct kevent_ioc_info info;
	int q = kev_queue(NULL, 0);

	CHECK_OK(kevent_info(q, &info));
	CHECK(info.sources & (1u << KEVENT_AIO));
}

/* ---- The limit -------------------------------------------------------------------------- */

#define LIMIT "/sys/module/kevent/parameters/max_user_watches"

static void set_limit(const char *text)
{
	int fd = CHECK_OK(open(LIMIT, O_WRONLY));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

TEST(limit_of_watches)
{
	int fds[2], q = kev_queue(NULL, 0), file = file_make(2 * MB), i;
	char old[32] = { 0 };
	struct ukevent uk;

	i = CHECK_OK(open(LIMIT, O_RDONLY));
	CHECK_GT(read(i, old, sizeof(old) - 1), 0);
	close(i);
	tcp_pair(fds);
	narrow(fds);
	set_limit("3");
	for (i = 0; i < 3; i++)
		uk = aio_start_slow(q, fds[0], file, i);
	CHECK_ERRNO(kevent_aio_sendfile(q, fds[0], file, 0, 1, 0, &uk), ENOSPC);
	aio_cancel(q, uk.cookie);
	aio_start_slow(q, fds[0], file, 3);
	set_limit(old);
	close(q);
}
