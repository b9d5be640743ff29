// SPDX-License-Identifier: GPL-2.0
/* Tests close(2) racing changes, events and the end of the queue, on 2 CPUs. */
#include "../source/kinds.h"

/**
 * struct race - one thread closes, another does something else with the file
 * @round: what the other thread may do.
 * @done: what it has done.
 * @last: how many rounds there are.
 * @fds: of this round: fds[0] is watched and closed, fds[1] its peer.
 * @q: watches it.
 * @second: another queue that does.
 * @cookie: of the watch in @q.
 * @act: what the other thread does.
 */
struct race {
	int round;
	int done;
	int last;
	int fds[2];
	int q;
	int second;
	uint64_t cookie;
	void (*act)(struct race *r);
};

static void *act_rounds(void *arg)
{
	struct race *r = arg;
	unsigned int seed = 6;
	int i;

	pin_to_cpu(1);
	for (i = 1; i <= r->last; i++) {
		SPIN_UNTIL(__atomic_load_n(&r->round, __ATOMIC_ACQUIRE) >= i);
		spin(rand_r(&seed) % 4000);
		r->act(r);
		__atomic_store_n(&r->done, i, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int change(struct race *r, unsigned int cmd, unsigned int event)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_POLL, 0, event, KEVENT_REQ_COOKIE, 0);
	uk.cookie = r->cookie;
	return kevent_ctl_one(r->q, cmd, &uk) < 0 ? errno : 0;
}

static void act_remove(struct race *r)
{
	int error = change(r, KEVENT_CTL_REMOVE, 0);

	CHECK(!error || error == ENOENT);
}

static void act_modify(struct race *r)
{
	int error = change(r, KEVENT_CTL_MODIFY, POLLIN | POLLOUT);

	CHECK(!error || error == ENOENT);
}

static void act_ready(struct race *r)
{
	int error = change(r, KEVENT_CTL_READY, 0);

	CHECK(!error || error == ENOENT);
}

static void act_event(struct race *r)
{
	int i;

	for (i = 0; i < 3; i++)
		send(r->fds[1], "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void act_peer_close(struct race *r)
{
	close(r->fds[1]);
	r->fds[1] = -1;
}

static void act_queue_close(struct race *r)
{
	close(r->second);
	r->second = -1;
}

/* By number: it may be the old file, or none. */
static void act_remove_by_fd(struct race *r)
{
	int error = kev_try(r->q, KEVENT_CTL_REMOVE, KEVENT_POLL, r->fds[0], 0,
			    0);

	CHECK(!error || error == ENOENT || error == EBADF);
}

static void act_add_by_fd(struct race *r)
{
	int error = kev_try(r->second, KEVENT_CTL_ADD, KEVENT_POLL, r->fds[0],
			    POLLIN, KEVENT_REQ_ET);

	CHECK(!error || error == EBADF || error == EEXIST);
}

static void act_ask(struct race *r)
{
	struct ukevent uk[4];

	CHECK_OK(kevent_get_events(r->q, 0, 4, NULL, uk, 0));
}

static void make_pair(struct race *r, int round)
{
	switch (round % 4) {
	case 0:
		unix_pair(SOCK_STREAM, r->fds);
		break;
	case 1:
		udp_pair(r->fds);
		break;
	case 2:
		unix_pair(SOCK_DGRAM, r->fds);
		break;
	default:
		tcp_pair(r->fds);
		break;
	}
}

static void start_round(struct race *r, unsigned int flags, int i)
{
	make_pair(r, i);
	r->cookie = kev_add_poll(r->q, r->fds[0], POLLIN, flags).cookie;
	if (r->act == act_queue_close) {
		r->second = kev_queue(NULL, 0);
		kev_add_poll(r->second, r->fds[0], POLLIN, flags);
	}
	if (i & 8)
		send(r->fds[1], "x", 1, 0);
}

static void end_round(struct race *r, unsigned int flags)
{
	struct ukevent uk;

	while (kevent_get_events(r->q, 0, 1, NULL, &uk, 0) == 1)
		CHECK(flags & KEVENT_REQ_CLOSED);
	CHECK_EQ(watches_of(r->q), 0);
	if (r->second >= 0) {
		take_none(r->second);
		CHECK_EQ(watches_of(r->second), 0);
	}
	if (r->fds[1] >= 0)
		close(r->fds[1]);
}

static void race(void (*act)(struct race *r), unsigned int flags, int rounds)
{
	struct race r = { .last = scaled_rounds(rounds), .act = act };
	struct test_thread thread;
	struct kevent_ring ring;
	unsigned int seed = 7;
	int i;

	r.q = kev_queue(&ring, 16);
	r.second = act == act_queue_close ? -1 : kev_queue(NULL, 0);
	thread_start(&thread, act_rounds, &r);
	for (i = 1; i <= r.last; i++) {
		start_round(&r, flags, i);
		__atomic_store_n(&r.round, i, __ATOMIC_RELEASE);
		spin(rand_r(&seed) % 4000);
		close(r.fds[0]);
		SPIN_UNTIL(__atomic_load_n(&r.done, __ATOMIC_ACQUIRE) >= i);
		end_round(&r, flags);
	}
	thread_join(&thread);
	if (r.second >= 0)
		close(r.second);
	kev_close(r.q, &ring);
}

static void race_all_flags(void (*act)(struct race *r))
{
	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	pin_to_cpu(0);
	race(act, 0, 300);
	race(act, KEVENT_REQ_ET, 300);
	race(act, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ET, 150);
	race(act, KEVENT_REQ_ONESHOT, 150);
	race(act, KEVENT_REQ_CLOSED, 150);
}

TEST_TIMEOUT(remove, 120)
{
	race_all_flags(act_remove);
}

TEST_TIMEOUT(remove_by_fd, 120)
{
	race_all_flags(act_remove_by_fd);
}

TEST_TIMEOUT(modify, 120)
{
	race_all_flags(act_modify);
}

TEST_TIMEOUT(ready, 120)
{
	race_all_flags(act_ready);
}

TEST_TIMEOUT(event, 120)
{
	race_all_flags(act_event);
}

TEST_TIMEOUT(peer_close, 120)
{
	race_all_flags(act_peer_close);
}

TEST_TIMEOUT(ask, 120)
{
	race_all_flags(act_ask);
}

TEST_TIMEOUT(queue_close, 120)
{
	race_all_flags(act_queue_close);
}

/* ADD either finds no file, or its watch goes with the file. */
TEST_TIMEOUT(add, 120)
{
	race_all_flags(act_add_by_fd);
}
