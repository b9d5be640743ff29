// SPDX-License-Identifier: GPL-2.0
/* Under load a consumer of edges makes no system call at all. */
#include "test.h"

#include <sys/ioctl.h>

/* Every call of kevent.h goes through here, in the thread that makes it. */
static __thread unsigned long calls;

#define ioctl(...) (calls++, ioctl(__VA_ARGS__))
#include "kev.h"

#define EVENTS 20000

struct load {
	struct kevent_ring ring;
	int q;
	int fd;
	uint64_t got;		/* of what was written */
	unsigned long calls;	/* that the consumer made */
};

static void *consume(void *arg)
{
	struct load *load = arg;
	uint32_t got = 0;
	unsigned long before = calls;

	if (cpu_count() > 1)
		pin_to_cpu(1);
	while (got != EVENTS) {
		const struct ukevent *uk = kevent_ring_next(&load->ring);

		if (!uk) {
			if (cpu_count() == 1)
				sched_yield();
			continue;
		}
		CHECK_EQ(uk->ptr, 1);
		got = uk->ret_data[1];
	}
	load->calls = calls - before;
	return NULL;
}

TEST_TIMEOUT(private_events, 60)
{
	unsigned long long waits, immediate;
	struct test_thread thread;
	struct load load = { 0 };
	uint32_t i;

	load.q = kev_queue(&load.ring, 4);
	kev_add_user(load.q, 1);
	waits = kev_stat(load.q, "waits");
	immediate = kev_stat(load.q, "immediate");
	thread_start(&thread, consume, &load);
	for (i = 0; i < EVENTS; i++)
		kev_fire(load.q, 1, 1);
	thread_join(&thread);
	CHECK_EQ(load.calls, 0);
	CHECK_EQ(kev_stat(load.q, "waits"), waits);
	CHECK_EQ(kev_stat(load.q, "immediate"), immediate);
}

static void *consume_file(void *arg)
{
	struct load *load = arg;
	unsigned long before = calls;
	uint64_t count;

	if (cpu_count() > 1)
		pin_to_cpu(1);
	while (load->got != EVENTS) {
		const struct ukevent *uk = kevent_ring_next(&load->ring);

		if (!uk) {
			if (cpu_count() == 1)
				sched_yield();
			continue;
		}
		CHECK_EQ(uk->ret_data[0], POLLIN);
		if (read(load->fd, &count, 8) == 8)
			load->got += count;
	}
	load->calls = calls - before;
	return NULL;
}

/* Only the reads that the program itself makes. */
TEST_TIMEOUT(files, 60)
{
	const uint64_t one = 1;
	struct test_thread thread;
	struct load load = { 0 };
	uint32_t i;

	load.q = kev_queue(&load.ring, 4);
	load.fd = CHECK_OK(eventfd(0, EFD_NONBLOCK));
	kev_add_poll(load.q, load.fd, POLLIN, KEVENT_REQ_ET);
	thread_start(&thread, consume_file, &load);
	for (i = 0; i < EVENTS; i++)
		CHECK_EQ(write(load.fd, &one, 8), 8);
	thread_join(&thread);
	CHECK_EQ(load.calls, 0);
	CHECK_EQ(kev_stat(load.q, "waits"), 0);
	CHECK_EQ(kev_stat(load.q, "immediate"), 0);
}
