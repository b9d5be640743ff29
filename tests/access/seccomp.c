// SPDX-License-Identifier: GPL-2.0
/* Tests that a seccomp filter can tell the calls apart by their ioctl numbers. */
#include "../source/files.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

/* As docs/ioctls.md has them: the same for 32 and 64 bit programs. */
static const struct {
	unsigned int number;
	unsigned int from_docs;
} calls[] = {
	{ KEVENT_IOC_INFO,		0xc048eb00 },
	{ KEVENT_IOC_INIT,		0xc040eb01 },
	{ KEVENT_IOC_CTL,		0xc020eb02 },
	{ KEVENT_IOC_GET_EVENTS,	0xc038eb03 },
	{ KEVENT_IOC_WAIT,		0xc050eb04 },
	{ KEVENT_IOC_COMMIT,		0xc010eb05 },
	{ KEVENT_IOC_WAKE,		0x4008eb06 },
	{ KEVENT_IOC_AIO_SENDFILE,	0xc080eb07 },
	{ KEVENT_IOC_AIO_SENDFILE_PATH,	0xc080eb08 },
	{ KEVENT_IOC_READ,		0xc020eb09 },
	{ KEVENT_IOC_CHANGE,		0xc040eb0a },
	{ KEVENT_IOC_AIO_SENDFILES,	0x4010eb0b },
};

#define ALL_CALLS ((1u << ARRAY_SIZE(calls)) - 1)

TEST(numbers)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		CHECK_EQ(calls[i].number, calls[i].from_docs);
}

/* ---- Filters ------------------------------------------------------------------- */

#define LOAD(field)							\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS_EQUAL(value, skip)					\
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define ANSWER(what)	BPF_STMT(BPF_RET | BPF_K, what)

/* Of the ioctls of kevent just these, all others fail with EPERM; all else goes. */
static void allow(unsigned int allowed)
{
	struct sock_filter filter[64];
	struct sock_fprog prog = { .filter = filter };
	unsigned int n = 0, i;

	filter[n++] = (struct sock_filter)LOAD(nr);
	filter[n++] = (struct sock_filter)UNLESS_EQUAL(SYS_ioctl, 1);
	filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0);
	filter[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	filter[n++] = (struct sock_filter)LOAD(args[1]);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (!(allowed & (1u << i)))
			continue;
		filter[n++] = (struct sock_filter)UNLESS_EQUAL(calls[i].number,
							       1);
		filter[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K,
						   0xff00);
	filter[n++] = (struct sock_filter)UNLESS_EQUAL(KEVENT_IOC_MAGIC << 8, 1);
	filter[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ERRNO | EPERM);
	filter[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	prog.len = n;
	CHECK_LE(n, ARRAY_SIZE(filter));
	CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		SKIP("no seccomp filters: %s", test_errno_name(errno));
}

/* A bad pointer: what gets past the filter fails by that. */
static void check_calls(int q, unsigned int allowed)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		CHECK_ERRNO(ioctl(q, calls[i].number, -1),
			    allowed & (1u << i) ? EFAULT : EPERM);
}

struct filtered {
	int q;
	unsigned int allowed;
};

static void one_filter(void *arg)
{
	struct filtered *f = arg;

	allow(f->allowed);
	check_calls(f->q, f->allowed);
}

TEST_USER(each_call)
{
	struct kevent_ring ring;
	struct filtered f = { .q = kev_queue(&ring, 16) };
	unsigned int i;

	f.allowed = ALL_CALLS;
	wait_child(start_child(one_filter, &f));
	f.allowed = 0;
	wait_child(start_child(one_filter, &f));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		f.allowed = 1u << i;
		wait_child(start_child(one_filter, &f));
		f.allowed ^= ALL_CALLS;
		wait_child(start_child(one_filter, &f));
	}
}

/* One prepares the queue and shuts itself in: it waits and reads, no more. */
TEST_USER(only_waiting)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	uint64_t one = 1;

	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
	allow(1u << 4 | 1u << 5);
	CHECK_EQ(write(fd, &one, sizeof(one)), sizeof(one));
	CHECK_EQ(kevent_ring_wait(&ring, NULL), 1);
	kev_expect(&ring, fd, POLLIN);
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, q, POLLIN, 0), EPERM);
	CHECK_EQ(kev_try(q, KEVENT_CTL_REMOVE, KEVENT_POLL, fd, 0, 0), EPERM);
}

/* Who forbids open(2) forbids the two calls that open, too. */
TEST_USER(no_opening)
{
	struct kevent_ioc_sendfile sf = { .path = (uintptr_t)"/etc/passwd" };
	int q = kev_queue(NULL, 0), fds[2], fd;

	unix_pair(SOCK_STREAM, fds);
	sf.sock = fds[0];
	fd = CHECK_OK(memfd_create("file", MFD_CLOEXEC));
	CHECK_EQ(write(fd, "some", 4), 4);
	allow(ALL_CALLS & ~(1u << 8 | 1u << 11));
	CHECK_ERRNO(kevent_aio_sendfile_path(q, NULL, 0, "/etc/passwd", fds[0],
					     0, KEVENT_AIO_TO_END, 1, NULL),
		    EPERM);
	CHECK_ERRNO(kevent_aio_sendfiles(q, &sf, 1), EPERM);
	CHECK_OK(kevent_aio_sendfile(q, fds[0], fd, 0, KEVENT_AIO_TO_END, 1,
				     NULL));
	wait_poll(fds[1], POLLIN);
}
