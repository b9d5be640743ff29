// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_PROC: exits of processes, by pidfd and by pid, and the status. */
#include "signals.h"

#include <linux/sched.h>
#include <sys/ptrace.h>

#define BY_PID KEVENT_PROC_PID

static int pidfd_of(pid_t pid)
{
	return CHECK_OK(syscall(SYS_pidfd_open, pid, 0));
}

static struct ukevent add_proc(int q, uint64_t id, unsigned int flags)
{
	return kev_add(q, KEVENT_PROC, id, KEVENT_PROC_EXIT, flags);
}

static int try_proc(int q, unsigned int cmd, uint64_t id, unsigned int flags)
{
	return kev_try(q, cmd, KEVENT_PROC, id,
		       cmd == KEVENT_CTL_REMOVE ? 0 : KEVENT_PROC_EXIT, flags);
}

/* A child that waits for a byte, and then exits with a code or is killed. */
struct child {
	struct turn go;
	pid_t pid;
};

static void child_make(struct child *c, int code)
{
	turn_make(&c->go);
	c->pid = CHECK_OK(fork());
	if (c->pid)
		return;
	turn_take(&c->go);
	if (code < 0)
		raise(-code);
	_exit(code);
}

static void child_drop(struct child *c)
{
	close(c->go.fds[0]);
	close(c->go.fds[1]);
}

static void wait_zombie(pid_t pid)
{
	siginfo_t info;

	CHECK_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
}

static int reap(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void check_exit(const struct ukevent *uk, uint64_t id)
{
	CHECK_EQ(uk->type, KEVENT_PROC);
	CHECK_EQ(uk->id.raw_u64, id);
	CHECK_EQ(uk->ret_data[0], KEVENT_PROC_EXIT);
	CHECK_EQ(uk->ret_flags & (KEVENT_RET_BROKEN | KEVENT_RET_CANCELLED), 0);
}

/* The event, once, with the status that waitpid then has. */
static void take_child(int q, uint64_t id, pid_t pid)
{
	struct ukevent uk = take(q);

	check_exit(&uk, id);
	CHECK_EQ(uk.ptr, id);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(reap(pid), uk.ret_data[1]);
	take_none(q);
}

static void take_stranger(int q, uint64_t id)
{
	struct ukevent uk = take(q);

	check_exit(&uk, id);
	CHECK_EQ(uk.ret_flags, 0);
	CHECK_EQ(uk.ret_data[1], 0);
	take_none(q);
}

/* ---- Children ---------------------------------------------------------------- */

static const int codes[] = { 0, 1, 255, -SIGTERM, -SIGKILL, -SIGSEGV };

TEST(by_pidfd)
{
	int q = kev_queue(NULL, 0), fd;
	struct child c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		child_make(&c, codes[i]);
		fd = pidfd_of(c.pid);
		CHECK_EQ(add_proc(q, fd, 0).ret_flags, 0);
		take_none(q);
		turn_give(&c.go);
		take_child(q, fd, c.pid);
		close(fd);
		child_drop(&c);
	}
	CHECK_EQ(watches_of(q), 0);
}

TEST(by_pid)
{
	int q = kev_queue(NULL, 0);
	struct child c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		child_make(&c, codes[i]);
		CHECK_EQ(add_proc(q, c.pid | BY_PID, 0).ret_flags, 0);
		take_none(q);
		turn_give(&c.go);
		take_child(q, c.pid | BY_PID, c.pid);
		CHECK_EQ(try_proc(q, KEVENT_CTL_REMOVE, c.pid | BY_PID, 0),
			 ENOENT);
		child_drop(&c);
	}
	CHECK_EQ(watches_of(q), 0);
}

static void zombie(uint64_t by_pid)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct ukevent uk;
	struct child c;
	uint64_t id;

	child_make(&c, 3);
	turn_give(&c.go);
	wait_zombie(c.pid);
	id = by_pid ? by_pid | c.pid : (uint64_t)pidfd_of(c.pid);
	uk = add_proc(q, id, 0);
	check_exit(&uk, id);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DONE | KEVENT_RET_DATA);
	CHECK_EQ(uk.ret_data[1], 3 << 8);
	kev_expect_none(&ring);
	uk = add_proc(q, id, KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(uk.ret_flags, 0);
	uk = *kev_expect(&ring, id, KEVENT_PROC_EXIT);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DATA);
	CHECK_EQ(uk.ret_data[1], 3 << 8);
	kev_expect_none(&ring);
	CHECK_EQ(reap(c.pid), 3 << 8);
	kev_close(q, &ring);
}

TEST(zombie_by_pidfd)
{
	zombie(0);
}

TEST(zombie_by_pid)
{
	zombie(BY_PID);
}

/* Its status is gone; its exit is not. */
TEST(reaped)
{
	int q = kev_queue(NULL, 0), fd;
	struct ukevent uk;
	struct child c;

	child_make(&c, 3);
	fd = pidfd_of(c.pid);
	turn_give(&c.go);
	reap(c.pid);
	uk = add_proc(q, fd, 0);
	check_exit(&uk, fd);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DONE);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, c.pid | BY_PID, 0), ESRCH);
}

/* Nobody waits for it, and still there is a status. */
TEST(not_waited_for)
{
	int q = kev_queue(NULL, 0), fd;
	struct ukevent uk;
	struct child c;

	handle_signal(SIGCHLD, SIG_IGN);
	child_make(&c, 5);
	fd = pidfd_of(c.pid);
	add_proc(q, fd, 0);
	add_proc(q, c.pid | BY_PID, 0);
	turn_give(&c.go);
	uk = take(q);
	CHECK_EQ(uk.ret_data[1], 5 << 8);
	uk = take(q);
	CHECK_EQ(uk.ret_data[1], 5 << 8);
	CHECK_ERRNO(waitpid(c.pid, NULL, 0), ECHILD);
	take_none(q);
}

/* A child of another thread of ours is ours. */
static void *forks(void *arg)
{
	child_make(arg, 6);
	return NULL;
}

TEST(of_another_thread)
{
	int q = kev_queue(NULL, 0);
	struct test_thread t;
	struct child c;

	thread_start(&t, forks, &c);
	thread_join(&t);
	add_proc(q, c.pid | BY_PID, 0);
	turn_give(&c.go);
	take_child(q, c.pid | BY_PID, c.pid);
}

/* ---- Others --------------------------------------------------------------------- */

/* A grandchild: its exit is told, its status is not ours. */
TEST(stranger)
{
	int q = kev_queue(NULL, 0), fd;
	struct turn done;
	struct child c;
	pid_t pid;
	int fds[2];

	turn_make(&done);
	CHECK_OK(pipe(fds));
	pid = CHECK_OK(fork());
	if (!pid) {
		child_make(&c, 4);
		CHECK_EQ(write(fds[1], &c, sizeof(c)), sizeof(c));
		turn_take(&done);
		turn_give(&c.go);
		CHECK_EQ(reap(c.pid), 4 << 8);
		_exit(0);
	}
	CHECK_EQ(read(fds[0], &c, sizeof(c)), sizeof(c));
	fd = pidfd_of(c.pid);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, c.pid | BY_PID, 0), ECHILD);
	CHECK_EQ(watches_of(q), 0);
	add_proc(q, fd, 0);
	take_none(q);
	turn_give(&done);
	take_stranger(q, fd);
	wait_child(pid);
}

static void *sleeps(void *arg)
{
	char c;

	CHECK_EQ(read(*(int *)arg, &c, 1), 1);
	return NULL;
}

TEST(refused)
{
	int q = kev_queue(NULL, 0), fds[2], fd;
	struct test_thread t;
	struct child c;
	uint64_t tid;

	CHECK_OK(pipe(fds));
	thread_start(&t, sleeps, &fds[0]);
	tid = t.tid;
	child_make(&c, 0);
	fd = pidfd_of(c.pid);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, fds[0], 0), EINVAL);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, q, 0), EINVAL);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, 999, 0), EBADF);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, -1u, 0), EBADF);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, fd | 2ull << 32, 0), EINVAL);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, c.pid | ~0ull << 32, 0), EINVAL);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, getpid() | BY_PID, 0), ECHILD);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, getppid() | BY_PID, 0), ECHILD);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, 1 | BY_PID, 0), ECHILD);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, tid | BY_PID, 0), ESRCH);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, BY_PID, 0), ESRCH);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, 0x7fffffff | BY_PID, 0), ESRCH);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, 0xffffffff | BY_PID, 0), ESRCH);
	CHECK_EQ(kev_try(q, 0, KEVENT_PROC, fd, 0, 0), EINVAL);
	CHECK_EQ(kev_try(q, 0, KEVENT_PROC, fd, 2, 0), EINVAL);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, fd, KEVENT_REQ_DISPATCH), EINVAL);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, fd, KEVENT_REQ_EXCLUSIVE), EINVAL);
	CHECK_EQ(try_proc(q, KEVENT_CTL_REMOVE, fd, 0), ENOENT);
	CHECK_EQ(watches_of(q), 0);
	add_proc(q, fd, 0);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, fd, 0), EEXIST);
	add_proc(q, c.pid | BY_PID, 0);
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, c.pid | BY_PID, 0), EEXIST);
	CHECK_EQ(watches_of(q), 2);
	turn_give(&c.go);
	send_byte(fds[1]);
	thread_join(&t);
}

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

TEST(pidfd_of_a_thread)
{
	int q = kev_queue(NULL, 0), fds[2], fd;
	struct test_thread t;

	CHECK_OK(pipe(fds));
	thread_start(&t, sleeps, &fds[0]);
	fd = syscall(SYS_pidfd_open, t.tid, PIDFD_THREAD);
	if (fd < 0)
		SKIP("there are none");
	CHECK_EQ(try_proc(q, KEVENT_CTL_ADD, fd, 0), EINVAL);
	CHECK_EQ(watches_of(q), 0);
}

/* ---- Threads, exec, tracing ------------------------------------------------------ */

static void *last_thread(void *arg)
{
	struct turn *go = arg;

	turn_take(go);
	if (go[1].fds[0])
		syscall(SYS_exit, 9);
	_exit(8);
}

/* The leader's end is not the process's. */
static void leader_first(int q, bool whole)
{
	struct turn go[2] = {};
	struct test_thread t;
	struct ukevent uk;
	uint64_t fd;
	pid_t pid;

	turn_make(&go[0]);
	go[1].fds[0] = !whole;
	pid = CHECK_OK(fork());
	if (!pid) {
		CHECK_EQ(pthread_create(&t.thread, NULL, last_thread, go), 0);
		syscall(SYS_exit, 2);
	}
	fd = pidfd_of(pid);
	add_proc(q, fd, 0);
	CHECK_SOON(task_state(pid) == 'Z');
	take_none(q);
	CHECK_EQ(add_proc(q, pid | BY_PID, 0).ret_flags, 0);
	turn_give(&go[0]);
	uk = take(q);
	check_exit(&uk, uk.ptr);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_DATA);
	/* else which thread's it is depends on the kernel */
	if (whole)
		CHECK_EQ(uk.ret_data[1], 8 << 8);
	CHECK_EQ(take(q).ret_data[1], uk.ret_data[1]);
	take_none(q);
	CHECK_EQ(reap(pid), uk.ret_data[1]);
	close(fd);
}

TEST(leader_exits_first)
{
	int q = kev_queue(NULL, 0), i;

	for (i = 0; i < 10; i++)
		leader_first(q, i & 1);
}

static void *execs(void *arg)
{
	turn_take(arg);
	execl("/bin/sleep", "sleep", "1000", NULL);
	FAIL("exec");
}

static bool runs_sleep(pid_t pid)
{
	char path[32], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = 0;
	fclose(f);
	return !strcmp(name, "sleep\n");
}

/* exec by another thread, with the leader alive and dead. */
TEST(exec_by_thread)
{
	int q = kev_queue(NULL, 0), i;
	struct test_thread t;
	struct turn go;
	uint64_t id;
	pid_t pid;

	turn_make(&go);
	for (i = 0; i < 10; i++) {
		pid = CHECK_OK(fork());
		if (!pid) {
			CHECK_EQ(pthread_create(&t.thread, NULL, execs, &go), 0);
			if (i & 1)
				syscall(SYS_exit, 2);
			for (;;)
				pause();
		}
		id = i & 2 ? pid | BY_PID : (uint64_t)pidfd_of(pid);
		add_proc(q, id, 0);
		if (i & 1)
			CHECK_SOON(task_state(pid) == 'Z');
		turn_give(&go);
		CHECK_SOON(runs_sleep(pid));
		take_none(q);
		CHECK_OK(kill(pid, SIGTERM));
		take_child(q, id, pid);
	}
}

/* Traced by us: stops are no exits. */
TEST(traced_by_parent)
{
	int q = kev_queue(NULL, 0), status;
	struct child c;

	child_make(&c, 11);
	CHECK_OK(ptrace(PTRACE_SEIZE, c.pid, 0, PTRACE_O_TRACEEXIT));
	add_proc(q, c.pid | BY_PID, 0);
	CHECK_OK(kill(c.pid, SIGUSR1));
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	CHECK(WIFSTOPPED(status));
	take_none(q);
	CHECK_OK(ptrace(PTRACE_CONT, c.pid, 0, 0));
	turn_give(&c.go);
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	CHECK_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);
	take_none(q);
	CHECK_OK(ptrace(PTRACE_CONT, c.pid, 0, 0));
	take_child(q, c.pid | BY_PID, c.pid);
}

/* By another, who sees the exit first. */
TEST(traced_by_another)
{
	int q = kev_queue(NULL, 0), status;
	struct turn attached, end;
	struct child c;
	pid_t tracer;

	turn_make(&attached);
	turn_make(&end);
	child_make(&c, 12);
	tracer = CHECK_OK(fork());
	if (!tracer) {
		CHECK_OK(ptrace(PTRACE_SEIZE, c.pid, 0, 0));
		turn_give(&attached);
		turn_take(&end);
		CHECK_EQ(waitpid(c.pid, &status, __WALL), c.pid);
		CHECK_EQ(WEXITSTATUS(status), 12);
		_exit(0);
	}
	turn_take(&attached);
	add_proc(q, c.pid | BY_PID, 0);
	turn_give(&c.go);
	CHECK_EQ(take(q).ret_data[1], 12 << 8);
	take_none(q);
	turn_give(&end);
	CHECK_EQ(reap(c.pid), 12 << 8);
	wait_child(tracer);
	take_none(q);
}

/* ---- Changes ---------------------------------------------------------------------- */

TEST(remove)
{
	int q = kev_queue(NULL, 0), fd;
	struct child c;

	child_make(&c, 0);
	fd = pidfd_of(c.pid);
	add_proc(q, fd, 0);
	add_proc(q, c.pid | BY_PID, 0);
	kev_remove(q, KEVENT_PROC, fd);
	kev_remove(q, KEVENT_PROC, c.pid | BY_PID);
	turn_give(&c.go);
	reap(c.pid);
	take_none(q);
	CHECK_EQ(watches_of(q), 0);
}

/* An event that nobody has seen is taken back. */
TEST(remove_after_exit)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct child c;

	child_make(&c, 0);
	add_proc(q, c.pid | BY_PID, 0);
	turn_give(&c.go);
	wait_zombie(c.pid);
	CHECK_EQ(kev_remove(q, KEVENT_PROC, c.pid | BY_PID).ret_flags,
		 KEVENT_RET_CANCELLED);
	kev_expect_none(&ring);
	kev_close(q, &ring);
}

TEST(modify)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct ukevent uk;
	struct child c;
	uint64_t id;

	child_make(&c, 1);
	id = c.pid | BY_PID;
	add_proc(q, id, 0);
	CHECK_EQ(kev_modify(q, KEVENT_PROC, id, 1, 0).ret_flags, 0);
	turn_give(&c.go);
	wait_zombie(c.pid);
	uk = kev_modify(q, KEVENT_PROC, id, 1, 0);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_CANCELLED | KEVENT_RET_DONE |
		 KEVENT_RET_DATA);
	CHECK_EQ(uk.ret_data[1], 1 << 8);
	kev_expect_none(&ring);
	kev_close(q, &ring);
}

TEST(pidfd_closed)
{
	int q = kev_queue(NULL, 0), fd;
	struct ukevent uk;
	struct child c;

	child_make(&c, 0);
	fd = pidfd_of(c.pid);
	add_proc(q, fd, 0);
	close(fd);
	CHECK_EQ(watches_of(q), 0);
	fd = pidfd_of(c.pid);
	add_proc(q, fd, KEVENT_REQ_CLOSED);
	close(fd);
	uk = take(q);
	CHECK_EQ(uk.ret_flags, KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
	turn_give(&c.go);
	reap(c.pid);
	take_none(q);
}

TEST(two_queues)
{
	int a = kev_queue(NULL, 0), b = kev_queue(NULL, 0), fd;
	struct child c;

	child_make(&c, 7);
	fd = pidfd_of(c.pid);
	add_proc(a, fd, 0);
	add_proc(b, fd, KEVENT_REQ_TIMESTAMP);
	turn_give(&c.go);
	CHECK_EQ(take(a).ret_data[1], 7 << 8);
	CHECK_NE(take(b).time, 0);
	reap(c.pid);
}

/* The parent is gone; who has the queue still hears of its child. */
TEST(after_the_parent)
{
	int q = kev_queue(NULL, 0);
	struct turn go;
	pid_t pid, child;

	turn_make(&go);
	pid = CHECK_OK(fork());
	if (!pid) {
		child = CHECK_OK(fork());
		if (!child) {
			turn_take(&go);
			_exit(3);
		}
		add_proc(q, child | BY_PID, 0);
		_exit(0);
	}
	wait_child(pid);
	CHECK_EQ(watches_of(q), 1);
	take_none(q);
	turn_give(&go);
	CHECK_EQ(take(q).ret_data[1], 3 << 8);
}

static pid_t fork_with_pid(pid_t pid, struct turn *go)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};
	pid_t ret = syscall(SYS_clone3, &args, sizeof(args));

	if (ret)
		return ret;
	turn_take(go);
	_exit(2);
}

/* The number is another child's, while the first one's event is out. */
TEST(pid_again)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct ukevent uk;
	struct child c;
	uint64_t id;

	child_make(&c, 1);
	id = c.pid | BY_PID;
	add_proc(q, id, 0);
	turn_give(&c.go);
	CHECK_EQ(reap(c.pid), 1 << 8);
	if (fork_with_pid(c.pid, &c.go) != c.pid)
		SKIP("can't choose a pid");
	uk = add_proc(q, id, 0);
	CHECK_EQ(uk.ret_flags, 0);
	uk = *kev_expect(&ring, id, KEVENT_PROC_EXIT);
	CHECK_EQ(uk.ret_data[1], 1 << 8);
	kev_expect_none(&ring);
	turn_give(&c.go);
	wait_zombie(c.pid);
	uk = *kev_expect(&ring, id, KEVENT_PROC_EXIT);
	CHECK_EQ(uk.ret_data[1], 2 << 8);
	kev_expect_none(&ring);
	CHECK_EQ(reap(c.pid), 2 << 8);
	kev_close(q, &ring);
}

/* ---- Many, and races ------------------------------------------------------------- */

TEST(many)
{
	int q = kev_queue(NULL, 0), i, code, seen = 0;
	struct ukevent uk;
	struct turn go;
	pid_t pid;

	turn_make(&go);
	for (i = 0; i < 100; i++) {
		pid = CHECK_OK(fork());
		if (!pid) {
			turn_take(&go);
			_exit(i);
		}
		kevent_prep(&uk, KEVENT_PROC, pid | BY_PID, KEVENT_PROC_EXIT,
			    0, i);
		kev_change(q, KEVENT_CTL_ADD, &uk);
	}
	for (i = 0; i < 100; i++)
		turn_give(&go);
	for (i = 0; i < 100; i++) {
		uk = take(q);
		code = uk.ret_data[1] >> 8;
		CHECK_EQ(code, uk.ptr);
		CHECK_EQ(reap(uk.id.raw[0]), code << 8);
		seen += code;
	}
	CHECK_EQ(seen, 99 * 50);
	take_none(q);
}

/* It exits while it is being added: told once, here or there. */
TEST_TIMEOUT(race_add_exit, 60)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), i, told;
	struct ukevent uk;
	uint64_t id;
	pid_t pid;

	for (i = 0; i < 500; i++) {
		pid = CHECK_OK(fork());
		if (!pid)
			_exit(4);
		id = i & 1 ? pid | BY_PID : (uint64_t)pidfd_of(pid);
		spin(i * 50);
		uk = add_proc(q, id, 0);
		told = uk.ret_flags & KEVENT_RET_DONE;
		if (told)
			CHECK_EQ(uk.ret_data[1], 4 << 8);
		wait_zombie(pid);
		if (!told)
			CHECK_EQ(kev_expect(&ring, id, 1)->ret_data[1], 4 << 8);
		kev_expect_none(&ring);
		CHECK_EQ(reap(pid), 4 << 8);
		if (!(i & 1))
			close(id);
	}
	kev_close(q, &ring);
}

/* Removing, closing and releasing while it exits. */
TEST_TIMEOUT(race_end_exit, 60)
{
	int q, i, fd;
	struct child c;

	for (i = 0; i < 300; i++) {
		q = kev_queue(NULL, 0);
		child_make(&c, 4);
		fd = pidfd_of(c.pid);
		add_proc(q, fd, i & 1 ? KEVENT_REQ_CLOSED : 0);
		add_proc(q, c.pid | BY_PID, 0);
		turn_give(&c.go);
		spin(i * 100);
		if (i % 3 == 0)
			close(fd);
		if (i % 3 == 1)
			try_proc(q, KEVENT_CTL_REMOVE, c.pid | BY_PID, 0);
		close(q);
		CHECK_EQ(reap(c.pid), 4 << 8);
		if (i % 3)
			close(fd);
		child_drop(&c);
	}
}
