/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kevent-bench: what all its files share.
 *
 * A workload says what is done, a mechanism how the program learns of events.
 * Each pair of them runs in a process of its own, which reports figures; the
 * mechanism "bare" does the same work with nothing to learn from, and is
 * subtracted.
 */
#ifndef BENCH_H
#define BENCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define min(a, b)	((a) < (b) ? (a) : (b))
#define max(a, b)	((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

/* ---- die.c ------------------------------------------------------------- */

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void die_errno(const char *what) __attribute__((noreturn));
void *xcalloc(size_t num, size_t size);

/* ---- clock.c ----------------------------------------------------------- */

enum clock_unit { CLOCK_NS, CLOCK_CYCLES, CLOCK_TICKS };

extern enum clock_unit clock_unit;
extern bool clock_marks;

void clock_check_ticks(void);
bool clock_has_cycles(void);
void clock_start(enum clock_unit unit);
uint64_t clock_now(void);
uint64_t clock_begin(void);
uint64_t clock_end(uint64_t begin);
const char *clock_name(void);
const char *clock_total(void);
const char *clock_cpu(void);
uint64_t clock_monotonic(void);
void clock_settle(void);

/* ---- sample.c: short measurements and their median --------------------- */

struct samples {
	double *v;
	unsigned int num, max;
};

extern unsigned int samples_ops;

void samples_init(struct samples *s, unsigned int max);
void samples_add(struct samples *s, uint64_t ticks, unsigned int ops);
double samples_median(struct samples *s);
void samples_quartiles(const struct samples *s, double *low, double *high);
void samples_free(struct samples *s);

/* ---- source.c: files that become ready --------------------------------- */

/**
 * struct source - a file that becomes readable
 * @rfd: is watched and read.
 * @wfd: is written to.
 * @armed: was written to, and no event of it was seen yet: 0 or 1.
 * @bytes: in each write.
 * @counted: can the kernel tell cheaply how many bytes there are? 0 or 1.
 * @cookie: of kevent's watch.
 */
struct source {
	int rfd;
	int wfd;
	uint32_t armed;
	uint32_t bytes;
	uint32_t counted;
	uint64_t cookie;
};

struct source_kind {
	const char *name;
	uint32_t bytes;
	uint32_t counted;
	void (*make)(struct source *s);
};

extern const struct source_kind source_pipe, source_eventfd, source_unix,
	source_tcp;

struct source *sources_make(const struct source_kind *kind, unsigned int num);
void source_fire(struct source *s);
void source_drain(struct source *s);

/* ---- mech_*.c ---------------------------------------------------------- */

/**
 * struct tally - checks what a mechanism reports
 * @want: events that shall come.
 * @seen: events that came.
 * @wrong: not 0: a source that was not armed, or the wrong bits, or number.
 */
struct tally {
	uint32_t want;
	uint32_t seen;
	uint32_t wrong;
};

/* The same for every mechanism, once an event. */
static inline void tally_event(struct tally *t, struct source *s,
			       uint32_t bits, uint32_t expect)
{
	t->wrong |= (bits ^ expect) | (s->armed ^ 1);
	s->armed = 0;
	t->seen++;
}

void tally_check(const struct tally *t);

struct http_ops;
struct sendfile_ops;
struct kqueue_source;
struct workers_ops;

struct mech {
	const struct mech_ops *ops;
};

/* What a mechanism can be measured with */
enum {
	MECH_EVENTS	= 0x01,		/* add, collect */
	MECH_SOCKET	= 0x02,		/* knows sockets only */
	MECH_PIPE	= 0x04,		/* knows pipes only */
	MECH_CHANGES	= 0x08,		/* add, modify, remove */
	MECH_BATCH	= 0x10,		/* many changes in one call */
	MECH_TIMER	= 0x20,
	MECH_CLOSE	= 0x40,		/* a watch ends with its file */
	MECH_KEVENT	= 0x80,		/* needs /dev/kevent */
	MECH_BLOCK	= 0x100,	/* can sleep */
	MECH_HTTP	= 0x200,	/* has http, and nothing else */
	MECH_SENDFILE	= 0x400,	/* has sendfile, and nothing else */
	MECH_ANSWER	= 0x800,	/* and sendfile->answer */
	MECH_FILES	= 0x1000,	/* and sendfile->begin, ->move */
	MECH_LEVEL	= 0x2000,	/* says again what is ready still */
	MECH_LOOK	= 0x4000,	/* can look without sleeping */
	MECH_KQUEUE	= 0x8000,	/* has changelist and collect, and nothing else */
	MECH_WORKERS	= 0x10000,	/* has workers, and nothing else */
	MECH_CONTRACT	= 0x20000,	/* epoll's contract, whose rows have its name */
};

/**
 * struct mech_ops - a way to learn of events
 * @name: and
 * @mode: as they are reported.
 * @caps: MECH_*.
 * @flags: of this variant: for the mechanism itself.
 * @type: of this variant: for the mechanism itself.
 * @open: prepare for @num sources.
 * @close: give everything back.
 * @add: watch sources for POLLIN, in one call where that is possible.
 * @modify: change what is watched to POLLIN and, if @more, POLLPRI.
 * @remove: end the watches.
 * @collect: take and tally the events that are there: t->want of them.
 * @wait: sleep until there is one; take and tally what is there.
 * @look: take and tally what is there, if anything.
 * @timers: arm timers at the points in time @at.
 * @expired: take the events of all timers; end what did not end by itself.
 * @changelist: makes a change of work_kqueue.c to each of @num sources.
 * @http: a server of work_http.c.
 * @sendfile: a server of work_sendfile.c.
 * @workers: those of work_workers.c.
 */
struct mech_ops {
	const char *name;
	const char *mode;
	uint32_t caps;
	uint32_t flags;
	uint32_t type;
	struct mech *(*open)(const struct mech_ops *ops, unsigned int num);
	void (*close)(struct mech *m);
	void (*add)(struct mech *m, struct source *s, unsigned int num);
	void (*modify)(struct mech *m, struct source *s, unsigned int num,
		       bool more);
	void (*remove)(struct mech *m, struct source *s, unsigned int num);
	void (*collect)(struct mech *m, struct tally *t);
	void (*wait)(struct mech *m, struct tally *t);
	void (*look)(struct mech *m, struct tally *t);
	void (*timers)(struct mech *m, struct source *s, const uint64_t *at,
		       unsigned int num);
	void (*expired)(struct mech *m, struct tally *t);
	void (*changelist)(struct mech *m, unsigned int what,
			   struct kqueue_source *s, unsigned int num);
	const struct http_ops *http;
	const struct sendfile_ops *sendfile;
	const struct workers_ops *workers;
};

#define BATCH	64u	/* changes in one call; short runs that are timed */

extern const struct mech_ops mech_bare;
extern const struct mech_ops mech_epoll_lt, mech_epoll_et;
extern const struct mech_ops mech_uring, mech_uring_defer, mech_uring_look;
extern const struct mech_ops mech_poll;
extern const struct mech_ops mech_ring_et, mech_ring_lt, mech_ring_socket,
	mech_ring_pipe;
extern const struct mech_ops mech_get_et, mech_get_lt, mech_get_socket;
extern const struct mech_ops mech_get_epoll_et, mech_get_epoll_lt;

void mech_add_all(struct mech *m, struct source *s, unsigned int num);

/* ---- cpu.c: threads that stay on a CPU each -------------------------------- */

/* Gives the other threads of this core, or QEMU's other CPUs, their turn. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__asm__ volatile("pause" : : : "memory");
#elif defined(__aarch64__)
	__asm__ volatile("yield" : : : "memory");
#endif
}

unsigned int cpu_online(void);
void cpu_stay(unsigned int cpu);
pthread_t cpu_start(unsigned int cpu, void *(*fn)(void *), void *arg);
void cpu_slices(void);

/* ---- trace.c: what the kernel does, counted by its event histograms --------- */

/**
 * struct trace - a count under way
 * @event: what is counted: GROUP/NAME.
 * @hist: the key of the histogram, and perhaps a filter.
 */
struct trace {
	const char *event;
	char hist[64];
};

bool trace_begin(const struct trace *t);
uint64_t trace_count(const struct trace *t, const char *const *words);
void trace_end(const struct trace *t);

#define TRACE_PROBE	"kevent_bench"	/* the event of trace_probe(): kprobes/... */

bool trace_probe(const char *const *functions);

/* ---- report.c ---------------------------------------------------------- */

#define RESULTS_MAX	8

struct result {
	const char *workload;
	const char *mode;
	const char *metric;
	double value;
};

/* Written by the process that measures, read by the one that reports. */
struct results {
	unsigned int num;
	struct result r[RESULTS_MAX];
};

void result_add(struct results *res, const char *workload, const char *mode,
		const char *metric, double value);

/**
 * struct figure - what the repetitions of a job say
 * @value: their median.
 * @low: and
 * @high: bounds of their middle half.
 * @num: of repetitions.
 * @bare: was subtracted, or can be compared; or NULL.
 * @took: CPU time of the whole job, in seconds.
 */
struct figure {
	double value, low, high;
	unsigned int num;
	const double *bare;
	double took;
};

struct job;
void report_open(const char *path, unsigned int repeat);
void report_row(const struct job *job, const struct result *r,
		const struct figure *fig);
void report_close(void);

/* ---- info.c, compare.c -------------------------------------------------- */

void info_write(FILE *f, unsigned int repeat);
bool compare_files(const char *path_a, const char *path_b, double limit);

/* ---- work_*.c ---------------------------------------------------------- */

/* Where a case belongs: asked for with --quick, by default, with --all. */
enum level { LEVEL_QUICK, LEVEL_DEFAULT, LEVEL_ALL };

/**
 * struct work_case - one size of a workload
 * @n: files, timers, connections.
 * @k: of them, active at once.
 * @mode: reported instead of the mechanism's mode, or NULL.
 * @level: who wants to see it.
 * @caps: a mechanism must have these as well.
 * @cpus: it needs so many CPUs.
 * @always: so many files more are ready all the time.
 * @room: the mechanism is opened for so many files, and not for @n.
 */
struct work_case {
	unsigned int n;
	unsigned int k;
	const char *mode;
	enum level level;
	uint32_t caps;
	unsigned int cpus;
	unsigned int always;
	unsigned int room;
};

/**
 * struct work - a workload
 * @names: rows that it reports; the first may be the only one.
 * @help: one line.
 * @caps: a mechanism must have all of these.
 * @not_caps: a mechanism must have none of these.
 * @bare: is there a bare run to subtract?
 * @total: report the whole, do not subtract.
 * @own_clock: does it measure CPU time, whatever the unit?
 * @cases: sizes, up to n == 0.
 * @source: kind of file, for the workload itself.
 * @run: measures; runs in a process of its own.
 */
struct work {
	const char *names[4];
	const char *help;
	uint32_t caps;
	uint32_t not_caps;
	bool bare;
	bool total;
	bool own_clock;
	const struct work_case *cases;
	const struct source_kind *source;
	void (*run)(const struct job *job, struct results *res);
};

/* One run: what, how, how large. */
struct job {
	const struct work *work;
	const struct mech_ops *ops;
	const struct work_case *size;
};

/* What a workload says about itself: about.c, made from the comments at the top of
 * work_*.c.
 */
struct about {
	const struct work *work;
	const char *text;
};

extern const struct about abouts[];

extern const struct work work_pipe, work_eventfd, work_unix, work_tcp;
extern const struct work work_libevent, work_batch;
extern const struct work work_change, work_close, work_timer, work_pingpong;
extern const struct work work_memory, work_http, work_sendfile, work_answer;
extern const struct work work_files, work_kqueue, work_changelist;
extern const struct work work_ready, work_overflow, work_cpus, work_spin;
extern const struct work work_keepalive, work_load, work_workers;

#endif /* BENCH_H */
