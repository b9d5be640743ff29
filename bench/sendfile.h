/* SPDX-License-Identifier: GPL-2.0 */
/* What work_sendfile.c sends, and the ways in which it is done. */
#ifndef SENDFILE_H
#define SENDFILE_H

#include "bench.h"

#define SENDFILE_CONNS	32u	/* each gets the file, in one go */
#define SENDFILE_MAX	100u	/* connections, most */

/**
 * struct sendfile - a server with a file
 * @file: cached.
 * @size: of it, bytes.
 * @path: its name.
 * @header: what goes before it, in an answer.
 * @header_size: of that.
 * @conn: where it goes to: TCP sockets that do not block.
 * @num: how many.
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
	int conn[SENDFILE_MAX];
	unsigned int num;
	unsigned int sent;
	unsigned int calls;
	void *state;
};

/**
 * struct sendfile_ops - a way to send it
 * @open: called once.
 * @begin: send the file to each connection, as far as it goes.
 * @move: go on where there is room again, and learn what is done; do not wait for it.
 * @serve: all of it, for a mechanism that waits for what others do; or NULL.
 * @answer: open the file by its name, send the header and it to each connection, and
 *	close it.
 */
struct sendfile_ops {
	void (*open)(struct sendfile *s);
	void (*begin)(struct sendfile *s);
	void (*move)(struct sendfile *s);
	void (*serve)(struct sendfile *s);
	void (*answer)(struct sendfile *s);
};

/**
 * struct sendfile_clients - who reads it
 * @fd: the other ends of @conn.
 * @got: bytes that each has.
 * @want: what they are to get: header and file.
 * @buf: what one has just read.
 */
struct sendfile_clients {
	int fd[SENDFILE_MAX];
	unsigned int got[SENDFILE_MAX];
	char *want, *buf;
};

/* work_sendfile.c: files of job->size->n bytes, to size->k connections. */
void sendfile_make(const struct job *job, struct sendfile *s,
		   struct sendfile_clients *c, int room);

extern const struct mech_ops sendfile_epoll, sendfile_ring, sendfile_batch;
extern const struct mech_ops sendfile_uring_splice, sendfile_uring_copy;

#endif /* SENDFILE_H */
