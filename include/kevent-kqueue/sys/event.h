/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * kqueue() and kevent() of the BSDs, as libkevent-kqueue has them: see kqueue(3), and
 * docs/kqueue.md for what differs.  Numbers and structures are those of FreeBSD.
 * What is not defined here is not supported.
 */
#ifndef KEVENT_KQUEUE_SYS_EVENT_H
#define KEVENT_KQUEUE_SYS_EVENT_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Filters; in brackets what ident is. */
#define EVFILT_READ		(-1)	/* (fd) something can be read */
#define EVFILT_WRITE		(-2)	/* (fd) something can be written */
#define EVFILT_VNODE		(-4)	/* (fd) something happened to the file */
#define EVFILT_PROC		(-5)	/* (pid) the process has exited */
#define EVFILT_SIGNAL		(-6)	/* (number) signals to this process */
#define EVFILT_TIMER		(-7)	/* (any number) time has passed */
#define EVFILT_PROCDESC		(-8)	/* (pidfd) the process has exited */
#define EVFILT_USER		(-11)	/* (any number) NOTE_TRIGGER */

/* What a change does. */
#define EV_ADD			0x0001	/* add, or change what is there */
#define EV_DELETE		0x0002	/* delete */
#define EV_ENABLE		0x0004	/* report */
#define EV_DISABLE		0x0008	/* keep, but do not report */
#define EV_KEEPUDATA		0x0200	/* do not change udata */
#define EV_RECEIPT		0x0040	/* report the result, by EV_ERROR */

/* How to report, given with EV_ADD. */
#define EV_ONESHOT		0x0010	/* once, and then EV_DELETE */
#define EV_CLEAR		0x0020	/* what is new since it was reported */
#define EV_DISPATCH		0x0080	/* once, and then EV_DISABLE */

/* What came back. */
#define EV_EOF			0x8000	/* the end, in one direction */
#define EV_ERROR		0x4000	/* of a change: data is its errno */
#define EV_SYSFLAGS		0xf000	/* not looked at in a change */

/* EVFILT_READ, EVFILT_WRITE */
#define NOTE_LOWAT		0x00000001	/* data: at least so many bytes */
#define NOTE_FILE_POLL		0x00000002	/* a file is always ready */

/* EVFILT_VNODE */
#define NOTE_DELETE		0x00000001	/* a name of it was removed */
#define NOTE_WRITE		0x00000002	/* written; directory: changed */
#define NOTE_EXTEND		0x00000004	/* has become longer */
#define NOTE_ATTRIB		0x00000008	/* its attributes have changed */
#define NOTE_LINK		0x00000010	/* its number of links has changed */
#define NOTE_RENAME		0x00000020	/* it was renamed */
#define NOTE_REVOKE		0x00000040	/* never comes: Linux has none */
#define NOTE_OPEN		0x00000080	/* somebody opened it */
#define NOTE_CLOSE		0x00000100	/* closed, was not open for writing */
#define NOTE_CLOSE_WRITE	0x00000200	/* closed, was open for writing */
#define NOTE_READ		0x00000400	/* somebody read it */

/* EVFILT_PROC, EVFILT_PROCDESC */
#define NOTE_EXIT		0x80000000u	/* data: the status */
#define NOTE_EXITSTATUS		0x04000000u	/* of macOS: returned with a status */

/* EVFILT_TIMER: the unit of data, else milliseconds. */
#define NOTE_SECONDS		0x00000001
#define NOTE_MSECONDS		0x00000002
#define NOTE_USECONDS		0x00000004
#define NOTE_NSECONDS		0x00000008
#define NOTE_ABSTIME		0x00000010	/* data: since 1970 */
#define NOTE_ABSOLUTE		NOTE_ABSTIME	/* its name on macOS */

/* EVFILT_USER: how the 24 lower bits of fflags change those that are kept. */
#define NOTE_FFNOP		0x00000000u
#define NOTE_FFAND		0x40000000u
#define NOTE_FFOR		0x80000000u
#define NOTE_FFCOPY		0xc0000000u
#define NOTE_FFCTRLMASK		0xc0000000u
#define NOTE_FFLAGSMASK		0x00ffffffu
#define NOTE_TRIGGER		0x01000000u	/* report */

/**
 * struct kevent - a change, or an event
 * @ident: what it is about; the filter says what that is.
 * @filter: EVFILT_*.
 * @flags: EV_*.
 * @fflags: of the filter: NOTE_*; in an event with EV_EOF the socket's error.
 * @data: of the filter: bytes, expiries, a status.
 * @udata: returned as it is.
 * @ext: likewise.
 */
struct kevent {
	uintptr_t ident;
	short filter;
	unsigned short flags;
	unsigned int fflags;
	int64_t data;
	void *udata;
	uint64_t ext[4];
};

#define EV_SET(kevp_, ident_, filter_, flags_, fflags_, data_, udata_) do {	\
	struct kevent *ev_set_ = (kevp_);					\
										\
	ev_set_->ident = (uintptr_t)(ident_);					\
	ev_set_->filter = (short)(filter_);					\
	ev_set_->flags = (unsigned short)(flags_);				\
	ev_set_->fflags = (unsigned int)(fflags_);				\
	ev_set_->data = (int64_t)(data_);					\
	ev_set_->udata = (void *)(udata_);					\
	ev_set_->ext[0] = 0;							\
	ev_set_->ext[1] = 0;							\
	ev_set_->ext[2] = 0;							\
	ev_set_->ext[3] = 0;							\
} while (0)

#define KQUEUE_CLOEXEC		0x00000001u	/* kqueuex() */

int kqueue(void);
int kqueuex(unsigned int flags);
int kqueue1(int flags);
int kevent(int kq, const struct kevent *changelist, int nchanges,
	   struct kevent *eventlist, int nevents,
	   const struct timespec *timeout);

#ifdef __cplusplus
}
#endif

#endif /* KEVENT_KQUEUE_SYS_EVENT_H */
