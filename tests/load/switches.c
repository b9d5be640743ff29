// SPDX-License-Identifier: GPL-2.0
/* Nobody switches the hooks off: by sysctl it is refused, kprobes do not matter. */
/* vm: --param hook_linger=0 --smp 1 */
#include "../source/posix_timer.h"
#include "../source/signals.h"
#include "switches.h"

#define PARAMETERS	"hook_linger=0"
#define TRACING		"/sys/kernel/tracing/"

static void run_and_restore(void (*run)(void *arg))
{
	restore();
	run_apart_with(PARAMETERS, run, NULL);
	restore();
}

/* ---- What has to work whatever was tried ----------------------------------- */

/* One that gets through kills. */
static void signals_are_taken(int q)
{
	int i;

	if (try_signal(q, KEVENT_CTL_ADD, SIGTERM | NOMASK, 0))
		SKIP("no NOMASK on this kernel");
	for (i = 1; i <= 10; i++) {
		CHECK_OK(raise(SIGTERM));
		CHECK_EQ(take(q).ret_data[1], i);
	}
	kev_remove(q, KEVENT_SIGNAL, SIGTERM | NOMASK);
}

static void timers_are_taken(int q)
{
	siginfo_t info;
	int id;

	pt_block();
	id = pt_create(CLOCK_MONOTONIC);
	pt_add(q, id, KEVENT_REQ_CLOSED);
	pt_set(id, 0, 1, 0);
	CHECK_EQ(pt_event(q, id), 1);
	CHECK(!pt_take(0, &info));
	pt_delete(id);
	CHECK_EQ(take(q).ret_flags & KEVENT_RET_CLOSED, KEVENT_RET_CLOSED);
	take_none(q);
}

static void all_works(int q)
{
	closes_are_seen(q);
	signals_are_taken(q);
	timers_are_taken(q);
}

/* ---- ftrace ------------------------------------------------------------------ */

static void refused_while_open(void *arg)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	int refusal;

	(void)arg;
	kev_add_poll(q, fd, POLLIN, 0);
	refusal = try_write(FTRACE, "0");
	if (refusal != EOPNOTSUPP)
		CHECK_EQ(refusal, EBUSY);
	CHECK(file_contains(FTRACE, "1"));
	close(fd);
	CHECK_EQ(watches_of(q), 0);
	take_none(q);
	all_works(q);
	CHECK_EQ(try_write(FTRACE, "0"), refusal);
	kev_close(q, NULL);
}

TEST_TIMEOUT(ftrace_refused_while_open, 60)
{
	run_and_restore(refused_while_open);
}

/* Nobody has a queue: then it may be, and nobody gets one. */
static void off_between(void *arg)
{
	int q;

	(void)arg;
	CHECK_SOON(try_write(FTRACE, "0") == 0);
	CHECK_ERRNO(kevent_open(), EOWNERDEAD);
	CHECK_ERRNO(kevent_open(), EOWNERDEAD);
	CHECK_EQ(try_write(FTRACE, "1"), 0);
	q = kev_queue(NULL, 0);
	all_works(q);
	kev_close(q, NULL);
}

TEST_TIMEOUT(ftrace_off_between, 60)
{
	keep_off_tcg();
	SKIP_IF_ON_FOR_EVER();
	run_and_restore(off_between);
}

static void off_at_load(void *arg)
{
	int q;

	(void)arg;
	unload_soon();
	CHECK_EQ(try_write(FTRACE, "0"), 0);
	CHECK_ERRNO(try_load(PARAMETERS), EBUSY);
	CHECK(!is_loaded());
	CHECK_EQ(try_write(FTRACE, "1"), 0);
	load(PARAMETERS);
	q = kev_queue(NULL, 0);
	all_works(q);
	kev_close(q, NULL);
}

TEST_TIMEOUT(ftrace_off_at_load, 60)
{
	keep_off_tcg();
	SKIP_IF_ON_FOR_EVER();
	run_and_restore(off_at_load);
}

/* On and off as fast as it goes, by root, while queues come and go. */
struct flicker {
	struct test_thread thread;
	int stop;
	int off;
};

static void *flicker(void *arg)
{
	struct flicker *f = arg;
	int err;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		err = try_write(FTRACE, "0");
		if (err)
			CHECK_EQ(err, EBUSY);
		else
			__atomic_add_fetch(&f->off, 1, __ATOMIC_RELAXED);
		CHECK_EQ(try_write(FTRACE, "1"), 0);
		usleep(200);
	}
	return NULL;
}

static bool open_and_close(void)
{
	int q = kevent_init(NULL, 0, 0, 0), fd;

	if (q < 0) {
		CHECK_EQ(errno, EOWNERDEAD);
		return false;
	}
	fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	close(fd);
	CHECK_EQ(watches_of(q), 0);
	close(q);
	return true;
}

static void flickering(void *arg)
{
	uint64_t end = now_ns() + 15000000000ull;
	static struct flicker f;
	int opened = 0;

	(void)arg;
	thread_start(&f.thread, flicker, &f);
	while (now_ns() < end && (opened < 100 ||
	       __atomic_load_n(&f.off, __ATOMIC_RELAXED) < 20)) {
		opened += open_and_close();
		usleep(1000);
	}
	__atomic_store_n(&f.stop, 1, __ATOMIC_RELAXED);
	thread_join(&f.thread);
	CHECK_GT(opened, 0);
	CHECK_GT(f.off, 0);
}

TEST_TIMEOUT(ftrace_flickers, 60)
{
	keep_off_tcg();
	SKIP_IF_ON_FOR_EVER();
	run_and_restore(flickering);
}

/* ---- kprobes ------------------------------------------------------------------- */

static void kprobes_off(void *arg)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));

	(void)arg;
	kev_add_poll(q, fd, POLLIN, 0);
	add_signal(q, SIGUSR1 | NOMASK, 0);
	CHECK(!file_contains(KPROBE_LIST, "__fput"));
	CHECK(!file_contains(KPROBE_LIST, "prepare_signal"));
	CHECK_EQ(try_write(KPROBES, "0"), 0);
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(take(q).ret_data[1], 1);
	close(fd);
	CHECK_EQ(watches_of(q), 1);
	kev_remove(q, KEVENT_SIGNAL, SIGUSR1 | NOMASK);
	all_works(q);
	kev_close(q, NULL);
	q = kev_queue(NULL, 0);
	all_works(q);
	CHECK_EQ(try_write(KPROBES, "1"), 0);
	all_works(q);
	kev_close(q, NULL);
}

TEST_TIMEOUT(kprobes_off, 60)
{
	run_and_restore(kprobes_off);
}

/* Somebody else's probes in the same places, older and newer than ours. */
static void probe(const char *name, const char *function)
{
	char text[128];

	snprintf(text, sizeof(text), "p:test/%s %s\n", name, function);
	CHECK_EQ(try_write(TRACING "kprobe_events", text), 0);
	snprintf(text, sizeof(text), TRACING "events/test/%s/enable", name);
	CHECK_EQ(try_write(text, "1"), 0);
}

static void unprobe(const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), TRACING "events/test/%s/enable", name);
	CHECK_EQ(try_write(text, "0"), 0);
	snprintf(text, sizeof(text), "-:test/%s\n", name);
	CHECK_EQ(try_write(TRACING "kprobe_events", text), 0);
}

static void probe_all(void)
{
	probe("kev_close", "__fput");
	probe("kev_signal", "prepare_signal");
	probe("kev_timer", "posix_timer_fn");
}

static void unprobe_all(void)
{
	unprobe("kev_close");
	unprobe("kev_signal");
	unprobe("kev_timer");
}

static void others_probe(void *arg)
{
	int q;

	(void)arg;
	probe_all();
	q = kev_queue(NULL, 0);
	all_works(q);
	unprobe_all();
	all_works(q);
	probe_all();
	all_works(q);
	kev_close(q, NULL);
	unprobe_all();
}

TEST_TIMEOUT(others_probe, 60)
{
	if (access(TRACING "kprobe_events", W_OK) < 0)
		SKIP("no kprobe_events");
	keep_off_tcg();
	run_and_restore(others_probe);
}
