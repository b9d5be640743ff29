/* SPDX-License-Identifier: GPL-2.0 */
/* Structures of the program's, copied in. */
#ifndef KEV_COPY_H
#define KEV_COPY_H

#include <linux/build_bug.h>
#include <linux/fault-inject-usercopy.h>
#include <linux/uaccess.h>

/* Word by word: a rep mov costs more for so few. */
static __always_inline int kev_copy_words(u64 *to, const u64 __user *from,
					  size_t num)
{
	size_t i;

	if (should_fail_usercopy() ||
	    !user_read_access_begin(from, num * sizeof(*to)))
		return -EFAULT;
#pragma GCC unroll 16
	for (i = 0; i < num; i++)
		unsafe_get_user(to[i], from + i, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

/*
 * A structure of the program's, of the size that the call's number names.  What it
 * does not know is 0; what we do not know must be, or E2BIG.
 */
static __always_inline int kev_copy_in(void *to, size_t ksize,
				       const void __user *from, size_t usize)
{
	BUILD_BUG_ON(ksize % sizeof(u64) || ksize > 16 * sizeof(u64));
	if (likely(usize == ksize))
		return kev_copy_words(to, from, ksize / sizeof(u64));
	return copy_struct_from_user(to, ksize, from, usize);
}

#endif /* KEV_COPY_H */
