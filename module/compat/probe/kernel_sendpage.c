// SPDX-License-Identifier: GPL-2.0
// until 6.5, dc97391e6610: then sendmsg() with MSG_SPLICE_PAGES.
#include <linux/net.h>
#include <linux/socket.h>
int probe(struct socket *sock, struct page *page);
int probe(struct socket *sock, struct page *page)
{
#ifndef KEV_PROBE_OTHER
	return kernel_sendpage(sock, page, 0, 1, 0);
#else
	return MSG_SPLICE_PAGES;
#endif
}
