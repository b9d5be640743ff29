// SPDX-License-Identifier: GPL-2.0
/* Changes and commit inside WAIT: done before it sleeps, told truly after any error. */
#include "kev.h"

#include <signal.h>

static void prep_add(struct ukevent *uk, uint64_t id)
{
	kevent_prep(uk, KEVENT_UNOTIFY, id, ~0u,
		    KEVENT_REQ_ET | KEVENT_REQ_CMD(KEVENT_CTL_ADD), id);
}

static void prep_cmd(struct ukevent *uk, unsigned int cmd, uint64_t id)
{
	kevent_prep(uk, KEVENT_UNOTIFY, id, 1, KEVENT_REQ_CMD(cmd), id);
}

static uint64_t watches(int q)
{
	struct kevent_ioc_info info;

	CHECK_EQ(kevent_info(q, &info), 0);
	return info.queue_watches;
}

static struct kevent_ioc_wait with_changes(struct ukevent *uk, unsigned int num)
{
	struct kevent_ioc_wait wait;

	memset(&wait, 0, sizeof(wait));
	wait.changes = (uintptr_t)uk;
	wait.nchanges = num;
	wait.clockid = CLOCK_MONOTONIC;
	wait.done = 99;
	wait.failed = 99;
	return wait;
}

TEST(carried_out)
{
	struct kevent_ring ring;
	struct ukevent uk[4];
	struct kevent_ioc_wait wait = with_changes(uk, 4);
	int q = kev_queue(&ring, 4);

	prep_add(&uk[0], 1);
	prep_add(&uk[1], 2);
	prep_cmd(&uk[2], KEVENT_CTL_READY, 2);
	prep_cmd(&uk[3], KEVENT_CTL_REMOVE, 1);
	wait.min = 1;
	CHECK_EQ(ioctl(q, KEVENT_IOC_WAIT, &wait), 1);
	CHECK_EQ(wait.done, 4);
	CHECK_EQ(wait.failed, 0);
	CHECK_EQ(wait.tail, 1);
	CHECK(uk[0].cookie);
	CHECK_EQ(watches(q), 1);
	kev_expect(&ring, 2, 1);
}

/* One that fails does not stop the others, but there is no waiting. */
TEST(failed)
{
	struct kevent_ring ring;
	struct ukevent uk[3];
	struct kevent_ioc_wait wait = with_changes(uk, 3);
	int q = kev_queue(&ring, 4);

	prep_add(&uk[0], 1);
	prep_cmd(&uk[1], KEVENT_CTL_REMOVE, 99);
	prep_add(&uk[2], 2);
	wait.min = 1;
	CHECK_EQ(ioctl(q, KEVENT_IOC_WAIT, &wait), 0);
	CHECK_EQ(wait.done, 3);
	CHECK_EQ(wait.failed, 1);
	CHECK_EQ(kevent_error(&uk[0]), 0);
	CHECK_EQ(kevent_error(&uk[1]), ENOENT);
	CHECK_EQ(kevent_error(&uk[2]), 0);
	CHECK_EQ(watches(q), 2);
}

TEST(unknown_command)
{
	struct kevent_ring ring;
	struct ukevent uk[2];
	struct kevent_ioc_wait wait = with_changes(uk, 2);
	int q = kev_queue(&ring, 4);

	prep_cmd(&uk[0], KEVENT_CTL_MIXED, 1);
	prep_cmd(&uk[1], 15, 1);
	wait.min = 1;
	CHECK_EQ(ioctl(q, KEVENT_IOC_WAIT, &wait), 0);
	CHECK_EQ(wait.failed, 2);
	CHECK_EQ(kevent_error(&uk[0]), EINVAL);
	CHECK_EQ(kevent_error(&uk[1]), EINVAL);
}

/* Written back before the sleep, where another thread can see it. */
TEST(written_back_before_sleeping)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	struct ukevent uk[2];
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 9);
	kev_fire(q, 9, 1);
	kev_claim_to(&ring, 1);
	prep_add(&uk[0], 1);
	prep_add(&uk[1], 2);
	kev_sleeper_prep(&s, q);
	s.wait = with_changes(uk, 2);
	s.wait.min = 1;
	s.wait.flags = KEVENT_FLAGS_COMMIT;
	s.wait.commit = 1;
	kev_sleeper_start(&s);
	CHECK_EQ(s.wait.done, 2);
	CHECK_EQ(s.wait.failed, 0);
	CHECK_EQ(s.wait.head, 1);
	CHECK(uk[0].cookie);
	CHECK(uk[1].cookie);
	CHECK_EQ(kev_head(&ring), 1);
	CHECK_EQ(watches(q), 3);
	kev_fire(q, 2, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	CHECK_EQ(s.wait.done, 2);
}

static void on_signal(int sig)
{
	(void)sig;
}

TEST(true_after_signal)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	struct ukevent uk[1];
	int q = kev_queue(&ring, 4);

	signal(SIGUSR1, on_signal);
	prep_add(&uk[0], 1);
	kev_sleeper_prep(&s, q);
	s.wait = with_changes(uk, 1);
	s.wait.min = 1;
	kev_sleeper_start(&s);
	pthread_kill(s.thread.thread, SIGUSR1);
	CHECK_ERRNO(kev_sleeper_join(&s), EINTR);
	CHECK_EQ(s.wait.done, 1);
	CHECK_EQ(s.wait.failed, 0);
	CHECK_EQ(watches(q), 1);
}

TEST(true_after_timeout)
{
	struct kevent_ring ring;
	struct ukevent uk[1];
	struct kevent_ioc_wait wait = with_changes(uk, 1);
	int q = kev_queue(&ring, 4);

	prep_add(&uk[0], 1);
	wait.min = 1;
	wait.flags = KEVENT_FLAGS_TIMEOUT;
	wait.timeout.tv_nsec = 1000000;
	CHECK_EQ(ioctl(q, KEVENT_IOC_WAIT, &wait), 0);
	CHECK_EQ(wait.done, 1);
	CHECK_EQ(wait.failed, 0);
}

static void faults_at(unsigned int k, bool with_commit)
{
	struct ukevent *uk = kev_fault_after(k * sizeof(*uk), PROT_NONE);
	struct kevent_ioc_wait wait = with_changes(uk, 5);
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);
	unsigned int i;

	for (i = 0; i < k; i++)
		prep_add(&uk[i], i);
	wait.min = 1;
	if (with_commit)
		wait.flags = KEVENT_FLAGS_COMMIT;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_WAIT, &wait), EFAULT);
	CHECK_EQ(wait.done, k);
	CHECK_EQ(wait.failed, 0);
	CHECK_EQ(watches(q), k);
	kev_close(q, &ring);
}

TEST(true_after_fault)
{
	unsigned int k;

	for (k = 0; k < 5; k++) {
		faults_at(k, false);
		faults_at(k, true);
	}
}

TEST(fault_loses_no_event)
{
	struct kevent_ioc_wait wait = with_changes(NULL, 1);
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	wait.min = 1;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_WAIT, &wait), EFAULT);
	kev_expect(&ring, 1, 1);
}

/* ---- Commit ------------------------------------------------------------ */

static int queue_with(struct kevent_ring *ring, unsigned int num, uint32_t seen)
{
	int q = kev_queue(ring, 8);
	unsigned int i;

	for (i = 0; i < num; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	kev_claim_to(ring, seen);
	return q;
}

static struct kevent_ioc_wait with_commit(uint32_t head)
{
	struct kevent_ioc_wait wait;

	memset(&wait, 0, sizeof(wait));
	wait.flags = KEVENT_FLAGS_COMMIT;
	wait.commit = head;
	wait.clockid = CLOCK_MONOTONIC;
	return wait;
}

TEST(commit)
{
	struct kevent_ioc_wait wait = with_commit(3);
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 4);

	CHECK_OK(ioctl(q, KEVENT_IOC_WAIT, &wait));
	CHECK_EQ(wait.head, 3);
	CHECK_EQ(wait.tail, 6);
	CHECK_EQ(kev_head(&ring), 3);
	wait = with_commit(4);
	wait.min = 1;
	CHECK_EQ(ioctl(q, KEVENT_IOC_WAIT, &wait), 2);
	CHECK_EQ(kev_head(&ring), 4);
}

TEST(commit_out_of_range)
{
	static const uint32_t bad[] = { 2, 7, 0x80000000, 0xffffffff };
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 6);
	unsigned int i;

	CHECK_EQ(kevent_commit(q, 3, 0), 3);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kevent_ioc_wait wait = with_commit(bad[i]);

		wait.min = 1;
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_WAIT, &wait), EOVERFLOW);
		CHECK_EQ(kev_head(&ring), 3);
	}
}

TEST(commit_of_what_nobody_has_claimed)
{
	struct kevent_ioc_wait wait = with_commit(5);
	struct kevent_ring ring;
	int q = queue_with(&ring, 6, 4);

	CHECK(ioctl(q, KEVENT_IOC_WAIT, &wait) == -1);
	CHECK(errno == EINVAL || errno == EOVERFLOW);
	CHECK_EQ(kev_head(&ring), 0);
	CHECK_EQ(kev_seen(&ring), 4);
}

/* Changes come first, and are told of though the commit is refused. */
TEST(changes_before_bad_commit)
{
	struct ukevent uk[2];
	struct kevent_ioc_wait wait = with_changes(uk, 2);
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	prep_add(&uk[0], 1);
	prep_cmd(&uk[1], KEVENT_CTL_REMOVE, 99);
	wait.flags = KEVENT_FLAGS_COMMIT;
	wait.commit = 3;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_WAIT, &wait), EOVERFLOW);
	CHECK_EQ(wait.done, 2);
	CHECK_EQ(wait.failed, 1);
	CHECK_EQ(watches(q), 1);
}

/* The program's own index is enough to give back a batch and sleep. */
TEST(commit_and_sleep)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = queue_with(&ring, 2, 2);

	kev_sleeper_prep(&s, q);
	s.wait = with_commit(2);
	s.wait.flags |= KEVENT_FLAGS_LAST;
	s.wait.last = 2;
	s.wait.min = 1;
	kev_sleeper_start(&s);
	CHECK_EQ(kev_head(&ring), 2);
	kev_fire(q, 0, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
}
