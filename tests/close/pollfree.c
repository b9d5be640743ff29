// SPDX-License-Identifier: GPL-2.0
/* Tests a signalfd whose owner exits: its wait queue ends before the file. */
#include "../source/kinds.h"

/* Hooks the child's own wait queue, which is freed when the child has gone. */
struct child {
	struct thing *t;
	int q;
	unsigned int flags;
};

static void watch_and_exit(void *arg)
{
	struct child *c = arg;

	kev_add_poll(c->q, c->t->fd, POLLIN, c->flags);
}

static void owner_exits(int q, struct thing *t, unsigned int flags)
{
	struct child c = { .t = t, .q = q, .flags = flags };

	wait_child(start_child(watch_and_exit, &c));
}

static const unsigned int all_flags[] = {
	0, KEVENT_REQ_ET, KEVENT_REQ_ONESHOT, KEVENT_REQ_LAST_CHECK,
	KEVENT_REQ_DISPATCH, KEVENT_REQ_CLOSED, KEVENT_REQ_EXCLUSIVE,
};

enum { N_FLAGS = sizeof(all_flags) / sizeof(all_flags[0]) };

static void drain_queue(int q)
{
	struct ukevent uk;
	int i;

	for (i = 0; i < 10; i++)
		kevent_get_events(q, 0, 1, NULL, &uk, 0);
}

TEST(then_removed)
{
	int q = kev_queue(NULL, 0);
	struct thing t;
	unsigned int i;

	thing_make(&t, &kinds[KIND_SIGNALFD]);
	for (i = 0; i < N_FLAGS; i++) {
		owner_exits(q, &t, all_flags[i]);
		drain_queue(q);
		kev_try(q, KEVENT_CTL_REMOVE, KEVENT_POLL, t.fd, 0, 0);
		CHECK_EQ(watches_of(q), 0);
	}
}

TEST(then_closed)
{
	int q = kev_queue(NULL, 0);
	struct thing t;
	unsigned int i;

	for (i = 0; i < N_FLAGS; i++) {
		thing_make(&t, &kinds[KIND_SIGNALFD]);
		owner_exits(q, &t, all_flags[i]);
		thing_raise(&t);
		thing_drop(&t);
		drain_queue(q);
		CHECK_EQ(watches_of(q), 0);
	}
}

TEST(then_queue_closed)
{
	struct thing t;
	unsigned int i;

	thing_make(&t, &kinds[KIND_SIGNALFD]);
	for (i = 0; i < N_FLAGS; i++) {
		int q = kev_queue(NULL, 0);

		owner_exits(q, &t, all_flags[i]);
		kev_close(q, NULL);
	}
	thing_raise(&t);
}

/* MODIFY asks, and hooks where the asking process has its signals. */
TEST(then_modified)
{
	int q = kev_queue(NULL, 0);
	struct thing t;

	thing_make(&t, &kinds[KIND_SIGNALFD]);
	owner_exits(q, &t, KEVENT_REQ_ET);
	drain_queue(q);
	kev_try(q, KEVENT_CTL_MODIFY, KEVENT_POLL, t.fd, POLLIN, 0);
	thing_raise(&t);
	drain_queue(q);
	thing_drop(&t);
	CHECK_EQ(watches_of(q), 0);
}

/* The child exits while its parent changes the watch. */
static void exit_racing(void (*other)(int q, struct thing *t))
{
	struct child c;
	struct thing t;
	pid_t pid;
	int i;

	for (i = 0; i < 150; i++) {
		thing_make(&t, &kinds[KIND_SIGNALFD]);
		c.t = &t;
		c.q = kev_queue(NULL, 0);
		c.flags = all_flags[i % N_FLAGS];
		pid = start_child(watch_and_exit, &c);
		while (!watches_of(c.q) && task_state(pid) != 'Z')
			;
		other(c.q, &t);
		wait_child(pid);
		close(t.fd);
		drain_queue(c.q);
		CHECK_EQ(watches_of(c.q), 0);
		kev_close(c.q, NULL);
	}
}

static void do_remove(int q, struct thing *t)
{
	kev_try(q, KEVENT_CTL_REMOVE, KEVENT_POLL, t->fd, 0, 0);
}

static void do_ask(int q, struct thing *t)
{
	thing_raise(t);
	drain_queue(q);
}

static void do_modify(int q, struct thing *t)
{
	kev_try(q, KEVENT_CTL_MODIFY, KEVENT_POLL, t->fd, POLLIN | POLLPRI, 0);
}

TEST_TIMEOUT(racing_remove, 60)
{
	exit_racing(do_remove);
}

TEST_TIMEOUT(racing_checks, 60)
{
	exit_racing(do_ask);
}

TEST_TIMEOUT(racing_modify, 60)
{
	exit_racing(do_modify);
}
