// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what does it cost to learn that a file has become readable?
 *
 * Model: n files are watched. In each round k of them are written to, the
 * mechanism hands over k events, which are checked, and the k files are read.
 * Which k: spread evenly over the n, one further on in each round, as in the
 * benchmark that comes with libevent. All of it in one thread; nothing sleeps.
 *
 *	pipe, eventfd, unix, tcp	n = k = 1
 *	libevent			pipes; n registered, k active
 *	batch				eventfds; n = k ready at once
 *	ready				eventfds, level-triggered; one more is never read,
 *					and so has an event in each round
 *	overflow			eventfds; n = k ready at once; "full": the
 *					mechanism has room for fewer
 *
 * Metric: median of short runs, an event, above the same writes and reads of
 * the same n files with no mechanism.
 *
 * Does not show: what a cache miss costs, sleeping and waking (pingpong), more
 * CPUs than one, registration (add).
 */

#include "bench.h"

#define RUNS		31u
#define RUN_EVENTS	64u		/* at least, in a run */
#define MANY		10000u		/* files: shorter runs, for poll(2) */
#define VERY_MANY	100000u
#define EVENTS_MAX	60000u		/* then fewer runs do */

struct rounds {
	struct source *s, *always;
	unsigned int n, k, space, first, num_always;
	struct mech *m;
};

static unsigned int next_source(const struct rounds *r, unsigned int i)
{
	i += r->space;
	return i < r->n ? i : i - r->n;
}

static void one_round(struct rounds *r)
{
	struct tally t = { .want = r->k + r->num_always };
	unsigned int i, j;

	for (i = 0; i < r->num_always; i++)
		r->always[i].armed = 1;
	for (i = 0, j = r->first; i < r->k; i++, j = next_source(r, j))
		source_fire(&r->s[j]);
	r->m->ops->collect(r->m, &t);
	tally_check(&t);
	for (i = 0, j = r->first; i < r->k; i++, j = next_source(r, j))
		source_drain(&r->s[j]);
	if (++r->first == r->n)
		r->first = 0;
}

/* Files that are ready all the time: nobody reads them. */
static void add_always(struct rounds *r, unsigned int num)
{
	unsigned int i;

	r->num_always = num;
	r->always = sources_make(&source_eventfd, num);
	for (i = 0; i < num; i++)
		source_fire(&r->always[i]);
	mech_add_all(r->m, r->always, num);
}

static unsigned int events_of_run(unsigned int n)
{
	if (n >= VERY_MANY)
		return RUN_EVENTS / 16;
	return n < MANY ? RUN_EVENTS : RUN_EVENTS / 4;
}

static void event_run(const struct job *job, struct results *res)
{
	unsigned int n = job->size->n, k = job->size->k, i, j, rounds, runs;
	struct rounds r = { .n = n, .k = k, .space = n / k };
	struct samples samples;

	r.s = sources_make(job->work->source, n);
	r.m = job->ops->open(job->ops,
			   job->size->room ?: n + job->size->always);
	mech_add_all(r.m, r.s, n);
	add_always(&r, job->size->always);
	clock_settle();

	rounds = max(events_of_run(n) / k, 1u);
	runs = max(min(RUNS, EVENTS_MAX / (rounds * k)), 5u);
	samples_init(&samples, runs);
	for (i = 0; i < 2 * rounds; i++)
		one_round(&r);
	for (i = 0; i < runs; i++) {
		uint64_t start = clock_begin();

		for (j = 0; j < rounds; j++)
			one_round(&r);
		samples_add(&samples, clock_end(start),
			    rounds * (k + r.num_always));
	}
	result_add(res, job->work->names[0], NULL, clock_name(),
		   samples_median(&samples));
	samples_free(&samples);
	r.m->ops->close(r.m);
}

static const struct work_case one[] = {
	{ .n = 1, .k = 1, .level = LEVEL_QUICK },
	{ 0 }
};

/*
 * A pipe's times are set once in a tick: of 1,000, in some of the runs and not in others. Of
 * 100 in hardly any, and of 2,000, few of which are used twice, in nearly all.
 */
static const struct work_case libevent_sizes[] = {
	{ .n = 100, .k = 1, .level = LEVEL_DEFAULT },
	{ .n = 100, .k = 100, .level = LEVEL_ALL },
	{ .n = 2000, .k = 1, .level = LEVEL_ALL },
	{ .n = 1000, .k = 100, .level = LEVEL_QUICK },
	{ .n = 1000, .k = 1000, .level = LEVEL_ALL },
	{ .n = 10000, .k = 1, .level = LEVEL_DEFAULT },
	{ .n = 10000, .k = 10, .level = LEVEL_ALL },
	{ .n = 10000, .k = 100, .level = LEVEL_ALL },
	{ .n = 10000, .k = 1000, .level = LEVEL_ALL },
	{ .n = 10000, .k = 10000, .level = LEVEL_DEFAULT },
	{ .n = 100000, .k = 1, .level = LEVEL_ALL },
	{ 0 }
};

static const struct work_case batch_sizes[] = {
	{ .n = 1, .k = 1, .level = LEVEL_ALL },
	{ .n = 8, .k = 8, .level = LEVEL_DEFAULT },
	{ .n = 64, .k = 64, .level = LEVEL_DEFAULT },
	{ .n = 512, .k = 512, .level = LEVEL_QUICK },
	{ 0 }
};

static const struct work_case ready_sizes[] = {
	{ .n = 1, .k = 1, .level = LEVEL_QUICK, .always = 1 },
	{ .n = 64, .k = 64, .level = LEVEL_DEFAULT, .always = 1 },
	{ 0 }
};

static const struct work_case overflow_sizes[] = {
	{ .n = 1024, .k = 1024, .mode = "room", .level = LEVEL_QUICK },
	{ .n = 1024, .k = 1024, .mode = "full", .level = LEVEL_QUICK,
	  .room = 1 },
	{ 0 }
};

#define WORK_EVENT(_name, _help, _source, _caps, _not, _cases)		\
{									\
	.names = { (_name) },						\
	.help = (_help),						\
	.caps = MECH_EVENTS | (_caps),					\
	.not_caps = (_not),						\
	.bare = true,							\
	.cases = (_cases),						\
	.source = (_source),						\
	.run = event_run,						\
}

const struct work work_pipe =
	WORK_EVENT("pipe", "one byte into a pipe, one event, one read",
		   &source_pipe, 0, MECH_SOCKET, one);
const struct work work_eventfd =
	WORK_EVENT("eventfd", "the same with an eventfd",
		   &source_eventfd, 0, MECH_SOCKET | MECH_PIPE, one);
const struct work work_unix =
	WORK_EVENT("unix", "the same with a stream socketpair",
		   &source_unix, 0, MECH_PIPE, one);
const struct work work_tcp =
	WORK_EVENT("tcp", "the same with a connection over loopback",
		   &source_tcp, 0, MECH_PIPE, one);
const struct work work_libevent =
	WORK_EVENT("libevent", "n pipes registered, k active",
		   &source_pipe, 0, MECH_SOCKET | MECH_PIPE, libevent_sizes);
const struct work work_batch =
	WORK_EVENT("batch", "n eventfds ready at once, collected at once",
		   &source_eventfd, 0, MECH_SOCKET | MECH_PIPE, batch_sizes);
const struct work work_ready =
	WORK_EVENT("ready", "the same, and a level-triggered eventfd that is ready all the time",
		   &source_eventfd, MECH_LEVEL,
		   MECH_SOCKET | MECH_PIPE | MECH_CONTRACT, ready_sizes);
const struct work work_overflow =
	WORK_EVENT("overflow", "n eventfds ready at once, with room for them, or for few",
		   &source_eventfd, 0,
		   MECH_SOCKET | MECH_PIPE | MECH_LEVEL | MECH_CONTRACT,
		   overflow_sizes);
