/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Calls of the kernel, past the C library.  Its functions of these names are those that
 * we stand in for, or the program has its own, which may do anything: call us, too.
 * Nor are they places where a thread is cancelled.
 */
#ifndef KE_CALL_H
#define KE_CALL_H

#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>
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

#endif /* KE_CALL_H */
