/* SPDX-License-Identifier: GPL-2.0 */
/* pidfd_pid() of <linux/pid.h> as of 6.12, which is not exported. */
#ifndef KEV_COMPAT_PIDFD_H
#define KEV_COMPAT_PIDFD_H

#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/pid.h>
#include <linux/string.h>

#ifndef PID_FS_MAGIC /* 6.1 only */
#define PID_FS_MAGIC	0x50494446	/* 6.9 */
#endif

/*
 * The process that a pidfd is for, NULL if the file is none.  Before 6.9, and
 * without pidfs, it is an anonymous inode: only the kernel names those.
 */
static inline struct pid *kev_pidfd_pid(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	if (inode->i_sb->s_magic == PID_FS_MAGIC)
		return inode->i_private;
	if (inode->i_sb->s_magic == ANON_INODE_FS_MAGIC &&
	    !strcmp(file->f_path.dentry->d_name.name, "[pidfd]"))
		return file->private_data;
	return NULL;
}

#endif /* KEV_COMPAT_PIDFD_H */
