// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz [-t SECONDS] [-w WORKERS] [-s SEED] [-r] [CORPUS...]: see fuzz.h. Ends
 * with 0; with 1 if the kernel's log has a line that matches
 * KEVENT_FUZZ_BAD, or a worker ended: then the programs that ran last are
 * printed.
 */
#include "fuzz.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct fuzz_shared *shared;

static pid_t workers[FUZZ_WORKERS];

/* ---- All calls, in one table ------------------------------------------- */

uint32_t op_num(void)
{
	return queue_ops_num + file_ops_num + task_ops_num;
}

const struct fuzz_op *op_at(uint32_t op)
{
	if (op < queue_ops_num)
		return &queue_ops[op];
	op -= queue_ops_num;
	return op < file_ops_num ? &file_ops[op] : &task_ops[op - file_ops_num];
}

/* ---- The corpus -------------------------------------------------------- */

static char *read_file(const char *name)
{
	FILE *f = fopen(name, "re");
	struct stat st;
	char *text;
	size_t n;

	if (!f || fstat(fileno(f), &st))
		err(2, "%s", name);
	text = calloc(1, st.st_size + 1);
	if (!text)
		err(2, "memory");
	n = fread(text, 1, st.st_size, f);
	text[n] = 0;
	fclose(f);
	return text;
}

static void read_corpus(const char *name)
{
	char *all = read_file(name);
	const char *text = all;
	struct fuzz_program p;

	while ((text = program_parse(&p, text, name)))
		corpus_add(&p);
	free(all);
}

/* ---- The kernel's log -------------------------------------------------- */

/* Returns the fd; only what comes from now on. */
static int open_log(regex_t *bad)
{
	const char *pattern = getenv("KEVENT_FUZZ_BAD");
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (!pattern || regcomp(bad, pattern, REG_EXTENDED | REG_NOSUB))
		errx(2, "KEVENT_FUZZ_BAD must be a pattern");
	if (fd < 0 || lseek(fd, 0, SEEK_END) < 0)
		err(2, "/dev/kmsg");
	return fd;
}

static bool log_is_bad(int fd, const regex_t *bad)
{
	char line[2048];
	ssize_t n;

	for (;;) {
		n = read(fd, line, sizeof(line) - 1);
		if (n < 0 && errno == EPIPE)
			continue;	/* it was overtaken */
		if (n <= 0)
			return false;
		line[n] = 0;
		if (!regexec(bad, line, 0, NULL, 0)) {
			printf("fuzz: the kernel said: %s", line);
			return true;
		}
	}
}

/* ---- The run ----------------------------------------------------------- */

static void start_workers(const struct fuzz_options *options)
{
	uint32_t i;

	for (i = 0; i < options->workers; i++) {
		workers[i] = fork();
		if (workers[i] < 0)
			err(2, "fork");
		if (!workers[i])
			worker_main(i, options);
	}
}

static void progress(time_t start)
{
	printf("fuzz: %ld s, %llu programs, %llu calls, %llu killed, %u places, corpus %u\n",
	       (long)(time(NULL) - start),
	       (unsigned long long)shared->programs,
	       (unsigned long long)*fuzz.calls,
	       (unsigned long long)shared->killed, cover_count(),
	       shared->corpus_num);
	fflush(stdout);
}

/* Returns false if something is wrong. */
static bool watch(const struct fuzz_options *options, int log,
		  const regex_t *bad)
{
	time_t start = time(NULL), told = start;

	while (time(NULL) - start < options->seconds) {
		usleep(200000);
		if (log_is_bad(log, bad))
			return false;
		if (waitpid(-1, NULL, WNOHANG) > 0) {
			printf("fuzz: a worker has ended\n");
			return false;
		}
		if (time(NULL) - told >= 30) {
			told = time(NULL);
			progress(start);
		}
	}
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
	while (waitpid(-1, NULL, 0) > 0)
		;
	progress(start);
	return !log_is_bad(log, bad);
}

static void read_options(struct fuzz_options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "t:w:s:r")) >= 0) {
		if (c == 't')
			o->seconds = atoi(optarg);
		else if (c == 'w')
			o->workers = atoi(optarg);
		else if (c == 's')
			o->seed = strtoull(optarg, NULL, 0);
		else if (c == 'r')
			o->replay = true;
		else
			errx(2, "usage: fuzz [-t S] [-w N] [-s SEED] [-r] [CORPUS...]");
	}
	if (!o->workers || o->workers > FUZZ_WORKERS)
		errx(2, "1 to %d workers", FUZZ_WORKERS);
}

int main(int argc, char **argv)
{
	struct fuzz_options options = {
		.seconds = 60, .workers = 3, .seed = time(NULL),
	};
	regex_t bad;
	bool good;
	int log;

	if (argc == 2 && !strcmp(argv[1], "--exit"))
		return 0;
	read_options(&options, argc, argv);
	log = open_log(&bad);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (shared == MAP_FAILED)
		err(2, "mmap");
	journal_init();
	for (; optind < argc; optind++)
		read_corpus(argv[optind]);
	shared->seeds = shared->corpus_num;
	if (options.replay && !shared->seeds)
		errx(2, "nothing to replay");
	shared->guided = cover_init();
	printf("fuzz: seed %llu, %u workers, %u programs known, %s\n",
	       (unsigned long long)options.seed, options.workers, shared->seeds,
	       shared->guided ? "guided by coverage" : "without coverage");
	fflush(stdout);
	start_workers(&options);
	good = watch(&options, log, &bad);
	if (!good) {
		journal_print();
		return 1;
	}
	if (shared->guided)
		cover_print();
	return 0;
}
