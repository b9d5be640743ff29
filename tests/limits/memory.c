// SPDX-License-Identifier: GPL-2.0
/* Tests that what a queue takes is charged to the memory cgroup of who makes it take it. */
#include "kev.h"

#include <signal.h>
#include <sys/stat.h>
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
