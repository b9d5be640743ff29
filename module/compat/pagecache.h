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

/* Not read, or no longer to be touched. */
static inline bool kev_folio_is_good(struct folio *folio)
{
	return folio_test_uptodate(folio) && !folio_test_hwpoison(folio) &&
	       !folio_test_has_hwpoisoned(folio);
}

#define KEV_PAGES	16

/**
 * struct kev_pages - consecutive pages
 * @num: how many.
 * @folio: references to them.
 * @bv: what is wanted of them.
 */
struct kev_pages {
	unsigned int num;
	struct folio *folio[KEV_PAGES];
	struct bio_vec bv[KEV_PAGES];
};

static inline void kev_pages_put(struct kev_pages *p)
{
	unsigned int i;

	for (i = 0; i < p->num; i++)
		folio_put(p->folio[i]);
}

/*
 * Those that are there and up to date, from pos on: one may be truncated the next
 * moment.  Returns how many of the bytes they have; 0: none, and nothing is to be put.
 */
static inline size_t kev_pages_get(struct kev_pages *p,
				   struct address_space *mapping, loff_t pos,
				   size_t len)
{
	size_t at, part, sum = 0;
	struct folio *folio;

	for (p->num = 0; p->num < KEV_PAGES && sum < len; sum += part) {
		folio = kev_folio_get(mapping, (pos + sum) >> PAGE_SHIFT);
		if (unlikely(!folio))
			break;
		if (unlikely(!kev_folio_is_good(folio))) {
			folio_put(folio);
			break;
		}
		folio_mark_accessed(folio);
		at = offset_in_folio(folio, pos + sum);
		part = min(folio_size(folio) - at, len - sum);
		p->bv[p->num].bv_page = folio_page(folio, at >> PAGE_SHIFT);
		p->bv[p->num].bv_offset = offset_in_page(at);
		p->bv[p->num].bv_len = part;
		p->folio[p->num++] = folio;
	}
	return sum;
}

/* Only so many of the bytes, at least one: the rest is beyond the end by now. */
static inline void kev_pages_trim(struct kev_pages *p, size_t len)
{
	unsigned int i;

	for (i = 0; len > p->bv[i].bv_len; i++)
		len -= p->bv[i].bv_len;
	p->bv[i++].bv_len = len;
	while (p->num > i)
		folio_put(p->folio[--p->num]);
}

#endif /* KEV_COMPAT_PAGECACHE_H */
