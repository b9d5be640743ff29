// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_REQ_EXCLUSIVE: one of the queues that watch a file gets it. */
#include "kinds.h"

#include <sys/epoll.h>

/* A queue with a thread that sleeps in it, for one event. */
struct idle {
	struct kevent_ring ring;
	struct kev_sleeper sleeper;
	int q;
};

static void idle_make(struct idle *i)
{
	i->q = kev_queue(&i->ring, 16);
}

static void idle_sleep(struct idle *i)
{
	while (kevent_ring_next(&i->ring))
		;
	kev_sleeper_prep(&i->sleeper, i->q);
	kev_sleeper_start(&i->sleeper);
}

static void idle_drop(struct idle *i)
{
	kev_close(i->q, &i->ring);
}

static int events_of(int q)
{
	struct ukevent uk[8];

	return CHECK_OK(kevent_get_events(q, 0, 8, NULL, uk, 0));
}

TEST_KINDS_BACK(all_without)
{
	int other = kev_queue(NULL, 0), i;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	thing_add(other, &t, KEVENT_REQ_ET);
	for (i = 0; i < 4; i++) {
		thing_change(&t);
		thing_take(q, &t);
		thing_take(other, &t);
		take_none(q);
		take_none(other);
	}
	thing_drop(&t);
	kev_close(other, NULL);
}

/* Nobody is woken by it: then it is everybody's. */
TEST_KINDS_BACK(all_if_nobody_sleeps)
{
	int other = kev_queue(NULL, 0), i;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	thing_add(other, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	for (i = 0; i < 4; i++) {
		thing_change(&t);
		/* not asleep, as somebody who waits for it would be */
		CHECK_SOON(events_of(q));
		CHECK_SOON(events_of(other));
	}
	thing_drop(&t);
	kev_close(other, NULL);
}

/* Whoever comes first on the file's list, has an event already or not. */
static void idle_one_gets_it(const struct kind *k, int q, bool first)
{
	struct idle idle;
	struct thing t;
	int i;

	thing_make(&t, k);
	idle_make(&idle);
	if (first)
		thing_add(q, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	thing_add(idle.q, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	if (!first)
		thing_add(q, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	for (i = 0; i < 4; i++) {
		idle_sleep(&idle);
		thing_change(&t);
		CHECK_EQ(kev_sleeper_join(&idle.sleeper), 1);
	}
	thing_drop(&t);
	idle_drop(&idle);
}

TEST_KINDS_BACK(behind_a_busy_one)
{
	idle_one_gets_it(k, q, true);
}

TEST_KINDS_BACK(before_a_busy_one)
{
	idle_one_gets_it(k, q, false);
}

/* Somebody who polls the queue's fd, and has not heard of an event yet, is woken. */
TEST_KINDS_BACK(polled_one_gets_it)
{
	int other = kev_queue(NULL, 0), ep, i;
	struct epoll_event ev = { .events = EPOLLIN };
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	thing_add(other, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	ep = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, other, &ev));
	for (i = 0; i < 4; i++) {
		thing_change(&t);
		CHECK_EQ(epoll_wait(ep, &ev, 1, 5000 * test_scale()), 1);
		thing_take(other, &t);
	}
	thing_drop(&t);
	close(ep);
	kev_close(other, NULL);
}

/* The one that is left gets all. */
TEST_KINDS_BACK(one_leaves)
{
	struct idle idle;
	struct thing t;
	int i;

	thing_make(&t, k);
	idle_make(&idle);
	thing_add(idle.q, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	thing_add(q, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	idle_sleep(&idle);
	thing_remove(idle.q, &t);
	for (i = 0; i < 4; i++) {
		thing_change(&t);
		thing_take(q, &t);
	}
	CHECK_EQ(kevent_wake(idle.q, 1), 1);
	kev_sleeper_join(&idle.sleeper);
	thing_drop(&t);
	idle_drop(&idle);
}

/* A watch that does not say so gets each event beside those that do. */
TEST_KINDS_BACK(others_get_all)
{
	struct idle idle;
	struct thing t;
	int i;

	thing_make(&t, k);
	idle_make(&idle);
	thing_add(idle.q, &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (i = 0; i < 4; i++) {
		idle_sleep(&idle);
		thing_change(&t);
		CHECK_EQ(kev_sleeper_join(&idle.sleeper), 1);
		thing_take(q, &t);
		take_none(q);
	}
	thing_drop(&t);
	idle_drop(&idle);
}

/* What nobody can be woken for any more must not swallow the others' event. */
TEST_KINDS_BACK(fired_oneshot_passes_it_on)
{
	int other = kev_queue(NULL, 0);
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_EXCLUSIVE | KEVENT_REQ_DISPATCH);
	thing_raise(&t);
	thing_take(q, &t);
	thing_lower(&t);
	thing_add(other, &t, KEVENT_REQ_EXCLUSIVE | KEVENT_REQ_ET);
	thing_raise(&t);
	thing_take(other, &t);
	take_none(q);
	thing_drop(&t);
	kev_close(other, NULL);
}

TEST(add_only)
{
	int q = kev_queue(NULL, 0);
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_ET);
	CHECK_EQ(thing_try(q, KEVENT_CTL_MODIFY, &t, KEVENT_REQ_EXCLUSIVE),
		 EINVAL);
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}

/* Many queues, each with a sleeper: no herd. */
enum { HERD = 5 };

TEST(no_herd)
{
	struct kevent_ring ring[HERD];
	struct kev_sleeper s[HERD];
	int q[HERD], over = 0, i;
	struct thing t;

	thing_make(&t, &kinds[KIND_SOCKET_LISTENER]);
	for (i = 0; i < HERD; i++) {
		q[i] = kev_queue(&ring[i], 16);
		thing_add(q[i], &t, KEVENT_REQ_ET | KEVENT_REQ_EXCLUSIVE);
		kev_sleeper_prep(&s[i], q[i]);
		kev_sleeper_start(&s[i]);
	}
	thing_raise(&t);
	for (i = 0; !over; i = (i + 1) % HERD)
		over = kev_sleeper_over(&s[i]);
	for (over = 0, i = 0; i < HERD; i++) {
		if (kev_sleeper_over(&s[i])) {
			over++;
			continue;
		}
		wait_blocked(s[i].thread.tid);
		CHECK_EQ(kevent_wake(q[i], 1), 1);
	}
	CHECK_EQ(over, 1);
	for (i = 0; i < HERD; i++)
		kev_sleeper_join(&s[i]);
	thing_drop(&t);
}

/* Beside one that has fired, whose event is still there: another watch. */
TEST(after_a_fired_one)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_ONESHOT);
	thing_raise(&t);
	CHECK_EQ(kev_tail(&ring), 1);
	CHECK_EQ(thing_try(q, KEVENT_CTL_ADD, &t,
			   KEVENT_REQ_EXCLUSIVE | KEVENT_REQ_ET), 0);
	thing_take(q, &t);
	thing_drop(&t);
}
