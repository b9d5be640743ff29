// SPDX-License-Identifier: GPL-2.0
/* Tests waiting that looks before it sleeps, and consumers that copy out and sleep. */
#include "ends.h"
#include "kev.h"

#include <signal.h>

#define MS	1000000ull
#define LONG	(10000 * MS)	/* longer than any test takes */

static struct kevent_ring ring;
static int q;

static void setup(void)
{
	q = kev_queue(&ring, 64);
	kev_add_user(q, 1);
}

static unsigned long long sleeps(void)
{
	return kev_stat(q, "waits");
}

/* Fires when the main thread is in its call, or soon will be. */
static void *fire_soon(void *arg)
{
	(void)arg;
	usleep(20000);
	kev_fire(q, 1, 1);
	return NULL;
}

/* What comes while it looks is taken with no sleep. */
TEST(spin_finds)
{
	struct test_thread t;

	setup();
	thread_start(&t, fire_soon, NULL);
	CHECK_EQ(kevent_ring_wait_spin(&ring, 0, LONG, NULL), 1);
	CHECK_EQ(kevent_ring_more(&ring)->ptr, 1);
	CHECK_EQ(sleeps(), 0);
	thread_join(&t);
}

/* It looks for as long as it is told, and then sleeps. */
TEST(spin_then_sleep)
{
	const struct timespec timeout = { .tv_nsec = 20 * MS };
	uint64_t start;

	setup();
	start = now_ns();
	CHECK_EQ(kevent_ring_wait_spin(&ring, 0, 30 * MS, &timeout), 0);
	CHECK_GE(now_ns() - start, 50 * MS);
	CHECK_EQ(sleeps(), 1);
}

static void *wait_spin(void *arg)
{
	CHECK_EQ(kevent_ring_wait_spin(&ring, 0, MS, NULL), 1);
	return arg;
}

/* Who sleeps in the end is woken. */
TEST(spin_is_woken)
{
	struct test_thread t;

	setup();
	thread_start(&t, wait_spin, NULL);
	wait_blocked(t.tid);
	kev_fire(q, 1, 1);
	thread_join(&t);
	CHECK_EQ(kevent_ring_more(&ring)->ptr, 1);
}

/* A batch in hand is not lost, and neither looked nor slept for. */
TEST(spin_keeps_the_batch)
{
	uint64_t start;

	setup();
	kev_add_user(q, 2);
	kev_fire(q, 1, 1);
	kev_fire(q, 2, 1);
	CHECK_EQ(kevent_ring_wait_spin(&ring, 1, LONG, NULL), 1);
	CHECK_EQ(kevent_ring_wait_spin(&ring, 1, LONG, NULL), 1);
	CHECK_EQ(kevent_ring_more(&ring)->ptr, 1);
	start = now_ns();
	CHECK_EQ(kevent_ring_wait_spin(&ring, 1, LONG, NULL), 1);
	CHECK_LT(now_ns() - start, LONG / 2);
	CHECK_EQ(kevent_ring_more(&ring)->ptr, 2);
}

/* A level-triggered watch needs a call: looking for it would be in vain. */
TEST(spin_makes_the_call)
{
	int fd = CHECK_OK(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
	uint64_t start;
	int i;

	setup();
	kev_add_poll(q, fd, KEVENT_POLL_POLLIN, KEVENT_REQ_ALWAYS_QUEUE);
	start = now_ns();
	for (i = 0; i < 3; i++) {
		CHECK_EQ(kevent_ring_wait_spin(&ring, 0, LONG, NULL), 1);
		CHECK_EQ(kevent_ring_more(&ring)->ptr, fd);
	}
	CHECK_LT(now_ns() - start, LONG / 2);
}

/* ---- Copied out ---------------------------------------------------------- */

TEST(take_what_is_there)
{
	struct ukevent uk[4];

	setup();
	kev_add_user(q, 2);
	kev_fire(q, 1, 1);
	kev_fire(q, 2, 1);
	CHECK_EQ(kevent_ring_take_wait(&ring, uk, 1, 0, NULL), 1);
	CHECK_EQ(uk[0].ptr, 1);
	CHECK_EQ(kevent_ring_take_wait(&ring, uk, 4, LONG, NULL), 1);
	CHECK_EQ(uk[0].ptr, 2);
	CHECK_EQ(sleeps(), 0);
	CHECK_ERRNO(kevent_ring_take_wait(&ring, uk, 0, 0, NULL), EINVAL);
}

TEST(take_spin)
{
	struct test_thread t;
	struct ukevent uk;

	setup();
	thread_start(&t, fire_soon, NULL);
	CHECK_EQ(kevent_ring_take_wait(&ring, &uk, 1, LONG, NULL), 1);
	CHECK_EQ(uk.ptr, 1);
	CHECK_EQ(sleeps(), 0);
	thread_join(&t);
}

TEST(take_timeout)
{
	const struct timespec timeout = { .tv_nsec = 20 * MS };
	struct ukevent uk;
	uint64_t start;

	setup();
	start = now_ns();
	CHECK_EQ(kevent_ring_take_wait(&ring, &uk, 1, 10 * MS, &timeout), 0);
	CHECK_GE(now_ns() - start, 30 * MS);
}

static void on_signal(int signo)
{
	(void)signo;
}

static void *take_for_signal(void *arg)
{
	struct ukevent uk;

	CHECK_ERRNO(kevent_ring_take_wait(&ring, &uk, 1, 0, NULL), EINTR);
	return arg;
}

static void *take_for_wake(void *arg)
{
	struct ukevent uk;

	CHECK_EQ(kevent_ring_take_wait(&ring, &uk, 1, 0, NULL), 0);
	return arg;
}

TEST(take_ends_without)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct test_thread t;

	setup();
	CHECK_OK(sigaction(SIGUSR1, &sa, NULL));
	thread_start(&t, take_for_signal, NULL);
	wait_blocked(t.tid);
	CHECK_EQ(pthread_kill(t.thread, SIGUSR1), 0);
	thread_join(&t);
	thread_start(&t, take_for_wake, NULL);
	wait_blocked(t.tid);
	CHECK_EQ(kevent_wake(q, 1), 1);
	thread_join(&t);
}

/* What only a task can ask is asked by who looks for events, if nobody sleeps for them. */
TEST(take_asks)
{
	struct ends e = new_sockets(SOCK_DGRAM);
	struct ukevent uk;
	int i;

	setup();
	kev_add_poll(q, e.fd[0], KEVENT_POLL_POLLIN, KEVENT_REQ_ET);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(kevent_ring_take(&ring, &uk, 1), 0);
		CHECK_EQ(write(e.fd[1], "x", 1), 1);
		CHECK_EQ(kevent_ring_take(&ring, &uk, 1), 1);
		CHECK_EQ(uk.ptr, e.fd[0]);
	}
}

TEST(get_refuses_flags)
{
	struct ukevent uk;

	setup();
	kev_fire(q, 1, 1);
	CHECK_ERRNO(kevent_get_events(q, 1, 1, NULL, &uk, 0x8000), EINVAL);
	CHECK_ERRNO(kevent_get_events(q, 0, 1, NULL, &uk, 0x8000), EINVAL);
	CHECK_EQ(kevent_get_events(q, 1, 1, NULL, &uk, 0), 1);
	CHECK_EQ(uk.ptr, 1);
}

/* ---- Several consumers ---------------------------------------------------- */

#define EVENTS	4000u
#define STOP	(~0ull)

static unsigned char taken[EVENTS];
static unsigned int rounds[2];

/* Counts what was taken; true: it was told to stop. */
static bool take_some(unsigned int *num)
{
	struct ukevent uk[8];
	bool stop = false;
	int i, n = CHECK_OK(kevent_ring_take_wait(&ring, uk, 8, MS / 10, NULL));

	for (i = 0; i < n; i++) {
		if (uk[i].ptr == STOP) {
			CHECK(!stop);
			stop = true;
		} else {
			__atomic_fetch_add(&taken[uk[i].ptr], 1, __ATOMIC_RELAXED);
			(*num)++;
		}
	}
	return stop;
}

static void *consume(void *arg)
{
	unsigned int *num = arg;

	while (!take_some(num))
		;
	return NULL;
}

static void fire_payload(uint64_t ptr)
{
	while (kevent_fire(q, 2, 1, ptr) < 0) {
		CHECK_EQ(errno, EAGAIN);
		sched_yield();
	}
}

/* One after the other: who is told takes all that it has, and ends. */
static void stop(struct test_thread *t)
{
	fire_payload(STOP);
	while (task_state(t[0].tid) && task_state(t[1].tid))
		sched_yield();
	fire_payload(STOP);
	thread_join(&t[0]);
	thread_join(&t[1]);
}

/* Two at one ring of few slots: each event is had once. */
TEST_TIMEOUT(two_consumers, 60)
{
	struct test_thread t[2];
	struct ukevent uk;
	unsigned int i;

	q = kev_queue(&ring, 16);
	kevent_prep(&uk, KEVENT_UNOTIFY, 2, 1, KEVENT_REQ_PAYLOAD, 0);
	CHECK_OK(kevent_add(q, &uk));
	for (i = 0; i < 2; i++)
		thread_start(&t[i], consume, &rounds[i]);
	for (i = 0; i < EVENTS; i++)
		fire_payload(i);
	stop(t);
	for (i = 0; i < EVENTS; i++)
		CHECK_EQ(taken[i], 1);
	NOTE("%u and %u", rounds[0], rounds[1]);
}
