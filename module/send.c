// SPDX-License-Identifier: GPL-2.0
/* Calls that send files: decoding and results.  The transfers are source/aio.c's. */
#include <linux/file.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "copy.h"
#include "request.h"
#include "send.h"
#include "source/transfer.h"
#include "take.h"

/*
 * Most transfers that a call begins: bounds its work, and the files that it opens
 * and that are released at its end.
 */
#define KEV_SEND_MAX		1024u

/* The transfer has begun, and its result has no place. */
static void kev_send_undo(struct kev_queue *q, struct file *self, u64 cookie)
{
	struct ukevent uk = {
		.req_flags = KEVENT_REQ_COOKIE,
		.cookie = cookie,
	};

	kev_watch_remove(q, self, &uk);
}

static int kev_send_result(struct ukevent __user *p, const struct ukevent *uk)
{
	if (!user_write_access_begin(p, sizeof(*p)))
		return -EFAULT;
	kev_unsafe_put_event(p, uk, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/*
 * One transfer, which was copied in from arg.  file: out: what was opened by its path;
 * else NULL.  Returns 1 if it is over, 0 if it is not, or -errno.
 */
static int kev_send(struct kev_queue *q, struct file *self,
		    struct kevent_ioc_sendfile *sf,
		    struct kevent_ioc_sendfile __user *arg, struct file **file)
{
	int ret;

	memset(&sf->result, 0, sizeof(sf->result));
	/* can it be written?  Once something was sent, that can't be undone */
	if (put_user(0, &arg->result.ret_flags) ||
	    put_user(0, &arg->result.data2))
		return -EFAULT;
	ret = kev_aio_sendfile(q, sf, file);
	if (ret < 0)
		return ret;
	if (!kev_send_result(&arg->result, &sf->result))
		return ret;
	kev_send_undo(q, self, sf->result.cookie);
	if (file)
		fput(*file);
	return -EFAULT;
}

long kev_ioc_sendfile(struct kev_queue *q, struct file *self, void __user *p,
		      size_t size)
{
	struct kevent_ioc_sendfile sf kev_uninitialized;
	int err = kev_copy_in(&sf, sizeof(sf), p, size);

	return err ? err : kev_send(q, self, &sf, p, NULL);
}

long kev_ioc_sendfile_path(struct kev_queue *q, struct file *self,
			   void __user *p, size_t size)
{
	struct kevent_ioc_sendfile sf kev_uninitialized;
	struct file *file;
	int fd, ret;

	ret = kev_copy_in(&sf, sizeof(sf), p, size);
	if (ret)
		return ret;
	fd = get_unused_fd_flags(sf.open_flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	ret = kev_send(q, self, &sf, p, &file);
	if (ret < 0) {
		put_unused_fd(fd);
		return ret;
	}
	fd_install(fd, file);
	return fd;
}

/* One of several: by a path, or of an open file.  No fd is made. */
static int kev_send_entry(struct kev_queue *q, struct file *self,
			  struct kevent_ioc_sendfile __user *arg)
{
	struct kevent_ioc_sendfile sf kev_uninitialized;
	struct file *file;
	int ret;

	ret = kev_copy_in(&sf, sizeof(sf), arg, sizeof(sf));
	if (ret)
		return ret;
	if (sf.open_flags & O_CLOEXEC)
		return -EINVAL;
	ret = kev_send(q, self, &sf, arg, sf.path ? &file : NULL);
	if (ret < 0)
		return ret;
	if (sf.path)
		fput(file);
	return 0;
}

long kev_ioc_sendfiles(struct kev_queue *q, struct file *self, void __user *p,
		       size_t size)
{
	struct kevent_ioc_sendfile __user *arg;
	struct kevent_ioc_sendfiles all kev_uninitialized;
	u32 i, num;
	int err;

	err = kev_copy_in(&all, sizeof(all), p, size);
	if (err)
		return err;
	if (all.reserved)
		return -EINVAL;
	arg = u64_to_user_ptr(all.transfers);
	num = min(all.num, KEV_SEND_MAX);
	for (i = 0; i < num; i++) {
		/* what was begun is told; the caller comes again for the rest */
		if (i && signal_pending(current))
			break;
		err = kev_send_entry(q, self, arg + i);
		if (err)
			return i ? i : err;
		cond_resched();
	}
	return i;
}
