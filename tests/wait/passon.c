// SPDX-License-Identifier: GPL-2.0
/* A sleeper that leaves by timeout or signal after it was chosen passes the wake on. */
#include "kev.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define ROUNDS		3000
#define RUN_NS		3000000000ull
#define LOST_NS		10000000000ull

/*
 * Last in, first out: the fleeting sleeper comes back each round and is chosen
 * for the event, just as it leaves.  If it goes without the event, the patient
 * one, who has slept all the time, must have been woken.
 */
struct pass {
	struct kevent_ring ring;
	int q;
	struct test_thread patient;
	struct test_thread fleeting;
	int (*stay)(struct pass *p, uint32_t round);
	uint32_t round;		/* told to the fleeting one */
	uint32_t left;		/* told by it */
	uint32_t taken;		/* events that somebody has */
	uint32_t missed;	/* rounds in which the patient one was needed */
	bool stop;
};

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void take(struct pass *p)
{
	struct ukevent uk;

	while (kevent_ring_take(&p->ring, &uk, 1))
		__atomic_add_fetch(&p->taken, 1, __ATOMIC_RELEASE);
}

static void *patient(void *arg)
{
	struct kevent_ioc_wait wait;
	struct pass *p = arg;

	while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
		memset(&wait, 0, sizeof(wait));
		wait.min = 1;
		CHECK_OK(ioctl(p->q, KEVENT_IOC_WAIT, &wait));
		take(p);
	}
	return NULL;
}

static void *fleeting(void *arg)
{
	struct pass *p = arg;
	uint32_t round;

	for (round = 1; !__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE);) {
		if (load(&p->round) != round) {
			sched_yield();
			continue;
		}
		if (p->stay(p, round) > 0)
			take(p);
		else
			__atomic_add_fetch(&p->missed, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&p->left, round, __ATOMIC_RELEASE);
		round++;
	}
	return NULL;
}

static void spin_until(uint64_t end)
{
	while (now_ns() < end)
		;
}

static void await(const uint32_t *what, uint32_t value)
{
	uint64_t end = now_ns() + test_scale() * LOST_NS;

	while (load(what) != value) {
		if (now_ns() > end)
			FAIL("the event of round %u woke nobody", value);
		sched_yield();
	}
}

static void start(struct pass *p, int (*stay)(struct pass *p, uint32_t round))
{
	memset(p, 0, sizeof(*p));
	p->q = kev_queue_at(&p->ring, 4, 0, KEVENT_WAKE_LIFO, 0);
	kev_add_user(p->q, 1);
	p->stay = stay;
	thread_start(&p->patient, patient, p);
	wait_blocked_in(p->patient.tid, SYS_ioctl);
	thread_start(&p->fleeting, fleeting, p);
}

static void stop(struct pass *p, uint32_t rounds)
{
	__atomic_store_n(&p->stop, true, __ATOMIC_RELEASE);
	kev_fire(p->q, 1, 1);
	thread_join(&p->patient);
	thread_join(&p->fleeting);
	NOTE("%u rounds, %u for the patient one", rounds, p->missed);
}

/* ---- Timeouts ---------------------------------------------------------- */

static uint64_t stay_ns(uint32_t round)
{
	return 100000 + round % 16 * 20000;
}

static int wait_a_little(struct pass *p, uint32_t round)
{
	struct kevent_ioc_wait wait = {
		.min = 1, .flags = KEVENT_FLAGS_TIMEOUT,
		.clockid = CLOCK_MONOTONIC,
		.timeout.tv_nsec = stay_ns(round),
	};

	return CHECK_OK(ioctl(p->q, KEVENT_IOC_WAIT, &wait));
}

static int get_for_a_little(struct pass *p, uint32_t round)
{
	const struct timespec limit = { 0, stay_ns(round) };
	struct ukevent uk;
	int n = CHECK_OK(kevent_get_events(p->q, 1, 1, &limit, &uk, 0));

	__atomic_add_fetch(&p->taken, n, __ATOMIC_RELEASE);
	return n;
}

static void timeouts(int (*stay)(struct pass *p, uint32_t round))
{
	uint64_t end = now_ns() + RUN_NS;
	struct pass p;
	uint32_t round;

	start(&p, stay);
	for (round = 1; round <= ROUNDS && now_ns() < end; round++) {
		uint64_t now = now_ns();

		__atomic_store_n(&p.round, round, __ATOMIC_RELEASE);
		/* Around the end of its stay, a little later each time. */
		spin_until(now + stay_ns(round) - 50000 + round * 7919 % 150000);
		kev_fire(p.q, 1, 1);
		await(&p.taken, round);
		await(&p.left, round);
	}
	stop(&p, round - 1);
}

TEST_TIMEOUT(wait_times_out, 40)
{
	timeouts(wait_a_little);
}

TEST_TIMEOUT(get_events_times_out, 40)
{
	timeouts(get_for_a_little);
}

/* ---- Signals ----------------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
}

static int wait_for_signal(struct pass *p, uint32_t round)
{
	struct kevent_ioc_wait wait = { .min = 1 };

	(void)round;
	return ioctl(p->q, KEVENT_IOC_WAIT, &wait);
}

static int get_until_signal(struct pass *p, uint32_t round)
{
	struct ukevent uk;
	struct kevent_ioc_get get = {
		.events = (uintptr_t)&uk, .min = 1, .max = 1,
	};
	int n = ioctl(p->q, KEVENT_IOC_GET_EVENTS, &get);

	(void)round;
	if (n > 0)
		__atomic_add_fetch(&p->taken, n, __ATOMIC_RELEASE);
	return n;
}

static void signals(int (*stay)(struct pass *p, uint32_t round))
{
	uint64_t end = now_ns() + RUN_NS;
	struct pass p;
	uint32_t round;

	signal(SIGUSR1, on_signal);
	start(&p, stay);
	for (round = 1; round <= ROUNDS && now_ns() < end; round++) {
		__atomic_store_n(&p.round, round, __ATOMIC_RELEASE);
		wait_blocked_in(p.fleeting.tid, SYS_ioctl);
		if (round & 1)
			CHECK_EQ(pthread_kill(p.fleeting.thread, SIGUSR1), 0);
		kev_fire(p.q, 1, 1);
		if (!(round & 1))
			CHECK_EQ(pthread_kill(p.fleeting.thread, SIGUSR1), 0);
		await(&p.taken, round);
		await(&p.left, round);
	}
	stop(&p, round - 1);
}

TEST_TIMEOUT(wait_is_interrupted, 40)
{
	signals(wait_for_signal);
}

TEST_TIMEOUT(get_events_is_interrupted, 40)
{
	signals(get_until_signal);
}

/* ---- Death ------------------------------------------------------------- */

static void sleep_and_die(void *arg)
{
	struct kevent_ioc_wait wait = { .min = 1 };
	struct pass *p = arg;

	ioctl(p->q, KEVENT_IOC_WAIT, &wait);
	/* Killed, it must not get here: the parent looks at the status. */
}

static void *patient_process(void *arg)
{
	pin_to_cpu(cpu_count() - 1);
	return patient(arg);
}

/*
 * Killed before the event comes, but on the CPU of its killer: it has had no
 * chance to leave.  It is chosen, and the event must reach somebody who lives.
 */
TEST_TIMEOUT(killed, 40)
{
	uint64_t end = now_ns() + RUN_NS;
	struct pass p = { 0 };
	uint32_t round;
	int status;

	p.q = kev_queue_at(&p.ring, 4, 0, KEVENT_WAKE_LIFO, 0);
	kev_add_user(p.q, 1);
	thread_start(&p.patient, patient_process, &p);
	pin_to_cpu(0);
	for (round = 1; round <= 300 && now_ns() < end; round++) {
		pid_t pid;

		wait_blocked_in(p.patient.tid, SYS_ioctl);
		pid = start_child(sleep_and_die, &p);
		wait_blocked_in(pid, SYS_ioctl);
		CHECK_OK(kill(pid, SIGKILL));
		kev_fire(p.q, 1, 1);
		await(&p.taken, round);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
	}
	__atomic_store_n(&p.stop, true, __ATOMIC_RELEASE);
	kev_fire(p.q, 1, 1);
	thread_join(&p.patient);
}

static void wait_and_stay(void *arg)
{
	struct kevent_ioc_wait wait = { .min = 1 };
	struct pass *p = arg;
	sigset_t none;

	CHECK_EQ(ioctl(p->q, KEVENT_IOC_WAIT, &wait), 1);
	sigemptyset(&none);
	sigsuspend(&none);
}

/* Killed when its call is over, but before it has taken what it was woken for. */
TEST_TIMEOUT(killed_after_the_call, 40)
{
	struct pass p = { 0 };
	int status;
	pid_t pid;

	p.q = kev_queue_at(&p.ring, 4, 0, KEVENT_WAKE_LIFO, 0);
	kev_add_user(p.q, 1);
	thread_start(&p.patient, patient, &p);
	wait_blocked_in(p.patient.tid, SYS_ioctl);
	pid = start_child(wait_and_stay, &p);
	wait_blocked_in(pid, SYS_ioctl);
	kev_fire(p.q, 1, 1);
	wait_blocked_in(pid, SYS_rt_sigsuspend);
	CHECK_EQ(load(&p.taken), 0);
	CHECK_OK(kill(pid, SIGKILL));
	await(&p.taken, 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	__atomic_store_n(&p.stop, true, __ATOMIC_RELEASE);
	kev_fire(p.q, 1, 1);
	thread_join(&p.patient);
}

/* ---- What a change has found ready ------------------------------------- */

static int ready_file(int type)
{
	int fds[2];

	CHECK_OK(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds));
	CHECK_EQ(write(fds[1], "xy", 2), 2);
	return fds[0];
}

/* It is in the result; the file is ready still, for those who sleep, and who poll. */
static void found_by_change(unsigned int slots, unsigned int cmd, int type)
{
	int fd = ready_file(type), q;
	struct kevent_ring ring;
	struct kev_getter g;
	struct ukevent uk;
	struct pollfd p;

	q = kev_queue(slots ? &ring : NULL, slots);
	if (cmd == KEVENT_CTL_MODIFY)
		kev_add_poll(q, fd, 0, 0);
	kev_getter_prep(&g, q);
	kev_getter_start(&g);
	kevent_prep(&uk, KEVENT_POLL, fd, POLLIN, 0, 7);
	CHECK_EQ(kevent_ctl_one(q, cmd, &uk), 1);
	CHECK_EQ(kev_getter_join(&g), 1);
	CHECK_EQ(g.uk[0].ptr, 7);
	p = (struct pollfd){ .fd = q, .events = POLLIN };
	CHECK_EQ(poll(&p, 1, 0), 1);
	kev_close(q, slots ? &ring : NULL);
}

static void found(unsigned int cmd, int type)
{
	found_by_change(0, cmd, type);
	found_by_change(16, cmd, type);
}

TEST(found_by_add)		{ found(KEVENT_CTL_ADD, SOCK_STREAM); }
TEST(found_by_modify)		{ found(KEVENT_CTL_MODIFY, SOCK_STREAM); }
TEST(found_by_add_in_task)	{ found(KEVENT_CTL_ADD, SOCK_SEQPACKET); }
TEST(found_by_modify_in_task)	{ found(KEVENT_CTL_MODIFY, SOCK_SEQPACKET); }

static void *poller(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	CHECK_EQ(poll(&p, 1, -1), 1);
	return NULL;
}

TEST(found_for_a_poller)
{
	int q = kev_queue(NULL, 0), fd = ready_file(SOCK_STREAM);
	struct test_thread t;
	struct ukevent uk;

	thread_start(&t, poller, &q);
	wait_blocked(t.tid);
	kevent_prep(&uk, KEVENT_POLL, fd, POLLIN, 0, 7);
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), 1);
	thread_join(&t);
}
