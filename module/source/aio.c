// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_AIO: the calls that make transfers.  What ends in them is all here; what goes
 * on after them is described in transfer.h.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/namei.h>
#include <linux/net.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../compat/file.h"
#include "../compat/pagecache.h"
#include "../quota.h"
#include "../request.h"
#include "../source.h"
#include "../watch.h"
#include "transfer.h"

/* <linux/gfs2_ondisk.h> is not there everywhere. */
#define KEV_GFS2_MAGIC	0x01161970

#define KEV_AIO_OPEN	(O_CLOEXEC | O_NOFOLLOW | O_NOATIME)

/* ---- What a request names ---------------------------------------------- */

/* Names up to here are copied without memory being allocated for it. */
#define KEV_AIO_NAME	192

/*
 * As open(2), in the caller's name.  O_NONBLOCK: what is not a regular file may
 * wait for ever; the flag then goes, as it means nothing to those that are.
 */
static struct file *kev_aio_open_name(const char *name, u32 flags)
{
	struct file *file = filp_open(name, O_RDONLY | O_LARGEFILE | O_NONBLOCK |
				      (flags & ~O_CLOEXEC), 0);

	if (IS_ERR(file))
		return file;
	spin_lock(&file->f_lock);
	file->f_flags &= ~O_NONBLOCK;
	spin_unlock(&file->f_lock);
	kev_file_tell_open(file);
	return file;
}

static noinline struct file *kev_aio_open_long(const struct kevent_ioc_sendfile *sf)
{
	char *name = strndup_user(u64_to_user_ptr(sf->path), PATH_MAX);
	struct file *file;

	if (IS_ERR(name))
		/* as open(2) says it */
		return PTR_ERR(name) == -EINVAL ? ERR_PTR(-ENAMETOOLONG) :
						  ERR_CAST(name);
	file = kev_aio_open_name(name, sf->open_flags);
	kfree(name);
	return file;
}

static struct file *kev_aio_open(const struct kevent_ioc_sendfile *sf)
{
	char name[KEV_AIO_NAME] kev_uninitialized;
	long len = strncpy_from_user(name, u64_to_user_ptr(sf->path),
				     sizeof(name));

	if (len < 0)
		return ERR_PTR(len);
	if (!len)
		return ERR_PTR(-ENOENT);
	if (len == sizeof(name))
		return kev_aio_open_long(sf);
	return kev_aio_open_name(name, sf->open_flags);
}

/*
 * Files with content of their own only: those of proc and its like have none that
 * could be sent in parts.  O_DIRECT wants memory that is aligned as its device likes.
 */
static bool kev_aio_is_content(const struct file *file,
			       const struct inode *inode)
{
	if (!S_ISREG(inode->i_mode) || !file->f_op->read_iter ||
	    file->f_op->read || !(file->f_mode & FMODE_LSEEK) ||
	    (file->f_flags & O_DIRECT) || (inode->i_sb->s_iflags & SB_I_NOEXEC))
		return false;
	return IS_DAX(inode) || inode->i_sb->s_magic == TMPFS_MAGIC ||
	       kev_mapping_can_read(inode->i_mapping);
}

/*
 * Is it a file system whose pages are the file, as long as they are there?  Those of a
 * server, of a cluster, or of another file system have to be asked.
 */
static bool kev_aio_is_local(const struct file *file, const struct inode *inode)
{
	const struct super_block *sb = inode->i_sb;

	if (file_inode(file) != inode)
		return false;
	switch (sb->s_magic) {
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
		return true;
	case OCFS2_SUPER_MAGIC:
	case FUSE_SUPER_MAGIC:
	case KEV_GFS2_MAGIC:
		return false;
	}
	return sb->s_type->fs_flags & FS_REQUIRES_DEV;
}

static int kev_aio_take_file(struct kev_aio_send *s, struct file *file)
{
	struct inode *inode = d_real_inode(file->f_path.dentry);
	int err;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (!S_ISREG(file_inode(file)->i_mode) || !inode ||
	    !kev_aio_is_content(file, inode))
		return -EINVAL;
	if (!(file->f_mode & FMODE_PREAD))
		return -ESPIPE;
	err = rw_verify_area(READ, file, &s->pos,
			     min_t(u64, min_t(u64, s->left, MAX_RW_COUNT),
				   LLONG_MAX - s->pos));
	if (err < 0)
		return err;
	s->cache = inode->i_mapping;
	s->local = kev_aio_is_local(file, inode);
	s->in = file;
	return 0;
}

static int kev_aio_take_socket(struct kev_aio_send *s, struct file *file)
{
	if (!file)
		return -EBADF;
	s->sock_file = file;
	s->sock = sock_from_file(file);
	if (!s->sock)
		return -ENOTSOCK;
	return s->sock->type == SOCK_STREAM ? 0 : -EINVAL;
}

/* It is sent from where it is; so that a part of it is not, because it isn't there. */
static int kev_aio_take_header(struct kev_aio_send *s,
			       const struct kevent_ioc_sendfile *sf)
{
	s->user_header = u64_to_user_ptr(sf->header);
	s->header_len = sf->header_size;
	if (!s->header_len)
		return 0;
	if (!access_ok(s->user_header, s->header_len) ||
	    fault_in_readable(s->user_header, s->header_len))
		return -EFAULT;
	return 0;
}

/* What was not sent of the header has to outlive the call. */
static int kev_aio_keep_header(struct kev_queue *q, struct kev_aio_send *s)
{
	u32 len = s->header_len - s->header_sent;
	char *header;

	if (!len)
		return 0;
	if (!kev_user_charge_bytes(q->account, len))
		return -ENOSPC;
	header = kvmalloc(len, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!header || copy_from_user(header, s->user_header + s->header_sent,
				      len)) {
		kvfree(header);
		kev_user_uncharge_bytes(q->account, len);
		return header ? -EFAULT : -ENOMEM;
	}
	s->header = header;
	s->header_len = len;
	s->header_sent = 0;
	return 0;
}

/*
 * What a transfer that goes on will count against: looked at before anything is sent.
 * Calls that race may exceed it by their number.
 */
static int kev_aio_may_go_on(struct kev_queue *q)
{
	if ((u64)atomic_read(&q->account->files) + KEV_AIO_FILES >
	    rlimit(RLIMIT_NOFILE))
		return -EMFILE;
	if ((u32)atomic_read(&q->account->watches) >= kev_user_limit())
		return -ENOSPC;
	return 0;
}

/* ---- Making a transfer ------------------------------------------------- */

/* It goes on after the call, or its event has to be queued: it gets a watch. */
static int kev_aio_go_on(struct kev_queue *q, struct kev_aio_start *start,
			 struct ukevent *uk)
{
	struct kev_aio_send *s = &start->send;
	int err;

	err = kev_aio_keep_header(q, s);
	if (err)
		return err;
	/* the watch gives them back */
	get_file(s->in);
	get_file(s->sock_file);
	atomic_add(KEV_AIO_FILES, &q->account->files);
	uk->param[0] = (unsigned long)start;
	err = kev_watch_make(q, &kev_source_aio, NULL, uk);
	if (unlikely(err))
		kev_aio_drop(q->account, s, fput);
	return err;
}

/* Returns 1: it is over; 0: it goes on; or -errno: nothing was sent. */
static int kev_aio_begin(struct kev_queue *q, struct kev_aio_start *start,
			 struct ukevent *uk)
{
	struct kev_aio_send *s = &start->send;
	struct kev_values v = {};
	int err = 0;

	start->next = KEV_AIO_LINE;
	if (kev_aio_join(&start->line, s->sock))
		start->next = kev_aio_turn(s);
	if (start->next != KEV_AIO_OVER ||
	    (uk->req_flags & KEVENT_REQ_ALWAYS_QUEUE)) {
		err = kev_aio_go_on(q, start, uk);
		if (!err)
			return 0;
		if (s->page)
			folio_put(s->page);
	}
	kev_aio_leave(&start->line);
	if (err && !s->progress)
		return err;
	/* some of it was sent, and that is all */
	if (start->next != KEV_AIO_OVER)
		s->error = err;
	kev_aio_values(s, &v);
	uk->cookie = 0;
	kev_result_event(q, &v, uk);
	return 1;
}

static int kev_aio_make(struct kev_queue *q, struct kevent_ioc_sendfile *sf,
			struct file *in, struct file *sock)
{
	struct kev_aio_start start kev_uninitialized;
	struct ukevent *uk = &sf->result;
	int err;

	start.send = (struct kev_aio_send){
		.pos = sf->offset,
		.left = sf->count,
	};
	err = kev_aio_take_socket(&start.send, sock);
	if (!err)
		err = kev_aio_take_file(&start.send, in);
	if (!err)
		err = kev_aio_take_header(&start.send, sf);
	if (!err)
		err = kev_aio_may_go_on(q);
	if (err)
		return err;
	uk->type = KEVENT_AIO;
	uk->id.raw_u64 = atomic64_inc_return(&q->transfers);
	uk->event = KEVENT_AIO_BIO;
	uk->req_flags = sf->req_flags | KEVENT_REQ_ONESHOT;
	uk->ptr = sf->ptr;
	return kev_aio_begin(q, &start, uk);
}

static int kev_aio_check(const struct kevent_ioc_sendfile *sf, bool by_path)
{
	if ((sf->req_flags & ~KEV_AIO_REQ) || sf->reserved ||
	    sf->offset > LLONG_MAX || sf->header_size > KEVENT_AIO_HEADER_MAX)
		return -EINVAL;
	if (by_path ? sf->in_fd || (sf->open_flags & ~KEV_AIO_OPEN) :
		      sf->path || sf->open_flags)
		return -EINVAL;
	return kev_source_find(KEVENT_AIO) ? 0 : -EOPNOTSUPP;
}

/**
 * kev_aio_sendfile() - begin a transfer
 * @q: the queue.
 * @sf: the request; @result is filled in.
 * @file: NULL: of @sf->in_fd.  Else out: what was opened by @sf->path, for the caller
 *	to install or to put.
 *
 * Context: process, no locks.  Returns 1 if the transfer is over, 0 if it is
 * not, or -errno: then nothing was sent, and there is no file.
 */
int kev_aio_sendfile(struct kev_queue *q, struct kevent_ioc_sendfile *sf,
		     struct file **file)
{
	struct kev_fd sock, in = {};
	int ret;

	ret = kev_aio_check(sf, file);
	if (ret)
		return ret;
	kev_watch_reap(q, KEV_REAP_ONE);
	if (file) {
		*file = kev_aio_open(sf);
		if (IS_ERR(*file))
			return PTR_ERR(*file);
	} else {
		in = kev_fd_get(sf->in_fd, false);
		if (!in.file)
			return -EBADF;
	}
	sock = kev_fd_get(sf->sock, false);
	ret = kev_aio_make(q, sf, file ? *file : in.file, sock.file);
	kev_fd_put(sock);
	kev_fd_put(in);
	if (file && ret < 0)
		fput(*file);
	return ret;
}
