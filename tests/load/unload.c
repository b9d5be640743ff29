// SPDX-License-Identifier: GPL-2.0
/* Tests unloading: refused while a queue is open, clean when none is. */
/* vm: --smp 1 */
#include "../source/posix_timer.h"
#include "module.h"

#include <sys/fanotify.h>
#include <sys/mount.h>

/* ---- Refused --------------------------------------------------------------- */

static void refused(void)
{
	int ret = unload();

	CHECK_EQ(ret, -1);
	CHECK(is_busy(errno));
}

TEST(refused_while_open)
{
	int q = kevent_open();

	CHECK_OK(q);
	refused();
	close(q);
}

TEST(refused_with_watches)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, 0);
	refused();
	thing_raise(&t);
	thing_take(q, &t);
}

TEST(refused_while_mapped)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	struct thing t;

	thing_make(&t, &kinds[KIND_EVENTFD]);
	thing_add(q, &t, KEVENT_REQ_ET);
	close(q);
	refused();
	thing_raise(&t);
	CHECK_EQ(kev_tail(&ring), 1);
	kevent_ring_unmap(&ring);
}

TEST(refused_in_flight)
{
	int q = kev_queue(NULL, 0), pair[2];

	unix_pair(SOCK_STREAM, pair);
	send_fds(pair[0], &q, 1);
	close(q);
	refused();
	close(pair[0]);
	close(pair[1]);
}

TEST(refused_while_somebody_sleeps)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	struct kev_sleeper s;

	kev_sleeper_prep(&s, q);
	kev_sleeper_start(&s);
	kev_add_user(q, 1);
	refused();
	kev_fire(q, 1, 0);
	CHECK_EQ(kev_sleeper_join(&s), 1);
}

/* ---- Load, use, unload -------------------------------------------------------- */

static void use_all_kinds(void)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 64), i;
	struct ukevent uk;
	struct thing t;

	for (i = 0; i < KIND_MAX; i++) {
		if (i == KIND_PIDFD)
			continue;	/* its child would hold the queue */
		thing_make(&t, &kinds[i]);
		thing_add(q, &t, i & 1 ? KEVENT_REQ_LAST_CHECK : 0);
		thing_raise(&t);
		if (i & 2)
			take(q);
		/* Half of the files live longer than the queue. */
		if (i & 4)
			thing_drop(&t);
	}
	for (i = 0; i < 20; i++) {
		kevent_prep_timer(&uk, i, 0, 100000, CLOCK_MONOTONIC, 0, i);
		kev_change(q, KEVENT_CTL_ADD, &uk);
	}
	kev_close(q, &ring);
}

static void use(void *arg)
{
	(void)arg;
	use_all_kinds();
}

static void some_rounds(void *arg)
{
	int *rounds = arg, i;

	for (i = 0; i < *rounds; i++) {
		wait_child(start_child(use, NULL));
		unload_soon();
		load("");
	}
	use_all_kinds();
}

TEST_TIMEOUT(rounds, 120)
{
	int rounds = scaled_rounds(4);

	run_apart(some_rounds, &rounds);
}

/* The files outlive the module: nothing of it may be left on them. */
static void files_stay(void *arg)
{
	static struct thing t[KIND_MAX];
	int q = kev_queue(NULL, 0), i;

	(void)arg;
	for (i = 0; i < KIND_MAX; i++) {
		if (i == KIND_PIDFD)
			continue;
		thing_make(&t[i], &kinds[i]);
		thing_add(q, &t[i], 0);
	}
	close(q);
	unload_soon();
	for (i = 0; i < KIND_MAX; i++) {
		if (i == KIND_PIDFD)
			continue;
		thing_raise(&t[i]);
		thing_drop(&t[i]);
	}
	load("");
}

TEST_TIMEOUT(files_stay, 60)
{
	run_apart(files_stay, NULL);
}

/* Timers outlive the module, expiring all the while: they send signals again. */
static void timers_stay(void *arg)
{
	int rounds = *(int *)arg, id[4], i, q;
	siginfo_t info;

	pt_block();
	for (i = 0; i < 4; i++) {
		id[i] = pt_create(CLOCK_MONOTONIC);
		pt_set(id[i], 0, 1, i & 1 ? 100 * US : 1);
	}
	while (rounds--) {
		q = kev_queue(NULL, 0);
		for (i = 0; i < 4; i++)
			pt_add(q, id[i], i & 2 ? KEVENT_REQ_DISPATCH : 0);
		while (pt_take(0, &info))
			;
		take(q);
		close(q);
		unload_soon();
		for (i = 0; i < 4; i++)
			CHECK(pt_take(5000 * MS, &info));
		load("");
	}
}

TEST_TIMEOUT(timers_stay, 120)
{
	int rounds = scaled_rounds(5);

	run_apart(timers_stay, &rounds);
}

/*
 * Marks on inodes are freed by the kernel when it gets to it: unloading waits
 * for that.  Files and directories live longer than the module.
 */
static void marks_stay(void *arg)
{
	int *rounds = arg, q, dir, fds[20], i, n;
	char path[] = "/tmp/kevent-unload-XXXXXX";
	char name[16];

	CHECK(mkdtemp(path));
	CHECK_OK(chdir(path));
	dir = CHECK_OK(open(".", O_PATH | O_CLOEXEC));
	for (n = 0; n < *rounds; n++) {
		q = kev_queue(NULL, 0);
		kev_add(q, KEVENT_INODE, dir, 0xfff, 0);
		for (i = 0; i < 20; i++) {
			snprintf(name, sizeof(name), "f%d", i);
			fds[i] = CHECK_OK(open(name, O_CREAT | O_RDWR |
					       O_CLOEXEC, 0600));
			kev_add(q, KEVENT_INODE, fds[i], i & 1 ? 0xfff : 0x4,
				0);
			kev_modify(q, KEVENT_INODE, fds[i], 0x8, 0);
			CHECK_OK(fchmod(fds[i], 0644));
			if (i & 2)
				CHECK_OK(unlink(name));
			if (i & 4)
				kev_remove(q, KEVENT_INODE, fds[i]);
		}
		close(q);
		unload_soon();
		for (i = 0; i < 20; i++) {
			CHECK_OK(fchmod(fds[i], 0600));
			close(fds[i]);
		}
		load("");
	}
}

TEST_TIMEOUT(marks_stay, 120)
{
	int rounds = scaled_rounds(4);

	run_apart(marks_stay, &rounds);
}

struct held {
	char path[64];
	int q;
};

static void open_directory(void *arg)
{
	struct held *held = arg;

	close(held->q);
	close(CHECK_OK(open(held->path, O_RDONLY | O_CLOEXEC)));
}

static bool waits_in(pid_t pid, const char *function)
{
	char path[32], line[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
	f = fopen(path, "re");
	CHECK(f);
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return !strcmp(line, function);
}

/*
 * While somebody waits for the answer of the fanotify listener of a mount, the
 * kernel holds the next mark of the inode: ours.
 */
static void mark_is_held(void *arg)
{
	struct held held = { .path = "/tmp/kevent-unload-XXXXXX" };
	struct fanotify_event_metadata ev;
	struct fanotify_response answer;
	pid_t opener, unloader;
	int listener, fd;

	(void)arg;
	CHECK(mkdtemp(held.path));
	CHECK_OK(unshare(CLONE_NEWNS));
	CHECK_OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_OK(mount("tmpfs", held.path, "tmpfs", 0, NULL));
	listener = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);
	if (listener < 0)
		SKIP("no fanotify: %s", test_errno_name(errno));
	fd = CHECK_OK(open(held.path, O_PATH | O_CLOEXEC));
	held.q = kev_queue(NULL, 0);
	kev_add(held.q, KEVENT_INODE, fd, 0xfff, 0);
	if (fanotify_mark(listener, FAN_MARK_ADD | FAN_MARK_MOUNT,
			  FAN_OPEN_PERM | FAN_ONDIR, AT_FDCWD, held.path) < 0)
		SKIP("no permission events: %s", test_errno_name(errno));
	opener = start_child(open_directory, &held);
	CHECK_EQ(read(listener, &ev, sizeof(ev)), sizeof(ev));
	close(held.q);
	unloader = CHECK_OK(fork());
	if (!unloader) {
		close(listener);
		unload_soon();
		_exit(0);
	}
	CHECK_SOON(waits_in(unloader, "kev_marks_exit"));
	answer.fd = ev.fd;
	answer.response = FAN_ALLOW;
	CHECK_EQ(write(listener, &answer, sizeof(answer)), sizeof(answer));
	wait_child(opener);
	wait_child(unloader);
	CHECK(!is_loaded());
	load("");
}

TEST_TIMEOUT(mark_is_held, 60)
{
	run_apart(mark_is_held, NULL);
}

/* All others open and close all the time while the close hook goes and comes. */
struct closer {
	struct test_thread thread;
	int stop;
};

static void *open_and_close(void *arg)
{
	struct closer *c = arg;
	int fds[2];

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		CHECK_OK(pipe(fds));
		close(fds[0]);
		close(fds[1]);
		unix_pair(SOCK_STREAM, fds);
		close(fds[1]);
		close(fds[0]);
	}
	return NULL;
}

static void rounds_beside_closers(void *arg)
{
	static struct closer c[2];
	int i;

	keep_off_tcg();
	kind_block_signal();
	for (i = 0; i < 2; i++)
		thread_start(&c[i].thread, open_and_close, &c[i]);
	some_rounds(arg);
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&c[i].stop, 1, __ATOMIC_RELAXED);
		thread_join(&c[i].thread);
	}
}

TEST_TIMEOUT(rounds_beside_closers, 120)
{
	int rounds = scaled_rounds(5);

	run_apart(rounds_beside_closers, &rounds);
}

/* Opening races unloading: either is refused, nothing breaks. */
static void *open_all_the_time(void *arg)
{
	struct closer *c = arg;
	struct kevent_ring ring;
	int q;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		q = kevent_init(&ring, 16, 0, 0);
		if (q < 0)
			continue;
		kev_add_user(q, 1);
		kev_fire(q, 1, 0);
		kev_close(q, &ring);
	}
	return NULL;
}

static void open_races(void *arg)
{
	static struct closer c;
	int i, unloads = 0;

	(void)arg;
	keep_off_tcg();
	thread_start(&c.thread, open_all_the_time, &c);
	for (i = 0; i < 2000 && unloads < 10; i++) {
		if (unload() == 0) {
			unloads++;
			load("");
		} else {
			CHECK(is_busy(errno));
		}
	}
	__atomic_store_n(&c.stop, 1, __ATOMIC_RELAXED);
	thread_join(&c.thread);
}

TEST_TIMEOUT(open_races, 60)
{
	run_apart(open_races, NULL);
}

/* Signals come and processes end while their hooks come and go. */
static void *send_and_fork(void *arg)
{
	struct closer *c = arg;
	pid_t pid;
	int i;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		for (i = 0; i < 100; i++)
			CHECK_OK(kill(getpid(), SIGURG));
		pid = CHECK_OK(fork());
		if (!pid)
			_exit(0);
		wait_child(pid);
	}
	return NULL;
}

/* The child's watches are to be taken down when the queue goes. */
static void watch_signals(bool nomask)
{
	uint64_t id = SIGURG | (nomask ? KEVENT_SIGNAL_NOMASK : 0);
	int q = kev_queue(NULL, 0);
	pid_t pid;

	kev_add(q, KEVENT_SIGNAL, id, KEVENT_SIGNAL_DELIVERY, 0);
	pid = CHECK_OK(fork());
	if (!pid) {
		kev_add(q, KEVENT_SIGNAL, id, KEVENT_SIGNAL_DELIVERY, 0);
		_exit(0);
	}
	kev_add(q, KEVENT_PROC, pid | KEVENT_PROC_PID, KEVENT_PROC_EXIT, 0);
	take(q);
	wait_child(pid);
	close(q);
}

static void rounds_beside_signals(void *arg)
{
	static struct closer c;
	int i;

	(void)arg;
	keep_off_tcg();
	thread_start(&c.thread, send_and_fork, &c);
	for (i = 0; i < 6; i++) {
		watch_signals(i & 1);
		unload_soon();
		load("");
	}
	__atomic_store_n(&c.stop, 1, __ATOMIC_RELAXED);
	thread_join(&c.thread);
}

TEST_TIMEOUT(rounds_beside_signals, 120)
{
	run_apart(rounds_beside_signals, NULL);
}
