// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Which kqueues there are, and which fd is whose.
 *
 * Fds are closed, duplicated and moved without our being told.  So each kqueue has a
 * watch of its own, the token, and whether a queue has it tells what kqueue it is.  This
 * is asked before each changelist, and before a wait if the number is not known to be a
 * kqueue's.  Where kqs are looked for by fd, the number that was right last time is tried
 * first.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kq.h"

#define KQ_MAX		65536	/* kqueues of a process */

/* kq_registry: to write; slots up to kq_top are never emptied. */
static pthread_mutex_t kq_registry = PTHREAD_MUTEX_INITIALIZER;
static struct kq *kq_all[KQ_MAX];
static unsigned int kq_top;

/* kq_registry: to write; from kq_fds_top on nothing was ever written. */
uint64_t kq_fds[KQ_FDS];
static unsigned int kq_fds_top;

/* Of this process, so that queues from others are told from its own. */
static uint32_t kq_secret;

void kq_lock(struct kq *kq)
{
	kq_enter();
	pthread_mutex_lock(&kq->lock);
}

void kq_unlock(struct kq *kq)
{
	pthread_mutex_unlock(&kq->lock);
	kq_leave();
}

static void kq_registry_lock(void)
{
	kq_enter();
	pthread_mutex_lock(&kq_registry);
}

static void kq_registry_unlock(void)
{
	pthread_mutex_unlock(&kq_registry);
	kq_leave();
}

static unsigned int kq_slot(const struct kq *kq)
{
	return kq->id & (KQ_MAX - 1);
}

/* ---- Whose fd is it? --------------------------------------------------- */

/* The inner queues have another one, so that none is taken for the kqueue. */
struct ukevent kq_token(const struct kq *kq, bool inner)
{
	struct ukevent uk = {
		.type = KEVENT_UNOTIFY,
		.event = 1,
		.req_flags = KEVENT_REQ_ALWAYS_QUEUE,
		.ptr = kq_ptr(kq, KQ_INDEX_TOKEN),
	};

	uk.id.raw_u64 = inner ? ~kq->token : kq->token;
	return uk;
}

/* 0: the fd is this kqueue's; ENOENT: another queue's; else it is no queue's. */
int kq_check(int fd, const struct kq *kq)
{
	struct ukevent uk = kq_token(kq, false);

	return kq_call(fd, KEVENT_CTL_MODIFY, &uk);
}

static bool kq_is_inner(int fd, const struct kq *kq)
{
	struct ukevent uk = kq_token(kq, true);

	return !kq_call(fd, KEVENT_CTL_MODIFY, &uk);
}

static void kq_remember(int fd, const struct kq *kq)
{
	const unsigned int i = kq_fds_index(fd);

	__atomic_store_n(&kq_fds[i], ((uint64_t)fd + 1) << 32 | kq_slot(kq),
			 __ATOMIC_RELEASE);
	if (i >= kq_fds_top)
		kq_fds_top = i + 1;
}

static void kq_forget(unsigned int i)
{
	__atomic_store_n(&kq_fds[i], 0, __ATOMIC_RELAXED);
}

static struct kq *kq_of_known(uint64_t e)
{
	return kq_all[e & (KQ_MAX - 1)];
}

/* All that was its. */
static void kq_forget_all(const struct kq *kq)
{
	unsigned int i;

	for (i = 0; i < kq_fds_top; i++)
		if (kq_fds[i] && kq_of_known(kq_fds[i]) == kq)
			kq_forget(i);
}

/* Whose it was when that was last asked. */
static struct kq *kq_guess(int fd)
{
	const uint64_t e = kq_known(fd);

	return e ? kq_of_known(e) : NULL;
}

/* Changes when the number becomes another kqueue's. */
uint32_t kq_use(int fd)
{
	const struct kq *kq = kq_guess(fd);

	return kq ? __atomic_load_n(&kq->id, __ATOMIC_RELAXED) : 0;
}

/* Asks for each kqueue.  NULL: none. */
static struct kq *kq_search(int fd)
{
	struct kq *kq = NULL, *found = NULL;
	int err = ENOENT;
	unsigned int i;

	kq_registry_lock();
	for (i = 0; i < kq_top && err == ENOENT; i++) {
		kq = kq_all[i];
		if (!kq->used)
			continue;
		err = kq_check(fd, kq);
		if (!err)
			found = kq;
	}
	if (found)
		kq_remember(fd, found);
	else if (kq_known(fd))
		kq_forget(kq_fds_index(fd));
	kq_registry_unlock();
	return found;
}

/* Is it this one's?  It holds the lock then. */
static bool kq_try(struct kq *kq, int fd)
{
	kq_lock(kq);
	if (kq->used && !kq_check(fd, kq)) {
		kq->fd = fd;
		return true;
	}
	kq_unlock(kq);
	return false;
}

/* The kqueue of an fd, locked; NULL: EBADF. */
struct kq *kq_get_locked(int fd)
{
	struct kq *kq = kq_guess(fd);

	if (kq && kq_try(kq, fd))
		return kq;
	kq = kq_search(fd);
	return kq && kq_try(kq, fd) ? kq : NULL;
}

/* The kq whose note a ptr names, if it is one; not locked. */
struct kq *kq_of_ptr(uint64_t ptr)
{
	unsigned int slot = (uint32_t)(ptr >> 32) & (KQ_MAX - 1);

	return __atomic_load_n(&kq_all[slot], __ATOMIC_ACQUIRE);
}

/* ---- The end ----------------------------------------------------------- */

/* A program that closes all fds closes these as well. */
static void kq_close_inner(const struct kq *kq)
{
	int i;

	for (i = 0; i < KQ_INNER; i++)
		if (kq->inner[i] >= 0 && kq_is_inner(kq->inner[i], kq))
			close(kq->inner[i]);
}

/* All but its memory.  Locked, or nobody else is there. */
static void kq_end(struct kq *kq)
{
	kq_notes_close(kq);
	kq_close_inner(kq);
	kq->used = false;
}

/* Is any other fd of the process this kqueue's?  Its first thread may have exited. */
static bool kq_has_other_fd(struct kq *kq, dev_t device)
{
	DIR *dir = opendir("/proc/thread-self/fd");
	const struct dirent *d;
	bool found = false;
	struct stat st;
	int fd;

	/* it can't be told: then it is not given up */
	if (!dir)
		return true;
	while (!found && (d = readdir(dir))) {
		fd = atoi(d->d_name);
		if (d->d_name[0] == '.' || fstat(fd, &st) || !S_ISCHR(st.st_mode) ||
		    st.st_rdev != device || kq_check(fd, kq))
			continue;
		kq->fd = fd;
		kq_remember(fd, kq);
		found = true;
	}
	closedir(dir);
	return found;
}

/* Its fd was closed without our being told. */
static void kq_sweep(struct kq *kq, dev_t device)
{
	kq_lock(kq);
	if (kq->used && kq_check(kq->fd, kq) && !kq_has_other_fd(kq, device)) {
		kq_forget_all(kq);
		kq_end(kq);
		kq_notes_free(kq);
	}
	kq_unlock(kq);
}

/*
 * A new kqueue has this fd.  Who had it before is gone, perhaps; and so that what is
 * left of others does not stay for long, one more is looked at each time.
 */
static void kq_sweep_some(int fd)
{
	static unsigned int next;
	struct stat st;
	unsigned int i;

	if (!kq_top || fstat(fd, &st))
		return;
	for (i = 0; i < kq_top; i++)
		if (kq_all[i]->used && kq_all[i]->fd == fd)
			kq_sweep(kq_all[i], st.st_rdev);
	next = (next + 1) % kq_top;
	kq_sweep(kq_all[next], st.st_rdev);
}

/* ---- fork: a child has none -------------------------------------------- */

/*
 * By a handler of a signal that has interrupted a call, or fork() itself: the locks may be
 * held by this very thread. They are left alone, and in the child the call goes on when the
 * handler returns. How often that is the case just now.
 */
static KQ_THREAD int kq_forks_inside;
static KQ_THREAD int kq_fork_cancel;

static void kq_fork_prepare(void)
{
	unsigned int i;
	int state;

	if (kq_is_inside()) {
		kq_forks_inside++;
		return;
	}
	state = kq_cancel_off();
	kq_registry_lock();
	kq_fork_cancel = state;
	for (i = 0; i < kq_top; i++)
		kq_lock(kq_all[i]);
}

static void kq_fork_parent(void)
{
	const int state = kq_fork_cancel;
	unsigned int i;

	if (kq_forks_inside) {
		kq_forks_inside--;
		return;
	}
	for (i = kq_top; i-- > 0;)
		kq_unlock(kq_all[i]);
	kq_registry_unlock();
	kq_cancel_back(state);
}

static void kq_fork_close_one(int fd, const struct kq *kq)
{
	if (kq->used && !kq_check(fd, kq))
		close(fd);
}

/* The fds by which they are known, that is: there may be others. */
static void kq_fork_close(void)
{
	unsigned int i;
	uint64_t e;

	for (i = 0; i < kq_top; i++) {
		kq_fork_close_one(kq_all[i]->fd, kq_all[i]);
		kq_fork_close_one(kq_all[i]->first_fd, kq_all[i]);
	}
	for (i = 0; i < kq_fds_top; i++) {
		e = kq_fds[i];
		if (!e)
			continue;
		kq_fork_close_one((int)(e >> 32) - 1, kq_of_known(e));
		kq_forget(i);
	}
}

/* The call that goes on needs it, but no queue is to be taken for it any more. */
static void kq_fork_disown(struct kq *kq)
{
	kq_close_inner(kq);
	kq->token += 1ull << 32;
}

/* A handler that forks may have interrupted malloc() or stdio: what needs them waits. */
static void kq_fork_child(void)
{
	const int state = kq_cancel_off();
	unsigned int i;

	kq_fork_close();
	for (i = 0; i < kq_top; i++) {
		if (!kq_all[i]->used)
			continue;
		if (kq_forks_inside)
			kq_fork_disown(kq_all[i]);
		else
			kq_end(kq_all[i]);
	}
	kq_secret = 0;
	kq_cancel_back(state);
	kq_fork_parent();
}

/* ---- Making ------------------------------------------------------------ */

/* Once for each process: a child makes a secret of its own. */
static int kq_start(void)
{
	static bool registered;
	int err;

	if (!registered) {
		err = pthread_atfork(kq_fork_prepare, kq_fork_parent, kq_fork_child);
		if (err)
			return err;
		registered = true;
	}
	while (!kq_secret)
		if (getrandom(&kq_secret, sizeof(kq_secret), GRND_NONBLOCK) < 0)
			kq_secret = (uint32_t)getpid();
	return 0;
}

/* One that is not used; NULL: there can't be more, or no memory. */
static struct kq *kq_unused(void)
{
	struct kq *kq;
	unsigned int i;

	for (i = 0; i < kq_top; i++)
		if (!kq_all[i]->used)
			return kq_all[i];
	if (kq_top == KQ_MAX) {
		errno = EMFILE;
		return NULL;
	}
	kq = calloc(1, sizeof(*kq));
	if (!kq)
		return NULL;
	pthread_mutex_init(&kq->lock, NULL);
	kq->id = kq_top;
	kq->free = KQ_NONE;
	__atomic_store_n(&kq_all[kq_top], kq, __ATOMIC_RELEASE);
	/* only now: a signal handler that forks looks at all up to it */
	__atomic_store_n(&kq_top, kq_top + 1, __ATOMIC_RELEASE);
	return kq;
}

/* 0, or an errno. */
static int kq_init(struct kq *kq, int fd)
{
	struct ukevent uk;
	int i, err;

	/* in the child of a fork() they were left */
	kq_notes_free(kq);
	/* begins anywhere: events of another process's kqueue must not seem to be of ours */
	kq->id = kq_slot(kq) | (kq_secret + kq->uses++) * KQ_MAX;
	kq->token = (uint64_t)(kq_secret | 1u << 31) << 32 | kq->id;
	for (i = 0; i < KQ_INNER; i++)
		kq->inner[i] = -1;
	kq->fd = fd;
	kq->first_fd = fd;
	uk = kq_token(kq, false);
	err = kq_call(fd, KEVENT_CTL_ADD, &uk);
	kq->used = !err;
	return err;
}

static int kq_register(int fd)
{
	struct kq *kq;
	int err;

	kq_registry_lock();
	err = kq_start();
	if (!err) {
		kq_sweep_some(fd);
		kq = kq_unused();
		err = kq ? 0 : errno;
	}
	if (!err) {
		kq_lock(kq);
		err = kq_init(kq, fd);
		kq_unlock(kq);
	}
	if (!err)
		kq_remember(fd, kq);
	kq_registry_unlock();
	return err;
}

/* By a filter of system calls. */
static bool kq_is_forbidden(int error)
{
	return error == EPERM || error == EACCES || error == ENOSYS;
}

/* A queue of a module that is the one that we know.  -1: errno. */
static int kq_open(int flags)
{
	struct kevent_ioc_init init = { .policy = KEVENT_WAKE_LIFO };
	struct kevent_ioc_info info = { .size = sizeof(info) };
	int fd = open("/dev/kevent", O_RDWR | O_CLOEXEC | flags);
	int err = 0;

	if (fd < 0)
		return -1;
	if (ioctl(fd, KEVENT_IOC_INFO, &info) < 0)
		err = kq_is_forbidden(errno) ? errno : EPROTO;
	else if (info.abi != KEVENT_ABI_VERSION)
		err = EPROTO;
	else if (ioctl(fd, KEVENT_IOC_INIT, &init) < 0)
		err = errno;
	if (!err)
		return fd;
	close(fd);
	errno = err;
	return -1;
}

static int kq_make(int flags)
{
	int fd = kq_open(flags), err;

	if (fd < 0)
		return -1;
	err = kq_register(fd);
	if (!err)
		return fd;
	close(fd);
	errno = err;
	return -1;
}

static int kq_create(int flags)
{
	int state, fd;

	if (kq_is_inside()) {
		errno = EDEADLK;
		return -1;
	}
	state = kq_cancel_off();
	fd = kq_make(flags);
	kq_cancel_back(state);
	return fd;
}

KQ_PUBLIC int kqueue(void)
{
	return kq_create(0);
}

KQ_PUBLIC int kqueuex(unsigned int flags)
{
	if (flags & ~KQUEUE_CLOEXEC) {
		errno = EINVAL;
		return -1;
	}
	return kq_create(0);
}

KQ_PUBLIC int kqueue1(int flags)
{
	if (flags & ~(O_CLOEXEC | O_NONBLOCK)) {
		errno = EINVAL;
		return -1;
	}
	return kq_create(flags & O_NONBLOCK);
}
