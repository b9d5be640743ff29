// SPDX-License-Identifier: GPL-2.0
/* What GET_EVENTS of several, READY and ADD make of watches that are to be asked. */
#include "files.h"

#include <poll.h>
#include <sys/eventfd.h>

#define LAST KEVENT_REQ_LAST_CHECK

static int raised(void)
{
	return CHECK_OK(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
}

static void lower(int fd)
{
	uint64_t value;

	CHECK_EQ(read(fd, &value, sizeof(value)), (ssize_t)sizeof(value));
}

static void raise_it(int fd)
{
	const uint64_t one = 1;

	CHECK_EQ(write(fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static int get(int q, struct ukevent *uk, unsigned int min, unsigned int max)
{
	const struct timespec limit = { .tv_nsec = 100000000 };

	return kevent_get_events(q, min, max, &limit, uk, 0);
}

/* Several are wanted, and all that there are have to be asked. */
static void minimum(unsigned int flags)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fds[2];
	struct ukevent uk[4];

	fds[0] = raised();
	fds[1] = raised();
	kev_add_poll(q, fds[0], POLLIN, flags | KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(get(q, uk, 2, 4), 1);
	kev_add_poll(q, fds[1], POLLIN, flags | KEVENT_REQ_ALWAYS_QUEUE);
	if (flags & KEVENT_REQ_DISPATCH)
		kev_modify(q, KEVENT_POLL, fds[0], POLLIN,
			   flags | KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(get(q, uk, 2, 4), 2);
	kev_close(q, &ring);
}

TEST(minimum_of_level)
{
	minimum(LAST);
}

TEST(minimum_of_dispatch)
{
	minimum(LAST | KEVENT_REQ_DISPATCH);
}

/* An event that waits of a file that only a task can ask, and several are wanted. */
static void fired_beside_a_wakeup(unsigned int flags)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk[4];

	CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds));
	kev_add_poll(q, fds[0], POLLIN, flags);
	CHECK_EQ(send(fds[1], "x", 1, 0), 1);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_POLL, fds[0], POLLIN, 0), 0);
	CHECK_EQ(recv(fds[0], uk, 1, 0), 1);
	CHECK_EQ(get(q, uk, 2, 4), 1);
	CHECK_EQ(uk[0].ret_data[0], POLLIN);
	CHECK_EQ(get(q, uk, 1, 4), 0);
	CHECK_EQ(kev_stat(q, "watches"), !(flags & KEVENT_REQ_ONESHOT));
}

TEST(waits_for_another_oneshot)
{
	fired_beside_a_wakeup(KEVENT_REQ_ONESHOT);
}

TEST(waits_for_another_edge)
{
	fired_beside_a_wakeup(KEVENT_REQ_ET);
}

/* What waits stays in its order, whatever is asked between, and if that is not ready. */
TEST(order_of_what_waits)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk[4];

	CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds));
	kev_add_user(q, 1);
	kev_add_user(q, 2);
	kev_add_poll(q, fds[0], POLLIN, KEVENT_REQ_ET);
	kev_fire(q, 1, 1);
	CHECK_EQ(send(fds[1], "x", 1, 0), 1);
	CHECK_EQ(recv(fds[0], uk, 1, 0), 1);
	kev_fire(q, 2, 1);
	CHECK_EQ(get(q, uk, 2, 4), 2);
	CHECK_EQ(uk[0].ptr, 1);
	CHECK_EQ(uk[1].ptr, 2);
}

/* READY is no expiry, and none is forgotten. */
TEST(ready_keeps_the_total)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	uint32_t total;

	kevent_prep_timer(&uk, 1, 1000000, 1000000, CLOCK_MONOTONIC,
			  KEVENT_REQ_ET, 0);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	do {
		CHECK_EQ(get(q, &uk, 1, 1), 1);
	} while (uk.ret_data[1] < 20);
	total = uk.ret_data[1];
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_TIMER, 1,
			 KEVENT_TIMER_FIRED, 0), 0);
	while (uk.ret_data[1] < total + 5) {
		CHECK_EQ(get(q, &uk, 1, 1), 1);
		CHECK_GE(uk.ret_data[1], total);
	}
}

/* A fired one-shot that is still to be asked makes way: there is one watch. */
TEST(added_over_a_stale_entry)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), fd = raised();
	struct ukevent uk[4];

	kev_add_poll(q, fd, POLLIN,
		     LAST | KEVENT_REQ_ONESHOT | KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_OK(kevent_ring_call(&ring));
	CHECK_EQ(kev_tail(&ring), 1);
	lower(fd);
	kev_add_poll(q, fd, POLLIN, LAST | KEVENT_REQ_ONESHOT);
	CHECK_EQ(get(q, uk, 0, 4), 0);
	CHECK_EQ(kev_stat(q, "watches"), 1);
	raise_it(fd);
	CHECK_EQ(get(q, uk, 1, 4), 1);
	CHECK_EQ(get(q, uk, 0, 4), 0);
	kev_add_poll(q, fd, POLLIN,
		     LAST | KEVENT_REQ_ONESHOT | KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(get(q, uk, 1, 4), 1);
	kev_close(q, &ring);
}

/* What poll(2) looks at is bounded; the rest it believes to be ready. */
TEST(poll_looks_at_a_few)
{
	enum { LEVELS = 65, STALE = 200 };
	struct kevent_ring ring;
	struct pollfd pollfd;
	int q, fds[LEVELS + STALE], i;

	q = kev_queue(&ring, 512);
	for (i = 0; i < LEVELS + STALE; i++) {
		fds[i] = raised();
		kev_add_poll(q, fds[i], POLLIN, (i < LEVELS ? 0 : LAST) |
			     KEVENT_REQ_ALWAYS_QUEUE);
	}
	CHECK_EQ(kev_tail(&ring), LEVELS);
	kev_claim_to(&ring, LEVELS);
	kev_free_to(&ring, LEVELS);
	for (i = 0; i < LEVELS + STALE; i++)
		lower(fds[i]);
	pollfd = (struct pollfd){ .fd = q, .events = POLLIN };
	CHECK_EQ(poll(&pollfd, 1, 0), 1);
	for (i = 0; i < 16 && poll(&pollfd, 1, 0); i++)
		;
	CHECK_GE(i, 3);
	CHECK_LE(i, 15);
	kev_close(q, &ring);
}

/* ---- Each once in a call ------------------------------------------------- */

#define MANY	48
#define CALLS	(4000 / (int)test_scale())

struct other {
	struct test_thread thread;
	int q;
	bool stop;
};

/* Takes one at a time: those behind it come to their turn in the other's call. */
static void *other_run(void *arg)
{
	struct other *o = arg;
	struct ukevent uk;

	while (!__atomic_load_n(&o->stop, __ATOMIC_ACQUIRE))
		CHECK_OK(get(o->q, &uk, 0, 1));
	return NULL;
}

static void expect_different(const struct ukevent *uk, int num)
{
	uint64_t seen = 0;
	int i;

	for (i = 0; i < num; i++) {
		CHECK(!(seen & 1ull << uk[i].ptr));
		seen |= 1ull << uk[i].ptr;
	}
}

/* Level-triggered ones come back to the list, behind those that were not taken yet. */
static void once_in_a_call(unsigned int flags)
{
	struct other o = { .q = kev_queue(NULL, 0) };
	struct ukevent uk[64];
	int i, num, most = 0;

	for (i = 0; i < MANY; i++) {
		kevent_prep(uk, KEVENT_POLL, raised(), POLLIN, flags, i);
		kevent_ctl_one(o.q, KEVENT_CTL_ADD, uk);
	}
	thread_start(&o.thread, other_run, &o);
	for (i = 0; i < CALLS; i++) {
		num = CHECK_OK(get(o.q, uk, 0, 64));
		expect_different(uk, num);
		most = num > most ? num : most;
	}
	CHECK(most > 16);
	__atomic_store_n(&o.stop, true, __ATOMIC_RELEASE);
	thread_join(&o.thread);
}

TEST(once_in_a_call)		{ once_in_a_call(KEVENT_REQ_ALWAYS_QUEUE); }
TEST(once_in_a_call_asked)	{ once_in_a_call(KEVENT_REQ_ALWAYS_QUEUE | LAST); }
