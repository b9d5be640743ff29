// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_REQ_ET: an event for each change, and none without. */
#include "kinds.h"

TEST_KINDS(no_repeat)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	thing_raise(&t);
	thing_take(q, &t);
	take_none(q);
	take_none(q);
	thing_drop(&t);
}

/* Although nobody reads: still a change. */
TEST_KINDS_BACK(each_change)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (i = 0; i < 6; i++) {
		thing_change(&t);
		thing_take(q, &t);
		take_none(q);
	}
	thing_drop(&t);
}

TEST_KINDS_BACK(again_after_lower)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (i = 0; i < 6; i++) {
		thing_raise(&t);
		thing_take(q, &t);
		thing_lower(&t);
		take_none(q);
	}
	thing_drop(&t);
}

TEST_KINDS_BACK(unclaimed_merges)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (i = 0; i < 4; i++)
		thing_change(&t);
	thing_take(q, &t);
	/* What goes through a pty comes when it comes. */
	if (k != &kinds[KIND_PTY])
		take_none(q);
	thing_drop(&t);
}

TEST_KINDS_RING(in_place)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (i = 0; i < 40; i++) {
		thing_raise(&t);
		CHECK_EQ(kevent_ring_wait(ring, NULL), 1);
		kev_expect(ring, t.fd, k->event);
		kev_expect_none(ring);
		thing_lower(&t);
	}
	thing_drop(&t);
}

static void merged_is_counted(int kind)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), i;
	struct ukevent uk;
	struct thing t;

	thing_make(&t, &kinds[kind]);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (i = 0; i < 5; i++)
		thing_raise(&t);
	uk = thing_take(q, &t);
	CHECK_EQ(uk.merged, 4);
	thing_raise(&t);
	uk = thing_take(q, &t);
	CHECK_EQ(uk.merged, 0);
	thing_drop(&t);
	kev_close(q, &ring);
}

TEST(merged_is_counted)
{
	merged_is_counted(KIND_EVENTFD);
	merged_is_counted(KIND_PIPE);
}

/* A watch of two bits that come one after the other: one entry has both. */
TEST(merged_bits_are_ored)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	struct ukevent uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_STREAM]);
	fill(t.fd);
	kev_add_poll(q, t.fd, POLLIN | POLLOUT, KEVENT_REQ_ET);
	thing_raise(&t);
	drain(t.peer);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], POLLIN | POLLOUT);
	take_none(q);
	thing_drop(&t);
	kev_close(q, &ring);
}

/* Changes on one side while the other consumes: the last is never missed. */
static void *raise_many(void *arg)
{
	struct thing *t = arg;
	int i;

	pin_to_cpu(1);
	for (i = 0; i < 20000; i++)
		thing_raise(t);
	return NULL;
}

static uint64_t read_counter(int fd)
{
	uint64_t v;

	return read(fd, &v, 8) == 8 ? v : 0;
}

static void no_change_is_lost(int q)
{
	struct test_thread thread;
	uint64_t total = 0;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_ET);
	pin_to_cpu(0);
	thread_start(&thread, raise_many, &t);
	while (total < 20000) {
		thing_take(q, &t);
		total += read_counter(t.fd);
	}
	thread_join(&thread);
	thing_drop(&t);
}

TEST_TIMEOUT(no_change_is_lost, 60)
{
	struct kevent_ring ring;
	int q;

	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	q = kev_queue(NULL, 0);
	no_change_is_lost(q);
	kev_close(q, NULL);
	q = kev_queue(&ring, 16);
	no_change_is_lost(q);
	kev_close(q, &ring);
}

TEST_TIMEOUT(no_change_is_lost_in_place, 60)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	struct test_thread thread;
	uint64_t total = 0;
	struct thing t;

	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_ET);
	pin_to_cpu(0);
	thread_start(&thread, raise_many, &t);
	while (total < 20000) {
		while (kevent_ring_next(&ring))
			total += read_counter(t.fd);
		if (total < 20000)
			CHECK_GE(kevent_ring_wait(&ring, NULL), 0);
	}
	thread_join(&thread);
	thing_drop(&t);
	kev_close(q, &ring);
}
