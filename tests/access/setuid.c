// SPDX-License-Identifier: GPL-2.0
/* Tests that a set-uid program has nothing to fear from a queue that it inherits. */
#include "../source/posix_timer.h"
#include "../source/signals.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#define SIGNALS 20

/**
 * struct line - pipes between a user, its privileged program and root
 * @ready: the program runs, and has its handlers.
 * @go: it may send signals to itself.
 * @done: it has.
 * @end: it may exit.
 */
struct line {
	struct turn ready, go, done, end;
};

static const int watched[] = { SIGUSR1, SIGTERM, SIGPIPE, SIGCHLD, SIGURG };

/* ---- The privileged program ------------------------------------------------------ */

/* As whom it was started, and what it was given. */
static void privileged(int argc, char **argv)
{
	struct line l;
	unsigned int i;
	int n;

	if (geteuid() || !getuid())
		_exit(10);
	if (argc < 3 || sscanf(argv[2], "%d,%d,%d,%d", &l.ready.fds[1],
			       &l.go.fds[0], &l.done.fds[1],
			       &l.end.fds[0]) != 4)
		_exit(11);
	handled = 0;
	for (i = 0; i < ARRAY_SIZE(watched); i++)
		signal(watched[i], count_handled);
	turn_give(&l.ready);
	turn_take(&l.go);
	for (n = 0; n < SIGNALS; n++)
		for (i = 0; i < ARRAY_SIZE(watched); i++)
			raise(watched[i]);
	if (handled_now() < (int)(SIGNALS * ARRAY_SIZE(watched)))
		_exit(12);
	turn_give(&l.done);
	turn_take(&l.end);
	/* one that root sends */
	_exit(handled_now() > (int)(SIGNALS * ARRAY_SIZE(watched)) ? 0 : 13);
}

/* This very program, when it is started with that word. */
static void __attribute__((constructor)) start_privileged(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--privileged"))
		privileged(argc, argv);
}

/* Some systems mount /tmp so that no program there is set-uid. */
static const char *directory(void)
{
	struct statvfs fs;

	CHECK_OK(statvfs("/tmp", &fs));
	return fs.f_flag & ST_NOSUID ? "/var/tmp" : "/tmp";
}

/* A copy of it that belongs to root and is set-uid. */
static const char *make_privileged(void)
{
	static char path[64];
	char buf[65536];
	int in, out;
	ssize_t n;

	in = CHECK_OK(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	snprintf(path, sizeof(path), "%s/kevent-setuid-XXXXXX", directory());
	out = CHECK_OK(mkostemp(path, O_CLOEXEC));
	while ((n = read(in, buf, sizeof(buf))) > 0)
		CHECK_EQ(write(out, buf, n), n);
	CHECK_OK(fchmod(out, 04755));
	close(out);
	close(in);
	return path;
}

/* ---- The user ----------------------------------------------------------------------- */

/**
 * struct user - the user's side
 * @path: the program.
 * @line: to it.
 * @sock: hands the queue on to another process of the user.
 * @nomask: signals are to be taken away.
 */
struct user {
	const char *path;
	struct line line;
	int sock[2];
	bool nomask;
};

static void keep_over_exec(int fd)
{
	CHECK_OK(fcntl(fd, F_SETFD, 0));
}

static void run_program(const struct user *u)
{
	const struct line *l = &u->line;
	char fds[64];

	snprintf(fds, sizeof(fds), "%d,%d,%d,%d", l->ready.fds[1],
		 l->go.fds[0], l->done.fds[1], l->end.fds[0]);
	execl(u->path, u->path, "--privileged", fds, NULL);
	FAIL("exec: %s", test_errno_name(errno));
}

/* Watches what it can, of itself, and becomes the program. */
static void user_execs(void *arg)
{
	struct user *u = arg;
	unsigned int i;
	uint64_t id;
	int q, timer;

	become_user(TEST_USER_ID);
	q = kev_queue(NULL, 0);
	for (i = 0; i < ARRAY_SIZE(watched); i++) {
		id = watched[i] | (u->nomask ? NOMASK : 0);
		add_signal(q, id, KEVENT_REQ_CLOSED);
	}
	pt_block();
	timer = pt_create(CLOCK_MONOTONIC);
	pt_add(q, timer, 0);
	pt_set(timer, 0, 50 * MS, 50 * MS);
	send_fds(u->sock[0], &q, 1);
	keep_over_exec(q);
	run_program(u);
}

/* A queue without any watch of the program's: no event, and none to be had. */
static void nothing_comes(int q)
{
	unsigned int i;

	take_none(q);
	for (i = 0; i < ARRAY_SIZE(watched); i++) {
		CHECK_EQ(try_signal(q, KEVENT_CTL_REMOVE, watched[i], 0),
			 ENOENT);
		CHECK_EQ(try_signal(q, KEVENT_CTL_REMOVE, watched[i] | NOMASK,
				    0), ENOENT);
	}
}

static void user_listens(void *arg)
{
	const unsigned int closed = KEVENT_RET_BROKEN | KEVENT_RET_CLOSED;
	struct user *u = arg;
	struct ukevent uk;
	unsigned int ends = 0;
	int q;

	become_user(TEST_USER_ID);
	q = receive_fd(u->sock[1]);
	turn_take(&u->line.ready);
	/* the watches ended with the exec, and said so; the timer is deleted */
	while (ends < ARRAY_SIZE(watched)) {
		uk = take(q);
		if (uk.type == KEVENT_POSIX_TIMER)
			continue;
		CHECK_EQ(uk.ret_flags & closed, closed);
		CHECK_EQ(uk.ret_data[1], 0);
		ends++;
	}
	/* what was taken goes with the next call */
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0) > 0)
		CHECK_EQ(uk.type, KEVENT_POSIX_TIMER);
	CHECK_SOON(watches_of(q) == 0);
	turn_give(&u->line.go);
	turn_take(&u->line.done);
	nothing_comes(q);
}

static void inherited(bool nomask)
{
	struct user u = { .path = make_privileged(), .nomask = nomask };
	pid_t program, listener;
	int status;

	turn_make(&u.line.ready);
	turn_make(&u.line.go);
	turn_make(&u.line.done);
	turn_make(&u.line.end);
	unix_pair(SOCK_STREAM, u.sock);
	CHECK_OK(fcntl(u.sock[1], F_SETFL, 0));
	program = start_child(user_execs, &u);
	listener = start_child(user_listens, &u);
	wait_child(listener);
	CHECK_OK(kill(program, SIGTERM));
	turn_give(&u.line.end);
	CHECK_EQ(waitpid(program, &status, 0), program);
	CHECK_OK(unlink(u.path));
	CHECK_EQ(status, 0);
}

TEST(signals_are_not_told)
{
	inherited(false);
}

TEST(signals_are_not_taken)
{
	if (try_signal(kev_queue(NULL, 0), KEVENT_CTL_ADD, SIGURG | NOMASK, 0))
		SKIP("no NOMASK on this kernel");
	inherited(true);
}
