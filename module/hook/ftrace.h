/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Probes at the first instruction of a function, by an ftrace_ops of our own.
 */
#ifndef KEV_HOOK_FTRACE_H
#define KEV_HOOK_FTRACE_H

#include <linux/atomic.h>

#include "../compat/ftrace.h"

/**
 * struct kev_ftrace - one probe
 * @symbols: the function's names; a kernel has one of them.
 * @ops: the probe.
 * @filtered: @ops knows where it belongs.
 */
struct kev_ftrace {
	const char *symbols[2];
	struct ftrace_ops ops;
	bool filtered;
};

int kev_ftrace_arm(struct kev_ftrace *f, unsigned int n);
void kev_ftrace_disarm(struct kev_ftrace *f, unsigned int n, atomic_t *inside);
void kev_ftrace_free(struct kev_ftrace *f, unsigned int n);

#endif /* KEV_HOOK_FTRACE_H */
