/* SPDX-License-Identifier: GPL-2.0 */
/* References to open files. */
#ifndef KEV_COMPAT_FILE_H
#define KEV_COMPAT_FILE_H

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify.h>
#include <linux/version.h>
#include <linux/workqueue.h>

/*
 * Takes a reference unless the last one is gone.  The caller knows that the
 * memory is still this file's: see "A FILE'S LIFE" in kev.h.
 */
static inline bool kev_file_get_not_zero(struct file *file)
{
#ifdef KEV_HAVE_FILE_REF
	return file_ref_get(&file->f_ref);
#else
	return atomic_long_inc_not_zero(&file->f_count);
#endif
}

/*
 * Before 6.6 only kernel threads may call __fput_sync(): a worker does it.  No header
 * tells which it is, so no trial compile can.  The version can't lie here: what the
 * worker does is right in a kernel to which that was carried back, too.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
/*
 * Gives back a reference; if it was the last, the file is released before this
 * returns and not when the task goes back to user space: it may sleep first.
 */
static inline void kev_file_put(struct file *file)
{
	__fput_sync(file);
}
#else /* 6.1 only */
struct kev_file_work {
	struct work_struct work;
	struct file *file;
};

static void kev_file_put_work(struct work_struct *work)
{
	__fput_sync(container_of(work, struct kev_file_work, work)->file);
}

static noinline void kev_file_put_last(struct file *file)
{
	struct kev_file_work w = { .file = file };

	INIT_WORK_ONSTACK(&w.work, kev_file_put_work);
	queue_work(system_unbound_wq, &w.work);
	flush_work(&w.work);
	destroy_work_on_stack(&w.work);
}

static inline void kev_file_put(struct file *file)
{
	if (unlikely(!atomic_long_add_unless(&file->f_count, -1, 1)))
		kev_file_put_last(file);
}
#endif

/* filp_open() does not tell those who watch for opens. */
static inline void kev_file_tell_open(struct file *file)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0) /* 6.1 only */
	fsnotify_open(file);
#endif
}

/**
 * struct kev_fd - an open file that a request names
 * @file: it, or NULL.
 * @owned: with a reference of ours; else the table of this task, which nobody
 *	shares, has one that can't go away meanwhile.
 */
struct kev_fd {
	struct file *file;
	bool owned;
};

/* path: one of O_PATH will do.  The file is NULL if there is none. */
static inline struct kev_fd kev_fd_get(unsigned int number, bool path)
{
	struct file *file;
	struct fd f;

	if (unlikely(path)) {
		file = fget_raw(number);
		return (struct kev_fd){ file, file };
	}
	f = fdget(number);
#ifdef KEV_HAVE_FD_WORD
	return (struct kev_fd){ fd_file(f), f.word & FDPUT_FPUT };
#else /* 6.1 only */
	return (struct kev_fd){ f.file, f.flags & FDPUT_FPUT };
#endif
}

static inline void kev_fd_put(struct kev_fd fd)
{
	if (fd.owned)
		kev_file_put(fd.file);
}

#endif /* KEV_COMPAT_FILE_H */
