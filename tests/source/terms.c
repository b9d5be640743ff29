// SPDX-License-Identifier: GPL-2.0
/*
 * Tests MODIFY against the event: what comes by the old terms is not an event of
 * the new ones, and does not use up their one-shot.
 */
#include "askfile.h"

#define MS 1000000ull
#define DISPATCH KEVENT_REQ_DISPATCH

/* Takes events in a thread of its own, until it is told to stop. */
struct taker {
	struct test_thread thread;
	int q;
	int stop;
	void (*saw)(void *arg, const struct ukevent *uk);
	void *arg;
};

static void *taker_run(void *arg)
{
	struct timespec limit = { .tv_nsec = 1000000 };
	struct taker *t = arg;
	struct ukevent uk[8];
	int i, n;

	/* not where main changes the terms */
	pin_to_cpu(0);
	while (!__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE)) {
		n = CHECK_OK(kevent_get_events(t->q, 1, 8, &limit, uk, 0));
		for (i = 0; i < n; i++)
			t->saw(t->arg, &uk[i]);
	}
	return NULL;
}

static void taker_start(struct taker *t, int q, void *arg,
			void (*saw)(void *arg, const struct ukevent *uk))
{
	memset(t, 0, sizeof(*t));
	t->q = q;
	t->arg = arg;
	t->saw = saw;
	thread_start(&t->thread, taker_run, t);
}

static void taker_stop(struct taker *t)
{
	__atomic_store_n(&t->stop, 1, __ATOMIC_RELEASE);
	thread_join(&t->thread);
}

/* ---- A timer has its own time -------------------------------------------------- */

enum { TIMERS = 16, ONCE_IN = 60 * MS, NEW_TERMS = 0x100 };

/**
 * struct timers - timers of a fast period, which then are to expire once
 * @due: when each of them is to expire, by its new terms.
 * @came: how often each did.
 */
struct timers {
	uint64_t due[TIMERS];
	int came[TIMERS];
};

static void timers_saw(void *arg, const struct ukevent *uk)
{
	struct timers *t = arg;
	unsigned int i = uk->ptr & ~NEW_TERMS;

	CHECK_LT(i, TIMERS);
	if (!(uk->ptr & NEW_TERMS))
		return;
	if (uk->time < __atomic_load_n(&t->due[i], __ATOMIC_ACQUIRE))
		FAIL("timer %u: by its new terms %llu us early", i,
		     (unsigned long long)(t->due[i] - uk->time) / 1000);
	__atomic_add_fetch(&t->came[i], 1, __ATOMIC_ACQ_REL);
}

/* They run on the CPU of who adds them. */
static void timers_add(int q)
{
	struct ukevent uk;
	int i;

	pin_to_cpu(0);
	for (i = 0; i < TIMERS; i++) {
		kevent_prep_timer(&uk, i, 0, 60000 + 500 * i, CLOCK_MONOTONIC,
				  0, i);
		kev_change(q, KEVENT_CTL_ADD, &uk);
	}
	pin_to_cpu(cpu_count() - 1);
}

static void timers_modify(int q, struct timers *t, unsigned int flags)
{
	struct ukevent uk;
	int i;

	for (i = 0; i < TIMERS; i++) {
		spin(5000);
		__atomic_store_n(&t->due[i], now_ns() + ONCE_IN,
				 __ATOMIC_RELEASE);
		kevent_prep_timer(&uk, i, ONCE_IN, 0, CLOCK_MONOTONIC,
				  flags | KEVENT_REQ_TIMESTAMP, i | NEW_TERMS);
		kev_change(q, KEVENT_CTL_MODIFY, &uk);
	}
}

static void timers_round(int q, unsigned int flags)
{
	struct timers t = { 0 };
	struct taker taker;
	int i;

	taker_start(&taker, q, &t, timers_saw);
	timers_add(q);
	timers_modify(q, &t, flags);
	for (i = 0; i < TIMERS; i++)
		CHECK_SOON(__atomic_load_n(&t.came[i], __ATOMIC_ACQUIRE));
	taker_stop(&taker);
	for (i = 0; i < TIMERS; i++) {
		CHECK_EQ(t.came[i], 1);
		kev_try(q, KEVENT_CTL_REMOVE, KEVENT_TIMER, i, 0, 0);
	}
	CHECK_EQ(watches_of(q), 0);
}

static void timers(unsigned int flags)
{
	unsigned int i, rounds = scaled_rounds(12);
	struct kevent_ring ring;
	int q = kev_queue(NULL, 0), ringed = kev_queue(&ring, 64);

	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	for (i = 0; i < rounds; i++) {
		timers_round(q, flags);
		timers_round(ringed, flags);
	}
}

TEST_TIMEOUT(timer_has_its_own_time, 60)
{
	timers(0);
}

TEST_TIMEOUT(timer_one_shot, 60)
{
	timers(KEVENT_REQ_ONESHOT);
}

TEST_TIMEOUT(timer_dispatch, 60)
{
	timers(DISPATCH);
}

/* ---- What was not asked for does not come --------------------------------------- */

/**
 * struct traffic - a file that becomes readable all the time, and never writable
 * @t: it.
 * @stop: no more of it.
 * @thread: who makes it so.
 */
struct traffic {
	struct thing t;
	int stop;
	struct test_thread thread;
};

static void *traffic_run(void *arg)
{
	struct traffic *f = arg;
	char c;

	pin_to_cpu(0);
	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		if (send(f->t.peer, "x", 1, MSG_DONTWAIT) == 1)
			recv(f->t.fd, &c, 1, MSG_DONTWAIT);
	}
	return NULL;
}

/* By the terms that it carries. */
static void traffic_saw(void *arg, const struct ukevent *uk)
{
	(void)arg;
	CHECK_EQ(uk->event, uk->ptr);
	if (uk->ret_data[0] & ~uk->event)
		FAIL("who asks for %#x got %#x", uk->event, uk->ret_data[0]);
	CHECK_NE(uk->event, POLLOUT);
}

static void ask_for(int q, int fd, unsigned int event, unsigned int flags)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_POLL, fd, event, flags, event);
	kev_change(q, KEVENT_CTL_MODIFY, &uk);
	if (event == POLLOUT)
		CHECK_EQ(uk.ret_flags & KEVENT_RET_DONE, 0);
}

static void mask_rounds(int q, const struct kind *k, unsigned int flags)
{
	unsigned int i, rounds = scaled_rounds(4000);
	struct traffic f = { 0 };
	struct taker taker;

	thing_make(&f.t, k);
	fill(f.t.fd);
	kev_add_poll(q, f.t.fd, POLLIN, flags);
	ask_for(q, f.t.fd, POLLIN, flags);
	taker_start(&taker, q, NULL, traffic_saw);
	thread_start(&f.thread, traffic_run, &f);
	pin_to_cpu(cpu_count() - 1);
	for (i = 0; i < rounds; i++) {
		ask_for(q, f.t.fd, POLLIN, flags);
		ask_for(q, f.t.fd, POLLOUT, flags);
		spin(i % 512);
	}
	__atomic_store_n(&f.stop, 1, __ATOMIC_RELAXED);
	thread_join(&f.thread);
	taker_stop(&taker);
	thing_drop(&f.t);
}

static void mask(int kind)
{
	static const unsigned int flags[] = {
		DISPATCH, DISPATCH | KEVENT_REQ_LAST_CHECK, KEVENT_REQ_ET, 0,
	};
	struct kevent_ring ring;
	int q = kev_queue(NULL, 0), ringed = kev_queue(&ring, 64);
	unsigned int i;

	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		mask_rounds(q, &kinds[kind], flags[i]);
		mask_rounds(ringed, &kinds[kind], flags[i]);
	}
}

/* Looked at by the wake-up; and asked by who takes. */
TEST_TIMEOUT(mask_of_stream, 60)
{
	mask(KIND_STREAM);
}

TEST_TIMEOUT(mask_of_seqpacket, 60)
{
	mask(KIND_SEQPACKET);
}

/* ---- An answer to an older question ---------------------------------------------- */

/**
 * struct asker - a call that has asked a file, and waits for its answer
 * @f: the file.
 * @g: the call.
 * @ring: of its queue, @q.
 * @ringed: it has one.
 * @q: see @ring.
 * @flags: of the watch.
 */
struct asker {
	struct askfile *f;
	struct kev_getter g;
	struct kevent_ring ring;
	bool ringed;
	int q;
	unsigned int flags;
};

static void asker_make(struct asker *a, struct askfile *f, bool ringed,
		       unsigned int flags)
{
	unsigned int asked;

	a->f = f;
	a->ringed = ringed;
	a->flags = flags;
	a->q = kev_queue(&a->ring, ringed ? 16 : 0);
	askfile_set(f, 0);
	kev_add_poll(a->q, f->fd, POLLIN | POLLPRI, flags);
	asked = askfile_asked(f);
	askfile_hold(f);
	askfile_wake(f);
	kev_getter_prep(&a->g, a->q);
	thread_start(&a->g.thread, kev_getter_run, &a->g);
	askfile_await(f, asked);
}

/* MODIFY asks as well, and is answered at once: nothing is ready. */
static void modify_beside(struct askfile *f, int q, unsigned int event,
			  unsigned int flags)
{
	uint64_t held = f->held;

	__atomic_store_n(&f->hold, false, __ATOMIC_RELEASE);
	f->held = 0;
	CHECK_EQ(kev_modify(q, KEVENT_POLL, f->fd, event, flags).ret_flags, 0);
	f->held = held;
}

/*
 * What was found by the old terms, PRI, is nobody's: neither an event, nor does it
 * use up the new ones.
 */
static void old_answer(struct askfile *f, bool ringed, unsigned int flags,
		       unsigned int event)
{
	struct asker a;

	asker_make(&a, f, ringed, flags);
	modify_beside(f, a.q, event, flags);
	askfile_set(f, POLLPRI);
	askfile_answer(f);
	askfile_set(f, event & ~POLLPRI);
	askfile_wake(f);
	CHECK_EQ(kev_getter_join(&a.g), 1);
	CHECK_EQ(a.g.uk[0].event, event);
	CHECK_EQ(a.g.uk[0].ret_data[0], event & ~POLLPRI);
	kev_close(a.q, ringed ? &a.ring : NULL);
}

static void old_answers(unsigned int event)
{
	static const unsigned int flags[] = {
		KEVENT_REQ_ET, DISPATCH, KEVENT_REQ_ONESHOT,
		DISPATCH | KEVENT_REQ_LAST_CHECK,
	};
	static struct askfile f;
	unsigned int i;

	askfile_make(&f);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		old_answer(&f, false, flags[i], event);
		old_answer(&f, true, flags[i], event);
	}
}

TEST(old_answer_to_other_terms)
{
	old_answers(POLLOUT);
}

TEST(old_answer_to_the_same_terms)
{
	old_answers(POLLIN | POLLPRI);
}

/* The question of a MODIFY, whose answer comes after the next MODIFY. */
struct modifier {
	struct test_thread thread;
	int q;
	int fd;
	unsigned int req;
	struct ukevent uk;
};

static void *modifier_run(void *arg)
{
	struct modifier *m = arg;

	m->uk = kev_modify(m->q, KEVENT_POLL, m->fd, POLLIN, DISPATCH);
	return NULL;
}

TEST(answer_to_an_older_modify)
{
	struct modifier m = { .q = kev_queue(NULL, 0) };
	static struct askfile f;
	unsigned int asked;

	askfile_make(&f);
	m.fd = f.fd;
	kev_add_poll(m.q, f.fd, POLLIN, DISPATCH);
	asked = askfile_asked(&f);
	askfile_hold(&f);
	thread_start(&m.thread, modifier_run, &m);
	askfile_await(&f, asked);
	modify_beside(&f, m.q, POLLOUT, DISPATCH);
	askfile_set(&f, POLLIN);
	askfile_answer(&f);
	thread_join(&m.thread);
	CHECK_EQ(m.uk.ret_flags, 0);
	take_none(m.q);
	askfile_set(&f, POLLOUT);
	askfile_wake(&f);
	CHECK_EQ(take(m.q).ret_data[0], POLLOUT);
}

/* ---- ADD is not through yet ------------------------------------------------------ */

static void *adder_run(void *arg)
{
	struct modifier *m = arg;

	m->uk = kev_add_poll(m->q, m->fd, POLLIN, m->req);
	return NULL;
}

/* A thread that adds the file, which is asked and does not answer yet. */
static void adder_start(struct modifier *m, struct askfile *f)
{
	unsigned int asked;

	askfile_make(f);
	m->fd = f->fd;
	asked = askfile_asked(f);
	askfile_hold(f);
	thread_start(&m->thread, adder_run, m);
	askfile_await(f, asked);
}

/* The adder goes on waiting, while others hear that it is ready.  Its question. */
static uint64_t adder_waits(struct askfile *f)
{
	uint64_t held = f->held;

	f->held = 0;
	__atomic_store_n(&f->hold, false, __ATOMIC_RELEASE);
	askfile_set(f, POLLIN);
	askfile_wake(f);
	return held;
}

/* Another thread has the event before, and wants the next one: it gets it. */
TEST(modify_before_add_is_through)
{
	struct modifier m = { .q = kev_queue(NULL, 0), .req = DISPATCH }, a = m;
	static struct askfile f;
	uint64_t held;

	adder_start(&a, &f);
	held = adder_waits(&f);
	CHECK_EQ(take(a.q).ret_data[0], POLLIN);
	askfile_set(&f, 0);
	m.fd = f.fd;
	thread_start(&m.thread, modifier_run, &m);
	/* it waits: there is nothing that would tell */
	usleep(20000);
	f.held = held;
	askfile_answer(&f);
	thread_join(&a.thread);
	thread_join(&m.thread);
	take_none(m.q);
	askfile_set(&f, POLLIN);
	askfile_wake(&f);
	CHECK_EQ(take(m.q).ret_data[0], POLLIN);
}

static void modifies(void *arg)
{
	modifier_run(arg);
}

TEST(killed_before_add_is_through)
{
	struct modifier a = { .q = kev_queue(NULL, 0), .req = DISPATCH }, m;
	static struct askfile f;
	int status;
	pid_t pid;

	adder_start(&a, &f);
	m = a;
	pid = start_child(modifies, &m);
	usleep(20000);
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	askfile_answer(&f);
	thread_join(&a.thread);
	CHECK_EQ(kev_modify(a.q, KEVENT_POLL, f.fd, POLLIN, DISPATCH).ret_flags, 0);
}

/*
 * A one-shot is over before its ADD is through, and the next of its key is added.  Its
 * event is asked for again when it is taken, and is no more: it is not armed beside the
 * new one.
 */
TEST(add_before_add_is_through)
{
	struct timespec limit = { .tv_sec = 10 * test_scale() };
	struct kevent_ring ring;
	struct modifier a = {
		.q = kev_queue(&ring, 8),
		.req = KEVENT_REQ_ONESHOT | KEVENT_REQ_LAST_CHECK,
	};
	static struct askfile f;
	struct ukevent uk;
	uint64_t held;

	adder_start(&a, &f);
	held = adder_waits(&f);
	CHECK_EQ(kevent_wait(a.q, 1, 0, &limit, 0), 1);
	askfile_set(&f, 0);
	uk = kev_add_poll(a.q, f.fd, POLLIN, KEVENT_REQ_ET);
	f.held = held;
	askfile_answer(&f);
	thread_join(&a.thread);
	take_none(a.q);
	CHECK_EQ(watches_of(a.q), 1);
	askfile_set(&f, POLLIN);
	askfile_wake(&f);
	CHECK_EQ(take(a.q).cookie, uk.cookie);
	take_none(a.q);
	kev_remove(a.q, KEVENT_POLL, f.fd);
	CHECK_EQ(watches_of(a.q), 0);
}
