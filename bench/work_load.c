// SPDX-License-Identifier: GPL-2.0
/*
 * Question: how often does a server sleep and call, as its load grows?
 *
 * Model: a thread of real-time priority makes requests at random intervals
 * (exponential, always the same ones) on one of n idle eventfds; the server, on
 * the same CPU, waits in its mechanism, reads the eventfds that it was told of,
 * and works 100 microseconds on each. k is the load: how many percent of the time
 * the work takes. Requests that come while the server works wait in the
 * mechanism. kevent's ring is asked again after each event; the others hand over
 * all that is there at once.
 *
 * Metric: of the server, a request: "wakeups", voluntary switches of context;
 * "calls", its system calls, the read of the eventfd among them, as the kernel
 * counts them (raw_syscalls:sys_enter, which root may use); and CPU time beyond the
 * work. Who needs more of it sleeps less often.
 *
 * Does not show: latency; a server that has a CPU of its own; many requests from
 * the network at one interrupt.
 */

#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define REQUESTS	1000u
#define WORK_NS		100000u
#define LOOPS		100000u		/* to learn how long one takes */
#define TRIES		10u
#define TRACEPOINT	"/sys/kernel/tracing/events/raw_syscalls/sys_enter/id"

struct load {
	struct source *s;
	uint32_t *busy;		/* of each: asked, and not yet answered */
	uint64_t loops;		/* of work, a request */
	unsigned int n, percent;
	unsigned int refused;	/* while all were busy */
};

/* ---- The clients ------------------------------------------------------- */

static double next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return ((double)(*seed >> 11) + 0.5) / 9007199254740992.0;
}

static void sleep_until(uint64_t ns)
{
	struct timespec at = {
		.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u),
	};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void ask_idle(struct load *load, unsigned int *next)
{
	unsigned int i, tried;

	for (tried = 0; tried < load->n; tried++) {
		i = *next;
		*next = (i + 1) % load->n;
		if (__atomic_load_n(&load->busy[i], __ATOMIC_ACQUIRE))
			continue;
		load->busy[i] = 1;
		source_fire(&load->s[i]);
		return;
	}
	load->refused++;
}

static void *clients(void *arg)
{
	const struct sched_param fifo = { .sched_priority = 1 };
	struct load *load = arg;
	double mean = WORK_NS * 100.0 / load->percent;
	uint64_t at = clock_monotonic(), seed = 1;
	unsigned int i, next = 0;

	errno = pthread_setschedparam(pthread_self(), SCHED_FIFO, &fifo);
	if (errno)
		die_errno("SCHED_FIFO");
	for (i = 0; i < REQUESTS + load->refused; i++) {
		at += (uint64_t)(-log(next_random(&seed)) * mean);
		sleep_until(at);
		ask_idle(load, &next);
	}
	return NULL;
}

/* ---- The server -------------------------------------------------------- */

static void spin(uint64_t loops)
{
	while (loops--)
		__asm__ volatile("");
}

/* How long is one?  At its fastest: something may come in between. */
static double loops_of_ns(void)
{
	double best = 0;
	unsigned int i;

	for (i = 0; i < TRIES; i++) {
		uint64_t start = clock_monotonic();

		spin(LOOPS);
		best = max(best, (double)LOOPS /
				 (double)(clock_monotonic() - start));
	}
	return best;
}

/* Those that were reported and are not answered yet. */
static unsigned int answer(struct load *load)
{
	unsigned int i, num = 0;

	for (i = 0; i < load->n; i++) {
		if (!load->busy[i] ||
		    __atomic_load_n(&load->s[i].armed, __ATOMIC_ACQUIRE))
			continue;
		source_drain(&load->s[i]);
		spin(load->loops);
		__atomic_store_n(&load->busy[i], 0, __ATOMIC_RELEASE);
		num++;
	}
	return num;
}

static void serve(struct load *load, struct mech *m)
{
	unsigned int served = 0, here;
	struct tally t;

	while (served < REQUESTS) {
		t = (struct tally){ .want = 1 };
		m->ops->collect(m, &t);
		here = answer(load);
		if (unlikely(t.wrong || here != t.seen))
			die("%u events, %u requests, wrong: %#x", t.seen, here,
			    t.wrong);
		served += here;
	}
}

/* ---- What the kernel counts -------------------------------------------- */

/* Of this thread; -1 where it may not be known. */
static int open_calls(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.disabled = 1,
	};
	FILE *f = fopen(TRACEPOINT, "r");
	unsigned long long id;
	int got;

	if (!f)
		return -1;
	got = fscanf(f, "%llu", &id);
	fclose(f);
	if (got != 1)
		return -1;
	attr.config = id;
	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static long wakeups(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

/* Serves all requests.  @calls: the counter, or -1. */
static void one_pass(struct load *load, struct mech *m, int calls)
{
	pthread_t thread;

	load->refused = 0;
	if (pthread_create(&thread, NULL, clients, load))
		die("pthread_create");
	if (calls >= 0)
		ioctl(calls, PERF_EVENT_IOC_ENABLE, 0);
	serve(load, m);
	if (calls >= 0)
		ioctl(calls, PERF_EVENT_IOC_DISABLE, 0);
	pthread_join(thread, NULL);
	if (load->refused > REQUESTS / 20)
		die("%u requests too many at once", load->refused);
}

/* In a pass of its own: counting costs time. */
static void count_calls(struct load *load, struct mech *m, struct results *res)
{
	int fd = open_calls();
	uint64_t calls;

	if (fd < 0)
		return;
	one_pass(load, m, fd);
	if (read(fd, &calls, sizeof(calls)) != sizeof(calls))
		die_errno("number of calls");
	close(fd);
	/* without the ioctl that ends it */
	result_add(res, "load", NULL, "calls",
		   (double)(calls - 1) / REQUESTS);
}

static void load_run(const struct job *job, struct results *res)
{
	struct load load = { .n = job->size->n, .percent = job->size->k };
	struct mech *m = job->ops->open(job->ops, load.n);
	uint64_t time;
	long sleeps;

	load.s = sources_make(&source_eventfd, load.n);
	load.busy = xcalloc(load.n, sizeof(*load.busy));
	load.loops = (uint64_t)(loops_of_ns() * WORK_NS);
	mech_add_all(m, load.s, load.n);
	clock_settle();
	sleeps = wakeups();
	time = cpu_time();
	one_pass(&load, m, -1);
	time = cpu_time() - time;
	sleeps = wakeups() - sleeps;
	result_add(res, "load", NULL, clock_cpu(),
		   (double)time / REQUESTS - WORK_NS);
	result_add(res, "load", NULL, "wakeups", (double)sleeps / REQUESTS);
	count_calls(&load, m, res);
	m->ops->close(m);
}

static const struct work_case sizes[] = {
	{ .n = 32, .k = 5, .level = LEVEL_ALL },
	{ .n = 32, .k = 25, .level = LEVEL_ALL },
	{ .n = 32, .k = 50, .level = LEVEL_QUICK },
	{ .n = 32, .k = 75, .level = LEVEL_ALL },
	{ .n = 32, .k = 90, .level = LEVEL_ALL },
	{ 0 }
};

const struct work work_load = {
	.names = { "load" },
	.help = "sleeps and calls of a server that is busy k percent of the time",
	.caps = MECH_EVENTS | MECH_BLOCK,
	.own_clock = true,
	.cases = sizes,
	.run = load_run,
};
