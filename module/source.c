// SPDX-License-Identifier: GPL-2.0
/*
 * The table of sources.
 */
#include <linux/nospec.h>

#include "source.h"

static const struct kev_source_ops *const kev_sources[KEVENT_TYPE_MAX] = {
	[KEVENT_SOCKET]		= &kev_source_socket,
	[KEVENT_TIMER]		= &kev_source_timer,
	[KEVENT_POLL]		= &kev_source_poll,
	[KEVENT_PIPE]		= &kev_source_pipe,
	[KEVENT_UNOTIFY]	= &kev_source_user,
};

/* Does the ABI have such a type, whether or not we support it? */
bool kev_source_known(u32 type)
{
	return type < KEVENT_TYPE_MAX;
}

/* Returns NULL for what is unknown or not supported. */
const struct kev_source_ops *kev_source_find(u32 type)
{
	if (type >= KEVENT_TYPE_MAX)
		return NULL;
	return kev_sources[array_index_nospec(type, KEVENT_TYPE_MAX)];
}

const struct kev_source_ops *kev_source_of(const struct kev_watch *w)
{
	return kev_sources[w->ev.type];
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
