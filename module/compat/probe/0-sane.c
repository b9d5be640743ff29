// SPDX-License-Identifier: GPL-2.0
// All kernels: must compile, or the probes' flags are broken.
#ifdef KEV_PROBE_OTHER
#error there is no other form
#endif
#include <linux/module.h>
#include <linux/fs.h>
