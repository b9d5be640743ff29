/* SPDX-License-Identifier: GPL-2.0 */
/* Pages of the page cache, as bio_vecs. */
#ifndef KEV_COMPAT_PAGECACHE_H
#define KEV_COMPAT_PAGECACHE_H

#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/swap.h>

/* Is the file read through the page cache, by a method of its mapping? */
static inline bool kev_mapping_can_read(const struct address_space *mapping)
{
	return mapping->a_ops->read_folio;
}

/* Referenced, or NULL. */
static inline struct folio *kev_folio_get(struct address_space *mapping,
					  pgoff_t index)
{
	struct folio *folio = __filemap_get_folio(mapping, index, 0, 0);

	return IS_ERR(folio) ? NULL : folio;
}

/**
 * struct kev_pages - consecutive pages
 * @batch: references to them.
 * @num: of @bv.
 * @bv: what is wanted of them.
 */
struct kev_pages {
	struct folio_batch batch;
	unsigned int num;
	struct bio_vec bv[PAGEVEC_SIZE];
};

static inline void kev_pages_put(struct kev_pages *p)
{
	unsigned int i;

	for (i = 0; i < folio_batch_count(&p->batch); i++)
		folio_put(p->batch.folios[i]);
}

/*
 * Those that are there and up to date, from pos on: one may be truncated the next
 * moment.  Returns how many of the bytes they have; 0: none, and nothing is to be put.
 */
static inline size_t kev_pages_get(struct kev_pages *p,
				   struct address_space *mapping, loff_t pos,
				   size_t len)
{
	pgoff_t index = pos >> PAGE_SHIFT;
	struct folio *folio;
	size_t at, part, sum = 0;
	unsigned int i, n;

	folio_batch_init(&p->batch);
	n = filemap_get_folios_contig(mapping, &index,
				      (pos + len - 1) >> PAGE_SHIFT, &p->batch);
	for (i = 0; i < n && sum < len; i++) {
		folio = p->batch.folios[i];
		if (unlikely(!folio_test_uptodate(folio)))
			break;
		folio_mark_accessed(folio);
		at = pos + sum - folio_pos(folio);
		part = min(folio_size(folio) - at, len - sum);
		p->bv[i].bv_page = folio_page(folio, at >> PAGE_SHIFT);
		p->bv[i].bv_offset = offset_in_page(at);
		p->bv[i].bv_len = part;
		sum += part;
	}
	p->num = i;
	if (unlikely(!sum))
		kev_pages_put(p);
	return sum;
}

#endif /* KEV_COMPAT_PAGECACHE_H */
