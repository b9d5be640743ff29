// SPDX-License-Identifier: GPL-2.0
/* Tests that a watch goes with its file, in whichever way the file ends. */
#include "../source/kinds.h"

/* Nothing is said, and nothing is left. */
static void gone(int q)
{
	CHECK_SOON(watches_of(q) == 0);
	take_none(q);
}

/* One last event (KEVENT_REQ_CLOSED). */
static void said(int q, const struct kind *k, int fd)
{
	const unsigned int flags = KEVENT_RET_BROKEN | KEVENT_RET_CLOSED;
	struct ukevent uk = take(q);

	CHECK_EQ(uk.ret_flags & flags, flags);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_CANCELLED, 0);
	CHECK_EQ(uk.ptr, fd);
	CHECK_EQ(uk.type, k->type);
	take_none(q);		/* what was taken may go with the next call */
	gone(q);
}

/* What this process does with its own file, twice: in silence, and not. */
static void ends(int q, const struct kind *k, void (*way)(struct thing *t, int q))
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	CHECK_EQ(watches_of(q), 1);
	way(&t, q);
	gone(q);
	thing_drop_rest(&t);

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_CLOSED);
	way(&t, q);
	said(q, k, t.fd);
	thing_drop_rest(&t);
}

static void way_close(struct thing *t, int q)
{
	(void)q;
	close(t->fd);
}

TEST_KINDS(closed)
{
	ends(q, k, way_close);
}

/* Not the first of two. */
static void way_dup(struct thing *t, int q)
{
	int dup = CHECK_OK(fcntl(t->fd, F_DUPFD_CLOEXEC, 0));

	close(t->fd);
	CHECK_EQ(watches_of(q), 1);
	take_none(q);
	close(dup);
}

TEST_KINDS(closed_last_dup)
{
	ends(q, k, way_dup);
}

static void way_dup2(struct thing *t, int q)
{
	int other = CHECK_OK(eventfd(1, EFD_CLOEXEC));

	(void)q;
	CHECK_EQ(dup2(other, t->fd), t->fd);
	close(other);
}

TEST_KINDS(dup2_over_it)
{
	ends(q, k, way_dup2);
}

static void way_close_range(struct thing *t, int q)
{
	(void)q;
	CHECK_OK(close_range(t->fd, t->fd, 0));
}

TEST_KINDS(close_range)
{
	ends(q, k, way_close_range);
}

/* ---- In flight ------------------------------------------------------------- */

static void way_purged(struct thing *t, int q)
{
	int pair[2];

	unix_pair(SOCK_STREAM, pair);
	send_fds(pair[0], &t->fd, 1);
	close(t->fd);
	CHECK_EQ(watches_of(q), 1);
	take_none(q);
	close(pair[0]);
	close(pair[1]);
}

TEST_KINDS(in_flight_and_purged)
{
	ends(q, k, way_purged);
}

/* A socket that holds itself and the file: only the collector can end it. */
static void way_garbage(struct thing *t, int q)
{
	int pair[2], fds[2];

	unix_pair(SOCK_STREAM, pair);
	fds[0] = pair[1];
	fds[1] = t->fd;
	send_fds(pair[0], fds, 2);
	close(t->fd);
	CHECK_EQ(watches_of(q), 1);
	close(pair[1]);
	close(pair[0]);
	/* Any close of such a socket starts the collector. */
	unix_pair(SOCK_STREAM, pair);
	close(pair[0]);
	close(pair[1]);
}

TEST_KINDS(in_flight_in_a_cycle)
{
	ends(q, k, way_garbage);
}

/* Received by somebody else it lives on, and so does the watch. */
TEST_KINDS_BACK(in_flight_and_received)
{
	int pair[2], fd;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	fd = t.fd;
	unix_pair(SOCK_STREAM, pair);
	send_fds(pair[0], &t.fd, 1);
	close(t.fd);
	t.fd = receive_fd(pair[1]);
	thing_raise(&t);
	CHECK_EQ(take(q).ptr, fd);
	thing_drop(&t);
	gone(q);
}

/* ---- Another process ------------------------------------------------------- */

/**
 * struct holder - a child that makes, watches and holds the file
 * @k: what it makes.
 * @q: the inherited queue.
 * @flags: how it watches.
 * @ready: it says "x" there when it has done so.
 * @go: it ends when this is closed.
 */
struct holder {
	const struct kind *k;
	int q;
	unsigned int flags;
	int ready[2];
	int go[2];
};

static void hold(struct holder *h)
{
	struct thing t;

	close(h->go[1]);
	thing_make(&t, h->k);
	thing_add(h->q, &t, h->flags);
	CHECK_EQ(watches_of(h->q), 1);
	CHECK_EQ(write(h->ready[1], &t.fd, sizeof(int)), sizeof(int));
}

static void hold_and_exit(void *arg)
{
	struct holder *h = arg;
	char c;

	hold(h);
	CHECK_EQ(read(h->go[0], &c, 1), 0);
}

static void hold_and_exec(void *arg)
{
	struct holder *h = arg;

	hold(h);
	CHECK_EQ(dup2(h->go[0], 0), 0);
	CHECK_EQ(dup2(h->ready[1], 1), 1);
	execl("/bin/sh", "sh", "-c", "echo yyy; read x", NULL);
	FAIL("exec: %s", test_errno_name(errno));
}

/* Returns the number of the watched fd in the child. */
static int holder_start(struct holder *h, void (*run)(void *arg), pid_t *pid)
{
	int fd;

	CHECK_OK(pipe2(h->ready, O_CLOEXEC));
	CHECK_OK(pipe2(h->go, O_CLOEXEC));
	*pid = start_child(run, h);
	close(h->go[0]);
	close(h->ready[1]);
	CHECK_EQ(read(h->ready[0], &fd, sizeof(int)), sizeof(int));
	return fd;
}

static void holder_drop(struct holder *h)
{
	close(h->go[1]);
	close(h->ready[0]);
}

static void after_exit(int q, const struct kind *k, unsigned int flags)
{
	struct holder h = { .k = k, .q = q, .flags = flags };
	pid_t pid;
	int fd;

	fd = holder_start(&h, hold_and_exit, &pid);
	take_none(q);
	holder_drop(&h);
	wait_child(pid);
	if (flags)
		said(q, k, fd);
	else
		gone(q);
}

TEST_KINDS(exit)
{
	after_exit(q, k, 0);
	after_exit(q, k, KEVENT_REQ_CLOSED);
}

static void after_kill(int q, const struct kind *k, unsigned int flags)
{
	struct holder h = { .k = k, .q = q, .flags = flags };
	pid_t pid;
	int fd;

	fd = holder_start(&h, hold_and_exit, &pid);
	CHECK_OK(kill(pid, SIGKILL));
	wait_killed(pid);
	if (flags)
		said(q, k, fd);
	else
		gone(q);
	holder_drop(&h);
}

TEST_KINDS(sigkill)
{
	after_kill(q, k, 0);
	after_kill(q, k, KEVENT_REQ_CLOSED);
}

/* The process lives, its close-on-exec file does not. */
static void after_exec(int q, const struct kind *k, unsigned int flags)
{
	struct holder h = { .k = k, .q = q, .flags = flags };
	char line[4];
	pid_t pid;
	int fd;

	fd = holder_start(&h, hold_and_exec, &pid);
	CHECK_EQ(read(h.ready[0], line, sizeof(line)), sizeof(line));
	if (flags)
		said(q, k, fd);
	else
		gone(q);
	holder_drop(&h);
	waitpid(pid, NULL, 0);
}

TEST_KINDS(exec)
{
	if (access("/bin/sh", X_OK) < 0)
		SKIP("no /bin/sh");
	after_exec(q, k, 0);
	after_exec(q, k, KEVENT_REQ_CLOSED);
}

/* ---- A child that has inherited the file ------------------------------------ */

static void wait_for_go(void *arg)
{
	struct holder *h = arg;
	char c;

	close(h->go[1]);
	CHECK_EQ(read(h->go[0], &c, 1), 0);
}

TEST_KINDS_BACK(child_holds_it)
{
	struct holder h = { .k = k, .q = q };
	struct thing t;
	pid_t pid;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	CHECK_OK(pipe2(h.go, O_CLOEXEC));
	pid = start_child(wait_for_go, &h);
	close(h.go[0]);
	if (k != &kinds[KIND_LISTENER] && k != &kinds[KIND_SOCKET_LISTENER] &&
	    t.peer >= 0) {
		close(t.fd);
		CHECK_EQ(watches_of(q), 1);
		thing_raise(&t);
		CHECK_EQ(take(q).ptr, t.fd);
	} else {
		thing_raise(&t);
		thing_take(q, &t);
		close(t.fd);
		CHECK_EQ(watches_of(q), 1);
	}
	close(h.go[1]);
	wait_child(pid);
	gone(q);
	thing_drop_rest(&t);
}

/* ---- With events outstanding -------------------------------------------------- */

TEST_KINDS(with_an_event)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ALWAYS_QUEUE);
	thing_raise(&t);
	if (ring)
		CHECK_EQ(kevent_wait(q, 1, 0, NULL, 0), 1);
	close(t.fd);
	if (ring)
		CHECK(kev_entry(ring, 0)->ret_flags & KEVENT_RET_CANCELLED);
	gone(q);
	thing_drop_rest(&t);
}

TEST_KINDS(with_an_event_said)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_CLOSED);
	thing_raise(&t);
	close(t.fd);
	said(q, k, t.fd);
	thing_drop_rest(&t);
}

/* In place: neither this entry nor the next one of the batch stays valid. */
TEST(in_the_batch)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	const struct ukevent *uk;
	struct thing a, b, c;

	thing_make(&a, &kinds[KIND_EVENTFD]);
	thing_make(&b, &kinds[KIND_EVENTFD]);
	thing_make(&c, &kinds[KIND_EVENTFD]);
	thing_add(q, &a, KEVENT_REQ_ET);
	thing_add(q, &b, KEVENT_REQ_ET);
	thing_add(q, &c, KEVENT_REQ_ET);
	thing_raise(&a);
	thing_raise(&b);
	thing_raise(&c);
	uk = kev_expect(&ring, a.fd, POLLIN);
	close(a.fd);
	CHECK(uk->ret_flags & KEVENT_RET_CANCELLED);
	close(b.fd);
	kev_expect(&ring, c.fd, POLLIN);
	kev_expect_none(&ring);
}

/* A sleeper is told, too. */
TEST_KINDS_RING(said_to_a_sleeper)
{
	struct kev_sleeper s;
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_CLOSED);
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	close(t.fd);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	said(q, k, t.fd);
	thing_drop_rest(&t);
}

/* What was removed before says nothing at close. */
TEST_KINDS(removed_before)
{
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_CLOSED);
	thing_remove(q, &t);
	thing_drop(&t);
	gone(q);
}
