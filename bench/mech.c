// SPDX-License-Identifier: GPL-2.0
/*
 * What mechanisms have in common, and the one that is none: "bare" learns of
 * nothing, so that what the work itself costs can be subtracted, with the
 * calls of this program in it.
 */

#include "http.h"
#include "workers.h"

void tally_check(const struct tally *t)
{
	if (unlikely(t->seen != t->want))
		die("%u events came instead of %u", t->seen, t->want);
	if (unlikely(t->wrong))
		die("an event has the wrong watch, bits or number (%#x)",
		    t->wrong);
}

void mech_add_all(struct mech *m, struct source *s, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num; i += BATCH)
		m->ops->add(m, s + i, min(BATCH, num - i));
}

static struct mech *bare_open(const struct mech_ops *ops, unsigned int num)
{
	struct mech *m = xcalloc(1, sizeof(*m));

	(void)num;
	m->ops = ops;
	return m;
}

static void bare_close(struct mech *m)
{
	(void)m;
}

static void bare_change(struct mech *m, struct source *s, unsigned int num)
{
	(void)m;
	(void)s;
	(void)num;
}

static void bare_changelist(struct mech *m, unsigned int what,
			    struct kqueue_source *s, unsigned int num)
{
	(void)m;
	(void)what;
	(void)s;
	(void)num;
}

static void bare_collect(struct mech *m, struct tally *t)
{
	(void)m;
	t->seen = t->want;
}

static void bare_timers(struct mech *m, struct source *s, const uint64_t *at,
			unsigned int num)
{
	(void)m;
	(void)s;
	(void)at;
	(void)num;
}

const struct mech_ops mech_bare = {
	.name = "bare",
	.mode = "",
	.caps = ~0u & ~(MECH_KEVENT | MECH_SOCKET | MECH_PIPE | MECH_CONTRACT),
	.open = bare_open,
	.close = bare_close,
	.add = bare_change,
	.remove = bare_change,
	.collect = bare_collect,
	.timers = bare_timers,
	.expired = bare_collect,
	.changelist = bare_changelist,
	.http = &http_blocking,
	.workers = &workers_blocking,
};
