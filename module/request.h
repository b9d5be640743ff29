/* SPDX-License-Identifier: GPL-2.0 */
/* Requests of programs about a watch: ADD, REMOVE, MODIFY, READY. */
#ifndef KEV_REQUEST_H
#define KEV_REQUEST_H

#include "kev.h"

struct kev_source_ops;
struct kev_values;

void kev_result_event(const struct kev_queue *q, const struct kev_values *v,
		      struct ukevent *uk);
int kev_watch_make(struct kev_queue *q, const struct kev_source_ops *ops,
		   struct file *file, struct ukevent *uk);
int kev_watch_add(struct kev_queue *q, struct file *self, struct ukevent *uk);
int kev_watch_remove(struct kev_queue *q, struct file *self,
		     struct ukevent *uk);
int kev_watch_modify(struct kev_queue *q, struct file *self,
		     struct ukevent *uk);
int kev_watch_fire(struct kev_queue *q, struct file *self, struct ukevent *uk);

#endif /* KEV_REQUEST_H */
