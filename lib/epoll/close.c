// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* --fast: the calls that close fds, each of which may be that of a queue with a ring. */
#include <dlfcn.h>
#include <unistd.h>

#include "call.h"
#include "epoll.h"

/* The function that we stand before. */
#define KE_NEXT(name) ({						\
	static __typeof__(&name) next_;					\
									\
	if (ke_unlikely(!next_))					\
		next_ = (__typeof__(&name))dlsym(RTLD_NEXT, #name);	\
	next_;								\
})

KE_PUBLIC int close(int fd)
{
	ke_fast_closed(fd);
	return KE_NEXT(close)(fd);
}

KE_PUBLIC int dup2(int old, int new)
{
	if (old != new)
		ke_fast_closed(new);
	return KE_NEXT(dup2)(old, new);
}

KE_PUBLIC int dup3(int old, int new, int flags)
{
	if (old != new)
		ke_fast_closed(new);
	return KE_NEXT(dup3)(old, new, flags);
}

KE_PUBLIC int close_range(unsigned int first, unsigned int last, int flags)
{
	if (!(flags & CLOSE_RANGE_CLOEXEC))
		ke_fast_closed_range(first, last);
	return KE_NEXT(close_range)(first, last, flags);
}

KE_PUBLIC void closefrom(int first)
{
	ke_fast_closed_range(first < 0 ? 0 : (unsigned int)first, ~0u);
	KE_NEXT(closefrom)(first);
}

/* By their numbers. */
long ke_fast_syscall(long nr, const long *a)
{
	switch ((int)nr) {
	case SYS_close:
		ke_fast_closed((int)a[0]);
		break;
	case SYS_dup2:
	case SYS_dup3:
		if ((int)a[0] != (int)a[1])
			ke_fast_closed((int)a[1]);
		break;
	case SYS_close_range:
		if (!(a[2] & CLOSE_RANGE_CLOEXEC))
			ke_fast_closed_range((unsigned int)a[0], (unsigned int)a[1]);
		break;
	}
	return ke_call3(nr, a[0], a[1], a[2]);
}
