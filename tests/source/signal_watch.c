// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_SIGNAL: records that are lost, what is refused, and each flag. */
#include "signals.h"

#include <sys/resource.h>

/* ---- Records ------------------------------------------------------------------ */

static struct ukevent add_with_buffer(int q, int sig, uint64_t bytes)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_SIGNAL, sig, KEVENT_SIGNAL_DELIVERY, 0, sig);
	uk.param[0] = bytes;
	kev_change(q, KEVENT_CTL_ADD, &uk);
	return uk;
}

#define MANY 3000

static void lose_some(int q, uint64_t bytes)
{
	static struct kevent_record_signal r[MANY];
	struct ukevent uk;
	uint32_t lost;
	int i, n;

	uk = add_with_buffer(q, SIGUSR1, bytes);
	for (i = 0; i < MANY; i++)
		CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(take_signal(q, SIGUSR1, MANY).ret_flags,
		 KEVENT_RET_DATA | KEVENT_RET_LOST);
	n = read_records(q, uk.cookie, r, MANY, &lost);
	CHECK_EQ(n + lost, MANY);
	CHECK_GE(n, bytes / 64);
	CHECK_LE(n, bytes / sizeof(r[0]));
	CHECK_EQ(read_records(q, uk.cookie, r, MANY, &lost), 0);
	CHECK_EQ(lost, 0);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(take_signal(q, SIGUSR1, MANY + 1).ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(read_records(q, uk.cookie, r, MANY, &lost), 1);
	kev_remove(q, KEVENT_SIGNAL, SIGUSR1);
}

TEST(lost)
{
	int q = kev_queue(NULL, 0);

	handle_signal(SIGUSR1, SIG_IGN);
	lose_some(q, 4096);
	lose_some(q, 65536);
}

TEST(room_for_all)
{
	static struct kevent_record_signal r[MANY];
	int q = kev_queue(NULL, 0), i;
	struct ukevent uk;
	uint32_t lost;

	handle_signal(SIGUSR1, SIG_IGN);
	uk = add_with_buffer(q, SIGUSR1, 1 << 20);
	for (i = 0; i < MANY; i++)
		CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(take_signal(q, SIGUSR1, MANY).ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(read_records(q, uk.cookie, r, MANY, &lost), MANY);
	CHECK_EQ(lost, 0);
}

/* ---- What is refused ------------------------------------------------------------ */

TEST(refused)
{
	static const uint64_t ids[] = {
		0, 65, 1ull << 32, SIGUSR1 | 1ull << 32, SIGUSR1 | 1ull << 62,
		~0ull, NOMASK, NOMASK | 65, NOMASK | SIGKILL, NOMASK | SIGSTOP,
		NOMASK | SIGCONT, NOMASK | SIGALRM, NOMASK | SIGTTIN,
		NOMASK | SIGTTOU,
	};
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, ids[i], 0), EINVAL);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_SIGNAL, 10, 0, 0), EINVAL);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_SIGNAL, 10, 2, 0), EINVAL);
	CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, 10, KEVENT_REQ_LAST_CHECK),
		 EINVAL);
	CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, 10, KEVENT_REQ_EXCLUSIVE),
		 EINVAL);
	for (i = 0; i < 3; i++) {
		kevent_prep(&uk, KEVENT_SIGNAL, 10, 1, 0, 0);
		uk.param[i] = i ? 1 : (1 << 20) + 1;
		CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), EINVAL);
	}
	CHECK_EQ(try_signal(q, KEVENT_CTL_REMOVE, 10, 0), ENOENT);
	CHECK_EQ(try_signal(q, KEVENT_CTL_MODIFY, 10, 0), ENOENT);
	CHECK_EQ(watches_of(q), 0);
	add_signal(q, 10, 0);
	CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, 10, 0), EEXIST);
	add_signal(q, 10 | NOMASK, 0);
	CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, 10 | NOMASK, 0), EEXIST);
	CHECK_EQ(watches_of(q), 2);
}

TEST(too_many)
{
	int q[70], i;

	handle_signal(SIGUSR1, SIG_IGN);
	for (i = 0; i < 70; i++)
		q[i] = kev_queue(NULL, 0);
	for (i = 0; i < 64; i++)
		add_signal(q[i], SIGUSR1, 0);
	for (; i < 70; i++) {
		CHECK_EQ(try_signal(q[i], KEVENT_CTL_ADD, SIGUSR1, 0), ENOSPC);
		CHECK_EQ(watches_of(q[i]), 0);
	}
	add_signal(q[69], SIGUSR2, 0);
	raise(SIGUSR1);
	for (i = 0; i < 64; i++)
		take_signal(q[i], SIGUSR1, 1);
	kev_remove(q[5], KEVENT_SIGNAL, SIGUSR1);
	add_signal(q[69], SIGUSR1, 0);
	raise(SIGUSR1);
	take_none(q[5]);
	take_signal(q[6], SIGUSR1, 2);
	take_signal(q[69], SIGUSR1, 1);
}

/* ---- Flags ------------------------------------------------------------------------ */

TEST(ring)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), i;
	const struct ukevent *uk;

	handle_signal(SIGUSR1, SIG_IGN);
	add_signal(q, SIGUSR1, KEVENT_REQ_ET | KEVENT_REQ_TIMESTAMP);
	for (i = 0; i < 3; i++)
		raise(SIGUSR1);
	uk = kev_expect(&ring, SIGUSR1, KEVENT_SIGNAL_DELIVERY);
	check_signal(uk, SIGUSR1, 3);
	CHECK(uk->time && uk->time <= now_ns());
	kev_expect_none(&ring);
	raise(SIGUSR1);
	check_signal(kev_expect(&ring, SIGUSR1, 1), SIGUSR1, 4);
	kev_close(q, &ring);
}

/* More signals than slots: nothing is lost. */
TEST(overflow)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2), i;
	unsigned int seen = 0;
	struct ukevent uk;

	for (i = 40; i < 60; i++) {
		handle_signal(i, SIG_IGN);
		add_signal(q, i, 0);
		raise(i);
		raise(i);
	}
	for (i = 0; i < 20; i++) {
		uk = take(q);
		check_signal(&uk, uk.ptr, 2);
		seen |= 1u << (uk.ptr - 40);
	}
	CHECK_EQ(seen, (1u << 20) - 1);
	take_none(q);
	kev_close(q, &ring);
}

TEST(oneshot)
{
	int q = kev_queue(NULL, 0);

	handle_signal(SIGUSR1, SIG_IGN);
	add_signal(q, SIGUSR1, KEVENT_REQ_ONESHOT);
	raise(SIGUSR1);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 1);
	raise(SIGUSR1);
	take_none(q);
	CHECK_EQ(try_signal(q, KEVENT_CTL_REMOVE, SIGUSR1, 0), ENOENT);
	add_signal(q, SIGUSR1, KEVENT_REQ_ONESHOT);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 1);
}

/* What comes while it is disarmed is kept for MODIFY. */
TEST(dispatch)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	struct kevent_record_signal r[8];

	handle_signal(SIGUSR1, SIG_IGN);
	uk = add_signal(q, SIGUSR1, KEVENT_REQ_DISPATCH);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 1);
	raise(SIGUSR1);
	raise(SIGUSR1);
	take_none(q);
	kev_modify(q, KEVENT_SIGNAL, SIGUSR1, 1,
		   KEVENT_REQ_DISPATCH | KEVENT_REQ_ALWAYS_QUEUE);
	take_signal(q, SIGUSR1, 3);
	take_none(q);
	kev_modify(q, KEVENT_SIGNAL, SIGUSR1, 1,
		   KEVENT_REQ_DISPATCH | KEVENT_REQ_ALWAYS_QUEUE);
	take_none(q);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 4);
	CHECK_EQ(read_records(q, uk.cookie, r, 8, NULL), 4);
}

/* MODIFY takes back what nobody has seen, and tells it again. */
TEST(modify)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);

	handle_signal(SIGUSR1, SIG_IGN);
	add_signal(q, SIGUSR1, 0);
	CHECK_EQ(kev_modify(q, KEVENT_SIGNAL, SIGUSR1, 1, 0).ret_flags, 0);
	kev_expect_none(&ring);
	raise(SIGUSR1);
	CHECK_EQ(kev_modify(q, KEVENT_SIGNAL, SIGUSR1, 1,
			    KEVENT_REQ_ALWAYS_QUEUE).ret_flags,
		 KEVENT_RET_CANCELLED);
	check_signal(kev_expect(&ring, SIGUSR1, 1), SIGUSR1, 1);
	kev_expect_none(&ring);
	raise(SIGUSR1);
	CHECK_EQ(kev_remove(q, KEVENT_SIGNAL, SIGUSR1).ret_flags,
		 KEVENT_RET_CANCELLED);
	raise(SIGUSR1);
	kev_expect_none(&ring);
	CHECK_EQ(watches_of(q), 0);
	kev_close(q, &ring);
}

TEST(ready)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	handle_signal(SIGUSR1, SIG_IGN);
	uk = add_signal(q, SIGUSR1, KEVENT_REQ_READY);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DONE);
	CHECK_EQ(try_signal(q, KEVENT_CTL_READY, SIGUSR1, 0), 0);
	uk = take(q);
	CHECK_EQ(uk.ret_data[0], 1);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 1);
}

/* A sleeping thread is woken, also by one that it handles itself. */
TEST(wakes)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct kev_sleeper s;

	handle_signal(SIGUSR1, SIG_IGN);
	add_signal(q, SIGUSR1, 0);
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	raise(SIGUSR1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	check_signal(kev_expect(&ring, SIGUSR1, 1), SIGUSR1, 1);
	kev_close(q, &ring);
}
