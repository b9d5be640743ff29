/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct epoll_event.  In 6.1 its header has a function that calls capable(), and does
 * not say what that is.
 */
#ifndef KEV_COMPAT_EVENTPOLL_H
#define KEV_COMPAT_EVENTPOLL_H

#include <linux/capability.h> /* 6.1 only */
#include <uapi/linux/eventpoll.h>

#endif /* KEV_COMPAT_EVENTPOLL_H */
