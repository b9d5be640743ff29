/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every pair of actors of a source, a test each: RACE_PAIRS(pipe_source) in a
 * program of its own. RACE_PAIRS_NO_CLOSE() is for a source that says why it has
 * no ACT_CLOSE.
 */
#ifndef RACE_PAIRS_H
#define RACE_PAIRS_H

#include "round.h"

#define RACE_TIMEOUT	90

static inline unsigned int race_ms(void)
{
	const char *ms = getenv("KEVENT_RACE_MS");

	return ms ? atoi(ms) : RACE_MS_DEFAULT;
}

/* Pages that the kernel has for itself and can't give back, in KB. */
static inline long race_kernel_kb(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	long kb = -1;

	CHECK(f);
	while (kb < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "SUnreclaim: %ld kB", &kb);
	fclose(f);
	return kb;
}

static inline void race_init(struct scene *s, const struct source *src,
			     enum actor a, enum actor b, int nsides)
{
	int i;

	memset(s, 0, sizeof(*s));
	s->src = src;
	s->a = a;
	s->b = b;
	s->nsides = nsides;
	s->q = -1;
	s->probe = -1;
	s->fd = -1;
	s->peer = -1;
	s->extra = -1;
	for (i = 0; i < nsides; i++) {
		s->sides[i].s = s;
		s->sides[i].actor = i & 1 ? b : a;
		s->sides[i].seed = now_ns() + i * 7919;
	}
}

/* Only if somebody wants to know: run.sh shows lines that begin so. */
static inline void race_tell(const struct scene *s)
{
	uint64_t ok[2] = { 0, 0 }, refused[2] = { 0, 0 };
	int i;

	for (i = 0; i < s->nsides; i++) {
		ok[i & 1] += s->sides[i].ok;
		refused[i & 1] += s->sides[i].refused;
	}
	/* an actor that never gets anywhere is none */
	for (i = 0; i < 2; i++)
		if (!ok[i] && s->rounds >= 200 && !s->src->own_rules)
			FAIL("%s never succeeded in %llu rounds",
			     actor_names[i ? s->b : s->a],
			     (unsigned long long)s->rounds);
	if (getenv("KEVENT_RACE_MS"))
		printf("#| %s: %s %llu (%llu refused), %s %llu (%llu refused), %llu rounds\n",
		       s->src->name, actor_names[s->a],
		       (unsigned long long)ok[0],
		       (unsigned long long)refused[0], actor_names[s->b],
		       (unsigned long long)ok[1],
		       (unsigned long long)refused[1],
		       (unsigned long long)s->rounds);
	fflush(stdout);
}

/* 300 bytes a round would be a leak; what is freed by RCU takes its time. */
static inline void race_check_memory(const struct scene *s, long before)
{
	if (s->rounds >= 10000)
		CHECK_SOON(race_kernel_kb() - before <
			   (long)(s->rounds * 300 / 1024));
}

static inline void race_pair(const struct source *src, enum actor a,
			     enum actor b)
{
	uint64_t end = now_ns() + race_ms() * 1000000ull;
	static struct scene s;
	unsigned int fds;
	long memory;

	race_init(&s, src, a, b, cpu_count() >= 4 ? 4 : 2);
	s.probe = kev_queue(NULL, 0);
	scene_check_user(&s);
	scene_start(&s);
	fds = count_fds();
	memory = race_kernel_kb();
	while (s.rounds < RACE_ROUNDS_MIN || now_ns() < end)
		CHECK(scene_round(&s));
	scene_drop(&s);
	scene_close(&s);
	scene_check_user(&s);
	race_check_memory(&s, memory);
	CHECK_EQ(count_fds(), fds);
	scene_stop(&s);
	close(s.probe);
	race_tell(&s);
}

/* A source has ACT_CLOSE, or says why not. */
static inline void race_declared(const struct source *src)
{
	CHECK_EQ(!src->close, !!src->no_close);
	if (src->no_close && getenv("KEVENT_RACE_MS"))
		printf("#| %s: no close: %s\n", src->name, src->no_close);
	fflush(stdout);
}

#define RACE_PAIR(S, A, B)						\
	TEST_TIMEOUT(A##_##B, RACE_TIMEOUT)				\
	{								\
		race_pair(&(S), ACT_##A, ACT_##B);			\
	}

#define RACE_PAIRS_OF_EVENT(S)						\
	RACE_PAIR(S, EVENT, EVENT) RACE_PAIR(S, EVENT, ADD)		\
	RACE_PAIR(S, EVENT, MODIFY) RACE_PAIR(S, EVENT, REMOVE)		\
	RACE_PAIR(S, EVENT, READY) RACE_PAIR(S, EVENT, QUIT)		\
	RACE_PAIR(S, EVENT, FORK) RACE_PAIR(S, EVENT, MAP)		\
	RACE_PAIR(S, EVENT, WAIT)

#define RACE_PAIRS_OF_CHANGES(S)					\
	RACE_PAIR(S, ADD, ADD) RACE_PAIR(S, ADD, MODIFY)		\
	RACE_PAIR(S, ADD, REMOVE) RACE_PAIR(S, ADD, READY)		\
	RACE_PAIR(S, ADD, QUIT) RACE_PAIR(S, ADD, FORK)			\
	RACE_PAIR(S, ADD, MAP) RACE_PAIR(S, ADD, WAIT)			\
	RACE_PAIR(S, MODIFY, MODIFY) RACE_PAIR(S, MODIFY, REMOVE)	\
	RACE_PAIR(S, MODIFY, READY) RACE_PAIR(S, MODIFY, QUIT)		\
	RACE_PAIR(S, MODIFY, FORK) RACE_PAIR(S, MODIFY, MAP)		\
	RACE_PAIR(S, MODIFY, WAIT)					\
	RACE_PAIR(S, REMOVE, REMOVE) RACE_PAIR(S, REMOVE, READY)	\
	RACE_PAIR(S, REMOVE, QUIT) RACE_PAIR(S, REMOVE, FORK)		\
	RACE_PAIR(S, REMOVE, MAP) RACE_PAIR(S, REMOVE, WAIT)		\
	RACE_PAIR(S, READY, READY) RACE_PAIR(S, READY, QUIT)		\
	RACE_PAIR(S, READY, FORK) RACE_PAIR(S, READY, MAP)		\
	RACE_PAIR(S, READY, WAIT)

#define RACE_PAIRS_OF_QUEUE(S)						\
	RACE_PAIR(S, QUIT, QUIT) RACE_PAIR(S, QUIT, FORK)		\
	RACE_PAIR(S, QUIT, MAP) RACE_PAIR(S, QUIT, WAIT)		\
	RACE_PAIR(S, FORK, FORK) RACE_PAIR(S, FORK, MAP)		\
	RACE_PAIR(S, FORK, WAIT)					\
	RACE_PAIR(S, MAP, MAP) RACE_PAIR(S, MAP, WAIT)			\
	RACE_PAIR(S, WAIT, WAIT)

#define RACE_PAIRS_OF_CLOSE(S)						\
	RACE_PAIR(S, CLOSE, EVENT) RACE_PAIR(S, CLOSE, ADD)		\
	RACE_PAIR(S, CLOSE, MODIFY) RACE_PAIR(S, CLOSE, REMOVE)		\
	RACE_PAIR(S, CLOSE, READY) RACE_PAIR(S, CLOSE, CLOSE)		\
	RACE_PAIR(S, CLOSE, QUIT) RACE_PAIR(S, CLOSE, FORK)		\
	RACE_PAIR(S, CLOSE, MAP) RACE_PAIR(S, CLOSE, WAIT)

#define RACE_PAIRS_NO_CLOSE(S)						\
	TEST(DECLARED)							\
	{								\
		race_declared(&(S));					\
	}								\
	RACE_PAIRS_OF_EVENT(S)						\
	RACE_PAIRS_OF_CHANGES(S)					\
	RACE_PAIRS_OF_QUEUE(S)

#define RACE_PAIRS(S)							\
	RACE_PAIRS_OF_CLOSE(S)						\
	RACE_PAIRS_NO_CLOSE(S)

#endif
