// SPDX-License-Identifier: GPL-2.0
/* Tests that what a queue takes is charged to who makes it: to the cgroup, and to the user. */
#include "../source/signals.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define CGROUPS "/sys/fs/cgroup"
#define GROUP CGROUPS "/kevent-test"
#define MB (1ull << 20)

/*
 * The kernel takes charges in advance, 64 pages on each CPU, and gives memory
 * back by and by.
 */
#define SLACK (2 * MB)

enum { WATCHES = 50000, BATCH = 1000, SLOTS = 262144 };

/* ---- The cgroup ------------------------------------------------------------------------- */

static void group_write(const char *path, const char *text)
{
	int fd = CHECK_OK(open(path, O_WRONLY | O_CLOEXEC));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static uint64_t group_read(const char *name)
{
	unsigned long long value;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), GROUP "/%s", name);
	f = fopen(path, "re");
	CHECK(f);
	CHECK_EQ(fscanf(f, "%llu", &value), 1);
	fclose(f);
	return value;
}

static uint64_t charged(void)
{
	return group_read("memory.current");
}

static void group_make(void)
{
	if (access(CGROUPS "/cgroup.controllers", R_OK))
		SKIP("no cgroup2");
	group_write(CGROUPS "/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755))
		CHECK_EQ(errno, EEXIST);
}

static void group_remove(void)
{
	CHECK_SOON(rmdir(GROUP) == 0);
}

struct inside {
	void (*run)(void);
};

static void join_and_run(void *arg)
{
	struct inside *in = arg;

	group_write(GROUP "/cgroup.procs", "0");
	in->run();
}

/* Runs it in a child that is in the cgroup.  Returns the child's status. */
static int run_inside(void (*run)(void), const char *max)
{
	struct inside in = { run };
	int status;
	pid_t pid;

	group_make();
	group_write(GROUP "/memory.max", max);
	pid = start_child(join_and_run, &in);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	group_remove();
	return status;
}

static void check_inside(void (*run)(void))
{
	int status = run_inside(run, "max");

	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

/* ---- What is charged -------------------------------------------------------------------- */

static void expect_charged(const char *what, uint64_t before, uint64_t least,
			   uint64_t most)
{
	uint64_t now = charged(), grown = now > before ? now - before : 0;

	NOTE("%s: %llu KB", what, (unsigned long long)grown / 1024);
	CHECK_GT(grown + SLACK, least);
	CHECK_GT(grown, least / 2);
	CHECK_LT(grown, most + SLACK);
}

static void ring(void)
{
	uint64_t before = charged(), entries = SLOTS * sizeof(struct ukevent);
	struct kevent_ring ring;
	int q = kev_queue(&ring, SLOTS);

	/* and 16 bytes a slot of its own */
	expect_charged("ring", before, entries, entries * 5 / 4);
	kev_close(q, &ring);
	CHECK_SOON(charged() < before + SLACK);
}

TEST(of_a_ring)
{
	check_inside(ring);
}

static void add_users(int q, uint64_t num)
{
	static struct ukevent uk[BATCH];
	uint64_t i;
	int j;

	for (i = 0; i < num; i += BATCH) {
		for (j = 0; j < BATCH; j++)
			kevent_prep(&uk[j], KEVENT_UNOTIFY, i + j, 1,
				    KEVENT_REQ_ET, 0);
		CHECK_OK(kevent_ctl(q, KEVENT_CTL_ADD, BATCH, uk));
		if (kevent_error(&uk[BATCH - 1])) {
			errno = kevent_error(&uk[BATCH - 1]);
			return;
		}
	}
	errno = 0;
}

static void watches(void)
{
	uint64_t before = charged();
	int q = kev_queue(NULL, 0);

	add_users(q, WATCHES);
	CHECK_EQ(errno, 0);
	CHECK_EQ(kev_stat(q, "watches"), WATCHES);
	expect_charged("watches", before, WATCHES * 128, WATCHES * 320);
	close(q);
	CHECK_SOON(charged() < before + SLACK);
}

TEST(of_watches)
{
	check_inside(watches);
}

static void buffers(void)
{
	uint64_t before = charged();
	int q[8], i, j;
	struct ukevent uk;

	for (i = 0; i < 8; i++) {
		q[i] = kev_queue(NULL, 0);
		kevent_prep(&uk, KEVENT_SIGNAL, SIGUSR1, KEVENT_SIGNAL_DELIVERY,
			    0, 0);
		uk.param[0] = MB;
		kev_change(q[i], KEVENT_CTL_ADD, &uk);
	}
	expect_charged("records", before, 8 * MB, 9 * MB);
	for (j = 0; j < 8; j++) {
		kevent_prep(&uk, KEVENT_UNOTIFY, j, 1, KEVENT_REQ_PAYLOAD, 0);
		uk.param[0] = 65536;
		kev_change(q[0], KEVENT_CTL_ADD, &uk);
	}
	/* 24 bytes for each event that may wait, and what kmalloc adds */
	expect_charged("records and payloads", before, 20 * MB, 25 * MB);
	for (i = 0; i < 8; i++)
		close(q[i]);
	CHECK_SOON(charged() < before + SLACK);
}

TEST(of_buffers)
{
	check_inside(buffers);
}

/* ---- Too much --------------------------------------------------------------------------- */

/*
 * The last charge before the limit either fails, or the cgroup's OOM killer takes
 * its only process: that is for the kernel to choose.
 */
static void expect_refused(int status)
{
	if (WIFSIGNALED(status)) {
		NOTE("killed");
		CHECK_EQ(WTERMSIG(status), SIGKILL);
		return;
	}
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

static uint64_t watches_of_user(void)
{
	struct kevent_ioc_info info;
	int q = kev_queue(NULL, 0);

	CHECK_EQ(kevent_info(q, &info), 0);
	close(q);
	return info.watches;
}

static void too_many_watches(void)
{
	add_users(kev_queue(NULL, 0), 100 * WATCHES);
	CHECK_EQ(errno, ENOMEM);
}

TEST_TIMEOUT(limit_stops_watches, 60)
{
	uint64_t before = watches_of_user();

	expect_refused(run_inside(too_many_watches, "12M"));
	CHECK_SOON(watches_of_user() == before);
	/* who is outside goes on */
	add_users(kev_queue(NULL, 0), BATCH);
	CHECK_EQ(errno, 0);
}

static void too_large_ring(void)
{
	struct kevent_ioc_init init = { .ring_size = SLOTS };
	int q = kevent_open();

	CHECK(q >= 0);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_INIT, &init), ENOMEM);
	/* the queue is as it was: a small one will do */
	init = (struct kevent_ioc_init){ .ring_size = 16 };
	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
}

TEST_TIMEOUT(limit_stops_rings, 60)
{
	struct kevent_ring ring;

	expect_refused(run_inside(too_large_ring, "12M"));
	kev_close(kev_queue(&ring, SLOTS), &ring);
}

/* ---- Of one user ------------------------------------------------------------------------ */

#define OTHER_USER	(TEST_USER_ID + 1)

enum { SMALL = 4096, QUEUES = 1000 };

/* What a ring of so many slots is charged: entries, 16 bytes each, and two pages. */
static uint64_t ring_bytes(uint64_t slots)
{
	return slots * (sizeof(struct ukevent) + 16) + 2 * 4096;
}

/* Returns the queue, or -1. */
static int try_ring(uint32_t slots)
{
	struct kevent_ioc_init init = { .ring_size = slots };
	int q = CHECK_OK(kevent_open()), error;

	if (!ioctl(q, KEVENT_IOC_INIT, &init))
		return q;
	error = errno;
	close(q);
	errno = error;
	return -1;
}

/* Makes rings until one is refused. */
static int make_rings(int *q)
{
	int n = 0;

	while (n < QUEUES && (q[n] = try_ring(SMALL)) >= 0)
		n++;
	CHECK_LT(n, QUEUES);
	CHECK_EQ(errno, ENOSPC);
	return n;
}

static void close_all(const int *q, int n)
{
	while (n--)
		CHECK_EQ(close(q[n]), 0);
}

/* As many as the limit allows of one who has nothing else. */
static int rings_allowed(void)
{
	struct kevent_ioc_info info;
	int q = CHECK_OK(kevent_open());

	CHECK_EQ(kevent_info(q, &info), 0);
	close(q);
	return info.watches_max * 256 / ring_bytes(SMALL);
}

static void allow_queues(void)
{
	struct rlimit limit = { .rlim_cur = QUEUES + 100,
				.rlim_max = QUEUES + 100 };

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A queue that was refused its ring can have none, and works. */
static void goes_without(void)
{
	struct kevent_ioc_init init = { .ring_size = SMALL };
	int q = CHECK_OK(kevent_open());

	CHECK_ERRNO(ioctl(q, KEVENT_IOC_INIT, &init), ENOSPC);
	init.ring_size = 0;
	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	kev_expect_get(q, 1, 1);
	close(q);
}

/* Rings, records and payloads are one account. */
static void has_no_more(void)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_PAYLOAD, 0);
	uk.param[0] = 65536;
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), ENOSPC);
	kevent_prep(&uk, KEVENT_SIGNAL, SIGUSR1, KEVENT_SIGNAL_DELIVERY, 0, 0);
	uk.param[0] = MB;
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), ENOSPC);
	close(q);
}

struct users {
	struct turn full;
	struct turn go;
};

static void has_all_it_may(void *arg)
{
	struct users *u = arg;
	static int q[QUEUES];
	int n;

	become_user(TEST_USER_ID);
	/* without any queue there would be no account, and a new one at the next */
	kev_queue(NULL, 0);
	n = make_rings(q);
	CHECK_EQ(n, rings_allowed());
	goes_without();
	has_no_more();
	turn_give(&u->full);
	turn_take(&u->go);
	close_all(q, n);
	CHECK_EQ(make_rings(q), n);
}

static void has_as_much(void *arg)
{
	static int q[QUEUES];

	(void)arg;
	become_user(OTHER_USER);
	CHECK_EQ(make_rings(q), rings_allowed());
}

TEST_TIMEOUT(rings_of_one_user, 60)
{
	struct users u;
	int q;
	pid_t pid;

	allow_queues();
	turn_make(&u.full);
	turn_make(&u.go);
	pid = start_child(has_all_it_may, &u);
	/* if it fails, nobody is left to give */
	close(u.full.fds[1]);
	turn_take(&u.full);
	/* others, and root, have all of theirs */
	wait_child(start_child(has_as_much, NULL));
	CHECK_OK(q = try_ring(SMALL));
	close(q);
	turn_give(&u.go);
	wait_child(pid);
}

/* Whatever fails or ends gives back what it was charged. */
static void gives_back(void *arg)
{
	struct kevent_ioc_init init = { .ring_size = SMALL };
	static int q[QUEUES];
	struct kevent_ring ring;
	void *read_only;
	int n, i, extra;

	(void)arg;
	become_user(TEST_USER_ID);
	read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(read_only != MAP_FAILED);
	extra = CHECK_OK(kevent_open());
	for (i = 0; i < 2 * QUEUES; i++) {
		/* all zero: no ring; of a size that is none; twice */
		CHECK_ERRNO(ioctl(extra, KEVENT_IOC_INIT, read_only), EFAULT);
		init.ring_size = SMALL + 1;
		CHECK_ERRNO(ioctl(extra, KEVENT_IOC_INIT, &init), EINVAL);
	}
	read_only = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(read_only != MAP_FAILED);
	((struct kevent_ioc_init *)read_only)->ring_size = SMALL;
	CHECK_OK(mprotect(read_only, 4096, PROT_READ));
	for (i = 0; i < QUEUES / 2; i++)
		CHECK_ERRNO(ioctl(extra, KEVENT_IOC_INIT, read_only), EFAULT);
	close(extra);
	n = make_rings(q);
	CHECK_EQ(n, rings_allowed());
	init.ring_size = SMALL;
	for (i = 0; i < n; i++)
		CHECK_ERRNO(ioctl(q[i], KEVENT_IOC_INIT, &init), EBUSY);
	/* what is mapped is still there */
	memset(&init, 0, sizeof(init));
	init.kernel_len = 4096;
	init.user_len = 4096;
	init.entries_len = SMALL * sizeof(struct ukevent);
	CHECK_EQ(kevent_ring_map(&ring, q[0], &init), 0);
	close(q[0]);
	CHECK_EQ(try_ring(SMALL), -1);
	CHECK_EQ(errno, ENOSPC);
	kevent_ring_unmap(&ring);
	CHECK_OK(q[0] = try_ring(SMALL));
	close_all(q, n);
	CHECK_EQ(make_rings(q), n);
}

TEST_TIMEOUT(rings_given_back, 60)
{
	allow_queues();
	wait_child(start_child(gives_back, NULL));
}

/* ---- Killed in the call ------------------------------------------------------------------ */

static void makes_a_large_ring(void *arg)
{
	const struct turn *go = arg;

	group_write(GROUP "/cgroup.procs", "0");
	turn_take(go);
	try_ring(SLOTS);
	_exit(0);
}

/*
 * Kills a process in the midst of INIT, as the pages it takes tell.  Returns true if
 * it did not go on to the last of them.
 */
static bool ends_when_killed(void)
{
	uint64_t base, peak;
	struct turn go;
	int status;
	pid_t pid;

	group_make();
	group_write(GROUP "/memory.max", "max");
	turn_make(&go);
	pid = start_child(makes_a_large_ring, &go);
	wait_blocked_in(pid, SYS_read);
	base = charged();
	turn_give(&go);
	while (charged() < base + 6 * MB && !waitpid(pid, &status, WNOHANG))
		;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	peak = group_read("memory.peak") - base;
	group_remove();
	close(go.fds[0]);
	close(go.fds[1]);
	NOTE("%llu of %llu KB", (unsigned long long)peak / 1024,
	     (unsigned long long)ring_bytes(SLOTS) / 1024);
	return peak < ring_bytes(SLOTS) - 4 * MB;
}

/* It may be through with it before it is killed: but not each time. */
TEST_TIMEOUT(killed_in_init, 60)
{
	struct utsname u;
	int i;

	CHECK_OK(uname(&u));
	if (atoi(u.release) >= 7)
		SKIP("vmalloc takes 4 MB at a time and looks for no signal");
	group_make();
	if (access(GROUP "/memory.peak", R_OK))
		SKIP("no memory.peak");
	for (i = 0; i < 30; i++)
		if (ends_when_killed())
			return;
	FAIL("who is killed goes on to the end");
}
