// SPDX-License-Identifier: GPL-2.0
/*
 * Question: how much kernel memory does a registration take?
 *
 * Model: n eventfds are made, and the mechanism is opened for n; what the
 * kernel holds then and after adding them all differs by n registrations and
 * by the tables that grew for them.
 *
 * Metric: bytes a registration. "slab": objects of all slab caches
 * (/proc/slabinfo), by their size. "free": pages that are no longer free
 * (/proc/zoneinfo): tables by vmalloc and per CPU, and what slabs hold in
 * reserve, included.
 *
 * Does not show: the ring, which is there before and belongs to the queue (64
 * bytes a slot for kevent, 16 for io_uring).
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define SETTLES	5	/* times 400 ms: RCU, work items, per-CPU lists */

static double slab_bytes(void)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	unsigned long active, num, size;
	double sum = 0;
	char line[512];

	if (!f)
		die_errno("/proc/slabinfo");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %lu %lu %lu", &active, &num, &size) == 3)
			sum += (double)active * (double)size;
	}
	fclose(f);
	return sum;
}

/* The counters of CPUs are added up when this is read. */
static void refresh_counters(void)
{
	FILE *f = fopen("/proc/sys/vm/stat_refresh", "r");

	if (!f)
		return;
	fgetc(f);
	fclose(f);
}

/* Free pages, those that CPUs keep at hand among them. */
static double free_bytes(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	unsigned long pages;
	double sum = 0;
	char line[256];

	if (!f)
		die_errno("/proc/zoneinfo");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " nr_free_pages %lu", &pages) == 1 ||
		    sscanf(line, " count: %lu", &pages) == 1)
			sum += (double)pages;
	}
	fclose(f);
	return sum * (double)sysconf(_SC_PAGESIZE);
}

/* What is freed late must be freed by now. */
static void settle(void)
{
	int i;

	for (i = 0; i < SETTLES; i++)
		clock_settle();
	refresh_counters();
}

static void memory_run(const struct job *job, struct results *res)
{
	unsigned int n = job->size->n;
	struct source *s = sources_make(&source_eventfd, n);
	struct mech *m = job->ops->open(job->ops, n);
	double slab, free;

	slab_bytes();
	free_bytes();
	settle();
	slab = slab_bytes();
	free = free_bytes();
	mech_add_all(m, s, n);
	settle();
	slab = slab_bytes() - slab;
	free -= free_bytes();
	result_add(res, "memory", "slab", "bytes", slab / n);
	result_add(res, "memory", "free", "bytes", free / n);
	m->ops->close(m);
}

static const struct work_case sizes[] = {
	{ .n = 50000, .level = LEVEL_QUICK },
	{ 0 }
};

const struct work work_memory = {
	.names = { "memory" },
	.help = "kernel memory of n registered eventfds",
	.caps = MECH_CHANGES,
	.own_clock = true,
	.cases = sizes,
	.run = memory_run,
};
