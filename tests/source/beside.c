// SPDX-License-Identifier: GPL-2.0
/* What a call makes of a file that another call is asking: each event is told once. */
#include "askfile.h"
#include "kinds.h"

#define LAST KEVENT_REQ_LAST_CHECK

static struct askfile file;

/* ---- One asks, another finds it ready ---------------------------------------- */

/* Starts a GET_EVENTS that asks, and has no answer yet; others are answered at once. */
static void get_begin(struct kev_getter *g, int q)
{
	unsigned int asked = askfile_asked(&file);

	askfile_set(&file, 0);
	askfile_hold(&file);
	askfile_wake(&file);
	kev_getter_prep(g, q);
	g->min = 0;
	g->max = 4;
	thread_start(&g->thread, kev_getter_run, g);
	askfile_await(&file, asked);
	__atomic_store_n(&file.hold, false, __ATOMIC_RELEASE);
}

/* How many events of the file a getter took; each says why. */
static int got_of_file(struct kev_getter *g)
{
	int n = CHECK_OK(kev_getter_join(g)), i;

	for (i = 0; i < n; i++) {
		CHECK_EQ(g->uk[i].ptr, file.fd);
		CHECK_EQ(g->uk[i].ret_data[0], POLLIN);
	}
	return n;
}

/* The rest, which is in the ring by now. */
static int left_in(struct kevent_ring *ring)
{
	const struct ukevent *uk;
	int n = 0;

	CHECK_OK(kevent_ring_call(ring));
	while ((uk = kevent_ring_next(ring))) {
		CHECK_EQ(uk->ptr, file.fd);
		CHECK_EQ(uk->ret_data[0], POLLIN);
		n++;
	}
	return n;
}

/*
 * The ring is full, so that what the other finds waits for a slot.  later: there is one
 * more wake-up, and the answer to the first question is the new or the old one.
 */
static void found_by_both(unsigned int flags, bool later, bool answer)
{
	struct kevent_ring ring;
	struct kev_getter g;
	int q = kev_queue(&ring, 2), i, n;

	for (i = 1; i <= 2; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	/* claimed; freed below */
	kev_expect(&ring, 1, 1);
	kev_expect(&ring, 2, 1);
	askfile_set(&file, 0);
	kev_add_poll(q, file.fd, POLLIN, flags);
	get_begin(&g, q);
	askfile_set(&file, POLLIN);
	askfile_wake(&file);
	CHECK_OK(kevent_ring_call(&ring));
	if (later)
		askfile_wake(&file);
	if (answer)
		askfile_answer(&file);
	else
		askfile_deny(&file);
	n = got_of_file(&g);
	kev_free_to(&ring, 2);
	n += left_in(&ring);
	CHECK_GE(n, 1);
	CHECK_LE(n, 1 + later);
	kev_close(q, &ring);
}

TEST(found_by_both)
{
	static const unsigned int flags[] = {
		KEVENT_REQ_ET, KEVENT_REQ_DISPATCH, KEVENT_REQ_ET | LAST,
		KEVENT_REQ_DISPATCH | LAST,
	};
	unsigned int i;

	askfile_make(&file);
	for (i = 0; i < 4 * ARRAY_SIZE(flags); i++)
		found_by_both(flags[i / 4], i & 1, i & 2);
}

/* ---- What a GET_EVENTS could not copy out ------------------------------------- */

/* It has found the event, and its program's memory is not there. */
static void get_fails(int q)
{
	struct ukevent *nowhere = kev_fault_after(0, PROT_NONE);

	askfile_set(&file, POLLIN);
	askfile_wake(&file);
	CHECK_ERRNO(kevent_get_events(q, 0, 1, NULL, nowhere, 0), EFAULT);
}

/* READY comes while the next GET_EVENTS asks: one event is all that there may be. */
static void fired_after_a_fault(unsigned int flags, unsigned int slots)
{
	struct kevent_ring ring;
	struct kev_getter g;
	struct ukevent uk;
	int q = kev_queue(slots ? &ring : NULL, slots), n;

	askfile_set(&file, 0);
	kev_add_poll(q, file.fd, POLLIN, flags);
	get_fails(q);
	get_begin(&g, q);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_POLL, file.fd, POLLIN, 0), 0);
	askfile_set(&file, POLLIN);
	askfile_answer(&file);
	n = got_of_file(&g);
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0) == 1)
		n++;
	CHECK_EQ(n, 1);
	kev_close(q, slots ? &ring : NULL);
}

TEST(fired_after_a_fault)
{
	askfile_make(&file);
	fired_after_a_fault(KEVENT_REQ_ONESHOT, 0);
	fired_after_a_fault(KEVENT_REQ_DISPATCH, 0);
	fired_after_a_fault(KEVENT_REQ_ONESHOT, 8);
	fired_after_a_fault(KEVENT_REQ_DISPATCH, 8);
}

/* REMOVE and MODIFY say that it was not taken. */
static void cancelled_after_a_fault(unsigned int cmd, unsigned int slots)
{
	struct kevent_ring ring;
	struct ukevent uk;
	int q = kev_queue(slots ? &ring : NULL, slots);

	askfile_set(&file, 0);
	kev_add_poll(q, file.fd, POLLIN, KEVENT_REQ_ET);
	get_fails(q);
	askfile_set(&file, 0);
	kevent_prep(&uk, KEVENT_POLL, file.fd, POLLIN, KEVENT_REQ_ET, 0);
	kev_change(q, cmd, &uk);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_CANCELLED);
	kev_expect_get_none(q);
	kev_close(q, slots ? &ring : NULL);
}

TEST(cancelled_after_a_fault)
{
	askfile_make(&file);
	cancelled_after_a_fault(KEVENT_CTL_REMOVE, 0);
	cancelled_after_a_fault(KEVENT_CTL_MODIFY, 0);
	cancelled_after_a_fault(KEVENT_CTL_REMOVE, 8);
	cancelled_after_a_fault(KEVENT_CTL_MODIFY, 8);
}

/* Or who asks it has it, and has not answered yet. */
TEST(cancelled_while_asked)
{
	int q = kev_queue(NULL, 0);
	struct kev_getter g;

	askfile_make(&file);
	kev_add_poll(q, file.fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(kev_try(q, KEVENT_CTL_READY, KEVENT_POLL, file.fd, POLLIN, 0), 0);
	get_begin(&g, q);
	CHECK_EQ(kev_remove(q, KEVENT_POLL, file.fd).ret_flags,
		 KEVENT_RET_CANCELLED);
	askfile_set(&file, POLLIN);
	askfile_answer(&file);
	CHECK_EQ(got_of_file(&g), 0);
}

/* A level-triggered file that is no longer ready, when the memory is there. */
static void over_after_a_fault(const struct kind *k)
{
	struct ukevent *nowhere = kev_fault_after(0, PROT_NONE);
	int q = kev_queue(NULL, 0);
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	thing_raise(&t);
	thing_take(q, &t);
	CHECK_ERRNO(kevent_get_events(q, 0, 1, NULL, nowhere, 0), EFAULT);
	thing_lower(&t);
	take_none(q);
	thing_drop(&t);
	close(q);
}

TEST(over_after_a_fault)
{
	over_after_a_fault(&kinds[KIND_EVENTFD]);
	over_after_a_fault(&kinds[KIND_PIPE]);
	over_after_a_fault(&kinds[KIND_STREAM]);
	over_after_a_fault(&kinds[KIND_TCP]);
}

/* Nothing is merged when a page has to be fetched before the event is copied. */
TEST(fault_is_no_merge)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int q = kev_queue(NULL, 0);
	struct ukevent *fresh;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, 0);
	thing_raise(&t);
	thing_take(q, &t);
	fresh = mmap(NULL, page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(fresh != MAP_FAILED);
	CHECK_EQ(kevent_get_events(q, 0, 1, NULL, fresh, 0), 1);
	CHECK_EQ(fresh->merged, 0);
	CHECK_EQ(kev_stat(q, "merged"), 0);
	thing_drop(&t);
}

/* ---- When it came -------------------------------------------------------------- */

/* Not when the page for it was there. */
TEST(time_is_before_the_fault)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int q = kev_queue(NULL, 0);
	struct ukevent *fresh;
	uint64_t written;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_ET | KEVENT_REQ_TIMESTAMP | LAST);
	thing_raise(&t);
	written = now_ns();
	usleep(10000);
	fresh = mmap(NULL, page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(fresh != MAP_FAILED);
	CHECK_EQ(kevent_get_events(q, 0, 1, NULL, fresh, 0), 1);
	CHECK_LE(fresh->time, written);
	thing_drop(&t);
}

/* Of the event itself, not of the one before, which was merged. */
TEST(time_after_a_merge)
{
	const struct ukevent *uk;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	uint64_t before;

	askfile_make(&file);
	kev_add_poll(q, file.fd, POLLIN, KEVENT_REQ_ET | KEVENT_REQ_TIMESTAMP);
	askfile_set(&file, POLLIN);
	askfile_wake(&file);
	CHECK_OK(kevent_ring_call(&ring));
	askfile_wake(&file);
	CHECK_OK(kevent_ring_call(&ring));
	CHECK_EQ(kev_tail(&ring), 1);
	kev_expect(&ring, file.fd, POLLIN);
	before = now_ns();
	askfile_wake(&file);
	CHECK_OK(kevent_ring_call(&ring));
	uk = kev_expect(&ring, file.fd, POLLIN);
	CHECK_GE(uk->time, before);
	kev_close(q, &ring);
}
