// SPDX-License-Identifier: GPL-2.0
/* The queue's fdinfo: watches and counters, which count right. */
#include "kev.h"

static const struct timespec zero;

TEST(watches)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));

	CHECK_EQ(kev_stat(q, "watches"), 0);
	kev_add_user(q, 1);
	kev_add_poll(q, fd, POLLIN, 0);
	CHECK_EQ(kev_stat(q, "watches"), 2);
	kev_remove(q, KEVENT_UNOTIFY, 1);
	CHECK_EQ(kev_stat(q, "watches"), 1);
	CHECK_OK(close(fd));
	CHECK_EQ(kev_stat(q, "watches"), 0);
}

TEST(before_init)
{
	int q = CHECK_OK(kevent_open());

	CHECK_EQ(kev_stat(q, "watches"), 0);
	CHECK_EQ(kev_stat(q, "posted"), 0);
}

TEST(posted_and_merged)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_add_user(q, 2);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_stat(q, "posted"), 1);
	CHECK_EQ(kev_stat(q, "merged"), 0);
	kev_fire(q, 1, 1);
	kev_fire(q, 1, 1);
	kev_fire(q, 2, 1);
	CHECK_EQ(kev_stat(q, "posted"), 2);
	CHECK_EQ(kev_stat(q, "merged"), 2);
	kev_expect(&ring, 1, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_stat(q, "posted"), 3);
	CHECK_EQ(kev_stat(q, "merged"), 2);
	CHECK_EQ(kev_stat(q, "overflowed"), 0);
}

TEST(overflowed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2), i;

	for (i = 0; i < 5; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	CHECK_EQ(kev_stat(q, "posted"), 2);
	CHECK_EQ(kev_stat(q, "overflowed"), 3);
	for (i = 0; i < 5; i++)
		kev_expect(&ring, i, 1);
	kev_expect_none(&ring);
	CHECK_EQ(kev_stat(q, "posted"), 5);
}

/* Calls that wait are counted, and those of them that need not sleep. */
TEST(waits_and_immediate)
{
	unsigned long long waits, immediate;
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	CHECK_EQ(kev_stat(q, "waits"), 0);
	CHECK_EQ(kev_stat(q, "immediate"), 0);
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	waits = kev_stat(q, "waits");
	immediate = kev_stat(q, "immediate");
	CHECK_EQ(waits, 1);
	CHECK_EQ(immediate, 0);
	CHECK_EQ(kevent_wait(q, 1, 0, NULL, 0), 1);
	CHECK_EQ(kev_stat(q, "immediate"), 1);
	kev_claim_to(&ring, 1);
	CHECK_EQ(kevent_wait(q, 1, 1, &zero, 0), 0);
	CHECK_GE(kev_stat(q, "waits"), waits);
	CHECK_EQ(kev_stat(q, "posted"), 1);
}

TEST(ring_reads_are_not_counted)
{
	unsigned long long waits, immediate;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), i;

	kev_add_user(q, 1);
	waits = kev_stat(q, "waits");
	immediate = kev_stat(q, "immediate");
	for (i = 0; i < 50; i++) {
		kev_fire(q, 1, 1);
		kev_expect(&ring, 1, 1);
		kev_expect_none(&ring);
	}
	CHECK_EQ(kev_stat(q, "waits"), waits);
	CHECK_EQ(kev_stat(q, "immediate"), immediate);
	CHECK_EQ(kev_stat(q, "posted"), 50);
}
