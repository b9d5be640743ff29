// SPDX-License-Identifier: GPL-2.0
/*
 * kevent-bench: what it costs to learn of events, by kevent, epoll, io_uring
 * and poll. Each work_*.c says at its top what it asks, how, in what unit, and
 * what the answer does not show.
 *
 * Natively figures are nanoseconds and noisy: pin the clock frequency, repeat,
 * compare. Under QEMU's -icount (bench/run.sh) they are instructions of user
 * and kernel together, and the same in every run; what caches, TLBs and the
 * entry to the kernel cost in time is not in them.
 */

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "http.h"
#include "kqueue.h"
#include "main.h"
#include "sendfile.h"
#include "workers.h"

#define FILES		262144
#define REPEAT		5u	/* where figures are not the same each time */
#define SPREAD_MAX	5.0	/* percent: what --compare takes */
#define WARM_NS		1000000000u

const struct work *const works[] = {
	&work_pipe, &work_eventfd, &work_unix, &work_tcp,
	&work_libevent, &work_batch, &work_change, &work_close,
	&work_timer, &work_pingpong, &work_memory, &work_http, &work_sendfile,
	&work_answer, &work_files, &work_kqueue, &work_changelist,
	&work_ready, &work_overflow,
	&work_cpus, &work_spin,
	&work_keepalive, &work_load, &work_workers,
	NULL,
};

const struct mech_ops *const mechs[] = {
	&mech_epoll_lt, &mech_epoll_et, &mech_uring, &mech_uring_defer,
	&mech_uring_look, &mech_poll, &mech_ring_et, &mech_ring_lt, &mech_ring_socket,
	&mech_ring_pipe, &mech_get_et, &mech_get_lt, &mech_get_socket,
	&mech_get_epoll_et, &mech_get_epoll_lt,
	&http_epoll_lt, &http_epoll_et, &http_uring_poll,
	&http_uring_operations, &http_ring_plain, &http_ring_batched,
	&sendfile_epoll, &sendfile_uring_splice, &sendfile_uring_copy,
	&sendfile_ring, &sendfile_batch,
	&kqueue_hand_lt, &kqueue_hand_et, &kqueue_library, &kqueue_library_clear,
	&workers_epoll_lt, &workers_epoll_et, &workers_epoll_own,
	&workers_epoll_exclusive, &workers_epoll_reuseport,
	&workers_ring_fifo, &workers_ring_lifo, &workers_ring_cpu,
	&workers_ring_own, &workers_ring_exclusive,
	NULL,
};

static_assert(ARRAY_SIZE(mechs) <= MECHS_MAX, "room in jobs.c");

struct options opt = { .level = LEVEL_DEFAULT, .spread = SPREAD_MAX };

/* ---- Options ----------------------------------------------------------- */

bool selected(const struct names *names, const char *name)
{
	unsigned int i;

	if (!names->num)
		return true;
	for (i = 0; i < names->num; i++) {
		if (!strcmp(names->name[i], name))
			return true;
	}
	return false;
}

bool work_selected(const struct work *w)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(w->names) && w->names[i]; i++) {
		if (selected(&opt.works, w->names[i]))
			return true;
	}
	return false;
}

static bool work_exists(const char *name)
{
	unsigned int i, j;

	for (i = 0; works[i]; i++) {
		for (j = 0; j < ARRAY_SIZE(works[i]->names); j++) {
			if (works[i]->names[j] &&
			    !strcmp(works[i]->names[j], name))
				return true;
		}
	}
	return false;
}

static bool mech_exists(const char *name)
{
	unsigned int i;

	for (i = 0; mechs[i]; i++) {
		if (!strcmp(mechs[i]->name, name))
			return true;
	}
	return false;
}

static void usage(FILE *f)
{
	fputs("usage: kevent-bench [options]\n"
	      "\n"
	      "Measures what an event costs with kevent, epoll, io_uring and poll.\n"
	      "\n"
	      "  --workload NAME...   only these workloads (see --list)\n"
	      "  --mechanism NAME...  only these mechanisms\n"
	      "  --quick              one size of each workload\n"
	      "  --all                every size of each workload\n"
	      "  --unit ns|cycles|instructions\n"
	      "                       by default nanoseconds, and also cycles where they may\n"
	      "                       be counted; instructions can be counted only in QEMU\n"
	      "                       with -icount shift=0\n"
	      "  --repeat N           measure each row N times, and print the spread of the\n"
	      "                       middle half (5; 1 for instructions)\n"
	      "  --json FILE          write the figures to FILE, one object in each line; -: to\n"
	      "                       stdout, to which nothing else is then written\n"
	      "  --compare A B        measure nothing, and compare two such files\n"
	      "  --spread PERCENT     the widest spread that --compare accepts; rows with a\n"
	      "                       wider one are refused (5)\n"
	      "  --list               print what can be measured\n"
	      "  --explain            print what each workload asks, how, in what unit, and\n"
	      "                       what the answer does not show\n"
	      "  --jobs               print what would be measured, one job a line\n"
	      "  --where              for bench/where.sh, which traces this program\n"
	      "  --help               print this text\n"
	      "\n"
	      "Figures are the cost of one event (or change, close, timer), in addition to\n"
	      "the same work without any mechanism. Exit status 1: a row could not be\n"
	      "measured or compared, or an event was missing or wrong.\n"
	      "\n"
	      "To send the figures of a machine, as root on an idle one:\n"
	      "  kevent-bench --all --json FILE\n", f);
}

static void list(void)
{
	unsigned int i, j;

	printf("workloads:\n");
	for (i = 0; works[i]; i++) {
		const struct work_case *size;

		printf("  ");
		for (j = 0; j < ARRAY_SIZE(works[i]->names) && works[i]->names[j]; j++)
			printf("%s%s", j ? ", " : "", works[i]->names[j]);
		printf(": %s; n,k =", works[i]->help);
		for (size = works[i]->cases; size->n; size++)
			printf(" %u,%u", size->n, size->k);
		printf("\n");
	}
	printf("mechanisms:\n");
	for (i = 0; mechs[i]; i++)
		printf("  %-15s %s%s\n", mechs[i]->name, mechs[i]->mode,
		       mechs[i]->http ? " (http)" :
		       mechs[i]->sendfile ? " (sendfile)" :
		       mechs[i]->changelist ? " (kqueue)" :
		       mechs[i]->workers ? " (workers)" : "");
}

static const char *about(const struct work *work)
{
	const struct about *a;

	for (a = abouts; a->work; a++) {
		if (a->work == work)
			return a->text;
	}
	return "";
}

/* Those that are one piece of code have one text. */
static void explain(void)
{
	const char *text = NULL;
	unsigned int i, j;

	for (i = 0; works[i]; i++) {
		if (!work_selected(works[i]))
			continue;
		if (text && text != about(works[i]))
			printf("%s\n\n", text);
		for (j = 0; j < ARRAY_SIZE(works[i]->names) && works[i]->names[j]; j++)
			printf("%s: %s\n", works[i]->names[j], works[i]->help);
		text = about(works[i]);
	}
	if (text)
		printf("%s\n", text);
}

static char **parse_names(char **arg, struct names *names,
			  bool (*exists)(const char *name))
{
	while (arg[1] && strncmp(arg[1], "--", 2)) {
		arg++;
		if (!exists(*arg))
			die("%s: unknown name; see --list", *arg);
		if (names->num == NAMES_MAX)
			die("too many names");
		names->name[names->num++] = *arg;
	}
	if (!names->num)
		die("%s needs at least one name; see --list", *arg);
	return arg;
}

static const char *value_of(char **arg)
{
	if (!arg[1])
		die("%s needs a value", *arg);
	return arg[1];
}

static void parse_unit(const char *unit)
{
	opt.num_units = 1;
	if (!strcmp(unit, "instructions"))
		opt.units[0] = CLOCK_TICKS;
	else if (!strcmp(unit, "cycles"))
		opt.units[0] = CLOCK_CYCLES;
	else if (!strcmp(unit, "ns"))
		opt.units[0] = CLOCK_NS;
	else
		die("--unit ns, cycles or instructions");
}

static double parse_number(char **arg, double least, double most)
{
	char *end;
	double value = strtod(value_of(arg), &end);

	if (*end || !(value >= least && value <= most))
		die("%s: a number from %g to %g", *arg, least, most);
	return value;
}

static char **parse_compare(char **arg)
{
	if (!arg[1] || !arg[2])
		die("--compare needs two files");
	opt.compare[0] = arg[1];
	opt.compare[1] = arg[2];
	return arg + 2;
}

static void parse(char **arg)
{
	while (*++arg) {
		if (!strcmp(*arg, "--workload")) {
			arg = parse_names(arg, &opt.works, work_exists);
		} else if (!strcmp(*arg, "--mechanism")) {
			arg = parse_names(arg, &opt.mechs, mech_exists);
		} else if (!strcmp(*arg, "--json")) {
			opt.json = value_of(arg++);
		} else if (!strcmp(*arg, "--unit")) {
			parse_unit(value_of(arg++));
		} else if (!strcmp(*arg, "--repeat")) {
			opt.repeat = (unsigned int)parse_number(arg++, 1, REPEAT_MAX);
		} else if (!strcmp(*arg, "--compare")) {
			arg = parse_compare(arg);
		} else if (!strcmp(*arg, "--spread")) {
			opt.spread = parse_number(arg++, 0, 1000);
		} else if (!strcmp(*arg, "--quick")) {
			opt.level = LEVEL_QUICK;
		} else if (!strcmp(*arg, "--all")) {
			opt.level = LEVEL_ALL;
		} else if (!strcmp(*arg, "--where")) {
			clock_marks = true;
		} else if (!strcmp(*arg, "--list")) {
			opt.list = true;
		} else if (!strcmp(*arg, "--explain")) {
			opt.explain = true;
		} else if (!strcmp(*arg, "--jobs")) {
			opt.jobs = true;
		} else if (!strcmp(*arg, "--help")) {
			usage(stdout);
			exit(0);
		} else {
			usage(stderr);
			exit(2);
		}
	}
}

/* ---- Surroundings ------------------------------------------------------ */

static void raise_files(void)
{
	struct rlimit rl = { FILES, FILES };

	if (!setrlimit(RLIMIT_NOFILE, &rl))
		return;
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	fprintf(stderr, "kevent-bench: only %lu files: large sizes will fail\n",
		(unsigned long)rl.rlim_cur);
}

/* Everything on one CPU: the cost of events, not of moving between caches. */
static void stay_here(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void find_device(void)
{
	unsigned int i;

	opt.device = !access("/dev/kevent", R_OK | W_OK);
	if (opt.device)
		return;
	for (i = 0; i < opt.mechs.num; i++) {
		if (!strncmp(opt.mechs.name[i], "kevent", 6))
			die_errno("/dev/kevent");
	}
	fprintf(stderr, "kevent-bench: no /dev/kevent: the others only\n");
}

/* What was not asked for by options. */
static void choose_units(void)
{
	bool ticks = opt.num_units && opt.units[0] == CLOCK_TICKS;

	if (!opt.repeat)
		opt.repeat = ticks ? 1 : REPEAT;
	if (opt.num_units)
		return;
	opt.units[opt.num_units++] = CLOCK_NS;
	if (clock_has_cycles())
		opt.units[opt.num_units++] = CLOCK_CYCLES;
	else
		fprintf(stderr, "kevent-bench: no cycles: %s\n", strerror(errno));
}

/* Until the clock of the processor has settled. */
static void warm_up(void)
{
	uint64_t end = clock_monotonic() + WARM_NS;

	if (opt.units[0] == CLOCK_TICKS) {
		clock_check_ticks();
		return;
	}
	if (opt.units[0] == CLOCK_CYCLES && !clock_has_cycles())
		die_errno("--unit cycles");
	while (clock_monotonic() < end)
		;
}

static int measure(void)
{
	unsigned int failures;

	stay_here();
	warm_up();
	if (opt.json)
		report_open(opt.json, opt.repeat);
	find_device();
	raise_files();
	failures = jobs_run();
	report_close();
	if (failures)
		fprintf(stderr, "kevent-bench: %u rows FAILED\n", failures);
	return failures != 0;
}

int main(int argc, char **argv)
{
	(void)argc;
	parse(argv);
	if (opt.compare[0])
		return !compare_files(opt.compare[0], opt.compare[1], opt.spread);
	if (opt.list || opt.explain) {
		(opt.list ? list : explain)();
		return 0;
	}
	choose_units();
	if (!opt.jobs)
		return measure();
	opt.device = true;
	jobs_print();
	return 0;
}
