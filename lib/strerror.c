// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What an errno means, by the call that gave it and the type of the watch. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <kevent.h>

#define TYPE_ANY	(-1)

#define ADD	(1u << KEVENT_CTL_ADD)
#define REMOVE	(1u << KEVENT_CTL_REMOVE)
#define MODIFY	(1u << KEVENT_CTL_MODIFY)
#define READY	(1u << KEVENT_CTL_READY)
#define FINDS	(REMOVE | MODIFY | READY)
#define CHANGES	(ADD | FINDS)

/* Of changes.  The first line that fits holds, so what is special comes first. */
static const struct change_text {
	int type;
	unsigned int commands;
	int error;
	const char *text;
} change_texts[] = {
	{ KEVENT_SOCKET, ADD | MODIFY, EINVAL,
	  "not a socket, or an event, flag or parameter that a socket's watch does not take" },
	{ KEVENT_PIPE, ADD | MODIFY, EINVAL,
	  "not a pipe or FIFO, or an event, flag or parameter that its watch does not take" },
	{ KEVENT_POLL, ADD | MODIFY, EINVAL,
	  "the queue itself, or an event, flag or parameter that a watch of poll bits does not take" },
	{ KEVENT_POLL, ADD, EPERM,
	  "the file cannot be polled, as it is always ready: a regular file or a directory" },

	{ KEVENT_TIMER, ADD | MODIFY, EINVAL,
	  "neither a time nor an interval, a time out of range, or a clock, event or flag that a timer does not take" },

	{ KEVENT_SIGNAL, ADD, EINVAL,
	  "no such signal, one that KEVENT_SIGNAL_NOMASK cannot take away, or an event, flag or parameter that a signal's watch does not take" },
	{ KEVENT_SIGNAL, ADD, ENOSPC,
	  "the user's limit of watches or of memory for records is reached, or 64 watches of this signal exist" },
	{ KEVENT_SIGNAL, ADD, EOPNOTSUPP,
	  "on this kernel signals cannot be watched, or not with KEVENT_SIGNAL_NOMASK" },

	{ KEVENT_POSIX_TIMER, ADD, EINVAL,
	  "no such timer of this process, one that is SIGEV_NONE, or an event, flag or parameter that its watch does not take" },
	{ KEVENT_POSIX_TIMER, ADD, EBUSY,
	  "another queue watches this POSIX timer" },
	{ KEVENT_POSIX_TIMER, ADD, EOPNOTSUPP,
	  "a timer of CPU time or of an alarm clock; or POSIX timers cannot be watched on this kernel" },

	{ KEVENT_INODE, ADD, EINVAL,
	  "a file that is in no file system (a pipe, socket or memfd), or an event, flag or parameter that a file's watch does not take" },
	{ KEVENT_INODE, ADD, EACCES,
	  "the file may not be read by this process" },
	{ KEVENT_INODE, ADD, ENOENT,
	  "the last name of the file is being removed" },
	{ KEVENT_INODE, ADD, ENOSPC,
	  "the user's limit of watches or of memory for records is reached, or of watches of this file" },

	{ KEVENT_PROC, ADD, EINVAL,
	  "neither a pidfd nor a pid with KEVENT_PROC_PID, or that of a thread; or an event, flag or parameter that a process's watch does not take" },
	{ KEVENT_PROC, CHANGES, ESRCH,
	  "no such process, or it has been waited for" },
	{ KEVENT_PROC, CHANGES, ECHILD,
	  "the pid is not that of a child of this process; use a pidfd" },

	{ KEVENT_UNOTIFY, ADD, ENOSPC,
	  "the user's limit of watches, or of memory for payloads, is reached" },
	{ KEVENT_UNOTIFY, MODIFY | READY, EAGAIN,
	  "the watch has no room for one more payload, or its ADD has not returned" },
	{ KEVENT_UNOTIFY, READY, EINVAL,
	  "none of these bits is asked for by the watch, or an unknown flag" },

	{ KEVENT_AIO, REMOVE, ENOENT,
	  "no such transfer: it has ended, or the call that began it has not returned" },
	{ KEVENT_AIO, ADD | MODIFY | READY, EINVAL,
	  "a transfer is made by its own call and ended by REMOVE; nothing else can be done to it" },

	{ TYPE_ANY, ADD, EEXIST,
	  "this queue watches it already; MODIFY changes that watch" },
	{ TYPE_ANY, ADD, ENOSPC,
	  "the user's limit of watches is reached, or of watches of this file" },
	{ TYPE_ANY, REMOVE, ENOENT,
	  "this queue has no such watch" },
	{ TYPE_ANY, MODIFY | READY, ENOENT,
	  "this queue has no such watch, or it was a one-shot and has had its event" },
	{ TYPE_ANY, MODIFY, EINVAL,
	  "an event or flag that the watch does not take, EXCLUSIVE or PAYLOAD not as ADD had it, or parameters with a cookie" },
	{ TYPE_ANY, REMOVE | READY, EINVAL,
	  "an unknown type or flag, the queue itself, or bits that the watch does not ask for" },
	{ TYPE_ANY, CHANGES, EBADF,
	  "the descriptor is not open" },
	{ TYPE_ANY, CHANGES, EINVAL,
	  "an unknown type or command, or an event, flag or parameter that the type does not take" },
	{ TYPE_ANY, CHANGES, EOPNOTSUPP,
	  "this kernel does not support watches of this type" },
	{ TYPE_ANY, CHANGES, ENOMEM,
	  "the kernel has no memory for it" },
};

/* Of calls, and of changes that are calls.  0: of any call. */
static const struct call_text {
	unsigned long call;
	int error;
	const char *text;
} call_texts[] = {
	{ KEVENT_IOC_INIT, EBUSY, "the queue is initialised already" },
	{ KEVENT_IOC_INIT, EINVAL,
	  "the size of the ring is not a power of two or too large, or an unknown policy or flag" },
	{ KEVENT_IOC_INIT, ENOSPC,
	  "the user's limit of memory for rings, records and payloads is reached" },

	{ KEVENT_IOC_CTL, EINVAL,
	  "an unknown command, more entries than INFO allows, or a reserved field that is not 0" },

	{ KEVENT_IOC_GET_EVENTS, EINVAL,
	  "a maximum of 0 or beyond what INFO allows, a minimum beyond the maximum or the ring, or a bad timeout, clock, signal set or flag" },
	{ KEVENT_IOC_GET_EVENTS, EFAULT,
	  "the array for the events is not in the program's memory; no event is lost" },

	{ KEVENT_IOC_GET_EVENTS, EAGAIN,
	  "there is no event, and the queue is O_NONBLOCK" },

	{ KEVENT_IOC_WAIT, EAGAIN,
	  "there are too few events, and the queue is O_NONBLOCK" },
	{ KEVENT_IOC_WAIT, EINVAL,
	  "a minimum beyond the ring, too many changes, an index to commit that nobody has claimed, or a bad timeout, clock, signal set or flag" },
	{ KEVENT_IOC_WAIT, EOVERFLOW, "the index to commit is not in the ring" },

	{ KEVENT_IOC_COMMIT, EINVAL, "nobody has claimed these slots, or a bad flag" },
	{ KEVENT_IOC_COMMIT, EOVERFLOW, "the index is not in the ring" },
	{ KEVENT_IOC_COMMIT, EAGAIN,
	  "other threads change the ring's indices all the time" },

	{ KEVENT_IOC_READ, ENOENT, "this queue has no such watch" },
	{ KEVENT_IOC_READ, EINVAL,
	  "watches of this type have no records, or the first record needs more room" },
	{ KEVENT_IOC_READ, EINTR,
	  "a signal came while another thread was reading records of this watch" },

	{ KEVENT_IOC_AIO_SENDFILE, EBADF,
	  "a descriptor is not open, or the file is not open for reading" },
	{ KEVENT_IOC_AIO_SENDFILE, EMFILE,
	  "the user's running transfers hold as many files as RLIMIT_NOFILE allows" },
	{ KEVENT_IOC_AIO_SENDFILE_PATH, EBADF, "the socket's descriptor is not open" },
	{ KEVENT_IOC_AIO_SENDFILE_PATH, EMFILE,
	  "as many descriptors are open as RLIMIT_NOFILE allows, or the user's running transfers hold as many files" },
	{ KEVENT_IOC_AIO_SENDFILES, EBADF,
	  "a descriptor is not open, or the file is not open for reading" },
	{ KEVENT_IOC_AIO_SENDFILES, EMFILE,
	  "the user's running transfers hold as many files as RLIMIT_NOFILE allows" },

	{ 0, EINTR, "a signal came first" },
	{ 0, ENXIO, "the queue is not initialised, or has no ring" },
	{ 0, EFAULT, "an address that is not in the program's memory" },
	{ 0, E2BIG,
	  "the program was built for a newer module, and asks for something that this one does not know" },
	{ 0, ENOTTY, "the descriptor is no queue, or the module does not know this call" },
	{ 0, EBADF, "the queue's descriptor is not open" },
	{ 0, EINVAL, "an unknown flag, or a reserved field that is not 0" },
	{ 0, ENOMEM, "the kernel has no memory for it" },
};

/* What the calls that send have in common. */
static const struct call_text transfer_texts[] = {
	{ 0, EINVAL,
	  "not a stream socket, not a regular file with content of its own, opened with O_DIRECT, or a bad offset, header size or flag" },
	{ 0, ENOTSOCK, "the descriptor to send to is no socket" },
	{ 0, ENOSPC,
	  "the user's limit of watches, or of memory for headers, is reached" },
	{ 0, EOPNOTSUPP, "on this kernel files cannot be sent" },
	{ 0, ESPIPE, "the file cannot be read at an offset" },
	{ 0, ENOENT, "no such file" },
	{ 0, EACCES,
	  "the file may not be read by this process, or a directory of its path may not be searched" },
	{ 0, ENAMETOOLONG, "the name of the file is too long" },
};

static const char *find_change(unsigned int command, unsigned int type, int error)
{
	const struct change_text *t;
	size_t i;

	for (i = 0; i < sizeof(change_texts) / sizeof(change_texts[0]); i++) {
		t = &change_texts[i];
		if (t->error == error && (t->commands & 1u << command) &&
		    (t->type == TYPE_ANY || (unsigned int)t->type == type))
			return t->text;
	}
	return NULL;
}

static const char *find_call(const struct call_text *texts, size_t num,
			     unsigned long call, int error)
{
	size_t i;

	for (i = 0; i < num; i++)
		if (texts[i].error == error &&
		    (!texts[i].call || texts[i].call == call))
			return texts[i].text;
	return NULL;
}

#define FIND_CALL(texts, call, error) \
	find_call(texts, sizeof(texts) / sizeof((texts)[0]), call, error)

const char *kevent_strerror(unsigned long call, unsigned int type, int error)
{
	const char *text = NULL;

	call = (unsigned int)call;	/* an int of another language, extended */
	if (call < KEVENT_CTL_MIXED)
		text = find_change((unsigned int)call, type, error);
	else if (call == KEVENT_IOC_AIO_SENDFILE ||
		 call == KEVENT_IOC_AIO_SENDFILE_PATH ||
		 call == KEVENT_IOC_AIO_SENDFILES)
		text = FIND_CALL(transfer_texts, 0, error);
	if (!text)
		text = FIND_CALL(call_texts, call, error);
	return text ? text : strerror(error);
}
