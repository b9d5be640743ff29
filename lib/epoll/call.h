/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Calls of the kernel, past the C library.  Its functions of these names are those that
 * we stand in for, or the program has its own, which may do anything: call us, too.
 * Nor are they places where a thread is cancelled.
 */
#ifndef KE_CALL_H
#define KE_CALL_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "the numbers of calls, and how they are made, are those of x86-64"
#endif

/* Returns what the kernel returns: -errno on failure. */
static inline long ke_call6(long nr, long a, long b, long c, long d, long e,
			    long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a" (ret)
			 : "a" (nr), "D" (a), "S" (b), "d" (c), "r" (r10),
			   "r" (r8), "r" (r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline long ke_call3(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a" (ret)
			 : "a" (nr), "D" (a), "S" (b), "d" (c)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline int ke_ioctl(int fd, unsigned long nr, void *arg)
{
	return (int)ke_call3(SYS_ioctl, fd, (long)nr, (long)(uintptr_t)arg);
}

/* As the C library returns it. */
static inline long ke_result(long ret)
{
	if (__builtin_expect((unsigned long)ret < -4095ul, 1))
		return ret;
	errno = (int)-ret;
	return -1;
}

/*
 * A thread that waits can be cancelled, as in the C library's epoll_wait(): while the
 * call is made cancelling is asynchronous.  A single thread has nobody to do that.
 */
static inline int ke_cancel_begin(void)
{
	int old = PTHREAD_CANCEL_DEFERRED;

	if (!__libc_single_threaded)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	return old;
}

static inline void ke_cancel_end(int old)
{
	if (!__libc_single_threaded)
		pthread_setcanceltype(old, NULL);
}

#endif /* KE_CALL_H */
