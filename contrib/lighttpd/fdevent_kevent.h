/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef INCLUDED_FDEVENT_KEVENT_H
#define INCLUDED_FDEVENT_KEVENT_H
#include "first.h"

/* A file on its way to a socket, or what has become of the last one. */
struct fdevent_kevent_send {
	uint64_t cookie;	/* while it is under way */
	off_t offset;		/* where it began */
	off_t count;
	off_t header;		/* size of what went before it */
	int over;		/* it has ended: */
	int error;		/* so, 0: well */
	off_t sent;		/* and so much was sent, with the header */
};

/* Of a descriptor; NULL if that is not registered, or the event handler is another one. */
struct fdevent_kevent_send *fdevent_kevent_send_of(int fd);

/*
 * Sends header and file.  Returns 1: it is over; 0: the handler of the socket will be called
 * with FDEVENT_OUT when it is, and not before; -1 and errno: nothing was sent.
 */
int fdevent_kevent_send(int fd, const char *header, off_t header_len, int in, off_t offset,
			off_t count);

#endif
