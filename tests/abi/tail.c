// SPDX-License-Identifier: GPL-2.0
/* read(2) of 4 bytes: gives the tail, does what is to be done, never sleeps. */
#include "../source/kinds.h"

/* The tail; the machine's, and what was read. */
static uint32_t read_tail(int q, const struct kevent_ring *ring)
{
	uint32_t tail = 0x5a5a5a5a;

	CHECK_EQ(read(q, &tail, sizeof(tail)), sizeof(tail));
	CHECK_EQ(tail, kev_tail(ring));
	return tail;
}

static void take_to(const struct kevent_ring *ring, uint32_t index)
{
	kev_claim_to(ring, index);
	kev_free_to(ring, index);
}

TEST(gives_the_tail)
{
	struct kevent_ring ring;
	int q = kev_queue_at(&ring, 8, 0xfffffffe, KEVENT_WAKE_FIFO, 0), i;

	CHECK_EQ(read_tail(q, &ring), 0xfffffffe);
	for (i = 0; i < 4; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
		CHECK_EQ(read_tail(q, &ring), (uint32_t)(i - 1));
	}
	/* it claims and frees nothing */
	CHECK_EQ(kev_seen(&ring), 0xfffffffe);
	CHECK_EQ(kev_head(&ring), 0xfffffffe);
}

/* With an event or without one, blocking or not. */
TEST(never_sleeps)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), i;

	kev_add_user(q, 1);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(read_tail(q, &ring), 0);
		CHECK_OK(fcntl(q, F_SETFL, O_NONBLOCK));
	}
	CHECK_EQ(kev_stat(q, "waits"), 0);
	kev_fire(q, 1, 1);
	CHECK_EQ(read_tail(q, &ring), 1);
	CHECK_OK(fcntl(q, F_SETFL, 0));
	CHECK_EQ(read_tail(q, &ring), 1);
	CHECK_EQ(kev_stat(q, "waits"), 0);
}

/* A signal that is pending does not matter to what does not sleep. */
static void interrupts_itself(int sig)
{
	(void)sig;
}

TEST(signal_is_pending)
{
	struct sigaction sa = { .sa_handler = interrupts_itself };
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8), i;

	CHECK_OK(sigaction(SIGUSR1, &sa, NULL));
	for (i = 0; i < 100; i++) {
		raise(SIGUSR1);
		CHECK_EQ(read_tail(q, &ring), 0);
	}
}

/* ---- What it does ------------------------------------------------------------ */

TEST(lets_in_what_waits)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 2), i;

	for (i = 0; i < 5; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	CHECK_EQ(read_tail(q, &ring), 2);
	CHECK(kev_flags(&ring) & KEVENT_RING_OVERFLOW);
	take_to(&ring, 2);
	CHECK_EQ(kev_tail(&ring), 2);
	CHECK_EQ(read_tail(q, &ring), 4);
	CHECK_EQ(kev_entry(&ring, 2)->ptr, 2);
	CHECK_EQ(kev_entry(&ring, 3)->ptr, 3);
	take_to(&ring, 4);
	CHECK_EQ(read_tail(q, &ring), 5);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_OVERFLOW));
}

/* Level watches, once their entry was claimed. */
TEST_KINDS_BACK(asks_level_watches)
{
	struct thing t;

	if (!ring) {
		CHECK_ERRNO(read(q, &t, 4), ENXIO);
		return;
	}
	thing_make(&t, k);
	thing_raise(&t);
	thing_add(q, &t, KEVENT_REQ_ALWAYS_QUEUE);
	CHECK_EQ(read_tail(q, ring), 1);
	CHECK_EQ(read_tail(q, ring), 1);
	take_to(ring, 1);
	CHECK_EQ(kev_tail(ring), 1);
	CHECK_EQ(read_tail(q, ring), 2);
	CHECK_EQ(kev_entry(ring, 1)->ptr, t.fd);
	thing_lower(&t);
	take_to(ring, 2);
	CHECK_EQ(read_tail(q, ring), 2);
	thing_drop(&t);
}

/* Files that a wake-up can't ask: the kernel says that it must be called. */
TEST(asks_files)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 8);
	struct thing t;

	thing_make(&t, &kinds[KIND_PTY]);
	thing_add(q, &t, KEVENT_REQ_ET);
	thing_raise(&t);
	CHECK_EQ(kev_tail(&ring), 0);
	CHECK(kev_flags(&ring) & KEVENT_RING_NEED_CHECK);
	CHECK_EQ(read_tail(q, &ring), 1);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_NEED_CHECK));
	CHECK_EQ(kev_entry(&ring, 0)->ptr, t.fd);
	thing_drop(&t);
}

/* What was done out of order, when its turn has come. */
TEST(moves_head_on)
{
	struct kevent_ioc_commit commit = {
		.from = 1, .head = 3, .flags = KEVENT_COMMIT_RANGE,
	};
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), i;

	for (i = 0; i < 4; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	kev_claim_to(&ring, 4);
	CHECK_EQ(ioctl(q, KEVENT_IOC_COMMIT, &commit), 0);
	CHECK_EQ(read_tail(q, &ring), 4);
	CHECK_EQ(kev_head(&ring), 0);
	kev_free_to(&ring, 1);
	CHECK(kev_flags(&ring) & KEVENT_RING_HEAD);
	CHECK_EQ(read_tail(q, &ring), 4);
	CHECK_EQ(kev_head(&ring), 3);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_HEAD));
}

TEST(takes_spent_watches_down)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4);

	kev_add(q, KEVENT_UNOTIFY, 1, 1, KEVENT_REQ_ONESHOT);
	kev_fire(q, 1, 1);
	CHECK_EQ(read_tail(q, &ring), 1);
	CHECK_EQ(watches_of(q), 1);
	take_to(&ring, 1);
	CHECK_EQ(read_tail(q, &ring), 1);
	CHECK_EQ(watches_of(q), 0);
}

/* Nobody polls the queue any more: the consumer need not call for that. */
TEST(looks_for_pollers)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct kevent_ring ring;
	int q = kev_queue(&ring, 4), ep = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));

	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, q, &ev));
	read_tail(q, &ring);
	CHECK(kev_flags(&ring) & KEVENT_RING_POLLED);
	close(ep);
	read_tail(q, &ring);
	CHECK(!(kev_flags(&ring) & KEVENT_RING_POLLED));
}

/* ---- Refused ----------------------------------------------------------------- */

TEST(no_ring)
{
	uint32_t tail;
	int q = kevent_open();

	CHECK_ERRNO(read(q, &tail, sizeof(tail)), ENXIO);
	close(q);
	q = kev_queue(NULL, 0);
	kev_add_user(q, 1);
	kev_fire(q, 1, 1);
	CHECK_ERRNO(read(q, &tail, sizeof(tail)), ENXIO);
	kev_expect_get(q, 1, 1);
}

/* The work is done all the same, and nothing is lost. */
TEST(bad_address)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 1), i;

	for (i = 0; i < 2; i++) {
		kev_add_user(q, i);
		kev_fire(q, i, 1);
	}
	kev_expect(&ring, 0, 1);
	kev_free_to(&ring, 1);
	CHECK_ERRNO(syscall(SYS_read, q, 8ul, 4ul), EFAULT);
	CHECK_ERRNO(syscall(SYS_read, q, kev_fault_after(2, PROT_NONE), 4ul),
		    EFAULT);
	CHECK_EQ(kev_tail(&ring), 2);
	kev_expect_get(q, 1, 1);
}
