// SPDX-License-Identifier: GPL-2.0
/*
 * Tests each actor against unloading: either the module is in use and stays, or
 * nothing of it is left, whatever it was that ended a moment ago.
 */
#include "source_aio.h"
#include "source_inode.h"
#include "source_own.h"
#include "source_task.h"
#include "pairs.h"
#include "../load/module.h"

/* Unloads for each source, at least. */
#define UNLOADS_MIN	2

/**
 * struct unloader - a thread that unloads and loads again
 * @thread: it.
 * @stop: it is to end.
 * @lives: of queues, since the beginning.
 * @unloads: how often that went.
 * @refused: how often it did not.
 */
struct unloader {
	struct test_thread thread;
	int stop;
	unsigned int lives;
	unsigned int unloads;
	unsigned int refused;
};

/* Loading takes seconds on a slow kernel: the queues get their share of the time. */
static void let_live(struct unloader *u, unsigned int num)
{
	unsigned int first = __atomic_load_n(&u->lives, __ATOMIC_RELAXED);

	while (__atomic_load_n(&u->lives, __ATOMIC_RELAXED) - first < num &&
	       !__atomic_load_n(&u->stop, __ATOMIC_RELAXED))
		usleep(100);
}

static void *unload_and_load(void *arg)
{
	struct unloader *u = arg;
	unsigned int seed = 11;

	while (!__atomic_load_n(&u->stop, __ATOMIC_RELAXED)) {
		usleep(rand_r(&seed) % 1000);
		if (unload() == 0) {
			load("");
			__atomic_add_fetch(&u->unloads, 1, __ATOMIC_RELAXED);
			let_live(u, rand_r(&seed) % (2 * ACT_MAX));
		} else {
			CHECK(is_busy(errno));
			u->refused++;
		}
	}
	return NULL;
}

/* A queue from its beginning to its end, with an actor at work. */
static bool one_life(struct scene *s, enum actor actor)
{
	bool there;

	s->a = actor;
	s->sides[0].actor = actor;
	there = scene_round(s);
	scene_drop(s);
	scene_close(s);
	/* else the other finds no moment in which nobody has it */
	if (!race_random(s, 3))
		usleep(race_random(s, 500));
	return there;
}

static void tell(const struct source *src, const uint64_t *lives,
		 const struct unloader *u)
{
	int actor;

	if (!getenv("KEVENT_RACE_MS"))
		return;
	for (actor = 0; actor < ACT_MAX; actor++)
		printf("#| %s: unload against %s: %llu rounds\n", src->name,
		       actor_names[actor], (unsigned long long)lives[actor]);
	printf("#| %s: %u unloads, %u refused\n", src->name, u->unloads,
	       u->refused);
	fflush(stdout);
}

/* Each actor that the source has was seen at work; asked by make check-race. */
static bool all_lived(const struct source *src, const uint64_t *lives)
{
	int actor;

	if (!getenv("KEVENT_RACE_MS"))
		return true;
	for (actor = 0; actor < ACT_MAX; actor++)
		if (!lives[actor] && (actor != ACT_CLOSE || src->close))
			return false;
	return true;
}

static void unload_against(void *arg)
{
	uint64_t end = now_ns() + race_ms() * ACT_MAX * 1000000ull;
	uint64_t lives[ACT_MAX] = { 0 };
	const struct source *src = arg;
	static struct unloader u;
	static struct scene s;
	int actor = 0;

	keep_off_tcg();
	race_init(&s, src, ACT_EVENT, ACT_NONE, 1);
	scene_start(&s);
	thread_start(&u.thread, unload_and_load, &u);
	while (now_ns() < end || !all_lived(src, lives) ||
	       __atomic_load_n(&u.unloads, __ATOMIC_RELAXED) < UNLOADS_MIN) {
		actor = (actor + 1) % ACT_MAX;
		if ((actor != ACT_CLOSE || src->close) && one_life(&s, actor)) {
			lives[actor]++;
			__atomic_add_fetch(&u.lives, 1, __ATOMIC_RELAXED);
		}
	}
	__atomic_store_n(&u.stop, 1, __ATOMIC_RELAXED);
	thread_join(&u.thread);
	tell(src, lives, &u);
}

#define UNLOAD_TEST(name)						\
	TEST_TIMEOUT(name, 300)						\
	{								\
		run_apart(unload_against, (void *)&name##_source);	\
	}

UNLOAD_TEST(poll)
UNLOAD_TEST(socket)
UNLOAD_TEST(pipe)
UNLOAD_TEST(timer)
UNLOAD_TEST(unotify)
UNLOAD_TEST(signal)
UNLOAD_TEST(proc)
UNLOAD_TEST(inode)
UNLOAD_TEST(posix_timer)
UNLOAD_TEST(aio)
