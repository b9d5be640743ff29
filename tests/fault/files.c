// SPDX-License-Identifier: GPL-2.0
/* ADD of each kind of file, with each chance to fail made to fail. */
/* kernel: debug debug-rt */
#include "loop.h"

static void set_up(struct scene *s)
{
	const struct kind *k = s->fault->kind;

	thing_make(&s->t, k);
	kevent_prep(&s->uk[0], k->type, s->t.fd, k->event, s->n, s->t.fd);
}

static void set_up_exclusive(struct scene *s)
{
	s->n = KEVENT_REQ_EXCLUSIVE | KEVENT_REQ_ET;
	set_up(s);
}

static void set_up_closed(struct scene *s)
{
	s->n = KEVENT_REQ_CLOSED;
	set_up(s);
}

/* It is there once, and tells. */
static void check(struct scene *s)
{
	CHECK_EQ(watches_of(s->q), 1);
	thing_raise(&s->t);
	thing_take(s->q, &s->t);
}

/* The watch ends with the last reference to its file: none was kept. */
static void tear_down(struct scene *s)
{
	CHECK_EQ(close(s->t.fd), 0);
	CHECK_EQ(watches_of(s->q), 0);
	thing_drop_rest(&s->t);
}

static void tear_down_closed(struct scene *s)
{
	CHECK_EQ(close(s->t.fd), 0);
	CHECK(take(s->q).ret_flags & KEVENT_RET_CLOSED);
	thing_drop_rest(&s->t);
}

static void run(kind_test *unused UNUSED, const struct kind *k)
{
	struct fault f = {
		.set_up = set_up,
		.call = fault_add,
		.check = check,
		.tear_down = tear_down,
		.kind = k,
		.must = { ENOMEM, EFAULT },
	};

	fault_run(&f);
}

KIND_TESTS(add, run)
KIND_TEST(add, run, PIDFD)

KIND_BODY(add)
{
	(void)k;
}

#define FILE_TEST(name_, kind_, set_up_, tear_down_, ...)		\
	FAULT_TEST(name_, fault_add,					\
		   .kind = &kinds[kind_], .set_up = set_up_,		\
		   .check = check, .tear_down = tear_down_,		\
		   .must = { ENOMEM, EFAULT }, __VA_ARGS__)

FILE_TEST(exclusive, KIND_PIPE, set_up_exclusive, tear_down)
FILE_TEST(exclusive_several_heads, KIND_PTY, set_up_exclusive, tear_down)
FILE_TEST(closed, KIND_SOCKET_TCP, set_up_closed, tear_down_closed)
FILE_TEST(without_ring, KIND_SOCKET_STREAM, set_up, tear_down, .no_ring = true)

/* One of the two stays when the file is watched by two queues. */
static void set_up_second(struct scene *s)
{
	s->peer = kev_queue(NULL, 0);
	set_up(s);
	thing_add(s->peer, &s->t, KEVENT_REQ_ET);
}

static void check_second(struct scene *s)
{
	check(s);
	thing_take(s->peer, &s->t);
}

static void tear_down_second(struct scene *s)
{
	CHECK_EQ(watches_of(s->peer), 1);
	tear_down(s);
	CHECK_EQ(watches_of(s->peer), 0);
	kev_close(s->peer, NULL);
}

FAULT_TEST(in_a_second_queue, fault_add,
	   .kind = &kinds[KIND_PTY], .set_up = set_up_second,
	   .check = check_second, .tear_down = tear_down_second,
	   .must = { ENOMEM, EFAULT })

/* Ready at ADD: in the result, and with ALWAYS_QUEUE in the ring. */
static void set_up_ready(struct scene *s)
{
	set_up(s);
	thing_raise(&s->t);
}

static void check_ready(struct scene *s)
{
	CHECK_EQ(s->uk[1].ret_flags & KEVENT_RET_DONE, KEVENT_RET_DONE);
	CHECK_EQ(s->uk[1].ret_data[0], s->fault->kind->event);
	CHECK_EQ(watches_of(s->q), 1);
}

static void set_up_queued(struct scene *s)
{
	s->n = KEVENT_REQ_ALWAYS_QUEUE | KEVENT_REQ_ET;
	set_up_ready(s);
}

static void check_queued(struct scene *s)
{
	CHECK_EQ(watches_of(s->q), 1);
	thing_take(s->q, &s->t);
	kev_expect_get_none(s->q);
}

FAULT_TEST(ready, fault_add,
	   .kind = &kinds[KIND_SOCKET_TCP], .set_up = set_up_ready,
	   .check = check_ready, .tear_down = tear_down,
	   .must = { ENOMEM, EFAULT })

FAULT_TEST(ready_and_queued, fault_add,
	   .kind = &kinds[KIND_PIPE_RECV], .set_up = set_up_queued,
	   .check = check_queued, .tear_down = tear_down,
	   .must = { ENOMEM, EFAULT })

/* What must fail for other reasons does, and so does what can't be watched. */
static int add_regular(struct scene *s)
{
	int err = fault_add(s);

	return err == EPERM ? 0 : err;
}

static void set_up_regular(struct scene *s)
{
	s->fd = CHECK_OK(memfd_create("file", MFD_CLOEXEC));
	kevent_prep(&s->uk[0], KEVENT_POLL, s->fd, POLLIN, 0, 1);
}

static void tear_down_regular(struct scene *s)
{
	CHECK_EQ(watches_of(s->q), 0);
	close(s->fd);
}

FAULT_TEST(refused, add_regular,
	   .set_up = set_up_regular, .tear_down = tear_down_regular,
	   .must = { EFAULT })
