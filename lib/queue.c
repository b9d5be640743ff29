// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Rings whose struct is the library's, for languages in which structs are a burden. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <kevent.h>

/* The ring comes first, so that a pointer to it is one to all of this. */
struct own_ring {
	struct kevent_ring ring;
	pid_t maker;		/* whose mappings these are */
};

static struct own_ring *own_ring_alloc(void)
{
	struct own_ring *own = calloc(1, sizeof(*own));

	if (own)
		own->maker = getpid();
	return own;
}

struct kevent_ring *kevent_new(unsigned int num, unsigned int policy,
			       unsigned int flags)
{
	struct own_ring *own;

	if (!num) {
		errno = EINVAL;
		return NULL;
	}
	own = own_ring_alloc();
	if (own && kevent_init(&own->ring, num, policy, flags) < 0) {
		free(own);
		return NULL;
	}
	return own ? &own->ring : NULL;
}

struct kevent_ring *kevent_new_attached(int fd)
{
	struct own_ring *own = own_ring_alloc();

	if (own && kevent_attach(&own->ring, fd) < 0) {
		free(own);
		return NULL;
	}
	return own ? &own->ring : NULL;
}

int kevent_fd(const struct kevent_ring *ring)
{
	return ring->fd;
}

/* In a child the addresses may belong to something else by now. */
void kevent_free(struct kevent_ring *ring)
{
	struct own_ring *own = (struct own_ring *)ring;
	int err = errno;

	if (!own)
		return;
	if (own->maker == getpid())
		kevent_destroy(ring);
	else
		close(ring->fd);
	free(own);
	errno = err;
}
