// SPDX-License-Identifier: GPL-2.0
/* The tracepoints of trace.h. */
#define CREATE_TRACE_POINTS
#include "trace.h"

void kev_trace_event_on(const struct kev_watch *w, const struct ukevent *e)
{
	trace_kevent_event(w, e);
}
