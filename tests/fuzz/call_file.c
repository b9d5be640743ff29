// SPDX-License-Identifier: GPL-2.0
/* Files to be watched, and what happens to them. */
#include "fuzz.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#define IO_MAX 65536u

/* Two are directories, one a FIFO; links, renames and removals mix them. */
static const char *name_of(uint64_t n)
{
	static const char *const names[FUZZ_NAMES] = {
		"file0", "file1", "dir2", "dir3", "dir2/file4", "dir3/file5",
		"fifo6", "dir2/dir7",
	};

	return names[n % FUZZ_NAMES];
}

/* ---- Making ------------------------------------------------------------ */

static void do_pipe(struct fuzz_thread *t, const uint64_t *arg)
{
	int fd[2];

	(void)t;
	if (pipe2(fd, arg[1] & 1 ? 0 : O_NONBLOCK))
		return;
	slot_set(arg[0], fd[0]);
	slot_set(arg[0] + 1, fd[1]);
	if (arg[1] & 2)
		fcntl(fd[1], F_SETPIPE_SZ, 4096);
}

static void do_pair(struct fuzz_thread *t, const uint64_t *arg)
{
	static const int types[] = {
		SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM,
	};
	int fd[2];

	(void)t;
	if (socketpair(AF_UNIX, types[arg[1] & 3] | SOCK_NONBLOCK, 0, fd))
		return;
	slot_set(arg[0], fd[0]);
	slot_set(arg[0] + 1, fd[1]);
}

/* A listener, a connection to it, and, if so wished, its other end. */
static void do_tcp(struct fuzz_thread *t, const uint64_t *arg)
{
	int family = arg[1] & 1 ? AF_INET6 : AF_INET;
	struct sockaddr_in6 addr = {};
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) :
					    sizeof(addr);
	int listener = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int other = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)t;
	addr.sin6_family = family;
	if (family == AF_INET)
		((struct sockaddr_in *)&addr)->sin_addr.s_addr =
			htonl(INADDR_LOOPBACK);
	else
		addr.sin6_addr = in6addr_loopback;
	if (bind(listener, (struct sockaddr *)&addr, len) ||
	    listen(listener, 1 + (arg[1] >> 1 & 3)) ||
	    getsockname(listener, (struct sockaddr *)&addr, &len) ||
	    connect(other, (struct sockaddr *)&addr, len) < -1) {
		close(listener);
		close(other);
		return;
	}
	if (!(arg[1] & 8))
		slot_set(arg[0] + 2, accept4(listener, NULL, NULL,
					     SOCK_NONBLOCK));
	slot_set(arg[0], listener);
	slot_set(arg[0] + 1, other);
}

static void do_accept(struct fuzz_thread *t, const uint64_t *arg)
{
	(void)t;
	slot_set(arg[0], accept4(slot_get(arg[1]), NULL, NULL, SOCK_NONBLOCK));
}

/* Another connection to the listener of slot arg[1]. */
static void do_connect(struct fuzz_thread *t, const uint64_t *arg)
{
	struct sockaddr_in6 addr = {};
	socklen_t len = sizeof(addr);
	int fd;

	(void)t;
	if (getsockname(slot_get(arg[1]), (struct sockaddr *)&addr, &len))
		return;
	fd = socket(addr.sin6_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		connect(fd, (struct sockaddr *)&addr, len);
	slot_set(arg[0], fd);
}

static void do_udp(struct fuzz_thread *t, const uint64_t *arg)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)t;
	bind(fd, (struct sockaddr *)&addr, len);
	getsockname(fd, (struct sockaddr *)&addr, &len);
	connect(fd, (struct sockaddr *)&addr, len);
	slot_set(arg[0], fd);
}

static int make_special(uint64_t kind, uint64_t word)
{
	struct itimerspec spec = {
		.it_value.tv_nsec = 1 + word % 2000000,
		.it_interval.tv_nsec = word & 1 ? 300000 : 0,
	};
	sigset_t set;
	int fd;

	switch (kind & 15) {
	case 0 ... 2:
		return eventfd(word & 7, EFD_NONBLOCK |
			       (word & 8 ? EFD_SEMAPHORE : 0));
	case 3:
		fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
		timerfd_settime(fd, 0, &spec, NULL);
		return fd;
	case 4:
		sigfillset(&set);
		return signalfd(-1, &set, SFD_NONBLOCK);
	case 5:
		fd = inotify_init1(IN_NONBLOCK);
		inotify_add_watch(fd, ".", IN_ALL_EVENTS);
		return fd;
	case 6:
		return memfd_create("fuzz", 0);
	case 7:
		return open("/dev/null", O_RDWR);
	case 8:
		return open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	case 9:
		return open("/proc/self/mounts", O_RDONLY);
	case 10:
		return socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, 0);
	case 11:
		return open("/dev/kevent", O_RDWR);
	case 12:
		return open("/dev/zero", O_PATH);
	default:
		return epoll_create1(0);
	}
}

static void do_special(struct fuzz_thread *t, const uint64_t *arg)
{
	(void)t;
	slot_set(arg[0], make_special(arg[1], arg[2]));
}

static void do_file(struct fuzz_thread *t, const uint64_t *arg)
{
	static const int flags[] = {
		O_RDWR | O_CREAT, O_RDONLY, O_WRONLY, O_RDONLY | O_DIRECTORY,
		O_PATH, O_RDWR | O_TRUNC, O_RDWR | O_APPEND, O_PATH,
	};

	(void)t;
	slot_set(arg[0], open(name_of(arg[1]), flags[arg[2] & 7] | O_NONBLOCK,
			      arg[2] & 8 ? 0200 : 0700));
}

/* ---- Using ------------------------------------------------------------- */

static void do_write(struct fuzz_thread *t, const uint64_t *arg)
{
	if (write(slot_get(arg[0]), t->good, arg[1] % IO_MAX) < 0)
		return;
}

static void do_input(struct fuzz_thread *t, const uint64_t *arg)
{
	if (read(slot_get(arg[0]), t->good, arg[1] % IO_MAX) < 0)
		return;
}

static void do_sendto(struct fuzz_thread *t, const uint64_t *arg)
{
	send(slot_get(arg[0]), t->good, arg[1] % IO_MAX,
	     MSG_DONTWAIT | MSG_NOSIGNAL | (arg[2] & 1 ? MSG_OOB : 0) |
	     (arg[2] & 2 ? MSG_EOR : 0) | (arg[2] & 4 ? MSG_MORE : 0));
}

static void do_shut(struct fuzz_thread *t, const uint64_t *arg)
{
	struct linger linger = { .l_onoff = 1 };

	(void)t;
	if (arg[1] & 4)
		setsockopt(slot_get(arg[0]), SOL_SOCKET, SO_LINGER, &linger,
			   sizeof(linger));
	else
		shutdown(slot_get(arg[0]), arg[1] & 3);
}

static void do_option(struct fuzz_thread *t, const uint64_t *arg)
{
	static const int options[] = {
		SO_RCVLOWAT, SO_SNDBUF, SO_RCVBUF, SO_OOBINLINE, SO_REUSEADDR,
		SO_KEEPALIVE, SO_PRIORITY, SO_BUSY_POLL,
	};
	int value = arg[2];

	(void)t;
	setsockopt(slot_get(arg[0]), SOL_SOCKET, options[arg[1] & 7], &value,
		   sizeof(value));
}

static void do_close(struct fuzz_thread *t, const uint64_t *arg)
{
	(void)t;
	slot_set(arg[0], -1);
}

static void do_dup(struct fuzz_thread *t, const uint64_t *arg)
{
	(void)t;
	slot_set(arg[1], dup(slot_get(arg[0])));
}

/* The number stays, the file is another. */
static void do_dup2(struct fuzz_thread *t, const uint64_t *arg)
{
	int old = slot_get(arg[0]), new = slot_get(arg[1]);

	(void)t;
	if (old >= 0 && new >= 0)
		dup2(old, new);
}

static void do_nonblock(struct fuzz_thread *t, const uint64_t *arg)
{
	(void)t;
	fcntl(slot_get(arg[0]), F_SETFL, arg[1] & 1 ? O_NONBLOCK : 0);
}

static void do_poll(struct fuzz_thread *t, const uint64_t *arg)
{
	struct pollfd set[3] = {
		{ slot_get(arg[0]), arg[2], 0 },
		{ slot_get(arg[1]), POLLIN, 0 },
		{ slot_get(arg[1] + 1), POLLIN, 0 },
	};

	(void)t;
	poll(set, 1 + (arg[3] & 1) * 2, arg[3] >> 1 & 3);
}

static void do_epoll_ctl(struct fuzz_thread *t, const uint64_t *arg)
{
	struct epoll_event event = {
		.events = EPOLLIN | (arg[3] & 1 ? EPOLLET : 0) |
			  (arg[3] & 2 ? EPOLLEXCLUSIVE : 0) |
			  (arg[3] & 4 ? EPOLLONESHOT : 0),
	};

	(void)t;
	epoll_ctl(slot_get(arg[0]), 1 + (arg[2] & 3), slot_get(arg[1]), &event);
}

static void do_epoll_wait(struct fuzz_thread *t, const uint64_t *arg)
{
	struct epoll_event events[8];

	(void)t;
	epoll_wait(slot_get(arg[0]), events, 8, arg[1] & 3);
}

/* The kernel's view of it, as text. */
static void do_fdinfo(struct fuzz_thread *t, const uint64_t *arg)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", slot_get(arg[0]));
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return;
	if (read(fd, t->good, 4096) < 0)
		memset(t->good, 0, 1);
	close(fd);
}

/*
 * Passes slot arg[0] through a socket to slot arg[1], or leaves it in flight: in
 * the socket itself, if arg[2] says so, which the kernel has to find then.
 */
static void do_pass(struct fuzz_thread *t, const uint64_t *arg)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 2)];
		struct cmsghdr align;
	} control = {};
	struct iovec io = { .iov_base = t->good, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &io, .msg_iovlen = 1,
		.msg_control = control.buf, .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair))
		return;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * 2);
	((int *)CMSG_DATA(c))[0] = slot_get(arg[0]);
	((int *)CMSG_DATA(c))[1] = pair[1];
	if (sendmsg(pair[0], &msg, 0) == 1 && !(arg[2] & 1) &&
	    recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC) == 1 &&
	    (c = CMSG_FIRSTHDR(&msg))) {
		slot_set(arg[1], ((int *)CMSG_DATA(c))[0]);
		close(((int *)CMSG_DATA(c))[1]);
	}
	close(pair[0]);
	close(pair[1]);
}

/* ---- Names ------------------------------------------------------------- */

static void do_tree(struct fuzz_thread *t, const uint64_t *arg)
{
	const char *name = name_of(arg[0]), *other = name_of(arg[1]);
	int ret = 0;

	(void)t;
	switch (arg[2] & 7) {
	case 0:
		ret = unlink(name);
		break;
	case 1:
		ret = rename(name, other);
		break;
	case 2:
		ret = link(name, other);
		break;
	case 3:
		ret = mkdir(name, 0700);
		break;
	case 4:
		ret = rmdir(name);
		break;
	case 5:
		ret = chmod(name, 0600 | (arg[1] & 7));
		break;
	case 6:
		ret = mkfifo(name, 0600);
		break;
	case 7:
		ret = truncate(name, arg[1] & 0xffff);
		break;
	}
	if (ret < 0)
		return;
}

/* Root only: a file system comes and goes with what is watched in it. */
static void do_mount(struct fuzz_thread *t, const uint64_t *arg)
{
	(void)t;
	if (arg[1] & 1)
		umount2(name_of(arg[0]), MNT_DETACH);
	else
		mount("fuzz", name_of(arg[0]), "tmpfs", 0, "size=64k");
}

const struct fuzz_op file_ops[] = {
	FUZZ_OP("pipe", 8, do_pipe, K_FD, K_FLAGS),
	FUZZ_OP("pair", 6, do_pair, K_FD, K_SMALL),
	FUZZ_OP("tcp", 6, do_tcp, K_FD, K_FLAGS),
	FUZZ_OP("accept", 3, do_accept, K_FD, K_FD),
	FUZZ_OP("connect", 3, do_connect, K_FD, K_FD),
	FUZZ_OP("udp", 2, do_udp, K_FD),
	FUZZ_OP("special", 10, do_special, K_FD, K_COUNT, K_WORD),
	FUZZ_OP("file", 8, do_file, K_FD, K_NAME, K_SMALL),
	FUZZ_OP("write", 14, do_write, K_FD, K_LEN),
	FUZZ_OP("input", 8, do_input, K_FD, K_LEN),
	FUZZ_OP("sendto", 3, do_sendto, K_FD, K_LEN, K_FLAGS),
	FUZZ_OP("shut", 3, do_shut, K_FD, K_SMALL),
	FUZZ_OP("option", 2, do_option, K_FD, K_SMALL, K_LEN),
	FUZZ_OP("close", 8, do_close, K_FD),
	FUZZ_OP("dup", 3, do_dup, K_FD, K_FD),
	FUZZ_OP("dup2", 3, do_dup2, K_FD, K_FD),
	FUZZ_OP("nonblock", 2, do_nonblock, K_FD, K_FLAGS),
	FUZZ_OP("poll", 4, do_poll, K_FD, K_FD, K_EVENT, K_FLAGS),
	FUZZ_OP("epoll_ctl", 3, do_epoll_ctl, K_FD, K_FD, K_SMALL, K_FLAGS),
	FUZZ_OP("epoll_wait", 3, do_epoll_wait, K_FD, K_SMALL),
	FUZZ_OP("fdinfo", 2, do_fdinfo, K_QUEUE),
	FUZZ_OP("pass", 3, do_pass, K_FD, K_FD, K_FLAGS),
	FUZZ_OP("tree", 8, do_tree, K_NAME, K_NAME, K_SMALL),
	FUZZ_OP("mount", 1, do_mount, K_NAME, K_SMALL),
};

const uint32_t file_ops_num = ARRAY_SIZE(file_ops);
