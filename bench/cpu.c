// SPDX-License-Identifier: GPL-2.0
/*
 * Several CPUs. QEMU that counts instructions runs one virtual CPU after the
 * other, each until it has nothing to do, says pause, or a timer of the machine is
 * due. So what a CPU does between two pauses is done as if it were alone, and the
 * figures repeat. Where that is not wanted, cpu_slices() makes timers due often.
 */

#include <linux/perf_event.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define SLICE	20000u		/* ns, or instructions: the kernel's least is 10,000 */

unsigned int cpu_online(void)
{
	return (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
}

static void cpu_set_one(cpu_set_t *set, unsigned int cpu)
{
	CPU_ZERO(set);
	CPU_SET(cpu, set);
}

void cpu_stay(unsigned int cpu)
{
	cpu_set_t set;

	cpu_set_one(&set, cpu);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die_errno("sched_setaffinity");
}

/* A thread that is there from its beginning. */
pthread_t cpu_start(unsigned int cpu, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;

	cpu_set_one(&set, cpu);
	pthread_attr_init(&attr);
	if (pthread_attr_setaffinity_np(&attr, sizeof(set), &set) ||
	    pthread_create(&thread, &attr, fn, arg))
		die("no thread on CPU %u", cpu);
	pthread_attr_destroy(&attr);
	return thread;
}

/*
 * From now on, while this thread runs, a timer of its CPU is due every few thousand
 * instructions, whose interrupt does nothing. The CPUs then change at any place, also
 * where one has a lock. A real machine's CPUs do so anyway.
 */
void cpu_slices(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = SLICE,
	};

	if (clock_unit == CLOCK_TICKS &&
	    syscall(SYS_perf_event_open, &attr, 0, -1, -1,
		    PERF_FLAG_FD_CLOEXEC) < 0)
		die_errno("perf_event_open");
}
