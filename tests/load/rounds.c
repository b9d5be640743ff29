// SPDX-License-Identifier: GPL-2.0
/* Load, use every source, unload: KEVENT_ROUNDS times (5). */
#include "../source/posix_timer.h"
#include "../source/signals.h"
#include "module.h"

static int rounds_wanted(void)
{
	const char *text = getenv("KEVENT_ROUNDS");
	int rounds = text ? atoi(text) : (int)scaled_rounds(5);

	CHECK_GT(rounds, 0);
	return rounds;
}

/* A file that goes with its child: some of them before the queue, some after. */
static void use_files(int q)
{
	struct thing t;
	int i;

	for (i = 0; i < KIND_MAX; i++) {
		thing_make(&t, &kinds[i]);
		thing_add(q, &t, i & 1 ? KEVENT_REQ_LAST_CHECK : 0);
		thing_raise(&t);
		if (i & 2)
			take(q);
		if (i & 4 || i == KIND_PIDFD)
			thing_drop(&t);
	}
}

static void use_timers(int q)
{
	struct ukevent uk;
	int i;

	for (i = 0; i < 20; i++) {
		kevent_prep_timer(&uk, i, 0, 100000, CLOCK_MONOTONIC, 0, i);
		kev_change(q, KEVENT_CTL_ADD, &uk);
	}
	pt_block();
	i = pt_create(CLOCK_MONOTONIC);
	pt_set(i, 0, 1, 100 * US);
	pt_add(q, i, 0);
}

/* One signal that is told, one that is taken away and would kill. */
static void use_signals(int q)
{
	add_signal(q, SIGURG, 0);
	CHECK_OK(raise(SIGURG));
	if (!try_signal(q, KEVENT_CTL_ADD, SIGTERM | NOMASK, 0))
		CHECK_OK(raise(SIGTERM));
}

static void use_inodes(int q)
{
	int dir = CHECK_OK(open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	kev_add(q, KEVENT_INODE, dir, 0xfff, 0);
	close(CHECK_OK(open("/tmp/round", O_CREAT | O_RDWR | O_CLOEXEC, 0600)));
	CHECK_OK(unlink("/tmp/round"));
}

/* Transfers under way when the queue goes: nobody reads. */
static void use_transfers(int q)
{
	int fds[2], fd = CHECK_OK(memfd_create("round", MFD_CLOEXEC));

	CHECK_OK(ftruncate(fd, 1 << 20));
	unix_pair(SOCK_STREAM, fds);
	CHECK_EQ(kevent_aio_sendfile(q, fds[0], fd, 0, KEVENT_AIO_TO_END, 1,
				     NULL), 0);
}

static void use(void *arg)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 64);

	(void)arg;
	use_timers(q);
	use_files(q);
	use_signals(q);
	use_inodes(q);
	use_transfers(q);
	kev_add_user(q, 1);
	kev_fire(q, 1, 0);
	CHECK_GT(kevent_ring_wait(&ring, NULL), 0);
	/* the rest goes with the process */
}

static void all_rounds(void *arg)
{
	int rounds = *(int *)arg;

	while (rounds--) {
		wait_child(start_child(use, NULL));
		unload_soon();
		load("");
	}
}

TEST_TIMEOUT(rounds, 60)
{
	int rounds = rounds_wanted();

	run_apart(all_rounds, &rounds);
}

/* A second one, perhaps newer: the first has to go before. */
static void upgrade(void *arg)
{
	int q = kev_queue(NULL, 0);

	(void)arg;
	CHECK_ERRNO(try_load(""), EEXIST);
	CHECK(unload() < 0 && is_busy(errno));
	kev_add_user(q, 1);
	kev_fire(q, 1, 0);
	kev_expect_get(q, 1, ~0u);
	kev_close(q, NULL);
	unload_soon();
	load("");
	wait_child(start_child(use, NULL));
}

TEST(upgrade)
{
	run_apart(upgrade, NULL);
}
