// SPDX-License-Identifier: GPL-2.0
/* No memory at all in wake-ups, hooks and turns of transfers: nothing is lost silently. */
/* kernel: debug debug-rt */
#include "../source/aio.h"

#include "sources.h"

#include <sys/eventfd.h>
#include <sys/resource.h>

static struct inject_range module;

static void pressure_begin(void)
{
	inject_begin();
	module = inject_module();
}

/* ---- Events of each source ------------------------------------------------------ */

#define ROUNDS 3

static void kinds_run(kind_test *run, const struct kind *k)
{
	pressure_begin();
	kind_run(run, k);
}

KIND_TESTS(event, kinds_run)
KIND_TEST(event, kinds_run, PIDFD)

KIND_BODY(event)
{
	struct thing t;
	int i;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	for (i = 0; i < (k->once ? 1 : ROUNDS); i++) {
		inject_memory(&module);
		thing_change(&t);
		thing_take(q, &t);
		inject_none();
		if (k->lower)
			thing_lower(&t);
		while (kevent_get_events(q, 0, 1, NULL, &(struct ukevent){}, 0))
			;
	}
	inject_memory(&module);
	CHECK_EQ(close(t.fd), 0);
	inject_none();
	CHECK_EQ(watches_of(q), 0);
	thing_drop_rest(&t);
}

/* Signals, names and the rest, with their records; s.fault is what it is about. */
static void actor_under_pressure(const struct actor *a)
{
	struct fault f = { .actor = a };
	struct scene s;

	pressure_begin();
	scene_open(&s, &f, 0);
	a->make(&s);
	CHECK_EQ(fault_add(&s), 0);
	inject_memory(&module);
	actor_check(&s);
	inject_none();
	actor_end(&s);
	scene_close(&s);
}

#define EVENT_TEST(name_)						\
	TEST(event_##name_)						\
	{								\
		actor_under_pressure(&actor_##name_);			\
	}

FOR_ALL_ACTORS(EVENT_TEST)

/* Each has its record, or is counted as lost. */
TEST(records)
{
	struct ukevent uk;
	struct records *r;
	int dir, q, i;

	pressure_begin();
	q = kev_queue(NULL, 0);
	dir = own_directory();
	uk = inode_add(q, dir, KEVENT_INODE_CREATE, 0);
	inject_memory(&module);
	for (i = 0; i < 26; i++)
		make_file((char[]){ 'a' + i, 0 });
	inject_none();
	CHECK_EQ(take(q).ret_data[1], 26);
	r = records_of(q, &uk);
	for (i = 0; i < 26; i++) {
		record_expect(r, KEVENT_INODE_CREATE, ((char[]){ 'a' + i, 0 }));
		CHECK_OK(unlink((char[]){ 'a' + i, 0 }));
	}
	record_expect_none(r);
}

/* ---- The table of all files --------------------------------------------------------- */

/* More than it has room for from the beginning: see KEV_FILES_MIN. */
#define MANY 4000

/*
 * It can't grow: ADD says so, and what was added works.  Then there is memory
 * again, and all is well.
 */
TEST_TIMEOUT(table_cannot_grow, 120)
{
	const struct rlimit limit = { MANY + 64, MANY + 64 };
	struct inject_range alloc;
	static bool added[MANY];
	static int fds[MANY];
	int q, i, err, n = 0;

	pressure_begin();
	alloc = inject_function("bucket_table_alloc");
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < MANY; i++)
		fds[i] = CHECK_OK(eventfd(0, EFD_NONBLOCK));
	q = kev_queue(NULL, 0);
	inject_memory(&alloc);
	for (i = 0; i < MANY; i++) {
		err = kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, fds[i], POLLIN,
			      KEVENT_REQ_ET);
		if (err && err != ENOMEM)
			FAIL("ADD of %d: %s", i, test_errno_name(err));
		added[i] = !err;
		n += added[i];
	}
	CHECK_LT(n, MANY);
	CHECK_GT(n, 1000);
	CHECK_EQ(watches_of(q), n);
	for (i = 0; i < MANY; i++)
		if (added[i]) {
			CHECK_OK(eventfd_write(fds[i], 1));
			kev_expect_get(q, fds[i], POLLIN);
		}
	inject_none();
	for (i = 0; i < MANY; i++)
		if (!added[i])
			kev_add_poll(q, fds[i], POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(watches_of(q), MANY);
	for (i = 0; i < MANY; i++) {
		CHECK_OK(eventfd_write(fds[i], 1));
		kev_expect_get(q, fds[i], POLLIN);
		close(fds[i]);
	}
	CHECK_EQ(watches_of(q), 0);
	kev_close(q, NULL);
}

/* ---- Transfers -------------------------------------------------------------------------- */

/*
 * A transfer that gets no memory when it goes on: its end is told, with an error
 * and how far it came; or it goes on when there is some.
 */
TEST(sendfile)
{
	int fds[2], q, file, error, i;
	struct ukevent uk;

	pressure_begin();
	q = kev_queue(NULL, 0);
	tcp_pair(fds);
	narrow(fds);
	file = file_make(MB);
	aio_start(q, fds[0], file, 0, KEVENT_AIO_TO_END, 5);
	inject_memory(&module);
	/* that makes room */
	expect_file(fds[1], 0, 16 * KB);
	for (i = 0; i < 500 && !aio_num_kept; i++) {
		usleep(1000);
		aio_move();
	}
	if (!aio_num_kept) {
		inject_none();
		expect_file(fds[1], 16 * KB, MB);
		uk = take(q);
		CHECK_EQ(kevent_aio_error(&uk), 0);
		CHECK_EQ(kevent_aio_position(&uk), MB);
	} else {
		inject_none();
		uk = take(q);
		error = kevent_aio_error(&uk);
		CHECK_EQ(error, ENOMEM);
		CHECK(uk.ret_flags & KEVENT_RET_BROKEN);
		expect_file(fds[1], 16 * KB, kevent_aio_position(&uk));
	}
	CHECK_EQ(uk.ptr, 5);
	expect_nothing(fds[1]);
	kev_expect_get_none(q);
	CHECK_EQ(watches_of(q), 0);
	/* and the next one works */
	aio_start(q, fds[0], file, 0, 8 * KB, 6);
	expect_file(fds[1], 0, 8 * KB);
	aio_expect(q, 6, 8 * KB, AIO_GOOD);
	close(fds[0]);
	expect_end(fds[1]);
}
