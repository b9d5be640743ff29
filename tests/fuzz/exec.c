// SPDX-License-Identifier: GPL-2.0
/*
 * One program, in a child of its own: its threads, limits, and end.
 *
 * The journal holds the programs that ran last as text, each in a page that
 * begins with FUZZ-PROGRAM: whoever finds the memory of a machine that died can
 * tell what was running.
 */
#include "fuzz.h"

#include <err.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL_PAGES	8
#define PAGE		4096
#define HEADER		"FUZZ-PROGRAM"

#define LIMIT_MS	250	/* then the program is killed */
#define ALARM_MS	50	/* then its calls are interrupted */
#define JOIN_MS		100	/* so long its threads are waited for */
#define USER_ID		1000

struct fuzz_state fuzz;

static struct fuzz_thread threads[FUZZ_THREADS];
static struct fuzz_kcov kcov[FUZZ_THREADS];
static const uint64_t no_cover[1];
static char (*journal)[JOURNAL_PAGES][PAGE];
static uint32_t number;
static uint64_t runs;

static uint32_t scale(void)
{
	const char *value = getenv("KEVENT_TEST_SCALE");
	int n = value ? atoi(value) : 1;

	return n > 0 ? n : 1;
}

/* ---- The journal ------------------------------------------------------- */

void journal_init(void)
{
	journal = mmap(NULL, sizeof(*journal) * FUZZ_WORKERS,
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);
	fuzz.calls = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (journal == MAP_FAILED || fuzz.calls == MAP_FAILED)
		err(2, "mmap");
}

/* Returns false if the text has no room in its page. */
static bool journal_note(const struct fuzz_program *p)
{
	char *page = journal[number][runs % JOURNAL_PAGES];
	int n = snprintf(page, PAGE, HEADER " %u %llu running\n", number,
			 (unsigned long long)runs);

	return program_print(p, page + n, FUZZ_TEXT_MAX) < FUZZ_TEXT_MAX;
}

/* In place, so that nothing else is written: running becomes ended. */
static void journal_end(void)
{
	char *page = journal[number][runs++ % JOURNAL_PAGES];
	char *word = strstr(page, "running");

	if (word)
		memcpy(word, "ended  ", 7);
}

void journal_print(void)
{
	uint32_t worker, i;

	for (worker = 0; worker < FUZZ_WORKERS; worker++)
		for (i = 0; i < JOURNAL_PAGES; i++)
			if (journal[worker][i][0])
				printf("#> journal\n%s#> end\n",
				       journal[worker][i]);
	fflush(stdout);
}

/* ---- In the child ------------------------------------------------------ */

void run_calls(struct fuzz_thread *t, uint32_t first, uint32_t num)
{
	const struct fuzz_program *p = fuzz.program;
	uint32_t i;

	for (i = first; i < first + num && i < p->num; i++) {
		t->next = i + 1;
		op_at(p->call[i].op)->run(t, p->call[i].arg);
		__atomic_fetch_add(fuzz.calls, 1, __ATOMIC_RELAXED);
	}
}

static void *run_thread(void *arg)
{
	const struct fuzz_program *p = fuzz.program;
	struct fuzz_thread *t = arg;
	uint32_t num = p->num - p->split, round, i;
	uint32_t start = t->number * num / p->threads;

	if (t->number)
		cover_start(&kcov[t->number]);
	for (round = 0; round < p->rounds; round++)
		for (i = 0; i < num; i++)
			run_calls(t, p->split + (start + i) % num, 1);
	return NULL;
}

/* Who sleeps for ever is ended by the exit of the process. */
static void join_all(const pthread_t *thread, uint32_t num)
{
	struct timespec end;
	uint32_t i;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += JOIN_MS * 1000000;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	for (i = 1; i < num; i++)
		if (thread[i] && pthread_timedjoin_np(thread[i], NULL, &end))
			_exit(0);
}

static void run_threads(void)
{
	const struct fuzz_program *p = fuzz.program;
	pthread_t thread[FUZZ_THREADS] = {};
	uint32_t i;

	for (i = 1; i < p->threads; i++)
		if (pthread_create(&thread[i], NULL, run_thread, &threads[i]))
			thread[i] = 0;
	run_thread(&threads[0]);
	join_all(thread, p->threads);
}

/* While coverage is still noted. */
static void close_all(void)
{
	uint32_t i;

	for (i = 0; i < FUZZ_FDS; i++)
		slot_set(FUZZ_FDS - 1 - i, -1);
	for (i = 0; i < FUZZ_QUEUES * 3; i++)
		if (map_of(i / 3, i % 3)->at)
			munmap(map_of(i / 3, i % 3)->at,
			       map_of(i / 3, i % 3)->len);
}

static void interrupted(int signo)
{
	(void)signo;
}

/* No signal ends the program but those that tell of its own faults. */
static void take_signals(void)
{
	const struct itimerval tick = {
		.it_value.tv_usec = ALARM_MS * 1000,
		.it_interval.tv_usec = 20000,
	};
	struct sigaction action = { .sa_handler = interrupted };
	int signo;

	for (signo = 1; signo < NSIG; signo++)
		if (signo != SIGSEGV && signo != SIGBUS)
			sigaction(signo, &action, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
}

static void __attribute__((noreturn)) child_main(const struct fuzz_program *p)
{
	uint32_t i;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	munmap(shared, sizeof(*shared));
	fuzz.program = p;
	for (i = 0; i < FUZZ_FDS; i++)
		fuzz.fd[i] = -1;
	take_signals();
	cover_start(&kcov[0]);
	if (p->threads > 1) {
		run_calls(&threads[0], 0, p->split);
		run_threads();
	} else {
		run_calls(&threads[0], 0, p->num);
	}
	/* else the end of the process is what closes */
	if (p->rounds & 1)
		close_all();
	_exit(0);
}

/* ---- In the worker ----------------------------------------------------- */

static bool ends_in_time(pid_t pid)
{
	struct pollfd set = {
		.fd = syscall(SYS_pidfd_open, pid, 0),
		.events = POLLIN,
	};
	int n;

	if (set.fd < 0)
		err(2, "pidfd_open");
	n = poll(&set, 1, LIMIT_MS * scale());
	close(set.fd);
	return n == 1;
}

/* What can't be opened now is gone after the next program. */
static int tidy_one(const char *path, const struct stat *st, int type,
		    struct FTW *at)
{
	(void)st;
	(void)type;
	if (!at->level)
		return 0;
	while (remove(path) < 0)
		if (umount2(path, MNT_DETACH) < 0) {
			chmod(path, 0700);
			break;
		}
	return 0;
}

/* The next program finds no files of this one's. */
static void tidy(void)
{
	if (nftw(".", tidy_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
		err(2, "nftw");
}

void exec_run(const struct fuzz_program *program)
{
	struct fuzz_program p = *program;
	uint32_t i;
	pid_t pid;

	while (!journal_note(&p))
		program_drop(&p, p.num - 1);
	for (i = 0; i < FUZZ_THREADS; i++)
		if (kcov[i].area)
			kcov[i].area[0] = 0;
	pid = fork();
	if (pid < 0)
		err(2, "fork");
	if (!pid)
		child_main(&p);
	setpgid(pid, pid);
	if (!ends_in_time(pid))
		__atomic_fetch_add(&shared->killed, 1, __ATOMIC_RELAXED);
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	tidy();
	__atomic_fetch_add(&shared->programs, 1, __ATOMIC_RELAXED);
	journal_end();
}

const uint64_t *exec_cover(uint32_t thread)
{
	return kcov[thread].area ? kcov[thread].area : no_cover;
}

static void limit(int what, rlim_t value)
{
	const struct rlimit r = { value, value };

	if (setrlimit(what, &r))
		err(2, "setrlimit");
}

/* A small directory of its own, and, but for one, no rights. */
static void leave_root(void)
{
	char dir[32], owner[64];
	uid_t uid = number ? USER_ID + number - 1 : 0;

	snprintf(dir, sizeof(dir), "/tmp/fuzz-%u", number);
	snprintf(owner, sizeof(owner), "size=8m,nr_inodes=128,uid=%u", uid);
	mkdir(dir, 0755);
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("fuzz", dir, "tmpfs", 0, owner) || chdir(dir))
		err(2, "%s", dir);
	limit(RLIMIT_NOFILE, 64);
	limit(RLIMIT_NPROC, 64);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 1 << 20);
	limit(RLIMIT_SIGPENDING, 256);
	if (uid && (setgid(uid) || setuid(uid)))
		err(2, "setuid");
	prctl(PR_SET_DUMPABLE, 1);
}

void exec_init(uint32_t worker, bool guided)
{
	uint32_t i;

	number = worker;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < FUZZ_THREADS; i++) {
		threads[i].number = i;
		memory_init(&threads[i]);
		if (guided && !cover_open(&kcov[i]))
			err(2, "/sys/kernel/debug/kcov");
	}
	leave_root();
}
