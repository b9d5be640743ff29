// SPDX-License-Identifier: GPL-2.0
/* INIT: what it takes, once, and what can be done before it. */
#include "kev.h"

static struct kevent_ioc_init sized(unsigned int num)
{
	struct kevent_ioc_init init;

	memset(&init, 0, sizeof(init));
	init.ring_size = num;
	return init;
}

/* Refused with EINVAL; the queue can then still be initialised. */
static void refuse(struct kevent_ioc_init init)
{
	struct kevent_ioc_init good = sized(4);
	int q = CHECK_OK(kevent_open());

	CHECK_ERRNO(ioctl(q, KEVENT_IOC_INIT, &init), EINVAL);
	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &good), 0);
	close(q);
}

TEST(only_info_before)
{
	struct kevent_ioc_commit commit = { 0 };
	struct kevent_ioc_info info;
	struct kevent_ioc_wait wait;
	struct ukevent uk;
	int q = CHECK_OK(kevent_open());

	memset(&wait, 0, sizeof(wait));
	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 1, 0, 0);
	CHECK_ERRNO(kevent_ctl(q, KEVENT_CTL_ADD, 1, &uk), ENXIO);
	CHECK_ERRNO(kevent_ctl(q, KEVENT_CTL_READY, 0, NULL), ENXIO);
	CHECK_ERRNO(kevent_get_events(q, 0, 1, NULL, &uk, 0), ENXIO);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_WAIT, &wait), ENXIO);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_COMMIT, &commit), ENXIO);
	CHECK_ERRNO(kevent_wake(q, 1), ENXIO);
	CHECK_EQ(kevent_info(q, &info), 0);
	CHECK_EQ(info.queue_watches, 0);
}

TEST(once)
{
	struct kevent_ioc_init init = sized(4), other = sized(8);
	struct kevent_ring ring;
	int q = CHECK_OK(kevent_open());

	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
	CHECK_EQ(kevent_ring_map(&ring, q, &init), 0);
	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_INIT, &other), EBUSY);
	CHECK_EQ(ring.kernel->size, 4);
	kev_expect(&ring, 1, 1);
}

TEST(once_without_ring)
{
	struct kevent_ioc_init init = sized(0);
	int q = CHECK_OK(kevent_open());

	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
	init = sized(4);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_INIT, &init), EBUSY);
}

static uint32_t ring_max(void)
{
	struct kevent_ioc_info info;
	int q = CHECK_OK(kevent_open());

	CHECK_EQ(kevent_info(q, &info), 0);
	close(q);
	return info.ring_max;
}

TEST(sizes_refused)
{
	static const uint32_t sizes[] = {
		3, 5, 6, 7, 9, 1023, 1025, 0x7fffffff, 0x80000001, 0xffffffff,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		refuse(sized(sizes[i]));
	if (ring_max() < 0x80000000)
		refuse(sized(ring_max() * 2));
}

TEST(sizes_taken)
{
	struct kevent_ring ring;
	unsigned int num;

	for (num = 1; num <= 4096; num *= 2) {
		int q = kev_queue(&ring, num);

		CHECK_EQ(ring.kernel->size, num);
		CHECK_EQ(ring.kernel->tail, 0);
		CHECK_EQ(ring.kernel->over, 0);
		CHECK_EQ(ring.kernel->flags, 0);
		CHECK_EQ(ring.user->seen, 0);
		CHECK_EQ(ring.user->head, 0);
		CHECK_GE(ring.entries_len, num * sizeof(struct ukevent));
		kev_close(q, &ring);
	}
}

TEST(lengths_are_pages)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct kevent_ioc_init init = sized(256);
	int q = CHECK_OK(kevent_open());

	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
	CHECK_EQ(init.kernel_len % page, 0);
	CHECK_EQ(init.user_len % page, 0);
	CHECK_EQ(init.entries_len % page, 0);
	CHECK_GT(init.kernel_len, 0);
	CHECK_GT(init.user_len, 0);
	CHECK_EQ(init.entries_len, 256 * sizeof(struct ukevent));
}

TEST(first_index)
{
	struct kevent_ring ring;

	kev_queue_at(&ring, 4, 0x12345678, 0, 0);
	CHECK_EQ(ring.kernel->tail, 0x12345678);
	CHECK_EQ(ring.user->seen, 0x12345678);
	CHECK_EQ(ring.user->head, 0x12345678);
	CHECK_EQ(ring.kernel->over, 0);
}

TEST(policy)
{
	struct kevent_ioc_init init = sized(4);
	struct kevent_ring ring;
	unsigned int policy;

	for (policy = 0; policy <= KEVENT_WAKE_SAME_CPU; policy++)
		kev_close(kev_queue_at(&ring, 4, 0, policy, 0), &ring);
	init.policy = KEVENT_WAKE_SAME_CPU + 1;
	refuse(init);
	init.policy = ~0u;
	refuse(init);
}

TEST(unknown_flags)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		struct kevent_ioc_init init = sized(4);

		init.flags = 1u << bit;
		if (!(init.flags & KEVENT_INIT_NO_SEEN))
			refuse(init);
	}
}

TEST(reserved)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct kevent_ioc_init init = sized(4);

		init.reserved[i] = 1;
		refuse(init);
		init.reserved[i] = 1ull << 63;
		refuse(init);
	}
}

TEST(bad_pointer)
{
	struct kevent_ioc_init init = sized(4);
	struct kevent_ioc_init *half = kev_fault_after(32, PROT_NONE);
	int q = CHECK_OK(kevent_open());

	CHECK_ERRNO(ioctl(q, KEVENT_IOC_INIT, NULL), EFAULT);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_INIT, half), EFAULT);
	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
}

/* The answer cannot be written: nothing may be left half done. */
TEST(read_only_pointer)
{
	struct kevent_ioc_init init = sized(4);
	struct kevent_ioc_init *copy;
	struct kevent_ring ring;
	int q = CHECK_OK(kevent_open());

	copy = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(copy != MAP_FAILED);
	*copy = init;
	CHECK_OK(mprotect(copy, 4096, PROT_READ));
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_INIT, copy), EFAULT);
	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
	CHECK_EQ(kevent_ring_map(&ring, q, &init), 0);
}
