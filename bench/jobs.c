// SPDX-License-Identifier: GPL-2.0
/*
 * Which jobs there are, and their repetitions: each in a process of its own, in
 * turns, so that what changes slowly on the machine changes them all.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "main.h"

#define ROW_SECONDS	300	/* a lost event must not hang the rest */

/* The repetitions of a job. */
struct series {
	struct results results[REPEAT_MAX];
	unsigned int num;
	bool failed;
	double took;
};

static struct series all_bare, all_series[MECHS_MAX];
static unsigned int failures;

static void describe(FILE *f, const struct job *job)
{
	fprintf(f, "%s n=%u k=%u %s %s", job->work->names[0],
		job->size->n, job->size->k, job->ops->name,
		job->size->mode ? job->size->mode : job->ops->mode);
}

/* The next stop of bench/where.sh; what it sees follows. */
static __attribute__((noinline)) void where_job(void)
{
	__asm__ volatile("");
}

static void run_here(const struct job *job, enum clock_unit unit,
		     struct results *res)
{
	alarm(ROW_SECONDS);
	clock_start(unit);
	if (clock_marks)
		where_job();
	job->work->run(job, res);
	if (clock_marks)
		printf("where %u %s-%s n=%u k=%u\n", samples_ops,
		       job->ops->name,
		       job->size->mode ? job->size->mode : job->ops->mode,
		       job->size->n, job->size->k);
	fflush(stdout);
}

/* In a process of its own: nothing is left for the next one. */
static bool run_job(const struct job *job, enum clock_unit unit,
		    struct results *res)
{
	pid_t pid;
	int status;

	res->num = 0;
	if (opt.json && !strcmp(opt.json, "-")) {
		describe(stderr, job);
		fputc('\n', stderr);
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die_errno("fork");
	if (!pid) {
		run_here(job, unit, res);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			die_errno("waitpid");
	}
	if (status == 0 && res->num)
		return true;
	failures++;
	describe(stderr, job);
	if (WIFSIGNALED(status))
		fprintf(stderr, ": killed by signal %d%s", WTERMSIG(status),
			WTERMSIG(status) == SIGALRM ? " (events lost?)" : "");
	fprintf(stderr, ": FAILED\n");
	return false;
}

/* The bare figure of the same metric and mode, or else of the metric. */
static const double *find_bare(const struct results *bare,
			       const struct result *r)
{
	const double *found = NULL;
	unsigned int i;

	for (i = 0; i < bare->num; i++) {
		if (strcmp(r->metric, bare->r[i].metric))
			continue;
		found = &bare->r[i].value;
		if (r->mode && bare->r[i].mode &&
		    !strcmp(r->mode, bare->r[i].mode))
			break;
	}
	return found;
}

static bool suits(const struct work *w, const struct work_case *size,
		  const struct mech_ops *ops)
{
	uint32_t need = w->caps | size->caps;

	if ((ops->caps & need) != need || (ops->caps & w->not_caps))
		return false;
	if ((ops->caps & MECH_KEVENT) && !opt.device)
		return false;
	return selected(&opt.mechs, ops->name);
}

static double children_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* One repetition. @shared: with the process that measures. */
static void run_again(const struct job *job, enum clock_unit unit,
		      struct results *shared, struct series *s)
{
	double seconds = children_seconds();

	if (s->failed)
		return;
	s->failed = !run_job(job, unit, shared);
	s->took += children_seconds() - seconds;
	s->results[s->num++] = *shared;
}

/* What the repetitions say of one of their results. */
static void report_series(const struct job *job, const struct series *s,
			  unsigned int index)
{
	const struct result *r = &s->results[0].r[index];
	struct figure fig = { .num = s->num, .took = s->took };
	struct samples samples;
	unsigned int i;

	samples_init(&samples, s->num);
	for (i = 0; i < s->num; i++) {
		double value = s->results[i].r[index].value;

		fig.bare = find_bare(&all_bare.results[i], r);
		if (fig.bare && !job->work->total)
			value -= *fig.bare;
		samples.v[samples.num++] = value;
	}
	fig.value = samples_median(&samples);
	samples_quartiles(&samples, &fig.low, &fig.high);
	report_row(job, r, &fig);
	samples_free(&samples);
}

/* What isn't counted in the unit is reported with the first one. */
static bool wanted(const struct result *r, enum clock_unit unit)
{
	return selected(&opt.works, r->workload) &&
	       (unit == opt.units[0] || !strncmp(r->metric, "cycles", 6));
}

static void run_case(const struct work *w, const struct work_case *size,
		     enum clock_unit unit, struct results *shared)
{
	struct job job = { w, &mech_bare, size };
	unsigned int i, j, rep;

	memset(&all_bare, 0, sizeof(all_bare));
	memset(all_series, 0, sizeof(all_series));
	for (rep = 0; rep < opt.repeat; rep++) {
		job.ops = &mech_bare;
		if (w->bare)
			run_again(&job, unit, shared, &all_bare);
		for (i = 0; mechs[i] && !all_bare.failed; i++) {
			job.ops = mechs[i];
			if (suits(w, size, mechs[i]))
				run_again(&job, unit, shared, &all_series[i]);
		}
	}
	for (i = 0; mechs[i]; i++) {
		const struct series *s = &all_series[i];

		job.ops = mechs[i];
		for (j = 0; s->num && !s->failed && j < s->results[0].num; j++) {
			if (wanted(&s->results[0].r[j], unit))
				report_series(&job, s, j);
		}
	}
}

/* Those that are asked for, and of them those sizes. */
static void for_each_case(void (*what)(const struct work *w,
				       const struct work_case *size,
				       enum clock_unit unit, struct results *shared),
			  struct results *shared)
{
	const struct work_case *size;
	unsigned int i, unit;

	for (i = 0; works[i]; i++) {
		for (size = works[i]->cases; size->n; size++) {
			if (!work_selected(works[i]) || size->level > opt.level ||
			    size->cpus > cpu_online())
				continue;
			for (unit = 0; unit < opt.num_units; unit++) {
				if (!unit || !works[i]->own_clock)
					what(works[i], size, opt.units[unit],
					     shared);
			}
		}
	}
}

/* Returns how many could not be measured. */
unsigned int jobs_run(void)
{
	struct results *shared;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die_errno("mmap");
	for_each_case(run_case, shared);
	return failures;
}

static void print_job(const struct work *w, const struct work_case *size,
		      const struct mech_ops *ops)
{
	const struct job job = { w, ops, size };

	describe(stdout, &job);
	putchar('\n');
}

/* With a device or without one; each repetition counts as one. */
static void print_jobs(const struct work *w, const struct work_case *size,
		       enum clock_unit unit, struct results *shared)
{
	unsigned int i, rep;

	(void)unit;
	(void)shared;
	for (rep = 0; rep < opt.repeat; rep++) {
		if (w->bare)
			print_job(w, size, &mech_bare);
		for (i = 0; mechs[i]; i++) {
			if (suits(w, size, mechs[i]))
				print_job(w, size, mechs[i]);
		}
	}
}

void jobs_print(void)
{
	for_each_case(print_jobs, NULL);
}
