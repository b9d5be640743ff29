/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Delays where two things may get in each other's way: KEV_DELAY(point) stands
 * between a look and what is done about it.  Nothing, unless the module was
 * built with KEVENT_DEBUG_DELAYS=1, as make check-race does; delay.c is left out
 * then.  A new point is a line in delay_points.h and a line where it is.
 */
#ifndef KEV_DELAY_H
#define KEV_DELAY_H

enum kev_delay_point {
#define P(point) KEV_DELAY_##point,
#include "delay_points.h"
#undef P
	KEV_DELAY_NUM,
};

#ifdef KEVENT_DEBUG_DELAYS
void kev_delay(enum kev_delay_point point);
#define KEV_DELAY(point) kev_delay(KEV_DELAY_##point)
#else
#define KEV_DELAY(point) ((void)KEV_DELAY_##point)
#endif

#endif /* KEV_DELAY_H */
