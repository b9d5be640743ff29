/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * What the files of libkevent-kqueue have in common.
 *
 * A kqueue is a queue of /dev/kevent without a ring, and its fd is the queue's.  Beside
 * it the library keeps a struct kq, with a struct kq_note for each event that was added:
 * what BSD's kernels call a knote.  A note has one watch of the kernel's, whose ptr says
 * which note of which kq it is.
 *
 * LOCKS.  kq_registry, for which kqs there are; then kq->lock, for one of them and its
 * notes.  Neither is held while a call waits.  A signal handler that calls kevent()
 * within a thread that holds one must not wait for it: see kq_defer().
 *
 * WHO REPORTS.  A note that is not soft leaves to the kernel what is level-triggered,
 * one-shot and so on, and its events are true when they are handed out.  For a soft one
 * the kernel only says that something has come.  Whether that is to be reported, the
 * library decides, and what is to be reported again it fires again (kq_watch_fire()).
 * So what is due is always an event in the kernel's queue: poll(2) of the kqueue sees it,
 * and whichever thread waits gets it.
 */
#ifndef KQ_H
#define KQ_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/event.h>
#include <sys/single_threaded.h>

#include <linux/kevent.h>

/* Of the static model: the first use of another may need memory. */
#define KQ_THREAD	__thread __attribute__((tls_model("initial-exec")))

#define KQ_HIDDEN	__attribute__((visibility("hidden")))
#define KQ_PUBLIC	__attribute__((visibility("default")))

/* What a note keeps of a change's flags, and what changes may have. */
#define KQ_KEPT		(EV_ONESHOT | EV_CLEAR | EV_DISPATCH | EV_RECEIPT)
#define KQ_FLAGS	(EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE | \
			 EV_KEEPUDATA | KQ_KEPT)

/*
 * The kernel has one watch for each type, number and open file.  Where a second note
 * needs the same, its watch is in one of the inner queues, which the first one watches.
 */
#define KQ_INNER	2

struct kq;
struct kq_note;

/**
 * struct kq_filter - what an EVFILT_* is
 * @is_fd: ident is that of a file.
 * @is_soft: its notes are, always.
 * @fflags: NOTE_* that it takes.
 * @flags: EV_* that its notes have anyway.
 * @check: is it a change that can be made?  0 or an errno, like all that return int.
 * @add: says what watch a new note is to have.
 * @added: what becomes of the note, after the watch was made or refused; NULL: what the
 *	kernel has said.
 * @terms: sets @event and @req of a note, for a watch of that type; NULL: the kernel is
 *	not told of changes.
 * @change: brings an old note to the terms that it has been given.  @err: what the kernel
 *	has said; 0 if it was not told.  NULL: there is nothing to do, but if it refused.
 * @refused: then, and only without @change.
 * @event: something has come.  Notes what; true if there is something to report.
 */
struct kq_filter {
	bool is_fd;
	bool is_soft;
	unsigned int fflags;
	unsigned short flags;
	int (*check)(const struct kevent *kev);
	int (*add)(struct kq_note *kn, struct ukevent *uk);
	int (*added)(struct kq *kq, struct kq_note *kn, const struct ukevent *uk, int err);
	void (*terms)(struct kq_note *kn, unsigned int type);
	int (*change)(struct kq *kq, struct kq_note *kn, const struct kevent *kev, int err);
	int (*refused)(struct kq *kq, struct kq_note *kn, const struct kevent *kev, int err);
	bool (*event)(struct kq *kq, struct kq_note *kn, const struct ukevent *uk);
};

/**
 * struct kq_note - an event that was added
 * @filter: what it is.
 * @kev: as it was added; flags: KQ_KEPT.
 * @index: its number in its kq.
 * @next: the next note of its hash chain, or of the free ones.
 * @ptr: of its watch, whichever that is.
 * @cookie: of its watch; 0: it has none any more: the process has exited, or the fd that
 *	names it is another file's, which has a watch.
 * @late: of the one that it had, if that may have an event yet: see kq_watch_lose(); or 0.
 * @type: of the watch.
 * @queue: which queue that is in: 0, or 1 to KQ_INNER.
 * @soft: see above.
 * @disabled: not to be reported.
 * @active: a soft one that is to be reported.
 * @batch: of its last change: see struct kq.
 * @event: what its watch asks for while it is enabled, if the filter has @terms.
 * @req: likewise, KEVENT_REQ_*.
 * @data: what is to be reported.
 * @fflags: likewise.
 * @eof: likewise: EV_EOF or 0.
 * @fire: the bit that it is fired with; 0: all that it is watched for.
 * @seen: the count of the kernel's that was last seen; EVFILT_VNODE: the fflags for
 *	which @size and @links were looked at.
 * @helper: an fd that the watch is of, if that is not ident; or -1.
 * @size: EVFILT_VNODE: of the file, when last seen.
 * @links: EVFILT_VNODE: likewise.
 * @is_dir: EVFILT_VNODE: a directory.
 */
struct kq_note {
	const struct kq_filter *filter;
	struct kevent kev;
	uint32_t index;
	uint32_t next;
	uint64_t ptr;
	uint64_t cookie;
	uint64_t late;
	unsigned char type;
	unsigned char queue;
	bool soft;
	bool disabled;
	bool active;
	bool is_dir;
	unsigned short eof;
	uint32_t batch;
	unsigned int event;
	unsigned int req;
	unsigned int fflags;
	int64_t data;
	unsigned int fire;
	uint32_t seen;
	int helper;
	int64_t size;
	uint64_t links;
};

/*
 * Names its watch by its fd: ENOENT, if that is another file's now.  With the cookie it
 * is found sooner.
 */
static inline void kq_watch_by_fd(const struct kq_note *kn, struct ukevent *uk)
{
	memset(uk, 0, sizeof(*uk));
	uk->type = kn->type;
	uk->id.raw[0] = (uint32_t)kn->kev.ident;
	uk->cookie = kn->cookie;
}

/* Disabled, it reports at most a hang-up; a file can't be asked for nothing. */
static inline void kq_watch_terms(const struct kq_note *kn, struct ukevent *uk)
{
	const bool off = kn->disabled && uk->type != KEVENT_INODE;

	uk->event = off ? 0 : kn->event;
	uk->req_flags |= off ? KEVENT_REQ_ET | KEVENT_REQ_LAST_CHECK : kn->req;
}

static inline void kq_watch_by_cookie(const struct kq_note *kn, struct ukevent *uk)
{
	memset(uk, 0, sizeof(*uk));
	uk->type = kn->type;
	uk->req_flags = KEVENT_REQ_COOKIE;
	uk->cookie = kn->cookie;
}

/**
 * struct kq - a kqueue
 * @lock: for all of it.
 * @used: there is such a kqueue.  The structure stays when there is none; so may @notes.
 * @id: 16 bits that change with each use, and 16 that say where it is.
 * @uses: how often it was a kqueue.
 * @fd: its fd, as of the last call.
 * @first_fd: the one that kqueue() has returned.
 * @inner: fds of the inner queues, or -1.
 * @token: id of a watch that is in this queue and no other.
 * @notes: by index.
 * @num: how many indices there are.
 * @count: how many notes.
 * @free: the first free index, or KQ_NONE.
 * @hash: first indices of chains.
 * @shift: @hash has 2^(64 - shift) of them.
 * @batch: number of the changes that are told the kernel together just now.
 */
struct kq {
	pthread_mutex_t lock;
	bool used;
	uint32_t id;
	uint32_t uses;
	int fd;
	int first_fd;
	int inner[KQ_INNER];
	uint64_t token;
	struct kq_note **notes;
	uint32_t num;
	uint32_t count;
	uint32_t free;
	uint32_t *hash;
	uint32_t shift;
	uint32_t batch;
};

#define KQ_NONE		UINT32_MAX
/* In place of a note's index: the inner queue 1, and those after it. */
#define KQ_INDEX_INNER	0xffffff00u
#define KQ_INDEX_TOKEN	0xfffffff0u

/* What the ptr of a watch is. */
static inline uint64_t kq_ptr(const struct kq *kq, uint32_t index)
{
	return (uint64_t)kq->id << 32 | index;
}

static inline uint32_t kq_hash(const struct kq *kq, uintptr_t ident, short filter)
{
	const uint64_t key = ident + ((uint64_t)-filter << 60);

	/* the upper bits: numbers that follow each other, as fds do, are far apart there */
	return (uint32_t)(key * 0x9e3779b97f4a7c15ull >> kq->shift);
}

/* NULL: there is none. */
static inline struct kq_note *kq_note_find(const struct kq *kq, uintptr_t ident,
					   short filter)
{
	struct kq_note *kn;
	uint32_t i;

	if (!kq->hash)
		return NULL;
	for (i = kq->hash[kq_hash(kq, ident, filter)]; i != KQ_NONE; i = kn->next) {
		kn = kq->notes[i];
		if (kn->kev.ident == ident && kn->kev.filter == filter)
			return kn;
	}
	return NULL;
}

#define KQ_FDS		65536

/*
 * By fd: the fd + 1, and the slot of its kq; 0: nothing.  Numbers that are KQ_FDS apart
 * displace each other: then it is asked more often.
 */
extern KQ_HIDDEN uint64_t kq_fds[KQ_FDS];

static inline unsigned int kq_fds_index(int fd)
{
	return (unsigned int)fd % KQ_FDS;
}

/*
 * Not 0: it was a kqueue's when that was last asked.  The program may have closed it since.
 */
static inline uint64_t kq_known(int fd)
{
	const uint64_t e = __atomic_load_n(&kq_fds[kq_fds_index(fd)], __ATOMIC_ACQUIRE);

	return e >> 32 == (uint64_t)(unsigned int)fd + 1 ? e : 0;
}

/*
 * Where a lock is held, or a handler may have interrupted kq_get_events(), and something is
 * called in which a thread is cancelled: it is not between these.
 */
static inline int kq_cancel_off(void)
{
	int state = -1;

	if (!__libc_single_threaded)
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state;
}

static inline void kq_cancel_back(int state)
{
	if (state >= 0)
		pthread_setcancelstate(state, NULL);
}

/* queue.c */
KQ_HIDDEN void kq_lock(struct kq *kq);
KQ_HIDDEN void kq_unlock(struct kq *kq);
KQ_HIDDEN struct ukevent kq_token(const struct kq *kq, bool inner);
KQ_HIDDEN int kq_check(int fd, const struct kq *kq);
KQ_HIDDEN uint32_t kq_use(int fd);
KQ_HIDDEN struct kq *kq_of_ptr(uint64_t ptr);
KQ_HIDDEN struct kq *kq_get_locked(int fd);

/* defer.c */
KQ_HIDDEN void kq_enter(void);
KQ_HIDDEN void kq_leave(void);
KQ_HIDDEN bool kq_is_inside(void);
KQ_HIDDEN int kq_defer(int fd, const struct kevent *changes, int num, int nevents);

/* note.c */
KQ_HIDDEN struct kq_note *kq_note_new(struct kq *kq, const struct kevent *kev);
KQ_HIDDEN void kq_note_free(struct kq *kq, struct kq_note *kn);
KQ_HIDDEN void kq_notes_close(struct kq *kq);
KQ_HIDDEN void kq_notes_free(struct kq *kq);

/* watch.c; what returns int returns 0 or an errno */
KQ_HIDDEN int kq_call(int fd, unsigned int cmd, struct ukevent *uk);
KQ_HIDDEN int kq_queue(const struct kq *kq, unsigned int queue);
KQ_HIDDEN int kq_watch_plan(struct kq_note *kn, struct ukevent *uk);
KQ_HIDDEN int kq_watch_done_any(struct kq *kq, struct kq_note *kn, struct ukevent *uk, int err);
KQ_HIDDEN int kq_watch_add(struct kq *kq, struct kq_note *kn, struct ukevent *uk,
			   unsigned int queue);
KQ_HIDDEN int kq_watch_make(struct kq *kq, struct kq_note *kn);
KQ_HIDDEN int kq_watch_remove_fd(struct kq *kq, struct kq_note *kn);
KQ_HIDDEN int kq_watch_remove(struct kq *kq, struct kq_note *kn);
KQ_HIDDEN bool kq_watch_lose(struct kq *kq, struct kq_note *kn);
KQ_HIDDEN int kq_watch_fire(struct kq *kq, struct kq_note *kn);

/* The kernel has made this watch of it, in that queue. */
static inline void kq_watch_set(struct kq_note *kn, const struct ukevent *uk,
				unsigned int queue)
{
	kn->queue = (unsigned char)queue;
	kn->type = (unsigned char)uk->type;
	kn->cookie = uk->cookie;
	kn->late = 0;
}

/* The kernel was told of a new note, of the first queue. */
static inline int kq_watch_done(struct kq *kq, struct kq_note *kn, struct ukevent *uk, int err)
{
	/* for reading alone, which has nothing to add, and sockets have these for itself */
	if (err || uk->type != KEVENT_SOCKET)
		return kq_watch_done_any(kq, kn, uk, err);
	kq_watch_set(kn, uk, 0);
	return 0;
}

/* change.c */
KQ_HIDDEN void kq_drop(struct kq *kq, struct kq_note *kn);
KQ_HIDDEN void kq_lose(struct kq *kq, struct kq_note *kn);
KQ_HIDDEN int kq_make_changes(struct kq *kq, const struct kevent *changes, int num,
			      struct kevent *events, int max);

/* The filters: io.c, vnode.c, count.c, proc.c, user.c */
extern KQ_HIDDEN const struct kq_filter kq_filter_read, kq_filter_write, kq_filter_vnode,
	kq_filter_timer, kq_filter_signal, kq_filter_proc, kq_filter_procdesc,
	kq_filter_user;

#endif /* KQ_H */
