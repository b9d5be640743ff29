// SPDX-License-Identifier: GPL-2.0
/*
 * Arming and disarming probes.  A probe may be armed again after it was
 * disarmed; but not after ftrace_free_filter(), which leaves a dangling pointer
 * in the ops on most kernels.  So the filter is kept until the end.
 */
#include "ftrace.h"

#ifdef KEV_FTRACE_REDIRECTS

static int kev_ftrace_filter(struct kev_ftrace *f)
{
	unsigned char symbol[KSYM_NAME_LEN];
	int err = -ENOENT;
	unsigned int i;

	for (i = 0; err && err != -ENOMEM && i < ARRAY_SIZE(f->symbols) &&
	     f->symbols[i]; i++) {
		strscpy((char *)symbol, f->symbols[i], sizeof(symbol));
		err = ftrace_set_filter(&f->ops, symbol,
					strlen((char *)symbol), 1);
	}
	f->filtered = !err;
	return err;
}

/* Process context; the caller sees to it that nobody else does the same. */
int kev_ftrace_arm(struct kev_ftrace *f)
{
	int err = f->filtered ? 0 : kev_ftrace_filter(f);

	return err ?: register_ftrace_function(&f->ops);
}

/* Tasks may still be on their way through what the probe calls. */
void kev_ftrace_disarm(struct kev_ftrace *f)
{
	unregister_ftrace_function(&f->ops);
}

/* At unload. */
void kev_ftrace_free(struct kev_ftrace *f)
{
	if (f->filtered)
		ftrace_free_filter(&f->ops);
	f->filtered = false;
}

#endif
