// SPDX-License-Identifier: GPL-2.0
/* Tests that open() and close() take no longer when many users have queues. */
#include "kev.h"

#include <sys/resource.h>

enum {
	USERS = 10000,
	FIRST = 100000,		/* uid of the first */
	OPENS = 200,
	TRIES = 10,
};

static int queues[USERS];

static void allow_files(void)
{
	struct rlimit limit = { .rlim_cur = USERS + 100, .rlim_max = USERS + 100 };

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Opened as somebody else; it is root again afterwards. */
static int open_as(uid_t uid)
{
	int q;

	CHECK_EQ(setresuid(uid, uid, 0), 0);
	q = CHECK_OK(kevent_open());
	CHECK_EQ(setresuid(0, 0, 0), 0);
	return q;
}

/* Opens and closes, by one who has a queue, and by ones who have none.  The best time. */
static uint64_t best(void)
{
	uint64_t least = ~0ull, spent;
	int i, j;

	for (i = 0; i < TRIES; i++) {
		spent = now_ns();
		for (j = 0; j < OPENS; j++) {
			close(CHECK_OK(kevent_open()));
			close(open_as(FIRST + 2 * USERS + j));
		}
		spent = now_ns() - spent;
		if (spent < least)
			least = spent;
	}
	return least / OPENS;
}

TEST_TIMEOUT(open_and_close, 120)
{
	uint64_t few, many;
	int i, q;

	allow_files();
	q = CHECK_OK(kevent_open());
	few = best();
	for (i = 0; i < USERS; i++)
		queues[i] = open_as(FIRST + i);
	many = best();
	NOTE("%llu ns, and %llu ns beside %d users", (unsigned long long)few,
	     (unsigned long long)many, USERS);
	CHECK_LT(many, 3 * few);
	for (i = 0; i < USERS; i++)
		close(queues[i]);
	close(q);
}
