// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what does a watch add to close(2)?
 *
 * Model: n eventfds are watched. "watched": they are closed without having
 * been removed. "unwatched": n others, which nobody watches, are closed while
 * the watches exist. "remove+close", for io_uring, which holds the file: the
 * polls are removed 64 at a time, then the files are closed.
 *
 * Metric: median of runs of 64, a close, above the same without a mechanism.
 *
 * Does not show: sockets, whose close costs ten times as much by itself.
 */

#include <unistd.h>

#include "bench.h"

static void close_all(struct samples *samples, struct source *s,
		      unsigned int n, struct mech *remove)
{
	unsigned int i, j;

	clock_settle();
	for (i = 0; i < n; i += BATCH) {
		unsigned int here = min(BATCH, n - i);
		uint64_t start = clock_begin(), ticks;

		if (remove)
			remove->ops->remove(remove, &s[i], here);
		for (j = 0; j < here; j++)
			close(s[i + j].rfd);
		ticks = clock_end(start);
		if (here == BATCH)
			samples_add(samples, ticks, here);
	}
}

static void close_run(const struct job *job, struct results *res)
{
	unsigned int n = job->size->n;
	struct mech *m = job->ops->open(job->ops, n);
	struct source *s = sources_make(&source_eventfd, n);
	struct source *other = sources_make(&source_eventfd, n);
	bool ends = job->ops->caps & MECH_CLOSE;
	struct samples samples;

	samples_init(&samples, n / BATCH + 1);
	mech_add_all(m, s, n);
	close_all(&samples, other, n, NULL);
	result_add(res, "close", "unwatched", clock_name(),
		   samples_median(&samples));
	samples.num = 0;
	close_all(&samples, s, n, ends ? NULL : m);
	result_add(res, "close", ends ? "watched" : "remove+close",
		   clock_name(), samples_median(&samples));
	samples_free(&samples);
	m->ops->close(m);
}

static const struct work_case sizes[] = {
	{ .n = 1000, .level = LEVEL_ALL },
	{ .n = 10000, .level = LEVEL_QUICK },
	{ .n = 100000, .level = LEVEL_ALL },
	{ 0 }
};

const struct work work_close = {
	.names = { "close" },
	.help = "close of watched files, and of others meanwhile",
	.caps = MECH_CHANGES,
	.bare = true,
	.cases = sizes,
	.run = close_run,
};
