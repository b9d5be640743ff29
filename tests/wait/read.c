// SPDX-License-Identifier: GPL-2.0
/* read(2): 8 bytes wait, 64 and more take events; neither loses one. */
#include "kev.h"
#include "pager.h"

#include <signal.h>

/* A thread in one read. */
struct reader {
	struct test_thread thread;
	int queue;
	size_t len;
	ssize_t ret;
	int error;
	union {
		struct kevent_read result;
		struct ukevent events[4];
	};
};

static void *reader_run(void *arg)
{
	struct reader *r = arg;

	errno = 0;
	r->ret = read(r->queue, r->events, r->len);
	r->error = errno;
	return NULL;
}

static void reader_start(struct reader *r, int q, size_t len)
{
	memset(r, 0, sizeof(*r));
	r->queue = q;
	r->len = len;
	thread_start(&r->thread, reader_run, r);
	wait_blocked_in(r->thread.tid, SYS_read);
}

static void nonblock(int q)
{
	CHECK_OK(fcntl(q, F_SETFL, O_NONBLOCK));
}

/* ---- What may be asked for --------------------------------------------- */

TEST(lengths)
{
	static const size_t bad[] = { 0, 1, 3, 5, 7, 9, 16, 63 };
	struct kevent_ring ring;
	char buf[64];
	unsigned int i;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_ERRNO(read(q, buf, bad[i]), EINVAL);
	kev_expect(&ring, 1, 1);
	kev_close(q, &ring);
}

TEST(before_init)
{
	struct ukevent uk;
	int q = kevent_open();

	CHECK_ERRNO(read(q, &uk, 8), ENXIO);
	CHECK_ERRNO(read(q, &uk, sizeof(uk)), ENXIO);
	kev_close(q, NULL);
}

TEST(without_ring)
{
	struct ukevent uk[3];
	int q = kev_queue(NULL, 0);

	CHECK_ERRNO(read(q, uk, 8), ENXIO);
	kev_add_user(q, 1);
	kev_add_user(q, 2);
	kev_fire(q, 2, 4);
	kev_fire(q, 1, 8);
	CHECK_EQ(read(q, uk, sizeof(uk)), 2 * sizeof(uk[0]));
	CHECK_EQ(uk[0].ptr, 2);
	CHECK_EQ(uk[1].ptr, 1);
	CHECK_EQ(uk[1].ret_data[0], 8);
	kev_close(q, NULL);
}

TEST(bad_address)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK_ERRNO(syscall(SYS_read, q, 8, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_read, q, 8, 64), EFAULT);
	kev_expect_get(q, 1, 1);
	kev_expect_get_none(q);
	kev_close(q, &ring);
}

/* ---- 8 bytes ----------------------------------------------------------- */

TEST(tells_what_is_there)
{
	struct kevent_read r;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);

	kev_add_user(q, 1);
	kev_add_user(q, 2);
	kev_fire(q, 1, 1);
	kev_fire(q, 2, 1);
	CHECK_EQ(read(q, &r, sizeof(r)), 8);
	CHECK_EQ(r.num, 2);
	CHECK_EQ(r.tail, 2);
	kev_expect(&ring, 1, 1);
	kev_expect(&ring, 2, 1);
	kev_close(q, &ring);
}

TEST(sleeps_until_an_event)
{
	struct kevent_ring ring;
	struct reader r;
	int q = kev_queue(&ring, 8);

	kev_add_user(q, 1);
	reader_start(&r, q, 8);
	kev_fire(q, 1, 1);
	thread_join(&r.thread);
	CHECK_EQ(r.ret, 8);
	CHECK_EQ(r.result.num, 1);
	CHECK_EQ(kev_stat(q, "waits"), 1);
	kev_close(q, &ring);
}

/* One event wakes one; the other goes on. */
TEST(two_sleepers)
{
	struct kevent_ring ring;
	struct reader a, b;
	int q = kev_queue(&ring, 8);

	kev_add_user(q, 1);
	kev_add_user(q, 2);
	reader_start(&a, q, 8);
	reader_start(&b, q, 8);
	kev_fire(q, 1, 1);
	thread_join(&a.thread);
	wait_blocked_in(b.thread.tid, SYS_read);
	kev_expect(&ring, 1, 1);
	kev_expect_none(&ring);
	kev_fire(q, 2, 1);
	thread_join(&b.thread);
	CHECK_EQ(b.result.num, 1);
	kev_close(q, &ring);
}

TEST(wake)
{
	struct kevent_ring ring;
	struct reader r;
	int q = kev_queue(&ring, 8);

	reader_start(&r, q, 8);
	CHECK_EQ(kevent_wake(q, 1), 1);
	thread_join(&r.thread);
	CHECK_EQ(r.ret, 8);
	CHECK_EQ(r.result.num, 0);
	reader_start(&r, q, 64);
	CHECK_EQ(kevent_wake(q, 1), 1);
	thread_join(&r.thread);
	CHECK_EQ(r.ret, 0);
	kev_close(q, &ring);
}

TEST(nonblocking)
{
	struct kevent_ring ring;
	struct kevent_read r;
	struct ukevent uk;
	int q = kev_queue(&ring, 8);

	nonblock(q);
	kev_add_user(q, 1);
	CHECK_ERRNO(read(q, &r, sizeof(r)), EAGAIN);
	CHECK_ERRNO(read(q, &uk, sizeof(uk)), EAGAIN);
	kev_fire(q, 1, 1);
	CHECK_EQ(read(q, &r, sizeof(r)), 8);
	CHECK_EQ(read(q, &uk, sizeof(uk)), 64);
	CHECK_EQ(uk.ptr, 1);
	CHECK_ERRNO(read(q, &uk, sizeof(uk)), EAGAIN);
	kev_close(q, &ring);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* EINTR whatever SA_RESTART says, and the next event is not lost. */
TEST(interrupted)
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_RESTART };
	static const size_t lens[] = { 8, 64 };
	struct kevent_ring ring;
	struct reader r;
	unsigned int i;
	int q = kev_queue(&ring, 8);

	CHECK_OK(sigaction(SIGUSR1, &sa, NULL));
	kev_add_user(q, 1);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		reader_start(&r, q, lens[i]);
		CHECK_EQ(pthread_kill(r.thread.thread, SIGUSR1), 0);
		thread_join(&r.thread);
		CHECK_EQ(r.ret, -1);
		CHECK_EQ(r.error, EINTR);
		kev_fire(q, 1, 1);
		kev_expect(&ring, 1, 1);
	}
	kev_close(q, &ring);
}

/* A level watch is asked again, and what only a task can do is done. */
TEST(level)
{
	struct kevent_ring ring;
	int fd = eventfd(1, 0), q = kev_queue(&ring, 8);
	struct kevent_read r;
	int i;

	nonblock(q);
	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ALWAYS_QUEUE);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(read(q, &r, sizeof(r)), 8);
		CHECK_EQ(r.num, 1);
		kev_claim_to(&ring, r.tail);
		kev_free_to(&ring, r.tail);
	}
	CHECK_EQ(eventfd_read(fd, &(eventfd_t){ 0 }), 0);
	CHECK_ERRNO(read(q, &r, sizeof(r)), EAGAIN);
	kev_close(q, &ring);
	close(fd);
}

TEST(overflow)
{
	struct kevent_ring ring;
	struct kevent_read r;
	int q = kev_queue(&ring, 2);
	unsigned int i;

	for (i = 1; i <= 4; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	kev_claim_to(&ring, 2);
	kev_free_to(&ring, 2);
	CHECK_EQ(read(q, &r, sizeof(r)), 8);
	CHECK_EQ(r.num, 2);
	CHECK_EQ(r.tail, 4);
	CHECK_EQ(kev_entry(&ring, 2)->ptr, 3);
	CHECK_EQ(kev_entry(&ring, 3)->ptr, 4);
	kev_close(q, &ring);
}

/* ---- 64 bytes and more ------------------------------------------------- */

TEST(takes_no_more_than_fit)
{
	struct kevent_ring ring;
	struct ukevent uk[3];
	unsigned int i;
	int q = kev_queue(&ring, 8);

	for (i = 1; i <= 3; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, i);
	}
	CHECK_EQ(read(q, uk, 2 * 64 + 63), 2 * 64);
	CHECK_EQ(uk[0].ptr, 1);
	CHECK_EQ(uk[1].ptr, 2);
	CHECK_EQ(read(q, uk, sizeof(uk)), 64);
	CHECK_EQ(uk[0].ptr, 3);
	kev_close(q, &ring);
}

TEST(takes_what_comes)
{
	struct kevent_ring ring;
	struct reader r;
	int q = kev_queue(&ring, 8);

	kev_add_user(q, 7);
	reader_start(&r, q, sizeof(r.events));
	kev_fire(q, 7, 3);
	thread_join(&r.thread);
	CHECK_EQ(r.ret, 64);
	CHECK_EQ(r.events[0].ptr, 7);
	CHECK_EQ(r.events[0].ret_data[0], 3);
	kev_close(q, &ring);
}

/* ---- Memory that is slow in coming ------------------------------------- */

static void *copy_run(void *arg)
{
	struct reader *r = arg;

	r->ret = read(r->queue, (void *)r->len, 2 * sizeof(struct ukevent));
	return NULL;
}

/*
 * Whose memory has to be fetched first has taken nothing meanwhile: another thread
 * gets the events, and it takes what comes then.
 */
TEST(waits_for_memory)
{
	struct kevent_ring ring;
	struct reader slow = { 0 };
	struct pager pager;
	int q = kev_queue(&ring, 2);
	unsigned int i;

	pager_make(&pager);
	for (i = 1; i <= 4; i++)
		kev_add_user(q, i);
	kev_fire(q, 1, 1);
	kev_fire(q, 2, 1);
	slow.queue = q;
	slow.len = (uintptr_t)pager.page;
	thread_start(&slow.thread, copy_run, &slow);
	pager_await(&pager);
	kev_fire(q, 3, 1);
	kev_fire(q, 4, 1);
	kev_expect_get(q, 1, 1);
	kev_expect_get(q, 2, 1);
	pager_let_go(&pager);
	thread_join(&slow.thread);
	CHECK_EQ(slow.ret, 2 * sizeof(struct ukevent));
	CHECK_EQ(((struct ukevent *)pager.page)[0].ptr, 3);
	CHECK_EQ(((struct ukevent *)pager.page)[1].ptr, 4);
	kev_expect_get_none(q);
	kev_close(q, &ring);
	close(pager.fd);
}

/* ---- What only a task can do ------------------------------------------------- */

static int wait_by_read(int q)
{
	struct kevent_read result;

	CHECK_EQ(read(q, &result, sizeof(result)), sizeof(result));
	return result.num;
}

static int wait_by_ioctl(int q)
{
	struct kevent_ioc_wait wait = { .min = 1 };

	return CHECK_OK(ioctl(q, KEVENT_IOC_WAIT, &wait));
}

/* There is always an event already: what has to be asked is asked all the same. */
static void asks_beside_others(int (*wait)(int q), unsigned int flags)
{
	int fd = CHECK_OK(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)), times = 0, i;
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	uint64_t value = 1;
	uint32_t tail;

	kev_add_user(q, 1);
	kev_add_poll(q, fd, POLLIN, flags | KEVENT_REQ_ALWAYS_QUEUE);
	for (i = 0; i < 10; i++) {
		CHECK_EQ(write(fd, &value, 8), 8);
		kev_fire(q, 1, 1);
		CHECK_GE(wait(q), 1);
		/* by no call that would ask */
		tail = kev_tail(&ring);
		kev_claim_to(&ring, tail);
		while (kev_head(&ring) != tail) {
			times += kev_entry(&ring, kev_head(&ring))->type ==
				 KEVENT_POLL;
			kev_free_to(&ring, kev_head(&ring) + 1);
		}
	}
	CHECK_GE(times, 10);
	kev_close(q, &ring);
	close(fd);
}

TEST(asks_beside_others)
{
	asks_beside_others(wait_by_read, 0);
	asks_beside_others(wait_by_ioctl, 0);
	asks_beside_others(wait_by_read, KEVENT_REQ_LAST_CHECK);
	asks_beside_others(wait_by_ioctl, KEVENT_REQ_LAST_CHECK);
	asks_beside_others(wait_by_read, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ET);
	asks_beside_others(wait_by_ioctl, KEVENT_REQ_LAST_CHECK | KEVENT_REQ_ET);
}
