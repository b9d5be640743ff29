/* SPDX-License-Identifier: GPL-2.0 */
/* Stops the kernel while it copies something to a program. */
#ifndef KEVENT_TEST_PAGER_H
#define KEVENT_TEST_PAGER_H

#include "test.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A page of which the first touch waits until pager_let_go() or pager_fail(). */
struct pager {
	int fd;
	char *page;
};

static inline void pager_make(struct pager *p)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	size_t size = sysconf(_SC_PAGESIZE);

	p->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (p->fd < 0)
		SKIP("no userfaultfd: %s", test_errno_name(errno));
	CHECK_OK(ioctl(p->fd, UFFDIO_API, &api));
	p->page = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p->page != MAP_FAILED);
	reg.range.start = (uintptr_t)p->page;
	reg.range.len = size;
	CHECK_OK(ioctl(p->fd, UFFDIO_REGISTER, &reg));
}

static inline void pager_await(struct pager *p)
{
	struct uffd_msg msg;

	CHECK_EQ(read(p->fd, &msg, sizeof(msg)), sizeof(msg));
	CHECK_EQ(msg.event, UFFD_EVENT_PAGEFAULT);
}

static inline void pager_let_go(struct pager *p)
{
	struct uffdio_zeropage zero = {
		.range = {
			.start = (uintptr_t)p->page,
			.len = sysconf(_SC_PAGESIZE),
		},
	};

	CHECK_OK(ioctl(p->fd, UFFDIO_ZEROPAGE, &zero));
}

/* The page has a text. */
static inline void pager_fill(struct pager *p, const char *text)
{
	static char page[65536] __attribute__((aligned(65536)));
	struct uffdio_copy copy = {
		.dst = (uintptr_t)p->page,
		.src = (uintptr_t)page,
		.len = sysconf(_SC_PAGESIZE),
	};

	strcpy(page, text);
	CHECK_OK(ioctl(p->fd, UFFDIO_COPY, &copy));
}

/* The copy fails: EFAULT. */
static inline void pager_fail(struct pager *p)
{
	struct uffdio_range range = {
		.start = (uintptr_t)p->page,
		.len = sysconf(_SC_PAGESIZE),
	};

	CHECK_OK(munmap(p->page, range.len));
	CHECK_OK(ioctl(p->fd, UFFDIO_WAKE, &range));
}

#endif
