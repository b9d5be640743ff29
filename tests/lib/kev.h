/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of queues share: queues, watches, expected events, threads that block. */
#ifndef KEV_H
#define KEV_H

#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <kevent.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* ---- Queues ------------------------------------------------------------ */

/* A queue whose indices start at first; ring may be NULL if num is 0. */
static inline int kev_queue_at(struct kevent_ring *ring, unsigned int num,
			       uint32_t first, unsigned int policy,
			       unsigned int flags)
{
	struct kevent_ioc_init init;
	int q = kevent_open();

	CHECK(q >= 0);
	memset(&init, 0, sizeof(init));
	init.ring_size = num;
	init.policy = policy;
	init.flags = flags;
	init.first_index = first;
	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
	if (num)
		CHECK_EQ(kevent_ring_map(ring, q, &init), 0);
	return q;
}

/* A queue with a ring of num slots; 0: no ring. */
static inline int kev_queue(struct kevent_ring *ring, unsigned int num)
{
	return kev_queue_at(ring, num, 0, KEVENT_WAKE_FIFO, 0);
}

static inline void kev_close(int q, struct kevent_ring *ring)
{
	if (ring)
		kevent_ring_unmap(ring);
	CHECK_EQ(close(q), 0);
}

static inline uint32_t kev_tail(const struct kevent_ring *ring)
{
	return __atomic_load_n(&ring->kernel->tail, __ATOMIC_ACQUIRE);
}

static inline uint32_t kev_flags(const struct kevent_ring *ring)
{
	return __atomic_load_n(&ring->kernel->flags, __ATOMIC_ACQUIRE);
}

static inline uint32_t kev_head(const struct kevent_ring *ring)
{
	return __atomic_load_n(&ring->user->head, __ATOMIC_ACQUIRE);
}

static inline uint32_t kev_seen(const struct kevent_ring *ring)
{
	return __atomic_load_n(&ring->user->seen, __ATOMIC_ACQUIRE);
}

/* Claims what is below seen, as step 2 and 3 of the protocol. */
static inline void kev_claim_to(const struct kevent_ring *ring, uint32_t seen)
{
	__atomic_store_n(&ring->user->seen, seen, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Frees what is below head, as step 5; makes no call. */
static inline void kev_free_to(const struct kevent_ring *ring, uint32_t head)
{
	__atomic_store_n(&ring->user->head, head, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline const struct ukevent *kev_entry(const struct kevent_ring *ring,
					      uint32_t index)
{
	return &ring->entries[index & ring->mask];
}

/* A line "name:\tvalue" of the queue's fdinfo. */
static inline unsigned long long kev_stat(int q, const char *name)
{
	char path[64], line[128], key[32];
	unsigned long long value;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", q);
	f = fopen(path, "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31[^:]: %llu", key, &value) == 2 &&
		    !strcmp(key, name)) {
			fclose(f);
			return value;
		}
	}
	FAIL("fdinfo has no line %s", name);
}

/* ---- Changes ----------------------------------------------------------- */

/*
 * All of these give the id as user, too: kev_expect() looks for it there.
 * What returns a struct ukevent returns the result of the change, which must
 * not have been refused.
 */
#define kev_change(q, cmd, uk) CHECK_OK(kevent_ctl_one(q, cmd, uk))

static inline struct ukevent kev_add(int q, unsigned int type, uint64_t id,
				     unsigned int event, unsigned int req_flags)
{
	struct ukevent uk;

	kevent_prep(&uk, type, id, event, req_flags, id);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	return uk;
}

static inline struct ukevent kev_add_poll(int q, int fd, unsigned int event,
					  unsigned int req_flags)
{
	return kev_add(q, KEVENT_POLL, fd, event, req_flags);
}

/* Private events: fired by kev_fire(), never level. */
static inline struct ukevent kev_add_user(int q, uint64_t id)
{
	return kev_add(q, KEVENT_UNOTIFY, id, ~0u, KEVENT_REQ_ET);
}

static inline struct ukevent kev_remove(int q, unsigned int type, uint64_t id)
{
	struct ukevent uk;

	kevent_prep(&uk, type, id, 0, 0, 0);
	kev_change(q, KEVENT_CTL_REMOVE, &uk);
	return uk;
}

static inline struct ukevent kev_modify(int q, unsigned int type, uint64_t id,
					unsigned int event,
					unsigned int req_flags)
{
	struct ukevent uk;

	kevent_prep(&uk, type, id, event, req_flags, id);
	kev_change(q, KEVENT_CTL_MODIFY, &uk);
	return uk;
}

/* READY of a private event; bits 0: all that the watch asked for. */
static inline void kev_fire(int q, uint64_t id, unsigned int bits)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, id, bits, 0, 0);
	kev_change(q, KEVENT_CTL_READY, &uk);
}

/* The errno of one change, 0 if it was carried out. */
static inline int kev_try(int q, unsigned int cmd, unsigned int type,
			  uint64_t id, unsigned int event,
			  unsigned int req_flags)
{
	struct ukevent uk;

	kevent_prep(&uk, type, id, event, req_flags, id);
	return kevent_ctl_one(q, cmd, &uk) < 0 ? errno : 0;
}

/* ---- Events ------------------------------------------------------------ */

static inline void kev_check_event(const char *file, int line,
				   const struct ukevent *uk, uint64_t id,
				   unsigned int bits)
{
	if (!uk)
		test_fail(file, line, "no event where one of %llu was expected",
			  (unsigned long long)id);
	if (uk->ptr != id || uk->ret_data[0] != bits)
		test_fail(file, line, "event of %llu with 0x%x, expected %llu with 0x%x",
			  (unsigned long long)uk->ptr, uk->ret_data[0],
			  (unsigned long long)id, bits);
}

static inline const struct ukevent *
kev_expect_at(const char *file, int line, struct kevent_ring *ring, uint64_t id,
	      unsigned int bits)
{
	const struct ukevent *uk = kevent_ring_next(ring);

	kev_check_event(file, line, uk, id, bits);
	return uk;
}

static inline struct ukevent kev_expect_get_at(const char *file, int line,
					       int q, uint64_t id,
					       unsigned int bits)
{
	struct ukevent uk;
	int n = CHECK_OK(kevent_get_events(q, 0, 1, NULL, &uk, 0));

	kev_check_event(file, line, n ? &uk : NULL, id, bits);
	return uk;
}

/* The next event of the ring must be that of id and have just these bits. */
#define kev_expect(ring, id, bits) \
	kev_expect_at(__FILE__, __LINE__, ring, id, bits)

#define kev_expect_none(ring) CHECK(!kevent_ring_next(ring))

/* The same through GET_EVENTS. */
#define kev_expect_get(q, id, bits) \
	kev_expect_get_at(__FILE__, __LINE__, q, id, bits)

#define kev_expect_get_none(q) do {					\
	struct ukevent expect_;						\
									\
	CHECK_EQ(kevent_get_events(q, 0, 1, NULL, &expect_, 0), 0);	\
} while (0)

/* ---- Memory that faults ------------------------------------------------ */

/*
 * Returns memory of which the first bytes can be read and written and the
 * next two pages have the protection prot.
 */
static inline void *kev_fault_after(size_t bytes, int prot)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t front = (bytes + page - 1) / page * page;
	char *area;

	area = mmap(NULL, front + 2 * page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(area != MAP_FAILED);
	CHECK_EQ(mprotect(area + front, 2 * page, prot), 0);
	return area + front - bytes;
}

/* ---- Threads ----------------------------------------------------------- */

/* A thread in one WAIT, on one CPU or any (-1). */
struct kev_sleeper {
	struct test_thread thread;
	struct kevent_ioc_wait wait;
	int queue;
	int cpu;
	int ret;
	int error;
	bool over;
};

static inline void *kev_sleeper_run(void *arg)
{
	struct kev_sleeper *s = arg;

	errno = 0;
	s->ret = ioctl(s->queue, KEVENT_IOC_WAIT, &s->wait);
	s->error = errno;
	__atomic_store_n(&s->over, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Without limit, for one event; change wait before kev_sleeper_start(). */
static inline void kev_sleeper_prep(struct kev_sleeper *s, int q)
{
	memset(s, 0, sizeof(*s));
	s->queue = q;
	s->cpu = -1;
	s->wait.min = 1;
	s->wait.clockid = CLOCK_MONOTONIC;
}

/* Starts the thread; comes back when it sleeps. */
static inline void kev_sleeper_start(struct kev_sleeper *s)
{
	cpu_set_t mine;

	CHECK_OK(sched_getaffinity(0, sizeof(mine), &mine));
	if (s->cpu >= 0)
		pin_to_cpu(s->cpu);
	thread_start(&s->thread, kev_sleeper_run, s);
	if (s->cpu >= 0)
		CHECK_OK(sched_setaffinity(0, sizeof(mine), &mine));
	wait_blocked_in(s->thread.tid, SYS_ioctl);
}

static inline bool kev_sleeper_over(const struct kev_sleeper *s)
{
	return __atomic_load_n(&s->over, __ATOMIC_ACQUIRE);
}

/* Returns what WAIT returned, errno as it was. */
static inline int kev_sleeper_join(struct kev_sleeper *s)
{
	thread_join(&s->thread);
	errno = s->error;
	return s->ret;
}

/* A thread in one GET_EVENTS, for max events at most. */
struct kev_getter {
	struct test_thread thread;
	int queue;
	unsigned int min;
	unsigned int max;
	struct ukevent *buf;
	struct ukevent uk[8];
	int ret;
	int error;
	bool over;
};

static inline void *kev_getter_run(void *arg)
{
	struct kev_getter *g = arg;

	errno = 0;
	g->ret = kevent_get_events(g->queue, g->min, g->max, NULL, g->buf, 0);
	g->error = errno;
	__atomic_store_n(&g->over, true, __ATOMIC_RELEASE);
	return NULL;
}

/* For one event; change what is to be before kev_getter_start(). */
static inline void kev_getter_prep(struct kev_getter *g, int q)
{
	memset(g, 0, sizeof(*g));
	g->queue = q;
	g->min = 1;
	g->max = 1;
	g->buf = g->uk;
}

/* Starts the thread; comes back when it sleeps. */
static inline void kev_getter_start(struct kev_getter *g)
{
	thread_start(&g->thread, kev_getter_run, g);
	wait_blocked(g->thread.tid);
}

static inline bool kev_getter_over(const struct kev_getter *g)
{
	return __atomic_load_n(&g->over, __ATOMIC_ACQUIRE);
}

/* Returns what the call returned, errno as it was. */
static inline int kev_getter_join(struct kev_getter *g)
{
	thread_join(&g->thread);
	errno = g->error;
	return g->ret;
}

/* The fds that the process has; takes none, and no memory, to tell. */
static inline unsigned int count_fds(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#endif /* KEV_H */
