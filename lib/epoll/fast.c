// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * --fast: queues with a ring, from which events are taken without a call.
 *
 * Here something is kept beside the fd, where the ring is mapped, in a table by number
 * of fd.  It is known only of queues that this process has made, and not of duplicates
 * of their fds: others are served by GET_EVENTS, which takes from the same ring.
 * close() and its like have to be seen (close.c), as a mapping keeps a queue open.
 */
#include <stddef.h>
#include <unistd.h>

#include <kevent.h>

#include "call.h"
#include "epoll.h"

/* Fds above are not known. */
#define KE_SLOTS	1024
/* Entries of a ring: half as many watches never find it full. */
#define KE_RING_SIZE	4096

/* struct ke_slot.state: how many threads are at it, and whether others may come. */
#define KE_LIVE		0x80000000u

/**
 * struct ke_slot - a queue by its fd
 * @state: 0: empty.
 * @maker: the process whose fd it is.
 * @ring: of the queue, while @state is not 0.
 */
struct ke_slot {
	uint32_t state;
	pid_t maker;
	struct kevent_ring ring;
};

/* In pages of their own: see ke_fast_init(). */
static struct ke_slot ke_slots[KE_SLOTS] __attribute__((aligned(4096)));
_Static_assert(sizeof(ke_slots) % 4096 == 0, "whole pages");

/* ---- The table --------------------------------------------------------- */

/* The slot stays as it is until ke_slot_leave().  NULL: that fd is not known. */
static struct ke_slot *ke_slot_enter(int fd)
{
	struct ke_slot *slot;
	uint32_t state;

	if ((unsigned int)fd >= KE_SLOTS)
		return NULL;
	slot = &ke_slots[fd];
	state = __atomic_load_n(&slot->state, __ATOMIC_RELAXED);
	do {
		if (!(state & KE_LIVE))
			return NULL;
	} while (!__atomic_compare_exchange_n(&slot->state, &state, state + 1, 1,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return slot;
}

/* The last one that leaves a closed queue unmaps its ring. */
static void ke_slot_leave(struct ke_slot *slot)
{
	uint32_t state = __atomic_load_n(&slot->state, __ATOMIC_RELAXED);

	do {
		if (state == 1) {
			kevent_ring_unmap(&slot->ring);
			__atomic_store_n(&slot->state, 0, __ATOMIC_RELEASE);
			return;
		}
	} while (!__atomic_compare_exchange_n(&slot->state, &state, state - 1, 1,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
}

/* A child of vfork() closes its own fd, in its parent's memory. */
void ke_fast_closed(int fd)
{
	struct ke_slot *slot = ke_slot_enter(fd);

	if (!slot)
		return;
	if (slot->maker == getpid())
		__atomic_fetch_and(&slot->state, ~KE_LIVE, __ATOMIC_RELAXED);
	ke_slot_leave(slot);
}

void ke_fast_closed_range(unsigned int first, unsigned int last)
{
	for (; first <= last && first < KE_SLOTS; first++)
		ke_fast_closed((int)first);
}

/*
 * Makes the ring of a new queue.  Without one, or without a place for it, the queue is
 * as any other.  A child does not inherit mappings: however it is made, its table is
 * empty.
 */
int ke_fast_init(int fd, struct kevent_ioc_init *init)
{
	struct ke_slot *slot;
	uint32_t empty = 0;
	int err;

	/* its number may be that of one whose end was not seen */
	ke_fast_closed(fd);
	init->ring_size = fd < KE_SLOTS ? KE_RING_SIZE : 0;
	err = ke_ioctl(fd, KEVENT_IOC_INIT, init);
	if (err == -ENOSPC || err == -ENOMEM) {
		init->ring_size = 0;
		err = ke_ioctl(fd, KEVENT_IOC_INIT, init);
	}
	if (err || !init->ring_size)
		return err;
	slot = &ke_slots[fd];
	if (madvise(ke_slots, sizeof(ke_slots), MADV_WIPEONFORK) ||
	    !__atomic_compare_exchange_n(&slot->state, &empty, 1, 0,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return 0;
	slot->maker = getpid();
	if (kevent_ring_map(&slot->ring, fd, init))
		__atomic_store_n(&slot->state, 0, __ATOMIC_RELEASE);
	else
		__atomic_store_n(&slot->state, KE_LIVE, __ATOMIC_RELEASE);
	return 0;
}

/* ---- Waiting ----------------------------------------------------------- */

/* For COMMIT, where ioctl() is forbidden: those who are at what is before free it soon. */
static void ke_ring_free_by_read(const struct kevent_ring *ring, uint32_t from,
				 uint32_t to)
{
	uint32_t tail;

	if (!ke_is_filtered(ring->fd))
		return;
	for (;;) {
		ke_call3(SYS_read, ring->fd, (long)&tail, sizeof(tail));
		if (from == to)
			return;
		if (__atomic_load_n(&ring->user->head, __ATOMIC_ACQUIRE) == from) {
			__atomic_store_n(&ring->user->head, to, __ATOMIC_RELEASE);
			from = to;
		}
	}
}

/*
 * As kevent_ring_free().  But what is level-triggered is asked again by the next wait,
 * after the program has done what it has to do, if no other thread may sleep for it.
 * The call is an ioctl(), not a read(): the fd may have been closed meanwhile, and its
 * number be that of another file.  Returns how many calls were made.
 */
static unsigned int ke_ring_free(const struct kevent_ring *ring, uint32_t from,
				 uint32_t to)
{
	uint32_t due = ke_is_single_threaded() ? KEVENT_RING_OVERFLOW | KEVENT_RING_HEAD :
						KEVENT_RING_CALL;
	struct kevent_ioc_commit commit = {
		.from = from, .head = to, .flags = KEVENT_COMMIT_RANGE,
	};

	if (__atomic_load_n(&ring->user->head, __ATOMIC_ACQUIRE) == from) {
		__atomic_store_n(&ring->user->head, to, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!kevent_ring_flags(ring, due))
			return 0;
		commit.from = to;
	}
	if (ke_unlikely(ke_ioctl(ring->fd, KEVENT_IOC_COMMIT, &commit) < 0))
		ke_ring_free_by_read(ring, commit.from, to);
	return 1;
}

/* What is in the ring.  One batch: what is level-triggered may come back. */
static int ke_ring_take(const struct kevent_ring *ring, const struct ke_wait *w)
{
	uint32_t from, to, at;
	unsigned int calls = 0;
	int num = 0;

	while (!num && kevent_ring_grab(ring, (uint32_t)w->max, &from, &to)) {
		for (at = from; at != to; at++) {
			const struct ukevent *uk = &ring->entries[at & ring->mask];

			if (kevent_is_cancelled(uk))
				continue;
			w->events[num].events = uk->ret_data[0];
			w->events[num++].data.u64 = uk->ptr;
		}
		calls += ke_ring_free(ring, from, to);
	}
	if (num && !calls)
		ke_count(&ke_counts.no_call, 1);
	return num;
}

/* What is in the ring, unless the kernel wants a call.  False: it is to be made. */
static bool ke_take(const struct ke_wait *w, int *ret)
{
	struct kevent_ioc_get get = {};
	struct ke_slot *slot = ke_slot_enter(w->epfd);
	uint32_t flags;

	if (!slot)
		return false;
	flags = kevent_ring_flags(&slot->ring, KEVENT_RING_CALL | KEVENT_RING_POLLED);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*ret = flags & KEVENT_RING_CALL ? 0 : ke_ring_take(&slot->ring, w);
	ke_slot_leave(slot);
	if (*ret)
		return true;
	if (flags)
		return false;
	ke_time(&get, w);
	return !get.min;
}

/*
 * False: GET_EVENTS is to serve it, which sleeps, and does what the kernel wants a call
 * for.  It asks level-triggered watches while it hands them out: others may sleep for
 * those.
 */
bool ke_fast_wait(const struct ke_wait *w, int *ret)
{
	bool done;
	int type;

	if (ke_is_single_threaded())
		return ke_take(w, ret);
	/* as a call would: before anything is taken */
	if (w->cancel)
		pthread_testcancel();
	/* what was taken is given back, also if cancelling is asynchronous */
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	done = ke_take(w, ret);
	pthread_setcanceltype(type, NULL);
	return done;
}
