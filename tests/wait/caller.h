/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tasks that are in a call which waits, each in a way of its own, and the queue
 * that they wait for.
 */
#ifndef KEVENT_TEST_CALLER_H
#define KEVENT_TEST_CALLER_H

#include "kev.h"

#include <sys/mman.h>

/* The calls that wait. */
enum caller_way { BY_WAIT, BY_READ, BY_GET, BY_READ_EVENTS, WAYS };

static const char *const names[WAYS] = {
	"WAIT", "read of 8 bytes", "GET_EVENTS", "read of events",
};

/* Those that leave the event in the ring, and so want one. */
static inline bool leaves_it(enum caller_way way)
{
	return way == BY_WAIT || way == BY_READ;
}

/* A task in one call; all that the call writes to is in a page of its own. */
struct caller {
	struct test_thread thread;
	enum caller_way way;
	int queue;
	void *page;
	struct kevent_ioc_wait wait;	/* of BY_WAIT: copied to the page */
	int ret;
	int error;
	bool over;
};

static inline int call(struct caller *c)
{
	struct kevent_ioc_get get = {
		.events = (uintptr_t)c->page, .min = 1, .max = 1,
	};

	switch (c->way) {
	case BY_WAIT:
		return ioctl(c->queue, KEVENT_IOC_WAIT, c->page);
	case BY_READ:
		return read(c->queue, c->page, sizeof(struct kevent_read));
	case BY_GET:
		return ioctl(c->queue, KEVENT_IOC_GET_EVENTS, &get);
	default:
		return read(c->queue, c->page, sizeof(struct ukevent));
	}
}

static inline void *caller_run(void *arg)
{
	struct caller *c = arg;

	errno = 0;
	c->ret = call(c);
	c->error = errno;
	__atomic_store_n(&c->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static inline void *new_page(int flags)
{
	void *page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  flags | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	return page;
}

static inline void caller_prep(struct caller *c, int q, enum caller_way way)
{
	memset(c, 0, sizeof(*c));
	c->queue = q;
	c->way = way;
	c->wait.min = 1;
	c->page = new_page(MAP_PRIVATE);
}

/* Starts the thread; comes back when it sleeps. */
static inline void caller_start(struct caller *c)
{
	if (c->way == BY_WAIT)
		memcpy(c->page, &c->wait, sizeof(c->wait));
	thread_start(&c->thread, caller_run, c);
	wait_blocked(c->thread.tid);
}

static inline bool caller_over(const struct caller *c)
{
	return __atomic_load_n(&c->over, __ATOMIC_ACQUIRE);
}

/* What it writes to is gone. */
static inline void caller_spoil(struct caller *c)
{
	CHECK_EQ(mprotect(c->page, sysconf(_SC_PAGESIZE), PROT_NONE), 0);
}

static inline void caller_free(struct caller *c)
{
	CHECK_EQ(munmap(c->page, sysconf(_SC_PAGESIZE)), 0);
}

static inline void expect_failure(struct caller *c, int error)
{
	thread_join(&c->thread);
	CHECK_EQ(c->ret, -1);
	CHECK_EQ(c->error, error);
	caller_free(c);
}

/* It comes back, and with success. */
static inline void expect_success(struct caller *c)
{
	if (c->way == BY_WAIT || c->way == BY_GET)
		CHECK_GE(c->ret, 1);
	else
		CHECK_EQ(c->ret, c->way == BY_READ ? 8 : 64);
	caller_free(c);
}

static inline void expect_event(struct caller *c, uint64_t id)
{
	uint64_t end = now_ns() + test_scale() * 5000000000ull;

	while (!caller_over(c)) {
		if (now_ns() > end)
			FAIL("%s sleeps beside the event", names[c->way]);
		usleep(1000);
	}
	thread_join(&c->thread);
	if (!leaves_it(c->way))
		CHECK_EQ(((struct ukevent *)c->page)->ptr, id);
	expect_success(c);
}

static inline void over_all_ways(void (*run)(enum caller_way way, unsigned int slots),
			  unsigned int slots)
{
	unsigned int way;

	for (way = 0; way < WAYS; way++)
		if (slots || !leaves_it(way))
			run(way, slots);
}

/* ---- The queue --------------------------------------------------------- */

static inline int queue_of(struct kevent_ring *ring, unsigned int slots,
		    unsigned int watches)
{
	int q = kev_queue(slots ? ring : NULL, slots);
	unsigned int i;

	for (i = 0; i < watches; i++)
		kev_add_user(q, i);
	return q;
}

static inline void close_queue(int q, struct kevent_ring *ring, unsigned int slots)
{
	kev_close(q, slots ? ring : NULL);
}

/* A full ring, all of it claimed: what comes now has to wait. */
static inline int full_queue(struct kevent_ring *ring, unsigned int slots,
		      unsigned int watches)
{
	int q = queue_of(ring, slots, watches);
	unsigned int i;

	for (i = 0; i < slots; i++)
		kev_fire(q, i, 1);
	kev_claim_to(ring, slots);
	return q;
}

/**
 * struct pair - two callers, of which the first leaves without the event
 * @ring: its ring.
 * @q: the queue.
 * @slots: of the ring; 0: there is none.
 * @first: is prepared.
 * @second: is prepared.
 */
struct pair {
	struct kevent_ring ring;
	int q;
	unsigned int slots;
	struct caller first;
	struct caller second;
};

static inline void pair_of(struct pair *p, int q, enum caller_way way,
			   unsigned int slots)
{
	p->q = q;
	p->slots = slots;
	caller_prep(&p->first, q, way);
	caller_prep(&p->second, q, way);
}

/* Nothing waits. */
static inline void pair_make(struct pair *p, enum caller_way way, unsigned int slots)
{
	pair_of(p, queue_of(&p->ring, slots, 1), way, slots);
}

/* All slots are claimed, and the next event is that of the watch @slots. */
static inline void pair_make_full(struct pair *p, enum caller_way way,
				  unsigned int slots)
{
	pair_of(p, full_queue(&p->ring, slots, slots + 1), way, slots);
}

/* It comes when there is no slot; then there are some, and nobody is told. */
static inline void pair_let_wait(struct pair *p)
{
	kev_fire(p->q, p->slots, 1);
	kev_free_to(&p->ring, p->slots);
	CHECK_EQ(kev_tail(&p->ring), p->slots);
}

/* The second gets the event of this watch. */
static inline void pair_end(struct pair *p, uint64_t id)
{
	expect_event(&p->second, id);
	close_queue(p->q, &p->ring, p->slots);
}

#endif
