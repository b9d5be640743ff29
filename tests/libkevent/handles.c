// SPDX-License-Identifier: GPL-2.0
/* Tests rings whose struct is the library's: made, attached, inherited by fork, freed. */
#include "kev.h"

#include <sys/wait.h>

static struct kevent_ring *new_ring(unsigned int num)
{
	struct kevent_ring *ring = kevent_new(num, KEVENT_WAKE_FIFO, 0);

	CHECK(ring);
	return ring;
}

TEST(new_and_free)
{
	unsigned int fds = count_fds();
	struct kevent_ring *ring = new_ring(16);

	CHECK_EQ(count_fds(), fds + 1);
	CHECK_EQ(device_mappings(), 3);
	CHECK(fcntl(kevent_fd(ring), F_GETFD) & FD_CLOEXEC);
	kev_add_user(kevent_fd(ring), 1);
	kev_fire(kevent_fd(ring), 1, 1);
	kev_expect(ring, 1, 1);
	errno = EXDEV;
	kevent_free(ring);
	CHECK_EQ(errno, EXDEV);
	CHECK_EQ(count_fds(), fds);
	CHECK_EQ(device_mappings(), 0);
	kevent_free(NULL);
}

#define CHECK_NO_RING(ring, error) do {				\
	errno = 0;						\
	CHECK(!(ring));						\
	CHECK_EQ(errno, error);					\
} while (0)

TEST(refused)
{
	unsigned int fds = count_fds();
	int q = kev_queue(NULL, 0);

	CHECK_NO_RING(kevent_new(0, 0, 0), EINVAL);
	CHECK_NO_RING(kevent_new(3, 0, 0), EINVAL);
	CHECK_NO_RING(kevent_new(8, 99, 0), EINVAL);
	CHECK_NO_RING(kevent_new_attached(q), ENXIO);
	CHECK_NO_RING(kevent_new_attached(-1), EBADF);
	CHECK_OK(close(q));
	CHECK_EQ(count_fds(), fds);
	CHECK_EQ(device_mappings(), 0);
}

/* Two views of one queue: each event goes to one of them. */
TEST(attached)
{
	struct kevent_ring *ring = new_ring(8), *other;
	struct ukevent uk;

	other = kevent_new_attached(CHECK_OK(dup(kevent_fd(ring))));
	CHECK(other);
	kev_add_user(kevent_fd(ring), 1);
	kev_fire(kevent_fd(other), 1, 1);
	CHECK_EQ(kevent_ring_take(other, &uk, 1), 1);
	CHECK_EQ(uk.ptr, 1);
	CHECK_EQ(kevent_ring_take(ring, &uk, 1), 0);
	kevent_free(ring);
	kev_fire(kevent_fd(other), 1, 1);
	CHECK_EQ(kevent_ring_take(other, &uk, 1), 1);
	kevent_free(other);
	CHECK_EQ(device_mappings(), 0);
}

/* A child puts memory of its own where its parent has the ring, and then lets go of it. */
static void child_frees(void *arg)
{
	struct kevent_ring *ring = arg;
	size_t page = sysconf(_SC_PAGESIZE);
	volatile char *own = (volatile char *)ring->user;

	CHECK(mmap((void *)ring->user, page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == (void *)own);
	own[0] = 1;
	kevent_free(ring);
	CHECK_EQ(own[0], 1);
	own[0] = 2;
}

TEST(freed_in_a_child)
{
	struct kevent_ring *ring = new_ring(8);

	wait_child(start_child(child_frees, ring));
	kev_add_user(kevent_fd(ring), 1);
	kev_fire(kevent_fd(ring), 1, 1);
	kev_expect(ring, 1, 1);
	kevent_free(ring);
}

/* The child has the queue, makes its own view, and takes what the parent fires. */
static void child_takes(void *arg)
{
	struct kevent_ring *ring = kevent_new_attached(dup(kevent_fd(arg)));
	struct ukevent uk;

	CHECK(ring);
	CHECK_EQ(kevent_ring_take_wait(ring, &uk, 1, 0, NULL), 1);
	CHECK_EQ(uk.ptr, 1);
	kevent_free(ring);
}

TEST(attached_in_a_child)
{
	struct kevent_ring *ring = new_ring(8);
	struct ukevent uk;
	pid_t child;

	kev_add_user(kevent_fd(ring), 1);
	child = start_child(child_takes, ring);
	wait_blocked(child);
	kev_fire(kevent_fd(ring), 1, 1);
	wait_child(child);
	CHECK_EQ(kevent_ring_take(ring, &uk, 1), 0);
	kevent_free(ring);
}
