// SPDX-License-Identifier: GPL-2.0
/* The queue's fdinfo: watches and counters, which count right; a line for each watch. */
#include "../source/aio.h"
#include "../source/inode.h"
#include "../source/posix_timer.h"
#include "../source/signals.h"

static const struct timespec zero;

TEST(watches)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, 0));

	CHECK_EQ(kev_stat(q, "watches"), 0);
	kev_add_user(q, 1);
	kev_add_poll(q, fd, POLLIN, 0);
	CHECK_EQ(kev_stat(q, "watches"), 2);
	kev_remove(q, KEVENT_UNOTIFY, 1);
	CHECK_EQ(kev_stat(q, "watches"), 1);
	CHECK_OK(close(fd));
	CHECK_EQ(kev_stat(q, "watches"), 0);
}

TEST(before_init)
{
	int q = CHECK_OK(kevent_open());

	CHECK_EQ(kev_stat(q, "watches"), 0);
	CHECK_EQ(kev_stat(q, "posted"), 0);
}

TEST(posted_and_merged)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_add_user(q, 2);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_stat(q, "posted"), 1);
	CHECK_EQ(kev_stat(q, "merged"), 0);
	kev_fire(q, 1, 1);
	kev_fire(q, 1, 1);
	kev_fire(q, 2, 1);
	CHECK_EQ(kev_stat(q, "posted"), 2);
	CHECK_EQ(kev_stat(q, "merged"), 2);
	kev_expect(&ring, 1, 1);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_stat(q, "posted"), 3);
	CHECK_EQ(kev_stat(q, "merged"), 2);
	CHECK_EQ(kev_stat(q, "overflowed"), 0);
}

TEST(overflowed)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2), i;

	for (i = 0; i < 5; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	CHECK_EQ(kev_stat(q, "posted"), 2);
	CHECK_EQ(kev_stat(q, "overflowed"), 3);
	for (i = 0; i < 5; i++)
		kev_expect(&ring, i, 1);
	kev_expect_none(&ring);
	CHECK_EQ(kev_stat(q, "posted"), 5);
}

/* Calls that wait are counted, and those of them that need not sleep. */
TEST(waits_and_immediate)
{
	unsigned long long waits, immediate;
	struct kevent_ring ring;
	struct kev_sleeper s;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	CHECK_EQ(kev_stat(q, "waits"), 0);
	CHECK_EQ(kev_stat(q, "immediate"), 0);
	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	kev_fire(q, 1, 1);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	waits = kev_stat(q, "waits");
	immediate = kev_stat(q, "immediate");
	CHECK_EQ(waits, 1);
	CHECK_EQ(immediate, 0);
	CHECK_EQ(kevent_wait(q, 1, 0, NULL, 0), 1);
	CHECK_EQ(kev_stat(q, "immediate"), 1);
	kev_claim_to(&ring, 1);
	CHECK_EQ(kevent_wait(q, 1, 1, &zero, 0), 0);
	CHECK_GE(kev_stat(q, "waits"), waits);
	CHECK_EQ(kev_stat(q, "posted"), 1);
}

TEST(ring_reads_are_not_counted)
{
	unsigned long long waits, immediate;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), i;

	kev_add_user(q, 1);
	waits = kev_stat(q, "waits");
	immediate = kev_stat(q, "immediate");
	for (i = 0; i < 50; i++) {
		kev_fire(q, 1, 1);
		kev_expect(&ring, 1, 1);
		kev_expect_none(&ring);
	}
	CHECK_EQ(kev_stat(q, "waits"), waits);
	CHECK_EQ(kev_stat(q, "immediate"), immediate);
	CHECK_EQ(kev_stat(q, "posted"), 50);
}

/* ---- The line of a watch ------------------------------------------------------- */

/* What it says; see module/show.c. */
struct line {
	unsigned int type;
	unsigned long long id;
	unsigned int event;
	unsigned int req_flags;
	unsigned long long ptr;
	unsigned long long param[3];
	unsigned long long cookie;
	char state[16];
	char list[16];
};

static FILE *open_fdinfo(int q)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", q);
	f = fopen(path, "re");
	CHECK(f);
	return f;
}

static bool is_watch(const char *text)
{
	return !strncmp(text, "watch:\t", 7);
}

static void parse(const char *text, struct line *line)
{
	int n = sscanf(text, "watch: type: %u id: %llx event: %x req_flags: %x ptr: %llx param: %llx %llx %llx cookie: %llx state: %15s list: %15s",
		       &line->type, &line->id, &line->event, &line->req_flags,
		       &line->ptr, &line->param[0], &line->param[1],
		       &line->param[2], &line->cookie, line->state, line->list);

	if (n != 11)
		FAIL("%d of 11 words in: %s", n, text);
}

/* The line of the watch that has this cookie.  False: it has none. */
static bool find_line(int q, uint64_t cookie, struct line *line)
{
	FILE *f = open_fdinfo(q);
	bool found = false;
	char text[512];

	while (fgets(text, sizeof(text), f)) {
		struct line this;

		if (!is_watch(text))
			continue;
		parse(text, &this);
		if (this.cookie != cookie)
			continue;
		CHECK(!found);
		found = true;
		*line = this;
	}
	fclose(f);
	return found;
}

static struct line line_of(int q, uint64_t cookie)
{
	struct line line;

	CHECK(find_line(q, cookie, &line));
	return line;
}

static void expect_state(int q, uint64_t cookie, const char *state,
			 const char *list)
{
	struct line line = line_of(q, cookie);

	if (strcmp(line.state, state) || strcmp(line.list, list))
		FAIL("%s, %s; expected %s, %s", line.state, line.list, state,
		     list);
}

/* All that ADD was given. */
static void expect_line(int q, const struct ukevent *asked, uint64_t cookie)
{
	struct line line = line_of(q, cookie);

	CHECK_EQ(line.type, asked->type);
	CHECK_EQ(line.id, asked->id.raw_u64);
	CHECK_EQ(line.event, asked->event);
	CHECK_EQ(line.req_flags, asked->req_flags);
	CHECK_EQ(line.ptr, asked->ptr);
}

static uint64_t add_and_look(int q, const struct ukevent *asked)
{
	struct ukevent uk = *asked;

	kev_change(q, KEVENT_CTL_ADD, &uk);
	expect_line(q, asked, uk.cookie);
	expect_state(q, uk.cookie, "armed", "none");
	return uk.cookie;
}

static uint64_t add_line(int q, unsigned int type, uint64_t id,
			 unsigned int event, unsigned int req_flags)
{
	struct ukevent uk;

	kevent_prep(&uk, type, id, event, req_flags, 0xfedcba9876543210 ^ id);
	return add_and_look(q, &uk);
}

static void lines_of_files(int q)
{
	int fds[2];

	add_line(q, KEVENT_POLL, CHECK_OK(eventfd(0, EFD_CLOEXEC)),
		 POLLIN | POLLPRI, KEVENT_REQ_ET | KEVENT_REQ_CLOSED);
	unix_pair(SOCK_STREAM, fds);
	add_line(q, KEVENT_SOCKET, fds[0], KEVENT_SOCKET_RECV,
		 KEVENT_REQ_EXCLUSIVE | KEVENT_REQ_LAST_CHECK);
	CHECK_OK(pipe(fds));
	add_line(q, KEVENT_PIPE, fds[0], KEVENT_PIPE_RECV,
		 KEVENT_REQ_DISPATCH | KEVENT_REQ_TIMESTAMP);
	add_line(q, KEVENT_INODE, CHECK_OK(open("/tmp", O_RDONLY)),
		 KEVENT_INODE_CREATE | KEVENT_INODE_REMOVE, 0);
}

static void lines_of_processes(int q)
{
	pid_t pid = CHECK_OK(fork());
	struct ukevent uk;
	int id;

	if (!pid)
		for (;;)
			pause();
	kevent_prep_child(&uk, pid, 0, 6);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	CHECK_EQ(line_of(q, uk.cookie).id, (uint32_t)pid | KEVENT_PROC_PID);
	add_line(q, KEVENT_SIGNAL, SIGUSR1, KEVENT_SIGNAL_DELIVERY,
		 KEVENT_REQ_WAKEUP_ALL);
	add_line(q, KEVENT_SIGNAL, SIGUSR2 | NOMASK, KEVENT_SIGNAL_DELIVERY, 0);
	pt_block();
	id = pt_create(CLOCK_MONOTONIC);
	add_line(q, KEVENT_POSIX_TIMER, id, KEVENT_POSIX_TIMER_FIRED,
		 KEVENT_REQ_ONESHOT);
}

static void lines_of_numbers(int q)
{
	struct ukevent uk;

	kevent_prep_timer(&uk, ~0ull, HOUR, 2 * HOUR, CLOCK_BOOTTIME,
			  KEVENT_REQ_ALWAYS_QUEUE, 4);
	add_and_look(q, &uk);
	add_line(q, KEVENT_UNOTIFY, 0x123456789abcdef0, 0xdeadbeef, 0);
	add_line(q, KEVENT_UNOTIFY, 3, 1, KEVENT_REQ_PAYLOAD);
}

/* As added, by type, in a queue with a ring and in one without. */
TEST(line_of_each_type)
{
	struct kevent_ring ring;
	int queues[2], i;

	queues[0] = kev_queue(NULL, 0);
	queues[1] = kev_queue(&ring, 16);
	for (i = 0; i < 2; i++) {
		lines_of_files(queues[i]);
		lines_of_processes(queues[i]);
		lines_of_numbers(queues[i]);
	}
}

/* An ADD with the param of a line, in another queue: its line has the same. */
static void expect_copy(int q, int other, struct ukevent *uk)
{
	struct line line, copy;
	int i;

	kev_change(q, KEVENT_CTL_ADD, uk);
	line = line_of(q, uk->cookie);
	for (i = 0; i < 3; i++)
		uk->param[i] = line.param[i];
	kev_change(other, KEVENT_CTL_ADD, uk);
	copy = line_of(other, uk->cookie);
	for (i = 0; i < 3; i++)
		CHECK_EQ(copy.param[i], line.param[i]);
}

static void expect_copy_of_size(int q, int other, unsigned int type,
				uint64_t id, unsigned int req_flags)
{
	struct ukevent uk;

	kevent_prep(&uk, type, id, 1, req_flags, 0);
	uk.param[0] = 8192;
	expect_copy(q, other, &uk);
	CHECK_EQ(line_of(other, uk.cookie).param[0], 8192);
}

TEST(params_make_another)
{
	int q = kev_queue(NULL, 0), other = kev_queue(NULL, 0);
	uint64_t before = pt_now(CLOCK_BOOTTIME);
	struct ukevent uk;
	struct line line;

	kevent_prep_timer(&uk, 1, HOUR, 2 * HOUR, CLOCK_BOOTTIME, 0, 0);
	expect_copy(q, other, &uk);
	line = line_of(other, uk.cookie);
	CHECK_LE(before + HOUR, line.param[0]);
	CHECK_LE(line.param[0], pt_now(CLOCK_BOOTTIME) + HOUR);
	CHECK_EQ(line.param[1], 2 * HOUR);
	CHECK_EQ(line.param[2], CLOCK_BOOTTIME | KEVENT_TIMER_ABSTIME);
	expect_copy_of_size(q, other, KEVENT_UNOTIFY, 1, KEVENT_REQ_PAYLOAD);
	expect_copy_of_size(q, other, KEVENT_SIGNAL, SIGUSR1, 0);
	expect_copy_of_size(q, other, KEVENT_INODE,
			    CHECK_OK(open("/tmp", O_RDONLY)), 0);
	pt_block();
	kevent_prep(&uk, KEVENT_POSIX_TIMER, pt_create(CLOCK_MONOTONIC),
		    KEVENT_POSIX_TIMER_FIRED, 0, 0);
	uk.param[0] = KEVENT_POSIX_TIMER_VALUE;
	kev_change(q, KEVENT_CTL_ADD, &uk);
	CHECK_EQ(line_of(q, uk.cookie).param[0], KEVENT_POSIX_TIMER_VALUE);
}

/* A transfer that stands still. */
TEST(line_of_a_transfer)
{
	int q = kev_queue(NULL, 0), fds[2], file = file_make(MB);
	struct ukevent result;

	unix_pair(SOCK_STREAM, fds);
	fill(fds[0]);
	CHECK_EQ(kevent_aio_sendfile(q, fds[0], file, 0, KEVENT_AIO_TO_END, 77,
				     &result), 0);
	CHECK_EQ(line_of(q, result.cookie).type, KEVENT_AIO);
	CHECK_EQ(line_of(q, result.cookie).ptr, 77);
	CHECK_EQ(line_of(q, result.cookie).id, result.id.raw_u64);
}

/* What MODIFY sets, and nothing that is over. */
TEST(line_changes)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	uint64_t cookie = add_line(q, KEVENT_POLL, fd, POLLIN, 0);
	struct line line;
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_POLL, fd, POLLPRI, KEVENT_REQ_ET, 99);
	kev_change(q, KEVENT_CTL_MODIFY, &uk);
	line = line_of(q, cookie);
	CHECK_EQ(line.event, POLLPRI);
	CHECK_EQ(line.req_flags, KEVENT_REQ_ET);
	CHECK_EQ(line.ptr, 99);
	kev_remove(q, KEVENT_POLL, fd);
	CHECK(!find_line(q, cookie, &line));
	cookie = add_line(q, KEVENT_POLL, fd, POLLIN, 0);
	close(fd);
	CHECK(!find_line(q, cookie, &line));
}

/* ---- Its state ------------------------------------------------------------------ */

static void fire_and_look(int q, struct kevent_ring *ring, bool waits)
{
	uint64_t armed = kev_add(q, KEVENT_UNOTIFY, 1, 1, 0).cookie;
	uint64_t dispatch = kev_add(q, KEVENT_UNOTIFY, 2, 1,
				    KEVENT_REQ_DISPATCH).cookie;
	uint64_t oneshot = kev_add(q, KEVENT_UNOTIFY, 3, 1,
				   KEVENT_REQ_ONESHOT).cookie;
	struct line line;
	struct ukevent uk;
	int i;

	for (i = 1; i <= 3; i++)
		kev_fire(q, i, 1);
	expect_state(q, armed, "armed", waits ? "waiting" : "none");
	expect_state(q, dispatch, "disarmed", waits ? "waiting" : "none");
	expect_state(q, oneshot, "fired", waits ? "waiting" : "none");
	for (i = 1; i <= 3; i++)
		kev_expect_get(q, i, 1);
	if (ring)
		kevent_ring_call(ring);
	expect_state(q, armed, "armed", "none");
	expect_state(q, dispatch, "disarmed", "none");
	kev_modify(q, KEVENT_UNOTIFY, 2, 1, KEVENT_REQ_DISPATCH);
	expect_state(q, dispatch, "armed", "none");
	/* it is taken down by a call that comes after its event was taken */
	CHECK_EQ(kevent_get_events(q, 0, 1, NULL, &uk, 0), 0);
	CHECK(!find_line(q, oneshot, &line));
}

TEST(state_after_an_event)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);

	fire_and_look(kev_queue(NULL, 0), NULL, true);
	fire_and_look(q, &ring, false);
	/* one slot, which is taken: the others wait */
	q = kev_queue(&ring, 1);
	kev_add(q, KEVENT_UNOTIFY, 9, 1, KEVENT_REQ_ET);
	kev_fire(q, 9, 1);
	CHECK_EQ(kev_tail(&ring), 1);
	kev_add(q, KEVENT_UNOTIFY, 8, 1, KEVENT_REQ_DISPATCH);
	kev_fire(q, 8, 1);
	CHECK_EQ(kev_stat(q, "overflowed"), 1);
	expect_state(q, kev_add(q, KEVENT_UNOTIFY, 7, 1, 0).cookie, "armed",
		     "none");
}

TEST(state_in_a_full_ring)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1);
	uint64_t cookie;

	kev_add_user(q, 9);
	kev_fire(q, 9, 1);
	cookie = kev_add(q, KEVENT_UNOTIFY, 8, 1, KEVENT_REQ_DISPATCH).cookie;
	kev_fire(q, 8, 1);
	expect_state(q, cookie, "disarmed", "waiting");
	kev_expect(&ring, 9, 1);
	kev_expect(&ring, 8, 1);
	expect_state(q, cookie, "disarmed", "none");
}

/* A level watch whose event is in the ring, and a file that a task has to ask. */
TEST(state_of_what_is_asked)
{
	int fd = CHECK_OK(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	uint64_t cookie;
	struct thing t;

	cookie = kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ALWAYS_QUEUE).cookie;
	expect_state(q, cookie, "armed", "asked");
	drain(fd);
	kev_expect(&ring, fd, POLLIN);
	kev_expect_none(&ring);
	expect_state(q, cookie, "armed", "none");
	thing_make(&t, &kinds[KIND_PTY]);
	cookie = thing_add(q, &t, KEVENT_REQ_ET).cookie;
	expect_state(q, cookie, "armed", "none");
	thing_raise(&t);
	expect_state(q, cookie, "armed", "asked");
	kevent_ring_call(&ring);
	expect_state(q, cookie, "armed", "none");
	thing_drop(&t);
}

TEST(state_of_a_closed_file)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	uint64_t cookie = add_line(q, KEVENT_POLL, fd, POLLIN, KEVENT_REQ_CLOSED);
	struct line line;
	struct ukevent uk;

	CHECK_OK(close(fd));
	expect_state(q, cookie, "closed", "waiting");
	CHECK_EQ(kevent_get_events(q, 1, 1, NULL, &uk, 0), 1);
	CHECK_EQ(uk.cookie, cookie);
	CHECK_EQ(kevent_get_events(q, 0, 1, NULL, &uk, 0), 0);
	CHECK(!find_line(q, cookie, &line));
}

/* ---- Many ---------------------------------------------------------------------- */

enum { LINES_MAX = 65536, WATCHES = 100000, PART = 50000 };

static void add_many(int q, int first, int num)
{
	static struct ukevent uk[PART];
	int i;

	for (i = 0; i < num; i++)
		kevent_prep(&uk[i], KEVENT_UNOTIFY, first + i, ~0u,
			    KEVENT_REQ_ET, ~0ull);
	CHECK_EQ(kevent_ctl(q, KEVENT_CTL_ADD, num, uk), 0);
}

/* Returns how many watches are listed; *bytes: of what length. */
static int count_lines(int q, size_t *bytes)
{
	FILE *f = open_fdinfo(q);
	char text[512];
	int n = 0;

	*bytes = 0;
	while (fgets(text, sizeof(text), f)) {
		n += is_watch(text);
		*bytes += strlen(text);
	}
	CHECK(!ferror(f));
	fclose(f);
	return n;
}

TEST_TIMEOUT(many_watches, 120)
{
	int q = kev_queue(NULL, 0), i;
	size_t bytes;

	for (i = 0; i < 300; i++) {
		CHECK_EQ(count_lines(q, &bytes), i);
		add_many(q, i, 1);
	}
	add_many(q, i, PART - i);
	CHECK_EQ(count_lines(q, &bytes), PART);
	add_many(q, PART, PART);
	CHECK_EQ(kev_stat(q, "watches"), WATCHES);
	CHECK_EQ(count_lines(q, &bytes), LINES_MAX);
	CHECK_LT(bytes, LINES_MAX * 256);
	/* what goes makes room for what was not listed */
	for (i = 0; i < 1000; i++)
		kev_remove(q, KEVENT_UNOTIFY, i);
	CHECK_EQ(count_lines(q, &bytes), LINES_MAX);
	close(q);
}

/* Watches come and go while it is read: each line is whole. */
struct churn {
	struct test_thread thread;
	int q;
	bool stop;
};

static void *churn_run(void *arg)
{
	struct churn *c = arg;
	int i;

	for (i = 0; !__atomic_load_n(&c->stop, __ATOMIC_RELAXED); i++) {
		kev_add_user(c->q, 1000000 + i % 100);
		kev_fire(c->q, 1000000 + i % 100, 1);
		kev_remove(c->q, KEVENT_UNOTIFY, 1000000 + i % 100);
	}
	return NULL;
}

TEST_TIMEOUT(read_beside_changes, 60)
{
	struct churn c = { .q = kev_queue(NULL, 0) };
	struct line line;
	int i;

	add_many(c.q, 0, 2000);
	thread_start(&c.thread, churn_run, &c);
	for (i = 0; i < 20; i++)
		CHECK(!find_line(c.q, 0, &line));
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	thread_join(&c.thread);
}
