/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's tracepoints: finding them by name, getting on them and off.
 */
#ifndef KEV_HOOK_TRACEPOINT_H
#define KEV_HOOK_TRACEPOINT_H

#include <linux/tracepoint.h>

/**
 * struct kev_tracepoint - one that is wanted
 * @name: as the kernel calls it.
 * @func: called with NULL and the tracepoint's arguments, preemption off on
 *	most kernels.
 * @tp: found by kev_tracepoint_find().
 */
struct kev_tracepoint {
	const char *name;
	void *func;
	struct tracepoint *tp;
};

int kev_tracepoint_find(struct kev_tracepoint *t, unsigned int n);
int kev_tracepoint_arm(struct kev_tracepoint *t, unsigned int n);
void kev_tracepoint_disarm(struct kev_tracepoint *t, unsigned int n);

#endif /* KEV_HOOK_TRACEPOINT_H */
