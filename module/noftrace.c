// SPDX-License-Identifier: GPL-2.0
/*
 * All of the module where the kernel's ftrace can't send a task elsewhere: it does not
 * load, and says why.
 */
#include <linux/module.h>

#include "ctl.h"

static int __init kev_init(void)
{
	pr_err("kevent: this kernel's ftrace can't redirect functions (CONFIG_DYNAMIC_FTRACE_WITH_ARGS), so the end of files can't be seen\n");
	return -EOPNOTSUPP;
}

module_init(kev_init);

MODULE_DESCRIPTION("kevent: one queue for every kind of event");
MODULE_AUTHOR("The kevent developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(__stringify(KEV_MAJOR) "." __stringify(KEV_MINOR) "." __stringify(KEV_PATCH));
