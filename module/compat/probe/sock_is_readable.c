// SPDX-License-Identifier: GPL-2.0
// 5.16, 7b50ecfcc6cd: stream_memory_read became sock_is_readable.
#include <net/sock.h>
void *probe(struct sock *sk);
void *probe(struct sock *sk)
{
	return sk->sk_prot->sock_is_readable;
}
