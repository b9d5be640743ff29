/* SPDX-License-Identifier: GPL-2.0 */
/* The calls that send files. */
#ifndef KEV_SEND_H
#define KEV_SEND_H

#include "kev.h"

long kev_ioc_sendfile(struct kev_queue *q, struct file *self, void __user *p,
		      size_t size);
long kev_ioc_sendfile_path(struct kev_queue *q, struct file *self,
			   void __user *p, size_t size);
long kev_ioc_sendfiles(struct kev_queue *q, struct file *self, void __user *p,
		       size_t size);

#endif /* KEV_SEND_H */
