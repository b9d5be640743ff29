// SPDX-License-Identifier: GPL-2.0
/* Batches of CTL: every entry has its own result, and the tally is true. */
#include "kev.h"

#define N 8

static struct kevent_ioc_ctl batch(unsigned int cmd, unsigned int num,
				   const void *events)
{
	struct kevent_ioc_ctl ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.cmd = cmd;
	ctl.num = num;
	ctl.events = (uintptr_t)events;
	ctl.done = 99;
	ctl.failed = 99;
	return ctl;
}

static void prep_users(struct ukevent *uk, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num; i++)
		kevent_prep(&uk[i], KEVENT_UNOTIFY, i, 1, KEVENT_REQ_ET, i);
}

static bool watched(int q, uint64_t id)
{
	int error = kev_try(q, KEVENT_CTL_READY, KEVENT_UNOTIFY, id, 0, 0);

	CHECK(error == 0 || error == ENOENT);
	return !error;
}

static uint64_t watches(int q)
{
	struct kevent_ioc_info info;

	CHECK_EQ(kevent_info(q, &info), 0);
	return info.queue_watches;
}

TEST(result_for_each)
{
	struct ukevent uk[N];
	struct kevent_ioc_ctl ctl = batch(KEVENT_CTL_ADD, N, uk);
	int q = kev_queue(NULL, 0);
	unsigned int i;

	prep_users(uk, N);
	uk[0].type = 77;
	uk[3].event = 0;
	uk[5].id.raw_u64 = 4;
	uk[7].type = KEVENT_NAIO;
	CHECK_EQ(ioctl(q, KEVENT_IOC_CTL, &ctl), 4);
	CHECK_EQ(ctl.done, N);
	CHECK_EQ(ctl.failed, 4);
	CHECK_EQ(kevent_error(&uk[0]), EINVAL);
	CHECK_EQ(kevent_error(&uk[3]), EINVAL);
	CHECK_EQ(kevent_error(&uk[5]), EEXIST);
	CHECK_EQ(kevent_error(&uk[7]), EOPNOTSUPP);
	for (i = 0; i < N; i++) {
		bool fails = i == 0 || i == 3 || i == 5 || i == 7;

		CHECK_EQ(uk[i].ptr, i);
		CHECK_EQ(watched(q, i), !fails);
		if (!fails) {
			CHECK_EQ(uk[i].ret_flags, 0);
			CHECK(uk[i].cookie);
		}
	}
}

TEST(ready_counts_as_done)
{
	struct ukevent uk[4];
	struct kevent_ioc_ctl ctl = batch(KEVENT_CTL_ADD, 4, uk);
	int q = kev_queue(NULL, 0);
	int fd = CHECK_OK(eventfd(1, 0));

	prep_users(uk, 4);
	kevent_prep(&uk[1], KEVENT_POLL, fd, POLLIN, KEVENT_REQ_ET, 1);
	uk[2].type = 77;
	CHECK_EQ(ioctl(q, KEVENT_IOC_CTL, &ctl), 2);
	CHECK_EQ(ctl.done, 4);
	CHECK_EQ(ctl.failed, 1);
	CHECK_EQ(uk[1].ret_flags & (KEVENT_RET_DONE | KEVENT_RET_BROKEN),
		 KEVENT_RET_DONE);
	CHECK_EQ(uk[1].ret_data[0], POLLIN);
	CHECK_EQ(kevent_error(&uk[1]), 0);
	CHECK_EQ(watches(q), 3);
}

TEST(mixed_commands)
{
	struct ukevent uk[6];
	struct kevent_ioc_ctl ctl = batch(KEVENT_CTL_MIXED, 6, uk);
	int q = kev_queue(NULL, 0);

	kev_add_user(q, 100);
	prep_users(uk, 6);
	uk[1].req_flags = KEVENT_REQ_CMD(KEVENT_CTL_READY);
	uk[1].id.raw_u64 = 0;
	uk[2].req_flags = KEVENT_REQ_CMD(KEVENT_CTL_REMOVE);
	uk[2].id.raw_u64 = 100;
	uk[3].req_flags |= KEVENT_REQ_CMD(KEVENT_CTL_MODIFY);
	uk[3].id.raw_u64 = 50;
	uk[4].req_flags |= KEVENT_REQ_CMD(KEVENT_CTL_ADD);
	uk[5].req_flags |= KEVENT_REQ_CMD(KEVENT_CTL_MODIFY);
	uk[5].id.raw_u64 = 4;
	uk[5].event = 6;
	CHECK_EQ(ioctl(q, KEVENT_IOC_CTL, &ctl), 1);
	CHECK_EQ(ctl.done, 6);
	CHECK_EQ(ctl.failed, 1);
	CHECK_EQ(kevent_error(&uk[3]), ENOENT);
	CHECK_EQ(watches(q), 2);
	kev_expect_get(q, 0, 1);
	kev_fire(q, 4, 0);
	kev_expect_get(q, 5, 6);
}

TEST(mixed_unknown_commands)
{
	struct ukevent uk[16];
	struct kevent_ioc_ctl ctl = batch(KEVENT_CTL_MIXED, 16, uk);
	int q = kev_queue(NULL, 0);
	unsigned int i;

	prep_users(uk, 16);
	for (i = 0; i < 16; i++)
		uk[i].req_flags |= KEVENT_REQ_CMD(i < 4 ? 0 : i);
	CHECK_EQ(ioctl(q, KEVENT_IOC_CTL, &ctl), 12);
	CHECK_EQ(ctl.done, 16);
	CHECK_EQ(ctl.failed, 12);
	for (i = 4; i < 16; i++)
		CHECK_EQ(kevent_error(&uk[i]), EINVAL);
	CHECK_EQ(watches(q), 4);
}

TEST(unknown_commands)
{
	static const uint32_t cmds[] = { 5, 6, 15, 16, 0x80000000, 0xffffffff };
	struct kevent_ioc_ctl ctl;
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		prep_users(&uk, 1);
		ctl = batch(cmds[i], 1, &uk);
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EINVAL);
	}
	CHECK_EQ(watches(q), 0);
}

TEST(reserved)
{
	struct ukevent uk;
	struct kevent_ioc_ctl ctl = batch(KEVENT_CTL_ADD, 1, &uk);
	int q = kev_queue(NULL, 0);

	prep_users(&uk, 1);
	ctl.reserved = 1;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EINVAL);
	ctl.reserved = 1ull << 63;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EINVAL);
	CHECK_EQ(watches(q), 0);
}

TEST(ready_of_nothing)
{
	struct kevent_ioc_ctl ctl = batch(KEVENT_CTL_READY, 0, NULL);
	int q = kev_queue(NULL, 0);

	kev_add_user(q, 1);
	CHECK_EQ(ioctl(q, KEVENT_IOC_CTL, &ctl), 0);
	CHECK_EQ(ctl.done, 0);
	CHECK_EQ(ctl.failed, 0);
	kev_expect_get_none(q);
}

TEST(huge)
{
	struct kevent_ioc_ctl ctl;
	struct kevent_ioc_info info;
	struct ukevent uk[N];
	unsigned int cmd;
	int q = kev_queue(NULL, 0);

	kev_add_user(q, 0);
	CHECK_EQ(kevent_info(q, &info), 0);
	for (cmd = 0; cmd <= KEVENT_CTL_MIXED; cmd++) {
		prep_users(uk, N);
		ctl = batch(cmd, info.batch_max + 1, uk);
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EINVAL);
		ctl = batch(cmd, 0x80000000u, uk);
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EINVAL);
		ctl = batch(cmd, 0xffffffffu, uk);
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EINVAL);
		/* num * sizeof is 0 in 32 bits */
		ctl = batch(cmd, 0x04000000u, uk);
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EINVAL);
	}
	CHECK_EQ(watches(q), 1);
	kev_expect_get_none(q);
}

TEST(largest)
{
	struct kevent_ioc_info info;
	struct kevent_ioc_ctl ctl;
	struct ukevent *uk;
	int q = kev_queue(NULL, 0);

	CHECK_EQ(kevent_info(q, &info), 0);
	uk = calloc(info.batch_max, sizeof(*uk));
	CHECK(uk);
	prep_users(uk, info.batch_max);
	ctl = batch(KEVENT_CTL_REMOVE, info.batch_max, uk);
	CHECK_EQ(ioctl(q, KEVENT_IOC_CTL, &ctl), info.batch_max);
	CHECK_EQ(ctl.done, info.batch_max);
	CHECK_EQ(ctl.failed, info.batch_max);
	CHECK_EQ(kevent_error(&uk[info.batch_max - 1]), ENOENT);
}

/* ---- Bad pointers ------------------------------------------------------ */

/*
 * Entries from number k on lie where prot is; cut bytes of k are good.  That may be
 * at an odd address, where not every processor lets a program have a struct.
 */
static void add_until(unsigned int k, size_t cut, int prot)
{
	struct ukevent uk[N];
	void *at = kev_fault_after(k * sizeof(*uk) + cut, prot);
	struct kevent_ioc_ctl ctl = batch(KEVENT_CTL_ADD, N, at);
	int q = kev_queue(NULL, 0);
	unsigned int i;

	prep_users(uk, k);
	memcpy(at, uk, k * sizeof(*uk));
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EFAULT);
	CHECK_EQ(ctl.done, k);
	CHECK_EQ(ctl.failed, 0);
	CHECK_EQ(watches(q), k);
	for (i = 0; i < N; i++)
		CHECK_EQ(watched(q, i), i < k);
	memcpy(uk, at, k * sizeof(*uk));
	for (i = 0; i < k; i++)
		CHECK_EQ(uk[i].ret_flags, 0);
	close(q);
}

TEST(fault_at_each_entry)
{
	unsigned int k;

	for (k = 0; k < N; k++)
		add_until(k, 0, PROT_NONE);
}

TEST(fault_inside_entry)
{
	add_until(0, 32, PROT_NONE);
	add_until(3, 8, PROT_NONE);
	add_until(3, 40, PROT_NONE);
	add_until(N - 1, 63, PROT_NONE);
}

/* Readable entries that cannot be written back must not be carried out. */
static void add_read_only_from(unsigned int k)
{
	struct ukevent *uk = kev_fault_after(k * sizeof(*uk), PROT_READ |
					     PROT_WRITE);
	struct kevent_ioc_ctl ctl = batch(KEVENT_CTL_ADD, N, uk);
	int q = kev_queue(NULL, 0);
	unsigned int i;

	prep_users(uk, N);
	CHECK_OK(mprotect(uk + k, sysconf(_SC_PAGESIZE), PROT_READ));
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EFAULT);
	CHECK_EQ(ctl.done, k);
	CHECK_EQ(ctl.failed, 0);
	CHECK_EQ(watches(q), k);
	for (i = 0; i < N; i++)
		CHECK_EQ(watched(q, i), i < k);
	close(q);
}

TEST(fault_on_writing_back)
{
	add_read_only_from(0);
	add_read_only_from(1);
	add_read_only_from(5);
}

TEST(remove_and_fault_on_writing_back)
{
	struct ukevent *uk = kev_fault_after(2 * sizeof(*uk), PROT_READ |
					     PROT_WRITE);
	struct kevent_ioc_ctl ctl = batch(KEVENT_CTL_REMOVE, 4, uk);
	int q = kev_queue(NULL, 0);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		kev_add_user(q, i);
		kevent_prep(&uk[i], KEVENT_UNOTIFY, i, 0, 0, i);
	}
	CHECK_OK(mprotect(uk + 2, sysconf(_SC_PAGESIZE), PROT_READ));
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EFAULT);
	CHECK_EQ(ctl.done, 2);
	CHECK_EQ(watches(q), 2);
}

/* Refused entries count as done before the fault, too. */
TEST(fault_after_refused)
{
	struct ukevent *uk = kev_fault_after(4 * sizeof(*uk), PROT_NONE);
	struct kevent_ioc_ctl ctl = batch(KEVENT_CTL_ADD, N, uk);
	int q = kev_queue(NULL, 0);

	prep_users(uk, 4);
	uk[0].type = 77;
	uk[2].event = 0;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EFAULT);
	CHECK_EQ(ctl.done, 4);
	CHECK_EQ(ctl.failed, 2);
	CHECK_EQ(kevent_error(&uk[0]), EINVAL);
	CHECK_EQ(kevent_error(&uk[2]), EINVAL);
	CHECK_EQ(watches(q), 2);
}

TEST(fault_loses_no_event)
{
	struct ukevent *uk = kev_fault_after(2 * sizeof(*uk), PROT_NONE);
	struct kevent_ioc_ctl ctl = batch(KEVENT_CTL_READY, N, uk);
	int q = kev_queue(NULL, 0);

	kev_add_user(q, 0);
	kev_add_user(q, 1);
	kev_add_user(q, 2);
	kev_fire(q, 2, 4);
	prep_users(uk, 2);
	uk[0].req_flags = 0;
	uk[1].req_flags = 0;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EFAULT);
	CHECK_EQ(ctl.done, 2);
	kev_expect_get(q, 2, 4);
	kev_expect_get(q, 0, 1);
	kev_expect_get(q, 1, 1);
	kev_expect_get_none(q);
}

TEST(wild_pointers)
{
	static const uint64_t wild[] = {
		0, 64, 0x100000000ull, 0x0000800000000000ull,
		0x8000000000000000ull, 0xffff800000000000ull,
		0xffffffff81000000ull, 0xffffffffffffffc0ull,
		0xffffffffffffffffull,
	};
	int q = kev_queue(NULL, 0);
	struct kevent_ioc_ctl ctl;
	unsigned int i;

	kev_add_user(q, 0);
	for (i = 0; i < ARRAY_SIZE(wild); i++) {
		ctl = batch(KEVENT_CTL_ADD, N, NULL);
		ctl.events = wild[i];
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, &ctl), EFAULT);
		CHECK_EQ(ctl.done, 0);
		CHECK_EQ(ctl.failed, 0);
	}
	CHECK_EQ(watches(q), 1);
}

TEST(bad_pointer_to_ctl)
{
	struct kevent_ioc_ctl *half = kev_fault_after(16, PROT_NONE);
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	prep_users(&uk, 1);
	half->cmd = KEVENT_CTL_ADD;
	half->num = 1;
	half->events = (uintptr_t)&uk;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, NULL), EFAULT);
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_CTL, half), EFAULT);
	CHECK_EQ(watches(q), 0);
}
