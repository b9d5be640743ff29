// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* The notes of a kq: found by ident and filter, and by index.  All hold its lock. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kq.h"

#define KQ_HASH_MIN	16

static uint32_t kq_hash_size(const struct kq *kq)
{
	return kq->hash ? 1u << (64 - kq->shift) : 0;
}

static void kq_note_link(struct kq *kq, struct kq_note *kn)
{
	uint32_t *first = &kq->hash[kq_hash(kq, kn->kev.ident, kn->kev.filter)];

	kn->next = *first;
	*first = kn->index;
}

static void kq_note_unlink(struct kq *kq, const struct kq_note *kn)
{
	uint32_t *at = &kq->hash[kq_hash(kq, kn->kev.ident, kn->kev.filter)];

	while (*at != kn->index)
		at = &kq->notes[*at]->next;
	*at = kn->next;
}

/* Twice as many chains, and room for as many notes.  False: no memory. */
static bool kq_notes_grow(struct kq *kq)
{
	uint32_t size = kq->hash ? 2 * kq_hash_size(kq) : KQ_HASH_MIN;
	struct kq_note **notes;
	uint32_t *hash, i;

	notes = realloc(kq->notes, size * sizeof(*notes));
	if (!notes)
		return false;
	kq->notes = notes;
	hash = malloc(size * sizeof(*hash));
	if (!hash)
		return false;
	free(kq->hash);
	kq->hash = hash;
	kq->shift = 64 - (uint32_t)__builtin_ctz(size);
	for (i = 0; i < size; i++)
		hash[i] = KQ_NONE;
	for (i = 0; i < kq->num; i++)
		kq_note_link(kq, notes[i]);
	return true;
}

/* An index that there was not before.  KQ_NONE: no memory. */
static __attribute__((noinline)) uint32_t kq_note_more(struct kq *kq)
{
	struct kq_note *kn;

	if (kq->num >= kq_hash_size(kq) && !kq_notes_grow(kq))
		return KQ_NONE;
	kn = malloc(sizeof(*kn));
	if (!kn)
		return KQ_NONE;
	kq->notes[kq->num] = kn;
	return kq->num++;
}

/* One more index.  KQ_NONE: no memory. */
static uint32_t kq_note_index(struct kq *kq)
{
	uint32_t i = kq->free;

	if (i == KQ_NONE)
		return kq_note_more(kq);
	kq->free = kq->notes[i]->next;
	return i;
}

/* A note without a watch; NULL: no memory. */
struct kq_note *kq_note_new(struct kq *kq, const struct kevent *kev)
{
	uint32_t i = kq_note_index(kq);
	struct kq_note *kn;

	if (i == KQ_NONE)
		return NULL;
	kn = kq->notes[i];
	*kn = (struct kq_note){
		.kev = *kev,
		.index = i,
		.ptr = kq_ptr(kq, i),
		.batch = kq->batch,
		.helper = -1,
	};
	kq_note_link(kq, kn);
	kq->count++;
	return kn;
}

/* Says its fdinfo that it is a pidfd of this process, or of one that is gone? */
static bool kq_helper_is_mine(const struct kq_note *kn)
{
	const char *line;
	char buf[512];
	ssize_t len;
	long pid;
	int fd;

	snprintf(buf, sizeof(buf), "/proc/thread-self/fdinfo/%d", kn->helper);
	fd = open(buf, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[len > 0 ? len : 0] = 0;
	line = strstr(buf, "\nPid:");
	if (!line)
		return false;
	pid = strtol(line + 5, NULL, 10);
	return pid <= 0 || (uintptr_t)pid == kn->kev.ident;
}

/*
 * A program that closes all fds closes the pidfd as well, and its number may be another's
 * now.
 */
static void kq_helper_close(struct kq_note *kn)
{
	int state;

	if (kn->helper < 0)
		return;
	state = kq_cancel_off();
	if (kq_helper_is_mine(kn))
		close(kn->helper);
	kn->helper = -1;
	kq_cancel_back(state);
}

void kq_note_free(struct kq *kq, struct kq_note *kn)
{
	kq_note_unlink(kq, kn);
	kq_helper_close(kn);
	kn->cookie = 0;
	kn->late = 0;
	kn->next = kq->free;
	kq->free = kn->index;
	kq->count--;
}

void kq_notes_close(struct kq *kq)
{
	uint32_t i;

	for (i = 0; i < kq->num; i++)
		kq_helper_close(kq->notes[i]);
}

void kq_notes_free(struct kq *kq)
{
	uint32_t i;

	for (i = 0; i < kq->num; i++)
		free(kq->notes[i]);
	free(kq->notes);
	free(kq->hash);
	kq->notes = NULL;
	kq->hash = NULL;
	kq->num = 0;
	kq->count = 0;
	kq->free = KQ_NONE;
}
