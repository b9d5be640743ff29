// SPDX-License-Identifier: GPL-2.0
/*
 * An echo server of the BSDs: kqueue() and kevent() for sockets, a timer and a signal.
 *
 *	cc -o kqueue kqueue.c $(pkg-config --cflags --libs libkevent-kqueue)
 *	./kqueue PORT
 *
 * What a client sends it gets back; who says nothing for a minute is left; SIGTERM ends
 * the server.
 */
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE	60	/* seconds */

static int kq;

static void change(uintptr_t ident, short filter, unsigned short flags, unsigned int fflags,
		   int64_t data)
{
	struct kevent kev;

	EV_SET(&kev, ident, filter, flags, fflags, data, NULL);
	if (kevent(kq, &kev, 1, NULL, 0, NULL) < 0)
		err(1, "kevent");
}

/* Its timer has its number. */
static void drop(int fd)
{
	change(fd, EVFILT_READ, EV_DELETE, 0, 0);
	change(fd, EVFILT_TIMER, EV_DELETE, 0, 0);
	close(fd);
}

static void greet(int listener, int64_t waiting)
{
	int fd;

	for (; waiting > 0; waiting--) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			return;
		change(fd, EVFILT_READ, EV_ADD, 0, 0);
		change(fd, EVFILT_TIMER, EV_ADD, NOTE_SECONDS, IDLE);
	}
}

/* data bytes are there, and sending them may wait: this server is for few. */
static void echo(const struct kevent *kev)
{
	char buf[4096];
	int fd = (int)kev->ident;
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n <= 0 || send(fd, buf, n, MSG_NOSIGNAL) != n)
		drop(fd);
	else
		change(fd, EVFILT_TIMER, EV_ADD, NOTE_SECONDS, IDLE);
}

static int listen_at(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 64) < 0)
		err(1, "port %d", port);
	return fd;
}

int main(int argc, char **argv)
{
	int listener = listen_at(argc > 1 ? atoi(argv[1]) : 7777);
	struct kevent event;
	int n;

	kq = kqueue();
	if (kq < 0)
		err(1, "kqueue");
	signal(SIGTERM, SIG_IGN);
	change(SIGTERM, EVFILT_SIGNAL, EV_ADD, 0, 0);
	change(listener, EVFILT_READ, EV_ADD, 0, 0);
	for (;;) {
		/* one at a time: what it leads to may end what the next is about */
		n = kevent(kq, NULL, 0, &event, 1, NULL);
		if (n < 0 && errno != EINTR)
			err(1, "kevent");
		if (n <= 0)
			continue;
		if (event.filter == EVFILT_SIGNAL)
			return 0;
		if (event.filter == EVFILT_TIMER)
			drop((int)event.ident);
		else if ((int)event.ident == listener)
			greet(listener, event.data);
		else
			echo(&event);
	}
}
