/* SPDX-License-Identifier: GPL-2.0 */
/* What /proc/PID/fdinfo says of a queue. */
#ifndef KEV_SHOW_H
#define KEV_SHOW_H

struct file;
struct seq_file;

void kev_show_fdinfo(struct seq_file *m, struct file *file);

#endif /* KEV_SHOW_H */
