// SPDX-License-Identifier: GPL-2.0
/* Who leaves without the event that it was woken for, or let in, passes it on. */
#include "caller.h"
#include "pager.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- Memory that is not there ------------------------------------------ */

/* The first in line is woken for the event. */
static void fault_after_wakeup(enum caller_way way, unsigned int slots)
{
	struct pair p;

	pair_make(&p, way, slots);
	caller_start(&p.first);
	caller_start(&p.second);
	caller_spoil(&p.first);
	kev_fire(p.q, 0, 1);
	expect_failure(&p.first, EFAULT);
	pair_end(&p, 0);
}

TEST(fault_of_who_was_woken)
{
	over_all_ways(fault_after_wakeup, 4);
}

TEST(fault_of_who_was_woken_without_ring)
{
	over_all_ways(fault_after_wakeup, 0);
}

/* The first in line is up for another reason, and lets the event in itself. */
static void fault_after_letting_in(enum caller_way way, unsigned int slots)
{
	struct pair p;

	pair_make_full(&p, way, slots);
	caller_start(&p.first);
	caller_start(&p.second);
	caller_spoil(&p.first);
	pair_let_wait(&p);
	CHECK_EQ(kevent_wake(p.q, 1), 1);
	expect_failure(&p.first, EFAULT);
	pair_end(&p, slots);
}

TEST(fault_of_who_lets_in)
{
	over_all_ways(fault_after_letting_in, 2);
}

/* The same in a call that need not sleep. */
static void fault_at_once(enum caller_way way, unsigned int slots)
{
	struct pair p;

	if (way == BY_WAIT)	/* its memory is looked at before */
		return;
	pair_make_full(&p, way, slots);
	caller_start(&p.second);
	pair_let_wait(&p);
	caller_spoil(&p.first);
	CHECK_ERRNO(call(&p.first), EFAULT);
	caller_free(&p.first);
	pair_end(&p, slots);
}

TEST(fault_of_who_need_not_sleep)
{
	over_all_ways(fault_at_once, 2);
}

/* ---- Death ------------------------------------------------------------- */

static void process_run(void *arg)
{
	struct caller *c = arg;

	if (c->way == BY_WAIT)
		memcpy(c->page, &c->wait, sizeof(c->wait));
	call(c);
	/* Killed, it must not get here: the parent looks at the status. */
}

/* Returns when the process sleeps. */
static pid_t process_start(struct caller *c)
{
	pid_t pid = start_child(process_run, c);

	wait_blocked(pid);
	return pid;
}

/* The first, a process, is killed; the second gets the event. */
static void kill_first(struct pair *p, pid_t pid, uint64_t id)
{
	CHECK_OK(kill(pid, SIGKILL));
	wait_killed(pid);
	caller_free(&p->first);
	pair_end(p, id);
}

/* There is something to let in, which nobody has been told of. */
static void killed_beside_work(enum caller_way way, unsigned int slots)
{
	struct pair p;
	pid_t pid;

	pair_make_full(&p, way, slots);
	pid = process_start(&p.first);
	caller_start(&p.second);
	pair_let_wait(&p);
	kill_first(&p, pid, slots);
}

TEST(killed_beside_what_waits)
{
	over_all_ways(killed_beside_work, 2);
}

/*
 * On the CPU of its killer: it has had no chance to leave when it is chosen for
 * the event.
 */
static void killed_and_woken(enum caller_way way, unsigned int slots)
{
	struct pair p;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		pid_t pid;

		pair_make(&p, way, slots);
		pid = process_start(&p.first);
		caller_start(&p.second);
		CHECK_OK(kill(pid, SIGKILL));
		kev_fire(p.q, 0, 1);
		pair_end(&p, 0);
		wait_killed(pid);
		caller_free(&p.first);
	}
}

TEST_TIMEOUT(killed_after_it_was_woken, 60)
{
	pin_to_cpu(0);
	over_all_ways(killed_and_woken, 4);
}

TEST_TIMEOUT(killed_after_it_was_woken_without_ring, 60)
{
	pin_to_cpu(0);
	over_all_ways(killed_and_woken, 0);
}

/* A process of which the memory is slow in coming, and that is killed then. */
static void fault_and_die(void *arg)
{
	struct caller *c = arg;
	struct pager pager;

	pager_make(&pager);
	c->page = pager.page;
	call(c);
}

/* It has let the event in, and is fetching the memory for it. */
static void killed_in_a_fault(enum caller_way way, unsigned int slots)
{
	struct pair p;
	pid_t pid;

	if (way == BY_WAIT)	/* its memory is looked at before */
		return;
	pair_make_full(&p, way, slots);
	caller_start(&p.second);
	pair_let_wait(&p);
	pid = start_child(fault_and_die, &p.first);
	CHECK_SOON(kev_tail(&p.ring) == slots + 1);
	wait_blocked(pid);
	wait_blocked(p.second.thread.tid);
	CHECK(!caller_over(&p.second));
	kill_first(&p, pid, slots);
}

TEST(killed_while_its_memory_is_fetched)
{
	over_all_ways(killed_in_a_fault, 2);
}

/* ---- WAIT that is refused ---------------------------------------------- */

static void refused(struct kevent_ioc_wait wait, int ret, int error,
		    enum caller_way way)
{
	enum { SLOTS = 2 };
	struct pair p;

	pair_make_full(&p, way, SLOTS);
	caller_start(&p.second);
	pair_let_wait(&p);
	wait.min = 1;
	errno = 0;
	CHECK_EQ(ioctl(p.q, KEVENT_IOC_WAIT, &wait), ret);
	CHECK_EQ(errno, error);
	caller_free(&p.first);
	pair_end(&p, SLOTS);
}

TEST(refused_commit)
{
	struct kevent_ioc_wait wait = {
		.flags = KEVENT_FLAGS_COMMIT, .commit = 100,
	};
	unsigned int way;

	for (way = 0; way < WAYS; way++)
		refused(wait, -1, EOVERFLOW, way);
}

TEST(refused_change)
{
	struct kevent_ioc_wait wait = { .nchanges = 1 };
	struct ukevent uk;
	unsigned int way;

	wait.changes = (uintptr_t)&uk;
	for (way = 0; way < WAYS; way++) {
		kevent_prep(&uk, KEVENT_UNOTIFY, 77, 1,
			    KEVENT_REQ_CMD(KEVENT_CTL_READY), 0);
		refused(wait, 0, 0, way);
		CHECK(uk.ret_flags & KEVENT_RET_REFUSED);
	}
}

TEST(changes_that_are_not_there)
{
	struct kevent_ioc_wait wait = { .nchanges = 1 };
	unsigned int way;

	for (way = 0; way < WAYS; way++)
		refused(wait, -1, EFAULT, way);
}
