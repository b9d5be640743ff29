// SPDX-License-Identifier: GPL-2.0
/* The layout of what programs and the kernel share, the same for 32 bit; INFO. */
#include "kev.h"

#include <stddef.h>

#define AT(type, member, offset) \
	_Static_assert(offsetof(type, member) == (offset), #type "." #member)
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)

SIZE(struct ukevent, 64);
AT(struct ukevent, id, 0);
AT(struct ukevent, type, 8);
AT(struct ukevent, event, 12);
AT(struct ukevent, req_flags, 16);
AT(struct ukevent, ret_flags, 20);
AT(struct ukevent, ret_data, 24);
AT(struct ukevent, user, 32);
AT(struct ukevent, ptr, 32);
AT(struct ukevent, param, 40);
AT(struct ukevent, cookie, 40);
AT(struct ukevent, time, 48);
AT(struct ukevent, cpu, 56);
AT(struct ukevent, merged, 58);
AT(struct ukevent, data2, 60);

SIZE(struct kevent_ring_kernel, 64);
AT(struct kevent_ring_kernel, tail, 0);
AT(struct kevent_ring_kernel, over, 4);
AT(struct kevent_ring_kernel, flags, 8);
AT(struct kevent_ring_kernel, size, 12);
SIZE(struct kevent_ring_user, 64);
AT(struct kevent_ring_user, seen, 0);
AT(struct kevent_ring_user, head, 4);

SIZE(struct kevent_ioc_init, 64);
AT(struct kevent_ioc_init, first_index, 12);
AT(struct kevent_ioc_init, kernel_len, 16);
AT(struct kevent_ioc_init, reserved, 40);
SIZE(struct kevent_ioc_ctl, 32);
AT(struct kevent_ioc_ctl, events, 8);
AT(struct kevent_ioc_ctl, done, 16);
SIZE(struct kevent_ioc_get, 56);
AT(struct kevent_ioc_get, timeout, 24);
AT(struct kevent_ioc_get, sigmask, 40);
SIZE(struct kevent_ioc_wait, 80);
AT(struct kevent_ioc_wait, timeout, 32);
AT(struct kevent_ioc_wait, sigmask, 48);
AT(struct kevent_ioc_wait, done, 64);
SIZE(struct kevent_ioc_commit, 16);
SIZE(struct kevent_ioc_wake, 8);
SIZE(struct kevent_ioc_read, 32);
AT(struct kevent_ioc_read, lost, 20);
SIZE(struct kevent_record_inode, 16);
AT(struct kevent_record_inode, name, 16);
SIZE(struct kevent_ioc_info, 72);
AT(struct kevent_ioc_info, timer_floor, 40);
SIZE(struct kevent_ioc_sendfile, 128);
AT(struct kevent_ioc_sendfile, offset, 8);
AT(struct kevent_ioc_sendfile, path, 32);
AT(struct kevent_ioc_sendfile, header_size, 40);
AT(struct kevent_ioc_sendfile, reserved, 52);
AT(struct kevent_ioc_sendfile, ptr, 56);
AT(struct kevent_ioc_sendfile, result, 64);
SIZE(struct kevent_ioc_sendfiles, 16);
AT(struct kevent_ioc_sendfiles, num, 8);

/* Numbers of the original that programs have compiled in. */
_Static_assert(KEVENT_SOCKET == 0 && KEVENT_INODE == 1 && KEVENT_TIMER == 2 &&
	       KEVENT_POLL == 3 && KEVENT_NAIO == 4 && KEVENT_AIO == 5 &&
	       KEVENT_PIPE == 6 && KEVENT_SIGNAL == 7 &&
	       KEVENT_POSIX_TIMER == 8 && KEVENT_UNOTIFY == 9, "types");
_Static_assert(KEVENT_CTL_ADD == 0 && KEVENT_CTL_REMOVE == 1 &&
	       KEVENT_CTL_MODIFY == 2 && KEVENT_CTL_READY == 3, "commands");
_Static_assert(KEVENT_SIGNAL_DELIVERY == 1 &&
	       KEVENT_SIGNAL_NOMASK == 1ull << 63, "signals");

/* And our own. */
_Static_assert(KEVENT_PROC == 10 && KEVENT_PROC_EXIT == 1 &&
	       KEVENT_PROC_PID == 1ull << 32, "processes");
SIZE(struct kevent_record_signal, 32);

static int initialised(void)
{
	return kev_queue(NULL, 0);
}

TEST(entry_of_ring_is_64_bytes)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add_user(q, 7);
	kev_add_user(q, 8);
	kev_fire(q, 7, 1);
	kev_fire(q, 8, 2);
	CHECK_EQ(((const uint64_t *)ring.entries)[4], 7);
	CHECK_EQ(((const uint64_t *)ring.entries)[8 + 4], 8);
	CHECK_EQ(((const uint32_t *)ring.kernel)[0], 2);
	CHECK_EQ(((const uint32_t *)ring.kernel)[3], 4);
}

TEST(user_comes_back_whole)
{
	const uint64_t user = 0xfedcba9876543210ull;
	struct kevent_ring ring;
	struct ukevent uk;
	int q = kev_queue(&ring, 4);
	const struct ukevent *event;

	kevent_prep(&uk, KEVENT_UNOTIFY, 0x1122334455667788ull, 1, 0, user);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	CHECK(uk.cookie);
	CHECK_EQ(uk.ptr, user);
	kev_fire(q, 0x1122334455667788ull, 0);
	event = kevent_ring_next(&ring);
	CHECK(event);
	CHECK_EQ(event->ptr, user);
	CHECK_EQ(event->id.raw_u64, 0x1122334455667788ull);
	CHECK_EQ(event->cookie, uk.cookie);
}

TEST(info_tells_limits)
{
	struct kevent_ioc_info info;
	int q = initialised();

	CHECK_EQ(kevent_info(q, &info), 0);
	CHECK_EQ(info.size, sizeof(info));
	CHECK_EQ(info.abi, KEVENT_ABI_VERSION);
	CHECK_EQ(info.features,
		 KEVENT_FEAT_CLOSE_FTRACE | KEVENT_FEAT_EPOLL);
	CHECK(info.sources & (1u << KEVENT_POLL));
	CHECK(info.sources & (1u << KEVENT_UNOTIFY));
	CHECK(!(info.sources & (1u << KEVENT_NAIO)));
	CHECK(!(info.sources >> KEVENT_TYPE_MAX));
	CHECK_EQ(info.req_flags & ~KEVENT_REQ_CMD(15), 0xfff);
	CHECK(info.ring_max && !(info.ring_max & (info.ring_max - 1)));
	CHECK_GE(info.batch_max, 64);
	CHECK_GT(info.watches_max, 0);
}

TEST(info_tells_the_version)
{
	FILE *file = fopen("/sys/module/kevent/version", "r");
	unsigned int major, minor, patch;
	struct kevent_ioc_info info;

	CHECK(file);
	CHECK_EQ(fscanf(file, "%u.%u.%u", &major, &minor, &patch), 3);
	fclose(file);
	CHECK_EQ(kevent_info(initialised(), &info), 0);
	CHECK_EQ(info.version, major << 16 | minor << 8 | patch);
	CHECK(info.version);
}

TEST(info_counts_watches)
{
	struct kevent_ioc_info before, with, after;
	int q = initialised(), other = initialised();

	kev_add_user(other, 1);
	CHECK_EQ(kevent_info(q, &before), 0);
	kev_add_user(q, 1);
	kev_add_user(q, 2);
	CHECK_EQ(kevent_info(q, &with), 0);
	kev_remove(q, KEVENT_UNOTIFY, 1);
	CHECK_EQ(kevent_info(q, &after), 0);
	CHECK_EQ(before.queue_watches, 0);
	CHECK_EQ(with.queue_watches, 2);
	CHECK_EQ(with.watches, before.watches + 2);
	CHECK_EQ(after.queue_watches, 1);
}

/* A program that knows less than the kernel gets what it knows. */
TEST(info_of_small_size)
{
	struct kevent_ioc_info *info = kev_fault_after(16, PROT_NONE);
	int q = initialised();

	info->size = 16;
	CHECK_EQ(ioctl(q, KEVENT_IOC_INFO, info), 0);
	CHECK_EQ(info->size, 16);
	CHECK_EQ(info->abi, KEVENT_ABI_VERSION);
	CHECK(info->features);
}

/* And one that knows more learns what the kernel knows. */
TEST(info_of_large_size)
{
	union {
		struct kevent_ioc_info info;
		unsigned char bytes[4096];
	} all;
	int q = initialised();
	size_t i;

	memset(&all, 0x5a, sizeof(all));
	all.info.size = sizeof(all);
	CHECK_EQ(ioctl(q, KEVENT_IOC_INFO, &all), 0);
	CHECK_EQ(all.info.size, sizeof(all.info));
	CHECK_EQ(all.info.abi, KEVENT_ABI_VERSION);
	for (i = sizeof(all.info); i < sizeof(all); i++)
		CHECK_EQ(all.bytes[i], 0x5a);
}

TEST(info_bad_pointer)
{
	struct kevent_ioc_info *info = kev_fault_after(8, PROT_NONE);
	int q = initialised();

	CHECK_ERRNO(ioctl(q, KEVENT_IOC_INFO, NULL), EFAULT);
	info->size = sizeof(*info);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_INFO, info), EFAULT);
}
