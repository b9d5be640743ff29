// SPDX-License-Identifier: GPL-2.0
// 6.12, 88a2f6468d01: struct fd is one word.  Before: two.
#include <linux/file.h>
bool probe(struct fd f);
bool probe(struct fd f)
{
#ifndef KEV_PROBE_OTHER
	return f.word & FDPUT_FPUT;
#else
	return f.flags & FDPUT_FPUT;
#endif
}
