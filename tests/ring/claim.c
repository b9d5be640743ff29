// SPDX-License-Identifier: GPL-2.0
/* What is unclaimed is merged into; what is claimed is not; what an entry says. */
#include "kev.h"

TEST(merges_while_unclaimed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	const struct ukevent *entry = kev_entry(&ring, 0);

	kev_add(q, KEVENT_UNOTIFY, 1, 0xff, 0);
	kev_fire(q, 1, 0x01);
	CHECK_EQ(kev_tail(&ring), 1);
	CHECK_EQ(entry->ret_data[0], 0x01);
	CHECK_EQ(entry->ret_data[1], 1);
	CHECK_EQ(entry->merged, 0);
	kev_fire(q, 1, 0x02);
	kev_fire(q, 1, 0x80);
	CHECK_EQ(kev_tail(&ring), 1);
	CHECK_EQ(entry->ret_data[0], 0x83);
	CHECK_EQ(entry->ret_data[1], 3);
	CHECK_EQ(entry->merged, 2);
	kev_expect(&ring, 1, 0x83);
	kev_expect_none(&ring);
}

TEST(new_entry_after_claim)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);

	kev_add(q, KEVENT_UNOTIFY, 1, 0xff, 0);
	kev_fire(q, 1, 0x01);
	kev_claim_to(&ring, 1);
	kev_fire(q, 1, 0x02);
	CHECK_EQ(kev_tail(&ring), 2);
	CHECK_EQ(kev_entry(&ring, 0)->ret_data[0], 0x01);
	CHECK_EQ(kev_entry(&ring, 0)->ret_data[1], 1);
	CHECK_EQ(kev_entry(&ring, 0)->merged, 0);
	CHECK_EQ(kev_entry(&ring, 1)->ret_data[0], 0x02);
	CHECK_EQ(kev_entry(&ring, 1)->ret_data[1], 2);
	/* The newest one is merged into, the claimed one left alone. */
	kev_fire(q, 1, 0x04);
	CHECK_EQ(kev_tail(&ring), 2);
	CHECK_EQ(kev_entry(&ring, 0)->ret_data[0], 0x01);
	CHECK_EQ(kev_entry(&ring, 1)->ret_data[0], 0x06);
	CHECK_EQ(kev_entry(&ring, 1)->ret_data[1], 3);
}

TEST(new_entry_after_free)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2);
	unsigned int i;

	kev_add(q, KEVENT_UNOTIFY, 1, ~0u, 0);
	for (i = 1; i < 100; i++) {
		kev_fire(q, 1, i);
		CHECK_EQ(kev_expect(&ring, 1, i)->ret_data[1], i);
		kev_expect_none(&ring);
		CHECK_EQ(kev_tail(&ring), i);
	}
}

/* Claiming a part of what is there claims just that part. */
TEST(claim_of_a_part)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		kev_add(q, KEVENT_UNOTIFY, i, 0xff, 0);
		kev_fire(q, i, 1);
	}
	kev_claim_to(&ring, 2);
	for (i = 0; i < 4; i++)
		kev_fire(q, i, 2);
	CHECK_EQ(kev_tail(&ring), 6);
	CHECK_EQ(kev_entry(&ring, 0)->ret_data[0], 1);
	CHECK_EQ(kev_entry(&ring, 1)->ret_data[0], 1);
	CHECK_EQ(kev_entry(&ring, 2)->ret_data[0], 3);
	CHECK_EQ(kev_entry(&ring, 3)->ret_data[0], 3);
	CHECK_EQ(kev_entry(&ring, 4)->ptr, 0);
	CHECK_EQ(kev_entry(&ring, 4)->ret_data[0], 2);
	CHECK_EQ(kev_entry(&ring, 5)->ptr, 1);
	CHECK_EQ(kev_entry(&ring, 5)->ret_data[0], 2);
}

TEST(order_is_that_of_first_event)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	unsigned int i;

	for (i = 0; i < 4; i++)
		kev_add(q, KEVENT_UNOTIFY, i, 0xff, 0);
	for (i = 0; i < 4; i++)
		kev_fire(q, 3 - i, 1);
	kev_fire(q, 0, 2);
	kev_fire(q, 3, 2);
	kev_expect(&ring, 3, 3);
	kev_expect(&ring, 2, 1);
	kev_expect(&ring, 1, 1);
	kev_expect(&ring, 0, 3);
	kev_expect_none(&ring);
}

TEST(fields)
{
	struct kevent_ring ring;
	struct ukevent watch, timed;
	int q = kev_queue(&ring, 8);
	const struct ukevent *uk;
	uint64_t before, after;

	watch = kev_add(q, KEVENT_UNOTIFY, 1, 0xf0, KEVENT_REQ_ET);
	timed = kev_add(q, KEVENT_UNOTIFY, 2, 0xf0, KEVENT_REQ_TIMESTAMP);
	CHECK_NE(watch.cookie, timed.cookie);
	kev_fire(q, 1, 0);
	before = now_ns();
	kev_fire(q, 2, 0xff);
	after = now_ns();
	kev_fire(q, 2, 0xff);

	uk = kev_expect(&ring, 1, 0xf0);
	CHECK_EQ(uk->id.raw_u64, 1);
	CHECK_EQ(uk->type, KEVENT_UNOTIFY);
	CHECK_EQ(uk->event, 0xf0);
	CHECK_EQ(uk->req_flags, KEVENT_REQ_ET);
	CHECK_EQ(uk->ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(uk->cookie, watch.cookie);
	CHECK_EQ(uk->time, 0);
	CHECK_LT(uk->cpu, cpu_count());

	uk = kev_expect(&ring, 2, 0xf0);
	CHECK_EQ(uk->cookie, timed.cookie);
	/* Of the first event, not of the merged one. */
	CHECK_GE(uk->time, before);
	CHECK_LE(uk->time, after);
}

TEST(cpu_of_event)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), cpu;

	kev_add_user(q, 1);
	for (cpu = 0; cpu < cpu_count(); cpu++) {
		pin_to_cpu(cpu);
		kev_fire(q, 1, 1);
		CHECK_EQ(kev_expect(&ring, 1, 1)->cpu, cpu);
	}
}

TEST(merged_stops_at_its_end)
{
	static struct ukevent batch[1000];
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2);
	const struct ukevent *uk;
	unsigned int i, k;

	kev_add_user(q, 1);
	for (k = 0; k < 70; k++) {
		for (i = 0; i < 1000; i++)
			kevent_prep(&batch[i], KEVENT_UNOTIFY, 1, 1, 0, 0);
		CHECK_EQ(kevent_ctl(q, KEVENT_CTL_READY, 1000, batch), 0);
	}
	CHECK_EQ(kev_tail(&ring), 1);
	uk = kev_expect(&ring, 1, 1);
	CHECK_EQ(uk->merged, 65535);
	CHECK_EQ(uk->ret_data[1], 70000);
}

TEST(merged_starts_anew)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_expect(&ring, 1, 1)->merged, 1);
	kev_fire(q, 1, 2);
	CHECK_EQ(kev_expect(&ring, 1, 2)->merged, 0);
}

/* What READY names and the watch did not ask for is not reported. */
TEST(bits_that_were_not_asked_for)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2);

	kev_add(q, KEVENT_UNOTIFY, 1, 0x0f, 0);
	kev_fire(q, 1, 0xf1);
	kev_expect(&ring, 1, 0x01);
}

TEST(ready_of_other_types)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), fd = CHECK_OK(eventfd(0, 0));
	struct ukevent uk;

	kev_add_poll(q, fd, POLLIN | POLLPRI, KEVENT_REQ_ET);
	kevent_prep(&uk, KEVENT_POLL, fd, 0, 0, 0);
	kev_change(q, KEVENT_CTL_READY, &uk);
	kev_expect(&ring, fd, POLLIN | POLLPRI);
	kevent_prep(&uk, KEVENT_POLL, fd, POLLPRI, 0, 0);
	kev_change(q, KEVENT_CTL_READY, &uk);
	kev_expect(&ring, fd, POLLPRI);
	kev_expect_none(&ring);
}

/* ADD with READY: in the result, or in the ring if that was asked for. */
TEST(ready_when_added)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);
	struct ukevent uk;

	uk = kev_add(q, KEVENT_UNOTIFY, 1, 3, KEVENT_REQ_READY);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK(!(uk.ret_flags & KEVENT_RET_BROKEN));
	CHECK_EQ(uk.ret_data[0], 3);
	kev_expect_none(&ring);
	uk = kev_add(q, KEVENT_UNOTIFY, 2, 3,
		     KEVENT_REQ_READY | KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(uk.ret_flags, 0);
	kev_expect(&ring, 2, 3);
	kev_expect_none(&ring);
}

/* The same through GET_EVENTS, which claims and frees by itself. */
TEST(get_events_claims)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);
	struct ukevent uk;

	kev_add(q, KEVENT_UNOTIFY, 1, 0xff, 0);
	kev_fire(q, 1, 1);
	kev_fire(q, 1, 2);
	uk = kev_expect_get(q, 1, 3);
	CHECK_EQ(uk.merged, 1);
	CHECK_EQ(uk.ret_data[1], 2);
	CHECK_EQ(kev_seen(&ring), 1);
	CHECK_EQ(kev_head(&ring), 1);
	kev_fire(q, 1, 4);
	kev_expect_get(q, 1, 4);
	kev_expect_get_none(q);
}

TEST(without_ring)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	kev_add(q, KEVENT_UNOTIFY, 1, 0xff, 0);
	kev_add(q, KEVENT_UNOTIFY, 2, 0xff, 0);
	kev_fire(q, 1, 1);
	kev_fire(q, 2, 1);
	kev_fire(q, 1, 2);
	uk = kev_expect_get(q, 1, 3);
	CHECK_EQ(uk.ret_data[1], 2);
	kev_fire(q, 1, 4);
	kev_expect_get(q, 2, 1);
	kev_expect_get(q, 1, 4);
	kev_expect_get_none(q);
}
