// SPDX-License-Identifier: GPL-2.0
/* Waiting and taking, with each chance to fail made to fail: no event is lost. */
/* kernel: debug debug-rt */
#include "sources.h"

#define EVENTS 3

/* What the calls have taken so far. */
static struct ukevent taken[2 * EVENTS];

static struct timespec soon = { .tv_nsec = 1 };

/* ---- WAIT ------------------------------------------------------------------- */

static void set_up_events(struct scene *s)
{
	int i;

	memset(taken, 0, sizeof(taken));
	s->n = 0;
	for (i = 0; i < EVENTS; i++) {
		kev_add_user(s->q, i);
		kev_fire(s->q, i, 1 << i);
	}
}

static void check_events(struct scene *s)
{
	int i;

	for (i = 0; i < EVENTS; i++)
		kev_expect(&s->ring, i, 1 << i);
	kev_expect_none(&s->ring);
}

static int call_wait(struct scene *s)
{
	int n = kevent_wait(s->q, 1, kev_head(&s->ring), &soon, 0);

	if (n < 0)
		return errno;
	CHECK_EQ(n, EVENTS);
	return 0;
}

FAULT_TEST(wait, call_wait,
	   .set_up = set_up_events, .check = check_events, .must = { EFAULT })

/* The usual call copies by itself, and has no chance to fail. */
static int call_wait_plain(struct scene *s)
{
	int n = kevent_wait(s->q, 1, kev_head(&s->ring), NULL, 0);

	if (n < 0)
		return errno;
	CHECK_EQ(n, EVENTS);
	return 0;
}

FAULT_TEST(wait_plain, call_wait_plain,
	   .set_up = set_up_events, .check = check_events, .must = { EFAULT })

/* After a failure the mask is what it was, and nothing was freed. */
static int call_wait_mask_commit(struct scene *s)
{
	struct kevent_ioc_wait wait;
	uint64_t mask = ~0ull;
	int n;

	memset(&wait, 0, sizeof(wait));
	wait.min = 1;
	wait.flags = KEVENT_FLAGS_SIGMASK | KEVENT_FLAGS_TIMEOUT |
		     KEVENT_FLAGS_COMMIT;
	wait.sigmask = (uintptr_t)&mask;
	wait.sigsetsize = sizeof(mask);
	wait.commit = kev_seen(&s->ring);
	n = ioctl(s->q, KEVENT_IOC_WAIT, &wait);
	if (n < 0)
		return errno;
	CHECK_EQ(n, EVENTS - 1);
	CHECK_EQ(kev_head(&s->ring), kev_seen(&s->ring));
	return 0;
}

static void set_up_claimed(struct scene *s)
{
	set_up_events(s);
	kev_claim_to(&s->ring, kev_head(&s->ring) + 1);
}

static void check_claimed(struct scene *s)
{
	int i;

	CHECK(!fault_is_blocked(SIGTERM));
	s->ring.pos = kev_seen(&s->ring);
	s->ring.end = s->ring.pos;
	for (i = 1; i < EVENTS; i++)
		kev_expect(&s->ring, i, 1 << i);
	kev_expect_none(&s->ring);
}

FAULT_TEST(wait_with_mask_and_commit, call_wait_mask_commit,
	   .set_up = set_up_claimed, .check = check_claimed,
	   .must = { EFAULT })

/* It sleeps until its time is up. */
static int call_wait_nothing(struct scene *s)
{
	struct timespec limit = { .tv_nsec = 1000000 };
	int n = kevent_wait(s->q, 1, kev_head(&s->ring), &limit, 0);

	if (n < 0)
		return errno;
	CHECK_EQ(n, 0);
	return 0;
}

FAULT_TEST(wait_in_vain, call_wait_nothing, .must = { EFAULT })

static int call_commit(struct scene *s)
{
	int n = kevent_commit(s->q, kev_seen(&s->ring), 0);

	if (n < 0)
		return errno;
	CHECK_EQ(n, 1);
	return 0;
}

FAULT_TEST(commit, call_commit,
	   .set_up = set_up_claimed, .check = check_claimed,
	   .must = { EFAULT })

static int call_wake(struct scene *s)
{
	return kevent_wake(s->q, 1) < 0 ? errno : 0;
}

FAULT_TEST(wake, call_wake,
	   .set_up = set_up_events, .check = check_events, .must = { EFAULT })

/* ---- GET_EVENTS and read ----------------------------------------------------------- */

/* What was copied counts, even if the rest could not be. */
static int keep(struct scene *s, int n)
{
	if (n < 0)
		return errno;
	s->n += n;
	CHECK_LE(s->n, EVENTS);
	return 0;
}

static int call_get(struct scene *s)
{
	return keep(s, kevent_get_events(s->q, 1, EVENTS, &soon,
					 taken + s->n, 0));
}

static int call_get_now(struct scene *s)
{
	return keep(s, kevent_get_events(s->q, 0, EVENTS, NULL, taken + s->n,
					 0));
}

static int call_read(struct scene *s)
{
	return keep(s, kevent_get_events(s->q, 1, EVENTS, NULL, taken + s->n,
					 0));
}

static int call_get_mask(struct scene *s)
{
	struct kevent_ioc_get get;
	uint64_t mask = ~0ull;

	memset(&get, 0, sizeof(get));
	get.events = (uintptr_t)(taken + s->n);
	get.min = 1;
	get.max = EVENTS;
	get.flags = KEVENT_FLAGS_SIGMASK;
	get.sigmask = (uintptr_t)&mask;
	get.sigsetsize = sizeof(mask);
	return keep(s, ioctl(s->q, KEVENT_IOC_GET_EVENTS, &get));
}

static void take_rest(struct scene *s)
{
	while (s->n < EVENTS) {
		int n = CHECK_OK(kevent_get_events(s->q, 0, EVENTS, NULL,
						   taken + s->n, 0));

		CHECK_GT(n, 0);
		CHECK_EQ(keep(s, n), 0);
	}
}

/* The rest: each came once, in order, as it was. */
static void check_taken(struct scene *s)
{
	int i;

	take_rest(s);
	for (i = 0; i < EVENTS; i++) {
		CHECK_EQ(taken[i].ptr, i);
		CHECK_EQ(taken[i].ret_data[0], 1 << i);
		CHECK_EQ(taken[i].ret_data[1], 1);
		CHECK_EQ(taken[i].ret_flags, KEVENT_RET_DATA);
	}
	kev_expect_get_none(s->q);
}

#define TAKE_TESTS(name_, set_up_, check_)				\
	FAULT_TEST(name_##_get, call_get, .moves = true,		\
		   .set_up = set_up_, .check = check_,			\
		   .must = { EFAULT })					\
	FAULT_TEST(name_##_get_now, call_get_now, .moves = true,	\
		   .set_up = set_up_, .check = check_,			\
		   .must = { EFAULT })					\
	FAULT_TEST(name_##_get_with_mask, call_get_mask, .moves = true,	\
		   .set_up = set_up_, .check = check_,			\
		   .must = { EFAULT })					\
	FAULT_TEST(name_##_read, call_read, .moves = true,		\
		   .set_up = set_up_, .check = check_)			\
	FAULT_TEST(name_##_get_without_ring, call_get, .no_ring = true,	\
		   .set_up = set_up_, .check = check_,			\
		   .must = { EFAULT })					\
	FAULT_TEST(name_##_read_without_ring, call_read,		\
		   .no_ring = true, .set_up = set_up_,			\
		   .check = check_)

TAKE_TESTS(events, set_up_events, check_taken)

/* Payloads, which never merge: of one watch, each with its own ptr. */
static void set_up_payloads(struct scene *s)
{
	struct ukevent uk;
	int i;

	memset(taken, 0, sizeof(taken));
	s->n = 0;
	kev_add(s->q, KEVENT_UNOTIFY, 5, 1, KEVENT_REQ_PAYLOAD);
	for (i = 0; i < EVENTS; i++) {
		kevent_prep(&uk, KEVENT_UNOTIFY, 5, 0, 0, i);
		kev_change(s->q, KEVENT_CTL_READY, &uk);
	}
}

static void check_payloads(struct scene *s)
{
	int i;

	take_rest(s);
	for (i = 0; i < EVENTS; i++) {
		CHECK_EQ(taken[i].ptr, i);
		CHECK_EQ(taken[i].ret_data[0], 1);
		CHECK_EQ(taken[i].ret_data[1], i + 1);
	}
	kev_expect_get_none(s->q);
}

TAKE_TESTS(payloads, set_up_payloads, check_payloads)

/* One-shots: the watch goes with its event, not before it. */
static void set_up_oneshots(struct scene *s)
{
	int i;

	memset(taken, 0, sizeof(taken));
	s->n = 0;
	for (i = 0; i < EVENTS; i++) {
		kev_add(s->q, KEVENT_UNOTIFY, i, 1 << i, KEVENT_REQ_ONESHOT);
		kev_fire(s->q, i, 0);
	}
}

static void check_oneshots(struct scene *s)
{
	check_taken(s);
	CHECK_EQ(watches_of(s->q), 0);
}

TAKE_TESTS(oneshots, set_up_oneshots, check_oneshots)

/* ---- The cheapest call ------------------------------------------------------------- */

static int call_read_8(struct scene *s)
{
	struct kevent_read r;

	if (read(s->q, &r, sizeof(r)) < 0)
		return errno;
	CHECK_EQ(r.num, EVENTS);
	CHECK_EQ(r.tail, kev_tail(&s->ring));
	return 0;
}

FAULT_TEST(read_8, call_read_8,
	   .set_up = set_up_events, .check = check_events)

/* ---- A file that has to be asked ---------------------------------------------------- */

static void set_up_asked(struct scene *s)
{
	s->n = 0;
	thing_make(&s->t, &kinds[KIND_UDP]);
	thing_add(s->q, &s->t, 0);
	thing_raise(&s->t);
}

static int call_get_asked(struct scene *s)
{
	int n = kevent_get_events(s->q, 1, 1, &soon, taken, 0);

	if (n < 0)
		return errno;
	CHECK_EQ(n, 1);
	CHECK_EQ(taken[0].ptr, s->t.fd);
	return 0;
}

/* Level: it comes again, until it is not ready. */
static void check_asked(struct scene *s)
{
	thing_take(s->q, &s->t);
	thing_lower(&s->t);
	kev_expect_get_none(s->q);
	CHECK_EQ(close(s->t.fd), 0);
	CHECK_EQ(watches_of(s->q), 0);
	thing_drop_rest(&s->t);
}

FAULT_TEST(asked, call_get_asked, .moves = true,
	   .set_up = set_up_asked, .check = check_asked, .must = { EFAULT })
FAULT_TEST(asked_without_ring, call_get_asked, .no_ring = true,
	   .set_up = set_up_asked, .check = check_asked, .must = { EFAULT })
