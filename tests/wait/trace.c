// SPDX-License-Identifier: GPL-2.0
/* Tracepoints: each comes when it is to, with what is true then, for tracefs and perf. */
/* vm: --smp 1 */
#include "kev.h"

#include <linux/perf_event.h>
#include <stdarg.h>

#define TRACING "/sys/kernel/tracing/"

/* ---- An instance of tracefs ---------------------------------------------------- */

static char instance[] = TRACING "instances/kevent.XXXXXX";
static char queue[32];		/* the one that is traced; "": any */
static char text[1 << 16];	/* what was read, and is not expected yet */

static int instance_open(const char *file, int flags)
{
	char path[sizeof(instance) + 64];

	snprintf(path, sizeof(path), "%s/%s", instance, file);
	return CHECK_OK(open(path, flags | O_CLOEXEC));
}

static void enable(const char *on)
{
	int fd = instance_open("events/kevent/enable", O_WRONLY);

	CHECK_EQ(write(fd, on, 1), 1);
	close(fd);
}

static void trace_begin(void)
{
	if (access(TRACING "instances", W_OK))
		SKIP("no tracefs in " TRACING);
	CHECK(mkdtemp(instance));
	enable("1");
}

static void trace_read(void)
{
	size_t n = strlen(text);
	ssize_t ret;
	int fd;

	fd = instance_open("trace_pipe", O_RDONLY | O_NONBLOCK);
	while ((ret = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += ret;
	CHECK(ret == 0 || errno == EAGAIN);
	text[n] = 0;
	close(fd);
}

/* Nothing else was traced. */
static void trace_end(void)
{
	enable("0");
	trace_read();
	if (*text)
		FAIL("also traced:\n%s", text);
	CHECK_OK(rmdir(instance));
}

/* The line in which this comes, of the traced queue; where its fields begin.  Or NULL. */
static char *find_line(const char *event, const char *fields)
{
	char start[64], value[32];
	size_t len = strlen(fields);
	char *at = text;
	int n;

	snprintf(start, sizeof(start), ": %s: queue=", event);
	while ((at = strstr(at, start))) {
		at += strlen(start);
		if (sscanf(at, "%31s%n", value, &n) == 1 && !strncmp(at + n, fields, len) &&
		    at[n + len] == '\n' && (!*queue || !strcmp(queue, value))) {
			strcpy(queue, value);
			return at;
		}
	}
	return NULL;
}

/* This was traced, once: with these fields behind the queue. */
static void __attribute__((format(printf, 2, 3)))
expect(const char *event, const char *format, ...)
{
	char fields[512], *at, *line;
	va_list args;

	va_start(args, format);
	vsnprintf(fields, sizeof(fields), format, args);
	va_end(args);
	trace_read();
	at = find_line(event, fields);
	if (!at)
		FAIL("no %s with queue=%s%s in:\n%s", event, queue, fields, text);
	for (line = at; line > text && line[-1] != '\n'; line--)
		;
	at = strchr(at, '\n') + 1;
	memmove(line, at, strlen(at) + 1);
}

static void expect_watch(const char *event, const struct ukevent *uk, unsigned int bits,
			 unsigned int flags, const char *state)
{
	expect(event, " cookie=%llx type=%u id=%llx event=%x req_flags=%x ptr=%llx state=%s",
	       (unsigned long long)uk->cookie, uk->type,
	       (unsigned long long)uk->id.raw_u64, bits, flags,
	       (unsigned long long)uk->ptr, state);
}

static void expect_event(const char *event, const struct ukevent *uk, unsigned int bits,
			 unsigned int flags, unsigned int data, unsigned int merged)
{
	expect(event,
	       " cookie=%llx type=%u id=%llx bits=%x ret_flags=%x data=%u merged=%u ptr=%llx",
	       (unsigned long long)uk->cookie, uk->type,
	       (unsigned long long)uk->id.raw_u64, bits, flags, data, merged,
	       (unsigned long long)uk->ptr);
}

static void expect_cancel(const struct ukevent *uk, unsigned int bits)
{
	expect("kevent_cancel", " cookie=%llx type=%u id=%llx bits=%x",
	       (unsigned long long)uk->cookie, uk->type,
	       (unsigned long long)uk->id.raw_u64, bits);
}

/* ---- What is traced ------------------------------------------------------------ */

TEST(watch_and_events)
{
	struct kevent_ring ring;
	struct ukevent uk;
	int q;

	trace_begin();
	q = kev_queue(&ring, 8);
	uk = kev_add_user(q, 7);
	expect_watch("kevent_add", &uk, ~0u, KEVENT_REQ_ET, "adding");
	kev_fire(q, 7, 3);
	expect_event("kevent_event", &uk, 3, KEVENT_RET_DATA, 1, 0);
	kev_fire(q, 7, 4);
	expect_event("kevent_merge", &uk, 7, KEVENT_RET_DATA, 2, 1);
	kev_remove(q, KEVENT_UNOTIFY, 7);
	expect_cancel(&uk, 7);
	expect_watch("kevent_remove", &uk, ~0u, KEVENT_REQ_ET, "");
	trace_end();
}

/* By a wake-up, the short way; and by a close, which ends the watch. */
TEST(file)
{
	struct kevent_ring ring;
	struct ukevent uk;
	int q, fds[2];

	trace_begin();
	q = kev_queue(&ring, 8);
	CHECK_OK(pipe2(fds, O_CLOEXEC));
	uk = kev_add(q, KEVENT_PIPE, fds[0], KEVENT_PIPE_RECV,
		     KEVENT_REQ_ET | KEVENT_REQ_CLOSED);
	expect_watch("kevent_add", &uk, KEVENT_PIPE_RECV,
		     KEVENT_REQ_ET | KEVENT_REQ_CLOSED, "adding");
	CHECK_EQ(write(fds[1], "x", 1), 1);
	expect_event("kevent_event", &uk, KEVENT_PIPE_RECV, 0, 0, 0);
	close(fds[0]);
	expect_cancel(&uk, KEVENT_PIPE_RECV);
	expect_event("kevent_event", &uk, 0, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED, 0, 0);
	kev_close(q, &ring);
	expect_cancel(&uk, 0);
	expect_watch("kevent_remove", &uk, KEVENT_PIPE_RECV,
		     KEVENT_REQ_ET | KEVENT_REQ_CLOSED | KEVENT_REQ_ONESHOT,
		     "disarmed|fired|closed");
	trace_end();
}

/* One that waits for a slot is traced when it has it. */
TEST(full_ring)
{
	struct kevent_ring ring;
	struct ukevent a, b;
	int q;

	trace_begin();
	q = kev_queue(&ring, 1);
	a = kev_add_user(q, 1);
	b = kev_add_user(q, 2);
	expect_watch("kevent_add", &a, ~0u, KEVENT_REQ_ET, "adding");
	expect_watch("kevent_add", &b, ~0u, KEVENT_REQ_ET, "adding");
	kev_fire(q, 1, 1);
	kev_fire(q, 2, 1);
	kev_fire(q, 2, 2);
	expect_event("kevent_event", &a, 1, KEVENT_RET_DATA, 1, 0);
	expect_event("kevent_merge", &b, 3, KEVENT_RET_DATA, 2, 1);
	CHECK(!strstr(text, "kevent_event"));
	kev_claim_to(&ring, 1);
	kev_free_to(&ring, 1);
	CHECK_OK(kevent_commit(q, 1, 0));
	expect_event("kevent_event", &b, 3, KEVENT_RET_DATA, 2, 1);
	trace_end();
}

TEST(without_ring)
{
	struct ukevent uk;
	int q;

	trace_begin();
	q = kev_queue(NULL, 0);
	uk = kev_add_user(q, 9);
	expect_watch("kevent_add", &uk, ~0u, KEVENT_REQ_ET, "adding");
	kev_fire(q, 9, 1);
	kev_fire(q, 9, 2);
	expect_event("kevent_merge", &uk, 3, KEVENT_RET_DATA, 2, 1);
	kev_expect_get(q, 9, 3);
	expect_event("kevent_event", &uk, 3, KEVENT_RET_DATA, 2, 1);
	trace_end();
}

/* A sleeper, without a limit and with one. */
TEST(sleeper)
{
	struct kevent_ring ring;
	struct kev_sleeper s;
	struct ukevent uk;
	int q;

	trace_begin();
	q = kev_queue(&ring, 8);
	uk = kev_add_user(q, 3);
	expect_watch("kevent_add", &uk, ~0u, KEVENT_REQ_ET, "adding");
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	expect("kevent_wait", " min=1 expires=0");
	kev_fire(q, 3, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	expect_event("kevent_event", &uk, 1, KEVENT_RET_DATA, 1, 0);
	expect("kevent_wake", " pid=%d", s.thread.tid);

	kev_sleeper_prep(&s, q);
	s.wait.min = 5;
	s.wait.flags = KEVENT_FLAGS_TIMEOUT | KEVENT_FLAGS_ABSTIME;
	s.wait.timeout.tv_nsec = 12345;
	CHECK_EQ(ioctl(q, KEVENT_IOC_WAIT, &s.wait), 0);
	expect("kevent_wait", " min=5 expires=12345");
	trace_end();
}

static void *run_poll(void *arg)
{
	CHECK_EQ(poll(arg, 1, -1), 1);
	return NULL;
}

TEST(poller)
{
	struct kevent_ring ring;
	struct test_thread t;
	struct ukevent uk;
	struct pollfd p;

	trace_begin();
	p = (struct pollfd){ .fd = kev_queue(&ring, 8), .events = POLLIN };
	uk = kev_add_user(p.fd, 3);
	thread_start(&t, run_poll, &p);
	wait_blocked(t.tid);
	kev_fire(p.fd, 3, 1);
	thread_join(&t);
	expect_watch("kevent_add", &uk, ~0u, KEVENT_REQ_ET, "adding");
	expect_event("kevent_event", &uk, 1, KEVENT_RET_DATA, 1, 0);
	expect("kevent_wake", " pid=0");
	trace_end();
}

TEST(off)
{
	struct kevent_ring ring;
	int q;

	trace_begin();
	enable("0");
	q = kev_queue(&ring, 8);
	kev_add_user(q, 7);
	kev_fire(q, 7, 1);
	kev_fire(q, 7, 1);
	kev_remove(q, KEVENT_UNOTIFY, 7);
	trace_end();
}

/* ---- perf ---------------------------------------------------------------------- */

/* How many of this tracepoint this process comes by, from now on. */
static int perf_open(const char *event)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
	};
	char path[128];
	int id, fd;
	FILE *f;

	snprintf(path, sizeof(path), TRACING "events/kevent/%s/id", event);
	f = fopen(path, "re");
	if (!f)
		SKIP("no tracefs in " TRACING);
	CHECK_EQ(fscanf(f, "%d", &id), 1);
	fclose(f);
	attr.config = id;
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (fd < 0 && (errno == ENOSYS || errno == EACCES || errno == EPERM))
		SKIP("no perf events");
	return CHECK_OK(fd);
}

TEST(perf)
{
	static const char *const names[] = {
		"kevent_add", "kevent_event", "kevent_merge", "kevent_cancel",
		"kevent_remove",
	};
	int fds[ARRAY_SIZE(names)], q;
	struct kevent_ring ring;
	unsigned int i;
	uint64_t n;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		fds[i] = perf_open(names[i]);
	q = kev_queue(&ring, 8);
	kev_add_user(q, 7);
	kev_fire(q, 7, 1);
	kev_fire(q, 7, 1);
	kev_remove(q, KEVENT_UNOTIFY, 7);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		CHECK_EQ(read(fds[i], &n, sizeof(n)), sizeof(n));
		CHECK_EQ(n, 1);
	}
}
