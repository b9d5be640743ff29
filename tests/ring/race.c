// SPDX-License-Identifier: GPL-2.0
/* Merging and cancelling against a claim on another CPU: no edge is lost, nothing comes after its end. */
#include "kev.h"

#include <sys/socket.h>

#define ROUNDS		20000
#define ROUNDS_NS	2000000000ull
#define LOST_NS		10000000000ull

/* ---- Merging ----------------------------------------------------------- */

struct race {
	struct kevent_ring ring;
	int q;
	int fd;			/* eventfd; -1: private event */
	uint32_t got;		/* edges that the consumer knows of */
	bool stop;
	void (*consume)(struct race *r);
};

static void account(struct race *r, const struct ukevent *uk)
{
	uint64_t count;

	if (r->fd < 0)
		__atomic_store_n(&r->got, uk->ret_data[1], __ATOMIC_RELEASE);
	else if (read(r->fd, &count, sizeof(count)) == sizeof(count))
		__atomic_add_fetch(&r->got, count, __ATOMIC_RELEASE);
}

static void consume_in_place(struct race *r)
{
	const struct ukevent *uk;

	while ((uk = kevent_ring_next(&r->ring)))
		account(r, uk);
}

static void consume_copies(struct race *r)
{
	struct ukevent uk;

	while (kevent_ring_take(&r->ring, &uk, 1))
		account(r, &uk);
}

static void consume_by_call(struct race *r)
{
	struct ukevent uk;

	while (kevent_get_events(r->q, 0, 1, NULL, &uk, 0) > 0)
		account(r, &uk);
}

static void *consumer(void *arg)
{
	struct race *r = arg;

	if (cpu_count() > 1)
		pin_to_cpu(1);
	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		r->consume(r);
		if (cpu_count() == 1)
			sched_yield();
	}
	return NULL;
}

static void make_edge(struct race *r)
{
	const uint64_t one = 1;

	if (r->fd < 0)
		kev_fire(r->q, 1, 1);
	else
		CHECK_EQ(write(r->fd, &one, 8), 8);
}

static void await(const struct race *r, uint32_t edges)
{
	uint64_t end = 0;

	while (__atomic_load_n(&r->got, __ATOMIC_ACQUIRE) != edges) {
		if (!end)
			end = now_ns() + test_scale() * LOST_NS;
		else if (now_ns() > end)
			FAIL("%u edges were made, %u came", edges, r->got);
		if (cpu_count() == 1)
			sched_yield();
	}
}

static void race(bool with_file, void (*consume)(struct race *r))
{
	struct race r = { .fd = -1, .consume = consume };
	uint64_t end = now_ns() + ROUNDS_NS;
	struct test_thread thread;
	uint32_t round, i, edges = 0;

	r.q = kev_queue(&r.ring, 4);
	if (with_file) {
		r.fd = CHECK_OK(eventfd(0, EFD_NONBLOCK));
		kev_add_poll(r.q, r.fd, POLLIN, KEVENT_REQ_ET);
	} else {
		kev_add_user(r.q, 1);
	}
	if (cpu_count() > 1)
		pin_to_cpu(0);
	thread_start(&thread, consumer, &r);
	for (round = 0; round < ROUNDS && now_ns() < end; round++) {
		for (i = 0; i < 1 + round % 3; i++) {
			make_edge(&r);
			edges++;
		}
		await(&r, edges);
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELEASE);
	thread_join(&thread);
	if (round < 200)
		NOTE("only %u rounds", round);
}

TEST_TIMEOUT(user_in_place, 30)
{
	race(false, consume_in_place);
}

TEST_TIMEOUT(user_copied, 30)
{
	race(false, consume_copies);
}

TEST_TIMEOUT(user_by_call, 30)
{
	race(false, consume_by_call);
}

TEST_TIMEOUT(file_in_place, 30)
{
	race(true, consume_in_place);
}

TEST_TIMEOUT(file_copied, 30)
{
	race(true, consume_copies);
}

TEST_TIMEOUT(file_by_call, 30)
{
	race(true, consume_by_call);
}

/* ---- Cancelling -------------------------------------------------------- */

struct cancel {
	struct kevent_ring ring;
	int q;
	int peer;		/* what the other thread writes to */
	uint32_t fired;
	bool stop;
};

static void *fire_for_ever(void *arg)
{
	struct cancel *c = arg;
	struct ukevent uk;

	if (cpu_count() > 1)
		pin_to_cpu(1);
	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		kevent_prep(&uk, KEVENT_UNOTIFY, 1, 1, 0, 0);
		if (kevent_ctl_one(c->q, KEVENT_CTL_READY, &uk) < 0)
			CHECK_EQ(errno, ENOENT);
		else
			__atomic_add_fetch(&c->fired, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Lets the other thread fire a few times, not always the same number. */
static void let_fire(struct cancel *c, unsigned int round)
{
	uint32_t until = __atomic_load_n(&c->fired, __ATOMIC_ACQUIRE) +
			 round % 4;

	while ((int32_t)(__atomic_load_n(&c->fired, __ATOMIC_ACQUIRE) -
			 until) < 0)
		sched_yield();
}

/* Claims what there is, so that the next REMOVE finds it claimed. */
static void take_some(struct cancel *c, uint64_t generation)
{
	const struct ukevent *uk = kevent_ring_next(&c->ring);

	if (uk)
		CHECK_EQ(uk->ptr, generation);
}

TEST_TIMEOUT(nothing_comes_after_remove, 30)
{
	uint64_t generation, end = now_ns() + ROUNDS_NS;
	struct test_thread thread;
	const struct ukevent *uk;
	struct cancel c = { 0 };

	c.q = kev_queue(&c.ring, 4);
	thread_start(&thread, fire_for_ever, &c);
	for (generation = 0; generation < ROUNDS && now_ns() < end;
	     generation++) {
		struct ukevent watch;

		kevent_prep(&watch, KEVENT_UNOTIFY, 1, 1, 0, generation);
		kev_change(c.q, KEVENT_CTL_ADD, &watch);
		let_fire(&c, generation);
		if (generation & 4)
			take_some(&c, generation);
		kev_remove(c.q, KEVENT_UNOTIFY, 1);
		while ((uk = kevent_ring_next(&c.ring)))
			FAIL("event of watch %llu after its REMOVE",
			     (unsigned long long)uk->ptr);
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELEASE);
	thread_join(&thread);
}

/* MODIFY is the end of what the old watch asked for. */
TEST_TIMEOUT(nothing_old_comes_after_modify, 30)
{
	uint64_t generation, end = now_ns() + ROUNDS_NS;
	struct test_thread thread;
	const struct ukevent *uk;
	struct cancel c = { 0 };

	c.q = kev_queue(&c.ring, 4);
	kev_add_user(c.q, 1);
	thread_start(&thread, fire_for_ever, &c);
	for (generation = 1; generation < ROUNDS && now_ns() < end;
	     generation++) {
		struct ukevent watch;

		kevent_prep(&watch, KEVENT_UNOTIFY, 1, 1, 0, generation);
		kev_change(c.q, KEVENT_CTL_MODIFY, &watch);
		let_fire(&c, generation);
		/* Not to the end: the other thread never stops. */
		uk = kevent_ring_next(&c.ring);
		if (uk)
			CHECK_EQ(uk->ptr, generation);
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELEASE);
	thread_join(&thread);
}

static void *write_to_peer(void *arg)
{
	struct cancel *c = arg;

	if (cpu_count() > 1)
		pin_to_cpu(1);
	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		int peer = __atomic_load_n(&c->peer, __ATOMIC_ACQUIRE);

		if (peer >= 0)
			send(peer, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		__atomic_add_fetch(&c->fired, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* The number may be that of the next socket, too: generations differ. */
TEST_TIMEOUT(nothing_comes_after_close, 30)
{
	uint64_t generation, end = now_ns() + ROUNDS_NS;
	struct cancel c = { .peer = -1 };
	struct test_thread thread;
	const struct ukevent *uk;
	int pair[2];

	c.q = kev_queue(&c.ring, 4);
	thread_start(&thread, write_to_peer, &c);
	for (generation = 0; generation < ROUNDS && now_ns() < end;
	     generation++) {
		struct ukevent watch;

		CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
		kevent_prep(&watch, KEVENT_POLL, pair[0], POLLIN,
			    KEVENT_REQ_ET, generation);
		kev_change(c.q, KEVENT_CTL_ADD, &watch);
		__atomic_store_n(&c.peer, pair[1], __ATOMIC_RELEASE);
		let_fire(&c, generation);
		if (generation & 4)
			take_some(&c, generation);
		CHECK_OK(close(pair[0]));
		while ((uk = kevent_ring_next(&c.ring)))
			FAIL("event of watch %llu after its close",
			     (unsigned long long)uk->ptr);
		__atomic_store_n(&c.peer, -1, __ATOMIC_RELEASE);
		let_fire(&c, 2);
		CHECK_OK(close(pair[1]));
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELEASE);
	thread_join(&thread);
}
