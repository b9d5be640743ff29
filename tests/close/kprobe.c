// SPDX-License-Identifier: GPL-2.0
/* The close hook as a kprobe: every way in which a file ends, once more. */
/* vm: --param close_by_kprobe=1 */
#include "ways.c"

TEST(told_by_info)
{
	struct kevent_ioc_info info;
	int q = kevent_open();

	CHECK_OK(kevent_info(q, &info));
	CHECK_EQ(info.features & (KEVENT_FEAT_CLOSE_FTRACE |
				  KEVENT_FEAT_CLOSE_KPROBE),
		 KEVENT_FEAT_CLOSE_KPROBE);
	kev_close(q, NULL);
}
