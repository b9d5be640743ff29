// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what does it cost to share a listener among threads, and how evenly
 * do they share the work?
 *
 * Model: n threads (SCHED_BATCH) on one CPU sleep until there are connections,
 * accept them, read a request from each, answer and close. k clients connect
 * and send their requests at once, read the answers, and rest until all threads
 * sleep again.
 *
 *	bare		accept(2) itself, which blocks
 *	shared		all sleep in one epoll, or on one queue of kevent, which
 *			wakes who has slept longest (fifo), who came last (lifo),
 *			or who slept on the event's CPU
 *	own		each has an epoll or a queue of its own
 *	own-exclusive	the same, with EPOLLEXCLUSIVE or KEVENT_REQ_EXCLUSIVE
 *	reuseport	each has a listener of its own, too
 *
 * epoll-lt accepts one connection a wake-up; epoll-et and kevent all that there
 * are.
 *
 * Metric: a connection: CPU time of clients and workers; "wakeups" and "calls"
 * of the workers; "share", the percentage that the busiest worker served.
 *
 * Does not show: workers that run at the same time, on CPUs of their own, where
 * one wake-up for many connections is a loss.
 */

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "workers.h"

#define BURSTS		64u
#define REST_US		1000

static const struct workers_ops *ops;

static void blocking_serve(struct http *h)
{
	http_answer(h, http_accept(h));
}

const struct workers_ops workers_blocking = { .serve = blocking_serve };

/* ---- The workers ------------------------------------------------------- */

static void *work(void *arg)
{
	struct sched_param param = { 0 };
	struct worker *w = arg;

	if (sched_setscheduler(0, SCHED_BATCH, &param) < 0)
		die_errno("SCHED_BATCH");
	__atomic_store_n(&w->tid, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
	for (;;) {
		ops->serve(&w->http);
		__atomic_store_n(&w->calls, http_calls, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Voluntary switches of context. */
static unsigned long wakeups(const struct worker *w)
{
	unsigned long num = 0;
	char line[128];
	FILE *f;

	snprintf(line, sizeof(line), "/proc/self/task/%d/status", w->tid);
	f = fopen(line, "r");
	if (!f)
		die_errno(line);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &num) == 1)
			break;
	}
	fclose(f);
	return num;
}

static void start(struct worker *w, struct sockaddr_in *addr)
{
	pthread_t thread;
	void *state = NULL;
	unsigned int i;

	for (i = 0; i < WORKERS; i++) {
		w[i].http.listener = i && !ops->reuseport ?
			w[0].http.listener : http_listen(addr, ops->reuseport);
		if (!i && ops == &workers_blocking)
			fcntl(w[0].http.listener, F_SETFL, 0);
		if (!i && ops->open)
			state = ops->open(&w[0].http, ops->flags);
		w[i].http.state = state;
		if (ops->join)
			ops->join(&w[i].http, ops->flags);
		if (pthread_create(&thread, NULL, work, &w[i]))
			die("pthread_create");
		while (!__atomic_load_n(&w[i].tid, __ATOMIC_ACQUIRE))
			usleep(REST_US);
	}
	clock_settle();
}

/* ---- The clients ------------------------------------------------------- */

static void burst(const struct sockaddr_in *addr, unsigned int k)
{
	int client[WORKERS];
	unsigned int i;

	for (i = 0; i < k; i++)
		client[i] = http_client_start(addr);
	for (i = 0; i < k; i++)
		http_client_finish(client[i]);
	usleep(REST_US);
}

static uint64_t cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct totals {
	double wakeups, calls, served;
};

static struct totals totals(const struct worker *w)
{
	struct totals t = { 0 };
	unsigned int i;

	for (i = 0; i < WORKERS; i++) {
		t.wakeups += (double)wakeups(&w[i]);
		t.calls += w[i].calls;
		t.served += w[i].http.served;
	}
	return t;
}

static void run_bursts(const struct job *job, struct worker *w,
		       const struct sockaddr_in *addr, struct results *res)
{
	unsigned int i, bursts = BURSTS, before[WORKERS];
	struct totals first, last;
	double time, num, most = 0;

	for (i = 0; i < WORKERS; i++)
		burst(addr, job->size->k);
	for (i = 0; i < WORKERS; i++)
		before[i] = w[i].http.served;
	first = totals(w);
	time = (double)cpu_time();
	for (i = 0; i < bursts; i++)
		burst(addr, job->size->k);
	time = (double)cpu_time() - time;
	last = totals(w);
	for (i = 0; i < WORKERS; i++)
		most = max(most, (double)(w[i].http.served - before[i]));
	num = last.served - first.served;
	if (num != (double)(bursts * job->size->k))
		die("%.0f connections were served", num);
	result_add(res, "workers", NULL, clock_cpu(), time / num);
	result_add(res, "workers", NULL, "wakeups",
		   (last.wakeups - first.wakeups) / num);
	result_add(res, "workers", NULL, "calls",
		   (last.calls - first.calls) / num);
	result_add(res, "workers", NULL, "share", most * 100 / num);
}

static void workers_run(const struct job *job, struct results *res)
{
	struct worker *w = xcalloc(WORKERS, sizeof(*w));
	struct sched_param param = { 0 };
	struct sockaddr_in addr = { 0 };

	if (sched_setscheduler(0, SCHED_BATCH, &param) < 0)
		die_errno("SCHED_BATCH");
	ops = job->ops->workers;
	start(w, &addr);
	run_bursts(job, w, &addr, res);
}

static const struct work_case sizes[] = {
	{ .n = WORKERS, .k = 1, .level = LEVEL_ALL },
	{ .n = WORKERS, .k = 4, .level = LEVEL_QUICK },
	{ .n = WORKERS, .k = 16, .level = LEVEL_ALL },
	{ 0 }
};

const struct work work_workers = {
	.names = { "workers" },
	.help = "n threads that accept connections, k clients at once",
	.caps = MECH_WORKERS,
	.bare = true,
	.total = true,
	.own_clock = true,
	.cases = sizes,
	.run = workers_run,
};
