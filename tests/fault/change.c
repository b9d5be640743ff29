// SPDX-License-Identifier: GPL-2.0
/* MODIFY, REMOVE and READY of each source, with each chance to fail made to fail. */
/* kernel: debug debug-rt */
#include "sources.h"

static void set_up(struct scene *s)
{
	actor_set_up(s);
	CHECK_EQ(fault_add(s), 0);
}

static void check_removed(struct scene *s)
{
	CHECK_EQ(watches_of(s->q), 0);
	CHECK_EQ(kev_try(s->q, KEVENT_CTL_REMOVE, s->uk[0].type,
			 s->uk[0].id.raw_u64, 0, 0), ENOENT);
	/* without the watch it can be added again */
	CHECK_EQ(fault_add(s), 0);
	actor_check(s);
}

static int call_modify(struct scene *s)
{
	return fault_change(s, KEVENT_CTL_MODIFY);
}

static int call_remove(struct scene *s)
{
	return fault_change(s, KEVENT_CTL_REMOVE);
}

#define CHANGE_TESTS(name_)						\
	ACTOR_TEST(modify_##name_, name_, call_modify,			\
		   .set_up = set_up, .check = actor_check,		\
		   .tear_down = actor_end, .must = { EFAULT })		\
	ACTOR_TEST(remove_##name_, name_, call_remove,			\
		   .set_up = set_up, .check = check_removed,		\
		   .tear_down = actor_end, .must = { EFAULT })

FOR_ALL_ACTORS(CHANGE_TESTS)

/* ---- Wider, and armed again -------------------------------------------------- */

/* The first mark covers less. */
static void set_up_wider(struct scene *s)
{
	s->fd = own_directory();
	kevent_prep(&s->uk[0], KEVENT_INODE, s->fd, KEVENT_INODE_REMOVE, 0, 5);
	CHECK_EQ(fault_add(s), 0);
	s->uk[0].event = KEVENT_INODE_CREATE;
}

ACTOR_TEST(modify_to_other_events, directory, call_modify,
	   .set_up = set_up_wider, .check = actor_check,
	   .tear_down = actor_end, .must = { EFAULT })

/* The event that was outstanding is cancelled, once; MODIFY has it in its result. */
static void set_up_outstanding(struct scene *s)
{
	set_up(s);
	unotify_act(s);
}

static void check_cancelled(struct scene *s)
{
	CHECK_EQ(s->uk[1].ret_flags, KEVENT_RET_CANCELLED | KEVENT_RET_DONE |
		 KEVENT_RET_DATA);
	CHECK_EQ(s->uk[1].ret_data[0], 2);
	actor_check(s);
}

ACTOR_TEST(modify_cancels, unotify, call_modify,
	   .set_up = set_up_outstanding, .check = check_cancelled,
	   .must = { EFAULT })

static void check_remove_cancelled(struct scene *s)
{
	CHECK_EQ(s->uk[1].ret_flags, KEVENT_RET_CANCELLED);
	kev_expect_get_none(s->q);
	check_removed(s);
}

ACTOR_TEST(remove_cancels, unotify, call_remove,
	   .set_up = set_up_outstanding, .check = check_remove_cancelled,
	   .must = { EFAULT })

/* ---- READY --------------------------------------------------------------------- */

static int call_ready(struct scene *s)
{
	return fault_change(s, KEVENT_CTL_READY);
}

/* Counted once. */
static void check_ready(struct scene *s)
{
	struct ukevent uk = take(s->q);

	CHECK_EQ(uk.ptr, 5);
	CHECK_EQ(uk.ret_data[0], 2);
	if (uk.ret_flags & KEVENT_RET_DATA)
		CHECK_EQ(uk.ret_data[1], 1);
	kev_expect_get_none(s->q);
}

ACTOR_TEST(ready, unotify, call_ready,
	   .set_up = set_up, .check = check_ready, .must = { EFAULT })
ACTOR_TEST(ready_with_payload, payload, call_ready,
	   .set_up = set_up, .check = check_ready, .must = { EFAULT })
ACTOR_TEST(ready_without_ring, payload, call_ready, .no_ring = true,
	   .set_up = set_up, .check = check_ready, .must = { EFAULT })

/* Into a ring of one slot that is taken: they wait in the kernel. */
static void set_up_full(struct scene *s)
{
	set_up(s);
	kev_add_user(s->q, 6);
	kev_add_user(s->q, 7);
	kev_fire(s->q, 6, 1);
	kev_fire(s->q, 7, 1);
}

static void check_full(struct scene *s)
{
	kev_expect_get(s->q, 6, 1);
	kev_expect_get(s->q, 7, 1);
	check_ready(s);
}

ACTOR_TEST(ready_with_payload_overflows, payload, call_ready, .slots = 2,
	   .set_up = set_up_full, .check = check_full, .must = { EFAULT })
ACTOR_TEST(ready_overflows, unotify, call_ready, .slots = 2,
	   .set_up = set_up_full, .check = check_full, .must = { EFAULT })
