/* SPDX-License-Identifier: GPL-2.0 */
/* Pages of the page cache, as bio_vecs. */
#ifndef KEV_COMPAT_PAGECACHE_H
#define KEV_COMPAT_PAGECACHE_H

#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/swap.h>
#ifdef KEV_HAVE_FOLIO_BATCH_H
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

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

/*
 * It was read, and may be touched.  A small one has no word of its own that says whether
 * a part of it is broken: it would be the next page's.
 */
static inline bool kev_folio_is_good(struct folio *folio)
{
	return folio_test_uptodate(folio) && !folio_test_hwpoison(folio) &&
	       !(folio_test_large(folio) && folio_test_has_hwpoisoned(folio));
}

/**
 * struct kev_pages - consecutive pages
 * @batch: references to them, and perhaps to others.
 * @num: how many.
 * @bv: what is wanted of them, from the second on; the first is for what goes before.
 */
struct kev_pages {
	struct folio_batch batch;
	unsigned int num;
	struct bio_vec bv[1 + ARRAY_SIZE(((struct folio_batch *)0)->folios)];
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
	pgoff_t start = pos >> PAGE_SHIFT, index;
	size_t at, part, sum = 0;
	struct folio *folio;
	struct bio_vec *bv;
	unsigned int i, n;

	folio_batch_init(&p->batch);
	n = filemap_get_folios_contig(mapping, &start,
				      (pos + len - 1) >> PAGE_SHIFT, &p->batch);
	for (i = 0; i < n && sum < len; i++) {
		folio = p->batch.folios[i];
		index = (pos + sum) >> PAGE_SHIFT;
		if (unlikely(index - folio->index >= folio_nr_pages(folio) ||
			     !kev_folio_is_good(folio)))
			break;
		folio_mark_accessed(folio);
		at = offset_in_folio(folio, pos + sum);
		part = min(folio_size(folio) - at, len - sum);
		bv = &p->bv[1 + i];
		bv->bv_page = folio_page(folio, at >> PAGE_SHIFT);
		bv->bv_offset = offset_in_page(at);
		bv->bv_len = part;
		sum += part;
	}
	p->num = i;
	if (unlikely(!sum))
		kev_pages_put(p);
	return sum;
}

/* Only so many of the bytes, at least one: the rest is beyond the end by now. */
static inline void kev_pages_trim(struct kev_pages *p, size_t len)
{
	unsigned int i;

	for (i = 1; len > p->bv[i].bv_len; i++)
		len -= p->bv[i].bv_len;
	p->bv[i].bv_len = len;
	p->num = i;
}

#endif /* KEV_COMPAT_PAGECACHE_H */
