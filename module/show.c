// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc/PID/fdinfo says of a queue: its counters, and a line for each watch
 * that tells what ADD was given.  struct kevent_ioc_info in the interface's header
 * has the format.
 */
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>

#include "record.h"
#include "show.h"
#include "source.h"

/* Watches that are listed: bounds the text, and the time that it takes. */
#define KEV_SHOW_MAX	65536u
/* Slots of the table looked at before others get the mutex. */
#define KEV_SHOW_STEPS	256

/* As of some moment: not worth waiting for a lock. */
#define KEV_SHOWN(counter)	((u64)data_race(counter))

static void kev_show_counters(struct seq_file *m, struct kev_queue *q)
{
	u64 posted = KEV_SHOWN(q->ring.long_tail) - q->first_index;

	seq_printf(m, "watches:\t%llu\nposted:\t%llu\nmerged:\t%llu\n",
		   KEV_SHOWN(q->nwatches), posted, KEV_SHOWN(q->merged));
	seq_printf(m, "overflowed:\t%llu\nwaits:\t%llu\nimmediate:\t%llu\n",
		   KEV_SHOWN(q->overflowed), KEV_SHOWN(q->waits),
		   KEV_SHOWN(q->immediate));
}

/* Its state, in the words of struct kevent_ioc_info. */
static const char *kev_show_state(const struct kev_watch *w)
{
	if (w->state & KEV_W_ADDING)
		return "adding";
	if (w->state & KEV_W_UNTABLED)
		return "closed";
	if (w->state & KEV_W_FIRED)
		return "fired";
	if (w->state & KEV_W_DISARMED)
		return "disarmed";
	return "armed";
}

static const char *kev_show_list(const struct kev_watch *w)
{
	switch (w->on) {
	case KEV_ON_READY:
		return "waiting";
	case KEV_ON_LEVEL:
	case KEV_ON_CHECK:
		return "asked";
	default:
		return "none";
	}
}

/* What ADD would be given for one like it.  Context: queue->mutex held. */
static void kev_show_params(struct kev_watch *w, u64 *param)
{
	const struct kev_source_ops *ops = kev_source_of(w);
	struct kev_records *r;

	if (ops->params)
		ops->params(w, param);
	r = ops->records ? ops->records(w) : NULL;
	if (r)
		param[0] = kev_records_size(r);
}

/* Context: queue->mutex held. */
static void kev_show_watch(struct seq_file *m, struct kev_watch *w)
{
	u64 param[3] = {};
	struct ukevent ev;
	const char *state, *list;
	bool hooked;

	raw_spin_lock_irq(&w->queue->lock);
	ev = w->ev;
	state = kev_show_state(w);
	list = kev_show_list(w);
	hooked = !(w->state & (KEV_W_ADDING | KEV_W_UNHOOKED));
	raw_spin_unlock_irq(&w->queue->lock);
	if (hooked)
		kev_show_params(w, param);
	seq_printf(m, "watch:\ttype: %u id: %llx event: %x req_flags: %x ptr: %llx",
		   ev.type, ev.id.raw_u64, ev.event, ev.req_flags, ev.ptr);
	seq_printf(m, " param: %llx %llx %llx cookie: %llx state: %s list: %s\n",
		   param[0], param[1], param[2], ev.cookie, state, list);
}

static void kev_show_watches(struct seq_file *m, struct kev_queue *q)
{
	struct kev_watch *w;
	u32 i, n = 0;

	mutex_lock(&q->mutex);
	for (i = 0; i < q->watches.used && n < KEV_SHOW_MAX; i++) {
		w = kev_table_get(&q->watches, i);
		if (w) {
			kev_show_watch(m, w);
			n++;
		}
		if (~i % KEV_SHOW_STEPS)
			continue;
		mutex_unlock(&q->mutex);
		cond_resched();
		/* seq_file calls again with more room; or the task is killed */
		if (seq_has_overflowed(m) || fatal_signal_pending(current))
			return;
		mutex_lock(&q->mutex);
	}
	mutex_unlock(&q->mutex);
}

void kev_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct kev_queue *q = file->private_data;

	kev_show_counters(m, q);
	kev_show_watches(m, q);
}
