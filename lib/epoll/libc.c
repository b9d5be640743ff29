// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The functions of the C library that programs call, and that we stand in for. */
#include <stdarg.h>
#include <stddef.h>

#include "call.h"
#include "epoll.h"

/* Bytes of the kernel's signal set; the C library's is larger. */
#define KE_MASK_SIZE	8

/* Called from assembly alone. */
#define KE_USED		KE_HIDDEN __attribute__((used))

KE_PUBLIC int epoll_create1(int flags)
{
	return (int)ke_result(ke_create(flags));
}

KE_PUBLIC int epoll_create(int size)
{
	return (int)ke_result(size > 0 ? ke_create(0) : -EINVAL);
}

KE_PUBLIC int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return (int)ke_result(ke_ctl(epfd, op, fd, event));
}

/* None of the three calls another: the program may have one of its own. */
static int ke_libc_wait(long nr, int epfd, struct epoll_event *events,
			int maxevents, long timeout, const sigset_t *mask)
{
	const struct ke_wait w = {
		.epfd = epfd,
		.events = events,
		.max = maxevents,
		.nr = nr,
		.timeout = timeout,
		.mask = mask,
		.mask_size = KE_MASK_SIZE,
		.cancel = true,
	};

	return (int)ke_result(ke_wait(&w));
}

KE_PUBLIC int epoll_wait(int epfd, struct epoll_event *events, int maxevents,
			 int timeout)
{
	return ke_libc_wait(SYS_epoll_pwait, epfd, events, maxevents, timeout, NULL);
}

KE_PUBLIC int epoll_pwait(int epfd, struct epoll_event *events, int maxevents,
			  int timeout, const sigset_t *mask)
{
	return ke_libc_wait(SYS_epoll_pwait, epfd, events, maxevents, timeout, mask);
}

KE_PUBLIC int epoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
			   const struct timespec *timeout, const sigset_t *mask)
{
	return ke_libc_wait(SYS_epoll_pwait2, epfd, events, maxevents, (long)timeout,
			    mask);
}

/* ---- syscall() --------------------------------------------------------- */

/*
 * Unlike the functions, it is no place where a thread is cancelled: it is one only if it
 * has made that asynchronous itself.
 */
static long ke_syscall_wait(int nr, const long *a)
{
	const struct ke_wait w = {
		.epfd = (int)a[0],
		.events = (void *)a[1],
		.max = (int)a[2],
		.nr = nr == SYS_epoll_wait ? SYS_epoll_pwait : nr,
		.timeout = a[3],
		.mask = nr == SYS_epoll_wait ? NULL : (void *)a[4],
		.mask_size = (size_t)a[5],
	};

	return ke_wait(&w);
}

/*
 * libuv 1.45 to 1.49 and others change epolls by way of io_uring, where nobody can
 * stand in: they are told that there is none.
 */
static long ke_syscall_uring(const long *a)
{
	ke_read_options();
	return ke_options.uring ? ke_call3(SYS_io_uring_setup, a[0], a[1], 0) :
				  -ENOSYS;
}

static long ke_syscall(long nr, const long *a)
{
	switch ((int)nr) {	/* the kernel looks at no more, either */
	case SYS_epoll_create:
		return (int)a[0] > 0 ? ke_create(0) : -EINVAL;
	case SYS_epoll_create1:
		return ke_create((int)a[0]);
	case SYS_epoll_ctl:
		return ke_ctl((int)a[0], (int)a[1], (int)a[2], (void *)a[3]);
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		return ke_syscall_wait(nr, a);
	case SYS_io_uring_setup:
		return ke_syscall_uring(a);
	default:	/* no other comes here */
		return KE_IS_FAST ? ke_fast_syscall(nr, a) : -ENOSYS;
	}
}

/* Of syscall(): the numbers that are listed there. */
KE_USED long ke_syscall_ours(long nr, ...)
{
	long a[6];
	va_list ap;
	int i;

	/* what was not given is what happens to be there, and nobody's argument */
	va_start(ap, nr);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return ke_result(ke_syscall(nr, a));
}

/* Of syscall(), too. */
KE_USED long ke_syscall_failed(long ret)
{
	return ke_result(ret);
}

#define KE_TEXT_(x)	#x
#define KE_TEXT(x)	KE_TEXT_(x)
#define KE_OURS(nr)	"cmpl $" KE_TEXT(nr) ", %edi; je ke_syscall_ours;"
#ifdef KE_FAST
#define KE_OURS_FAST	KE_OURS(SYS_close) KE_OURS(SYS_dup2) KE_OURS(SYS_dup3) \
			KE_OURS(SYS_close_range)
#else
#define KE_OURS_FAST	""
#endif

/*
 * As the C library's, without a frame: who is given a new stack by clone() returns to
 * what the caller has put there.  The numbers are those of ke_syscall() and of
 * ke_fast_syscall().
 */
KE_PUBLIC long __attribute__((naked)) syscall(long nr __attribute__((unused)), ...)
{
	__asm__(KE_OURS(SYS_epoll_create)
		KE_OURS(SYS_epoll_create1)
		KE_OURS(SYS_epoll_ctl)
		KE_OURS(SYS_epoll_wait)
		KE_OURS(SYS_epoll_pwait)
		KE_OURS(SYS_epoll_pwait2)
		KE_OURS(SYS_io_uring_setup)
		KE_OURS_FAST
		"movq %rdi, %rax;"
		"movq %rsi, %rdi;"
		"movq %rdx, %rsi;"
		"movq %rcx, %rdx;"
		"movq %r8, %r10;"
		"movq %r9, %r8;"
		"movq 8(%rsp), %r9;"
		"syscall;"
		"cmpq $-4095, %rax;"
		"jae 1f;"
		"ret;"
		"1: movq %rax, %rdi;"
		"jmp ke_syscall_failed");
}
