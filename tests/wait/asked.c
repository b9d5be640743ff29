// SPDX-License-Identifier: GPL-2.0
/* Tests what a wake-up comes to while a task is asking the file, before it sleeps. */
#include "../source/askfile.h"
#include "caller.h"

#include <poll.h>

static struct askfile file;

/* The task has begun to ask, and sleeps again if nothing else happens. */
static void ask_begin(struct caller *c)
{
	unsigned int asked;

	askfile_set(&file, 0);
	kev_add_poll(c->queue, file.fd, POLLIN, KEVENT_REQ_ET);
	caller_start(c);
	askfile_hold(&file);
	asked = askfile_asked(&file);
	askfile_wake(&file);
	askfile_await(&file, asked);
}

/* The file becomes ready before the answer is there, which is an old one. */
static void ask_end(void)
{
	askfile_set(&file, POLLIN);
	askfile_wake(&file);
	askfile_deny(&file);
}

/* The task asks again: nobody else will tell it. */
static void ready_while_asked(enum caller_way way, unsigned int slots)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, slots, 0);
	struct caller c;

	caller_prep(&c, q, way);
	ask_begin(&c);
	ask_end();
	expect_event(&c, file.fd);
	close_queue(q, &ring, slots);
}

TEST(ready_while_asked_with_ring)
{
	askfile_make(&file);
	over_all_ways(ready_while_asked, 8);
}

TEST(ready_while_asked_without_ring)
{
	askfile_make(&file);
	over_all_ways(ready_while_asked, 0);
}

/* The same, for one who wants more than there is. */
TEST(ready_while_asked_by_a_patient)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, 8, 1);
	struct caller c;

	askfile_make(&file);
	caller_prep(&c, q, BY_WAIT);
	c.wait.min = 2;
	ask_begin(&c);
	ask_end();
	CHECK_SOON(kev_tail(&ring) == 1);
	kev_fire(q, 0, 1);
	expect_event(&c, 0);
	close_queue(q, &ring, 8);
}
