/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Racing about transfers. ADD is a transfer; more than one may be under way. What
 * must hold: each ends once, by its event, in its own call, or by REMOVE.
 */
#ifndef RACE_SOURCE_AIO_H
#define RACE_SOURCE_AIO_H

#include "../source/aio.h"
#include "source_file.h"

#define AIO_SIZE	(128 * KB)

static inline void race_aio_make(struct scene *s)
{
	int fds[2];

	if (race_random(s, 2))
		tcp_pair(fds);
	else
		unix_pair(SOCK_STREAM, fds);
	narrow(fds);
	scene_set_files(s, fds);
	s->extra = file_make(AIO_SIZE);
	s->event = KEVENT_AIO_BIO;
	s->id = 0;
}

static inline int race_aio_add(struct side *side)
{
	static const uint64_t counts[] = { 0, 1, 4096, 70000, AIO_SIZE };
	struct kevent_ioc_sendfile sf;
	struct scene *s = side->s;
	struct ukevent uk;
	int ret;

	memset(&sf, 0, sizeof(sf));
	sf.sock = s->fd;
	sf.in_fd = s->extra;
	sf.count = counts[side_random(side, ARRAY_SIZE(counts))];
	sf.ptr = RACE_PTR;
	sf.req_flags = s->flags;
	ret = kevent_aio_call(s->q, KEVENT_IOC_AIO_SENDFILE, &sf, &uk);
	if (ret < 0)
		return errno;
	/* the next one's, too: REMOVE may find it before its call is back */
	s->id = uk.id.raw_u64 + side_random(side, 2);
	side->added++;
	side->cookie = uk.cookie;
	side->seen += ret;
	return 0;
}

/* Makes room. */
static inline unsigned int race_aio_event(struct side *side)
{
	unsigned int n = 1 + side_random(side, 4);
	static __thread char buf[16384];

	while (n-- && recv(side->s->peer, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	return 0;
}

static inline void race_aio_calm(struct scene *s)
{
	drain(s->peer);
}

static inline void race_aio_check(struct scene *s)
{
	uint64_t end = now_ns() + test_scale() * 10000000000ull;
	unsigned int over = 0, added = RACE_SUM(s, added);

	do {
		CHECK_LT(now_ns(), end);
		race_aio_calm(s);
		scene_take(s);
		over = RACE_SUM(s, seen) + RACE_SUM(s, removed);
	} while (over < added || scene_watches(s));
	scene_expect_none(s);
	/* what WAIT has just taken may still be removed */
	if (!race_has(s, ACT_WAIT))
		CHECK_EQ(over, added);
}

static inline bool race_aio_allows(const struct side *side, int error)
{
	return error == EINVAL && (side->actor == ACT_MODIFY ||
				   side->actor == ACT_READY);
}

static const struct source aio_source = {
	.name	= "aio",
	.type	= KEVENT_AIO,
	.flags	= KEVENT_REQ_ALWAYS_QUEUE | KEVENT_REQ_TIMESTAMP |
		  KEVENT_REQ_WAKEUP_ALL,
	.oneshot = true,
	.unasked = ~KEVENT_AIO_BIO,
	.own_rules = true,
	.close	= file_close,
	.make	= race_aio_make,
	.drop	= file_drop,
	.calm	= race_aio_calm,
	.add	= race_aio_add,
	.event	= race_aio_event,
	.check	= race_aio_check,
	.allows	= race_aio_allows,
};

#endif
