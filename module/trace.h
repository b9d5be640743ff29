/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints.  docs/tracing.md says when each comes.  While one is off it costs a nop.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kevent

#if !defined(KEV_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KEV_TRACE_H

#include <linux/tracepoint.h>

#include "kev.h"

/* Those of a watch that are shown. */
#define KEV_TRACE_STATES	(KEV_W_ADDING | KEV_W_DISARMED | KEV_W_FIRED | \
				 KEV_W_UNTABLED)

/* Context: queue->mutex held. */
DECLARE_EVENT_CLASS(kevent_watch,
		    TP_PROTO(const struct kev_watch *w),
		    TP_ARGS(w),
		    TP_STRUCT__entry(__field(const void *, queue)
				     __field(u64, cookie)
				     __field(u64, id)
				     __field(u64, ptr)
				     __field(u32, type)
				     __field(u32, event)
				     __field(u32, req_flags)
				     __field(u32, state)),
		    TP_fast_assign(__entry->queue = w->queue;
				   __entry->cookie = w->ev.cookie;
				   __entry->id = w->ev.id.raw_u64;
				   __entry->ptr = w->ev.ptr;
				   __entry->type = w->ev.type;
				   __entry->event = w->ev.event;
				   __entry->req_flags = w->ev.req_flags;
				   /* as of some moment */
				   __entry->state = data_race(w->state) &
						    KEV_TRACE_STATES;),
		    TP_printk("queue=%p cookie=%llx type=%u id=%llx event=%x req_flags=%x ptr=%llx state=%s",
			      __entry->queue, __entry->cookie, __entry->type,
			      __entry->id, __entry->event, __entry->req_flags,
			      __entry->ptr,
			      __print_flags(__entry->state, "|",
					    { KEV_W_ADDING, "adding" },
					    { KEV_W_DISARMED, "disarmed" },
					    { KEV_W_FIRED, "fired" },
					    { KEV_W_UNTABLED, "closed" }))
);

DEFINE_EVENT(kevent_watch, kevent_add,
	     TP_PROTO(const struct kev_watch *w), TP_ARGS(w));

DEFINE_EVENT(kevent_watch, kevent_remove,
	     TP_PROTO(const struct kev_watch *w), TP_ARGS(w));

/* e: the entry, or the event that waits.  Context: queue->lock held. */
DECLARE_EVENT_CLASS(kevent_entry,
		    TP_PROTO(const struct kev_watch *w, const struct ukevent *e),
		    TP_ARGS(w, e),
		    TP_STRUCT__entry(__field(const void *, queue)
				     __field(u64, cookie)
				     __field(u64, id)
				     __field(u64, ptr)
				     __field(u32, type)
				     __field(u32, bits)
				     __field(u32, ret_flags)
				     __field(u32, data)
				     __field(u32, merged)),
		    TP_fast_assign(__entry->queue = w->queue;
				   __entry->cookie = e->cookie;
				   __entry->id = e->id.raw_u64;
				   __entry->ptr = e->ptr;
				   __entry->type = e->type;
				   __entry->bits = e->ret_data[0];
				   __entry->ret_flags = e->ret_flags;
				   __entry->data = e->ret_data[1];
				   __entry->merged = e->merged;),
		    TP_printk("queue=%p cookie=%llx type=%u id=%llx bits=%x ret_flags=%x data=%u merged=%u ptr=%llx",
			      __entry->queue, __entry->cookie, __entry->type,
			      __entry->id, __entry->bits, __entry->ret_flags,
			      __entry->data, __entry->merged, __entry->ptr)
);

DEFINE_EVENT(kevent_entry, kevent_event,
	     TP_PROTO(const struct kev_watch *w, const struct ukevent *e),
	     TP_ARGS(w, e));

DEFINE_EVENT(kevent_entry, kevent_merge,
	     TP_PROTO(const struct kev_watch *w, const struct ukevent *e),
	     TP_ARGS(w, e));

TRACE_EVENT(kevent_cancel,
	    TP_PROTO(const struct kev_watch *w, u32 bits),
	    TP_ARGS(w, bits),
	    TP_STRUCT__entry(__field(const void *, queue)
			     __field(u64, cookie)
			     __field(u64, id)
			     __field(u32, type)
			     __field(u32, bits)),
	    TP_fast_assign(__entry->queue = w->queue;
			   __entry->cookie = w->ev.cookie;
			   __entry->id = w->ev.id.raw_u64;
			   __entry->type = w->ev.type;
			   __entry->bits = bits;),
	    TP_printk("queue=%p cookie=%llx type=%u id=%llx bits=%x",
		      __entry->queue, __entry->cookie, __entry->type,
		      __entry->id, __entry->bits)
);

/* expires: 0: never. */
TRACE_EVENT(kevent_wait,
	    TP_PROTO(const struct kev_queue *q, u32 min, ktime_t expires),
	    TP_ARGS(q, min, expires),
	    TP_STRUCT__entry(__field(const void *, queue)
			     __field(u32, min)
			     __field(s64, expires)),
	    TP_fast_assign(__entry->queue = q;
			   __entry->min = min;
			   __entry->expires = expires;),
	    TP_printk("queue=%p min=%u expires=%lld", __entry->queue,
		      __entry->min, __entry->expires)
);

/* pid: 0: of none, but who polls the queue's fd. */
TRACE_EVENT(kevent_wake,
	    TP_PROTO(const struct kev_queue *q, pid_t pid),
	    TP_ARGS(q, pid),
	    TP_STRUCT__entry(__field(const void *, queue)
			     __field(pid_t, pid)),
	    TP_fast_assign(__entry->queue = q;
			   __entry->pid = pid;),
	    TP_printk("queue=%p pid=%d", __entry->queue, __entry->pid)
);

#ifndef TRACE_HEADER_MULTI_READ

void kev_trace_event_on(const struct kev_watch *w, const struct ukevent *e);

/* trace_kevent_event(), for where the code that it has behind the nop would be too much. */
static __always_inline void kev_trace_event(const struct kev_watch *w,
					    const struct ukevent *e)
{
	if (trace_kevent_event_enabled())
		kev_trace_event_on(w, e);
}

#endif

#endif /* KEV_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
