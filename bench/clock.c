// SPDX-License-Identifier: GPL-2.0
/*
 * Clocks. Under QEMU's -icount shift=0 one tick of the processor's counter is one
 * instruction of the guest (on arm64 if it is told to run at 1 GHz, see
 * tests/vm/run.sh); elsewhere ticks mean little, and nanoseconds are used.
 */

#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "bench.h"

#define LOOPS		1000000u
#define SETTLE_US	400000	/* until RCU has freed what a phase left */

bool clock_ticks;
bool clock_marks;

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

uint64_t clock_now(void)
{
#ifdef TWO_INSTRUCTIONS
	if (clock_ticks)
		return read_ticks();
#endif
	return clock_ns(CLOCK_MONOTONIC);
}

#ifdef TWO_INSTRUCTIONS
/* A loop of two instructions must take two ticks. */
void clock_use_ticks(void)
{
	uint64_t loops = LOOPS, start = read_ticks(), ticks;

	__asm__ volatile(TWO_INSTRUCTIONS : "+r" (loops) : : "cc");
	ticks = read_ticks() - start;
	if (ticks < 2 * LOOPS || ticks > 2 * LOOPS + LOOPS / 20)
		die("a tick is not an instruction here: %u take %llu ticks",
		    2 * LOOPS, (unsigned long long)ticks);
	clock_ticks = true;
}
#else
void clock_use_ticks(void)
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

const char *clock_unit(void)
{
	return clock_ticks ? "instructions" : "ns";
}

/* The name of figures that nothing was subtracted from. */
const char *clock_total(void)
{
	return clock_ticks ? "instructions-total" : "ns-total";
}

void clock_settle(void)
{
	usleep(SETTLE_US);
}
