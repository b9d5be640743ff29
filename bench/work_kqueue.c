// SPDX-License-Identifier: GPL-2.0
/*
 * Question: what does kevent() of lib/kqueue cost, beside a program that does the same by
 * hand, with epoll, timerfd and signalfd?
 *
 * Model: 64 sources are watched: TCP connections, timers with a period, signals.
 *
 *	kqueue		k of them have an event. One call takes it; by hand, timerfds and
 *			the signalfd are read as well, as kevent() tells how often they
 *			came. Sockets are written to and read, signals are sent. Timers
 *			have expired before. With "bytes" the program wants to know how
 *			many can be read: kevent() tells; by hand, FIONREAD does.
 *	changelist	one call with a changelist of 64, and an eventlist: all are added,
 *			disabled, enabled (these two: sockets only), deleted. By hand, a call
 *			or more for each, and a look if there are events.
 *
 * Metric: median, an event or a change. kqueue: above the same writes, reads and signals
 * with nothing to learn from.
 *
 * Does not show: what the expiry of a timer takes; a program that has one timerfd for all
 * its timers.
 */

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "kqueue.h"

#define RUNS		31u
#define MARGIN		1000000u	/* ns, until all timers have expired */

struct mix {
	const char *mode;
	unsigned int sockets, timers, signals;
	bool asks;
};

/* What the 64 are; k of 1 is the first one. */
static const struct mix mixes[] = {
	{ "socket", 64, 0, 0, false },
	{ "bytes", 64, 0, 0, true },
	{ "timer", 0, 1, 0, false },
	{ "signal", 0, 0, 1, false },
	{ "mixed", 40, 16, 8, false },
};

static const struct mix *find_mix(const char *mode)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mixes); i++) {
		if (!strcmp(mixes[i].mode, mode))
			return &mixes[i];
	}
	die("no mix %s", mode);
}

/* Sockets first, then timers, then signals. */
static struct kqueue_source *make_sources(const struct mix *mix, unsigned int *num)
{
	struct kqueue_source *s = xcalloc(KQUEUE_MAX, sizeof(*s));
	unsigned int i;

	*num = mix->sockets + mix->timers + mix->signals;
	for (i = 0; i < *num; i++) {
		s[i].signo = SIGRTMIN + (int)i % 16;
		s[i].kind = i < mix->sockets ? KQUEUE_SOCKET :
			    i < mix->sockets + mix->timers ? KQUEUE_TIMER : KQUEUE_SIGNAL;
		signal(s[i].signo, SIG_IGN);
		if (s[i].kind != KQUEUE_SOCKET)
			continue;
		s[i].asks = mix->asks;
		s[i].s.bytes = source_tcp.bytes;
		source_tcp.make(&s[i].s);
	}
	return s;
}

static void spin_until(uint64_t ns)
{
	while (clock_monotonic() < ns)
		;
}

/* ---- Events ------------------------------------------------------------ */

static void fire(struct kqueue_source *s)
{
	s->s.armed = 1;
	if (s->kind == KQUEUE_SOCKET)
		source_fire(&s->s);
	else if (s->kind == KQUEUE_SIGNAL && unlikely(kill(getpid(), s->signo)))
		die_errno("kill");
}

static void one_round(struct mech *m, struct kqueue_source *s, unsigned int k)
{
	struct tally t = { .want = k };
	unsigned int i;

	for (i = 0; i < k; i++)
		fire(&s[i]);
	m->ops->collect(m, &t);
	tally_check(&t);
	for (i = 0; i < k; i++) {
		if (s[i].kind == KQUEUE_SOCKET)
			source_drain(&s[i].s);
	}
}

static void check_counts(const struct kqueue_source *s, unsigned int k)
{
	unsigned int i;

	for (i = 0; i < k; i++) {
		if (s[i].kind != KQUEUE_SOCKET && s[i].count != 1)
			die("a timer or signal came %llu times", (unsigned long long)s[i].count);
		if (s[i].asks && s[i].count != s[i].s.bytes)
			die("%llu bytes are said to be there", (unsigned long long)s[i].count);
	}
}

static void events_run(const struct job *job, struct results *res)
{
	const struct mix *mix = find_mix(job->size->mode);
	unsigned int k = job->size->k, i, num;
	struct mech *m = job->ops->open(job->ops, KQUEUE_MAX);
	struct kqueue_source *s = make_sources(mix, &num);
	struct samples samples;
	uint64_t expired, start;

	clock_settle();
	m->ops->changelist(m, KQUEUE_ADD, s, num);
	expired = clock_monotonic() + MARGIN;
	samples_init(&samples, RUNS);
	for (i = 0; i < RUNS + 2; i++) {
		expired += KQUEUE_PERIOD;
		if (mix->timers)
			spin_until(expired);
		start = clock_begin();
		one_round(m, s, k);
		start = clock_end(start);
		if (i >= 2)
			samples_add(&samples, start, k);
		if (job->ops != &mech_bare)
			check_counts(s, k);
	}
	result_add(res, "kqueue", NULL, clock_name(), samples_median(&samples));
	samples_free(&samples);
	m->ops->close(m);
}

/* ---- Changes ----------------------------------------------------------- */

static void measure(struct samples *samples, struct mech *m, unsigned int what,
		    struct kqueue_source *s, unsigned int num)
{
	uint64_t start = clock_begin();

	m->ops->changelist(m, what, s, num);
	samples_add(samples, clock_end(start), num);
}

static void changes_run(const struct job *job, struct results *res)
{
	const char *const *names = job->work->names;
	const struct mix *mix = find_mix(job->size->mode);
	struct mech *m = job->ops->open(job->ops, KQUEUE_MAX);
	struct samples samples[KQUEUE_CHANGES];
	struct kqueue_source *s;
	unsigned int i, what, num;

	s = make_sources(mix, &num);
	for (what = 0; what < KQUEUE_CHANGES; what++)
		samples_init(&samples[what], RUNS + 1);
	for (i = 0; i < RUNS; i++) {
		measure(&samples[KQUEUE_ADD], m, KQUEUE_ADD, s, num);
		measure(&samples[KQUEUE_DISABLE], m, KQUEUE_DISABLE, s, mix->sockets);
		measure(&samples[KQUEUE_ENABLE], m, KQUEUE_ENABLE, s, mix->sockets);
		measure(&samples[KQUEUE_DELETE], m, KQUEUE_DELETE, s, num);
		clock_settle();
	}
	for (what = 0; what < KQUEUE_CHANGES; what++) {
		/* those are of sockets only: see there */
		if (mix->sockets == num || what == KQUEUE_ADD || what == KQUEUE_DELETE)
			result_add(res, names[what], NULL, clock_name(),
				   samples_median(&samples[what]));
		samples_free(&samples[what]);
	}
	m->ops->close(m);
}

/* ------------------------------------------------------------------------ */

static const struct work_case event_sizes[] = {
	{ .n = 64, .k = 1, .mode = "socket", .level = LEVEL_QUICK },
	{ .n = 1, .k = 1, .mode = "timer", .level = LEVEL_DEFAULT },
	{ .n = 1, .k = 1, .mode = "signal", .level = LEVEL_DEFAULT },
	{ .n = 64, .k = 64, .mode = "socket", .level = LEVEL_DEFAULT },
	{ .n = 64, .k = 1, .mode = "bytes", .level = LEVEL_DEFAULT },
	{ .n = 64, .k = 64, .mode = "bytes", .level = LEVEL_DEFAULT },
	{ .n = 64, .k = 64, .mode = "mixed", .level = LEVEL_DEFAULT },
	{ 0 }
};

static const struct work_case change_sizes[] = {
	{ .n = 64, .k = 64, .mode = "socket", .level = LEVEL_QUICK },
	{ .n = 64, .k = 64, .mode = "mixed", .level = LEVEL_DEFAULT },
	{ 0 }
};

const struct work work_kqueue = {
	.names = { "kqueue" },
	.help = "kevent() of libkevent-kqueue, k of n ready",
	.caps = MECH_KQUEUE,
	.bare = true,
	.cases = event_sizes,
	.run = events_run,
};

const struct work work_changelist = {
	.names = {
		[KQUEUE_ADD]		= "changelist-add",
		[KQUEUE_DISABLE]	= "changelist-disable",
		[KQUEUE_ENABLE]		= "changelist-enable",
		[KQUEUE_DELETE]		= "changelist-delete",
	},
	.help = "kevent() with a changelist of n",
	.caps = MECH_KQUEUE | MECH_BATCH,
	.cases = change_sizes,
	.run = changes_run,
};
