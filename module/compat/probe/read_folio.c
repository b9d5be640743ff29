// SPDX-License-Identifier: GPL-2.0
// 5.19, 5efe7448a142: read_folio, for readpage.
#include <linux/fs.h>
void *probe(struct address_space *mapping);
void *probe(struct address_space *mapping)
{
	return mapping->a_ops->read_folio;
}
