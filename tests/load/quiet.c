// SPDX-License-Identifier: GPL-2.0
/* Tests that no mistake of a program makes the kernel log a line. */
#include "../source/kinds.h"

#include <signal.h>

/* ---- What the kernel said -------------------------------------------------- */

static int log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		SKIP("no /dev/kmsg: %s", test_errno_name(errno));
	CHECK_OK(lseek(fd, 0, SEEK_END));
	return fd;
}

/* Others may have something to say in the meantime; it is not about us. */
static void log_expect_nothing(int fd)
{
	char line[2048];
	ssize_t n;

	while ((n = read(fd, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		if (strstr(line, "kev") || strstr(line, "WARN") ||
		    strstr(line, "BUG"))
			FAIL("the kernel said: %s", line);
		NOTE("the kernel said: %s", line);
	}
	CHECK_EQ(errno, EAGAIN);
	close(fd);
}

/* ---- Mistakes one by one --------------------------------------------------- */

TEST_KINDS(wrong_type_for_each_file)
{
	unsigned int type, event;
	int log = log_open();
	struct thing t;

	thing_make(&t, k);
	for (type = 0; type < KEVENT_TYPE_MAX + 5; type++) {
		for (event = 0; event < 0x20; event++) {
			kev_try(q, KEVENT_CTL_ADD, type, t.fd, event, 0);
			kev_try(q, KEVENT_CTL_MODIFY, type, t.fd, event, ~0u);
			kev_try(q, KEVENT_CTL_READY, type, t.fd, event, 0);
			kev_try(q, KEVENT_CTL_REMOVE, type, t.fd, 0, 0);
		}
	}
	thing_drop(&t);
	log_expect_nothing(log);
}

static void wrong_calls(int q)
{
	unsigned int nr, size;

	for (nr = 0; nr < 64; nr++) {
		for (size = 0; size < 256; size += 8) {
			ioctl(q, _IOC(_IOC_READ | _IOC_WRITE, KEVENT_IOC_MAGIC,
				      nr, size), NULL);
			ioctl(q, _IOC(_IOC_NONE, KEVENT_IOC_MAGIC, nr, size),
			      -1L);
		}
	}
	/* too short; and before INIT */
	CHECK_EQ(read(q, &nr, 3), -1);
	CHECK(errno == EINVAL || errno == ENXIO);
	CHECK_ERRNO(write(q, &nr, sizeof(nr)), EINVAL);
}

TEST(wrong_calls)
{
	struct kevent_ring ring;
	int log = log_open(), q;

	q = kevent_open();
	CHECK_OK(q);
	wrong_calls(q);
	close(q);
	q = kev_queue(&ring, 16);
	wrong_calls(q);
	kev_close(q, &ring);
	log_expect_nothing(log);
}

/* ---- A storm of random ones -------------------------------------------------- */

static unsigned int seed = 10;

static uint64_t any(void)
{
	static const uint64_t some[] = {
		0, 1, 2, 3, 7, 8, 16, 0x40, 0xff, 0x1000, 0xffff, 0x80000000,
		0xffffffff, 0x100000000, INT64_MAX, ~0ull, 0x8000000000000000,
	};
	int n = rand_r(&seed);

	if (n & 1)
		return some[(n >> 1) % (sizeof(some) / sizeof(some[0]))];
	return ((uint64_t)rand_r(&seed) << 32 | rand_r(&seed)) >>
	       (rand_r(&seed) % 64);
}

/* Nowhere, the kernel's, or n bytes with nothing behind them. */
static uint64_t any_pointer(size_t n)
{
	static char *good;

	if (!good)
		good = kev_fault_after(64 * sizeof(struct ukevent), PROT_NONE);
	switch (rand_r(&seed) % 8) {
	case 0:
		return 0;
	case 1:
		return 0xffff888000000000;
	case 2:
		return ~0ull;
	default:
		return (uintptr_t)good + 64 * sizeof(struct ukevent) - n;
	}
}

static void fill_changes(struct ukevent *uk, int n, int fd)
{
	int i;

	for (i = 0; i < n; i++) {
		memset(&uk[i], 0, sizeof(uk[i]));
		uk[i].type = any() % 12;
		uk[i].id.raw_u64 = rand_r(&seed) & 1 ? (uint64_t)fd : any();
		uk[i].event = any();
		if (rand_r(&seed) & 1)
			uk[i].req_flags = any();
		if (rand_r(&seed) & 1)
			uk[i].ret_flags = any();
		uk[i].param[rand_r(&seed) % 3] = any();
	}
}

static void bad_ctl(int q, int fd)
{
	struct kevent_ioc_ctl ctl = { 0 };
	int n = rand_r(&seed) % 16;
	struct ukevent uk[16];

	fill_changes(uk, n, fd);
	ctl.cmd = rand_r(&seed) & 1 ? any() : any() % 5;
	ctl.num = rand_r(&seed) & 7 ? (uint64_t)n : any();
	ctl.events = ctl.num <= 16 && rand_r(&seed) & 1 ?
			     (uintptr_t)uk : any_pointer(n * sizeof(uk[0]));
	if (!(rand_r(&seed) & 7))
		ctl.reserved = any();
	ioctl(q, KEVENT_IOC_CTL, &ctl);
}

static void bad_get(int q)
{
	struct kevent_ioc_get get = { 0 };

	get.events = any_pointer(sizeof(struct ukevent) * 4);
	get.min = any();
	get.max = any();
	get.flags = rand_r(&seed) & 1 ? any() : KEVENT_FLAGS_TIMEOUT;
	get.clockid = any();
	get.timeout.tv_nsec = any();
	get.sigmask = any_pointer(8);
	get.sigsetsize = rand_r(&seed) & 1 ? 8 : any();
	ioctl(q, KEVENT_IOC_GET_EVENTS, &get);
}

static void bad_wait(int q)
{
	struct kevent_ioc_wait wait = { 0 };

	wait.changes = any_pointer(sizeof(struct ukevent) * 4);
	wait.nchanges = rand_r(&seed) & 1 ? 0 : any();
	wait.flags = any() & 0x3f;
	wait.commit = any();
	wait.last = any();
	wait.min = any();
	wait.clockid = any();
	wait.timeout.tv_nsec = any();
	wait.sigmask = any_pointer(8);
	wait.sigsetsize = rand_r(&seed) & 1 ? 8 : any();
	ioctl(q, KEVENT_IOC_WAIT, &wait);
}

static void bad_rest(int q)
{
	struct kevent_ioc_commit commit = {
		.head = any(), .over = any(), .from = any(), .flags = any(),
	};
	struct kevent_ioc_wake wake = { .num = any(), .reserved = any() & 1 };
	struct kevent_ioc_info info = { .size = any() };

	ioctl(q, KEVENT_IOC_COMMIT, &commit);
	ioctl(q, KEVENT_IOC_WAKE, &wake);
	ioctl(q, KEVENT_IOC_INFO, &info);
}

static void bad_init(void)
{
	struct kevent_ioc_init init = { 0 };
	int q = kevent_open();

	init.ring_size = any();
	init.policy = any();
	init.flags = any();
	init.first_index = any();
	ioctl(q, KEVENT_IOC_INIT, &init);
	mmap(NULL, (any() & 0xffff) + 1, PROT_READ | PROT_WRITE, MAP_SHARED, q,
	     any() & ~4095ull);
	close(q);
}

/* The program may write nonsense where it may write at all. */
static void bad_ring(struct kevent_ring *ring)
{
	__atomic_store_n(&ring->user->seen, any(), __ATOMIC_RELAXED);
	__atomic_store_n(&ring->user->head, any(), __ATOMIC_RELAXED);
}

static void nothing(int signo)
{
	(void)signo;
}

static void storm(int q, struct kevent_ring *ring, int rounds)
{
	/* what the signalfd waits for: a random mask may let it through */
	struct sigaction sa = { .sa_handler = nothing };
	struct thing t[KIND_MAX];
	int i;

	CHECK_OK(sigaction(SIGRTMIN + 1, &sa, NULL));
	for (i = 0; i < KIND_MAX; i++)
		thing_make(&t[i], &kinds[i]);
	set_nonblock(q);
	for (i = 0; i < rounds; i++) {
		bad_ctl(q, t[i % KIND_MAX].fd);
		bad_get(q);
		bad_wait(q);
		bad_rest(q);
		if (!(i & 63))
			bad_init();
		if (!(i & 15) && ring)
			bad_ring(ring);
		if (!(i & 7) && i % KIND_MAX != KIND_PIDFD)
			thing_raise(&t[i % KIND_MAX]);
		if (!(i & 31) && i % KIND_MAX != KIND_PIDFD)
			thing_lower(&t[i % KIND_MAX]);
	}
	for (i = 0; i < KIND_MAX; i++)
		thing_drop(&t[i]);
}

TEST_TIMEOUT(storm_without_ring, 60)
{
	int log = log_open();

	storm(kev_queue(NULL, 0), NULL, 6000);
	log_expect_nothing(log);
}

TEST_TIMEOUT(storm, 60)
{
	struct kevent_ring ring;
	int log = log_open();

	storm(kev_queue(&ring, 16), &ring, 6000);
	log_expect_nothing(log);
}

TEST_TIMEOUT(storm_before_init, 60)
{
	int log = log_open();

	storm(kevent_open(), NULL, 2000);
	log_expect_nothing(log);
}
