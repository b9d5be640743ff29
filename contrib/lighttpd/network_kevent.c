// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * lighttpd's network backend "kevent": the head of an answer and its file in one call.  What
 * does not fit into the socket is sent on while the server waits.
 *
 * Only to clients, without TLS, and where no limit of bytes per second holds: what is under
 * way is not counted before its end.
 */
#include "first.h"

#include "network_write.h"

#include "base.h"
#include "fdevent_impl.h"
#include "fdevent_kevent.h"
#include "log.h"

#ifdef FDEVENT_USE_KEVENT

#include <errno.h>

#include <kevent.h>

/*
 * The file that is next, if it is open and no more than one piece goes before it: that is
 * its header, *header bytes.  Else NULL.
 */
static const chunk *network_kevent_file(const connection *con, const chunkqueue *cq,
					off_t max_bytes, off_t *header)
{
	const request_st *r = &con->request;
	const chunk *c = cq->first;

	*header = 0;
	if (r->conf.bytes_per_second || r->conf.global_bytes_per_second)
		return NULL;
	if (c->type == MEM_CHUNK) {
		*header = (off_t)buffer_clen(c->mem) - c->offset;
		c = c->next;
	}
	if (!c || c->type != FILE_CHUNK || c->file.fd < 0 || c->offset >= c->file.length ||
	    *header < 0 || *header > (off_t)KEVENT_AIO_HEADER_MAX || *header >= max_bytes)
		return NULL;
	return c;
}

int network_write_kevent_is_one(const connection *con, const chunkqueue *cq, off_t max_bytes)
{
	const chunk *c;
	off_t header;

	if (!con->srv->network_kevent || con->is_ssl_sock)
		return 0;
	c = network_kevent_file(con, cq, max_bytes, &header);
	return c && !c->next;
}

/* A transfer has ended. */
static int network_kevent_account(const connection *con, chunkqueue *cq,
				  struct fdevent_kevent_send *s)
{
	log_error_st *errh = con->request.conf.errh;

	s->over = 0;
	if (s->sent > 0)
		chunkqueue_mark_written(cq, s->sent);
	switch (s->error) {
	case 0:
		if (s->sent == s->header + s->count)
			return 0;
		log_error(errh, __FILE__, __LINE__, "kevent: fd: %d file truncated", con->fd);
		return -1;
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
		return -2;
	default:
		errno = s->error;
		log_perror(errh, __FILE__, __LINE__, "kevent: fd: %d", con->fd);
		return -1;
	}
}

/* As the other backends.  0 also while a transfer is under way: nothing else is sent. */
int network_write_kevent(connection *con, chunkqueue *cq, off_t max_bytes)
{
	struct fdevent_kevent_send *s = fdevent_kevent_send_of(con->fd);
	int over = !s || !s->cookie, rc;
	off_t header, count;
	const chunk *file;

	/* of an earlier call, whose share it was */
	if (s && s->over) {
		rc = network_kevent_account(con, cq, s);
		if (rc)
			return rc;
	}
	while (over && cq->first && max_bytes > 0) {
		file = s ? network_kevent_file(con, cq, max_bytes, &header) : NULL;
		count = 0;
		if (file) {
			count = file->file.length - file->offset;
			if (count > max_bytes - header)
				count = max_bytes - header;
			over = fdevent_kevent_send(con->fd, header ? cq->first->mem->ptr +
						   cq->first->offset : NULL,
						   header, file->file.fd, file->offset, count);
		}
		/* else, of a kind that it does not send, or a limit */
		if (!file || over < 0)
			return con->srv->network_backend_write(con->fd, cq, max_bytes,
							       con->request.conf.errh);
		if (!over)
			break;
		max_bytes -= header + count;
		rc = network_kevent_account(con, cq, s);
		if (rc)
			return rc;
	}
	return 0;
}

#endif /* FDEVENT_USE_KEVENT */
