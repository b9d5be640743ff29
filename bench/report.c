// SPDX-License-Identifier: GPL-2.0
/* Figures: a line for the reader, and one JSON object a line for programs. */

#include <string.h>

#include "bench.h"

static FILE *json;

void result_add(struct results *res, const char *workload, const char *mode,
		const char *metric, double value)
{
	if (res->num == RESULTS_MAX)
		die("too many results");
	res->r[res->num++] = (struct result){ workload, mode, metric, value };
}

void report_open(const char *path, unsigned int repeat)
{
	json = strcmp(path, "-") ? fopen(path, "w") : stdout;
	if (!json)
		die_errno(path);
	info_write(json, repeat);
}

void report_close(void)
{
	if (json && (fflush(json) || ferror(json)))
		die("could not write the figures");
}

static const char *row_mode(const struct job *job, const struct result *r)
{
	if (job->size->mode)
		return job->size->mode;
	return r->mode ? r->mode : job->ops->mode;
}

static void report_json(const struct job *job, const struct result *r,
			const struct figure *fig)
{
	fprintf(json, "{\"workload\":\"%s\",", r->workload);
	fprintf(json, "\"mechanism\":\"%s\",\"mode\":\"%s\",", job->ops->name,
		row_mode(job, r));
	fprintf(json, "\"n\":%u,\"k\":%u,\"metric\":\"%s\",\"value\":%.2f,",
		job->size->n, job->size->k, r->metric, fig->value);
	if (fig->num > 1)
		fprintf(json, "\"low\":%.2f,\"high\":%.2f,", fig->low,
			fig->high);
	fprintf(json, "\"took\":%.3f,", fig->took);
	if (fig->bare)
		fprintf(json, "\"bare\":%.1f}\n", *fig->bare);
	else
		fprintf(json, "\"bare\":null}\n");
	fflush(json);
}

void report_row(const struct job *job, const struct result *r,
		const struct figure *fig)
{
	if (json)
		report_json(job, r, fig);
	if (json == stdout)
		return;
	printf("%-9s n=%-6u k=%-5u %-14s %-15s %12.1f %s", r->workload,
	       job->size->n, job->size->k, job->ops->name, row_mode(job, r),
	       fig->value, r->metric);
	if (fig->num > 1 && fig->value)
		printf(" (spread %.1f%%)",
		       (fig->high - fig->low) * 100 / fig->value);
	if (fig->bare)
		printf(" (bare %.1f)", *fig->bare);
	printf("\n");
	fflush(stdout);
}
