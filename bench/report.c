// SPDX-License-Identifier: GPL-2.0
/* Figures: a line for the reader, and one JSON object a line for programs. */

#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

static FILE *json;

void result_add(struct results *res, const char *workload, const char *mode,
		const char *metric, double value)
{
	if (res->num == RESULTS_MAX)
		die("too many results");
	res->r[res->num++] = (struct result){ workload, mode, metric, value };
}

void report_open(const char *path)
{
	json = strcmp(path, "-") ? fopen(path, "w") : stdout;
	if (!json)
		die_errno(path);
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
			double value, const double *bare)
{
	struct utsname uts;

	uname(&uts);
	fprintf(json, "{\"kernel\":\"%s\",\"workload\":\"%s\",", uts.release,
		r->workload);
	fprintf(json, "\"mechanism\":\"%s\",\"mode\":\"%s\",", job->ops->name,
		row_mode(job, r));
	fprintf(json, "\"n\":%u,\"k\":%u,\"metric\":\"%s\",\"value\":%.2f,",
		job->size->n, job->size->k, r->metric, value);
	if (bare)
		fprintf(json, "\"bare\":%.1f}\n", *bare);
	else
		fprintf(json, "\"bare\":null}\n");
	fflush(json);
}

void report_row(const struct job *job, const struct result *r,
		const double *bare)
{
	double value = r->value;

	if (bare && !job->work->total)
		value -= *bare;
	if (json)
		report_json(job, r, value, bare);
	if (json == stdout)
		return;
	printf("%-9s n=%-6u k=%-5u %-14s %-12s %12.1f %s", r->workload,
	       job->size->n, job->size->k, job->ops->name, row_mode(job, r),
	       value, r->metric);
	if (bare)
		printf(" (bare %.1f)", *bare);
	printf("\n");
	fflush(stdout);
}
