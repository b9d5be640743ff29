// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_PROC: exits by pidfd and pid, the status, threads, exec, tracing. */
#include "proc.h"

#include <sys/ptrace.h>

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

/* Calls exec again and again, each time by a thread that takes the leader's place. */
static void *execs_me(void *arg)
{
	char *const argv[] = { "proc", NULL };
	char *const envp[] = { "KEVENT_TEST_EXECS=1", NULL };

	(void)arg;
	execve("/proc/thread-self/exe", argv, envp);
	_exit(9);
}

__attribute__((constructor)) static void exec_for_ever(void)
{
	pthread_t thread;

	if (!getenv("KEVENT_TEST_EXECS"))
		return;
	pthread_create(&thread, NULL, execs_me, NULL);
	syscall(SYS_exit, 0);
}

/* Whenever it is asked, the process has not exited. */
TEST(exec_races_with_add)
{
	uint64_t end = now_ns() + 2000000000ull;
	int q = kev_queue(NULL, 0);
	struct ukevent uk;
	pid_t pid;

	pid = CHECK_OK(fork());
	if (!pid)
		execs_me(NULL);
	while (now_ns() < end) {
		kevent_prep_child(&uk, pid, 0, 0);
		if (kevent_add_now(q, &uk)) {
			NOTE("status %x, flags %x", uk.ret_data[1], uk.ret_flags);
			CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
			FAIL("it is there still");
		}
		kev_remove(q, KEVENT_PROC, pid | BY_PID);
	}
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
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
