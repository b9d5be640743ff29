/* SPDX-License-Identifier: GPL-2.0 */
/* The end of an open file. */
#ifndef KEV_HOOK_CLOSE_H
#define KEV_HOOK_CLOSE_H

struct file;

/*
 * Called in the final release of a file that is watched (kev_file_is_watched()),
 * before the release does anything.  Process context, nothing held, may sleep.
 */
typedef void (*kev_close_func)(struct file *file);

int kev_close_init(kev_close_func closed);
void kev_close_exit(void);
int kev_close_get(void);
void kev_close_put(void);

#endif /* KEV_HOOK_CLOSE_H */
