// SPDX-License-Identifier: GPL-2.0
/* poll(2): nothing is registered, everything is asked every time. */

#include <poll.h>
#include <stdlib.h>

#include "bench.h"

struct mech_poll {
	struct mech mech;
	unsigned int num;
	struct pollfd *fds;
	struct source **sources;
};

static struct mech_poll *to_poll(struct mech *m)
{
	return container_of(m, struct mech_poll, mech);
}

static struct mech *poll_open(const struct mech_ops *ops, unsigned int num)
{
	struct mech_poll *p = xcalloc(1, sizeof(*p));

	p->mech.ops = ops;
	p->fds = xcalloc(num, sizeof(*p->fds));
	p->sources = xcalloc(num, sizeof(*p->sources));
	return &p->mech;
}

static void poll_close(struct mech *m)
{
	struct mech_poll *p = to_poll(m);

	free(p->fds);
	free(p->sources);
	free(p);
}

static void poll_add(struct mech *m, struct source *s, unsigned int num)
{
	struct mech_poll *p = to_poll(m);
	unsigned int i;

	for (i = 0; i < num; i++, p->num++) {
		p->fds[p->num].fd = s[i].rfd;
		p->fds[p->num].events = POLLIN;
		p->sources[p->num] = &s[i];
	}
}

static void poll_wait_one(struct mech *m, struct tally *t)
{
	struct mech_poll *p = to_poll(m);
	struct pollfd *fd = p->fds;
	int left = poll(p->fds, p->num, -1);

	if (unlikely(left < 0))
		die_errno("poll");
	for (; left; fd++) {
		if (!fd->revents)
			continue;
		left--;
		tally_event(t, p->sources[fd - p->fds],
			    (unsigned short)fd->revents, POLLIN);
	}
}

static void poll_collect(struct mech *m, struct tally *t)
{
	do {
		t->seen = 0;
		poll_wait_one(m, t);
	} while (unlikely(t->seen < t->want));
}

const struct mech_ops mech_poll = {
	.name = "poll",
	.mode = "lt",
	.caps = MECH_EVENTS | MECH_BLOCK | MECH_LEVEL,
	.open = poll_open,
	.close = poll_close,
	.add = poll_add,
	.collect = poll_collect,
	.wait = poll_wait_one,
};
