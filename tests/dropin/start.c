// SPDX-License-Identifier: GPL-2.0
/* kevent-epoll: what it starts, what it says, and what it does where there is no queue. */
#include "../epoll/epoll.h"

#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static char self[PATH_MAX];
static char launcher[PATH_MAX + 64];

/* With an edge-triggered event, and what is not there any more. */
static int take_edge(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0), fd = eventfd(0, 0);

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) || eventfd_write(fd, 1) ||
	       epoll_wait(ep, &ev, 1, -1) != 1 || epoll_wait(ep, &ev, 1, 0);
}

/* A child that the C library's handlers of fork() do not see. */
static int fork_without_handlers(void)
{
	int ep = epoll_create1(0), status;
	pid_t pid = _Fork();

	if (pid)
		return waitpid(pid, &status, 0) != pid || status;
	return close(epoll_create1(0)) || close(ep);
}

/* The program is this one: it makes an epoll, and prints what that is. */
static void __attribute__((constructor(101))) started(void)
{
	const char *what = getenv("DROPIN_TEST");
	char path[64], name[64] = "";
	struct epoll_event ev = { .events = EPOLLIN };
	int ep;

	if (!what)
		return;
	if (!strcmp(what, "edge"))
		exit(take_edge());
	if (!strcmp(what, "fork"))
		exit(fork_without_handlers());
	if (!strcmp(what, "io_uring")) {
		syscall(SYS_io_uring_setup, 1, NULL);
		printf("errno %s\n", test_errno_name(errno));
		exit(0);
	}
	if (!strcmp(what, "chroot") && (chroot("/proc") || chdir("/")))
		_exit(3);
	if (!strcmp(what, "user") && setuid(TEST_USER_ID))
		_exit(4);
	ep = epoll_create1(0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ep);
	if (!strcmp(what, "chroot"))
		snprintf(path, sizeof(path), "/self/fd/%d", ep);
	if (ep < 0)
		printf("errno %s\n", test_errno_name(errno));
	else if (readlink(path, name, sizeof(name) - 1) > 0)
		printf("%s\n", name);
	if (ep >= 0 && (epoll_ctl(ep, EPOLL_CTL_ADD, eventfd(1, 0), &ev) ||
			epoll_wait(ep, &ev, 1, -1) != 1 ||
			epoll_wait(ep, &ev, 1, 0) != 1))
		printf("it does not work: %s\n", test_errno_name(errno));
	/* another epoll, for which nothing more is said */
	close(epoll_create1(0));
	exit(0);
}

static void __attribute__((constructor(102))) find_launcher(void)
{
	char dir[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return;
	strcpy(dir, self);
	snprintf(launcher, sizeof(launcher), "%s/../../lib/epoll/kevent-epoll",
		 dirname(dir));
}

/* ---- Running it -------------------------------------------------------- */

struct run {
	int status;
	char out[4096];
	char err[4096];
};

static void read_file(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "r");

	memset(buf, 0, size);
	if (f) {
		CHECK(fread(buf, 1, size - 1, f) < size);
		fclose(f);
	}
}

/* Runs a command of the shell, in which $K is the launcher and $SELF this program. */
static struct run run(const char *what, const char *command)
{
	char line[8192];
	struct run r;
	int status;

	CHECK_OK(setenv("DROPIN_TEST", what, 1));
	CHECK_OK(setenv("K", launcher, 1));
	CHECK_OK(setenv("SELF", self, 1));
	snprintf(line, sizeof(line), "(%s) >/tmp/out 2>/tmp/err", command);
	status = system(line);
	CHECK(WIFEXITED(status));
	r.status = WEXITSTATUS(status);
	read_file("/tmp/out", r.out, sizeof(r.out));
	read_file("/tmp/err", r.err, sizeof(r.err));
	return r;
}

static unsigned int count_lines(const char *text)
{
	unsigned int n = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		n++;
	}
	return n;
}

#define CHECK_OUT(r, text) do {						\
	if (strcmp((r).out, text))					\
		FAIL("it printed \"%s\" and said \"%s\"", (r).out, (r).err); \
} while (0)

/* Exactly one line, with these words. */
#define CHECK_SAID(r, words) do {					\
	if (!strstr((r).err, words) || count_lines((r).err) != 1)	\
		FAIL("it said \"%s\", not \"%s\"", (r).err, words);	\
} while (0)

#define QUEUE	"/dev/kevent\n"
#define EPOLL	"anon_inode:[eventpoll]\n"

/* The device is not there, or may not be opened, and comes back in the end. */
static void hide_device(void)
{
	CHECK_OK(rename("/dev/kevent", "/dev/kevent.hidden"));
}

static void show_device(void)
{
	CHECK_OK(rename("/dev/kevent.hidden", "/dev/kevent"));
}

/* ---- Tests ------------------------------------------------------------- */

TEST(served)
{
	struct run r = run("run", "$K $SELF");

	CHECK_EQ(r.status, 0);
	CHECK_OUT(r, QUEUE);
	CHECK(!*r.err);
	r = run("run", "$K --require -- $SELF with arguments");
	CHECK_OUT(r, QUEUE);
	r = run("run", "$K --fast $SELF");
	CHECK_OUT(r, QUEUE);
	/* by way of other programs */
	r = run("run", "$K sh -c 'exec $SELF'");
	CHECK_OUT(r, QUEUE);
	/* and not without it */
	r = run("run", "$SELF");
	CHECK_OUT(r, EPOLL);
}

TEST(statistics)
{
	struct run r = run("run", "$K --stats $SELF");

	CHECK_OUT(r, QUEUE);
	CHECK_SAID(r, "queues 2, changes 1, waits 2, events 2");
	/* what is in the ring is taken without a call */
	r = run("edge", "$K --stats $SELF");
	CHECK_EQ(r.status, 0);
	CHECK_SAID(r, "waits 2, events 1, no call 0");
	r = run("edge", "$K --stats --fast $SELF");
	CHECK_EQ(r.status, 0);
	CHECK_SAID(r, "waits 2, events 1, no call 1");
	/* those of epolls, too */
	r = run("chroot", "$K --stats $SELF");
	CHECK_OUT(r, EPOLL);
	CHECK(strstr(r.err, "queues 0, changes 1, waits 2, events 2, no call 0; epolls 2"));
	unlink("/tmp/stats");
	r = run("run", "cd /tmp; $K --stats=stats $SELF; $K --stats=/tmp/stats $SELF");
	CHECK(!*r.err);
	read_file("/tmp/stats", r.err, sizeof(r.err));
	CHECK_EQ(count_lines(r.err), 2);
}

/* A child counts for itself. */
TEST(statistics_of_a_child)
{
	struct run r = run("fork", "$K --stats $SELF");

	CHECK_EQ(r.status, 0);
	CHECK_EQ(count_lines(r.err), 2);
	CHECK(!strstr(r.err, "queues 2"));
}

/* A name as long as any. */
TEST(statistics_far_away)
{
	struct run r = run("run", "d=/tmp; for i in 1 2 3; do d=$d/$(printf %0200d $i); done;"
				  "mkdir -p $d; $K --stats=$d/f $SELF; cat $d/f");

	CHECK(!*r.err);
	CHECK(strstr(r.out, QUEUE "kevent-epoll: ") && strstr(r.out, "queues 2"));
}

/* Nobody reads what it would say, or nobody does any more: it goes on all the same. */
TEST(said_to_nobody)
{
	struct run r = run("chroot", "mkfifo /tmp/fifo; sleep 0.2 </tmp/fifo & exec 3>/tmp/fifo; wait;"
				     "$K $SELF 2>&3; echo $?");

	CHECK_OUT(r, EPOLL "0\n");
	r = run("chroot", "exec 3<>/tmp/fifo; timeout 1 cat /dev/zero >&3;"
			  "timeout 5 $K $SELF 2>&3; echo $?");
	CHECK_OUT(r, EPOLL "0\n");
}

TEST(no_device)
{
	struct run r, required;

	hide_device();
	r = run("run", "$K $SELF");
	required = run("run", "$K --require $SELF");
	show_device();
	CHECK_EQ(r.status, 0);
	CHECK_OUT(r, EPOLL);
	CHECK_SAID(r, "the module is not loaded");
	CHECK_EQ(required.status, 125);
	CHECK_OUT(required, "");
	CHECK_SAID(required, "the module is not loaded");
}

TEST(not_the_device)
{
	struct run r;

	hide_device();
	CHECK_OK(symlink("/dev/null", "/dev/kevent"));
	r = run("run", "$K $SELF");
	CHECK_OK(unlink("/dev/kevent"));
	show_device();
	CHECK_EQ(r.status, 0);
	CHECK_OUT(r, EPOLL);
	CHECK_SAID(r, "/dev/kevent");
}

/* Permission is lost between the start and the first epoll. */
TEST(not_permitted_later)
{
	struct run r, required;

	CHECK_OK(chmod("/dev/kevent", 0600));
	r = run("user", "$K $SELF");
	required = run("user", "$K --require $SELF");
	CHECK_OK(chmod("/dev/kevent", 0666));
	CHECK_OUT(r, EPOLL);
	CHECK_SAID(r, "no queue of /dev/kevent, using epoll: Permission denied");
	CHECK_OUT(required, "errno EACCES\n");
	CHECK_SAID(required, "no queue of /dev/kevent: Permission denied");
}

TEST(changed_root)
{
	struct run r = run("chroot", "$K $SELF");

	CHECK_OUT(r, EPOLL);
	CHECK_SAID(r, "No such file");
}

/* A program whose stderr is something else by then is told nothing. */
TEST(other_stderr)
{
	struct run r = run("chroot", "$K sh -c 'exec $SELF 2>/tmp/other'");

	CHECK_OUT(r, EPOLL);
	read_file("/tmp/other", r.err, sizeof(r.err));
	CHECK_SAID(r, "No such file");
}

TEST(bad_calls)
{
	struct run r = run("run", "$K");

	CHECK_EQ(r.status, 125);
	CHECK(strstr(r.err, "usage:"));
	r = run("run", "$K --nonsense $SELF");
	CHECK_EQ(r.status, 125);
	r = run("run", "$K /nowhere/program");
	CHECK_EQ(r.status, 127);
	CHECK_SAID(r, "No such file");
	r = run("run", "$K /tmp");
	CHECK_EQ(r.status, 126);
	r = run("run", "$K --help");
	CHECK_EQ(r.status, 0);
	CHECK(strstr(r.out, "usage:") && !*r.err);
}

/* What the library can't be preloaded into is not started; a copy of this is made such. */
TEST(programs_that_cannot_be_served)
{
	static const char *const made[] = {
		"printf '\\1' | dd of=/tmp/p/other bs=1 seek=4 conv=notrunc 2>/dev/null",
		/* the second program header is that of the interpreter */
		"printf '\\0' | dd of=/tmp/p/other bs=1 seek=120 conv=notrunc 2>/dev/null",
		"chown 12345 /tmp/p/other; chmod 4755 /tmp/p/other",
		"chgrp 12345 /tmp/p/other; chmod 2755 /tmp/p/other",
	};
	static const char *const words[] = { "64-bit", "statically", "setuid", "setgid" };
	char command[512];
	struct run r;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(made); i++) {
		snprintf(command, sizeof(command),
			 "rm -rf /tmp/p; mkdir /tmp/p; cp $SELF /tmp/p/other; %s; PATH=/tmp:/tmp/p:$PATH;"
			 "$K --require other", made[i]);
		r = run("run", command);
		CHECK_EQ(r.status, 125);
		CHECK_OUT(r, "");
		CHECK_SAID(r, words[i]);
	}
	/* by way of a script, and one that can be */
	r = run("run", "echo '#! /tmp/p/other -x' >/tmp/p/script; chmod 755 /tmp/p/script;"
		       "$K --require /tmp/p/script");
	CHECK_EQ(r.status, 125);
	CHECK_SAID(r, "setgid");
	r = run("run", "echo \"#!$SELF\" >/tmp/p/script; $K --require /tmp/p/script");
	CHECK_OUT(r, QUEUE);
}

/* The loader ignores the library where they give the user more than he has. */
TEST(program_with_file_capabilities)
{
	const struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2, .data[0].permitted = 1 << CAP_NET_BIND_SERVICE,
	};
	struct run r = run("run", "rm -rf /tmp/p; mkdir /tmp/p; cp $SELF /tmp/p/other;"
				  "chown 1000 /tmp/out /tmp/err");

	CHECK_EQ(r.status, 0);
	CHECK_OK(setxattr("/tmp/p/other", "security.capability", &cap, XATTR_CAPS_SZ_2, 0));
	r = run("run", "$K --require /tmp/p/other");
	CHECK_OUT(r, QUEUE);
	CHECK_OK(setuid(TEST_USER_ID));
	r = run("run", "/tmp/p/other");
	CHECK_OUT(r, EPOLL);
	r = run("run", "$K --require /tmp/p/other");
	CHECK_EQ(r.status, 125);
	CHECK_SAID(r, "capabilities");
}

/* Both libraries. */
TEST(twice)
{
	struct run r = run("run", "$K $K --fast $SELF; $K --fast $K $SELF");

	CHECK_OUT(r, QUEUE QUEUE);
	CHECK(!*r.err);
}

/* A library that is not there, or no library: the loader says so, and the program runs. */
TEST(wrong_preload)
{
	struct run r = run("run", "LD_PRELOAD=/nowhere/libkevent-epoll.so $SELF");

	CHECK_OUT(r, EPOLL);
	CHECK_SAID(r, "/nowhere/libkevent-epoll.so");
}

/* What was to be preloaded is preloaded still, after ours. */
TEST(other_preloads)
{
	struct run r = run("run", "LD_PRELOAD=/nowhere/other.so $K sh -c 'echo $LD_PRELOAD'");

	CHECK(strstr(r.out, "libkevent-epoll.so:/nowhere/other.so\n"));
}

/* It wants its own library to be the first.  What it maps has fixed addresses, too. */
TEST(program_with_address_sanitizer)
{
	struct run r;

	CHECK_OK(personality(ADDR_NO_RANDOMIZE));
	r = run("run", "ASAN_OPTIONS=color=never $K $SELF.asan; $K --fast $SELF.asan");
	CHECK_OUT(r, QUEUE QUEUE);
	CHECK(!*r.err);
}

/* Another C library has less that the drop-in could use. */
TEST(program_of_musl)
{
	struct run r = run("", "$SELF.musl; $K --require $SELF.musl; $K --fast $SELF.musl");

	CHECK_EQ(r.status, 0);
	CHECK_OUT(r, EPOLL QUEUE QUEUE);
	CHECK(!*r.err);
}

/* Where "make install" puts them. */
TEST(installed)
{
	struct run r = run("run", "mkdir -p /tmp/inst/bin /tmp/inst/lib/kevent; cp $K /tmp/inst/bin/;"
				  "cp ${K%/*}/libkevent-epoll*.so /tmp/inst/lib/kevent/;"
				  "PATH=/tmp/inst/bin:$PATH; kevent-epoll $SELF; kevent-epoll --fast $SELF");

	CHECK_OUT(r, QUEUE QUEUE);
	CHECK(!*r.err);
}

/* The library is missing: said, and nothing started. */
TEST(no_library)
{
	struct run r = run("run", "mkdir -p /tmp/away; cp $K /tmp/away/kevent-epoll; /tmp/away/kevent-epoll $SELF");

	CHECK_EQ(r.status, 125);
	CHECK_OUT(r, "");
	CHECK_SAID(r, "libkevent-epoll.so");
}

TEST(io_uring_switched)
{
	struct run r = run("io_uring", "$K $SELF"), without;

	CHECK_OUT(r, "errno ENOSYS\n");
	without = run("io_uring", "$SELF");
	r = run("io_uring", "$K --io-uring $SELF");
	CHECK_OUT(r, without.out);
}
