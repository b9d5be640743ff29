// SPDX-License-Identifier: GPL-2.0
/* Tests the end of a queue, and queues that are inherited or handed on. */
#include "../source/kinds.h"

#include <sys/resource.h>

enum { MANY = 10000 };

static void allow_files(unsigned int n)
{
	struct rlimit limit = { .rlim_cur = n, .rlim_max = n };

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
}

static void add_timer(int q, uint64_t id)
{
	struct ukevent uk;

	kevent_prep_timer(&uk, id, 1000000, 1000000, CLOCK_MONOTONIC, 0, id);
	kev_change(q, KEVENT_CTL_ADD, &uk);
}

static void watch_many(int q, int *fd, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		fd[i] = CHECK_OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		kev_add_poll(q, fd[i], POLLIN, i & 1 ? KEVENT_REQ_ET : 0);
	}
}

static void fire_files(const int *fd, int n, int step)
{
	uint64_t one = 1;
	int i;

	for (i = 0; i < n; i += step)
		CHECK_EQ(write(fd[i], &one, 8), 8);
}

static uint64_t watches_of_user(void)
{
	struct kevent_ioc_info info;
	int q = kevent_open();

	CHECK_OK(q);
	CHECK_OK(kevent_info(q, &info));
	close(q);
	return info.watches;
}

/* ---- Closed with everything armed ------------------------------------------- */

static void close_with_many(unsigned int slots)
{
	static int fd[MANY];
	struct kevent_ring ring;
	uint64_t before = watches_of_user();
	int q = kev_queue(&ring, slots), i;

	watch_many(q, fd, MANY);
	for (i = 0; i < 100; i++) {
		add_timer(q, i);
		kev_add_user(q, i);
	}
	CHECK_EQ(watches_of(q), MANY + 200);
	CHECK_EQ(watches_of_user(), before + MANY + 200);
	fire_files(fd, MANY, 7);
	kev_close(q, slots ? &ring : NULL);
	CHECK_SOON(watches_of_user() == before);
	/* They are as they were, and nobody is left on their wait queues. */
	fire_files(fd, MANY, 1);
	for (i = 0; i < MANY; i++)
		close(fd[i]);
}

TEST_TIMEOUT(ten_thousand_watches, 60)
{
	allow_files(MANY + 100);
	close_with_many(0);
	close_with_many(16);
	close_with_many(32768);
}

static void arm_everything(void *arg)
{
	struct kevent_ring *ring = arg;
	static int fd[1000];
	int q = kev_queue(ring, 64), i;
	struct thing t;

	watch_many(q, fd, 500);
	for (i = 0; i < KIND_MAX; i++) {
		if (i == KIND_PIDFD)
			continue;	/* a grandchild would hold it all */
		thing_make(&t, &kinds[i]);
		thing_add(q, &t, i & 1 ? KEVENT_REQ_CLOSED : KEVENT_REQ_ET);
		if (i & 2)
			thing_raise(&t);
	}
	for (i = 0; i < 100; i++) {
		add_timer(q, i);
		kev_add_user(q, i);
	}
	fire_files(fd, 500, 3);
}

TEST(exit_with_everything_armed)
{
	uint64_t before = watches_of_user();
	struct kevent_ring ring;
	int i;

	for (i = 0; i < 5; i++)
		wait_child(start_child(arm_everything, &ring));
	CHECK_SOON(watches_of_user() == before);
}

static void arm_and_die(void *arg)
{
	arm_everything(arg);
	raise(SIGKILL);
}

TEST(sigkill_with_everything_armed)
{
	uint64_t before = watches_of_user();
	struct kevent_ring ring;
	int i;

	for (i = 0; i < 5; i++)
		wait_killed(start_child(arm_and_die, &ring));
	CHECK_SOON(watches_of_user() == before);
}

/* ---- Two queues ------------------------------------------------------------ */

TEST_KINDS(one_of_two_closed)
{
	int other = kev_queue(NULL, 0);
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, KEVENT_REQ_ET);
	thing_add(other, &t, KEVENT_REQ_ET);
	kev_close(other, NULL);
	thing_raise(&t);
	thing_take(q, &t);
	thing_drop(&t);
	CHECK_EQ(watches_of(q), 0);
}

TEST_KINDS(file_of_two_closed)
{
	int other = kev_queue(NULL, 0);
	struct thing t;

	thing_make(&t, k);
	thing_add(q, &t, 0);
	thing_add(other, &t, KEVENT_REQ_CLOSED);
	close(t.fd);
	CHECK_EQ(watches_of(q), 0);
	take_none(q);
	CHECK(take(other).ret_flags & KEVENT_RET_CLOSED);
	take_none(other);
	CHECK_EQ(watches_of(other), 0);
	kev_close(other, NULL);
	thing_drop_rest(&t);
}

/* ---- Closed under a sleeper ------------------------------------------------- */

/* Its call holds the queue: what it waits for still reaches it. */
TEST_KINDS_RING(sleeper_in_closed_queue)
{
	struct kevent_ring own;
	int sq = kev_queue(&own, 16);
	struct kev_sleeper s;
	struct thing t;

	thing_make(&t, k);
	thing_add(sq, &t, KEVENT_REQ_ET);
	kev_sleeper_prep(&s, sq);
	kev_sleeper_start(&s);
	kev_close(sq, &own);
	thing_raise(&t);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	thing_drop(&t);
}

static void sleep_for_ever(void *arg)
{
	struct kevent_ioc_wait wait = { .min = 1 };
	int *q = arg;

	ioctl(*q, KEVENT_IOC_WAIT, &wait);
}

TEST(killed_in_its_sleep)
{
	uint64_t before = watches_of_user();
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	struct thing t;
	pid_t pid;

	thing_make(&t, &kinds[KIND_TCP]);
	thing_add(q, &t, 0);
	pid = start_child(sleep_for_ever, &q);
	wait_blocked(pid);
	kev_close(q, &ring);
	CHECK_OK(kill(pid, SIGKILL));
	wait_killed(pid);
	CHECK_SOON(watches_of_user() == before);
	thing_raise(&t);
	thing_drop(&t);
}

/* ---- Inherited -------------------------------------------------------------- */

/* The child looks its fds up in its own table. */
static void use_inherited(void *arg)
{
	int *q = arg;
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	CHECK_EQ(dup2(t.fd, 500), 500);
	kev_add_poll(*q, 500, POLLIN, KEVENT_REQ_ET | KEVENT_REQ_TIMESTAMP);
	thing_raise(&t);
	CHECK_EQ(take(*q).ptr, 500);
	kev_remove(*q, KEVENT_POLL, 500);
	CHECK_EQ(kev_try(*q, KEVENT_CTL_REMOVE, KEVENT_POLL, 500, 0, 0),
		 ENOENT);
	/* And leaves a watch with an event, whose file it holds to the end. */
	kev_add_poll(*q, t.fd, POLLIN, KEVENT_REQ_CLOSED);
	CHECK_EQ(watches_of(*q), 2);
}

TEST(inherited)
{
	int q = kev_queue(NULL, 0);
	struct thing t;
	int i;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	for (i = 0; i < 10; i++) {
		thing_add(q, &t, KEVENT_REQ_ET);
		wait_child(start_child(use_inherited, &q));
		CHECK(take(q).ret_flags & KEVENT_RET_CLOSED);
		take_none(q);
		CHECK_EQ(watches_of(q), 1);
		thing_raise(&t);
		thing_take(q, &t);
		thing_remove(q, &t);
	}
}

/* The parent lets go; the child has the queue alone, and what it watches. */
struct heir {
	int q;
	struct thing t;
	int go[2];
};

static void inherit_alone(void *arg)
{
	struct heir *h = arg;
	char c;

	close(h->go[1]);
	CHECK_EQ(read(h->go[0], &c, 1), 0);
	thing_raise(&h->t);
	thing_take(h->q, &h->t);
	CHECK_EQ(watches_of(h->q), 1);
}

TEST(child_outlives_parents_fd)
{
	struct heir h = { .q = kev_queue(NULL, 0) };
	uint64_t before = watches_of_user();
	pid_t pid;

	CHECK_OK(pipe2(h.go, O_CLOEXEC));
	thing_make(&h.t, &kinds[KIND_TCP]);
	thing_add(h.q, &h.t, 0);
	pid = start_child(inherit_alone, &h);
	kev_close(h.q, NULL);
	close(h.go[0]);
	close(h.go[1]);
	wait_child(pid);
	CHECK_SOON(watches_of_user() == before);
	thing_drop(&h.t);
}

static void exec_with_queue(void *arg)
{
	struct heir *h = arg;

	CHECK_OK(fcntl(h->q, F_SETFD, 0));
	CHECK_EQ(dup2(h->go[0], 0), 0);
	execl("/bin/sh", "sh", "-c", "read x; exit 7", NULL);
	FAIL("exec: %s", test_errno_name(errno));
}

/* A program that does not know what it holds. */
TEST(inherited_by_exec)
{
	struct heir h = { .q = kev_queue(NULL, 0) };
	uint64_t before = watches_of_user();
	int i, status;
	pid_t pid;

	if (access("/bin/sh", X_OK) < 0)
		SKIP("no /bin/sh");
	CHECK_OK(pipe2(h.go, O_CLOEXEC));
	thing_make(&h.t, &kinds[KIND_TCP]);
	thing_add(h.q, &h.t, 0);
	pid = start_child(exec_with_queue, &h);
	kev_close(h.q, NULL);
	for (i = 0; i < 100; i++)
		thing_raise(&h.t);
	/* The watch goes with its file, whoever holds the queue. */
	thing_drop(&h.t);
	close(h.go[0]);
	close(h.go[1]);
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 7);
	CHECK_SOON(watches_of_user() == before);
}

/* ---- Handed on ------------------------------------------------------------- */

TEST_KINDS(queue_in_flight)
{
	int pair[2], sent = kev_queue(NULL, 0);
	struct thing t;

	thing_make(&t, k);
	thing_add(sent, &t, KEVENT_REQ_ET);
	unix_pair(SOCK_STREAM, pair);
	send_fds(pair[0], &sent, 1);
	close(sent);
	thing_raise(&t);
	sent = receive_fd(pair[1]);
	thing_take(sent, &t);
	CHECK_EQ(watches_of(sent), 1);
	thing_drop(&t);
	CHECK_EQ(watches_of(sent), 0);
	close(sent);
	close(pair[0]);
	close(pair[1]);
}

/* A queue in flight on the very socket that it watches, and nowhere else. */
static void queue_in_cycle(int sock)
{
	int pair[2], q = kev_queue(NULL, 0);

	unix_pair(SOCK_STREAM, pair);
	kev_add_poll(q, pair[0], POLLIN, 0);
	kev_add_poll(q, pair[1], POLLIN, KEVENT_REQ_CLOSED);
	send_fds(pair[sock], &q, 1);
	close(q);
	close(pair[0]);
	close(pair[1]);
}

/* The queue, and the socket itself, both in the socket's own queue. */
static void queue_in_garbage(void)
{
	int pair[2], q = kev_queue(NULL, 0);

	unix_pair(SOCK_STREAM, pair);
	kev_add_poll(q, pair[1], POLLIN, 0);
	send_fds(pair[0], &q, 1);
	send_fds(pair[0], &pair[1], 1);
	close(q);
	close(pair[1]);
	close(pair[0]);
}

TEST(queue_in_flight_in_a_cycle)
{
	uint64_t before = watches_of_user();
	int i, pair[2];

	for (i = 0; i < 50; i++) {
		queue_in_cycle(i & 1);
		queue_in_garbage();
	}
	/* Any close of such a socket starts the collector. */
	unix_pair(SOCK_STREAM, pair);
	close(pair[0]);
	close(pair[1]);
	CHECK_SOON(watches_of_user() == before);
}
