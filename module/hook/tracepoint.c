// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints by name: those that the kernel does not export.  All of them are
 * built in, so what was found stays.
 */
#include <linux/string.h>

#include "tracepoint.h"

static void kev_tracepoint_compare(struct tracepoint *tp, void *data)
{
	struct kev_tracepoint *t = data;

	if (!strcmp(tp->name, t->name))
		t->tp = tp;
}

/* -ENOENT if the kernel lacks one. */
int kev_tracepoint_find(struct kev_tracepoint *t, unsigned int n)
{
	for (; n--; t++) {
		for_each_kernel_tracepoint(kev_tracepoint_compare, t);
		if (!t->tp)
			return -ENOENT;
	}
	return 0;
}

/* All or none.  Context: process, may sleep. */
int kev_tracepoint_arm(struct kev_tracepoint *t, unsigned int n)
{
	unsigned int i;
	int err;

	for (i = 0; i < n; i++) {
		err = tracepoint_probe_register(t[i].tp, t[i].func, NULL);
		if (err)
			goto err_disarm;
	}
	return 0;

err_disarm:
	kev_tracepoint_disarm(t, i);
	return err;
}

/* Afterwards nobody is in their functions.  Context: process, may sleep. */
void kev_tracepoint_disarm(struct kev_tracepoint *t, unsigned int n)
{
	while (n--)
		tracepoint_probe_unregister(t[n].tp, t[n].func, NULL);
	tracepoint_synchronize_unregister();
}
