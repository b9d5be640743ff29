// SPDX-License-Identifier: GPL-2.0
/* One worker: chooses a program, runs it, keeps it if it went where none has. */
#include "fuzz.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static struct fuzz_pcs news;

void corpus_add(const struct fuzz_program *p)
{
	uint32_t i = __atomic_fetch_add(&shared->corpus_num, 1,
					__ATOMIC_RELAXED);

	if (i >= FUZZ_CORPUS) {
		__atomic_store_n(&shared->corpus_num, FUZZ_CORPUS,
				 __ATOMIC_RELAXED);
		return;
	}
	shared->corpus[i] = *p;
	__atomic_store_n(&shared->ready[i], true, __ATOMIC_RELEASE);
}

/* Half of the choices go to those that came last. */
static const struct fuzz_program *choose(void)
{
	uint32_t num = __atomic_load_n(&shared->corpus_num, __ATOMIC_RELAXED);
	uint32_t i;

	if (num > FUZZ_CORPUS)
		num = FUZZ_CORPUS;
	if (!num)
		return NULL;
	i = num > 64 && rng_chance(50) ? num - 1 - rng_below(64) :
	    rng_below(num);
	return __atomic_load_n(&shared->ready[i], __ATOMIC_ACQUIRE) ?
	       &shared->corpus[i] : NULL;
}

/* Takes away what is not needed to get to the same places: by fours first. */
static void minimize(struct fuzz_program *p, const struct fuzz_pcs *goal)
{
	struct fuzz_program shorter;
	uint32_t size, i, n;

	for (size = 4; size; size /= 2) {
		for (i = p->num / size; i-- > 0 && p->num > size;) {
			shorter = *p;
			for (n = 0; n < size; n++)
				program_drop(&shorter, i * size);
			exec_run(&shorter);
			if (cover_has(goal))
				*p = shorter;
		}
	}
}

/* At once, for the machine may die, and in one piece: there are others. */
static void tell(const struct fuzz_program *p)
{
	char text[FUZZ_TEXT_MAX * 2] = "#> program\n";
	size_t n = strlen(text);

	n += program_print(p, text + n, FUZZ_TEXT_MAX);
	strcpy(text + n, "#> end\n");
	if (write(STDOUT_FILENO, text, n + 7) < 0)
		_exit(2);
}

static void judge(struct fuzz_program *p)
{
	static struct fuzz_pcs goal, other;
	enum fuzz_news n = cover_merge(&news);

	if (n == NEWS_EDGE)
		corpus_add(p);
	if (n != NEWS_PC)
		return;
	goal = news;
	if (p->threads == 1)
		minimize(p, &goal);
	cover_merge(&other);
	corpus_add(p);
	tell(p);
}

static void make_next(struct fuzz_program *p)
{
	const struct fuzz_program *one = choose(), *two = choose();

	if (!one || rng_chance(8)) {
		program_make(p);
		return;
	}
	*p = *one;
	program_mutate(p, two ? two : one);
}

/* What is in the corpus first, each once; later, or never, new ones. */
static bool next_program(struct fuzz_program *p, bool replay)
{
	uint32_t i = __atomic_fetch_add(&shared->replay_next, 1,
					__ATOMIC_RELAXED);

	if (i < shared->seeds || replay) {
		*p = shared->corpus[i % shared->seeds];
		return true;
	}
	__atomic_store_n(&shared->replay_next, shared->seeds, __ATOMIC_RELAXED);
	make_next(p);
	return false;
}

void worker_main(uint32_t number, const struct fuzz_options *options)
{
	struct fuzz_program p;
	bool old;

	rng_seed(options->seed * FUZZ_WORKERS + number);
	exec_init(number, shared->guided);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		old = next_program(&p, options->replay);
		exec_run(&p);
		if (!shared->guided)
			continue;
		if (old)
			cover_merge(&news);
		else
			judge(&p);
	}
	_exit(0);
}
