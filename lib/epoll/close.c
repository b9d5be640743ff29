// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* --fast: the calls that close fds, each of which may be that of a queue with a ring. */
#include <dlfcn.h>
#include <unistd.h>

#include "call.h"
#include "epoll.h"

/* The function that we stand before. */
#define KE_DEFINE_NEXT(name)						\
static __typeof__(&name) ke_next_##name(void)				\
{									\
	static __typeof__(&name) next;					\
									\
	if (ke_unlikely(!next))						\
		next = (__typeof__(&name))dlsym(RTLD_NEXT, #name);	\
	return next;							\
}

KE_DEFINE_NEXT(close)
KE_DEFINE_NEXT(dup2)
KE_DEFINE_NEXT(dup3)
KE_DEFINE_NEXT(close_range)
KE_DEFINE_NEXT(closefrom)

/* A child of _Fork(3) and a handler may call these, but not dlsym(): it takes a lock. */
__attribute__((constructor)) static void ke_find_next(void)
{
	ke_next_close();
	ke_next_dup2();
	ke_next_dup3();
	ke_next_close_range();
	ke_next_closefrom();
}

KE_PUBLIC int close(int fd)
{
	ke_fast_closed(fd);
	return ke_next_close()(fd);
}

KE_PUBLIC int dup2(int old, int new)
{
	if (old != new)
		ke_fast_closed(new);
	return ke_next_dup2()(old, new);
}

KE_PUBLIC int dup3(int old, int new, int flags)
{
	if (old != new)
		ke_fast_closed(new);
	return ke_next_dup3()(old, new, flags);
}

/* musl has neither of the next two, but a program may look whether they are there. */
KE_PUBLIC int close_range(unsigned int first, unsigned int last, int flags)
{
	__typeof__(&close_range) next = ke_next_close_range();

	if (!(flags & CLOSE_RANGE_CLOEXEC))
		ke_fast_closed_range(first, last);
	return next ? next(first, last, flags) :
		      (int)ke_result(ke_call3(SYS_close_range, first, last, flags));
}

KE_PUBLIC void closefrom(int first)
{
	__typeof__(&closefrom) next = ke_next_closefrom();

	first = first < 0 ? 0 : first;
	ke_fast_closed_range((unsigned int)first, ~0u);
	if (next)
		next(first);
	else
		ke_call3(SYS_close_range, first, ~0u, 0);
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
