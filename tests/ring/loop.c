// SPDX-License-Identifier: GPL-2.0
/* The loops of kevent.h: leaving one early loses nothing, batches end, pollers hear. */
#include "kev.h"

#include <sys/epoll.h>

enum { MANY = 10 };

/* A ring with an edge of each of num watches, numbered from 0. */
static int fired_queue(struct kevent_ring *ring, unsigned int slots,
		       unsigned int num)
{
	int q = kev_queue(ring, slots);
	unsigned int i;

	for (i = 0; i < num; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	return q;
}

static void expect_more(struct kevent_ring *ring, unsigned int from,
			unsigned int to)
{
	const struct ukevent *uk;

	for (; from < to; from++) {
		uk = kevent_ring_more(ring);
		CHECK(uk);
		CHECK_EQ(uk->ptr, from);
	}
}

static void expect_no_more(struct kevent_ring *ring)
{
	CHECK(!kevent_ring_more(ring));
	CHECK(!kevent_ring_more(ring));
}

/* ---- Leaving early ------------------------------------------------------------- */

/* What is in hand stays there, whatever is called next; nothing of it is freed. */
TEST(left_after_wait)
{
	struct kevent_ring ring;
	int q = fired_queue(&ring, 16, MANY);

	CHECK_EQ(kevent_ring_wait(&ring, NULL), MANY);
	expect_more(&ring, 0, 3);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), MANY - 3);
	CHECK_EQ(kevent_ring_poll(&ring, 0), MANY - 3);
	CHECK_EQ(kevent_ring_wait_some(&ring, 1, NULL), MANY - 3);
	CHECK_EQ(kev_head(&ring), 0);
	expect_more(&ring, 3, 5);
	/* what comes meanwhile is behind it */
	kev_fire(q, 0, 1);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), MANY - 5);
	CHECK_EQ(kevent_ring_next(&ring)->ptr, 5);
	expect_more(&ring, 6, MANY);
	expect_no_more(&ring);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), 1);
	CHECK_EQ(kev_head(&ring), MANY);
	expect_more(&ring, 0, 1);
	expect_no_more(&ring);
	CHECK_EQ(kevent_ring_poll(&ring, 0), 0);
	kev_close(q, &ring);
}

TEST(left_after_next)
{
	struct kevent_ring ring;
	int q = fired_queue(&ring, 16, MANY), i;

	for (i = 0; i < 4; i++)
		CHECK_EQ(kevent_ring_next(&ring)->ptr, i);
	CHECK_EQ(kevent_ring_poll(&ring, 0), MANY - 4);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), MANY - 4);
	expect_more(&ring, 4, 6);
	for (i = 6; i < MANY; i++)
		CHECK_EQ(kevent_ring_next(&ring)->ptr, i);
	CHECK(!kevent_ring_next(&ring));
	kev_close(q, &ring);
}

/* With changes: they are made, and it does not sleep while something is in hand. */
TEST(left_before_changes)
{
	struct kevent_ring ring;
	int q = fired_queue(&ring, 16, MANY);
	struct ukevent uk;

	CHECK_EQ(kevent_ring_wait(&ring, NULL), MANY);
	expect_more(&ring, 0, 2);
	kevent_prep(&uk, KEVENT_UNOTIFY, 50, 1, KEVENT_REQ_CMD(KEVENT_CTL_ADD), 50);
	CHECK_EQ(kevent_ring_wait_changes(&ring, 0, NULL, &uk, 1), MANY - 2);
	CHECK(uk.cookie);
	CHECK_EQ(kev_head(&ring), 0);
	expect_more(&ring, 2, MANY);
	expect_no_more(&ring);
	kev_fire(q, 50, 1);
	kevent_prep(&uk, KEVENT_UNOTIFY, 51, 1, KEVENT_REQ_CMD(KEVENT_CTL_ADD), 51);
	CHECK_EQ(kevent_ring_wait_changes(&ring, 0, NULL, &uk, 1), 1);
	CHECK_EQ(kev_head(&ring), MANY);
	expect_more(&ring, 50, 51);
	kev_close(q, &ring);
}

/* By a timeout, a wake-up or a signal nothing is lost either. */
TEST(left_with_nothing)
{
	const struct timespec moment = { .tv_nsec = 1000 };
	struct kevent_ring ring;
	int q = fired_queue(&ring, 4, 1), i;

	for (i = 0; i < 10; i++) {
		CHECK_EQ(kevent_ring_wait(&ring, &moment), 1);
		expect_more(&ring, 0, 1);
		CHECK_EQ(kevent_ring_wait(&ring, &moment), 0);
		expect_no_more(&ring);
		CHECK_EQ(kev_head(&ring), i + 1);
		kev_fire(q, 0, 1);
	}
	kev_close(q, &ring);
}

/* Each round takes a few, and turns to something else: all come, in order. */
static void take_in_bits(unsigned int slots, unsigned int max, unsigned int few)
{
	unsigned int got = 0, fired = 0, i;
	const struct ukevent *uk;
	struct kevent_ring ring;
	int q = kev_queue(&ring, slots);

	kev_add(q, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_PAYLOAD);
	while (got < 400) {
		/* more than fit, now and then: the others wait */
		for (; fired < 400 && fired < got + slots + 16; fired++)
			CHECK_OK(kevent_fire(q, 1, 1, fired));
		CHECK_GT(kevent_ring_wait_some(&ring, max, NULL), 0);
		for (i = 0; i < few && (uk = kevent_ring_more(&ring)); i++)
			CHECK_EQ(uk->ptr, got++);
	}
	CHECK_EQ(kevent_ring_poll(&ring, 0), 0);
	kev_close(q, &ring);
}

TEST(taken_in_bits)
{
	take_in_bits(8, 0, 3);
	take_in_bits(8, 3, 1);
	take_in_bits(16, 1, 1);
	take_in_bits(16, 5, 4);
	take_in_bits(32, 0, 16);
}

/* ---- Bounds -------------------------------------------------------------------- */

/* What is beyond the bound is not claimed: it merges, and others may take it. */
static void bounded(int (*take)(struct kevent_ring *ring, unsigned int max))
{
	struct kevent_ring ring;
	int q = fired_queue(&ring, 16, MANY);
	struct ukevent uk;

	CHECK_EQ(take(&ring, 4), 4);
	CHECK_EQ(kev_seen(&ring), 4);
	kev_fire(q, 3, 2);
	kev_fire(q, 8, 2);
	CHECK_EQ(kev_tail(&ring), MANY + 1);
	expect_more(&ring, 0, 4);
	expect_no_more(&ring);
	CHECK_EQ(take(&ring, 3), 3);
	CHECK_EQ(kev_head(&ring), 4);
	expect_more(&ring, 4, 7);
	CHECK_EQ(take(&ring, 100), MANY + 1 - 7);
	expect_more(&ring, 7, 8);
	CHECK_EQ(kevent_ring_more(&ring)->ret_data[0], 3);
	expect_more(&ring, 9, MANY);
	CHECK_EQ(kevent_ring_more(&ring)->ptr, 3);
	expect_no_more(&ring);
	kev_fire(q, 0, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(take(&ring, 1), 1);
	CHECK_EQ(kevent_get_events(q, 0, 1, NULL, &uk, 0), 1);
	CHECK_EQ(uk.ptr, 1);
	kev_close(q, &ring);
}

static int take_wait(struct kevent_ring *ring, unsigned int max)
{
	return kevent_ring_wait_some(ring, max, NULL);
}

static int take_changes(struct kevent_ring *ring, unsigned int max)
{
	return kevent_ring_wait_changes(ring, max, NULL, NULL, 0);
}

TEST(bounded_wait)
{
	bounded(take_wait);
}

TEST(bounded_poll)
{
	bounded(kevent_ring_poll);
}

TEST(bounded_changes)
{
	bounded(take_changes);
}

/* ---- Under load ------------------------------------------------------------------ */

/*
 * Each event that is handled makes another: kevent_ring_next() would never end.
 * Of kevent_ring_more() each round does, and what is done once a round is done.
 */
static void under_load(int (*take)(struct kevent_ring *ring, unsigned int max),
		       unsigned int max, unsigned int flags)
{
	unsigned int rounds, handled;
	const struct ukevent *uk;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 32), i, fds[MANY];

	for (i = 0; i < MANY; i++) {
		fds[i] = CHECK_OK(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
		kev_add_poll(q, fds[i], POLLIN, flags | KEVENT_REQ_ALWAYS_QUEUE);
	}
	for (rounds = 0; rounds < 100; rounds++) {
		CHECK_GT(take(&ring, max), 0);
		for (handled = 0; (uk = kevent_ring_more(&ring)); handled++) {
			CHECK_LT(handled, max ? max : 32);
			CHECK_EQ(eventfd_write(uk->ptr, 1), 0);
		}
		CHECK_GT(handled, 0);
	}
	kev_close(q, &ring);
	for (i = 0; i < MANY; i++)
		close(fds[i]);
}

TEST(rounds_end)
{
	under_load(take_wait, 0, KEVENT_REQ_ET);
	under_load(take_wait, 0, 0);
	under_load(take_wait, 3, KEVENT_REQ_ET);
	under_load(take_wait, 3, 0);
	under_load(kevent_ring_poll, 0, KEVENT_REQ_ET);
	under_load(kevent_ring_poll, 0, 0);
	under_load(take_changes, 4, 0);
}

/* An event whose watch is removed in the same round never comes. */
TEST(removed_in_the_round)
{
	struct kevent_ring ring;
	int q = fired_queue(&ring, 16, MANY), i;

	CHECK_EQ(kevent_ring_wait(&ring, NULL), MANY);
	expect_more(&ring, 0, 1);
	for (i = 1; i < MANY; i += 2)
		kev_remove(q, KEVENT_UNOTIFY, i);
	for (i = 2; i < MANY; i += 2)
		CHECK_EQ(kevent_ring_more(&ring)->ptr, i);
	expect_no_more(&ring);
	/* a batch of nothing but those is one all the same */
	kev_fire(q, 2, 1);
	CHECK_EQ(kevent_ring_wait(&ring, NULL), 1);
	kev_remove(q, KEVENT_UNOTIFY, 2);
	expect_no_more(&ring);
	CHECK_EQ(kevent_ring_poll(&ring, 0), 0);
	CHECK_EQ(kev_head(&ring), MANY + 1);
	kev_close(q, &ring);
}

/* ---- Pollers of the queue --------------------------------------------------------- */

static const struct ukevent *drain_by_next(struct kevent_ring *ring)
{
	const struct ukevent *uk, *last = NULL;

	while ((uk = kevent_ring_next(ring)))
		last = uk;
	return last;
}

static const struct ukevent *drain_by_poll(struct kevent_ring *ring)
{
	const struct ukevent *uk, *last = NULL;

	while (kevent_ring_poll(ring, 0) > 0)
		while ((uk = kevent_ring_more(ring)))
			last = uk;
	return last;
}

static const struct ukevent *drain_by_wait(struct kevent_ring *ring)
{
	const struct timespec moment = { .tv_nsec = 1 };
	const struct ukevent *uk, *last = NULL;

	while (kevent_ring_wait(ring, &moment) > 0)
		while ((uk = kevent_ring_more(ring)))
			last = uk;
	return last;
}

typedef const struct ukevent *drain_func(struct kevent_ring *ring);

static int epoll_of(int q)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));

	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, q, &ev));
	return ep;
}

/*
 * Who empties the ring makes the call that KEVENT_RING_POLLED asks for: it shows by
 * the flag, which goes when the call finds that nobody polls any more.
 */
static void calls_for_pollers(drain_func *drain)
{
	struct kevent_ring ring;
	int q = fired_queue(&ring, 8, 2), ep = epoll_of(q);

	CHECK(kev_flags(&ring) & KEVENT_RING_POLLED);
	CHECK_EQ(drain(&ring)->ptr, 1);
	CHECK(kev_flags(&ring) & KEVENT_RING_POLLED);
	kev_fire(q, 0, 1);
	close(ep);
	CHECK_EQ(drain(&ring)->ptr, 0);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_POLLED));
	kev_close(q, &ring);
}

TEST(calls_for_pollers)
{
	calls_for_pollers(drain_by_next);
	calls_for_pollers(drain_by_poll);
	calls_for_pollers(drain_by_wait);
}

/* An edge-triggered poller hears of the next event, however the last came. */
static void poller_hears(drain_func *drain)
{
	struct kevent_ring ring;
	struct epoll_event ev;
	int q = fired_queue(&ring, 8, 4), ep = epoll_of(q), i, n;

	for (i = 0; i < 200; i++) {
		CHECK_EQ(epoll_wait(ep, &ev, 1, 5000 * test_scale()), 1);
		/* more of them, which wake it again before it is emptied */
		for (n = 0; n < i % 4; n++)
			kev_fire(q, n, 1);
		CHECK(drain(&ring));
		/* of these it may hear once more, and finds nothing */
		if (epoll_wait(ep, &ev, 1, 0))
			CHECK(!drain(&ring));
		kev_fire(q, 3, 1);
	}
	close(ep);
	kev_close(q, &ring);
}

TEST_TIMEOUT(poller_hears_after_next, 60)
{
	poller_hears(drain_by_next);
}

TEST_TIMEOUT(poller_hears_after_poll, 60)
{
	poller_hears(drain_by_poll);
}

TEST_TIMEOUT(poller_hears_after_wait, 60)
{
	poller_hears(drain_by_wait);
}

/* Nothing is wanted, and nothing is taken. */
TEST(takes_none)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);
	struct ukevent uk;

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(kevent_ring_take(&ring, &uk, 0), 0);
	CHECK_EQ(kevent_ring_take(&ring, &uk, 1), 1);
}

/* Where nobody stores seen, who comes later begins at head. */
TEST(attached_without_seen)
{
	struct kevent_ring ring, late;
	int q = kev_queue_at(&ring, 4, 0, KEVENT_WAKE_FIFO,
			     KEVENT_INIT_NO_SEEN);
	int i;

	kev_add_user(q, 1);
	for (i = 1; i <= 3; i++) {
		kev_fire(q, 1, i);
		kev_free_to(&ring, i);
	}
	kev_fire(q, 1, 8);
	CHECK_OK(kevent_attach(&late, q));
	CHECK_EQ(late.pos, 3);
	kevent_ring_unmap(&late);
}
