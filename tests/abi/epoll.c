// SPDX-License-Identifier: GPL-2.0
/* KEVENT_FLAGS_EPOLL: GET_EVENTS writes struct epoll_event, and O_NONBLOCK means nothing. */
#include "kev.h"

#include <sys/epoll.h>

#define SIZE	sizeof(struct epoll_event)

static int get(int q, unsigned int min, unsigned int max, long timeout_ns,
	       void *buf)
{
	struct kevent_ioc_get get = {
		.events = (uintptr_t)buf,
		.min = min,
		.max = max,
		.flags = KEVENT_FLAGS_EPOLL | KEVENT_FLAGS_TIMEOUT,
		.clockid = CLOCK_MONOTONIC,
		.timeout.tv_nsec = timeout_ns,
	};

	return ioctl(q, KEVENT_IOC_GET_EVENTS, &get);
}

/* Private events, whose ptr has more than 32 bits. */
static uint64_t ptr_of(unsigned int i)
{
	return 0x123456789abc0000ull + i;
}

static void fire_users(int q, unsigned int num)
{
	struct ukevent uk;
	unsigned int i;

	for (i = 0; i < num; i++) {
		kevent_prep(&uk, KEVENT_UNOTIFY, i, ~0u, 0, ptr_of(i));
		CHECK_OK(kevent_add(q, &uk));
		kev_fire(q, i, 1u << i);
	}
}

static void check_event(const struct epoll_event *ev, unsigned int i)
{
	CHECK_EQ(ev->events, 1u << i);
	CHECK_EQ(ev->data.u64, ptr_of(i));
}

static int queue_of(struct kevent_ring *ring, unsigned int slots)
{
	return kev_queue(slots ? ring : NULL, slots);
}

static void packed(unsigned int slots)
{
	struct kevent_ring ring;
	int q = queue_of(&ring, slots), i;
	struct epoll_event ev[4];

	fire_users(q, 3);
	memset(ev, 0x55, sizeof(ev));
	CHECK_EQ(get(q, 1, 3, 0, ev), 3);
	for (i = 0; i < 3; i++)
		check_event(&ev[i], i);
	CHECK_EQ(ev[3].events, 0x55555555);
	CHECK_EQ(ev[3].data.u64, 0x5555555555555555);
	CHECK_EQ(get(q, 0, 3, 0, ev), 0);
}

TEST(packed_from_the_list)
{
	packed(0);
}

TEST(packed_from_the_ring)
{
	packed(8);
}

/* room events fit, and cut bytes of one more: what can't be copied stays. */
static void fault_after(unsigned int slots, unsigned int room, size_t cut)
{
	struct epoll_event *buf = kev_fault_after(room * SIZE + cut, PROT_NONE);
	struct epoll_event ev;
	struct kevent_ring ring;
	int q = queue_of(&ring, slots);
	unsigned int i;

	fire_users(q, 4);
	if (room)
		CHECK_EQ(get(q, 1, 4, 0, buf), room);
	else
		CHECK_ERRNO(get(q, 1, 4, 0, buf), EFAULT);
	for (i = 0; i < room; i++)
		check_event(&buf[i], i);
	for (i = room; i < 4; i++) {
		CHECK_EQ(get(q, 1, 1, 0, &ev), 1);
		check_event(&ev, i);
	}
	CHECK_EQ(get(q, 0, 1, 0, &ev), 0);
}

TEST(fault)
{
	unsigned int room, slots;

	for (slots = 0; slots <= 8; slots += 8)
		for (room = 0; room < 4; room++) {
			fault_after(slots, room, 0);
			fault_after(slots, room, 4);
		}
}

/* Memory that is not there yet is fetched. */
TEST(memory_never_touched)
{
	struct epoll_event *buf = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int q = kev_queue(NULL, 0);

	CHECK(buf != MAP_FAILED);
	fire_users(q, 2);
	CHECK_EQ(get(q, 1, 2, 0, buf), 2);
	check_event(&buf[1], 1);
}

/* The time is waited for, by an fd that is O_NONBLOCK. */
TEST(nonblock_is_not_looked_at)
{
	int q = kev_queue(NULL, 0);
	struct epoll_event ev;
	struct ukevent uk;
	uint64_t start;

	CHECK_OK(fcntl(q, F_SETFL, O_NONBLOCK));
	CHECK_ERRNO(kevent_get_events(q, 1, 1, NULL, &uk, 0), EAGAIN);
	start = now_ns();
	CHECK_EQ(get(q, 1, 1, 20000000, &ev), 0);
	CHECK_GE(now_ns() - start, 20000000);
}

/* The result of ADD tells that a queue is watched, ready or not, and nothing else does. */
TEST(queue_in_a_queue)
{
	int q = kev_queue(NULL, 0), in = kev_queue(NULL, 0);
	int fd = eventfd(1, 0);

	CHECK_EQ(kev_add_poll(q, in, KEVENT_POLL_POLLIN, 0).ret_flags,
		 KEVENT_RET_QUEUE);
	CHECK_EQ(kev_remove(q, KEVENT_POLL, in).ret_flags, 0);
	kev_add_user(in, 1);
	kev_fire(in, 1, 1);
	CHECK_EQ(kev_add_poll(q, in, KEVENT_POLL_POLLIN, 0).ret_flags,
		 KEVENT_RET_QUEUE | KEVENT_RET_DONE);
	CHECK_EQ(kev_modify(q, KEVENT_POLL, in, KEVENT_POLL_POLLOUT, 0).ret_flags &
		 KEVENT_RET_QUEUE, 0);
	CHECK_EQ(kev_add_poll(q, fd, KEVENT_POLL_POLLIN, 0).ret_flags,
		 KEVENT_RET_DONE);
	CHECK_EQ(kev_add_user(q, 1).ret_flags, 0);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, q, KEVENT_POLL_POLLIN, 0),
		 EINVAL);
}

/* Packed, but on x86 only. */
TEST(the_structure_is_that_of_epoll)
{
#if defined(__x86_64__) || defined(__i386__)
	CHECK_EQ(SIZE, 12);
#else
	CHECK_EQ(SIZE, 16);
#endif
}
