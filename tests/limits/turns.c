// SPDX-License-Identifier: GPL-2.0
/* Tests how much transfers may do in a call, that their turns are fair, and waits for pages. */
#include "../source/fuse.h"

#include <sys/ioctl.h>
#include <sys/resource.h>

#define TURN		(256 * KB)
#define TURNS_MAX	4
#define PAGE_WAITS_MAX	4096

static void many_fds(unsigned int num)
{
	const struct rlimit limit = { .rlim_cur = num, .rlim_max = num };

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
}

/* So much is there for the reader. */
static unsigned int unread(int fd)
{
	int bytes;

	CHECK_OK(ioctl(fd, FIONREAD, &bytes));
	return bytes;
}

/* A transfer of much more than a turn to a socket with room for all of it. */
static void start_wide(int q, int fds[2], int file, uint64_t user)
{
	unix_pair(SOCK_STREAM, fds);
	set_option(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, 8 * MB);
	CHECK_EQ(kevent_aio_sendfile(q, fds[0], file, 0, 5 * TURN, user, NULL),
		 0);
	CHECK_EQ(unread(fds[1]), TURN);
}

/* ---- What a call does ------------------------------------------------------- */

#define WIDE	10

static unsigned int turns_of(int fds[WIDE][2])
{
	unsigned int i, bytes = 0;

	for (i = 0; i < WIDE; i++)
		bytes += unread(fds[i][1]);
	CHECK_EQ(bytes % TURN, 0);
	return bytes / TURN;
}

/* Many transfers could go on.  An event that is there does not wait for them. */
static void four_turns(unsigned int slots)
{
	int fds[WIDE][2], file = file_make(5 * TURN), i, q;
	struct kevent_ioc_wait wait = { .min = 1 };
	struct kevent_ring ring;
	struct ukevent uk[WIDE];

	q = kev_queue(slots ? &ring : NULL, slots);
	kev_add_user(q, 1);
	for (i = 0; i < WIDE; i++)
		start_wide(q, fds[i], file, i);
	kev_fire(q, 1, 1);
	if (slots)
		CHECK_OK(ioctl(q, KEVENT_IOC_WAIT, &wait));
	else
		CHECK_EQ(kevent_get_events(q, 1, WIDE, NULL, uk, 0), 1);
	i = turns_of(fds) - WIDE;
	CHECK_GE(i, 1);
	CHECK_LE(i, TURNS_MAX);
	/* the rest is done by the next ones, and told */
	for (i = 0; i < 1000 && turns_of(fds) < 5 * WIDE; i++)
		aio_move_queue(q);
	CHECK_EQ(turns_of(fds), 5 * WIDE);
}

TEST(four_turns_with_ring)
{
	four_turns(64);
}

TEST(four_turns_without_ring)
{
	four_turns(0);
}

/*
 * More of them than there are turns in a call, and they are as far as each other after
 * any number of calls that take events.
 */
static void turns_are_shared(unsigned int slots)
{
	int fds[6][2], file = file_make(5 * TURN), i, calls, q;
	unsigned int turns, least, most;
	struct kevent_ring ring;
	struct ukevent uk[8];

	q = kev_queue(slots ? &ring : NULL, slots);
	kev_add_user(q, 100);
	for (i = 0; i < 6; i++)
		start_wide(q, fds[i], file, i);
	for (calls = 0; calls < 4; calls++) {
		kev_fire(q, 100, 1);
		CHECK_EQ(kevent_get_events(q, 1, 8, NULL, uk, 0), 1);
		CHECK_EQ(uk[0].ptr, 100);
		least = ~0u;
		most = 0;
		for (i = 0; i < 6; i++) {
			turns = unread(fds[i][1]) / TURN;
			least = turns < least ? turns : least;
			most = turns > most ? turns : most;
		}
		CHECK_LE(most - least, 1);
	}
	CHECK_GE(least, 2);
}

TEST(turns_are_shared_with_ring)
{
	turns_are_shared(64);
}

TEST(turns_are_shared_without_ring)
{
	turns_are_shared(0);
}

/* A transfer that is over needs no turn for its event. */
TEST(over_behind_others)
{
	int fds[5][2], small[2], file = file_make(5 * TURN), i;
	int q = kev_queue(NULL, 0);
	struct kevent_ioc_sendfile sf = {
		.in_fd = file,
		.count = 100,
		.ptr = 100,
		.req_flags = KEVENT_REQ_ALWAYS_QUEUE,
	};
	struct ukevent uk[8];

	for (i = 0; i < 5; i++)
		start_wide(q, fds[i], file, i);
	unix_pair(SOCK_STREAM, small);
	sf.sock = small[0];
	CHECK_OK(ioctl(q, KEVENT_IOC_AIO_SENDFILE, &sf));
	CHECK_EQ(kevent_get_events(q, 0, 8, NULL, uk, 0), 1);
	CHECK_EQ(uk[0].ptr, 100);
}

/* ---- Fair ------------------------------------------------------------------- */

#define SLOW	1000

/*
 * 1000 readers take a little each time, and one takes all.  It gets its turn in each
 * round, although there is always an event that limits what a call does.
 */
TEST_TIMEOUT(slow_readers_and_a_fast_one, 120)
{
	int (*fds)[2] = calloc(SLOW + 1, sizeof(*fds)), q = kev_queue(NULL, 0);
	int file = file_make(8 * MB), i, calls, round, calls_max = 0;
	struct ukevent uk;
	char little[4096];

	many_fds(8192);
	kev_add_user(q, 1);
	for (i = 0; i <= SLOW; i++) {
		unix_pair(SOCK_STREAM, fds[i]);
		narrow(fds[i]);
		aio_start_slow(q, fds[i][0], file, i);
	}
	for (round = 0; round < 20; round++) {
		for (i = 0; i < SLOW; i++)
			CHECK_GT(read(fds[i][1], little, sizeof(little)), 0);
		while (unread(fds[SLOW][1]))
			CHECK_GT(read(fds[SLOW][1], little, sizeof(little)), 0);
		for (calls = 0; !unread(fds[SLOW][1]); calls++) {
			kev_fire(q, 1, 1);
			CHECK_EQ(kevent_get_events(q, 0, 1, NULL, &uk, 0), 1);
			CHECK_LE(calls, SLOW / TURNS_MAX + 1);
		}
		if (calls > calls_max)
			calls_max = calls;
	}
	NOTE("the fast one had its turn after %d calls at most", calls_max);
}

/* ---- Pages ------------------------------------------------------------------ */

static unsigned int module_references(void)
{
	unsigned int num;
	FILE *f = fopen("/sys/module/kevent/refcnt", "re");

	CHECK(f && fscanf(f, "%u", &num) == 1);
	fclose(f);
	return num;
}

/* From 7.2 on a module can't. */
static bool module_waits_for_pages(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[256];
	bool has = false;

	CHECK(f);
	while (!has && fgets(line, sizeof(line), f))
		has = strstr(line, " kev_page_wait_begin");
	fclose(f);
	return has;
}

/*
 * More transfers than there may be waits for pages, all for one page.  Each wait has
 * a reference to the module.  The others, or all of them where there are no such waits,
 * look again after a while, and all are done.
 */
TEST_TIMEOUT(pages_waited_for, 120)
{
	enum { NUM = PAGE_WAITS_MAX + 100 };
	int (*fds)[2] = calloc(NUM, sizeof(*fds)), q = kev_queue(NULL, 0);
	unsigned int waits = module_waits_for_pages() ? PAGE_WAITS_MAX : 0;
	unsigned int before, i, over = 0;
	struct ukevent uk[64];
	struct slow_fs fs;
	int file, n;

	many_fds(4 * NUM);
	fuse_start(&fs, 1 * MB);
	file = fuse_open_file();
	before = module_references();
	for (i = 0; i < NUM; i++) {
		unix_pair(SOCK_STREAM, fds[i]);
		CHECK_EQ(kevent_aio_sendfile(q, fds[i][0], file, 0, 100, i,
					     NULL), 0);
	}
	CHECK_EQ(module_references() - before, waits);
	CHECK_EQ(kevent_get_events(q, 0, 1, NULL, uk, 0), 0);
	CHECK_EQ(module_references() - before, waits);
	fuse_release(&fs);
	while (over < NUM) {
		n = CHECK_OK(kevent_get_events(q, 1, 64, NULL, uk, 0));
		for (i = 0; i < (unsigned int)n; i++)
			aio_check(&uk[i], uk[i].ptr, 100, AIO_GOOD);
		over += n;
	}
	CHECK_EQ(module_references(), before);
	for (i = 0; i < NUM; i++)
		expect_file(fds[i][1], 0, 100);
	umount2(FUSE_DIR, MNT_DETACH);
}
