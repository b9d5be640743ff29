// SPDX-License-Identifier: GPL-2.0
/* kevent-top: the queues that it finds, its figures, its lines, and what it does to a terminal. */
#include "kev.h"
#include "seccomp.h"
#include "term.h"

#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define HEAD	"    PID COMMAND            FD WATCHES EVENTS MERGED   OVER WAITS IMMED TYPES"

/* ---- Running it -------------------------------------------------------------- */

struct top {
	pid_t pid;
	int out;		/* of stdout and stderr */
	char text[1 << 16];	/* what was read last */
};

static void exec_top(char *const *argv)
{
	char path[PATH_MAX + 32] = "";

	CHECK(readlink("/proc/self/exe", path, PATH_MAX) > 0);
	strcat(dirname(path), "/kevent-top");
	execv(path, argv);
	FAIL("%s: %s", path, test_errno_name(errno));
}

/* As that user; kcmp(2) fails if it is to. */
static void deny_kcmp(void)
{
	forbid(SYS_kcmp, EPERM);
}

static struct top *top_start_in(void (*prepare)(void), char *const *argv)
{
	struct top *t = calloc(1, sizeof(*t));
	int fds[2];

	CHECK(t);
	CHECK_OK(pipe2(fds, O_CLOEXEC));
	t->pid = CHECK_OK(fork());
	if (!t->pid) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		if (prepare)
			prepare();
		exec_top(argv);
	}
	close(fds[1]);
	t->out = fds[0];
	return t;
}

#define TOP_IN(prepare, ...)						\
	top_start_in(prepare, (char *const []){ "kevent-top", ##__VA_ARGS__, NULL })
#define TOP(...) TOP_IN(NULL, ##__VA_ARGS__)

/* Reads one look, to its empty line, or to the end. */
static const char *top_look(struct top *t)
{
	size_t n = 0;

	memset(t->text, 0, sizeof(t->text));
	while (n < sizeof(t->text) - 1 && read(t->out, t->text + n, 1) == 1) {
		n++;
		if (n > 1 && !strcmp(t->text + n - 2, "\n\n"))
			break;
	}
	return t->text;
}

static int top_end(struct top *t)
{
	int status;

	CHECK_EQ(waitpid(t->pid, &status, 0), t->pid);
	CHECK(WIFEXITED(status));
	close(t->out);
	free(t);
	return WEXITSTATUS(status);
}

/* It says this, and no more, and ends with that status. */
static void top_expect(struct top *t, int status, const char *words)
{
	if (!strstr(top_look(t), words))
		FAIL("it said \"%s\", not \"%s\"", t->text, words);
	CHECK_EQ(top_end(t), status);
}

/* ---- A line of it --------------------------------------------------------------- */

struct line {
	int number;		/* of the line in the look */
	char pid[16], command[16], fd[16], rest[256];
	unsigned long long watches;
	char rate[5][16];	/* events, merged, overflowed, waits, immediate */
};

enum { EVENTS, MERGED, OVERFLOWED, WAITS, IMMEDIATE };

static bool parse_line(const char *text, struct line *l)
{
	/* 15 columns: a name may have anything in it */
	return sscanf(text, "%15s %15c %15s %llu %15s %15s %15s %15s %15s%255[^\n]", l->pid,
		      l->command, l->fd, &l->watches, l->rate[0], l->rate[1], l->rate[2],
		      l->rate[3], l->rate[4], l->rest) >= 9;
}

/* The line of a queue: its number, 0 if there is none. */
static int find_line(const char *text, pid_t pid, const char *fd, struct line *l)
{
	int number = 1;

	for (; text && *text; text = strchr(text, '\n'), text += !!text, number++) {
		memset(l, 0, sizeof(*l));
		l->number = number;
		if (parse_line(text, l) && atoi(l->pid) == pid && (!fd || !strcmp(l->fd, fd)))
			return number;
	}
	return 0;
}

static struct line expect_line(const char *text, pid_t pid, int fd, const char *suffix)
{
	char name[32];
	struct line l;

	snprintf(name, sizeof(name), "%d%s", fd, suffix);
	if (!find_line(text, pid, name, &l))
		FAIL("no line of process %d, fd %s in:\n%s", pid, name, text);
	return l;
}

/* ---- Figures --------------------------------------------------------------------- */

static void be_busy(int q, struct kevent_ring *ring)
{
	struct timespec soon = { .tv_nsec = 1000000 };
	int i;

	for (i = 0; i < 2000; i++) {
		kev_fire(q, 1, 1);
		kev_fire(q, 1, 1);
		kev_fire(q, 1, 1);
		kev_expect(ring, 1, 1);
	}
	/* two more than there is room for, each time */
	for (i = 0; i < 500; i++) {
		kev_fire(q, 1, 1);
		kev_fire(q, 2, 1);
		kev_fire(q, 3, 1);
		kev_fire(q, 4, 1);
		kev_expect(ring, 1, 1);
		kev_expect(ring, 2, 1);
		kev_expect(ring, 3, 1);
		kev_expect(ring, 4, 1);
	}
	for (i = 0; i < 100; i++)
		CHECK_EQ(kevent_wait(q, 1, kev_tail(ring), &soon, 0), 0);
	for (i = 0; i < 300; i++)
		CHECK_EQ(kevent_wait(q, 1, kev_tail(ring) - 1, &soon, 0), 1);
}

static const char *const stat_names[] = { "posted", "merged", "overflowed", "waits", "immediate" };

/* In so many seconds, at least and at most. */
static void check_rates(const struct line *l, const unsigned long long *count, double min,
			double max)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stat_names); i++) {
		double rate = strtod(l->rate[i], NULL);

		if (rate < count[i] / max - 0.6 || rate > count[i] / min + 0.6)
			FAIL("%s: %s a second, of %llu in %.3f to %.3f s", stat_names[i],
			     l->rate[i], count[i], min, max);
	}
}

/* The whole of it: order, figures, the total. */
TEST_TIMEOUT(rates, 60)
{
	struct kevent_ring ring, other;
	int q = kev_queue(&ring, 2), idle = kev_queue(&other, 4), i;
	int pair[2];
	unsigned long long count[ARRAY_SIZE(stat_names)];
	struct top *t = TOP("-b", "-n", "2", "-d", "3");
	uint64_t start = now_ns();
	struct line l, slow;

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	for (i = 1; i <= 4; i++)
		kev_add_user(q, i);
	kev_add(q, KEVENT_SOCKET, pair[0], KEVENT_SOCKET_RECV, 0);
	kev_add_user(idle, 1);
	top_look(t);
	CHECK(!strncmp(t->text, HEAD "\n", strlen(HEAD) + 1));
	expect_line(t->text, getpid(), idle, "");
	l = expect_line(t->text, getpid(), q, "");
	for (i = 0; i < 5; i++)
		CHECK(!strcmp(l.rate[i], "-"));
	for (i = 0; i < 5; i++)
		count[i] = kev_stat(q, stat_names[i]);
	be_busy(q, &ring);
	for (i = 0; i < 5; i++) {
		count[i] = kev_stat(q, stat_names[i]) - count[i];
		CHECK_GE(count[i], 100);
	}
	if (now_ns() - start > 2800000000ull)
		SKIP("too slow to be over within an interval");
	top_look(t);
	slow = expect_line(t->text, getpid(), idle, "");
	l = expect_line(t->text, getpid(), q, "");
	check_rates(&l, count, 2.99, (now_ns() - start) / 1e9);
	CHECK_EQ(l.number, 2);
	CHECK_GT(slow.number, l.number);
	CHECK_EQ(l.watches, 5);
	CHECK(!strcmp(l.rest, " socket:1 unotify:4"));
	CHECK(!strcmp(slow.rate[EVENTS], "0") && !strcmp(slow.rest, " unotify:1"));
	CHECK(strstr(t->text, "\n  total 2 queues                    6 "));
	/* all of it is the busy one's */
	CHECK(strstr(strstr(t->text, "  total "), l.rate[EVENTS]));
	CHECK(!strstr(t->text, "may not be read"));
	CHECK(!*top_look(t));
	CHECK_EQ(top_end(t), 0);
}

/* For how long it sleeps: what its call was given. */
static struct timespec asleep_for(pid_t pid)
{
	unsigned long at;
	struct timespec ts;
	char path[64];
	FILE *f;
	int mem;

	wait_blocked_in(pid, __NR_clock_nanosleep);
	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	f = fopen(path, "re");
	CHECK(f);
	CHECK_EQ(fscanf(f, "%*d %*x %*x %lx", &at), 1);
	fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = CHECK_OK(open(path, O_RDONLY | O_CLOEXEC));
	CHECK_EQ(pread(mem, &ts, sizeof(ts), at), sizeof(ts));
	close(mem);
	return ts;
}

/* More microseconds than 32 bits hold. */
TEST(long_interval)
{
	struct top *t = TOP("-b", "-d", "5000.25");
	struct timespec ts;

	top_look(t);
	ts = asleep_for(t->pid);
	CHECK_EQ(ts.tv_sec, 5000);
	CHECK_EQ(ts.tv_nsec, 250000000);
}

/* A second queue that gets the number of a first one begins anew. */
TEST(number_used_again)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), again;
	struct top *t;

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	t = TOP("-b", "-n", "2");
	top_look(t);
	kev_close(q, &ring);
	again = kev_queue(NULL, 0);
	CHECK_EQ(again, q);
	CHECK(!strcmp(expect_line(top_look(t), getpid(), q, "").rate[EVENTS], "-"));
	CHECK_EQ(top_end(t), 0);
}

static void sleep_on(void *arg)
{
	(void)arg;
	pause();
}

/* One line, whoever has it. */
TEST(inherited)
{
	int q, copy, other;
	struct line l;
	struct top *t;
	pid_t child;

	q = kev_queue(NULL, 0);
	copy = CHECK_OK(fcntl(q, F_DUPFD_CLOEXEC, 0));
	other = kev_queue(NULL, 0);
	child = start_child(sleep_on, NULL);
	t = TOP("-b", "-n", "1");
	top_look(t);
	expect_line(t->text, getpid(), q, "+3");
	expect_line(t->text, getpid(), other, "+1");
	CHECK(!find_line(t->text, child, NULL, &l));
	CHECK(strstr(t->text, "total 2 queues"));
	CHECK_EQ(top_end(t), 0);
	/* of one process */
	t = TOP("-b", "-n", "1", "-p", "1");
	CHECK(strstr(top_look(t), "total 0 queues"));
	CHECK_EQ(top_end(t), 0);
	/* it can't be told, and that is said */
	t = TOP_IN(deny_kcmp, "-b", "-n", "1");
	top_look(t);
	expect_line(t->text, getpid(), q, "");
	expect_line(t->text, getpid(), copy, "");
	expect_line(t->text, child, q, "");
	CHECK(strstr(t->text, "\nkcmp(2) is not permitted"));
	CHECK_EQ(top_end(t), 0);
}

/* As much as a static program needs, and a megabyte. */
static void limit_memory(void)
{
	struct rlimit limit = { .rlim_cur = 4 << 20, .rlim_max = 4 << 20 };

	CHECK_OK(setrlimit(RLIMIT_DATA, &limit));
}

static void add_many(int q, unsigned int n)
{
	static struct ukevent uk[1024];
	unsigned int i, done = 0;

	while (done < n) {
		for (i = 0; i < ARRAY_SIZE(uk) && done < n; i++, done++)
			kevent_prep(&uk[i], KEVENT_UNOTIFY, done, 1, 0, 0);
		CHECK_OK(kevent_ctl(q, KEVENT_CTL_ADD, i, uk));
	}
}

/* More watches than fdinfo lists: read in little memory. */
TEST_TIMEOUT(many_watches, 120)
{
	int q = kev_queue(NULL, 0);
	struct top *t;
	struct line l;

	add_many(q, 65536 + 300);
	t = TOP_IN(limit_memory, "-b", "-n", "1");
	l = expect_line(top_look(t), getpid(), q, "");
	CHECK_EQ(l.watches, 65836);
	CHECK(!strcmp(l.rest, " unotify:65536 unlisted:300"));
	CHECK_EQ(top_end(t), 0);
}

/* ---- What is no queue; names ------------------------------------------------------ */

TEST(other_files)
{
	struct top *t;
	struct line l;

	CHECK_OK(open("/tmp/kevent", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	t = TOP("-b", "-n", "1");
	CHECK(!find_line(top_look(t), getpid(), NULL, &l));
	CHECK_EQ(top_end(t), 0);
}

TEST(strange_name)
{
	int q = kev_queue(NULL, 0);
	struct top *t;

	CHECK_OK(prctl(PR_SET_NAME, " a\033[2J\n\303\244b"));
	t = TOP("-b", "-n", "1");
	top_look(t);
	CHECK(!strncmp(expect_line(t->text, getpid(), q, "").command, "?a?[2J???b     ", 15));
	CHECK_EQ(top_end(t), 0);
}

/* ---- Rights, errors ---------------------------------------------------------------- */

static void user(void)
{
	become_user(TEST_USER_ID);
}

/* How many processes it says that it may not read. */
static int count_refused(const char *text)
{
	const char *words = strstr(text, " may not be read\n");
	int n = 0;

	if (!words)
		return 0;
	while (words > text && words[-1] != '\n')
		words--;
	CHECK(sscanf(words, "%d process", &n) == 1);
	return n;
}

static void hold_as_user(void *arg)
{
	user();
	CHECK_OK(close(*(int *)arg));
	CHECK_EQ(kev_queue(NULL, 0), *(int *)arg);
	sleep(1000);
}

TEST(other_users)
{
	int q = kev_queue(NULL, 0), refused;
	struct top *t = TOP_IN(user, "-b", "-n", "1");
	struct line l;
	char pid[16];
	pid_t child;

	refused = count_refused(top_look(t));
	CHECK(!find_line(t->text, getpid(), NULL, &l));
	CHECK_EQ(top_end(t), 0);
	/* this one, and those of the machine; kernel threads are no processes here */
	CHECK_GE(refused, 1);
	CHECK_LE(refused, 12);
	start_child(sleep_on, NULL);
	start_child(sleep_on, NULL);
	child = start_child(hold_as_user, &q);
	wait_blocked_in(child, __NR_clock_nanosleep);
	t = TOP_IN(user, "-b", "-n", "1");
	top_look(t);
	CHECK_EQ(count_refused(t->text), refused + 2);
	expect_line(t->text, child, q, "");
	CHECK(strstr(t->text, "total 1 queue "));
	CHECK_EQ(top_end(t), 0);
	/* root sees all */
	t = TOP("-b", "-n", "1");
	CHECK_EQ(count_refused(top_look(t)), 0);
	CHECK_EQ(top_end(t), 0);
	snprintf(pid, sizeof(pid), "%d", getpid());
	top_expect(TOP_IN(user, "-b", "-p", pid), 1, "Permission denied\n");
}

TEST(bad_options)
{
	top_expect(TOP("-x"), 2, "usage:");
	top_expect(TOP("more"), 2, "'more' is not an option");
	top_expect(TOP("-d", "0"), 2, "SECONDS must be a number from 0.1");
	top_expect(TOP("-d", "nan"), 2, "SECONDS must be a number");
	top_expect(TOP("-n", "0"), 2, "COUNT must be a number from 1");
	top_expect(TOP("-n", "1.5"), 2, "COUNT must be a number from 1");
	top_expect(TOP("-p", "self"), 2, "PID must be a number from 1");
	top_expect(TOP("--help"), 0, "usage: kevent-top [-b]");
}

/* Hides all processes. */
static void hide_proc(void)
{
	CHECK_OK(unshare(CLONE_NEWNS));
	CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_OK(mount("none", "/proc", "tmpfs", 0, NULL));
}

/* Before that the program has to be found. */
static void exec_without_proc(void)
{
	char path[PATH_MAX + 32] = "";

	CHECK(readlink("/proc/self/exe", path, PATH_MAX) > 0);
	hide_proc();
	execl(strcat(dirname(path), "/kevent-top"), "kevent-top", "-b", NULL);
	FAIL("%s: %s", path, test_errno_name(errno));
}

static void write_to_full(void)
{
	dup2(CHECK_OK(open("/dev/full", O_WRONLY)), 1);
}

TEST(failures)
{
	pid_t child = start_child(sleep_on, NULL);
	struct top *t;
	char pid[16];

	top_expect(TOP("-p", "4000000"), 1, "there is no process 4000000\n");
	top_expect(TOP_IN(exec_without_proc), 1, "/proc cannot be read: No such file");
	top_expect(TOP_IN(write_to_full, "-b"), 1, "cannot write: No space left");
	/* it ends meanwhile */
	snprintf(pid, sizeof(pid), "%d", child);
	t = TOP("-b", "-d", "0.5", "-p", pid);
	top_look(t);
	CHECK_OK(kill(child, SIGKILL));
	wait_killed(child);
	while (strstr(top_look(t), "total"))
		;
	CHECK(strstr(t->text, " has ended\n"));
	CHECK_EQ(top_end(t), 0);
}

/* ---- A terminal --------------------------------------------------------------------- */

#define TERM(...) \
	term_start(exec_top, (char *const []){ "kevent-top", ##__VA_ARGS__, NULL })

/* It draws, again each interval, in place; keys but q change nothing. */
TEST_TIMEOUT(draws, 60)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 64);
	unsigned int i;
	char row[64];
	struct line l;

	kev_add_user(q, 1);
	TERM("-d", "0.3");
	snprintf(row, sizeof(row), "%7d top ", getpid());
	CHECK_SOON(term_has(row));
	CHECK(term.alternate && !term.cursor && !term_is_cooked());
	CHECK(!strcmp(term.cell[0], HEAD));
	CHECK(!strncmp(term.cell[1], row, strlen(row)));
	CHECK(!strncmp(term.cell[2], "  total 1 queue ", 16));
	term_type("x\n");
	CHECK_SOON(term_has(" 0     0     0     0 unotify:1") || term_has(" 0     0 unotify:1"));
	CHECK(parse_line(term.cell[1], &l) && !strcmp(l.rate[EVENTS], "0"));
	/* as many entries, as each is claimed: enough for a machine that is slow */
	for (i = 1; i <= 50; i++) {
		kev_fire(q, 1, 1);
		kev_claim_to(&ring, i);
	}
	CHECK_SOON(term_has(row) && parse_line(term.cell[1], &l) && atof(l.rate[EVENTS]) > 1);
	CHECK_SOON(term_has(row) && parse_line(term.cell[1], &l) && atof(l.rate[EVENTS]) == 0);
	CHECK(!*term.cell[3]);
	/* a queue that goes leaves nothing behind */
	kev_close(q, &ring);
	CHECK_SOON(term_has("total 0 queues"));
	CHECK_SOON(!term_has(row) && !*term.cell[2]);
	term_type("q");
	term_expect_end(0);
	CHECK(!term_has("total"));
}

/* In the width and the height that there are. */
TEST_TIMEOUT(sizes, 60)
{
	int i;

	for (i = 0; i < 15; i++)
		kev_add_user(kev_queue(NULL, 0), 1);
	TERM("-d", "1000");
	CHECK_SOON(term_has("total 15 queues"));
	CHECK(!term_has(" more"));
	term_size(40, 10);
	CHECK_SOON(term_has("8 queues more"));
	CHECK_SOON(term_has("total 15 queues"));
	CHECK(!strncmp(term.cell[0], HEAD, 40) && strlen(term.cell[0]) == 40);
	CHECK(!strncmp(term.cell[9], "  total", 7) && !*term.cell[10]);
	term_size(20, 2);
	CHECK_SOON(term_has("15 queues more"));
	CHECK(!*term.cell[2]);
	term_size(120, 30);
	CHECK_SOON(term_has("total 15 queues") && !strcmp(term.cell[0], HEAD));
	CHECK(!term_has(" more"));
	term_type("q");
	term_expect_end(0);
}

TEST_TIMEOUT(ended_by_signals, 60)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	unsigned int i;

	TERM("-d", "1000");
	CHECK_SOON(term_has("total"));
	term_type("\003");
	term_expect_end(0);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		TERM("-d", "1000");
		CHECK_SOON(term_has("total"));
		CHECK_OK(kill(term.pid, numbers[i]));
		term_expect_end(0);
	}
}

/* Ctrl-Z, and on again. */
TEST(stopped)
{
	int status;

	TERM("-d", "1000");
	CHECK_SOON(term_has("total"));
	term_type("\032");
	CHECK_EQ(waitpid(term.pid, &status, WUNTRACED), term.pid);
	CHECK(WIFSTOPPED(status));
	CHECK(!term_has("total") && !term.alternate && term.cursor && term_is_cooked());
	CHECK_OK(kill(term.pid, SIGCONT));
	CHECK_SOON(term_has("total"));
	CHECK(term.alternate && !term_is_cooked());
	term_type("q");
	term_expect_end(0);
}

/* The last look stays, as text. */
TEST(counted)
{
	TERM("-n", "2", "-d", "0.1");
	term_expect_end(0);
	CHECK(term_has(HEAD) && term_has("  total 0 queues"));
}

TEST(fails_on_a_terminal)
{
	pid_t child = start_child(sleep_on, NULL);
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", child);
	TERM("-d", "0.1", "-p", pid);
	CHECK_SOON(term_has("total 0 queues"));
	CHECK_OK(kill(child, SIGKILL));
	wait_killed(child);
	term_expect_end(0);
	CHECK(term_has(" has ended"));
}

TEST(plain_on_a_terminal)
{
	TERM("-b", "-n", "1");
	CHECK_SOON(term_has("  total 0 queues"));
	CHECK(!*term.sequence);
	term_expect_end(0);
}
