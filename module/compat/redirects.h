/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Can a callback of ftrace see arguments, and send the caller elsewhere?  For
 * assembly as well.
 */
#ifndef KEV_COMPAT_REDIRECTS_H
#define KEV_COMPAT_REDIRECTS_H

/* A build with KEVENT_NO_FTRACE=1 is for tests: scripts/build-module.sh. */
#if (defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS) || \
	defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS)) && \
	!defined(KEVENT_NO_FTRACE)
#define KEV_FTRACE_REDIRECTS	1
#endif

#endif /* KEV_COMPAT_REDIRECTS_H */
