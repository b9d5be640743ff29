// SPDX-License-Identifier: GPL-2.0
/* The end of files seen by a kprobe, where ftrace does not serve; and root. */
/* vm: --param close_kprobe=1 --param hook_linger=0 */
#include "switches.h"

#define PARAMETERS	"close_kprobe=1 hook_linger=0"
#define WRITER		"write_enabled_file_bool"

#define TOLD		(KEVENT_RET_BROKEN | KEVENT_RET_UNWATCHED)
#define TOLD_OR_CLOSED	(TOLD | KEVENT_RET_CLOSED)

/* The hook may still be that of the test before, and just going. */
static int queue_soon(struct kevent_ring *ring, unsigned int num)
{
	int q;

	keep_off_tcg();
	CHECK_SOON((q = kevent_open()) >= 0 || errno != EOWNERDEAD);
	CHECK_OK(q);
	close(q);
	return kev_queue(ring, num);
}

static void kprobes_off(void)
{
	CHECK_EQ(try_write(KPROBES, "0"), 0);
}

static void kprobes_on(void)
{
	CHECK_EQ(try_write(KPROBES, "1"), 0);
}

/* On a queue without a ring, then on one with. */
static void on_both(void (*run)(struct kevent_ring *ring))
{
	struct kevent_ring ring;

	run(NULL);
	kprobes_on();
	run(&ring);
}

/* Makes an eventfd ready. */
static void raise_eventfd(int fd)
{
	uint64_t one = 1;

	CHECK_EQ(write(fd, &one, sizeof(one)), sizeof(one));
}

static void check_told(const struct ukevent *uk, uint64_t user)
{
	CHECK_EQ(uk->ptr, user);
	CHECK_EQ(uk->ret_flags & TOLD_OR_CLOSED, TOLD);
	CHECK_EQ(uk->ret_data[0], 0);
}

static void take_told(int q, uint64_t user)
{
	struct ukevent uk = take(q);

	check_told(&uk, user);
}

/* Whatever a test left switched off, and one that failed. */
static void run_fallback(void (*run)(void *arg))
{
	restore();
	run_apart_with(PARAMETERS, run, NULL);
	restore();
}

#define TEST_FALLBACK(name)						\
	static void run_##name(void *arg);				\
	TEST_TIMEOUT(name, 60)						\
	{								\
		run_fallback(run_##name);				\
	}								\
	static void run_##name(void *arg __attribute__((unused)))

/* ---- It does the work ------------------------------------------------------- */

static void seen(struct kevent_ring *ring)
{
	int q = queue_soon(ring, ring ? 64 : 0);

	CHECK(file_contains(KPROBE_LIST, "__fput"));
	CHECK(file_contains(KPROBE_LIST, WRITER));
	closes_are_seen(q);
	kev_close(q, ring);
}

TEST_FALLBACK(closes_are_seen)
{
	on_both(seen);
}

/* Neither probe is one of ftrace: with it they would go. */
TEST_FALLBACK(ftrace_does_not_matter)
{
	int q = queue_soon(NULL, 0);

	CHECK(!file_contains(KPROBE_LIST, "[FTRACE]"));
	CHECK_EQ(try_write(FTRACE, "0"), 0);
	closes_are_seen(q);
	kev_close(q, NULL);
	q = queue_soon(NULL, 0);
	closes_are_seen(q);
	kev_close(q, NULL);
}

/* Nothing is left in the kernel's text, and it can come back. */
TEST_FALLBACK(comes_and_goes)
{
	int i, q;

	for (i = 0; i < 10; i++) {
		q = queue_soon(NULL, 0);
		CHECK(file_contains(KPROBE_LIST, "__fput"));
		closes_are_seen(q);
		kev_close(q, NULL);
		CHECK_SOON(!file_contains(KPROBE_LIST, "__fput"));
		CHECK_SOON(!file_contains(KPROBE_LIST, WRITER));
	}
	unload_soon();
	load(PARAMETERS);
	q = queue_soon(NULL, 0);
	closes_are_seen(q);
	kev_close(q, NULL);
}

/* ---- Switched off --------------------------------------------------------------- */

/* One queue's watches of everything: each file's is told, the others live. */
static void all_kinds_are_told(struct kevent_ring *ring)
{
	int q = queue_soon(ring, ring ? 64 : 0), i;
	struct thing t[KIND_MAX];
	uint64_t seen = 0;
	struct ukevent uk;

	kev_add_user(q, 1000);
	for (i = 0; i < KIND_MAX; i++) {
		thing_make(&t[i], &kinds[i]);
		thing_add(q, &t[i], i & 1 ? KEVENT_REQ_CLOSED : 0);
	}
	kprobes_off();
	for (i = 0; i < KIND_MAX; i++) {
		uk = take(q);
		check_told(&uk, uk.id.raw[0]);
		CHECK_LT(uk.ptr, 64);
		CHECK(!(seen & 1ull << uk.ptr));
		seen |= 1ull << uk.ptr;
	}
	take_none(q);
	for (i = 0; i < KIND_MAX; i++) {
		CHECK(seen & 1ull << t[i].fd);
		CHECK_EQ(thing_try(q, KEVENT_CTL_ADD, &t[i], 0), EOWNERDEAD);
		CHECK_EQ(thing_try(q, KEVENT_CTL_REMOVE, &t[i], 0), ENOENT);
		CHECK_EQ(thing_try(q, KEVENT_CTL_MODIFY, &t[i], 0), ENOENT);
		thing_raise(&t[i]);
	}
	take_none(q);
	for (i = 0; i < KIND_MAX; i++)
		thing_drop(&t[i]);
	take_none(q);
	CHECK_SOON(watches_of(q) == 1);
	kev_fire(q, 1000, 1);
	CHECK_EQ(take(q).ptr, 1000);
	CHECK_ERRNO(kevent_open(), EOWNERDEAD);
	kev_close(q, ring);
}

TEST_FALLBACK(off_tells_queues)
{
	on_both(all_kinds_are_told);
}

/* Off: no open.  On again: when the last queue is gone. */
TEST_FALLBACK(off_and_on_again)
{
	int q = queue_soon(NULL, 0), fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));

	kprobes_off();
	CHECK_ERRNO(kevent_open(), EOWNERDEAD);
	kprobes_on();
	CHECK_ERRNO(kevent_open(), EOWNERDEAD);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, fd, POLLIN, 0),
		 EOWNERDEAD);
	kev_close(q, NULL);
	q = queue_soon(NULL, 0);
	kev_add_poll(q, fd, POLLIN, 0);
	close(fd);
	closes_are_seen(q);
	kev_close(q, NULL);

	CHECK_SOON(!file_contains(KPROBE_LIST, "__fput"));
	kprobes_off();
	CHECK_ERRNO(kevent_open(), EOWNERDEAD);
	CHECK_ERRNO(kevent_open(), EOWNERDEAD);
	kprobes_on();
	q = queue_soon(NULL, 0);
	closes_are_seen(q);
	kev_close(q, NULL);
}

TEST_FALLBACK(off_at_load)
{
	int q;

	keep_off_tcg();
	unload_soon();
	kprobes_off();
	CHECK_ERRNO(try_load(PARAMETERS), EBUSY);
	CHECK(!is_loaded());
	kprobes_on();
	load(PARAMETERS);
	q = queue_soon(NULL, 0);
	closes_are_seen(q);
	kev_close(q, NULL);
}

/* The module can go while its hook is no good. */
TEST_FALLBACK(unload_after_off)
{
	int q = queue_soon(NULL, 0), fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));

	kev_add_poll(q, fd, POLLIN, 0);
	kprobes_off();
	take_told(q, fd);
	CHECK_ERRNO(unload(), EWOULDBLOCK);
	kev_close(q, NULL);
	unload_soon();
	kprobes_on();
	load(PARAMETERS);
}

/* What was there and unclaimed is taken back; a one-shot has one event, or that. */
static void outstanding(struct kevent_ring *ring)
{
	int q = queue_soon(ring, ring ? 64 : 0), i;
	struct thing t[5];

	for (i = 0; i < 5; i++)
		thing_make(&t[i], &kinds[KIND_EVENTFD]);
	thing_add(q, &t[0], KEVENT_REQ_ONESHOT);
	thing_add(q, &t[1], KEVENT_REQ_ONESHOT);
	thing_add(q, &t[2], KEVENT_REQ_DISPATCH);
	thing_add(q, &t[3], 0);
	thing_add(q, &t[4], KEVENT_REQ_DISPATCH);
	thing_raise(&t[4]);
	thing_take(q, &t[4]);			/* disarmed */
	thing_raise(&t[0]);
	thing_take(q, &t[0]);			/* over; the next call would reap it */
	for (i = 1; i < 4; i++)
		thing_raise(&t[i]);
	kprobes_off();
	/* from the newest watch to the oldest */
	for (i = 4; i > 0; i--)
		take_told(q, t[i].fd);
	take_none(q);
	CHECK_SOON(watches_of(q) == 0);
	for (i = 0; i < 5; i++)
		thing_drop(&t[i]);
	kev_close(q, ring);
}

TEST_FALLBACK(off_with_events_outstanding)
{
	on_both(outstanding);
}

/*
 * Claimed by a consumer that works in place, who may be about to read it: it is
 * cancelled there, and so he is told, be it a one-shot.
 */
TEST_FALLBACK(off_with_events_claimed)
{
	static const unsigned int flags[] = {
		0, KEVENT_REQ_ET, KEVENT_REQ_ONESHOT, KEVENT_REQ_DISPATCH,
	};
	struct kevent_ring ring;
	int q = queue_soon(&ring, 64), fds[4], i;

	for (i = 0; i < 4; i++) {
		fds[i] = CHECK_OK(eventfd(0, EFD_CLOEXEC));
		kev_add_poll(q, fds[i], POLLIN, flags[i]);
		raise_eventfd(fds[i]);
	}
	CHECK_EQ(kev_tail(&ring), 4);
	kev_claim_to(&ring, 4);
	kprobes_off();
	CHECK_EQ(kev_tail(&ring), 8);
	for (i = 0; i < 4; i++) {
		CHECK(kev_entry(&ring, i)->ret_flags & KEVENT_RET_CANCELLED);
		check_told(kev_entry(&ring, 7 - i), fds[i]);
	}
	kev_claim_to(&ring, 8);
	kev_free_to(&ring, 8);
	take_none(q);
	CHECK_SOON(watches_of(q) == 0);
	for (i = 0; i < 4; i++)
		close(fds[i]);
	kev_close(q, &ring);
}

/* More watches than slots: nobody is forgotten. */
TEST_FALLBACK(off_overflows)
{
	struct kevent_ring ring;
	int q = queue_soon(&ring, 4), fds[40], i;

	for (i = 0; i < 40; i++) {
		fds[i] = CHECK_OK(eventfd(1, EFD_CLOEXEC));
		kev_add_poll(q, fds[i], POLLIN,
			     i & 1 ? KEVENT_REQ_ALWAYS_QUEUE : 0);
	}
	kprobes_off();
	for (i = 40; i-- > 0;)
		take_told(q, fds[i]);
	take_none(q);
	CHECK_SOON(watches_of(q) == 0);
	for (i = 0; i < 40; i++)
		close(fds[i]);
	kev_close(q, &ring);
}

/* ---- While everything goes on ------------------------------------------------------ */

/**
 * struct busy - a thread that opens, adds, closes, again and again
 * @thread: the thread.
 * @stop: it should end.
 * @rounds: how often it had a queue.
 * @lost: how many of them were told.
 */
struct busy {
	struct test_thread thread;
	int stop;
	int rounds;
	int lost;
};

/* Each watch ends once: by the close, or with a last event. */
static bool add_and_close(int q)
{
	int fd = CHECK_OK(eventfd(0, EFD_CLOEXEC)), err;
	struct ukevent uk;

	err = kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, fd, POLLIN,
		      KEVENT_REQ_CLOSED);
	close(fd);
	if (err) {
		CHECK_EQ(err, EOWNERDEAD);
		return false;
	}
	uk = take(q);
	CHECK_EQ(uk.ptr, fd);
	CHECK(uk.ret_flags & KEVENT_RET_BROKEN);
	CHECK(!(uk.ret_flags & KEVENT_RET_CLOSED) !=
	      !(uk.ret_flags & KEVENT_RET_UNWATCHED));
	return true;
}

static void *be_busy(void *arg)
{
	struct busy *b = arg;
	int q, i;

	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		q = kevent_init(NULL, 0, 0, 0);
		if (q < 0) {
			CHECK_EQ(errno, EOWNERDEAD);
			usleep(500);
			continue;
		}
		__atomic_add_fetch(&b->rounds, 1, __ATOMIC_RELAXED);
		for (i = 0; i < 50 && add_and_close(q); i++)
			;
		__atomic_add_fetch(&b->lost, i < 50, __ATOMIC_RELAXED);
		close(q);
	}
	return NULL;
}

static int rounds_of(const struct busy *b)
{
	return __atomic_load_n(&b[0].rounds, __ATOMIC_RELAXED) +
	       __atomic_load_n(&b[1].rounds, __ATOMIC_RELAXED);
}

static int lost_of(const struct busy *b)
{
	return __atomic_load_n(&b[0].lost, __ATOMIC_RELAXED) +
	       __atomic_load_n(&b[1].lost, __ATOMIC_RELAXED);
}

/* Off, while somebody is likely to have a queue. */
static void switch_off_and_on(const struct busy *b, int turn)
{
	int rounds = rounds_of(b);

	CHECK_SOON(rounds_of(b) != rounds);
	usleep(turn % 10 * 300);
	kprobes_off();
	usleep(turn % 3 * 1000);
	kprobes_on();
}

TEST_FALLBACK(off_and_on_while_busy)
{
	uint64_t end = now_ns() + 30000000000ull;
	struct busy busy[2] = {};
	int i;

	kev_close(queue_soon(NULL, 0), NULL);
	for (i = 0; i < 2; i++)
		thread_start(&busy[i].thread, be_busy, &busy[i]);
	for (i = 0; now_ns() < end && (i < 30 || lost_of(busy) < 10); i++)
		switch_off_and_on(busy, i);
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&busy[i].stop, 1, __ATOMIC_RELAXED);
		thread_join(&busy[i].thread);
	}
	CHECK_GT(lost_of(busy), 0);
	NOTE("%d queues, %d of them were told", rounds_of(busy), lost_of(busy));
}
