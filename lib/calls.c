// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The functions of <kevent.h> as symbols: their one text is there. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define KEVENT_API
#define KEVENT_INFO_SIZE	72	/* of KEVENT_0.2, for good */
#include <kevent.h>

/* Programs bring both, as long as they were when those were built. */
_Static_assert(sizeof(struct kevent_ioc_info) == KEVENT_INFO_SIZE,
	       "longer: see libkevent.map");
_Static_assert(sizeof(struct kevent_ring) == 16 + 6 * sizeof(void *),
	       "fixed: see libkevent.map");
