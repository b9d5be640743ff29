// SPDX-License-Identifier: GPL-2.0
/* The life of ring and queue over close, munmap, fork, exec and exit. */
#include "kev.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static const uint64_t one = 1;

/* Watches of this user, in all queues. */
static uint64_t watches_of_user(void)
{
	struct kevent_ioc_info info;
	int q = CHECK_OK(kevent_open());

	CHECK_EQ(kevent_info(q, &info), 0);
	close(q);
	return info.watches;
}

static uint64_t watches_of_queue(int q)
{
	struct kevent_ioc_info info;

	CHECK_EQ(kevent_info(q, &info), 0);
	return info.queue_watches;
}

TEST(close_without_munmap)
{
	uint64_t before = watches_of_user();
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), fd = CHECK_OK(eventfd(0, 0));

	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	CHECK_OK(close(q));
	CHECK_EQ(watches_of_user(), before + 1);
	CHECK_EQ(write(fd, &one, 8), 8);
	CHECK_EQ(kev_tail(&ring), 1);
	kev_expect(&ring, fd, POLLIN);
	/* Claimed and freed without a call, as ever. */
	CHECK_EQ(write(fd, &one, 8), 8);
	kev_expect(&ring, fd, POLLIN);
	kev_expect_none(&ring);
	kevent_ring_unmap(&ring);
	CHECK_SOON(watches_of_user() == before);
	CHECK_EQ(write(fd, &one, 8), 8);
}

/* Any one of the mappings keeps the queue. */
static void only_mapping(unsigned int which)
{
	uint64_t before = watches_of_user();
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), fd = CHECK_OK(eventfd(0, 0));

	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	CHECK_OK(close(q));
	if (which != 0)
		CHECK_OK(munmap((void *)ring.kernel, ring.kernel_len));
	if (which != 1)
		CHECK_OK(munmap(ring.user, ring.user_len));
	if (which != 2)
		CHECK_OK(munmap((void *)ring.entries, ring.entries_len));
	CHECK_EQ(write(fd, &one, 8), 8);
	CHECK_EQ(watches_of_user(), before + 1);
	if (which == 0)
		CHECK_EQ(kev_tail(&ring), 1);
	if (which == 2)
		CHECK_EQ(ring.entries[0].ptr, fd);
	if (which == 0)
		munmap((void *)ring.kernel, ring.kernel_len);
	if (which == 1)
		munmap(ring.user, ring.user_len);
	if (which == 2)
		munmap((void *)ring.entries, ring.entries_len);
	CHECK_SOON(watches_of_user() == before);
	CHECK_OK(close(fd));
}

TEST(munmap_last)
{
	only_mapping(0);
	only_mapping(1);
	only_mapping(2);
}

TEST(never_mapped)
{
	struct kevent_ioc_init init;
	int q = CHECK_OK(kevent_open()), fd = CHECK_OK(eventfd(0, 0));

	memset(&init, 0, sizeof(init));
	init.ring_size = 4;
	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(write(fd, &one, 8), 8);
	kev_expect_get(q, fd, POLLIN);
}

/* ---- fork -------------------------------------------------------------- */

static void expect_segv(const volatile void *p)
{
	pid_t pid = CHECK_OK(fork());
	int status;

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile const char *)p;
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

TEST(mappings_are_not_inherited)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	expect_segv(ring.kernel);
	expect_segv(ring.user);
	expect_segv(ring.entries);
	/* What the children did not have is here as before. */
	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	kev_expect(&ring, 1, 1);
}

struct heir {
	struct kevent_ring ring;
	struct kevent_ioc_init init;
	int q;
	int fd;
};

static void map_in_child(void *arg)
{
	struct heir *heir = arg;
	struct kevent_ring ring;

	CHECK_EQ(kevent_ring_map(&ring, heir->q, &heir->init), 0);
	kev_expect(&ring, 1, 1);
	kev_expect_none(&ring);
}

TEST(child_maps_by_itself)
{
	struct heir heir = { 0 };

	heir.q = CHECK_OK(kevent_open());
	heir.init.ring_size = 4;
	CHECK_EQ(ioctl(heir.q, KEVENT_IOC_INIT, &heir.init), 0);
	CHECK_EQ(kevent_ring_map(&heir.ring, heir.q, &heir.init), 0);
	kev_add_user(heir.q, 1);
	kev_fire(heir.q, 1, 1);
	wait_child(start_child(map_in_child, &heir));
	/* The child has claimed it and, with its last look, freed it. */
	CHECK_EQ(kev_seen(&heir.ring), 1);
	CHECK_EQ(kev_head(&heir.ring), 1);
}

/* The number is the parent's for one file and the child's for another. */
static void watch_in_child(void *arg)
{
	struct heir *heir = arg;
	struct ukevent uk;
	int fd;

	CHECK_OK(close(heir->fd));
	fd = CHECK_OK(eventfd(0, 0));
	CHECK_EQ(fd, heir->fd);
	kevent_prep(&uk, KEVENT_POLL, fd, POLLIN, KEVENT_REQ_ET, 77);
	CHECK_EQ(kevent_ctl_one(heir->q, KEVENT_CTL_ADD, &uk), 0);
	CHECK_EQ(write(fd, &one, 8), 8);
	kev_expect_get(heir->q, 77, POLLIN);
	/* The file is the child's own: it and its events end with the child. */
	CHECK_EQ(write(fd, &one, 8), 8);
}

TEST(child_adds_its_own_files)
{
	struct heir heir;

	heir.q = kev_queue(NULL, 0);
	heir.fd = CHECK_OK(eventfd(0, 0));
	kev_add_poll(heir.q, heir.fd, POLLIN, KEVENT_REQ_ET);
	wait_child(start_child(watch_in_child, &heir));
	CHECK_SOON(watches_of_queue(heir.q) == 1);
	kev_expect_get_none(heir.q);
	CHECK_EQ(write(heir.fd, &one, 8), 8);
	kev_expect_get(heir.q, heir.fd, POLLIN);
}

static void take_in_child(void *arg)
{
	struct heir *heir = arg;

	kev_expect_get(heir->q, heir->fd, POLLIN);
}

TEST(child_takes_events)
{
	struct heir heir;
	struct ukevent uk;

	heir.q = kev_queue(&heir.ring, 4);
	heir.fd = CHECK_OK(eventfd(0, 0));
	kev_add_poll(heir.q, heir.fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(write(heir.fd, &one, 8), 8);
	wait_child(start_child(take_in_child, &heir));
	CHECK_EQ(kevent_ring_take(&heir.ring, &uk, 1), 0);
	CHECK_EQ(write(heir.fd, &one, 8), 8);
	CHECK_EQ(kevent_ring_take(&heir.ring, &uk, 1), 1);
	CHECK_EQ(uk.ptr, heir.fd);
}

static void remove_in_child(void *arg)
{
	struct heir *heir = arg;

	kev_remove(heir->q, KEVENT_POLL, heir->fd);
}

/* The file is the same one, so the child finds the parent's watch. */
TEST(child_removes_what_the_parent_added)
{
	struct heir heir;

	heir.q = kev_queue(NULL, 0);
	heir.fd = CHECK_OK(eventfd(0, 0));
	kev_add_poll(heir.q, heir.fd, POLLIN, KEVENT_REQ_ET);
	wait_child(start_child(remove_in_child, &heir));
	CHECK_EQ(watches_of_queue(heir.q), 0);
}

static void sleep_in_child(void *arg)
{
	struct heir *heir = arg;

	CHECK_EQ(kevent_wait(heir->q, 1, 0, NULL, 0), 1);
}

TEST(child_is_woken)
{
	struct heir heir;
	pid_t pid;

	heir.q = kev_queue(&heir.ring, 4);
	kev_add_user(heir.q, 1);
	pid = start_child(sleep_in_child, &heir);
	wait_blocked_in(pid, SYS_ioctl);
	kev_fire(heir.q, 1, 1);
	wait_child(pid);
}

/* ---- exec -------------------------------------------------------------- */

struct program {
	int fd;			/* eventfd that the queue watches */
	int in[2];
	int out[2];
	bool keep;		/* the queue's fd over exec */
};

static void run_program(void *arg)
{
	struct program *p = arg;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add_poll(q, p->fd, POLLIN, KEVENT_REQ_ET);
	if (p->keep)
		CHECK_OK(fcntl(q, F_SETFD, 0));
	CHECK_OK(dup2(p->in[0], STDIN_FILENO));
	CHECK_OK(dup2(p->out[1], STDOUT_FILENO));
	execl("/bin/sh", "sh", "-c", "echo; read x; exit 0", NULL);
	FAIL("exec");
}

static void over_exec(bool keep)
{
	uint64_t before = watches_of_user();
	struct program p = { .keep = keep };
	pid_t pid;
	char c;

	p.fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	CHECK_OK(pipe2(p.in, O_CLOEXEC));
	CHECK_OK(pipe2(p.out, O_CLOEXEC));
	pid = start_child(run_program, &p);
	CHECK_EQ(read(p.out[0], &c, 1), 1);
	if (keep)
		CHECK_EQ(watches_of_user(), before + 1);
	else
		CHECK_SOON(watches_of_user() == before);
	CHECK_EQ(write(p.fd, &one, 8), 8);
	CHECK_EQ(write(p.in[1], "\n", 1), 1);
	wait_child(pid);
	CHECK_SOON(watches_of_user() == before);
	CHECK_EQ(write(p.fd, &one, 8), 8);
}

TEST(exec_closes)
{
	over_exec(false);
}

TEST(exec_of_an_inherited_queue)
{
	over_exec(true);
}

/* ---- exit -------------------------------------------------------------- */

static void arm_everything(void *arg)
{
	struct heir *heir = arg;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2), i;

	for (i = 0; i < 8; i++) {
		kev_add_user(q, i);
		kev_add_poll(q, CHECK_OK(eventfd(1, 0)), POLLIN | POLLOUT, 0);
		kev_fire(q, i, 1);
	}
	kev_add_poll(q, heir->fd, POLLIN, KEVENT_REQ_ET);
	kev_claim_to(&ring, 1);
	if (heir->init.flags)
		kill(getpid(), SIGKILL);
}

static void exits(bool killed)
{
	uint64_t before = watches_of_user();
	struct heir heir = { .init.flags = killed };
	int status, i;

	heir.q = kev_queue(NULL, 0);
	heir.fd = CHECK_OK(eventfd(0, 0));
	for (i = 0; i < 20; i++) {
		pid_t pid = start_child(arm_everything, &heir);

		CHECK_EQ(write(heir.fd, &one, 8), 8);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, killed ? SIGKILL : 0);
	}
	CHECK_SOON(watches_of_user() == before);
}

TEST(exit_with_everything_armed)
{
	exits(false);
}

TEST(killed_with_everything_armed)
{
	exits(true);
}
