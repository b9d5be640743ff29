// SPDX-License-Identifier: GPL-2.0
/* Tests that who opens the device while his user's last queue is on its way out need not wait. */
/* vm: --append preempt=full */
#include "kev.h"

#include <sched.h>

#define MS 1000000ull

static void open_and_close(void)
{
	pin_to_cpu(0);
	for (;;)
		close(open("/dev/kevent", O_RDWR | O_CLOEXEC));
}

/* Preempted there by one who opens it, on the same CPU, and is never preempted himself. */
TEST_TIMEOUT(beside_an_opener, 60)
{
	struct sched_param first = { .sched_priority = 50 };
	uint64_t end = now_ns() + 5000 * MS, start, took, worst = 0;
	struct timespec pause = { 0 };
	int i, opens = 0;
	pid_t other;

	pin_to_cpu(0);
	other = CHECK_OK(fork());
	if (!other)
		open_and_close();
	CHECK_OK(sched_setscheduler(0, SCHED_FIFO, &first));
	for (i = 0; now_ns() < end; i++) {
		pause.tv_nsec = 100000 + i % 97 * 1000;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		start = now_ns();
		CHECK_OK(close(CHECK_OK(open("/dev/kevent", O_RDWR | O_CLOEXEC))));
		took = now_ns() - start;
		worst = took > worst ? took : worst;
		opens++;
	}
	NOTE("%d opens, %llu us at most", opens, (unsigned long long)worst / 1000);
	CHECK_OK(kill(other, SIGKILL));
	CHECK_LT(worst, test_scale() * 300 * MS);
}
