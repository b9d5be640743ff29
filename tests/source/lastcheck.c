// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_REQ_LAST_CHECK: it is asked again when it is handed out. */
#include "askfile.h"
#include "kinds.h"

TEST_KINDS_BACK(not_ready_any_more)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK);
	for (i = 0; i < 5; i++) {
		thing_raise(&t);
		thing_lower(&t);
		take_none(q);
	}
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
}

TEST_KINDS_RING(not_posted_by_wakeup)
{
	struct timespec limit = { .tv_sec = 10 };
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK);
	thing_raise(&t);
	CHECK_EQ(kev_tail(ring), 0);
	CHECK_EQ(kevent_wait(q, 1, 0, &limit, 0), 1);
	CHECK_EQ(kev_tail(ring), 1);
	kev_expect(ring, t.fd, k->event);
	thing_drop(&t);
}

/* A consumer that looks at the ring's flags is told to call. */
TEST_KINDS_RING(in_place)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ET);
	for (i = 0; i < 5; i++) {
		thing_change(&t);
		CHECK_SOON(kev_flags(ring) & KEVENT_RING_NEED_CHECK);
		kev_expect(ring, t.fd, k->event);
		kev_expect_none(ring);
	}
	thing_drop(&t);
}

TEST_KINDS_BACK(level_repeats)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK);
	thing_raise(&t);
	for (i = 0; i < 3; i++)
		thing_take(q, &t);
	thing_lower(&t);
	take_none(q);
	thing_drop(&t);
}

TEST_KINDS_BACK(edge_does_not)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ET);
	for (i = 0; i < 3; i++) {
		thing_change(&t);
		thing_take(q, &t);
		take_none(q);
	}
	thing_drop(&t);
}

TEST_KINDS_BACK(oneshot)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ONESHOT);
	thing_raise(&t);
	thing_lower(&t);
	take_none(q);		/* that was no event */
	thing_raise(&t);
	thing_take(q, &t);
	thing_change(&t);
	take_none(q);
	thing_drop(&t);
}

/* ---- With a sleeper -------------------------------------------------------- */

struct getter {
	int q;
	struct ukevent uk;
	int ret;
};

static void *get_one(void *arg)
{
	struct getter *g = arg;
	struct timespec limit = { .tv_sec = 10 };

	g->ret = kevent_get_events(g->q, 1, 1, &limit, &g->uk, 0);
	return NULL;
}

TEST_KINDS_BACK(wakes_a_sleeper)
{
	struct test_thread thread;
	struct getter g = { .q = q };
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK);
	thread_start(&thread, get_one, &g);
	wait_blocked(thread.tid);
	thing_raise(&t);
	thread_join(&thread);
	CHECK_EQ(g.ret, 1);
	CHECK_EQ(g.uk.ptr, t.fd);
	CHECK_EQ(g.uk.ret_data[0], k->event);
	thing_drop(&t);
}

/* READY fires a one-shot that was to be asked: it ends with that event. */
TEST(one_shot_fired_before_it_is_asked)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ONESHOT);
	thing_raise(&t);
	kevent_prep(&uk, t.kind->type, t.fd, 0, 0, 0);
	kev_change(q, KEVENT_CTL_READY, &uk);
	take(q);
	take_none(q);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
	thing_drop(&t);
}

/* Two that have fired are there when a third is added: the newer one makes way. */
TEST(makes_way_beside_an_older_one)
{
	const unsigned int flags = KEVENT_REQ_ONESHOT | KEVENT_REQ_ALWAYS_QUEUE;
	int got[4] = { 0 }, i;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct ukevent uk;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_raise(&t);
	for (i = 1; i <= 3; i++) {
		kevent_prep(&uk, t.kind->type, t.fd, t.kind->event, i == 2 ?
			    flags | KEVENT_REQ_LAST_CHECK : flags, i);
		kev_change(q, KEVENT_CTL_ADD, &uk);
		CHECK_OK(kevent_ring_call(&ring));
	}
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0) == 1)
		got[uk.ptr]++;
	CHECK_EQ(got[1], 1);
	CHECK_EQ(got[2], 0);
	CHECK_EQ(got[3], 1);
	thing_drop(&t);
}

/* ---- What waits, whoever found it ------------------------------------------- */

#define LAST KEVENT_REQ_LAST_CHECK

/* The ways to report that matter here. */
static const unsigned int manners[] = {
	0, KEVENT_REQ_ET, KEVENT_REQ_ONESHOT, KEVENT_REQ_DISPATCH,
};

#define FOR_MANNERS(i) for (unsigned int i = 0; i < ARRAY_SIZE(manners); i++)

/* It is over: no event, and the watch is as armed as it was. */
static void expect_armed(int q, struct thing *t)
{
	thing_lower(t);
	take_none(q);
	CHECK_EQ(watches_of(q), 1);
	thing_raise(t);
	thing_take(q, t);
	thing_drop(t);
	CHECK_EQ(watches_of(q), 0);
}

TEST_KINDS_BACK(found_by_add)
{
	struct thing t;

	FOR_MANNERS(i) {
		thing_make(&t, k);
		thing_raise(&t);
		thing_add(q, &t, LAST | KEVENT_REQ_ALWAYS_QUEUE | manners[i]);
		expect_armed(q, &t);
	}
}

TEST_KINDS_BACK(found_by_modify)
{
	struct thing t;

	FOR_MANNERS(i) {
		thing_make(&t, k);
		thing_add(q, &t, LAST | manners[i]);
		thing_raise(&t);
		kev_modify(q, k->type, t.fd, k->event,
			   LAST | KEVENT_REQ_ALWAYS_QUEUE | manners[i]);
		expect_armed(q, &t);
	}
}

/* A WAIT has made an entry of it. */
static void make_entry(int q, const struct kevent_ring *ring, struct thing *t,
		       const struct kind *k, unsigned int flags)
{
	thing_make(t, k);
	thing_add(q, t, LAST | flags);
	thing_raise(t);
	CHECK_EQ(kevent_wait(q, 1, kev_tail(ring), NULL, 0), 1);
}

TEST_KINDS_RING(stale_entry)
{
	struct thing t;

	FOR_MANNERS(i) {
		make_entry(q, ring, &t, k, manners[i]);
		expect_armed(q, &t);
	}
}

TEST_KINDS_RING(entry_that_holds)
{
	struct thing t;

	FOR_MANNERS(i) {
		make_entry(q, ring, &t, k, manners[i]);
		kev_expect_get(q, t.fd, k->event);
		if (manners[i])
			take_none(q);
		thing_drop(&t);
	}
}

/* ---- More than are asked for -------------------------------------------------- */

enum { MANY = 20 };

/* Of loopback, what was sent may come later, on a busy machine with Linux 6.1. */
static void raise_all(struct thing *t, const struct kind *k)
{
	int i;

	for (i = 0; i < MANY; i++) {
		thing_raise(&t[i]);
		wait_poll(t[i].fd, k == &kinds[KIND_PIPE_SEND] ? POLLOUT : POLLIN);
	}
}

/* Which of them an event is of. */
static int thing_of(const struct thing *t, const struct ukevent *uk)
{
	int i;

	for (i = 0; i < MANY; i++)
		if (uk->ptr == (uint64_t)t[i].fd)
			return i;
	FAIL("an event of nobody");
}

/* All but the first, which may have had its only event. */
static void expect_others(int q, struct thing *t, unsigned int way)
{
	int got[MANY] = { 0 }, i;
	struct ukevent uk;

	while (kevent_get_events(q, 0, 1, NULL, &uk, 0) == 1) {
		i = thing_of(t, &uk);
		got[i]++;
		thing_lower(&t[i]);
	}
	for (i = 1; i < MANY; i++)
		CHECK_EQ(got[i], 1);
	CHECK_EQ(got[0], !(way & (KEVENT_REQ_ONESHOT | KEVENT_REQ_DISPATCH)));
}

static void beyond_max(int q, const struct kind *k, unsigned int way)
{
	struct thing t[MANY];
	struct ukevent uk;
	int i;

	for (i = 0; i < MANY; i++) {
		thing_make(&t[i], k);
		thing_add(q, &t[i], LAST | way);
	}
	raise_all(t, k);
	uk = take(q);
	CHECK_EQ(thing_of(t, &uk), 0);
	for (i = 0; i < MANY; i++)
		thing_lower(&t[i]);
	take_none(q);
	raise_all(t, k);
	expect_others(q, t, way);
	for (i = 0; i < MANY; i++)
		thing_drop(&t[i]);
}

TEST_TIMEOUT(beyond_max, 60)
{
	static const int some[] = {
		KIND_EVENTFD, KIND_TCP, KIND_UDP, KIND_SOCKET_STREAM,
		KIND_PIPE_SEND,
	};
	struct kevent_ring ring;
	int q = kev_queue(NULL, 0), ringed = kev_queue(&ring, 64);
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(some); k++) {
		FOR_MANNERS(i) {
			beyond_max(q, &kinds[some[k]], manners[i]);
			beyond_max(ringed, &kinds[some[k]], manners[i]);
		}
	}
}

/* ---- All bits that hold, and no others ---------------------------------------- */

/* More since it was noticed; less since then. */
static void bits_that_hold(int q, bool entry, unsigned int type)
{
	struct timespec limit = { .tv_sec = 10 };
	struct thing t;
	int i;

	thing_make(&t, &kinds[type]);
	fill(t.fd);
	kev_add_poll(q, t.fd, POLLIN | POLLOUT, LAST | KEVENT_REQ_ET);
	for (i = 0; i < 2; i++) {
		thing_raise(&t);
		if (entry)
			CHECK_EQ(kevent_wait(q, 1, 0, &limit, 0), 1);
		drain(t.peer);
		wait_poll(t.fd, POLLOUT);
		if (i)
			thing_lower(&t);
		CHECK_EQ(take(q).ret_data[0], i ? POLLOUT : POLLIN | POLLOUT);
		take_none(q);
		fill(t.fd);
		take_none(q);
	}
	thing_drop(&t);
}

TEST(bits_that_hold)
{
	struct kevent_ring ring;
	int q = kev_queue(NULL, 0), ringed = kev_queue(&ring, 16);

	bits_that_hold(q, false, KIND_STREAM);
	bits_that_hold(q, false, KIND_SEQPACKET);
	bits_that_hold(ringed, false, KIND_STREAM);
	bits_that_hold(ringed, false, KIND_SEQPACKET);
	bits_that_hold(ringed, true, KIND_STREAM);
	bits_that_hold(kev_queue(&ring, 16), true, KIND_SEQPACKET);
}

/* ---- read(2) of events ---------------------------------------------------------- */

TEST_KINDS_BACK(by_read)
{
	struct ukevent uk[4];
	struct thing t;

	set_nonblock(q);
	FOR_MANNERS(i) {
		thing_make(&t, k);
		thing_add(q, &t, LAST | manners[i]);
		thing_raise(&t);
		thing_lower(&t);
		CHECK_ERRNO(read(q, uk, sizeof(uk)), EAGAIN);
		CHECK_EQ(watches_of(q), 1);
		thing_raise(&t);
		CHECK_EQ(read(q, uk, sizeof(uk)), sizeof(uk[0]));
		CHECK_EQ(uk[0].ptr, t.fd);
		CHECK_EQ(uk[0].ret_data[0], k->event);
		thing_drop(&t);
	}
}

/* ---- Each is asked once --------------------------------------------------------- */

/* Events of one call, which asks so many times. */
static void get_asks(struct askfile *f, int q, int events, unsigned int asks)
{
	unsigned int before = askfile_asked(f);
	struct ukevent uk[4];

	CHECK_EQ(kevent_get_events(q, 0, 4, NULL, uk, 0), events);
	CHECK_EQ(askfile_asked(f) - before, asks);
}

static void asked_once(struct askfile *f, int q, unsigned int flags)
{
	unsigned int level = !(flags & (KEVENT_REQ_ET | KEVENT_REQ_ONESHOT |
					KEVENT_REQ_DISPATCH));

	askfile_set(f, 0);
	kev_add_poll(q, f->fd, POLLIN, flags);
	get_asks(f, q, 0, 0);
	askfile_wake(f);
	get_asks(f, q, 0, 1);
	get_asks(f, q, 0, 0);
	askfile_set(f, POLLIN);
	askfile_wake(f);
	get_asks(f, q, 1, 1);
	get_asks(f, q, level, level);
	get_asks(f, q, level, level);
	askfile_set(f, 0);
	get_asks(f, q, 0, level);
	get_asks(f, q, 0, 0);
	kev_try(q, KEVENT_CTL_REMOVE, KEVENT_POLL, f->fd, 0, 0);
}

TEST(asked_once)
{
	struct kevent_ring ring;
	int q = kev_queue(NULL, 0), ringed = kev_queue(&ring, 16);
	static struct askfile f;

	askfile_make(&f);
	FOR_MANNERS(i) {
		asked_once(&f, q, manners[i]);
		asked_once(&f, q, manners[i] | LAST);
		asked_once(&f, ringed, manners[i]);
		asked_once(&f, ringed, manners[i] | LAST);
	}
}

/* By the WAIT that makes the entry, and by the call that hands it out. */
TEST(asked_once_by_each)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	static struct askfile f;

	askfile_make(&f);
	kev_add_poll(q, f.fd, POLLIN, LAST | KEVENT_REQ_DISPATCH);
	CHECK_EQ(askfile_asked(&f), 1);
	askfile_set(&f, POLLIN);
	askfile_wake(&f);
	CHECK_EQ(kevent_wait(q, 1, 0, NULL, 0), 1);
	CHECK_EQ(askfile_asked(&f), 2);
	askfile_set(&f, 0);
	get_asks(&f, q, 0, 1);
	askfile_set(&f, POLLIN);
	askfile_wake(&f);
	get_asks(&f, q, 1, 1);
}

/* A file that tells each change once: to ask it twice is to lose it. */
static void mounts_change(int q, int fd, unsigned int flags)
{
	struct ukevent uk;
	int i;

	kev_add_poll(q, fd, POLLPRI, flags);
	for (i = 0; i < 4; i++) {
		if (i & 1)
			CHECK_OK(umount2("/tmp/lastcheck", MNT_DETACH));
		else
			CHECK_OK(mount("none", "/tmp/lastcheck", "tmpfs", 0, ""));
		uk = take(q);
		CHECK_EQ(uk.ret_data[0], POLLPRI | POLLERR);
		take_none(q);
		take_none(q);
		if (flags & KEVENT_REQ_DISPATCH)
			kev_modify(q, KEVENT_POLL, fd, POLLPRI, flags);
	}
	kev_remove(q, KEVENT_POLL, fd);
}

TEST(mount_table)
{
	static const unsigned int flags[] = {
		0, KEVENT_REQ_ET, KEVENT_REQ_DISPATCH,
	};
	struct kevent_ring ring;
	int q = kev_queue(NULL, 0), ringed = kev_queue(&ring, 16), fd;
	unsigned int i;

	CHECK(mkdir("/tmp/lastcheck", 0700) == 0 || errno == EEXIST);
	fd = CHECK_OK(open("/proc/self/mounts", O_RDONLY | O_CLOEXEC));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		mounts_change(q, fd, flags[i]);
		mounts_change(q, fd, flags[i] | LAST);
		mounts_change(ringed, fd, flags[i]);
		mounts_change(ringed, fd, flags[i] | LAST);
	}
}
