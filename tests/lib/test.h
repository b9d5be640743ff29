/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small test harness in the spirit of kselftest. A test program includes
 * this, defines tests and links with test.c, which has main():
 *
 *	TEST(write_wakes)
 *	{
 *		CHECK_EQ(write(fd, &one, 8), 8);
 *	}
 *
 * Each test runs in a child of its own, in a process group of its own, with
 * a time limit; what it leaves running is killed. The program prints KTAP and
 * exits with 0 (all passed), 1 (something failed) or 4 (all skipped).
 *
 * "./prog -l" lists the tests, "./prog name..." runs some. The environment's
 * KEVENT_TEST_SCALE multiplies every time limit.
 *
 * A failing CHECK ends its process with status 1, whichever thread it is in.
 * A test that forks must look at its child's status: see wait_child().
 */
#ifndef KEVENT_TEST_H
#define KEVENT_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define TEST_TIMEOUT_DEFAULT 20
#define TEST_USER_ID 1000

struct test_case {
	const char *name;
	void (*run)(void);
	unsigned int timeout;	/* seconds, before scaling */
	bool as_user;
	struct test_case *next;
};

void test_register(struct test_case *test);

#define TEST_DEFINE(name_, timeout_, as_user_)				\
	static void test_##name_(void);					\
	static struct test_case test_case_##name_ = {			\
		.name = #name_,						\
		.run = test_##name_,					\
		.timeout = timeout_,					\
		.as_user = as_user_,					\
	};								\
	static void __attribute__((constructor)) test_add_##name_(void)	\
	{								\
		test_register(&test_case_##name_);			\
	}								\
	static void test_##name_(void)

#define TEST(name) TEST_DEFINE(name, TEST_TIMEOUT_DEFAULT, false)
#define TEST_TIMEOUT(name, seconds) TEST_DEFINE(name, seconds, false)
/* The same as an ordinary user without capabilities. */
#define TEST_USER(name) TEST_DEFINE(name, TEST_TIMEOUT_DEFAULT, true)
#define TEST_USER_TIMEOUT(name, seconds) TEST_DEFINE(name, seconds, true)

/* Ends the test, and what it forked or started, as failed or skipped. */
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define SKIP(...) test_skip(__VA_ARGS__)

/* Says something without failing. */
#define NOTE(...) test_note(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(cond)							\
	do {								\
		if (!(cond))						\
			FAIL("%s (errno %s)", #cond,			\
			     test_errno_name(errno));			\
	} while (0)

/* Values are compared, and printed, as long long. */
#define CHECK_OP(a, op, b)						\
	do {								\
		long long a_ = (long long)(a);				\
		long long b_ = (long long)(b);				\
		if (!(a_ op b_))					\
			FAIL("%s %s %s: %lld (0x%llx) against %lld (0x%llx), errno %s", \
			     #a, #op, #b, a_, a_, b_, b_,		\
			     test_errno_name(errno));			\
	} while (0)

#define CHECK_EQ(a, b) CHECK_OP(a, ==, b)
#define CHECK_NE(a, b) CHECK_OP(a, !=, b)
#define CHECK_LT(a, b) CHECK_OP(a, <, b)
#define CHECK_LE(a, b) CHECK_OP(a, <=, b)
#define CHECK_GT(a, b) CHECK_OP(a, >, b)
#define CHECK_GE(a, b) CHECK_OP(a, >=, b)

/* A call that must not fail: int fd = CHECK_OK(open(...)); */
#define CHECK_OK(expr)							\
	({								\
		long long r_ = (long long)(expr);			\
		if (r_ < 0)						\
			FAIL("%s: %s", #expr, test_errno_name(errno));	\
		r_;							\
	})

/* A call that must return -1 with this errno. */
#define CHECK_ERRNO(expr, error)					\
	do {								\
		long long r_;						\
		int e_;							\
		errno = 0;						\
		r_ = (long long)(expr);					\
		e_ = errno;						\
		if (r_ != -1 || e_ != (error))				\
			FAIL("%s: expected %s, but it returned %lld with %s", \
			     #expr, test_errno_name(error), r_,		\
			     test_errno_name(e_));			\
	} while (0)

/*
 * What another thread or the kernel will bring about without our help. For
 * everything that can be waited for in the ordinary way, do that.
 */
#define CHECK_SOON(cond)						\
	do {								\
		uint64_t end_ = now_ns() + test_scale() * 5000000000ull; \
		while (!(cond)) {					\
			if (now_ns() > end_)				\
				FAIL("never happened: %s", #cond);	\
			usleep(1000);					\
		}							\
	} while (0)

void __attribute__((noreturn, format(printf, 3, 4)))
test_fail(const char *file, int line, const char *format, ...);
void __attribute__((noreturn, format(printf, 1, 2)))
test_skip(const char *format, ...);
void __attribute__((format(printf, 3, 4)))
test_note(const char *file, int line, const char *format, ...);
const char *test_errno_name(int error);
unsigned int test_scale(void);
/* So many rounds of a test that takes seconds, fewer where all is slow. */
unsigned int scaled_rounds(unsigned int n);

/* CLOCK_MONOTONIC */
uint64_t now_ns(void);

struct test_thread {
	pthread_t thread;
	pid_t tid;		/* valid once thread_start() has returned */
	void *(*run)(void *arg);
	void *arg;
};

void thread_start(struct test_thread *t, void *(*run)(void *arg), void *arg);
void *thread_join(struct test_thread *t);
/* The calling thread. */
void pin_to_cpu(int cpu);
int cpu_count(void);

/*
 * Returns when the thread or process really sleeps in a system call: in any,
 * or in the one with this number (__NR_ioctl). Fails the test if it does not.
 */
void wait_blocked(pid_t tid);
void wait_blocked_in(pid_t tid, long syscall_number);
/* The state letter of /proc/TID/stat, 0 if it is gone. */
char task_state(pid_t tid);
bool task_blocked(pid_t tid, long syscall_number);

/* Runs a function in a child; a failed CHECK there fails wait_child(). */
pid_t start_child(void (*run)(void *arg), void *arg);
void wait_child(pid_t pid);
/* One that only SIGKILL ends. */
void wait_killed(pid_t pid);
/* Gives up root for good. */
void become_user(uid_t uid);

/* How many mappings of the device this process has: three for a ring. */
static inline unsigned int device_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned int n = 0;

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		n += !!strstr(line, "/dev/kevent");
	fclose(f);
	return n;
}

#endif
