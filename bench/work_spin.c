// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what does it cost to look for events again and again, and never to
 * sleep?
 *
 * Model: the thread of CPU 0 looks for events of n eventfds, until it is told to
 * end: at the ring, by epoll_wait(2) with a timeout of 0, and so on.
 *	idle	there are none
 *	loaded	the thread of CPU 1 writes to one, waits until the other has seen
 *		the event and read the file, and writes to the next
 * Where QEMU counts instructions, each gives the other its turn when it has
 * nothing to do: the looks between two events are then always as many.
 *
 * Metric: median of short runs, a look (idle) or an event (loaded), of both
 * threads, above the same with a word in memory that says that there is something.
 * "calls": system calls of the thread that looks, likewise, as the kernel's trace
 * event counts them.
 *
 * Does not show: how long the event is on its way, and how many looks are in
 * vain meanwhile.
 */

#include <unistd.h>

#include "bench.h"

#define RUNS	21u
#define EVENTS	64u		/* in a run */
#define LOOKS	(RUNS * EVENTS)	/* in which calls are counted */

struct spin {
	struct mech *m;
	struct source *s;
	unsigned int n;
	uint32_t fired;		/* so many events were made */
	uint32_t taken;		/* so many were seen, and their files read */
	bool end;
};

/* Without a mechanism, a word in memory tells. */
static bool spin_look(struct spin *spin)
{
	struct tally t = { .want = 1 };

	if (!spin->m->ops->look)
		return __atomic_load_n(&spin->fired, __ATOMIC_ACQUIRE) !=
		       spin->taken;
	spin->m->ops->look(spin->m, &t);
	if (!t.seen)
		return false;
	tally_check(&t);
	return true;
}

/* Takes num events. */
static void spin_take(struct spin *spin, unsigned int num)
{
	while (num) {
		if (!spin_look(spin)) {
			cpu_relax();
			continue;
		}
		num--;
		source_drain(&spin->s[spin->taken % spin->n]);
		__atomic_store_n(&spin->taken, spin->taken + 1,
				 __ATOMIC_RELEASE);
	}
}

static void *spin_producer(void *arg)
{
	struct spin *spin = arg;

	while (!__atomic_load_n(&spin->end, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&spin->taken, __ATOMIC_ACQUIRE) !=
		    spin->fired) {
			cpu_relax();
			continue;
		}
		source_fire(&spin->s[spin->fired % spin->n]);
		__atomic_store_n(&spin->fired, spin->fired + 1,
				 __ATOMIC_RELEASE);
	}
	return NULL;
}

static void spin_idle(struct spin *spin, unsigned int looks)
{
	while (looks--) {
		if (spin_look(spin))
			die("an event that nobody made");
	}
}

typedef void (*spin_fn)(struct spin *spin, unsigned int num);

static void spin_measure(struct spin *spin, struct results *res,
			 const char *mode, spin_fn fn)
{
	struct samples samples;
	unsigned int i;

	samples_init(&samples, RUNS);
	for (i = 0; i < RUNS + 1; i++) {
		uint64_t start = clock_begin(), ticks;

		fn(spin, EVENTS);
		ticks = clock_end(start);
		if (i)
			samples_add(&samples, ticks, EVENTS);
	}
	result_add(res, "spin", mode, clock_name(), samples_median(&samples));
	samples_free(&samples);
}

/* While another CPU makes events. */
static void spin_load(struct spin *spin, struct results *res)
{
	pthread_t producer;

	spin->end = false;
	producer = cpu_start(1, spin_producer, spin);
	if (res)
		spin_measure(spin, res, "loaded", spin_take);
	else
		spin_take(spin, LOOKS);
	__atomic_store_n(&spin->end, true, __ATOMIC_RELEASE);
	pthread_join(producer, NULL);
	spin_take(spin, spin->fired - spin->taken);
}

/* System calls of this thread, of each look or event. */
static void spin_calls(struct spin *spin, struct results *res, const char *mode,
		       bool load)
{
	static const char *const any[] = { "common_pid", NULL };
	struct trace t = { .event = "raw_syscalls/sys_enter" };

	snprintf(t.hist, sizeof(t.hist), "hist:keys=common_pid if common_pid == %d",
		 (int)gettid());
	if (!trace_begin(&t))
		return;
	if (load)
		spin_load(spin, NULL);
	else
		spin_idle(spin, LOOKS);
	result_add(res, "spin", mode, "calls",
		   (double)trace_count(&t, any) / LOOKS);
	trace_end(&t);
}

static void spin_run(const struct job *job, struct results *res)
{
	struct spin spin = {
		.m = job->ops->open(job->ops, job->size->n),
		.s = sources_make(&source_eventfd, job->size->n),
		.n = job->size->n,
	};

	cpu_stay(0);
	mech_add_all(spin.m, spin.s, spin.n);
	clock_settle();
	spin_measure(&spin, res, "idle", spin_idle);
	spin_load(&spin, res);
	spin_calls(&spin, res, "idle", false);
	spin_calls(&spin, res, "loaded", true);
	spin.m->ops->close(spin.m);
}

static const struct work_case sizes[] = {
	{ .n = 16, .k = 1, .level = LEVEL_QUICK, .cpus = 2 },
	{ 0 }
};

const struct work work_spin = {
	.names = { "spin" },
	.help = "a thread that looks for events and never sleeps; another CPU makes them",
	.caps = MECH_LOOK,
	.bare = true,
	.cases = sizes,
	.run = spin_run,
};
