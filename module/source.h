/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a source is.  CONTRIBUTING.md has the steps to a new one.
 */
#ifndef KEV_SOURCE_H
#define KEV_SOURCE_H

#include <linux/nospec.h>

#include "kev.h"

struct kev_records;

/**
 * struct kev_source_ops - one kind of event
 * @name: for the slab cache.
 * @size: of the watch with the source's own part behind it.
 * @events: bits that may be asked for.
 * @req_flags: KEVENT_REQ_* that ADD and MODIFY take.
 * @always: KEVENT_REQ_* that each watch has, asked for or not.
 * @has_file: the id is an fd.
 * @has_path: of O_PATH, too.
 * @number: with @has_file: raw[1] of ids that are numbers all the same; or 0.
 * @has_params: ukevent.param is looked at by ADD.
 * @modify_params: and by MODIFY.
 * @per_process: the number means something else in each process: the watch is a
 *	struct kev_owned.
 * @own_call: made by a call of its own: no ADD, MODIFY or READY.
 * @sole: one watch at a time can be hooked: ADD unhooks one of its key that is over.
 * @init: at load.  If it fails, this kernel does not support the source: ADD
 *	fails with EOPNOTSUPP, and INFO tells.  May be NULL.
 * @exit: at unload, if @init did not fail.  No watch is left.  May be NULL.
 * @check_file: ADD of a file: is this the right kind?  Are parameters sane that MODIFY
 *	does not look at?  Called before anything is made.  May be NULL.
 * @check: ADD and MODIFY: are the parameters sane?  Called before anything is made
 *	or changed.  May be NULL.
 * @prepare: the watch is made; nobody else sees it yet.  May be NULL.
 * @attach: hook what tells of the event; the source may call kev_ready*() from
 *	here on.  Fills in what is ready already.  Process context, no lock of
 *	ours, a reference to the file is held.  On failure nothing is hooked.
 * @detach: unhook; no call of kev_ready*() is under way or comes afterwards.
 *	queue->mutex held, unless the watch was removed during its ADD: then it
 *	has left the tables, and nobody else sees it.  May sleep.
 * @look: what is ready now, of what the watch asks for?  queue->lock held, takes
 *	no lock.  False: not possible under the lock: @ask.  NULL: the source
 *	can't be asked, all its events are edges; and what came while the watch was
 *	disarmed, or was taken back by MODIFY, MODIFY reports, unless it has @halt.
 * @ask: the same in a task, for these event bits.  Process context, no lock, file
 *	referenced.  May be NULL if @look is never false.  A source that has it may
 *	be asked for no bits at all: then it reports errors only.
 * @move: @ask of a source without a file: works on, in a task, and says what is
 *	ready.  Process context, no lock; the watch is pinned.
 * @halt: MODIFY begins: no event of the old terms comes after this.  queue->mutex
 *	held, may sleep.  May be NULL: all events are made under queue->lock, from
 *	the terms that hold there.
 * @set: the new terms hold: take new parameters.  queue->lock held.  May be NULL.
 * @modify: the same, where it may sleep.  queue->mutex held.  May be NULL.
 * @params: what param of ADD would be now, for fdinfo; but the size of @records.
 *	queue->mutex held.  May be NULL: zeros.
 * @records: the watch's buffer of details, for READ; NULL while it has none.
 *	queue->mutex held, and no other lock: @attach may be under way.  May be
 *	NULL: none of this source.
 * @stop: REMOVE is about to end the watch: stop, and say in the result what is
 *	worth knowing.  @detach follows.  queue->mutex held, may sleep.  May be
 *	NULL.
 * @release: a queue is gone, which has no watch left.  Process context, may sleep.
 *	May be NULL.
 * @fire: READY was called; queue->lock held.  NULL: post the watch's bits.
 */
struct kev_source_ops {
	const char *name;
	size_t size;
	u32 events;
	u32 req_flags;
	u32 always;
	u32 number;
	bool has_file;
	bool has_path;
	bool has_params;
	bool modify_params;
	bool per_process;
	bool own_call;
	bool sole;
	int (*init)(void);
	void (*exit)(void);
	int (*check_file)(struct file *file, const struct ukevent *uk);
	int (*check)(const struct ukevent *uk);
	void (*prepare)(struct kev_watch *w, struct file *file);
	int (*attach)(struct kev_watch *w, struct file *file,
		      const struct ukevent *uk, struct kev_values *v);
	void (*detach)(struct kev_watch *w);
	bool (*look)(struct kev_watch *w, struct kev_values *v);
	void (*ask)(struct file *file, u32 event, struct kev_values *v);
	void (*move)(struct kev_watch *w, struct kev_values *v);
	void (*halt)(struct kev_watch *w);
	void (*set)(struct kev_watch *w, const struct ukevent *uk);
	void (*modify)(struct kev_watch *w, const struct ukevent *uk);
	void (*params)(struct kev_watch *w, u64 *param);
	struct kev_records *(*records)(struct kev_watch *w);
	void (*stop)(struct kev_watch *w, struct ukevent *uk);
	void (*release)(struct kev_queue *q);
	int (*fire)(struct kev_watch *w, u32 bits, const struct ukevent *uk);
};

/* Flags that make sense for every source. */
#define KEV_REQ_COMMON	(KEVENT_REQ_ONESHOT | KEVENT_REQ_WAKEUP_ALL | \
			 KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE | \
			 KEVENT_REQ_READY | KEVENT_REQ_DISPATCH | \
			 KEVENT_REQ_TIMESTAMP)
/* Flags for sources with a file that can be asked. */
#define KEV_REQ_FILE	(KEV_REQ_COMMON | KEVENT_REQ_LAST_CHECK | \
			 KEVENT_REQ_EXCLUSIVE | KEVENT_REQ_CLOSED)
/* Flags that kev_ready_fill() does not handle. */
#define KEV_REQ_LONG	(KEVENT_REQ_ONESHOT | KEVENT_REQ_DISPATCH | \
			 KEVENT_REQ_TIMESTAMP | KEVENT_REQ_LAST_CHECK | \
			 KEVENT_REQ_WAKEUP_ALL)
/* Flags that a watch has from its first ADD to its end. */
#define KEV_REQ_FIXED	(KEVENT_REQ_EXCLUSIVE | KEVENT_REQ_PAYLOAD)
/* Flags that a watch keeps. */
#define KEV_REQ_KEPT	(KEV_REQ_FILE | KEVENT_REQ_PAYLOAD)
#define KEV_REQ_ALL	(KEV_REQ_KEPT | KEVENT_REQ_COOKIE)

extern const struct kev_source_ops kev_source_poll;
extern const struct kev_source_ops kev_source_socket;
extern const struct kev_source_ops kev_source_pipe;
extern const struct kev_source_ops kev_source_timer;
extern const struct kev_source_ops kev_source_posix_timer;
extern const struct kev_source_ops kev_source_user;
extern const struct kev_source_ops kev_source_inode;
extern const struct kev_source_ops kev_source_signal;
extern const struct kev_source_ops kev_source_proc;
extern const struct kev_source_ops kev_source_aio;

extern const struct kev_source_ops *kev_sources[KEVENT_TYPE_MAX];

void kev_source_init(void);
void kev_source_exit(void);
void kev_source_release(struct kev_queue *q);
u64 kev_source_mask(void);

/* Returns NULL for what is unknown or not supported. */
static inline const struct kev_source_ops *kev_source_find(u32 type)
{
	if (type >= KEVENT_TYPE_MAX)
		return NULL;
	return kev_sources[array_index_nospec(type, KEVENT_TYPE_MAX)];
}

static inline const struct kev_source_ops *kev_source_of(const struct kev_watch *w)
{
	return kev_sources[w->ev.type];
}

/*
 * Asks under the lock.  v: out: all zero, then the answer.  False: that can't be.
 * Context: queue->lock held; any.
 */
static __always_inline bool kev_watch_look(struct kev_watch *w,
					   struct kev_values *v)
{
	lockdep_assert_held(&w->queue->lock);
	*v = (struct kev_values){};
	return kev_source_of(w)->look(w, v);
}

#endif /* KEV_SOURCE_H */
