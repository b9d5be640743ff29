/* SPDX-License-Identifier: GPL-2.0 */
/* Waiting for a page of a file that is being read. */
#ifndef KEV_SOURCE_AIO_PAGE_H
#define KEV_SOURCE_AIO_PAGE_H

#include <linux/types.h>

struct folio;
struct kev_aio;
struct kev_page_wait;

#ifdef KEV_HAVE_FOLIO_ADD_WAIT_QUEUE

struct kev_page_wait *kev_page_wait_make(struct kev_aio *a);
void kev_page_wait_drop(struct kev_page_wait *p);
bool kev_page_wait_begin(struct kev_page_wait *p, struct folio *folio);
void kev_page_wait_exit(void);

#else

static inline struct kev_page_wait *kev_page_wait_make(struct kev_aio *a)
{
	return NULL;
}

static inline void kev_page_wait_drop(struct kev_page_wait *p)
{
}

static inline bool kev_page_wait_begin(struct kev_page_wait *p,
				       struct folio *folio)
{
	return false;
}

static inline void kev_page_wait_exit(void)
{
}

#endif
#endif /* KEV_SOURCE_AIO_PAGE_H */
