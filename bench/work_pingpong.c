// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what does a round trip cost when both sides sleep?
 *
 * Model: two threads on one CPU, SCHED_BATCH. Each sleeps in its mechanism
 * until its eventfd is readable, reads it, and writes to the other's. Bare:
 * both sleep in read(2) of the eventfd itself.
 *
 * Metric: median of short runs, a whole round trip: two writes, two sleeps,
 * two events, two reads. Nothing is subtracted.
 *
 * Does not show: waking a thread on another CPU. The default policy is left
 * out because there a wake-up preempts, or not, by chance.
 */

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>

#include "bench.h"

#define RUNS	41u
#define TRIPS	32u

struct side {
	const struct mech_ops *ops;
	struct source *mine, *other;
	struct mech *m;
	unsigned int trips;
};

static void side_open(struct side *side)
{
	struct sched_param param = { 0 };

	if (sched_setscheduler(0, SCHED_BATCH, &param) < 0)
		die_errno("SCHED_BATCH");
	side->m = side->ops->open(side->ops, 1);
	side->m->ops->add(side->m, side->mine, 1);
}

static void side_wait(struct side *side)
{
	struct tally t = { .want = 1 };

	if (side->ops->wait) {
		do {
			side->ops->wait(side->m, &t);
		} while (unlikely(!t.seen));
		tally_check(&t);
	}
	source_drain(side->mine);
}

static void *answer(void *arg)
{
	struct side *side = arg;
	unsigned int i;

	side_open(side);
	source_fire(side->other);
	for (i = 0; i < side->trips; i++) {
		side_wait(side);
		source_fire(side->other);
	}
	return NULL;
}

static double measure(struct side *side)
{
	struct samples samples;
	unsigned int i, j;
	double median;

	samples_init(&samples, RUNS);
	for (i = 0; i < RUNS + 1; i++) {
		uint64_t start = clock_begin(), ticks;

		for (j = 0; j < TRIPS; j++) {
			source_fire(side->other);
			side_wait(side);
		}
		ticks = clock_end(start);
		if (i)
			samples_add(&samples, ticks, TRIPS);
	}
	median = samples_median(&samples);
	samples_free(&samples);
	return median;
}

static void block_reads(struct source *s)
{
	if (fcntl(s->rfd, F_SETFL, 0) < 0)
		die_errno("fcntl");
}

static void pingpong_run(const struct job *job, struct results *res)
{
	struct source *s = sources_make(&source_eventfd, 2);
	struct side ping = { job->ops, &s[0], &s[1], NULL, 0 };
	struct side pong = { job->ops, &s[1], &s[0], NULL,
			     (RUNS + 1) * TRIPS };
	pthread_t thread;

	if (!job->ops->wait) {
		block_reads(&s[0]);
		block_reads(&s[1]);
	}
	side_open(&ping);
	if (pthread_create(&thread, NULL, answer, &pong))
		die("pthread_create");
	side_wait(&ping);
	result_add(res, "pingpong", NULL, clock_total(), measure(&ping));
	pthread_join(thread, NULL);
	pong.m->ops->close(pong.m);
	ping.m->ops->close(ping.m);
}

static const struct work_case sizes[] = {
	{ .n = 2, .k = 1, .level = LEVEL_QUICK },
	{ 0 }
};

const struct work work_pingpong = {
	.names = { "pingpong" },
	.help = "two threads that wake each other through eventfds",
	.caps = MECH_BLOCK,
	.bare = true,
	.total = true,
	.cases = sizes,
	.run = pingpong_run,
};
