// SPDX-License-Identifier: GPL-2.0
/* Calls with bad arguments, unknown calls: each has its errno, nothing is lost. */
#include "kev.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

/* A queue with one event pending, of id 1; it must be there afterwards. */
struct fixture {
	struct kevent_ring ring;
	int q;
	struct ukevent buf[8];
	struct kevent_ioc_get get;
	struct kevent_ioc_wait wait;
};

static void set_up(struct fixture *f, unsigned int num)
{
	memset(f, 0, sizeof(*f));
	f->q = kev_queue(&f->ring, num);
	kev_add_user(f->q, 1);
	kev_fire(f->q, 1, 5);
	f->get.events = (uintptr_t)f->buf;
	f->get.min = 1;
	f->get.max = 8;
	f->get.clockid = CLOCK_MONOTONIC;
	f->wait.min = 1;
	f->wait.clockid = CLOCK_MONOTONIC;
}

static void tear_down(struct fixture *f)
{
	kev_expect_get(f->q, 1, 5);
	kev_expect_get_none(f->q);
}

#define GET(f, error) CHECK_ERRNO(ioctl((f)->q, KEVENT_IOC_GET_EVENTS, &(f)->get), error)
#define WAIT(f, error) CHECK_ERRNO(ioctl((f)->q, KEVENT_IOC_WAIT, &(f)->wait), error)

TEST(unknown_calls)
{
	struct fixture f;
	unsigned int nr;

	set_up(&f, 4);
	for (nr = 11; nr < 256; nr++)
		CHECK_ERRNO(ioctl(f.q, _IOWR(KEVENT_IOC_MAGIC, nr, int), &nr),
			    ENOTTY);
	CHECK_ERRNO(ioctl(f.q, FIBMAP, &nr), ENOTTY);
	CHECK_ERRNO(ioctl(f.q, FIONREAD, &nr), ENOTTY);
	CHECK_ERRNO(ioctl(f.q, FS_IOC_GETFLAGS, &nr), ENOTTY);
	CHECK_ERRNO(ioctl(f.q, 0, NULL), ENOTTY);
	CHECK_ERRNO(ioctl(f.q, 0xffffffff, NULL), ENOTTY);
	CHECK_ERRNO(ioctl(f.q, 0x5401, f.buf), ENOTTY);
	tear_down(&f);
}

/*
 * The right number with another direction, or less than the call needs, is another
 * call. More than it knows: see abi/grow.
 */
TEST(wrong_size_or_direction)
{
	struct fixture f;

	set_up(&f, 4);
	CHECK_ERRNO(ioctl(f.q, _IO(KEVENT_IOC_MAGIC, 2), &f.wait), ENOTTY);
	CHECK_ERRNO(ioctl(f.q, _IOR(KEVENT_IOC_MAGIC, 2, struct kevent_ioc_ctl),
			  &f.wait), ENOTTY);
	CHECK_ERRNO(ioctl(f.q, _IOWR(KEVENT_IOC_MAGIC, 3, char[8]), &f.get),
		    ENOTTY);
	CHECK_ERRNO(ioctl(f.q, _IOWR(KEVENT_IOC_MAGIC, 10, char[56]), f.buf),
		    ENOTTY);
	tear_down(&f);
}

TEST(not_written)
{
	struct fixture f;

	set_up(&f, 4);
	CHECK_ERRNO(write(f.q, f.buf, sizeof(f.buf[0])), EINVAL);
	tear_down(&f);
}

TEST(get_unknown_flags)
{
	const uint32_t known = KEVENT_FLAGS_ABSTIME | KEVENT_FLAGS_TIMEOUT |
			       KEVENT_FLAGS_SIGMASK | KEVENT_FLAGS_EPOLL;
	struct fixture f;
	unsigned int bit;

	set_up(&f, 4);
	for (bit = 0; bit < 32; bit++) {
		f.get.flags = 1u << bit;
		if (!(f.get.flags & known))
			GET(&f, EINVAL);
	}
	tear_down(&f);
}

TEST(wait_unknown_flags)
{
	const uint32_t known = 0x1f;
	struct fixture f;
	unsigned int bit;

	set_up(&f, 4);
	for (bit = 0; bit < 32; bit++) {
		f.wait.flags = 1u << bit;
		if (!(f.wait.flags & known))
			WAIT(&f, EINVAL);
	}
	tear_down(&f);
}

TEST(reserved)
{
	struct kevent_ioc_wake wake = { .num = 1, .reserved = 1 };
	struct fixture f;

	set_up(&f, 4);
	f.get.reserved = 1;
	GET(&f, EINVAL);
	f.wait.reserved = 1;
	WAIT(&f, EINVAL);
	CHECK_ERRNO(ioctl(f.q, KEVENT_IOC_WAKE, &wake), EINVAL);
	wake.reserved = 0x80000000;
	CHECK_ERRNO(ioctl(f.q, KEVENT_IOC_WAKE, &wake), EINVAL);
	tear_down(&f);
}

TEST(commit_unknown_flags)
{
	struct kevent_ioc_commit commit;
	struct fixture f;
	unsigned int bit;

	set_up(&f, 4);
	for (bit = 2; bit < 32; bit++) {
		memset(&commit, 0, sizeof(commit));
		commit.flags = 1u << bit;
		CHECK_ERRNO(ioctl(f.q, KEVENT_IOC_COMMIT, &commit), EINVAL);
		commit.flags |= KEVENT_COMMIT_FORCE;
		CHECK_ERRNO(ioctl(f.q, KEVENT_IOC_COMMIT, &commit), EINVAL);
	}
	memset(&commit, 0, sizeof(commit));
	commit.from = 1;
	CHECK_ERRNO(ioctl(f.q, KEVENT_IOC_COMMIT, &commit), EINVAL);
	tear_down(&f);
}

TEST(get_counts)
{
	struct kevent_ioc_info info;
	struct fixture f;

	set_up(&f, 4);
	CHECK_EQ(kevent_info(f.q, &info), 0);
	f.get.min = 0;
	f.get.max = 0;
	GET(&f, EINVAL);
	f.get.min = 3;
	f.get.max = 2;
	GET(&f, EINVAL);
	f.get.min = 5;
	f.get.max = 8;
	GET(&f, EINVAL);
	f.get.min = 0xffffffff;
	f.get.max = 0xffffffff;
	GET(&f, EINVAL);
	f.get.min = 0;
	GET(&f, EINVAL);
	f.get.max = info.batch_max + 1;
	GET(&f, EINVAL);
	tear_down(&f);
}

TEST(wait_counts)
{
	struct kevent_ioc_info info;
	struct fixture f;

	set_up(&f, 4);
	CHECK_EQ(kevent_info(f.q, &info), 0);
	f.wait.min = 5;
	WAIT(&f, EINVAL);
	f.wait.min = 0xffffffff;
	WAIT(&f, EINVAL);
	f.wait.min = 0;
	f.wait.changes = (uintptr_t)f.buf;
	f.wait.nchanges = info.batch_max + 1;
	WAIT(&f, EINVAL);
	f.wait.nchanges = 0xffffffff;
	WAIT(&f, EINVAL);
	tear_down(&f);
}

TEST(clocks)
{
	static const uint32_t clocks[] = {
		CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
		CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
		CLOCK_MONOTONIC_COARSE, CLOCK_TAI, 12, 99, 0x80000000,
		0xffffffff,
	};
	struct fixture f;
	unsigned int i, abs;

	set_up(&f, 4);
	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		for (abs = 0; abs < 2; abs++) {
			f.get.flags = KEVENT_FLAGS_TIMEOUT | abs;
			f.wait.flags = KEVENT_FLAGS_TIMEOUT | abs;
			f.get.clockid = clocks[i];
			f.wait.clockid = clocks[i];
			GET(&f, EINVAL);
			WAIT(&f, EINVAL);
		}
	}
	tear_down(&f);
}

TEST(times)
{
	static const struct __kernel_timespec times[] = {
		{ 0, 1000000000 }, { 0, -1 }, { -1, 0 }, { 1, 0x100000000ll },
		{ INT64_MIN, 0 }, { 0, INT64_MAX }, { 0, INT64_MIN },
	};
	struct fixture f;
	unsigned int i, abs;

	set_up(&f, 4);
	for (i = 0; i < ARRAY_SIZE(times); i++) {
		for (abs = 0; abs < 2; abs++) {
			f.get.flags = KEVENT_FLAGS_TIMEOUT | abs;
			f.wait.flags = KEVENT_FLAGS_TIMEOUT | abs;
			f.get.timeout = times[i];
			f.wait.timeout = times[i];
			GET(&f, EINVAL);
			WAIT(&f, EINVAL);
		}
	}
	tear_down(&f);
}

TEST(signal_sets)
{
	static const uint32_t sizes[] = { 0, 1, 4, 7, 9, 16, 128, 0xffffffff };
	struct fixture f;
	uint64_t set = 0;
	unsigned int i;

	set_up(&f, 4);
	f.get.flags = KEVENT_FLAGS_SIGMASK;
	f.wait.flags = KEVENT_FLAGS_SIGMASK;
	f.get.sigmask = (uintptr_t)&set;
	f.wait.sigmask = (uintptr_t)&set;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		f.get.sigsetsize = sizes[i];
		f.wait.sigsetsize = sizes[i];
		GET(&f, EINVAL);
		WAIT(&f, EINVAL);
	}
	f.get.sigsetsize = 8;
	f.wait.sigsetsize = 8;
	f.get.sigmask = 0;
	f.wait.sigmask = 0;
	GET(&f, EFAULT);
	WAIT(&f, EFAULT);
	f.get.sigmask = (uintptr_t)kev_fault_after(4, PROT_NONE);
	f.wait.sigmask = f.get.sigmask;
	GET(&f, EFAULT);
	WAIT(&f, EFAULT);
	tear_down(&f);
}

TEST(bad_pointers)
{
	static const unsigned long calls[] = {
		KEVENT_IOC_CTL, KEVENT_IOC_GET_EVENTS, KEVENT_IOC_WAIT,
		KEVENT_IOC_COMMIT, KEVENT_IOC_WAKE,
	};
	char *half = kev_fault_after(4, PROT_NONE);
	struct fixture f;
	unsigned int i;

	memset(half, 0, 4);
	set_up(&f, 4);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		CHECK_ERRNO(ioctl(f.q, calls[i], NULL), EFAULT);
		CHECK_ERRNO(ioctl(f.q, calls[i], (void *)~63ul), EFAULT);
		CHECK_ERRNO(ioctl(f.q, calls[i], half), EFAULT);
	}
	tear_down(&f);
}

/* The errno of a raw call: it has to be -1 and errno, in the whole of a long. */
#define RAW(f, call, arg, error) \
	CHECK_ERRNO(syscall(SYS_ioctl, (f)->q, (unsigned long)(call), arg), error)

/* After something that would count as a result: that must not hide the error. */
TEST(errors_are_negative)
{
	static const uint64_t nowhere[] = { 0, 0xffff800000000000ull };
	struct ukevent *uk = kev_fault_after(sizeof(*uk), PROT_NONE);
	struct kevent_ioc_sendfile sf = { .sock = -1, .in_fd = -1 };
	struct kevent_ioc_ctl ctl = { .num = 2 };
	struct fixture f;
	unsigned int i;

	set_up(&f, 4);
	kevent_prep(uk, KEVENT_UNOTIFY, 7, 1, KEVENT_REQ_READY, 7);
	ctl.events = (uintptr_t)uk;
	RAW(&f, KEVENT_IOC_CTL, &ctl, EFAULT);
	CHECK_EQ(ctl.done, 1);
	CHECK(uk->ret_flags & KEVENT_RET_DONE);
	/* one that was refused, and then a fault */
	RAW(&f, KEVENT_IOC_CTL, &ctl, EFAULT);
	CHECK_EQ(ctl.failed, 1);
	ctl.cmd = KEVENT_CTL_MIXED;
	RAW(&f, KEVENT_IOC_CTL, &ctl, EFAULT);
	f.wait.changes = (uintptr_t)uk;
	f.wait.nchanges = 2;
	RAW(&f, KEVENT_IOC_WAIT, &f.wait, EFAULT);
	f.wait.nchanges = 0;
	f.wait.flags = KEVENT_FLAGS_COMMIT;
	f.wait.commit = 99;
	RAW(&f, KEVENT_IOC_WAIT, &f.wait, EOVERFLOW);
	RAW(&f, KEVENT_IOC_AIO_SENDFILE, &sf, EBADF);
	for (i = 0; i < ARRAY_SIZE(nowhere); i++) {
		f.get.events = nowhere[i];
		RAW(&f, KEVENT_IOC_GET_EVENTS, &f.get, EFAULT);
	}
	for (i = 0; i <= 11; i++) {
		static const unsigned int calls[] = {
			KEVENT_IOC_INFO, KEVENT_IOC_INIT, KEVENT_IOC_CTL,
			KEVENT_IOC_GET_EVENTS, KEVENT_IOC_WAIT,
			KEVENT_IOC_COMMIT, KEVENT_IOC_WAKE,
			KEVENT_IOC_AIO_SENDFILE, KEVENT_IOC_AIO_SENDFILE_PATH,
			KEVENT_IOC_READ, KEVENT_IOC_CHANGE,
			KEVENT_IOC_AIO_SENDFILES,
		};

		RAW(&f, calls[i], NULL, EFAULT);
	}
	CHECK_ERRNO(syscall(SYS_read, f.q, NULL, 4ul), EFAULT);
	CHECK_ERRNO(syscall(SYS_read, f.q, NULL, 8ul), EFAULT);
	CHECK_ERRNO(syscall(SYS_read, f.q, NULL, 64ul), EFAULT);
	kev_remove(f.q, KEVENT_UNOTIFY, 7);
	tear_down(&f);
}

TEST(get_into_nowhere)
{
	static const uint64_t wild[] = {
		0, 0x100000000ull, 0x0000800000000000ull,
		0xffff800000000000ull, 0xffffffffffffffc0ull,
	};
	struct fixture f;
	unsigned int i;

	set_up(&f, 4);
	for (i = 0; i < ARRAY_SIZE(wild); i++) {
		f.get.events = wild[i];
		GET(&f, EFAULT);
	}
	f.get.events = (uintptr_t)kev_fault_after(sizeof(f.buf), PROT_READ) +
		       sizeof(f.buf);
	GET(&f, EFAULT);
	tear_down(&f);
}

TEST(get_into_nowhere_without_ring)
{
	struct fixture f;

	set_up(&f, 0);
	f.get.events = 0;
	GET(&f, EFAULT);
	f.get.events = (uintptr_t)kev_fault_after(32, PROT_NONE);
	GET(&f, EFAULT);
	tear_down(&f);
}

TEST(changes_from_nowhere)
{
	struct fixture f;

	set_up(&f, 4);
	f.wait.changes = 0;
	f.wait.nchanges = 1;
	f.wait.done = 99;
	f.wait.failed = 99;
	WAIT(&f, EFAULT);
	CHECK_EQ(f.wait.done, 0);
	CHECK_EQ(f.wait.failed, 0);
	f.wait.changes = 0xffff800000000000ull;
	WAIT(&f, EFAULT);
	tear_down(&f);
}

/* A WAIT that cannot write its answer has done nothing. */
TEST(wait_in_read_only_memory)
{
	struct kevent_ioc_wait *wait = kev_fault_after(0, PROT_READ |
						       PROT_WRITE);
	struct fixture f;

	set_up(&f, 4);
	*wait = f.wait;
	CHECK_OK(mprotect(wait, sysconf(_SC_PAGESIZE), PROT_READ));
	CHECK_ERRNO(ioctl(f.q, KEVENT_IOC_WAIT, wait), EFAULT);
	tear_down(&f);
}

TEST(no_ring)
{
	struct kevent_ioc_commit commit = { .flags = KEVENT_COMMIT_FORCE };
	struct fixture f;

	set_up(&f, 0);
	WAIT(&f, ENXIO);
	f.wait.min = 0;
	WAIT(&f, ENXIO);
	CHECK_ERRNO(kevent_commit(f.q, 0, 0), ENXIO);
	CHECK_ERRNO(ioctl(f.q, KEVENT_IOC_COMMIT, &commit), ENXIO);
	CHECK_EQ(kevent_wake(f.q, 1), 0);
	tear_down(&f);
}

/* A refused call carries out none of its parts. */
TEST(refused_wait_changes_nothing)
{
	struct kevent_ioc_info info;
	struct fixture f;

	set_up(&f, 4);
	kev_claim_to(&f.ring, 1);
	kevent_prep(&f.buf[0], KEVENT_UNOTIFY, 9, 1, 0, 0);
	f.wait.changes = (uintptr_t)f.buf;
	f.wait.nchanges = 1;
	f.wait.flags = KEVENT_FLAGS_COMMIT;
	f.wait.commit = 1;
	f.wait.min = 5;
	WAIT(&f, EINVAL);
	CHECK_EQ(kevent_info(f.q, &info), 0);
	CHECK_EQ(info.queue_watches, 1);
	CHECK_EQ(kev_head(&f.ring), 0);
	kev_claim_to(&f.ring, 0);
	tear_down(&f);
}
