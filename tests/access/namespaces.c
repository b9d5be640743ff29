// SPDX-License-Identifier: GPL-2.0
/* Tests queues in user, pid, mount and time namespaces. */
#include "../source/record.h"
#include "../source/signals.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define LIMIT "/sys/module/kevent/parameters/max_user_watches"

static void enter(int flags)
{
	if (unshare(flags) < 0)
		SKIP("unshare: %s", test_errno_name(errno));
}

static void write_file(const char *path, const char *text)
{
	int fd = CHECK_OK(open(path, O_WRONLY | O_CLOEXEC));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

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

/* ---- User namespaces --------------------------------------------------------- */

/* A user becomes root of a user namespace of its own. */
static void become_inner_root(void)
{
	char map[32];

	enter(CLONE_NEWUSER);
	snprintf(map, sizeof(map), "0 %d 1", TEST_USER_ID);
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", map);
	write_file("/proc/self/gid_map", map);
	CHECK_OK(setresuid(0, 0, 0));
	CHECK_OK(setresgid(0, 0, 0));
	CHECK_EQ(geteuid(), 0);
}

static void inner_root_asks(void *arg)
{
	int q, fd, fds[2];

	(void)arg;
	become_user(TEST_USER_ID);
	become_inner_root();
	q = kev_queue(NULL, 0);
	fd = CHECK_OK(open("secret", O_PATH | O_CLOEXEC));
	CHECK_EQ(try_add(q, KEVENT_INODE, fd, 0xfff), EACCES);
	unix_pair(SOCK_STREAM, fds);
	CHECK_ERRNO(kevent_aio_sendfile_path(q, NULL, 0, "secret", fds[0], 0,
					     KEVENT_AIO_TO_END, 1, NULL),
		    EACCES);
	CHECK_ERRNO(open(LIMIT, O_WRONLY), EACCES);
	CHECK_EQ(watches_of(q), 0);
}

/* Root in there is nobody out here. */
TEST(user_rights)
{
	own_directory();
	make_file("secret");
	CHECK_OK(chmod("secret", 0600));
	wait_child(start_child(inner_root_asks, NULL));
}

static void inner_root_adds(void *arg)
{
	int q, i, err = 0;

	(void)arg;
	become_inner_root();
	q = kev_queue(NULL, 0);
	/* those that are there outside count */
	CHECK_EQ(account_of(q), 6);
	for (i = 0; i < 10 && !err; i++)
		err = try_add(q, KEVENT_UNOTIFY, i, 1);
	CHECK_EQ(err, ENOSPC);
	CHECK_EQ(watches_of(q), 4);
	CHECK_EQ(account_of(q), 10);
}

static void outer_user_adds(void *arg)
{
	int q, i;

	become_user(TEST_USER_ID);
	q = kev_queue(NULL, 0);
	for (i = 0; i < 6; i++)
		CHECK_EQ(try_add(q, KEVENT_UNOTIFY, i, 1), 0);
	wait_child(start_child(inner_root_adds, arg));
	CHECK_EQ(account_of(q), 6);
}

/* The limit is the user's, in however many namespaces; root sets it. */
TEST(user_limit)
{
	char before[32] = "";
	pid_t pid;
	int status, fd = CHECK_OK(open(LIMIT, O_RDONLY | O_CLOEXEC));

	CHECK_GT(read(fd, before, sizeof(before) - 1), 0);
	close(fd);
	write_file(LIMIT, "10");
	pid = start_child(outer_user_adds, NULL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	write_file(LIMIT, before);
	if (WEXITSTATUS(status) == 4)
		_exit(4);
	CHECK_EQ(status, 0);
}

struct inner {
	struct turn there, back;
};

static void hears_from_outside(void *arg)
{
	struct kevent_record_signal r;
	struct inner *in = arg;
	struct ukevent uk;
	int q;

	become_user(TEST_USER_ID);
	become_inner_root();
	handle_signal(SIGUSR1, count_handled);
	q = kev_queue(NULL, 0);
	uk = add_signal(q, SIGUSR1, 0);
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(read_one(q, uk.cookie).uid, 0);
	turn_give(&in->back);
	turn_take(&in->there);
	r = read_one(q, uk.cookie);
	/* a user that has no number in here */
	CHECK_EQ(r.uid, 65534);
	CHECK_GT(r.pid, 0);
}

TEST(user_of_a_sender)
{
	struct inner in;
	pid_t pid;

	turn_make(&in.there);
	turn_make(&in.back);
	pid = start_child(hears_from_outside, &in);
	close(in.back.fds[1]);
	if (read(in.back.fds[0], &(char){ 0 }, 1) == 1) {
		CHECK_OK(kill(pid, SIGUSR1));
		turn_give(&in.there);
	}
	wait_child(pid);
}

/* ---- Pid namespaces ------------------------------------------------------------ */

/* In a namespace of its own, as its process 1. */
static void run_inside(void (*run)(void *arg), void *arg)
{
	enter(CLONE_NEWPID);
	wait_child(start_child(run, arg));
}

static pid_t child_exits(int code)
{
	pid_t pid = CHECK_OK(fork());

	if (!pid)
		_exit(code);
	return pid;
}

/* Numbers are those that the caller sees; one's parent has none. */
static void inner_numbers(void *arg)
{
	int q = *(int *)arg;
	struct ukevent uk;
	pid_t pid;

	CHECK_EQ(getpid(), 1);
	CHECK_EQ(getppid(), 0);
	pid = child_exits(7);
	CHECK_EQ(pid, 2);
	kev_add(q, KEVENT_PROC, pid | KEVENT_PROC_PID, KEVENT_PROC_EXIT,
		KEVENT_REQ_ALWAYS_QUEUE);
	uk = take(q);
	CHECK_EQ(uk.id.raw[0], 2);
	CHECK_EQ(uk.ret_data[1], 7 << 8);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(try_add(q, KEVENT_PROC, 2 | KEVENT_PROC_PID, 1), ESRCH);
	CHECK_EQ(try_add(q, KEVENT_PROC, 1 | KEVENT_PROC_PID, 1), ECHILD);
	/* out there it is a process, and not the one that is meant */
	CHECK_EQ(try_add(q, KEVENT_PROC, 300 | KEVENT_PROC_PID, 1), ESRCH);
}

TEST(pid_numbers)
{
	int q = kev_queue(NULL, 0);

	run_inside(inner_numbers, &q);
	CHECK_EQ(watches_of(q), 0);
}

struct shared {
	int q;
	int pidfd;
	struct turn go, done;
};

static void inner_adds_outer(void *arg)
{
	struct shared *s = arg;
	pid_t pid;

	CHECK_EQ(getpid(), 1);
	/* a pidfd is a process, whoever has it; the status is the parent's */
	kev_add(s->q, KEVENT_PROC, s->pidfd, KEVENT_PROC_EXIT, 0);
	turn_give(&s->done);
	turn_take(&s->go);
	pid = child_exits(0);
	CHECK_EQ(pid, 2);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(pidfd_from_outside)
{
	struct shared s = { .q = kev_queue(NULL, 0) };
	struct turn end;
	struct ukevent uk;
	pid_t pid, inner;

	turn_make(&s.go);
	turn_make(&s.done);
	turn_make(&end);
	pid = CHECK_OK(fork());
	if (!pid) {
		turn_take(&end);
		_exit(9);
	}
	s.pidfd = CHECK_OK(syscall(SYS_pidfd_open, pid, 0));
	enter(CLONE_NEWPID);
	inner = start_child(inner_adds_outer, &s);
	turn_take(&s.done);
	take_none(s.q);
	turn_give(&end);
	uk = take(s.q);
	CHECK_EQ(uk.ret_data[0], KEVENT_PROC_EXIT);
	CHECK_EQ(uk.ret_flags & KEVENT_RET_DATA, 0);
	turn_give(&s.go);
	wait_child(inner);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

/* ---- Mount namespaces ------------------------------------------------------------ */

static char private_dir[] = "/tmp/kevent-mount-XXXXXX";

static void mount_private(void)
{
	enter(CLONE_NEWNS);
	CHECK_OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_OK(mount("tmpfs", private_dir, "tmpfs", 0, "mode=755"));
}

static void inner_changes(void *arg)
{
	int *sock = arg, dir;
	char c;

	mount_private();
	dir = CHECK_OK(open(private_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	CHECK_OK(chdir(private_dir));
	send_fds(*sock, &dir, 1);
	CHECK_EQ(read(*sock, &c, 1), 1);
	make_file("inside");
	send_byte(*sock);
	CHECK_EQ(read(*sock, &c, 1), 1);
}

/* A directory that has no name out here: who has its fd is told. */
TEST(mount_of_others)
{
	int q = kev_queue(NULL, 0), pair[2], dir;
	char buf[RECORDS_LEN], c;
	struct ukevent uk;
	pid_t pid;

	CHECK(mkdtemp(private_dir));
	unix_pair(SOCK_STREAM, pair);
	CHECK_OK(fcntl(pair[0], F_SETFL, 0));
	CHECK_OK(fcntl(pair[1], F_SETFL, 0));
	pid = start_child(inner_changes, &pair[1]);
	dir = receive_fd(pair[0]);
	uk = inode_add(q, dir, KEVENT_INODE_CREATE, 0);
	/* the same path is another directory here */
	close(CHECK_OK(open(private_dir, O_RDONLY)));
	CHECK_OK(chdir(private_dir));
	make_file("outside");
	take_none(q);
	send_byte(pair[0]);
	CHECK_EQ(read(pair[0], &c, 1), 1);
	CHECK_EQ(take(q).ret_data[1], 1);
	CHECK_GT(read_raw(q, uk.cookie, buf, sizeof(buf), NULL), 0);
	CHECK_EQ(strcmp(((struct kevent_record_inode *)buf)->name, "inside"), 0);
	send_byte(pair[0]);
	wait_child(pid);
}

static void inner_sends(void *arg)
{
	int q = *(int *)arg, fds[2];
	char name[64], text[8];

	mount_private();
	snprintf(name, sizeof(name), "%s/file", private_dir);
	close(CHECK_OK(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
	write_file(name, "inside");
	unix_pair(SOCK_STREAM, fds);
	CHECK_OK(kevent_aio_sendfile_path(q, NULL, 0, name, fds[0], 0,
					  KEVENT_AIO_TO_END, 1, NULL));
	wait_poll(fds[1], POLLIN);
	CHECK_EQ(read(fds[1], text, sizeof(text)), 6);
	CHECK_EQ(memcmp(text, "inside", 6), 0);
}

/* The caller's names, not those of who opened the queue. */
TEST(mount_of_the_caller)
{
	int q = kev_queue(NULL, 0);
	char name[64];

	CHECK(mkdtemp(private_dir));
	snprintf(name, sizeof(name), "%s/file", private_dir);
	close(CHECK_OK(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
	write_file(name, "outside");
	wait_child(start_child(inner_sends, &q));
}

/* ---- Time namespaces ------------------------------------------------------------- */

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME	0x80
#endif

/* What the clocks of the namespace are ahead, far more than any test takes. */
#define OFFSETS		"monotonic 100000 0\nboottime 500000 0\n"

/* So far ahead that what ends before, or without, has not come by itself. */
#define MS		1000000ull
#define IN_TIME		(3600 * 1000 * MS)
#define SOON		(100 * MS)

static uint64_t clock_now(int clock)
{
	struct timespec ts;

	CHECK_OK(clock_gettime(clock, &ts));
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static struct timespec time_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = ns / 1000000000,
				  .tv_nsec = ns % 1000000000 };
}

static void in_time(const char *offsets, void (*run)(void *arg), void *arg)
{
	enter(CLONE_NEWTIME);
	write_file("/proc/self/timens_offsets", offsets);
	wait_child(start_child(run, arg));
}

static void in_other_time(void (*run)(void *arg), void *arg)
{
	in_time(OFFSETS, run, arg);
}

static void add_timer_at(int q, int clock, uint64_t when)
{
	struct ukevent uk;

	kevent_prep_timer_at(&uk, clock, when, 0, clock, 0, clock);
	kev_change(q, KEVENT_CTL_ADD, &uk);
}

static void modify_timer_at(int q, int clock, uint64_t when)
{
	struct ukevent uk;

	kevent_prep_timer_at(&uk, clock, when, 0, clock, 0, clock);
	kev_change(q, KEVENT_CTL_MODIFY, &uk);
}

/* It comes when the caller's clock says so, and not before. */
static void timer_comes(int q, int clock)
{
	uint64_t when = clock_now(clock) + SOON;

	add_timer_at(q, clock, when);
	CHECK_EQ(take(q).ptr, clock);
	CHECK_GE(clock_now(clock), when);
	kev_remove(q, KEVENT_TIMER, clock);
	/* the same by MODIFY */
	add_timer_at(q, clock, clock_now(clock) + IN_TIME);
	take_none(q);
	when = clock_now(clock) + SOON;
	modify_timer_at(q, clock, when);
	CHECK_EQ(take(q).ptr, clock);
	CHECK_GE(clock_now(clock), when);
	kev_remove(q, KEVENT_TIMER, clock);
}

/* One that is far off there may be long past, or the other way round, outside. */
static void absolute_timers(void *arg)
{
	int q = kev_queue(NULL, 0);

	(void)arg;
	timer_comes(q, CLOCK_MONOTONIC);
	timer_comes(q, CLOCK_BOOTTIME);
	/* nobody has another date */
	timer_comes(q, CLOCK_REALTIME);
	timer_comes(q, CLOCK_TAI);
	/* what is past is now; so is what was before the machine was there */
	add_timer_at(q, CLOCK_MONOTONIC, clock_now(CLOCK_MONOTONIC) - SOON);
	CHECK_EQ(take(q).ptr, CLOCK_MONOTONIC);
	kev_remove(q, KEVENT_TIMER, CLOCK_MONOTONIC);
	add_timer_at(q, CLOCK_MONOTONIC, 1);
	CHECK_EQ(take(q).ptr, CLOCK_MONOTONIC);
}

TEST_TIMEOUT(time_of_timers, 60)
{
	in_other_time(absolute_timers, NULL);
}

/* What fdinfo tells of the queue's only watch: its first parameter. */
static uint64_t shown_param(int q)
{
	char path[64], line[256], *param = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", q);
	file = fopen(path, "re");
	CHECK(file);
	while (!param && fgets(line, sizeof(line), file))
		param = strstr(line, "param: ");
	fclose(file);
	CHECK(param);
	return strtoull(param + 7, NULL, 16);
}

static void shown_timers(void *arg)
{
	static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME };
	int q = kev_queue(NULL, 0);
	unsigned int i;
	uint64_t when;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		when = clock_now(clocks[i]) + IN_TIME;
		add_timer_at(q, clocks[i], when);
		CHECK_EQ(shown_param(q), when);
		kev_remove(q, KEVENT_TIMER, clocks[i]);
	}
}

TEST_TIMEOUT(time_shown_ahead, 60)
{
	in_time(OFFSETS, shown_timers, NULL);
}

/* By less than the machine has been up. */
TEST_TIMEOUT(time_shown_behind, 60)
{
	while (clock_now(CLOCK_MONOTONIC) < 3000 * MS)
		usleep(100000);
	in_time("monotonic -2 0\nboottime -2 0\n", shown_timers, NULL);
}

static int get_until(int q, int clock, uint64_t end)
{
	struct timespec ts = time_of(end);
	struct kevent_ioc_get get = { .min = 1, .max = 1, .clockid = clock };
	struct ukevent uk;

	get.events = (uintptr_t)&uk;
	get.flags = KEVENT_FLAGS_TIMEOUT | KEVENT_FLAGS_ABSTIME;
	get.timeout.tv_sec = ts.tv_sec;
	get.timeout.tv_nsec = ts.tv_nsec;
	return ioctl(q, KEVENT_IOC_GET_EVENTS, &get);
}

static int wait_until(int q, int clock, uint64_t end)
{
	struct timespec ts = time_of(end);
	struct kevent_ioc_wait wait = { .min = 1, .clockid = clock };

	wait.flags = KEVENT_FLAGS_TIMEOUT | KEVENT_FLAGS_ABSTIME;
	wait.timeout.tv_sec = ts.tv_sec;
	wait.timeout.tv_nsec = ts.tv_nsec;
	return ioctl(q, KEVENT_IOC_WAIT, &wait);
}

/* The call ends at its deadline; and before, if something comes. */
static void deadline(int q, int clock, int (*call)(int q, int clock, uint64_t end))
{
	uint64_t end = clock_now(clock) + SOON;
	struct ukevent uk;

	CHECK_EQ(call(q, clock, end), 0);
	CHECK_GE(clock_now(clock), end);
	kevent_prep_timer(&uk, 1, SOON, 0, CLOCK_MONOTONIC, KEVENT_REQ_ONESHOT, 1);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	end = clock_now(clock) + IN_TIME;
	CHECK_EQ(call(q, clock, end), 1);
	CHECK_LT(clock_now(clock), end);
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0))
		;
}

static void deadlines(void *arg)
{
	static const int clocks[] = {
		CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME,
	};
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16);
	unsigned int i;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		deadline(q, clocks[i], get_until);
		deadline(q, clocks[i], wait_until);
	}
}

TEST_TIMEOUT(time_of_deadlines, 60)
{
	in_other_time(deadlines, NULL);
}

static void stamped(const struct ukevent *uk, uint64_t before)
{
	CHECK_GE(uk->time, before);
	CHECK_LE(uk->time, now_ns());
}

/* In an event, in one that waits, and in a result. */
static void stamps(int q)
{
	uint64_t before = now_ns();
	struct ukevent uk;

	kev_add(q, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_TIMESTAMP);
	kev_fire(q, 1, 1);
	uk = take(q);
	stamped(&uk, before);
	kevent_prep_timer(&uk, 1, MS, 0, CLOCK_MONOTONIC, KEVENT_REQ_TIMESTAMP, 1);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	uk = take(q);
	stamped(&uk, before);
	uk = kev_add(q, KEVENT_UNOTIFY, 2, 1,
		     KEVENT_REQ_TIMESTAMP | KEVENT_REQ_READY);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	stamped(&uk, before);
}

static void stamps_inside(void *arg)
{
	struct kevent_ring ring;

	(void)arg;
	/* it is another clock */
	CHECK_GT(now_ns(), 100000 * 1000 * MS);
	stamps(kev_queue(NULL, 0));
	stamps(kev_queue(&ring, 16));
}

TEST(time_of_events)
{
	in_other_time(stamps_inside, NULL);
}

/* The stamp is of who opened the queue, whoever is told. */
static void outer_stamps(void *arg)
{
	int q = *(int *)arg;
	struct ukevent uk;

	kev_fire(q, 1, 1);
	uk = take(q);
	CHECK_LT(uk.time, now_ns() - 90000 * 1000 * MS);
}

TEST(time_of_who_opened)
{
	int q = kev_queue(NULL, 0);

	kev_add(q, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_TIMESTAMP);
	in_other_time(outer_stamps, &q);
	stamps(kev_queue(NULL, 0));
}
