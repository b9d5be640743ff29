// SPDX-License-Identifier: GPL-2.0
/* In place of the module where only its installation is tested: a device that can be open. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static const struct file_operations stand_in_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice stand_in = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "kevent",
	.fops = &stand_in_fops,
	.mode = 0666,
};

module_misc_device(stand_in);
MODULE_DESCRIPTION("Stand-in for kevent");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0");
