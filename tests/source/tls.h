/* SPDX-License-Identifier: GPL-2.0 */
/* TCP connections that the kernel itself encrypts. */
#ifndef KEVENT_TEST_TLS_H
#define KEVENT_TEST_TLS_H

#include "files.h"

#include <linux/tls.h>
#include <sys/utsname.h>

/* From here on. Skips the test where there is no kTLS. */
static inline void tls_begin(const int fds[2])
{
	int i;

	for (i = 0; i < 2; i++)
		if (setsockopt(fds[i], SOL_TCP, TCP_ULP, "tls", 4) < 0)
			SKIP("no kTLS: %s", test_errno_name(errno));
}

/* TLS_TX or TLS_RX. */
static inline void tls_keys(int fd, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 keys = {
		.info.version = TLS_1_2_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_128,
	};

	if (setsockopt(fd, SOL_TLS, direction, &keys, sizeof(keys)) < 0)
		SKIP("kTLS: no AES-GCM: %s", test_errno_name(errno));
}

/*
 * kTLS before 6.5 keeps the last record to itself once the socket was full, or
 * loses it when that is closed: so for send(2) and sendfile(2) as well.
 */
static inline bool tls_keeps_records(void)
{
	struct utsname name;
	int major, minor;

	CHECK_OK(uname(&name));
	CHECK_EQ(sscanf(name.release, "%d.%d", &major, &minor), 2);
	return major < 6 || (major == 6 && minor < 5);
}

/* fds[0] sends, fds[1] receives. */
static inline void tls_pair(int fds[2])
{
	tcp_pair(fds);
	tls_begin(fds);
	tls_keys(fds[1], TLS_RX);
	tls_keys(fds[0], TLS_TX);
}

#endif
