// SPDX-License-Identifier: GPL-2.0
/* Tests REMOVE, MODIFY and READY while events come from another CPU. */
#include "kinds.h"

#define ET KEVENT_REQ_ET

/* A thread on CPU 1 that makes events without end. */
struct storm {
	struct thing t;
	int q;
	int stop;
	uint64_t shots;
	void (*shoot)(struct storm *s);
};

static void shoot_file(struct storm *s)
{
	uint64_t one = 1;

	/* A full peer or nobody there is all the same. */
	if (s->t.peer >= 0)
		send(s->t.peer, &one, 8, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (write(s->t.fd, &one, 8) < 0)
		drain(s->t.fd);
}

static void shoot_pipe(struct storm *s)
{
	if (write(s->t.peer, "x", 1) < 0)
		drain(s->t.fd);
}

static void shoot_ready(struct storm *s)
{
	kev_try(s->q, KEVENT_CTL_READY, KEVENT_UNOTIFY, 1, 0, 0);
}

static void *shoot_on(void *arg)
{
	struct storm *s = arg;

	pin_to_cpu(1);
	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		s->shoot(s);
		__atomic_store_n(&s->shots, s->shots + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void storm_start(struct storm *s, struct test_thread *thread)
{
	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	pin_to_cpu(0);
	thread_start(thread, shoot_on, s);
	SPIN_UNTIL(__atomic_load_n(&s->shots, __ATOMIC_ACQUIRE));
}

static void storm_stop(struct storm *s, struct test_thread *thread)
{
	__atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
	thread_join(thread);
}

/* Lets a random time pass, often none. */
static void dither(unsigned int *seed)
{
	unsigned int n = rand_r(seed);

	spin(n & 64 ? n % 64 : n % 4000);
}

/* Now and then keeps the source able to make events. */
static void relieve(struct storm *s, int round)
{
	if (s->t.fd >= 0 && !(round & 15))
		drain(s->t.fd);
}

/* ---- The watch of each storm ------------------------------------------------ */

static struct ukevent storm_change(struct storm *s, unsigned int cmd,
				   unsigned int flags, uint64_t user)
{
	struct ukevent uk;

	if (s->t.kind) {
		kevent_prep(&uk, s->t.kind->type, s->t.fd, s->t.kind->event,
			    flags, user);
	} else if (s->shoot == shoot_ready) {
		kevent_prep(&uk, KEVENT_UNOTIFY, 1, 1, flags, user);
	} else {
		kevent_prep_timer(&uk, 1, 0, 1, CLOCK_MONOTONIC, flags, user);
	}
	if (cmd == KEVENT_CTL_REMOVE) {
		uk.event = 0;
		memset(uk.param, 0, sizeof(uk.param));
	}
	kev_change(s->q, cmd, &uk);
	return uk;
}

/* ---- REMOVE ---------------------------------------------------------------- */

/*
 * Once REMOVE is back, the ring never again shows an event of that watch to
 * somebody who works in place.
 */
static void remove_rounds(struct storm *s, struct kevent_ring *ring,
			  unsigned int flags, int rounds)
{
	const struct ukevent *uk;
	unsigned int seed = 3;
	uint64_t cookie;
	int i, j;

	for (i = 0; i < rounds; i++) {
		cookie = storm_change(s, KEVENT_CTL_ADD, flags, i).cookie;
		dither(&seed);
		for (j = i % 8; j && (uk = kevent_ring_next(ring)); j--)
			CHECK_EQ(uk->cookie, cookie);
		dither(&seed);
		if (flags & KEVENT_REQ_ONESHOT)
			kev_try(s->q, KEVENT_CTL_REMOVE, s->t.kind->type,
				s->t.fd, 0, 0);
		else
			storm_change(s, KEVENT_CTL_REMOVE, 0, 0);
		for (j = 0; j < 3; j++) {
			CHECK(!kevent_ring_next(ring));
			dither(&seed);
		}
		relieve(s, i);
	}
	CHECK_EQ(watches_of(s->q), 0);
}

static void remove_storm(struct storm *s, int rounds)
{
	struct test_thread thread;
	struct kevent_ring ring;

	s->q = kev_queue(&ring, 16);
	storm_start(s, &thread);
	remove_rounds(s, &ring, ET, rounds);
	remove_rounds(s, &ring, 0, rounds);
	if (s->t.kind)
		remove_rounds(s, &ring, KEVENT_REQ_ONESHOT, rounds);
	storm_stop(s, &thread);
}

static void storm_make(struct storm *s, int kind)
{
	memset(s, 0, sizeof(*s));
	s->t.fd = -1;
	s->shoot = shoot_ready;
	if (kind < 0)
		return;
	thing_make(&s->t, &kinds[kind]);
	s->shoot = kind == KIND_PIPE ? shoot_pipe : shoot_file;
}

static void idle(struct storm *s)
{
	(void)s;
	sched_yield();
}

#define TEST_REMOVE(name, kind, rounds)					\
	TEST_TIMEOUT(remove_##name, 60)					\
	{								\
		struct storm s;						\
									\
		storm_make(&s, kind);					\
		remove_storm(&s, rounds);				\
	}

TEST_REMOVE(eventfd, KIND_EVENTFD, 5000)
TEST_REMOVE(pipe, KIND_PIPE, 3000)
TEST_REMOVE(tcp, KIND_SOCKET_TCP, 2000)
TEST_REMOVE(udp, KIND_UDP, 2000)
TEST_REMOVE(dgram, KIND_DGRAM, 2000)
TEST_REMOVE(unotify, -1, 5000)

TEST_TIMEOUT(remove_timer, 60)
{
	struct storm s;

	storm_make(&s, -1);
	s.shoot = idle;
	remove_storm(&s, 3000);
}

/* ---- MODIFY ---------------------------------------------------------------- */

/* After MODIFY nothing comes that was meant for the watch as it was before. */
static void modify_storm(struct storm *s, unsigned int flags, int rounds)
{
	const struct ukevent *uk;
	struct test_thread thread;
	struct kevent_ring ring;
	struct ukevent change;
	uint64_t end = now_ns() + 10000000000ull;
	unsigned int seed = 4;
	int i, events = 0;

	s->q = kev_queue(&ring, 16);
	storm_start(s, &thread);
	storm_change(s, KEVENT_CTL_ADD, flags, 0);
	/* on a busy machine the other thread may not run for all of them */
	for (i = 1; i <= rounds || (!events && now_ns() < end); i++) {
		change = storm_change(s, KEVENT_CTL_MODIFY, flags, i);
		/* Ready just then, or what came since the last look. */
		events += !!(change.ret_flags &
			     (KEVENT_RET_DONE | KEVENT_RET_CANCELLED));
		dither(&seed);
		uk = kevent_ring_next(&ring);
		if (uk) {
			CHECK_EQ(uk->ptr, i);
			events++;
		}
		relieve(s, i);
	}
	if (!events)
		FAIL("no event of %s in %d rounds, flags %#x, %llu shots",
		     s->t.kind ? s->t.kind->name : "its own", rounds, flags,
		     (unsigned long long)s->shots);
	storm_stop(s, &thread);
	kev_close(s->q, &ring);
	s->stop = 0;
	s->shots = 0;
}

TEST_TIMEOUT(modify, 60)
{
	static const int some[] = {
		-1, KIND_EVENTFD, KIND_PIPE, KIND_SOCKET_TCP, KIND_UDP,
	};
	struct storm s;
	unsigned int i;

	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		storm_make(&s, some[i]);
		modify_storm(&s, ET, 2000);
		modify_storm(&s, KEVENT_REQ_DISPATCH, 2000);
	}
}

TEST_TIMEOUT(modify_timer, 60)
{
	struct storm s;

	storm_make(&s, -1);
	s.shoot = idle;
	modify_storm(&s, ET, 3000);
}

/* ---- READY ----------------------------------------------------------------- */

TEST_TIMEOUT(ready_beside_events, 60)
{
	struct test_thread thread;
	const struct ukevent *uk;
	struct kevent_ring ring;
	int i, n, events = 0;
	struct storm s;

	storm_make(&s, KIND_EVENTFD);
	s.q = kev_queue(&ring, 16);
	kev_add_poll(s.q, s.t.fd, POLLIN | POLLPRI, ET);
	storm_start(&s, &thread);
	for (i = 0; i < 5000; i++) {
		CHECK_EQ(kev_try(s.q, KEVENT_CTL_READY, KEVENT_POLL, s.t.fd,
				 POLLPRI, 0), 0);
		for (n = 0; (uk = kevent_ring_next(&ring)) && n < 100; n++) {
			CHECK_EQ(uk->ptr, s.t.fd);
			events += !!(uk->ret_data[0] & POLLPRI);
		}
		/* Its bit came with this round, whatever else did. */
		CHECK_GT(events, i);
	}
	storm_stop(&s, &thread);
}

/* Several threads change one watch: some are refused, all comes out even. */
struct changer {
	struct storm *s;
	unsigned int cmd;
	int rounds;
};

static void *change_on(void *arg)
{
	struct changer *c = arg;
	int i;

	for (i = 0; i < c->rounds; i++) {
		int error = thing_try(c->s->q, c->cmd, &c->s->t,
				      c->cmd == KEVENT_CTL_READY ||
				      c->cmd == KEVENT_CTL_REMOVE ? 0 : ET);

		if (error)
			CHECK(error == EEXIST || error == ENOENT);
	}
	return NULL;
}

TEST_TIMEOUT(all_at_once, 60)
{
	struct test_thread thread, t[4];
	struct storm s;
	struct ukevent uk;
	struct changer c[4] = {
		{ &s, KEVENT_CTL_ADD, 5000 },
		{ &s, KEVENT_CTL_REMOVE, 5000 },
		{ &s, KEVENT_CTL_MODIFY, 5000 },
		{ &s, KEVENT_CTL_READY, 5000 },
	};
	int i;

	storm_make(&s, KIND_EVENTFD);
	s.q = kev_queue(NULL, 0);
	storm_start(&s, &thread);
	for (i = 0; i < 4; i++)
		thread_start(&t[i], change_on, &c[i]);
	for (i = 0; i < 20000; i++)
		kevent_get_events(s.q, 0, 1, NULL, &uk, 0);
	for (i = 0; i < 4; i++)
		thread_join(&t[i]);
	storm_stop(&s, &thread);
	thing_try(s.q, KEVENT_CTL_REMOVE, &s.t, 0);
	take_none(s.q);
	CHECK_EQ(watches_of(s.q), 0);
	thing_add(s.q, &s.t, 0);
	thing_raise(&s.t);
	thing_take(s.q, &s.t);
}
