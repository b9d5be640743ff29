// SPDX-License-Identifier: GPL-2.0
/* Tests the limit of watches: of each user, wherever it is, and of each open file. */
#include "../source/signals.h"

#include <sys/resource.h>

#define LIMIT "/sys/module/kevent/parameters/max_user_watches"
#define FILE_LIMIT 4096
#define OTHER_USER 1001

static unsigned long long limit_get(void)
{
	unsigned long long value;
	FILE *f = fopen(LIMIT, "re");

	CHECK(f);
	CHECK_EQ(fscanf(f, "%llu", &value), 1);
	fclose(f);
	return value;
}

static void limit_set(unsigned long long value)
{
	FILE *f = fopen(LIMIT, "we");

	CHECK(f);
	CHECK_GT(fprintf(f, "%llu\n", value), 0);
	CHECK_EQ(fclose(f), 0);
}

static struct kevent_ioc_info info_of(int q)
{
	struct kevent_ioc_info info;

	CHECK_EQ(kevent_info(q, &info), 0);
	return info;
}

static int try_user(int q, uint64_t id)
{
	return kev_try(q, KEVENT_CTL_ADD, KEVENT_UNOTIFY, id, 1, KEVENT_REQ_ET);
}

static void add_users(int q, uint64_t first, int n)
{
	int i;

	for (i = 0; i < n; i++)
		CHECK_EQ(try_user(q, first + i), 0);
}

/* ---- What everybody can see ------------------------------------------------------------- */

/* 4 % of memory, at 256 bytes each. */
TEST_USER(readable)
{
	unsigned long long memory = (unsigned long long)
		sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	unsigned long long limit = limit_get();

	CHECK_GT(limit, memory / 25 / 256 * 8 / 10);
	CHECK_LT(limit, memory / 25 / 256 * 12 / 10);
	CHECK_EQ(info_of(kev_queue(NULL, 0)).watches_max, limit);
	CHECK_ERRNO(open(LIMIT, O_WRONLY), EACCES);
}

/* ---- Reaching it ------------------------------------------------------------------------ */

/* All tests that change the limit give it back. */
static void with_limit(unsigned long long limit, void (*run)(void *), void *arg)
{
	unsigned long long old = limit_get();
	pid_t pid;
	int status;

	limit_set(limit);
	pid = start_child(run, arg);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	limit_set(old);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

/* In both of two queues: it is one account. */
static void reach(void *arg)
{
	struct kevent_ioc_info info;
	int q[2];

	(void)arg;
	become_user(TEST_USER_ID);
	q[0] = kev_queue(NULL, 0);
	q[1] = kev_queue(NULL, 0);
	add_users(q[0], 0, 6);
	add_users(q[1], 0, 4);
	CHECK_EQ(try_user(q[0], 100), ENOSPC);
	CHECK_EQ(try_user(q[1], 100), ENOSPC);
	info = info_of(q[1]);
	CHECK_EQ(info.watches, 10);
	CHECK_EQ(info.watches_max, 10);
	CHECK_EQ(info.queue_watches, 4);
	/* each that goes makes room for one, in either */
	kev_remove(q[0], KEVENT_UNOTIFY, 3);
	CHECK_EQ(try_user(q[1], 100), 0);
	CHECK_EQ(try_user(q[1], 101), ENOSPC);
	close(q[0]);
	CHECK_SOON(info_of(q[1]).watches == 5);
	add_users(q[1], 200, 5);
	CHECK_EQ(try_user(q[1], 300), ENOSPC);
	/* what is there works as before */
	kev_fire(q[1], 202, 0);
	kev_expect_get(q[1], 202, 1);
}

TEST(of_all_queues_of_a_user)
{
	with_limit(10, reach, NULL);
}

/* The first that is refused does not stop the others of the batch. */
static void reach_in_batch(void *arg)
{
	struct ukevent uk[8];
	int i, q;

	(void)arg;
	become_user(TEST_USER_ID);
	q = kev_queue(NULL, 0);
	for (i = 0; i < 8; i++)
		kevent_prep(&uk[i], KEVENT_UNOTIFY, i, 1,
			    KEVENT_REQ_CMD(KEVENT_CTL_ADD), i);
	uk[6].req_flags = KEVENT_REQ_CMD(KEVENT_CTL_REMOVE);
	uk[6].id.raw_u64 = 0;
	CHECK_EQ(kevent_ctl(q, KEVENT_CTL_MIXED, 8, uk), 2);
	for (i = 0; i < 8; i++)
		CHECK_EQ(kevent_error(&uk[i]), i == 4 || i == 5 ? ENOSPC : 0);
	CHECK_EQ(info_of(q).watches, 4);
}

TEST(in_a_batch)
{
	with_limit(4, reach_in_batch, NULL);
}

TEST_USER(nothing_was_made_by_what_was_refused)
{
	int q = kev_queue(NULL, 0), i;
	uint64_t before = info_of(q).watches;

	for (i = 0; i < 100; i++)
		CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, 9999, 1, 0),
			 EBADF);
	CHECK_EQ(info_of(q).watches, before);
}

/* Who has more than the new limit keeps them, and gets no more. */
TEST(lowered)
{
	unsigned long long old = limit_get();
	int q = kev_queue(NULL, 0), error;

	add_users(q, 0, 20);
	limit_set(5);
	error = try_user(q, 100);
	limit_set(old);
	CHECK_EQ(error, ENOSPC);
	CHECK_EQ(info_of(q).queue_watches, 20);
	CHECK_EQ(try_user(q, 100), 0);
}

/* As many as fit into the parameter. */
TEST(largest)
{
	unsigned long long old = limit_get();
	int q = kev_queue(NULL, 0), error;

	limit_set(0xffffffffull);
	error = try_user(q, 1);
	limit_set(old);
	CHECK_EQ(error, 0);
}

TEST(none)
{
	unsigned long long old = limit_get();
	int q = kev_queue(NULL, 0), error;

	limit_set(0);
	error = try_user(q, 1);
	limit_set(old);
	CHECK_EQ(error, ENOSPC);
}

/* Room for payloads: 256 bytes for each watch that one may have, 24 for each. */
static void reach_bytes(void *arg)
{
	struct ukevent uk;
	int q;

	(void)arg;
	become_user(TEST_USER_ID);
	q = kev_queue(NULL, 0);
	kevent_prep(&uk, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_PAYLOAD, 0);
	uk.param[0] = 64;
	kev_change(q, KEVENT_CTL_ADD, &uk);
	kevent_prep(&uk, KEVENT_UNOTIFY, 2, 1, KEVENT_REQ_PAYLOAD, 0);
	uk.param[0] = 64;
	CHECK_ERRNO(kevent_ctl_one(q, KEVENT_CTL_ADD, &uk), ENOSPC);
	CHECK_EQ(info_of(q).watches, 1);
	kev_remove(q, KEVENT_UNOTIFY, 1);
	uk.ret_flags = 0;
	uk.param[0] = 64;
	kev_change(q, KEVENT_CTL_ADD, &uk);
}

TEST(of_payloads)
{
	with_limit(2 * 64 * 24 / 256 - 1, reach_bytes, NULL);
}

/* ---- Whose ------------------------------------------------------------------------------ */

static void write_file(const char *path, const char *text)
{
	int fd = CHECK_OK(open(path, O_WRONLY | O_CLOEXEC));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Root of a namespace of one's own is the same user. */
static void in_namespace(void *arg)
{
	char map[32];
	int q;

	(void)arg;
	become_user(TEST_USER_ID);
	q = kev_queue(NULL, 0);
	add_users(q, 0, 3);
	if (unshare(CLONE_NEWUSER))
		SKIP("no user namespaces");
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %d 1", TEST_USER_ID);
	write_file("/proc/self/uid_map", map);
	CHECK_EQ(getuid(), 0);
	q = kev_queue(NULL, 0);
	CHECK_EQ(info_of(q).watches, 3);
	add_users(q, 0, 2);
	CHECK_EQ(try_user(q, 100), ENOSPC);
}

TEST(namespaces_make_no_new_users)
{
	with_limit(5, in_namespace, NULL);
}

static void other(void *arg)
{
	int q;

	(void)arg;
	become_user(OTHER_USER);
	q = kev_queue(NULL, 0);
	CHECK_EQ(info_of(q).watches, 0);
	add_users(q, 0, 5);
	CHECK_EQ(try_user(q, 100), ENOSPC);
}

/* Opened by root's child as somebody else; it is root again afterwards. */
static int queue_of_user(void)
{
	int q;

	CHECK_EQ(setresuid(TEST_USER_ID, TEST_USER_ID, 0), 0);
	q = kev_queue(NULL, 0);
	CHECK_EQ(setresuid(0, 0, 0), 0);
	return q;
}

static void beside_another(void *arg)
{
	int q = queue_of_user();

	add_users(q, 0, 5);
	CHECK_EQ(try_user(q, 100), ENOSPC);
	wait_child(start_child(other, arg));
}

TEST(another_user_has_its_own)
{
	with_limit(5, beside_another, NULL);
}

/* A queue that was handed over stays on the account of who opened it. */
static void handed_over(void *arg)
{
	int q = *(int *)arg;

	become_user(OTHER_USER);
	add_users(q, 0, 5);
	CHECK_EQ(try_user(q, 100), ENOSPC);
	CHECK_EQ(info_of(q).watches, 5);
	q = kev_queue(NULL, 0);
	CHECK_EQ(info_of(q).watches, 0);
	CHECK_EQ(try_user(q, 1), 0);
}

static void open_and_hand_over(void *arg)
{
	int q = queue_of_user();

	(void)arg;
	wait_child(start_child(handed_over, &q));
	CHECK_EQ(info_of(q).queue_watches, 5);
}

TEST(charged_to_who_opened_the_queue)
{
	with_limit(5, open_and_hand_over, NULL);
}

/* ---- Of one open file ------------------------------------------------------------------- */

static void allow_files(rlim_t n)
{
	struct rlimit limit = { .rlim_cur = n, .rlim_max = n };

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Many fds of one file: each is a watch of its own.  Returns the errno. */
static int add_dups(int q, int fd, int *dups, int n)
{
	int i, error = 0;

	for (i = 0; i < n && !error; i++) {
		dups[i] = CHECK_OK(dup(fd));
		error = kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, dups[i], POLLIN,
				KEVENT_REQ_ET);
	}
	return error;
}

TEST_TIMEOUT(of_one_file, 60)
{
	static int dups[2 * FILE_LIMIT];
	uint64_t one = 1, before;
	struct kevent_ring ring;
	int q[2], fd, i;

	allow_files(3 * FILE_LIMIT);
	q[0] = kev_queue(&ring, 2 * FILE_LIMIT);
	q[1] = kev_queue(NULL, 0);
	before = info_of(q[0]).watches;
	fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	CHECK_EQ(add_dups(q[0], fd, dups, FILE_LIMIT / 2), 0);
	CHECK_EQ(add_dups(q[1], fd, dups + FILE_LIMIT / 2, FILE_LIMIT / 2), 0);
	/* in either queue, or a third, and with any type */
	for (i = 0; i < 2; i++)
		CHECK_EQ(kev_try(q[i], KEVENT_CTL_ADD, KEVENT_POLL, fd, POLLIN, 0),
			 ENOSPC);
	CHECK_EQ(info_of(q[0]).watches, before + FILE_LIMIT);
	/* other files have nothing to do with it */
	i = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	kev_add_poll(q[0], i, POLLIN, KEVENT_REQ_ET);
	/* what is there works; and one that goes makes room */
	CHECK_EQ(write(fd, &one, 8), 8);
	CHECK_EQ(kev_tail(&ring), FILE_LIMIT / 2);
	CHECK_EQ(kev_stat(q[1], "posted"), FILE_LIMIT / 2);
	kev_remove(q[1], KEVENT_POLL, dups[FILE_LIMIT - 1]);
	kev_add_poll(q[0], fd, POLLIN, KEVENT_REQ_ET);
	CHECK_EQ(kev_try(q[1], KEVENT_CTL_ADD, KEVENT_POLL,
			 dups[FILE_LIMIT - 1], POLLIN, 0), ENOSPC);
	/* the twin of one that is there is told so */
	CHECK_EQ(kev_try(q[0], KEVENT_CTL_ADD, KEVENT_POLL, fd, POLLIN, 0),
		 EEXIST);
	close(q[1]);
	kev_close(q[0], &ring);
}

/*
 * One user can't fill it for another; all together have a limit of their own.  As a
 * file that many share: a terminal.
 */
#define FILE_LIMIT_ALL (4 * FILE_LIMIT)

enum { SHARERS = 6 };

/**
 * struct sharer - a user who watches the file as often as it may
 * @uid: who.
 * @fd: the file.
 * @num: how many watches it gets.
 * @full: it has them.
 * @go: it may end.
 */
struct sharer {
	uid_t uid;
	int fd;
	int num;
	struct turn full;
	struct turn go;
};

static void shares(void *arg)
{
	static int dups[FILE_LIMIT + 1];
	struct sharer *s = arg;
	struct kevent_ioc_info info;
	int q;

	become_user(s->uid);
	q = kev_queue(NULL, 0);
	CHECK_EQ(add_dups(q, s->fd, dups, FILE_LIMIT + 1), ENOSPC);
	info = info_of(q);
	CHECK_EQ(info.queue_watches, s->num);
	turn_give(&s->full);
	turn_take(&s->go);
}

static pid_t share(struct sharer *s, int i, int fd, int num)
{
	pid_t pid;

	s->uid = TEST_USER_ID + i;
	s->fd = fd;
	s->num = num;
	turn_make(&s->full);
	turn_make(&s->go);
	pid = start_child(shares, s);
	/* if it fails, nobody is left to give */
	close(s->full.fds[1]);
	turn_take(&s->full);
	return pid;
}

static void end_share(struct sharer *s, pid_t pid)
{
	turn_give(&s->go);
	wait_child(pid);
}

TEST_TIMEOUT(of_one_file_by_many_users, 180)
{
	struct sharer s[SHARERS];
	pid_t pid[SHARERS];
	int fd, i;

	allow_files(3 * FILE_LIMIT);
	fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
	for (i = 0; i < FILE_LIMIT_ALL / FILE_LIMIT; i++)
		pid[i] = share(&s[i], i, fd, FILE_LIMIT);
	pid[i] = share(&s[i], i, fd, 0);
	/* one who goes makes room */
	end_share(&s[1], pid[1]);
	pid[1] = share(&s[1], i + 1, fd, FILE_LIMIT);
	for (i = 0; i <= FILE_LIMIT_ALL / FILE_LIMIT; i++)
		end_share(&s[i], pid[i]);
}
