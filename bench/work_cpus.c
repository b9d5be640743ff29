// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what does an event cost when all CPUs make some at the same time?
 *
 * Model: on each of n CPUs a thread writes to 64 eventfds of its own, one after
 * the other.
 *	one	one queue has them all. The thread of CPU 0 also takes events: what
 *		is there, after every k of its own writes, and at the end the rest
 *	own	each CPU has a queue of its own, and its thread does that with it
 * The files are read between the rounds, which is not measured.
 *
 * Metric: median of rounds, the instructions (or ns) of all CPUs, an event, above
 * the same writes with no mechanism. Where QEMU counts them, the CPUs change after
 * each write, so none waits for a lock. "taken": how often, in 1,000 events, a
 * mechanism found a lock of the kernel taken, and waited, in more such rounds. In
 * these QEMU's CPUs change at any place, but only now and then: the figure grows
 * with the part of the time in which such a lock is held, and is to be compared
 * with that of another mechanism, not with one of a real machine.
 *
 * Does not show: the time that a lock, or anything else that several CPUs write
 * to, needs to get from one CPU's cache to another's.
 */

#include "bench.h"

#define FILES	64u		/* of each CPU */
#define ROUNDS	41u
#define TRACED	64u		/* rounds in which locks are looked at */

struct cpus {
	const struct job *job;
	unsigned int n;
	bool own;
	struct source *s;
	uint32_t go;		/* the round that may begin */
	uint32_t done;		/* threads that have ended it */
	uint32_t rounds;	/* that come; 0: none any more */
	bool slices;
	pthread_barrier_t start; /* between them threads sleep */
};

struct cpu {
	struct cpus *all;
	unsigned int cpu;
	struct mech *m;		/* or NULL: it has none */
	unsigned int want;	/* events of a round */
	pthread_t thread;
};

static void cpu_open(struct cpu *c)
{
	struct cpus *all = c->all;
	unsigned int from = c->cpu * FILES, num = FILES;

	if (!all->own) {
		if (c->cpu)
			return;
		num *= all->n;
	}
	c->want = num;
	c->m = all->job->ops->open(all->job->ops, num);
	mech_add_all(c->m, all->s + from, num);
}

static void cpu_look(struct cpu *c, struct tally *t)
{
	if (c->m->ops->look)
		c->m->ops->look(c->m, t);
}

static void cpu_round(struct cpu *c)
{
	struct source *s = c->all->s + c->cpu * FILES;
	struct tally t = { .want = c->want };
	unsigned int i;

	for (i = 1; i <= FILES; i++) {
		source_fire(s++);
		if (c->m && i % c->all->job->size->k == 0)
			cpu_look(c, &t);
		cpu_relax();
	}
	if (!c->m)
		return;
	if (t.seen < t.want)
		c->m->ops->collect(c->m, &t);
	tally_check(&t);
}

static void cpu_wait(const uint32_t *word, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		cpu_relax();
}

static void *cpu_thread(void *arg)
{
	struct cpu *c = arg;
	struct cpus *all = c->all;
	uint32_t left, round = 0;

	cpu_open(c);
	for (;;) {
		pthread_barrier_wait(&all->start);
		left = all->rounds;
		if (!left)
			return NULL;
		if (all->slices)
			cpu_slices();
		while (left--) {
			cpu_wait(&all->go, ++round);
			cpu_round(c);
			__atomic_fetch_add(&all->done, 1, __ATOMIC_RELEASE);
		}
	}
}

static void all_start(struct cpus *all, uint32_t rounds)
{
	all->rounds = rounds;
	pthread_barrier_wait(&all->start);
}

/* Returns what all CPUs took for a round. */
static uint64_t all_round(struct cpus *all, struct cpu *first)
{
	unsigned int i;
	uint64_t start, ticks;

	all->done = 1;
	start = clock_begin();
	__atomic_fetch_add(&all->go, 1, __ATOMIC_RELEASE);
	cpu_round(first);
	cpu_wait(&all->done, all->n);
	ticks = clock_end(start);
	for (i = 0; i < all->n * FILES; i++)
		source_drain(&all->s[i]);
	return ticks;
}

/* Where the kernel waits for a lock; the first two are one, by architecture. */
static const char *const slow_paths[] = {
	"native_queued_spin_lock_slowpath", "queued_spin_lock_slowpath",
	"queued_read_lock_slowpath", "queued_write_lock_slowpath", NULL
};

/* In the stack of who waits. */
static const char *const ours[] = { "[kevent]", "ep_", "epoll", "io_", NULL };

static void all_taken(struct cpus *all, struct cpu *first, struct results *res)
{
	struct trace t = { "kprobes/" TRACE_PROBE, "hist:keys=stacktrace" };
	unsigned int i;

	if (!trace_probe(slow_paths) || !trace_begin(&t))
		return;
	all->slices = true;
	all_start(all, TRACED);
	cpu_slices();
	for (i = 0; i < TRACED; i++)
		all_round(all, first);
	result_add(res, "cpus", NULL, "taken", 1000.0 *
		   (double)trace_count(&t, ours) / (TRACED * FILES * all->n));
	trace_end(&t);
}

static void all_measured(struct cpus *all, struct cpu *first,
			 struct results *res)
{
	struct samples samples;
	unsigned int i;

	samples_init(&samples, ROUNDS);
	all_start(all, ROUNDS + 1);
	for (i = 0; i < ROUNDS + 1; i++) {
		uint64_t ticks = all_round(all, first);

		if (i)
			samples_add(&samples, ticks, all->n * FILES);
	}
	result_add(res, "cpus", NULL, clock_name(), samples_median(&samples));
	samples_free(&samples);
}

static void cpus_run(const struct job *job, struct results *res)
{
	struct cpus all = {
		.job = job,
		.n = job->size->n,
		.own = job->size->mode[1] == 'w',
		.s = sources_make(&source_eventfd, job->size->n * FILES),
	};
	struct cpu *cpu = xcalloc(all.n, sizeof(*cpu));
	unsigned int i;

	pthread_barrier_init(&all.start, NULL, all.n);
	for (i = 0; i < all.n; i++)
		cpu[i] = (struct cpu){ .all = &all, .cpu = i };
	for (i = 1; i < all.n; i++)
		cpu[i].thread = cpu_start(i, cpu_thread, &cpu[i]);
	cpu_stay(0);
	cpu_open(&cpu[0]);
	clock_settle();
	all_measured(&all, &cpu[0], res);
	all_taken(&all, &cpu[0], res);
	all_start(&all, 0);
	for (i = 1; i < all.n; i++)
		pthread_join(cpu[i].thread, NULL);
	for (i = 0; i < all.n; i++) {
		if (cpu[i].m)
			cpu[i].m->ops->close(cpu[i].m);
	}
}

static const struct work_case sizes[] = {
	{ .n = 2, .k = 8, .mode = "one", .level = LEVEL_DEFAULT, .cpus = 2 },
	{ .n = 4, .k = 8, .mode = "one", .level = LEVEL_QUICK, .cpus = 4 },
	{ .n = 2, .k = 8, .mode = "own", .level = LEVEL_DEFAULT, .cpus = 2 },
	{ .n = 4, .k = 8, .mode = "own", .level = LEVEL_QUICK, .cpus = 4 },
	{ 0 }
};

const struct work work_cpus = {
	.names = { "cpus" },
	.help = "n CPUs make events at once, for one queue or one each; k writes, then a look",
	.caps = MECH_LOOK,
	.not_caps = MECH_LEVEL,
	.bare = true,
	.cases = sizes,
	.run = cpus_run,
};
