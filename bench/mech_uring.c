// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring: a multishot poll for each file, put in again only when it has
 * ended. Completions are taken from the ring as they are there; what must be
 * asked for is asked for in the call that also submits. The ring's fd is
 * registered, the completion queue holds all that can come.
 * Without DEFER_TASKRUN completions are there when the write that caused them
 * returns, and need no call.
 */

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>

#include "bench.h"

#define URING_SQ	256u
#define URING_CQ_MAX	32768u

struct mech_uring {
	struct mech mech;
	struct __kernel_timespec *times;
	struct io_uring ring;
};

static struct mech_uring *to_uring(struct mech *m)
{
	return container_of(m, struct mech_uring, mech);
}

static unsigned int round_up_pow2(unsigned int num)
{
	unsigned int p = 1;

	while (p < num)
		p *= 2;
	return p;
}

static struct mech *uring_open(const struct mech_ops *ops, unsigned int num)
{
	struct mech_uring *u = xcalloc(1, sizeof(*u));
	unsigned int cq = round_up_pow2(max(2 * num, 4 * URING_SQ));
	struct io_uring_params p = {
		.flags = IORING_SETUP_CQSIZE | ops->flags,
		.cq_entries = min(cq, URING_CQ_MAX),
	};
	int ret;

	u->mech.ops = ops;
	ret = io_uring_queue_init_params(URING_SQ, &u->ring, &p);
	if (ret < 0)
		die("io_uring_queue_init: errno %d", -ret);
	ret = io_uring_register_ring_fd(&u->ring);
	if (ret != 1)
		die("io_uring_register_ring_fd: errno %d", -ret);
	return &u->mech;
}

static void uring_close(struct mech *m)
{
	struct mech_uring *u = to_uring(m);

	io_uring_queue_exit(&u->ring);
	free(u->times);
	free(u);
}

static struct io_uring_sqe *uring_sqe(struct mech_uring *u)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (unlikely(!sqe))
		die("the submission queue is full");
	return sqe;
}

static void uring_submit(struct mech_uring *u, unsigned int num)
{
	int ret = io_uring_submit(&u->ring);

	if (unlikely(ret != (int)num))
		die("io_uring_submit: %d instead of %u", ret, num);
}

/* Submits and takes results: @good or @also each. */
static void uring_results(struct mech_uring *u, unsigned int num, int good,
			  int also)
{
	struct io_uring_cqe *cqe;
	unsigned int head, here, left = num;

	while (left) {
		if (unlikely(io_uring_submit_and_wait(&u->ring, left) < 0))
			die("io_uring_submit_and_wait");
		here = 0;
		io_uring_for_each_cqe(&u->ring, head, cqe) {
			here++;
			if (unlikely(cqe->res != good && cqe->res != also))
				die("io_uring: result %d", cqe->res);
		}
		io_uring_cq_advance(&u->ring, here);
		left -= here;
	}
}

static void uring_prep_poll(struct mech_uring *u, struct source *s)
{
	struct io_uring_sqe *sqe = uring_sqe(u);

	io_uring_prep_poll_multishot(sqe, s->rfd, POLLIN);
	io_uring_sqe_set_data(sqe, s);
}

static void uring_add(struct mech *m, struct source *s, unsigned int num)
{
	struct mech_uring *u = to_uring(m);
	unsigned int i;

	for (i = 0; i < num; i++)
		uring_prep_poll(u, &s[i]);
	uring_submit(u, num);
}

static void uring_modify(struct mech *m, struct source *s, unsigned int num,
			 bool more)
{
	struct mech_uring *u = to_uring(m);
	unsigned int i;

	for (i = 0; i < num; i++) {
		struct io_uring_sqe *sqe = uring_sqe(u);

		io_uring_prep_poll_update(sqe, (uintptr_t)&s[i], 0,
					  POLLIN | (more ? POLLPRI : 0),
					  IORING_POLL_UPDATE_EVENTS |
					  IORING_POLL_ADD_MULTI);
		io_uring_sqe_set_data(sqe, NULL);
	}
	uring_results(u, num, 0, 0);
}

/* Two completions each: of the removal, and of the poll that it ends. */
static void uring_remove(struct mech *m, struct source *s, unsigned int num)
{
	struct mech_uring *u = to_uring(m);
	unsigned int i;

	for (i = 0; i < num; i++) {
		struct io_uring_sqe *sqe = uring_sqe(u);

		io_uring_prep_poll_remove(sqe, (uintptr_t)&s[i]);
		io_uring_sqe_set_data(sqe, NULL);
	}
	uring_results(u, 2 * num, 0, -ECANCELED);
}

static void uring_reap(struct mech_uring *u, struct tally *t)
{
	struct io_uring_cqe *cqe;
	unsigned int head, here = 0;

	io_uring_for_each_cqe(&u->ring, head, cqe) {
		struct source *s = io_uring_cqe_get_data(cqe);

		here++;
		tally_event(t, s, (uint32_t)cqe->res, POLLIN);
		if (unlikely(!(cqe->flags & IORING_CQE_F_MORE)))
			uring_prep_poll(u, s);
	}
	io_uring_cq_advance(&u->ring, here);
}

static void uring_enter(struct mech_uring *u, unsigned int num)
{
	int ret = io_uring_submit_and_wait(&u->ring, num);

	if (unlikely(ret < 0))
		die("io_uring_submit_and_wait: errno %d", -ret);
}

static void uring_collect(struct mech *m, struct tally *t)
{
	struct mech_uring *u = to_uring(m);

	uring_reap(u, t);
	while (unlikely(t->seen < t->want)) {
		uring_enter(u, t->want - t->seen);
		uring_reap(u, t);
	}
}

static void uring_defer_collect(struct mech *m, struct tally *t)
{
	struct mech_uring *u = to_uring(m);

	do {
		uring_enter(u, t->want - t->seen);
		uring_reap(u, t);
	} while (unlikely(t->seen < t->want));
}

static void uring_wait(struct mech *m, struct tally *t)
{
	struct mech_uring *u = to_uring(m);

	uring_enter(u, 1);
	uring_reap(u, t);
}

/* The task work of a wake-up elsewhere interrupts who spins. */
static void uring_look(struct mech *m, struct tally *t)
{
	uring_reap(to_uring(m), t);
}

/* A call only where the kernel says that it has work. */
static void uring_flag_look(struct mech *m, struct tally *t)
{
	struct mech_uring *u = to_uring(m);

	if (IO_URING_READ_ONCE(*u->ring.sq.kflags) & IORING_SQ_TASKRUN) {
		if (unlikely(io_uring_get_events(&u->ring) < 0))
			die("io_uring_get_events");
	}
	uring_reap(u, t);
}

static void uring_timers(struct mech *m, struct source *s, const uint64_t *at,
			 unsigned int num)
{
	struct mech_uring *u = to_uring(m);
	unsigned int i;

	if (!u->times)
		u->times = xcalloc(num, sizeof(*u->times));
	for (i = 0; i < num; i++) {
		struct io_uring_sqe *sqe = uring_sqe(u);

		u->times[i].tv_sec = (long long)(at[i] / 1000000000u);
		u->times[i].tv_nsec = (long long)(at[i] % 1000000000u);
		io_uring_prep_timeout(sqe, &u->times[i], 0, IORING_TIMEOUT_ABS);
		io_uring_sqe_set_data(sqe, &s[i]);
		if (i % BATCH == BATCH - 1 || i == num - 1)
			uring_submit(u, i % BATCH + 1);
	}
}

static void uring_expired(struct mech *m, struct tally *t)
{
	struct mech_uring *u = to_uring(m);
	struct io_uring_cqe *cqe;
	unsigned int head, here;

	while (t->seen < t->want) {
		if (!io_uring_cq_ready(&u->ring))
			uring_enter(u, t->want - t->seen);
		here = 0;
		io_uring_for_each_cqe(&u->ring, head, cqe) {
			here++;
			tally_event(t, io_uring_cqe_get_data(cqe),
				    (uint32_t)cqe->res, (uint32_t)-ETIME);
		}
		io_uring_cq_advance(&u->ring, here);
	}
}

#define MECH_URING(_name, _mode, _caps, _flags, _collect, _look)	\
{									\
	.name = (_name),						\
	.mode = (_mode),						\
	.caps = (_caps),						\
	.flags = (_flags),						\
	.open = uring_open,						\
	.close = uring_close,						\
	.add = uring_add,						\
	.modify = uring_modify,						\
	.remove = uring_remove,						\
	.collect = (_collect),						\
	.wait = uring_wait,						\
	.look = (_look),						\
	.timers = uring_timers,						\
	.expired = uring_expired,					\
}

#define URING_CAPS	(MECH_EVENTS | MECH_CHANGES | MECH_BATCH |	\
			 MECH_TIMER | MECH_BLOCK)
#define URING_DEFER	(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

const struct mech_ops mech_uring =
	MECH_URING("io_uring", "multishot", URING_CAPS | MECH_LOOK, 0,
		   uring_collect, uring_look);
const struct mech_ops mech_uring_defer =
	MECH_URING("io_uring-defer", "multishot", URING_CAPS, URING_DEFER,
		   uring_defer_collect, NULL);
/* For those who look again and again: the kernel tells them when to call. */
const struct mech_ops mech_uring_look =
	MECH_URING("io_uring-defer", "flag", MECH_LOOK,
		   URING_DEFER | IORING_SETUP_TASKRUN_FLAG,
		   uring_defer_collect, uring_flag_look);
