// SPDX-License-Identifier: GPL-2.0
/* Batches of changes: results tell exactly which were done when one fails. */
/* kernel: debug debug-rt */
#include "sources.h"

#define BATCH 8

/* Refused for want of memory, over all rounds. */
static int refused;
/* What the call returned, where s->n is something else. */
static int told;
static struct kevent_ioc_ctl ctl;
static struct kevent_ioc_wait wait_arg;
static struct ukevent result[BATCH];
static struct thing things[BATCH];

/* ---- Calls: CTL, and the changes of WAIT -------------------------------------- */

static int batch_by_ctl(struct scene *s, unsigned int cmd)
{
	memcpy(result, s->uk, sizeof(result));
	memset(&ctl, 0, sizeof(ctl));
	ctl.cmd = cmd;
	ctl.num = BATCH;
	ctl.events = (uintptr_t)result;
	s->n = ioctl(s->q, KEVENT_IOC_CTL, &ctl);
	return s->n < 0 ? errno : 0;
}

static int call_ctl(struct scene *s)
{
	return batch_by_ctl(s, KEVENT_CTL_ADD);
}

static int call_mixed(struct scene *s)
{
	return batch_by_ctl(s, KEVENT_CTL_MIXED);
}

static int call_wait(struct scene *s)
{
	memcpy(result, s->uk, sizeof(result));
	memset(&wait_arg, 0, sizeof(wait_arg));
	wait_arg.changes = (uintptr_t)result;
	wait_arg.nchanges = BATCH;
	if (ioctl(s->q, KEVENT_IOC_WAIT, &wait_arg) < 0)
		return errno;
	ctl.done = wait_arg.done;
	ctl.failed = wait_arg.failed;
	s->n = ctl.failed;	/* WAIT has no such count; nothing is ready */
	return 0;
}

/* ---- What they came to ----------------------------------------------------------- */

/* A refused ADD was not made, and can be. */
static void check_refused(struct scene *s, const struct ukevent *uk,
			  struct ukevent again)
{
	struct ukevent gone = *uk;

	CHECK_EQ(kevent_error(uk), ENOMEM);
	CHECK_EQ(kevent_ctl_one(s->q, KEVENT_CTL_REMOVE, &gone), -1);
	CHECK_EQ(errno, ENOENT);
	again.req_flags &= ~KEVENT_REQ_CMD(15);
	kev_change(s->q, KEVENT_CTL_ADD, &again);
	refused++;
}

/* All were tried, and the counts are those of the results. */
static void check_results(struct scene *s)
{
	int i, failed = 0;

	for (i = 0; i < BATCH; i++)
		if (kevent_error(&result[i])) {
			check_refused(s, &result[i], s->uk[i]);
			failed++;
		}
	CHECK_EQ(ctl.done, BATCH);
	CHECK_EQ(ctl.failed, failed);
	CHECK_EQ(s->n, failed);
	if (s->round)
		CHECK_LE(failed, 1);
}

static void run(const struct fault *f)
{
	refused = 0;
	fault_run(f);
	CHECK_GT(refused, 0);
}

/* ---- ADDs of files ------------------------------------------------------------- */

static const int batch_kinds[BATCH] = {
	KIND_PIPE_RECV, KIND_EVENTFD, KIND_TCP, KIND_PTY, KIND_SOCKET_STREAM,
	KIND_SOCKET_DGRAM, KIND_TIMERFD, KIND_PIPE_SEND,
};

static void set_up_files(struct scene *s)
{
	const struct kind *k;
	int i;

	for (i = 0; i < BATCH; i++) {
		k = &kinds[batch_kinds[i]];
		thing_make(&things[i], k);
		kevent_prep(&s->uk[i], k->type, things[i].fd, k->event,
			    KEVENT_REQ_CMD(KEVENT_CTL_ADD) | KEVENT_REQ_ET,
			    things[i].fd);
	}
}

static void check_files(struct scene *s)
{
	int i;

	check_results(s);
	CHECK_EQ(watches_of(s->q), BATCH);
	for (i = 0; i < BATCH; i++) {
		thing_raise(&things[i]);
		thing_take(s->q, &things[i]);
	}
}

static void drop_files(struct scene *s)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		CHECK_EQ(close(things[i].fd), 0);
		CHECK_EQ(watches_of(s->q), BATCH - 1 - i);
		thing_drop_rest(&things[i]);
	}
}

#define FILES_TEST(name_, call_)					\
	TEST_TIMEOUT(name_, 120)					\
	{								\
		static const struct fault f = {				\
			.set_up = set_up_files,				\
			.call = call_,					\
			.check = check_files,				\
			.tear_down = drop_files,			\
			.must = { EFAULT },				\
		};							\
									\
		run(&f);						\
	}

FILES_TEST(add_in_ctl, call_ctl)
FILES_TEST(add_in_mixed, call_mixed)
FILES_TEST(add_in_wait, call_wait)

/* ---- ADDs of the rest ---------------------------------------------------------- */

static void set_up_others(struct scene *s)
{
	static const struct actor *const actors[BATCH] = {
		&actor_timer, &actor_payload, &actor_signal, &actor_directory,
		&actor_posix_timer, &actor_timer, &actor_payload,
		&actor_signal,
	};
	struct ukevent uk;
	int i;

	for (i = BATCH; i--;) {
		actors[i]->make(s);
		uk = s->uk[0];
		uk.req_flags |= KEVENT_REQ_CMD(KEVENT_CTL_ADD);
		if (i > 4)
			uk.id.raw_u64 += 1;	/* SIGUSR1 + 1 is SIGSEGV */
		s->uk[i] = uk;
	}
}

/* s->n is the timer's. */
static int call_others(struct scene *s)
{
	int timer = s->n, err = batch_by_ctl(s, KEVENT_CTL_ADD);

	told = s->n;
	s->n = timer;
	return err;
}

static void check_others(struct scene *s)
{
	int timer = s->n;

	s->n = told;
	check_results(s);
	s->n = timer;
	CHECK_EQ(watches_of(s->q), BATCH);
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(take(s->q).type, KEVENT_SIGNAL);
	make_file("name");
	CHECK_EQ(take(s->q).type, KEVENT_INODE);
	ptimer_act(s);
	CHECK_EQ(take(s->q).type, KEVENT_POSIX_TIMER);
	unlink("name");
}

static void drop_others(struct scene *s)
{
	pt_delete(s->n);
	CHECK_EQ(close(s->fd), 0);
	CHECK_EQ(watches_of(s->q), BATCH - 2);
}

TEST_TIMEOUT(add_of_no_files, 120)
{
	static const struct fault f = {
		.set_up = set_up_others,
		.call = call_others,
		.check = check_others,
		.tear_down = drop_others,
		.must = { EFAULT },
	};

	run(&f);
}

/* ---- Each command in one batch --------------------------------------------------- */

/* An ADD, MODIFY, REMOVE and READY, and again. */
static void set_up_commands(struct scene *s)
{
	static const unsigned int cmds[] = {
		KEVENT_CTL_ADD, KEVENT_CTL_MODIFY, KEVENT_CTL_REMOVE,
		KEVENT_CTL_READY,
	};
	unsigned int cmd;
	int i;

	for (i = 0; i < BATCH; i++) {
		cmd = cmds[i % ARRAY_SIZE(cmds)];
		if (cmd != KEVENT_CTL_ADD)
			kev_add_user(s->q, i);
		kevent_prep(&s->uk[i], KEVENT_UNOTIFY, i, 1,
			    KEVENT_REQ_CMD(cmd), i);
	}
}

static void check_commands(struct scene *s)
{
	check_results(s);
	CHECK_EQ(watches_of(s->q), BATCH - 2);
	kev_expect_get(s->q, 3, 1);
	kev_expect_get(s->q, 7, 1);
	kev_expect_get_none(s->q);
	kev_fire(s->q, 0, 0);
	kev_expect_get(s->q, 0, 1);
	kev_fire(s->q, 1, 0);
	kev_expect_get(s->q, 1, 1);
	CHECK_EQ(kev_try(s->q, KEVENT_CTL_REMOVE, KEVENT_UNOTIFY, 2, 0, 0),
		 ENOENT);
}

TEST_TIMEOUT(mixed_commands, 120)
{
	static const struct fault f = {
		.set_up = set_up_commands,
		.call = call_mixed,
		.check = check_commands,
		.must = { EFAULT },
	};

	run(&f);
}
