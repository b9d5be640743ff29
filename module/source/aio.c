// SPDX-License-Identifier: GPL-2.0
/*
 * KEVENT_AIO: the calls that make transfers, their watches, their end.  What
 * moves them is described in aio.h.
 */
#include <linux/backing-dev.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/namei.h>
#include <linux/net.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/uaccess.h>

#include "../aio.h"
#include "../compat/pagecache.h"
#include "../delay.h"
#include "../quota.h"
#include "../ready.h"
#include "../request.h"
#include "../source.h"
#include "../watch.h"

#define KEV_AIO_REQ	(KEVENT_REQ_ONESHOT | KEVENT_REQ_WAKEUP_ALL | \
			 KEVENT_REQ_ALWAYS_QUEUE | KEVENT_REQ_TIMESTAMP)
#define KEV_AIO_OPEN	(O_CLOEXEC | O_NOFOLLOW | O_NOATIME)

/**
 * struct kev_aio_watch - a watch of type AIO
 * @watch: the watch.
 * @aio: its transfer, referenced.
 */
struct kev_aio_watch {
	struct kev_watch watch;
	struct kev_aio *aio;
};

static struct kev_aio *kev_aio_of(struct kev_watch *w)
{
	return container_of(w, struct kev_aio_watch, watch)->aio;
}

/* ---- The end ----------------------------------------------------------- */

static u32 kev_aio_bits(const struct kev_aio *a)
{
	return KEVENT_AIO_BIO |
	       (a->header_sent == a->header_len ? KEVENT_AIO_HEADER : 0) |
	       (a->eof ? KEVENT_AIO_EOF : 0) |
	       -a->error << KEVENT_AIO_ERRNO_SHIFT;
}

static void kev_aio_values(const struct kev_aio *a, struct kev_values *v)
{
	v->bits = kev_aio_bits(a);
	v->ret_flags = KEVENT_RET_DATA | KEVENT_RET_DATA2 |
		       (a->error ? KEVENT_RET_BROKEN : 0);
	v->data = lower_32_bits(a->pos);
	v->data2 = upper_32_bits(a->pos);
}

/*
 * fput(): in a worker and in a call, others do what it takes; for a worker a
 * moment later, but then it can't be held up by a lingering socket.
 */
static void kev_aio_release(struct kev_aio *a)
{
	kev_aio_unhook(a);
	if (a->in)
		fput(a->in);
	if (a->sock_file)
		fput(a->sock_file);
	kvfree(a->header);
}

/*
 * Ends a transfer, as its turn or between turns.  What it holds is given back
 * before the event is out: if the program closes what it has after that, then
 * that is that.
 */
void kev_aio_finish(struct kev_aio *a)
{
	struct kev_values v = {};

	kev_aio_release(a);
	KEV_DELAY(AIO_RELEASED);
	kev_aio_values(a, &v);
	spin_lock(&a->lock);
	if (a->watch && !a->worker)
		*a->here = v;
	else if (a->watch)
		kev_ready_values(a->watch, &v);
	a->watch = NULL;
	spin_unlock(&a->lock);
	KEV_DELAY(AIO_TOLD);
	kev_aio_leave(a);
	KEV_DELAY(AIO_LEFT);
	kev_aio_over(a);
	kev_aio_put(a);
}

/* ---- The watch --------------------------------------------------------- */

/* The transfer is in param[0].  The first turn may be the last. */
static int kev_aio_attach(struct kev_watch *w, struct file *file,
			  const struct ukevent *uk, struct kev_values *v)
{
	struct kev_aio *a = (struct kev_aio *)(unsigned long)uk->param[0];

	container_of(w, struct kev_aio_watch, watch)->aio = a;
	refcount_inc(&a->refs);
	a->watch = w;
	a->here = v;
	kev_aio_start(a);
	return 0;
}

static void kev_aio_detach(struct kev_watch *w)
{
	kev_aio_stop(kev_aio_of(w));
	kev_aio_put(kev_aio_of(w));
}

/* The result of REMOVE. */
static void kev_aio_tell(struct kev_watch *w, struct ukevent *uk)
{
	struct kev_aio *a = kev_aio_of(w);
	struct kev_values v = {};

	kev_aio_stop(a);
	kev_aio_values(a, &v);
	uk->ret_flags = v.ret_flags & ~KEVENT_RET_BROKEN;
	uk->ret_data[0] = v.bits & (KEVENT_AIO_HEADER | KEVENT_AIO_EOF);
	uk->ret_data[1] = v.data;
	uk->data2 = v.data2;
}

const struct kev_source_ops kev_source_aio = {
	.name		= "kev_aio",
	.size		= sizeof(struct kev_aio_watch),
	.events		= KEVENT_AIO_BIO,
	.req_flags	= KEV_AIO_REQ,
	.own_call	= true,
	.init		= kev_aio_engine_init,
	.exit		= kev_aio_engine_exit,
	.attach		= kev_aio_attach,
	.detach		= kev_aio_detach,
	.stop		= kev_aio_tell,
};

/* ---- Making a transfer ------------------------------------------------- */

static int kev_aio_copy_header(struct kev_aio *a,
			       const struct kevent_ioc_sendfile *sf)
{
	if (!sf->header_size)
		return 0;
	a->header = kvmalloc(sf->header_size, GFP_KERNEL_ACCOUNT);
	if (!a->header)
		return -ENOMEM;
	if (copy_from_user(a->header, u64_to_user_ptr(sf->header),
			   sf->header_size))
		return -EFAULT;
	a->header_len = sf->header_size;
	return 0;
}

static int kev_aio_take_socket(struct kev_aio *a, int fd)
{
	a->sock_file = fget(fd);
	if (!a->sock_file)
		return -EBADF;
	a->sock = sock_from_file(a->sock_file);
	if (!a->sock)
		return -ENOTSOCK;
	return a->sock->type == SOCK_STREAM ? 0 : -EINVAL;
}

/*
 * As open(2), in the caller's name.  O_NONBLOCK: what is not a regular file may
 * wait for ever; the flag then goes, as it means nothing to those that are.
 */
static struct file *kev_aio_open(const struct kevent_ioc_sendfile *sf)
{
	char *path = kmalloc(PATH_MAX, GFP_KERNEL);
	struct file *file;
	long len;

	if (!path)
		return ERR_PTR(-ENOMEM);
	len = strncpy_from_user(path, u64_to_user_ptr(sf->path), PATH_MAX);
	if (len < 0)
		file = ERR_PTR(len);
	else if (!len)
		file = ERR_PTR(-ENOENT);
	else if (len == PATH_MAX)
		file = ERR_PTR(-ENAMETOOLONG);
	else
		file = filp_open(path, O_RDONLY | O_LARGEFILE | O_NONBLOCK |
				 (sf->open_flags & ~O_CLOEXEC), 0);
	kfree(path);
	if (IS_ERR(file))
		return file;
	spin_lock(&file->f_lock);
	file->f_flags &= ~O_NONBLOCK;
	spin_unlock(&file->f_lock);
	return file;
}

/* Pages of a disk, or of memory; a server may never answer. */
static bool kev_aio_is_local(const struct file *file, const struct inode *inode)
{
	const struct super_block *sb = inode->i_sb;

	return (file->f_mode & FMODE_NOWAIT) || sb->s_bdev ||
	       !(sb->s_bdi->capabilities & BDI_CAP_WRITEBACK);
}

/*
 * Files with content of their own only: what proc and its like say depends on
 * who reads, and that will be a worker.
 */
static bool kev_aio_is_content(const struct file *file,
			       const struct inode *inode)
{
	if (!S_ISREG(inode->i_mode) || !file->f_op->splice_read ||
	    !(file->f_mode & FMODE_LSEEK) ||
	    (inode->i_sb->s_iflags & SB_I_NOEXEC))
		return false;
	return IS_DAX(inode) || inode->i_sb->s_magic == TMPFS_MAGIC ||
	       kev_mapping_can_read(inode->i_mapping);
}

static int kev_aio_take_file(struct kev_aio *a, struct file *file)
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
	err = rw_verify_area(READ, file, &a->pos,
			     min_t(u64, a->left, MAX_RW_COUNT));
	if (err < 0)
		return err;
	a->cache = inode->i_mapping;
	a->local = kev_aio_is_local(file, inode);
	a->in = get_file(file);
	return 0;
}

static struct kev_aio *kev_aio_alloc(struct kev_queue *q)
{
	struct kev_aio_engine *engine = kev_user_aio(q->account);
	struct kev_aio *a;
	int err = -ENOMEM;

	if (!engine)
		return ERR_PTR(err);
	if (atomic_inc_return(&engine->transfers) > kev_user_limit()) {
		err = -ENOSPC;
		goto err_put;
	}
	a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	if (!a)
		goto err_put;
	a->engine = engine;
	/* get_cred() stores a 0, for all who share them */
	a->cred = data_race(get_current_cred());
	a->memcg = get_mem_cgroup_from_mm(current->mm);
	kev_aio_prepare(a);
	return a;

err_put:
	atomic_dec(&engine->transfers);
	kev_aio_engine_put(engine);
	return ERR_PTR(err);
}

static int kev_aio_make(struct kev_queue *q, struct kevent_ioc_sendfile *sf,
			struct file *file)
{
	struct ukevent *uk = &sf->result;
	struct kev_aio *a;
	int err;

	a = kev_aio_alloc(q);
	if (IS_ERR(a))
		return PTR_ERR(a);
	a->pos = sf->offset;
	a->left = min_t(u64, sf->count, LLONG_MAX - sf->offset);
	err = kev_aio_take_socket(a, sf->sock);
	if (!err)
		err = kev_aio_take_file(a, file);
	if (!err)
		err = kev_aio_copy_header(a, sf);
	if (err)
		goto err_release;
	uk->type = KEVENT_AIO;
	uk->id.raw_u64 = atomic64_inc_return(&q->transfers);
	uk->event = KEVENT_AIO_BIO;
	uk->req_flags = sf->req_flags | KEVENT_REQ_ONESHOT;
	uk->ptr = sf->ptr;
	uk->param[0] = (unsigned long)a;
	err = kev_watch_make(q, &kev_source_aio, NULL, uk);
	if (!err)
		return !!(uk->ret_flags & KEVENT_RET_DONE);
err_release:
	kev_aio_release(a);
	kev_aio_put(a);
	return err;
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
 * kev_aio_sendfile() - AIO_SENDFILE, AIO_SENDFILE_PATH
 * @q: the queue.
 * @sf: the request; @result is filled in.
 * @file: NULL for AIO_SENDFILE.  AIO_SENDFILE_PATH: out: the open file, for the
 *	caller to install or to put.
 *
 * Context: process, no locks.  Returns 1 if the transfer is over, 0 if it is
 * not, or -errno: then nothing was sent, and there is no file.
 */
int kev_aio_sendfile(struct kev_queue *q, struct kevent_ioc_sendfile *sf,
		     struct file **file)
{
	struct file *in;
	int ret;

	ret = kev_aio_check(sf, file);
	if (ret)
		return ret;
	kev_watch_reap(q, KEV_REAP_ONE);
	in = file ? kev_aio_open(sf) : fget(sf->in_fd);
	if (IS_ERR_OR_NULL(in))
		return in ? PTR_ERR(in) : -EBADF;
	ret = kev_aio_make(q, sf, in);
	if (file && ret >= 0)
		*file = in;
	else
		fput(in);
	return ret;
}
