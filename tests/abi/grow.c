// SPDX-License-Identifier: GPL-2.0
/* Structures may grow: calls of programs that are newer, and older, than the module. */
#include "../source/aio.h"
#include "../source/signals.h"

#include <stddef.h>

/*
 * The size of a structure is part of a call's number.  What a newer program has
 * at its end must be 0, or nothing is done; what an older one does not have is 0.
 */
#define LARGEST		((1u << _IOC_SIZEBITS) - 1)

/**
 * struct fixture - a queue, and a call of it that can be seen to be carried out
 * @q: the queue.
 * @ring: its ring.
 * @uk: what the call points to.
 * @record: likewise.
 * @sleeper: who is asleep in the queue.
 * @fds: a pair of sockets.
 * @file: to be sent.
 * @arg: the structure of the call, as this version has it.
 */
struct fixture {
	int q;
	struct kevent_ring ring;
	struct ukevent uk;
	struct kevent_record_signal record;
	struct kev_sleeper sleeper;
	int fds[2];
	int file;
	union {
		struct kevent_ioc_init init;
		struct kevent_ioc_ctl ctl;
		struct kevent_ioc_get get;
		struct kevent_ioc_wait wait;
		struct kevent_ioc_commit commit;
		struct kevent_ioc_wake wake;
		struct kevent_ioc_sendfile sf;
		struct kevent_ioc_sendfiles several;
		struct kevent_ioc_read read;
		struct ukevent change;
	} arg;
};

/**
 * struct call - a call
 * @cmd: its number in this version.
 * @min: bytes that the oldest programs have.
 * @prepare: fills in the fixture.
 * @check: fails unless the call was carried out, or was not.
 * @ret: what it returns; -1: any fd, which is closed.
 */
struct call {
	unsigned int cmd;
	size_t min;
	void (*prepare)(struct fixture *f);
	void (*check)(struct fixture *f, bool done);
	int ret;
};

static void drop(struct fixture *f)
{
	if (f->ring.kernel)
		kevent_ring_unmap(&f->ring);
	close(f->q);
	close(f->fds[0]);
	close(f->fds[1]);
	close(f->file);
}

/* ---- One of each ------------------------------------------------------------ */

static void init_prepare(struct fixture *f)
{
	f->q = CHECK_OK(kevent_open());
	f->arg.init.ring_size = 4;
	f->arg.init.first_index = 77;
}

static void init_check(struct fixture *f, bool done)
{
	if (!done) {
		CHECK_ERRNO(kevent_wake(f->q, 1), ENXIO);
		return;
	}
	CHECK_EQ(f->arg.init.entries_len, sysconf(_SC_PAGESIZE));
	CHECK_EQ(kevent_ring_map(&f->ring, f->q, &f->arg.init), 0);
	CHECK_EQ(f->ring.kernel->size, 4);
	CHECK_EQ(f->ring.kernel->tail, 77);
}

static void ctl_prepare(struct fixture *f)
{
	f->q = kev_queue(&f->ring, 8);
	kevent_prep(&f->uk, KEVENT_UNOTIFY, 5, 1, 0, 5);
	f->arg.ctl.cmd = KEVENT_CTL_ADD;
	f->arg.ctl.num = 1;
	f->arg.ctl.events = (uintptr_t)&f->uk;
}

static void ctl_check(struct fixture *f, bool done)
{
	CHECK_EQ(watches_of(f->q), done);
	CHECK_EQ(f->arg.ctl.done, done);
	CHECK_EQ(!!f->uk.cookie, done);
}

static void get_prepare(struct fixture *f)
{
	f->q = kev_queue(&f->ring, 8);
	kev_add_user(f->q, 5);
	kev_fire(f->q, 5, 1);
	f->arg.get.events = (uintptr_t)&f->uk;
	f->arg.get.max = 1;
}

static void get_check(struct fixture *f, bool done)
{
	CHECK_EQ(f->uk.ptr, done ? 5 : 0);
	CHECK_EQ(kev_seen(&f->ring), done);
}

static void wait_prepare(struct fixture *f)
{
	f->q = kev_queue(&f->ring, 8);
	kevent_prep(&f->uk, KEVENT_UNOTIFY, 5, 1,
		    KEVENT_REQ_CMD(KEVENT_CTL_ADD), 5);
	f->arg.wait.changes = (uintptr_t)&f->uk;
	f->arg.wait.nchanges = 1;
}

static void wait_check(struct fixture *f, bool done)
{
	CHECK_EQ(watches_of(f->q), done);
	CHECK_EQ(f->arg.wait.done, done);
}

static void commit_prepare(struct fixture *f)
{
	get_prepare(f);
	memset(&f->arg, 0, sizeof(f->arg));
	kev_claim_to(&f->ring, 1);
	f->arg.commit.head = 1;
}

static void commit_check(struct fixture *f, bool done)
{
	CHECK_EQ(kev_head(&f->ring), done);
}

static void wake_prepare(struct fixture *f)
{
	f->q = kev_queue(&f->ring, 8);
	kev_sleeper_prep(&f->sleeper, f->q);
	kev_sleeper_start(&f->sleeper);
	f->arg.wake.num = 1;
}

static void wake_check(struct fixture *f, bool done)
{
	if (done)
		CHECK_EQ(kev_sleeper_join(&f->sleeper), 0);
	else
		CHECK(!kev_sleeper_over(&f->sleeper));
}

static void sendfile_prepare(struct fixture *f)
{
	f->q = kev_queue(&f->ring, 8);
	unix_pair(SOCK_STREAM, f->fds);
	f->file = file_make(100);
	f->arg.sf.sock = f->fds[0];
	f->arg.sf.in_fd = f->file;
	f->arg.sf.count = KEVENT_AIO_TO_END;
	f->arg.sf.ptr = 5;
}

static void sendfile_path_prepare(struct fixture *f)
{
	static char path[64];

	sendfile_prepare(f);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->file);
	f->arg.sf.in_fd = 0;
	f->arg.sf.path = (uintptr_t)path;
}

static void sent_check(struct fixture *f, bool done, const struct ukevent *result)
{
	char buf[200];

	if (done)
		CHECK_EQ(read(f->fds[1], buf, sizeof(buf)), 100);
	else
		CHECK_ERRNO(read(f->fds[1], buf, sizeof(buf)), EAGAIN);
	CHECK_EQ(!!(result->ret_flags & KEVENT_RET_DONE), done);
}

static void sendfile_check(struct fixture *f, bool done)
{
	sent_check(f, done, &f->arg.sf.result);
}

static struct kevent_ioc_sendfile several[1];

static void sendfiles_prepare(struct fixture *f)
{
	sendfile_prepare(f);
	several[0] = f->arg.sf;
	memset(&f->arg, 0, sizeof(f->arg));
	f->arg.several.transfers = (uintptr_t)several;
	f->arg.several.num = 1;
}

static void sendfiles_check(struct fixture *f, bool done)
{
	sent_check(f, done, &several[0].result);
}

static void read_prepare(struct fixture *f)
{
	f->q = kev_queue(&f->ring, 8);
	signal(SIGUSR1, SIG_IGN);
	f->arg.read.cookie = add_signal(f->q, SIGUSR1, 0).cookie;
	raise(SIGUSR1);
	f->arg.read.buf = (uintptr_t)&f->record;
	f->arg.read.len = sizeof(f->record);
}

static void read_check(struct fixture *f, bool done)
{
	CHECK_EQ(f->record.signo, done ? SIGUSR1 : 0);
}

static void change_prepare(struct fixture *f)
{
	f->q = kev_queue(&f->ring, 8);
	kevent_prep(&f->arg.change, KEVENT_UNOTIFY, 5, 1,
		    KEVENT_REQ_CMD(KEVENT_CTL_ADD), 5);
}

static void change_check(struct fixture *f, bool done)
{
	CHECK_EQ(watches_of(f->q), done);
	CHECK_EQ(!!f->arg.change.cookie, done);
}

/* ---- Sizes ------------------------------------------------------------------ */

/*
 * Makes the call with a structure of size bytes, behind which there is nothing, and
 * with a byte in it that this version has no name for.
 */
static int call_sized(struct fixture *f, const struct call *c, size_t size,
		      size_t where, char byte)
{
	size_t known = _IOC_SIZE(c->cmd), n = size < known ? size : known;
	char *p = kev_fault_after(size, PROT_NONE);
	int ret;

	memcpy(p, &f->arg, n);
	if (size > known)
		p[where] = byte;
	ret = ioctl(f->q, _IOC(_IOC_DIR(c->cmd), KEVENT_IOC_MAGIC,
			       _IOC_NR(c->cmd), size), p);
	memcpy(&f->arg, p, n);
	return ret;
}

static void make(struct fixture *f, const struct call *c)
{
	memset(f, 0, sizeof(*f));
	f->fds[0] = -1;
	f->fds[1] = -1;
	f->file = -1;
	c->prepare(f);
}

static void expect_done(struct fixture *f, const struct call *c, size_t size)
{
	int ret = CHECK_OK(call_sized(f, c, size, size - 1, 0));

	if (c->ret >= 0)
		CHECK_EQ(ret, c->ret);
	else
		close(ret);
	c->check(f, true);
}

/* A program of this size is served. */
static void works(const struct call *c, size_t size)
{
	struct fixture f;

	make(&f, c);
	expect_done(&f, c, size);
	drop(&f);
}

/* Nothing is done; the same with what is known is as if nothing had been. */
static void refused(const struct call *c, size_t size, size_t where, int error)
{
	struct fixture f;

	make(&f, c);
	CHECK_ERRNO(call_sized(&f, c, size, where, 1), error);
	c->check(&f, false);
	expect_done(&f, c, _IOC_SIZE(c->cmd));
	drop(&f);
}

static void newer(const struct call *c)
{
	const size_t known = _IOC_SIZE(c->cmd);
	const size_t sizes[] = { known + 1, known + 8, known + 64, 4096, LARGEST };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		works(c, sizes[i]);
		refused(c, sizes[i], known, E2BIG);
		refused(c, sizes[i], sizes[i] - 1, E2BIG);
	}
}

static void older(const struct call *c)
{
	size_t size;

	for (size = c->min; size <= _IOC_SIZE(c->cmd); size++)
		works(c, size);
	for (size = 0; size < c->min; size++)
		refused(c, size, 0, ENOTTY);
}

static void check_call(const struct call *c)
{
	newer(c);
	older(c);
}

#define CALL_TEST(name_, cmd_, last_, type_, prepare_, check_, ret_)	\
	TEST_TIMEOUT(name_, 60)						\
	{								\
		static const struct call c = {				\
			.cmd = cmd_,					\
			.min = offsetof(type_, last_) +			\
			       sizeof(((type_ *)NULL)->last_),		\
			.prepare = prepare_,				\
			.check = check_,				\
			.ret = ret_,					\
		};							\
									\
		check_call(&c);						\
	}

CALL_TEST(init, KEVENT_IOC_INIT, entries_len, struct kevent_ioc_init,
	  init_prepare, init_check, 0)
CALL_TEST(ctl, KEVENT_IOC_CTL, failed, struct kevent_ioc_ctl, ctl_prepare,
	  ctl_check, 0)
CALL_TEST(get_events, KEVENT_IOC_GET_EVENTS, flags, struct kevent_ioc_get,
	  get_prepare, get_check, 1)
CALL_TEST(wait, KEVENT_IOC_WAIT, tail, struct kevent_ioc_wait, wait_prepare,
	  wait_check, 0)
CALL_TEST(commit, KEVENT_IOC_COMMIT, flags, struct kevent_ioc_commit,
	  commit_prepare, commit_check, 1)
CALL_TEST(wake, KEVENT_IOC_WAKE, num, struct kevent_ioc_wake, wake_prepare,
	  wake_check, 1)
CALL_TEST(sendfile, KEVENT_IOC_AIO_SENDFILE, result, struct kevent_ioc_sendfile,
	  sendfile_prepare, sendfile_check, 1)
CALL_TEST(sendfile_path, KEVENT_IOC_AIO_SENDFILE_PATH, result,
	  struct kevent_ioc_sendfile, sendfile_path_prepare, sendfile_check, -1)
CALL_TEST(sendfiles, KEVENT_IOC_AIO_SENDFILES, reserved,
	  struct kevent_ioc_sendfiles, sendfiles_prepare, sendfiles_check, 1)
CALL_TEST(read, KEVENT_IOC_READ, lost, struct kevent_ioc_read, read_prepare,
	  read_check, sizeof(struct kevent_record_signal))
CALL_TEST(change, KEVENT_IOC_CHANGE, data2, struct ukevent, change_prepare,
	  change_check, 0)

/* ---- INFO: the size is a field of its own ------------------------------------ */

/* As much as the program knows is filled in, and no more. */
static void info_of_size(int q, size_t size)
{
	size_t known = sizeof(struct kevent_ioc_info), i;
	struct kevent_ioc_info whole, *info;
	unsigned char *p;

	CHECK_EQ(kevent_info(q, &whole), 0);
	p = kev_fault_after(size, PROT_NONE);
	memset(p, 0xa5, size);
	info = (struct kevent_ioc_info *)p;
	info->size = size;
	CHECK_EQ(ioctl(q, _IOWR(KEVENT_IOC_MAGIC, 0, struct kevent_ioc_info),
		       info), 0);
	whole.size = size < known ? size : known;
	CHECK_EQ(memcmp(info, &whole, whole.size), 0);
	for (i = known; i < size; i++)
		CHECK_EQ(p[i], 0xa5);
}

TEST(info)
{
	const size_t min = offsetof(struct kevent_ioc_info, features);
	struct kevent_ioc_info info = { 0 };
	int q = kev_queue(NULL, 0);
	size_t size;

	for (size = min; size <= sizeof(info) + 16; size++)
		info_of_size(q, size);
	info_of_size(q, LARGEST);
	for (size = 0; size < min; size++) {
		info.size = size;
		CHECK_ERRNO(ioctl(q, KEVENT_IOC_INFO, &info), EINVAL);
		CHECK_EQ(info.abi, 0);
	}
	/* by the number of the call: as the others */
	info.size = min;
	CHECK_EQ(ioctl(q, _IOWR(KEVENT_IOC_MAGIC, 0, char[8]), &info), 0);
	CHECK_EQ(info.abi, KEVENT_ABI_VERSION);
	CHECK_ERRNO(ioctl(q, _IOWR(KEVENT_IOC_MAGIC, 0, char[4]), &info), ENOTTY);
}
