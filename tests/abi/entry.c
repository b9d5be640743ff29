// SPDX-License-Identifier: GPL-2.0
/* What one change of a batch may say; each mistake has its errno. */
#include "kev.h"

#include <sys/socket.h>
#include <sys/stat.h>

static int add(int q, unsigned int type, uint64_t id, unsigned int event,
	       unsigned int req_flags)
{
	return kev_try(q, KEVENT_CTL_ADD, type, id, event, req_flags);
}

static uint64_t watches(int q)
{
	struct kevent_ioc_info info;

	CHECK_EQ(kevent_info(q, &info), 0);
	return info.queue_watches;
}

static int regular_file(void)
{
	char path[] = "/tmp/kevent-abi-XXXXXX";
	int fd = CHECK_OK(mkstemp(path));

	unlink(path);
	return fd;
}

TEST(unknown_types)
{
	int q = kev_queue(NULL, 0);

	CHECK_EQ(add(q, KEVENT_TYPE_MAX, 1, 1, 0), EINVAL);
	CHECK_EQ(add(q, 31, 1, 1, 0), EINVAL);
	CHECK_EQ(add(q, 32, 1, 1, 0), EINVAL);
	CHECK_EQ(add(q, 63, 1, 1, 0), EINVAL);
	CHECK_EQ(add(q, 64 + KEVENT_UNOTIFY, 1, 1, 0), EINVAL);
	CHECK_EQ(add(q, 0x80000000u | KEVENT_UNOTIFY, 1, 1, 0), EINVAL);
	CHECK_EQ(add(q, ~0u, 1, 1, 0), EINVAL);
	CHECK_EQ(watches(q), 0);
}

TEST(types_not_supported)
{
	struct kevent_ioc_info info;
	int q = kev_queue(NULL, 0);
	unsigned int type;

	CHECK_EQ(kevent_info(q, &info), 0);
	CHECK(!(info.sources & (1u << KEVENT_NAIO)));
	for (type = 0; type < KEVENT_TYPE_MAX; type++)
		if (!(info.sources & (1u << type)))
			CHECK_EQ(add(q, type, 1, 1, 0), EOPNOTSUPP);
	CHECK_EQ(watches(q), 0);
}

TEST(unknown_type_in_other_commands)
{
	unsigned int cmd;
	int q = kev_queue(NULL, 0);

	for (cmd = KEVENT_CTL_REMOVE; cmd <= KEVENT_CTL_READY; cmd++) {
		CHECK_EQ(kev_try(q, cmd, KEVENT_TYPE_MAX, 1, 1, 0), EINVAL);
		CHECK_EQ(kev_try(q, cmd, ~0u, 1, 1, 0), EINVAL);
	}
}

TEST(unknown_req_flags)
{
	const unsigned int known = 0xfff;
	int q = kev_queue(NULL, 0);
	unsigned int cmd, bit;

	kev_add_user(q, 1);
	for (bit = 0; bit < 32; bit++) {
		/* the highest are the command */
		if ((known & (1u << bit)) || bit >= KEVENT_REQ_CMD_SHIFT)
			continue;
		CHECK_EQ(add(q, KEVENT_UNOTIFY, 2, 1, 1u << bit), EINVAL);
		for (cmd = KEVENT_CTL_REMOVE; cmd <= KEVENT_CTL_READY; cmd++)
			CHECK_EQ(kev_try(q, cmd, KEVENT_UNOTIFY, 1, 1,
					 1u << bit), EINVAL);
	}
	CHECK_EQ(watches(q), 1);
	kev_expect_get_none(q);
}

TEST(flags_for_other_commands)
{
	int q = kev_queue(NULL, 0);
	int fd = CHECK_OK(eventfd(0, 0));

	CHECK_EQ(add(q, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_COOKIE), EINVAL);
	kev_add_poll(q, fd, POLLIN, 0);
	CHECK_EQ(kev_try(q, KEVENT_CTL_MODIFY, KEVENT_POLL, fd, POLLIN,
			 KEVENT_REQ_EXCLUSIVE), EINVAL);
	CHECK_EQ(watches(q), 1);
}

TEST(event_of_nothing)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));
	int sock = CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));
	struct ukevent uk;
	int pipefd[2];

	CHECK_OK(pipe(pipefd));
	CHECK_EQ(add(q, KEVENT_UNOTIFY, 1, 0, 0), EINVAL);
	/* of these, errors alone */
	CHECK_EQ(add(q, KEVENT_POLL, fd, 0, 0), 0);
	CHECK_EQ(add(q, KEVENT_SOCKET, sock, 0, 0), 0);
	CHECK_EQ(add(q, KEVENT_PIPE, pipefd[0], 0, 0), 0);
	kevent_prep_timer(&uk, 1, 1000000, 0, CLOCK_MONOTONIC, 0, 0);
	uk.event = 0;
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), EINVAL);
	CHECK_EQ(watches(q), 3);
}

static void unknown_bits(int q, unsigned int type, uint64_t id,
			 unsigned int known)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		if (known & (1u << bit))
			continue;
		CHECK_EQ(add(q, type, id, 1u << bit, 0), EINVAL);
		CHECK_EQ(add(q, type, id, 1u << bit | 1, 0), EINVAL);
	}
}

TEST(event_of_unknown_bits)
{
	const unsigned int poll_bits = 0x27df;
	int sock = CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));
	int pipefd[2];

	CHECK_OK(pipe(pipefd));
	unknown_bits(q, KEVENT_POLL, fd, poll_bits);
	unknown_bits(q, KEVENT_SOCKET, sock, 7);
	unknown_bits(q, KEVENT_PIPE, pipefd[0], 5);
	CHECK_EQ(watches(q), 0);
}

TEST(event_of_timer)
{
	struct ukevent uk;
	unsigned int bit;
	int q = kev_queue(NULL, 0);

	for (bit = 1; bit < 32; bit++) {
		kevent_prep_timer(&uk, 1, 1000000, 0, CLOCK_MONOTONIC, 0, 0);
		uk.event |= 1u << bit;
		CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), EINVAL);
	}
	CHECK_EQ(watches(q), 0);
}

TEST(modify_of_unknown_bits)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));
	const uint64_t one = 1;

	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(kev_try(q, KEVENT_CTL_MODIFY, KEVENT_POLL, fd, 0x20, 0),
		 EINVAL);
	/* The watch is as it was. */
	CHECK_EQ(write(fd, &one, 8), 8);
	kev_expect_get(q, fd, POLLIN);
}

TEST(poll_of_regular_file)
{
	int q = kev_queue(NULL, 0);

	CHECK_EQ(add(q, KEVENT_POLL, regular_file(), POLLIN, 0), EPERM);
	CHECK_EQ(add(q, KEVENT_POLL, CHECK_OK(open("/", O_RDONLY)), POLLIN, 0),
		 EPERM);
	CHECK_EQ(watches(q), 0);
}

TEST(wrong_kind_of_file)
{
	int sock = CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));
	int pipefd[2];

	CHECK_OK(pipe(pipefd));
	CHECK_EQ(add(q, KEVENT_SOCKET, pipefd[0], 1, 0), EINVAL);
	CHECK_EQ(add(q, KEVENT_SOCKET, fd, 1, 0), EINVAL);
	CHECK_EQ(add(q, KEVENT_SOCKET, regular_file(), 1, 0), EINVAL);
	CHECK_EQ(add(q, KEVENT_PIPE, sock, 1, 0), EINVAL);
	CHECK_EQ(add(q, KEVENT_PIPE, fd, 1, 0), EINVAL);
	CHECK_EQ(add(q, KEVENT_PIPE, regular_file(), 1, 0), EINVAL);
	CHECK_EQ(watches(q), 0);
}

static void bad_fd(int q, uint32_t fd)
{
	unsigned int cmd;

	CHECK_EQ(add(q, KEVENT_SOCKET, fd, 1, 0), EBADF);
	CHECK_EQ(add(q, KEVENT_PIPE, fd, 1, 0), EBADF);
	for (cmd = KEVENT_CTL_ADD; cmd <= KEVENT_CTL_READY; cmd++)
		CHECK_EQ(kev_try(q, cmd, KEVENT_POLL, fd, POLLIN, 0), EBADF);
}

TEST(no_such_fd)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));
	int path = CHECK_OK(open("/dev/null", O_PATH));

	CHECK_OK(close(fd));
	bad_fd(q, fd);
	bad_fd(q, -1);
	bad_fd(q, 0x7fffffff);
	bad_fd(q, AT_FDCWD);
	bad_fd(q, path);
	CHECK_EQ(watches(q), 0);
}

TEST(queue_watches_itself)
{
	int q = kev_queue(NULL, 0), copy = CHECK_OK(dup(q));

	CHECK_EQ(add(q, KEVENT_POLL, q, POLLIN, 0), EINVAL);
	CHECK_EQ(add(q, KEVENT_POLL, copy, POLLIN, 0), EINVAL);
	CHECK_EQ(add(copy, KEVENT_POLL, q, POLLIN, 0), EINVAL);
	CHECK_EQ(watches(q), 0);
}

/* No command names it, whether by this fd or by another. */
TEST(other_commands_for_itself)
{
	int q = kev_queue(NULL, 0), copy = CHECK_OK(dup(q));
	unsigned int cmd;

	for (cmd = KEVENT_CTL_REMOVE; cmd <= KEVENT_CTL_READY; cmd++) {
		CHECK_EQ(kev_try(q, cmd, KEVENT_POLL, q, POLLIN, 0), EINVAL);
		CHECK_EQ(kev_try(q, cmd, KEVENT_POLL, copy, POLLIN, 0), EINVAL);
		CHECK_EQ(kev_try(copy, cmd, KEVENT_POLL, q, POLLIN, 0), EINVAL);
	}
}

/* As of epoll: how it was opened, and nothing else. */
TEST(flags_of_the_fd)
{
	int q = kev_queue(NULL, 0);

	CHECK_EQ(fcntl(q, F_GETFL), O_RDWR);
	CHECK_OK(fcntl(q, F_SETFL, O_NONBLOCK));
	CHECK_EQ(fcntl(q, F_GETFL), O_RDWR | O_NONBLOCK);
}

TEST(twice)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));
	int copy = CHECK_OK(dup(fd));

	kev_add_user(q, 1);
	CHECK_EQ(add(q, KEVENT_UNOTIFY, 1, 1, 0), EEXIST);
	kev_add_poll(q, fd, POLLIN, 0);
	CHECK_EQ(add(q, KEVENT_POLL, fd, POLLOUT, 0), EEXIST);
	/* Another number is another id. */
	kev_add_poll(q, copy, POLLIN, 0);
	CHECK_EQ(watches(q), 3);
}

TEST(not_watched)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));
	unsigned int cmd;

	for (cmd = KEVENT_CTL_REMOVE; cmd <= KEVENT_CTL_READY; cmd++) {
		CHECK_EQ(kev_try(q, cmd, KEVENT_POLL, fd, POLLIN, 0), ENOENT);
		CHECK_EQ(kev_try(q, cmd, KEVENT_UNOTIFY, 1, 1, 0), ENOENT);
		CHECK_EQ(kev_try(q, cmd, 0, 0, 1, KEVENT_REQ_COOKIE), ENOENT);
	}
}

/* The cookie of REMOVE, MODIFY and READY stands where parameters stand. */
TEST(by_cookie)
{
	int q = kev_queue(NULL, 0);
	struct ukevent watch = kev_add_user(q, 1), uk;

	memset(&uk, 0, sizeof(uk));
	uk.type = ~0u;
	uk.id.raw_u64 = 77;
	uk.req_flags = KEVENT_REQ_COOKIE;
	uk.cookie = watch.cookie + 1;
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_READY, &uk), ENOENT);
	memset(uk.ret_data, 0, sizeof(uk.ret_data));
	uk.ret_flags = 0;
	uk.cookie = watch.cookie;
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_READY, &uk), 0);
	kev_expect_get(q, 1, ~0u);
	uk.ret_flags = 0;
	uk.cookie = watch.cookie;
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_REMOVE, &uk), 0);
	CHECK_EQ(watches(q), 0);
}

static int by_cookie(int q, unsigned int cmd, uint64_t cookie)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_COOKIE, 0);
	uk.cookie = cookie;
	return kevent_ctl_one(q, cmd, &uk) < 0 ? errno : 0;
}

/* By every call that takes one. */
static void no_such_cookie(int q, uint64_t cookie)
{
	struct kevent_ioc_read read = { .cookie = cookie };
	unsigned int cmd;

	for (cmd = KEVENT_CTL_REMOVE; cmd <= KEVENT_CTL_READY; cmd++)
		CHECK_EQ(by_cookie(q, cmd, cookie), ENOENT);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_READ, &read), ENOENT);
}

/* Numbers beyond all that there are, that are free, or are another's by now. */
TEST(cookies_out_of_range)
{
	int q = kev_queue(NULL, 0), other = kev_queue(NULL, 0), i;
	uint64_t cookie[100], bit;

	for (bit = 1; bit; bit <<= 1)
		no_such_cookie(q, bit);
	for (i = 0; i < 100; i++)
		cookie[i] = kev_add_user(q, i).cookie;
	for (i = 0; i < 100; i++) {
		for (bit = 1; bit; bit <<= 1)
			no_such_cookie(q, cookie[i] ^ bit);
		no_such_cookie(q, (uint32_t)cookie[i]);
		no_such_cookie(q, cookie[i] | 0xffffffff);
		no_such_cookie(q, cookie[i] - (1ull << 32));
		no_such_cookie(other, cookie[i]);
	}
	no_such_cookie(q, 0);
	no_such_cookie(q, ~0ull);
	for (i = 0; i < 100; i += 2)
		CHECK_EQ(by_cookie(q, KEVENT_CTL_REMOVE, cookie[i]), 0);
	for (i = 0; i < 100; i += 2)
		no_such_cookie(q, cookie[i]);
	for (i = 0; i < 50; i++)
		CHECK_NE(kev_add_user(q, 1000 + i).cookie, cookie[0]);
	for (i = 0; i < 100; i += 2)
		no_such_cookie(q, cookie[i]);
	CHECK_EQ(watches(q), 100);
	kev_expect_get_none(q);
	for (i = 1; i < 100; i += 2) {
		CHECK_EQ(by_cookie(q, KEVENT_CTL_READY, cookie[i]), 0);
		kev_expect_get(q, i, 1);
	}
}

/* What a result has is not looked at: a refused change can be tried again as it is. */
TEST(result_on_the_way_in)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		kevent_prep(&uk, KEVENT_UNOTIFY, bit, 1, 0, 0);
		uk.ret_flags = 1u << bit;
		uk.ret_data[0] = 0x1234;
		uk.ret_data[1] = 0x5678;
		CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), 0);
		CHECK_EQ(uk.ret_flags, 0);
		CHECK_EQ(uk.ret_data[0] | uk.ret_data[1], 0);
	}
	CHECK_EQ(watches(q), 32);
	kev_expect_get_none(q);
}

/* Refused, it can be added once more as it is: the cookie is where the parameters are. */
TEST(refused_keeps_its_parameters)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	kevent_prep_timer(&uk, 1, 3600000000000, 0, CLOCK_MONOTONIC, 0, 0);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	kevent_prep_timer(&uk, 1, 1000000, 0, CLOCK_MONOTONIC, 0, 0);
	CHECK_EQ(kevent_ctl(q, KEVENT_CTL_ADD, 1, &uk), 1);
	CHECK_EQ(kevent_error(&uk), EEXIST);
	CHECK_EQ(uk.cookie, 1000000);
	kev_remove(q, KEVENT_TIMER, 1);
	CHECK_EQ(kevent_ctl(q, KEVENT_CTL_ADD, 1, &uk), 0);
	CHECK_EQ(kevent_get_events(q, 1, 1, NULL, &uk, 0), 1);
	CHECK_EQ(uk.ret_data[0], KEVENT_TIMER_FIRED);
}

/* Whatever was in it before, a result without an event has no data. */
TEST(results_are_not_stale)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));
	struct ukevent uk, batch;
	unsigned int cmd;

	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	for (cmd = KEVENT_CTL_MODIFY; cmd <= KEVENT_CTL_READY; cmd++) {
		kevent_prep(&uk, KEVENT_POLL, fd, POLLIN, KEVENT_REQ_ET, 0);
		uk.ret_data[0] = 0x1234;
		uk.ret_data[1] = 0x5678;
		batch = uk;
		CHECK_EQ(kevent_ctl_one(q, cmd, &uk), 0);
		CHECK_EQ(uk.ret_data[0] | uk.ret_data[1], 0);
		CHECK_EQ(kevent_ctl(q, cmd, 1, &batch), 0);
		CHECK_EQ(batch.ret_data[0] | batch.ret_data[1], 0);
	}
	kevent_prep(&uk, KEVENT_POLL, fd, 0, 0, 0);
	uk.ret_data[0] = 0x1234;
	uk.ret_data[1] = 0x5678;
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_REMOVE, &uk), 0);
	CHECK_EQ(uk.ret_data[0] | uk.ret_data[1], 0);
}

/* Words that only results have: no other command than ADD looks at them. */
TEST(what_came_back_goes_in_again)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_READY, 0);
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), 1);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK(uk.cookie);
	uk.req_flags = 0;
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_MODIFY, &uk), 0);
	CHECK_EQ(uk.ret_flags, 0);
	memset(uk.param, 0xff, sizeof(uk.param));
	uk.ret_flags = ~0u;
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_READY, &uk), 0);
	CHECK_EQ(uk.ret_flags, 0);
	memset(uk.param, 0xff, sizeof(uk.param));
	uk.ret_flags = ~0u;
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_REMOVE, &uk), 0);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_CANCELLED);
	CHECK_EQ(watches(q), 0);
}

TEST(unused_parameters)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));
	struct ukevent uk;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		kevent_prep(&uk, KEVENT_UNOTIFY, 1, 1, 0, 0);
		uk.param[i] = 1;
		CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), EINVAL);
		kevent_prep(&uk, KEVENT_POLL, fd, POLLIN, 0, 0);
		uk.param[i] = 1ull << 63;
		CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), EINVAL);
	}
	CHECK_EQ(watches(q), 0);
}

TEST(parameters_of_timer)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	unsigned int bit;

	for (bit = 33; bit < 64; bit++) {
		kevent_prep_timer(&uk, 1, 1000000, 0, CLOCK_MONOTONIC, 0, 0);
		uk.param[2] |= 1ull << bit;
		CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), EINVAL);
	}
	kevent_prep_timer(&uk, 1, 1000000, 0, CLOCK_PROCESS_CPUTIME_ID, 0, 0);
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), EINVAL);
	kevent_prep_timer(&uk, 1, 1000000, 0, 99, 0, 0);
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), EINVAL);
	kevent_prep_timer(&uk, 1, 1000000, 0, -1, 0, 0);
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), EINVAL);
	CHECK_EQ(watches(q), 0);
}

/* By cookie, MODIFY of a timer has no room for its parameters. */
TEST(timer_modified_by_cookie)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	uint64_t cookie;

	kevent_prep_timer(&uk, 1, 1000000000000ull, 0, CLOCK_MONOTONIC, 0, 0);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	cookie = uk.cookie;
	kevent_prep(&uk, KEVENT_TIMER, 1, KEVENT_TIMER_FIRED,
		    KEVENT_REQ_COOKIE, 0);
	uk.cookie = cookie;
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_MODIFY, &uk), EINVAL);
	CHECK_EQ(watches(q), 1);
}

/* What is refused costs the watch nothing that it has already to report. */
TEST(pending_event_survives)
{
	struct kevent_ring ring;
	struct ukevent uk;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_try(q, KEVENT_CTL_MODIFY, KEVENT_UNOTIFY, 1, 0, 0),
		 EINVAL);
	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 0, 1u << 27, 0);
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_REMOVE, &uk), EINVAL);
	CHECK_EQ(add(q, KEVENT_UNOTIFY, 1, 1, 0), EEXIST);
	kev_expect(&ring, 1, 1);
}
