// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_INODE: watches come and go while things happen. */
#include "inode.h"

struct worker {
	struct test_thread thread;
	int q;
	int number;
	int stop;
	uint32_t done;
};

static bool stopped(struct worker *w)
{
	return __atomic_load_n(&w->stop, __ATOMIC_RELAXED);
}

static void stop_worker(struct worker *w)
{
	__atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
	thread_join(&w->thread);
}

/* Makes names, changes and removes them, all the time. */
static void *make_trouble(void *arg)
{
	struct worker *w = arg;
	char name[32], to[32];
	int fd;

	while (!stopped(w)) {
		snprintf(name, sizeof(name), "t%d-%u", w->number, w->done % 8);
		snprintf(to, sizeof(to), "to%d-%u", w->number, w->done % 8);
		fd = CHECK_OK(open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
		CHECK_EQ(write(fd, "x", 1), 1);
		CHECK_OK(fchmod(fd, 0644));
		CHECK_OK(rename(name, to));
		CHECK_OK(unlink(to));
		close(fd);
		chmod("shared", 0600 + (w->done & 1));
		w->done++;
	}
	return NULL;
}

/* Beside them, watches come and go in every way. */
TEST_TIMEOUT(changes_beside_events, 60)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), i, fd, shared;
	struct worker w[2] = { { .number = 0 }, { .number = 1 } };
	struct ukevent uk, add;
	char buf[4096];

	make_file("shared");
	for (i = 0; i < 2; i++)
		thread_start(&w[i].thread, make_trouble, &w[i]);
	for (i = 0; i < 1500; i++) {
		fd = open_file(".", i & 1 ? O_PATH : O_RDONLY);
		shared = open_file("shared", O_RDONLY);
		add = inode_add(q, fd, i & 2 ? CREATE : ALL,
				i & 4 ? KEVENT_REQ_ONESHOT : 0);
		inode_add(q, shared, ATTRIB, i & 8 ? KEVENT_REQ_CLOSED : 0);
		inode_try(q, KEVENT_CTL_MODIFY, fd, ALL, 0);
		inode_try(q, KEVENT_CTL_MODIFY, fd, REMOVE, 0);
		kevent_get_events(q, 0, 1, NULL, &uk, 0);
		read_raw(q, add.cookie, buf, sizeof(buf), NULL);
		if (i & 16)
			inode_try(q, KEVENT_CTL_REMOVE, fd, 0, 0);
		close(fd);
		close(shared);
		while (kevent_get_events(q, 0, 1, NULL, &uk, 0) > 0)
			;
	}
	for (i = 0; i < 2; i++)
		stop_worker(&w[i]);
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0) > 0)
		;
	CHECK_EQ(watches_of(q), 0);
	close(dir);
}

/* Queues with watches are released while things happen. */
TEST_TIMEOUT(release_beside_events, 60)
{
	int dir = own_directory(), i, shared;
	struct worker w = { .number = 0 };
	struct kevent_ring ring;
	int q;

	make_file("shared");
	shared = open_file("shared", O_RDONLY);
	thread_start(&w.thread, make_trouble, &w);
	for (i = 0; i < 500; i++) {
		q = kev_queue(&ring, 16);
		inode_add(q, dir, ALL, 0);
		inode_add(q, shared, ALL, 0);
		CHECK_GE(kevent_ring_wait(&ring, NULL), 1);
		kev_close(q, &ring);
	}
	stop_worker(&w);
}

/* Unlinking ends marks by itself, while others come and go. */
static void *unlink_all_the_time(void *arg)
{
	struct worker *w = arg;

	while (!stopped(w)) {
		make_file("goes");
		CHECK_OK(link("goes", "other"));
		CHECK_OK(unlink("goes"));
		CHECK_OK(unlink("other"));
		w->done++;
	}
	return NULL;
}

TEST_TIMEOUT(changes_beside_unlink, 60)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), i, fd;
	struct worker w = { .number = 0 };
	struct ukevent uk;

	thread_start(&w.thread, unlink_all_the_time, &w);
	for (i = 0; i < 3000; i++) {
		fd = open("goes", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!inode_try(q, KEVENT_CTL_ADD, fd, DELETE_SELF, 0)) {
			inode_try(q, KEVENT_CTL_MODIFY, fd, ALL, 0);
			kevent_get_events(q, 0, 1, NULL, &uk, 0);
		}
		close(fd);
	}
	stop_worker(&w);
	CHECK_EQ(watches_of(q), 0);
	close(dir);
}

/* Every event of two threads is counted, and told or counted as lost. */
TEST_TIMEOUT(nothing_is_missing, 60)
{
	int dir = own_directory(), q = kev_queue(NULL, 0), i;
	struct worker w[2] = { { .number = 0 }, { .number = 1 } };
	struct ukevent uk = inode_add(q, dir, CREATE, 0);
	uint32_t last = 0, total = 0, told = 0, lost;
	const uint64_t cookie = uk.cookie;
	struct kevent_record_inode *r;
	char buf[1024];
	int n, pos;

	make_file("shared");
	for (i = 0; i < 2; i++)
		thread_start(&w[i].thread, make_trouble, &w[i]);
	for (i = 0; i < 4000; i++) {
		if (i == 2000) {
			stop_worker(&w[0]);
			stop_worker(&w[1]);
		}
		if (kevent_get_events(q, 0, 1, NULL, &uk, 0) == 1)
			total += kevent_delta(&last, uk.ret_data[1]);
		n = CHECK_OK(read_raw(q, cookie, buf, sizeof(buf), &lost));
		told += lost;
		for (pos = 0; pos < n; pos += r->len) {
			r = (void *)(buf + pos);
			told++;
		}
	}
	CHECK_EQ(total, w[0].done + w[1].done + 1);
	CHECK_EQ(told, total);
}
