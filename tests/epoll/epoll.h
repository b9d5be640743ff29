/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of epoll have in common: epolls, pairs of fds, expected events. */
#ifndef EPOLL_H
#define EPOLL_H

#include "ends.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define MSEC	1000000ull

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* Is this the drop-in, or the kernel's epoll? */
static inline bool on_kevent(void)
{
	return getenv("EPOLL_TEST_DROPIN");
}

/* Events come as they came, and may be over: not what some tests are about. */
static inline bool on_fast(void)
{
	return on_kevent() && !strcmp(getenv("EPOLL_TEST_DROPIN"), "fast");
}

#define EXACT_ONLY() do {						\
	if (on_fast())							\
		SKIP("--fast does not promise it");			\
} while (0)

/* ---- Threads that may be cancelled, as those of test.h may not ---------- */

/* Of one that ends by itself. */
static inline void *thread_result(void *(*run)(void *), void *arg)
{
	pthread_t thread;
	void *ret;

	CHECK_EQ(pthread_create(&thread, NULL, run, arg), 0);
	CHECK_EQ(pthread_join(thread, &ret), 0);
	return ret;
}

/* One that does not, when it waits. */
static inline void expect_cancelled(void *(*run)(void *), void *arg)
{
	pthread_t thread;
	void *ret;

	CHECK_EQ(pthread_create(&thread, NULL, run, arg), 0);
	usleep(20000);
	CHECK_EQ(pthread_cancel(thread), 0);
	CHECK_EQ(pthread_join(thread, &ret), 0);
	CHECK(ret == PTHREAD_CANCELED);
}

/* ---- What is watched --------------------------------------------------- */

static inline void put_byte(struct ends e)
{
	CHECK_EQ(write(e.fd[1], "x", 1), 1);
}

static inline void get_byte(struct ends e)
{
	char c;

	CHECK_EQ(read(e.fd[0], &c, 1), 1);
}

static inline void close_ends(struct ends e)
{
	close(e.fd[0]);
	close(e.fd[1]);
}

/* ---- Epolls ------------------------------------------------------------ */

static inline int new_epoll(void)
{
	return (int)CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
}

/* The data of each is its fd, and something in the upper half. */
static inline uint64_t data_of(int fd)
{
	return 0x8765432100000000ull | (unsigned int)fd;
}

static inline int try_ctl(int ep, int op, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = data_of(fd) };

	return epoll_ctl(ep, op, fd, &ev);
}

static inline void add(int ep, int fd, uint32_t events)
{
	CHECK_OK(try_ctl(ep, EPOLL_CTL_ADD, fd, events));
}

static inline void modify(int ep, int fd, uint32_t events)
{
	CHECK_OK(try_ctl(ep, EPOLL_CTL_MOD, fd, events));
}

static inline void del(int ep, int fd)
{
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
}

static inline void check_event_at(const char *file, int line,
				  const struct epoll_event *ev, int fd,
				  uint32_t bits)
{
	if (ev->data.u64 != data_of(fd) || ev->events != bits)
		test_fail(file, line, "event of %d with 0x%x, expected %d with 0x%x",
			  ev->data.fd, ev->events, fd, bits);
}

/* Exactly one event is there, that of fd, with these bits. */
static inline void expect_at(const char *file, int line, int ep, int fd,
			     uint32_t bits)
{
	struct epoll_event ev[4];
	int n = epoll_wait(ep, ev, 4, 0);

	if (n != 1)
		test_fail(file, line, "%d events (errno %s), expected that of %d",
			  n, test_errno_name(errno), fd);
	check_event_at(file, line, ev, fd, bits);
}

#define expect(ep, fd, bits) expect_at(__FILE__, __LINE__, ep, fd, bits)

#define expect_none(ep) do {						\
	struct epoll_event none_[2];					\
									\
	CHECK_EQ(epoll_wait(ep, none_, 2, 0), 0);			\
} while (0)

/* The same for one that comes soon: from an interrupt, or another task. */
#define expect_soon(ep, fd, bits) do {					\
	struct epoll_event soon_;					\
									\
	CHECK_EQ(epoll_wait(ep, &soon_, 1, 10000), 1);			\
	check_event_at(__FILE__, __LINE__, &soon_, fd, bits);		\
} while (0)

/* Does poll(2) say that the epoll is readable? */
/* What is no time is refused by epoll_pwait2(), whether there are events or not. */
static inline void refuses_bad_times(int ep, struct ends e)
{
	static const struct timespec bad[] = {
		{ .tv_nsec = 1000000000 }, { .tv_nsec = -1 }, { .tv_sec = -1 },
		{ .tv_sec = INT64_MIN }, { .tv_sec = INT64_MAX, .tv_nsec = -1 },
	};
	struct epoll_event ev;
	int round;
	size_t i;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_SIZE(bad); i++)
			CHECK_ERRNO(epoll_pwait2(ep, &ev, 1, &bad[i], NULL), EINVAL);
		CHECK_ERRNO(epoll_pwait2(ep, &ev, 1, (void *)8, NULL), EFAULT);
		put_byte(e);
	}
	expect(ep, e.fd[0], EPOLLIN);
}

static inline bool is_readable(int ep)
{
	struct pollfd pfd = { .fd = ep, .events = POLLIN | POLLOUT };
	int n = CHECK_OK(poll(&pfd, 1, 0));

	if (n)
		CHECK_EQ(pfd.revents, POLLIN);
	return n;
}

/* Memory whose first bytes can be written, followed by what can't be touched. */
static inline void *fault_after(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(area != MAP_FAILED);
	CHECK_OK(mprotect(area + page, page, PROT_NONE));
	return area + page - bytes;
}

/* ---- A thread that waits ----------------------------------------------- */

struct waiter {
	struct test_thread thread;
	int ep;
	int max;
	int timeout;
	struct epoll_event ev[4];
	int ret;
	int error;
	bool over;
};

static inline void *waiter_run(void *arg)
{
	struct waiter *w = arg;

	w->ret = epoll_wait(w->ep, w->ev, w->max, w->timeout);
	w->error = errno;
	__atomic_store_n(&w->over, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Without limit, for one event; comes back when it sleeps. */
static inline void waiter_start(struct waiter *w, int ep)
{
	memset(w, 0, sizeof(*w));
	w->ep = ep;
	w->max = 1;
	w->timeout = -1;
	thread_start(&w->thread, waiter_run, w);
	wait_blocked(w->thread.tid);
}

static inline bool waiter_over(const struct waiter *w)
{
	return __atomic_load_n(&w->over, __ATOMIC_ACQUIRE);
}

static inline int waiter_join(struct waiter *w)
{
	thread_join(&w->thread);
	errno = w->error;
	return w->ret;
}

#endif /* EPOLL_H */
