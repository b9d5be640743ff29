/* SPDX-License-Identifier: GPL-2.0 */
/* What work_kqueue.c asks of kqueue() and kevent(), and of epoll beside it. */
#ifndef KQUEUE_H
#define KQUEUE_H

#include "bench.h"

#define KQUEUE_MAX	64u		/* sources; changes in a call; events of a call */
#define KQUEUE_PERIOD	4000000u	/* ns, of timers */

enum kqueue_kind { KQUEUE_SOCKET, KQUEUE_TIMER, KQUEUE_SIGNAL };
enum { KQUEUE_ADD, KQUEUE_DISABLE, KQUEUE_ENABLE, KQUEUE_DELETE, KQUEUE_CHANGES };

/**
 * struct kqueue_source - what an event comes of
 * @s: of a socket; of others, armed is used, and by epoll rfd.
 * @kind: what it is.
 * @signo: of a signal, which is ignored.
 * @asks: of a socket: how many bytes there are is asked.
 * @count: expiries, signals, or these bytes, as reported.
 */
struct kqueue_source {
	struct source s;
	enum kqueue_kind kind;
	int signo;
	bool asks;
	uint64_t count;
};

static inline struct kqueue_source *to_kqueue_source(struct source *s)
{
	return container_of(s, struct kqueue_source, s);
}

extern const struct mech_ops kqueue_hand_lt, kqueue_hand_et;
extern const struct mech_ops kqueue_library, kqueue_library_clear;

#endif /* KQUEUE_H */
