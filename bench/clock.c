// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks: nanoseconds, cycles of the processor that this program and the kernel
 * spend for it (perf_event_open(2)), or instructions. Under QEMU's -icount shift=0 one tick of the processor's counter is one
 * instruction of the guest (on arm64 if it is told to run at 1 GHz, see
 * tests/vm/run.sh); elsewhere ticks mean little.
 */

#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "bench.h"

#define LOOPS		1000000u
#define SETTLE_US	400000	/* until RCU has freed what a phase left */

enum clock_unit clock_unit;
bool clock_marks;
static int counter = -1;	/* of cycles */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#if defined(__x86_64__)
#define TWO_INSTRUCTIONS	"1: dec %0\n\tjnz 1b"

static uint64_t read_ticks(void)
{
	return __rdtsc();
}
#elif defined(__aarch64__)
#define TWO_INSTRUCTIONS	"1: subs %0, %0, #1\n\tb.ne 1b"

static uint64_t read_ticks(void)
{
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r" (ticks) : : "memory");
	return ticks;
}
#endif

/* Of the calling process and of the threads that it will make, the kernel included. */
static int open_cycles(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.inherit = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1,
			    PERF_FLAG_FD_CLOEXEC);
}

static uint64_t read_cycles(void)
{
	uint64_t cycles;

	if (read(counter, &cycles, sizeof(cycles)) != sizeof(cycles))
		die_errno("cycles");
	return cycles;
}

/* May they be counted here?  If not, errno says why. */
bool clock_has_cycles(void)
{
	int fd = open_cycles();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* What the calling process measures in. */
void clock_start(enum clock_unit unit)
{
	clock_unit = unit;
	if (unit != CLOCK_CYCLES)
		return;
	counter = open_cycles();
	if (counter < 0)
		die_errno("perf_event_open");
}

uint64_t clock_now(void)
{
#ifdef TWO_INSTRUCTIONS
	if (clock_unit == CLOCK_TICKS)
		return read_ticks();
#endif
	if (clock_unit == CLOCK_CYCLES)
		return read_cycles();
	return clock_ns(CLOCK_MONOTONIC);
}

#ifdef TWO_INSTRUCTIONS
/* A loop of two instructions must take two ticks. */
void clock_check_ticks(void)
{
	uint64_t loops = LOOPS, start = read_ticks(), ticks;

	__asm__ volatile(TWO_INSTRUCTIONS : "+r" (loops) : : "cc");
	ticks = read_ticks() - start;
	if (ticks < 2 * LOOPS || ticks > 2 * LOOPS + LOOPS / 20)
		die("a tick is not an instruction here: %u take %llu ticks",
		    2 * LOOPS, (unsigned long long)ticks);
}
#else
void clock_check_ticks(void)
{
	die("instructions are counted on x86-64 and arm64 only");
}
#endif

/* bench/where.sh stops here: what is between two calls is measured. */
static __attribute__((noinline)) void where_mark(void)
{
	__asm__ volatile("");
}

/* What is measured begins. */
uint64_t clock_begin(void)
{
	if (unlikely(clock_marks))
		where_mark();
	return clock_now();
}

/* It ends.  Returns how long it took. */
uint64_t clock_end(uint64_t begin)
{
	uint64_t ticks = clock_now() - begin;

	if (unlikely(clock_marks))
		where_mark();
	return ticks;
}

/* What timers are set by, whatever the unit. */
uint64_t clock_monotonic(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

const char *clock_name(void)
{
	static const char *const names[] = {
		[CLOCK_NS] = "ns",
		[CLOCK_CYCLES] = "cycles",
		[CLOCK_TICKS] = "instructions",
	};

	return names[clock_unit];
}

/* The name of figures that nothing was subtracted from. */
const char *clock_total(void)
{
	static const char *const names[] = {
		[CLOCK_NS] = "ns-total",
		[CLOCK_CYCLES] = "cycles-total",
		[CLOCK_TICKS] = "instructions-total",
	};

	return names[clock_unit];
}

/* Of CPU time: a nanosecond is an instruction where ticks are. */
const char *clock_cpu(void)
{
	return clock_unit == CLOCK_TICKS ? "instructions-total" : "cpu-ns";
}

void clock_settle(void)
{
	usleep(SETTLE_US);
}
