// SPDX-License-Identifier: GPL-2.0
/* Several consumers of one queue, by ring and by GET_EVENTS: each edge is accounted for. */
#include "kev.h"

#define FILES		16
#define WRITERS		2
#define CONSUMERS_MAX	4
#define WRITES		3000		/* of each writer */
#define WRITES_NS	2000000000ull

struct shared;

struct consumer {
	struct shared *shared;
	struct test_thread thread;
	int (*take)(struct consumer *c, struct ukevent *buf);
	unsigned int max;
	char *fault;		/* two entries before memory that faults */
	unsigned int calls;
};

struct shared {
	struct kevent_ring ring;
	int q;
	int fd[FILES];
	uint64_t end;
	uint32_t written[FILES];
	uint32_t read[FILES];
	bool stop;
	struct consumer consumer[CONSUMERS_MAX];
};

/* ---- Ways to take ------------------------------------------------------ */

static int take_from_ring(struct consumer *c, struct ukevent *buf)
{
	return kevent_ring_take(&c->shared->ring, buf, c->max);
}

static int take_by_call(struct consumer *c, struct ukevent *buf)
{
	return CHECK_OK(kevent_get_events(c->shared->q, 0, c->max, NULL, buf,
					  0));
}

/* Every second time there is room for none, one or two only. */
static int take_by_faulting_call(struct consumer *c, struct ukevent *buf)
{
	unsigned int room = c->calls / 2 % 3;
	struct ukevent *short_buf = (void *)(c->fault + (2 - room) *
					     sizeof(*buf));
	int n;

	if (c->calls++ % 2)
		return take_by_call(c, buf);
	n = kevent_get_events(c->shared->q, 0, c->max, NULL, short_buf, 0);
	if (n < 0) {
		CHECK_EQ(errno, EFAULT);
		CHECK_EQ(room, 0);
		return 0;
	}
	CHECK_LE((unsigned int)n, room);
	memcpy(buf, short_buf, n * sizeof(*buf));
	return n;
}

/* ---- Threads ----------------------------------------------------------- */

static void account(struct shared *s, const struct ukevent *uk)
{
	uint64_t count;

	CHECK_LT(uk->ptr, FILES);
	CHECK_EQ(uk->id.raw[0], s->fd[uk->ptr]);
	CHECK_EQ(uk->ret_data[0], POLLIN);
	if (read(s->fd[uk->ptr], &count, sizeof(count)) == sizeof(count))
		__atomic_add_fetch(&s->read[uk->ptr], count, __ATOMIC_RELEASE);
	else
		CHECK_EQ(errno, EAGAIN);
}

static void *consume(void *arg)
{
	const struct timespec limit = { 0, 20000000 };
	struct consumer *c = arg;
	struct shared *s = c->shared;
	struct ukevent buf[FILES];
	int i, n;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		uint32_t last = kev_tail(&s->ring);

		n = c->take(c, buf);
		for (i = 0; i < n; i++)
			account(s, &buf[i]);
		if (!n)
			CHECK_OK(kevent_wait(s->q, 1, last, &limit, 0));
	}
	return NULL;
}

static void *produce(void *arg)
{
	struct shared *s = arg;
	const uint64_t one = 1;
	unsigned int i;

	for (i = 0; i < WRITES && now_ns() < s->end; i++) {
		unsigned int k = (i * 7 + i / 5) % FILES;

		CHECK_EQ(write(s->fd[k], &one, 8), 8);
		__atomic_add_fetch(&s->written[k], 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* ---- The test ---------------------------------------------------------- */

static void set_up(struct shared *s, unsigned int slots, uint32_t first)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->q = kev_queue_at(&s->ring, slots, first, 0, 0);
	s->end = now_ns() + WRITES_NS;
	for (i = 0; i < FILES; i++) {
		struct ukevent uk;

		s->fd[i] = CHECK_OK(eventfd(0, EFD_NONBLOCK));
		kevent_prep(&uk, KEVENT_POLL, s->fd[i], POLLIN, KEVENT_REQ_ET,
			    i);
		CHECK_EQ(kevent_ctl_one(s->q, KEVENT_CTL_ADD, &uk), 0);
	}
}

static void add_consumer(struct shared *s, unsigned int number,
			 int (*take)(struct consumer *c, struct ukevent *buf),
			 unsigned int max)
{
	struct consumer *c = &s->consumer[number];

	c->shared = s;
	c->take = take;
	c->max = max;
	c->fault = kev_fault_after(2 * sizeof(struct ukevent), PROT_NONE);
	thread_start(&c->thread, consume, c);
}

static void check_all_read(const struct shared *s)
{
	unsigned int i;

	for (i = 0; i < FILES; i++)
		CHECK_SOON(__atomic_load_n(&s->read[i], __ATOMIC_ACQUIRE) ==
			   s->written[i]);
}

static void run(struct shared *s, unsigned int consumers)
{
	struct test_thread writer[WRITERS];
	struct ukevent uk;
	unsigned int i;

	for (i = 0; i < WRITERS; i++)
		thread_start(&writer[i], produce, s);
	for (i = 0; i < WRITERS; i++)
		thread_join(&writer[i]);
	check_all_read(s);
	__atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < consumers; i++)
		thread_join(&s->consumer[i].thread);
	/* No slot has got lost: all are free, or can be taken. */
	while (kevent_ring_take(&s->ring, &uk, 1))
		;
	CHECK_EQ(kev_head(&s->ring), kev_tail(&s->ring));
	CHECK_EQ(kev_seen(&s->ring), kev_tail(&s->ring));
	CHECK(!(kev_flags(&s->ring) & (KEVENT_RING_HEAD |
				       KEVENT_RING_OVERFLOW)));
}

static void takers(unsigned int num, unsigned int slots, unsigned int max)
{
	struct shared s;
	unsigned int i;

	set_up(&s, slots, 0xffffff00);
	for (i = 0; i < num; i++)
		add_consumer(&s, i, take_from_ring, max);
	run(&s, num);
}

TEST_TIMEOUT(two_takers, 30)
{
	takers(2, 64, 16);
}

TEST_TIMEOUT(two_takers_one_at_a_time, 30)
{
	takers(2, 64, 1);
}

TEST_TIMEOUT(four_takers, 30)
{
	takers(4, 64, 3);
}

TEST_TIMEOUT(four_takers_in_a_small_ring, 30)
{
	takers(4, 4, 2);
}

TEST_TIMEOUT(four_takers_in_a_ring_of_one, 30)
{
	takers(4, 1, 1);
}

TEST_TIMEOUT(ring_and_get_events, 30)
{
	struct shared s;

	set_up(&s, 32, 0);
	add_consumer(&s, 0, take_from_ring, 4);
	add_consumer(&s, 1, take_by_call, 4);
	run(&s, 2);
}

TEST_TIMEOUT(get_events_twice, 30)
{
	struct shared s;

	set_up(&s, 8, 0);
	add_consumer(&s, 0, take_by_call, 3);
	add_consumer(&s, 1, take_by_call, 16);
	run(&s, 2);
}

TEST_TIMEOUT(ring_and_get_events_with_faults, 30)
{
	struct shared s;

	set_up(&s, 32, 0xffffff00);
	add_consumer(&s, 0, take_from_ring, 4);
	add_consumer(&s, 1, take_by_faulting_call, 4);
	add_consumer(&s, 2, take_by_faulting_call, 8);
	run(&s, 3);
}

TEST_TIMEOUT(faults_in_a_small_ring, 30)
{
	struct shared s;

	set_up(&s, 4, 0);
	add_consumer(&s, 0, take_from_ring, 1);
	add_consumer(&s, 1, take_by_faulting_call, 4);
	run(&s, 2);
}
