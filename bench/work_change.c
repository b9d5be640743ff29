// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what do registering, changing and removing a watch cost?
 *
 * Model: n eventfds, none of them ready, are added one after the other, all
 * are modified (POLLPRI more, then less), all are removed, in the same order.
 * "single": a call each. "batch64": 64 in one call, where the mechanism has
 * such a call. For io_uring the call is io_uring_enter(2) and the completions
 * of changes and removals are taken and checked as part of it.
 *
 * Metric: median of runs of 64, a file. Nothing is subtracted.
 *
 * Does not show: files added again later (allocations are recycled then), and
 * contention.
 */

#include "bench.h"

struct change {
	struct mech *m;
	struct source *s;
	unsigned int n, chunk;
	struct samples samples;
};

typedef void (*change_fn)(struct mech *m, struct source *s, unsigned int num);

static void do_add(struct mech *m, struct source *s, unsigned int num)
{
	m->ops->add(m, s, num);
}

static void do_more(struct mech *m, struct source *s, unsigned int num)
{
	m->ops->modify(m, s, num, true);
}

static void do_less(struct mech *m, struct source *s, unsigned int num)
{
	m->ops->modify(m, s, num, false);
}

static void do_remove(struct mech *m, struct source *s, unsigned int num)
{
	m->ops->remove(m, s, num);
}

static void change_all(struct change *c, change_fn fn)
{
	unsigned int i, j;

	clock_settle();
	for (i = 0; i < c->n; i += BATCH) {
		unsigned int here = min(BATCH, c->n - i);
		uint64_t start = clock_begin(), ticks;

		for (j = 0; j < here; j += c->chunk)
			fn(c->m, &c->s[i + j], min(c->chunk, here - j));
		ticks = clock_end(start);
		if (here == BATCH)
			samples_add(&c->samples, ticks, here);
	}
}

static void change_run(const struct job *job, struct results *res)
{
	unsigned int n = job->size->n;
	struct change c = {
		.m = job->ops->open(job->ops, n),
		.s = sources_make(&source_eventfd, n),
		.n = n,
		.chunk = job->size->k,
	};
	static const struct {
		const char *name;
		change_fn fn[2];
	} steps[] = {
		{ "add", { do_add } },
		{ "modify", { do_more, do_less } },
		{ "delete", { do_remove } },
	};
	unsigned int i;

	samples_init(&c.samples, 2 * n / BATCH + 1);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		c.samples.num = 0;
		change_all(&c, steps[i].fn[0]);
		if (steps[i].fn[1])
			change_all(&c, steps[i].fn[1]);
		result_add(res, steps[i].name, NULL, clock_name(),
			   samples_median(&c.samples));
	}
	samples_free(&c.samples);
	c.m->ops->close(c.m);
}

static const struct work_case sizes[] = {
	{ .n = 1000, .k = 1, .mode = "single", .level = LEVEL_ALL },
	{ .n = 1000, .k = BATCH, .mode = "batch64", .level = LEVEL_ALL,
	  .caps = MECH_BATCH },
	{ .n = 10000, .k = 1, .mode = "single", .level = LEVEL_QUICK },
	{ .n = 10000, .k = BATCH, .mode = "batch64", .level = LEVEL_QUICK,
	  .caps = MECH_BATCH },
	{ .n = 100000, .k = 1, .mode = "single", .level = LEVEL_DEFAULT },
	{ .n = 100000, .k = BATCH, .mode = "batch64", .level = LEVEL_DEFAULT,
	  .caps = MECH_BATCH },
	{ 0 }
};

const struct work work_change = {
	.names = { "add", "modify", "delete" },
	.help = "n eventfds registered, changed, removed; k in a call",
	.caps = MECH_CHANGES,
	.cases = sizes,
	.run = change_run,
};
