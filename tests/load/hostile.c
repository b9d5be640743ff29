// SPDX-License-Identifier: GPL-2.0
/* Tests that no value in the user's page makes a call run without end. */
#include "../source/kinds.h"

/**
 * struct wrong - one state of a ring that no honest program makes
 * @posts: how many watches have an event.
 * @level: they are level watches.
 * @seen: what the program claims to have seen,
 * @head: and to have freed.
 */
struct wrong {
	int posts;
	bool level;
	uint32_t seen;
	uint32_t head;
};

enum { SLOTS = 16 };

static void prepare(int q, const struct wrong *w)
{
	uint64_t one = 1;
	int fd, i;

	for (i = 0; i < w->posts; i++) {
		fd = CHECK_OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		kev_add_poll(q, fd, POLLIN, w->level ? 0 : KEVENT_REQ_ET);
		CHECK_EQ(write(fd, &one, 8), 8);
	}
}

/* What these return is their affair, as long as they do. */
static void call_all(void *arg)
{
	struct timespec limit = { .tv_nsec = 1000000 };
	const struct wrong *w = arg;
	struct kevent_ring ring;
	struct pollfd p = { .events = POLLIN };
	struct ukevent uk[4];
	int i;

	p.fd = kev_queue(&ring, SLOTS);
	prepare(p.fd, w);
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&ring.user->seen, w->seen, __ATOMIC_RELEASE);
		__atomic_store_n(&ring.user->head, w->head, __ATOMIC_RELEASE);
		kevent_get_events(p.fd, 1, 4, &limit, uk, 0);
		kevent_get_events(p.fd, 0, 1, NULL, uk, 0);
		kevent_wait(p.fd, 1, 0, &limit, 0);
		kevent_wait(p.fd, SLOTS, w->head, &limit, 0);
		kevent_wait(p.fd, 0, w->seen, NULL, 0);
		kevent_commit(p.fd, w->head, 0);
		poll(&p, 1, 0);
		prepare(p.fd, w);
	}
	kev_close(p.fd, &ring);
}

static void comes_back(const struct wrong *w)
{
	uint64_t end = now_ns() + 5000000000ull * test_scale();
	pid_t pid = start_child(call_all, (void *)w);
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ns() > end)
			FAIL("no end: %d %s events, seen %#x, head %#x",
			     w->posts, w->level ? "level" : "edge", w->seen,
			     w->head);
		usleep(200);
	}
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

static void all_indices(int posts, bool level)
{
	static const uint32_t index[] = {
		0, 1, 2, SLOTS, SLOTS + 1, 1000, 0x80000000, 0xfffffff0,
		0xffffffff,
	};
	enum { N = sizeof(index) / sizeof(index[0]) };
	int i;

	for (i = 0; i < N * N; i++) {
		struct wrong w = {
			.posts = posts,
			.level = level,
			.seen = index[i % N],
			.head = index[i / N],
		};

		comes_back(&w);
	}
}

TEST_TIMEOUT(empty_ring, 60)
{
	all_indices(0, false);
}

TEST_TIMEOUT(one_event, 60)
{
	all_indices(1, false);
	all_indices(1, true);
}

TEST_TIMEOUT(some_events, 60)
{
	all_indices(3, false);
	all_indices(3, true);
}

TEST_TIMEOUT(more_than_fit, 60)
{
	all_indices(SLOTS, false);
	all_indices(SLOTS, true);
}
