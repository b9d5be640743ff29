// SPDX-License-Identifier: GPL-2.0
/* BPF programs at the function that our hook is at: both work, neither waits for good. */
/* vm: --param hook_linger=0 --smp 1 */
#include "bpf.h"
#include "switches.h"

#define PARAMETERS	"hook_linger=0"
#define FUNCTION	"__fput"
#define OTHER_FUNCTION	"vfs_fsync_range"

static const unsigned int kinds_of_program[] = { BPF_TRACE_FENTRY, BPF_TRACE_FEXIT };

/* A program that can be attached, or the test is skipped. */
static int make_program_at(const char *function, unsigned int type)
{
	int program, link;

	program = bpf_load(bpf_function(function), type);
	if (program < 0)
		SKIP("no BPF program: %s", test_errno_name(errno));
	link = bpf_attach(program);
	if (link < 0)
		SKIP("%s can't have a BPF program: %s", function,
		     test_errno_name(errno));
	close(link);
	return program;
}

static int make_program(unsigned int type)
{
	return make_program_at(FUNCTION, type);
}

static int attach(int program)
{
	int link = -1;

	/* it is refused for a moment while our hook comes or goes */
	CHECK_SOON((link = bpf_attach(program)) >= 0);
	return link;
}

/* ---- One by one -------------------------------------------------------------------- */

/* Whoever was there first. */
static void beside(void *arg)
{
	int program = *(int *)arg, q, link;

	link = attach(program);
	q = kev_queue(NULL, 0);
	closes_are_seen(q);
	close(link);
	closes_are_seen(q);
	link = attach(program);
	closes_are_seen(q);
	kev_close(q, NULL);
	/* and without us */
	close(CHECK_OK(eventfd(0, EFD_CLOEXEC)));
	q = kev_queue(NULL, 0);
	closes_are_seen(q);
	kev_close(q, NULL);
	close(link);
}

TEST_TIMEOUT(beside_our_hook, 120)
{
	unsigned int i;
	int program;

	keep_off_tcg();
	for (i = 0; i < ARRAY_SIZE(kinds_of_program); i++) {
		program = make_program(kinds_of_program[i]);
		run_apart_with(PARAMETERS, beside, &program);
	}
}

static void load_beside(void *arg)
{
	int link = attach(*(int *)arg), i, q;

	for (i = 0; i < 3; i++) {
		unload_soon();
		load(PARAMETERS);
		q = kev_queue(NULL, 0);
		closes_are_seen(q);
		kev_close(q, NULL);
	}
	close(link);
}

TEST_TIMEOUT(load_beside_it, 120)
{
	int program = make_program(BPF_TRACE_FEXIT);

	keep_off_tcg();
	run_apart_with(PARAMETERS, load_beside, &program);
}

/* ---- At the same time ---------------------------------------------------------------- */

/**
 * struct attacher - a thread that attaches and detaches as fast as it goes
 * @thread: the thread.
 * @program: what.
 * @stop: to end.
 * @times: how often it was attached.
 */
struct attacher {
	struct test_thread thread;
	int program;
	bool stop;
	int times;
};

static void *attach_and_detach(void *arg)
{
	struct attacher *a = arg;
	int link;

	while (!__atomic_load_n(&a->stop, __ATOMIC_RELAXED)) {
		link = bpf_attach(a->program);
		if (link < 0) {
			/* our hook was just coming */
			sched_yield();
			continue;
		}
		close(link);
		__atomic_add_fetch(&a->times, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void attacher_start(struct attacher *a, int program)
{
	memset(a, 0, sizeof(*a));
	a->program = program;
	thread_start(&a->thread, attach_and_detach, a);
	CHECK_SOON(__atomic_load_n(&a->times, __ATOMIC_RELAXED));
}

static void attacher_stop(struct attacher *a)
{
	__atomic_store_n(&a->stop, true, __ATOMIC_RELAXED);
	thread_join(&a->thread);
	NOTE("attached %d times", a->times);
}

/**
 * struct crowd - programs that are in our way
 * @here: one that comes and goes at our function;
 * @held: beside one that stays there, or the kernel would not ask it;
 * @there: and one at another function: who holds the kernel's lock for all of them
 *	makes the first one wait with its own in hand, so that it can't be asked.
 */
struct crowd {
	struct attacher here;
	struct attacher there;
	int held;
};

struct programs {
	int here;
	int there;
	int held;
};

static struct programs make_programs(void)
{
	return (struct programs){
		.here = make_program(BPF_TRACE_FEXIT),
		.there = make_program_at(OTHER_FUNCTION, BPF_TRACE_FEXIT),
		.held = make_program(BPF_TRACE_FENTRY),
	};
}

static void crowd_start(struct crowd *c, const struct programs *p)
{
	c->held = attach(p->held);
	attacher_start(&c->here, p->here);
	attacher_start(&c->there, p->there);
}

static void crowd_stop(struct crowd *c)
{
	attacher_stop(&c->here);
	attacher_stop(&c->there);
	close(c->held);
}

static bool enough(const struct crowd *c, int rounds)
{
	return rounds >= 20 &&
	       __atomic_load_n(&c->here.times, __ATOMIC_RELAXED) >= 20;
}

/* Each open arms the hook: it has to be had, and to see closes. */
/* There were rounds, and all is well without the programs. */
static void crowd_leaves(struct crowd *c, int rounds)
{
	int q;

	crowd_stop(c);
	CHECK_GT(rounds, 0);
	q = kev_queue(NULL, 0);
	closes_are_seen(q);
	kev_close(q, NULL);
}

static void open_meanwhile(void *arg)
{
	uint64_t end = now_ns() + 40000000000ull;
	struct crowd c;
	int rounds, q, fd;

	crowd_start(&c, arg);
	for (rounds = 0; now_ns() < end && !enough(&c, rounds); rounds++) {
		q = kev_queue(NULL, 0);
		fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
		kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
		close(fd);
		CHECK_EQ(watches_of(q), 0);
		kev_close(q, NULL);
		/* so that it is disarmed between */
		usleep(5000);
	}
	crowd_leaves(&c, rounds);
}

TEST_TIMEOUT(open_while_it_comes_and_goes, 300)
{
	struct programs p = make_programs();

	keep_off_tcg();
	run_apart_with(PARAMETERS, open_meanwhile, &p);
}

static void load_meanwhile(void *arg)
{
	uint64_t end = now_ns() + 40000000000ull;
	struct crowd c;
	int rounds;

	crowd_start(&c, arg);
	for (rounds = 0; now_ns() < end && !enough(&c, rounds); rounds++) {
		unload_soon();
		load(PARAMETERS);
	}
	crowd_leaves(&c, rounds);
}

TEST_TIMEOUT(load_while_it_comes_and_goes, 300)
{
	struct programs p = make_programs();

	keep_off_tcg();
	run_apart_with(PARAMETERS, load_meanwhile, &p);
}
