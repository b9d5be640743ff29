// SPDX-License-Identifier: GPL-2.0
/* Tests what a wake-up comes to while a task is asking the file, before it sleeps. */
#include "../source/askfile.h"
#include "caller.h"

#include <poll.h>
#include <sys/resource.h>

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

/* ---- Kept for one who wants more, and there is another --------------------------------- */

/* A getter for min asks the file, which is ready and has not answered yet. */
static void get_asks(struct kev_getter *g, int q, uint32_t min)
{
	unsigned int asked;

	askfile_make(&file);
	kev_add_poll(q, file.fd, POLLIN, 0);
	kev_getter_prep(g, q);
	g->min = min;
	g->max = 8;
	kev_getter_start(g);
	asked = askfile_asked(&file);
	askfile_hold(&file);
	askfile_set(&file, POLLIN);
	askfile_wake(&file);
	askfile_await(&file, asked);
}

/* Who came meanwhile and wants only one has it. */
TEST(kept_is_told)
{
	int q = kev_queue(NULL, 0);
	struct kev_getter two, one;

	get_asks(&two, q, 2);
	kev_getter_prep(&one, q);
	kev_getter_start(&one);
	askfile_answer(&file);
	CHECK_SOON(kev_getter_over(&one));
	CHECK_EQ(kev_getter_join(&one), 1);
	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_getter_join(&two), 2);
}

/* And it counts for who wants two, when the second comes. */
TEST(kept_counts)
{
	int q = kev_queue(NULL, 0);
	struct kev_getter three, two;

	kev_add_user(q, 1);
	get_asks(&three, q, 3);
	kev_getter_prep(&two, q);
	two.min = two.max = 2;
	kev_getter_start(&two);
	askfile_answer(&file);
	/* once when it woke, once when it was kept */
	CHECK_SOON(kev_stat(q, "posted") == 2);
	kev_fire(q, 1, 1);
	CHECK_SOON(kev_getter_over(&two));
	CHECK_EQ(kev_getter_join(&two), 2);
	CHECK_SOON(kevent_wake(q, 1) == 1);
	kev_getter_join(&three);
}

/* ---- WAKE ------------------------------------------------------------------------------ */

struct nice_getter {
	struct test_thread thread;
	int q;
	int ret;
	bool over;
};

/* Has little of the CPU while somebody else wants it. */
static void *get_nicely(void *arg)
{
	struct nice_getter *g = arg;
	struct ukevent uk;

	pin_to_cpu(0);
	CHECK_OK(setpriority(PRIO_PROCESS, syscall(SYS_gettid), 19));
	g->ret = kevent_get_events(g->q, 1, 1, NULL, &uk, 0);
	__atomic_store_n(&g->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *keep_busy(void *arg)
{
	pin_to_cpu(0);
	while (!__atomic_load_n((bool *)arg, __ATOMIC_ACQUIRE))
		;
	return NULL;
}

/* The file was not ready, and its task lets others run before it sleeps again. */
static void wake_beside_work(int q)
{
	struct nice_getter g = { .q = q };
	struct test_thread busy;
	unsigned int asked;
	bool stop = false;

	thread_start(&g.thread, get_nicely, &g);
	wait_blocked(g.thread.tid);
	asked = askfile_asked(&file);
	askfile_hold(&file);
	askfile_wake(&file);
	askfile_await(&file, asked);
	thread_start(&busy, keep_busy, &stop);
	CHECK_SOON(task_state(busy.tid) == 'R');
	askfile_answer(&file);
	CHECK_SOON(kevent_wake(q, 1) == 1);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	CHECK_SOON(__atomic_load_n(&g.over, __ATOMIC_ACQUIRE));
	CHECK_EQ(g.ret, 0);
	thread_join(&g.thread);
	thread_join(&busy);
}

TEST_TIMEOUT(wake_while_it_makes_way, 120)
{
	int q = kev_queue(NULL, 0), i;

	if (cpu_count() < 2)
		SKIP("needs two CPUs");
	askfile_make(&file);
	kev_add_poll(q, file.fd, POLLIN, 0);
	pin_to_cpu(1);
	for (i = 0; i < 10; i++)
		wake_beside_work(q);
}
