// SPDX-License-Identifier: GPL-2.0
/* A kernel whose ftrace can't redirect: a kprobe sees closes, without being asked for. */
/* vm: --no-ftrace */
#include "../source/posix_timer.h"
#include "../source/signals.h"
#include "switches.h"

#include <sys/klog.h>

#define PARAMETER "/sys/module/kevent/parameters/close_kprobe"

TEST(kprobe_by_itself)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 64);

	CHECK(file_contains(PARAMETER, "Y"));
	CHECK(file_contains(KPROBE_LIST, "__fput"));
	closes_are_seen(q);
	kev_close(q, &ring);
}

/* What needs ftrace is not there, and that is told. */
TEST(other_sources)
{
	int q = kev_queue(NULL, 0);
	struct kevent_ioc_info info;

	CHECK_OK(kevent_info(q, &info));
	CHECK(!(info.sources & 1ull << KEVENT_POSIX_TIMER));
	CHECK(info.sources & 1ull << KEVENT_SIGNAL);
	CHECK_EQ(pt_try(q, KEVENT_CTL_ADD, pt_create(CLOCK_MONOTONIC), 0, 0),
		 EOPNOTSUPP);
	CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, SIGUSR1 | NOMASK, 0),
		 EOPNOTSUPP);
	handle_signal(SIGUSR1, count_handled);
	add_signal(q, SIGUSR1, 0);
	CHECK_OK(raise(SIGUSR1));
	take_signal(q, SIGUSR1, 1);
	kev_close(q, NULL);
}

/* At load one line says so. */
static int lines_of_log(const char *text)
{
	static char log[1 << 20];
	int len = CHECK_OK(klogctl(3, log, sizeof(log) - 1)), n = 0;
	const char *p = log;

	log[len] = '\0';
	while ((p = strstr(p, text))) {
		p++;
		n++;
	}
	return n;
}

TEST_TIMEOUT(loads_and_says_so, 60)
{
	const char *text = "kevent: no ftrace with arguments for __fput";
	int q, n;

	keep_off_tcg();
	unload_soon();
	n = lines_of_log(text);
	load("");
	CHECK_EQ(lines_of_log(text), n + 1);
	q = kev_queue(NULL, 0);
	closes_are_seen(q);
	kev_close(q, NULL);
	CHECK_EQ(lines_of_log("kevent:"), lines_of_log(text));
}
