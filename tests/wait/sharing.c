// SPDX-License-Identifier: GPL-2.0
/* Several sleepers: who leaves without the event it was woken for, or let in, passes it on. */
#include "kev.h"
#include "pager.h"

#include <signal.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

/* The calls that wait. */
enum way { BY_WAIT, BY_READ, BY_GET, BY_READ_EVENTS, WAYS };

static const char *const names[WAYS] = {
	"WAIT", "read of 8 bytes", "GET_EVENTS", "read of events",
};

/* Those that leave the event in the ring, and so want one. */
static bool leaves_it(enum way way)
{
	return way == BY_WAIT || way == BY_READ;
}

/* A task in one call; all that the call writes to is in a page of its own. */
struct caller {
	struct test_thread thread;
	enum way way;
	int queue;
	void *page;
	struct kevent_ioc_wait wait;	/* of BY_WAIT: copied to the page */
	int ret;
	int error;
	bool over;
};

static int call(struct caller *c)
{
	struct kevent_ioc_get get = {
		.events = (uintptr_t)c->page, .min = 1, .max = 1,
	};

	switch (c->way) {
	case BY_WAIT:
		return ioctl(c->queue, KEVENT_IOC_WAIT, c->page);
	case BY_READ:
		return read(c->queue, c->page, sizeof(struct kevent_read));
	case BY_GET:
		return ioctl(c->queue, KEVENT_IOC_GET_EVENTS, &get);
	default:
		return read(c->queue, c->page, sizeof(struct ukevent));
	}
}

static void *caller_run(void *arg)
{
	struct caller *c = arg;

	errno = 0;
	c->ret = call(c);
	c->error = errno;
	__atomic_store_n(&c->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *new_page(int flags)
{
	void *page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  flags | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	return page;
}

static void caller_prep(struct caller *c, int q, enum way way)
{
	memset(c, 0, sizeof(*c));
	c->queue = q;
	c->way = way;
	c->wait.min = 1;
	c->page = new_page(MAP_PRIVATE);
}

/* Starts the thread; comes back when it sleeps. */
static void caller_start(struct caller *c)
{
	if (c->way == BY_WAIT)
		memcpy(c->page, &c->wait, sizeof(c->wait));
	thread_start(&c->thread, caller_run, c);
	wait_blocked(c->thread.tid);
}

static bool caller_over(const struct caller *c)
{
	return __atomic_load_n(&c->over, __ATOMIC_ACQUIRE);
}

/* What it writes to is gone. */
static void caller_spoil(struct caller *c)
{
	CHECK_EQ(mprotect(c->page, sysconf(_SC_PAGESIZE), PROT_NONE), 0);
}

static void caller_free(struct caller *c)
{
	CHECK_EQ(munmap(c->page, sysconf(_SC_PAGESIZE)), 0);
}

static void expect_failure(struct caller *c, int error)
{
	thread_join(&c->thread);
	CHECK_EQ(c->ret, -1);
	CHECK_EQ(c->error, error);
	caller_free(c);
}

/* It comes back, and with success. */
static void expect_success(struct caller *c)
{
	if (c->way == BY_WAIT || c->way == BY_GET)
		CHECK_GE(c->ret, 1);
	else
		CHECK_EQ(c->ret, c->way == BY_READ ? 8 : 64);
	caller_free(c);
}

static void expect_event(struct caller *c, uint64_t id)
{
	uint64_t end = now_ns() + test_scale() * 5000000000ull;

	while (!caller_over(c)) {
		if (now_ns() > end)
			FAIL("%s sleeps beside the event", names[c->way]);
		usleep(1000);
	}
	thread_join(&c->thread);
	if (!leaves_it(c->way))
		CHECK_EQ(((struct ukevent *)c->page)->ptr, id);
	expect_success(c);
}

static void over_all_ways(void (*run)(enum way way, unsigned int slots),
			  unsigned int slots)
{
	unsigned int way;

	for (way = 0; way < WAYS; way++)
		if (slots || !leaves_it(way))
			run(way, slots);
}

/* ---- The queue --------------------------------------------------------- */

static int queue_of(struct kevent_ring *ring, unsigned int slots,
		    unsigned int watches)
{
	int q = kev_queue(slots ? ring : NULL, slots);
	unsigned int i;

	for (i = 0; i < watches; i++)
		kev_add_user(q, i);
	return q;
}

static void close_queue(int q, struct kevent_ring *ring, unsigned int slots)
{
	kev_close(q, slots ? ring : NULL);
}

/* A full ring, all of it claimed: what comes now has to wait. */
static int full_queue(struct kevent_ring *ring, unsigned int slots,
		      unsigned int watches)
{
	int q = queue_of(ring, slots, watches);
	unsigned int i;

	for (i = 0; i < slots; i++)
		kev_fire(q, i, 1);
	kev_claim_to(ring, slots);
	return q;
}

/* ---- Memory that is not there ------------------------------------------ */

/* The first in line is woken for the event. */
static void fault_after_wakeup(enum way way, unsigned int slots)
{
	struct caller first, second;
	struct kevent_ring ring;
	int q = queue_of(&ring, slots, 1);

	caller_prep(&first, q, way);
	caller_prep(&second, q, way);
	caller_start(&first);
	caller_start(&second);
	caller_spoil(&first);
	kev_fire(q, 0, 1);
	expect_failure(&first, EFAULT);
	expect_event(&second, 0);
	close_queue(q, &ring, slots);
}

TEST(fault_of_who_was_woken)
{
	over_all_ways(fault_after_wakeup, 4);
}

TEST(fault_of_who_was_woken_without_ring)
{
	over_all_ways(fault_after_wakeup, 0);
}

/* The first in line is up for another reason, and lets the event in itself. */
static void fault_after_letting_in(enum way way, unsigned int slots)
{
	struct caller first, second;
	struct kevent_ring ring;
	int q = full_queue(&ring, slots, slots + 1);

	caller_prep(&first, q, way);
	caller_prep(&second, q, way);
	caller_start(&first);
	caller_start(&second);
	kev_fire(q, slots, 1);
	caller_spoil(&first);
	kev_free_to(&ring, slots);
	CHECK_EQ(kev_tail(&ring), slots);
	CHECK_EQ(kevent_wake(q, 1), 1);
	expect_failure(&first, EFAULT);
	expect_event(&second, slots);
	close_queue(q, &ring, slots);
}

TEST(fault_of_who_lets_in)
{
	over_all_ways(fault_after_letting_in, 2);
}

/* The same in a call that need not sleep. */
static void fault_at_once(enum way way, unsigned int slots)
{
	struct caller first, second;
	struct kevent_ring ring;
	int q = full_queue(&ring, slots, slots + 1);

	if (way == BY_WAIT)	/* its memory is looked at before */
		return;
	caller_prep(&first, q, way);
	caller_prep(&second, q, way);
	caller_start(&second);
	kev_fire(q, slots, 1);
	kev_free_to(&ring, slots);
	caller_spoil(&first);
	CHECK_ERRNO(call(&first), EFAULT);
	expect_event(&second, slots);
	caller_free(&first);
	close_queue(q, &ring, slots);
}

TEST(fault_of_who_need_not_sleep)
{
	over_all_ways(fault_at_once, 2);
}

/* ---- Death ------------------------------------------------------------- */

static void process_run(void *arg)
{
	struct caller *c = arg;

	if (c->way == BY_WAIT)
		memcpy(c->page, &c->wait, sizeof(c->wait));
	call(c);
	/* Killed, it must not get here: the parent looks at the status. */
}

/* Returns when the process sleeps. */
static pid_t process_start(struct caller *c)
{
	pid_t pid = start_child(process_run, c);

	wait_blocked(pid);
	return pid;
}

/* There is something to let in, which nobody has been told of. */
static void killed_beside_work(enum way way, unsigned int slots)
{
	struct caller first, second;
	struct kevent_ring ring;
	int q = full_queue(&ring, slots, slots + 1);
	pid_t pid;

	caller_prep(&first, q, way);
	caller_prep(&second, q, way);
	pid = process_start(&first);
	caller_start(&second);
	kev_fire(q, slots, 1);
	kev_free_to(&ring, slots);
	CHECK_EQ(kev_tail(&ring), slots);
	CHECK_OK(kill(pid, SIGKILL));
	wait_killed(pid);
	expect_event(&second, slots);
	caller_free(&first);
	close_queue(q, &ring, slots);
}

TEST(killed_beside_what_waits)
{
	over_all_ways(killed_beside_work, 2);
}

/*
 * On the CPU of its killer: it has had no chance to leave when it is chosen for
 * the event.
 */
static void killed_and_woken(enum way way, unsigned int slots)
{
	struct caller first, second;
	struct kevent_ring ring;
	unsigned int i;
	int q;

	for (i = 0; i < 20; i++) {
		pid_t pid;

		q = queue_of(&ring, slots, 1);
		caller_prep(&first, q, way);
		caller_prep(&second, q, way);
		pid = process_start(&first);
		caller_start(&second);
		CHECK_OK(kill(pid, SIGKILL));
		kev_fire(q, 0, 1);
		expect_event(&second, 0);
		wait_killed(pid);
		caller_free(&first);
		close_queue(q, &ring, slots);
	}
}

TEST_TIMEOUT(killed_after_it_was_woken, 60)
{
	pin_to_cpu(0);
	over_all_ways(killed_and_woken, 4);
}

TEST_TIMEOUT(killed_after_it_was_woken_without_ring, 60)
{
	pin_to_cpu(0);
	over_all_ways(killed_and_woken, 0);
}

/* A process of which the memory is slow in coming, and that is killed then. */
static void fault_and_die(void *arg)
{
	struct caller *c = arg;
	struct pager pager;

	pager_make(&pager);
	c->page = pager.page;
	call(c);
}

/* It has let the event in, and is fetching the memory for it. */
static void killed_in_a_fault(enum way way, unsigned int slots)
{
	struct caller first, second;
	struct kevent_ring ring;
	int q = full_queue(&ring, slots, slots + 1);
	pid_t pid;

	if (way == BY_WAIT)	/* its memory is looked at before */
		return;
	caller_prep(&first, q, way);
	caller_prep(&second, q, way);
	caller_start(&second);
	kev_fire(q, slots, 1);
	kev_free_to(&ring, slots);
	pid = start_child(fault_and_die, &first);
	CHECK_SOON(kev_tail(&ring) == slots + 1);
	wait_blocked(pid);
	wait_blocked(second.thread.tid);
	CHECK(!caller_over(&second));
	CHECK_OK(kill(pid, SIGKILL));
	wait_killed(pid);
	expect_event(&second, slots);
	caller_free(&first);
	close_queue(q, &ring, slots);
}

TEST(killed_while_its_memory_is_fetched)
{
	over_all_ways(killed_in_a_fault, 2);
}

/* ---- WAIT that is refused ---------------------------------------------- */

static void refused(struct kevent_ioc_wait wait, int ret, int error,
		    enum way way)
{
	enum { SLOTS = 2 };
	struct kevent_ring ring;
	struct caller second;
	int q = full_queue(&ring, SLOTS, SLOTS + 1);

	caller_prep(&second, q, way);
	caller_start(&second);
	kev_fire(q, SLOTS, 1);
	kev_free_to(&ring, SLOTS);
	wait.min = 1;
	errno = 0;
	CHECK_EQ(ioctl(q, KEVENT_IOC_WAIT, &wait), ret);
	CHECK_EQ(errno, error);
	expect_event(&second, SLOTS);
	close_queue(q, &ring, SLOTS);
}

TEST(refused_commit)
{
	struct kevent_ioc_wait wait = {
		.flags = KEVENT_FLAGS_COMMIT, .commit = 100,
	};
	unsigned int way;

	for (way = 0; way < WAYS; way++)
		refused(wait, -1, EOVERFLOW, way);
}

TEST(refused_change)
{
	struct kevent_ioc_wait wait = { .nchanges = 1 };
	struct ukevent uk;
	unsigned int way;

	wait.changes = (uintptr_t)&uk;
	for (way = 0; way < WAYS; way++) {
		kevent_prep(&uk, KEVENT_UNOTIFY, 77, 1,
			    KEVENT_REQ_CMD(KEVENT_CTL_READY), 0);
		refused(wait, 0, 0, way);
		CHECK(uk.ret_flags & KEVENT_RET_REFUSED);
	}
}

TEST(changes_that_are_not_there)
{
	struct kevent_ioc_wait wait = { .nchanges = 1 };
	unsigned int way;

	for (way = 0; way < WAYS; way++)
		refused(wait, -1, EFAULT, way);
}

/* ---- As many as there are entries -------------------------------------- */

enum { WAITING = 9, CROWD = 12, CROWD_SLOTS = 16 };

struct crowd {
	struct kevent_ring ring;
	int q;
	struct caller c[CROWD];
};

/* Nine events wait, with all slots free, and nobody has been told. */
static void crowd_gather(struct crowd *c, enum way way)
{
	unsigned int i;

	c->q = full_queue(&c->ring, CROWD_SLOTS, CROWD_SLOTS + WAITING + 1);
	for (i = 0; i < CROWD; i++) {
		caller_prep(&c->c[i], c->q, way);
		caller_start(&c->c[i]);
	}
	for (i = 0; i < WAITING; i++)
		kev_fire(c->q, CROWD_SLOTS + i, 1);
	CHECK_EQ(kev_tail(&c->ring), CROWD_SLOTS);
	kev_free_to(&c->ring, CROWD_SLOTS);
}

static unsigned int crowd_up(const struct crowd *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < CROWD; i++)
		n += caller_over(&c->c[i]);
	return n;
}

/* So many come back, first in, first out; the others sleep on. */
static void crowd_expect(struct crowd *c, unsigned int num)
{
	uint64_t end = now_ns() + test_scale() * 5000000000ull;
	unsigned int i;

	while (crowd_up(c) < num) {
		if (now_ns() > end)
			FAIL("%u in %s came back for %u events", crowd_up(c),
			     names[c->c[0].way], num);
		usleep(1000);
	}
	for (i = num; i < CROWD; i++)
		wait_blocked(c->c[i].thread.tid);
	CHECK_EQ(crowd_up(c), num);
	CHECK_EQ(kevent_wake(c->q, CROWD), CROWD - num);
	for (i = 0; i < CROWD; i++) {
		thread_join(&c->c[i].thread);
		if (i < num)
			expect_success(&c->c[i]);
		else
			caller_free(&c->c[i]);
	}
	kev_close(c->q, &c->ring);
}

/* One more event is posted, and lets the others in. */
static void let_in_by_a_post(enum way way, unsigned int slots)
{
	struct crowd c;

	(void)slots;
	crowd_gather(&c, way);
	kev_fire(c.q, CROWD_SLOTS + WAITING, 1);
	CHECK_EQ(kev_tail(&c.ring), CROWD_SLOTS + WAITING + 1);
	crowd_expect(&c, WAITING + 1);
}

TEST(woken_by_a_post_that_lets_in)
{
	over_all_ways(let_in_by_a_post, CROWD_SLOTS);
}

/* The consumer that freed the slots makes its call. */
static void let_in_by_a_call(enum way way, unsigned int slots)
{
	struct crowd c;

	(void)slots;
	crowd_gather(&c, way);
	CHECK_EQ(kevent_ring_call(&c.ring), 0);
	CHECK_EQ(kev_tail(&c.ring), CROWD_SLOTS + WAITING);
	crowd_expect(&c, WAITING);
}

TEST(woken_by_a_call_that_lets_in)
{
	over_all_ways(let_in_by_a_call, CROWD_SLOTS);
}

/* Somebody takes an event, and lets in all: the other eight are for others. */
static void let_in_by_a_taker(enum way way, unsigned int slots)
{
	struct ukevent uk;
	struct crowd c;

	(void)slots;
	crowd_gather(&c, way);
	CHECK_EQ(kevent_get_events(c.q, 0, 1, NULL, &uk, 0), 1);
	crowd_expect(&c, WAITING - 1);
}

TEST(woken_by_a_taker_that_lets_in)
{
	over_all_ways(let_in_by_a_taker, CROWD_SLOTS);
}

/* Without a ring each event goes to the list, and wakes one. */
static void listed(enum way way, unsigned int slots)
{
	struct crowd c = { .q = queue_of(NULL, slots, WAITING) };
	unsigned int i;

	for (i = 0; i < CROWD; i++) {
		caller_prep(&c.c[i], c.q, way);
		caller_start(&c.c[i]);
	}
	for (i = 0; i < WAITING; i++)
		kev_fire(c.q, i, 1);
	CHECK_SOON(crowd_up(&c) == WAITING);
	CHECK_EQ(kevent_wake(c.q, CROWD), CROWD - WAITING);
	for (i = 0; i < CROWD; i++)
		thread_join(&c.c[i].thread);
}

TEST(woken_without_ring)
{
	over_all_ways(listed, 0);
}

/* ---- Files that stay ready --------------------------------------------- */

enum { READERS = 5 };

struct level {
	struct kevent_ring ring;
	int q;
	int fd;
	struct caller c[READERS];
};

/* As a program with several consumers does: take one, and the call if it is due. */
static void *take_run(void *arg)
{
	struct caller *c = arg;
	struct kevent_ring ring;
	struct ukevent uk;

	CHECK_EQ(kevent_attach(&ring, c->queue), 0);
	do {
		CHECK_GE(call(c), 1);
	} while (!kevent_ring_take(&ring, &uk, 1));
	kevent_ring_unmap(&ring);
	__atomic_store_n(&c->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void level_start(struct level *l, enum way way, unsigned int flags)
{
	unsigned int i;

	for (i = 0; i < READERS; i++) {
		caller_prep(&l->c[i], l->q, way);
		if (way == BY_WAIT)
			memcpy(l->c[i].page, &l->c[i].wait,
			       sizeof(l->c[i].wait));
		thread_start(&l->c[i].thread,
			     leaves_it(way) ? take_run : caller_run, &l->c[i]);
		wait_blocked(l->c[i].thread.tid);
	}
	kev_add_poll(l->q, l->fd, POLLIN, flags | KEVENT_REQ_ALWAYS_QUEUE);
}

static unsigned int level_up(const struct level *l)
{
	unsigned int i, n = 0;

	for (i = 0; i < READERS; i++)
		n += caller_over(&l->c[i]);
	return n;
}

/* Each gets it, one after the other, although nobody reads. */
static void level_expect(struct level *l)
{
	uint64_t end = now_ns() + test_scale() * 5000000000ull;
	unsigned int i;

	while (level_up(l) < READERS) {
		if (now_ns() > end)
			FAIL("%u of %u in %s have the file that is ready",
			     level_up(l), READERS, names[l->c[0].way]);
		usleep(1000);
	}
	for (i = 0; i < READERS; i++) {
		thread_join(&l->c[i].thread);
		if (!leaves_it(l->c[i].way))
			CHECK_EQ(((struct ukevent *)l->c[i].page)->ptr, l->fd);
		caller_free(&l->c[i]);
	}
}

static void level_of(int fd, enum way way, unsigned int slots,
		     unsigned int flags)
{
	struct level l = { .fd = fd };

	l.q = queue_of(&l.ring, slots, 0);
	level_start(&l, way, flags);
	level_expect(&l);
	close_queue(l.q, &l.ring, slots);
	close(fd);
}

/* One that a wake-up can look at. */
static void level_looked_at(enum way way, unsigned int slots)
{
	level_of(CHECK_OK(eventfd(1, EFD_CLOEXEC)), way, slots, 0);
}

TEST(ready_for_all)
{
	over_all_ways(level_looked_at, 4);
}

TEST(ready_for_all_without_ring)
{
	over_all_ways(level_looked_at, 0);
}

static int expired_timer(void)
{
	struct itimerspec spec = { .it_value.tv_nsec = 1 };
	int fd = CHECK_OK(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK_OK(timerfd_settime(fd, 0, &spec, NULL));
	CHECK_EQ(poll(&p, 1, -1), 1);
	return fd;
}

/* One that only a task can ask. */
static void level_asked(enum way way, unsigned int slots)
{
	level_of(expired_timer(), way, slots, 0);
}

TEST(asked_for_all)
{
	over_all_ways(level_asked, 4);
}

TEST(asked_for_all_without_ring)
{
	over_all_ways(level_asked, 0);
}

static void level_last_check(enum way way, unsigned int slots)
{
	level_of(CHECK_OK(eventfd(1, EFD_CLOEXEC)), way, slots,
		 KEVENT_REQ_LAST_CHECK);
}

TEST(last_check_for_all)
{
	over_all_ways(level_last_check, 4);
}

TEST(last_check_for_all_without_ring)
{
	over_all_ways(level_last_check, 0);
}

/* ---- A ring that is full ----------------------------------------------- */

static unsigned long switches(pid_t tid)
{
	unsigned long n = ~0ul;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	f = fopen(path, "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
			break;
	fclose(f);
	CHECK_NE(n, ~0ul);
	return n;
}

/* An event that has to wait for a slot is for nobody yet. */
static void overflow(enum way way, unsigned int min)
{
	enum { SLOTS = 4, MORE = 50, SLEEPERS = 3 };
	unsigned long before[SLEEPERS];
	struct caller c[SLEEPERS];
	struct kevent_ring ring;
	int q = full_queue(&ring, SLOTS, SLOTS + MORE), i;

	for (i = 0; i < SLEEPERS; i++) {
		caller_prep(&c[i], q, way);
		c[i].wait.min = min;
		caller_start(&c[i]);
		before[i] = switches(c[i].thread.tid);
	}
	for (i = 0; i < MORE; i++)
		kev_fire(q, SLOTS + i, 1);
	CHECK_EQ(kev_stat(q, "overflowed"), MORE);
	for (i = 0; i < SLEEPERS; i++) {
		/* it sleeps again, and that counts, if it was woken */
		wait_blocked(c[i].thread.tid);
		CHECK_EQ(switches(c[i].thread.tid), before[i]);
	}
	CHECK_EQ(kevent_wake(q, SLEEPERS), SLEEPERS);
	for (i = 0; i < SLEEPERS; i++)
		thread_join(&c[i].thread);
	kev_close(q, &ring);
}

static void overflow_for_one(enum way way, unsigned int slots)
{
	(void)slots;
	overflow(way, 1);
}

TEST(overflow_wakes_nobody)
{
	over_all_ways(overflow_for_one, 4);
	overflow(BY_WAIT, 2);
}

/* What merges into an event that waits is told to nobody, either. */
TEST(merge_into_what_waits_wakes_nobody)
{
	struct kevent_ring ring;
	unsigned long before;
	struct caller c;
	int q = full_queue(&ring, 2, 3), i;

	kev_fire(q, 2, 1);
	caller_prep(&c, q, BY_READ);
	caller_start(&c);
	before = switches(c.thread.tid);
	for (i = 0; i < 50; i++)
		kev_fire(q, 2, 1);
	wait_blocked(c.thread.tid);
	CHECK_EQ(switches(c.thread.tid), before);
	kev_free_to(&ring, 2);
	CHECK_EQ(kevent_ring_call(&ring), 0);
	expect_event(&c, 2);
	kev_close(q, &ring);
}

/* ---- Sleepers that wait for more --------------------------------------- */

/* The events of so many watches, one after the other. */
static void fire_more(int q, unsigned int *next, unsigned int num)
{
	while (num--)
		kev_fire(q, (*next)++, 1);
}

static void start_patient(struct kev_sleeper *s, int q, unsigned int min,
			  int since)
{
	kev_sleeper_prep(s, q);
	s->wait.min = min;
	if (since >= 0) {
		s->wait.flags = KEVENT_FLAGS_LAST;
		s->wait.last = since;
	}
	kev_sleeper_start(s);
}

static void expect_asleep(struct kev_sleeper *s)
{
	wait_blocked_in(s->thread.tid, SYS_ioctl);
	CHECK(!kev_sleeper_over(s));
}

static void expect_back(struct kev_sleeper *s, int ret)
{
	CHECK_SOON(kev_sleeper_over(s));
	CHECK_EQ(kev_sleeper_join(s), ret);
}

/* Each is woken by the event that is enough for it, in whatever order they came. */
TEST(each_when_there_is_enough)
{
	static const unsigned int mins[] = { 4, 1, 6, 3, 2, 5 };
	struct kev_sleeper s[ARRAY_SIZE(mins)];
	struct kevent_ring ring;
	unsigned int i, n, next = 0;
	int q = queue_of(&ring, 16, ARRAY_SIZE(mins));

	for (i = 0; i < ARRAY_SIZE(mins); i++)
		start_patient(&s[i], q, mins[i], -1);
	for (n = 1; n <= ARRAY_SIZE(mins); n++) {
		fire_more(q, &next, 1);
		for (i = 0; i < ARRAY_SIZE(mins); i++)
			if (mins[i] == n)
				expect_back(&s[i], n);
		for (i = 0; i < ARRAY_SIZE(mins); i++)
			if (mins[i] > n)
				expect_asleep(&s[i]);
	}
	kev_close(q, &ring);
}

/* What others have claimed counts for who counts from an index, and for no other. */
TEST(claimed_ones_count_since_an_index)
{
	struct kev_sleeper plain, since, late;
	struct kevent_ring ring;
	unsigned int next = 0;
	int q = queue_of(&ring, 16, 8);

	start_patient(&plain, q, 3, -1);
	start_patient(&since, q, 3, 0);
	fire_more(q, &next, 2);
	start_patient(&late, q, 3, 2);
	kev_claim_to(&ring, 2);
	expect_asleep(&plain);
	expect_asleep(&since);
	fire_more(q, &next, 1);
	expect_back(&since, 1);
	expect_asleep(&plain);
	expect_asleep(&late);
	kev_claim_to(&ring, 3);
	fire_more(q, &next, 2);
	expect_back(&late, 2);
	expect_asleep(&plain);
	fire_more(q, &next, 1);
	expect_back(&plain, 3);
	kev_close(q, &ring);
}

/* One that was woken to find too few, as others were faster, is woken again. */
TEST(waits_for_more_again)
{
	struct kev_sleeper s;
	struct kevent_ring ring;
	unsigned int next = 0, i;
	int q = queue_of(&ring, 16, 16);

	start_patient(&s, q, 3, -1);
	for (i = 0; i < 5; i++) {
		fire_more(q, &next, 2);
		kev_claim_to(&ring, next);
		kev_free_to(&ring, next);
		expect_asleep(&s);
	}
	fire_more(q, &next, 2);
	expect_asleep(&s);
	fire_more(q, &next, 1);
	expect_back(&s, 3);
	kev_close(q, &ring);
}

/* One event is enough for many: all of them come back, and who waits for more not. */
TEST(enough_for_many)
{
	enum { MANY = 20 };
	struct kev_sleeper s[MANY], one, more;
	struct kevent_ring ring;
	unsigned int i, next = 0;
	int q = queue_of(&ring, 8, 4);

	start_patient(&more, q, 4, -1);
	for (i = 0; i < MANY; i++)
		start_patient(&s[i], q, 3, i % 2 ? 0 : -1);
	start_patient(&one, q, 1, -1);
	fire_more(q, &next, 1);
	expect_back(&one, 1);
	fire_more(q, &next, 1);
	for (i = 0; i < MANY; i++)
		expect_asleep(&s[i]);
	fire_more(q, &next, 1);
	for (i = 0; i < MANY; i++)
		expect_back(&s[i], 3);
	expect_asleep(&more);
	fire_more(q, &next, 1);
	expect_back(&more, 4);
	kev_close(q, &ring);
}

/* A full ring is enough for all. */
TEST(full_ring_is_enough_for_all)
{
	enum { MANY = 5, SLOTS = 4 };
	struct kev_sleeper s[MANY];
	struct kevent_ring ring;
	unsigned int i, next = 0;
	int q = queue_of(&ring, SLOTS, SLOTS);

	fire_more(q, &next, 2);
	kev_claim_to(&ring, 2);
	for (i = 0; i < MANY; i++)
		start_patient(&s[i], q, 3 + i % 2, -1);
	fire_more(q, &next, 1);
	for (i = 0; i < MANY; i++)
		expect_asleep(&s[i]);
	fire_more(q, &next, 1);
	for (i = 0; i < MANY; i++)
		expect_back(&s[i], 2);
	kev_close(q, &ring);
}

/* The first to be woken can't tell its program: the others come back all the same. */
TEST(fault_of_one_of_many)
{
	enum { MANY = 4 };
	struct kev_sleeper s[MANY];
	struct kevent_ring ring;
	unsigned int i, next = 0;
	struct caller first;
	int q = queue_of(&ring, 8, 2);

	caller_prep(&first, q, BY_WAIT);
	first.wait.min = 2;
	caller_start(&first);
	for (i = 0; i < MANY; i++)
		start_patient(&s[i], q, 2, -1);
	caller_spoil(&first);
	fire_more(q, &next, 2);
	expect_failure(&first, EFAULT);
	for (i = 0; i < MANY; i++)
		expect_back(&s[i], 2);
	kev_close(q, &ring);
}

/* Who waits for more is all that is left to take what another leaves. */
TEST(passed_on_to_who_waits_for_more)
{
	struct kevent_ring ring;
	unsigned int next = 0;
	struct kev_sleeper s;
	struct caller first;
	int q = queue_of(&ring, 8, 2);

	caller_prep(&first, q, BY_GET);
	caller_start(&first);
	start_patient(&s, q, 2, -1);
	caller_spoil(&first);
	fire_more(q, &next, 1);
	expect_failure(&first, EFAULT);
	expect_asleep(&s);
	fire_more(q, &next, 1);
	expect_back(&s, 2);
	kev_close(q, &ring);
}

/* Events that are let in at once: for those that want one, and those that want more. */
TEST(let_in_for_both)
{
	enum { SLOTS = 4, WAIT = 3 };
	struct kev_sleeper one[2], two, three, four;
	struct kevent_ring ring;
	int q = full_queue(&ring, SLOTS, SLOTS + WAIT), i;

	start_patient(&four, q, 4, -1);
	start_patient(&three, q, 3, SLOTS);
	start_patient(&two, q, 2, -1);
	for (i = 0; i < 2; i++)
		start_patient(&one[i], q, 1, i ? SLOTS : -1);
	for (i = 0; i < WAIT; i++)
		kev_fire(q, SLOTS + i, 1);
	kev_free_to(&ring, SLOTS);
	CHECK_EQ(kevent_ring_call(&ring), 0);
	for (i = 0; i < 2; i++)
		CHECK_SOON(kev_sleeper_over(&one[i]));
	CHECK_SOON(kev_sleeper_over(&two));
	CHECK_SOON(kev_sleeper_over(&three));
	expect_asleep(&four);
	CHECK_EQ(kevent_wake(q, 5), 1);
	expect_back(&four, 0);
	expect_back(&two, WAIT);
	expect_back(&three, WAIT);
	for (i = 0; i < 2; i++)
		expect_back(&one[i], WAIT);
	kev_close(q, &ring);
}

/* GET_EVENTS for three, while others take one each as it comes. */
static void get_three(unsigned int slots)
{
	struct kev_getter three, one;
	struct kevent_ring ring;
	unsigned int next = 0, i;
	int q = queue_of(&ring, slots, 8);

	kev_getter_prep(&three, q);
	three.min = 3;
	three.max = 8;
	kev_getter_start(&three);
	for (i = 0; i < 4; i++) {
		kev_getter_prep(&one, q);
		kev_getter_start(&one);
		fire_more(q, &next, 1);
		CHECK_EQ(kev_getter_join(&one), 1);
		CHECK_EQ(one.uk[0].ptr, i);
		wait_blocked(three.thread.tid);
		CHECK(!kev_getter_over(&three));
	}
	fire_more(q, &next, 3);
	CHECK_SOON(kev_getter_over(&three));
	CHECK_EQ(kev_getter_join(&three), 3);
	close_queue(q, &ring, slots);
}

TEST(gets_three_beside_others)
{
	get_three(16);
}

TEST(gets_three_beside_others_without_ring)
{
	get_three(0);
}
