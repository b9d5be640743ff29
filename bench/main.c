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

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http.h"
#include "kqueue.h"
#include "sendfile.h"

#define ROW_SECONDS	300	/* a lost event must not hang the rest */
#define FILES		262144

static const struct work *const works[] = {
	&work_pipe, &work_eventfd, &work_unix, &work_tcp,
	&work_libevent, &work_batch, &work_change, &work_close,
	&work_timer, &work_pingpong, &work_memory, &work_http, &work_sendfile,
	&work_answer, &work_files, &work_kqueue, &work_changelist,
	&work_ready, &work_overflow,
	&work_cpus, &work_spin,
};

static const struct mech_ops *const mechs[] = {
	&mech_epoll_lt, &mech_epoll_et, &mech_uring, &mech_uring_defer,
	&mech_uring_look, &mech_poll, &mech_ring_et, &mech_ring_lt, &mech_ring_socket,
	&mech_ring_pipe, &mech_get_et, &mech_get_lt, &mech_get_socket,
	&http_epoll_lt, &http_epoll_et, &http_uring_poll,
	&http_uring_operations, &http_ring_plain, &http_ring_batched,
	&sendfile_epoll, &sendfile_uring_splice, &sendfile_uring_copy,
	&sendfile_ring, &kqueue_hand_lt, &kqueue_hand_et, &kqueue_library,
	&kqueue_library_clear,
};

#define NAMES_MAX	32

struct names {
	const char *name[NAMES_MAX];
	unsigned int num;
};

static struct {
	struct names works, mechs;
	const char *json;
	enum level level;
	bool list;
	bool device;
} opt = { .level = LEVEL_DEFAULT };

static unsigned int failures;

/* ---- Options ----------------------------------------------------------- */

static bool selected(const struct names *names, const char *name)
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

static bool work_selected(const struct work *w)
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

	for (i = 0; i < ARRAY_SIZE(works); i++) {
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

	for (i = 0; i < ARRAY_SIZE(mechs); i++) {
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
	      "  --unit ns|instructions\n"
	      "                       instructions can be counted only in QEMU with\n"
	      "                       -icount shift=0\n"
	      "  --json FILE          write the figures to FILE, one object a line; -: to\n"
	      "                       stdout, which then gets nothing else\n"
	      "  --list               print what can be measured\n"
	      "  --where              for bench/where.sh, which traces this program\n"
	      "  --help               print this text\n"
	      "\n"
	      "Figures are the cost of one event (or change, close, timer), in addition to\n"
	      "the same work without any mechanism. Exit status 1: a row could not be\n"
	      "measured, or an event was missing or wrong.\n", f);
}

static void list(void)
{
	unsigned int i, j;

	printf("workloads:\n");
	for (i = 0; i < ARRAY_SIZE(works); i++) {
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
	for (i = 0; i < ARRAY_SIZE(mechs); i++)
		printf("  %-15s %s%s\n", mechs[i]->name, mechs[i]->mode,
		       mechs[i]->http ? " (http)" :
		       mechs[i]->sendfile ? " (sendfile)" :
		       mechs[i]->changelist ? " (kqueue)" : "");
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
	if (!strcmp(unit, "instructions"))
		clock_use_ticks();
	else if (strcmp(unit, "ns"))
		die("--unit ns or instructions");
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
		} else if (!strcmp(*arg, "--quick")) {
			opt.level = LEVEL_QUICK;
		} else if (!strcmp(*arg, "--all")) {
			opt.level = LEVEL_ALL;
		} else if (!strcmp(*arg, "--where")) {
			clock_marks = true;
		} else if (!strcmp(*arg, "--list")) {
			opt.list = true;
		} else if (!strcmp(*arg, "--help")) {
			usage(stdout);
			exit(0);
		} else {
			usage(stderr);
			exit(2);
		}
	}
}

/* ---- Running ----------------------------------------------------------- */

static void describe(const struct job *job)
{
	fprintf(stderr, "%s n=%u k=%u %s %s", job->work->names[0],
		job->size->n, job->size->k, job->ops->name,
		job->size->mode ? job->size->mode : job->ops->mode);
}

/* The next stop of bench/where.sh; what it sees follows. */
static __attribute__((noinline)) void where_job(void)
{
	__asm__ volatile("");
}

static void run_here(const struct job *job, struct results *res)
{
	alarm(ROW_SECONDS);
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
static bool run_job(const struct job *job, struct results *res)
{
	pid_t pid;
	int status;

	res->num = 0;
	if (opt.json && !strcmp(opt.json, "-")) {
		describe(job);
		fputc('\n', stderr);
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die_errno("fork");
	if (!pid) {
		run_here(job, res);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			die_errno("waitpid");
	}
	if (status == 0 && res->num)
		return true;
	failures++;
	describe(job);
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

static void run_case(const struct work *w, const struct work_case *size,
		     struct results *res, struct results *bare)
{
	struct job job = { w, &mech_bare, size };
	unsigned int i, j;

	bare->num = 0;
	if (w->bare && !run_job(&job, bare))
		return;
	for (i = 0; i < ARRAY_SIZE(mechs); i++) {
		if (!suits(w, size, mechs[i]))
			continue;
		job.ops = mechs[i];
		if (!run_job(&job, res))
			continue;
		for (j = 0; j < res->num; j++) {
			if (selected(&opt.works, res->r[j].workload))
				report_row(&job, &res->r[j],
					   find_bare(bare, &res->r[j]));
		}
	}
}

static void run_works(void)
{
	const struct work_case *size;
	struct results *shared;
	unsigned int i;

	shared = mmap(NULL, 2 * sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die_errno("mmap");
	for (i = 0; i < ARRAY_SIZE(works); i++) {
		if (!work_selected(works[i]))
			continue;
		for (size = works[i]->cases; size->n; size++) {
			if (size->level <= opt.level &&
			    size->cpus <= cpu_online())
				run_case(works[i], size, &shared[0],
					 &shared[1]);
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

int main(int argc, char **argv)
{
	(void)argc;
	parse(argv);
	if (opt.list) {
		list();
		return 0;
	}
	if (opt.json)
		report_open(opt.json);
	find_device();
	raise_files();
	stay_here();
	run_works();
	report_close();
	if (failures)
		fprintf(stderr, "kevent-bench: %u rows FAILED\n", failures);
	return failures != 0;
}
