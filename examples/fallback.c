// SPDX-License-Identifier: GPL-2.0
/*
 * A program that can do without kevent: copies its input to its output as it comes, and
 * waits for it on a queue, or, where there is none, on an epoll.  Says on which.  What
 * handles an event is the same for both: the bits of KEVENT_POLL are those of epoll.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <kevent.h>

/* Returns 1 as long as there may be more. */
static int handle(unsigned int events)
{
	char buf[512];
	ssize_t len;

	if (!(events & (POLLIN | POLLHUP)))
		return 0;
	len = read(STDIN_FILENO, buf, sizeof(buf));
	return len > 0 && write(STDOUT_FILENO, buf, (size_t)len) == len;
}

static int by_kevent(struct kevent_ring *ring)
{
	const struct ukevent *uk;
	struct ukevent change;
	int more = 1;

	kevent_prep(&change, KEVENT_POLL, STDIN_FILENO, POLLIN, 0, 0);
	if (kevent_add(ring->fd, &change) < 0)
		return 1;
	while (more && (kevent_ring_wait(ring, NULL) >= 0 || errno == EINTR))
		while (more && (uk = kevent_ring_more(ring)))
			more = handle(uk->ret_data[0]);
	return kevent_destroy(ring) < 0 || more;
}

static int by_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int n, more = 1, ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, STDIN_FILENO, &ev) < 0)
		return 1;
	while (more && (n = epoll_wait(ep, &ev, 1, -1), n >= 0 || errno == EINTR))
		if (n > 0)
			more = handle(ev.events);
	return close(ep) < 0 || more;
}

int main(void)
{
	struct kevent_ring ring;

	if (kevent_init(&ring, 8, KEVENT_WAKE_FIFO, 0) >= 0) {
		fprintf(stderr, "on kevent\n");
		return by_kevent(&ring);
	}
	perror("kevent");
	fprintf(stderr, "on epoll\n");
	return by_epoll();
}
