/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file whose ->poll is answered by the test, over FUSE: it counts how often it
 * is asked, answers what the test wants, or only when the test wants, and wakes
 * who watches it without a key.
 */
#ifndef KEVENT_TEST_ASKFILE_H
#define KEVENT_TEST_ASKFILE_H

#include "fuse.h"

#include <stddef.h>

/**
 * struct askfile - it
 * @fs: its file system.
 * @fd: of the file.
 * @bits: what is ready, in poll's bits.
 * @hold: answers wait for askfile_answer().
 * @asked: how often it was asked.
 * @kernel: the kernel's name for the open file.
 * @held: the question that waits; one at a time.
 */
struct askfile {
	struct slow_fs fs;
	int fd;
	unsigned int bits;
	bool hold;
	unsigned int asked;
	uint64_t kernel;
	uint64_t held;
};

static inline void askfile_reply(struct askfile *f, uint64_t unique)
{
	struct fuse_poll_out out = {
		.revents = __atomic_load_n(&f->bits, __ATOMIC_ACQUIRE),
	};

	fuse_reply(&f->fs, unique, 0, &out, sizeof(out));
}

static inline bool askfile_poll(struct slow_fs *fs,
				const struct fuse_in_header *in,
				const void *arg)
{
	struct askfile *f = (void *)((char *)fs - offsetof(struct askfile, fs));
	const struct fuse_poll_in *poll = arg;

	if (in->opcode != FUSE_POLL)
		return false;
	f->kernel = poll->kh;
	if (__atomic_load_n(&f->hold, __ATOMIC_ACQUIRE))
		f->held = in->unique;
	__atomic_add_fetch(&f->asked, 1, __ATOMIC_ACQ_REL);
	if (f->held != in->unique)
		askfile_reply(f, in->unique);
	return true;
}

static inline void askfile_make(struct askfile *f)
{
	memset(f, 0, sizeof(*f));
	fuse_start(&f->fs, 0);
	f->fs.other = askfile_poll;
	f->fd = fuse_open_file();
}

static inline void askfile_set(struct askfile *f, unsigned int bits)
{
	__atomic_store_n(&f->bits, bits, __ATOMIC_RELEASE);
}

/* Wakes who watches it; says nothing about what is ready. */
static inline void askfile_wake(struct askfile *f)
{
	struct {
		struct fuse_out_header head;
		struct fuse_notify_poll_wakeup_out wakeup;
	} note = {
		.head.len = sizeof(note),
		.head.error = FUSE_NOTIFY_POLL,
		.wakeup.kh = f->kernel,
	};

	CHECK_EQ(write(f->fs.dev, &note, sizeof(note)), sizeof(note));
}

static inline unsigned int askfile_asked(struct askfile *f)
{
	return __atomic_load_n(&f->asked, __ATOMIC_ACQUIRE);
}

/* Questions wait from now on. */
static inline void askfile_hold(struct askfile *f)
{
	__atomic_store_n(&f->hold, true, __ATOMIC_RELEASE);
}

/* Somebody asks, and waits for the answer. */
static inline void askfile_await(struct askfile *f, unsigned int asked)
{
	CHECK_SOON(askfile_asked(f) > asked);
}

/* Answers the one that waits; those that follow are answered at once. */
static inline void askfile_answer(struct askfile *f)
{
	__atomic_store_n(&f->hold, false, __ATOMIC_RELEASE);
	askfile_reply(f, f->held);
}

/* The same, but the answer is an old one: nothing was ready. */
static inline void askfile_deny(struct askfile *f)
{
	const struct fuse_poll_out out = { 0 };

	__atomic_store_n(&f->hold, false, __ATOMIC_RELEASE);
	fuse_reply(&f->fs, f->held, 0, &out, sizeof(out));
}

#endif
