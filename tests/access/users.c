// SPDX-License-Identifier: GPL-2.0
/* Tests what a user can't watch, and whose rights count when a queue is shared. */
#include "../source/posix_timer.h"
#include "../source/record.h"
#include "../source/signals.h"

#include <sys/wait.h>

#define OTHER_USER_ID (TEST_USER_ID + 1)

static int try_add(int q, unsigned int type, uint64_t id, unsigned int event)
{
	return kev_try(q, KEVENT_CTL_ADD, type, id, event, 0);
}

static uint64_t account_of(int q)
{
	struct kevent_ioc_info info;

	CHECK_OK(kevent_info(q, &info));
	return info.watches;
}

/* ---- Strangers ----------------------------------------------------------------- */

/* A process of somebody else, and what it has. */
struct stranger {
	pid_t pid;
	int timer;
	struct turn go, done;
};

static void stranger_run(void *arg)
{
	struct stranger *s = arg;

	become_user(OTHER_USER_ID);
	handle_signal(SIGUSR1, count_handled);
	pt_block();
	s->timer = pt_create(CLOCK_MONOTONIC);
	pt_set(s->timer, 0, MS, MS);
	turn_give(&s->done);
	turn_take(&s->go);
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(handled_now(), 1);
	CHECK(pt_take(5000 * MS, &(siginfo_t){}));
	turn_give(&s->done);
	turn_take(&s->go);
	_exit(3);
}

static struct stranger *stranger_start(void)
{
	struct stranger *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(s != MAP_FAILED);
	turn_make(&s->go);
	turn_make(&s->done);
	s->pid = start_child(stranger_run, s);
	turn_take(&s->done);
	return s;
}

/* Its signals and timers go where they went, and nobody hears of them. */
static void watches_a_stranger(void *arg)
{
	struct stranger *s = arg;
	int q, signals, pidfd, timer;

	become_user(TEST_USER_ID);
	q = kev_queue(NULL, 0);
	signals = kev_queue(NULL, 0);
	CHECK_ERRNO(kill(s->pid, 0), EPERM);
	timer = s->timer;
	CHECK_EQ(try_add(q, KEVENT_POSIX_TIMER, timer, 1), EINVAL);
	CHECK_EQ(try_add(q, KEVENT_PROC, s->pid | KEVENT_PROC_PID, 1), ECHILD);
	/* there is no id that names its signals: these are one's own */
	add_signal(signals, SIGUSR1, 0);
	pidfd = CHECK_OK(syscall(SYS_pidfd_open, s->pid, 0));
	CHECK_EQ(try_add(q, KEVENT_PROC, pidfd, KEVENT_PROC_EXIT), 0);
	turn_give(&s->go);
	turn_take(&s->done);
	take_none(signals);
	take_none(q);
	/* that it has exited is what poll(2) of a pidfd tells anybody */
	turn_give(&s->go);
	CHECK_EQ(take(q).ret_flags, 0);
}

TEST(strangers)
{
	struct stranger *s = stranger_start();
	int status;

	wait_child(start_child(watches_a_stranger, s));
	CHECK_EQ(waitpid(s->pid, &status, 0), s->pid);
	CHECK_EQ(WEXITSTATUS(status), 3);
}

/* ---- Files ----------------------------------------------------------------------- */

/* Nothing of a file or directory that may not be read, however it is named. */
static void watches_what_it_may_not_read(void *arg)
{
	int q, fd, dir;

	(void)arg;
	become_user(TEST_USER_ID);
	q = kev_queue(NULL, 0);
	fd = CHECK_OK(open("secret", O_PATH | O_CLOEXEC));
	CHECK_EQ(try_add(q, KEVENT_INODE, fd, 0xfff), EACCES);
	/* may be entered, but not listed */
	dir = CHECK_OK(open("hidden", O_PATH | O_CLOEXEC));
	CHECK_EQ(try_add(q, KEVENT_INODE, dir, 0xfff), EACCES);
	CHECK_EQ(watches_of(q), 0);
	fd = CHECK_OK(open("hidden/readable", O_PATH | O_CLOEXEC));
	CHECK_EQ(try_add(q, KEVENT_INODE, fd, 0xfff), 0);
}

TEST(files)
{
	own_directory();
	make_file("secret");
	CHECK_OK(chmod("secret", 0600));
	CHECK_OK(mkdir("hidden", 0711));
	make_file("hidden/readable");
	wait_child(start_child(watches_what_it_may_not_read, NULL));
}

/* ---- A queue that is handed on ----------------------------------------------------- */

/**
 * struct handed - a queue of root's, in the hands of a user
 * @q: the queue.
 * @sock: where the user receives it.
 * @cookie: of a watch of root's.
 * @dir: of another, which has a record.
 * @there: the user's turn.
 * @back: root's turn.
 */
struct handed {
	int q;
	int sock;
	uint64_t cookie;
	uint64_t dir;
	struct turn there, back;
};

static void try_inode(int q, int error)
{
	int fd = CHECK_OK(open("secret", O_PATH | O_CLOEXEC));

	CHECK_EQ(try_add(q, KEVENT_INODE, fd, 0xfff), error);
	close(fd);
}

static void try_path(int q, int error)
{
	int fds[2], fd;

	unix_pair(SOCK_STREAM, fds);
	fd = kevent_aio_sendfile_path(q, NULL, 0, "secret", fds[0], 0,
				      KEVENT_AIO_TO_END, 1, NULL);
	if (error) {
		CHECK_EQ(fd, -1);
		CHECK_EQ(errno, error);
	} else {
		close(CHECK_OK(fd));
	}
	close(fds[0]);
	close(fds[1]);
}

/* The caller's rights, files, signals, children and timers. */
static void adds_its_own(int q)
{
	int fd = CHECK_OK(eventfd(1, EFD_CLOEXEC)), id;
	pid_t pid;

	try_inode(q, EACCES);
	try_path(q, EACCES);
	kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(take(q).ptr, fd);
	close(fd);
	signal(SIGUSR1, SIG_IGN);
	add_signal(q, SIGUSR1, 0);
	CHECK_OK(raise(SIGUSR1));
	take_signal(q, SIGUSR1, 1);
	pt_block();
	id = pt_create(CLOCK_MONOTONIC);
	pt_add(q, id, 0);
	pt_set(id, 0, MS, 0);
	CHECK_EQ(pt_event(q, id), 1);
	pid = CHECK_OK(fork());
	if (!pid)
		_exit(5);
	kev_add(q, KEVENT_PROC, pid | KEVENT_PROC_PID, KEVENT_PROC_EXIT,
		KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(take(q).ret_data[1], 5 << 8);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

/* Who has the queue has all that is in it. */
static void handles_the_others(int q, uint64_t cookie)
{
	struct ukevent uk;

	kevent_prep(&uk, 0, 0, 4, KEVENT_REQ_COOKIE, 0);
	uk.cookie = cookie;
	CHECK_OK(kevent_ctl_one(q, KEVENT_CTL_READY, &uk));
	uk = take(q);
	CHECK_EQ(uk.cookie, cookie);
	CHECK_EQ(uk.ret_data[0], 4);
	kevent_prep(&uk, 0, 0, 0, KEVENT_REQ_COOKIE, 0);
	uk.cookie = cookie;
	kev_change(q, KEVENT_CTL_REMOVE, &uk);
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_REMOVE, &uk), ENOENT);
}

static void calls_the_rest(int q, uint64_t dir)
{
	struct kevent_ioc_wake wake = { .num = 1 };
	struct kevent_read r;
	char buf[256];

	CHECK_EQ(ioctl(q, KEVENT_IOC_WAKE, &wake), 0);
	CHECK_ERRNO(read(q, &r, sizeof(r)), ENXIO);
	CHECK_EQ(take(q).cookie, dir);
	CHECK_GT(read_raw(q, dir, buf, sizeof(buf), NULL), 0);
	CHECK_EQ(strcmp(((struct kevent_record_inode *)buf)->name, "made"), 0);
}

static void receives(void *arg)
{
	struct handed *h = arg;
	uint64_t before;
	int q, own;

	close(h->q);
	become_user(TEST_USER_ID);
	q = receive_fd(h->sock);
	own = kev_queue(NULL, 0);
	before = account_of(q);
	calls_the_rest(q, h->dir);
	adds_its_own(q);
	handles_the_others(q, h->cookie);
	kev_add_user(q, 100);
	kev_add_user(q, 101);
	/* who opened it pays */
	CHECK_EQ(account_of(own), 0);
	CHECK_GT(account_of(q), before);
	turn_give(&h->back);
	turn_take(&h->there);
}

static void make_handed(struct handed *h, int pair[2])
{
	int dir = own_directory();

	make_file("secret");
	CHECK_OK(chmod("secret", 0600));
	h->q = kev_queue(NULL, 0);
	h->cookie = kev_add(h->q, KEVENT_UNOTIFY, 1, 0xff, KEVENT_REQ_ET).cookie;
	h->dir = inode_add(h->q, dir, KEVENT_INODE_CREATE, 0).cookie;
	make_file("made");
	turn_make(&h->there);
	turn_make(&h->back);
	unix_pair(SOCK_STREAM, pair);
	CHECK_OK(fcntl(pair[1], F_SETFL, 0));
	h->sock = pair[1];
}

/* Root still has it: its own signals are not the user's business. */
static void hand_on(struct handed *h, int sock)
{
	send_fds(sock, &h->q, 1);
	turn_take(&h->back);
	signal(SIGUSR1, SIG_IGN);
	CHECK_OK(raise(SIGUSR1));
	take_none(h->q);
	CHECK_EQ(kev_try(h->q, KEVENT_CTL_REMOVE, KEVENT_SIGNAL, SIGUSR1, 0, 0),
		 ENOENT);
	try_inode(h->q, 0);
	try_path(h->q, 0);
	turn_give(&h->there);
}

TEST(handed_to_a_user)
{
	struct handed h;
	int pair[2];
	pid_t pid;

	make_handed(&h, pair);
	pid = start_child(receives, &h);
	hand_on(&h, pair[0]);
	wait_child(pid);
}

/* The same process opens it as root and goes on as a user. */
static void drops_root(void *arg)
{
	int q = kev_queue(NULL, 0), own;

	(void)arg;
	kev_add_user(q, 1);
	become_user(TEST_USER_ID);
	own = kev_queue(NULL, 0);
	adds_its_own(q);
	kev_add_user(q, 2);
	CHECK_EQ(account_of(own), 0);
	CHECK_GE(account_of(q), 2);
}

TEST(opened_by_root)
{
	own_directory();
	make_file("secret");
	CHECK_OK(chmod("secret", 0600));
	wait_child(start_child(drops_root, NULL));
}

/* A user's queue in the hands of root: root's rights, the user's account. */
static void gives_to_root(void *arg)
{
	int q, sock = *(int *)arg;
	char c;

	become_user(TEST_USER_ID);
	q = kev_queue(NULL, 0);
	send_fds(sock, &q, 1);
	CHECK_EQ(read(sock, &c, 1), 1);
	CHECK_EQ(account_of(q), 2);
}

TEST(handed_to_root)
{
	int pair[2], q, own = kev_queue(NULL, 0), fd;
	uint64_t before = account_of(own);
	pid_t pid;

	own_directory();
	make_file("secret");
	CHECK_OK(chmod("secret", 0600));
	unix_pair(SOCK_STREAM, pair);
	CHECK_OK(fcntl(pair[0], F_SETFL, 0));
	CHECK_OK(fcntl(pair[1], F_SETFL, 0));
	pid = start_child(gives_to_root, &pair[1]);
	q = receive_fd(pair[0]);
	try_path(q, 0);
	while (kevent_get_events(q, 0, 1, NULL, &(struct ukevent){}, 0) > 0)
		;
	fd = CHECK_OK(open("secret", O_PATH | O_CLOEXEC));
	CHECK_EQ(try_add(q, KEVENT_INODE, fd, 0xfff), 0);
	kev_add_user(q, 1);
	CHECK_EQ(account_of(own), before);
	CHECK_SOON(account_of(q) == 2);
	send_byte(pair[0]);
	wait_child(pid);
}

/* The ring needs nothing but the fd. */
static void maps(void *arg)
{
	int q = *(int *)arg;
	struct kevent_ioc_wait wait = { .clockid = CLOCK_MONOTONIC };
	struct kevent_ioc_commit commit = { 0 };
	struct kevent_ioc_info info;
	struct kevent_read r;
	void *p;

	become_user(TEST_USER_ID);
	CHECK_OK(kevent_info(q, &info));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, q, KEVENT_MMAP_KERNEL);
	CHECK(p != MAP_FAILED);
	CHECK_ERRNO(mprotect(p, 4096, PROT_READ | PROT_WRITE), EACCES);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, q,
		   KEVENT_MMAP_USER) != MAP_FAILED);
	CHECK_EQ(read(q, &r, sizeof(r)), sizeof(r));
	CHECK_EQ(r.num, 1);
	CHECK_EQ(ioctl(q, KEVENT_IOC_WAIT, &wait), 0);
	CHECK_EQ(wait.tail, 1);
	commit.head = 1;
	commit.flags = KEVENT_COMMIT_FORCE;
	CHECK_EQ(ioctl(q, KEVENT_IOC_COMMIT, &commit), 1);
}

TEST(mapped_by_a_user)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);

	kev_add_user(q, 1);
	kev_fire(q, 1, 0);
	wait_child(start_child(maps, &q));
	CHECK_EQ(kev_head(&ring), 1);
}
