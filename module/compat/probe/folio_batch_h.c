// SPDX-License-Identifier: GPL-2.0
// by 7.2: the header has the name of what is in it.  Before: of what was.
#ifndef KEV_PROBE_OTHER
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif
void probe(struct folio_batch *batch);
void probe(struct folio_batch *batch)
{
	folio_batch_init(batch);
}
