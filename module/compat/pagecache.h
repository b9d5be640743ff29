/* SPDX-License-Identifier: GPL-2.0 */
/* Looking into the page cache. */
#ifndef KEV_COMPAT_PAGECACHE_H
#define KEV_COMPAT_PAGECACHE_H

#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>

/* Is the file read through the page cache, by a method of its mapping? */
static inline bool kev_mapping_can_read(const struct address_space *mapping)
{
	return mapping->a_ops->read_folio;
}

/* Gives back a batch.  Returns the first index that is not there, up to date. */
static inline pgoff_t kev_pages_next(struct folio_batch *batch, pgoff_t next,
				     bool *all)
{
	unsigned int i;

	for (i = 0; i < folio_batch_count(batch); i++) {
		struct folio *folio = batch->folios[i];

		*all &= folio_test_uptodate(folio);
		if (*all)
			next = folio->index + folio_nr_pages(folio);
		folio_put(folio);
	}
	folio_batch_init(batch);
	return next;
}

/*
 * How many of the bytes from pos on can be read without waiting, as of now: a
 * page may go or be truncated the next moment.
 */
static inline size_t kev_pages_cached(struct address_space *mapping,
				      loff_t pos, size_t len)
{
	pgoff_t index = pos >> PAGE_SHIFT, next = index;
	pgoff_t last = (pos + len - 1) >> PAGE_SHIFT;
	struct folio_batch batch;
	bool all = true;
	loff_t end;

	folio_batch_init(&batch);
	while (all && next <= last &&
	       filemap_get_folios_contig(mapping, &index, last, &batch))
		next = kev_pages_next(&batch, next, &all);
	end = (loff_t)next << PAGE_SHIFT;
	return end > pos ? min_t(u64, len, end - pos) : 0;
}

#endif /* KEV_COMPAT_PAGECACHE_H */
