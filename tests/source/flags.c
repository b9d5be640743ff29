// SPDX-License-Identifier: GPL-2.0
/* Tests READY, TIMESTAMP and WAKEUP_ALL, and the fields of an event. */
#include "kinds.h"

/* ---- READY: as if it were ready at ADD --------------------------------------- */

TEST_KINDS_BACK(ready_result)
{
	struct ukevent uk;
	struct thing t;

	thing_make(&t, k);
	uk = thing_add(q, &t, KEVENT_REQ_READY);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], k->event);
	take_none(q);
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}

TEST_KINDS_BACK(ready_queued)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_READY | KEVENT_REQ_ALWAYS_QUEUE);
	thing_take(q, &t);
	take_none(q);
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}

TEST_KINDS_BACK(ready_queued_edge)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_READY | KEVENT_REQ_ALWAYS_QUEUE |
			 KEVENT_REQ_ET);
	thing_take(q, &t);
	take_none(q);
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}

/* The command, on what is not ready. */
TEST_KINDS_BACK(ready_command)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, k->type, t.fd, 0, 0), 0);
	thing_take(q, &t);
	take_none(q);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, k->type, t.fd, k->event, 0), 0);
	thing_take(q, &t);
	take_none(q);
	thing_drop(&t);
}

TEST(ready_command_masks)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;

	tcp_pair(fds);
	fill(fds[0]);
	kev_add_poll(q, fds[0], POLLIN | POLLPRI, KEVENT_REQ_ET);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_POLL, fds[0], POLLPRI, 0),
		 0);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], POLLPRI);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_POLL, fds[0], 0, 0), 0);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], POLLIN | POLLPRI);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_POLL, fds[1], 0, 0),
		 ENOENT);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_POLL, 9999, 0, 0), EBADF);
}

/* ---- The fields ----------------------------------------------------------- */

TEST_KINDS(time_stamp)
{
	uint64_t before, after;
	struct ukevent uk;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_TIMESTAMP);
	before = now_ns();
	thing_raise(&t);
	uk = thing_take(q, &t);
	after = now_ns();
	CHECK_GE(uk.time, before);
	CHECK_LE(uk.time, after);
	thing_drop(&t);
}

TEST_KINDS(no_time_stamp)
{
	struct ukevent uk;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	thing_raise(&t);
	uk = thing_take(q, &t);
	CHECK_EQ(uk.time, 0);
	CHECK_LT(uk.cpu, 1024);
	thing_drop(&t);
}

/* The time is that of the first of what was merged. */
TEST(time_stamp_of_first)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	struct thing t;
	uint64_t first;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_TIMESTAMP | KEVENT_REQ_ET);
	thing_raise(&t);
	first = now_ns();
	thing_raise(&t);
	uk = thing_take(q, &t);
	CHECK_LE(uk.time, first);
	thing_raise(&t);
	uk = thing_take(q, &t);
	CHECK_GT(uk.time, first);
	thing_drop(&t);
}

static void check_time(const struct ukevent *uk, uint64_t before)
{
	CHECK(uk->ret_flags & KEVENT_RET_DONE);
	CHECK_GE(uk->time, before);
	CHECK_LE(uk->time, now_ns());
}

/* An event in a result has its time as well. */
TEST_KINDS(time_stamp_in_result)
{
	struct ukevent uk;
	struct thing t;
	uint64_t before;

	thing_make(&t, k);
	thing_raise(&t);
	before = now_ns();
	uk = thing_add(q, &t, KEVENT_REQ_TIMESTAMP);
	check_time(&uk, before);
	before = now_ns();
	uk = kev_modify(q, k->type, t.fd, k->event, KEVENT_REQ_TIMESTAMP);
	check_time(&uk, before);
	uk = kev_modify(q, k->type, t.fd, k->event, 0);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.time, 0);
	thing_drop(&t);
}

TEST_KINDS(user_and_cookie)
{
	struct ukevent uk, ev;
	struct thing t;

	thing_make(&t, k);
	kevent_prep(&uk, k->type, t.fd, k->event, 0, 0x1122334455667788ull);
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), 0);
	CHECK_NE(uk.cookie, 0);
	CHECK_EQ(uk.ptr, 0x1122334455667788ull);
	thing_raise(&t);
	ev = take(q);
	CHECK_EQ(ev.user[0], 0x55667788);
	CHECK_EQ(ev.user[1], 0x11223344);
	CHECK_EQ(ev.cookie, uk.cookie);
	CHECK_EQ(ev.id.raw_u64, uk.id.raw_u64);
	thing_drop(&t);
}

TEST(cookies_differ)
{
	enum { MANY = 200 };
	int q = kev_queue(NULL, 0), i, j;
	uint64_t cookie[MANY];

	for (i = 0; i < MANY; i++) {
		cookie[i] = kev_add_user(q, 7).cookie;
		kev_remove(q, KEVENT_UNOTIFY, 7);
		for (j = 0; j < i; j++)
			CHECK_NE(cookie[i], cookie[j]);
	}
}

TEST(cpu_of_the_event)
{
	int q = kev_queue(NULL, 0), cpu;
	struct ukevent uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (cpu = 0; cpu < cpu_count(); cpu++) {
		pin_to_cpu(cpu);
		thing_raise(&t);
		uk = thing_take(q, &t);
		CHECK_EQ(uk.cpu, cpu);
	}
	thing_drop(&t);
}

static void *raise_there(void *arg)
{
	pin_to_cpu(cpu_count() - 1);
	thing_raise(arg);
	return NULL;
}

/* It is where the event came, wherever it is taken. */
static void cpu_of_another(int q, const struct kind *k)
{
	struct test_thread thread;
	struct thing t;

	pin_to_cpu(0);
	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	thread_start(&thread, raise_there, &t);
	thread_join(&thread);
	CHECK_EQ(thing_take(q, &t).cpu, cpu_count() - 1);
	thing_drop(&t);
}

TEST(cpu_of_another)
{
	/* those that the wake-up itself looks at */
	static const int some[] = {
		KIND_EVENTFD, KIND_PIPE_RECV, KIND_PIPE_OUT, KIND_STREAM,
	};
	struct kevent_ring ring;
	int q = kev_queue(NULL, 0), ringed = kev_queue(&ring, 16);
	unsigned int i;

	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	for (i = 0; i < ARRAY_SIZE(some); i++) {
		cpu_of_another(q, &kinds[some[i]]);
		cpu_of_another(ringed, &kinds[some[i]]);
	}
}

/* ---- WAKEUP_ALL ------------------------------------------------------------ */

enum { SLEEPERS = 3 };

static int count_over(const struct kev_sleeper *s)
{
	int n = 0, i;

	for (i = 0; i < SLEEPERS; i++)
		n += kev_sleeper_over(&s[i]);
	return n;
}

static void start_sleepers(struct kev_sleeper *s, int q)
{
	int i;

	for (i = 0; i < SLEEPERS; i++) {
		kev_sleeper_prep(&s[i], q);
		kev_sleeper_start(&s[i]);
	}
}

TEST_KINDS_RING(wakes_all)
{
	struct kev_sleeper s[SLEEPERS];
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_WAKEUP_ALL | KEVENT_REQ_ET);
	start_sleepers(s, q);
	thing_raise(&t);
	for (i = 0; i < SLEEPERS; i++)
		CHECK_EQ(kev_sleeper_join(&s[i]), 1);
	CHECK_EQ(kev_tail(ring), 1);
	thing_drop(&t);
}

/* One event, one thread: the others still sleep when that one is back. */
TEST_KINDS_RING(wakes_one)
{
	struct kev_sleeper s[SLEEPERS];
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	start_sleepers(s, q);
	thing_raise(&t);
	CHECK_SOON(count_over(s) > 0);
	for (i = 0; i < SLEEPERS; i++)
		if (!kev_sleeper_over(&s[i]))
			wait_blocked(s[i].thread.tid);
	CHECK_EQ(count_over(s), 1);
	CHECK_EQ(kevent_wake(q, SLEEPERS), SLEEPERS - 1);
	for (i = 0; i < SLEEPERS; i++)
		kev_sleeper_join(&s[i]);
	thing_drop(&t);
}
