// SPDX-License-Identifier: GPL-2.0
// 6.13, 90ee6ed776c0: f_count became f_ref.
#include <linux/fs.h>
#include <linux/file_ref.h>
bool probe(struct file *file);
bool probe(struct file *file)
{
	return file_ref_get(&file->f_ref);
}
