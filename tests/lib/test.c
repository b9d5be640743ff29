// SPDX-License-Identifier: GPL-2.0
/* The test harness: see test.h. */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { EXIT_PASSED = 0, EXIT_FAILED = 1, EXIT_SKIPPED = 4 };

static struct test_case *first_test;
static struct test_case **last_test = &first_test;

/* Written by the child that skips, read by the parent. */
static char *skip_reason;
#define SKIP_REASON_SIZE 4096

void test_register(struct test_case *test)
{
	*last_test = test;
	last_test = &test->next;
}

const char *test_errno_name(int error)
{
	const char *name = error ? strerrorname_np(error) : "0";

	return name ? name : "unknown";
}

/* One write() a line: threads and children print at the same time. */
static void print_line(const char *prefix, const char *format, va_list ap)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "# %s", prefix);

	n += vsnprintf(line + n, sizeof(line) - n, format, ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, n) < 0)
		_exit(EXIT_FAILED);
}

static void print_at(const char *file, int line, const char *format, va_list ap)
{
	char prefix[256];

	snprintf(prefix, sizeof(prefix), "%s:%d: ", file, line);
	print_line(prefix, format, ap);
}

void test_fail(const char *file, int line, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print_at(file, line, format, ap);
	va_end(ap);
	_exit(EXIT_FAILED);
}

void test_note(const char *file, int line, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print_at(file, line, format, ap);
	va_end(ap);
}

void test_skip(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(skip_reason, SKIP_REASON_SIZE, format, ap);
	va_end(ap);
	_exit(EXIT_SKIPPED);
}

unsigned int test_scale(void)
{
	const char *scale = getenv("KEVENT_TEST_SCALE");
	int value = scale ? atoi(scale) : 1;

	return value > 0 ? value : 1;
}

unsigned int scaled_rounds(unsigned int n)
{
	unsigned int rounds = n / test_scale();

	return rounds ? rounds : 1;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* --- threads, children, users -------------------------------------------- */

static void *thread_main(void *arg)
{
	struct test_thread *t = arg;

	__atomic_store_n(&t->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	return t->run(t->arg);
}

void thread_start(struct test_thread *t, void *(*run)(void *arg), void *arg)
{
	t->tid = 0;
	t->run = run;
	t->arg = arg;
	CHECK_EQ(pthread_create(&t->thread, NULL, thread_main, t), 0);
	while (!__atomic_load_n(&t->tid, __ATOMIC_ACQUIRE))
		sched_yield();
}

void *thread_join(struct test_thread *t)
{
	void *result;

	CHECK_EQ(pthread_join(t->thread, &result), 0);
	return result;
}

int cpu_count(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

void pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
}

pid_t start_child(void (*run)(void *arg), void *arg)
{
	pid_t pid = CHECK_OK(fork());

	if (pid)
		return pid;
	run(arg);
	_exit(EXIT_PASSED);
}

static int child_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		CHECK_EQ(errno, EINTR);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED)
		_exit(EXIT_SKIPPED);
	return status;
}

void wait_child(pid_t pid)
{
	int status = child_status(pid);

	if (WIFSIGNALED(status))
		FAIL("child %d was killed by signal %d", pid, WTERMSIG(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

void wait_killed(pid_t pid)
{
	int status = child_status(pid);

	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGKILL);
}

void become_user(uid_t uid)
{
	CHECK_OK(setgroups(0, NULL));
	CHECK_OK(setresgid(uid, uid, uid));
	CHECK_OK(setresuid(uid, uid, uid));
	/* Else /proc/self belongs to root. */
	CHECK_OK(prctl(PR_SET_DUMPABLE, 1));
}

/* --- what other tasks do ---------------------------------------------------- */

/* -1 if there is no such file or it may not be read. */
static int read_proc(pid_t tid, const char *name, char *buffer, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buffer, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	buffer[n] = 0;
	return n;
}

/* What follows the command's name, which may hold anything. */
static const char *stat_fields(pid_t tid, char *buffer, size_t size)
{
	const char *p;

	if (read_proc(tid, "stat", buffer, size) < 0)
		return NULL;
	p = strrchr(buffer, ')');
	return p && p[1] ? p + 2 : NULL;
}

char task_state(pid_t tid)
{
	char buffer[512];
	const char *fields = stat_fields(tid, buffer, sizeof(buffer));

	return fields ? *fields : 0;
}

/* "running" stands there instead of a number while the task runs. */
static bool in_syscall(pid_t tid, long number)
{
	char buffer[256], *end;
	long value;

	if (read_proc(tid, "syscall", buffer, sizeof(buffer)) < 0)
		return false;
	value = strtol(buffer, &end, 10);
	return end != buffer && value >= 0 && (number < 0 || value == number);
}

/* Between two sleeps of one call it may run: look at the state last. */
bool task_blocked(pid_t tid, long syscall_number)
{
	char state;

	if (!in_syscall(tid, syscall_number))
		return false;
	state = task_state(tid);
	return state == 'S' || state == 'D';
}

void wait_blocked_in(pid_t tid, long syscall_number)
{
	uint64_t end = now_ns() + test_scale() * 10000000000ull;

	while (!task_blocked(tid, syscall_number)) {
		char state = task_state(tid);

		if (!state || state == 'Z')
			FAIL("task %d ended instead of sleeping", tid);
		if (now_ns() > end)
			FAIL("task %d does not sleep: state %c", tid, state);
		sched_yield();
	}
}

void wait_blocked(pid_t tid)
{
	wait_blocked_in(tid, -1);
}

/* --- the report about a test that hangs --------------------------------------- */

static void print_proc(pid_t tid, const char *name)
{
	char buffer[4096], *line, *save = NULL;

	if (read_proc(tid, name, buffer, sizeof(buffer)) < 0)
		return;
	for (line = strtok_r(buffer, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		printf("#   %s: %s\n", name, line);
}

static void print_task(pid_t pid, pid_t tid)
{
	printf("# task %d of process %d, state %c\n", tid, pid, task_state(tid));
	print_proc(tid, "comm");
	print_proc(tid, "wchan");
	print_proc(tid, "syscall");
	print_proc(tid, "stack");
}

static void for_each_number(const char *path, void (*call)(pid_t n, pid_t arg),
			    pid_t arg)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (atoi(entry->d_name) > 0)
			call(atoi(entry->d_name), arg);
	closedir(dir);
}

static void print_thread(pid_t tid, pid_t pid)
{
	print_task(pid, tid);
}

static void print_if_in_group(pid_t pid, pid_t group)
{
	char buffer[512], path[64];
	const char *fields = stat_fields(pid, buffer, sizeof(buffer));
	int pgrp;

	if (!fields || sscanf(fields, "%*c %*d %d", &pgrp) != 1 || pgrp != group)
		return;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	for_each_number(path, print_thread, pid);
}

/* Blocked tasks go to the kernel's log, for those that we cannot see. */
static void sysrq_show_blocked(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "w", 1) < 0)
		perror("# sysrq-trigger");
	close(fd);
}

static void report_hang(pid_t pid)
{
	for_each_number("/proc", print_if_in_group, pid);
	sysrq_show_blocked();
}

/* --- running --------------------------------------------------------------------- */

static void __attribute__((noreturn)) run_in_child(const struct test_case *test)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (test->as_user)
		become_user(TEST_USER_ID);
	test->run();
	_exit(EXIT_PASSED);
}

/* False if it is still running after the time. */
static bool wait_exit(pid_t pid, int timeout_ms)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	int n;

	if (pidfd < 0)
		return false;
	do
		n = poll(&pfd, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	close(pidfd);
	return n > 0;
}

/* Orphans come to us, as we are their subreaper. */
static bool reap_all(pid_t child, int *status)
{
	uint64_t end = now_ns() + test_scale() * 10000000000ull;
	int any;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &any, WNOHANG);
		if (pid == child)
			*status = any;
		if (pid < 0 && errno == ECHILD)
			return true;
		if (pid == 0) {
			if (now_ns() > end)
				return false;
			usleep(1000);
		}
	}
}

static int judge(const struct test_case *test, int status, bool timed_out)
{
	if (timed_out) {
		printf("# %s: not done after %u s\n", test->name,
		       test->timeout * test_scale());
		return EXIT_FAILED;
	}
	if (WIFSIGNALED(status)) {
		printf("# %s: killed by signal %d (%s)\n", test->name,
		       WTERMSIG(status), strsignal(WTERMSIG(status)));
		return EXIT_FAILED;
	}
	switch (WEXITSTATUS(status)) {
	case EXIT_PASSED:
	case EXIT_SKIPPED:
		return WEXITSTATUS(status);
	default:
		return EXIT_FAILED;
	}
}

static int run_test(const struct test_case *test)
{
	int status = 0;
	bool timed_out;
	pid_t pid;

	snprintf(skip_reason, SKIP_REASON_SIZE, "no reason given");
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("# fork");
		return EXIT_FAILED;
	}
	if (!pid)
		run_in_child(test);
	setpgid(pid, pid);
	timed_out = !wait_exit(pid, test->timeout * test_scale() * 1000);
	if (timed_out)
		report_hang(pid);
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	if (!reap_all(pid, &status)) {
		printf("# %s: left a task that cannot be killed\n", test->name);
		report_hang(pid);
		return EXIT_FAILED;
	}
	return judge(test, status, timed_out);
}

static void print_result(const struct test_case *test, int number, int result)
{
	switch (result) {
	case EXIT_PASSED:
		printf("ok %d %s\n", number, test->name);
		break;
	case EXIT_SKIPPED:
		printf("ok %d %s # SKIP %s\n", number, test->name, skip_reason);
		break;
	default:
		printf("not ok %d %s\n", number, test->name);
		break;
	}
}

static bool selected(const struct test_case *test, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(test->name, *names))
			return true;
	return false;
}

static int list_tests(void)
{
	const struct test_case *test;

	for (test = first_test; test; test = test->next)
		puts(test->name);
	return EXIT_PASSED;
}

static int run_selected(char **names)
{
	int total = 0, number = 0, failed = 0, skipped = 0;
	const struct test_case *test;

	for (test = first_test; test; test = test->next)
		total += selected(test, names);
	printf("TAP version 13\n1..%d\n", total);
	for (test = first_test; test; test = test->next) {
		int result;

		if (!selected(test, names))
			continue;
		result = run_test(test);
		failed += result == EXIT_FAILED;
		skipped += result == EXIT_SKIPPED;
		print_result(test, ++number, result);
	}
	if (failed || !total)
		return EXIT_FAILED;
	return skipped == total ? EXIT_SKIPPED : EXIT_PASSED;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	skip_reason = mmap(NULL, SKIP_REASON_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (skip_reason == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		perror("# setup");
		return EXIT_FAILED;
	}
	if (argc > 1 && !strcmp(argv[1], "-l"))
		return list_tests();
	return run_selected(argv + 1);
}
