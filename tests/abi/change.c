// SPDX-License-Identifier: GPL-2.0
/* CHANGE: one change; refused it is an errno, and the entry stays as it was. */
#include "../source/kinds.h"

static int change(int q, unsigned int cmd, struct ukevent *uk)
{
	uk->req_flags |= KEVENT_REQ_CMD(cmd);
	return ioctl(q, KEVENT_IOC_CHANGE, uk);
}

/* ---- Carried out ------------------------------------------------------------- */

TEST(add)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 6, 0, 7);
	CHECK_EQ(change(q, KEVENT_CTL_ADD, &uk), 0);
	CHECK_EQ(uk.ret_flags, 0);
	CHECK_EQ(uk.ret_data[0] | uk.ret_data[1], 0);
	CHECK_EQ(uk.ptr, 7);
	CHECK(uk.cookie);
	CHECK_EQ(watches_of(q), 1);
	kev_fire(q, 1, 2);
	CHECK_EQ(kev_expect_get(q, 7, 2).cookie, uk.cookie);
}

/* The event is in the result, and nowhere else. */
TEST(add_of_what_is_ready)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(3, EFD_CLOEXEC));
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_POLL, fd, POLLIN | POLLOUT, KEVENT_REQ_ET, 7);
	CHECK_EQ(change(q, KEVENT_CTL_ADD, &uk), 1);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], POLLIN | POLLOUT);
	CHECK_EQ(uk.ptr, 7);
	CHECK_LT(uk.cpu, cpu_count());
	CHECK_EQ(watches_of(q), 1);
	kev_expect_get_none(q);
	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 6, KEVENT_REQ_READY, 7);
	CHECK_EQ(change(q, KEVENT_CTL_ADD, &uk), 1);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_DONE, KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], 6);
	kev_expect_get_none(q);
}

TEST(modify)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	struct ukevent uk;

	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	kevent_prep(&uk, KEVENT_POLL, fd, POLLIN | POLLPRI, 0, 8);
	CHECK_EQ(change(q, KEVENT_CTL_MODIFY, &uk), 0);
	CHECK_EQ(uk.ret_flags, 0);
	CHECK_EQ(uk.ptr, 8);
	kevent_prep(&uk, KEVENT_POLL, fd, POLLOUT, 0, 9);
	CHECK_EQ(change(q, KEVENT_CTL_MODIFY, &uk), 1);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], POLLOUT);
	CHECK_EQ(uk.ptr, 9);
}

/* An event that was outstanding and is taken back is told of. */
TEST(remove)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	kev_add_user(q, 1);
	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 0, 0, 9);
	CHECK_EQ(change(q, KEVENT_CTL_REMOVE, &uk), 0);
	CHECK_EQ(uk.ret_flags, 0);
	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 0, 0, 9);
	CHECK_EQ(change(q, KEVENT_CTL_REMOVE, &uk), 0);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_CANCELLED);
	CHECK_EQ(uk.ptr, 9);
	CHECK_EQ(watches_of(q), 0);
	kev_expect_get_none(q);
}

TEST(ready)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk;

	kev_add_user(q, 1);
	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 4, 0, 9);
	CHECK_EQ(change(q, KEVENT_CTL_READY, &uk), 0);
	CHECK_EQ(uk.ret_flags, 0);
	kev_expect_get(q, 1, 4);
}

TEST(by_cookie)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	uint64_t cookie = kev_add_poll(q, fd, POLLIN, 0).cookie;
	struct ukevent uk;

	kevent_prep(&uk, 99, 99, POLLOUT, KEVENT_REQ_COOKIE, 5);
	uk.cookie = cookie;
	CHECK_EQ(change(q, KEVENT_CTL_MODIFY, &uk), 1);
	CHECK_EQ(uk.ret_data[0], POLLOUT);
	kevent_prep(&uk, 99, 99, 0, KEVENT_REQ_COOKIE, 5);
	uk.cookie = cookie;
	CHECK_EQ(change(q, KEVENT_CTL_REMOVE, &uk), 0);
	CHECK_EQ(watches_of(q), 0);
}

/* ---- Refused ----------------------------------------------------------------- */

/* With this errno; not a byte of the entry changes. */
static void refuse(int q, unsigned int cmd, struct ukevent uk, int error)
{
	struct ukevent before;

	uk.req_flags |= KEVENT_REQ_CMD(cmd);
	uk.ret_flags = 0x5a5a5a5a;
	uk.ret_data[0] = 0x12345678;
	uk.ret_data[1] = 0x9abcdef0;
	before = uk;
	CHECK_ERRNO(ioctl(q, KEVENT_IOC_CHANGE, &uk), error);
	/* that much is allowed */
	uk.ret_flags = before.ret_flags;
	CHECK_EQ(memcmp(&uk, &before, sizeof(uk)), 0);
}

static struct ukevent of(unsigned int type, uint64_t id, unsigned int event)
{
	struct ukevent uk;

	kevent_prep(&uk, type, id, event, 0, 0xfeedull << 40);
	return uk;
}

TEST(refused)
{
	int q = kev_queue(NULL, 0), fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	unsigned int cmd;
	struct ukevent uk;

	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	refuse(q, KEVENT_CTL_ADD, of(KEVENT_UNOTIFY, 1, 1), EEXIST);
	refuse(q, KEVENT_CTL_ADD, of(KEVENT_UNOTIFY, 2, 0), EINVAL);
	refuse(q, KEVENT_CTL_ADD, of(KEVENT_TYPE_MAX, 2, 1), EINVAL);
	refuse(q, KEVENT_CTL_ADD, of(KEVENT_NAIO, 2, 1), EOPNOTSUPP);
	refuse(q, KEVENT_CTL_ADD, of(KEVENT_POLL, 999, POLLIN), EBADF);
	refuse(q, KEVENT_CTL_ADD, of(KEVENT_POLL, q, POLLIN), EINVAL);
	uk = of(KEVENT_POLL, fd, POLLIN);
	uk.param[1] = 1;
	refuse(q, KEVENT_CTL_ADD, uk, EINVAL);
	for (cmd = KEVENT_CTL_REMOVE; cmd <= KEVENT_CTL_READY; cmd++) {
		refuse(q, cmd, of(KEVENT_UNOTIFY, 2, 1), ENOENT);
		refuse(q, cmd, of(KEVENT_POLL, fd, POLLIN), ENOENT);
		refuse(q, cmd, of(KEVENT_POLL, 999, POLLIN), EBADF);
	}
	refuse(q, KEVENT_CTL_MODIFY, of(KEVENT_UNOTIFY, 1, 0), EINVAL);
	CHECK_EQ(watches_of(q), 1);
	kev_expect_get(q, 1, 1);
	kev_expect_get_none(q);
}

/* MIXED is no command of an entry, as little as what comes after it. */
TEST(unknown_commands)
{
	int q = kev_queue(NULL, 0);
	unsigned int cmd;

	kev_add_user(q, 1);
	for (cmd = KEVENT_CTL_MIXED; cmd < 16; cmd++) {
		refuse(q, cmd, of(KEVENT_UNOTIFY, 1, 1), EINVAL);
		refuse(q, cmd, of(KEVENT_UNOTIFY, 2, 1), EINVAL);
	}
	CHECK_EQ(watches_of(q), 1);
	kev_expect_get_none(q);
}

TEST(bad_pointers)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk = of(KEVENT_UNOTIFY, 1, 1);
	unsigned int cmd, i;
	char *p;

	kev_add_user(q, 1);
	for (cmd = 0; cmd < 16; cmd++) {
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_CHANGE, NULL), EFAULT);
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_CHANGE, (void *)~63ul), EFAULT);
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_CHANGE, (void *)-8l), EFAULT);
		/* a part of it */
		uk.req_flags = KEVENT_REQ_CMD(cmd);
		/* REMOVE needs no more than the cookie */
		for (i = 8; i <= (cmd == KEVENT_CTL_REMOVE ? 40 : 56); i += 8) {
			p = kev_fault_after(i, PROT_NONE);
			memcpy(p, &uk, i);
			CHECK_ERRNO(ioctl(q, KEVENT_IOC_CHANGE, p), EFAULT);
			munmap((void *)((uintptr_t)p & -4096ul), 3 * 4096);
		}
	}
	CHECK_EQ(watches_of(q), 1);
	kev_expect_get_none(q);
}

/* A result that has no place: nothing is done. */
TEST(read_only)
{
	struct ukevent *uk = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int q = kev_queue(NULL, 0);
	unsigned int cmd;

	CHECK(uk != MAP_FAILED);
	kev_add_user(q, 1);
	for (cmd = KEVENT_CTL_ADD; cmd <= KEVENT_CTL_READY; cmd++) {
		CHECK_OK(mprotect(uk, 4096, PROT_READ | PROT_WRITE));
		*uk = of(KEVENT_UNOTIFY, cmd == KEVENT_CTL_ADD ? 2 : 1, 1);
		uk->req_flags = KEVENT_REQ_CMD(cmd);
		CHECK_OK(mprotect(uk, 4096, PROT_READ));
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_CHANGE, uk), EFAULT);
	}
	CHECK_EQ(watches_of(q), 1);
	kev_expect_get_none(q);
}

TEST(before_init)
{
	struct ukevent uk = of(KEVENT_UNOTIFY, 1, 1);

	CHECK_ERRNO(ioctl(CHECK_OK(kevent_open()), KEVENT_IOC_CHANGE, &uk), ENXIO);
}

/* ---- By kevent.h ---------------------------------------------------------------- */

/* The command is in the entry during the call only. */
TEST(flags_stay)
{
	int q = kev_queue(NULL, 0);
	struct ukevent uk = of(KEVENT_UNOTIFY, 1, 1);

	uk.req_flags = KEVENT_REQ_ET;
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), 0);
	CHECK_EQ(uk.req_flags, KEVENT_REQ_ET);
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), EEXIST);
	CHECK_EQ(uk.req_flags, KEVENT_REQ_ET);
	CHECK_EQ(kevent_ctl_one(q, KEVENT_CTL_REMOVE, &uk), 0);
	CHECK_EQ(uk.req_flags, KEVENT_REQ_ET);
	CHECK_EQ(watches_of(q), 0);
}
