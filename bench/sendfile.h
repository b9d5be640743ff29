/* SPDX-License-Identifier: GPL-2.0 */
/* What work_sendfile.c sends, and the ways in which it is done. */
#ifndef SENDFILE_H
#define SENDFILE_H

#include "bench.h"

#define SENDFILE_CONNS	16u	/* each gets the file, in one go */

/**
 * struct sendfile - a server with a file
 * @file: cached.
 * @size: of it, bytes.
 * @path: its name.
 * @header: what goes before it, in an answer.
 * @header_size: of that.
 * @conn: where it goes to: TCP sockets that do not block, with room for it.
 * @sent: connections that have been sent all of it.
 * @calls: system calls that took.
 * @state: of the mechanism.
 */
struct sendfile {
	int file;
	unsigned int size;
	const char *path;
	const char *header;
	unsigned int header_size;
	int conn[SENDFILE_CONNS];
	unsigned int sent;
	unsigned int calls;
	void *state;
};

/**
 * struct sendfile_ops - a way to send it
 * @open: called once.
 * @serve: send the file to each connection, and know that it is done.
 * @answer: open the file by its name, send the header and it to each connection, and
 *	close it.
 */
struct sendfile_ops {
	void (*open)(struct sendfile *s);
	void (*serve)(struct sendfile *s);
	void (*answer)(struct sendfile *s);
};

extern const struct mech_ops sendfile_epoll, sendfile_ring;
extern const struct mech_ops sendfile_uring_splice, sendfile_uring_copy;

#endif /* SENDFILE_H */
