// SPDX-License-Identifier: GPL-2.0
/* An echo server on port 7777: one queue, one ring, one thread. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <kevent.h>

static void watch(int queue, int fd, unsigned int events)
{
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_SOCKET, fd, events, KEVENT_REQ_ALWAYS_QUEUE, fd);
	if (kevent_ctl_one(queue, KEVENT_CTL_ADD, &uk) < 0)
		close(fd);
}

int main(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(7777) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct kevent_ring ring;
	const struct ukevent *uk;
	char buf[4096];
	int queue = kevent_init(&ring, 256, KEVENT_WAKE_FIFO, 0);

	if (queue < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listener, 64))
		return 1;
	watch(queue, listener, KEVENT_SOCKET_ACCEPT);
	while (kevent_ring_wait(&ring, NULL) >= 0 || errno == EINTR)
		while ((uk = kevent_ring_next(&ring))) {
			int fd = uk->user[0];
			ssize_t n;

			if (fd == listener) {
				watch(queue, accept(fd, NULL, NULL), KEVENT_SOCKET_RECV);
				continue;
			}
			n = recv(fd, buf, sizeof(buf), 0);
			if (n > 0)
				send(fd, buf, n, MSG_NOSIGNAL);
			else
				close(fd);	/* and the watch is gone */
		}
	return 1;
}
