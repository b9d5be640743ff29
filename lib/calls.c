// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The functions of <kevent.h> as symbols: their one text is there. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define KEVENT_API
#include <kevent.h>
