// SPDX-License-Identifier: GPL-2.0
/*
 * The table of sources.
 */
#include "source.h"

const struct kev_source_ops *kev_sources[KEVENT_TYPE_MAX] __ro_after_init = {
	[KEVENT_SOCKET]		= &kev_source_socket,
#ifdef CONFIG_FSNOTIFY
	[KEVENT_INODE]		= &kev_source_inode,
#endif
	[KEVENT_TIMER]		= &kev_source_timer,
	[KEVENT_POLL]		= &kev_source_poll,
	[KEVENT_AIO]		= &kev_source_aio,
	[KEVENT_PIPE]		= &kev_source_pipe,
	[KEVENT_SIGNAL]		= &kev_source_signal,
	[KEVENT_POSIX_TIMER]	= &kev_source_posix_timer,
	[KEVENT_UNOTIFY]	= &kev_source_user,
	[KEVENT_PROC]		= &kev_source_proc,
};

/* What this kernel does not support leaves the table. */
void kev_source_init(void)
{
	const struct kev_source_ops *ops;
	u32 type;

	for (type = 0; type < KEVENT_TYPE_MAX; type++) {
		ops = kev_sources[type];
		if (ops && ops->init && ops->init())
			kev_sources[type] = NULL;
	}
}

/* The last first: their hooks may still hold queues, which have transfers. */
void kev_source_exit(void)
{
	u32 type;

	for (type = KEVENT_TYPE_MAX; type-- > 0;)
		if (kev_sources[type] && kev_sources[type]->exit)
			kev_sources[type]->exit();
}

/* The queue is gone; no watch is left. */
void kev_source_release(struct kev_queue *q)
{
	u32 type;

	for (type = 0; type < KEVENT_TYPE_MAX; type++)
		if (kev_sources[type] && kev_sources[type]->release)
			kev_sources[type]->release(q);
}

u64 kev_source_mask(void)
{
	u64 mask = 0;
	u32 type;

	for (type = 0; type < KEVENT_TYPE_MAX; type++)
		if (kev_sources[type])
			mask |= 1ull << type;
	return mask;
}
