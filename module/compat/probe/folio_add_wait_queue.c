// SPDX-License-Identifier: GPL-2.0
// Gone by 7.2: a module can wait for a page without sleeping.  The name is free then.
#include <linux/pagemap.h>
void probe(struct folio *folio, struct wait_page_queue *wait);
#ifdef KEV_PROBE_OTHER
static void folio_add_wait_queue(struct folio *folio, void *wait)
{
	folio_wait_locked(folio);
}
#endif
void probe(struct folio *folio, struct wait_page_queue *wait)
{
	folio_add_wait_queue(folio, &wait->wait);
}
