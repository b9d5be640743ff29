// SPDX-License-Identifier: GPL-2.0
/* Sleepers that wait for more than one event, beside others. */
#include "caller.h"

/* ---- Sleepers that wait for more --------------------------------------- */

/* The events of so many watches, one after the other. */
static void fire_more(int q, unsigned int *next, unsigned int num)
{
	while (num--)
		kev_fire(q, (*next)++, 1);
}

static void start_patient(struct kev_sleeper *s, int q, unsigned int min,
			  int since)
{
	kev_sleeper_prep(s, q);
	s->wait.min = min;
	if (since >= 0) {
		s->wait.flags = KEVENT_FLAGS_LAST;
		s->wait.last = since;
	}
	kev_sleeper_start(s);
}

static void expect_asleep(struct kev_sleeper *s)
{
	wait_blocked_in(s->thread.tid, SYS_ioctl);
	CHECK(!kev_sleeper_over(s));
}

static void expect_back(struct kev_sleeper *s, int ret)
{
	CHECK_SOON(kev_sleeper_over(s));
	CHECK_EQ(kev_sleeper_join(s), ret);
}

/* Each is woken by the event that is enough for it, in whatever order they came. */
TEST(each_when_there_is_enough)
{
	static const unsigned int mins[] = { 4, 1, 6, 3, 2, 5 };
	struct kev_sleeper s[ARRAY_SIZE(mins)];
	struct kevent_ring ring;
	unsigned int i, n, next = 0;
	int q = queue_of(&ring, 16, ARRAY_SIZE(mins));

	for (i = 0; i < ARRAY_SIZE(mins); i++)
		start_patient(&s[i], q, mins[i], -1);
	for (n = 1; n <= ARRAY_SIZE(mins); n++) {
		fire_more(q, &next, 1);
		for (i = 0; i < ARRAY_SIZE(mins); i++)
			if (mins[i] == n)
				expect_back(&s[i], n);
		for (i = 0; i < ARRAY_SIZE(mins); i++)
			if (mins[i] > n)
				expect_asleep(&s[i]);
	}
	kev_close(q, &ring);
}

/* What others have claimed counts for who counts from an index, and for no other. */
TEST(claimed_ones_count_since_an_index)
{
	struct kev_sleeper plain, since, late;
	struct kevent_ring ring;
	unsigned int next = 0;
	int q = queue_of(&ring, 16, 8);

	start_patient(&plain, q, 3, -1);
	start_patient(&since, q, 3, 0);
	fire_more(q, &next, 2);
	start_patient(&late, q, 3, 2);
	kev_claim_to(&ring, 2);
	expect_asleep(&plain);
	expect_asleep(&since);
	fire_more(q, &next, 1);
	expect_back(&since, 1);
	expect_asleep(&plain);
	expect_asleep(&late);
	kev_claim_to(&ring, 3);
	fire_more(q, &next, 2);
	expect_back(&late, 2);
	expect_asleep(&plain);
	fire_more(q, &next, 1);
	expect_back(&plain, 3);
	kev_close(q, &ring);
}

/* One that was woken to find too few, as others were faster, is woken again. */
TEST(waits_for_more_again)
{
	struct kev_sleeper s;
	struct kevent_ring ring;
	unsigned int next = 0, i;
	int q = queue_of(&ring, 16, 16);

	start_patient(&s, q, 3, -1);
	for (i = 0; i < 5; i++) {
		fire_more(q, &next, 2);
		kev_claim_to(&ring, next);
		kev_free_to(&ring, next);
		expect_asleep(&s);
	}
	fire_more(q, &next, 2);
	expect_asleep(&s);
	fire_more(q, &next, 1);
	expect_back(&s, 3);
	kev_close(q, &ring);
}

/* One event is enough for many: all of them come back, and who waits for more not. */
TEST(enough_for_many)
{
	enum { MANY = 20 };
	struct kev_sleeper s[MANY], one, more;
	struct kevent_ring ring;
	unsigned int i, next = 0;
	int q = queue_of(&ring, 8, 4);

	start_patient(&more, q, 4, -1);
	for (i = 0; i < MANY; i++)
		start_patient(&s[i], q, 3, i % 2 ? 0 : -1);
	start_patient(&one, q, 1, -1);
	fire_more(q, &next, 1);
	expect_back(&one, 1);
	fire_more(q, &next, 1);
	for (i = 0; i < MANY; i++)
		expect_asleep(&s[i]);
	fire_more(q, &next, 1);
	for (i = 0; i < MANY; i++)
		expect_back(&s[i], 3);
	expect_asleep(&more);
	fire_more(q, &next, 1);
	expect_back(&more, 4);
	kev_close(q, &ring);
}

/* A full ring is enough for all. */
TEST(full_ring_is_enough_for_all)
{
	enum { MANY = 5, SLOTS = 4 };
	struct kev_sleeper s[MANY];
	struct kevent_ring ring;
	unsigned int i, next = 0;
	int q = queue_of(&ring, SLOTS, SLOTS);

	fire_more(q, &next, 2);
	kev_claim_to(&ring, 2);
	for (i = 0; i < MANY; i++)
		start_patient(&s[i], q, 3 + i % 2, -1);
	fire_more(q, &next, 1);
	for (i = 0; i < MANY; i++)
		expect_asleep(&s[i]);
	fire_more(q, &next, 1);
	for (i = 0; i < MANY; i++)
		expect_back(&s[i], 2);
	kev_close(q, &ring);
}

/* The first to be woken can't tell its program: the others come back all the same. */
TEST(fault_of_one_of_many)
{
	enum { MANY = 4 };
	struct kev_sleeper s[MANY];
	struct kevent_ring ring;
	unsigned int i, next = 0;
	struct caller first;
	int q = queue_of(&ring, 8, 2);

	caller_prep(&first, q, BY_WAIT);
	first.wait.min = 2;
	caller_start(&first);
	for (i = 0; i < MANY; i++)
		start_patient(&s[i], q, 2, -1);
	caller_spoil(&first);
	fire_more(q, &next, 2);
	expect_failure(&first, EFAULT);
	for (i = 0; i < MANY; i++)
		expect_back(&s[i], 2);
	kev_close(q, &ring);
}

/* Who waits for more is all that is left to take what another leaves. */
TEST(passed_on_to_who_waits_for_more)
{
	struct kevent_ring ring;
	unsigned int next = 0;
	struct kev_sleeper s;
	struct caller first;
	int q = queue_of(&ring, 8, 2);

	caller_prep(&first, q, BY_GET);
	caller_start(&first);
	start_patient(&s, q, 2, -1);
	caller_spoil(&first);
	fire_more(q, &next, 1);
	expect_failure(&first, EFAULT);
	expect_asleep(&s);
	fire_more(q, &next, 1);
	expect_back(&s, 2);
	kev_close(q, &ring);
}

/* Events that are let in at once: for those that want one, and those that want more. */
TEST(let_in_for_both)
{
	enum { SLOTS = 4, WAIT = 3 };
	struct kev_sleeper one[2], two, three, four;
	struct kevent_ring ring;
	int q = full_queue(&ring, SLOTS, SLOTS + WAIT), i;

	start_patient(&four, q, 4, -1);
	start_patient(&three, q, 3, SLOTS);
	start_patient(&two, q, 2, -1);
	for (i = 0; i < 2; i++)
		start_patient(&one[i], q, 1, i ? SLOTS : -1);
	for (i = 0; i < WAIT; i++)
		kev_fire(q, SLOTS + i, 1);
	kev_free_to(&ring, SLOTS);
	CHECK_EQ(kevent_ring_call(&ring), 0);
	for (i = 0; i < 2; i++)
		CHECK_SOON(kev_sleeper_over(&one[i]));
	CHECK_SOON(kev_sleeper_over(&two));
	CHECK_SOON(kev_sleeper_over(&three));
	expect_asleep(&four);
	CHECK_EQ(kevent_wake(q, 5), 1);
	expect_back(&four, 0);
	expect_back(&two, WAIT);
	expect_back(&three, WAIT);
	for (i = 0; i < 2; i++)
		expect_back(&one[i], WAIT);
	kev_close(q, &ring);
}

/* GET_EVENTS for three, while others take one each as it comes. */
static void get_three(unsigned int slots)
{
	struct kev_getter three, one;
	struct kevent_ring ring;
	unsigned int next = 0, i;
	int q = queue_of(&ring, slots, 8);

	kev_getter_prep(&three, q);
	three.min = 3;
	three.max = 8;
	kev_getter_start(&three);
	for (i = 0; i < 4; i++) {
		kev_getter_prep(&one, q);
		kev_getter_start(&one);
		fire_more(q, &next, 1);
		CHECK_EQ(kev_getter_join(&one), 1);
		CHECK_EQ(one.uk[0].ptr, i);
		wait_blocked(three.thread.tid);
		CHECK(!kev_getter_over(&three));
	}
	fire_more(q, &next, 3);
	CHECK_SOON(kev_getter_over(&three));
	CHECK_EQ(kev_getter_join(&three), 3);
	close_queue(q, &ring, slots);
}

TEST(gets_three_beside_others)
{
	get_three(16);
}

TEST(gets_three_beside_others_without_ring)
{
	get_three(0);
}
