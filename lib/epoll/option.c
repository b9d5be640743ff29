// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What the environment asks for, and what is said to the user: one line on stderr,
 * where the program has the stderr that it was started with.
 */
#include <fcntl.h>
#include <linux/major.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "call.h"
#include "epoll.h"

struct ke_options ke_options;
struct ke_counts ke_counts;

static struct stat ke_stderr, ke_device;
static bool ke_said;

static void ke_read_word(const char *word, size_t len)
{
	if (len == 7 && !memcmp(word, "require", len))
		ke_options.require = true;
	else if (len == 8 && !memcmp(word, "io_uring", len))
		ke_options.uring = true;
	else if (len >= 5 && !memcmp(word, "stats", 5))
		ke_options.stats = true;
	if (len > 6 && len < sizeof(ke_options.file) + 6 &&
	    !memcmp(word, "stats=", 6))
		memcpy(ke_options.file, word + 6, len - 6);
}

/*
 * Before the first queue is made, whoever makes it.  And only then: another thread may
 * be changing the environment later.
 */
void ke_read_options(void)
{
	static bool done;
	const char *word;

	if (__atomic_exchange_n(&done, true, __ATOMIC_ACQ_REL))
		return;
	word = getenv("KEVENT_EPOLL");
	while (word && *word) {
		size_t len = strcspn(word, ",");

		ke_read_word(word, len);
		word += len + (word[len] == ',');
	}
	/* a child counts what it does itself, however it is made */
	if (ke_options.stats)
		madvise(&ke_counts, sizeof(ke_counts), MADV_WIPEONFORK);
}

/* What struct stat is in the C library is what the kernel has, with 64 bits. */
static bool ke_stat(int fd, struct stat *st)
{
	return !ke_call3(SYS_fstat, fd, (long)st, 0);
}

/* Is it a queue?  As the device was at first: there may be a filter by now, and a chroot. */
bool ke_is_device(int fd)
{
	struct stat st;

	return S_ISCHR(ke_device.st_mode) && ke_stat(fd, &st) &&
	       S_ISCHR(st.st_mode) && st.st_rdev == ke_device.st_rdev;
}

/*
 * Is fd 2 what it was at first?  Programs close it, and have sockets there.  And can
 * something be written there: nobody may be reading any more, or not fast enough.
 */
static bool ke_has_stderr(void)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	struct stat now;

	return ke_stderr.st_ino && ke_stat(STDERR_FILENO, &now) &&
	       now.st_dev == ke_stderr.st_dev && now.st_ino == ke_stderr.st_ino &&
	       ke_call3(SYS_poll, (long)&pfd, 1, 0) == 1 && pfd.revents == POLLOUT;
}

static void ke_write(int fd, const char *line, int len)
{
	ke_call3(SYS_write, fd, (long)line, len);	/* if it fails: nobody to tell */
}

/* Once in a process, and not again in its children. */
void ke_say(const char *what, int error)
{
	char line[256];
	int len, saved = errno;

	if (__atomic_exchange_n(&ke_said, true, __ATOMIC_RELAXED))
		return;
	if (ke_has_stderr()) {
		len = snprintf(line, sizeof(line), "kevent-epoll: %s[%d]: %s: %s\n",
			       program_invocation_short_name, (int)getpid(), what,
			       strerror(error));
		ke_write(STDERR_FILENO, line, len);
	}
	errno = saved;
}

/* ---- The end ----------------------------------------------------------- */

static int ke_print_counts(char *line, size_t size)
{
	const struct ke_counts *c = &ke_counts;

	return snprintf(line, size,
			"kevent-epoll: %s[%d]: queues %llu, changes %llu, waits %llu, events %llu, no call %llu; epolls %llu, calls to them %llu\n",
			program_invocation_short_name, (int)getpid(),
			(unsigned long long)c->queues,
			(unsigned long long)c->changes,
			(unsigned long long)c->waits,
			(unsigned long long)c->events,
			(unsigned long long)c->no_call,
			(unsigned long long)c->epolls,
			(unsigned long long)c->elsewhere);
}

static void __attribute__((destructor)) ke_end(void)
{
	char line[512];
	int len, fd;

	if (!ke_options.stats)
		return;
	len = ke_print_counts(line, sizeof(line));
	if (!*ke_options.file) {
		if (ke_has_stderr())
			ke_write(STDERR_FILENO, line, len);
		return;
	}
	fd = (int)ke_call6(SYS_openat, AT_FDCWD, (long)ke_options.file,
			   O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666, 0, 0);
	if (fd >= 0) {
		ke_write(fd, line, len);
		ke_call3(SYS_close, fd, 0, 0);
	}
}

static void __attribute__((constructor)) ke_begin(void)
{
	int saved = errno;

	ke_read_options();
	ke_stat(STDERR_FILENO, &ke_stderr);
	ke_call3(SYS_stat, (long)"/dev/kevent", (long)&ke_device, 0);
	/* another file may stand there, as /dev/null does where devices are hidden */
	if (major(ke_device.st_rdev) != MISC_MAJOR)
		ke_device.st_mode = 0;
	errno = saved;
}
