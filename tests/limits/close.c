// SPDX-License-Identifier: GPL-2.0
/* The end of a file costs the same for each queue that watches it, however many do. */
#include "kev.h"

#include <sys/resource.h>

/*
 * Times are compared with each other only, and the best of some tries counts: if
 * each queue is looked at for each queue, it is twenty times as dear with MANY.
 */
enum { FEW = 100, MANY = 2000, TRIES = 8, DEARER = 4 };

static int queues[MANY];

/* How it is watched. */
struct how {
	unsigned int flags;
	bool fire;		/* each queue has an event of it */
	unsigned int left;	/* watches that each queue has afterwards */
};

static void watch(const struct how *how, int fd, unsigned int num)
{
	uint64_t one = 1;
	unsigned int i;

	for (i = 0; i < num; i++) {
		queues[i] = kev_queue(NULL, 0);
		kev_add_poll(queues[i], fd, POLLIN, how->flags);
	}
	if (how->fire)
		CHECK_EQ(write(fd, &one, 8), 8);
}

static void close_queues(const struct how *how, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num; i++) {
		CHECK_EQ(kev_stat(queues[i], "watches"), how->left);
		CHECK_EQ(close(queues[i]), 0);
	}
}

/* Nanoseconds for each queue. */
static uint64_t cost(const struct how *how, unsigned int num)
{
	int fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	uint64_t start, end;

	watch(how, fd, num);
	start = now_ns();
	CHECK_EQ(close(fd), 0);
	end = now_ns();
	close_queues(how, num);
	return (end - start) / num;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void check_linear(const struct how *how)
{
	struct rlimit limit = { .rlim_cur = MANY + 100, .rlim_max = MANY + 100 };
	uint64_t few = ~0ull, many = ~0ull;
	int i;

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (i = 0; i < TRIES; i++)
		few = least(few, cost(how, FEW));
	for (i = 0; i < TRIES; i++) {
		many = least(many, cost(how, MANY));
		NOTE("%llu ns for each of %d, %llu for each of %d",
		     (unsigned long long)few, FEW, (unsigned long long)many,
		     MANY);
		if (many < DEARER * few)
			return;
	}
	FAIL("the more queues there are, the dearer is each");
}

TEST_TIMEOUT(in_many_queues, 120)
{
	static const struct how how = { .flags = KEVENT_REQ_ET };

	check_linear(&how);
}

/* Each has an event to take back. */
TEST_TIMEOUT(with_an_event, 120)
{
	static const struct how how = {
		.flags = KEVENT_REQ_ET, .fire = true,
	};

	check_linear(&how);
}

/* Each gets a last event. */
TEST_TIMEOUT(told_to_each, 120)
{
	static const struct how how = {
		.flags = KEVENT_REQ_ET | KEVENT_REQ_CLOSED, .left = 1,
	};

	check_linear(&how);
}
