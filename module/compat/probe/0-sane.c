// SPDX-License-Identifier: GPL-2.0
// All kernels: must compile, or the probes' flags are broken.
#include <linux/module.h>
#include <linux/fs.h>
