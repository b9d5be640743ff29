// SPDX-License-Identifier: GPL-2.0
/* ADD of what is no file to poll, with each chance to fail made to fail. */
/* kernel: debug debug-rt */
#include "sources.h"

#define ADD_TEST(name_)							\
	ACTOR_TEST(add_##name_, name_, fault_add,			\
		   .set_up = actor_set_up, .check = actor_check,	\
		   .tear_down = actor_end, .must = { ENOMEM, EFAULT })

FOR_ALL_ACTORS(ADD_TEST)

/* ---- The queue's own table ------------------------------------------------- */

/* As many as its first size: the next one makes it grow. */
#define TABLE_FIRST 64

static void set_up_full_table(struct scene *s)
{
	int i;

	for (i = 0; i < TABLE_FIRST; i++)
		kev_add_user(s->q, 100 + i);
	unotify_make(s);
}

static void check_full_table(struct scene *s)
{
	int i;

	CHECK_EQ(watches_of(s->q), TABLE_FIRST + 1);
	for (i = 0; i < TABLE_FIRST; i++)
		kev_remove(s->q, KEVENT_UNOTIFY, 100 + i);
	actor_check(s);
}

ACTOR_TEST(table_grows, unotify, fault_add,
	   .set_up = set_up_full_table, .check = check_full_table,
	   .must = { ENOMEM, EFAULT })

/* ---- Fired one-shots ---------------------------------------------------------- */

/* It has fired, and its event was not taken: ADD makes another. */
static void set_up_fired(struct scene *s)
{
	kev_add(s->q, KEVENT_UNOTIFY, 5, 2, KEVENT_REQ_ONESHOT);
	unotify_act(s);
	kevent_prep(&s->uk[0], KEVENT_UNOTIFY, 5, 4, 0, 5);
}

static void check_fired(struct scene *s)
{
	CHECK_EQ(watches_of(s->q), 2);
	kev_expect_get(s->q, 5, 2);
	kev_expect_get_none(s->q);
	CHECK_EQ(watches_of(s->q), 1);
	unotify_act(s);
	kev_expect_get(s->q, 5, 4);
	kev_expect_get_none(s->q);
}

FAULT_TEST(beside_a_fired_oneshot, fault_add,
	   .set_up = set_up_fired, .check = check_fired,
	   .must = { ENOMEM, EFAULT })

/* Twice the same: refused for that, or for the fault. */
static int add_twin(struct scene *s)
{
	int err = fault_add(s);

	return err == EEXIST ? 0 : err;
}

static void set_up_twin(struct scene *s)
{
	kev_add(s->q, KEVENT_UNOTIFY, 5, 2, 0);
	unotify_make(s);
}

ACTOR_TEST(twin, unotify, add_twin,
	   .set_up = set_up_twin, .check = actor_check,
	   .must = { ENOMEM, EFAULT })
