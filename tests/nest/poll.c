// SPDX-License-Identifier: GPL-2.0
/* Tests a queue's fd in poll, select and epoll, and an epoll in a queue. */
#include "../source/askfile.h"

#include <sys/select.h>

static int poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	CHECK_OK(poll(&p, 1, 0));
	return p.revents & POLLIN;
}

static int select_now(int fd)
{
	struct timeval zero = { 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return CHECK_OK(select(fd + 1, &set, NULL, NULL, &zero));
}

/* ---- poll and select ------------------------------------------------------- */

TEST_KINDS_BACK(readable)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	CHECK_EQ(poll_now(q), 0);
	CHECK_EQ(select_now(q), 0);
	thing_raise(&t);
	wait_poll(q, POLLIN);
	CHECK_EQ(select_now(q), 1);
	thing_take(q, &t);
	CHECK_EQ(poll_now(q), 0);
	CHECK_EQ(select_now(q), 0);
	thing_drop(&t);
}

TEST(ring_only_consumer)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), i;

	kev_add_user(q, 1);
	for (i = 0; i < 10; i++) {
		CHECK_EQ(poll_now(q), 0);
		kev_fire(q, 1, 0);
		CHECK_EQ(poll_now(q), POLLIN);
		kev_expect(&ring, 1, ~0u);
		kev_expect_none(&ring);
	}
	CHECK_EQ(poll_now(q), 0);
}

/* While a level watch holds, so does the queue. */
TEST_KINDS_BACK(level)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	thing_raise(&t);
	for (i = 0; i < 3; i++) {
		wait_poll(q, POLLIN);
		thing_take(q, &t);
	}
	wait_poll(q, POLLIN);
	thing_lower(&t);
	/* of files that only a task can ask, one readiness too many is allowed */
	take_none(q);
	CHECK_EQ(poll_now(q), 0);
	thing_drop(&t);
}

TEST(before_init)
{
	int q = kevent_open();
	struct pollfd p = { .fd = q, .events = POLLIN };

	CHECK_OK(q);
	/* Readable it is not; whether it is an error is not told. */
	CHECK_OK(poll(&p, 1, 0));
	CHECK_EQ(p.revents & POLLIN, 0);
}

struct poller {
	int fd;
	int ret;
};

static void *poll_for_ever(void *arg)
{
	struct poller *p = arg;
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };

	p->ret = poll(&pfd, 1, 15000);
	return NULL;
}

TEST_KINDS(wakes_poll)
{
	struct test_thread thread;
	struct poller p = { .fd = q };
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	thread_start(&thread, poll_for_ever, &p);
	wait_blocked(thread.tid);
	thing_raise(&t);
	thread_join(&thread);
	CHECK_EQ(p.ret, 1);
	thing_take(q, &t);
	thing_drop(&t);
}

/* ---- A queue in epoll ------------------------------------------------------ */

static int epoll_of(int fd, unsigned int events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };
	int ep = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));

	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	return ep;
}

static int epoll_now(int ep)
{
	struct epoll_event ev;

	return CHECK_OK(epoll_wait(ep, &ev, 1, 0));
}

static void epoll_soon(int ep)
{
	struct epoll_event ev;

	CHECK_EQ(epoll_wait(ep, &ev, 1, 10000), 1);
}

TEST_KINDS_BACK(epoll_level)
{
	int ep = epoll_of(q, EPOLLIN), i;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (i = 0; i < 5; i++) {
		CHECK_EQ(epoll_now(ep), 0);
		thing_change(&t);
		epoll_soon(ep);
		epoll_soon(ep);
		thing_take(q, &t);
	}
	CHECK_EQ(epoll_now(ep), 0);
	close(ep);
	thing_drop(&t);
}

TEST_KINDS_BACK(epoll_edge)
{
	int ep = epoll_of(q, EPOLLIN | EPOLLET), i;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (i = 0; i < 5; i++) {
		thing_change(&t);
		epoll_soon(ep);
		CHECK_EQ(epoll_now(ep), 0);
		thing_take(q, &t);
		take_none(q);
	}
	close(ep);
	thing_drop(&t);
}

/* A consumer of the ring makes one call before it goes back to sleep. */
TEST(epoll_edge_in_place)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), ep = epoll_of(q, EPOLLIN | EPOLLET), i;

	kev_add_user(q, 1);
	for (i = 0; i < 20; i++) {
		kev_fire(q, 1, 0);
		epoll_soon(ep);
		kev_expect(&ring, 1, ~0u);
		kev_expect_none(&ring);
		if (kev_flags(&ring) & KEVENT_RING_POLLED)
			CHECK_OK(kevent_wait(q, 0, 0, NULL, 0));
	}
}

/* The flag says when it is needed: an outer sleeper misses nothing. */
static void *fire_slowly(void *arg)
{
	int *q = arg, i;

	pin_to_cpu(cpu_count() - 1);
	for (i = 0; i < 3000; i++)
		kev_fire(*q, 1, 0);
	return NULL;
}

static void outer_misses_nothing(unsigned int events)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), ep = epoll_of(q, events);
	uint32_t total = 0, last = 0;
	struct test_thread thread;
	const struct ukevent *uk;

	kev_add_user(q, 1);
	thread_start(&thread, fire_slowly, &q);
	while (total < 3000) {
		epoll_soon(ep);
		do {
			while ((uk = kevent_ring_next(&ring)))
				total += kevent_delta(&last, uk->ret_data[1]);
			if (kev_flags(&ring) & KEVENT_RING_POLLED)
				CHECK_OK(kevent_wait(q, 0, 0, NULL, 0));
		} while (kev_tail(&ring) != kev_seen(&ring));
	}
	thread_join(&thread);
	CHECK_EQ(total, 3000);
	close(ep);
	kev_close(q, &ring);
}

TEST_TIMEOUT(outer_misses_nothing, 60)
{
	outer_misses_nothing(EPOLLIN);
	outer_misses_nothing(EPOLLIN | EPOLLET);
}

TEST(epoll_oneshot_rearmed)
{
	int q = kev_queue(NULL, 0), ep, i;
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };

	kev_add_user(q, 1);
	ep = epoll_of(q, EPOLLIN | EPOLLONESHOT);
	for (i = 0; i < 5; i++) {
		kev_fire(q, 1, 0);
		epoll_soon(ep);
		CHECK_EQ(epoll_now(ep), 0);
		CHECK_OK(epoll_ctl(ep, EPOLL_CTL_MOD, q, &ev));
		epoll_soon(ep);
		take(q);
		CHECK_OK(epoll_ctl(ep, EPOLL_CTL_MOD, q, &ev));
		CHECK_EQ(epoll_now(ep), 0);
	}
}

/* Closing a queue that an epoll watches, and the epoll first. */
TEST(closed_in_epoll)
{
	int q, ep, i;

	for (i = 0; i < 50; i++) {
		q = kev_queue(NULL, 0);
		ep = epoll_of(q, EPOLLIN);
		kev_add_user(q, 1);
		kev_fire(q, 1, 0);
		if (i & 2)
			epoll_soon(ep);
		close(i & 1 ? q : ep);
		if (i & 1)
			CHECK_EQ(epoll_now(ep), 0);
		close(i & 1 ? ep : q);
	}
}

/* ---- An epoll in a queue ---------------------------------------------------- */

TEST(epoll_in_queue)
{
	int q = kev_queue(NULL, 0), ep, i;
	struct ukevent uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_UDP]);
	ep = epoll_of(t.fd, EPOLLIN);
	kev_add_poll(q, ep, POLLIN, 0);
	for (i = 0; i < 10; i++) {
		thing_raise(&t);
		uk = take(q);
		CHECK_EQ(uk.ret_data[0], POLLIN);
		epoll_soon(ep);
		thing_lower(&t);
		CHECK_EQ(epoll_now(ep), 0);
		while (kevent_get_events(q, 0, 1, NULL, &uk, 0))
			;
	}
	/* The file goes away under the epoll that the queue watches. */
	thing_raise(&t);
	thing_drop(&t);
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0))
		;
	close(ep);
	CHECK_EQ(watches_of(q), 0);
}

/* ---- Level events that were taken --------------------------------------------- */

/* Files that the queue's own ->poll can look at. */
static const int looked_at[] = {
	KIND_EVENTFD, KIND_PIPE, KIND_PIPE_OUT, KIND_TCP, KIND_STREAM,
	KIND_SOCKET_TCP, KIND_SOCKET_STREAM, KIND_PIPE_RECV, KIND_PIPE_SEND,
};

/* Those around a queue that look at it in all the ways there are. */
struct around {
	int q;
	int ep;
	int outer;
};

static void around_make(struct around *a, int q)
{
	a->q = q;
	a->ep = epoll_of(q, EPOLLIN);
	a->outer = kev_queue(NULL, 0);
	kev_add_poll(a->outer, q, POLLIN, 0);
}

static void around_close(struct around *a)
{
	close(a->ep);
	kev_close(a->outer, NULL);
}

static void around_ready(const struct around *a)
{
	wait_poll(a->q, POLLIN);
	epoll_soon(a->ep);
	CHECK_EQ(take(a->outer).ret_data[0], POLLIN);
}

static void around_quiet(const struct around *a)
{
	CHECK_EQ(poll_now(a->q), 0);
	CHECK_EQ(select_now(a->q), 0);
	CHECK_EQ(epoll_now(a->ep), 0);
	take_none(a->outer);
	take_none(a->outer);
}

/* No call of the queue is made after the event was taken. */
static void drained(int q, struct kevent_ring *in_place, const struct kind *k,
		    unsigned int flags)
{
	struct around a;
	struct thing t;
	int i;

	around_make(&a, q);
	thing_make(&t, k);
	thing_add(q, &t, flags);
	for (i = 0; i < 4; i++) {
		around_quiet(&a);
		thing_raise(&t);
		around_ready(&a);
		if (in_place)
			kev_expect(in_place, t.fd, k->event);
		else
			thing_take(q, &t);
		around_ready(&a);
		thing_lower(&t);
		around_quiet(&a);
	}
	thing_drop(&t);
	around_close(&a);
}

static void drained_all(int q, struct kevent_ring *in_place)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(looked_at); i++) {
		drained(q, in_place, &kinds[looked_at[i]], 0);
		/* the consumer of a ring has to call, for what is asked last */
		if (!in_place)
			drained(q, NULL, &kinds[looked_at[i]],
				KEVENT_REQ_LAST_CHECK);
	}
}

TEST(drained_is_quiet)
{
	drained_all(kev_queue(NULL, 0), NULL);
}

TEST(drained_is_quiet_with_ring)
{
	struct kevent_ring ring;

	drained_all(kev_queue(&ring, 16), NULL);
}

TEST(drained_is_quiet_in_place)
{
	struct kevent_ring ring;

	drained_all(kev_queue(&ring, 16), &ring);
}

/* While a call asks the file, nobody knows that there is nothing. */
static void being_asked(struct askfile *f, int q, unsigned int flags)
{
	struct kev_getter g;
	unsigned int asked;
	int ep = epoll_of(q, EPOLLIN);

	askfile_set(f, 0);
	kev_add_poll(q, f->fd, POLLIN, flags);
	CHECK_EQ(poll_now(q), 0);
	asked = askfile_asked(f);
	askfile_hold(f);
	askfile_wake(f);
	kev_getter_prep(&g, q);
	thread_start(&g.thread, kev_getter_run, &g);
	askfile_await(f, asked);
	CHECK_EQ(poll_now(q), POLLIN);
	CHECK_EQ(select_now(q), 1);
	CHECK_EQ(epoll_now(ep), 1);
	askfile_answer(f);
	/* not ready: it sleeps on */
	CHECK_SOON(!poll_now(q));
	CHECK_EQ(epoll_now(ep), 0);
	CHECK(!kev_getter_over(&g));
	askfile_set(f, POLLIN);
	askfile_wake(f);
	CHECK_EQ(kev_getter_join(&g), 1);
	kev_remove(q, KEVENT_POLL, f->fd);
	close(ep);
}

TEST(readable_while_it_is_asked)
{
	static const unsigned int flags[] = {
		0, KEVENT_REQ_LAST_CHECK, KEVENT_REQ_ET, KEVENT_REQ_DISPATCH,
	};
	struct kevent_ring ring;
	int q = kev_queue(NULL, 0), ringed = kev_queue(&ring, 16);
	static struct askfile f;
	unsigned int i;

	askfile_make(&f);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		being_asked(&f, q, flags[i]);
		being_asked(&f, ringed, flags[i]);
	}
}
