// SPDX-License-Identifier: GPL-2.0
/*
 * Values of arguments: mostly such that the call is let in, sometimes at the
 * limits, seldom anything.
 */
#include "fuzz.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#define REQ_COMMON	(KEVENT_REQ_ONESHOT | KEVENT_REQ_WAKEUP_ALL | \
			 KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE | \
			 KEVENT_REQ_READY | KEVENT_REQ_DISPATCH | \
			 KEVENT_REQ_TIMESTAMP)
#define REQ_FILE	(REQ_COMMON | KEVENT_REQ_LAST_CHECK | \
			 KEVENT_REQ_EXCLUSIVE | KEVENT_REQ_CLOSED)

const struct fuzz_type fuzz_types[KEVENT_TYPE_MAX] = {
	[KEVENT_SOCKET] = { 0x7, REQ_FILE },
	[KEVENT_INODE] = { 0xfff, REQ_COMMON | KEVENT_REQ_CLOSED },
	[KEVENT_TIMER] = { KEVENT_TIMER_FIRED, REQ_COMMON },
	[KEVENT_POLL] = { 0x27df, REQ_FILE },
	[KEVENT_PIPE] = { KEVENT_PIPE_RECV | KEVENT_PIPE_SEND, REQ_FILE },
	[KEVENT_SIGNAL] = { KEVENT_SIGNAL_DELIVERY,
			    REQ_COMMON | KEVENT_REQ_CLOSED },
	[KEVENT_POSIX_TIMER] = { KEVENT_POSIX_TIMER_FIRED,
				 REQ_COMMON | KEVENT_REQ_CLOSED },
	[KEVENT_UNOTIFY] = { ~0u, REQ_COMMON | KEVENT_REQ_PAYLOAD },
	[KEVENT_PROC] = { KEVENT_PROC_EXIT, REQ_COMMON | KEVENT_REQ_CLOSED },
};

/* ---- Chance ------------------------------------------------------------ */

static uint64_t rng_state = 1;

void rng_seed(uint64_t seed)
{
	rng_state = seed * 0x9e3779b97f4a7c15ull + 1;
}

/* A counter, well stirred. */
uint64_t rng(void)
{
	uint64_t x = rng_state += 0x9e3779b97f4a7c15ull;

	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	return x ^ x >> 32;
}

uint64_t rng_below(uint64_t n)
{
	return n ? rng() % n : 0;
}

bool rng_chance(uint32_t percent)
{
	return rng_below(100) < percent;
}

/* ---- Values ------------------------------------------------------------ */

static const uint64_t words[] = {
	0, 1, 2, 3, 4, 7, 8, 63, 64, 65, 255, 4095, 4096, 65535, 65536, 65537,
	0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 1ull << 32,
	(1ull << 63) - 1, 1ull << 63, ~0ull - 1, ~0ull,
};

static uint64_t any_word(void)
{
	return rng_chance(70) ? words[rng_below(ARRAY_SIZE(words))] :
	       rng() >> rng_below(64);
}

static uint64_t few_bits(uint32_t width, uint32_t most)
{
	uint32_t n = rng_below(most + 1);
	uint64_t bits = 0;

	while (n--)
		bits |= 1ull << rng_below(width);
	return bits;
}

static uint64_t make_time(void)
{
	static const uint64_t times[] = {
		0, 1, 1000, 50000, 100000, 500000, 1000000, 2000000, 5000000,
		1ull << 62, ~0ull,
	};

	return times[rng_below(ARRAY_SIZE(times))];
}

static uint64_t make_clock(void)
{
	static const uint64_t clocks[] = {
		CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI,
		CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME_ALARM,
	};

	return clocks[rng_below(rng_chance(90) ? 4 : ARRAY_SIZE(clocks))];
}

static uint64_t make_id(void)
{
	if (rng_chance(3))
		return any_word();
	return rng_below(rng_chance(80) ? 8 : FUZZ_FDS) +
	       (rng_chance(5) ? KEVENT_PROC_PID : 0) +
	       (rng_chance(10) ? KEVENT_SIGNAL_NOMASK : 0);
}

static uint64_t make_signo(void)
{
	static const uint64_t signals[] = {
		SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGIO, SIGPIPE, SIGCONT,
		SIGTSTP, SIGTERM, SIGSEGV, 34, 40, 64,
	};

	return rng_chance(90) ? signals[rng_below(ARRAY_SIZE(signals))] :
	       rng_below(67);
}

static uint64_t make_len(void)
{
	static const uint64_t lens[] = {
		0, 1, 4, 8, 63, 64, 65, 128, 4096, 8192, 65536,
	};

	return lens[rng_below(ARRAY_SIZE(lens))];
}

static uint64_t make_offset(void)
{
	return rng_chance(80) ? rng_below(7) - 3 : any_word();
}

static uint64_t make_good(enum fuzz_kind kind)
{
	switch (kind) {
	case K_QUEUE:
		return rng_chance(75) ? 0 : rng_below(FUZZ_QUEUES);
	case K_FD:
		return rng_chance(70) ? 4 + rng_below(6) : rng_below(FUZZ_FDS);
	case K_TIMER:
	case K_CHILD:
		return rng_below(4);
	case K_COOKIE:
		return rng_below(rng_chance(90) ? 6 : FUZZ_COOKIES);
	case K_NAME:
	case K_SMALL:
		return rng_below(8);
	case K_ENTRY:
		return rng_below(rng_chance(90) ? 8 : FUZZ_ENTRIES);
	case K_SIGNO:
		return make_signo();
	case K_TYPE:
		return rng_below(KEVENT_TYPE_MAX);
	case K_ID:
		return make_id();
	case K_EVENT:
		return 1 + rng_below(7);
	case K_REQ:
		return few_bits(12, 4);
	case K_PARAM:
		return rng_chance(60) ? 0 : make_time();
	case K_CMD:
		return rng_below(rng_chance(60) ? 1 : 5);
	case K_SIZE:
		return rng_chance(10) ? 0 : 1ull << rng_below(9);
	case K_POLICY:
		return rng_below(3);
	case K_COUNT:
		return rng_below(6);
	case K_LEN:
		return make_len();
	case K_NS:
		return make_time();
	case K_PTR:
		return rng_chance(92) ? P_GOOD : rng_below(P_NUM);
	case K_BASE:
		return rng_below(B_NUM);
	case K_OFFSET:
		return make_offset();
	case K_FLAGS:
		return few_bits(6, 3);
	case K_CLOCK:
		return make_clock();
	case K_WORD:
		return any_word();
	case K_ZERO:
		return 0;
	}
	return 0;
}

uint64_t value_make(enum fuzz_kind kind)
{
	return rng_chance(97) ? make_good(kind) : any_word();
}

uint64_t value_mutate(enum fuzz_kind kind, uint64_t value)
{
	switch (rng_below(6)) {
	case 0:
		return value ^ 1ull << rng_below(rng_chance(80) ? 32 : 64);
	case 1:
		return value + rng_below(9) - 4;
	default:
		return value_make(kind);
	}
}

static void match_params(uint64_t type, uint64_t req, uint64_t *param)
{
	if (type == KEVENT_TIMER) {
		param[2] = make_clock();
		if (rng_chance(15))
			param[2] |= KEVENT_TIMER_ABSTIME;
		return;
	}
	param[1] = 0;
	param[2] = 0;
	if (req & KEVENT_REQ_COOKIE)
		param[0] = make_good(K_COOKIE);
	else if (type == KEVENT_POSIX_TIMER)
		param[0] = rng_below(2);
	else if (type == KEVENT_INODE || type == KEVENT_SIGNAL)
		param[0] = rng_chance(50) ? 0 : 1ull << rng_below(21);
	else if (type == KEVENT_UNOTIFY && (req & KEVENT_REQ_PAYLOAD))
		param[0] = rng_below(20);
	else
		param[0] = 0;
}

/* Nearly what its type takes. */
void value_match(uint64_t *type_arg, uint64_t *event, uint64_t *req,
		 uint64_t *param)
{
	const struct fuzz_type *type;

	if (*type_arg >= KEVENT_TYPE_MAX)
		return;
	type = &fuzz_types[*type_arg];
	if (!type->events)
		return;
	*req &= type->req_flags | KEVENT_REQ_COOKIE |
		KEVENT_REQ_CMD(KEVENT_CTL_MIXED - 1);
	*event &= type->events;
	if (!*event)
		*event = rng_chance(50) ? type->events :
			 1ull << __builtin_ctz(type->events);
	match_params(*type_arg, *req, param);
}
