// SPDX-License-Identifier: GPL-2.0
/* Tests that ADD of a POSIX timer keeps interrupts off for a moment, however many there are. */
#include "../source/posix_timer.h"
#include "probe.h"

#include <sys/resource.h>

/*
 * ADD takes the timer that was made first, which whoever looks at all of the process'
 * timers finds last.  While that is done again and again, others are late by about
 * half of what each ADD keeps interrupts off: the median tells, as a busy host makes
 * some of them late.  It may make most of them late, so the best of some tries counts,
 * and those of a process with few timers are among those of one with many.
 */
enum {
	FEW = 10,
	MANY = 100000,
	TRIES = 6,
};

/* Far less than a look at so many takes in a virtual machine. */
#define SLACK MS

static int first_timer;

static void allow_timers(void)
{
	struct rlimit limit = { .rlim_cur = 2 * MANY, .rlim_max = 2 * MANY };

	CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
}

static void make_timers(int from, int to)
{
	int id;

	for (; from < to; from++) {
		id = pt_create(CLOCK_MONOTONIC);
		if (!from)
			first_timer = id;
	}
}

/* Adds and removes until the last probe is due.  Returns the median. */
static uint64_t lateness(const char *what)
{
	uint64_t from, to, median;
	int q = kev_queue(NULL, 0), n = 0;
	struct probe p;

	probe_start(&p);
	from = now_ns();
	do {
		pt_add(q, first_timer, 0);
		kev_remove(q, KEVENT_POSIX_TIMER, first_timer);
		n++;
		to = now_ns();
	} while (to < p.start + PROBES * (uint64_t)SPACING);
	median = probe_median(&p, from, to);
	NOTE("%s: %d ADDs of %llu ns, others are late by %llu ns", what, n,
	     (unsigned long long)(to - from) / n, (unsigned long long)median);
	close(q);
	return median;
}

static void keep_least(uint64_t *least, uint64_t late)
{
	if (late < *least)
		*least = late;
}

/* In a process of its own, which has no other timers. */
static void with_few(void *arg)
{
	make_timers(0, FEW);
	keep_least(arg, lateness("few timers"));
}

TEST_TIMEOUT(add, 120)
{
	const struct sched_param idle = { 0 };
	uint64_t many = ~0ull, *few;
	int i;

	few = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		   -1, 0);
	CHECK(few != MAP_FAILED);
	*few = ~0ull;
	pin_to_cpu(0);
	/* timers that are told of in a thread of the kernel have it when they want */
	CHECK_EQ(sched_setscheduler(0, SCHED_IDLE, &idle), 0);
	allow_timers();
	pt_block();
	make_timers(0, MANY);
	for (i = 0; i < TRIES; i++) {
		wait_child(start_child(with_few, few));
		keep_least(&many, lateness("many timers"));
	}
	if (many > 3 * *few + SLACK)
		FAIL("interrupts are off for as long as the process has timers");
}
