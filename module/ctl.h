/* SPDX-License-Identifier: GPL-2.0 */
/* The calls of the device. */
#ifndef KEV_CTL_H
#define KEV_CTL_H

#include <linux/fs.h>

/* The version of the module, as in dkms.conf; INFO and modinfo tell it. */
#define KEV_MAJOR	0
#define KEV_MINOR	2
#define KEV_PATCH	0

long kev_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
ssize_t kev_read(struct file *file, char __user *buf, size_t len, loff_t *pos);

#endif /* KEV_CTL_H */
