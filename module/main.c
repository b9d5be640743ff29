// SPDX-License-Identifier: GPL-2.0
/*
 * Load and unload, the device and its file operations.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "ctl.h"
#include "hook/close.h"
#include "queue.h"
#include "quota.h"
#include "show.h"
#include "source.h"
#include "source/transfer.h"
#include "wait.h"
#include "watch.h"

static int kev_open(struct inode *inode, struct file *file)
{
	struct kev_queue *q;
	int err;

	err = kev_close_get();
	if (err)
		return err;
	q = kev_queue_alloc();
	if (!q) {
		kev_close_put();
		return -ENOMEM;
	}
	file->private_data = q;
	/* as a queue of epoll: size means nothing here */
	file->f_flags &= ~O_LARGEFILE;
	return stream_open(inode, file);
}

static int kev_release(struct inode *inode, struct file *file)
{
	struct kev_queue *q = file->private_data;

	/* the last fd and the last mapping are gone: no call is under way */
	kev_watch_remove_all(q);
	kev_queue_put(q);
	kev_close_put();
	return 0;
}

/*
 * A descriptor is closed, perhaps as its program was killed after it was woken, and
 * before it took the event: another sleeper is woken for that.  If it was not the last
 * one of the file, a message may have the others.
 */
static int kev_flush(struct file *file, fl_owner_t id)
{
	struct kev_queue *q = file->private_data;

	/* Partner: kev_queue_begin() */
	if (smp_load_acquire(&q->inited))
		kev_wait_over(q);
	/* Partner: kev_aio_cross() */
	if (READ_ONCE(q->keeper) == id && file_count(file) > 1)
		kev_aio_flush(q, id);
	return 0;
}

static int kev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kev_queue *q = file->private_data;

	/* Partner: kev_queue_begin() */
	if (!smp_load_acquire(&q->inited) || !q->ring.kernel)
		return -ENXIO;
	return kev_ring_mmap(&q->ring, vma);
}

static const struct file_operations kev_fops = {
	.owner		= THIS_MODULE,
	.open		= kev_open,
	.flush		= kev_flush,
	.release	= kev_release,
	.read		= kev_read,
	.poll		= kev_poll,
	.mmap		= kev_mmap,
	.unlocked_ioctl	= kev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= kev_show_fdinfo,
};

static struct miscdevice kev_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "kevent",
	.fops	= &kev_fops,
	.mode	= 0666,
};

static int __init kev_init(void)
{
	int err;

	kev_quota_init();
	kev_source_init();
	err = kev_watch_init();
	if (err)
		goto err_exit_source;
	err = kev_close_init(kev_file_closed);
	if (err)
		goto err_exit_watch;
	err = misc_register(&kev_device);
	if (err)
		goto err_exit_close;
	return 0;

err_exit_close:
	kev_close_exit();
err_exit_watch:
	kev_watch_exit();
err_exit_source:
	kev_source_exit();
	return err;
}

static void __exit kev_exit(void)
{
	misc_deregister(&kev_device);
	kev_close_exit();
	kev_source_exit();
	kev_watch_exit();
}

module_init(kev_init);
module_exit(kev_exit);

MODULE_DESCRIPTION("kevent: one queue for every kind of event");
MODULE_AUTHOR("The kevent developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(__stringify(KEV_MAJOR) "." __stringify(KEV_MINOR) "." __stringify(KEV_PATCH));
