// SPDX-License-Identifier: GPL-2.0
// 6.13, 90ee6ed776c0: f_count became f_ref.  Before: an atomic_long_t.
#include <linux/fs.h>
#ifndef KEV_PROBE_OTHER
#include <linux/file_ref.h>
#endif
bool probe(struct file *file);
bool probe(struct file *file)
{
#ifndef KEV_PROBE_OTHER
	return file_ref_get(&file->f_ref);
#else
	return atomic_long_inc_not_zero(&file->f_count);
#endif
}
